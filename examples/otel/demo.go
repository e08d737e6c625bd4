package main

import (
	"testing/fstest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// fakeGitLab has an object storage, and faults.
func fakeGitLab() (*gitlabcitest.Server, gitlabci.PipelineID) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithStorage(gitlabcitest.Storage{}))
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	pipeline.AddJob(gitlabcitest.Job{Name: "build", Stage: "build", Artifacts: fstest.MapFS{"app": {Data: make([]byte, 1<<20)}}})
	pipeline.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed, Log: "$ make test\nERROR: Job failed: exit code 1\n"})
	slow := gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Delay: 120 * time.Millisecond, Times: 1}
	slow.Route = "GET /projects/:id/pipelines/:pipeline_id/jobs"
	srv.Fault(slow)
	slow.Route = gitlabcitest.StorageRoute
	srv.Fault(slow)
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/jobs/:job_id/trace", Status: 503, Times: 1})
	srv.Fault(gitlabcitest.Fault{
		Route: "GET /projects/:id/jobs/:job_id/artifacts", Status: 429, Times: 1,
		Header: map[string][]string{"Retry-After": {"1"}},
	})
	return srv, pipeline.ID
}
