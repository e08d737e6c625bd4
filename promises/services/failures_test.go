package services_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// Failures reports the same of a finished pipeline as Run.
func TestFailuresEqualThoseOfRun(t *testing.T) {
	allowed := testkit.Job("flaky", "failed", failingLog)
	allowed.AllowFailure = true
	for name, jobs := range map[string][]gitlabcitest.Job{
		"one of two": {testkit.Job("build", "success", "built\n"), testkit.Job("unit", "failed", failingLog), allowed},
		"none":       {testkit.Job("unit", "success", ""), allowed},
		"no jobs":    nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := testkit.NewRunning(jobs...)
			result, err := r.Run(t.Context())
			if err != nil { // there is no pipeline without jobs
				r.Server.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 101, Status: gitlabci.StatusFailed})
				result = &gitlabci.RunResult{Pipeline: &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 101}}}
			}
			failed, err := r.Server.Client().Pipelines.Failures(t.Context(), "group/app", result.Pipeline.ID, nil)
			require.NoError(t, err, name)
			require.Equal(t, result.Failed, failed, name)
		})
	}
}

// Failures does not wait, and finds failed trigger jobs and what failed below them.
func TestFailuresOfARunningPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := testkit.Job("long", "success", "")
		long.Script.Runs = time.Hour
		r := testkit.NewRunning(testkit.Job("unit", "failed", failingLog), long, gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{testkit.Job("leaf", "failed", failingLog)}, Depend: true,
		}})
		client := r.Server.Client()
		p, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		time.Sleep(10 * time.Minute) // of the bubble
		start := time.Now()
		for downstream, want := range map[bool][]string{
			false: {"1001 unit script_failure 3: --- FAIL: TestB", "1003 child unknown_failure 0: "},
			true:  {"1001 unit script_failure 3: --- FAIL: TestB", "1003 child unknown_failure 0: ", "1004 leaf script_failure 3: --- FAIL: TestB"},
		} {
			failed, err := client.Pipelines.Failures(t.Context(), "group/app", p.ID, &gitlabci.FailuresOptions{Downstream: downstream})
			require.NoError(t, err)
			require.Equal(t, want, testkit.FailedJobs(&gitlabci.RunResult{Failed: failed}))
		}
		require.Zero(t, time.Since(start))
	})
}

func TestFailuresThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed, Log: failingLog, StartedAt: time.Now(), FinishedAt: time.Now()})
		client := srv.Client(gitlabci.WithRetries(0))
		_, err := client.Pipelines.Failures(t.Context(), "group/app", 4711, nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)

		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Status: 502, Times: 3})
		srv.Fault(gitlabcitest.Fault{Route: testkit.LogRoute, Status: 403})
		list, err := client.Pipelines.Failures(t.Context(), "group/app", p.ID, nil)
		require.NoError(t, err, "outages pass")
		require.Len(t, list, 1)
		require.ErrorIs(t, list[0].Err, gitlabci.ErrForbidden)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = client.Pipelines.Failures(ctx, "group/app", p.ID, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// junit is a report with a test that passed, and two that did not.
const junit = `<testsuites><testsuite name="x"><testcase classname="pkg.Calc" name="adds"/>
<testcase classname="pkg.Calc" name="divides"><failure message="no">&#10;calc_test.go:12: got 1&#10;wanted 2&#10;  at a&#10;  at b&#10;  at c</failure></testcase>
<testcase name="loads"><error message="cannot open x"/></testcase></testsuite></testsuites>`

// failedWithReport is a job that failed and uploaded a report.
func failedWithReport(name string) gitlabcitest.Job {
	return gitlabcitest.Job{
		Name: name, Status: gitlabci.StatusFailed, Log: failingLog, StartedAt: time.Now(), FinishedAt: time.Now(),
		Reports: map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeJUnit: []byte(junit)},
	}
}

const reportRoute = "GET /projects/:id/pipelines/:pipeline_id/test_report"

// Tests that failed are those of the job's own report, and come before the log.
func TestFailuresWithTests(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	p.AddJob(failedWithReport("unit"))
	p.AddJob(failedWithReport("e2e 2/3"))
	p.AddJob(gitlabcitest.Job{Name: "lint", Status: gitlabci.StatusFailed, Log: failingLog, StartedAt: time.Now(), FinishedAt: time.Now()})
	list, err := srv.Client().Pipelines.Failures(t.Context(), "group/app", p.ID, nil)
	require.NoError(t, err)
	require.Len(t, list, 3)
	for _, failure := range list[:2] {
		require.NoError(t, failure.Err)
		require.Len(t, failure.TestCases, 2)
		require.Equal(t, "divides", failure.TestCases[0].Name)
		require.Equal(t, []string{
			"failed: pkg.Calc divides", "calc_test.go:12: got 1", "wanted 2", "  at a", "error: loads", "cannot open x", "--- FAIL: TestB",
		}, failure.Lines)
	}
	require.Empty(t, list[2].TestCases)
	require.Equal(t, []string{"--- FAIL: TestB"}, list[2].Lines)
	require.Equal(t, 3, list[2].Summary.ExitCode)
	require.Equal(t, 1, countRequests(srv, reportRoute), "one for all jobs")
}

func countRequests(srv *gitlabcitest.Server, route string) (n int) {
	for _, request := range srv.Requests() {
		if request.Route == route {
			n++
		}
	}
	return n
}

// A job without a report costs no request, and one whose report cannot be read has its log.
func TestFailuresWithoutTests(t *testing.T) {
	for name, test := range map[string]struct {
		job    gitlabcitest.Job
		status int
		asks   int
		err    error
	}{
		"no report":    {gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed, Log: failingLog}, 0, 0, nil},
		"gone":         {failedWithReport("unit"), 404, 1, nil},
		"forbidden":    {failedWithReport("unit"), 403, 1, nil},
		"out of order": {failedWithReport("unit"), 400, 1, &gitlabci.APIError{}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			p.AddJob(test.job)
			if test.status != 0 {
				srv.Fault(gitlabcitest.Fault{Route: reportRoute, Status: test.status})
			}
			list, err := srv.Client().Pipelines.Failures(t.Context(), "group/app", p.ID, nil)
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Empty(t, list[0].TestCases)
			require.Equal(t, []string{"--- FAIL: TestB"}, list[0].Lines)
			require.Equal(t, test.asks, countRequests(srv, reportRoute))
			if test.err == nil {
				require.NoError(t, list[0].Err)
			} else {
				require.ErrorAs(t, list[0].Err, new(*gitlabci.APIError))
			}
		})
	}
}

// Only a small part of a large report is kept.
func TestFailuresWithManyTests(t *testing.T) {
	var report strings.Builder
	report.WriteString("<testsuite>")
	for i := range 110 {
		length := 1
		if i == 0 || i == 99 {
			length = 33 << 10
		}
		fmt.Fprintf(&report, `<testcase name="test %d"><failure>%s</failure></testcase>`, i, strings.Repeat("é", length))
	}
	report.WriteString("</testsuite>")
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	job := failedWithReport("unit")
	job.Reports[gitlabci.ArtifactTypeJUnit] = []byte(report.String())
	p.AddJob(job)
	list, err := srv.Client().Pipelines.Failures(t.Context(), "group/app", p.ID, nil)
	require.NoError(t, err)
	require.Len(t, list[0].TestCases, 100)
	require.Equal(t, strings.Repeat("é", 32<<10), list[0].TestCases[99].SystemOutput)
	require.Len(t, list[0].Lines, 11)
	require.Equal(t, strings.Repeat("é", 2048), list[0].Lines[1])
}
