package main

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const demoLog = "section_start:1767603600:step_script\r\x1b[0K\x1b[36;1mExecuting the script\x1b[0;m\n" +
	"\x1b[32;1m$ go test ./...\x1b[0;m\n" +
	"fetching 10%\rfetching 100%\n" +
	"--- FAIL: TestDivide (0.00s)\n    divide_test.go:12: got 1, want 2\nFAIL\n" +
	"section_end:1767603660:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"

const demoReport = `<testsuite><testcase classname="calc" name="TestAdd"/>
	<testcase classname="calc" name="TestDivide"><failure message="got 1, want 2"/></testcase></testsuite>`

// fakeGitLab has a pipeline with a child, which failed, and a trigger job that could not
// start another. They finished an hour ago: the last bytes of a log that just ended may
// still arrive, so Failures would wait for them.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	began := time.Now().Add(-time.Hour)
	job := gitlabcitest.Job{Stage: "test", Status: gitlabci.StatusFailed, CreatedAt: began, StartedAt: began, FinishedAt: began.Add(time.Minute)}
	child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, Source: gitlabci.SourceParentPipeline})
	unit := job
	unit.Name, unit.Log = "unit", demoLog
	unit.Reports = map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeJUnit: []byte(demoReport)}
	child.AddJob(unit)
	lint := job
	lint.Name, lint.AllowFailure = "lint", true
	child.AddJob(lint)
	app := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	app.AddJob(gitlabcitest.Job{Name: "build", Stage: "build"})
	app.AddTriggerJob(gitlabcitest.Job{Name: "backend", Stage: "test", Status: gitlabci.StatusFailed, Downstream: child})
	app.AddTriggerJob(gitlabcitest.Job{
		Name: "deploy", Stage: "deploy", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonDownstreamPipelineCreationFailed,
	})
	return srv
}
