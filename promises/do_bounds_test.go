package promises_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// Client.Do sends no header that says who asks, changes the method, or belongs to
// the connection, whatever its case and punctuation.
func TestDoRefusesReservedHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Private-Token", "Private_Token", "PRIVATE_TOKEN", "private.token", "Job_Token", "Deploy_Token", "Runner-Token", "Authorization", "Proxy-Authorization",
		"Sudo", "SUDO", "Cookie",
		"X-HTTP-Method-Override", "X_HTTP_METHOD_OVERRIDE", "X-Http-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL",
		"Connection", "Proxy-Connection", "Keep-Alive", "Upgrade", "Te", "Trailer", "Transfer-Encoding", "Transfer_Encoding", "Content_Length", "Expect", "Host", "Idempotency_Key",
	} {
		s := testkit.NewScript(testkit.OK)
		req := testkit.Request(t, http.MethodGet, "/projects/7", nil)
		req.Header[name] = []string{"geheim"}
		_, err := s.Client(t).Do(req)
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, "not the caller's to set", name)
		require.NotContains(t, err.Error(), "geheim")
	}
}

// No path of Client.Do climbs out of the API, however a proxy or server decodes it.
func TestDoRefusesPathsThatClimb(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/a/..%2f..%2fx", "/a/%5c..%5c..%5cx", "/..;/x", "/..;a=b/x", "/..%3b/x", "/%2e%2e%3bx/y", "/a/..%3f", "/..%23",
		"/%252e%252e/x", "/%25252e%25252e%25252fx", "/.%2e%5Cx", "/..%00/x", "/..%20/x", "/..%09/x", "/%20../x",
		"/%252e%252e/%25zz", "/%252e%252e%252f%25zz", // Some decode what they can.
		"/%c0%ae%c0%ae/x", "/%e0%80%ae%e0%80%ae/x", "/%252e%25c0%25ae/x", // These are dots in more bytes than UTF-8 allows.
		"/%" + strings.Repeat("25", 100_000) + "2e",
		"/api/v4/../x", "/api/v4/..%2fx",
	} {
		s := testkit.NewScript(testkit.OK)
		req := testkit.Request(t, http.MethodGet, path, nil)
		_, err := s.Client(t).Do(req)
		require.Error(t, err, "%.60s", path)
		testkit.RequireNotSent(t, s, err)
	}
}

// A redirect does not, either, and a path that is encoded many times takes no time.
func TestRedirectsToPathsThatAreEncodedOften(t *testing.T) {
	t.Parallel()
	path := "/api/v4/%" + strings.Repeat("25", 250_000) + "2e"
	s := testkit.NewScript(testkit.Respond(302, ``, "Location", "https://other.example.net"+path))
	err := testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithRetries(0)))
	require.ErrorContains(t, err, "which is not followed")
	require.Less(t, len(err.Error()), 2000)
	require.Len(t, s.Received(), 1)
}
