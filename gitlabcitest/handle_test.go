package gitlabcitest_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const labels = "GET /api/v4/projects/{project}/labels"

func TestHandleAddsAnEndpoint(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Handle(labels, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `[{"project":%q,"token":%q,"page":%q,"pipelines":%d}]`, r.PathValue("project"),
			r.Header.Get("Private-Token"), r.FormValue("page"), len(srv.Requests()))
	}))
	r := get(t, srv, "/projects/group%2Fapp/labels?page=2")
	require.Equal(t, 200, r.status)
	require.JSONEq(t, `[{"project":"group/app","token":"fake-token","page":"2","pipelines":0}]`, r.body)
	require.Equal(t, "request-1", r.header.Get("X-Request-Id"))
	require.Equal(t, 200, send(t, srv, http.MethodHead, "/projects/1/labels", "").status)
	for _, came := range srv.Requests() {
		require.Equal(t, labels, came.Route)
		require.True(t, came.Executed)
		require.False(t, came.Unknown)
	}
	require.Equal(t, 200, get(t, srv, "/projects/1/pipelines").status)
	require.Equal(t, 404, send(t, srv, http.MethodPost, "/projects/1/labels", "").status)
}

func TestHandleReadsTheBody(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Handle("POST /api/v4/projects/{project}/notes", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		srv.AddPipeline(r.PathValue("project"), gitlabcitest.Pipeline{}) // the handler may call the server
		w.WriteHeader(http.StatusCreated)
		w.Write(body)
	}))
	r := send(t, srv, http.MethodPost, "/projects/1/notes", "hello")
	require.Equal(t, 201, r.status)
	require.Equal(t, "hello", r.body)
	require.Equal(t, []int{101}, get(t, srv, "/projects/1/pipelines").ids(t))
	require.Equal(t, "hello", string(srv.Requests()[0].Body))
}

func TestHandleReplacesAnEndpoint(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Handle("GET /api/v4/projects/{id}/pipelines/latest", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	require.Equal(t, 204, get(t, srv, "/projects/1/pipelines/latest").status)
	require.Equal(t, 200, get(t, srv, "/projects/1/pipelines").status)
}

func TestFaultsHitAddedEndpoints(t *testing.T) {
	srv := gitlabcitest.NewServer()
	called := 0
	srv.Handle(labels, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called++ }))
	srv.Fault(gitlabcitest.Fault{Route: labels, Status: 502, Times: 1})
	srv.Fault(gitlabcitest.Fault{Route: labels, Status: 503, Executed: true, Times: 1})
	require.Equal(t, 502, get(t, srv, "/projects/1/labels").status)
	require.Zero(t, called)
	require.Equal(t, 503, get(t, srv, "/projects/1/labels").status)
	require.Equal(t, 1, called)
	require.Equal(t, 200, get(t, srv, "/projects/1/labels").status)
	require.Equal(t, 2, called)
}

func TestMisuseOfHandle(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Handle(labels, http.NotFoundHandler())
	for _, pattern := range []string{"", labels, "GET /{", "GET /api/v4/projects/{id}/labels"} {
		require.Panics(t, func() { srv.Handle(pattern, http.NotFoundHandler()) }, pattern)
	}
	require.PanicsWithValue(t, "gitlabcitest: Handle: http: nil handler", func() { srv.Handle("/x", nil) })
	require.Equal(t, 200, get(t, srv, "/version").status) // the lock is free again
}

func TestUnknownEndpointsDifferFromMissingObjects(t *testing.T) {
	srv := gitlabcitest.NewServer()
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("15.1"))
	tests := []struct {
		srv          *gitlabcitest.Server
		method, path string
		status       int
		unknown      bool
	}{
		{srv, "GET", "/projects/1/issues", 404, true},
		{srv, "GET", "/nowhere", 404, true},
		{srv, "PUT", "/projects/1", 405, true},
		{srv, "GET", "/projects/1/pipelines/7", 404, false},
		{srv, "GET", "/projects/9/pipelines", 404, false},
		{old, "GET", "/metadata", 404, false}, // too old a server
		{old, "PUT", "/projects/1/pipelines/7/metadata", 404, false},
		{old, "GET", "/projects/1/issues", 404, true},
	}
	for _, test := range tests {
		r := send(t, test.srv, test.method, test.path, "")
		require.Equal(t, test.status, r.status, test)
		came := test.srv.Requests()
		require.Equal(t, test.unknown, came[len(came)-1].Unknown, test)
		require.Equal(t, test.unknown, r.header.Get("X-Gitlabcitest") == "unknown to the fake", test)
	}
	_, err := srv.Client().Pipelines.Get(t.Context(), "group/app", 7)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}
