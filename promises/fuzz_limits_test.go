package promises_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// With any headers of a limit, the next call is sent immediately, or says how long to wait:
// a time above zero, and of an hour at most.
func FuzzRateLimit(f *testing.F) {
	const date = "Wed, 21 Oct 2026 07:28:00 GMT"
	f.Add(uint(429), "text/plain", "30", date, "1792567680", "0", "throttle_authenticated_api")
	f.Add(uint(200), "application/json", "", date, "1792567740", "0", "throttle_authenticated_api")
	f.Add(uint(200), "application/json", "", date, "1792567740", "1", "")
	f.Add(uint(429), "application/json", "60", date, "1792567740", "57", "a")
	f.Add(uint(429), "application/json", "9223372036854775807", "", "", "", "")
	f.Add(uint(200), "", "", "Mon, 01 Jan 0001 00:00:00 GMT", "9223372036854775807", "0", "b")
	f.Add(uint(429), "text/plain", "99999999999999999999", "", "-9223372036854775808", "-1", "")
	f.Add(uint(503), "text/html", "soon", "today", "1e9", "0x0", "\xff")
	f.Add(uint(302), "text/plain", "-5", date, "253402300800", " 0 ", ",")
	f.Fuzz(func(t *testing.T, status uint, contentType, after, date, reset, remaining, name string) {
		s := testkit.CannedJSON(`{"id":7}`)
		s.Status = 200 + int(status%400)
		s.Header = http.Header{"Content-Type": {contentType}, "Retry-After": {after}, "Date": {date}, "Ratelimit-Reset": {reset}, "Ratelimit-Remaining": {remaining}, "Ratelimit-Name": {name}}
		client, err := gitlabci.NewClient(gitlabci.WithTransport(s), gitlabci.WithRetries(0), gitlabci.WithMaxWait(0))
		require.NoError(t, err)
		testkit.Calls["get"](t.Context(), client)
		require.Len(t, s.URLs, 1)

		s.Status, s.Header = http.StatusOK, http.Header{}
		err = testkit.Calls["get"](t.Context(), client)
		if err == nil {
			require.Len(t, s.URLs, 2)
			return
		}
		require.Len(t, s.URLs, 1, "what failed was not sent")
		e, isAPI := errors.AsType[*gitlabci.APIError](err)
		require.True(t, isAPI, "%v", err)
		require.ErrorIs(t, err, gitlabci.ErrRateLimited)
		require.Positive(t, e.RetryAfter)
		require.LessOrEqual(t, e.RetryAfter, time.Hour)
	})
}

// Wherever redirects lead, they end; the token stays at home, http is not
// followed from https, writes are not repeated, and no error has a query.
func FuzzRedirects(f *testing.F) {
	for _, location := range []string{
		"", "/api/v4/x", "x", "..", "?token=a", "#a", "//" + testkit.StorageHost + "/a?" + testkit.Signature, "http://" + officeHost + "/", "https://" + officeHost + ":443/a",
		"https://" + officeHost + ":8443/a", "HTTPS://" + strings.ToUpper(officeHost) + "/a", "https://" + officeHost + "./a", "https://" + officeHost + "@" + testkit.StorageHost + "/",
		"https://me:secret@" + officeHost + "/a", "file:///etc/passwd", "mailto:a@b", "javascript:1", "https:///a", "https://[::1]/a", "https://h:99999/", "\\\\h\\a", "/%zz?" + testkit.Signature, "https://é/",
		"https://gitlab.des\u212a.example.com/api/v4/x", "https://gitlab.de\u017fk.example.com/api/v4/x", "https://gitlab.des%E2%84%AA.example.com/a", "https://gitlab.de%C5%BFk.example.com:443/a",
		"https://" + officeHost + ":0443/a", "https://" + officeHost + ":/a", "https://[fe80::1%25eth0]/a", "https:" + officeHost, "https://" + testkit.StorageHost + "/api/v4/projects/7",
		"https://" + testkit.StorageHost + "/api/v4/%2e%2e/x", "https://" + testkit.StorageHost + "/api/v4/a%2F..%2Fb", "https://" + testkit.StorageHost + "/api/v4x", "https://" + testkit.StorageHost + "\\@" + officeHost + "/a",
	} {
		f.Add(location, "/api/v4/back", uint(302), uint(2))
		f.Add(location, location, uint(307), uint(9))
	}
	f.Add("signature="+signedPart, "/", uint(302), uint(1))
	f.Fuzz(func(t *testing.T, first, second string, status, hops uint) {
		if hasInPath(first, signedPart) || hasInPath(second, signedPart) {
			return // errors have paths
		}
		asked := 0
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+officeHost), gitlabci.WithToken(testkit.Token), gitlabci.WithSudo("maya"), gitlabci.WithRetries(0),
			gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
				asked++
				home := r.URL.Scheme == "https" && officeAddress.MatchString(r.URL.Host)
				require.Equal(t, home, r.Header.Get("Private-Token") != "", r.URL)
				require.Equal(t, home, r.Header.Get("Sudo") != "", r.URL)
				require.Empty(t, r.Header.Values("Referer"))
				require.Equal(t, "https", r.URL.Scheme)
				resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"id":7}`)), Request: r}
				if uint(asked) <= hops%10 {
					resp.StatusCode = 300 + int(status%10)
					resp.Header.Set("Location", []string{second, first}[asked%2])
				}
				return resp, nil
			})))
		require.NoError(t, err)
		err = testkit.Calls["get"](t.Context(), client)
		require.LessOrEqual(t, asked, 6)
		asked = 0
		for _, err := range []error{err, testkit.Calls["create"](t.Context(), client)} {
			text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
			require.NotContains(t, text, signedPart)
			require.NotContains(t, text, testkit.Token)
		}
		require.LessOrEqual(t, asked, 1)
	})
}

// officeHost has letters with look-alikes: the Kelvin sign and the long s.
const officeHost = "gitlab.desk.example.com"

// officeAddress is every way to write it, letter by letter.
var officeAddress = regexp.MustCompile(`^[gG][iI][tT][lL][aA][bB]\.[dD][eE][sS][kK]\.[eE][xX][aA][mM][pP][lL][eE]\.[cC][oO][mM](:|:443)?$`)

// signedPart is the signature of a signed URL.
const signedPart = "c2lnbmVk"

// hasInPath reports whether a text is in a URL before its query.
func hasInPath(address, text string) bool {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		address = address[:i]
	}
	return strings.Contains(address, text)
}

// The path of Client.Do is refused, or arrives segment by segment as it was
// given; its query is nobody's business.
func FuzzDoPath(f *testing.F) {
	for target := range testkit.DoTargets {
		f.Add(target)
	}
	for _, target := range []string{"/..", "/%2e%2e/x", "/a%2Fb%2F..%2Fc", "/%2F", "/a;b=c/d", "/a%00b", "//host/x", "/a\\b", "/%25%32%65", "/%2561", "/%252e%252e/%25zz", "/%c0%ae%c0%ae/x", "/api/v4/projects", "/api/v4/api/v4/x", "https:x", "/a%0d%0aHost:x", "/ä%20%C3", "/*", "*"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		req, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			return
		}
		s := testkit.CannedJSON(`{}`)
		resp, err := s.Client(t).Do(req)
		if err != nil {
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			require.Empty(t, s.URLs)
			return
		}
		require.NoError(t, resp.Body.Close())
		require.Len(t, s.URLs, 1)
		sent, err := url.ParseRequestURI(s.URLs[0].RequestURI())
		require.NoError(t, err)
		require.Equal(t, "https://"+testkit.Host, s.URLs[0].Scheme+"://"+s.URLs[0].Host)
		require.Equal(t, req.URL.RawQuery, sent.RawQuery)
		want := strings.Split(strings.TrimPrefix(strings.TrimPrefix("/"+strings.TrimPrefix(req.URL.EscapedPath(), "/"), "/api/v4/"), "/"), "/")
		got := strings.Split(strings.TrimPrefix(sent.EscapedPath(), "/api/v4/"), "/")
		require.Len(t, got, len(want))
		for i := range got {
			given, err := url.PathUnescape(want[i])
			require.NoError(t, err)
			arrived, err := url.PathUnescape(got[i])
			require.NoError(t, err)
			require.Equal(t, given, arrived)
			require.NotContains(t, []string{".", ".."}, arrived)
		}
	})
}
