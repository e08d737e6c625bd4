package gitlabcitest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A route is one endpoint.
type route struct {
	name     string // the method and the template: "GET /projects/:id/pipelines"
	method   string
	segments []string // of the template
	params   []param  // those of the template first
	handle   func(*call) *answer
}

// routes are all that the server knows. Where two fit, the first one counts.
var routes = []*route{
	define("GET /pipelines", listMine, minePipelineParams()...),
	define("GET /projects/:id/pipelines", inProject(listPipelines), listPipelineParams()...),
	define("POST /projects/:id/pipeline", inProject(createPipeline), createPipelineParams()...),
	define("GET /projects/:id/pipelines/latest", inProject(latestPipeline), param{name: "ref", parse: text}),
	define("GET /projects/:id/pipelines/:pipeline_id", onPipeline(getPipeline)),
	define("DELETE /projects/:id/pipelines/:pipeline_id", onPipeline(deletePipeline)),
	define("GET /projects/:id/pipelines/:pipeline_id/jobs", onPipeline(listJobs), listJobParams()...),
	define("GET /projects/:id/pipelines/:pipeline_id/bridges", onPipeline(listTriggerJobs), listTriggerJobParams()...),
	define("GET /projects/:id/pipelines/:pipeline_id/trigger_jobs", onPipeline(listTriggerJobs), listTriggerJobParams()...),
	define("GET /projects/:id/pipelines/:pipeline_id/variables", onPipeline(listVariables)),
	define("GET /projects/:id/pipelines/:pipeline_id/test_report", onPipeline(testReport)),
	define("GET /projects/:id/pipelines/:pipeline_id/test_report_summary", onPipeline(testReportSummary)),
	define("PUT /projects/:id/pipelines/:pipeline_id/metadata", onPipeline(renamePipeline), param{name: "name", parse: text, required: true}),
	define("POST /projects/:id/pipelines/:pipeline_id/retry", onPipeline(retryPipeline)),
	define("POST /projects/:id/pipelines/:pipeline_id/cancel", onPipeline(cancelPipeline)),
}

func define(name string, handle func(*call) *answer, params ...param) *route {
	method, template, _ := strings.Cut(name, " /")
	r := &route{name: name, method: method, segments: strings.Split(template, "/"), handle: handle}
	for _, segment := range r.segments {
		if name, ok := strings.CutPrefix(segment, ":"); ok {
			r.params = append(r.params, pathParam(name))
		}
	}
	r.params = append(r.params, params...)
	return r
}

func pathParam(name string) param {
	if name == "id" {
		return param{name: name, parse: text}
	}
	return param{name: name, parse: integer}
}

// needsUser reports whether a request without a token is refused at once. A
// project's reads are not: they find no project instead.
func (r *route) needsUser() bool {
	return r.method != http.MethodGet || r.segments[0] != "projects"
}

// A match is what a path leads to.
type match struct {
	route   *route
	path    tree     // the parameters in the path
	allowed []string // without a route, the methods that have one
}

func (m match) name() string {
	if m.route == nil {
		return ""
	}
	return m.route.name
}

// refusal answers a request without a route.
func (m match) refusal() *answer {
	if len(m.allowed) == 0 {
		return &answer{status: http.StatusNotFound, body: map[string]any{"error": "404 Not Found"}}
	}
	return &answer{
		status: http.StatusMethodNotAllowed,
		header: http.Header{"Allow": {strings.Join(slices.Compact(slices.Sorted(slices.Values(m.allowed))), ", ")}},
		body:   map[string]any{"error": "405 Not Allowed"},
	}
}

// findRoute finds the route of a path as it came, in which "%2F" is a part of
// a name and "/" is not. HEAD goes where GET does.
func findRoute(method, escaped string) match {
	rest, ok := strings.CutPrefix(escaped, "/api/v4/")
	if !ok {
		return match{}
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	parts := strings.Split(rest, "/")
	var other match
	for _, r := range routes {
		path, ok := r.fit(parts)
		switch {
		case ok && r.method == method:
			return match{route: r, path: path}
		case ok && r.method == http.MethodGet:
			other.allowed = append(other.allowed, http.MethodGet, http.MethodHead)
		case ok:
			other.allowed = append(other.allowed, r.method)
		}
	}
	return other
}

// fit reads the parameters out of a path, if it is the route's.
func (r *route) fit(parts []string) (tree, bool) {
	if len(parts) != len(r.segments) {
		return nil, false
	}
	path := tree{}
	for i, segment := range r.segments {
		part, err := url.PathUnescape(parts[i])
		if err != nil || part == "" {
			return nil, false
		}
		name, variable := strings.CutPrefix(segment, ":")
		if !variable && part != segment {
			return nil, false
		}
		if variable {
			path[name] = part
		}
	}
	return path, true
}

// inProject makes a handler of one that works on a project.
func inProject(handle func(*call, *project) *answer) func(*call) *answer {
	return func(c *call) *answer {
		// Every project is private: without a token there are none.
		p := c.state.project(value[string](c, "id"))
		if p == nil || c.user == nil {
			return refuse(http.StatusNotFound, "404 Project Not Found")
		}
		return handle(c, p)
	}
}

// onPipeline makes a handler of one that works on a pipeline.
func onPipeline(handle func(*call, *pipeline) *answer) func(*call) *answer {
	return inProject(func(c *call, owner *project) *answer {
		p := owner.pipeline(value[int64](c, "pipeline_id"))
		if p == nil {
			return refuse(http.StatusNotFound, "404 Not found")
		}
		return handle(c, p)
	})
}
