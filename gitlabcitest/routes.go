package gitlabcitest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A route is one endpoint.
type route struct {
	name     string // the method and the template: "GET /projects/:id/pipelines"
	method   string
	segments []string     // of the template
	params   []rack.Param // those of the template first
	handle   func(*call) *response
	jobToken bool // whether it lets the token of a job in
	open     bool // whether it asks for no token but that in its parameters
	demand   demand

	versions.Known
	jobTokenFrom versions.Version // the first release that does
}

// routes are all that the newest server knows. If two fit, the first one counts. Some of
// the releases are estimates: those of "/job", and the first ones that accept the token of
// a job.
var routes = []*route{
	define("GET /pipelines", listMine, minePipelineParams()...).since(19, 3),
	define("GET /projects/:id/pipelines", inProject(listPipelines), listPipelineParams()...).forJobsSince(18, 0),
	define("POST /projects/:id/pipeline", inProject(createPipeline), createPipelineParams()...),
	define("GET /projects/:id/pipelines/latest", inProject(latestPipeline), rack.Param{Name: "ref", Parse: rack.Text}).since(12, 3),
	define("GET /projects/:id/pipelines/:pipeline_id", onPipeline(getPipeline)).forJobsSince(18, 0),
	define("DELETE /projects/:id/pipelines/:pipeline_id", onPipeline(deletePipeline)).since(11, 6),
	define("GET /projects/:id/pipelines/:pipeline_id/jobs", onPipeline(listJobs), listJobParams()...).forJobs(),
	define("GET /projects/:id/pipelines/:pipeline_id/bridges", onPipeline(listTriggerJobs), listTriggerJobParams()...).forJobsSince(18, 0),
	define("GET /projects/:id/pipelines/:pipeline_id/trigger_jobs", onPipeline(listTriggerJobs), listTriggerJobParams()...).since(19, 2).forJobs(),
	define("GET /projects/:id/pipelines/:pipeline_id/variables", onPipeline(listVariables)).since(11, 11),
	define("GET /projects/:id/pipelines/:pipeline_id/test_report", onPipeline(testReport)).since(13, 0),
	define("GET /projects/:id/pipelines/:pipeline_id/test_report_summary", onPipeline(testReportSummary)).since(14, 2),
	define("PUT /projects/:id/pipelines/:pipeline_id/metadata", onPipeline(renamePipeline), rack.Param{Name: "name", Parse: rack.Text, Required: true}).since(16, 6).forJobs(),
	define("POST /projects/:id/pipelines/:pipeline_id/retry", onPipeline(retryPipeline)),
	define("POST /projects/:id/pipelines/:pipeline_id/cancel", onPipeline(cancelPipeline)),

	define("GET /job", asJob(currentJob)).since(13, 10).forJobs(),
	define("GET /job/allowed_agents", asJob(allowedAgents)).since(14, 2).forJobs(),
	define("GET /projects/:id/jobs", inProject(listProjectJobs), listProjectJobParams()...).forJobs(),
	define("GET /projects/:id/jobs/:job_id", onJob(getJob)),
	define("GET /projects/:id/jobs/:job_id/trace", onJob(jobLog), jobLogParams()...),
	define("POST /projects/:id/jobs/:job_id/cancel", onJob(cancelJob), rack.Param{Name: "force", Parse: rack.Boolean, Known: versions.Since(17, 10)}),
	define("POST /projects/:id/jobs/:job_id/retry", onAnyJob(retryOneJob), retryJobParams()...),
	define("POST /projects/:id/jobs/:job_id/erase", onJob(eraseJob)),
	define("POST /projects/:id/jobs/:job_id/play", onAnyJob(playJob), playJobParams()...),

	define("GET /projects/:id/jobs/artifacts/:ref_name/download", onLatest(downloadFile), latestParams(versions.Since(18, 7), downloadParam())...).forJobs(),
	define("GET /projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path", onLatest(rawFile), latestParams(versions.Since(18, 9))...).forJobs(),
	define("GET /projects/:id/jobs/:job_id/artifacts", onJob(downloadByType), downloadParams()...).forJobs(),
	define("GET /projects/:id/jobs/:job_id/artifacts/tree", onJob(artifactsTree), treeParams()...).since(18, 8).forJobs(),
	define("GET /projects/:id/jobs/:job_id/artifacts/*artifact_path", onJob(withArchive(jobFile))).forJobs(),
	define("POST /projects/:id/jobs/:job_id/artifacts/keep", onJob(keepArtifacts)),
	define("DELETE /projects/:id/jobs/:job_id/artifacts", onJob(deleteArtifacts)),
	define("DELETE /projects/:id/artifacts", inProject(deleteProjectArtifacts)),

	define("GET /version", serverVersion),
	define("GET /metadata", serverMetadata).since(15, 2),
	define("GET /user", currentUser),
	define("GET /projects", listProjects, listProjectParams()...),
	define("GET /projects/:id", inProject(getProject)),
	define("GET /groups/:id/projects", inGroup(listGroupProjects), listGroupProjectParams()...),
	define("GET /projects/:id/repository/branches", inProject(listBranches), listBranchParams()...),
	define("GET /projects/:id/repository/tags", inProject(listTags), listTagParams()...),
	define("GET /projects/:id/repository/commits", inProject(listCommits), listCommitParams()...),
	define("GET /projects/:id/repository/branches/:branch", inProject(getBranch)),
	define("GET /projects/:id/repository/tags/:tag_name", inProject(getTag)),
	define("GET /projects/:id/repository/commits/:sha", inProject(getCommit)),
	define("GET /projects/:id/environments", inProject(listEnvironments), listEnvironmentParams()...),
	define("GET /projects/:id/environments/:environment_id", inProject(getEnvironment)),
	define("GET /projects/:id/deployments", inProject(listDeployments), listDeploymentParams()...),
	define("GET /projects/:id/deployments/:deployment_id", inProject(getDeployment)),
	define("GET /projects/:id/hooks", inProject(listHooks), pageParams()...),
	define("POST /projects/:id/hooks", inProject(createHook), createHookParams()...),
	define("GET /projects/:id/hooks/:hook_id", onHook(getHook)),
	define("PUT /projects/:id/hooks/:hook_id", onHook(updateHook), updateHookParams()...),
	define("DELETE /projects/:id/hooks/:hook_id", onHook(deleteHook)),
	define("GET /projects/:id/hooks/:hook_id/events", onHook(listHookEvents), listHookEventParams()...).since(17, 3),
	define("POST /projects/:id/hooks/:hook_id/events/:hook_event_id/resend", onHook(resendHookEvent)).since(17, 4),
	define("POST /projects/:id/hooks/:hook_id/test/:trigger", onHook(testHook), rack.Param{Name: "trigger", Parse: rack.OneOf(hookEvents()...)}).since(16, 11),
	define("POST /projects/:id/trigger/pipeline", triggerPipeline, triggerPipelineParams()...).forAll(),
	define("POST /projects/:id/ref/:ref/trigger/pipeline", triggerPipeline, triggerPipelineParams()...).forAll(),
	define("GET /projects/:id/triggers", inProject(listTriggers), pageParams()...),
	define("POST /projects/:id/triggers", inProject(createTrigger), createTriggerParams()...),
	define("GET /projects/:id/triggers/:trigger_id", onTrigger(getTrigger)),
	define("PUT /projects/:id/triggers/:trigger_id", onTrigger(updateTrigger), rack.Param{Name: "description", Parse: rack.Text}),
	define("DELETE /projects/:id/triggers/:trigger_id", onTrigger(deleteTrigger)),
	define("GET /projects/:id/pipeline_schedules", inProject(listSchedules), listSchedulesParams()...),
	define("POST /projects/:id/pipeline_schedules", inProject(createSchedule), createScheduleParams()...),
	define("GET /projects/:id/pipeline_schedules/:pipeline_schedule_id", onSchedule(getSchedule)),
	define("PUT /projects/:id/pipeline_schedules/:pipeline_schedule_id", onSchedule(updateSchedule), updateScheduleParams()...),
	define("DELETE /projects/:id/pipeline_schedules/:pipeline_schedule_id", onSchedule(deleteSchedule)),
	define("GET /projects/:id/pipeline_schedules/:pipeline_schedule_id/pipelines", onSchedule(listSchedulePipelines), listSchedulePipelinesParams()...).since(15, 4),
	define("POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/take_ownership", onSchedule(takeSchedule)),
	define("POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/play", onSchedule(playSchedule)).since(12, 8),
	define("POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables", onSchedule(createScheduleVariable), createScheduleVariableParams()...),
	define("GET /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key", onScheduleVariable(getScheduleVariable)).since(16, 8),
	define("PUT /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key", onScheduleVariable(updateScheduleVariable), updateScheduleVariableParams()...),
	define("DELETE /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key", onScheduleVariable(deleteScheduleVariable)),
	define("GET /projects/:id/variables", onVariables("", listCIVariables), pageParams()...),
	define("POST /projects/:id/variables", onVariables("", createVariable), createVariableParams(true)...),
	define("GET /projects/:id/variables/:key", onVariables("", getVariable), variableFilter()),
	define("PUT /projects/:id/variables/:key", onVariables("", updateVariable), updateVariableParams(true)...),
	define("DELETE /projects/:id/variables/:key", onVariables("", deleteVariable), variableFilter()),
	define("GET /groups/:id/variables", onVariables("Group", listCIVariables), pageParams()...),
	define("POST /groups/:id/variables", onVariables("Group", createVariable), createVariableParams(true)...),
	define("GET /groups/:id/variables/:key", onVariables("Group", getVariable), variableFilter()),
	define("PUT /groups/:id/variables/:key", onVariables("Group", updateVariable), updateVariableParams(true)...),
	define("DELETE /groups/:id/variables/:key", onVariables("Group", deleteVariable), variableFilter()),
	define("GET /admin/ci/variables", onVariables("Instance", listCIVariables), pageParams()...).since(13, 0),
	define("POST /admin/ci/variables", onVariables("Instance", createVariable), createVariableParams(false)...).since(13, 0),
	define("GET /admin/ci/variables/:key", onVariables("Instance", getVariable)).since(13, 0),
	define("PUT /admin/ci/variables/:key", onVariables("Instance", updateVariable), updateVariableParams(false)...).since(13, 0),
	define("DELETE /admin/ci/variables/:key", onVariables("Instance", deleteVariable)).since(13, 0),
	define("GET /projects/:id/ci/lint", inProject(lintProject), lintProjectParams()...).since(13, 5),
	define("POST /projects/:id/ci/lint", inProject(lintContent), lintContentParams()...).since(13, 6),
	define("GET /projects/:id/repository/commits/:sha/statuses", inProject(listStatuses), listStatusParams()...),
	define("POST /projects/:id/statuses/:sha", inProject(setStatus), setStatusParams()...),
	define("GET /projects/:id/merge_requests", inProject(listMergeRequests), listMergeRequestParams()...),
	define("GET /projects/:id/merge_requests/:merge_request_iid", onMergeRequest(getMergeRequest)),
	define("GET /projects/:id/merge_requests/:merge_request_iid/pipelines", onMergeRequest(listMergeRequestPipelines), pageParams()...),
	define("POST /projects/:id/merge_requests/:merge_request_iid/pipelines", onMergeRequest(createMergeRequestPipeline), createMergeRequestPipelineParams()...).since(12, 3),
}

func define(name string, handle func(*call) *response, params ...rack.Param) *route {
	method, template, _ := strings.Cut(name, " /")
	demand, ok := demands[name]
	if !ok {
		panic("gitlabcitest: it is not said who may " + name)
	}
	r := &route{name: name, method: method, segments: strings.Split(template, "/"), handle: handle, demand: demand}
	for _, segment := range r.segments {
		if name, ok := variableName(segment); ok {
			r.params = append(r.params, pathParam(name))
		}
	}
	r.params = append(r.params, params...)
	return r
}

// forJobs lets the tokens of jobs in, too.
func (r *route) forJobs() *route {
	r.jobToken = true
	return r
}

// forAll gives access with any token, or none.
func (r *route) forAll() *route {
	r.open = true
	return r
}

func pathParam(name string) rack.Param {
	if strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_iid") {
		return rack.Param{Name: name, Parse: rack.Integer}
	}
	return rack.Param{Name: name, Parse: rack.Text}
}

// needsUser reports whether a request without a token is refused immediately. Most reads of
// projects and groups are not refused: they find no project instead. Reads of jobs,
// variables, schedules, trigger tokens, environments and deployments are refused.
func (r *route) needsUser() bool {
	if r == graphQLRoute || r.open {
		return false
	}
	if r.method != http.MethodGet || r.segments[0] != "projects" && r.segments[0] != "groups" {
		return true
	}
	strict := []string{"jobs", "variables", "pipeline_schedules", "triggers", "environments", "deployments"}
	return len(r.segments) > 2 && slices.Contains(strict, r.segments[2]) && !slices.Contains(r.segments, "artifacts")
}

// inProject makes a handler of one that works on a project.
func inProject(handle func(*call, *project) *response) func(*call) *response {
	return func(c *call) *response {
		p, refused := c.findProject()
		if refused != nil {
			return refused
		}
		return handle(c, p)
	}
}

// onPipeline makes a handler of one that works on a pipeline.
func onPipeline(handle func(*call, *pipeline) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		p := owner.pipeline(value[int64](c, "pipeline_id"))
		switch {
		case p == nil:
			return notFound("Not found")
		case !c.route.demand.allowsPipeline(c.access, p):
			return forbidden()
		}
		return handle(c, p)
	})
}

// routesOf has what routesIn returned, by release: a test may start many servers.
var routesOf sync.Map

// routesIn are the routes of a release, with the parameters that they have
// there and the tokens that they let in. Nobody may change them.
func routesIn(v versions.Version) []*route {
	if found, ok := routesOf.Load(v); ok {
		return found.([]*route)
	}
	found, _ := routesOf.LoadOrStore(v, selectRoutes(v))
	return found.([]*route)
}

func selectRoutes(v versions.Version) (found []*route) {
	for _, r := range routes {
		if !r.Known.In(v) {
			continue
		}
		then := *r
		then.jobToken = r.jobToken && !v.Before(r.jobTokenFrom)
		then.params = rack.In(v, r.params)
		found = append(found, &then)
	}
	return found
}

// since is for routes that older releases lack.
func (r *route) since(major, minor int) *route {
	r.Known = versions.Since(major, minor)
	return r
}

// forJobsSince lets the tokens of jobs in, from a release on.
func (r *route) forJobsSince(major, minor int) *route {
	r.jobToken, r.jobTokenFrom = true, versions.Of(major, minor)
	return r
}

// A match is what a path leads to.
type match struct {
	route    *route
	path     rack.Tree // the parameters in the path
	allowed  []string  // without a route, the methods that have one
	past     bool      // without a route, whether it asks for the API before this one
	unknown  bool      // whether no release that the server can be has such a route
	added    string    // in place of a route, the pattern of an endpoint of the test's
	response *response // the response of that, once there is one
}

func (m match) name() string {
	if m.route == nil {
		return m.added
	}
	return m.route.name
}

// refusal responds to a request without a route.
func (m match) refusal() *response {
	if m.past {
		return refuseVersion()
	}
	a := m.noRoute()
	if m.unknown {
		a.set(unknownHeader, unknownText)
	}
	return a
}

func (m match) noRoute() *response {
	if len(m.allowed) == 0 {
		return &response{status: http.StatusNotFound, body: map[string]any{"error": "404 Not Found"}}
	}
	return &response{
		status: http.StatusMethodNotAllowed,
		header: http.Header{"Allow": {strings.Join(slices.Compact(slices.Sorted(slices.Values(m.allowed))), ", ")}},
		body:   map[string]any{"error": "405 Not Allowed"},
	}
}

// findRoute finds the route of a path as it was sent, in which "%2F" is a part of a name
// and "/" is not. HEAD goes where GET does.
func findRoute(routes []*route, method, escaped string) match {
	if escaped == graphQLPath {
		return findGraphQL(method)
	}
	rest, ok := strings.CutPrefix(escaped, "/api/v4/")
	if !ok {
		return match{past: strings.HasPrefix(escaped, "/api/v3/")}
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
func (r *route) fit(parts []string) (rack.Tree, bool) {
	if !mayFit(r.segments, parts) {
		return nil, false
	}
	path := rack.Tree{}
	return path, fit(r.segments, parts, path)
}

// mayFit compares what can be compared without decoding anything: nearly all routes are not
// the one.
func mayFit(segments, parts []string) bool {
	for i, segment := range segments {
		switch {
		case isRef(segment) || segment[0] == '*':
			return len(parts) > i
		case i == len(parts):
			return false
		case segment[0] != ':' && segment != parts[i] && !strings.Contains(parts[i], "%"):
			return false
		}
	}
	return len(segments) == len(parts)
}

// isRef reports whether a segment stands for a ref, which may have slashes.
func isRef(segment string) bool { return segment == ":ref_name" || segment == ":ref" }

// fit fits parts of a path to segments of a template, one to one, except for two:
// the slashes of a ref need not be escaped, and what ends a template in "*"
// takes all the rest. A ref is as short as can be.
func fit(segments, parts []string, path rack.Tree) bool {
	if len(segments) == 0 || len(parts) == 0 {
		return len(segments) == len(parts)
	}
	least, most := 1, 1
	switch {
	case isRef(segments[0]):
		most = len(parts)
	case segments[0][0] == '*':
		least, most = len(parts), len(parts)
	}
	for n := least; n <= most; n++ {
		if take(segments[0], strings.Join(parts[:n], "/"), path) && fit(segments[1:], parts[n:], path) {
			return true
		}
	}
	return false
}

// take reads one segment.
func take(segment, escaped string, path rack.Tree) bool {
	part, err := url.PathUnescape(escaped)
	if err != nil || part == "" {
		return false
	}
	name, variable := variableName(segment)
	if variable {
		path[name] = part
	}
	return variable || part == segment
}

// variableName is the name of a segment that stands for a parameter.
func variableName(segment string) (string, bool) {
	return segment[1:], segment[0] == ':' || segment[0] == '*'
}
