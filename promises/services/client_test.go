package services_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
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

// A clientTrip records the requests, and responds with pipeline 42.
type clientTrip struct{ requests []*http.Request }

func (c *clientTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	c.requests = append(c.requests, req)
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(`{"id":42}`)),
		Request:    req,
	}, nil
}

// A clientLimiter counts the calls, and returns its error.
type clientLimiter struct {
	asked int
	err   error
}

func (l *clientLimiter) Wait(context.Context) error {
	l.asked++
	return l.err
}

// clientRefusals are options that NewClient refuses, and what its error says.
var clientRefusals = map[string]struct {
	opts []gitlabci.Option
	says string
}{
	"nil option":              {[]gitlabci.Option{nil}, "Option is nil"},
	"nil transport":           {[]gitlabci.Option{gitlabci.WithTransport(nil)}, "WithTransport"},
	"nil logger":              {[]gitlabci.Option{gitlabci.WithLogger(nil)}, "WithLogger"},
	"nil limiter":             {[]gitlabci.Option{gitlabci.WithRateLimiter(nil)}, "WithRateLimiter"},
	"nil source":              {[]gitlabci.Option{gitlabci.WithTokenSource(nil)}, "WithTokenSource"},
	"negative retries":        {[]gitlabci.Option{gitlabci.WithRetries(-1)}, "WithRetries"},
	"negative wait":           {[]gitlabci.Option{gitlabci.WithMaxWait(-time.Nanosecond)}, "WithMaxWait"},
	"response of no bytes":    {[]gitlabci.Option{gitlabci.WithMaxAnswer(0)}, "WithMaxAnswer"},
	"response below no bytes": {[]gitlabci.Option{gitlabci.WithMaxAnswer(-1)}, "WithMaxAnswer"},
	"sudo without token":      {[]gitlabci.Option{gitlabci.WithSudo("maya")}, "WithSudo"},
	"sudo as nobody":          {[]gitlabci.Option{gitlabci.WithToken(testkit.Token), gitlabci.WithSudo("")}, "WithSudo"},
	"sudo with newline":       {[]gitlabci.Option{gitlabci.WithToken(testkit.Token), gitlabci.WithSudo("maya\n")}, "WithSudo"},
	"sudo with header":        {[]gitlabci.Option{gitlabci.WithToken(testkit.Token), gitlabci.WithSudo("maya\r\nX: y")}, "WithSudo"},
	"agent of nothing":        {[]gitlabci.Option{gitlabci.WithUserAgent("")}, "WithUserAgent"},
	"agent with newline":      {[]gitlabci.Option{gitlabci.WithUserAgent("bot\n")}, "WithUserAgent"},
	"agent with header":       {[]gitlabci.Option{gitlabci.WithUserAgent("bot\r\nX: y")}, "WithUserAgent"},
	"agent with NUL":          {[]gitlabci.Option{gitlabci.WithUserAgent("bot\x00")}, "WithUserAgent"},
	"good ones before":        {[]gitlabci.Option{gitlabci.WithRetries(0), gitlabci.WithMaxWait(0), gitlabci.WithMaxAnswer(0)}, "WithMaxAnswer"},
	"bad one before":          {[]gitlabci.Option{gitlabci.WithRetries(-1), gitlabci.WithRetries(1)}, "WithRetries"},
}

func TestClientRefusesOptions(t *testing.T) {
	for name, test := range clientRefusals {
		t.Run(name, func(t *testing.T) {
			client, err := gitlabci.NewClient(test.opts...)
			require.Nil(t, client)
			require.ErrorContains(t, err, test.says)
			require.Regexp(t, "^gitlabci: ", err.Error())
			require.NotContains(t, err.Error(), testkit.Token)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestClientRefusesBaseURL(t *testing.T) {
	const password = "geheim"
	bases := []string{
		"", "/", "gitlab.example.com", "gitlab.example.com/gitlab", "localhost:8080", "127.0.0.1:8080", "//gitlab.example.com", "https:gitlab.example.com",
		"ftp://gitlab.example.com", "file:///etc", "unix://gitlab.example.com",
		"https://", "https:///gitlab", "https://:8080", "http://",
		"https://gitlab.example.com?", "https://gitlab.example.com?a=b", "https://gitlab.example.com/api/v4?private_token=" + password,
		"https://gitlab.example.com#a", "https://gitlab.example.com/gitlab#a",
		"https://maya@gitlab.example.com", "https://maya:" + password + "@gitlab.example.com", "https://:" + password + "@gitlab.example.com",
		"https://maya:" + password + "@gitlab.example.com:port", "https://maya:" + password + "%@gitlab.example.com", "maya:" + password + "@gitlab.example.com",
		"https://gitlab.example.com\n", " https://gitlab.example.com", "https://git lab.example.com", "https://gitlab.example.com:port", "https://gitlab.example.com/%zz",
	}
	for _, base := range bases {
		t.Run(base, func(t *testing.T) {
			client, err := gitlabci.NewClient(gitlabci.WithBaseURL(base))
			require.Nil(t, client)
			require.ErrorContains(t, err, "WithBaseURL")
			require.NotContains(t, err.Error(), password)
		})
	}
}

// clientBases maps base URLs to the URL of pipeline 42.
var clientBases = map[string]string{
	"https://gitlab.example.com":                "https://gitlab.example.com/api/v4/projects/group%2Fapp/pipelines/42",
	"https://gitlab.example.com/":               "https://gitlab.example.com/api/v4/projects/group%2Fapp/pipelines/42",
	"https://gitlab.example.com//":              "https://gitlab.example.com/api/v4/projects/group%2Fapp/pipelines/42",
	"https://gitlab.example.com/api/v4":         "https://gitlab.example.com/api/v4/projects/group%2Fapp/pipelines/42",
	"https://gitlab.example.com/api/v4/":        "https://gitlab.example.com/api/v4/projects/group%2Fapp/pipelines/42",
	"https://gitlab.example.com:443":            "https://gitlab.example.com:443/api/v4/projects/group%2Fapp/pipelines/42",
	"https://gitlab.example.com:8443/api/v4":    "https://gitlab.example.com:8443/api/v4/projects/group%2Fapp/pipelines/42",
	"https://example.com/gitlab":                "https://example.com/gitlab/api/v4/projects/group%2Fapp/pipelines/42",
	"https://example.com/gitlab/":               "https://example.com/gitlab/api/v4/projects/group%2Fapp/pipelines/42",
	"https://example.com/gitlab/api/v4/":        "https://example.com/gitlab/api/v4/projects/group%2Fapp/pipelines/42",
	"https://example.com/a/b":                   "https://example.com/a/b/api/v4/projects/group%2Fapp/pipelines/42",
	"https://example.com/a%2Fb%20c":             "https://example.com/a%2Fb%20c/api/v4/projects/group%2Fapp/pipelines/42",
	"https://example.com/myapi/v4":              "https://example.com/myapi/v4/api/v4/projects/group%2Fapp/pipelines/42",
	"HTTPS://GITLAB.EXAMPLE.COM/gitlab":         "https://gitlab.example.com/gitlab/api/v4/projects/group%2Fapp/pipelines/42",
	"https://[2001:db8::1]":                     "https://[2001:db8::1]/api/v4/projects/group%2Fapp/pipelines/42",
	"http://127.0.0.1:8080":                     "http://127.0.0.1:8080/api/v4/projects/group%2Fapp/pipelines/42",
	"http://127.9.9.9":                          "http://127.9.9.9/api/v4/projects/group%2Fapp/pipelines/42",
	"http://[::1]:8080/gitlab":                  "http://[::1]:8080/gitlab/api/v4/projects/group%2Fapp/pipelines/42",
	"http://localhost:8080":                     "http://localhost:8080/api/v4/projects/group%2Fapp/pipelines/42",
	"http://LocalHost":                          "http://localhost/api/v4/projects/group%2Fapp/pipelines/42",
	"https://xn--gitlb-gra.example.com/gitlab/": "https://xn--gitlb-gra.example.com/gitlab/api/v4/projects/group%2Fapp/pipelines/42",
}

func TestClientBaseURL(t *testing.T) {
	for base, want := range clientBases {
		t.Run(base, func(t *testing.T) {
			trip := &clientTrip{}
			client, err := gitlabci.NewClient(gitlabci.WithBaseURL(base), gitlabci.WithTransport(trip), gitlabci.WithToken(testkit.Token))
			require.NoError(t, err)
			_, err = client.Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err)
			require.Len(t, trip.requests, 1)
			got := *trip.requests[0].URL
			got.Host = strings.ToLower(got.Host)
			require.Equal(t, want, got.String())
			require.Equal(t, testkit.Token, trip.requests[0].Header.Get("Private-Token"))
		})
	}
}

func TestClientDefaults(t *testing.T) {
	trip := &clientTrip{}
	client, err := gitlabci.NewClient(gitlabci.WithTransport(trip))
	require.NoError(t, err)
	require.Empty(t, trip.requests)
	_, err = client.Pipelines.Get(t.Context(), "group/app", 42)
	require.NoError(t, err)
	require.Equal(t, "https://gitlab.com/api/v4/projects/group%2Fapp/pipelines/42", trip.requests[0].URL.String())
	require.Equal(t, "gitlabci", trip.requests[0].Header.Get("User-Agent"))
	for _, name := range []string{"Authorization", "Private-Token", "Job-Token", "Sudo", "Cookie", "Idempotency-Key"} {
		require.Empty(t, trip.requests[0].Header.Values(name), name)
	}
}

func TestClientUserAgentAndSudo(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"id":42}`))
	_, err := s.Client(t, gitlabci.WithUserAgent("bot/1.0 (+https://example.com)"), gitlabci.WithSudo("maya")).Pipelines.Get(t.Context(), "group/app", 42)
	require.NoError(t, err)
	require.Equal(t, []string{"bot/1.0 (+https://example.com)"}, testkit.OneRequest(t, s).Header.Values("User-Agent"))
	require.Equal(t, []string{"maya"}, testkit.OneRequest(t, s).Header.Values("Sudo"))
}

func TestClientTokenOverHTTP(t *testing.T) {
	insecure := gitlabci.WithInsecureHTTP()
	for _, kind := range testkit.TokenKinds {
		for _, base := range []string{
			"http://gitlab.example.com", "http://192.168.0.1", "http://0.0.0.0", "http://[::]", "http://localhost.example.com", "http://127.0.0.1.example.com", "HTTP://10.0.0.1:8080/gitlab",
		} {
			t.Run(kind.Name+" "+base, func(t *testing.T) {
				_, err := gitlabci.NewClient(gitlabci.WithBaseURL(base), kind.Option(testkit.Token))
				require.ErrorContains(t, err, "WithBaseURL")
				require.ErrorContains(t, err, "WithInsecureHTTP")
				require.NotContains(t, err.Error(), testkit.Token)
				_, err = gitlabci.NewClient(kind.Option(testkit.Token), gitlabci.WithBaseURL(base))
				require.Error(t, err, "whichever comes first")
				_, err = gitlabci.NewClient(gitlabci.WithBaseURL(base))
				require.NoError(t, err, "without a token")
				_, err = gitlabci.NewClient(insecure, gitlabci.WithBaseURL(base), kind.Option(testkit.Token))
				require.NoError(t, err, "with WithInsecureHTTP")
			})
		}
	}
}

// With an accepted http:// URL, requests are sent with the token.
func TestClientInsecureHTTPIsSent(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"id":42}`))
	_, err := s.Client(t, gitlabci.WithBaseURL("http://"+testkit.Host), gitlabci.WithInsecureHTTP()).Pipelines.Get(t.Context(), "group/app", 42)
	require.NoError(t, err)
	require.Equal(t, testkit.Token, testkit.OneRequest(t, s).Header.Get("Private-Token"))
}

func TestClientRateLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := &clientLimiter{}
		s := testkit.NewScript(testkit.Respond(503, ``), testkit.Respond(503, ``), testkit.OK)
		client := s.Client(t, gitlabci.WithRateLimiter(limiter))
		require.Zero(t, limiter.asked)
		_, err := client.Pipelines.Get(t.Context(), "group/app", 42)
		require.NoError(t, err)
		require.Len(t, s.Received(), 3)
		require.Equal(t, 3, limiter.asked, "before each attempt")
	})
}

func TestClientRateLimiterRefuses(t *testing.T) {
	for name, call := range testkit.Calls {
		t.Run(name, func(t *testing.T) {
			limiter := &clientLimiter{err: errors.New("no more today")}
			s := testkit.NewScript(testkit.OK)
			err := call(t.Context(), s.Client(t, gitlabci.WithRateLimiter(limiter)))
			require.ErrorIs(t, err, limiter.err)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Empty(t, s.Received())
			require.Equal(t, 1, limiter.asked)
		})
	}
}

func TestClientMaxAnswer(t *testing.T) {
	const body = `{"id":42,"ref":"main"}`
	answers := map[string]http.HandlerFunc{
		"with its length": testkit.Respond(http.StatusOK, body),
		"in chunks": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.(http.Flusher).Flush()
			io.WriteString(w, body)
		},
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			io.WriteString(packed, body)
			packed.Close()
		},
	}
	for name, step := range answers {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(step)
			pipeline, err := s.Client(t, gitlabci.WithMaxAnswer(int64(len(body)))).Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err)
			require.Equal(t, "main", pipeline.Ref)

			s = testkit.NewScript(step)
			pipeline, err = s.Client(t, gitlabci.WithMaxAnswer(int64(len(body)-1))).Pipelines.Get(t.Context(), "group/app", 42)
			require.Nil(t, pipeline)
			require.ErrorContains(t, err, "WithMaxAnswer")
			require.Len(t, s.Received(), 1, "it would be as large the next time")
		})
	}
}

// A page of 64 MiB of spaces takes 64 kB of gzip to send.
func TestClientMaxAnswerOfABomb(t *testing.T) {
	s := testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		io.WriteString(packed, strings.Repeat(" ", 8<<20))
		packed.Close()
	})
	_, err := s.Client(t, gitlabci.WithMaxAnswer(1<<20)).Pipelines.List(t.Context(), "group/app", nil)
	require.ErrorContains(t, err, "WithMaxAnswer")
	require.Len(t, s.Received(), 1)
}

// The largest limit must not overflow into none.
func TestClientMaxAnswerLargest(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"id":42}`))
	pipeline, err := s.Client(t, gitlabci.WithMaxAnswer(1<<63-1)).Pipelines.Get(t.Context(), "group/app", 42)
	require.NoError(t, err)
	require.Equal(t, gitlabci.PipelineID(42), pipeline.ID)
}

// Options that only observe may be left out or given, in any order.
func TestClientAcceptsOptions(t *testing.T) {
	client, err := gitlabci.NewClient(
		gitlabci.WithLogger(slog.New(slog.DiscardHandler)), gitlabci.WithHooks(gitlabci.Hooks{}), gitlabci.WithRetries(0), gitlabci.WithMaxWait(0),
		gitlabci.WithMaxAnswer(1), gitlabci.WithRateLimiter(&clientLimiter{}), gitlabci.WithTransport(http.DefaultTransport), gitlabci.WithInsecureHTTP(),
		gitlabci.WithSudo("7"), gitlabci.WithUserAgent("bot"), gitlabci.WithToken(testkit.Token), gitlabci.WithBaseURL("https://gitlab.example.com"),
	)
	require.NoError(t, err)
	require.NotNil(t, client.Pipelines)
	require.NotNil(t, client.Jobs)
}

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
			OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
				seen = append(seen, fmt.Sprint(w.Reason, " ", w.Duration))
			},
			OnResponse: func(_ context.Context, r gitlabci.ResponseInfo) {
				require.NotContains(t, fmt.Sprintf("%+v", r), testkit.Token)
				seen = append(seen, fmt.Sprint(r.Request.Method, " ", r.Request.Endpoint, " ", r.Request.Attempt, " ", r.Status, " ", r.Err))
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
	client := s.Client(t, gitlabci.WithHooks(gitlabci.Hooks{OnResponse: func(context.Context, gitlabci.ResponseInfo) {}}))
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
