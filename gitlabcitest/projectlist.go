package gitlabcitest

import (
	"net/http"
	"strconv"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

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
		q.role = max(q.role, Guest)
	}
	if value[bool](c, "owned") {
		q.role = Owner
	}
	part, header := numberedPage(c, c.state.findProjects(c.user, q))
	render := c.renderer().project(c.state, c.user, value[bool](c, "simple"))
	return &answer{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

func getProject(c *call, p *project) *answer {
	return ok(c.renderer().project(c.state, c.user, false)(p))
}
