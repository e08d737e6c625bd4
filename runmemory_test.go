package gitlabci_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// hostileLog is a log of 9 MiB with 10,000 sections of 240 options each. It
// calls look now and then while it is read.
func hostileLog(look func()) http.HandlerFunc {
	var options []string
	for i := range 240 {
		options = append(options, fmt.Sprintf("%02x", i))
	}
	section := "section_start:1:a[" + strings.Join(options, ",") + "]\r\x1b[0KHead\nsection_end:2:a\r\x1b[0K\n"
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := range 10_000 {
			io.WriteString(w, section)
			if i%500 == 0 {
				look()
			}
		}
		io.WriteString(w, "error: no\nERROR: Job failed: exit code 1\n")
	}
}

// Run reads the logs of many failed jobs, whatever is in them, in little memory.
func TestRunMemory(t *testing.T) {
	const jobs = 16
	synctest.Test(t, func(t *testing.T) {
		var peak atomic.Uint64
		var reading, most atomic.Int64
		look := func() {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			for old := peak.Load(); stats.HeapAlloc > old && !peak.CompareAndSwap(old, stats.HeapAlloc); old = peak.Load() {
			}
		}
		log := hostileLog(look)
		var all []string
		for i := range jobs {
			all = append(all, fmt.Sprintf(`{"id":%d,"name":"j%[1]d","status":"failed","started_at":"2026-01-01T00:00:00Z","pipeline":{"id":7,"status":"failed"}}`, i+1))
		}
		s := newScript(func(w http.ResponseWriter, r *http.Request) {
			var id int
			switch {
			case r.Method == http.MethodPost:
				answer(201, `{"id":7,"status":"created"}`)(w, r)
			case strings.HasSuffix(r.URL.Path, "/trace"):
				most.Store(max(most.Load(), reading.Add(1)))
				defer reading.Add(-1)
				log(w, r)
			case strings.HasSuffix(r.URL.Path, "/bridges"):
				rows()(w, r)
			case strings.HasSuffix(r.URL.Path, "/pipelines/7/jobs"):
				rows(all...)(w, r)
			case strings.Contains(r.URL.Path, "/jobs/"):
				fmt.Sscanf(r.URL.Path[strings.LastIndex(r.URL.Path, "/"):], "/%d", &id)
				answer(200, all[id-1])(w, r)
			default:
				answer(200, `{"id":7,"status":"failed"}`)(w, r)
			}
		})
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		result, err := s.client(t).Pipelines.Run(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		require.Len(t, result.Failed, jobs)
		for _, failure := range result.Failed {
			require.NoError(t, failure.Err)
			require.Equal(t, []string{"error: no"}, failure.Lines)
		}
		require.NotZero(t, peak.Load())
		require.Less(t, int64(peak.Load())-int64(before.HeapAlloc), int64(64<<20))
		require.LessOrEqual(t, most.Load(), int64(4))
	})
}
