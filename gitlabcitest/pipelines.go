package gitlabcitest

import (
	"net/http"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

func listPipelineParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "scope", Parse: rack.OneOf("running", "pending", "finished", "branches", "tags")},
		rack.Param{Name: "status", ParseIn: func(v versions.Version) rack.Parser { return rack.OneOf(v.Statuses()...) }},
		rack.Param{Name: "ref", Parse: rack.Text},
		rack.Param{Name: "sha", Parse: rack.Text},
		rack.Param{Name: "yaml_errors", Parse: rack.Boolean},
		rack.Param{Name: "username", Parse: rack.Text},
		rack.Param{Name: "updated_before", Parse: rack.Moment},
		rack.Param{Name: "updated_after", Parse: rack.Moment},
		rack.Param{Name: "created_before", Parse: rack.Moment, Known: versions.Since(17, 0)}, // an estimate
		rack.Param{Name: "created_after", Parse: rack.Moment, Known: versions.Since(17, 0)},
		rack.Param{Name: "order_by", Parse: rack.OneOf("id", "status", "ref", "updated_at", "user_id"), Initial: "id"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "source", Parse: rack.OneOf(sourceWords()...), Known: versions.Since(14, 3)}, // an estimate
		rack.Param{Name: "name", Parse: rack.Text},                                                    // see listPipelines
	)
}

func listPipelines(c *call, owner *project) *response {
	query := pipelineQuery{
		scope:      value[string](c, "scope"),
		status:     value[string](c, "status"),
		ref:        value[string](c, "ref"),
		sha:        value[string](c, "sha"),
		source:     value[string](c, "source"),
		name:       value[string](c, "name"),
		username:   value[string](c, "username"),
		yamlErrors: optional[bool](c, "yaml_errors"),
		created:    span{value[time.Time](c, "created_after"), value[time.Time](c, "created_before")},
		updated:    span{value[time.Time](c, "updated_after"), value[time.Time](c, "updated_before")},
		orderBy:    value[string](c, "order_by"),
		ascending:  value[string](c, "sort") == "asc",
		children:   !c.before(17, 0),
	}
	if c.before(15, 11) { // when pipelines had no names
		query.name, query.userName = "", query.name
	}
	part, header := countedPage(c, owner.find(query))
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().listed)}
}

func createPipelineParams() []rack.Param {
	return []rack.Param{
		{Name: "ref", Parse: rack.Text, Required: true},
		{Name: "variables", Parse: rack.Variables, Known: versions.Since(19, 5)},
		{Name: "variables", Parse: rack.LenientVariables, Known: versions.Until(19, 5)},
		{Name: "inputs", Parse: rack.Object, Known: versions.Since(17, 10)},
	}
}

func createPipeline(c *call, owner *project) *response {
	p := &pipeline{
		project:   owner,
		user:      c.user,
		ref:       value[string](c, "ref"),
		variables: value[[]gitlabci.Variable](c, "variables"),
		created:   c.now,
		updated:   c.now,
	}
	if wrong := c.access.objection(p); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	if wrong := c.wrongInputs(owner); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	if wrong := c.state.create(p); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	return created(c.renderer().whole(p))
}

// wrongInputs is what is wrong with the inputs of a new pipeline. An older
// release knows of none.
func (c *call) wrongInputs(owner *project) fieldErrors {
	declared := owner.settings.Inputs
	if c.before(17, 10) {
		return nil
	}
	if complaints := complain(declared, c.pipelineInputs(declared)); complaints != nil {
		return fieldErrors{"base": complaints}
	}
	return nil
}

func latestPipeline(c *call, owner *project) *response {
	name := value[string](c, "ref")
	if name == "" {
		name = owner.branch
	}
	p := owner.latest(name)
	if p == nil {
		return forbidden() // GitLab asks whether nothing may be read
	}
	return ok(c.renderer().named(p))
}

func getPipeline(c *call, p *pipeline) *response { return ok(c.renderer().named(p)) }

func deletePipeline(c *call, p *pipeline) *response {
	if wait := p.project.refreshing(); wait != nil {
		return wait
	}
	if refused := c.refuseChanged(p.updated); refused != nil {
		return refused
	}
	c.state.discard(p, c.now)
	return noContent()
}

func renamePipeline(c *call, p *pipeline) *response {
	if complaint := p.rename(value[string](c, "name")); complaint != "" {
		return refuse(http.StatusBadRequest, "Failed to update pipeline - "+complaint)
	}
	return ok(c.renderer().named(p))
}

func retryPipeline(c *call, p *pipeline) *response {
	c.state.retry(p, c.user, c.now)
	return created(c.renderer().whole(p))
}

func cancelPipeline(c *call, p *pipeline) *response {
	c.state.cancel(p, c.now)
	return ok(c.renderer().whole(p))
}

func listVariables(c *call, p *pipeline) *response {
	return ok(shape.Each(p.variables, renderVariable))
}

// testReport is of the suites that the caller may read, and counts no others.
func testReport(c *call, p *pipeline) *response {
	unreadable := func(s *suite) bool { return !c.access.readSuite(s) }
	return ok(c.renderer().testReport(slices.DeleteFunc(p.testSuites(c.now), unreadable)))
}

func testReportSummary(c *call, p *pipeline) *response {
	return ok(renderTestSummary(p.testSuites(c.now)))
}

func minePipelineParams() []rack.Param {
	return []rack.Param{
		{Name: "source", Parse: rack.OneOf(sourceWords()...)},
		{Name: "created_before", Parse: rack.Moment},
		{Name: "created_after", Parse: rack.Moment},
		{Name: "order_by", Parse: rack.OneOf("created_at"), Initial: "created_at"},
		{Name: "sort", Parse: rack.OneOf("desc"), Initial: "desc"},
		{Name: "cursor", Parse: rack.Text},
		{Name: "per_page", Parse: rack.Within(1, largestPage), Initial: "20"},
	}
}

// listMine removes the pipelines that the user may no longer read from a page after it was
// cut. So a page can be short or empty without being the last one.
func listMine(c *call) *response {
	found := c.state.findMine(c.user, pipelineQuery{
		source:   value[string](c, "source"),
		created:  span{value[time.Time](c, "created_after"), value[time.Time](c, "created_before")},
		children: true,
	})
	part, header, refused := cursorPage(c, found)
	if refused != nil {
		return refused
	}
	part = slices.DeleteFunc(part, func(p *pipeline) bool { return !p.project.accessOf(c.user).read() })
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().mine(c.state, c.user))}
}

func listJobParams() []rack.Param {
	return append([]rack.Param{{Name: "include_retried", Parse: rack.Boolean, Initial: "false"}}, listTriggerJobParams()...)
}

func listTriggerJobParams() []rack.Param {
	return append([]rack.Param{{Name: "scope", ParseIn: func(v versions.Version) rack.Parser { return rack.ListOf(v.Statuses()...) }}}, pageParams()...)
}

func listJobs(c *call, p *pipeline) *response {
	found := p.findJobs(false, value[bool](c, "include_retried"), value[[]string](c, "scope"))
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().job)}
}

func listTriggerJobs(c *call, p *pipeline) *response {
	found := p.findJobs(true, false, value[[]string](c, "scope"))
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().triggerJob(c.state))}
}
