package gitlabcitest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// busy is a server that has some of everything, most of it on its way.
func busy(version string) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(
		gitlabcitest.WithVersion(version), gitlabcitest.WithStorage(gitlabcitest.Storage{Proxied: true}),
		gitlabcitest.WithLogRanges(), gitlabcitest.WithActionLimits())
	script := gitlabcitest.Script{
		Runs: time.Nanosecond, Log: "one\ntwo\n", ArtifactsExpireIn: time.Hour,
		Artifacts: fstest.MapFS{"dir/a b.txt": {Data: []byte("text")}},
		Reports:   map[gitlabci.ArtifactType][]byte{"junit": []byte("<testsuite><testcase name='a'/></testsuite>")},
	}
	jobs := []gitlabcitest.Job{
		{Name: "build", Script: script, Inputs: map[string][]string{"a": nil}},
		{Name: "deploy", Stage: "deploy", When: gitlabcitest.WhenManual, Script: script},
		{Name: "child", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Script: gitlabcitest.Script{Runs: time.Hour}}}}},
	}
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, jobs...)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	for _, j := range jobs {
		p.AddJob(j)
	}
	return srv
}

// FuzzRequest sends what nobody would: the server responds, and never panics.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{
		"/projects/1/pipelines?scope=branches&order_by=user_id", "/projects/group%2Fapp/pipelines/latest", "/projects/1/pipelines/101",
		"/projects/1/pipelines/101/jobs?scope[]=failed", "/projects/1/pipelines/101/bridges", "/projects/1/pipelines/101/variables",
		"/projects/1/pipelines/101/test_report", "/projects/1/pipelines/101/test_report_summary", "/pipelines?cursor=eyJpZCI6IjEiLCJfa2QiOiJuIn0=",
		"/projects/1/jobs?pagination=keyset&scope[a]=failed", "/projects/1/jobs/1001", "/projects/1/jobs/1001/trace?byte_offset=1&byte_limit=2",
		"/projects/1/jobs/artifacts/main/download?job=build", "/projects/1/jobs/artifacts/a/b/raw/dir/a%20b.txt?job=build",
		"/projects/1/jobs/1001/artifacts?file_type=junit", "/projects/1/jobs/1001/artifacts/tree?path=dir&recursive=true",
		"/projects/1/jobs/1001/artifacts/dir/a%20b.txt", "/job?job_token=fake-job-token-1001",
	} {
		f.Add("GET", path, "Range: bytes=1-2,-1", "", "19.5")
		f.Add("HEAD", path, "If-None-Match: *", "", "11.0")
	}
	for _, path := range []string{
		"/projects/1/pipeline?ref=main", "/projects/1/pipelines/101/retry", "/projects/1/pipelines/101/cancel", "/projects/1/jobs/1001/retry",
		"/projects/1/jobs/1001/cancel?force=true", "/projects/1/jobs/1001/erase", "/projects/1/jobs/1002/play", "/projects/1/jobs/1001/artifacts/keep",
	} {
		f.Add("POST", path, "Content-Type: application/json", `{"ref":"main","inputs":{"a":1},"variables":[{"key":"A","value":null}]}`, "19.5")
		f.Add("POST", path, "Content-Type: application/x-www-form-urlencoded", "job_inputs[a][][b]=1&job_variables_attributes[][key]=A", "18.10")
		f.Add("POST", path, "Content-Type: multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"ref\"\r\n\r\nmain\r\n--x--\r\n", "15.4")
	}
	f.Add("PUT", "/projects/1/pipelines/101/metadata", "Sudo: 1", "name=n", "19.5")
	f.Add("DELETE", "/projects/1/pipelines/101", "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT", "", "19.5")
	f.Add("DELETE", "/projects/1/jobs/1001/artifacts", "Authorization: Bearer x", "", "19.5")
	f.Add("DELETE", "/projects/1/artifacts", "Job-Token: fake-job-token-1001", "", "19.5")
	f.Fuzz(func(t *testing.T, method, path, header, body, version string) {
		target, err := url.Parse(gitlabcitest.URL + "/api/v4" + path)
		if err != nil || !slices.Contains([]string{"11.0", "15.4", "18.10", "19.5"}, version) {
			t.Skip()
		}
		name, value, _ := strings.Cut(header, ": ")
		req := &http.Request{Method: method, URL: target, Header: http.Header{"Private-Token": {"fake-token"}}, Body: http.NoBody}
		req.Header.Set(name, value)
		srv := busy(version)
		for range 2 {
			got := httptest.NewRecorder()
			again := req.Clone(t.Context())
			if body != "" {
				again.Body = io.NopCloser(strings.NewReader(body))
			}
			srv.ServeHTTP(got, again)
			require.Less(t, got.Code, 500)
		}
	})
}
