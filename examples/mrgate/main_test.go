package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != failed || notes.Len() > 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		for _, want := range []string{
			"   0s  pipeline 101 is running\n   1s  !7 is at 367b2a64\n   1s  pipeline 102 is running\n", "s  unit: runner_system_failure, retried\n",
			"s  pipeline 102 is failed\n", "s  unit: script_failure\n", "s  comment:\n\nPipeline 102 of 367b2a64: failed.\n",
			"\n`unit`: script_failure, retries: 1\n\n```text\n--- FAIL: TestCart (0.00s)\n    cart_test.go:12: got 3 items, want 4\n```\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &out)
			}
		}
	})
}

// A trial is a gate of a merge request with one pipeline.
type trial struct {
	gate
	srv      *gitlabcitest.Server
	m        *gitlabcitest.MergeRequest
	pipeline *gitlabcitest.Pipeline
	thread   thread
	printed  bytes.Buffer
}

func newTrial(jobs ...gitlabcitest.Job) *trial {
	x := &trial{srv: gitlabcitest.NewServer(), thread: thread{notes: []note{}}}
	x.thread.serve(x.srv)
	x.m = x.srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "feature"})
	x.pipeline = x.m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
	for _, job := range jobs {
		x.pipeline.AddJob(job)
	}
	x.gate = *newGate(&x.printed, &x.printed)
	x.client, x.project, x.iid, x.retries, x.lines, x.interval = x.srv.Client(), "group/app", x.m.IID, 2, 3, 5*time.Second
	return x
}

func script(reason gitlabci.FailureReason) gitlabcitest.Script {
	s := gitlabcitest.Script{Runs: time.Second, Log: "hello\n"}
	if reason != "" {
		s.Result, s.FailureReason = gitlabci.StatusFailed, reason
	}
	return s
}

func TestVerdicts(t *testing.T) {
	const system, exit = gitlabci.FailureReasonRunnerSystemFailure, gitlabci.FailureReasonScriptFailure
	type jobs = []gitlabcitest.Job
	for name, test := range map[string]struct {
		jobs    jobs
		verdict int
		comment string // "" is none
		retries int
	}{
		"success":       {jobs{{Script: script("")}}, succeeded, "", 0},
		"broken runner": {jobs{{Script: script(system), Retries: []gitlabcitest.Script{script("")}}}, succeeded, "", 1},
		"all broken":    {jobs{{Script: script(system)}}, failed, "`test`: runner_system_failure, retries: 2\n", 2},
		"also a test":   {jobs{{Name: "a", Script: script(system)}, {Name: "b", Script: script(exit)}}, failed, "`b`: script_failure\n", 0},
		"canceled":      {jobs{{Status: gitlabci.StatusCanceled}, {Script: gitlabcitest.Script{Runs: 1, Result: gitlabci.StatusCanceled}}}, failed, ": canceled.\n", 0},
		"blocked":       {jobs{{Script: script("")}, {Name: "de`ploy", When: gitlabcitest.WhenManual}}, blocked, "play a job:\n\n- `de'ploy`", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTrial(test.jobs...)
				for range 2 { // the second run rewrites the comment of the first
					verdict, err := x.run(t.Context())
					if err != nil || verdict != test.verdict {
						t.Fatalf("%d, %v:\n%s", verdict, err, &x.printed)
					}
				}
				comments := x.thread.notes
				if n := strings.Count(x.printed.String(), ", retried\n"); n != test.retries {
					t.Errorf("%d retries:\n%s", n, &x.printed)
				}
				if test.comment == "" && len(comments) > 0 || test.comment != "" && (len(comments) != 1 || !strings.Contains(comments[0].Body, test.comment)) {
					t.Errorf("the comments are %v:\n%s", comments, &x.printed)
				}
			})
		})
	}
}

// A success rewrites the gate's own comment, and no other.
func TestComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTrial(gitlabcitest.Job{Script: script("")})
		x.thread.notes = []note{{ID: 1, Body: marker + "old", Author: gitlabci.User{ID: 1}}, {ID: 2, Body: marker + "theirs", Author: gitlabci.User{ID: 99}}, {ID: 3, Body: "mine", Author: gitlabci.User{ID: 1}}}
		if verdict, err := x.run(t.Context()); verdict != succeeded || err != nil {
			t.Fatal(verdict, err)
		}
		bodies := x.thread.notes[0].Body + "|" + x.thread.notes[1].Body + "|" + x.thread.notes[2].Body
		if !strings.HasPrefix(bodies, marker+"Pipeline 101 of ") || !strings.HasSuffix(bodies, ": success.\n|"+marker+"theirs|mine") {
			t.Errorf("the comments are %s", bodies)
		}
		x.srv.Fault(gitlabcitest.Fault{Route: "GET /user", Status: 403})
		if verdict, err := x.run(t.Context()); verdict != succeeded || err != nil || !strings.Contains(x.printed.String(), "mrgate: the comment could not be written: ") {
			t.Errorf("%d, %v:\n%s", verdict, err, &x.printed)
		}
	})
}

// Lines of a log in a comment are no commands, and notify nobody.
func TestHostileLog(t *testing.T) {
	g := &gate{lines: 9}
	failure := &gitlabci.JobFailure{Job: &gitlabci.Job{}, Lines: []string{"```", "/merge", "@all \x1b[2J"}}
	failure.Job.Name = "`@all`"
	text := g.text(&gitlabci.Pipeline{}, []*gitlabci.JobFailure{failure}, nil)
	if want := "\n`'@all'`: \n\n```text\n'''\n/merge\n@all ?[2J\n```\n"; !strings.HasSuffix(text, want) {
		t.Errorf("the comment is %s", text)
	}
}

// A push counts whenever it happens, also while there is no pipeline yet.
func TestPush(t *testing.T) {
	for after, want := range map[time.Duration]string{3 * time.Second: "102", 20 * time.Second: "200"} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTrial(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Hour}})
				x.m.Push("")
				time.AfterFunc(10*time.Second, func() {
					x.m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: 30 * time.Second}})
				})
				time.AfterFunc(after, func() { x.m.Push("") })
				time.AfterFunc(50*time.Second, func() {
					x.m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{ID: 200}).AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Second}})
				})
				verdict, err := x.run(t.Context())
				if err != nil || verdict != succeeded || !strings.HasSuffix(x.printed.String(), "s  pipeline "+want+" is success\n") {
					t.Errorf("%d, %v:\n%s", verdict, err, &x.printed)
				}
			})
		})
	}
}

func TestTimeoutAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTrial(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Hour}})
		ctx, stop := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("time is up"))
		defer stop()
		if _, err := x.run(ctx); err == nil || err.Error() != "time is up" {
			t.Errorf("the error is %v", err)
		}
		closed := x.srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "other", State: "closed"})
		x.iid = closed.IID
		if _, err := x.run(t.Context()); err == nil || err.Error() != "!2 is closed" {
			t.Errorf("the error is %v", err)
		}
		interrupted, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, interrupt)
		var out, notes bytes.Buffer
		if code := command(interrupted, []string{"-demo"}, &out, &notes); code != 130 {
			t.Errorf("the exit code is %d: %s%s", code, &out, &notes)
		}
	})
}

func TestExitCodes(t *testing.T) {
	srv := gitlabcitest.NewServer()
	url, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	consoletest.SetEnv(t, url, srv.Token())
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "group/app": 2, "group/app x": 2, "group/app 0": 2, "-retries -1 group/app 7": 2, "-timeout 0s group/app 7": 2,
		"-demo group/app 7": 2, "-nonsense": 2, "group/app 7": broken,
	})
}
