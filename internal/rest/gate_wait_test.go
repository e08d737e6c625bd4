package rest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A wait that is too long is not begun: the call fails immediately, and nothing is sent.
func TestPauseThatDoesNotFit(t *testing.T) {
	tests := map[string]struct {
		after   string
		timeout time.Duration
		opts    []gitlabci.Option
		begun   bool
	}{
		"longer than WithMaxWait":  {after: "11", opts: []gitlabci.Option{gitlabci.WithMaxWait(10 * time.Second)}},
		"as long as WithMaxWait":   {after: "10", opts: []gitlabci.Option{gitlabci.WithMaxWait(10 * time.Second)}, begun: true},
		"no wait at all":           {after: "11", opts: []gitlabci.Option{gitlabci.WithMaxWait(0)}},
		"longer than two minutes":  {after: "121"},
		"longer than the deadline": {after: "30", timeout: 29 * time.Second},
		"within the deadline":      {after: "30", timeout: 31 * time.Second, begun: true},
		"longer than any":          {after: "9223372036854775807"},
		"longer than a number":     {after: "99999999999999999999"},
	}
	for name, test := range tests {
		for kind, call := range testkit.Calls {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGateServer(testkit.Respond(429, `Retry later`, "Content-Type", "text/plain", "Retry-After", test.after), testkit.OK)
					client := g.Client(t, append(test.opts, gitlabci.WithRetries(0))...)
					require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), gitlabci.ErrRateLimited)
					ctx := t.Context()
					if test.timeout > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, test.timeout)
						defer cancel()
					}
					err := call(ctx, client)
					if test.begun {
						require.NoError(t, err)
						return
					}
					require.Zero(t, time.Since(g.start))
					require.Len(t, g.arrivals(), 1)
					require.ErrorIs(t, err, gitlabci.ErrRateLimited)
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					e, _ := errors.AsType[*gitlabci.APIError](err)
					require.GreaterOrEqual(t, e.RetryAfter, 11*time.Second)
					require.LessOrEqual(t, e.RetryAfter, time.Hour)
				})
			})
		}
	}
}

func TestPauseErrorText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateServer(testkit.Respond(502, ``), testkit.Respond(429, `Retry later`, "Content-Type", "text/plain", "Retry-After", "300"), testkit.OK)
		client := g.Client(t)
		var all sync.WaitGroup
		var deleted error
		all.Go(func() { deleted = testkit.Calls["delete"](t.Context(), client) })
		synctest.Wait()
		require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), gitlabci.ErrRateLimited)
		require.EqualError(t, testkit.Calls["get"](t.Context(), client), "gitlabci: GET /projects/group%2Fapp/pipelines/7: "+
			"429 Too Many Requests: not sent: the response to an earlier call requested a wait (retry after 5m0s)")
		all.Wait()
		require.ErrorContains(t, deleted, "(after: DELETE /projects/group%2Fapp/pipelines/7: 502 Bad Gateway) (outcome unknown")
		require.ErrorIs(t, deleted, gitlabci.ErrRateLimited)
		require.ErrorIs(t, deleted, gitlabci.ErrOutcomeUnknown)
		require.Len(t, g.arrivals(), 2)
	})
}

func TestCancelDuringAPause(t *testing.T) {
	for name, wait := range map[string]time.Duration{"in the pause": 5 * time.Second, "while the first request is away": 31 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all sync.WaitGroup
				g := newGateServer(throttled, late, testkit.OK)
				client := g.Client(t)
				g.throttle(t, &all, client)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(wait, cancel)
				for kind, call := range testkit.Calls {
					all.Go(func() {
						err := call(ctx, client)
						if err == nil { // it was its turn
							return
						}
						require.Equal(t, wait, time.Since(g.start), kind)
						require.ErrorIs(t, err, context.Canceled)
						require.NotErrorIs(t, err, gitlabci.ErrRateLimited)
					})
				}
				all.Wait()
				require.LessOrEqual(t, len(g.arrivals()), 3)
				time.Sleep(2 * time.Second) // until the server notices, too
			})
		})
	}
}

// A call that was refused, and is canceled where it waits for the first request, says
// both.
func TestCancelAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		refuse := func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // so that both are refused
			throttled(w, r)
		}
		g := newGateServer(refuse, refuse, testkit.Silent)
		client := g.Client(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(40*time.Second, cancel)
		errs := make([]error, 2)
		for i := range errs {
			all.Go(func() { errs[i] = testkit.Calls["create"](ctx, client) })
		}
		start := time.Now()
		all.Wait()
		require.Equal(t, 40*time.Second, time.Since(start))
		unknown := 0
		for _, err := range errs {
			require.ErrorIs(t, err, context.Canceled)
			if errors.Is(err, gitlabci.ErrOutcomeUnknown) { // it was the first that was sent
				unknown++
				continue
			}
			require.ErrorIs(t, err, gitlabci.ErrRateLimited)
		}
		require.Equal(t, 1, unknown)
		require.Len(t, g.arrivals(), 3)
	})
}

// So is one that comes while the first request is away, and stays away.
func TestCancelDuringTheFirstRequestAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, late, testkit.OK)
		client := g.Client(t)
		g.throttle(t, &all, client)
		ctx, cancel := context.WithTimeout(t.Context(), 31*time.Second)
		defer cancel()
		time.Sleep(30500 * time.Millisecond)
		for _, call := range testkit.Calls {
			require.ErrorIs(t, call(ctx, client), context.DeadlineExceeded)
			require.Equal(t, 31*time.Second, time.Since(g.start))
		}
		all.Wait()
		require.Len(t, g.arrivals(), 2)
	})
}

// OnWait reports the pause to a call that was refused, and not to the first that is sent.
func TestPauseIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		var mu sync.Mutex
		var waits []string
		refuse := func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // so that all are refused
			throttled(w, r)
		}
		g := newGateServer(refuse, refuse, refuse, late, testkit.OK)
		errs := gateCalls(t.Context(), &all, g.Client(t, gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, fmt.Sprint(w.Reason, " ", w.Duration))
		}})), 3)
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, []string{"rate limit 30s", "rate limit 30s", "rate limit 30s"}, waits)
		require.Len(t, g.arrivals(), 6)
	})
}

// A pause is not the wait after the next failure, nor is the reset of a limit
// that has something left.
func TestFailureAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateServer(throttled, testkit.Respond(503, ``, "RateLimit-Remaining", "5", "RateLimit-Reset", fmt.Sprint(time.Now().Unix()+3600)), testkit.OK)
		require.NoError(t, testkit.Calls["get"](t.Context(), g.Client(t)))
		require.Less(t, time.Since(g.start), 31*time.Second)
	})
}

// An error of another client, in whose token source it came up, is not ours.
func TestTokenSourceThatIsRateLimited(t *testing.T) {
	inner := testkit.NewScript(testkit.Respond(429, ``)).Client(t, gitlabci.WithRetries(0))
	client := testkit.NewScript(testkit.OK).Anonymous(t, gitlabci.WithTokenSource(func(ctx context.Context) (string, error) {
		return "", testkit.Calls["create"](ctx, inner)
	}))
	require.EqualError(t, testkit.Calls["get"](t.Context(), client), "gitlabci: GET /projects/group%2Fapp/pipelines/7: the token source: "+
		"POST /projects/group%2Fapp/pipeline: 429 Too Many Requests")
}

// The waits of other calls are reported as a call's own are.
func TestPauseIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		var mu sync.Mutex
		reported := map[string]int{}
		logger, lines := testkit.NewLogger(t)
		g := newGateServer(throttled, late, testkit.OK)
		client := g.Client(t, gitlabci.WithLogger(logger), gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
			mu.Lock()
			defer mu.Unlock()
			reported[fmt.Sprint(w.Reason, " ", w.Duration)]++
		}}))
		g.throttle(t, &all, client)
		time.Sleep(10 * time.Second)
		gateCalls(t.Context(), &all, client, 5)
		time.Sleep(21 * time.Second)
		require.NoError(t, testkit.Calls["create"](t.Context(), client)) // the first request is away
		all.Wait()
		require.Equal(t, map[string]int{"rate limit 30s": 1, "rate limit 20s": 5, "rate limit 0s": 1}, reported)
		waits := 0
		for _, line := range lines() {
			if line["msg"] == "gitlabci: wait" {
				require.Equal(t, "rate limit", line["reason"])
				require.Contains(t, line, "endpoint")
				require.Contains(t, line, "attempt")
				waits++
			}
		}
		require.Equal(t, 7, waits)
	})
}

// Nobody waits longer for the first request than for anything else.
func TestFirstRequestAfterAPauseStalls(t *testing.T) {
	for _, maxWait := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var all sync.WaitGroup
			g := newGateServer(testkit.Respond(429, "Retry later", "Content-Type", "text/plain"), testkit.Silent, testkit.OK)
			var waits []string
			client := g.Client(t, gitlabci.WithMaxWait(maxWait), gitlabci.WithRetries(0), gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
				waits = append(waits, fmt.Sprint(w.Reason, " ", w.Duration))
			}}))
			require.Error(t, testkit.Calls["get"](t.Context(), client))
			time.Sleep(4 * time.Second) // the pause
			all.Go(func() { require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), gitlabci.ErrStalled) })
			synctest.Wait()
			start := time.Now()
			err := testkit.Calls["create"](t.Context(), client)
			require.Equal(t, maxWait, time.Since(start))
			e, held := errors.AsType[*gitlabci.APIError](err)
			require.True(t, held)
			require.ErrorIs(t, err, gitlabci.ErrRateLimited)
			require.Zero(t, e.RetryAfter, "the server has not said it")
			require.Len(t, g.arrivals(), 2)
			if maxWait > 0 {
				require.Equal(t, []string{"rate limit 0s"}, waits)
			} else {
				require.Empty(t, waits, "no wait was begun")
			}
			all.Wait()
		})
	}
}

// If the server never responds again, each waiting call tries itself, one after
// the other; none waits for more of these than for one.
func TestRequestsAfterAPauseStallOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, testkit.Silent)
		client := g.Client(t, gitlabci.WithRetries(0), gitlabci.WithMaxWait(3*time.Minute))
		require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), gitlabci.ErrRateLimited)
		errs := gateCalls(t.Context(), &all, client, 64)
		all.Wait()
		held := 0
		for _, err := range errs {
			if !errors.Is(err, gitlabci.ErrStalled) {
				require.ErrorIs(t, err, gitlabci.ErrRateLimited)
				held++
			}
		}
		require.Equal(t, 62, held)
		require.Equal(t, []time.Duration{0, 30 * time.Second, 150 * time.Second}, g.arrivals())
		require.Equal(t, 270*time.Second, time.Since(g.start))
	})
}

// While the throttle stays, every call finally gives up: who is sent by its tries, who waits
// by as many pauses.
func TestThrottleWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled)
		errs := gateCalls(t.Context(), &all, g.Client(t), 30)
		all.Wait()
		for _, err := range errs {
			require.ErrorIs(t, err, gitlabci.ErrRateLimited)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		}
		require.LessOrEqual(t, time.Since(g.start), 10*30*time.Second)
	})
	synctest.Test(t, func(t *testing.T) {
		g := newGateServer(throttled, throttled, testkit.OK)
		client := g.Client(t, gitlabci.WithRetries(0))
		for range 2 {
			require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), gitlabci.ErrRateLimited)
		}
		require.NoError(t, testkit.Calls["get"](t.Context(), client), "to sit out one pause is not to try again")
		require.Equal(t, []time.Duration{0, 30 * time.Second, time.Minute}, g.arrivals())
	})
}

// A response that prolongs the pause while the first request is away outlasts it; one
// that would shorten it does not.
func TestPausesThatOverlap(t *testing.T) {
	for name, test := range map[string]struct {
		late  time.Duration
		after string
		want  time.Duration
	}{"prolonged": {31 * time.Second, "60", 91 * time.Second}, "not shortened": {10 * time.Second, "1", 32 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all sync.WaitGroup
				g := newGateServer(func(w http.ResponseWriter, r *http.Request) { // sent before the pause, with a response in it
					time.Sleep(test.late)
					testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", test.after)(w, r)
				}, throttled, late, testkit.OK)
				client := g.Client(t, gitlabci.WithRetries(0))
				gateCalls(t.Context(), &all, client, 1)
				synctest.Wait()
				require.Error(t, testkit.Calls["get"](t.Context(), client))
				time.Sleep(12 * time.Second)
				require.NoError(t, testkit.Calls["get"](t.Context(), client)) // the first request
				require.NoError(t, testkit.Calls["get"](t.Context(), client))
				require.Equal(t, test.want, time.Since(g.start))
				all.Wait()
			})
		})
	}
}

// A throttle that does not say how long takes seconds at first: GitLab counts by the
// minute.
func TestPauseOfUnknownLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			g := newGateServer(testkit.Respond(429, "Retry later", "Content-Type", "text/plain"), testkit.OK)
			client := g.Client(t, gitlabci.WithRetries(0))
			require.Error(t, testkit.Calls["get"](t.Context(), client))
			require.NoError(t, testkit.Calls["get"](t.Context(), client))
			require.GreaterOrEqual(t, g.arrivals()[1], 2*time.Second)
			require.LessOrEqual(t, g.arrivals()[1], 4*time.Second)
		}
	})
}

func TestLongestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateServer(testkit.Respond(429, ``, "Content-Type", "text/plain", "RateLimit-Reset", fmt.Sprint(int64(math.MaxInt64))), testkit.OK)
		client := g.Client(t, gitlabci.WithMaxWait(24*time.Hour))
		err := testkit.Calls["get"](t.Context(), client)
		e, _ := errors.AsType[*gitlabci.APIError](err)
		require.Greater(t, e.RetryAfter, 24*365*time.Hour)
		require.NoError(t, testkit.Calls["get"](t.Context(), client))
		require.Equal(t, []time.Duration{0, time.Hour}, g.arrivals())
	})
}

// spent is a step: a success that used up its limit for so many seconds, by a
// clock of the server's that is an hour ahead.
func spent(name string, seconds int, remaining string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(time.Hour)
		testkit.Respond(200, `{"id":7}`, "Date", now.UTC().Format(http.TimeFormat), "RateLimit-Name", name,
			"RateLimit-Remaining", remaining, "RateLimit-Reset", fmt.Sprint(now.Unix()+int64(seconds)))(w, r)
	}
}

func TestSpentLimit(t *testing.T) {
	api, files := spent("throttle_api", 20, "0"), spent("throttle_files", 40, "0")
	tests := map[string]struct {
		steps []http.HandlerFunc
		calls []string
		want  []time.Duration
	}{
		"the same endpoint":             {[]http.HandlerFunc{api, testkit.OK}, []string{"get", "get"}, []time.Duration{0, 20 * time.Second}},
		"something is left":             {[]http.HandlerFunc{spent("throttle_api", 20, "1"), testkit.OK}, []string{"get", "get"}, []time.Duration{0, 0}},
		"less than nothing is left":     {[]http.HandlerFunc{spent("throttle_api", 20, "-1"), testkit.OK}, []string{"get", "get"}, []time.Duration{0, 20 * time.Second}},
		"remaining is no number":        {[]http.HandlerFunc{spent("throttle_api", 20, "none"), testkit.OK}, []string{"get", "get"}, []time.Duration{0, 0}},
		"reset long ago":                {[]http.HandlerFunc{spent("throttle_api", -20, "0"), testkit.OK}, []string{"get", "get"}, []time.Duration{0, 0}},
		"an endpoint without a name":    {[]http.HandlerFunc{api, testkit.OK}, []string{"get", "rename"}, []time.Duration{0, 0}},
		"another endpoint of the name":  {[]http.HandlerFunc{spent("throttle_api", 60, "9"), api, testkit.OK}, []string{"get", "rename", "get"}, []time.Duration{0, 0, 20 * time.Second}},
		"an endpoint of another name":   {[]http.HandlerFunc{spent("throttle_files", 60, "9"), api, testkit.OK}, []string{"get", "rename", "get"}, []time.Duration{0, 0, 0}},
		"two names":                     {[]http.HandlerFunc{api, files, testkit.OK}, []string{"get", "rename", "get", "rename"}, []time.Duration{0, 0, 20 * time.Second, 40 * time.Second}},
		"limits without a name are one": {[]http.HandlerFunc{spent("", 60, "9"), spent("", 20, "0"), testkit.OK}, []string{"get", "rename", "get"}, []time.Duration{0, 0, 20 * time.Second}},
		"the name of the last response": {[]http.HandlerFunc{files, spent("throttle_api", 20, "9"), spent("throttle_api", 20, "0"), testkit.OK}, []string{"get", "get", "get", "get"}, []time.Duration{0, 40 * time.Second, 40 * time.Second, 60 * time.Second}},
		"a name outlasts them":          {[]http.HandlerFunc{spent("throttle_api", 60, "9"), testkit.OK, api, testkit.OK}, []string{"get", "get", "rename", "get"}, []time.Duration{0, 0, 0, 20 * time.Second}},
		"responses without headers":     {[]http.HandlerFunc{api, testkit.OK, api, testkit.OK}, []string{"get", "rename", "rename", "get"}, []time.Duration{0, 0, 0, 20 * time.Second}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateServer(test.steps...)
				client := g.Client(t)
				for _, kind := range test.calls {
					require.NoError(t, testkit.Calls[kind](t.Context(), client))
				}
				require.Equal(t, test.want, g.arrivals())
			})
		})
	}
}

// A refusal that spends the limit, a failure and a retry count as well.
func TestSpentLimitOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := testkit.Respond(502, ``, "RateLimit-Name", "a", "RateLimit-Remaining", "0", "RateLimit-Reset", fmt.Sprint(time.Now().Unix()+20))
		g := newGateServer(failure, testkit.OK)
		require.NoError(t, testkit.Calls["get"](t.Context(), g.Client(t)))
		require.Equal(t, []time.Duration{0, 20 * time.Second}, g.arrivals())
	})
}

// If there are a pause and a spent limit, the longer one counts.
func TestPauseWithASpentLimit(t *testing.T) {
	for reset, want := range map[int64]time.Duration{40: 40 * time.Second, 20: 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			g := newGateServer(testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", "30",
				"RateLimit-Name", "a", "RateLimit-Remaining", "0", "RateLimit-Reset", fmt.Sprint(time.Now().Unix()+reset)), testkit.OK)
			require.NoError(t, testkit.Calls["get"](t.Context(), g.Client(t)))
			require.Equal(t, []time.Duration{0, want}, g.arrivals())
		})
	}
}

// Calls without end, each to a path of its own, do not fill the memory; the
// limits of endpoints still known are kept.
func TestEndpointsWithoutEnd(t *testing.T) {
	testkit.NotUnderRace(t)
	synctest.Test(t, func(t *testing.T) {
		start, handler := time.Now(), spent("a", 20, "0")
		client := testkit.NewScript(handler).Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			recorder := httptest.NewRecorder() // since 2,500 connections take their time
			handler(recorder, r)
			resp := recorder.Result()
			resp.Request = r
			return resp, nil
		})))
		ask := func(project int) {
			resp, err := client.Do(testkit.Request(t, http.MethodGet, fmt.Sprint("/projects/", project), nil))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
		for i := range 2500 {
			ask(i + 1)
		}
		ask(1) // forgotten
		require.Zero(t, time.Since(start))
		ask(2500)
		require.Equal(t, 20*time.Second, time.Since(start))
	})
}
