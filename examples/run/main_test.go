package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
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
		"canceled":    {job("unit", "canceled"), time.Hour, "canceled", 1},
		"interrupted": {job("unit", "success"), 30 * time.Second, "canceled", 130},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.OnCreate("group/app", gitlabcitest.Pipeline{}, test.job)
				var out bytes.Buffer
				s, err := parse([]string{"-var", "A=b=c", "-log", "group/app"}, &out)
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				time.AfterFunc(test.within, stop)
				defer stop()
				if code := console.Code(ctx, "run", s.start(ctx, srv.Client(), newBoard(&out, s.log)), t.Output()); code != test.code {
					t.Errorf("the exit code is %d, not %d", code, test.code)
				}
				pipeline := srv.Pipeline(101)
				if pipeline.Status != test.status || pipeline.Variables[0].Value != "b=c" {
					t.Errorf("the pipeline is %s with %v", pipeline.Status, *pipeline.Variables[0])
				}
				want := []string{"pipeline 101 on main https://", test.job.Name + " is ", "\npipeline 101: " + string(test.status)}
				if test.job.Name == "unit" && test.code < 2 && name != "canceled" {
					want = append(want, "unit: step 1 of 8\n", "unit is running\n")
				}
				if name == "failed" {
					want = append(want, "unit failed: script_failure https://", "\npipeline 101: failed after 1m")
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
	consoletest.SetEnv(t, "http://127.0.0.1:9", "glpat-0")
	consoletest.ExitCodes(t, command, map[string]int{"-h": 0, "": 2, "a/b c/d": 2, "-var A a/b": 2, "-input =1 a/b": 2, "-nonsense": 2, "a/b": 4})
	s, err := parse([]string{"-input", "n=1", "-input", "b=true", "-input", "s=main", "-input", `t="1"`, "-input", "z=null", "-input", "e=", "a/b"}, t.Output())
	if got := fmt.Sprintf("%#v", s.opts.Create.Inputs); err != nil || got != `map[string]interface {}{"b":true, "e":"", "n":1, "s":"main", "t":"1", "z":"null"}` {
		t.Errorf("%s (%v)", got, err)
	}
}

// The demo prints each change where there is no terminal, and why the pipeline failed.
func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 1 || notes.Len() > 0 {
			t.Errorf("the exit code is %d: %s", code, &notes)
		}
		for _, want := range []string{"build: [linux, arm64] is success\n", "unit is failed\n", "\nunit failed: script_failure https://", "    --- FAIL: TestGreet (0.00s)\n", "\npipeline 101: failed after "} {
			if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "\x1b") {
				t.Errorf("%q is missing in:\n%q", want, &out)
			}
		}
	})
}

// screenOf is what a terminal shows after frames that overwrite each other.
func screenOf(frames string) []string {
	var lines []string
	at := 0
	for line := range strings.Lines(strings.TrimSuffix(frames, "\x1b[J")) {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "\x1b[J"), "\r")
		up := 0
		if _, err := fmt.Sscanf(line, "\x1b[%dA", &up); err == nil {
			_, line, _ = strings.Cut(line, "A")
			at -= up
		}
		if text, found := strings.CutPrefix(line, "\x1b[J"); found {
			line, lines = text, lines[:at]
		}
		line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[2K"), "\n")
		lines = append(lines[:at], append([]string{line}, lines[min(at+1, len(lines)):]...)...)
		at++
	}
	return lines
}

func TestTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		long := job("with a\x1bname "+strings.Repeat("x", 80), "success")
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, job("unit", "failed"), long)
		s, err := parse([]string{"group/app"}, t.Output())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		b := &board{out: &out, live: console.NewLive(&out), colored: true, began: time.Now()}
		time.AfterFunc(30*time.Second, func() { fmt.Fprintln(b.above(t.Output()), "waiting for 5s: rate limit") })
		if err := s.start(t.Context(), srv.Client(), b); err != failed {
			t.Error(err)
		}
		want := `pipeline 101 on main https://gitlab.example.com/group/app/-/pipelines/101
waiting for 5s: rate limit
job                            stage status     took when
────────────────────────────────────────────────────────────────────────────
unit                           test  <failed>     1m0s <█>
with a?name xxxxxxxxxxxxxxxxx… test  <success>    1m0s <█>
<failed> after 1mSs: 2 of 2 jobs ended; unit: script_failure

<unit failed>: script_failure https://gitlab.example.com/group/app/-/jobs/1001
`
		got := strings.Join(screenOf(out.String()), "\n")
		for pattern, text := range map[string]string{"\x1b\\[3[0-9]m": "<", "\x1b\\[0m": ">", "█+": "█", "1m[0-9]+s:": "1mSs:"} {
			got = regexp.MustCompile(pattern).ReplaceAllString(got, text)
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s\nis not\n%s", got, want)
		}
	})
}

// If there are more jobs than lines, those that matter are shown.
func TestTableOfManyJobs(t *testing.T) {
	var out bytes.Buffer
	b := &board{out: &out, live: console.NewLive(&out), began: time.Now()}
	pipeline := &gitlabci.PipelineInfo{ID: 7, Ref: "main"}
	for i := range gitlabci.JobID(50) {
		status := gitlabci.StatusSuccess
		if i == 40 {
			status = gitlabci.StatusFailed
		}
		b.event(&gitlabci.PipelineEvent{Pipeline: pipeline, Status: status, Job: &gitlabci.Job{JobInfo: gitlabci.JobInfo{ID: i, Name: fmt.Sprint("job ", i), Status: status}}})
	}
	b.event(&gitlabci.PipelineEvent{Pipeline: &gitlabci.PipelineInfo{ID: 8}, Err: gitlabci.ErrForbidden})
	lines := b.lines()
	if len(lines) != 23 || !strings.HasPrefix(lines[2], "job 40 ") || lines[21] != "and 31 more" || !strings.HasSuffix(lines[22], "50 of 50 jobs ended; job 40: failed") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	if above := screenOf(out.String()); above[1] != "pipeline 8 is not watched: gitlabci: forbidden" {
		t.Errorf("above it are: %q", above)
	}
}

// Bars are where GitLab's clock says, which is an hour behind ours.
func TestClocksDiffer(t *testing.T) {
	created := time.Now().Add(-time.Hour)
	b := &board{began: time.Now(), live: console.NewLive(t.Output())}
	event := &gitlabci.PipelineEvent{
		Pipeline: &gitlabci.PipelineInfo{CreatedAt: created},
		Job:      &gitlabci.Job{JobInfo: gitlabci.JobInfo{Name: "unit", Status: "success", StartedAt: created.Add(10 * time.Second), FinishedAt: created.Add(20 * time.Second)}},
	}
	b.event(event)
	if line, want := b.lines()[2], "   10s "+strings.Repeat(" ", 11)+strings.Repeat("█", 11); !strings.HasSuffix(line, want) {
		t.Errorf("%q does not end with %q", line, want)
	}
}
