package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// job is a job that lasts for a minute.
func job(name string, result gitlabci.Status) gitlabcitest.Job {
	one := demoJob(name, "test", time.Minute, "")
	one.Script.Result = result
	return one
}

func TestVerdicts(t *testing.T) {
	manual := gitlabcitest.Job{Name: "play", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: time.Second}}
	for name, test := range map[string]struct {
		job    gitlabcitest.Job
		within time.Duration // until Ctrl-C
		status gitlabci.Status
		code   int
	}{
		"success":     {job("unit", "success"), time.Hour, "success", 0},
		"failed":      {job("unit", "failed"), time.Hour, "failed", 1},
		"blocked":     {manual, time.Hour, "manual", 3},
		"canceled":    {job("unit", "canceled"), time.Hour, "canceled", 4},
		"interrupted": {job("unit", "success"), 30 * time.Second, "canceled", 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.OnCreate("group/app", gitlabcitest.Pipeline{}, test.job)
				var out bytes.Buffer
				set, err := parse([]string{"-var", "A=b=c", "-log", "group/app"}, &out)
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				time.AfterFunc(test.within, stop)
				defer stop()
				if code := exitCode(start(ctx, srv.Client(), set, newBoard(&out, set.log))); code != test.code {
					t.Errorf("the exit code is %d, not %d", code, test.code)
				}
				pipeline := srv.Pipeline(101)
				if pipeline.Status != test.status || pipeline.Variables[0].Value != "b=c" {
					t.Errorf("the pipeline is %s with %v", pipeline.Status, *pipeline.Variables[0])
				}
				want := []string{"pipeline 101 on main https://", test.job.Name + " is ", "\npipeline 101: " + string(test.status)}
				if test.code < 2 {
					want = append(want, "unit: step 1 of 8\n", "unit is running\n")
				}
				if test.code == 1 {
					want = append(want, "unit failed: script_failure https://")
				}
				for _, text := range want {
					if !strings.Contains(out.String(), text) {
						t.Errorf("%q is missing in:\n%s", text, &out)
					}
				}
			})
		})
	}
}

func TestFlags(t *testing.T) {
	var out bytes.Buffer
	for _, args := range [][]string{{}, {"a/b", "c/d"}, {"-var", "A", "a/b"}, {"-input", "=1", "a/b"}, {"-nonsense"}} {
		if err := run(t.Context(), args, &out); exitCode(err) != 2 {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-h"}, &out); exitCode(err) != 0 || !strings.Contains(out.String(), "exit code is the verdict") {
		t.Errorf("%v: %s", err, &out)
	}
	set, err := parse([]string{"-input", "n=1", "-input", "b=true", "-input", "s=main", "-input", `t="1"`, "-input", "z=null", "-input", "e=", "a/b"}, &out)
	if got := fmt.Sprintf("%#v", set.opts.Create.Inputs); err != nil || got != `map[string]interface {}{"b":true, "e":"", "n":1, "s":"main", "t":"1", "z":"null"}` {
		t.Errorf("%s (%v)", got, err)
	}
}

// A screen is what a terminal shows of lines that are written over.
type screen struct {
	lines []string
	at    int
}

func (s *screen) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		up := 0
		if _, err := fmt.Sscanf(line, "\x1b[%dA", &up); err == nil {
			_, line, _ = strings.Cut(line, "A")
			s.at -= up
		}
		line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[2K"), "\n")
		s.lines = append(s.lines[:s.at], append([]string{line}, s.lines[min(s.at+1, len(s.lines)):]...)...)
		s.at++
	}
	return len(p), nil
}

func TestTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		long := job("with a\x1bname "+strings.Repeat("x", 80), "success")
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, job("unit", "failed"), long)
		set, err := parse([]string{"group/app"}, t.Output())
		if err != nil {
			t.Fatal(err)
		}
		var s screen
		start(t.Context(), srv.Client(), set, &board{out: &s, live: true, colours: true})
		want := []string{
			"pipeline 101 on main https://gitlab.example.com/group/app/-/pipelines/101",
			"pipeline 101: failed",
			"\x1b[31mfailed         1m0s  unit\x1b[0m",
			"\x1b[32msuccess        1m0s  with a name " + strings.Repeat("x", 46) + "\x1b[0m",
			"", "unit failed: script_failure https://gitlab.example.com/group/app/-/jobs/1001",
		}
		if len(s.lines) < len(want) || !slices.Equal(s.lines[:len(want)], want) {
			t.Errorf("%q\n%q", s.lines, want)
		}
	})
}

// Of more jobs than fit, those are shown that matter.
func TestTableOfManyJobs(t *testing.T) {
	var s screen
	b := &board{out: &s, live: true}
	pipeline := &gitlabci.PipelineInfo{ID: 7, Ref: "main"}
	for i := range gitlabci.JobID(50) {
		status := gitlabci.StatusSuccess
		if i == 40 {
			status = gitlabci.StatusFailed
		}
		b.event(&gitlabci.PipelineEvent{Pipeline: pipeline, Status: status, Job: &gitlabci.Job{JobInfo: gitlabci.JobInfo{ID: i, Name: fmt.Sprint("job ", i), Status: status}}})
	}
	b.event(&gitlabci.PipelineEvent{Pipeline: &gitlabci.PipelineInfo{ID: 8}, Err: gitlabci.ErrForbidden})
	if len(s.lines) != 24 || !strings.HasSuffix(s.lines[2], "job 40") || s.lines[22] != "  and 30 more" || s.lines[23] != "pipeline 8 is not watched: gitlabci: forbidden" {
		t.Errorf("%q", s.lines)
	}
}
