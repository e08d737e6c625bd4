package promises_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A scriptedWaker wakes when a test says so.
type scriptedWaker struct {
	mu   sync.Mutex
	subs map[*subscription]bool
	all  []subscription // that there ever were
}

type subscription struct {
	project  gitlabci.ProjectID
	pipeline gitlabci.PipelineID
	wake     func()
}

func (w *scriptedWaker) Wake(_ context.Context, project gitlabci.ProjectID, pipeline gitlabci.PipelineID, wake func()) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sub := &subscription{project, pipeline, wake}
	if w.subs == nil {
		w.subs = map[*subscription]bool{}
	}
	w.subs[sub] = true
	w.all = append(w.all, *sub)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subs, sub)
	}
}

// ring wakes those who watch a pipeline, or any of the project.
func (w *scriptedWaker) ring(project gitlabci.ProjectID, pipeline gitlabci.PipelineID) {
	w.mu.Lock()
	var wakes []func()
	for sub := range w.subs {
		if sub.project == project && (sub.pipeline == 0 || sub.pipeline == pipeline) {
			wakes = append(wakes, sub.wake)
		}
	}
	w.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// inWakeBubble runs f with a pipeline that runs, in which one job ends after ten minutes
// and another after twenty, and fails if a subscription is left over.
func inWakeBubble(t *testing.T, f func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, waker := gitlabcitest.NewServer(), &scriptedWaker{}
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 10 * time.Minute}})
		p.AddJob(gitlabcitest.Job{Name: "slow", Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 20 * time.Minute}})
		f(t, srv, waker, p.ID)
		require.Empty(t, waker.subs, "each subscription is stopped")
	})
}

// later lets something happen later in the bubble.
func later(t *testing.T, after time.Duration, do func()) {
	timer := time.AfterFunc(after, do)
	t.Cleanup(func() { timer.Stop() })
}

// seenAt is when the events of a watch came, by their texts.
func seenAt(t *testing.T, client *gitlabci.Client, pipeline gitlabci.PipelineID, opts *gitlabci.WatchOptions) map[string]time.Duration {
	t.Helper()
	begun, seen := time.Now(), map[string]time.Duration{}
	for event, err := range client.Pipelines.Watch(t.Context(), "group/app", pipeline, opts) {
		require.NoError(t, err)
		text := testkit.EventText(event)
		require.NotContains(t, seen, text, "each change once")
		seen[text] = time.Since(begun)
	}
	return seen
}

func TestWakesAreFollowedByPolls(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		for _, change := range []time.Duration{10 * time.Minute, 20 * time.Minute} {
			later(t, change, func() { waker.ring("group/app", pipeline) })
		}
		later(t, 15*time.Minute, func() { waker.ring("group/app", pipeline+1) }) // of another one
		seen := seenAt(t, srv.Client(), pipeline, &gitlabci.WatchOptions{Wake: waker})
		require.Less(t, seen["unit#1001 running>success"], 10*time.Minute+time.Second)
		require.Less(t, seen["slow#1002 running>success"], 20*time.Minute+time.Second)
		require.Equal(t, seen["slow#1002 running>success"], seen["pipeline#101 running>success"])
		synctest.Wait()
		require.InDelta(t, 6, len(srv.Requests()), 1, "one at first, two wakes, and one every five minutes")
	})
}

// Without a wake, all is seen nevertheless.
func TestWakesCanBeLost(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		seen := seenAt(t, srv.Client(), pipeline, &gitlabci.WatchOptions{Wake: waker})
		require.Less(t, seen["unit#1001 running>success"], 15*time.Minute)
		require.Less(t, seen["pipeline#101 running>success"], 25*time.Minute)
		synctest.Wait()
		require.Less(t, len(srv.Requests()), 8)
	})
}

// A change after the first response was sent, and before it is read, is not lost.
func TestWakesBeforeTheFirstPoll(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		var once sync.Once
		slow := gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(req)
				once.Do(func() {
					time.Sleep(10*time.Minute + time.Second)
					waker.ring("group/app", pipeline)
					time.Sleep(time.Second)
				})
				return resp, err
			})
		})
		client := srv.Client(slow, gitlabci.WithTimeouts(gitlabci.Timeouts{FirstByte: -1}))
		seen := seenAt(t, client, pipeline, &gitlabci.WatchOptions{Wake: waker})
		require.Less(t, seen["unit#1001 running>success"], 10*time.Minute+4*time.Second)
	})
}

// Forged wakes make polls at most as frequent as they are without a Waker.
func TestWakesCanBeForged(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		ctx, cancel := context.WithCancel(t.Context())
		var forger sync.WaitGroup
		forger.Go(func() {
			for ctx.Err() == nil {
				waker.ring("group/app", pipeline)
				time.Sleep(50 * time.Millisecond)
			}
		})
		defer forger.Wait()
		defer cancel()
		seenAt(t, srv.Client(), pipeline, &gitlabci.WatchOptions{Wake: waker})
		synctest.Wait()
		require.Less(t, len(srv.Requests()), 110, "twenty minutes")
	})
}

// A poll that fails is repeated without waiting for a wake.
func TestWakesAndFailedPolls(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		later(t, 10*time.Minute, func() {
			srv.Fault(gitlabcitest.Fault{Status: http.StatusBadGateway, Times: 12})
			waker.ring("group/app", pipeline)
		})
		seen := seenAt(t, srv.Client(gitlabci.WithRetries(0)), pipeline, &gitlabci.WatchOptions{Wake: waker})
		require.Greater(t, seen["unit#1001 running>success"], 11*time.Minute)
		require.Less(t, seen["unit#1001 running>success"], 13*time.Minute)
	})
}

// A pipeline that waits for a person is found to after two polls, as without a Waker.
func TestWakesAndBlockedPipelines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, waker := gitlabcitest.NewServer(), &scriptedWaker{}
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		deploy := p.AddJob(gitlabcitest.Job{Name: "deploy", When: gitlabcitest.WhenManual, Status: gitlabci.StatusManual})
		begun := time.Now()
		_, err := srv.Client().Pipelines.Wait(t.Context(), "group/app", p.ID, &gitlabci.WatchOptions{Wake: waker})
		require.ErrorIs(t, err, gitlabci.ErrBlocked)
		_, err = srv.Client().Jobs.Wait(t.Context(), "group/app", deploy.ID, &gitlabci.WatchOptions{Wake: waker})
		require.ErrorIs(t, err, gitlabci.ErrBlocked)
		require.Less(t, time.Since(begun), 5*time.Second)
		require.Empty(t, waker.subs)
	})
}

// Pipelines downstream wake by their own events, and the trigger job, which has none, is
// read until it shows how they ended.
func TestWakesOfDownstreamPipelines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, waker := gitlabcitest.NewServer(), &scriptedWaker{}
		srv.AddProject("group/deploy")
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Project: "group/deploy", Depend: true,
			Jobs: []gitlabcitest.Job{{Name: "prod", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: 7 * time.Minute}}},
		}})
		later(t, 7*time.Minute, func() { waker.ring(gitlabci.ProjectNumber(int64(2)), 102) })
		seen := seenAt(t, srv.Client(), p.ID, &gitlabci.WatchOptions{Wake: waker, Downstream: true})
		require.Less(t, seen["prod#1002 running>success"], 7*time.Minute+time.Second, "%v %v", seen, waker.all)
		require.Less(t, seen["deploy#1001 running>success"], 7*time.Minute+5*time.Second)
		require.Empty(t, waker.subs)
	})
}

// A pipeline downstream that has finished wakes no longer.
func TestWakesOfFinishedPipelines(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		srv.Pipeline(pipeline).AddJob(gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{{Name: "child", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: time.Minute}}},
		}})
		wakes := map[time.Duration]int{}
		for _, after := range []time.Duration{30 * time.Second, 9 * time.Minute} {
			later(t, after, func() {
				waker.mu.Lock()
				defer waker.mu.Unlock()
				wakes[after] = len(waker.subs)
			})
		}
		seen := seenAt(t, srv.Client(), pipeline, &gitlabci.WatchOptions{Wake: waker, Downstream: true})
		require.Contains(t, seen, "child#1004 running>success")
		require.Equal(t, map[time.Duration]int{30 * time.Second: 2, 9 * time.Minute: 1}, wakes)
	})
}

// A ring while a poll follows up another one is followed up itself: the replica of the
// server's database may lag.
func TestWakesWhileAPollFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		waker := &scriptedWaker{}
		client := changing(t, func(since time.Duration) (job, pipeline gitlabci.Status) {
			if since < 62*time.Second { // a second late
				return gitlabci.StatusRunning, gitlabci.StatusRunning
			}
			return gitlabci.StatusSuccess, gitlabci.StatusSuccess
		})
		for _, ring := range []time.Duration{60 * time.Second, 60*time.Second + 800*time.Millisecond} {
			later(t, ring, func() { waker.ring("group/app", 101) })
		}
		seen := seenAt(t, client, 101, &gitlabci.WatchOptions{Wake: waker})
		require.Less(t, seen["unit#1001 running>success"], 65*time.Second)
	})
}

// A job's events name its pipeline, which is known once the job has been read.
func TestWakesOfOneJob(t *testing.T) {
	t.Parallel()
	inWakeBubble(t, func(t *testing.T, srv *gitlabcitest.Server, waker *scriptedWaker, pipeline gitlabci.PipelineID) {
		later(t, 5*time.Minute, func() { waker.ring("group/app", pipeline+1) })
		later(t, 10*time.Minute, func() { waker.ring("group/app", pipeline) })
		begun := time.Now()
		job, err := srv.Client().Jobs.Wait(t.Context(), "group/app", 1001, &gitlabci.WatchOptions{Wake: waker})
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusSuccess, job.Status)
		require.Less(t, time.Since(begun), 10*time.Minute+time.Second)
		require.Equal(t, []gitlabci.PipelineID{0, pipeline}, []gitlabci.PipelineID{waker.all[0].pipeline, waker.all[1].pipeline})
		synctest.Wait()
		require.LessOrEqual(t, len(srv.Requests()), 5)
	})
}

func TestWakesOfRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, waker := gitlabcitest.NewServer(), &scriptedWaker{}
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: 7 * time.Minute}})
		later(t, 7*time.Minute, func() { waker.ring("group/app", 101) })
		begun := time.Now()
		result, err := srv.Client().Pipelines.Run(t.Context(), "group/app", "main", &gitlabci.RunOptions{Watch: gitlabci.WatchOptions{Wake: waker}})
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusSuccess, result.Pipeline.Status)
		require.Less(t, time.Since(begun), 7*time.Minute+time.Second)
		require.Empty(t, waker.subs)
	})
}

// Many watches that are woken at the same time do not poll at the same time.
func TestWakesDoNotStampede(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, waker := gitlabcitest.NewServer(), &scriptedWaker{}
		var mu sync.Mutex
		var polls []time.Time
		client := srv.Client(gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				polls = append(polls, time.Now())
				mu.Unlock()
				return next.RoundTrip(req)
			})
		}))
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_ = testkit.Drain(client.Pipelines.Watch(ctx, "group/app", p.ID, &gitlabci.WatchOptions{Wake: waker}))
			})
		}
		time.Sleep(time.Minute)
		mu.Lock()
		polls = nil
		mu.Unlock()
		rung := time.Now()
		waker.ring("group/app", p.ID)
		all.Wait()
		polls = polls[:100] // those that follow up are later
		require.True(t, slices.IsSortedFunc(polls, time.Time.Compare))
		for i, poll := range polls[1:] {
			require.GreaterOrEqual(t, poll.Sub(polls[i]), 5*time.Millisecond)
		}
		require.Less(t, polls[99].Sub(rung), 1000*time.Millisecond)
	})
}

// changing is a client of a server whose pipeline has one job. Their statuses depend on the
// time since the first request.
func changing(t *testing.T, statuses func(since time.Duration) (job, pipeline gitlabci.Status)) *gitlabci.Client {
	t.Helper()
	begun := time.Now()
	client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		job, pipeline := statuses(time.Since(begun))
		listed := []*gitlabci.Job{{JobInfo: gitlabci.JobInfo{ID: 1001, Name: "unit", Status: job, Pipeline: &gitlabci.PipelineInfo{ID: 101, Status: pipeline}}}}
		return respondJSON(req, testkit.JSON(t, listed)), nil
	})))
	require.NoError(t, err)
	return client
}

func respondJSON(req *http.Request, body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
}

// Where statuses do not fit together, or are older than those before, the next poll does
// not wait for a wake, which may not come.
func TestWakesAndLateStatuses(t *testing.T) {
	t.Parallel()
	const running, success = gitlabci.StatusRunning, gitlabci.StatusSuccess
	for name, statuses := range map[string]func(since time.Duration) (job, pipeline gitlabci.Status){
		"the pipeline follows its job": func(since time.Duration) (job, pipeline gitlabci.Status) {
			if since < time.Minute+20*time.Second {
				return success, running
			}
			return success, success
		},
		"the job follows its pipeline": func(since time.Duration) (job, pipeline gitlabci.Status) {
			if since < time.Minute+20*time.Second {
				return running, success
			}
			return success, success
		},
		"a replica lags": func(since time.Duration) (job, pipeline gitlabci.Status) {
			if since < time.Minute+20*time.Second {
				return gitlabci.StatusPending, gitlabci.StatusPending
			}
			return success, success
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				waker := &scriptedWaker{}
				client := changing(t, func(since time.Duration) (job, pipeline gitlabci.Status) {
					if since < time.Minute {
						return running, running
					}
					return statuses(since)
				})
				later(t, time.Minute, func() { waker.ring("group/app", 101) })
				seen := seenAt(t, client, 101, &gitlabci.WatchOptions{Wake: waker})
				require.Less(t, seen["unit#1001 running>success"], 100*time.Second)
				require.Less(t, seen["pipeline#101 running>success"], 100*time.Second)
			})
		})
	}
}
