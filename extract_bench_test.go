package gitlabci_test

import (
	"archive/zip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// benchWords is text that deflates as source code and logs do.
func benchWords(size int, draw *rand.Rand) []byte {
	var words [4000]string
	for i := range words {
		word := make([]byte, 2+draw.IntN(9))
		for j := range word {
			word[j] = byte('a' + draw.IntN(26))
		}
		words[i] = string(word)
	}
	text := make([]byte, 0, size+16)
	for len(text) < size {
		text = append(text, words[draw.IntN(1+draw.IntN(1+draw.IntN(len(words))))]...)
		text = append(text, " \n(="[draw.IntN(4)])
	}
	return text[:size]
}

// benchArchive writes an archive of files, that have size bytes together, and
// returns where it is.
func benchArchive(b *testing.B, files, size int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "artifacts.zip")
	out, err := os.Create(path)
	require.NoError(b, err)
	w := zip.NewWriter(out)
	text := benchWords(16<<20, rand.New(rand.NewPCG(1, 2)))
	for i := range files {
		file, err := w.Create(fmt.Sprintf("build/dir%02d/sub%02d/file%05d.txt", i%20, i/20%20, i))
		require.NoError(b, err)
		for left := size / files; left > 0; {
			at := i * 7919 % (len(text) / 2)
			n, err := file.Write(text[at:min(at+left, len(text))])
			require.NoError(b, err)
			left -= n
		}
	}
	require.NoError(b, w.Close())
	require.NoError(b, out.Close())
	return path
}

// BenchmarkExtract extracts 500 MB beside unzip, which has the archive on its
// disk while ours comes over a connection, and tells how many times as long
// unzip takes.
func BenchmarkExtract(b *testing.B) {
	unzip, err := exec.LookPath("unzip")
	if err != nil {
		b.Skip("there is no unzip to compare with")
	}
	for _, files := range []int{10_000, 20} {
		b.Run(fmt.Sprintf("%d files", files), func(b *testing.B) {
			path := benchArchive(b, files, 500_000_000)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) }))
			defer server.Close()
			client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server.URL))
			require.NoError(b, err)
			var ours, theirs time.Duration
			timed := func(do func(dir string)) time.Duration {
				dir := filepath.Join(b.TempDir(), "out")
				start := time.Now()
				do(dir)
				took := time.Since(start)
				require.NoError(b, os.RemoveAll(dir))
				return took
			}
			for b.Loop() {
				ours += timed(func(dir string) {
					result, err := client.Artifacts.Extract(b.Context(), "group/app", gitlabci.JobID(7), dir, nil)
					require.NoError(b, err)
					require.Len(b, result.Files, files)
				})
				theirs += timed(func(dir string) {
					command := exec.CommandContext(b.Context(), unzip, "-q", path, "-d", dir)
					command.Stderr = io.Discard
					require.NoError(b, command.Run())
				})
			}
			b.ReportMetric(float64(ours)/float64(b.N)/1e9, "s-ours")
			b.ReportMetric(float64(theirs)/float64(b.N)/1e9, "s-unzip")
			b.ReportMetric(float64(theirs)/float64(ours), "x")
		})
	}
}
