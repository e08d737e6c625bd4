package promises_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// lookAlikes are hosts that Unicode folds to officeHost.
var lookAlikes = []string{"gitlab.des\u212a.example.com", "gitlab.de\u017fk.example.com", "gitlab.des%E2%84%AA.example.com", "gitlab.de%C5%BFk.example.com"}

// A host that only looks like the server's does not receive the token, even through
// a proxy.
func TestLookAlikesGetNoToken(t *testing.T) {
	t.Parallel()
	for _, host := range lookAlikes {
		for name, call := range map[string]func(*gitlabci.Client) error{
			"get":  func(c *gitlabci.Client) error { return testkit.Calls["get"](t.Context(), c) },
			"open": func(c *gitlabci.Client) error { return testkit.OpenArchive(t.Context(), c) },
		} {
			var asked []*http.Request
			transport := testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r)
				resp := &http.Response{StatusCode: 302, Header: http.Header{"Location": {"http://" + host + "/bucket"}}, Body: io.NopCloser(strings.NewReader("")), Request: r}
				if len(asked) > 1 {
					resp.StatusCode = 200
				}
				return resp, nil
			})
			client, err := gitlabci.NewClient(gitlabci.WithBaseURL("http://"+officeHost), gitlabci.WithInsecureHTTP(), gitlabci.WithToken(testkit.Token), gitlabci.WithSudo("maya"), gitlabci.WithTransport(transport))
			require.NoError(t, err)
			if err := call(client); name == "get" {
				require.ErrorContains(t, err, "/bucket, which is not followed")
			}
			require.Equal(t, testkit.Token, asked[0].Header.Get("Private-Token"))
			for _, r := range asked[1:] {
				require.Empty(t, r.Header.Get("Private-Token"), host)
				require.Empty(t, r.Header.Get("Sudo"), host)
			}
			require.Len(t, asked, map[string]int{"get": 1, "open": 2}[name])
		}
	}
}

func TestProxiesSeeNoTokenForLookAlikes(t *testing.T) {
	t.Parallel()
	proxy := testkit.NewScript(testkit.Respond(302, ``, "Location", "http://"+lookAlikes[0]+"/bucket"), testkit.Respond(200, `x`, "Content-Type", "application/octet-stream"))
	proxy.Network.Handle("proxy.example.net", proxy)
	transport := proxy.Network.Transport()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.net"})
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("http://"+officeHost), gitlabci.WithInsecureHTTP(), gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(transport))
	require.NoError(t, err)
	require.NoError(t, testkit.OpenArchive(t.Context(), client))
	require.Len(t, proxy.Received(), 2)
	require.Equal(t, testkit.Token, proxy.Received()[0].Header.Get("Private-Token"))
	require.Empty(t, proxy.Received()[1].Header.Get("Private-Token"))
}

func TestBaseURLIsASCII(t *testing.T) {
	t.Parallel()
	for _, host := range append(lookAlikes, "localho\u017ft", "gitl\u00e4b.example.com") {
		_, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://" + host))
		require.ErrorContains(t, err, `"xn--"`, host)
	}
}

func TestJobTokenStaysFromLookAlikes(t *testing.T) {
	t.Setenv("GITLAB_TOKEN", "")
	t.Setenv("GITLAB_URL", "https://"+officeHost)
	t.Setenv("CI_JOB_TOKEN", testkit.Token)
	t.Setenv("CI_SERVER_URL", "https://"+lookAlikes[0])
	_, err := gitlabci.NewClientFromEnv()
	require.ErrorContains(t, err, "CI_JOB_TOKEN")
}

// A moved project, or one at another host name of the server, is read from the base
// URL with the token.
func TestOtherNamesAreAskedAtHome(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"", "/gitlab"} {
		for name, call := range reads {
			t.Run(name+root, func(t *testing.T) {
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					if path := r.URL.EscapedPath(); strings.Contains(path, "group%2Fapp") {
						http.Redirect(w, r, "https://me:secret@other.example.net"+strings.Replace(r.URL.RequestURI(), "group%2Fapp", "42", 1), http.StatusMovedPermanently)
						return
					}
					readAtHome(w, r)
				})
				require.NoError(t, call(t.Context(), s.Client(t, gitlabci.WithBaseURL("https://"+testkit.Host+root), gitlabci.WithSudo("maya"))))
				require.GreaterOrEqual(t, len(s.Received()), 2)
				for i, r := range s.Received() {
					require.Equal(t, testkit.Token, r.Header.Get("Private-Token"))
					require.Equal(t, "maya", r.Header.Get("Sudo"))
					require.Equal(t, testkit.Host, r.Host)
					require.Equal(t, i%2 == 1, strings.HasPrefix(r.URL.Path, root+"/api/v4/projects/42"))
				}
			})
		}
	}
}

// No other redirect of JSON to another origin is followed, and polling stops.
func TestJSONStaysAtHome(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/bucket", "/api/v4x/projects/7", "/api/v4/%2e%2e/x", "/api/v4/a%2F..%2Fb", "/api/v4/../../x", "/api/v4", `/api/v4/..%5Cx`} {
		for name, call := range reads {
			if name == "log" {
				continue
			}
			api, storage := testkit.Redirected(302, "https://"+testkit.StorageHost+path+"?"+testkit.Signature, testkit.OK)
			err := call(t.Context(), api.Client(t))
			require.ErrorContains(t, err, "the server redirects to https://"+testkit.StorageHost+"/", name)
			require.NotContains(t, err.Error(), "c2lnbmVk")
			require.NotErrorIs(t, err, gitlabci.ErrNotFound)
			require.Empty(t, storage.Received(), name)
			require.Len(t, api.Received(), 1, name)
		}
	}
}

// reads has one read of each kind.
var reads = map[string]func(context.Context, *gitlabci.Client) error{
	"get":         testkit.Call("Pipelines.Get"),
	"list":        testkit.Call("Pipelines.List"),
	"all":         testkit.Call("Jobs.All"),
	"variables":   testkit.Call("Pipelines.Variables"),
	"test report": testkit.Call("Pipelines.TestReport"),
	"test cases":  testkit.Call("Pipelines.TestCases"),
	"find":        testkit.Call("Pipelines.Find"),
	"wait":        testkit.Call("Pipelines.Wait"),
	"log":         testkit.Call("Jobs.Log"),
	"job":         testkit.Call("Jobs.Get"),
}

// readAtHome responds to reads of one finished pipeline.
func readAtHome(w http.ResponseWriter, r *http.Request) {
	body := `{"id":7,"status":"success","project_id":42,"ref":"main"}`
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/pipelines"):
		body = `[` + body + `]`
	case strings.HasSuffix(path, "/jobs"), strings.HasSuffix(path, "/variables"), strings.HasSuffix(path, "/bridges"):
		body = `[]`
	case strings.HasSuffix(path, "/test_report"):
		body = `{"test_suites":[]}`
	case strings.HasSuffix(path, "/trace"):
		testkit.Respond(http.StatusOK, body, "Content-Type", "text/plain")(w, r)
		return
	}
	testkit.Respond(http.StatusOK, body)(w, r)
}
