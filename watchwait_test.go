package gitlabci_test

import (
	"context"
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

// What Wait makes of a pipeline that stays as it is.
func TestWait(t *testing.T) {
	blocked, waiting := gitlabci.ErrBlocked, context.DeadlineExceeded
	for _, test := range []struct {
		pipeline gitlabci.Status
		jobs     string
		want     error
	}{
		{gitlabci.StatusSuccess, "success", nil},
		{gitlabci.StatusFailed, "success failed skipped", nil},
		{gitlabci.StatusCanceled, "canceled", nil},
		{gitlabci.StatusSkipped, "", nil},
		{gitlabci.StatusSuccess, "manual", nil},
		{gitlabci.StatusFailed, "running", nil},

		{gitlabci.StatusManual, "manual", blocked},
		{gitlabci.StatusManual, "", blocked},
		{gitlabci.StatusManual, "success manual created", blocked},
		{gitlabci.StatusManual, "manual scheduled", blocked},

		{gitlabci.StatusManual, "manual pending", waiting},
		{gitlabci.StatusManual, "manual dreaming", waiting},
		{gitlabci.StatusCreated, "created", waiting},
		{gitlabci.StatusCreated, "", waiting},
		{gitlabci.StatusWaitingForResource, "", waiting},
		{gitlabci.StatusPreparing, "preparing", waiting},
		{gitlabci.StatusWaitingForCallback, "", waiting},
		{gitlabci.StatusPending, "pending", waiting},
		{gitlabci.StatusRunning, "running manual", waiting},
		{gitlabci.StatusRunning, "success", waiting},
		{gitlabci.StatusCanceling, "canceling", waiting},
		{gitlabci.StatusScheduled, "scheduled", waiting},
		{"brooding", "success", waiting},
		{"brooding", "", waiting},
		{"", "", waiting},
	} {
		t.Run(fmt.Sprint(test.pipeline, ": ", test.jobs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var list []string
				for i, status := range strings.Fields(test.jobs) {
					list = append(list, jobRow(i+1, status, string(test.pipeline), 0))
				}
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/jobs") {
						testkit.Rows(list...)(w, r)
						return
					}
					testkit.Respond(200, `{"id":7,"status":"`+string(test.pipeline)+`","sha":"abc"}`)(w, r)
				})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				ended, err := s.Client(t).Pipelines.Wait(ctx, "group/app", 7, nil)
				if test.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, test.want)
				}
				if test.want == waiting {
					require.Nil(t, ended)
				} else {
					require.Equal(t, gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 7, Status: test.pipeline, SHA: "abc"}}, *ended)
				}
				if test.want != blocked {
					return
				}
				_, err = s.Client(t).Pipelines.Wait(ctx, "group/app", 7, &gitlabci.WatchOptions{WaitForManual: true})
				require.ErrorIs(t, err, waiting)
			})
		})
	}
}

// Blocked is what two polls in a row say, and the pipeline itself after them.
func TestWaitIsSureOfABlock(t *testing.T) {
	manual, running := testkit.Rows(jobRow(1, "manual", "manual", 1)), testkit.Rows(jobRow(1, "running", "running", 1))
	success := testkit.Rows(jobRow(1, "success", "success", 2))
	pipeline := func(status string) http.HandlerFunc { return testkit.Respond(200, `{"id":7,"status":"`+status+`"}`) }
	late := testkit.Respond(200, `{"id":7,"status":"failed","updated_at":"2030-01-01T00:01:00.000Z"}`) // from before a retry
	broken := testkit.Respond(404, "<html>", "Content-Type", "text/html")                              // which the client does not try again by itself
	for name, test := range map[string]struct {
		steps []http.HandlerFunc
		want  error
	}{
		"twice":                      {[]http.HandlerFunc{manual, manual, pipeline("manual")}, gitlabci.ErrBlocked},
		"once":                       {[]http.HandlerFunc{manual, running, success, pipeline("success")}, nil},
		"not in a row":               {[]http.HandlerFunc{manual, running, manual, running, success, pipeline("success")}, nil},
		"with a failed poll between": {[]http.HandlerFunc{manual, broken, manual, pipeline("manual")}, gitlabci.ErrBlocked},
		"failed polls do not count":  {[]http.HandlerFunc{manual, broken, broken, running, success, pipeline("success")}, nil},
		"played just now":            {[]http.HandlerFunc{manual, manual, pipeline("running"), running, success, pipeline("success")}, nil},
		"retried just now":           {[]http.HandlerFunc{success, pipeline("running"), running, success, pipeline("success")}, nil},
		"canceled just now":          {[]http.HandlerFunc{manual, manual, pipeline("canceled"), testkit.Rows(jobRow(1, "canceled", "canceled", 2)), pipeline("canceled")}, nil},
		"a last answer that lags":    {[]http.HandlerFunc{success, late, success, late, success, pipeline("success")}, nil},
		"a broken last answer":       {[]http.HandlerFunc{success, broken, broken, pipeline("success")}, nil},
		"deleted at last":            {[]http.HandlerFunc{success, testkit.Respond(404, `{"message":"404 Not found"}`)}, gitlabci.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(test.steps...)
				ended, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 7, nil)
				require.Len(t, s.Received(), len(test.steps))
				switch test.want {
				case nil:
					require.NoError(t, err)
					require.Contains(t, []gitlabci.Status{"success", "canceled"}, ended.Status)
				case gitlabci.ErrBlocked:
					require.EqualError(t, err, "gitlabci: blocked by a manual job: pipeline 7 in project group/app")
					require.Equal(t, gitlabci.StatusManual, ended.Status)
				default:
					require.ErrorIs(t, err, test.want)
					require.Nil(t, ended)
				}
			})
		})
	}
}

// A verdict that stays older than the jobs for longer than replicas lag counts.
func TestWaitBelievesInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/jobs") {
				testkit.Rows(jobRow(1, "success", "success", 2))(w, r)
				return
			}
			testkit.Respond(200, `{"id":7,"status":"failed","updated_at":"2030-01-01T00:01:00.000Z"}`)(w, r)
		})
		start := time.Now()
		ended, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 7, nil)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusFailed, ended.Status)
		require.InDelta(t, 60, time.Since(start).Seconds(), 5)
	})
}

// What is finished or manual below counts with Downstream, and only then.
func TestWaitDownstream(t *testing.T) {
	t.Parallel()
	play := gitlabcitest.Job{Name: "play", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: time.Minute}}
	busy := gitlabcitest.Job{Name: "busy", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: 10 * time.Minute}}
	for name, test := range map[string]struct {
		below   []gitlabcitest.Job
		beside  []gitlabcitest.Job
		depend  bool
		options *gitlabci.WatchOptions
		want    error
		status  gitlabci.Status
		after   time.Duration // at least; 5 minutes more at most
	}{
		"not below":                         {[]gitlabcitest.Job{busy}, nil, false, nil, nil, "success", 0},
		"below":                             {[]gitlabcitest.Job{busy}, nil, false, downstream, nil, "success", 10 * time.Minute},
		"it depends":                        {[]gitlabcitest.Job{busy}, nil, true, nil, nil, "success", 10 * time.Minute},
		"blocked below":                     {[]gitlabcitest.Job{play}, nil, false, downstream, gitlabci.ErrBlocked, "success", 0},
		"blocked below and it depends":      {[]gitlabcitest.Job{play}, nil, true, downstream, gitlabci.ErrBlocked, "running", 0},
		"blocked below, but busy":           {[]gitlabcitest.Job{play}, []gitlabcitest.Job{busy}, true, downstream, gitlabci.ErrBlocked, "running", 10 * time.Minute},
		"blocked below, but busy elsewhere": {[]gitlabcitest.Job{play}, []gitlabcitest.Job{busy}, false, downstream, gitlabci.ErrBlocked, "success", 10 * time.Minute},
		"waits for a person":                {[]gitlabcitest.Job{play}, nil, true, &gitlabci.WatchOptions{Downstream: true, WaitForManual: true}, context.DeadlineExceeded, "", 20 * time.Minute},
		"not asked to look":                 {[]gitlabcitest.Job{play}, nil, true, nil, context.DeadlineExceeded, "", 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{Jobs: test.below, Depend: test.depend}})
				for _, job := range test.beside {
					p.AddJob(job)
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
				defer cancel()
				ended, err := client.Pipelines.Wait(ctx, "group/app", p.ID, test.options)
				if test.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, test.want)
				}
				if test.want == gitlabci.ErrBlocked {
					require.ErrorContains(t, err, "pipeline 102 in project 1")
				}
				if test.status != "" {
					require.Equal(t, test.status, ended.Status)
				}
				require.GreaterOrEqual(t, time.Since(start), test.after)
				require.Less(t, time.Since(start), test.after+5*time.Minute)
			})
		})
	}
}
