package gitlabci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

const (
	storageHost = "storage.example.net"
	signature   = "X-Signature=c2lnbmVk"
	storageURL  = "https://" + storageHost + "/bucket/answer.json?" + signature
)

// redirected returns a script that redirects every request to location, with a
// second one at storageHost.
func redirected(status int, location string, storage http.HandlerFunc) (api, elsewhere *script) {
	api = newScript(answer(status, ``, "Location", location))
	elsewhere = newScript(storage)
	api.network.Handle(storageHost, elsewhere)
	return api, elsewhere
}

// open is a call that may be redirected to a storage.
func open(ctx context.Context, c *gitlabci.Client) error {
	_, err := c.Artifacts.Download(ctx, "group/app", gitlabci.JobID(9), io.Discard, nil)
	return err
}

// credentials is every way to say who one is.
var credentials = map[string][]gitlabci.Option{
	"token":  {gitlabci.WithToken(scriptToken)},
	"job":    {gitlabci.WithJobToken(scriptToken)},
	"oauth":  {gitlabci.WithOAuthToken(scriptToken)},
	"source": {gitlabci.WithTokenSource(func(context.Context) (string, error) { return scriptToken, nil })},
	"sudo":   {gitlabci.WithToken(scriptToken), gitlabci.WithSudo("maya")},
}

func TestCredentialsStayAtHome(t *testing.T) {
	locations := []string{
		storageURL,
		"//" + storageHost + "/bucket?" + signature,
		"https://" + storageHost + ":8443/bucket?" + signature,
		"https://user:password@" + storageHost + "/bucket?" + signature,
	}
	for name, opts := range credentials {
		for _, location := range locations {
			t.Run(name+" "+location, func(t *testing.T) {
				api, storage := redirected(302, location, okFile)
				require.NoError(t, open(t.Context(), api.anonymous(t, opts...)))
				require.Len(t, storage.received(), 1)
				home, away := api.received()[0].Header, storage.received()[0].Header
				require.Contains(t, fmt.Sprint(home), scriptToken)
				require.NotContains(t, fmt.Sprint(away), scriptToken)
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
	for _, test := range []struct{ base, location string }{
		{"https://" + scriptHost, "https://" + scriptHost + ":8443/x"},
		{"https://" + scriptHost, "https://cdn." + scriptHost + "/x"},
		{"http://" + scriptHost + ":8080", "https://" + scriptHost + ":8080/x"},
	} {
		s := newScript(answer(302, ``, "Location", test.location), okFile)
		s.network.Handle("cdn."+scriptHost, s)
		require.NoError(t, open(t.Context(), s.client(t, gitlabci.WithBaseURL(test.base), gitlabci.WithInsecureHTTP())))
		require.NotEmpty(t, s.received()[0].Header.Get("Private-Token"))
		require.Empty(t, s.received()[1].Header.Get("Private-Token"), test.location)
	}
}

// A project that moved answers by its number, on the same server.
func TestRedirectAtHome(t *testing.T) {
	for _, location := range []string{"/api/v4/projects/7/pipelines/7", "https://" + scriptHost + ":443/api/v4/projects/7/pipelines/7", "https://" + strings.ToUpper(scriptHost) + "/api/v4/projects/7/pipelines/7"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			s := newScript(answer(status, ``, "Location", location), ok)
			require.NoError(t, calls["get"](t.Context(), s.client(t, gitlabci.WithSudo("maya"))))
			require.Len(t, s.received(), 2)
			again := s.received()[1]
			require.Equal(t, "/api/v4/projects/7/pipelines/7", again.URL.Path)
			require.Equal(t, scriptToken, again.Header.Get("Private-Token"))
			require.Equal(t, "maya", again.Header.Get("Sudo"))
			require.Empty(t, again.Header.Get("Referer"))
		}
	}
}

// Whoever hands out a page in between must not get the token back to where it
// did not come from.
func TestRedirectHomeAndAway(t *testing.T) {
	api, storage := redirected(302, storageURL, answer(302, ``, "Location", "https://"+scriptHost+"/api/v4/end"))
	api.steps = append(api.steps, ok)
	require.ErrorContains(t, open(t.Context(), api.client(t)), "another server redirects back to https://"+scriptHost+"/api/v4/end")
	require.Len(t, api.received(), 1)
	require.Empty(t, storage.received()[0].Header.Get("Private-Token"))
}

func TestErrorsOfStorage(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 422} {
		for _, body := range []string{`{"message":"404 Not found"}`, `{"error":"404 Not Found"}`, `<?xml version="1.0"?><Error><Signature>c2lnbmVk</Signature></Error>`, "no access to " + storageURL} {
			var log bytes.Buffer
			api, _ := redirected(302, storageURL, answer(status, body, "Content-Type", "application/xml"))
			err := open(t.Context(), api.client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
			e, answered := errors.AsType[*gitlabci.APIError](err)
			require.True(t, answered)
			require.Equal(t, status, e.StatusCode)
			for _, sentinel := range []error{gitlabci.ErrUnauthorized, gitlabci.ErrForbidden, gitlabci.ErrNotFound, gitlabci.ErrConflict, gitlabci.ErrInvalid, errors.ErrUnsupported} {
				require.NotErrorIs(t, err, sentinel)
			}
			text := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
			require.Contains(t, err.Error(), "storage "+storageHost)
			require.NotContains(t, text, "c2lnbmVk")
			require.NotContains(t, text, scriptToken)
		}
	}
}

// Who asks for another scheme of the same host gets a hint instead.
func TestRedirectToTheOtherScheme(t *testing.T) {
	s := newScript(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://localhost"+r.URL.RequestURI(), http.StatusMovedPermanently)
	})
	s.network.Handle("localhost", s)
	for _, call := range []func(context.Context, *gitlabci.Client) error{calls["get"], open} {
		err := call(t.Context(), s.client(t, gitlabci.WithBaseURL("http://localhost")))
		require.ErrorContains(t, err, "the server redirects to https://localhost/api/v4/projects/")
		require.ErrorContains(t, err, "where the token does not go: should https://localhost be the base URL?")
	}
	require.Len(t, s.received(), 2)
}

// What a caller of Do adds could be a secret too.
func TestOnlyHarmlessHeadersLeave(t *testing.T) {
	api, storage := redirected(302, storageURL, ok)
	req := doRequest(t, http.MethodGet, "/projects/7", nil)
	for _, name := range []string{"Accept", "Range", "If-Range", "User-Agent", "Proxy-Authorization", "Dpop", "X-Csrf-Token", "X-Gitlab-Static-Object-Token"} {
		req.Header.Set(name, "bytes=0-1")
	}
	resp, err := api.client(t).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Len(t, api.received()[0].Header.Values("X-Csrf-Token"), 1)
	away := storage.received()[0].Header
	away.Del("Accept-Encoding")
	away.Del("Connection")
	require.Equal(t, http.Header{"Accept": {"bytes=0-1"}, "Range": {"bytes=0-1"}, "If-Range": {"bytes=0-1"}, "User-Agent": {"bytes=0-1"}}, away)
}

func TestFailuresOfStorageSaySo(t *testing.T) {
	for _, step := range []http.HandlerFunc{reset, answer(200, `<title>Sign in</title>`, "Content-Type", "text/html")} {
		api, _ := redirected(302, storageURL, step)
		require.ErrorContains(t, open(t.Context(), api.client(t, gitlabci.WithRetries(0))), "storage "+storageHost+": ")
	}
}

// A signed address is not quoted when the connection to it fails either.
func TestStorageThatBreaks(t *testing.T) {
	var log bytes.Buffer
	api, storage := redirected(302, storageURL, reset)
	err := open(t.Context(), api.client(t, gitlabci.WithRetries(0), gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
	require.Error(t, err)
	require.Len(t, storage.received(), 1)
	require.NotContains(t, fmt.Sprintf("%v %+v %s", err, err, log.String()), "c2lnbmVk")
}

func TestWritesDoNotFollow(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, name := range []string{"create", "retry", "cancel", "rename", "delete"} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				api, storage := redirected(status, storageURL, ok)
				err := calls[name](t.Context(), api.client(t))
				require.ErrorContains(t, err, "https://"+storageHost+"/bucket/answer.json")
				require.NotContains(t, err.Error(), "c2lnbmVk")
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.Len(t, api.received(), 1)
				require.Empty(t, storage.received())
			})
		}
	}
}

func TestRedirectsThatAreRefused(t *testing.T) {
	tests := map[string]struct{ location, want string }{
		"to http":        {"http://" + storageHost + "/bucket?" + signature, "from https to http"},
		"to file":        {"file:///etc/passwd", "from https to file"},
		"not an address": {"https://" + storageHost + "/%zz?" + signature, "not a URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			api, storage := redirected(302, test.location, ok)
			err := calls["get"](t.Context(), api.client(t))
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "c2lnbmVk")
			require.Len(t, api.received(), 1)
			require.Empty(t, storage.received())
		})
	}
}

// It is the last hop that counts: who began by http may not fall back to it.
func TestRedirectUpAndDown(t *testing.T) {
	s, storage := redirected(302, "https://"+scriptHost+"/up", ok)
	s.steps = append(s.steps, answer(302, ``, "Location", "http://"+storageHost+"/down"))
	err := open(t.Context(), s.client(t, gitlabci.WithBaseURL("http://"+scriptHost), gitlabci.WithInsecureHTTP()))
	require.ErrorContains(t, err, "from https to http")
	require.Len(t, s.received(), 2)
	require.Empty(t, storage.received())
}

func TestRedirectLimit(t *testing.T) {
	again := answer(302, ``, "Location", "/api/v4/again")
	s := newScript(again, again, again, again, again, ok)
	require.NoError(t, calls["get"](t.Context(), s.client(t)))
	require.Len(t, s.received(), 6)

	s = newScript(again)
	require.ErrorContains(t, calls["get"](t.Context(), s.client(t)), "more than 5 times")
	require.Len(t, s.received(), 6)
}

// Net/http leaves a redirect without an address to its caller.
func TestRedirectWithoutAddress(t *testing.T) {
	err := calls["get"](t.Context(), newScript(answer(302, ``)).client(t))
	e, answered := errors.AsType[*gitlabci.APIError](err)
	require.True(t, answered)
	require.Equal(t, 302, e.StatusCode)
}

// What a request carries in its body is the server's alone, too.
func TestBodiesStayAtHome(t *testing.T) {
	for _, status := range []int{307, 308} {
		api, storage := redirected(status, storageURL, ok)
		_, err := api.client(t).Do(doRequest(t, http.MethodGet, "/projects/7", strings.NewReader(`{"a":"b"}`)))
		require.ErrorContains(t, err, "a request with a body does not go")
		require.NotContains(t, err.Error(), "c2lnbmVk")
		require.Len(t, api.received(), 1)
		require.Empty(t, storage.received())

		api = newScript(answer(status, ``, "Location", "/api/v4/projects/8"), ok)
		resp, err := api.client(t).Do(doRequest(t, http.MethodGet, "/projects/7", strings.NewReader(`{"a":"b"}`)))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []string{`{"a":"b"}`, `{"a":"b"}`}, api.bodies)
	}
}
