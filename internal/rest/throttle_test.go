package rest_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// sharing is a step: a throttle of so many requests in ten seconds, and what it sends
// with a refusal.
func sharing(most int, headers ...string) http.HandlerFunc {
	var mu sync.Mutex
	seen := map[int64]int{}
	refuse := testkit.Respond(429, "Retry later", append([]string{"Content-Type", "text/plain"}, headers...)...)
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		window := time.Now().Unix() / 10
		seen[window]++
		refused := seen[window] > most
		mu.Unlock()
		if refused {
			refuse(w, r)
			return
		}
		testkit.OK(w, r)
	}
}

// Under a throttle, calls wait for their turn instead of failing, in the order in which
// they began, and few requests are refused.
func TestManyCallsShareAThrottle(t *testing.T) {
	for name, headers := range map[string][]string{"that says how long": {"Retry-After", "10"}, "that does not": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all sync.WaitGroup
				calls := testkit.Fewer(200)
				g := newGateServer(sharing(10, headers...))
				client := g.Client(t)
				errs := gateCalls(t.Context(), &all, client, calls)
				all.Wait()
				require.NoError(t, errors.Join(errs...))
				require.LessOrEqual(t, len(g.arrivals()), 2*calls+190)
				require.Less(t, time.Since(g.start), 20*time.Minute)
			})
		})
	}
}

// A call that came first is not overtaken by those that come while it waits.
func TestTheThrottleIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		var mu sync.Mutex
		var done []int
		client := newGateServer(sharing(1, "Retry-After", "10")).Client(t)
		for i := range 30 {
			all.Go(func() {
				require.NoError(t, testkit.Calls["get"](t.Context(), client))
				mu.Lock()
				defer mu.Unlock()
				done = append(done, i)
			})
			synctest.Wait()
			time.Sleep(time.Second)
		}
		all.Wait()
		require.IsIncreasing(t, done)
	})
}

// The waits after refusals that do not say how long grow towards a minute, since GitLab
// counts by the minute, so that a call outlasts the minute.
func TestRefusalWithoutATime(t *testing.T) {
	action := testkit.Respond(429, `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`, "Content-Type", "application/json")
	throttle := testkit.Respond(429, "Retry later", "Content-Type", "text/plain")
	for name, step := range map[string]http.HandlerFunc{"of an action": action, "of the throttle": throttle} {
		for kind, call := range testkit.Calls {
			t.Run(kind+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					err := call(t.Context(), testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
						if time.Since(start) < time.Minute {
							step(w, r)
							return
						}
						testkit.OK(w, r)
					}).Client(t))
					if kind == "cancel" { // tries three times at most
						require.ErrorIs(t, err, gitlabci.ErrRateLimited)
						return
					}
					require.NoError(t, err)
					require.Less(t, time.Since(start), 3*time.Minute)
				})
			})
		}
	}
}

// A list continues where the limit of its endpoint, 600 a minute, stops it.
func TestListBeyondTheLimitOfItsEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits(), gitlabcitest.WithRequestLog(0))
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for range 620 {
			p.AddJob(gitlabcitest.Job{})
		}
		n := 0
		for _, err := range srv.Client().Jobs.All(t.Context(), "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 1}}) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 620, n)
	})
}

// How long a refusal asks to wait, however it is written.
func TestTimeOfARefusal(t *testing.T) {
	date := func(after time.Duration) string { return time.Now().Add(after).UTC().Format(http.TimeFormat) }
	unix := func(after time.Duration) string { return strconv.FormatInt(time.Now().Add(after).Unix(), 10) }
	for name, test := range map[string]struct {
		headers func() []string
		want    time.Duration
	}{
		"half seconds":             {func() []string { return []string{"Retry-After", "1.5"} }, 1500 * time.Millisecond},
		"two that were joined":     {func() []string { return []string{"Retry-After", "3, 7"} }, 7 * time.Second},
		"a date and a number":      {func() []string { return []string{"Retry-After", date(9 * time.Second)} }, 9 * time.Second},
		"a unit":                   {func() []string { return []string{"Retry-After", "7s"} }, 7 * time.Second},
		"X-RateLimit-Reset":        {func() []string { return []string{"X-RateLimit-Reset", unix(20 * time.Second)} }, 20 * time.Second},
		"seconds until the reset":  {func() []string { return []string{"RateLimit-Reset", "20"} }, 20 * time.Second},
		"the reset's milliseconds": {func() []string { return []string{"RateLimit-Reset", unix(20*time.Second) + "000"} }, 20 * time.Second},
		"the time of the reset":    {func() []string { return []string{"RateLimit-Reset", unix(20 * time.Second)} }, 20 * time.Second},
		"of both the first":        {func() []string { return []string{"Retry-After", "7", "RateLimit-Reset", unix(20 * time.Second)} }, 7 * time.Second},
	} {
		for _, kind := range []string{"text/plain", "application/json"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
					g := newGateServer(testkit.Respond(429, `{}`, append(test.headers(), "Content-Type", kind)...), testkit.OK)
					require.NoError(t, testkit.Calls["get"](t.Context(), g.Client(t)))
					require.Equal(t, test.want, time.Since(g.start))
				})
			})
		}
	}
}

// RetryAfter is what the server requests, and never a wait of ours.
func TestRetryAfterIsTheServers(t *testing.T) {
	for name, step := range map[string]http.HandlerFunc{
		"502":              testkit.Respond(502, ``),
		"a limited action": testkit.Respond(429, `{"message":"slow down"}`, "Content-Type", "application/json"),
		"the throttle":     testkit.Respond(429, "Retry later", "Content-Type", "text/plain"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
				defer cancel()
				client := testkit.NewScript(step).Client(t)
				for range 2 { // the second one may be held back, because of the first one
					err := testkit.Calls["get"](ctx, client)
					e, responded := errors.AsType[*gitlabci.APIError](err)
					require.True(t, responded)
					require.Zero(t, e.RetryAfter)
					require.NotContains(t, err.Error(), "retry after")
				}
			})
		})
	}
}

// After a pause, each response lets two more calls follow. When nobody waits any more, all
// calls are sent immediately again.
func TestResponsesLetMoreFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, late)
		client := g.Client(t)
		g.throttle(t, &all, client)
		gateCalls(t.Context(), &all, client, 14)
		all.Wait()
		require.Equal(t, slices.Concat(repeat(1, 0), repeat(1, 30*time.Second), repeat(2, 32*time.Second),
			repeat(4, 34*time.Second), repeat(8, 36*time.Second)), g.arrivals())
		gateCalls(t.Context(), &all, client, 40)
		all.Wait()
		require.Equal(t, repeat(40, 38*time.Second), g.arrivals()[16:])
	})
}

// A success between two refusals that do not say how long makes the wait short again.
func TestSuccessShortensTheNextWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := testkit.Respond(429, "Retry later\n", "Content-Type", "text/plain")
		client := testkit.NewScript(refused, testkit.OK, refused, testkit.OK, refused, testkit.OK).Client(t)
		for range 3 {
			start := time.Now()
			require.NoError(t, testkit.Calls["get"](t.Context(), client))
			require.LessOrEqual(t, time.Since(start), 4*time.Second)
		}
	})
}

// A refused call makes further attempts only for what passed since it began, and not for
// earlier successes.
func TestEarlierSuccessesAllowNoMoreAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.OK, throttled)
		client := s.Client(t, gitlabci.WithRetries(1))
		require.NoError(t, testkit.Calls["get"](t.Context(), client))
		require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), gitlabci.ErrRateLimited)
		require.Len(t, s.Received(), 3)
	})
}
