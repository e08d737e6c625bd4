package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func TestRetryAfter(t *testing.T) {
	const date = "Sat, 01 Jan 2000 00:10:00 GMT" // ten minutes ahead of the client's clock
	tests := map[string]struct {
		status  int
		headers []string
		want    time.Duration
	}{
		"seconds":                      {429, []string{"Retry-After", "7"}, 7 * time.Second},
		"date, by the server's clock":  {429, []string{"Date", date, "Retry-After", "Sat, 01 Jan 2000 00:10:09 GMT"}, 9 * time.Second},
		"reset, by the server's clock": {429, []string{"Date", date, "RateLimit-Reset", "946685411"}, 11 * time.Second},
		"seconds before reset":         {429, []string{"Date", date, "Retry-After", "5", "RateLimit-Reset", "946685411"}, 5 * time.Second},
		"unavailable":                  {503, []string{"Retry-After", "60"}, time.Minute},
		"lock":                         {409, []string{"Retry-After", "3"}, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(testkit.Respond(test.status, `{"message":"409 Conflict: Resource lock"}`, test.headers...), testkit.OK)
				start := time.Now()
				require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t)))
				require.Equal(t, test.want, time.Since(start))
			})
		})
	}
}

// If the requested wait is not valid, the backoff is used.
func TestUselessRetryAfter(t *testing.T) {
	for _, header := range [][2]string{
		{"Retry-After", "0"}, {"Retry-After", "-5"}, {"Retry-After", "-9223372037"}, {"Retry-After", "soon"}, {"Retry-After", ""},
		{"Retry-After", "Fri, 31 Dec 1999 00:00:00 GMT"}, {"RateLimit-Reset", "x"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(429, ``, header[0], header[1]), testkit.OK)
			start := time.Now()
			require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t)))
			require.GreaterOrEqual(t, time.Since(start), 2*time.Second, header)
			require.LessOrEqual(t, time.Since(start), 4*time.Second, header)
		})
	}
}

func TestWaitThatIsNotBegun(t *testing.T) {
	tests := map[string]struct {
		after   string
		maxWait time.Duration
		timeout time.Duration
		begun   bool
	}{
		"longer than two minutes":    {after: "121"},
		"two minutes":                {after: "120", begun: true},
		"longer than WithMaxWait":    {after: "11", maxWait: 10 * time.Second},
		"within WithMaxWait":         {after: "10", maxWait: 10 * time.Second, begun: true},
		"longer than the deadline":   {after: "31", timeout: 30 * time.Second},
		"within the deadline":        {after: "29", timeout: 30 * time.Second, begun: true},
		"longer than time.Duration":  {after: "99999999999"},
		"longer than a number holds": {after: "9223372036854775807"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, opts := t.Context(), []gitlabci.Option{}
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				if test.maxWait > 0 {
					opts = append(opts, gitlabci.WithMaxWait(test.maxWait))
				}
				s := testkit.NewScript(testkit.Respond(429, ``, "Retry-After", test.after), testkit.OK)
				start := time.Now()
				err := testkit.Calls["create"](ctx, s.Client(t, opts...))
				if test.begun {
					require.NoError(t, err)
					return
				}
				require.Zero(t, time.Since(start))
				require.ErrorIs(t, err, gitlabci.ErrRateLimited)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				e, _ := errors.AsType[*gitlabci.APIError](err)
				require.GreaterOrEqual(t, e.RetryAfter, 11*time.Second)
				require.Len(t, s.Received(), 1)
			})
		})
	}
}

// A backoff that does not fit is not begun either.
func TestBackoffThatIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(503, ``))
		err := testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithMaxWait(0)))
		e, responded := errors.AsType[*gitlabci.APIError](err)
		require.True(t, responded)
		require.Zero(t, e.RetryAfter, "the server has not said it")
		require.Len(t, s.Received(), 1)
	})
}

// A short WithMaxWait shortens our own waits; it does not turn retries off.
func TestBackoffWithinMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			s := testkit.NewScript(testkit.Respond(503, ``), testkit.Respond(503, ``), testkit.Respond(503, ``), testkit.OK)
			start := time.Now()
			require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithMaxWait(20*time.Millisecond))))
			require.LessOrEqual(t, time.Since(start), 60*time.Millisecond)
		}
	})
}

func TestCancelWhileAnErrorIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(503)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		err := testkit.Calls["get"](ctx, s.Client(t))
		require.ErrorIs(t, err, context.Canceled)
		e, responded := errors.AsType[*gitlabci.APIError](err)
		require.True(t, responded)
		require.Equal(t, 503, e.StatusCode)
		require.Len(t, s.Received(), 1)
	})
}

// A transport that ignores contexts responds when nobody waits.
func TestResponseAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := testkit.NewScript(testkit.OK)
		client := s.Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			time.Sleep(121 * time.Second)
			return s.Network.Transport().RoundTrip(req.WithContext(context.Background()))
		})))
		require.ErrorIs(t, testkit.Calls["get"](ctx, client), context.DeadlineExceeded)
		require.Len(t, s.Received(), 1)
	})
}

func TestCancelDuringAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		s := testkit.NewScript(testkit.Respond(429, `{"message":"slow down"}`, "Retry-After", "60"))
		start := time.Now()
		err := testkit.Calls["create"](ctx, s.Client(t))
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, gitlabci.ErrRateLimited)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	})
}

func TestCancelDuringARequest(t *testing.T) {
	stopped := errors.New("stopped by the operator")
	for name, call := range testkit.Calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(stopped) })
				s := testkit.NewScript(testkit.Silent)
				start := time.Now()
				err := call(ctx, s.Client(t))
				require.Equal(t, time.Second, time.Since(start))
				require.ErrorIs(t, err, context.Canceled)
				require.NotErrorIs(t, err, gitlabci.ErrStalled)
				require.Equal(t, name != "get", errors.Is(err, gitlabci.ErrOutcomeUnknown))
				require.Len(t, s.Received(), 1)
			})
		})
	}
}

func TestCanceledBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := testkit.NewScript(testkit.OK)
		for _, call := range testkit.Calls {
			err := call(ctx, s.Client(t))
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		}
		require.Empty(t, s.Received())
	})
}

func TestSilence(t *testing.T) {
	for name, test := range map[string]struct {
		step http.HandlerFunc
		want time.Duration
	}{"before the header": {testkit.Silent, 120 * time.Second}, "within the body": {testkit.Stall, 60 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := testkit.Calls["get"](t.Context(), testkit.NewScript(test.step).Client(t, gitlabci.WithRetries(0)))
				require.ErrorIs(t, err, gitlabci.ErrStalled)
				require.NotErrorIs(t, err, context.Canceled)
				require.Equal(t, test.want, time.Since(start))
			})
		})
	}
}

// A reader that takes its time is not a server that fell silent.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := testkit.NewScript(testkit.Respond(200, "line one\nline two\n")).Client(t)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/projects/7/jobs/9/trace", nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		_, err = io.ReadFull(resp.Body, make([]byte, 9))
		require.NoError(t, err)
		time.Sleep(time.Hour)
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "line two\n", string(rest))
	})
}
