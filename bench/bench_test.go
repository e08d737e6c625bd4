package main

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// The children of a test are copies of the test's program.
func TestMain(m *testing.M) {
	runChild()
	os.Exit(m.Run())
}

// Each group works, at a scale that says nothing about its figures.
func TestGroups(t *testing.T) {
	want := map[string][]string{
		"lists":    {"### 400 pipelines, by page number", "### 400 jobs of a project, by cursor", "| 2ms | busy |", "≤ 1/6 of client-go's time", "≤ 0.6 of client-go's time"},
		"decode":   {"### A page of 100 jobs", "gitlabci, TestCases", "### A call that gets one small job", "≥ 2× client-go's throughput"},
		"memory":   {"### 1,000 jobs of a project", "### A test report of 2,000 cases", "| 1,000 jobs of a project, by cursor, heap |"},
		"download": {"### An archive of 1.00 MiB", "≤ 24 MiB", "≤ 1.2× a bare io.Copy"},
		"archives": {"### One file of 10 kB out of 4.00 MiB with 100 files", "### Extract 100 files, 2 MB", "| archive/zip | ", "≤ 2 MiB, ≤ 4 requests"},
		"size":     {"- `example.com/gitlabci`\n", "| net/http |", "≤ 7.5 MB"},
	}
	require.ElementsMatch(t, names(), slices.Collect(maps.Keys(want)))
	for name, parts := range want {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "found.md")
			var progress strings.Builder
			require.NoError(t, run(t.Context(), []string{"-quick", "-only", name, "-o", file}, io.Discard, &progress), "%s", &progress)
			found, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, text := range append(parts, "`go run ./bench -quick -only "+name, "| client-go | ", "## Where client-go is better") {
				require.Contains(t, string(found), text)
			}
			for other, parts := range want {
				require.Equal(t, other == name, strings.Contains(string(found), parts[0]), other)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	var out, progress strings.Builder
	require.ErrorContains(t, run(t.Context(), []string{"-only", "lists,naps"}, &out, &progress), `there is no group "naps"`)
	require.ErrorContains(t, run(t.Context(), []string{"lists"}, &out, &progress), `what is "lists"?`)
	require.NoError(t, run(t.Context(), []string{"-h"}, &out, &progress))
	require.Contains(t, progress.String(), "of lists,decode,memory,download,archives,size")
	require.Empty(t, out.String())
}

// What goes wrong in a child, or does not come from the server, ends the run.
func TestChildFails(t *testing.T) {
	srv, err := startServer(t.Context(), t.TempDir())
	require.NoError(t, err)
	b := &bench{server: srv, progress: io.Discard}
	good := task{Work: "pipelines", Client: bare, Base: srv.base(0, 200), Size: 200}
	bytes := int64(2 * len(pipelinesPage().text))

	found, err := b.measure(t.Context(), plan{runs: 3, bytes: bytes}, good, good)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Len(t, found[1], 3)
	_, err = b.measure(t.Context(), plan{runs: 1, bytes: bytes + 1}, good)
	require.ErrorContains(t, err, "the server sent ")
	for _, together := range []bool{false, true} {
		short := good
		short.Size = 300
		_, err = b.measure(t.Context(), plan{runs: 1, together: together}, good, short)
		require.ErrorContains(t, err, "200 items came, instead of 300")
	}
	lost := good
	lost.Base = srv.url + "/elsewhere"
	_, err = b.measure(t.Context(), plan{runs: 1}, lost)
	require.ErrorContains(t, err, "404")
	require.NoError(t, srv.stop())
	_, err = b.measure(t.Context(), plan{runs: 1}, good)
	require.Error(t, err)
}

// Nobody gets away with reading less.
func TestShortAnswers(t *testing.T) {
	srv := httptest.NewServer(newHandler(""))
	defer srv.Close()
	for _, client := range []string{ours, theirs, bare} {
		for _, work := range []string{"pipelines", "jobs", "report", "download"} {
			if client == bare && work == "report" {
				continue // it cannot count cases
			}
			one := task{Work: work, Client: client, Base: srv.URL + "/0s/200", Size: 200}
			_, err := works[work](t.Context(), one)
			require.NoError(t, err, "%s %s", client, work)
			one.Size = 300
			_, err = works[work](t.Context(), one)
			require.ErrorContains(t, err, "200", "%s %s", client, work)
			require.ErrorContains(t, err, "instead of 300", "%s %s", client, work)
		}
	}
	require.ErrorContains(t, came(nil, func() int { return 1 }, 2), "1 came, instead of 2")
	require.ErrorIs(t, came(io.EOF, nil, 2), io.EOF)
}

// What is kept counts, and garbage does not. Other tests leave some that goes
// meanwhile.
func TestHeapInUse(t *testing.T) {
	before := inUse()
	kept := make([]byte, 8<<20)
	require.InDelta(t, float64(before+8<<20), float64(inUse()), 3<<20)
	peak := watchHeap()
	clear(kept)
	require.GreaterOrEqual(t, peak(), uint64(8<<20))
	require.InDelta(t, float64(before), float64(inUse()), 3<<20)
}

// The pages are GitLab's: each item is there, in order, with its own numbers.
func TestPages(t *testing.T) {
	srv := httptest.NewServer(newHandler(""))
	defer srv.Close()
	client, err := newOurs(srv.URL + "/0s/300")
	require.NoError(t, err)

	n := 0
	for job, err := range client.Jobs.All(t.Context(), project, nil) {
		require.NoError(t, err)
		require.EqualValues(t, newestJob-n, job.ID)
		require.EqualValues(t, newestPipeline-n/10, job.Pipeline.ID)
		require.Equal(t, job.Commit.ID, job.Pipeline.SHA)
		require.EqualValues(t, 1_400_000+n%100, job.ArtifactsFile.Size)
		n++
	}
	require.Equal(t, 300, n)

	page, err := client.Pipelines.List(t.Context(), project, &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 100, Page: 3}})
	require.NoError(t, err)
	require.Equal(t, []int{3, 300, 3}, []int{page.Page, page.Total, page.TotalPages})
	require.Empty(t, page.Next)
	require.EqualValues(t, newestPipeline-299, page.Items[99].ID)
	require.False(t, page.Items[99].UpdatedAt.IsZero())

	n = 0
	for pipeline, err := range client.Pipelines.All(t.Context(), project, &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: 3}}) {
		require.NoError(t, err)
		require.EqualValues(t, newestPipeline-n, pipeline.ID)
		n++
	}
	require.Equal(t, 300, n)

	for _, list := range []string{"pipelines?per_page=100&page=4", "pipelines?per_page=101", "pipelines", "jobs?per_page=100", "jobs?per_page=100&pagination=keyset&cursor=" + cursor(300)} {
		resp, err := http.Get(srv.URL + "/0s/300/api/v4/projects/7/" + list)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusBadRequest, resp.StatusCode, list)
	}
}

func TestReport(t *testing.T) {
	srv := httptest.NewServer(newHandler(""))
	defer srv.Close()
	client, err := newOurs(srv.URL + "/0s/3000")
	require.NoError(t, err)
	report, err := client.Pipelines.TestReport(t.Context(), project, 1)
	require.NoError(t, err)
	require.Len(t, report.TestSuites, 3)
	failed := 0
	for _, suite := range report.TestSuites {
		require.Len(t, suite.TestCases, suite.TotalCount)
		for _, test := range suite.TestCases {
			if test.Status == gitlabci.TestFailed {
				failed++
				require.NotEmpty(t, test.SystemOutput)
			}
		}
	}
	require.Equal(t, report.FailedCount, failed)
	require.Equal(t, 3000, report.TotalCount)
}

// An archive is the same bytes, whichever part of it is asked for.
func TestArtifacts(t *testing.T) {
	const size = 3<<20 + 5
	srv := httptest.NewServer(newHandler(""))
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

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"12.3 s":                   duration(12.345),
		"1.00 s":                   duration(1),
		"999 ms":                   duration(0.999),
		"5.20 µs":                  duration(5.2e-6),
		"120 ns":                   duration(1.2e-7),
		"1234 s":                   duration(1234),
		"16.0 MiB":                 mebibytes(int64(16 << 20)),
		"unknown":                  mebibytes(int64(0)),
		"1,000,000":                thousands(1_000_000),
		"999":                      thousands(999),
		"2.00 s (1.00 s – 3.00 s)": results{{Seconds: 3}, {Seconds: 1}, {Seconds: 2}}.time(),
		"1.50 s":                   results{{Seconds: 1.5}}.time(),
	} {
		require.Equal(t, want, got)
	}
}

func TestMost(t *testing.T) {
	runs := results{{Heap: 3, Early: 1, Late: 2, Resident: 9}, {Heap: 5, Early: 2, Late: 1, Resident: 8}}
	require.Equal(t, result{Heap: 5, Early: 2, Late: 2, Resident: 9}, runs.most())
}

// A run says where it is worse, and which figures it misses.
func TestVerdicts(t *testing.T) {
	b := &bench{}
	b.figures.head("Work", "To reach", "Measured", "Reached")
	require.Contains(t, b.summary(), "In none of the rows below by more than 1%.")
	require.NotContains(t, b.summary(), "Figures to reach")
	b.compare("Equal", 1, 1, "")
	b.compare("Slow", 3, 2, "It looks twice.")
	b.compareTimes("Noise", results{{Seconds: 2}, {Seconds: 3}}, results{{Seconds: 1}, {Seconds: 2}}, "")
	b.compareTimes("Late", results{{Seconds: 3}, {Seconds: 4}}, results{{Seconds: 1}, {Seconds: 2}}, "It sleeps.")
	b.figure("one", "≤ 2", "1", true)
	b.figure("two", "≤ 2", "3", false)
	text := b.summary()
	require.Contains(t, text, "- Slow: 1.50 times as much as client-go. It looks twice.\n")
	require.NotContains(t, text, "Equal")
	require.Contains(t, text, "- Noise: 1.50 times as much as client-go. The runs overlap: 2.00 s was the fastest of gitlabci, 2.00 s the slowest of client-go.\n")
	require.Contains(t, text, "- Late: 2.00 times as much as client-go. It sleeps.\n")
	require.Contains(t, text, "| one | ≤ 2 | 1 | yes |\n| two | ≤ 2 | 3 | **no** |\n")
}
