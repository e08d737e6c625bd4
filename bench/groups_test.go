//go:build !race

package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit/light"
)

// Each group works, at a scale that says nothing about its figures. A run tries two of them,
// or one under the race detector, where all would take a minute.
func TestGroups(t *testing.T) {
	want := map[string][]string{
		"lists":    {"### 400 pipelines, by page number", "### 400 jobs of a project, by cursor", "| 2ms | busy |", "≤ 1/6 of client-go's time", "≤ 0.5 of client-go's time"},
		"decode":   {"### A gzipped page of 100 jobs of one pipeline", "gitlabci, TestCases", "### A page of 100 jobs", "### A call that gets one small job", "≥ 5× client-go's throughput", "≤ 1.10× client-go's time"},
		"memory":   {"### 1,000 jobs of a project", "### A test report of 2,000 cases", "| 1,000 jobs of a project, by cursor, heap |", "client-go, Scan2, 500"},
		"download": {"### An archive of 1.00 MiB\n", "≤ 16 MiB", "≤ 1.10× a bare io.Copy", "### An archive of 1.00 MiB to a file", "≤ 1.05× a bare io.Copy", "saved and synced"},
		"network":  {"### HTTP/1.1 with TLS", "### HTTP/2 with TLS", "| 400 pipelines, page by page |", "### An archive of 1.00 MiB in a slow storage", "≥ 3× as fast as one"},
		"archives": {"### One file of 10 kB out of 4.00 MiB with 100 files", "### Extract 100 files, 2 MB", "| archive/zip | ", "≤ 2 MiB, ≤ 3 requests"},
		"watch":    {"### 50 watched pipelines", "≤ 64 MiB", "| Watch, with events | ", "requests a poll"},
		"size":     {"- `example.com/gitlabci`\n", "| net/http |", "≤ 7.0 MB"},
	}
	require.ElementsMatch(t, names(), slices.Collect(maps.Keys(want)))
	some := 2
	if light.UnderRace() {
		some = 1
	}
	for _, name := range slices.Concat(light.OneOf(slices.Collect(slices.Chunk(names(), some)))...) {
		parts := want[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "found.md")
			var progress strings.Builder
			require.NoError(t, run(t.Context(), []string{"-quick", "-only", name, "-o", file}, io.Discard, &progress), "%s", &progress)
			found, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, text := range append(parts, "`go run ./bench -quick -only "+name, "| client-go | ", "| gitlabci | ", "## Where client-go is better") {
				require.Contains(t, string(found), text)
			}
			for other, parts := range want {
				require.Equal(t, other == name, strings.Contains(string(found), parts[0]), other)
			}
		})
	}
}
