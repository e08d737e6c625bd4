package rest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// doBody hides what net/http knows of readers: it can be read once.
type doBody struct {
	io.Reader
	closed bool
}

func (b *doBody) Close() error {
	b.closed = true
	return nil
}

func TestClientDoTargets(t *testing.T) {
	for target, want := range testkit.DoTargets {
		t.Run(target, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"version":"19.5.0"}`))
			resp, err := s.Client(t).Do(testkit.Request(t, http.MethodGet, target, nil))
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, `{"version":"19.5.0"}`, string(body))
			r := testkit.OneRequest(t, s)
			require.Equal(t, want, r.RequestURI)
			require.Equal(t, http.MethodGet, r.Method)
			require.Equal(t, testkit.Token, r.Header.Get("Private-Token"))
			require.Equal(t, "gitlabci", r.Header.Get("User-Agent"))
			require.NotContains(t, resp.Request.Header, "Private-Token", "the response has the token")
		})
	}
}

// The path goes below the root of the instance as well.
func TestClientDoBelowARoot(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	resp, err := s.Client(t, gitlabci.WithBaseURL("https://"+testkit.Host+"/gitlab/")).Do(testkit.Request(t, http.MethodGet, "/version", nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "/gitlab/api/v4/version", testkit.OneRequest(t, s).RequestURI)
}

func TestClientDoMethods(t *testing.T) {
	for _, method := range []string{"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		t.Run(method, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusAccepted, ``))
			req := testkit.Request(t, "GET", "/projects/7", nil)
			req.Method = method
			resp, err := s.Client(t).Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusAccepted, resp.StatusCode)
			require.Equal(t, cmp.Or(method, "GET"), testkit.OneRequest(t, s).Method)
		})
	}
}

func TestClientDoKeepsTheRequest(t *testing.T) {
	synctest.Test(t, doKeepsTheRequest)
}

func doKeepsTheRequest(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(429, ``, "Retry-After", "0"), testkit.Respond(http.StatusCreated, `{}`))
	req := testkit.Request(t, http.MethodPost, "projects/group%2Fapp/x?a=b#c", strings.NewReader(`{"a":1}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "caller")
	req.Host = "elsewhere.example.com"
	target, header, body := *req.URL, req.Header.Clone(), req.Body
	resp, err := s.Client(t, gitlabci.WithSudo("maya")).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	require.Equal(t, target, *req.URL)
	require.Equal(t, header, req.Header)
	require.Equal(t, "elsewhere.example.com", req.Host)
	require.Equal(t, http.MethodPost, req.Method)
	require.True(t, body == req.Body)
	require.Empty(t, req.RequestURI)

	require.Len(t, s.Received(), 2)
	for i, r := range s.Received() {
		require.Equal(t, testkit.Host, r.Host, "the caller's Host is not ours")
		require.Equal(t, "caller", r.Header.Get("User-Agent"))
		require.Equal(t, "maya", r.Header.Get("Sudo"))
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.JSONEq(t, `{"a":1}`, s.Bodies[i])
	}
}

// Every header that HTTP allows is sent.
func TestClientDoHeaders(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	req := testkit.Request(t, http.MethodGet, "/projects/7", nil)
	header := http.Header{"X-Note": {"a\tb é", ""}, "Accept": {"text/plain", "*/*"}, "Prefer": {"a"}, "If-None-Match": {`W/"a"`}, "Range": {"bytes=0-9"}}
	req.Header = header.Clone()
	resp, err := s.Client(t).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	for name, values := range header {
		require.Equal(t, values, testkit.OneRequest(t, s).Header.Values(name), name)
	}
}

// The prefix of an instance's root is not doubled, either.
func TestClientDoOfAWholePath(t *testing.T) {
	for _, target := range []string{"/gitlab/api/v4/version", "/api/v4/version"} {
		s := testkit.NewScript(testkit.OK)
		resp, err := s.Client(t, gitlabci.WithBaseURL("https://"+testkit.Host+"/gitlab")).Do(testkit.Request(t, http.MethodGet, target, nil))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "/gitlab/api/v4/version", testkit.OneRequest(t, s).RequestURI)
	}
}

// A request made by hand has no header map.
func TestClientDoByHand(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	resp, err := s.Client(t).Do(&http.Request{URL: &url.URL{Path: "/projects/group/app"}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "/api/v4/projects/group/app", testkit.OneRequest(t, s).RequestURI)
}

// doBubble runs a test in which waiting takes no time.
func doBubble(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func TestClientDoBodies(t *testing.T) {
	throttled := testkit.Respond(429, ``, "Retry-After", "0")
	doBubble(t, "can be read again", func(t *testing.T) {
		s := testkit.NewScript(throttled, testkit.OK)
		resp, err := s.Client(t).Do(testkit.Request(t, http.MethodPost, "/projects", strings.NewReader("a=1")))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []string{"a=1", "a=1"}, s.Bodies)
	})
	doBubble(t, "can be read once", func(t *testing.T) {
		s := testkit.NewScript(throttled, testkit.OK)
		body := &doBody{Reader: strings.NewReader("a=1")}
		_, err := s.Client(t).Do(testkit.Request(t, http.MethodPut, "/projects", body))
		require.ErrorIs(t, err, gitlabci.ErrRateLimited)
		require.Equal(t, []string{"a=1"}, s.Bodies)
		require.True(t, body.closed)
	})
	doBubble(t, "none to read again", func(t *testing.T) {
		s := testkit.NewScript(throttled, testkit.OK)
		req := testkit.Request(t, http.MethodPost, "/projects", nil)
		req.Body = http.NoBody
		resp, err := s.Client(t).Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Len(t, s.Received(), 2)
	})
	doBubble(t, "cannot be read again after all", func(t *testing.T) {
		failure := errors.New("the file is gone")
		s := testkit.NewScript(throttled, testkit.OK)
		req := testkit.Request(t, http.MethodPost, "/projects", strings.NewReader("a=1"))
		req.GetBody = func() (io.ReadCloser, error) { return nil, failure }
		_, err := s.Client(t).Do(req)
		require.ErrorIs(t, err, failure)
		require.Len(t, s.Received(), 1)
	})
}

func TestClientDoBodiesAndExpiredTokens(t *testing.T) {
	doBubble(t, "can be read once", func(t *testing.T) {
		asked := 0
		s := testkit.NewScript(testkit.OnlyToken("new"))
		_, err := s.Anonymous(t, testkit.TokenSource(&asked, "old", "new")).Do(testkit.Request(t, http.MethodPost, "/projects", &doBody{Reader: strings.NewReader("a=1")}))
		require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
		require.Equal(t, []string{"a=1"}, s.Bodies)
	})
	doBubble(t, "can be read again", func(t *testing.T) {
		asked := 0
		s := testkit.NewScript(testkit.OnlyToken("new"))
		resp, err := s.Anonymous(t, testkit.TokenSource(&asked, "old", "new")).Do(testkit.Request(t, http.MethodPost, "/projects", bytes.NewReader([]byte("a=1"))))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []string{"a=1", "a=1"}, s.Bodies)
	})
}

// doRefusals change a good request into one that is refused; says is in the
// error.
var doRefusals = map[string]struct {
	change func(*http.Request)
	says   string
}{
	"no URL":                 {func(r *http.Request) { r.URL = nil }, "URL"},
	"scheme and host":        {func(r *http.Request) { r.URL, _ = url.Parse("https://" + testkit.Host + "/api/v4/version") }, "host"},
	"another host":           {func(r *http.Request) { r.URL, _ = url.Parse("https://elsewhere.example.com/version") }, "host"},
	"host without scheme":    {func(r *http.Request) { r.URL, _ = url.Parse("//elsewhere.example.com/version") }, "host"},
	"scheme without host":    {func(r *http.Request) { r.URL, _ = url.Parse("https:version") }, "scheme"},
	"user":                   {func(r *http.Request) { r.URL.User = url.UserPassword("maya", "geheim") }, "host"},
	"out of the API":         {func(r *http.Request) { r.URL.Path = "/../../admin" }, `".."`},
	"out of a project":       {func(r *http.Request) { r.URL.Path = "/projects/7/../8" }, `".."`},
	"out, without slash":     {func(r *http.Request) { r.URL.Path = "../admin" }, `".."`},
	"up at the end":          {func(r *http.Request) { r.URL.Path = "/projects/7/.." }, `".."`},
	"up, escaped":            {func(r *http.Request) { r.URL, _ = url.Parse("/projects/%2e%2E/admin") }, `%2e%2E`},
	"up, half escaped":       {func(r *http.Request) { r.URL, _ = url.Parse("/projects/.%2e/admin") }, `.%2e`},
	"here":                   {func(r *http.Request) { r.URL.Path = "/projects/./7" }, `"."`},
	"private token":          {func(r *http.Request) { r.Header.Set("PRIVATE-TOKEN", "geheim") }, "Private-Token"},
	"job token":              {func(r *http.Request) { r.Header.Set("JOB-TOKEN", "geheim") }, "Job-Token"},
	"deploy token":           {func(r *http.Request) { r.Header.Set("Deploy-Token", "geheim") }, "Deploy-Token"},
	"bearer":                 {func(r *http.Request) { r.Header.Set("Authorization", "Bearer geheim") }, "Authorization"},
	"basic":                  {func(r *http.Request) { r.SetBasicAuth("maya", "geheim") }, "Authorization"},
	"sudo":                   {func(r *http.Request) { r.Header.Set("Sudo", "root") }, "Sudo"},
	"cookie":                 {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "_gitlab_session", Value: "geheim"}) }, "Cookie"},
	"empty token":            {func(r *http.Request) { r.Header["Private-Token"] = []string{""} }, "Private-Token"},
	"token in lower case":    {func(r *http.Request) { r.Header["private-token"] = []string{"geheim"} }, "oken"},
	"token in upper case":    {func(r *http.Request) { r.Header["PRIVATE-TOKEN"] = []string{"geheim"} }, "oken"},
	"idempotency key":        {func(r *http.Request) { r.Header.Set("Idempotency-Key", "a") }, "Idempotency-Key"},
	"empty idempotency key":  {func(r *http.Request) { r.Header["Idempotency-Key"] = []string{} }, "Idempotency-Key"},
	"other idempotency key":  {func(r *http.Request) { r.Header.Set("X-Idempotency-Key", "a") }, "X-Idempotency-Key"},
	"method with a space":    {func(r *http.Request) { r.Method = "GET /" }, ""},
	"header with a newline":  {func(r *http.Request) { r.Header["X-A"] = []string{"b\r\nSudo: root"} }, ""},
	"header with a bad name": {func(r *http.Request) { r.Header["X A"] = []string{"b"} }, ""},
	"path and header":        {func(r *http.Request) { r.URL.Path, r.Header = "/..", http.Header{"Sudo": {"root"}} }, ".."},
	"path that is not above": {func(r *http.Request) { r.URL = &url.URL{Opaque: "projects/7"} }, ""},
}

func TestClientDoRefuses(t *testing.T) {
	for name, test := range doRefusals {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			s.Network.Handle("elsewhere.example.com", s)
			body := &doBody{Reader: strings.NewReader("a=1")}
			req := testkit.Request(t, http.MethodPost, "/projects/7", body)
			test.change(req)
			resp, err := s.Client(t).Do(req)
			require.Nil(t, resp)
			require.ErrorContains(t, err, test.says)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.NotContains(t, err.Error(), "geheim")
			require.NotContains(t, err.Error(), testkit.Token)
			require.NotContains(t, err.Error(), "\n")
			require.Empty(t, s.Received())
			require.True(t, body.closed, "as net/http closes it")
			if test.says != "" {
				require.ErrorIs(t, err, gitlabci.ErrInvalid)
			}
		})
	}
	_, err := testkit.NewScript(testkit.OK).Client(t).Do(nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
}

func TestClientDoResponses(t *testing.T) {
	tests := map[string]struct {
		status int
		is     error // nil for a response that is returned
	}{
		"200": {200, nil}, "201": {201, nil}, "204": {204, nil}, "206": {206, nil},
		"304": {304, nil},
		"300": {300, errors.ErrUnsupported}, "400": {400, gitlabci.ErrInvalid}, "401": {401, gitlabci.ErrUnauthorized},
		"403": {403, gitlabci.ErrForbidden}, "404": {404, gitlabci.ErrNotFound}, "409": {409, gitlabci.ErrConflict},
		"412": {412, errors.ErrUnsupported}, "422": {422, gitlabci.ErrInvalid}, "429": {429, gitlabci.ErrRateLimited},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(test.status, ``, "Etag", `"a"`))
			resp, err := s.Client(t, gitlabci.WithRetries(0)).Do(testkit.Request(t, http.MethodGet, "/projects/7?private=1", nil))
			if test.is == nil {
				require.NoError(t, err)
				require.Equal(t, test.status, resp.StatusCode)
				require.Equal(t, `"a"`, resp.Header.Get("Etag"))
				require.NoError(t, resp.Body.Close())
				return
			}
			require.Nil(t, resp)
			e, isAPI := errors.AsType[*gitlabci.APIError](err)
			require.True(t, isAPI, "%v", err)
			require.Equal(t, test.status, e.StatusCode)
			require.Equal(t, http.MethodGet, e.Method)
			require.Equal(t, "/projects/7", e.Path)
			require.NotContains(t, err.Error(), "private=1")
			if test.is != errors.ErrUnsupported { // which stands for no sentinel
				require.ErrorIs(t, err, test.is)
			}
		})
	}
}

// Only reads and deletes are sent twice.
func TestClientDoRetries(t *testing.T) {
	for method, want := range map[string]int{"GET": 2, "HEAD": 2, "DELETE": 2, "POST": 1, "PUT": 1, "PATCH": 1} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(testkit.Respond(502, ``), testkit.OK)
				resp, err := s.Client(t).Do(testkit.Request(t, method, "/projects/7", nil))
				require.Len(t, s.Received(), want)
				if want == 1 {
					require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					return
				}
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
			})
		})
	}
}

// The response is streamed, also from another host: the server waits here until its
// first half was read.
func TestClientDoStreams(t *testing.T) {
	for _, redirect := range []bool{false, true} {
		read := make(chan struct{})
		stream := func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "first,")
			w.(http.Flusher).Flush()
			select {
			case <-read:
				io.WriteString(w, "second")
			case <-r.Context().Done():
			}
		}
		s := testkit.NewScript(stream)
		if redirect {
			s, _ = testkit.Redirected(http.StatusFound, testkit.StorageURL, stream)
		}
		resp, err := s.Client(t, gitlabci.WithMaxAnswer(1)).Do(testkit.Request(t, http.MethodGet, "/projects/7/packages", nil))
		require.NoError(t, err)
		first := make([]byte, len("first,"))
		_, err = io.ReadFull(resp.Body, first)
		require.NoError(t, err)
		close(read)
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "first,second", string(first)+string(rest))
		require.NoError(t, resp.Body.Close())
		require.NotContains(t, resp.Request.Header, "Private-Token")
	}
}

// Canceling ends a response in the middle, too.
func TestClientDoCancel(t *testing.T) {
	s := testkit.NewScript(testkit.Stall)
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := s.Client(t).Do(testkit.Request(t, http.MethodGet, "/projects/7", nil).WithContext(ctx))
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, resp.Body.Close())
}
