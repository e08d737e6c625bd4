package rest_test

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
	"example.com/gitlabci/internal/testkit"
)

// tries is how often each call arrives when every response is one after which
// only repeatable calls are tried again.
var tries = map[string]int{"get": 5, "rename": 5, "delete": 5, "cancel": 3, "create": 1, "retry": 1}

func TestAmbiguousFailure(t *testing.T) {
	failures := map[string]struct {
		step   http.HandlerFunc
		status int
	}{
		"500":                     {testkit.Respond(500, `{"message":"500 Internal Server Error"}`), 500},
		"502":                     {testkit.Respond(502, `<html><title>Bad Gateway</title></html>`, "Content-Type", "text/html"), 502},
		"503":                     {testkit.Respond(503, ``), 503},
		"504":                     {testkit.Respond(504, ``), 504},
		"520":                     {testkit.Respond(520, ``), 520},
		"529":                     {testkit.Respond(529, ``), 529},
		"reset after sending":     {testkit.Reset, 0},
		"break within a response": {testkit.BreakOff, 0},
		"no header":               {testkit.Silent, 0},
		"stall within a response": {testkit.Stall, 0},
	}
	for failure, f := range failures {
		for name, call := range testkit.Calls {
			if name == "delete" && (failure == "break within a response" || failure == "stall within a response") {
				continue // its success is the status
			}
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(f.step)
					err := call(t.Context(), s.Client(t))
					require.Error(t, err)
					require.Len(t, s.Received(), tries[name])
					require.Equal(t, name != "get", errors.Is(err, gitlabci.ErrOutcomeUnknown), err)
					e, responded := errors.AsType[*gitlabci.APIError](err)
					require.Equal(t, f.status != 0, responded, err)
					if responded {
						require.Equal(t, f.status, e.StatusCode)
					}
				})
			})
		}
	}
}

func TestRepeatableSucceedsAfterFailures(t *testing.T) {
	for name, n := range tries {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := []http.HandlerFunc{testkit.Reset, testkit.Respond(504, ``), testkit.Silent, testkit.Respond(500, ``)}
				s := testkit.NewScript(append(steps[:n-1], testkit.OK)...)
				require.NoError(t, testkit.Calls[name](t.Context(), s.Client(t)))
				require.Len(t, s.Received(), n)
			})
		})
	}
}

func TestHalfAResponseIsRequestedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.BreakOff, testkit.Stall, testkit.OK)
		require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t)))
		require.Len(t, s.Received(), 3)
	})
}

func TestRefusedWithoutExecution(t *testing.T) {
	again := map[string]http.HandlerFunc{
		"429 throttle":  testkit.Respond(429, "Retry later\n", "Content-Type", "text/plain"),
		"429 action":    testkit.Respond(429, `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`),
		"resource lock": testkit.Respond(409, `{"message":"409 Conflict: Resource lock"}`),
		"lock, in caps": testkit.Respond(409, `{"message":"409 CONFLICT: RESOURCE LOCK"}`),
	}
	for failure, step := range again {
		for name, call := range testkit.Calls {
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(step)
					err := call(t.Context(), s.Client(t))
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					_, responded := errors.AsType[*gitlabci.APIError](err)
					require.True(t, responded)
					want := 5
					if name == "cancel" {
						want = 3
					}
					require.Len(t, s.Received(), want)

					s = testkit.NewScript(step, testkit.OK)
					require.NoError(t, call(t.Context(), s.Client(t)))
					require.Len(t, s.Received(), 2)
				})
			})
		}
	}
}

func TestFinalResponses(t *testing.T) {
	for _, status := range []int{400, 401, 402, 403, 404, 405, 408, 409, 410, 412, 414, 422, 423, 451} {
		for name, call := range testkit.Calls {
			t.Run(fmt.Sprint(status, "/", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(testkit.Respond(status, `{"message":"Pipeline is already being retried"}`))
					err := call(t.Context(), s.Client(t))
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					e, responded := errors.AsType[*gitlabci.APIError](err)
					require.True(t, responded)
					require.Equal(t, status, e.StatusCode)
					require.Len(t, s.Received(), 1)
				})
			})
		}
	}
}

// These responses are not worth another attempt, but a write may have happened.
func TestOtherServerErrors(t *testing.T) {
	for _, status := range []int{501, 505, 507, 530} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(status, ``))
			require.NotErrorIs(t, testkit.Calls["get"](t.Context(), s.Client(t)), gitlabci.ErrOutcomeUnknown)
			require.ErrorIs(t, testkit.Calls["create"](t.Context(), s.Client(t)), gitlabci.ErrOutcomeUnknown)
			require.Len(t, s.Received(), 2)
		})
	}
}

// A success that cannot be read is still a success.
func TestUnreadableSuccessOfAWrite(t *testing.T) {
	for _, body := range []string{``, `<html>`, `[]`, `null`, `{"id":`} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(201, body))
			require.ErrorIs(t, testkit.Calls["create"](t.Context(), s.Client(t)), gitlabci.ErrOutcomeUnknown)
			require.Len(t, s.Received(), 1)
		})
	}
}

// dialFailing fails the first n connections, all if n is negative.
func dialFailing(s *testkit.Script, n int, err error) (*http.Transport, *atomic.Int64) {
	var dials atomic.Int64
	transport := s.Network.Transport()
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if i := dials.Add(1); n < 0 || i <= int64(n) {
			return nil, err
		}
		return s.Network.Dial(ctx, network, address)
	}
	return transport, &dials
}

func TestNeverSent(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, call := range testkit.Calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(testkit.OK)
				transport, dials := dialFailing(s, -1, refused)
				err := call(t.Context(), s.Client(t, gitlabci.WithTransport(transport)))
				require.ErrorIs(t, err, refused)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.EqualValues(t, 3, dials.Load())

				transport, dials = dialFailing(s, 2, refused)
				require.NoError(t, call(t.Context(), s.Client(t, gitlabci.WithTransport(transport))))
				require.EqualValues(t, 3, dials.Load())
				require.Len(t, s.Received(), 1)
			})
		})
	}
}

func TestPermanentErrorsOfConnections(t *testing.T) {
	for _, cause := range []error{
		&net.DNSError{Err: "no such host", Name: testkit.Host, IsNotFound: true},
		&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
	} {
		for name, call := range testkit.Calls {
			t.Run(fmt.Sprintf("%T/%s", cause, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(testkit.OK)
					transport, dials := dialFailing(s, -1, cause)
					err := call(t.Context(), s.Client(t, gitlabci.WithTransport(transport)))
					require.ErrorIs(t, err, cause)
					require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					require.EqualValues(t, 1, dials.Load())
				})
			})
		}
	}
}

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
				client, err := gitlabci.NewClient(gitlabci.WithTransport(testkit.RoundTripper(func(*http.Request) (*http.Response, error) {
					sends++
					return nil, test.err
				})))
				require.NoError(t, err)
				err = testkit.Calls["create"](t.Context(), client)
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
		s := testkit.NewScript(testkit.Reset)
		client := s.Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			_, err := s.Network.Transport().RoundTrip(req)
			require.Error(t, err)
			return nil, &net.OpError{Op: "dial", Err: errors.New("the other one is down")}
		})))
		require.ErrorIs(t, testkit.Calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
		require.Len(t, s.Received(), 1)
	})
}

// HTTP/2 reports connections to the trace by a way of its own.
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
	require.ErrorIs(t, testkit.Calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
	require.EqualValues(t, 1, received.Load())
}

// Where a connection was used before, net/http retries by itself what it
// considers harmless, such as a POST with an Idempotency-Key.
func TestCreateOverAReusedConnectionIsSentOnce(t *testing.T) {
	var created, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			created.Add(1)
			panic(http.ErrAbortHandler)
		}
		testkit.OK(w, r)
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
	require.NoError(t, testkit.Calls["get"](t.Context(), client))
	require.ErrorIs(t, testkit.Calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
	require.EqualValues(t, 1, created.Load())
	require.EqualValues(t, 1, connections.Load())
}

func TestDeleteThatFindsItsObjectGone(t *testing.T) {
	gone := testkit.Respond(404, `{"message":"404 Not found"}`)
	halfGone := func(w http.ResponseWriter, r *http.Request) {
		testkit.Respond(404, `{"mess`, "Content-Length", "27")(w, r)
		w.(http.Flusher).Flush()
		testkit.Reset(w, r)
	}
	tests := map[string]struct {
		steps []http.HandlerFunc
		err   error
	}{
		"after a lost response":            {[]http.HandlerFunc{testkit.Reset, gone}, nil},
		"after 502":                        {[]http.HandlerFunc{testkit.Respond(502, ``), gone}, nil},
		"after 502 and 429":                {[]http.HandlerFunc{testkit.Respond(502, ``), testkit.Respond(429, ``), gone}, nil},
		"at once":                          {[]http.HandlerFunc{gone}, gitlabci.ErrNotFound},
		"after 429, which does nothing":    {[]http.HandlerFunc{testkit.Respond(429, ``), gone}, gitlabci.ErrNotFound},
		"the project is gone":              {[]http.HandlerFunc{testkit.Reset, testkit.Respond(404, `{"message":"404 Project Not Found"}`)}, gitlabci.ErrNotFound},
		"a page of a proxy":                {[]http.HandlerFunc{testkit.Respond(502, ``), testkit.Respond(404, `<html><title>404 Not Found</title></html>`, "Content-Type", "text/html")}, gitlabci.ErrOutcomeUnknown},
		"the text of a proxy":              {[]http.HandlerFunc{testkit.Respond(502, ``), testkit.Respond(404, `default backend - 404`, "Content-Type", "text/plain")}, gitlabci.ErrOutcomeUnknown},
		"nothing of a proxy":               {[]http.HandlerFunc{testkit.Respond(502, ``), testkit.Respond(404, ``)}, gitlabci.ErrOutcomeUnknown},
		"half a response, and a whole one": {[]http.HandlerFunc{testkit.Reset, halfGone, gone}, nil},
		"half a response at first":         {[]http.HandlerFunc{halfGone}, gitlabci.ErrNotFound},
		"the endpoint is unknown":          {[]http.HandlerFunc{testkit.Reset, testkit.Respond(404, `{"error":"404 Not Found"}`)}, gitlabci.ErrNotFound},
		"forbidden meanwhile, may be gone": {[]http.HandlerFunc{testkit.Reset, testkit.Respond(403, `{"message":"403 Forbidden"}`)}, gitlabci.ErrOutcomeUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(test.steps...)
				require.ErrorIs(t, testkit.Calls["delete"](t.Context(), s.Client(t)), test.err)
				require.Len(t, s.Received(), len(test.steps))
			})
		})
	}
}

func TestWithRetries(t *testing.T) {
	for _, test := range []struct{ retries, get, cancel, dials int }{{0, 1, 1, 1}, {1, 2, 2, 2}, {7, 8, 3, 3}, {math.MaxInt, 12, 3, 3}} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(503, ``))
			client := s.Client(t, gitlabci.WithRetries(test.retries))
			for range 11 {
				s.Steps = append(s.Steps, testkit.Respond(503, ``))
			}
			s.Steps[11] = testkit.Respond(404, ``) // an end for those who never give up
			require.Error(t, testkit.Calls["get"](t.Context(), client))
			s.Steps[11] = testkit.Respond(503, ``)
			require.Len(t, s.Received(), test.get)
			require.Error(t, testkit.Calls["cancel"](t.Context(), client))
			require.Len(t, s.Received(), test.get+test.cancel)

			transport, dials := dialFailing(s, -1, &net.OpError{Op: "dial", Err: errors.New("refused")})
			require.Error(t, testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithRetries(test.retries), gitlabci.WithTransport(transport))))
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
		s := testkit.NewScript(testkit.Respond(503, ``))
		n := 0
		client := s.Client(t, gitlabci.WithRetries(len(bounds)), gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
			require.Equal(t, gitlabci.WaitReasonRetry, w.Reason)
			longest[n%len(bounds)] = max(longest[n%len(bounds)], w.Duration)
			n++
		}}))
		for range 80 {
			require.Error(t, testkit.Calls["get"](t.Context(), client))
		}
	})
	for i, bound := range bounds {
		require.LessOrEqual(t, longest[i], bound, "wait %d", i)
		require.Greater(t, longest[i], bound*3/4, "wait %d", i)
	}
}
