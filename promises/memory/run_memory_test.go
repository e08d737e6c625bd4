package memory_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// hostileLog serves a log of 9 MiB with 10,000 sections of 240 options each. It
// calls look from time to time while it is read.
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

// manyFailed serves a pipeline whose jobs have all failed with the same log.
func manyFailed(jobs int, log http.HandlerFunc) *testkit.Script {
	var all []string
	for i := range jobs {
		all = append(all, fmt.Sprintf(`{"id":%d,"name":"j%[1]d","status":"failed","started_at":"2026-01-01T00:00:00Z","pipeline":{"id":7,"status":"failed"}}`, i+1))
	}
	return testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		id, err := strconv.Atoi(last)
		switch {
		case r.Method == http.MethodPost:
			testkit.Respond(201, `{"id":7,"status":"created"}`)(w, r)
		case last == "trace":
			log(w, r)
		case last == "bridges":
			testkit.Rows()(w, r)
		case last == "jobs":
			testkit.Rows(all...)(w, r)
		case err == nil && strings.Contains(r.URL.Path, "/jobs/"):
			testkit.Respond(200, all[id-1])(w, r)
		default:
			testkit.Respond(200, `{"id":7,"status":"failed"}`)(w, r)
		}
	})
}

// Run reads the logs of many failed jobs in little memory, whatever is in them.
func TestRunMemory(t *testing.T) {
	memorySkip(t)
	synctest.Test(t, func(t *testing.T) {
		var reading, most, peak atomic.Int64
		log := hostileLog(func() {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			peak.Store(max(peak.Load(), int64(stats.HeapAlloc)))
		})
		s := manyFailed(16, func(w http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), reading.Add(1)))
			defer reading.Add(-1)
			log(w, r)
		})
		defer debug.SetGCPercent(debug.SetGCPercent(20)) // or garbage would pile up in proportion to what other tests hold
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		result, err := s.Client(t).Pipelines.Run(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		require.Len(t, result.Failed, 16)
		for _, failure := range result.Failed {
			require.NoError(t, failure.Err)
			require.Equal(t, []string{"error: no"}, failure.Lines)
		}
		require.NotZero(t, peak.Load())
		require.Less(t, peak.Load()-int64(before.HeapAlloc), int64(64<<20))
		require.LessOrEqual(t, most.Load(), int64(4))
	})
}
