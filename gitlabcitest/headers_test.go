package gitlabcitest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

func TestHeadersOfEveryResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 8}))
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(withArtifacts)
		time.Sleep(90 * time.Minute)
		date := time.Now().UTC().Format(http.TimeFormat)
		for i, path := range []string{
			"/projects/1/pipelines", "/projects/1/pipelines/9", "/nowhere", "/pipelines?per_page=0",
			"/projects/1/jobs/1001/trace", "/projects/1/jobs/1001/artifacts", "/projects/1/jobs/1001/artifacts/bin/app",
			"/projects/1/jobs/1001/artifacts/nothing", "/beyond/the/throttle",
		} {
			r := get(t, srv, path)
			id := fmt.Sprintf("request-%d", i+1)
			for name, want := range map[string]string{
				"Date":                   date,
				"Vary":                   "Origin",
				"X-Content-Type-Options": "nosniff",
				"X-Frame-Options":        "SAMEORIGIN",
				"X-Gitlab-Meta":          `{"correlation_id":"` + id + `","version":"1"}`,
				"X-Request-Id":           id,
				"X-Runtime":              "0.000000", // as the bubble's clock measures
			} {
				require.Equal(t, []string{want}, r.header.Values(name), "%s of %s", name, path)
			}
		}
	})
}

// TestHeadersOfProxies: what is not GitLab's response has none of its headers.
func TestHeadersOfProxies(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 8}))
	srv.Fault(gitlabcitest.Fault{Route: "GET /pipelines", Status: 200, Body: "[]"})
	for i, path := range []string{"/pipelines", "/projects?search=" + strings.Repeat("x", 8<<10)} {
		r := get(t, srv, path)
		require.Equal(t, fmt.Sprintf("request-%d", i+1), r.header.Get("X-Request-Id"))
		for _, name := range []string{"X-Gitlab-Meta", "X-Runtime", "Vary", "ETag", "Cache-Control", "RateLimit-Limit"} {
			require.Empty(t, r.header.Values(name), name)
		}
	}
}

func TestLongQueries(t *testing.T) {
	srv := gitlabcitest.NewServer()
	const path = "/projects/1/pipelines?ref="
	most := 8<<10 - len("/api/v4"+path)
	require.Equal(t, 200, get(t, srv, path+strings.Repeat("x", most)).status)
	r := send(t, srv, http.MethodPost, path+strings.Repeat("x", most+1), "")
	require.Equal(t, 414, r.status)
	require.Equal(t, "text/html", r.header.Get("Content-Type"))
	require.Contains(t, r.body, "<title>414 Request-URI Too Large</title>")
	require.False(t, srv.Requests()[1].Executed)
}

func TestVersion3(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for path, status := range map[string]int{"/api/v3/projects": 410, "/api/v3/": 410, "/api/v5/projects": 404, "/api/v33/projects": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gitlabcitest.URL+path, nil)
		require.NoError(t, err)
		resp, err := srv.Transport().RoundTrip(req)
		require.NoError(t, err)
		r := read(t, resp)
		require.Equal(t, status, r.status, path)
		if status == 410 {
			require.JSONEq(t, `{"error":"API V3 is no longer supported. Use API V4 instead."}`, r.body)
			require.Equal(t, "application/json", r.header.Get("Content-Type"))
		}
	}
}
