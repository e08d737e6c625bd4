package services_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func TestErrorBodies(t *testing.T) {
	const text, page = "text/plain", "text/html; charset=utf-8"
	tests := []struct {
		name        string
		status      int
		contentType string
		body        string
		message     string
		text        string // of the error, after the path
	}{
		{"message", 404, "", `{"message":"404 Project Not Found"}`, "404 Project Not Found", "404 Not Found: Project Not Found"},
		{"message that is the status", 404, "", `{"message":"404 Not found"}`, "404 Not found", "404 Not Found"},
		{"reason", 403, "", `{"message":"403 Forbidden - Job is not retryable"}`, "403 Forbidden - Job is not retryable", "403 Forbidden: Job is not retryable"},
		{"reason in other case", 400, "", `{"message":"400 Bad request - Unplayable Job"}`, "400 Bad request - Unplayable Job", "400 Bad Request: Unplayable Job"},
		{"base of a model", 400, "", `{"message":{"base":["Reference not found"]}}`, "Reference not found", "400 Bad Request: Reference not found"},
		{"fields of a model", 422, "", `{"message":{"name":["is too long","is odd"],"ref":["is missing"]}}`, "name: is too long, is odd; ref: is missing", "422 Unprocessable Entity: name: is too long, is odd; ref: is missing"},
		{"error within message", 400, "", `{"message":{"error":"Try again later."}}`, "Try again later.", "400 Bad Request: Try again later."},
		{"nested models", 400, "", `{"message":{"pipeline":{"variables":[{"key":["is empty"]},null,7,true]}}}`, "pipeline: variables: key: is empty, , 7, true", "400 Bad Request: pipeline: variables: key: is empty, , 7, true"},
		{"error", 400, "", `{"error":"scope does not have a valid value"}`, "scope does not have a valid value", "400 Bad Request: scope does not have a valid value"},
		{"description", 401, "", `{"error":"invalid_token","error_description":"Token is expired."}`, "invalid_token: Token is expired.", "401 Unauthorized: invalid_token: Token is expired."},
		{"scope", 403, "", `{"error":"insufficient_scope","error_description":"More is needed.","scope":"api read_api"}`, "insufficient_scope: More is needed. (scope: api read_api)", "403 Forbidden: insufficient_scope: More is needed. (scope: api read_api)"},
		{"throttle", 403, text, "Retry later\n", "Retry later", "403 Forbidden: Retry later"},
		{"Workhorse", 404, text, "404 page not found\n", "404 page not found", "404 Not Found: page not found"},
		{"page", 403, page, "<!DOCTYPE html><html><head><title>\n  Maintenance &amp; rest\n</title></head></html>", "Maintenance & rest", "403 Forbidden: Maintenance & rest"},
		{"page without a type", 403, "application/octet-stream", "  <html><TITLE lang=en>Away</TITLE>", "Away", "403 Forbidden: Away"},
		{"page without a title", 403, page, "<html><body>Away</body></html>", "", "403 Forbidden"},
		{"long title", 403, page, "<title>" + strings.Repeat("ö", 300) + "</title>", strings.Repeat("ö", 199) + "…", "403 Forbidden: " + strings.Repeat("ö", 199) + "…"},
		{"long text", 403, text, strings.Repeat("ö", 3000), strings.Repeat("ö", 999) + "…", "403 Forbidden: " + strings.Repeat("ö", 999) + "…"},
		{"empty", 403, "", "", "", "403 Forbidden"},
		{"broken JSON", 403, "", `{"message":"40`, `{"message":"40`, `403 Forbidden: {"message":"40`},
		{"other JSON", 403, "", `["a","b"]`, `["a","b"]`, `403 Forbidden: ["a","b"]`},
		{"null", 403, "", `{"message":null}`, "", "403 Forbidden"},
		{"twice", 403, "", `{"message":"first","message":"last"}`, "last", "403 Forbidden: last"},
		{"not UTF-8", 403, text, "caf\xe9", "caf\uFFFD", "403 Forbidden: caf\uFFFD"},
		{"unknown status", 499, text, "closed", "closed", "499: closed"},
		{"signed address", 403, text, "see https://h/x?sig=abc&y=1 again", "see https://h/x?… again", "403 Forbidden: see https://h/x?… again"},
		{"token", 403, "", `{"message":"who is ` + testkit.Token + `?"}`, "who is [REDACTED]?", "403 Forbidden: who is [REDACTED]?"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			headers := []string{"X-Request-Id", "01REQUEST"}
			if test.contentType != "" {
				headers = append(headers, "Content-Type", test.contentType)
			}
			err := testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(test.status, test.body, headers...)).Client(t))
			e, responded := errors.AsType[*gitlabci.APIError](err)
			require.True(t, responded)
			require.Equal(t, test.message, e.Message)
			require.Equal(t, "gitlabci: GET /projects/group%2Fapp/pipelines/7: "+test.text, err.Error())
			require.Equal(t, test.status, e.StatusCode)
			require.Equal(t, "GET", e.Method)
			require.Equal(t, "/projects/group%2Fapp/pipelines/7", e.Path)
			require.Equal(t, "01REQUEST", e.RequestID)
		})
	}
}

func TestSentinels(t *testing.T) {
	sentinels := []error{gitlabci.ErrUnauthorized, gitlabci.ErrForbidden, gitlabci.ErrNotFound, gitlabci.ErrConflict,
		gitlabci.ErrRateLimited, gitlabci.ErrInvalid, gitlabci.ErrOutcomeUnknown, gitlabci.ErrStalled, errors.ErrUnsupported}
	tests := []struct {
		status int
		body   string
		want   []error
	}{
		{400, ``, []error{gitlabci.ErrInvalid}},
		{401, ``, []error{gitlabci.ErrUnauthorized}},
		{403, ``, []error{gitlabci.ErrForbidden}},
		{404, `{"message":"404 Not Found"}`, []error{gitlabci.ErrNotFound}},
		{404, `404 page not found`, []error{gitlabci.ErrNotFound}},
		{404, `{"error":"404 Not Found"}`, []error{gitlabci.ErrNotFound, errors.ErrUnsupported}},
		{400, `{"error":"404 Not Found"}`, []error{gitlabci.ErrInvalid}},
		{405, ``, nil},
		{409, ``, []error{gitlabci.ErrConflict}},
		{412, ``, nil},
		{422, ``, []error{gitlabci.ErrInvalid}},
		{429, ``, []error{gitlabci.ErrRateLimited}},
		{500, ``, nil},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, test.body), func(t *testing.T) {
			err := testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(test.status, test.body)).Client(t, gitlabci.WithRetries(0)))
			for _, sentinel := range sentinels {
				want := false
				for _, w := range test.want {
					want = want || w == sentinel
				}
				require.Equal(t, want, errors.Is(err, sentinel), sentinel)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := testkit.Calls["create"](t.Context(), testkit.NewScript(testkit.Respond(504, ``)).Client(t))
		require.EqualError(t, err, "gitlabci: POST /projects/group%2Fapp/pipeline: 504 Gateway Timeout (outcome unknown: GitLab may have done it)")

		err = testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(429, ``, "Retry-After", "300")).Client(t))
		require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/pipelines/7: 429 Too Many Requests (retry after 5m0s)")

		err = testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Silent).Client(t))
		require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/pipelines/7: the server fell silent: no response within 2m0s (5 tries)")
	})
}

// A huge error is read no further than 64 KiB, and a silent one not for ever.
func TestErrorBodyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := testkit.Calls["get"](t.Context(), testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(403)
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat("x", 1<<10))); err != nil {
					return
				}
			}
		}).Client(t))
		require.ErrorIs(t, err, gitlabci.ErrForbidden)

		err = testkit.Calls["get"](t.Context(), testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(403)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}).Client(t))
		require.ErrorIs(t, err, gitlabci.ErrForbidden)
		require.Equal(t, time.Minute, time.Since(start))
	})
}

// What a proxy has compressed in a way that was not requested cannot be read. The error says
// so, and does not show the bytes.
func TestBodiesCompressedOtherwise(t *testing.T) {
	for _, status := range []int{200, 400, 404} {
		for encoding, wrong := range map[string]bool{"br": true, "zstd": true, "deflate": true, "gzip, gzip": true, "identity": false} {
			s := testkit.NewScript(testkit.Respond(status, "\x1b\x02\x80{}\x03", "Content-Encoding", encoding))
			for name, call := range testkit.Calls {
				err := call(t.Context(), s.Client(t))
				require.Error(t, err)
				require.Equal(t, wrong && (name != "delete" || status != 200), strings.Contains(err.Error(), fmt.Sprintf("compressed by %q, which was not requested", encoding)), "%s: %v", name, err)
			}
		}
	}
	for _, encoding := range []string{"gzip", "br"} {
		for status, want := range map[int]string{200: "200 OK without a body", 404: "404 Not Found"} {
			err := testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(status, "", "Content-Encoding", encoding)).Client(t))
			require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/pipelines/7: "+want, "there is nothing to decompress")
		}
	}
	s := testkit.NewScript(testkit.Respond(404, `{"message":"404 Pipeline Not Found"}`, "Content-Encoding", "br"))
	require.ErrorContains(t, testkit.Calls["get"](t.Context(), s.Client(t)), "404 Not Found: Pipeline Not Found", "it is not compressed, whatever the header says")
}

func TestSuccessThatIsNotGitLabs(t *testing.T) {
	tests := map[string]struct{ contentType, body, want string }{
		"page":        {"text/html; charset=utf-8", "<title>Sign in · GitLab</title>", `200 OK with content type "text/html; charset=utf-8", not JSON: Sign in · GitLab`},
		"text":        {"text/plain", "hello", `200 OK with content type "text/plain", not JSON`},
		"no type":     {"application/octet-stream", "\x00", `200 OK with content type "application/octet-stream", not JSON`},
		"list":        {"application/json", `[]`, "the response is not a JSON object"},
		"null":        {"application/json", `null`, "the response is not a JSON object"},
		"nothing":     {"application/json", ``, "200 OK without a body"},
		"untyped":     {"", " \n", "200 OK without a body"},
		"half":        {"application/json", `{"id":`, "JSON that is not GitLab's"},
		"more":        {"application/json", `{"id":1}{"id":2}`, "JSON that is not GitLab's"},
		"labeled bad": {"text/html", `{"id":`, `content type "text/html", not JSON`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(200, test.body, "Content-Type", test.contentType))
			err := testkit.Calls["get"](t.Context(), s.Client(t))
			require.ErrorContains(t, err, test.want)
			require.Len(t, s.Received(), 1, "no other response is to be expected")
		})
	}
}

// A caller can compare an error with a literal.
func TestErrorsEqualLiterals(t *testing.T) {
	err := testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.Respond(404, `{"message":"404 Not found"}`)).Client(t))
	require.Equal(t, &gitlabci.APIError{StatusCode: 404, Method: "GET", Path: "/projects/group%2Fapp/pipelines/7", Message: "404 Not found"}, err)
}

// An APIError that a caller's transport returns is judged by its fields.
func TestAPIErrorsOfTransports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for err, want := range map[*gitlabci.APIError]int{
			{StatusCode: 400}: 1,
			{StatusCode: 409, Message: "already exists"}:              1,
			{StatusCode: 409, Message: "409 Conflict: Resource lock"}: 2,
			{StatusCode: 502}: 2,
		} {
			requests := 0
			client, _ := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(*http.Request) (*http.Response, error) {
				if requests++; requests == 2 {
					return nil, &gitlabci.APIError{StatusCode: 400}
				}
				return nil, err
			})))
			_, ended := client.Pipelines.Wait(t.Context(), "group/app", 7, nil)
			require.Error(t, ended)
			require.Equal(t, want, requests, err)
		}
	})
}
