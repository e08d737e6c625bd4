package promises_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// fuzzLoopback is a host that http may be used for, as net/http writes it.
var fuzzLoopback = regexp.MustCompile(`(?i)^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:127\.\d+\.\d+\.\d+\]|\[[0:]*:0*1\]|\[[0:]*:ffff:(127\.\d+\.\d+\.\d+|7f[0-9a-f]{2}:[0-9a-f]{1,4})\])(:\d*)?$`)

// fuzzSent makes one call, and returns the request that it sends.
func fuzzSent(t *testing.T, sent *http.Request, client *gitlabci.Client) *http.Request {
	t.Helper()
	require.NoError(t, testkit.Calls["get"](t.Context(), client))
	require.NotNil(t, sent.URL)
	require.Nil(t, sent.URL.User)
	require.Empty(t, sent.URL.RawQuery)
	require.Empty(t, sent.URL.Fragment)
	require.NotEmpty(t, sent.URL.Hostname())
	require.True(t, strings.HasSuffix(sent.URL.EscapedPath(), "/api/v4/projects/group%2Fapp/pipelines/7"), sent.URL)
	require.NotContains(t, sent.URL.EscapedPath(), "/../")
	return sent
}

// fuzzRecorder keeps the last request in sent.
func fuzzRecorder(sent *http.Request) gitlabci.Option {
	return gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
		*sent = *r
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"id":7}`)), Request: r}, nil
	}))
}

// A base URL is refused, or requests go where it says, and never with the token in the
// clear.
func FuzzBaseURL(f *testing.F) {
	for _, base := range []string{
		"https://gitlab.example.com", "https://gitlab.example.com/", "https://gitlab.example.com/root/api/v4/", "HTTPS://GITLAB.example.com:8443/a%2Fb", "http://gitlab.example.com",
		"http://localhost:8080", "http://127.0.0.1", "http://[::1]:80/x", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://127.1", "http://LOCALHO\u017fT", "//h", "h", "", "https://", "https:///x",
		"https://a:b@h", "https://h?x=y", "https://h#x", "https://h/..", "https://h/%2e%2e/x", "https://h/a b", "https://h:x", "https://h:", "https://[::1%25lo]/", "ftp://h", "https://gitlab.des\u212a.example.com", "https://h/\x00", "https:h", "https://h\\@x/",
	} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		fuzzDeadline(t)
		var sent http.Request
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL(base), gitlabci.WithToken(testkit.Token), gitlabci.WithRetries(0), fuzzRecorder(&sent))
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "gitlabci: ") && strings.Count(err.Error(), "gitlabci: ") == 1+strings.Count(base, "gitlabci: "), "%v", err)
			return
		}
		r := fuzzSent(t, &sent, client)
		given, err := url.Parse(base)
		require.NoError(t, err)
		require.True(t, strings.EqualFold(given.Scheme, r.URL.Scheme))
		require.True(t, strings.EqualFold(strings.TrimSuffix(given.Host, ":"), r.URL.Host), "%q %q", given.Host, r.URL.Host)
		require.Equal(t, testkit.Token, r.Header.Get("Private-Token"))
		require.True(t, r.URL.Scheme == "https" || fuzzLoopback.MatchString(r.URL.Host), r.URL)
	})
}

// With any environment: the token of a job goes to its own server alone, and http is for
// this machine, or for the token of a job in a job.
func FuzzEnvironment(f *testing.F) {
	const ci = "https://ci.example.com"
	f.Add("", ci+"/api/v4", ci, "", "job-token-1", true)
	f.Add("", "http://ci.example.com/api/v4", "http://ci.example.com", "", "job-token-1", true)
	f.Add("", "http://ci.example.com/api/v4", "http://ci.example.com", "glpat-1", "job-token-1", true)
	f.Add("", "http://ci.example.com/api/v4", "http://ci.example.com", "", "job-token-1", false)
	f.Add("other.example.com", "", ci, "", "job-token-1", true)
	f.Add("http://other.example.com", "", ci, "glpat-1", "", true)
	f.Add("", ci+"/api/v4", "http://ci.example.com", "", "job-token-1", true)
	f.Add("", "https://ci.example.com:443/x", ci, "job-token-1", "job-token-1", true)
	f.Add("", "https://CI.example.com", ci, "glcbt-1", "", false)
	f.Add("localhost", "", "http://localhost", "", "job-token-1", false)
	f.Add("https://c\u0131.example.com", "", ci, "", "job-token-1", true)
	f.Fuzz(func(t *testing.T, gitlabURL, apiURL, serverURL, token, jobToken string, inJob bool) {
		fuzzDeadline(t)
		env := map[string]string{
			"GITLAB_URL": gitlabURL, "GITLAB_HOST": "", "CI_API_V4_URL": apiURL, "CI_SERVER_URL": serverURL, "GITLAB_TOKEN": token, "CI_JOB_TOKEN": jobToken,
			"CI": map[bool]string{true: "true"}[inJob], "CI_SERVER_TLS_CA_FILE": "", "CI_SERVER_TLS_CERT_FILE": "", "CI_SERVER_TLS_KEY_FILE": "",
		}
		for name, value := range env {
			if strings.Contains(value, "\x00") {
				return
			}
			t.Setenv(name, value)
		}
		var sent http.Request
		client, err := gitlabci.NewClientFromEnv(gitlabci.WithRetries(0), fuzzRecorder(&sent))
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "gitlabci: "), "%v", err)
			return
		}
		r := fuzzSent(t, &sent, client)
		job, personal := r.Header.Get("Job-Token"), r.Header.Get("Private-Token")
		require.False(t, job != "" && personal != "")
		require.True(t, job == "" || job == jobToken || job == token)
		require.True(t, personal == "" || personal == token && token != jobToken)
		server, err := url.Parse(serverURL)
		if job != "" && job == jobToken {
			require.NoError(t, err)
			require.Equal(t, fuzzOrigin(server), fuzzOrigin(r.URL))
		}
		if job+personal != "" && r.URL.Scheme != "https" && !fuzzLoopback.MatchString(r.URL.Host) {
			require.True(t, inJob && personal == "" && job == jobToken, "%s", r.URL)
		}
	})
}

// fuzzOrigin is the origin of a URL, letter by letter.
func fuzzOrigin(u *url.URL) string {
	lower := func(text string) string {
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[lower(u.Scheme)]
	}
	return lower(u.Scheme) + "://" + lower(u.Hostname()) + ":" + port
}
