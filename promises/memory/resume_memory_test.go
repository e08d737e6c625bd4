package memory_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// memoryCut serves that many MiB, from the start of the range, with a strong ETag as
// GitLab and storages do. Every body is cut after cut MiB; 0 is never.
func memoryCut(mebibytes, cut int) http.HandlerFunc {
	size := int64(mebibytes) << 20
	return func(w http.ResponseWriter, r *http.Request) {
		at, status := int64(0), http.StatusOK
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &at); err == nil && r.Header.Get("If-Range") == `"sum"` {
			status = http.StatusPartialContent
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, size-1, size))
		}
		for name, value := range map[string]string{"Content-Type": "application/zip", "ETag": `"sum"`, "Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(size - at)} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		for end := at + int64(cut)<<20; at < size; {
			if cut > 0 && at >= end {
				panic(http.ErrAbortHandler)
			}
			n, err := w.Write(memoryPattern[at%(1<<20):])
			if err != nil {
				return
			}
			at += int64(n)
		}
	}
}

// Resuming a download keeps nothing of it in memory.
func TestResumedDownloadResidentMemory(t *testing.T) {
	memorySkip(t)
	t.Parallel()
	require.Less(t, memoryDownload(t, 64, memoryCut(64, 24)), int64(memoryPeak))
}

// BenchmarkMendedDownloadRSS prints the peak resident memory of a process that
// does nothing but download 1 GiB, of which 50 MiB come at a time.
func BenchmarkMendedDownloadRSS(b *testing.B) {
	memorySkip(b)
	const mebibytes = 1024
	b.SetBytes(mebibytes << 20)
	peak := int64(0)
	for b.Loop() {
		peak = max(peak, memoryDownload(b, mebibytes, memoryCut(mebibytes, 50)))
	}
	b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
	if peak >= memoryPeak {
		b.Errorf("%d bytes were resident, and %d are too many", peak, memoryPeak)
	}
}

// BenchmarkDownload is a download of 256 MiB beside a bare io.Copy of the same
// response.
func BenchmarkDownload(b *testing.B) {
	const mebibytes = 256
	download := func(server string) (int64, error) {
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server), gitlabci.WithToken(testkit.Token))
		if err != nil {
			return 0, err
		}
		return client.Artifacts.Download(b.Context(), "group/app", gitlabci.JobID(7), struct{ io.Writer }{io.Discard}, nil)
	}
	bare := func(server string) (int64, error) {
		resp, err := http.Get(server)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		return io.Copy(struct{ io.Writer }{io.Discard}, resp.Body)
	}
	for _, way := range []struct {
		name    string
		handler http.HandlerFunc
		do      func(server string) (int64, error)
	}{
		{"io.Copy", memoryCut(mebibytes, 0), bare},
		{"Download", memoryCut(mebibytes, 0), download},
	} {
		b.Run(way.name, func(b *testing.B) {
			server := httptest.NewUnstartedServer(way.handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			defer server.Close()
			b.SetBytes(mebibytes << 20)
			for b.Loop() {
				n, err := way.do(server.URL)
				require.NoError(b, err)
				require.EqualValues(b, mebibytes<<20, n)
			}
		})
	}
}
