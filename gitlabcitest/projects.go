package gitlabcitest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// enter finds the project of a call in GitLab's order: whether there is one,
// as far as they who ask can tell, where it is now, whether it lets a job's
// token in, and whether they may do there what the route does.
func (c *call) enter() (*project, *answer) {
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
		return nil, c.foreign(p)
	case !c.access.see():
		return nil, notFound("Project Not Found")
	case moved:
		return nil, c.elsewhere(p)
	}
	if refused := c.admitJob(p); refused != nil {
		return nil, refused
	}
	if !c.route.demand.allows(c.access) {
		return nil, forbidden()
	}
	return p, nil
}

// admitJob checks the token of another project's job. One that is not let in
// has the access of everybody, where there is any.
func (c *call) admitJob(p *project) *answer {
	switch {
	case c.job == nil || c.job.pipeline.project == p:
		return nil
	case !p.letsIn(c.job.pipeline.project) && p.settings.Public:
		c.access = p.accessOf(nil)
		return nil
	case !p.letsIn(c.job.pipeline.project):
		return c.foreign(p)
	case !p.grants(c.route.demand.policy):
		return refuse(http.StatusForbidden, fmt.Sprintf(
			"403 Forbidden - Insufficient permissions to access this resource in project #%d. "+
				"The following token permission is required: %s.", p.id, c.route.demand.policy))
	}
	return nil
}

func (c *call) foreign(p *project) *answer {
	return refuse(http.StatusForbidden, fmt.Sprintf(
		"403 Forbidden - Authentication by CI/CD job token not allowed from %s to project #%d.",
		c.job.pipeline.project.path, p.id))
}

// elsewhere answers a request by a path that a project no longer has. The URL
// it tells is by the project's ID, at the host that the server takes for its
// own, and has the whole query again.
func (c *call) elsewhere(p *project) *answer {
	if c.request.Method != http.MethodGet && c.request.Method != http.MethodHead {
		return refuse(http.StatusMethodNotAllowed, "Non GET methods are not allowed for moved projects")
	}
	parts := strings.Split(c.request.URL.EscapedPath(), "/")
	parts[4] = strconv.FormatInt(p.id, 10) // after "", "api", "v4" and "projects"
	location := c.external + strings.Join(parts, "/")
	if query := c.request.URL.RawQuery; query != "" {
		location += "?" + query
	}
	return &answer{
		status: http.StatusMovedPermanently,
		header: http.Header{"Location": {location}, "Content-Type": {"text/plain"}},
		body:   []byte("This resource has been moved permanently to " + location),
	}
}

// refreshing answers what has to wait until a project's storage is counted.
func (p *project) refreshing() *answer {
	if !p.settings.RefreshingStats {
		return nil
	}
	return refuse(http.StatusConflict,
		"Action temporarily disabled. The project this pipeline belongs to is undergoing stats refresh.")
}

func listProjectParams() []rack.Param {
	orders := []string{"id", "name", "path", "created_at", "updated_at", "last_activity_at", "similarity", "star_count"}
	return append(pageParams(),
		rack.Param{Name: "order_by", Parse: rack.OneOf(orders...), Initial: "created_at"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "search", Parse: rack.Text},
		rack.Param{Name: "visibility", Parse: rack.OneOf("public", "internal", "private")},
		rack.Param{Name: "min_access_level", Parse: rack.OneOf("5", "10", "15", "20", "30", "40", "50")},
		rack.Param{Name: "membership", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "owned", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "simple", Parse: rack.Boolean, Initial: "false"},
	)
}

func listProjects(c *call) *answer {
	q := projectQuery{
		search:     value[string](c, "search"),
		visibility: value[string](c, "visibility"),
		orderBy:    value[string](c, "order_by"),
		ascending:  value[string](c, "sort") == "asc",
	}
	least, _ := strconv.Atoi(value[string](c, "min_access_level")) // digits, or none
	q.role = Role(least)
	if value[bool](c, "membership") {
		q.role = max(q.role, RoleGuest)
	}
	if value[bool](c, "owned") {
		q.role = RoleOwner
	}
	part, header := numberedPage(c, c.state.findProjects(c.user, q))
	render := c.renderer().project(c.state, c.user, value[bool](c, "simple"))
	return &answer{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

func getProject(c *call, p *project) *answer {
	return ok(c.renderer().project(c.state, c.user, false)(p))
}

// A projectQuery narrows and orders the list of projects. Fields that are zero
// do not narrow it.
type projectQuery struct {
	search, visibility string
	role               Role // the least that the user has

	orderBy   string
	ascending bool
}

// findProjects lists the projects that u, or everybody, sees.
func (s *state) findProjects(u *user, q projectQuery) []*project {
	var found []*project
	for _, p := range s.projects {
		if p.accessOf(u).see() && q.includes(p, u) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b *project) int { return q.compare(a, b) })
	if !q.ascending {
		slices.Reverse(found)
	}
	return found
}

func (q projectQuery) includes(p *project, u *user) bool {
	switch {
	case q.role > 0 && (u == nil || p.roleOf(u) < q.role):
		return false
	case q.visibility != "" && q.visibility != p.visibility():
		return false
	}
	return strings.Contains(strings.ToLower(path.Base(p.path)), strings.ToLower(q.search))
}

func (q projectQuery) compare(a, b *project) int {
	switch q.orderBy {
	case "name", "path":
		return cmp.Or(strings.Compare(path.Base(a.path), path.Base(b.path)), cmp.Compare(a.id, b.id))
	case "updated_at", "last_activity_at":
		return cmp.Or(a.active().Compare(b.active()), cmp.Compare(a.id, b.id))
	}
	return cmp.Compare(a.id, b.id)
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

// Settings are how a project is set up. The zero value is how
// [Server.AddProject] leaves it.
type Settings struct {
	Public bool // visible to everybody: pipelines and artifacts also without a token

	// PrivateBuilds means that pipelines and jobs are for Reporters and above.
	// Otherwise all who see the project see them.
	PrivateBuilds bool

	VariablesRole Role // the least that may set variables of pipelines and manual jobs: Developer
	CancelRole    Role // the least that may cancel pipelines and jobs: Developer

	// Inputs are what the project's configuration declares, by name. Nil means
	// that the inputs of a new pipeline are taken whatever they are; otherwise
	// one that is unknown, missing or of another type is refused.
	Inputs map[string]Input

	// CreatedFor is how long a pipeline that a client creates is created, and its
	// jobs with it, before they take their turn. With zero only the response to
	// the create shows it.
	CreatedFor time.Duration

	// StatusesTake is how long GitLab takes to set a commit status. Meanwhile, other
	// statuses of the same commit wait for 10 seconds, and then are refused with 409.
	// Zero is no time at all.
	StatusesTake time.Duration

	// PipelineSize is how many jobs a pipeline can have when a commit status is added to
	// it. A status beyond that makes another pipeline, or is refused with 422 if the
	// request names the pipeline. Zero is any number.
	PipelineSize int

	// RefreshingStats means that GitLab is counting the project's storage, and
	// answers 409 to deleting pipelines and artifacts and to erasing jobs.
	RefreshingStats bool

	// JobTokensFrom are the other projects, by path or ID, whose jobs' tokens
	// the project lets in. In a Public project those of others read what
	// everybody may read.
	JobTokensFrom []string

	// JobTokenPolicies are what those tokens are good for, of "read_pipelines",
	// "admin_pipelines" and "read_jobs". Nil is all of it.
	JobTokenPolicies []string
}

// Configure sets how a project, given by its path or ID, is set up from now
// on, in place of all that was set before. It panics if there is no such
// project, role or policy.
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
// answers reads by the old one with a redirect to the project's ID and writes
// with 405, until another project takes that path. It panics if there is no
// such project, and if the new path is taken or is not one.
func (s *Server) MoveProject(project, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.mustProject("MoveProject", project)
	s.mustBeFree("MoveProject", path)
	s.state.moved[owner.path] = owner
	owner.path = path
	s.state.addGroups(path)
}

// mustBeFree is about a path for a project.
func (s *Server) mustBeFree(method, path string) {
	parts := strings.Split(path, "/")
	if len(parts) < 2 || slices.Contains(parts, "") {
		misuse("%s: %q is not a path such as %q", method, path, defaultProject)
	}
	if s.state.project(path) != nil {
		misuse("%s: the project %q exists already", method, path)
	}
}
