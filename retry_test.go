package gitlabci_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// calls is one call of each kind that the retry rules tell apart.
var calls = map[string]func(context.Context, *gitlabci.Client) error{
	"get": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Get(ctx, "group/app", 7)
		return err
	},
	"rename": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.UpdateMetadata(ctx, "group/app", 7, &gitlabci.UpdateMetadataOptions{Name: "nightly"})
		return err
	},
	"delete": func(ctx context.Context, c *gitlabci.Client) error {
		return c.Pipelines.Delete(ctx, "group/app", 7)
	},
	"cancel": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Cancel(ctx, "group/app", 7)
		return err
	},
	"create": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Create(ctx, "group/app", "main", nil)
		return err
	},
	"retry": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Retry(ctx, "group/app", 7)
		return err
	},
}

// tries is how often each call arrives when every answer is one after which
// only repeatable calls are tried again.
var tries = map[string]int{"get": 5, "rename": 5, "delete": 5, "cancel": 3, "create": 1, "retry": 1}

func TestAmbiguousFailure(t *testing.T) {
	failures := map[string]struct {
		step   http.HandlerFunc
		status int
	}{
		"500":                    {answer(500, `{"message":"500 Internal Server Error"}`), 500},
		"502":                    {answer(502, `<html><title>Bad Gateway</title></html>`, "Content-Type", "text/html"), 502},
		"503":                    {answer(503, ``), 503},
		"504":                    {answer(504, ``), 504},
		"520":                    {answer(520, ``), 520},
		"529":                    {answer(529, ``), 529},
		"reset after sending":    {reset, 0},
		"break within an answer": {breakOff, 0},
		"no header":              {silent, 0},
		"stall within an answer": {stall, 0},
	}
	for failure, f := range failures {
		for name, call := range calls {
			if name == "delete" && (failure == "break within an answer" || failure == "stall within an answer") {
				continue // its success is the status
			}
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(f.step)
					err := call(t.Context(), s.client(t))
					require.Error(t, err)
					require.Len(t, s.received(), tries[name])
					require.Equal(t, name != "get", errors.Is(err, gitlabci.ErrOutcomeUnknown), err)
					e, answered := errors.AsType[*gitlabci.APIError](err)
					require.Equal(t, f.status != 0, answered, err)
					if answered {
						require.Equal(t, f.status, e.StatusCode)
					}
				})
			})
		}
	}
}

func TestRepeatableSucceedsInTheEnd(t *testing.T) {
	for name, n := range tries {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := []http.HandlerFunc{reset, answer(504, ``), silent, answer(500, ``)}
				s := newScript(append(steps[:n-1], ok)...)
				require.NoError(t, calls[name](t.Context(), s.client(t)))
				require.Len(t, s.received(), n)
			})
		})
	}
}

func TestHalfAnAnswerIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(breakOff, stall, ok)
		require.NoError(t, calls["get"](t.Context(), s.client(t)))
		require.Len(t, s.received(), 3)
	})
}

func TestRefusedWithoutExecution(t *testing.T) {
	again := map[string]http.HandlerFunc{
		"429 throttle":  answer(429, "Retry later\n", "Content-Type", "text/plain"),
		"429 action":    answer(429, `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`),
		"resource lock": answer(409, `{"message":"409 Conflict: Resource lock"}`),
		"lock, in caps": answer(409, `{"message":"409 CONFLICT: RESOURCE LOCK"}`),
	}
	for failure, step := range again {
		for name, call := range calls {
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(step)
					err := call(t.Context(), s.client(t))
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					_, answered := errors.AsType[*gitlabci.APIError](err)
					require.True(t, answered)
					want := 5
					if name == "cancel" {
						want = 3
					}
					require.Len(t, s.received(), want)

					s = newScript(step, ok)
					require.NoError(t, call(t.Context(), s.client(t)))
					require.Len(t, s.received(), 2)
				})
			})
		}
	}
}

func TestFinalAnswers(t *testing.T) {
	for _, status := range []int{400, 401, 402, 403, 404, 405, 408, 409, 410, 412, 414, 422, 423, 451} {
		for name, call := range calls {
			t.Run(fmt.Sprint(status, "/", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(answer(status, `{"message":"Pipeline is already being retried"}`))
					err := call(t.Context(), s.client(t))
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					e, answered := errors.AsType[*gitlabci.APIError](err)
					require.True(t, answered)
					require.Equal(t, status, e.StatusCode)
					require.Len(t, s.received(), 1)
				})
			})
		}
	}
}

// An answer of these is not worth another try, but a write may have happened.
func TestOtherServerErrors(t *testing.T) {
	for _, status := range []int{501, 505, 507, 530} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(answer(status, ``))
			require.NotErrorIs(t, calls["get"](t.Context(), s.client(t)), gitlabci.ErrOutcomeUnknown)
			require.ErrorIs(t, calls["create"](t.Context(), s.client(t)), gitlabci.ErrOutcomeUnknown)
			require.Len(t, s.received(), 2)
		})
	}
}

// A success that cannot be read is a success all the same.
func TestUnreadableSuccessOfAWrite(t *testing.T) {
	for _, body := range []string{``, `<html>`, `[]`, `null`, `{"id":`} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(answer(201, body))
			require.ErrorIs(t, calls["create"](t.Context(), s.client(t)), gitlabci.ErrOutcomeUnknown)
			require.Len(t, s.received(), 1)
		})
	}
}

// dialFailing fails the first n connections, all if n is negative.
func dialFailing(s *script, n int, err error) (*http.Transport, *atomic.Int64) {
	var dials atomic.Int64
	transport := s.network.Transport()
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if i := dials.Add(1); n < 0 || i <= int64(n) {
			return nil, err
		}
		return s.network.Dial(ctx, network, address)
	}
	return transport, &dials
}

func TestNeverSent(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(ok)
				transport, dials := dialFailing(s, -1, refused)
				err := call(t.Context(), s.client(t, gitlabci.WithTransport(transport)))
				require.ErrorIs(t, err, refused)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.EqualValues(t, 3, dials.Load())

				transport, dials = dialFailing(s, 2, refused)
				require.NoError(t, call(t.Context(), s.client(t, gitlabci.WithTransport(transport))))
				require.EqualValues(t, 3, dials.Load())
				require.Len(t, s.received(), 1)
			})
		})
	}
}

func TestHopelessConnections(t *testing.T) {
	for _, cause := range []error{
		&net.DNSError{Err: "no such host", Name: scriptHost, IsNotFound: true},
		&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
	} {
		for name, call := range calls {
			t.Run(fmt.Sprintf("%T/%s", cause, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(ok)
					transport, dials := dialFailing(s, -1, cause)
					err := call(t.Context(), s.client(t, gitlabci.WithTransport(transport)))
					require.ErrorIs(t, err, cause)
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					require.EqualValues(t, 1, dials.Load())
				})
			})
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A transport of the caller's own may not say what it did: only errors that
// prove the contrary count as not sent.
func TestEvidenceInErrorsAlone(t *testing.T) {
	tests := map[string]struct {
		err   error
		sends int
	}{
		"dial":                  {&net.OpError{Op: "dial", Err: errors.New("refused")}, 3},
		"proxy":                 {&net.OpError{Op: "proxyconnect", Err: errors.New("refused")}, 3},
		"temporary DNS":         {&net.DNSError{Err: "server misbehaving", IsTemporary: true}, 3},
		"closed idle":           {errors.New("http: server closed idle connection"), 3},
		"read":                  {&net.OpError{Op: "read", Err: errors.New("reset")}, 1},
		"write":                 {&net.OpError{Op: "write", Err: errors.New("broken pipe")}, 1},
		"alert after handshake": {&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, 1},
		"no word":               {errors.New("it did not work"), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sends := 0
				client, err := gitlabci.NewClient(gitlabci.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
					sends++
					return nil, test.err
				})))
				require.NoError(t, err)
				err = calls["create"](t.Context(), client)
				require.ErrorIs(t, err, test.err)
				require.Equal(t, test.sends, sends)
				require.Equal(t, sends == 1, errors.Is(err, gitlabci.ErrOutcomeUnknown))
			})
		})
	}
}

// A transport that sends, fails, and then fails to connect elsewhere has sent.
func TestEvidenceOfAConnectionOutweighsItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(reset)
		client := s.client(t, gitlabci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
			_, err := s.network.Transport().RoundTrip(req)
			require.Error(t, err)
			return nil, &net.OpError{Op: "dial", Err: errors.New("the other one is down")}
		})))
		require.ErrorIs(t, calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
		require.Len(t, s.received(), 1)
	})
}

// HTTP/2 tells the trace of connections by a way of its own.
func TestCreateOverHTTP2IsSentOnce(t *testing.T) {
	var received atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.Equal(t, 2, r.ProtoMajor)
		received.Add(1)
		panic(http.ErrAbortHandler)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server.URL), gitlabci.WithTransport(server.Client().Transport))
	require.NoError(t, err)
	require.ErrorIs(t, calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
	require.EqualValues(t, 1, received.Load())
}

// Where a connection was used before, net/http sends again by itself what it
// takes for harmless: a POST with an Idempotency-Key, for one.
func TestCreateOverAReusedConnectionIsSentOnce(t *testing.T) {
	var created, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			created.Add(1)
			panic(http.ErrAbortHandler)
		}
		ok(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server.URL), gitlabci.WithTransport(server.Client().Transport))
	require.NoError(t, err)
	require.NoError(t, calls["get"](t.Context(), client))
	require.ErrorIs(t, calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
	require.EqualValues(t, 1, created.Load())
	require.EqualValues(t, 1, connections.Load())
}

func TestDeleteThatFindsItsObjectGone(t *testing.T) {
	gone := answer(404, `{"message":"404 Not found"}`)
	halfGone := func(w http.ResponseWriter, r *http.Request) {
		answer(404, `{"mess`, "Content-Length", "27")(w, r)
		w.(http.Flusher).Flush()
		reset(w, r)
	}
	tests := map[string]struct {
		steps []http.HandlerFunc
		err   error
	}{
		"after a lost answer":              {[]http.HandlerFunc{reset, gone}, nil},
		"after 502":                        {[]http.HandlerFunc{answer(502, ``), gone}, nil},
		"after 502 and 429":                {[]http.HandlerFunc{answer(502, ``), answer(429, ``), gone}, nil},
		"at once":                          {[]http.HandlerFunc{gone}, gitlabci.ErrNotFound},
		"after 429, which does nothing":    {[]http.HandlerFunc{answer(429, ``), gone}, gitlabci.ErrNotFound},
		"the project is gone":              {[]http.HandlerFunc{reset, answer(404, `{"message":"404 Project Not Found"}`)}, gitlabci.ErrNotFound},
		"a page of a proxy":                {[]http.HandlerFunc{answer(502, ``), answer(404, `<html><title>404 Not Found</title></html>`, "Content-Type", "text/html")}, gitlabci.ErrOutcomeUnknown},
		"the text of a proxy":              {[]http.HandlerFunc{answer(502, ``), answer(404, `default backend - 404`, "Content-Type", "text/plain")}, gitlabci.ErrOutcomeUnknown},
		"nothing of a proxy":               {[]http.HandlerFunc{answer(502, ``), answer(404, ``)}, gitlabci.ErrOutcomeUnknown},
		"half an answer, and a whole one":  {[]http.HandlerFunc{reset, halfGone, gone}, nil},
		"half an answer at once":           {[]http.HandlerFunc{halfGone}, gitlabci.ErrNotFound},
		"the endpoint is unknown":          {[]http.HandlerFunc{reset, answer(404, `{"error":"404 Not Found"}`)}, gitlabci.ErrNotFound},
		"forbidden meanwhile, may be gone": {[]http.HandlerFunc{reset, answer(403, `{"message":"403 Forbidden"}`)}, gitlabci.ErrOutcomeUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(test.steps...)
				require.ErrorIs(t, calls["delete"](t.Context(), s.client(t)), test.err)
				require.Len(t, s.received(), len(test.steps))
			})
		})
	}
}

func TestWithRetries(t *testing.T) {
	for _, test := range []struct{ retries, get, cancel, dials int }{{0, 1, 1, 1}, {1, 2, 2, 2}, {7, 8, 3, 3}, {math.MaxInt, 12, 3, 3}} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(answer(503, ``))
			client := s.client(t, gitlabci.WithRetries(test.retries))
			for range 11 {
				s.steps = append(s.steps, answer(503, ``))
			}
			s.steps[11] = answer(404, ``) // an end for those who never give up
			require.Error(t, calls["get"](t.Context(), client))
			s.steps[11] = answer(503, ``)
			require.Len(t, s.received(), test.get)
			require.Error(t, calls["cancel"](t.Context(), client))
			require.Len(t, s.received(), test.get+test.cancel)

			transport, dials := dialFailing(s, -1, &net.OpError{Op: "dial", Err: errors.New("refused")})
			require.Error(t, calls["get"](t.Context(), s.client(t, gitlabci.WithRetries(test.retries), gitlabci.WithTransport(transport))))
			require.EqualValues(t, test.dials, dials.Load())
		})
	}
}

// Each wait is random below its bound, so many are needed to see the bounds.
func TestBackoff(t *testing.T) {
	t.Parallel()
	bounds := []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond,
		3200 * time.Millisecond, 6400 * time.Millisecond, 10 * time.Second, 10 * time.Second}
	longest := make([]time.Duration, len(bounds))
	synctest.Test(t, func(t *testing.T) {
		s := newScript(answer(503, ``))
		n := 0
		client := s.client(t, gitlabci.WithRetries(len(bounds)), gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(reason string, wait time.Duration) {
			require.Equal(t, gitlabci.WaitRetry, reason)
			longest[n%len(bounds)] = max(longest[n%len(bounds)], wait)
			n++
		}}))
		for range 200 {
			require.Error(t, calls["get"](t.Context(), client))
		}
	})
	for i, bound := range bounds {
		require.LessOrEqual(t, longest[i], bound, "wait %d", i)
		require.Greater(t, longest[i], bound*3/4, "wait %d", i)
	}
}
