package follow_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/memnet"
)

// A meter counts the bytes of all responses, as the server sends them.
type meter struct {
	next http.Handler
	sent atomic.Int64
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.next.ServeHTTP(&meteredWriter{w, m}, r)
}

type meteredWriter struct {
	http.ResponseWriter
	meter *meter
}

func (w *meteredWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.meter.sent.Add(int64(n))
	return n, err
}

func (w *meteredWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// BenchmarkFollowLog follows a log that grows to 20 MB over 600 polls, and
// reports how many bytes of all responses it cost for each byte of the log.
func BenchmarkFollowLog(b *testing.B) {
	const size, polls = 20_000_000, 600
	log := strings.Repeat("[gw0] PASSED tests/test_api.py::test_pages\n", size/43+1)[:size]
	for _, server := range []struct {
		name    string
		options []gitlabcitest.Option
		most    float64
	}{
		{"byte_offset", nil, 1.05},
		{"18.11", []gitlabcitest.Option{gitlabcitest.WithVersion("18.11")}, 2 * polls},
	} {
		for _, faults := range []bool{false, true} {
			b.Run(fmt.Sprintf("server=%s/faults=%t", server.name, faults), func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					srv := gitlabcitest.NewServer(append(server.options, gitlabcitest.WithRequestLog(0))...)
					srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusRunning})
					if faults {
						addBenchmarkFaults(srv)
					}
					cost := followBenchmark(b, srv, log, polls)
					b.ReportMetric(cost, "bytes/byte")
					if !faults {
						require.LessOrEqual(b, cost, server.most)
					}
				}
			})
		}
	}
}

// addBenchmarkFaults makes a fifth of all requests fail, in ways that take no
// time.
func addBenchmarkFaults(srv *gitlabcitest.Server) {
	for i, fault := range []gitlabcitest.Fault{
		{Status: 502}, {Break: gitlabcitest.BreakResetUnanswered}, {Break: gitlabcitest.BreakResetBody, After: 10_000}, {Break: gitlabcitest.BreakTruncate, After: 20_000},
	} {
		fault.Chance, fault.Seed = 0.05, uint64(i)
		srv.Fault(fault)
	}
}

// followBenchmark lets a log grow with each poll, and returns what following it
// costs.
func followBenchmark(b *testing.B, srv *gitlabcitest.Server, log string, polls int) float64 {
	counted := &meter{next: srv}
	var network memnet.Network
	network.Handle("localhost", counted)
	client, err := gitlabci.NewClient(gitlabci.WithToken(srv.Token()), gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(network.Transport()), gitlabci.WithRetries(0))
	require.NoError(b, err)
	rest, part := log, len(log)/polls+1
	grow := func(gitlabci.FollowPoll) {
		if rest == "" {
			return
		}
		srv.AppendLog(1, rest[:min(part, len(rest))])
		if rest = rest[min(part, len(rest)):]; rest == "" {
			srv.SetJobStatus(1, gitlabci.StatusSuccess)
		}
	}
	var out bytes.Buffer
	out.Grow(len(log))
	_, err = client.Jobs.FollowLog(b.Context(), "group/app", 1, &out, &gitlabci.FollowOptions{MinInterval: 1, MaxInterval: 1, Poll: grow})
	require.NoError(b, err)
	require.True(b, log == out.String())
	return float64(counted.sent.Load()) / float64(len(log))
}
