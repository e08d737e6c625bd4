package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// fakeGitLab has a pipeline that takes some ten seconds and fails.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{},
		demoJob("build: [linux, amd64]", "build", 4*time.Second, ""),
		demoJob("build: [linux, arm64]", "build", 6*time.Second, ""),
		demoJob("unit", "test", 4*time.Second, "--- FAIL: TestGreet (0.00s)\n    greet_test.go:12: got \"hullo\", want \"hello\"\nERROR: Job failed: exit code 1\n"),
		demoJob("lint", "test", 2*time.Second, ""),
		demoJob("deploy", "deploy", 2*time.Second, ""),
	)
	return srv
}

// demoJob is a job that fails if its log ends with a failure.
func demoJob(name, stage string, runs time.Duration, failure string) gitlabcitest.Job {
	var log strings.Builder
	for i := range 8 {
		fmt.Fprintf(&log, "step %d of 8\n", i+1)
	}
	script := gitlabcitest.Script{Queues: time.Second, Runs: runs, Log: log.String() + "Job succeeded\n"}
	if failure != "" {
		script.Result, script.Log = gitlabci.StatusFailed, log.String()+failure
	}
	return gitlabcitest.Job{Name: name, Stage: stage, Status: gitlabci.StatusCreated, Script: script}
}
