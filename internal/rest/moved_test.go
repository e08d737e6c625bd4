package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// GitLab refuses writes to a moved project; their errors say where it is now. Reads
// are redirected.
func TestWritesOfAMovedProjectSayWhereItIs(t *testing.T) {
	for name, call := range testkit.Calls {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7})
		srv.MoveProject("group/app", "team/tools/app")
		err := call(t.Context(), srv.Client())
		if name == "get" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "405", name)
		require.ErrorContains(t, err, "the project is now team/tools/app", name)
	}
}

// If the read does not find the project, the error stays as it was. That costs one
// read.
func TestWritesOfAMovedProjectThatCannotBeRead(t *testing.T) {
	const refusal = `{"message":"Non GET methods are not allowed for moved projects"}`
	for name, read := range map[string]http.HandlerFunc{
		"hidden":    testkit.Respond(404, `{"message":"404 Project Not Found"}`),
		"broken":    testkit.Reset,
		"nameless":  testkit.Respond(200, `{"id":7}`),
		"throttled": testkit.Respond(429, "", "Retry-After", "1"),
	} {
		s := testkit.NewScript(testkit.Respond(405, refusal), read)
		err := testkit.Calls["create"](t.Context(), s.Client(t))
		e, isRefusal := err.(*gitlabci.APIError)
		require.True(t, isRefusal, name)
		require.Equal(t, "Non GET methods are not allowed for moved projects", e.Message, name)
		require.Len(t, s.Received(), 2, name)
	}
	other := testkit.NewScript(testkit.Respond(405, `{"message":"405 Not Allowed"}`))
	require.Error(t, testkit.Calls["create"](t.Context(), other.Client(t)))
	require.Len(t, other.Received(), 1)
	number := testkit.NewScript(testkit.Respond(405, refusal))
	_, err := number.Client(t).Pipelines.Create(t.Context(), "7", "main", nil)
	require.False(t, strings.Contains(err.Error(), "is now"))
	require.Len(t, number.Received(), 1)
}

// The response to that read can quote the token of the call before it.
func TestThePathOfAMovedProjectIsScrubbed(t *testing.T) {
	asked := 0
	s := testkit.NewScript(
		testkit.Respond(405, `{"message":"Non GET methods are not allowed for moved projects"}`),
		testkit.Respond(200, `{"id":7,"path_with_namespace":"first-token/app"}`))
	err := testkit.Calls["create"](t.Context(), s.Anonymous(t, testkit.TokenSource(&asked, "first-token", "second-token")))
	require.ErrorContains(t, err, "the project is now [REDACTED]/app")
}

// Reads of a moved project are redirected, so they have nothing to explain.
func TestReadsOfAMovedProjectReadNothingElse(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		requests := 0
		client, err := gitlabci.NewClient(gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			requests++
			body := io.NopCloser(strings.NewReader(`{"message":"Non GET methods are not allowed for moved projects"}`))
			return &http.Response{StatusCode: 405, Header: http.Header{}, Body: body, Request: r}, nil
		})))
		require.NoError(t, err)
		_, err = client.Do(testkit.Request(t, method, "/projects/group%2Fapp", nil))
		require.Error(t, err)
		require.Equal(t, 1, requests, method)
	}
}
