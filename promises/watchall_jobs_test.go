package promises_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// The jobs of a pipeline come with its changes, each change of them once.
func TestWatchAllJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		minute := gitlabcitest.Script{Queues: time.Minute, Runs: time.Minute}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		later(t, time.Minute, func() {
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			p.AddJob(gitlabcitest.Job{Name: "unit", Stage: "test", Status: gitlabci.StatusCreated, Script: minute})
			p.AddJob(gitlabcitest.Job{Name: "deploy", Stage: "deploy", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: time.Minute, Result: gitlabci.StatusFailed}})
		})
		later(t, time.Minute+time.Second, func() {
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusSkipped})
		})
		var texts []string
		var failure error
		for event, err := range srv.Client().Pipelines.WatchAll(ctx, "group/app", &gitlabci.WatchAllOptions{Jobs: true}) {
			if failure = err; err == nil {
				texts = append(texts, testkit.EventText(event))
			}
		}
		require.ErrorIs(t, failure, context.DeadlineExceeded)
		require.Equal(t, []string{
			"pipeline#101 >pending", "unit#1001 >pending", "deploy#1002 >created", "pipeline#102 >skipped",
			"pipeline#101 pending>running", "unit#1001 pending>running",
			"unit#1001 running>success", "deploy#1002 created>running",
			"deploy#1002 running>failed", "pipeline#101 running>failed",
		}, texts)
		lists := 0
		for _, request := range srv.Requests() {
			if strings.HasSuffix(request.Path, "/jobs") {
				lists++
			}
		}
		require.Equal(t, 5, lists, "one a change of a pipeline")
	})
}

// Jobs of a replica that lags behind the list are read again.
func TestWatchAllJobsOfALaggingReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		row := p.add(1)[0]
		p.change(row, time.Minute, 0, gitlabci.StatusFailed)
		changed := time.Now().Add(time.Minute)
		jobs := gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(req.URL.Path, "/jobs") {
					return next.RoundTrip(req)
				}
				at, status := changed, gitlabci.StatusFailed
				if time.Since(changed) < 40*time.Second {
					at, status = changed.Add(-time.Minute), gitlabci.StatusRunning
				}
				pipeline := &gitlabci.PipelineInfo{ID: row.id, Status: status, UpdatedAt: at}
				return respondJSON(req, testkit.JSON(t, []*gitlabci.Job{{JobInfo: gitlabci.JobInfo{ID: 1001, Name: "unit", Status: status, Pipeline: pipeline}}})), nil
			})
		})
		client, err := p.client(t).With(jobs)
		require.NoError(t, err)
		waker := &scriptedWaker{}
		later(t, time.Minute, func() { waker.ring("group/app", row.id) })
		var texts []string
		for event, err := range client.Pipelines.WatchAll(t.Context(), "group/app", &gitlabci.WatchAllOptions{Jobs: true, Wake: waker, Since: time.Now()}) {
			require.NoError(t, err)
			if texts = append(texts, testkit.EventText(event)); len(texts) == 2 {
				break
			}
		}
		require.Equal(t, []string{"unit#1001 >failed", "pipeline#101 >failed"}, texts)
		require.Less(t, time.Since(changed), time.Minute)
	})
}

// If only the jobs of a pipeline cannot be read, its event says so, and the others go on.
func TestWatchAllWithoutJobs(t *testing.T) {
	t.Parallel()
	for status, within := range map[int]time.Duration{http.StatusForbidden: time.Minute, http.StatusNotFound: time.Minute, http.StatusBadGateway: 6 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			p := &changingProject{}
			rows := p.add(2)
			for _, row := range rows {
				p.change(row, time.Minute, 0, gitlabci.StatusFailed)
			}
			jobs := gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
					switch {
					case strings.HasSuffix(req.URL.Path, "/101/jobs"):
						resp := respondJSON(req, fmt.Sprintf(`{"message":"%d %s"}`, status, http.StatusText(status)))
						resp.StatusCode = status
						return resp, nil
					case strings.HasSuffix(req.URL.Path, "/102/jobs"):
						return respondJSON(req, `[]`), nil
					}
					return next.RoundTrip(req)
				})
			})
			client, err := p.client(t).With(jobs)
			require.NoError(t, err)
			begun, errs := time.Now(), map[gitlabci.PipelineID]error{}
			for event, err := range client.Pipelines.WatchAll(t.Context(), "group/app", &gitlabci.WatchAllOptions{Jobs: true}) {
				require.NoError(t, err)
				errs[event.Pipeline.ID] = event.Err
				require.Equal(t, gitlabci.StatusFailed, event.Status)
				if len(errs) == 2 {
					break
				}
			}
			require.NoError(t, errs[102])
			e, answered := errs[101], false
			if e != nil {
				answered = strings.Contains(e.Error(), cmp.Or(strconv.Itoa(status)))
			}
			require.True(t, answered, "%v", e)
			require.Less(t, time.Since(begun), time.Minute+within)
		})
	}
}
