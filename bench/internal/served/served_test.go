package served

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

func newClient(t *testing.T, base string) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(base), gitlabci.WithToken("glpat-of-nobody"))
	require.NoError(t, err)
	return client
}

// The pages are GitLab's: each item is there, in order, with its own numbers.
func TestPages(t *testing.T) {
	srv := httptest.NewServer(NewHandler("", ""))
	defer srv.Close()
	client := newClient(t, srv.URL+"/0s/300")

	n := 0
	for job, err := range client.Jobs.All(t.Context(), "group/app", nil) {
		require.NoError(t, err)
		require.EqualValues(t, NewestJob-int64(n), job.ID)
		require.EqualValues(t, newestPipeline-int64(n/10), job.Pipeline.ID)
		require.Equal(t, job.Commit.ID, job.Pipeline.SHA)
		require.EqualValues(t, 1_400_000+n%100, job.ArtifactsFile.Size)
		n++
	}
	require.Equal(t, 300, n)

	page, err := client.Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 100, Page: 3}})
	require.NoError(t, err)
	require.Equal(t, []int{3, 300, 3}, []int{page.Page, page.Total, page.TotalPages})
	require.Empty(t, page.Next)
	require.EqualValues(t, newestPipeline-299, page.Items[99].ID)
	require.False(t, page.Items[99].UpdatedAt.IsZero())

	n = 0
	for pipeline, err := range client.Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: 3}}) {
		require.NoError(t, err)
		require.EqualValues(t, newestPipeline-int64(n), pipeline.ID)
		n++
	}
	require.Equal(t, 300, n)

	for item, jobs := range map[int]int{0: 100, 100: 100, 250: 50, 299: 1, 300: 0, 1000: 0} {
		resp, err := http.Get(srv.URL + "/0s/300/api/v4/projects/7/jobs?per_page=100&pagination=keyset&cursor=" + cursor(item))
		require.NoError(t, err)
		var list []struct{ ID int64 }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&list))
		require.NoError(t, resp.Body.Close())
		require.Len(t, list, jobs, "from item %d on", item)
	}
	for _, list := range []string{"pipelines?per_page=100&page=4", "pipelines?per_page=101", "pipelines", "jobs?per_page=101", "jobs?per_page=100&pagination=offset", "jobs?per_page=100&pagination=keyset&cursor=" + cursor(-1)} {
		resp, err := http.Get(srv.URL + "/0s/300/api/v4/projects/7/" + list)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusBadRequest, resp.StatusCode, list)
	}
}

func TestReport(t *testing.T) {
	srv := httptest.NewServer(NewHandler("", ""))
	defer srv.Close()
	client := newClient(t, srv.URL+"/0s/3000")
	report, err := client.Pipelines.TestReport(t.Context(), "group/app", 1)
	require.NoError(t, err)
	require.Len(t, report.TestSuites, 3)
	failed := 0
	for _, suite := range report.TestSuites {
		require.Len(t, suite.TestCases, suite.TotalCount)
		for _, test := range suite.TestCases {
			if test.Status == gitlabci.TestStatusFailed {
				failed++
				require.NotEmpty(t, test.SystemOutput)
			}
		}
	}
	require.Equal(t, report.FailedCount, failed)
	require.Equal(t, 3000, report.TotalCount)
}

// An archive is the same bytes, whichever range of it is requested.
func TestArtifacts(t *testing.T) {
	const size = 3<<20 + 5
	srv := httptest.NewServer(NewHandler("", ""))
	defer srv.Close()
	get := func(part string) []byte {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/0s/3145733/api/v4/projects/7/jobs/1/artifacts", nil)
		require.NoError(t, err)
		if part != "" {
			req.Header.Set("Range", part)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return body
	}
	whole := get("")
	require.Len(t, whole, size)
	require.Equal(t, whole[1<<20-3:1<<20+9], get("bytes=1048573-1048584"))
	require.Equal(t, whole[size-7:], get("bytes=-7"))
}
