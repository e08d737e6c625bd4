package promises_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func TestCredentialsStayAtHome(t *testing.T) {
	t.Parallel()
	locations := []string{
		testkit.StorageURL,
		"//" + testkit.StorageHost + "/bucket?" + testkit.Signature,
		"https://" + testkit.StorageHost + ":8443/bucket?" + testkit.Signature,
		"https://user:password@" + testkit.StorageHost + "/bucket?" + testkit.Signature,
	}
	for name, opts := range testkit.Credentials {
		for _, location := range locations {
			t.Run(name+" "+location, func(t *testing.T) {
				api, storage := testkit.Redirected(302, location, testkit.OKFile)
				require.NoError(t, testkit.OpenArchive(t.Context(), api.Anonymous(t, opts...)))
				require.Len(t, storage.Received(), 1)
				home, away := api.Received()[0].Header, storage.Received()[0].Header
				require.Contains(t, fmt.Sprint(home), testkit.Token)
				require.NotContains(t, fmt.Sprint(away), testkit.Token)
				for _, header := range []string{"Private-Token", "Job-Token", "Sudo", "Cookie", "Referer"} {
					require.Empty(t, away.Values(header), header)
				}
				require.NotContains(t, away.Get("Authorization"), "Bearer")
			})
		}
	}
}

// Another port, another scheme and a subdomain are other origins.
func TestOtherOriginsOfTheSameHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ base, location string }{
		{"https://" + testkit.Host, "https://" + testkit.Host + ":8443/x"},
		{"https://" + testkit.Host, "https://cdn." + testkit.Host + "/x"},
		{"http://" + testkit.Host + ":8080", "https://" + testkit.Host + ":8080/x"},
	} {
		s := testkit.NewScript(testkit.Respond(302, ``, "Location", test.location), testkit.OKFile)
		s.Network.Handle("cdn."+testkit.Host, s)
		require.NoError(t, testkit.OpenArchive(t.Context(), s.Client(t, gitlabci.WithBaseURL(test.base), gitlabci.WithInsecureHTTP())))
		require.NotEmpty(t, s.Received()[0].Header.Get("Private-Token"))
		require.Empty(t, s.Received()[1].Header.Get("Private-Token"), test.location)
	}
}

// A project that moved is found by its number, on the same server.
func TestRedirectAtHome(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"/api/v4/projects/7/pipelines/7", "https://" + testkit.Host + ":443/api/v4/projects/7/pipelines/7", "https://" + strings.ToUpper(testkit.Host) + "/api/v4/projects/7/pipelines/7"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			s := testkit.NewScript(testkit.Respond(status, ``, "Location", location), testkit.OK)
			require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithSudo("maya"))))
			require.Len(t, s.Received(), 2)
			again := s.Received()[1]
			require.Equal(t, "/api/v4/projects/7/pipelines/7", again.URL.Path)
			require.Equal(t, testkit.Token, again.Header.Get("Private-Token"))
			require.Equal(t, "maya", again.Header.Get("Sudo"))
			require.Empty(t, again.Header.Get("Referer"))
		}
	}
}

// A redirect through another host must not send the token to a host that it was not meant
// for.
func TestRedirectHomeAndAway(t *testing.T) {
	t.Parallel()
	api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.Respond(302, ``, "Location", "https://"+testkit.Host+"/api/v4/end"))
	api.Steps = append(api.Steps, testkit.OK)
	require.ErrorContains(t, testkit.OpenArchive(t.Context(), api.Client(t)), "another server redirects back to https://"+testkit.Host+"/api/v4/end")
	require.Len(t, api.Received(), 1)
	require.Empty(t, storage.Received()[0].Header.Get("Private-Token"))
}

func TestErrorsOfStorage(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 409, 422} {
		for _, body := range []string{`{"message":"404 Not found"}`, `{"error":"404 Not Found"}`, `<?xml version="1.0"?><Error><Signature>c2lnbmVk</Signature></Error>`, "no access to " + testkit.StorageURL} {
			var log bytes.Buffer
			api, _ := testkit.Redirected(302, testkit.StorageURL, testkit.Respond(status, body, "Content-Type", "application/xml"))
			err := testkit.OpenArchive(t.Context(), api.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
			e, responded := errors.AsType[*gitlabci.APIError](err)
			require.True(t, responded)
			require.Equal(t, status, e.StatusCode)
			for _, sentinel := range []error{gitlabci.ErrUnauthorized, gitlabci.ErrForbidden, gitlabci.ErrNotFound, gitlabci.ErrConflict, gitlabci.ErrInvalid, errors.ErrUnsupported} {
				require.NotErrorIs(t, err, sentinel)
			}
			text := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
			require.Contains(t, err.Error(), "storage "+testkit.StorageHost)
			require.NotContains(t, text, "c2lnbmVk")
			require.NotContains(t, text, testkit.Token)
		}
	}
}

// For another scheme of the same host, the error has a hint.
func TestRedirectToTheOtherScheme(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://localhost"+r.URL.RequestURI(), http.StatusMovedPermanently)
	})
	s.Network.Handle("localhost", s)
	for _, call := range []func(context.Context, *gitlabci.Client) error{testkit.Calls["get"], testkit.OpenArchive} {
		err := call(t.Context(), s.Client(t, gitlabci.WithBaseURL("http://localhost")))
		require.ErrorContains(t, err, "the server redirects to https://localhost/api/v4/projects/")
		require.ErrorContains(t, err, "where the token does not go: should https://localhost be the base URL?")
	}
	require.Len(t, s.Received(), 2)
}

// A header that a caller of Do adds could be a secret, too.
func TestOnlyHarmlessHeadersLeave(t *testing.T) {
	t.Parallel()
	api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.OK)
	req := testkit.Request(t, http.MethodGet, "/projects/7", nil)
	for _, name := range []string{"Accept", "Range", "If-Range", "User-Agent", "Dpop", "X-Csrf-Token", "X-Gitlab-Static-Object-Token", "X-Access-Proxy"} {
		req.Header.Set(name, "bytes=0-1")
	}
	resp, err := api.Client(t).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Len(t, api.Received()[0].Header.Values("X-Csrf-Token"), 1)
	away := storage.Received()[0].Header
	away.Del("Accept-Encoding")
	away.Del("Connection")
	require.Equal(t, http.Header{"Accept": {"bytes=0-1"}, "Range": {"bytes=0-1"}, "If-Range": {"bytes=0-1"}, "User-Agent": {"bytes=0-1"}}, away)
}

func TestFailuresOfStorageSaySo(t *testing.T) {
	t.Parallel()
	for _, step := range []http.HandlerFunc{testkit.Reset, testkit.Respond(200, `<title>Sign in</title>`, "Content-Type", "text/html")} {
		api, _ := testkit.Redirected(302, testkit.StorageURL, step)
		require.ErrorContains(t, testkit.OpenArchive(t.Context(), api.Client(t, gitlabci.WithRetries(0))), "storage "+testkit.StorageHost+": ")
	}
}

// A signed URL is not quoted if the connection to it fails, either.
func TestStorageThatBreaks(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.Reset)
	err := testkit.OpenArchive(t.Context(), api.Client(t, gitlabci.WithRetries(0), gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
	require.Error(t, err)
	require.Len(t, storage.Received(), 1)
	require.NotContains(t, fmt.Sprintf("%v %+v %s", err, err, log.String()), "c2lnbmVk")
}

func TestWritesDoNotFollow(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, name := range []string{"create", "retry", "cancel", "rename", "delete"} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				api, storage := testkit.Redirected(status, testkit.StorageURL, testkit.OK)
				err := testkit.Calls[name](t.Context(), api.Client(t))
				require.ErrorContains(t, err, "https://"+testkit.StorageHost+"/bucket/answer.json")
				require.NotContains(t, err.Error(), "c2lnbmVk")
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.Len(t, api.Received(), 1)
				require.Empty(t, storage.Received())
			})
		}
	}
}

func TestRedirectsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ location, want string }{
		"to http":   {"http://" + testkit.StorageHost + "/bucket?" + testkit.Signature, "from https to http"},
		"to file":   {"file:///etc/passwd", "from https to file"},
		"not a URL": {"https://" + testkit.StorageHost + "/%zz?" + testkit.Signature, "not a URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			api, storage := testkit.Redirected(302, test.location, testkit.OK)
			err := testkit.Calls["get"](t.Context(), api.Client(t))
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "c2lnbmVk")
			require.Len(t, api.Received(), 1)
			require.Empty(t, storage.Received())
		})
	}
}

// It is the last hop that counts: who began by http may not fall back to it.
func TestRedirectUpAndDown(t *testing.T) {
	t.Parallel()
	s, storage := testkit.Redirected(302, "https://"+testkit.Host+"/up", testkit.OK)
	s.Steps = append(s.Steps, testkit.Respond(302, ``, "Location", "http://"+testkit.StorageHost+"/down"))
	err := testkit.OpenArchive(t.Context(), s.Client(t, gitlabci.WithBaseURL("http://"+testkit.Host), gitlabci.WithInsecureHTTP()))
	require.ErrorContains(t, err, "from https to http")
	require.Len(t, s.Received(), 2)
	require.Empty(t, storage.Received())
}

func TestRedirectLimit(t *testing.T) {
	t.Parallel()
	again := testkit.Respond(302, ``, "Location", "/api/v4/again")
	s := testkit.NewScript(again, again, again, again, again, testkit.OK)
	require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t)))
	require.Len(t, s.Received(), 6)

	s = testkit.NewScript(again)
	require.ErrorContains(t, testkit.Calls["get"](t.Context(), s.Client(t)), "more than 5 times")
	require.Len(t, s.Received(), 6)
}

// Net/http leaves a redirect without a Location to its caller.
func TestRedirectWithoutLocation(t *testing.T) {
	t.Parallel()
	err := testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(302, ``)).Client(t))
	e, responded := errors.AsType[*gitlabci.APIError](err)
	require.True(t, responded)
	require.Equal(t, 302, e.StatusCode)
}

// The body of a request goes to the server only, too.
func TestBodiesStayAtHome(t *testing.T) {
	t.Parallel()
	for _, status := range []int{307, 308} {
		api, storage := testkit.Redirected(status, testkit.StorageURL, testkit.OK)
		_, err := api.Client(t).Do(testkit.Request(t, http.MethodGet, "/projects/7", strings.NewReader(`{"a":"b"}`)))
		require.ErrorContains(t, err, "a request with a body does not go")
		require.NotContains(t, err.Error(), "c2lnbmVk")
		require.Len(t, api.Received(), 1)
		require.Empty(t, storage.Received())

		api = testkit.NewScript(testkit.Respond(status, ``, "Location", "/api/v4/projects/8"), testkit.OK)
		resp, err := api.Client(t).Do(testkit.Request(t, http.MethodGet, "/projects/7", strings.NewReader(`{"a":"b"}`)))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []string{`{"a":"b"}`, `{"a":"b"}`}, api.Bodies)
	}
}
