package services_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
		r.Opts.Create.Variables = []*gitlabci.Variable{{Key: "A", Value: "b"}}
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

// Jobs that made the pipeline fail, and jobs that merely failed.
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
				long.Script.Runs = 5 * time.Minute
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
				r.Opts.Watch.Downstream = test.downstream
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

// Below a trigger job that was retried nothing counts any more, except for the
// pipeline that the new one has started.
func TestRunRetriedTriggerJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		child := gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{testkit.Job("leaf", "failed", failingLog)}, Depend: true,
		}}
		long := testkit.Job("long", "success", "")
		long.Script.Runs = 5 * time.Minute
		r := testkit.NewRunning(long, child)
		r.Opts.Watch.Downstream = true
		time.AfterFunc(3*time.Minute, func() { r.Server.Client().Pipelines.Retry(t.Context(), "group/app", 101) })
		result, err := r.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1004 child unknown_failure 0: ", "1005 leaf script_failure 3: --- FAIL: TestB"}, testkit.FailedJobs(result))
		require.Contains(t, r.Out.After("leaf (pipeline 102)"), "FAIL")
		require.Contains(t, r.Out.After("leaf (pipeline 103)"), "FAIL")
	})
}

// With a key, a run continues what another one has started, logs included.
func TestRunFindsItsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(testkit.Job("unit", "failed", failingLog))
		r.Opts.Create.IdempotencyKey = "nightly-7"
		for n := range 2 {
			result, err := r.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, gitlabci.PipelineID(101), result.Pipeline.ID)
			require.Equal(t, []string{"1001 unit script_failure 3: --- FAIL: TestB"}, testkit.FailedJobs(result))
			require.Len(t, r.Out.Lines, 5*(n+1))
		}
	})
}

// The pipeline after Run has ended early.
func TestRunEndsEarly(t *testing.T) {
	t.Parallel()
	forbidden := gitlabcitest.Fault{Route: cancelRoute, Status: http.StatusForbidden}
	revoked := gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Nth: 10, Status: http.StatusUnauthorized, Times: 2}
	for name, test := range map[string]struct {
		cancel bool
		fails  int // line of the log
		fault  *gitlabcitest.Fault
		within time.Duration // the context
		want   error
		status gitlabci.Status // in the result
		now    gitlabci.Status // on the server; that of a job that had failed outlasts a cancel
		asked  int             // to cancel
	}{
		"canceled":                    {true, 0, nil, 2 * time.Minute, context.DeadlineExceeded, "failed", "failed", 1},
		"not canceled":                {false, 0, nil, 2 * time.Minute, context.DeadlineExceeded, "running", "running", 0},
		"may not be canceled":         {true, 0, &forbidden, 2 * time.Minute, context.DeadlineExceeded, "running", "running", 1},
		"a full disk":                 {false, 40, nil, time.Hour, testkit.ErrDiskFull, "running", "running", 0},
		"a full disk, canceled":       {true, 40, nil, time.Hour, testkit.ErrDiskFull, "failed", "failed", 1},
		"a token that is revoked":     {false, 0, &revoked, time.Hour, gitlabci.ErrUnauthorized, "running", "running", 0},
		"a token revoked, canceled":   {true, 0, &revoked, time.Hour, gitlabci.ErrUnauthorized, "canceled", "canceled", 1},
		"the end of the last log":     {true, 0, nil, 3*time.Minute + 24*time.Second, context.DeadlineExceeded, "failed", "failed", 0},
		"a full disk at the last log": {true, 102, nil, time.Hour, testkit.ErrDiskFull, "failed", "failed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				long := testkit.Job("long", "success", testkit.NumberedLines(100))
				long.Script.Runs, long.Script.LogLag = 3*time.Minute, 25*time.Second
				r := testkit.NewRunning(testkit.Job("unit", "failed", "one\ntwo\n"), long)
				r.Opts.CancelOnExit, r.Out.Fails = test.cancel, test.fails
				if test.fault != nil {
					r.Server.Fault(*test.fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.within)
				defer cancel()
				result, err := r.Run(ctx)
				require.ErrorIs(t, err, test.want)
				require.False(t, test.want != context.DeadlineExceeded && errors.Is(err, context.Canceled), err)
				require.Equal(t, test.fault == &forbidden, errors.Is(err, gitlabci.ErrForbidden))
				require.Equal(t, test.status, result.Pipeline.Status)
				require.LessOrEqual(t, r.Took, test.within)
				require.Equal(t, test.asked, r.Requests(cancelRoute))
				if test.fails > 0 {
					require.Len(t, r.Out.Lines, test.fails, "it is not asked again")
				}
				now, err := r.Server.Client().Pipelines.Get(t.Context(), "group/app", result.Pipeline.ID)
				require.NoError(t, err)
				require.Equal(t, test.now, now.Status)
				if len(result.Failed) > 0 {
					require.ErrorIs(t, result.Failed[0].Err, test.want)
					require.Equal(t, gitlabci.FailureReasonScriptFailure, result.Failed[0].Reason)
				}
			})
		})
	}
}

// A pipeline that has ended is not canceled, even if one below it still runs.
func TestRunCancelsNothingThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{{Name: "leaf", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: time.Hour}}},
		}})
		r.Opts.CancelOnExit, r.Opts.Watch.Downstream = true, true
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result, err := r.Run(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, gitlabci.StatusSuccess, result.Pipeline.Status)
		require.Zero(t, r.Requests(cancelRoute))
	})
}

// If Run gives up while it waits for someone to play a job, it cancels the pipeline.
func TestRunCancelsWhatIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual})
		r.Opts.Watch.WaitForManual, r.Opts.CancelOnExit = true, true
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		result, err := r.Run(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, r.Requests(cancelRoute))
		require.Equal(t, gitlabci.StatusCanceled, result.Pipeline.Status)
	})
}

// Wrong options are refused before anything is sent. If the create was interrupted, the
// pipeline is not canceled, since its ID is not known.
func TestRunStartsNothing(t *testing.T) {
	lost := gitlabcitest.Fault{Route: createRoute, Break: gitlabcitest.BreakStallHeader, Executed: true}
	for name, test := range map[string]struct {
		ref   string
		opts  *gitlabci.RunOptions
		fault *gitlabcitest.Fault
		want  []error
		sent  int
	}{
		"no ref":         {"", nil, nil, []error{gitlabci.ErrInvalid}, 0},
		"a bad key":      {"main", &gitlabci.RunOptions{Create: gitlabci.CreatePipelineOptions{IdempotencyKey: "$"}}, nil, []error{gitlabci.ErrInvalid}, 0},
		"a bad time":     {"main", &gitlabci.RunOptions{Watch: gitlabci.WatchOptions{MinInterval: -1}}, nil, []error{gitlabci.ErrInvalid}, 0},
		"lost":           {"main", &gitlabci.RunOptions{CancelOnExit: true}, &lost, []error{gitlabci.ErrOutcomeUnknown, context.DeadlineExceeded}, 1},
		"an unknown ref": {"main", nil, &gitlabcitest.Fault{Route: createRoute, Status: 400}, []error{gitlabci.ErrInvalid}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				if test.fault != nil {
					srv.Fault(*test.fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				result, err := srv.Client().Pipelines.Run(ctx, "group/app", test.ref, test.opts)
				for _, want := range test.want {
					require.ErrorIs(t, err, want)
				}
				require.Nil(t, result)
				require.Len(t, srv.Requests(), test.sent)
			})
		})
	}
}

// A log that may not be read is no error of the run.
func TestRunLogRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(testkit.Job("unit", "failed", "one\ntwo\n"))
		r.Server.Fault(gitlabcitest.Fault{Route: testkit.LogRoute, Status: http.StatusForbidden})
		result, err := r.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"1001 unit script_failure 0: "}, testkit.FailedJobs(result))
		require.ErrorIs(t, result.Failed[0].Err, gitlabci.ErrForbidden)
		require.Equal(t, []string{"unit: [the log is not complete: gitlabci: GET /projects/group%2Fapp/jobs/1001/trace: 403 Forbidden]\n"}, r.Out.Lines)
	})
}

// At most 16 logs are followed at the same time, and none is left out.
func TestRunManyLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs []gitlabcitest.Job
		for i := range 20 {
			jobs = append(jobs, testkit.Job(fmt.Sprintf("unit %d/20", i+1), "success", testkit.NumberedLines(20)))
		}
		r := testkit.NewRunning(jobs...)
		followed := map[string]bool{} // while they run
		time.AfterFunc(45*time.Second, func() {
			for _, request := range r.Server.Requests() {
				if request.Route == testkit.LogRoute {
					followed[request.Path] = true
				}
			}
		})
		_, err := r.Run(t.Context())
		require.NoError(t, err)
		require.Len(t, followed, 16)
		for _, job := range jobs {
			require.Equal(t, testkit.NumberedLines(20), r.Out.After(job.Name))
		}
	})
}

// GitLab can say that a pipeline has ended though a job of it has not.
func TestRunLeavesAJobRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				testkit.Respond(201, `{"id":7,"status":"created"}`)(w, r)
			case strings.HasSuffix(r.URL.Path, "/trace"):
				testkit.Log("one\ntwo\n")(w, r)
			case strings.HasSuffix(r.URL.Path, "/jobs"):
				testkit.Rows(jobRow(1, "running", "failed", 0))(w, r)
			case strings.HasSuffix(r.URL.Path, "/bridges"):
				testkit.Rows()(w, r)
			case strings.HasSuffix(r.URL.Path, "/jobs/1"):
				testkit.Respond(200, `{"id":1,"status":"running","started_at":"2026-01-01T00:00:00Z"}`)(w, r)
			default:
				testkit.Respond(200, `{"id":7,"status":"failed"}`)(w, r)
			}
		})
		var out testkit.LineWriter
		start := time.Now()
		result, err := s.Client(t).Pipelines.Run(t.Context(), "group/app", "main", &gitlabci.RunOptions{Log: &out})
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusFailed, result.Pipeline.Status)
		require.Empty(t, result.Failed)
		require.Len(t, out.Lines, 3)
		require.Contains(t, out.Lines[2], "[the log is not complete: the pipeline has ended, and this job has not]\n")
		require.Less(t, time.Since(start), 2*time.Minute)
	})
}

// With any Event function, nothing is left behind.
func TestRunEventPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(testkit.Job("unit", "success", testkit.NumberedLines(100)))
		r.Opts.Event = func(e *gitlabci.PipelineEvent) {
			if e.Job != nil && e.Status == gitlabci.StatusRunning {
				panic("of the caller")
			}
		}
		require.PanicsWithValue(t, "of the caller", func() { r.Run(t.Context()) })
	})
}

// A slow writer is waited for: nothing is written once Run has returned, and
// never while Event is called.
func TestRunSlowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testkit.NewRunning(testkit.Job("unit", "success", testkit.NumberedLines(500)), testkit.Job("lint", "success", testkit.NumberedLines(500)))
		r.Out.Slow = 700 * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		_, err := r.Run(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		written := len(r.Out.Lines)
		require.False(t, r.Out.Busy.Load())
		time.Sleep(time.Minute)
		require.Len(t, r.Out.Lines, written)
		require.Contains(t, r.Events, "unit#1001 running>success")
	})
}

// Logs are polled no more often than the pipeline, if that was requested, and
// one that has finished is not canceled for the sake of those below.
func TestRunDownstreamContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leaf := testkit.Job("leaf", "success", testkit.NumberedLines(100))
		leaf.Script.Runs = 20 * time.Minute
		r := testkit.NewRunning(gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{Jobs: []gitlabcitest.Job{leaf}}})
		r.Opts.Watch.Downstream, r.Opts.CancelOnExit, r.Opts.Watch.MinInterval = true, true, 30*time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		result, err := r.Run(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, gitlabci.StatusSuccess, result.Pipeline.Status)
		require.Zero(t, r.Requests(cancelRoute))
		require.LessOrEqual(t, r.Requests(testkit.LogRoute), 20)
	})
}

// A pipeline that was created just now is not given up because a replica does
// not know it yet.
func TestRunOnAReplica(t *testing.T) {
	for times, want := range map[int]error{3: nil, 0: gitlabci.ErrNotFound} {
		synctest.Test(t, func(t *testing.T) {
			r := testkit.NewRunning(testkit.Job("unit", "success", "ok\n"))
			r.Server.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Status: 404, Body: `{"message":"404 Not found"}`, Times: times})
			result, err := r.Run(t.Context())
			require.Equal(t, gitlabci.PipelineID(101), result.Pipeline.ID)
			if want == nil {
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusSuccess, result.Pipeline.Status)
				return
			}
			require.ErrorIs(t, err, want)
			require.InDelta(t, 60, r.Took.Seconds(), 20)
		})
	}
}
