package promises_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/secret"
	"example.com/gitlabci/internal/testkit"
)

// What no text may show. The user of WithSudo is a name, and no secret.
const (
	secretToken     = "glpat-aB+c/1<2>&x"
	secretFirst     = "oauth-before-renewal"
	secretVariable  = "hunter2-in-a-variable"
	secretLine      = "second-line-of-a-key"
	secretQuery     = "query-of-the-callers"
	secretSignature = "c2lnbmVk"
)

var secretTexts = []string{secretToken, url.QueryEscape(secretToken), url.PathEscape(secretToken), secretFirst, secretVariable, secretLine, secretQuery, secretSignature}

// secretPrints collects whatever is printed.
type secretPrints struct{ bytes.Buffer }

var secretVerbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%T"}

// print prints a value in every way that programs print values.
func (p *secretPrints) print(value any) {
	for _, verb := range secretVerbs {
		fmt.Fprintf(p, verb+"\n", value)
		fmt.Fprintf(p, verb+"\n", struct{ Value, value any }{value, value})
	}
	if data, err := json.Marshal(value); err == nil {
		p.Write(data)
	}
	for _, handler := range p.handlers() {
		slog.New(handler).Info("printed", "value", value, slog.Group("in", "value", value))
	}
}

func (p *secretPrints) handlers() []slog.Handler {
	all := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	return []slog.Handler{slog.NewTextHandler(p, all), slog.NewJSONHandler(p, all)}
}

// chain prints an error and all that it wraps.
func (p *secretPrints) chain(err error) {
	if err == nil {
		return
	}
	p.print(err)
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		p.chain(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			p.chain(inner)
		}
	}
}

func (p *secretPrints) check(t *testing.T, name string) {
	t.Helper()
	for _, text := range secretTexts {
		if at := strings.Index(p.String(), text); at >= 0 {
			t.Fatalf("%s: %q is printed in %q", name, text, p.String()[max(0, at-200):min(p.Len(), at+200)])
		}
	}
}

// multi sends log records to both handlers.
type multi []slog.Handler

func (m multi) Enabled(context.Context, slog.Level) bool { return true }
func (m multi) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(m[0].Handle(ctx, r.Clone()), m[1].Handle(ctx, r.Clone()))
}
func (m multi) WithAttrs(a []slog.Attr) slog.Handler {
	return multi{m[0].WithAttrs(a), m[1].WithAttrs(a)}
}
func (m multi) WithGroup(name string) slog.Handler {
	return multi{m[0].WithGroup(name), m[1].WithGroup(name)}
}

// echo is a step: a response that repeats the whole request.
func echo(status int, contentType, format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := fmt.Sprint(r.Method, " https://user:"+secretQuery+"@", r.Host, r.URL.String(), " ", r.Header, " ", string(body))
		if contentType == "application/json" {
			quoted, _ := json.Marshal(text)
			text = string(quoted)
		}
		testkit.Respond(status, fmt.Sprintf(format, text), "Content-Type", contentType)(w, r)
	}
}

// talkative is a transport that fails and quotes the request.
func talkative(wrap bool) gitlabci.Option {
	return gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
		var err error = &url.Error{Op: r.Method, URL: r.URL.String(), Err: fmt.Errorf("headers %v", r.Header)}
		if wrap {
			err = fmt.Errorf("proxy %s: %w", "http://me:"+secretQuery+"@proxy.example.com?key="+secretQuery, err)
		}
		return nil, err
	}))
}

var secretServers = map[string][]http.HandlerFunc{
	"reset":              {testkit.Reset},
	"silent":             {testkit.Silent},
	"break off":          {testkit.BreakOff},
	"echo as JSON":       {echo(400, "application/json", `{"message":%s}`)},
	"echo by a field":    {echo(422, "application/json", `{"message":{"base":[%s],"variables":{"value":[%[1]s]}}}`)},
	"echo as text":       {echo(500, "text/plain", "%s")},
	"echo as page":       {echo(502, "text/html", "<title>%s</title>")},
	"echo as throttle":   {echo(429, "text/plain", "%s")},
	"echo as success":    {echo(200, "text/html", "<title>%s</title>")},
	"echo unauthorized":  {echo(401, "application/json", `{"error":"invalid_token","error_description":%s}`)},
	"lost, then refused": {testkit.Reset, echo(403, "application/json", `{"message":%s}`)},
	"signed":             {testkit.Respond(302, ``, "Location", testkit.StorageURL)},
	"signed, not a URL":  {testkit.Respond(302, ``, "Location", "https://"+testkit.StorageHost+"/%zz?"+testkit.Signature)},
	"signed, over http":  {testkit.Respond(302, ``, "Location", "http://"+testkit.StorageHost+"/a?"+testkit.Signature)},
	"signed, no storage": {testkit.Respond(307, ``, "Location", "https://nowhere.example.net/a?"+testkit.Signature+"#"+secretQuery)},
	"user and password":  {testkit.Respond(302, ``, "Location", "https://me:"+secretQuery+"@"+testkit.StorageHost+"/a")},
}

var secretCredentials = map[string]func() []gitlabci.Option{
	"token": func() []gitlabci.Option { return []gitlabci.Option{gitlabci.WithToken(secretToken)} },
	"job":   func() []gitlabci.Option { return []gitlabci.Option{gitlabci.WithJobToken(secretToken)} },
	"oauth": func() []gitlabci.Option { return []gitlabci.Option{gitlabci.WithOAuthToken(secretToken)} },
	"sudo": func() []gitlabci.Option {
		return []gitlabci.Option{gitlabci.WithToken(secretToken), gitlabci.WithSudo("maya")}
	},
	"renewed": func() []gitlabci.Option {
		tokens := []string{secretFirst, secretToken}
		return []gitlabci.Option{gitlabci.WithTokenSource(func(context.Context) (string, error) {
			token := tokens[0]
			slices.Reverse(tokens)
			return token, nil
		})}
	},
}

// secretCalls carry secrets of the caller's.
var secretCalls = map[string]func(context.Context, *gitlabci.Client) error{
	"get": testkit.Calls["get"],
	"create": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: secretVariables()})
		return err
	},
	"keyed create": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: secretVariables(), IdempotencyKey: "k1"})
		return err
	},
	"play": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: secretVariables()})
		return err
	},
	"download": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, nil)
		return err
	},
	"do": func(ctx context.Context, c *gitlabci.Client) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "/projects?private_token="+secretQuery+"&search="+secretQuery, nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		return err
	},
}

func secretVariables() []*gitlabci.Variable {
	return []*gitlabci.Variable{{Key: "A", Value: secretVariable}, {Key: "PEM", Value: "first-line\n  " + secretLine + "\r\n"}, {Key: "B", Value: "1"}}
}

// Nothing that a failing client prints, and nothing that can be printed of it, shows a
// secret.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	for server, steps := range secretServers {
		t.Run(server, func(t *testing.T) { secretMatrix(t, server, steps) })
	}
	t.Run("talkative transport", func(t *testing.T) { secretMatrix(t, "url.Error", nil, talkative(false)) })
	t.Run("talkative proxy", func(t *testing.T) { secretMatrix(t, "wrapped url.Error", nil, talkative(true)) })
}

func secretMatrix(t *testing.T, server string, steps []http.HandlerFunc, more ...gitlabci.Option) {
	n := 0
	for credential, opts := range secretCredentials {
		for name, call := range secretCalls {
			if n++; !testkit.Sampled(n, 4) {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				var prints secretPrints
				s := testkit.NewScript(append(steps, echo(500, "text/plain", "%s"))[:max(1, len(steps))]...)
				s.Network.Handle(testkit.StorageHost, testkit.NewScript(echo(403, "text/xml", "<Error>%s</Error>")))
				options := append(opts(), gitlabci.WithRetries(2), gitlabci.WithLogger(slog.New(multi(prints.handlers()))), gitlabci.WithHooks(gitlabci.Hooks{
					OnWait: func(_ context.Context, w gitlabci.WaitInfo) { prints.print(w) },
					OnResponse: func(_ context.Context, r gitlabci.ResponseInfo) {
						prints.print(r)
						prints.chain(r.Err)
					},
				}))
				client := s.Anonymous(t, append(options, more...)...)
				err := call(t.Context(), client)
				if name != "do" || server != "echo as success" {
					require.Error(t, err)
				}
				prints.chain(err)
				prints.print(client)
				prints.print(*client)
				prints.print(options)
				prints.check(t, strings.Join([]string{server, credential, name}, ", "))
				require.NotZero(t, prints.Len())
			})
		}
	}
}

func TestSecretType(t *testing.T) {
	t.Parallel()
	secret := secret.New(secretToken)
	for _, verb := range append(secretVerbs[:len(secretVerbs)-1], "%x", "%X", "%o", "%t", "%e", "%z", "%10v", "%-+# 0v") {
		require.Equal(t, "[REDACTED]", fmt.Sprintf(verb, secret), verb)
	}
	data, err := json.Marshal(map[string]any{"token": secret})
	require.NoError(t, err)
	require.Equal(t, `{"token":"[REDACTED]"}`, string(data))
	var prints secretPrints
	prints.print(secret)
	prints.print(&secret)
	prints.print([]any{secret, map[string]any{"token": secret}})
	prints.check(t, "secret")
	require.Contains(t, prints.String(), `value=[REDACTED]`)
	require.Contains(t, prints.String(), `"value":"[REDACTED]"`)
}

// An error whose text was changed can still be matched.
func TestScrubbedErrorsMatch(t *testing.T) {
	t.Parallel()
	cause := errors.New("token " + testkit.Token + " is odd")
	client := testkit.NewScript(testkit.OK).Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(*http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("sent %w", &url.Error{Op: "Get", URL: "https://h/?" + testkit.Signature, Err: cause})
	})), gitlabci.WithRetries(0))
	err := testkit.Calls["get"](t.Context(), client)
	require.ErrorIs(t, err, cause)
	wrapped, found := errors.AsType[*url.Error](err)
	require.True(t, found)
	require.Equal(t, "Get", wrapped.Op)
	require.EqualError(t, err, `gitlabci: GET /projects/group%2Fapp/pipelines/7: sent Get "https://h/?…": token [REDACTED] is odd`)
}

// A title that is cut must not keep most of a token at its end.
func TestPageTitleIsCutAfterTheToken(t *testing.T) {
	t.Parallel()
	for before := 180; before <= 200; before++ {
		s := testkit.NewScript(testkit.Respond(200, "<title>"+strings.Repeat("a", before)+testkit.Token+"b", "Content-Type", "text/html"), testkit.Respond(200, "<title>"+strings.Repeat("a", before)+testkit.Token+"b</title>", "Content-Type", "text/html"))
		for range 2 {
			err := testkit.Calls["get"](t.Context(), s.Client(t))
			require.ErrorContains(t, err, "not JSON")
			require.NotContains(t, err.Error(), testkit.Token[:len(testkit.Token)/2], "%d characters before the token", before)
		}
	}
}

// A token is a secret after it was renewed, too.
func TestEarlierTokensAreNotPrinted(t *testing.T) {
	t.Parallel()
	asked := 0
	s := testkit.NewScript(testkit.OnlyToken("none"), testkit.Respond(400, `{"message":"not `+secretFirst+`, and not `+testkit.Token+`"}`))
	err := testkit.Calls["get"](t.Context(), s.Anonymous(t, testkit.TokenSource(&asked, secretFirst, testkit.Token)))
	require.ErrorContains(t, err, "not [REDACTED], and not [REDACTED]")
}

func TestEscapedTokensAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.Respond(400, "token "+url.QueryEscape(secretToken)+" or "+url.PathEscape(secretToken), "Content-Type", "text/plain"))
	err := testkit.Calls["get"](t.Context(), s.Anonymous(t, gitlabci.WithToken(secretToken)))
	require.ErrorContains(t, err, "token [REDACTED] or [REDACTED]")

	for _, hyphen := range []string{"%2D", "%252d", "&#45;", "&#x2D;", "&amp;#45;", `\u002d`, `\\u002D`} {
		s := testkit.NewScript(testkit.Respond(400, "token "+strings.ReplaceAll(testkit.Token, "-", hyphen)+"!", "Content-Type", "text/plain"))
		err := testkit.Calls["get"](t.Context(), s.Client(t))
		require.ErrorContains(t, err, "token [REDACTED]!", hyphen)
	}
}

// A response that is cut short may end within a token.
func TestCutTokensAreNotPrinted(t *testing.T) {
	t.Parallel()
	const token = "glpat-Invented-0123456789"
	for _, end := range []int{len(token) - 1, len(token) - 6} {
		body := `{"message":"no such token: ` + token[:end]
		s := testkit.NewScript(testkit.Body(400, body, len(body)+100))
		err := testkit.Calls["get"](t.Context(), s.Anonymous(t, gitlabci.WithToken(token)))
		require.ErrorContains(t, err, "no such token: [REDACTED]")
	}
}

// A header that is too long to be quoted is not cut within a token.
func TestTokensInLongHeadersAreNotPrinted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for before := 85; before <= 200; before++ {
			header := strings.Repeat("x", before) + testkit.Token
			s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/jobs/7") {
					testkit.Respond(200, `{"id":7,"status":"success","started_at":"2026-01-01T00:00:00Z"}`)(w, r)
					return
				}
				testkit.Part("x", header)(w, r)
			})
			client := s.Client(t, gitlabci.WithRetries(0))
			_, archive := client.Artifacts.Archive(ctx, "group/app", gitlabci.JobID(7), nil)
			_, log := client.Jobs.FollowLog(ctx, "group/app", 7, io.Discard, &gitlabci.FollowOptions{GiveUpAfter: time.Nanosecond})
			for _, err := range []error{archive, log} {
				require.ErrorContains(t, err, "Content-Range")
				require.NotContains(t, err.Error(), testkit.Token[:len(testkit.Token)/2])
			}
		}
	})
}

// A wordy error is its own text, however it is printed.
type wordy string

func (w wordy) Error() string { return string(w) }

func TestScrubbedErrorsOfTheirOwnText(t *testing.T) {
	t.Parallel()
	cause := wordy("token " + testkit.Token)
	client := testkit.NewScript(testkit.OK).Client(t, gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(*http.Request) (*http.Response, error) {
		return nil, cause
	})))
	err := testkit.Calls["get"](t.Context(), client)
	require.ErrorIs(t, err, cause)
	for ; err != nil; err = errors.Unwrap(err) {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %q", err, err, err, err), testkit.Token)
	}
}

func TestURLsInMessages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"see https://h/x?c2lnbmVk now":     "see https://h/x?… now",
		"see https://h/x#c2lnbmVk now":     "see https://h/x?… now",
		"see https://h?c2lnbmVk":           "see https://h?…",
		"see /x?a=c2lnbmVk now":            "see /x?… now",
		"see <https://me:c2lnbmVk@h/x>":    "see <https://h/x>",
		`see "https://h/x?a=c2lnbmVk&b=c"`: `see "https://h/x?…"`,
		"why? https://h/x is #1":           "why? https://h/x is #1",
		"mail a@b.example":                 "mail a@b.example",
	} {
		err := testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(400, text, "Content-Type", "text/plain")).Client(t))
		require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/pipelines/7: 400 Bad Request: "+want)
	}
}

// Short values would leave nothing of a message.
func TestShortVariablesStayInMessages(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.Respond(400, `{"message":"main is not 1 of production, hunter2-in-a-variable"}`))
	_, err := s.Client(t).Pipelines.Create(t.Context(), "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: []*gitlabci.Variable{
		{Key: "A", Value: "1"}, {Key: "B", Value: "main"}, {Key: "C", Value: ""}, {Key: "D", Value: secretVariable},
	}})
	require.ErrorContains(t, err, "main is not 1 of production, [REDACTED]")
}

// A server that quotes the request quotes its JSON.
func TestVariablesInJSONAreNotPrinted(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"pass  word", `pass"  word"`, `pass"word"`, `pass\word`, "pass\tword", "pass\u2028word"} {
		s := testkit.NewScript(echo(500, "text/plain", "%s"))
		_, err := s.Client(t).Pipelines.Create(t.Context(), "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: value}}})
		require.ErrorContains(t, err, `"value":"[REDACTED]"`)
		require.NotContains(t, err.Error(), "word")
	}
}
