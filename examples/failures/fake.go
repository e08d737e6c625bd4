package main

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const fakeLog = "section_start:1767603600:step_script\r\x1b[0K\x1b[36;1mExecuting the script\x1b[0;m\n" +
	"\x1b[32;1m$ go test ./...\x1b[0;m\n" +
	"fetching 10%\rfetching 100%\n" +
	"--- FAIL: TestDivide (0.00s)\n    divide_test.go:12: got 1, want 2\nFAIL\n" +
	"section_end:1767603660:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"

func fakeClient() *gitlabci.Client { return fakeServer().Client() }

// fakeServer has a pipeline with a child, which failed, and a trigger job that
// could not start another.
func fakeServer() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	began := time.Now().Add(-time.Hour)
	child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		Status: gitlabci.StatusFailed, Source: gitlabci.SourceParentPipeline,
		TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{{Name: "unit", TestCases: []gitlabci.TestCase{
			{Name: "TestAdd"}, {Name: "TestDivide", Status: gitlabci.TestStatusFailed},
		}}}},
	})
	child.AddJob(gitlabcitest.Job{
		Name: "unit", Status: gitlabci.StatusFailed, Log: fakeLog, CreatedAt: began, StartedAt: began, FinishedAt: began.Add(time.Minute),
	})
	child.AddJob(gitlabcitest.Job{Name: "lint", Status: gitlabci.StatusFailed, AllowFailure: true})
	app := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	app.AddJob(gitlabcitest.Job{Name: "build", Stage: "build"})
	app.AddTriggerJob(gitlabcitest.Job{Name: "backend", Status: gitlabci.StatusFailed, Downstream: child})
	app.AddTriggerJob(gitlabcitest.Job{
		Name: "deploy", Stage: "deploy", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonDownstreamPipelineCreationFailed,
	})
	return srv
}
