package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const (
	createRoute = "POST /projects/:id/pipeline"
	cancelRoute = "POST /projects/:id/pipelines/:pipeline_id/cancel"
	bridgeRoute = "GET /projects/:id/pipelines/:pipeline_id/bridges"
)

// A running is a pipeline that is run on a fake, and what comes of it.
type running struct {
	srv    *gitlabcitest.Server
	opts   gitlabci.RunOptions
	out    lineWriter
	events []string
	took   time.Duration
}

// newRunning has jobs for the pipelines that are created.
func newRunning(jobs ...gitlabcitest.Job) *running {
	r := &running{srv: gitlabcitest.NewServer()}
	r.srv.OnCreate("group/app", gitlabcitest.Pipeline{}, jobs...)
	return r
}

func (r *running) run(ctx context.Context) (*gitlabci.RunResult, error) {
	opts := r.opts
	opts.Log = &r.out
	opts.Event = func(e *gitlabci.PipelineEvent) {
		defer r.out.enter()()
		r.events = append(r.events, told(e))
		if r.opts.Event != nil {
			r.opts.Event(e)
		}
	}
	start := time.Now()
	result, err := r.srv.Client().Pipelines.Run(ctx, "group/app", "main", &opts)
	r.took = time.Since(start)
	return result, err
}

func (r *running) requests(route string) (n int) {
	for _, request := range r.srv.Requests() {
		if request.Route == route {
			n++
		}
	}
	return n
}

// A lineWriter takes whole lines only, one at a time.
type lineWriter struct {
	busy  atomic.Bool
	lines []string
	fails int // with the line of this number; 0 is never
	slow  time.Duration
}

var errDiskFull = errors.New("no space left")

// enter panics if somebody is in already.
func (w *lineWriter) enter() (leave func()) {
	if !w.busy.CompareAndSwap(false, true) {
		panic("two at a time")
	}
	return func() { w.busy.Store(false) }
}

func (w *lineWriter) Write(p []byte) (int, error) {
	defer w.enter()()
	if w.slow > 0 {
		time.Sleep(w.slow)
	}
	if strings.Count(string(p), "\n") != 1 || p[len(p)-1] != '\n' {
		panic(fmt.Sprintf("not a line: %q", p))
	}
	if w.fails > 0 && len(w.lines)+1 >= w.fails {
		w.lines = append(w.lines, "")
		return 0, errDiskFull
	}
	w.lines = append(w.lines, string(p))
	return len(p), nil
}

// of returns what was written behind a prefix.
func (w *lineWriter) of(prefix string) (text string) {
	for _, line := range w.lines {
		if rest, found := strings.CutPrefix(line, prefix+": "); found {
			text += rest
		}
	}
	return text
}

// job is one that lasts for a minute.
func job(name string, result gitlabci.Status, log string) gitlabcitest.Job {
	return gitlabcitest.Job{Name: name, Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{
		Queues: 5 * time.Second, Runs: time.Minute, Result: result, Log: log, LogLag: 2 * time.Second,
	}}
}

const failingLog = "\x1b[32;1m$ go test ./...\x1b[0;m\nok\texample.com/a\n\x1b[31m--- FAIL: TestB\x1b[0m\n\nERROR: Job failed: exit code 3\n\x1b[0;m"

// failed writes what Run tells of failures as "1002 unit script_failure 3: a line|another".
func failed(result *gitlabci.RunResult) (all []string) {
	for _, f := range result.Failed {
		all = append(all, fmt.Sprintf("%d %s %s %d: %s", f.Job.ID, f.Job.Name, f.Reason, f.ExitCode, strings.Join(f.Lines, "|")))
	}
	return all
}

func TestRunSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunning(job("build: [linux, amd64]", "success", numbered(3000)), job("lint", "success", "$ lint\n10%\r55%\r100%\nsection_start:1:a\r\x1b[0Ksection_end:2:a\r\x1b[0K\ndone"))
		r.opts.Variables = []*gitlabci.Variable{{Key: "A", Value: "b"}}
		before := r.opts
		result, err := r.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, r.opts, "options are never changed")
		require.Equal(t, gitlabci.StatusSuccess, result.Pipeline.Status)
		require.False(t, result.Pipeline.FinishedAt.IsZero(), "it is as it ended")
		require.Empty(t, result.Failed)
		require.Equal(t, numbered(3000), r.out.of("build: [linux, amd64]"))
		require.Equal(t, "$ lint\n100%\ndone\n", r.out.of("lint"))
		require.Len(t, r.out.lines, 3003)
		require.Equal(t, []string{"pipeline#101 >pending", "build: [linux, amd64]#1001 >pending", "lint#1002 >pending"}, r.events[:3])
		require.Equal(t, "pipeline#101 running>success", r.events[len(r.events)-1])
		require.Less(t, r.took, 100*time.Second)
		variables, err := r.srv.Client().Pipelines.Variables(t.Context(), "group/app", result.Pipeline.ID)
		require.NoError(t, err)
		require.Equal(t, "b", variables[0].Value)
	})
}

// What a pipeline failed of, and what merely failed.
func TestRunFails(t *testing.T) {
	allowed := job("flaky", "failed", failingLog)
	allowed.AllowFailure = true
	skipped := job("deploy", "success", "deployed\n")
	skipped.Stage = "deploy"
	stuck := gitlabcitest.Job{Name: "gpu", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Queues: time.Minute, NeverRuns: true}}
	for name, test := range map[string]struct {
		jobs   []gitlabcitest.Job
		status gitlabci.Status
		want   []string
	}{
		"one of two": {[]gitlabcitest.Job{job("build", "success", "built\n"), job("unit", "failed", failingLog), skipped}, "failed",
			[]string{"1002 unit script_failure 3: --- FAIL: TestB"}},
		"no verdict": {[]gitlabcitest.Job{job("unit", "failed", "one\ntwo\n")}, "failed", []string{"1001 unit script_failure 0: one|two"}},
		"both": {[]gitlabcitest.Job{job("unit", "failed", failingLog), stuck}, "failed",
			[]string{"1001 unit script_failure 3: --- FAIL: TestB", "1002 gpu stuck_pending_no_matching_runners 0: "}},
		"allowed":  {[]gitlabcitest.Job{job("unit", "success", ""), allowed}, "success", nil},
		"canceled": {[]gitlabcitest.Job{job("unit", "canceled", "stop\n")}, "canceled", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRunning(test.jobs...)
				result, err := r.run(t.Context())
				require.NoError(t, err)
				require.Equal(t, test.status, result.Pipeline.Status)
				require.Equal(t, test.want, failed(result))
				for _, f := range result.Failed {
					require.NoError(t, f.Err)
					require.Nil(t, f.TriggerJob)
				}
			})
		})
	}
}

// A job that was retried and then succeeded is no failure, and both logs are
// copied; one that failed again is one failure.
func TestRunRetried(t *testing.T) {
	for result, want := range map[gitlabci.Status][]string{"success": nil, "failed": {"1003 unit script_failure 0: second"}} {
		t.Run(string(result), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				unit := job("unit", "failed", failingLog)
				unit.Retries = []gitlabcitest.Script{{Runs: time.Minute, Result: result, Log: "second\n"}}
				long := job("long", "success", "")
				long.Script.Runs = 10 * time.Minute
				r := newRunning(unit, long)
				time.AfterFunc(2*time.Minute, func() { r.srv.Client().Jobs.Retry(t.Context(), "group/app", 1001, nil) })
				ran, err := r.run(t.Context())
				require.NoError(t, err)
				require.Equal(t, result, ran.Pipeline.Status)
				require.Equal(t, want, failed(ran))
				require.Equal(t, "$ go test ./...\nok\texample.com/a\n--- FAIL: TestB\n\nERROR: Job failed: exit code 3\nsecond\n", r.out.of("unit"))
			})
		})
	}
}

// Names are the project's choice, and lines stay lines behind any of them.
func TestRunPrefixes(t *testing.T) {
	for name, prefix := range map[string]string{
		"build: [linux, amd64]":    "build: [linux, amd64]",
		"a\r\nb\tc":                "a  b c",
		"\x1b[2Junit\u009b1A\x00é": " [2Junit 1A é",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRunning(job(name, "success", "one\ntwo\n"))
			_, err := r.run(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{prefix + ": one\n", prefix + ": two\n"}, r.out.lines)
		})
	}
}

func TestRunBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deploy := gitlabcitest.Job{Name: "deploy", Stage: "deploy", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: time.Second}}
		r := newRunning(job("unit", "success", "ok\n"), deploy)
		r.opts.CancelOnExit = true
		result, err := r.run(t.Context())
		require.ErrorIs(t, err, gitlabci.ErrBlocked)
		require.Equal(t, gitlabci.StatusManual, result.Pipeline.Status)
		require.Equal(t, "ok\n", r.out.of("unit"))
		require.Zero(t, r.requests(cancelRoute), "somebody may play it")
	})
}

// A trigger job counts, whether or not those are watched.
func TestRunTriggerJobs(t *testing.T) {
	for name, test := range map[string]struct {
		downstream bool
		want       []string
	}{
		"alone":      {false, []string{"1002 child unknown_failure 0: "}},
		"downstream": {true, []string{"1002 child unknown_failure 0: ", "1003 leaf script_failure 3: --- FAIL: TestB"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				child := gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
					Jobs: []gitlabcitest.Job{job("leaf", "failed", failingLog)}, Depend: true,
				}}
				r := newRunning(job("unit", "success", "ok\n"), child)
				r.opts.Downstream = test.downstream
				result, err := r.run(t.Context())
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusFailed, result.Pipeline.Status)
				require.Equal(t, test.want, failed(result))
				require.Equal(t, gitlabci.PipelineID(102), result.Failed[0].TriggerJob.DownstreamPipeline.ID)
				require.Equal(t, test.downstream, strings.Contains(r.out.of("leaf (pipeline 102)"), "--- FAIL: TestB"))
				require.Equal(t, "ok\n", r.out.of("unit"))
			})
		})
	}
}

// Below a trigger job that was retried nothing counts any more, but for the
// pipeline that the new one has started.
func TestRunRetriedTriggerJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		child := gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{job("leaf", "failed", failingLog)}, Depend: true,
		}}
		long := job("long", "success", "")
		long.Script.Runs = 10 * time.Minute
		r := newRunning(long, child)
		r.opts.Downstream = true
		time.AfterFunc(3*time.Minute, func() { r.srv.Client().Pipelines.Retry(t.Context(), "group/app", 101) })
		result, err := r.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1004 child unknown_failure 0: ", "1005 leaf script_failure 3: --- FAIL: TestB"}, failed(result))
		require.Contains(t, r.out.of("leaf (pipeline 102)"), "FAIL")
		require.Contains(t, r.out.of("leaf (pipeline 103)"), "FAIL")
	})
}

// With a key, a run goes on with what another one has started, logs included.
func TestRunFindsItsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunning(job("unit", "failed", failingLog))
		r.opts.IdempotencyKey = "nightly-7"
		for n := range 2 {
			result, err := r.run(t.Context())
			require.NoError(t, err)
			require.Equal(t, gitlabci.PipelineID(101), result.Pipeline.ID)
			require.Equal(t, []string{"1001 unit script_failure 3: --- FAIL: TestB"}, failed(result))
			require.Len(t, r.out.lines, 5*(n+1))
		}
	})
}
