package gitlabci_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// GitLab refuses writes to a moved project; their errors say where it is now. Reads
// are redirected.
func TestWritesOfAMovedProjectSayWhereItIs(t *testing.T) {
	for name, call := range calls {
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
		"hidden":    answer(404, `{"message":"404 Project Not Found"}`),
		"broken":    reset,
		"nameless":  answer(200, `{"id":7}`),
		"throttled": answer(429, "", "Retry-After", "1"),
	} {
		s := newScript(answer(405, refusal), read)
		err := calls["create"](t.Context(), s.client(t))
		e, isRefusal := err.(*gitlabci.APIError)
		require.True(t, isRefusal, name)
		require.Equal(t, "Non GET methods are not allowed for moved projects", e.Message, name)
		require.Len(t, s.received(), 2, name)
	}
	other := newScript(answer(405, `{"message":"405 Not Allowed"}`))
	require.Error(t, calls["create"](t.Context(), other.client(t)))
	require.Len(t, other.received(), 1)
	number := newScript(answer(405, refusal))
	_, err := number.client(t).Pipelines.Create(t.Context(), "7", "main", nil)
	require.False(t, strings.Contains(err.Error(), "is now"))
	require.Len(t, number.received(), 1)
}
