package promises_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

const proxySecret = "access-proxy-secret"

// A header of WithHeader goes to the server alone, by redirects at home too.
func TestHeadersStayAtHome(t *testing.T) {
	api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.OKFile)
	client := api.Client(t, gitlabci.WithHeader("cf-access-client-secret", "older"), gitlabci.WithHeader("CF-Access-Client-Secret", proxySecret))
	require.NoError(t, testkit.OpenArchive(t.Context(), client))
	require.Equal(t, []string{proxySecret}, testkit.OneRequest(t, api).Header.Values("CF-Access-Client-Secret"))
	require.Empty(t, testkit.OneRequest(t, storage).Header.Values("CF-Access-Client-Secret"))

	s := testkit.NewScript(testkit.Respond(301, ``, "Location", "/api/v4/projects/7/pipelines/7"), testkit.OK)
	require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithHeader("X-Proxy", proxySecret))))
	for _, r := range s.Received() {
		require.Equal(t, []string{proxySecret}, r.Header.Values("X-Proxy"))
	}
}

// Its value is in no error, and no request that a caller gets back has it.
func TestHeadersAreNotPrinted(t *testing.T) {
	s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		testkit.Respond(403, `{"message":"no access with `+r.Header.Get("X-Proxy")+`"}`)(w, r)
	}, testkit.OK)
	client := s.Client(t, gitlabci.WithHeader("X-Proxy", proxySecret))
	err := testkit.Calls["get"](t.Context(), client)
	require.ErrorContains(t, err, "no access with [REDACTED]")
	resp, err := client.Do(testkit.Request(t, http.MethodGet, "/version", nil))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Empty(t, resp.Request.Header.Values("X-Proxy"))
}

// It must not be a credential, or a header that the client sets, in any spelling.
func TestHeadersThatAreRefused(t *testing.T) {
	for _, name := range []string{
		"Private-Token", "private_token", "JOB-TOKEN", "Authorization", "Proxy-Authorization", "Sudo", "Cookie", "X-HTTP-Method-Override", "Host", "Connection", "Idempotency-Key",
		"Accept", "accept-encoding", "Content-Type", "Content-Length", "Range", "If-None-Match", "User-Agent", "", "a b", "a\n", "X-É",
	} {
		_, err := gitlabci.NewClient(gitlabci.WithHeader(name, proxySecret))
		require.ErrorContains(t, err, "gitlabci: WithHeader: ", name)
		require.NotContains(t, err.Error(), proxySecret)
	}
	for _, value := range []string{"", proxySecret + "\r\nSudo: root", "\x00"} {
		_, err := gitlabci.NewClient(gitlabci.WithHeader("X-Proxy", value))
		require.ErrorContains(t, err, "gitlabci: WithHeader: ")
		require.NotContains(t, err.Error(), proxySecret)
	}
	_, err := gitlabci.NewClient(gitlabci.WithBaseURL("http://"+testkit.Host), gitlabci.WithHeader("X-Proxy", proxySecret))
	require.ErrorContains(t, err, "WithInsecureHTTP")
	_, err = gitlabci.NewClient(gitlabci.WithBaseURL("http://"+testkit.Host), gitlabci.WithHeader("X-Proxy", proxySecret), gitlabci.WithInsecureHTTP())
	require.NoError(t, err)
}

// A client made by With sends its own token, over the same transport to the same server.
func TestClientsOfOneTransport(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	first := s.Client(t, gitlabci.WithSudo("maya"), gitlabci.WithHeader("X-Proxy", proxySecret), gitlabci.WithUserAgent("bot"))
	for name, test := range map[string]struct {
		opts        []gitlabci.Option
		token, sudo string
	}{
		"as it is":               {nil, testkit.Token, "maya"},
		"another user":           {[]gitlabci.Option{gitlabci.WithSudo("noah")}, testkit.Token, "noah"},
		"another token":          {[]gitlabci.Option{gitlabci.WithToken("glpat-another")}, "glpat-another", ""},
		"another token and user": {[]gitlabci.Option{gitlabci.WithSudo("noah"), gitlabci.WithToken("glpat-another")}, "glpat-another", "noah"},
	} {
		client, err := first.With(test.opts...)
		require.NoError(t, err, name)
		require.NoError(t, testkit.Calls["get"](t.Context(), client))
		header := s.Received()[len(s.Received())-1].Header
		require.Equal(t, test.token, header.Get("Private-Token"), name)
		require.Equal(t, test.sudo, header.Get("Sudo"), name)
		require.Equal(t, proxySecret, header.Get("X-Proxy"), name)
		require.Equal(t, "bot", header.Get("User-Agent"), name)
	}
	_, err := first.With(gitlabci.WithHeader("X-Proxy", "changed"))
	require.NoError(t, err)
	require.NoError(t, testkit.Calls["get"](t.Context(), first))
	header := s.Received()[len(s.Received())-1].Header
	require.Equal(t, []string{testkit.Token, "maya", proxySecret}, []string{header.Get("Private-Token"), header.Get("Sudo"), header.Get("X-Proxy")}, "the first client is as it was")
}

// With takes a token to no other server, and refuses what would change the transport.
func TestClientsOfOneTransportHaveOneServer(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	for name, opt := range map[string]gitlabci.Option{
		"WithBaseURL": gitlabci.WithBaseURL("https://elsewhere.example.com"), "WithTransport": gitlabci.WithTransport(s.Network.Transport()),
		"WithTLSConfig": gitlabci.WithTLSConfig(gitlabci.DefaultTransport().TLSClientConfig), "an Option is nil": nil,
	} {
		_, err := s.Client(t).With(opt)
		require.ErrorContains(t, err, "gitlabci: "+name)
	}
	_, err := s.Client(t).With(gitlabci.WithToken("glpat-a"), gitlabci.WithJobToken("glcbt-b"))
	require.ErrorContains(t, err, "a client has one")
	_, err = s.Anonymous(t).With(gitlabci.WithSudo("maya"))
	require.ErrorContains(t, err, "WithSudo")
}

// GitLab limits each user, so a throttled client does not hold back another one.
func TestClientsOfOneTransportWaitForThemselves(t *testing.T) {
	s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Private-Token"), "another") {
			testkit.OK(w, r)
			return
		}
		testkit.Respond(429, `Retry later`, "Content-Type", "text/plain", "Retry-After", "600")(w, r)
	})
	first := s.Client(t)
	require.ErrorIs(t, testkit.Calls["get"](t.Context(), first), gitlabci.ErrRateLimited)
	second, err := first.With(gitlabci.WithToken("glpat-another"))
	require.NoError(t, err)
	require.NoError(t, testkit.Calls["get"](t.Context(), second))
	require.ErrorIs(t, testkit.Calls["get"](t.Context(), first), gitlabci.ErrRateLimited)
	require.Len(t, s.Received(), 2)
}
