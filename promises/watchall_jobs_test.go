package promises_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
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

// Jobs of a replica that lags behind the list are read again, and so are those of one that
// does not have the pipeline yet.
func TestWatchAllJobsOfALaggingReplica(t *testing.T) {
	t.Parallel()
	for _, missing := range []int{0, http.StatusNotFound} {
		synctest.Test(t, func(t *testing.T) {
			p := &changingProject{}
			row := p.add(1)[0]
			p.change(row, time.Minute, 0, gitlabci.StatusFailed)
			changed := time.Now().Add(time.Minute)
			client := p.jobsClient(t, func() jobsList {
				if time.Since(changed) < 40*time.Second {
					return jobsList{failure: missing, changed: changed.Add(-time.Minute), pipeline: gitlabci.StatusRunning, jobs: []gitlabci.Status{gitlabci.StatusRunning}}
				}
				return jobsList{changed: changed, pipeline: gitlabci.StatusFailed, jobs: []gitlabci.Status{gitlabci.StatusFailed}}
			})
			waker := &scriptedWaker{}
			later(t, time.Minute, func() { waker.ring("group/app", row.id) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			var texts []string
			for event, err := range client.Pipelines.WatchAll(ctx, "group/app", &gitlabci.WatchAllOptions{Jobs: true, Wake: waker, Since: time.Now()}) {
				require.NoError(t, err)
				if texts = append(texts, testkit.EventText(event)); len(texts) == 2 {
					break
				}
			}
			require.Equal(t, []string{"unit#1001 >failed", "pipeline#101 >failed"}, texts)
			require.Less(t, time.Since(changed), time.Minute)
		})
	}
}

// An empty list says nothing about how old it is. If a pipeline has finished without jobs, they
// are listed one more time when no replica lags any longer, unless it was skipped.
func TestWatchAllJobsOfAnEmptyList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status gitlabci.Status
		lag    time.Duration
		want   []string
		lists  int
	}{
		"a replica lags": {gitlabci.StatusFailed, 40 * time.Second, []string{"pipeline#101 >failed", "unit#1001 >failed"}, 2},
		"it has no jobs": {gitlabci.StatusFailed, time.Hour, []string{"pipeline#101 >failed"}, 2},
		"it was skipped": {gitlabci.StatusSkipped, time.Hour, []string{"pipeline#101 >skipped"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{}
				p.change(p.add(1)[0], time.Minute, 0, test.status)
				changed, lists := time.Now().Add(time.Minute), 0
				client := p.jobsClient(t, func() jobsList {
					list := jobsList{changed: changed, pipeline: test.status}
					if lists++; time.Since(changed) >= test.lag {
						list.jobs = []gitlabci.Status{test.status}
					}
					return list
				})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				var texts []string
				for event, err := range client.Pipelines.WatchAll(ctx, "group/app", &gitlabci.WatchAllOptions{Jobs: true, Since: time.Now()}) {
					if err != nil {
						break
					}
					texts = append(texts, testkit.EventText(event))
				}
				require.Equal(t, test.want, texts)
				require.Equal(t, test.lists, lists)
			})
		})
	}
}

// A loop that is left amid the events of one change resumes with all of its jobs, and does
// not repeat the event of the pipeline.
func TestWatchAllJobsResume(t *testing.T) {
	t.Parallel()
	for status, want := range map[gitlabci.Status][]string{
		gitlabci.StatusRunning: {"pipeline#101 >running", "unit#1001 >running", "unit#1002 >running"},
		gitlabci.StatusSuccess: {"unit#1001 >success", "unit#1002 >success", "pipeline#101 >success"},
	} {
		for left := range 3 {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{}
				row := p.add(1)[0]
				p.change(row, -time.Second, 0, status)
				client := p.jobsClient(t, func() jobsList {
					return jobsList{changed: row.changes[0].at, pipeline: status, jobs: []gitlabci.Status{status, status}}
				})
				opts := &gitlabci.WatchAllOptions{Jobs: true, Since: time.Now().Add(-time.Minute)}
				loop := func(most int) (texts []string) {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					defer cancel()
					for event, err := range client.Pipelines.WatchAll(ctx, "group/app", opts) {
						if err != nil {
							require.ErrorIs(t, err, context.DeadlineExceeded)
							break
						}
						opts.After = event.Cursor
						if texts = append(texts, testkit.EventText(event)); len(texts) == most {
							break
						}
					}
					return texts
				}
				require.Equal(t, want[:left+1], loop(left+1))
				again := slices.DeleteFunc(slices.Clone(want), func(text string) bool {
					return left == 2 || text == want[0] && status == gitlabci.StatusRunning
				})
				require.ElementsMatch(t, again, loop(0))
			})
		}
	}
}

// Jobs that stay behind the list for longer than replicas lag are believed. A pipeline is
// not forgotten because of later ones in the list.
func TestWatchAllJobsThatLagTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		rows, begun := p.add(2), time.Now()
		p.change(rows[0], -time.Hour, 0, gitlabci.StatusFailed)
		p.change(rows[1], -time.Minute, 0, gitlabci.StatusSkipped)
		client := p.jobsClient(t, func() jobsList {
			return jobsList{changed: begun.Add(-2 * time.Hour), pipeline: gitlabci.StatusRunning, jobs: []gitlabci.Status{gitlabci.StatusFailed}}
		})
		seen, opts := map[gitlabci.PipelineID]bool{}, gitlabci.WatchAllOptions{Jobs: true, Since: begun.Add(-2 * time.Hour)}
		pipelinesOf(t, client, &opts, 1, seen)
		require.Equal(t, map[gitlabci.PipelineID]bool{102: true}, seen)
		pipelinesOf(t, client, &opts, 2, seen)
		require.Len(t, seen, 2)
		require.Less(t, time.Since(begun), 80*time.Second)
		require.Less(t, len(p.queries()), 20)
	})
}

// If only the jobs of a pipeline cannot be read, its event says so, and the others continue.
func TestWatchAllWithoutJobs(t *testing.T) {
	t.Parallel()
	for status, within := range map[int]time.Duration{http.StatusForbidden: time.Minute, http.StatusNotFound: 2 * time.Minute, http.StatusBadGateway: 6 * time.Minute} {
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
			e, responded := errs[101], false
			if e != nil {
				responded = strings.Contains(e.Error(), cmp.Or(strconv.Itoa(status)))
			}
			require.True(t, responded, "%v", e)
			require.Less(t, time.Since(begun), time.Minute+within)
		})
	}
}

// A jobsList is what a server says of the jobs of pipeline 101.
type jobsList struct {
	failure  int // the status of the response, if it is no list
	changed  time.Time
	pipeline gitlabci.Status
	jobs     []gitlabci.Status
}

// jobsClient is a client of a server that lists the jobs of pipeline 101 as a function says,
// and no jobs of others.
func (p *changingProject) jobsClient(t *testing.T, now func() jobsList) *gitlabci.Client {
	client, err := p.client(t).With(gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(req.URL.Path, "/jobs") {
				return next.RoundTrip(req)
			}
			if !strings.HasSuffix(req.URL.Path, "/101/jobs") {
				return respondJSON(req, `[]`), nil
			}
			return now().respond(t, req), nil
		})
	}))
	require.NoError(t, err)
	return client
}

func (l jobsList) respond(t *testing.T, req *http.Request) *http.Response {
	if l.failure > 0 {
		resp := respondJSON(req, fmt.Sprintf(`{"message":"%d %s"}`, l.failure, http.StatusText(l.failure)))
		resp.StatusCode = l.failure
		return resp
	}
	jobs := []*gitlabci.Job{}
	for i, status := range l.jobs {
		pipeline := &gitlabci.PipelineInfo{ID: 101, Status: l.pipeline, UpdatedAt: l.changed}
		jobs = append(jobs, &gitlabci.Job{JobInfo: gitlabci.JobInfo{ID: gitlabci.JobID(1001 + i), Name: "unit", Status: status, Pipeline: pipeline}})
	}
	resp := respondJSON(req, testkit.JSON(t, jobs))
	etag := fmt.Sprintf(`W/"%v %s"`, l.jobs, l.changed)
	if resp.Header.Set("ETag", etag); req.Header.Get("If-None-Match") == etag {
		resp.StatusCode, resp.Body, resp.ContentLength = http.StatusNotModified, http.NoBody, 0
	}
	return resp
}

// textsOf are the first events of a project with jobs.
func textsOf(t *testing.T, client *gitlabci.Client, n int) (texts []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	opts := &gitlabci.WatchAllOptions{Jobs: true, Since: time.Now(), MinInterval: 2 * time.Second, MaxInterval: 2 * time.Second}
	for event, err := range client.Pipelines.WatchAll(ctx, "group/app", opts) {
		require.NoError(t, err, "%v", texts)
		if texts = append(texts, testkit.EventText(event)); len(texts) == n {
			break
		}
	}
	return texts
}

// A replica that lags does not make a job run again that has ended, after the end of its
// pipeline or before it.
func TestWatchAllJobsDoNotGoBack(t *testing.T) {
	t.Parallel()
	const running, success, failed = gitlabci.StatusRunning, gitlabci.StatusSuccess, gitlabci.StatusFailed
	for name, last := range map[string]gitlabci.Status{"finished": failed, "running": running} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{}
				row, changed := p.add(1)[0], time.Now().Add(time.Minute)
				p.change(row, time.Minute, 0, last)
				if last == running { // so that the jobs are read again
					for i := range 25 {
						p.change(row, time.Minute+time.Duration(2*i+2)*time.Second, 0, running)
					}
				}
				client := p.jobsClient(t, func() jobsList {
					since := time.Since(changed)
					list := jobsList{changed: changed, pipeline: last, jobs: []gitlabci.Status{running, running}}
					if last == running {
						list.changed = row.changes[min(int(since/(2*time.Second)), 25)].at
					}
					if since > 10*time.Second && (since < 20*time.Second || since > 25*time.Second) {
						list.jobs[0] = success
					}
					if since > 40*time.Second {
						list.jobs[1] = success
					}
					return list
				})
				texts := textsOf(t, client, 5)
				require.ElementsMatch(t, []string{
					"unit#1001 >running", "unit#1002 >running", "pipeline#101 >" + string(last),
					"unit#1001 running>success", "unit#1002 running>success",
				}, texts)
			})
		})
	}
}

// A list of jobs that is as it was, though the pipeline has changed, is of a replica that
// lags.
func TestWatchAllJobsThatAreAsTheyWere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &changingProject{}
		row, begun := p.add(1)[0], time.Now()
		p.change(row, time.Minute, 0, gitlabci.StatusPending)
		p.change(row, 2*time.Minute, 0, gitlabci.StatusRunning)
		client := p.jobsClient(t, func() jobsList {
			status, changed := gitlabci.StatusPending, row.changes[0].at
			if time.Since(begun) > 2*time.Minute+30*time.Second {
				status, changed = gitlabci.StatusRunning, row.changes[1].at
			}
			return jobsList{changed: changed, pipeline: status, jobs: []gitlabci.Status{status}}
		})
		require.Equal(t, []string{
			"pipeline#101 >pending", "unit#1001 >pending", "pipeline#101 pending>running", "unit#1001 pending>running",
		}, textsOf(t, client, 4))
		require.Less(t, time.Since(begun), 2*time.Minute+35*time.Second)
	})
}

// A job that ends after its pipeline is seen, however long it ran before. The jobs of an old
// server do not say when their pipeline changed: there, a list that is as it was says nothing
// about that.
func TestWatchAllJobsThatEndLate(t *testing.T) {
	t.Parallel()
	for name, old := range map[string]bool{"new": false, "old": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{}
				row, begun := p.add(1)[0], time.Now()
				p.change(row, time.Minute, 0, gitlabci.StatusRunning)
				p.change(row, 10*time.Minute, 0, gitlabci.StatusFailed)
				client := p.jobsClient(t, func() jobsList {
					since, list := time.Since(begun), jobsList{pipeline: gitlabci.StatusRunning, jobs: []gitlabci.Status{gitlabci.StatusRunning}}
					if since > 10*time.Minute+10*time.Second {
						list.jobs[0] = gitlabci.StatusSuccess
					}
					if !old {
						list.changed = row.changes[int(since/(10*time.Minute))].at
					}
					return list
				})
				require.Equal(t, []string{
					"pipeline#101 >running", "unit#1001 >running", "pipeline#101 running>failed", "unit#1001 running>success",
				}, textsOf(t, client, 4))
				require.Less(t, time.Since(begun), 10*time.Minute+15*time.Second)
			})
		})
	}
}

// If the jobs that still run when their pipeline has finished cannot be read any more, one
// event says so. They are read again after the next change.
func TestWatchAllLosesJobs(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusForbidden, http.StatusBadGateway} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{}
				rows, begun := p.add(2), time.Now()
				p.change(rows[0], time.Minute, 0, gitlabci.StatusFailed)
				p.change(rows[0], 20*time.Minute, 0, gitlabci.StatusSuccess)
				p.change(rows[1], 10*time.Minute, 0, gitlabci.StatusSkipped)
				client := p.jobsClient(t, func() jobsList {
					switch since := time.Since(begun); {
					case since >= 20*time.Minute:
						return jobsList{changed: rows[0].changes[1].at, pipeline: gitlabci.StatusSuccess, jobs: []gitlabci.Status{gitlabci.StatusSuccess}}
					case since >= time.Minute+10*time.Second:
						return jobsList{failure: status}
					}
					return jobsList{changed: rows[0].changes[0].at, pipeline: gitlabci.StatusFailed, jobs: []gitlabci.Status{gitlabci.StatusRunning}}
				})
				require.Equal(t, []string{
					"unit#1001 >running", "pipeline#101 >failed", "pipeline#101 not watched", "pipeline#102 >skipped",
					"unit#1001 running>success", "pipeline#101 failed>success",
				}, textsOf(t, client, 6))
			})
		})
	}
}

// A pipeline that changes again while its jobs are read does not hide those that are listed
// behind it, whether the loop continues or was left.
func TestWatchAllJobsThatAreNewerThanTheList(t *testing.T) {
	t.Parallel()
	const running, success = gitlabci.StatusRunning, gitlabci.StatusSuccess
	for name, test := range map[string]struct{ before, most int }{
		"the first one, and the loop is left":     {0, 2},
		"the last one of a page":                  {99, 0},
		"the last one, and then the loop is left": {99, 101},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changingProject{}
				for i, row := range p.add(130) {
					place := i
					switch {
					case i == 0:
						place = test.before
					case i <= test.before:
						place--
					}
					p.change(row, time.Duration(place)*time.Second-time.Hour, 0, running)
				}
				p.change(p.rows[0], 0, 10*time.Second, success) // the list shows it later
				newest := p.rows[0].changes[1].at
				client := p.jobsClient(t, func() jobsList {
					return jobsList{changed: newest, pipeline: success, jobs: []gitlabci.Status{success}}
				})
				seen, opts := map[gitlabci.PipelineID]bool{}, gitlabci.WatchAllOptions{Jobs: true, Since: time.Now().Add(-2 * time.Hour)}
				pipelinesOf(t, client, &opts, test.most, seen)
				pipelinesOf(t, client, &opts, 0, seen)
				require.Len(t, seen, 130)
			})
		})
	}
}

// pipelinesOf notes whose events come within ten minutes, or are so many. Then the options
// resume after them.
func pipelinesOf(t *testing.T, client *gitlabci.Client, opts *gitlabci.WatchAllOptions, most int, seen map[gitlabci.PipelineID]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for event, err := range client.Pipelines.WatchAll(ctx, "group/app", opts) {
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			return
		}
		opts.After = event.Cursor
		if event.Job == nil {
			require.False(t, seen[event.Pipeline.ID], "%d twice", event.Pipeline.ID)
			seen[event.Pipeline.ID] = true
		}
		if most--; most == 0 {
			return
		}
	}
}
