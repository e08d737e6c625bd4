package promises_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

var (
	soakCalls = flag.Int("soak.calls", testkit.Fewer(1200), "how many calls TestSoak makes")
	soakSeed  = flag.Uint64("soak.seed", 1, "what the faults and calls of TestSoak are drawn from")
)

const soakWorkers = 64

// TestSoak lets many goroutines call one client while a fifth of all requests
// goes wrong, and compares what the client says with what the server did.
func TestSoak(t *testing.T) { // alone, since it measures the heap
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t)
		var workers sync.WaitGroup
		for n := range soakWorkers {
			workers.Go(func() { s.work(t, n) })
		}
		workers.Wait()
		s.wire.CloseIdleConnections()
		s.report(t)
	})
}

// A soak is a server whose responses go wrong, a client, and the result.
type soak struct {
	srv     *gitlabcitest.Server
	wire    *http.Transport
	client  *gitlabci.Client
	calls   atomic.Int64 // begun
	heap    [2]uint64    // bytes after a quarter of the calls, and after all
	sampled atomic.Bool

	mu     sync.Mutex
	counts map[string]*soakCount // by method
}

// A soakCount is what came of the calls of one method.
type soakCount struct {
	calls, tries, faults, failed, unknown int
	twice, untrue, needless               int // what must not be
	effects                               int
}

func newSoak(t *testing.T) *soak {
	s := &soak{srv: gitlabcitest.NewServer(gitlabcitest.WithRequestLog(0)), counts: map[string]*soakCount{}}
	files := fstest.MapFS{"report.txt": {Data: []byte("all is well")}}
	s.srv.OnCreate("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed},
		gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed, Log: "$ make\n", Artifacts: files, ArtifactsExpireAt: time.Now().Add(1e6 * time.Hour)},
		gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual})
	for n := range soakWorkers {
		s.srv.AddRef("group/app", gitlabcitest.Ref{Name: soakRef(n)})
	}
	for i, route := range soakRoutes() {
		for j, fault := range soakFaults() {
			fault.Route, fault.Seed = route, *soakSeed+uint64(100*i+j)
			s.srv.Fault(fault)
		}
	}
	s.wire = s.srv.Transport().(*http.Transport)
	s.wire.DisableKeepAlives, s.wire.MaxIdleConnsPerHost = false, soakWorkers // 200,000 connections take their time
	s.client = s.srv.Client(gitlabci.WithTransport(&soakTransport{s.wire}))
	return s
}

func soakRef(worker int) string { return fmt.Sprintf("worker-%d", worker) }

// soakRoutes are those of the calls. The lists by which the truth is found are
// not among them.
func soakRoutes() []string {
	const p, j = "/projects/:id/pipelines/:pipeline_id", "/projects/:id/jobs/:job_id"
	return []string{
		"POST /projects/:id/pipeline", "GET " + p, "POST " + p + "/cancel", "PUT " + p + "/metadata", "DELETE " + p,
		"GET " + j, "GET " + j + "/trace", "POST " + j + "/retry", "POST " + j + "/play", "POST " + j + "/erase",
		"DELETE " + j + "/artifacts", "GET /projects/:id/jobs",
	}
}

// soakFaults hit a fifth of all requests.
func soakFaults() []gitlabcitest.Fault {
	second := http.Header{"Retry-After": {"1"}}
	return []gitlabcitest.Fault{
		{Chance: 0.06, Status: 502},
		{Chance: 0.03, Status: 504, Executed: true},
		{Chance: 0.03, Break: gitlabcitest.BreakResetUnread},
		{Chance: 0.03, Break: gitlabcitest.BreakResetUnanswered},
		{Chance: 0.03, Break: gitlabcitest.BreakResetUnanswered, Executed: true},
		{Chance: 0.03, Break: gitlabcitest.BreakResetBody},
		{Chance: 0.015, Status: 429, Body: gitlabcitest.BodyActionLimited, Header: second},
		{Chance: 0.005, Status: 409, Body: `{"message":"409 Conflict: Resource lock"}`},
		{Chance: 0.002, Break: gitlabcitest.BreakStallHeader},
	}
}

// A soakCall is one call, as its requests see it.
type soakCall struct{ tries, faults atomic.Int64 }

type soakKey struct{}

// A soakTransport counts the requests of a call and those that went wrong.
type soakTransport struct{ next http.RoundTripper }

func (s *soakTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	c, counted := r.Context().Value(soakKey{}).(*soakCall)
	if !counted {
		return resp, err
	}
	c.tries.Add(1)
	if err != nil || resp.StatusCode == 409 || resp.StatusCode == 429 || resp.StatusCode >= 500 {
		c.faults.Add(1)
	}
	if err == nil {
		resp.Body = &soakBody{resp.Body, c}
	}
	return resp, err
}

type soakBody struct {
	io.ReadCloser
	call *soakCall
}

func (b *soakBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.call.faults.Add(1)
	}
	return n, err
}

// work makes pipelines and deletes them again, with calls of all kinds between.
func (s *soak) work(t *testing.T, n int) {
	draw := rand.New(rand.NewPCG(*soakSeed, uint64(n)))
	for s.calls.Load() < int64(*soakCalls) {
		for _, p := range s.create(t, n) {
			for range 30 {
				p.change(t, draw)
			}
			p.remove(t)
		}
		s.sample()
	}
}

// sample measures the heap after a quarter of the calls, when all is warm.
func (s *soak) sample() {
	if s.calls.Load() > int64(*soakCalls)/4 && s.sampled.CompareAndSwap(false, true) {
		s.heap[0] = heapNow()
	}
}

func heapNow() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// count adds up one call. It had so many effects on the server; -1 is for
// calls whose repeating changes nothing.
func (s *soak) count(method string, c *soakCall, err error, effects, budget int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts[method] == nil {
		s.counts[method] = &soakCount{}
	}
	n := s.counts[method]
	unknown := errors.Is(err, gitlabci.ErrOutcomeUnknown)
	add := func(to *int, holds bool) {
		if holds {
			*to++
		}
	}
	n.calls++
	n.tries += int(c.tries.Load())
	n.faults += int(c.faults.Load())
	n.effects += max(effects, 0)
	add(&n.failed, err != nil)
	add(&n.unknown, unknown)
	add(&n.twice, effects > 1)
	add(&n.untrue, err == nil && effects == 0 || err != nil && !unknown && effects > 0)
	add(&n.needless, err != nil && int(c.faults.Load()) < budget)
}

func (s *soak) call(do func(context.Context) error) (*soakCall, error) {
	s.calls.Add(1)
	c := new(soakCall)
	return c, do(context.WithValue(context.Background(), soakKey{}, c))
}

// report prints what came of it, and fails if anything was that must not be.
func (s *soak) report(t *testing.T) {
	s.heap[1] = heapNow()
	var table strings.Builder
	fmt.Fprintf(&table, "%-22s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "method", "calls", "requests", "faults", "effects", "failed", "unknown", "twice", "untrue", "needless")
	var sum soakCount
	for _, method := range testkit.SortedKeys(s.counts) {
		n := s.counts[method]
		fmt.Fprintf(&table, "%-22s %8d %8d %8d %8d %8d %8d %8d %8d %8d\n", method, n.calls, n.tries, n.faults, n.effects, n.failed, n.unknown, n.twice, n.untrue, n.needless)
		sum.calls, sum.tries, sum.faults = sum.calls+n.calls, sum.tries+n.tries, sum.faults+n.faults
		sum.twice, sum.untrue, sum.needless = sum.twice+n.twice, sum.untrue+n.untrue, sum.needless+n.needless
	}
	t.Logf("\n%s%d calls, %.1f%% of %d requests went wrong; heap %.1f MiB, at the end %.1f MiB",
		table.String(), sum.calls, 100*float64(sum.faults)/float64(sum.tries), sum.tries, float64(s.heap[0])/(1<<20), float64(s.heap[1])/(1<<20))
	require.GreaterOrEqual(t, sum.calls, *soakCalls)
	require.Greater(t, 5*sum.faults, 4*sum.tries/5, "too little went wrong to prove anything")
	require.Zero(t, sum.twice, "done twice")
	require.Zero(t, sum.untrue, "done and reported as not done, or the other way round")
	require.Zero(t, sum.needless, "failed with tries left")
	require.Less(t, s.heap[1], s.heap[0]+(8<<20), "the heap grew")
}
