package services_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
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

// inWatchBubble runs f with a server and a client in a bubble, which ends with a
// panic if a goroutine is left over.
func inWatchBubble(t *testing.T, f func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client), opts ...gitlabcitest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(opts...)
		f(t, srv, srv.Client())
	})
}

// eventTexts ranges to the end, or to the error that must come with it.
func eventTexts(t *testing.T, events iter.Seq2[*gitlabci.PipelineEvent, error], want error) (all []string) {
	t.Helper()
	var failure error
	for event, err := range events {
		require.NoError(t, failure, "an error is the last thing to come")
		if failure = err; err == nil {
			all = append(all, testkit.EventText(event))
		}
	}
	if want == nil {
		require.NoError(t, failure)
	} else {
		require.ErrorIs(t, failure, want)
	}
	return all
}

// A requestTimes records the times of requests, and their responses.
type requestTimes struct {
	mu    sync.Mutex
	at    []time.Time
	lines []string
}

func (d *requestTimes) option() gitlabcitest.Option {
	return gitlabcitest.WithOnRequest(func(r gitlabcitest.Request, _ time.Duration) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.at = append(d.at, time.Now())
		d.lines = append(d.lines, fmt.Sprintf("%d %s?%s", r.Status, r.Path[strings.LastIndex(r.Path, "/")+1:], r.Query.Encode()))
	})
}

// gaps are the times between the requests.
func (d *requestTimes) gaps() (gaps []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := 1; i < len(d.at); i++ {
		gaps = append(gaps, d.at[i].Sub(d.at[i-1]))
	}
	return gaps
}

func TestWatchReportsEachChange(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		script := gitlabcitest.Script{Queues: time.Minute, Runs: time.Minute}
		p.AddJob(gitlabcitest.Job{Name: "build", Stage: "build", Status: gitlabci.StatusCreated, Script: script})
		p.AddJob(gitlabcitest.Job{Name: "docs", Stage: "build", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual, AllowFailure: true})
		p.AddJob(gitlabcitest.Job{Name: "later", Stage: "test", Status: gitlabci.StatusCreated, StartIn: time.Minute, Script: script})

		require.Equal(t, []string{
			"pipeline#101 >pending", "build#1001 >pending", "docs#1002 >manual", "later#1003 >created",
			"pipeline#101 pending>running", "build#1001 pending>running",
			"pipeline#101 running>scheduled", "build#1001 running>success", "later#1003 created>scheduled",
			"pipeline#101 scheduled>pending", "later#1003 scheduled>pending",
			"pipeline#101 pending>running", "later#1003 pending>running",
			"later#1003 running>success", "pipeline#101 running>success",
		}, eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil))
	})
}

func TestWatchReportsEachAttempt(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		slow := gitlabcitest.Script{Runs: 2 * time.Minute}
		p.AddJob(gitlabcitest.Job{Name: "slow", Status: gitlabci.StatusRunning, Script: slow})
		unit := p.AddJob(gitlabcitest.Job{
			Name: "unit", Status: gitlabci.StatusRunning,
			Script:  gitlabcitest.Script{Runs: time.Minute, Result: gitlabci.StatusFailed},
			Retries: []gitlabcitest.Script{{Runs: 3 * time.Minute, Cancels: 20 * time.Second}},
		})
		at(t, 70*time.Second, func() { retry(t, client, unit.ID) })
		at(t, 150*time.Second, func() { cancelPipeline(t, client, p.ID) })

		require.Equal(t, []string{
			"pipeline#101 >running", "slow#1001 >running", "unit#1002 >running",
			"unit#1002 running>failed",
			"unit#1003 >running",
			"slow#1001 running>success",
			"pipeline#101 running>canceling", "unit#1003 running>canceling",
			"unit#1003 canceling>canceled", "pipeline#101 canceling>canceled",
		}, eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil))
	})
}

// at lets something happen later in the bubble.
func at(t *testing.T, after time.Duration, do func()) {
	timer := time.AfterFunc(after, do)
	t.Cleanup(func() { timer.Stop() })
}

func retry(t *testing.T, client *gitlabci.Client, id gitlabci.JobID) {
	_, err := client.Jobs.Retry(context.WithoutCancel(t.Context()), "group/app", id, nil)
	if err != nil {
		t.Error(err)
	}
}

func cancelPipeline(t *testing.T, client *gitlabci.Client, id gitlabci.PipelineID) {
	_, err := client.Pipelines.Cancel(context.WithoutCancel(t.Context()), "group/app", id)
	if err != nil {
		t.Error(err)
	}
}

// Each poll is one list, and its intervals ease until something changes.
func TestWatchPolls(t *testing.T) {
	var seen requestTimes
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 99 * time.Second}})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 150 * time.Second}})
		eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil)
		synctest.Wait()
		for _, line := range seen.lines {
			require.Equal(t, "200 jobs?include_retried=true&per_page=100", line)
		}
		want, changes := 2*time.Second, 0
		for _, gap := range seen.gaps() {
			if gap <= 2*time.Second && want > 3*time.Second {
				want, changes = 2*time.Second, changes+1
			}
			require.LessOrEqual(t, gap, want)
			require.GreaterOrEqual(t, gap, want*9/10-time.Microsecond)
			require.NotEqual(t, want, gap, "many watchers would ask at once")
			want = min(want*3/2, 15*time.Second)
		}
		require.Equal(t, 1, changes, "back to the shortest one after a change, and only then")
		require.InDelta(t, 18, len(seen.at), 3)
	}, seen.option())
}

// A server that asks to wait longer than the client does by itself is obeyed.
func TestWatchObeysRetryAfter(t *testing.T) {
	var seen requestTimes
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: time.Minute}})
		srv.Fault(gitlabcitest.Fault{
			Status: 429, Body: gitlabcitest.BodyEndpointLimited, Header: http.Header{"Retry-After": {"300"}}, Nth: 2, Times: 1,
		})
		eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil)
		synctest.Wait()
		require.Equal(t, 5*time.Minute, seen.gaps()[1])
	}, seen.option())
}

func TestWatchIntervals(t *testing.T) {
	for name, test := range map[string]struct {
		options     gitlabci.WatchOptions
		first, last time.Duration // intervals
	}{
		"both":        {gitlabci.WatchOptions{MinInterval: 10 * time.Second, MaxInterval: 20 * time.Second}, 10 * time.Second, 20 * time.Second},
		"one above":   {gitlabci.WatchOptions{MinInterval: time.Minute}, time.Minute, time.Minute},
		"one below":   {gitlabci.WatchOptions{MaxInterval: time.Second}, time.Second, time.Second},
		"wide":        {gitlabci.WatchOptions{MaxInterval: time.Minute}, 2 * time.Second, time.Minute},
		"none at all": {gitlabci.WatchOptions{}, 2 * time.Second, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var seen requestTimes
			inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
				p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
				ctx, cancel := context.WithTimeout(t.Context(), max(time.Minute, 5*test.last)+time.Second/2)
				defer cancel()
				eventTexts(t, client.Pipelines.Watch(ctx, "group/app", p.ID, &test.options), context.DeadlineExceeded)
				synctest.Wait()
				gaps := seen.gaps()
				for i, want := range map[int]time.Duration{0: test.first, len(gaps) - 1: test.last} {
					require.LessOrEqual(t, gaps[i], want)
					require.GreaterOrEqual(t, gaps[i], want*9/10-time.Microsecond)
				}
			}, seen.option())
		})
	}
}

func TestWatchRefusesOptions(t *testing.T) {
	for name, opts := range map[string]*gitlabci.WatchOptions{
		"MinInterval -1s":                                {MinInterval: -time.Second},
		"the time -2s is negative":                       {MaxInterval: -2 * time.Second},
		"the time -1ns is negative":                      {GiveUpAfter: -1},
		"the MinInterval 3s is above the MaxInterval 2s": {MinInterval: 3 * time.Second, MaxInterval: 2 * time.Second},
	} {
		s := testkit.NewScript(testkit.OK)
		for _, err := range s.Client(t).Pipelines.Watch(t.Context(), "group/app", 1, opts) {
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.ErrorContains(t, err, strings.TrimPrefix(name, "MinInterval "))
		}
		_, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 1, opts)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.Empty(t, s.Received())
	}
	s := testkit.NewScript(testkit.OK)
	eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "app", 1, nil), gitlabci.ErrInvalid)
	eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 0, nil), gitlabci.ErrInvalid)
	require.Empty(t, s.Received())
}

// A list that has not changed is not sent again.
func TestWatchSavesBytes(t *testing.T) {
	var seen requestTimes
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusManual})
		job := p.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual, Script: gitlabcitest.Script{Runs: time.Minute}})
		at(t, time.Minute, func() {
			if _, err := client.Jobs.Play(context.WithoutCancel(t.Context()), "group/app", job.ID, nil); err != nil {
				t.Error(err)
			}
		})
		require.Equal(t, []string{
			"pipeline#101 >manual", "deploy#1001 >manual",
			"pipeline#101 manual>running", "deploy#1001 manual>running",
			"deploy#1001 running>success", "pipeline#101 running>success",
		}, eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil))
		unchanged := 0
		for _, line := range seen.lines {
			if strings.HasPrefix(line, "304") {
				unchanged++
			}
		}
		require.InDelta(t, 7, unchanged, 2)
	}, seen.option())
}

func TestWatchEndsWithItsLoop(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		events := client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil)
		require.Empty(t, srv.Requests(), "nothing before the loop")
		for range 2 {
			for event, err := range events {
				require.NoError(t, err)
				require.Equal(t, "pipeline#101 >running", testkit.EventText(event), "afresh each time")
				break
			}
		}
		require.Len(t, srv.Requests(), 2, "and nothing after it")
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		for _, fault := range []gitlabcitest.Fault{{}, {Status: 502}, {Break: gitlabcitest.BreakStallHeader}} {
			withdraw := func() {}
			if fault.Status > 0 || fault.Break != "" {
				withdraw = srv.Fault(fault)
			}
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			eventTexts(t, client.Pipelines.Watch(ctx, "group/app", p.ID, nil), context.DeadlineExceeded)
			require.Equal(t, 5*time.Minute, time.Since(start))
			cancel()
			eventTexts(t, client.Pipelines.Watch(ctx, "group/app", p.ID, nil), context.DeadlineExceeded)
			withdraw()
		}
	})
}

// A failure that cannot pass is an error immediately, and others after they have lasted too
// long.
func TestWatchFails(t *testing.T) {
	const page = "<html><title>Nothing here</title></html>"
	for name, test := range map[string]struct {
		fault gitlabcitest.Fault
		want  error
		after time.Duration // at least; it is over within half a minute
	}{
		"401":             {gitlabcitest.Fault{Status: 401}, gitlabci.ErrUnauthorized, 0},
		"403":             {gitlabcitest.Fault{Status: 403}, gitlabci.ErrForbidden, 0},
		"404":             {gitlabcitest.Fault{Status: 404}, gitlabci.ErrNotFound, 0},
		"404 of a proxy":  {gitlabcitest.Fault{Status: 404, Body: page}, gitlabci.ErrNotFound, 0},
		"401 later":       {gitlabcitest.Fault{Status: 401, Nth: 3}, gitlabci.ErrUnauthorized, 2 * time.Second},
		"gone for good":   {gitlabcitest.Fault{Status: 404, Body: page, Nth: 3}, gitlabci.ErrNotFound, 10 * time.Minute},
		"down":            {gitlabcitest.Fault{Status: 502}, nil, 10 * time.Minute},
		"down later":      {gitlabcitest.Fault{Status: 502, Nth: 30}, nil, 15 * time.Minute},
		"408":             {gitlabcitest.Fault{Status: 408}, nil, 10 * time.Minute},
		"locked":          {gitlabcitest.Fault{Status: 409, Body: `{"message":"409 Conflict: Resource lock"}`}, gitlabci.ErrConflict, 10 * time.Minute},
		"409":             {gitlabcitest.Fault{Status: 409}, gitlabci.ErrConflict, 0},
		"resets":          {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread}, nil, time.Minute}, // it was never met
		"resets later":    {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread, Nth: 3}, nil, 10 * time.Minute},
		"a login page":    {gitlabcitest.Fault{Status: 200, Body: page}, nil, 10 * time.Minute},
		"429":             {gitlabcitest.Fault{Status: 429, Body: gitlabcitest.BodyEndpointLimited}, gitlabci.ErrRateLimited, 10 * time.Minute},
		"429 for an hour": {gitlabcitest.Fault{Status: 429, Body: gitlabcitest.BodyEndpointLimited, Header: http.Header{"Retry-After": {"3600"}}}, gitlabci.ErrRateLimited, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
				p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
				srv.Fault(test.fault)
				start := time.Now()
				_, err := client.Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
				require.Error(t, err)
				require.True(t, test.want == nil || errors.Is(err, test.want), err)
				require.GreaterOrEqual(t, time.Since(start), test.after)
				require.Less(t, time.Since(start), test.after+4*time.Minute)
				if test.after >= 10*time.Minute {
					require.ErrorContains(t, err, "gitlabci: pipeline 101 could not be read for 1") // and some minutes: 10 or more, with the last poll
				}
			})
		})
	}
}

// What waits for a status gives up if the server sends none. A status that only the list of jobs
// lacks is read from the pipeline.
func TestWaitForWhatHasNoStatus(t *testing.T) {
	const none, done, jobs = `{"id":7}`, `{"id":7,"status":"success"}`, `[{"id":9,"status":"success","pipeline":%s}]`
	wait := testkit.Call("Pipelines.Wait")
	for name, test := range map[string]struct {
		jobs, pipeline string
		wait           func(context.Context, *gitlabci.Client) error
		want           string
	}{
		"a pipeline":      {fmt.Sprintf(jobs, none), none, wait, "GET /projects/group%2Fapp/pipelines/7"},
		"without jobs":    {"[]", none, wait, "GET /projects/group%2Fapp/pipelines/7"},
		"at its end":      {fmt.Sprintf(jobs, done), none, wait, "GET /projects/group%2Fapp/pipelines/7"},
		"of its jobs":     {fmt.Sprintf(jobs, none), done, wait, ""},
		"a job":           {"", "", testkit.Call("Jobs.Wait"), "GET /projects/group%2Fapp/jobs/7"},
		"a log's job":     {"", "", testkit.Call("Jobs.FollowLog"), "GET /projects/group%2Fapp/jobs/7"},
		"a pipeline run":  {fmt.Sprintf(jobs, none), none, testkit.Call("Pipelines.Run"), "GET /projects/group%2Fapp/pipelines/7"},
		"its last change": {fmt.Sprintf(jobs, done), none, testkit.Call("Pipelines.Watch"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					body := none
					switch path := r.URL.Path; {
					case strings.HasSuffix(path, "/pipelines/7/jobs"):
						body = test.jobs
					case strings.HasSuffix(path, "/pipelines/7"):
						body = test.pipeline
					case strings.HasSuffix(path, "/trace"):
						body = "log"
					}
					testkit.Respond(200, body)(w, r)
				})
				err := test.wait(ctx, s.Client(t))
				if test.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, test.want+": 200 OK with unexpected JSON: not the requested object: it has no status")
				require.NoError(t, ctx.Err())
			})
		})
	}
}

// With a long GiveUpAfter, Watch survives an outage of hours.
func TestWatchSurvivesAnOutage(t *testing.T) {
	const page = "<html><title>We are back soon</title></html>"
	for name, fault := range map[string]gitlabcitest.Fault{
		"502":            {Status: 502, Nth: 3},
		"from the start": {Status: 503},
		"reset":          {Break: gitlabcitest.BreakResetUnread, Nth: 3},
		"cut off":        {Break: gitlabcitest.BreakTruncate, After: 10},
		"404 of a proxy": {Status: 404, Body: page, Nth: 3},
		"a page":         {Status: 200, Body: page},
		"429 for 8 mins": {Status: 429, Body: gitlabcitest.BodyEndpointLimited, Header: http.Header{"Retry-After": {"480"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 90 * time.Minute}})
				at(t, time.Hour, srv.Fault(fault))
				events := eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, &gitlabci.WatchOptions{GiveUpAfter: 2 * time.Hour, MaxInterval: 4 * time.Minute}), nil)
				require.Equal(t, []string{"test#1001 running>success", "pipeline#101 running>success"}, events[len(events)-2:])
			})
		})
	}
}

// A host that does not exist is an error immediately, unless it existed before.
func TestWatchOfAHostThatIsGone(t *testing.T) {
	for known, patience := range map[int]time.Duration{0: 0, 1: 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Rows(jobRow(1, "running", "running", 1)))
			client := s.Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
				if len(s.Received()) < known {
					return s.Network.Transport().RoundTrip(req)
				}
				return nil, &net.DNSError{Err: "no such host", Name: testkit.Host, IsNotFound: true}
			})))
			start := time.Now()
			_, err := client.Pipelines.Wait(t.Context(), "group/app", 7, nil)
			require.ErrorContains(t, err, "no such host")
			require.InDelta(t, patience, time.Since(start), float64(time.Minute))
		})
	}
}

// A token that has expired is renewed where there is a source of them.
func TestWatchRenewsTokens(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, _ *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 10 * time.Minute}})
		tokens := 0
		client := srv.Client(gitlabci.WithTokenSource(func(context.Context) (string, error) {
			tokens++
			return srv.Token(), nil
		}))
		srv.Fault(gitlabcitest.Fault{Status: 401, Nth: 5, Times: 1})
		_, err := client.Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
		require.NoError(t, err)
		require.Greater(t, tokens, 2)
	})
}

func TestWatchOfADeletedPipeline(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		at(t, time.Minute, func() {
			if err := client.Pipelines.Delete(context.WithoutCancel(t.Context()), "group/app", p.ID); err != nil {
				t.Error(err)
			}
		})
		_, err := client.Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		require.ErrorContains(t, err, "gitlabci: pipeline 101 was deleted while it was watched: ")
		_, err = client.Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		require.NotContains(t, err.Error(), "deleted")
	})
}
