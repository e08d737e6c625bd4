package main

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// fakeGitLab is one with pipelines of half a year, which takes its time for deletions.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	refs := []string{"main", "feature/sign-in", "main", "refs/merge-requests/17/head", "main", "fix/cache"}
	statuses := []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusSuccess, gitlabci.StatusManual, gitlabci.StatusCanceled}
	const pipelines = 30
	for i := range pipelines {
		p := gitlabcitest.Pipeline{ID: gitlabci.PipelineID(2_098_100_000 + 7919*i), Ref: refs[i%6], Status: statuses[i%5]}
		p.CreatedAt = time.Now().Add(-time.Duration(pipelines-i) * 6 * 24 * time.Hour)
		p.UpdatedAt = p.CreatedAt.Add(20 * time.Minute)
		if i == 11 {
			p.Status = gitlabci.StatusRunning
		}
		srv.AddPipeline("group/app", p)
	}
	srv.Fault(gitlabcitest.Fault{Route: "DELETE /projects/:id/pipelines/:pipeline_id", Break: gitlabcitest.BreakStallHeader, Delay: 300 * time.Millisecond})
	return srv
}
