package gitlabcitest

import (
	"cmp"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// projectParams are those that both lists of projects have. Some releases are estimates.
func projectParams() []rack.Param {
	orders := []string{"id", "name", "path", "created_at", "updated_at", "last_activity_at", "similarity", "star_count"}
	return append(pageParams(),
		rack.Param{Name: "order_by", Parse: rack.OneOf(orders...), Initial: "created_at"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "search", Parse: rack.Text},
		rack.Param{Name: "visibility", Parse: rack.OneOf("public", "internal", "private")},
		rack.Param{Name: "min_access_level", Parse: rack.OneOf("5", "10", "15", "20", "30", "40", "50")},
		rack.Param{Name: "owned", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "simple", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "archived", Parse: rack.Boolean},
		rack.Param{Name: "topic", Parse: rack.Text, Known: versions.Since(13, 7)},
	)
}

func listProjectParams() []rack.Param {
	return append(projectParams(),
		rack.Param{Name: "membership", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "last_activity_after", Parse: rack.Moment, Known: versions.Since(12, 10)},
		rack.Param{Name: "id_after", Parse: rack.Integer, Known: versions.Since(12, 7)},
		rack.Param{Name: "id_before", Parse: rack.Integer, Known: versions.Since(12, 7)},
		rack.Param{Name: "pagination", Parse: rack.Text, Known: versions.Since(12, 7)},
	)
}

func listGroupProjectParams() []rack.Param {
	return append(projectParams(),
		rack.Param{Name: "include_subgroups", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "with_shared", Parse: rack.Boolean, Initial: "true"},
	)
}

// projectQuery reads the parameters of a list of projects.
func (c *call) projectQuery() projectQuery {
	q := projectQuery{
		search:      value[string](c, "search"),
		visibility:  value[string](c, "visibility"),
		archived:    optional[bool](c, "archived"),
		activeAfter: value[time.Time](c, "last_activity_after"),
		idAfter:     value[int64](c, "id_after"),
		idBefore:    value[int64](c, "id_before"),
		orderBy:     value[string](c, "order_by"),
		ascending:   value[string](c, "sort") == "asc",
	}
	if topics := value[string](c, "topic"); topics != "" {
		q.topics = strings.Split(topics, ",")
	}
	least, _ := strconv.Atoi(value[string](c, "min_access_level")) // digits, or none
	q.role = Role(least)
	if value[bool](c, "membership") {
		q.role = max(q.role, RoleGuest)
	}
	if value[bool](c, "owned") {
		q.role = RoleOwner
	}
	return q
}

func listProjects(c *call) *response {
	q := c.projectQuery()
	found := c.state.findProjects(c.user, q)
	var header http.Header
	switch {
	case value[string](c, "pagination") != "keyset":
		found, header = numberedPage(c, found)
	case q.orderBy != "id":
		return noKeyset()
	default:
		found, header = idPage(c, found, q.ascending)
	}
	render := c.renderer().project(c.state, c.user, value[bool](c, "simple"))
	return &response{status: http.StatusOK, header: header, body: shape.Each(found, render)}
}

// idPage is a page of a list by ID, which links to the IDs after it. GitLab does not look
// whether there are any: an empty page is the end.
func idPage(c *call, found []*project, ascending bool) ([]*project, http.Header) {
	part := found[:min(int64(len(found)), value[int64](c, "per_page"), largestPage)]
	header := http.Header{}
	if len(part) > 0 {
		name := "id_before"
		if ascending {
			name = "id_after"
		}
		header.Set("Link", c.link("next", rack.Tree{name: part[len(part)-1].id}))
	}
	return part, header
}

// listGroupProjects lists the projects of a group, given by its path.
func listGroupProjects(c *call, group string) *response {
	q := c.projectQuery()
	q.group, q.below, q.shared = group, value[bool](c, "include_subgroups"), value[bool](c, "with_shared")
	part, header := numberedPage(c, c.state.findProjects(c.user, q))
	render := c.renderer().project(c.state, c.user, value[bool](c, "simple"))
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

// A projectQuery narrows and orders the list of projects. Fields that are zero
// do not narrow it.
type projectQuery struct {
	search, visibility string
	role               Role // the least that the user has
	archived           *bool
	topics             []string
	activeAfter        time.Time
	idAfter, idBefore  int64

	group  string
	below  bool // whether the projects of groups below it belong to it
	shared bool // whether the projects that are shared with it do

	orderBy   string
	ascending bool
}

// findProjects lists the projects that u, or everybody, sees.
func (s *state) findProjects(u *user, q projectQuery) []*project {
	var found []*project
	for _, p := range s.projects {
		if p.accessOf(u).see() && q.includes(p, u) && q.isAbout(p) && q.inGroup(p) {
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
	case q.archived != nil && *q.archived != p.settings.Archived:
		return false
	case q.idAfter > 0 && p.id <= q.idAfter || q.idBefore > 0 && p.id >= q.idBefore:
		return false
	}
	return q.activeAfter.IsZero() || p.active().After(q.activeAfter)
}

// isAbout is about the words that a project has.
func (q projectQuery) isAbout(p *project) bool {
	for _, topic := range q.topics {
		if !slices.ContainsFunc(p.settings.Topics, func(one string) bool { return strings.EqualFold(one, strings.TrimSpace(topic)) }) {
			return false
		}
	}
	return strings.Contains(strings.ToLower(path.Base(p.path)), strings.ToLower(q.search))
}

func (q projectQuery) inGroup(p *project) bool {
	switch {
	case q.group == "", q.shared && slices.Contains(p.settings.SharedWith, q.group):
		return true
	case q.below:
		return strings.HasPrefix(p.path, q.group+"/")
	}
	return path.Dir(p.path) == q.group
}

func (q projectQuery) compare(a, b *project) int {
	switch q.orderBy {
	case "name", "path":
		return cmp.Or(strings.Compare(path.Base(a.path), path.Base(b.path)), cmp.Compare(a.id, b.id))
	case "updated_at", "last_activity_at":
		return cmp.Or(a.active().Compare(b.active()), cmp.Compare(a.id, b.id))
	case "created_at":
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id))
	}
	return cmp.Compare(a.id, b.id)
}
