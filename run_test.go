package gitlabci_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	createRoute = "POST /projects/:id/pipeline"
	cancelRoute = "POST /projects/:id/pipelines/:pipeline_id/cancel"
	bridgeRoute = "GET /projects/:id/pipelines/:pipeline_id/bridges"
)

const failingLog = "\x1b[32;1m$ go test ./...\x1b[0;m\nok\texample.com/a\n\x1b[31m--- FAIL: TestB\x1b[0m\n\nERROR: Job failed: exit code 3\n\x1b[0;m"

func TestRunSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(testkit.Job("build: [linux, amd64]", "success", testkit.NumberedLines(3000)), testkit.Job("lint", "success", "$ lint\n10%\r55%\r100%\nsection_start:1:a\r\x1b[0Ksection_end:2:a\r\x1b[0K\ndone"))
		r.Opts.Variables = []*gitlabci.Variable{{Key: "A", Value: "b"}}
		before := r.Opts
		result, err := r.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, r.Opts, "options are never changed")
		require.Equal(t, gitlabci.StatusSuccess, result.Pipeline.Status)
		require.False(t, result.Pipeline.FinishedAt.IsZero(), "it is as it ended")
		require.Empty(t, result.Failed)
		require.Equal(t, testkit.NumberedLines(3000), r.Out.After("build: [linux, amd64]"))
		require.Equal(t, "$ lint\n100%\ndone\n", r.Out.After("lint"))
		require.Len(t, r.Out.Lines, 3003)
		require.Equal(t, []string{"pipeline#101 >pending", "build: [linux, amd64]#1001 >pending", "lint#1002 >pending"}, r.Events[:3])
		require.Equal(t, "pipeline#101 running>success", r.Events[len(r.Events)-1])
		require.Less(t, r.Took, 100*time.Second)
		variables, err := r.Server.Client().Pipelines.Variables(t.Context(), "group/app", result.Pipeline.ID)
		require.NoError(t, err)
		require.Equal(t, "b", variables[0].Value)
	})
}

// What a pipeline failed of, and what merely failed.
func TestRunFails(t *testing.T) {
	allowed := testkit.Job("flaky", "failed", failingLog)
	allowed.AllowFailure = true
	skipped := testkit.Job("deploy", "success", "deployed\n")
	skipped.Stage = "deploy"
	stuck := gitlabcitest.Job{Name: "gpu", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Queues: time.Minute, NeverRuns: true}}
	for name, test := range map[string]struct {
		jobs   []gitlabcitest.Job
		status gitlabci.Status
		want   []string
	}{
		"one of two": {[]gitlabcitest.Job{testkit.Job("build", "success", "built\n"), testkit.Job("unit", "failed", failingLog), skipped}, "failed",
			[]string{"1002 unit script_failure 3: --- FAIL: TestB"}},
		"no verdict": {[]gitlabcitest.Job{testkit.Job("unit", "failed", "one\ntwo\n")}, "failed", []string{"1001 unit script_failure 0: one|two"}},
		"both": {[]gitlabcitest.Job{testkit.Job("unit", "failed", failingLog), stuck}, "failed",
			[]string{"1001 unit script_failure 3: --- FAIL: TestB", "1002 gpu stuck_pending_no_matching_runners 0: "}},
		"allowed":  {[]gitlabcitest.Job{testkit.Job("unit", "success", ""), allowed}, "success", nil},
		"canceled": {[]gitlabcitest.Job{testkit.Job("unit", "canceled", "stop\n")}, "canceled", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := testkit.NewRunning(test.jobs...)
				result, err := r.Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, test.status, result.Pipeline.Status)
				require.Equal(t, test.want, testkit.FailedJobs(result))
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
				unit := testkit.Job("unit", "failed", failingLog)
				unit.Retries = []gitlabcitest.Script{{Runs: time.Minute, Result: result, Log: "second\n"}}
				long := testkit.Job("long", "success", "")
				long.Script.Runs = 10 * time.Minute
				r := testkit.NewRunning(unit, long)
				time.AfterFunc(2*time.Minute, func() { r.Server.Client().Jobs.Retry(t.Context(), "group/app", 1001, nil) })
				ran, err := r.Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, result, ran.Pipeline.Status)
				require.Equal(t, want, testkit.FailedJobs(ran))
				require.Equal(t, "$ go test ./...\nok\texample.com/a\n--- FAIL: TestB\n\nERROR: Job failed: exit code 3\nsecond\n", r.Out.After("unit"))
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
			r := testkit.NewRunning(testkit.Job(name, "success", "one\ntwo\n"))
			_, err := r.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{prefix + ": one\n", prefix + ": two\n"}, r.Out.Lines)
		})
	}
}

func TestRunBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deploy := gitlabcitest.Job{Name: "deploy", Stage: "deploy", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: time.Second}}
		r := testkit.NewRunning(testkit.Job("unit", "success", "ok\n"), deploy)
		r.Opts.CancelOnExit = true
		result, err := r.Run(t.Context())
		require.ErrorIs(t, err, gitlabci.ErrBlocked)
		require.Equal(t, gitlabci.StatusManual, result.Pipeline.Status)
		require.Equal(t, "ok\n", r.Out.After("unit"))
		require.Zero(t, r.Requests(cancelRoute), "somebody may play it")
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
					Jobs: []gitlabcitest.Job{testkit.Job("leaf", "failed", failingLog)}, Depend: true,
				}}
				r := testkit.NewRunning(testkit.Job("unit", "success", "ok\n"), child)
				r.Opts.Downstream = test.downstream
				result, err := r.Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusFailed, result.Pipeline.Status)
				require.Equal(t, test.want, testkit.FailedJobs(result))
				require.Equal(t, gitlabci.PipelineID(102), result.Failed[0].TriggerJob.DownstreamPipeline.ID)
				require.Equal(t, test.downstream, strings.Contains(r.Out.After("leaf (pipeline 102)"), "--- FAIL: TestB"))
				require.Equal(t, "ok\n", r.Out.After("unit"))
			})
		})
	}
}

// Below a trigger job that was retried nothing counts any more, but for the
// pipeline that the new one has started.
func TestRunRetriedTriggerJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		child := gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{testkit.Job("leaf", "failed", failingLog)}, Depend: true,
		}}
		long := testkit.Job("long", "success", "")
		long.Script.Runs = 10 * time.Minute
		r := testkit.NewRunning(long, child)
		r.Opts.Downstream = true
		time.AfterFunc(3*time.Minute, func() { r.Server.Client().Pipelines.Retry(t.Context(), "group/app", 101) })
		result, err := r.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1004 child unknown_failure 0: ", "1005 leaf script_failure 3: --- FAIL: TestB"}, testkit.FailedJobs(result))
		require.Contains(t, r.Out.After("leaf (pipeline 102)"), "FAIL")
		require.Contains(t, r.Out.After("leaf (pipeline 103)"), "FAIL")
	})
}

// With a key, a run goes on with what another one has started, logs included.
func TestRunFindsItsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(testkit.Job("unit", "failed", failingLog))
		r.Opts.IdempotencyKey = "nightly-7"
		for n := range 2 {
			result, err := r.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, gitlabci.PipelineID(101), result.Pipeline.ID)
			require.Equal(t, []string{"1001 unit script_failure 3: --- FAIL: TestB"}, testkit.FailedJobs(result))
			require.Len(t, r.Out.Lines, 5*(n+1))
		}
	})
}
