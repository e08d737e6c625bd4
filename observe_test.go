package gitlabci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// logLines returns a logger and a function that decodes what it wrote.
func logLines(t *testing.T) (*slog.Logger, func() []map[string]any) {
	var buffer bytes.Buffer
	return slog.New(slog.NewJSONHandler(&buffer, nil)), func() []map[string]any {
		var lines []map[string]any
		for line := range strings.Lines(buffer.String()) {
			fields := map[string]any{}
			require.NoError(t, json.Unmarshal([]byte(line), &fields))
			delete(fields, "time")
			lines = append(lines, fields)
		}
		return lines
	}
}

func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, lines := logLines(t)
		s := newScript(answer(429, ``, "Retry-After", "7", "X-Request-Id", "01A"), reset, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			answer(200, `{"id":7}`, "X-Request-Id", "01B")(w, r)
		})
		require.NoError(t, calls["get"](t.Context(), s.client(t, gitlabci.WithLogger(logger))))
		got := lines()
		backoff := got[3]["wait"]
		delete(got[3], "wait")
		require.Positive(t, backoff)
		common := func(fields map[string]any) map[string]any {
			fields["method"], fields["endpoint"] = "GET", "/projects/:id/pipelines/:pipeline_id"
			return fields
		}
		require.Equal(t, []map[string]any{
			common(map[string]any{"level": "WARN", "msg": "gitlabci: request", "status": 429.0, "attempt": 1.0, "duration": 0.0, "request_id": "01A"}),
			common(map[string]any{"level": "INFO", "msg": "gitlabci: wait", "reason": "rate limit", "wait": 7e9, "attempt": 1.0}),
			common(map[string]any{"level": "WARN", "msg": "gitlabci: request", "error": "EOF", "attempt": 2.0, "duration": 0.0}),
			common(map[string]any{"level": "INFO", "msg": "gitlabci: wait", "reason": "retry", "attempt": 2.0}),
			common(map[string]any{"level": "INFO", "msg": "gitlabci: request", "status": 200.0, "attempt": 3.0, "duration": 2e9, "request_id": "01B"}),
		}, got)
	})
}

func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		hooks := gitlabci.Hooks{
			OnWait: func(reason string, wait time.Duration) { seen = append(seen, fmt.Sprint(reason, " ", wait)) },
			OnResponse: func(info gitlabci.RequestInfo, resp *http.Response, err error) {
				status := 0
				if resp != nil {
					status = resp.StatusCode
					require.NotContains(t, fmt.Sprint(resp.Request.Header), scriptToken)
				}
				seen = append(seen, fmt.Sprint(info.Method, " ", info.Endpoint, " ", info.Attempt, " ", status, " ", err))
			},
		}
		s := newScript(answer(409, `{"message":"Resource lock"}`, "Retry-After", "3"), answer(201, `{"id":7}`))
		require.NoError(t, calls["create"](t.Context(), s.client(t, gitlabci.WithHooks(hooks))))
		require.Equal(t, []string{
			"POST /projects/:id/pipeline 1 409 <nil>",
			"resource lock 3s",
			"POST /projects/:id/pipeline 2 201 <nil>",
		}, seen)

		seen = nil
		require.Error(t, calls["create"](t.Context(), newScript(reset).client(t, gitlabci.WithHooks(hooks))))
		require.Equal(t, []string{"POST /projects/:id/pipeline 1 0 EOF"}, seen)
	})
}

func TestRequestInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(answer(503, ``), ok)
		var infos []gitlabci.RequestInfo
		client := s.client(t, gitlabci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
			info, known := gitlabci.RequestInfoFrom(req.Context())
			require.True(t, known)
			infos = append(infos, info)
			return s.network.Transport().RoundTrip(req)
		})))
		require.NoError(t, calls["rename"](t.Context(), client))
		require.Equal(t, []gitlabci.RequestInfo{
			{Method: "PUT", Endpoint: "/projects/:id/pipelines/:pipeline_id/metadata", Attempt: 1},
			{Method: "PUT", Endpoint: "/projects/:id/pipelines/:pipeline_id/metadata", Attempt: 2},
		}, infos)
	})
	_, known := gitlabci.RequestInfoFrom(t.Context())
	require.False(t, known)
}

// No way of printing a client, an error or a log line shows the token.
func TestTokenIsNotPrinted(t *testing.T) {
	for name, opts := range credentials {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				opts := append([]gitlabci.Option{gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))}, opts...)
				for _, step := range []http.HandlerFunc{reset, silent, answer(401, `{"message":"`+scriptToken+`"}`), answer(500, scriptToken), answer(200, scriptToken)} {
					client := newScript(step).anonymous(t, opts...)
					err := calls["create"](t.Context(), client)
					require.Error(t, err)
					for cause := err; cause != nil; cause = errors.Unwrap(cause) {
						require.NotContains(t, fmt.Sprintf("%v %+v %#v %q", cause, cause, cause, cause), scriptToken)
					}
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", client, client, client), scriptToken)
				}
				require.NotContains(t, log.String(), scriptToken)
			})
		})
	}
}

func TestOneClientInManyGoroutines(t *testing.T) {
	s := newScript(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/pipelines") {
			answer(200, `[{"id":1},{"id":2}]`)(w, r)
			return
		}
		ok(w, r)
	})
	client := s.client(t, gitlabci.WithHooks(gitlabci.Hooks{OnResponse: func(gitlabci.RequestInfo, *http.Response, error) {}}))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for name, call := range calls {
				if err := call(context.Background(), client); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			n := 0
			for _, err := range client.Pipelines.All(context.Background(), "group/app", nil) {
				if err != nil {
					t.Error(err)
				}
				n++
			}
			if n != 2 {
				t.Errorf("%d pipelines", n)
			}
		})
	}
	all.Wait()
	require.Len(t, s.received(), 64*7)
}
