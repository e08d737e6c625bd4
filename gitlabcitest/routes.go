package gitlabcitest

import (
	"net/http"
	"slices"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A route is one endpoint.
type route struct {
	name     string // the method and the template: "GET /projects/:id/pipelines"
	method   string
	segments []string     // of the template
	params   []rack.Param // those of the template first
	handle   func(*call) *answer
	jobToken bool // whether it lets the token of a job in
	demand   demand

	versions.Known
	jobTokenFrom versions.Version // the first release that does
}

// routes are all that the newest server knows. Where two fit, the first one
// counts. Some of the releases are estimates: those of "/job", and the first
// ones to let the token of a job in.
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
	define("GET /projects/:id/repository/branches/:branch", inProject(getBranch)),
	define("GET /projects/:id/repository/tags/:tag_name", inProject(getTag)),
	define("GET /projects/:id/repository/commits/:sha", inProject(getCommit)),
	define("GET /projects/:id/merge_requests", inProject(listMergeRequests), listMergeRequestParams()...),
}

func define(name string, handle func(*call) *answer, params ...rack.Param) *route {
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

func pathParam(name string) rack.Param {
	if strings.HasSuffix(name, "_id") {
		return rack.Param{Name: name, Parse: rack.Integer}
	}
	return rack.Param{Name: name, Parse: rack.Text}
}

// needsUser reports whether a request without a token is refused at once. A
// project's reads are not, but for those of jobs: they find no project instead.
func (r *route) needsUser() bool {
	if r.method != http.MethodGet || r.segments[0] != "projects" {
		return true
	}
	return len(r.segments) > 2 && r.segments[2] == "jobs" && !slices.Contains(r.segments, "artifacts")
}

// inProject makes a handler of one that works on a project.
func inProject(handle func(*call, *project) *answer) func(*call) *answer {
	return func(c *call) *answer {
		p, refused := c.enter()
		if refused != nil {
			return refused
		}
		return handle(c, p)
	}
}

// onPipeline makes a handler of one that works on a pipeline.
func onPipeline(handle func(*call, *pipeline) *answer) func(*call) *answer {
	return inProject(func(c *call, owner *project) *answer {
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
