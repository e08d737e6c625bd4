package gitlabcitest

import (
	"net/http"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

func listPipelineParams() []param {
	return append(pageParams(),
		param{name: "scope", parse: oneOf("running", "pending", "finished", "branches", "tags")},
		param{name: "status", parseIn: func(v versions.Version) parser { return oneOf(v.Statuses()...) }},
		param{name: "ref", parse: text},
		param{name: "sha", parse: text},
		param{name: "yaml_errors", parse: boolean},
		param{name: "username", parse: text},
		param{name: "updated_before", parse: moment},
		param{name: "updated_after", parse: moment},
		param{name: "created_before", parse: moment, Known: versions.Since(17, 0)}, // an estimate
		param{name: "created_after", parse: moment, Known: versions.Since(17, 0)},
		param{name: "order_by", parse: oneOf("id", "status", "ref", "updated_at", "user_id"), initial: "id"},
		param{name: "sort", parse: oneOf("asc", "desc"), initial: "desc"},
		param{name: "source", parse: oneOf(sourceWords()...), Known: versions.Since(14, 3)}, // an estimate
		param{name: "name", parse: text},                                                    // see listPipelines
	)
}

func listPipelines(c *call, owner *project) *answer {
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
	return &answer{status: http.StatusOK, header: header, body: each(part, c.renderer().listed)}
}

func createPipelineParams() []param {
	return []param{
		{name: "ref", parse: text, required: true},
		{name: "variables", parse: variables, Known: versions.Since(19, 5)},
		{name: "variables", parse: lenientVariables, Known: versions.Until(19, 5)},
		{name: "inputs", parse: object, Known: versions.Since(17, 10)}, // there is no configuration that could read them
	}
}

func createPipeline(c *call, owner *project) *answer {
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
	if wrong := c.state.create(p); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	return created(c.renderer().whole(p))
}

func latestPipeline(c *call, owner *project) *answer {
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

func getPipeline(c *call, p *pipeline) *answer { return ok(c.renderer().named(p)) }

func deletePipeline(c *call, p *pipeline) *answer {
	if wait := p.project.refreshing(); wait != nil {
		return wait
	}
	unless, err := http.ParseTime(c.request.Header.Get("If-Unmodified-Since"))
	if err == nil && p.updated.After(unless) {
		return refuse(http.StatusPreconditionFailed, "412 Precondition Failed")
	}
	c.state.discard(p, c.now)
	return noContent()
}

func renamePipeline(c *call, p *pipeline) *answer {
	if complaint := p.rename(value[string](c, "name")); complaint != "" {
		return refuse(http.StatusBadRequest, "Failed to update pipeline - "+complaint)
	}
	return ok(c.renderer().named(p))
}

func retryPipeline(c *call, p *pipeline) *answer {
	c.state.retry(p, c.user, c.now)
	return created(c.renderer().whole(p))
}

func cancelPipeline(c *call, p *pipeline) *answer {
	c.state.cancel(p, c.now)
	return ok(c.renderer().whole(p))
}

func listVariables(c *call, p *pipeline) *answer { return ok(each(p.variables, renderVariable)) }

// testReport is of the suites that the caller may read, and counts no others.
func testReport(c *call, p *pipeline) *answer {
	unreadable := func(s *suite) bool { return !c.access.readSuite(s) }
	return ok(c.renderer().testReport(slices.DeleteFunc(p.testSuites(c.now), unreadable)))
}

func testReportSummary(c *call, p *pipeline) *answer {
	return ok(renderTestSummary(p.testSuites(c.now)))
}

func minePipelineParams() []param {
	return []param{
		{name: "source", parse: oneOf(sourceWords()...)},
		{name: "created_before", parse: moment},
		{name: "created_after", parse: moment},
		{name: "order_by", parse: oneOf("created_at"), initial: "created_at"},
		{name: "sort", parse: oneOf("desc"), initial: "desc"},
		{name: "cursor", parse: text},
		{name: "per_page", parse: within(1, largestPage), initial: "20"},
	}
}

// listMine takes what the user may no longer read out of a page that was cut
// before, so that it can be short, or empty, and not the last one.
func listMine(c *call) *answer {
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
	return &answer{status: http.StatusOK, header: header, body: each(part, c.renderer().mine)}
}

func listJobParams() []param {
	return append([]param{{name: "include_retried", parse: boolean, initial: "false"}}, listTriggerJobParams()...)
}

func listTriggerJobParams() []param {
	return append([]param{{name: "scope", parseIn: func(v versions.Version) parser { return listOf(v.Statuses()...) }}}, pageParams()...)
}

func listJobs(c *call, p *pipeline) *answer {
	found := p.findJobs(false, value[bool](c, "include_retried"), value[[]string](c, "scope"))
	part, header := numberedPage(c, found)
	return &answer{status: http.StatusOK, header: header, body: each(part, c.renderer().job)}
}

func listTriggerJobs(c *call, p *pipeline) *answer {
	found := p.findJobs(true, false, value[[]string](c, "scope"))
	part, header := numberedPage(c, found)
	return &answer{status: http.StatusOK, header: header, body: each(part, c.renderer().triggerJob(c.state))}
}
