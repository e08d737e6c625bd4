package main

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// demoLog is what a runner writes.
const demoLog = "\x1b[0KRunning with gitlab-runner 18.5.0 (44feccdf)\x1b[0;m\n" +
	"section_start:1767225600:prepare_executor\r\x1b[0K\x1b[36;1mPreparing the \"docker\" executor\x1b[0;m\n" +
	"\x1b[0KUsing Docker executor with image golang:1.26 ...\x1b[0;m\n" +
	"section_end:1767225606:prepare_executor\r\x1b[0Ksection_start:1767225606:step_script\r\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\n" +
	"\x1b[32;1m$ make test\x1b[0;m\n" +
	"section_start:1767225607:modules[collapsed=true]\r\x1b[0KFetching modules\n" +
	"fetched 10%\rfetched 55%\rfetched 100%\n" +
	"section_end:1767225610:modules\r\x1b[0K" +
	"\x1b[31m--- FAIL: TestGreet (0.00s)\x1b[0m\n" +
	"    greet_test.go:12: got \"hullo\", want \"hello\"\n" +
	"section_end:1767225611:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"

// fakeGitLab has a job that runs for some seconds, in pipeline 101.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "test", Script: gitlabcitest.Script{
		Queues: time.Second, Runs: 6 * time.Second, Log: demoLog, Result: gitlabci.StatusFailed,
	}})
	return srv
}
