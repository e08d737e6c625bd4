package gitlabcitest_test

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

func TestETag(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(withArtifacts)
	r := get(t, srv, "/projects/1/pipelines")
	tag := r.header.Get("ETag")
	require.Equal(t, fmt.Sprintf(`W/"%x"`, md5.Sum([]byte(r.body))), tag)
	require.Equal(t, "max-age=0, private, must-revalidate", r.header.Get("Cache-Control"))
	require.Equal(t, tag, send(t, srv, http.MethodHead, "/projects/1/pipelines", "").header.Get("ETag"))

	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	require.NotEqual(t, tag, get(t, srv, "/projects/1/pipelines").header.Get("ETag"))

	for _, path := range []string{"/projects/1/jobs/1001/trace", "/projects/1/pipelines/9"} {
		r := send(t, srv, http.MethodGet, path, "", "If-None-Match: *")
		require.Contains(t, []int{200, 404}, r.status)
		require.Empty(t, r.header.Values("ETag"), path)
		require.Empty(t, r.header.Values("Cache-Control"), path)
	}
	written := send(t, srv, http.MethodPost, "/projects/1/pipelines/101/cancel", "", "If-None-Match: *")
	require.Equal(t, 200, written.status)
	require.Empty(t, written.header.Values("ETag"))
}

func TestIfNoneMatch(t *testing.T) {
	srv := many(3)
	const path = "/projects/1/pipelines?per_page=2"
	fresh := get(t, srv, path)
	weak := fresh.header.Get("ETag")
	strong := weak[len("W/"):]
	tests := map[string]struct {
		condition string
		status    int
	}{
		"the same":            {weak, 304},
		"the same but strong": {strong, 304},
		"in a list":           {`"a", ` + weak + `,"b"`, 304},
		"in a tight list":     {`"a",` + strong, 304},
		"any":                 {"*", 304},
		"another":             {`W/"d41d8cd98f00b204e9800998ecf8427e"`, 200},
		"a part":              {weak[:len(weak)-2] + `"`, 200},
		"without quotes":      {strong[1 : len(strong)-1], 200},
		"nothing":             {" ", 200},
	}
	for name, test := range tests {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(name+" "+method, func(t *testing.T) {
				r := send(t, srv, method, path, "", "If-None-Match: "+test.condition)
				require.Equal(t, test.status, r.status)
				came := srv.Requests()
				require.Equal(t, test.status, came[len(came)-1].Status)
				require.True(t, came[len(came)-1].Executed)
				require.Equal(t, weak, r.header.Get("ETag"))
				require.Equal(t, "3", r.header.Get("X-Total"))
				if test.status == 304 {
					require.Empty(t, r.body)
					require.Empty(t, r.header.Values("Content-Type"))
				} else if method == http.MethodGet {
					require.Equal(t, fresh.body, r.body)
				}
			})
		}
	}
}

// TestNotModifiedIsEmpty is about the handler by itself: net/http would leave
// out body and Content-Type anyway.
func TestNotModifiedIsEmpty(t *testing.T) {
	srv := gitlabcitest.NewServer()
	r := httptest.NewRequest(http.MethodGet, "/api/v4/projects/1/pipelines", nil)
	r.Header.Set("Private-Token", srv.Token())
	r.Header.Set("If-None-Match", "*")
	response := httptest.NewRecorder()
	srv.ServeHTTP(response, r)
	require.Equal(t, 304, response.Code)
	require.Empty(t, response.Body.String())
	require.Empty(t, response.Header().Values("Content-Type"))
	require.Empty(t, response.Header().Values("Content-Length"))
}
