package gitlabcitest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// An Environment is an environment to add. Zero fields have the value that the comment says.
type Environment struct {
	ID          gitlabci.EnvironmentID    // the next one
	Name        string                    // required
	State       gitlabci.EnvironmentState // available
	Tier        string                    // what GitLab derives from the name, such as "production" from "prod"
	ExternalURL string                    // none
	AutoStopAt  time.Time                 // never
	CreatedAt   time.Time                 // now
}

// AddEnvironment adds an environment to a project, given by its path or ID, and returns what
// was added: e with its defaults. An environment of a job need not be added. It panics if
// there is one of that name or ID, or no such state.
func (s *Server) AddEnvironment(project string, e Environment) *Environment {
	at := s.lock()
	defer s.mu.Unlock()
	const method = "AddEnvironment"
	owner := s.mustProject(method, project)
	e.State = cmp.Or(e.State, gitlabci.EnvironmentStateAvailable)
	states := []gitlabci.EnvironmentState{gitlabci.EnvironmentStateAvailable, gitlabci.EnvironmentStateStopping, gitlabci.EnvironmentStateStopped}
	switch {
	case e.Name == "":
		misuse("%s: the environment has no Name", method)
	case owner.environment(e.Name) != nil:
		misuse("%s: the environment %q exists already", method, e.Name)
	case e.ID < 0 || e.ID > 0 && s.state.environment(int64(e.ID)) != nil:
		misuse("%s: the ID %d is negative or exists already", method, e.ID)
	case !slices.Contains(states, e.State):
		misuse("%s: an environment is never %q", method, e.State)
	}
	e.CreatedAt = orElse(e.CreatedAt, at)
	added := s.state.addEnvironment(owner, e)
	e.ID, e.Tier = gitlabci.EnvironmentID(added.id), added.tier
	return &e
}

// A Deployment is a deployment to add, as other systems than GitLab CI make them. Zero fields
// have the value that the comment says. Those of jobs need not be added: see the Environment
// of a [Job].
type Deployment struct {
	ID          gitlabci.DeploymentID     // the next one
	Environment string                    // its name; one that does not exist is added; required
	Ref         string                    // the default branch
	SHA         string                    // of the head of Ref, or made up
	Status      gitlabci.DeploymentStatus // success
	Username    string                    // "maya"
	CreatedAt   time.Time                 // now
	UpdatedAt   time.Time                 // CreatedAt
	FinishedAt  time.Time                 // UpdatedAt, if it has ended
}

// AddDeployment adds a deployment to a project, given by its path or ID, and returns what was
// added: d with its defaults. It panics if there is one of that ID, or no such status.
func (s *Server) AddDeployment(project string, d Deployment) *Deployment {
	at := s.lock()
	defer s.mu.Unlock()
	const method = "AddDeployment"
	owner := s.mustProject(method, project)
	d.Ref = cmp.Or(d.Ref, owner.branch)
	d.SHA = cmp.Or(d.SHA, owner.head(d.Ref), deriveSHA(d.Ref, 0))
	d.Status = cmp.Or(d.Status, gitlabci.DeploymentStatusSuccess)
	d.Username = cmp.Or(d.Username, defaultUsername)
	d.CreatedAt = orElse(d.CreatedAt, at)
	d.UpdatedAt = orElse(d.UpdatedAt, d.CreatedAt)
	if ended(gitlabci.Status(d.Status)) {
		d.FinishedAt = orElse(d.FinishedAt, d.UpdatedAt)
	}
	switch {
	case d.Environment == "":
		misuse("%s: the deployment has no Environment", method)
	case d.ID < 0 || d.ID > 0 && int64(d.ID) <= s.state.lastDeployment:
		misuse("%s: the ID %d is not above all others", method, d.ID)
	case !slices.Contains(deploymentStatuses(), string(d.Status)):
		misuse("%s: a deployment is never %q", method, d.Status)
	}
	s.state.lastDeployment = cmp.Or(int64(d.ID), s.state.lastDeployment+1)
	d.ID = gitlabci.DeploymentID(s.state.lastDeployment)
	owner.deployments = append(owner.deployments, &deployment{
		id: int64(d.ID), environment: s.state.ensureEnvironment(owner, d.Environment, d.CreatedAt), ref: d.Ref, sha: d.SHA, status: string(d.Status),
		user: s.state.ensureUser(d.Username), created: d.CreatedAt, updated: d.UpdatedAt, finished: d.FinishedAt,
	})
	return &d
}

func deploymentStatuses() []string {
	return []string{"created", "running", "success", "failed", "canceled", "skipped", "blocked"}
}

type environment struct {
	id                        int64
	name, state, tier, url    string
	created, updated, autoEnd time.Time
}

type deployment struct {
	id, iid                    int64
	environment                *environment
	ref, sha, status           string
	user                       *user
	job                        *job // nil if another system made it
	created, updated, finished time.Time
}

// environment is the one of a name that is known so far, or nil.
func (p *project) environment(name string) *environment {
	for _, e := range p.environments {
		if e.name == name {
			return e
		}
	}
	return nil
}

// environment is the one of an ID in any project, or nil.
func (s *state) environment(id int64) *environment {
	for _, p := range s.projects {
		for _, e := range p.environments {
			if e.id == id {
				return e
			}
		}
	}
	return nil
}

func (s *state) addEnvironment(p *project, e Environment) *environment {
	id := cmp.Or(int64(e.ID), s.lastEnvironment+1)
	s.lastEnvironment = max(s.lastEnvironment, id)
	added := &environment{
		id: id, name: e.Name, state: string(e.State), tier: cmp.Or(e.Tier, tierOf(e.Name)), url: e.ExternalURL,
		created: e.CreatedAt, updated: e.CreatedAt, autoEnd: e.AutoStopAt,
	}
	p.environments = append(p.environments, added)
	return added
}

func (s *state) ensureEnvironment(p *project, name string, at time.Time) *environment {
	if found := p.environment(name); found != nil {
		return found
	}
	return s.addEnvironment(p, Environment{Name: name, State: gitlabci.EnvironmentStateAvailable, CreatedAt: at})
}

// allDeployments are those that were added and those of jobs, by ID.
func (s *state) allDeployments(p *project) []*deployment {
	found := slices.Clone(p.deployments)
	for _, j := range p.jobs {
		if j.environment == "" {
			continue
		}
		if j.deployment == 0 {
			s.lastDeployment++
			j.deployment = s.lastDeployment
		}
		found = append(found, &deployment{
			id: j.deployment, environment: s.ensureEnvironment(p, j.environment, j.created), ref: j.pipeline.ref, sha: j.pipeline.sha,
			status: deploymentStatus(j.status), user: j.user, job: j,
			created: j.created, updated: later(later(j.created, j.started), j.finished), finished: j.finished,
		})
	}
	slices.SortFunc(found, func(a, b *deployment) int { return cmp.Compare(a.id, b.id) })
	for i, d := range found {
		d.iid = int64(i + 1)
	}
	return found
}

// deploymentStatus is the status of a deployment by the status of its job.
func deploymentStatus(s gitlabci.Status) string {
	if slices.Contains(deploymentStatuses(), string(s)) {
		return string(s)
	}
	return "created"
}

func listEnvironmentParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "name", Parse: rack.Text, Known: versions.Since(11, 11)}, // an estimate
		rack.Param{Name: "search", Parse: rack.Text, Known: versions.Since(11, 11)},
		rack.Param{Name: "states", Parse: rack.OneOf("available", "stopping", "stopped"), Known: versions.Since(13, 2)},
	)
}

// shortestSearch is how long a search for environments must be.
const shortestSearch = 3

func listEnvironments(c *call, p *project) *response {
	c.state.allDeployments(p) // which imply environments
	name, search, state := value[string](c, "name"), value[string](c, "search"), value[string](c, "states")
	switch {
	case name != "" && search != "":
		return invalid("name, search cannot be used together")
	case search != "" && len(search) < shortestSearch:
		return badRequest("Search query is less than 3 characters")
	}
	found := []*environment{}
	for _, e := range p.environments {
		if (name == "" || name == e.name) && (state == "" || state == e.state) && strings.Contains(strings.ToLower(e.name), strings.ToLower(search)) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *environment) int { return cmp.Compare(a.id, b.id) })
	part, header := numberedPage(c, found)
	basic := c.renderer().projectBasic(p, c.state.groupsOf(p))
	render := func(e *environment) shape.Environment { return c.renderer().environment(e, basic) }
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

func getEnvironment(c *call, p *project) *response {
	deployments := c.state.allDeployments(p)
	for _, e := range p.environments {
		if e.id == value[int64](c, "environment_id") {
			return ok(c.renderer().environmentWhole(e, deployments))
		}
	}
	return notFound("Not found")
}

func listDeploymentParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "order_by", Parse: rack.OneOf("id", "iid", "created_at", "updated_at", "finished_at", "ref"), Initial: "id"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "asc"},
		rack.Param{Name: "updated_after", Parse: rack.Moment, Known: versions.Since(12, 3)}, // estimates
		rack.Param{Name: "updated_before", Parse: rack.Moment, Known: versions.Since(12, 3)},
		rack.Param{Name: "finished_after", Parse: rack.Moment, Known: versions.Since(14, 0)},
		rack.Param{Name: "finished_before", Parse: rack.Moment, Known: versions.Since(14, 0)},
		rack.Param{Name: "environment", Parse: rack.Text, Known: versions.Since(12, 6)},
		rack.Param{Name: "status", Parse: rack.OneOf(deploymentStatuses()...), Known: versions.Since(12, 6)},
	)
}

func listDeployments(c *call, p *project) *response {
	updated := span{value[time.Time](c, "updated_after"), value[time.Time](c, "updated_before")}
	finished := span{value[time.Time](c, "finished_after"), value[time.Time](c, "finished_before")}
	by, status := value[string](c, "order_by"), value[string](c, "status")
	switch {
	case updated != (span{}) && finished != (span{}):
		return badRequest("Both `updated_at` filter and `finished_at` filter can not be specified")
	case updated != (span{}) && by != "updated_at":
		return badRequest("`updated_at` filter and `updated_at` sorting must be paired")
	case (finished != (span{})) != (by == "finished_at"):
		return badRequest("`finished_at` filter and `finished_at` sorting must be paired")
	case finished != (span{}) && status != "success":
		return badRequest("`finished_at` filter must be combined with `success` status filter.")
	}
	environment := value[string](c, "environment")
	found := slices.DeleteFunc(c.state.allDeployments(p), func(d *deployment) bool {
		return environment != "" && environment != d.environment.name || status != "" && status != d.status ||
			!updated.includes(d.updated) || !finished.includes(d.finished)
	})
	slices.SortStableFunc(found, func(a, b *deployment) int { return a.compare(b, by) })
	if value[string](c, "sort") == "desc" {
		slices.Reverse(found)
	}
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().deployment)}
}

// compare is about what lists are ordered by; what is equal stays in the order of IDs.
func (d *deployment) compare(other *deployment, by string) int {
	switch by {
	case "updated_at":
		return d.updated.Compare(other.updated)
	case "finished_at":
		return d.finished.Compare(other.finished)
	case "ref":
		return strings.Compare(d.ref, other.ref)
	}
	return 0
}

func getDeployment(c *call, p *project) *response {
	for _, d := range c.state.allDeployments(p) {
		if d.id == value[int64](c, "deployment_id") {
			return ok(c.renderer().deployment(d))
		}
	}
	return notFound("Not found")
}
