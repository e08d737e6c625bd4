package gitlabcitest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// findProject finds the project of a call. It checks in GitLab's order: whether the user can see
// it, where it is now, whether it allows the token of a job, and whether the user may do
// what the route does.
func (c *call) findProject() (*project, *response) {
	id := value[string](c, "id")
	p := c.state.project(id)
	moved := p == nil
	if moved {
		p = c.state.moved[id]
	}
	if p == nil {
		return nil, notFound("Project Not Found")
	}
	c.access = p.accessOf(c.user)
	switch {
	case !c.access.see() && c.job != nil:
		return nil, c.refuseJobToken(p)
	case !c.access.see():
		return nil, notFound("Project Not Found")
	case moved:
		return nil, c.redirectMoved(p)
	}
	if refused := c.checkJobToken(p); refused != nil {
		return nil, refused
	}
	if !c.route.demand.allows(c.access) {
		return nil, forbidden()
	}
	return p, nil
}

// checkJobToken checks the token of another project's job. A token without access has only
// public access, if there is any.
func (c *call) checkJobToken(p *project) *response {
	switch {
	case c.job == nil || c.job.pipeline.project == p:
		return nil
	case !p.acceptsTokensOf(c.job.pipeline.project) && p.settings.Public:
		c.access = p.accessOf(nil)
		return nil
	case !p.acceptsTokensOf(c.job.pipeline.project):
		return c.refuseJobToken(p)
	case !p.allowsPolicy(c.route.demand.policy):
		return refuse(http.StatusForbidden, fmt.Sprintf(
			"403 Forbidden - Insufficient permissions to access this resource in project #%d. "+
				"The following token permission is required: %s.", p.id, c.route.demand.policy))
	}
	return nil
}

func (c *call) refuseJobToken(p *project) *response {
	return refuse(http.StatusForbidden, fmt.Sprintf(
		"403 Forbidden - Authentication by CI/CD job token not allowed from %s to project #%d.",
		c.job.pipeline.project.path, p.id))
}

// redirectMoved responds to a request by a path that a project no longer has. The URL
// in the response has the project's ID, the host of the server's external URL, and the
// whole query.
func (c *call) redirectMoved(p *project) *response {
	if c.request.Method != http.MethodGet && c.request.Method != http.MethodHead {
		return refuse(http.StatusMethodNotAllowed, "Non GET methods are not allowed for moved projects")
	}
	parts := strings.Split(c.request.URL.EscapedPath(), "/")
	parts[4] = strconv.FormatInt(p.id, 10) // after "", "api", "v4" and "projects"
	location := c.external + strings.Join(parts, "/")
	if query := c.request.URL.RawQuery; query != "" {
		location += "?" + query
	}
	return &response{
		status: http.StatusMovedPermanently,
		header: http.Header{"Location": {location}, "Content-Type": {"text/plain"}},
		body:   []byte("This resource has been moved permanently to " + location),
	}
}

// refreshing responds to what has to wait until a project's storage is counted.
func (p *project) refreshing() *response {
	if !p.settings.RefreshingStats {
		return nil
	}
	return refuse(http.StatusConflict,
		"Action temporarily disabled. The project this pipeline belongs to is undergoing stats refresh.")
}

func getProject(c *call, p *project) *response {
	return ok(c.renderer().project(c.state, c.user, false)(p))
}

func (p *project) visibility() string {
	if p.settings.Public {
		return "public"
	}
	return "private"
}

// active is when something last happened in the project.
func (p *project) active() time.Time {
	at := p.created
	for _, one := range p.pipelines {
		at = later(at, one.updated)
	}
	return at
}

// Settings are the settings of a project. The zero value are those of a new project.
type Settings struct {
	Public bool // visible to everybody: pipelines and artifacts also without a token

	// PrivateBuilds means that pipelines and jobs are for Reporters and above.
	// Otherwise all who see the project see them.
	PrivateBuilds bool

	VariablesRole Role // the least that may set variables of pipelines and manual jobs: Developer
	CancelRole    Role // the least that may cancel pipelines and jobs: Developer

	// Inputs are those that the project's configuration declares, by name. With nil, new
	// pipelines accept any inputs. Otherwise an input that is unknown, missing or of
	// another type is refused.
	Inputs map[string]Input

	// CreatedFor is how long a pipeline that a client creates, and its jobs, have the
	// status created. With zero, only the response to the create has it.
	CreatedFor time.Duration

	// StatusesTake is how long GitLab takes to set a commit status. Meanwhile, other
	// statuses of the same commit wait for 10 seconds, and then are refused with 409.
	// Zero is no time.
	StatusesTake time.Duration

	// PipelineSize is how many jobs a pipeline can have when a commit status is added to
	// it. One more status creates another pipeline, or is refused with 422 if the request
	// names the pipeline. Zero is no limit.
	PipelineSize int

	// Archived means that the project can only be read.
	Archived bool

	// Topics are what the project is about.
	Topics []string

	// SharedWith are the groups, by path, in whose lists of projects it is, too.
	SharedWith []string

	// RefreshingStats means that GitLab is counting the project's storage, and
	// refuses with 409 to delete pipelines and artifacts and to erase jobs.
	RefreshingStats bool

	// JobTokensFrom are the other projects, by path or ID, whose job tokens have access to
	// the project. In a Public project, all job tokens can read what is public.
	JobTokensFrom []string

	// JobTokenPolicies are what those tokens may do: "read_pipelines", "admin_pipelines"
	// and "read_jobs". Nil is all of these.
	JobTokenPolicies []string
}

// Configure sets the settings of a project, given by its path or ID, in place of all
// earlier ones. It panics if there is no such project, role or policy.
func (s *Server) Configure(project string, settings Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.mustProject("Configure", project)
	if !settings.VariablesRole.isLimit() || !settings.CancelRole.isLimit() {
		misuse("Configure: VariablesRole and CancelRole are roles or RoleNoOne")
	}
	if settings.CreatedFor < 0 {
		misuse("Configure: pipelines are not created for %v", settings.CreatedFor)
	}
	if settings.StatusesTake < 0 || settings.PipelineSize < 0 {
		misuse("Configure: StatusesTake and PipelineSize are not negative")
	}
	for _, policy := range settings.JobTokenPolicies {
		if !slices.Contains(policyWords(), policy) {
			misuse("Configure: there is no policy %q", policy)
		}
	}
	for name, in := range settings.Inputs {
		in.check("Configure", name)
	}
	settings.Inputs = maps.Clone(settings.Inputs)
	settings.JobTokenPolicies = slices.Clone(settings.JobTokenPolicies)
	settings.Topics, settings.SharedWith = slices.Clone(settings.Topics), slices.Clone(settings.SharedWith)
	for _, group := range settings.SharedWith {
		if !slices.Contains(s.state.groups, group) {
			misuse("Configure: there is no group %q; it begins with a project in it", group)
		}
	}
	owner.jobTokensFrom = s.mustProjects("Configure", settings.JobTokensFrom)
	owner.settings = settings
}

func (s *Server) mustProjects(method string, ids []string) (found []*project) {
	for _, id := range ids {
		found = append(found, s.mustProject(method, id))
	}
	return found
}

// MoveProject gives a project, given by its path or ID, another path. GitLab
// responds to reads of the old one with a redirect to the project's ID, and to writes
// with 405, until another project takes that path. It panics if there is no
// such project, and if the new path is taken or is not one.
func (s *Server) MoveProject(project, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.mustProject("MoveProject", project)
	s.mustBeNewPath("MoveProject", path)
	s.state.moved[owner.path] = owner
	owner.path = path
	s.state.addGroups(path)
}

// mustBeNewPath is about a path for a project.
func (s *Server) mustBeNewPath(method, path string) {
	parts := strings.Split(path, "/")
	if len(parts) < 2 || slices.Contains(parts, "") {
		misuse("%s: %q is not a path such as %q", method, path, defaultProject)
	}
	if s.state.project(path) != nil {
		misuse("%s: the project %q exists already", method, path)
	}
}
