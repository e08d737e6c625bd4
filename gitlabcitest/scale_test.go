package gitlabcitest_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	manyPipelines   = 3_000
	jobsPerPipeline = 10
)

// loaded has pipelines from 1 on, with jobs from 1 on.
func loaded() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	for i := range manyPipelines {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(i + 1)})
		for n := range jobsPerPipeline {
			p.AddJob(gitlabcitest.Job{
				ID:   gitlabci.JobID(i*jobsPerPipeline + n + 1),
				Name: fmt.Sprintf("test %d/%d", n+1, jobsPerPipeline),
				Tags: []string{"linux"},
			})
		}
	}
	return srv
}

// pages are the paths of random pages of long lists, by list.
var pages = []struct {
	list string
	path func() string
}{
	{"pipelines", func() string {
		return fmt.Sprintf("/projects/1/pipelines?page=%d", 1+rand.IntN(manyPipelines/20))
	}},
	{"jobs by number", func() string {
		return fmt.Sprintf("/projects/1/jobs?page=%d", 1+rand.IntN(manyPipelines*jobsPerPipeline/20))
	}},
	{"jobs by cursor", func() string {
		cursor := fmt.Appendf(nil, `{"id":"%d","_kd":"n"}`, 21+rand.IntN(manyPipelines*jobsPerPipeline-20))
		return "/projects/1/jobs?pagination=keyset&cursor=" + base64.URLEncoding.EncodeToString(cursor)
	}},
	{"jobs of a pipeline", func() string {
		return fmt.Sprintf("/projects/1/pipelines/%d/jobs", 1+rand.IntN(manyPipelines))
	}},
}

// heap is how many MiB live on the heap, and how many ever did.
func heap() (live, ever float64) {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20), float64(stats.TotalAlloc) / (1 << 20)
}

// drain reads one response to its end.
func drain(tb testing.TB, srv *gitlabcitest.Server, transport http.RoundTripper, path string) (size int64) {
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, gitlabcitest.URL+"/api/v4"+path, nil)
	require.NoError(tb, err)
	req.Header.Set("Private-Token", srv.Token())
	resp, err := transport.RoundTrip(req)
	require.NoError(tb, err)
	defer resp.Body.Close()
	require.Equal(tb, http.StatusOK, resp.StatusCode)
	size, err = io.Copy(io.Discard, resp.Body)
	require.NoError(tb, err)
	return size
}

func BenchmarkServerList(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	srv := loaded()
	transport := srv.Transport()
	for _, page := range pages {
		b.Run(page.list, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.SetBytes(drain(b, srv, transport, page.path()))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			live, _ := heap()
			b.ReportMetric(live, "MiB-heap")
		})
	}
}

func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("adds 30,000 jobs")
	}
	testkit.NotUnderRace(t)
	srv := loaded()
	transport := srv.Transport()
	live, before := heap()
	t.Logf("%.0f MiB", live)
	require.Less(t, live, 30.0)
	for _, page := range pages {
		const requests = 20
		for range requests {
			require.NotZero(t, drain(t, srv, transport, page.path()))
		}
		_, after := heap()
		require.Less(t, (after-before)/requests, 0.25, "MiB a page of %s: it costs what is on it, and not the list", page.list)
		_, before = heap()
	}
	live, _ = heap()
	require.Less(t, live, 30.0)
	runtime.KeepAlive(srv)
}
