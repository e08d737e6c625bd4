package gitlabci_test

import (
	"bytes"
	"context"
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
	"example.com/gitlabci/internal/testkit"
)

func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, lines := testkit.NewLogger(t)
		s := testkit.NewScript(testkit.Respond(429, ``, "Retry-After", "7", "X-Request-Id", "01A"), testkit.Reset, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			testkit.Respond(200, `{"id":7}`, "X-Request-Id", "01B")(w, r)
		})
		require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithLogger(logger))))
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
					require.NotContains(t, fmt.Sprint(resp.Request.Header), testkit.Token)
				}
				seen = append(seen, fmt.Sprint(info.Method, " ", info.Endpoint, " ", info.Attempt, " ", status, " ", err))
			},
		}
		s := testkit.NewScript(testkit.Respond(409, `{"message":"Resource lock"}`, "Retry-After", "3"), testkit.Respond(201, `{"id":7}`))
		require.NoError(t, testkit.Calls["create"](t.Context(), s.Client(t, gitlabci.WithHooks(hooks))))
		require.Equal(t, []string{
			"POST /projects/:id/pipeline 1 409 <nil>",
			"resource lock 3s",
			"POST /projects/:id/pipeline 2 201 <nil>",
		}, seen)

		seen = nil
		require.Error(t, testkit.Calls["create"](t.Context(), testkit.NewScript(testkit.Reset).Client(t, gitlabci.WithHooks(hooks))))
		require.Equal(t, []string{"POST /projects/:id/pipeline 1 0 EOF"}, seen)
	})
}

func TestRequestInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(503, ``), testkit.OK)
		var infos []gitlabci.RequestInfo
		client := s.Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			info, known := gitlabci.RequestInfoFrom(req.Context())
			require.True(t, known)
			infos = append(infos, info)
			return s.Network.Transport().RoundTrip(req)
		})))
		require.NoError(t, testkit.Calls["rename"](t.Context(), client))
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
	for name, opts := range testkit.Credentials {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				opts := append([]gitlabci.Option{gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))}, opts...)
				for _, step := range []http.HandlerFunc{testkit.Reset, testkit.Silent, testkit.Respond(401, `{"message":"`+testkit.Token+`"}`), testkit.Respond(500, testkit.Token), testkit.Respond(200, testkit.Token)} {
					client := testkit.NewScript(step).Anonymous(t, opts...)
					err := testkit.Calls["create"](t.Context(), client)
					require.Error(t, err)
					for cause := err; cause != nil; cause = errors.Unwrap(cause) {
						require.NotContains(t, fmt.Sprintf("%v %+v %#v %q", cause, cause, cause, cause), testkit.Token)
					}
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", client, client, client), testkit.Token)
				}
				require.NotContains(t, log.String(), testkit.Token)
			})
		})
	}
}

func TestOneClientInManyGoroutines(t *testing.T) {
	s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/pipelines") {
			testkit.Respond(200, `[{"id":1},{"id":2}]`)(w, r)
			return
		}
		testkit.OK(w, r)
	})
	client := s.Client(t, gitlabci.WithHooks(gitlabci.Hooks{OnResponse: func(gitlabci.RequestInfo, *http.Response, error) {}}))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for name, call := range testkit.Calls {
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
	require.Len(t, s.Received(), 64*7)
}
