package main

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// fakeGitLab is one with some pipelines of the last days.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	refs := []string{"main", "feature/sign-in", "main", "refs/merge-requests/17/head", "fix/cache", "main", "v1.4.0"}
	sources := []gitlabci.Source{gitlabci.SourcePush, gitlabci.SourcePush, gitlabci.SourceSchedule, gitlabci.SourceMergeRequestEvent, gitlabci.SourceWeb}
	statuses := []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusSuccess, gitlabci.StatusCanceled, gitlabci.StatusSuccess}
	users := []string{"noor", "ravi", "elif", "maya"}
	const pipelines = 60
	for i := range pipelines {
		age := time.Duration(pipelines-i-1) * 97 * time.Minute
		p := gitlabcitest.Pipeline{
			ID: gitlabci.PipelineID(2_100_481_000 + 17*i), Ref: refs[i%7], Source: sources[i%5], Status: statuses[i%6], Username: users[i%4],
			CreatedAt: time.Now().Add(-age - 20*time.Minute), Duration: time.Duration(140+37*(i%23)) * time.Second,
		}
		p.UpdatedAt = p.CreatedAt.Add(p.Duration)
		if p.Tag = p.Ref == "v1.4.0"; i >= pipelines-2 {
			p.Status, p.Duration = gitlabci.StatusRunning, 0
		}
		srv.AddPipeline("group/app", p)
	}
	return srv
}
