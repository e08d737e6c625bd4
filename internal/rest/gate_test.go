package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// throttled is a step: GitLab's throttle, for half a minute.
var throttled = testkit.Respond(429, "Retry later\n", "Content-Type", "text/plain", "Retry-After", "30")

// A gateServer responds as a script says, and keeps when requests arrived.
type gateServer struct {
	*testkit.Script

	mu    sync.Mutex
	start time.Time
	at    []time.Duration
}

func newGateServer(steps ...http.HandlerFunc) *gateServer {
	g := &gateServer{start: time.Now()}
	timed := make([]http.HandlerFunc, len(steps))
	for i, step := range steps {
		timed[i] = func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			g.at = append(g.at, time.Since(g.start))
			g.mu.Unlock()
			step(w, r)
		}
	}
	g.Script = testkit.NewScript(timed...)
	return g
}

// arrivals are the times at which requests came.
func (g *gateServer) arrivals() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at
}

// throttle makes a client's first call, which is refused for half a minute.
func (g *gateServer) throttle(t *testing.T, all *sync.WaitGroup, client *gitlabci.Client) {
	t.Helper()
	all.Go(func() { testkit.Calls["get"](t.Context(), client) })
	synctest.Wait()
	require.Len(t, g.arrivals(), 1)
}

// late is a step: a success after two seconds.
func late(w http.ResponseWriter, r *http.Request) {
	time.Sleep(2 * time.Second)
	testkit.OK(w, r)
}

func repeat(n int, at time.Duration) []time.Duration {
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = at
	}
	return times
}

// gateCalls makes n calls of all kinds at the same time and returns their errors.
func gateCalls(ctx context.Context, all *sync.WaitGroup, client *gitlabci.Client, n int) []error {
	errs := make([]error, n)
	kinds := []string{"get", "rename", "delete", "cancel", "create", "retry"}
	for i := range errs {
		all.Go(func() { errs[i] = testkit.Calls[kinds[i%len(kinds)]](ctx, client) })
	}
	return errs
}

func TestOneRequestIsSentAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, late, testkit.OK)
		client := g.Client(t)
		g.throttle(t, &all, client)
		errs := gateCalls(t.Context(), &all, client, 64)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		require.Equal(t, []time.Duration{0, 30 * time.Second}, g.arrivals(), "one request, and nobody else until its response")
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, append([]time.Duration{0, 30 * time.Second}, repeat(64, 32*time.Second)...), g.arrivals())
		require.NoError(t, testkit.Calls["get"](t.Context(), client))
		require.Equal(t, 32*time.Second, time.Since(g.start), "the pause is over")
	})
}

// Calls that begin while the first request is away wait, too, and are sent with the others.
func TestCallsDuringTheFirstRequestAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, late, testkit.OK)
		client := g.Client(t)
		g.throttle(t, &all, client)
		time.Sleep(31 * time.Second)
		errs := gateCalls(t.Context(), &all, client, 8)
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, append([]time.Duration{0, 30 * time.Second}, repeat(8, 32*time.Second)...), g.arrivals())
	})
}

// Any response except a throttle's shows that GitLab accepts requests again.
func TestResponsesThatEndAPause(t *testing.T) {
	for name, step := range map[string]http.HandlerFunc{
		"success":         testkit.OK,
		"not found":       testkit.Respond(404, `{"message":"404 Not found"}`),
		"server error":    testkit.Respond(500, ``),
		"redirect":        testkit.Respond(301, ``, "Location", "/api/v4/projects/7/pipelines/7"),
		"limit of action": testkit.Respond(429, `{"message":"slow down"}`, "Retry-After", "60"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all sync.WaitGroup
				g := newGateServer(throttled, step, testkit.OK)
				client := g.Client(t)
				g.throttle(t, &all, client)
				gateCalls(t.Context(), &all, client, 1)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				require.GreaterOrEqual(t, len(g.arrivals()), 3)
				require.Equal(t, repeat(2, 30*time.Second), g.arrivals()[1:3], "the one right after the other")
				all.Wait()
			})
		})
	}
}

func TestFirstRequestAfterAPauseIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, throttled, throttled, testkit.OK)
		client := g.Client(t)
		g.throttle(t, &all, client)
		errs := gateCalls(t.Context(), &all, client, 10)
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		want := append([]time.Duration{0, 30 * time.Second, time.Minute}, repeat(11, 90*time.Second)...)
		require.Equal(t, want, g.arrivals())
	})
}

// After a first request without a response there is another one, and nobody hangs.
func TestFirstRequestAfterAPauseHasNoResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, testkit.Reset, breakSilence, testkit.Reset, late, testkit.OK)
		client := g.Client(t, gitlabci.WithRetries(0))
		require.Error(t, testkit.Calls["get"](t.Context(), client))
		errs := gateCalls(t.Context(), &all, client, 12)
		all.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				require.NotErrorIs(t, err, gitlabci.ErrRateLimited)
				failed++
			}
		}
		require.Equal(t, 3, failed)
		want := append([]time.Duration{0, 30 * time.Second, 30 * time.Second, 40 * time.Second, 40 * time.Second}, repeat(8, 42*time.Second)...)
		require.Equal(t, want, g.arrivals())
	})
}

// breakSilence is a step: nothing for ten seconds, and then the connection
// breaks.
func breakSilence(w http.ResponseWriter, r *http.Request) {
	time.Sleep(10 * time.Second)
	testkit.Reset(w, r)
}

func TestFirstRequestAfterAPauseIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		g := newGateServer(throttled, testkit.Silent, testkit.OK)
		client := g.Client(t, gitlabci.WithRetries(0))
		require.Error(t, testkit.Calls["get"](t.Context(), client))
		ctx, cancel := context.WithCancel(t.Context())
		first := gateCalls(ctx, &all, client, 1)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		rest := gateCalls(t.Context(), &all, client, 8)
		time.Sleep(5 * time.Second)
		cancel()
		all.Wait()
		require.ErrorIs(t, first[0], context.Canceled)
		require.NoError(t, errors.Join(rest...))
		require.Equal(t, append([]time.Duration{0, 30 * time.Second}, repeat(8, 35*time.Second)...), g.arrivals())
	})
}

// A token source or a limiter that fails, or panics, is no reason to hang.
func TestFirstRequestAfterAPauseIsNotSent(t *testing.T) {
	failure := errors.New("the vault is sealed")
	fails := func(attempt *int, how func() error) func() error {
		return func() error {
			if *attempt++; *attempt == 2 {
				return how()
			}
			return nil
		}
	}
	for name, how := range map[string]func() error{"error": func() error { return failure }, "panic": func() error { panic(failure) }} {
		t.Run(name, func(t *testing.T) {
			for kind, option := range map[string]func(func() error) []gitlabci.Option{
				"source": func(f func() error) []gitlabci.Option {
					return []gitlabci.Option{gitlabci.WithTokenSource(func(context.Context) (string, error) { return "t", f() })}
				},
				"limiter": func(f func() error) []gitlabci.Option {
					return []gitlabci.Option{gitlabci.WithRateLimiter(limiterFunc(func(context.Context) error { return f() }))}
				},
				"transport": nil,
			} {
				t.Run(kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						attempt := 0
						g := newGateServer(throttled, testkit.OK)
						f := fails(&attempt, how)
						opts := []gitlabci.Option{gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
							if err := f(); err != nil {
								return nil, err
							}
							return g.Network.Transport().RoundTrip(r)
						}))}
						if option != nil {
							opts = option(f)
						}
						client := g.Anonymous(t, append(opts, gitlabci.WithRetries(0))...)
						require.Error(t, testkit.Calls["get"](t.Context(), client))
						func() {
							defer func() { recover() }()
							require.ErrorIs(t, testkit.Calls["get"](t.Context(), client), failure)
						}()
						require.NoError(t, testkit.Calls["get"](t.Context(), client))
						require.Equal(t, repeat(1, 30*time.Second), g.arrivals()[1:])
					})
				})
			}
		})
	}
}

type limiterFunc func(context.Context) error

func (f limiterFunc) Wait(ctx context.Context) error { return f(ctx) }

// A pause that begins while the limiter holds a call back counts, too; and a
// call waits for the pause before it asks the limiter.
func TestLimiterAndPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		var mu sync.Mutex
		var asked []time.Duration
		g := newGateServer(throttled, testkit.OK)
		client := g.Client(t, gitlabci.WithRateLimiter(limiterFunc(func(context.Context) error {
			mu.Lock()
			asked = append(asked, time.Since(g.start))
			first := len(asked) == 1
			mu.Unlock()
			if first {
				time.Sleep(10 * time.Second)
			}
			return nil
		})))
		slow := gateCalls(t.Context(), &all, client, 1)
		synctest.Wait()
		g.throttle(t, &all, client)
		all.Wait()
		require.NoError(t, slow[0])
		require.Equal(t, []time.Duration{0, 0, 30 * time.Second}, asked)
		require.Equal(t, []time.Duration{0, 30 * time.Second, 30 * time.Second}, g.arrivals())
	})
}

// Which refusals are of the client, and which of one action.
func TestRefusalsThatBeginAPause(t *testing.T) {
	const plain, json, page = "text/plain; charset=utf-8", "application/json", "text/html"
	tests := map[string]struct {
		status  int
		headers []string
		pauses  bool
	}{
		"plain text":                  {429, []string{"Content-Type", plain}, true},
		"plain text, in caps":         {429, []string{"Content-Type", "TEXT/PLAIN"}, true},
		"JSON":                        {429, []string{"Content-Type", json}, false},
		"a page":                      {429, []string{"Content-Type", page}, false},
		"JSON with headers":           {429, []string{"Content-Type", json, "RateLimit-Limit", "60"}, true},
		"JSON with nothing left":      {429, []string{"Content-Type", json, "RateLimit-Remaining", "0"}, true},
		"JSON with less than nothing": {429, []string{"Content-Type", json, "RateLimit-Remaining", "-1"}, true},
		"JSON with something left":    {429, []string{"Content-Type", json, "RateLimit-Remaining", "57", "RateLimit-Name", "throttle_authenticated_api"}, false},
		"text with something left":    {429, []string{"Content-Type", plain, "RateLimit-Remaining", "57"}, true},
		"a page with something left":  {429, []string{"Content-Type", page, "RateLimit-Remaining", "57"}, true},
		"a page with headers":         {429, []string{"Content-Type", page, "RateLimit-ResetTime", "x"}, true},
		"unavailable, in plain text":  {503, []string{"Content-Type", plain, "RateLimit-Limit", "60"}, false},
		"a header that is no limit's": {429, []string{"Content-Type", json, "RateLimit", "limit=1"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all sync.WaitGroup
				g := newGateServer(testkit.Respond(test.status, `{}`, append(test.headers, "Retry-After", "7")...), testkit.OK)
				client := g.Client(t)
				g.throttle(t, &all, client)
				require.NoError(t, testkit.Calls["cancel"](t.Context(), client))
				want := time.Duration(0)
				if test.pauses {
					want = 7 * time.Second
				}
				require.Equal(t, want, time.Since(g.start))
				all.Wait()
				require.Equal(t, 7*time.Second, time.Since(g.start), "whoever was refused waits in any case")
			})
		})
	}
}

// A pipeline whose action is limited again and again stops nobody else.
func TestLimitOfOnePipelineStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v4/projects/group/app/pipelines/7/cancel" {
				testkit.Respond(429, `{"message":"This endpoint has been requested too many times. Try again later."}`, "Retry-After", "60",
					"RateLimit-Name", "throttle_authenticated_api", "RateLimit-Remaining", "99", "RateLimit-Reset", fmt.Sprint(time.Now().Unix()+60))(w, r)
				return
			}
			testkit.OK(w, r)
		})
		client := s.Client(t)
		var hot error
		all.Go(func() { hot = testkit.Calls["cancel"](t.Context(), client) })
		synctest.Wait()
		start := time.Now()
		for range 100 {
			for _, name := range []string{"get", "rename", "create", "retry"} {
				require.NoError(t, testkit.Calls[name](t.Context(), client))
			}
			_, err := client.Pipelines.Cancel(t.Context(), "group/app", 8)
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(start))
		all.Wait()
		require.ErrorIs(t, hot, gitlabci.ErrRateLimited)
	})
}

// Storage is neither held back nor listened to.
func TestStorageDoesNotPassTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.Respond(200, "PK", "Content-Type", "application/zip"))
		redirect := api.Steps[0]
		api.Steps = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			redirect(w, r)
		}, throttled, testkit.OK}
		client := api.Client(t)
		start := time.Now()
		all.Go(func() {
			file, err := client.Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
			require.NoError(t, err)
			_, err = io.ReadAll(file)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			require.Equal(t, 2*time.Second, time.Since(start))
		})
		synctest.Wait()
		all.Go(func() { require.NoError(t, testkit.Calls["get"](t.Context(), client)) })
		all.Wait()
		require.Equal(t, 30*time.Second, time.Since(start))
		require.Len(t, storage.Received(), 1)
	})
	synctest.Test(t, func(t *testing.T) {
		api, _ := testkit.Redirected(302, testkit.StorageURL, throttled)
		api.Steps = append(api.Steps, testkit.OK)
		client := api.Client(t, gitlabci.WithRetries(0))
		_, err := client.Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
		require.ErrorContains(t, err, "storage")
		start := time.Now()
		require.NoError(t, testkit.Calls["get"](t.Context(), client))
		require.Zero(t, time.Since(start))
	})
}
