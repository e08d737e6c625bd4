package gitlabcitest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

const createRoute = "POST /projects/:id/pipeline"

func TestRequestLog(t *testing.T) {
	tests := map[string]struct {
		opts []gitlabcitest.Option
		want []string // the paths kept of a, b, c, d
	}{
		"all by default": {nil, []string{"/api/v4/a", "/api/v4/b", "/api/v4/c", "/api/v4/d"}},
		"more than came": {[]gitlabcitest.Option{gitlabcitest.WithRequestLog(9)}, []string{"/api/v4/a", "/api/v4/b", "/api/v4/c", "/api/v4/d"}},
		"the newest two": {[]gitlabcitest.Option{gitlabcitest.WithRequestLog(2)}, []string{"/api/v4/c", "/api/v4/d"}},
		"none":           {[]gitlabcitest.Option{gitlabcitest.WithRequestLog(0)}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer(test.opts...)
			for _, path := range []string{"/a", "/b", "/c"} {
				get(t, srv, path)
			}
			require.Equal(t, "request-4", get(t, srv, "/d").header.Get("X-Request-Id"))
			var paths []string
			for _, request := range srv.Requests() {
				paths = append(paths, request.Path)
			}
			require.Equal(t, test.want, paths)
		})
	}
}

func TestTheRequestLogKeepsBodiesOfBoundedSize(t *testing.T) {
	srv := gitlabcitest.NewServer()
	value := strings.Repeat("x", 1<<20)
	r := send(t, srv, http.MethodPost, "/projects/1/pipeline", `{"ref":"main","variables":[{"key":"A","value":"`+value+`"}]}`, "Content-Type: application/json")
	require.Equal(t, 201, r.status, r.body)
	require.Contains(t, get(t, srv, "/projects/1/pipelines/101/variables").body, value)
	kept := srv.Requests()[0]
	require.Len(t, kept.Body, 64<<10)
	require.Less(t, cap(kept.Body), 128<<10)
	require.Equal(t, `{"ref":"main","variables":[{"key":"A","value":"xxx`, string(kept.Body[:50]))
	require.Equal(t, len(value)+51, kept.BodySize)
}

func TestTooLargeABodyIsRefusedByTheProxy(t *testing.T) {
	srv := gitlabcitest.NewServer()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v4/projects/1/pipeline", strings.NewReader("{}"))
	r.ContentLength = 251 << 20
	srv.ServeHTTP(w, r)
	require.Equal(t, 413, w.Code)
	require.Empty(t, srv.Requests())
}

func TestRequestsThatAreExecuted(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 4}))
	fault := gitlabcitest.Fault{Route: createRoute, Status: 504, Times: 1}
	srv.Fault(fault)
	fault.Executed = true
	srv.Fault(fault)
	srv.Fault(fault)
	for _, want := range []struct {
		path            string
		status          int
		fault, executed bool
	}{
		{"/projects/1/pipeline?ref=main", 504, true, false},
		{"/projects/1/pipeline?ref=main", 504, true, true},
		{"/projects/1/pipeline?ref=nowhere", 504, true, false}, // refused as well
		{"/projects/1/pipeline?ref=nowhere", 400, false, false},
		{"/projects/1/pipeline?ref=main", 201, false, true},
		{"/projects/1/pipeline?ref=main", 429, false, false},
	} {
		send(t, srv, http.MethodPost, want.path, "")
		came := srv.Requests()
		got := came[len(came)-1]
		require.Equal(t, want.status, got.Status, want)
		require.Equal(t, want.fault, got.Fault, want)
		require.Equal(t, want.executed, got.Executed, want)
		require.Equal(t, "localhost", got.Host)
	}
}
