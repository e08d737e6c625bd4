package promises_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// failing is a client whose every request ends like this.
func failing(t *testing.T, err error, opts ...gitlabci.Option) (*gitlabci.Client, *int) {
	sent := 0
	client, failure := gitlabci.NewClient(append([]gitlabci.Option{
		gitlabci.WithToken(testkit.Token),
		gitlabci.WithTransport(testkit.RoundTripper(func(*http.Request) (*http.Response, error) { sent++; return nil, err })),
	}, opts...)...)
	require.NoError(t, failure)
	return client, &sent
}

// ErrNotSent is matched by what never reached the server, and by nothing else.
func TestWhatWasNotSent(t *testing.T) {
	throttled := testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", "300")
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
	for name, call := range testkit.Calls {
		synctest.Test(t, func(t *testing.T) {
			client, _ := failing(t, refused)
			require.ErrorIs(t, call(t.Context(), client), gitlabci.ErrNotSent, name)

			ended, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, call(ended, testkit.NewScript(testkit.OK).Client(t)), gitlabci.ErrNotSent, name)

			client = testkit.NewScript(throttled).Client(t)
			require.NotErrorIs(t, call(t.Context(), client), gitlabci.ErrNotSent, "GitLab refused it")
			err := call(t.Context(), client)
			require.ErrorIs(t, err, gitlabci.ErrNotSent, "held, because of the other one")
			require.ErrorIs(t, err, gitlabci.ErrRateLimited)

			for _, step := range []http.HandlerFunc{testkit.Reset, testkit.Respond(400, `{"message":"no"}`), testkit.Respond(503, ``)} {
				require.NotErrorIs(t, call(t.Context(), testkit.NewScript(step).Client(t)), gitlabci.ErrNotSent, name)
			}
		})
	}
	client, sent := failing(t, io.EOF)
	for _, err := range []error{
		testkit.Done(client.Pipelines.Get(t.Context(), "", 7)),
		testkit.Done(client.Pipelines.Create(t.Context(), "group/app", "", nil)),
		testkit.Done(client.Jobs.Get(t.Context(), "group/app", 0)),
		testkit.Done(client.Do(nil)),
	} {
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
	}
	require.Zero(t, *sent)
}

// One attempt that reached the server is enough for the call to have been sent.
func TestSentBeforeItWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(429, `{}`, "Content-Type", "application/json", "Retry-After", "1"))
		broken := testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if len(s.Received()) > 0 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connect: connection refused")}
			}
			return s.Network.Transport().RoundTrip(r)
		})
		err := testkit.Calls["create"](t.Context(), s.Anonymous(t, gitlabci.WithTransport(broken)))
		require.ErrorContains(t, err, "connection refused")
		require.NotErrorIs(t, err, gitlabci.ErrNotSent)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	})
}

// A server that wants a client certificate refuses the connection, so that a create was
// not sent, and trying again would not help.
func TestMissingClientCertificate(t *testing.T) {
	reached := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := server.Client().Transport.(*http.Transport)
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server.URL), gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(transport))
	require.NoError(t, err)
	err = testkit.Calls["create"](t.Context(), client)
	if strings.Contains(err.Error(), "certificate required") { // not always read before the connection breaks
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.NotContains(t, err.Error(), "tries")
	}
	require.Zero(t, reached)
}

// A proxy that refuses to connect is named, with its status.
func TestRefusalOfAProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(at)}
	defer transport.CloseIdleConnections()
	client, err := gitlabci.NewClient(gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(transport))
	require.NoError(t, err)
	for name, call := range testkit.Calls {
		err := call(t.Context(), client)
		require.ErrorContains(t, err, "the proxy refuses to connect: 407 Proxy Authentication Required", name)
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.NotContains(t, err.Error(), "tries")
	}
}

// Each message that GitLab sends is in the error, and those about fields by field.
func TestMessagesOfErrors(t *testing.T) {
	for body, test := range map[string]struct {
		message string
		fields  map[string][]string
	}{
		`{"message":null,"error":"x"}`:                                    {"x", nil},
		`{"message":"","error":"x"}`:                                      {"x", nil},
		`{"message":"x"}`:                                                 {"x", nil},
		`{"message":{"base":["no stages","no jobs"],"ref":"bad"}}`:        {"no stages, no jobs; ref: bad", map[string][]string{"base": {"no stages", "no jobs"}, "ref": {"bad"}}},
		`{"message":{"a":[{"b":["deep"]}]}}`:                              {"a: b: deep", map[string][]string{"a": {"b: deep"}}},
		`{"message":["one","two"]}`:                                       {"one, two", nil},
		`{"error":"invalid_token","message":{}}`:                          {"invalid_token", nil},
		`{"message":{"` + testkit.Token + `":["` + testkit.Token + `"]}}`: {"[REDACTED]: [REDACTED]", map[string][]string{"[REDACTED]": {"[REDACTED]"}}},
	} {
		client := testkit.NewScript(testkit.Respond(400, body, "Content-Type", "application/json")).Client(t)
		e, responded := errors.AsType[*gitlabci.APIError](testkit.Calls["create"](t.Context(), client))
		require.True(t, responded)
		require.Equal(t, test.message, e.Message, body)
		require.Equal(t, test.fields, e.Fields, body)
	}
}

// The error says what the client knows: which token it has, which endpoint it is, and
// what a proxy may have done.
func TestHintsOfErrors(t *testing.T) {
	json := func(status int, body string) http.HandlerFunc {
		return testkit.Respond(status, body, "Content-Type", "application/json")
	}
	unauthorized, forbidden := json(401, `{"message":"401 Unauthorized"}`), json(403, `{"message":"403 Forbidden"}`)
	hidden, unknown := json(404, `{"message":"404 Project Not Found"}`), json(404, `{"error":"404 Not Found"}`)
	token, job := gitlabci.WithToken(testkit.Token), gitlabci.WithJobToken("glcbt-64_abcdefgh")
	for name, test := range map[string]struct {
		step   http.HandlerFunc
		option gitlabci.Option
		method string
		want   string // "" is no hint
	}{
		"a job token for a job":      {unauthorized, job, "Jobs.Get", "401 Unauthorized (a job token is not accepted for this; use an access token)"},
		"a job token to create":      {forbidden, job, "Pipelines.Create", "403 Forbidden (a job token is not accepted for this; use an access token)"},
		"a job token for schedules":  {unauthorized, job, "Schedules.Get", "401 Unauthorized (a job token is not accepted for this; use an access token)"},
		"a job token for triggers":   {unauthorized, job, "Triggers.List", "401 Unauthorized (a job token is not accepted for this; use an access token)"},
		"a job token for hooks":      {unauthorized, job, "Webhooks.Create", "401 Unauthorized (a job token is not accepted for this; use an access token)"},
		"an old job token":           {unauthorized, job, "Pipelines.Get", "401 Unauthorized (a job token is valid only while its job is running)"},
		"no token":                   {unauthorized, nil, "Pipelines.Get", "401 Unauthorized (the client has no token)"},
		"a hidden project":           {hidden, nil, "Pipelines.Get", "404 Not Found: Project Not Found (the client has no token)"},
		"with a token":               {unauthorized, token, "Pipelines.Get", ""},
		"a project that is missing":  {hidden, token, "Pipelines.Get", ""},
		"CI/CD that is switched off": {forbidden, token, "Pipelines.List", "403 Forbidden (the permission is missing, or CI/CD is switched off in the project)"},
		"a refusal with a reason":    {json(403, `{"message":"403 Forbidden - Job is not retryable"}`), token, "Jobs.Retry", ""},
		"the latest pipeline":        {forbidden, token, "Pipelines.Latest", ""},
		"the job of another token":   {json(404, `{"message":"404 Job Not Found"}`), token, "Jobs.Current", "404 Not Found: Job Not Found (this needs a job token)"},
		"a decoded path":             {unknown, token, "Pipelines.Get", "(the server is too old for it, or a proxy decodes the %2F: then the project's number works)"},
		"a proxy's page":             {testkit.Respond(403, `<title>no</title>`, "Content-Type", "text/html"), token, "Pipelines.List", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []gitlabci.Option
			if test.option != nil {
				opts = append(opts, test.option)
			}
			err := testkit.Call(test.method)(t.Context(), testkit.NewScript(test.step).Anonymous(t, opts...))
			if test.want == "" {
				require.NotContains(t, err.Error(), "(")
				return
			}
			require.True(t, strings.HasSuffix(err.Error(), test.want), err)
		})
	}
}

// What cannot be a project is refused with a sentence of its own.
func TestSentencesOfProjects(t *testing.T) {
	client, sent := failing(t, io.EOF)
	for project, want := range map[gitlabci.ProjectID]string{
		"":                                   "the project is empty",
		"0":                                  "is not a number above zero",
		"-7":                                 "is not a number above zero",
		"app":                                "is neither a number nor a full path",
		"a//b":                               `has an empty part, a "." or a ".."`,
		"a/../b":                             `has an empty part, a "." or a ".."`,
		"/a/b":                               "begins or ends with a slash",
		"a/b/":                               "begins or ends with a slash",
		"a/b\n":                              "has a newline or another control character",
		"https://me:hunter22@gitlab.com/a/b": "the project is a URL; give its path",
		"git@gitlab.com:a/b.git":             "the project is a URL; give its path",
		"a/b.git":                            `ends with ".git"`,
	} {
		_, err := client.Pipelines.Get(t.Context(), project, 7)
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.NotContains(t, err.Error(), "hunter22")
	}
	require.Zero(t, *sent)
}

// A short token is no reason to make messages unreadable.
func TestShortTokensLeaveMessagesReadable(t *testing.T) {
	step := testkit.Respond(401, `{"message":"invalid token"}`, "Content-Type", "application/json")
	err := testkit.Calls["get"](t.Context(), testkit.NewScript(step).Anonymous(t, gitlabci.WithToken("t")))
	require.ErrorContains(t, err, "invalid token")
}

// A blocked pipeline names the jobs that someone has to play.
func TestBlockedNamesTheJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusManual})
		p.AddJob(gitlabcitest.Job{Name: "build", Status: gitlabci.StatusSuccess})
		p.AddJob(gitlabcitest.Job{Name: "optional", Status: gitlabci.StatusManual, AllowFailure: true})
		deploy := p.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual})
		_, err := srv.Client().Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
		require.ErrorIs(t, err, gitlabci.ErrBlocked)
		blocked, ok := errors.AsType[*gitlabci.BlockedError](err)
		require.True(t, ok)
		require.Equal(t, p.ID, blocked.Pipeline)
		require.Len(t, blocked.Jobs, 1)
		require.Equal(t, deploy.ID, blocked.Jobs[0].ID)
		require.ErrorContains(t, err, `"deploy"`)
		require.NotContains(t, err.Error(), "optional")
	})
}

// A stack trace that is not text is kept as its JSON text.
func TestStackTraceKeepsItsJSON(t *testing.T) {
	for sent, want := range map[string]string{`["a","b"]`: `["a","b"]`, `{"a":1}`: `{"a":1}`, `"at a.go:1"`: "at a.go:1", `null`: ""} {
		body := `{"test_suites":[{"test_cases":[{"name":"a","stack_trace":` + sent + `}]}]}`
		report, err := testkit.CannedJSON(body).Client(t).Pipelines.TestReport(t.Context(), "group/app", 7)
		require.NoError(t, err)
		require.Equal(t, want, report.TestSuites[0].TestCases[0].StackTrace)
	}
}
