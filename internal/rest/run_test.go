package rest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A stub responds to the requests of a client without a network.
type stub func(*http.Request) (*http.Response, error)

func (s stub) RoundTrip(req *http.Request) (*http.Response, error) { return s(req) }

func respond(status int, body string) stub {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// client returns a client whose failures are errors with their message, and counts them.
func (s stub) client(failures *int) *Client {
	return New(&Config{
		Base:      &url.URL{Scheme: "https", Host: "gitlab.example.com", Path: "/api/v4"},
		Transport: s, Logger: slog.New(slog.DiscardHandler), Tries: 5, MaxWait: time.Minute, MaxBody: 1 << 20,
		NewError: func(f *Failure) error {
			*failures++
			return errors.New(StatusLine(f.Status))
		},
	})
}

func (s stub) get(ctx context.Context, failures *int) error {
	call := Read(Join(Segment{Values: []string{"version"}, Template: "version"}), nil)
	return s.client(failures).Fetch(ctx, call, func(*Response, []byte) error { return nil })
}

// Go-retryablehttp asks again about a response that was judged.
func TestResponsesAreJudgedOnce(t *testing.T) {
	for status, want := range map[int]int{200: 0, 404: 1, 304: 1, 503: 5} {
		synctest.Test(t, func(t *testing.T) {
			failures := 0
			err := respond(status, "").get(t.Context(), &failures)
			require.Equal(t, want == 0, err == nil, status)
			require.Equal(t, want, failures, status)
		})
	}
}

// The error of a context is named once, whether or not the transport returned it.
func TestErrorsOfContextsAreNamedOnce(t *testing.T) {
	for returned, want := range map[error]string{
		context.Canceled: "gitlabci: GET /version: context canceled",
		io.EOF:           "gitlabci: GET /version: context canceled: EOF",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := stub(func(*http.Request) (*http.Response, error) {
			cancel()
			return nil, returned
		}).get(ctx, new(int))
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, returned)
	}
}

// 304 is a success only for a read whose caller has the response already.
func TestUnchangedIsASuccess(t *testing.T) {
	for _, test := range []struct {
		call   Call
		status int
		want   bool
	}{
		{Call{Method: http.MethodGet, ETag: `"a"`}, 304, true},
		{Call{Method: http.MethodHead, Rules: Rules{Raw: true}}, 304, true},
		{Call{Method: http.MethodGet}, 304, false},
		{Call{Method: http.MethodPost, ETag: `"a"`}, 304, false},
		{Call{Method: http.MethodPut, Rules: Rules{Raw: true}}, 304, false},
		{Call{Method: http.MethodGet, ETag: `"a"`}, 303, false},
		{Call{Method: http.MethodPut}, 299, true},
		{Call{Method: http.MethodPut}, 199, false},
	} {
		r := &run{call: &test.call}
		require.Equal(t, test.want, r.accepts(&http.Response{StatusCode: test.status}), "%+v: %d", test.call, test.status)
	}
}

// Only attempts that did not reach the server count against unsentTries.
func TestUnsentAttemptsAreCounted(t *testing.T) {
	unsent := &net.OpError{Op: "dial", Err: io.EOF}
	for name, test := range map[string]struct {
		attempts []error
		want     int
	}{
		"the last two are not sent": {[]error{io.EOF, io.EOF, unsent, unsent, nil}, 5},
		"every other is sent":       {[]error{unsent, io.EOF, unsent, io.EOF, nil}, 5},
		"three are not sent":        {[]error{unsent, io.EOF, unsent, unsent, nil}, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			err := stub(func(req *http.Request) (*http.Response, error) {
				if attempts++; test.attempts[attempts-1] != nil {
					return nil, test.attempts[attempts-1]
				}
				return respond(200, "")(req)
			}).get(t.Context(), new(int))
			require.Equal(t, test.want, attempts, name)
			require.Equal(t, test.want == 5, err == nil, name)
		})
	}
}

// A call that waits for the first request announces that, unless it has just waited for the same
// reason.
func TestWaitsForATurnAreAnnouncedOnce(t *testing.T) {
	for reason, want := range map[string]int{"": 1, ReasonRetry: 1, ReasonLock: 1, ReasonRateLimit: 0} {
		synctest.Test(t, func(t *testing.T) {
			announced := 0
			config := *respond(200, "").client(new(int)).config
			config.OnWait = func(_ context.Context, w Wait) {
				require.Equal(t, ReasonRateLimit, w.Reason)
				require.Zero(t, w.Length)
				announced++
			}
			first := &run{Context: t.Context(), call: &Call{Method: http.MethodGet}, config: &config}
			g := &gate{paused: true, pause: 1, window: 1}
			require.NoError(t, g.enter(t.Context(), first))
			time.AfterFunc(time.Second, func() { g.leave(first, nil) })
			r := &run{Context: t.Context(), call: &Call{Method: http.MethodGet}, config: &config, verdict: verdict{reason: reason, wait: 1}}
			require.NoError(t, g.enter(t.Context(), r))
			require.Equal(t, want, announced, reason)
			require.Equal(t, time.Second, r.passage.waitedForTurn)
		})
	}
}
