package gitlabci_test

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

var watchPipelines = flag.Int("watch.pipelines", 200, "how many BenchmarkWatch watches")

func TestWatchCost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { watchMany(t, 1).require(t) })
}

// BenchmarkWatch prints what it costs to watch pipelines of 50 jobs for an hour. Only a test has a bubble in which an hour passes at once, so it runs one.
func BenchmarkWatch(b *testing.B) {
	var cost watchCost
	all := func(_, _ string) (bool, error) { return true, nil }
	for b.Loop() {
		passed := testing.RunTests(all, []testing.InternalTest{{Name: "watch", F: func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cost = watchMany(t, *watchPipelines)
				cost.require(t)
			})
		}}})
		require.True(b, passed)
	}
	pipelines := float64(*watchPipelines)
	b.ReportMetric(cost.perPoll(), "requests/poll")
	b.ReportMetric(float64(cost.requests.Load())/pipelines, "requests/pipeline")
	b.ReportMetric(cost.watched.Seconds()*pipelines/float64(cost.polls.Load()), "s/poll")
	b.ReportMetric(float64(cost.events.Load())/pipelines, "events/pipeline")
	b.ReportMetric(0, "ns/op") // of a fake server
}

// A watchCost is what watching some pipelines took.
type watchCost struct {
	requests, polls, events *atomic.Int64
	watched                 time.Duration
}

func (c watchCost) perPoll() float64 { return float64(c.requests.Load()) / float64(c.polls.Load()) }

func (c watchCost) require(t *testing.T) {
	require.Less(t, c.perPoll(), 1.2)
	require.InDelta(t, time.Hour, c.watched, float64(5*time.Minute))
}

// watchMany watches n pipelines with 5 stages of 10 jobs, which take an hour.
func watchMany(t *testing.T, n int) watchCost {
	srv := gitlabcitest.NewServer(gitlabcitest.WithRequestLog(0))
	cost := watchCost{requests: new(atomic.Int64), polls: new(atomic.Int64), events: new(atomic.Int64)}
	client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnResponse: func(info gitlabci.RequestInfo, r *http.Response, _ error) {
		cost.requests.Add(1)
		if info.Attempt == 1 && strings.HasSuffix(info.Endpoint, "/jobs") && !r.Request.URL.Query().Has("page") {
			cost.polls.Add(1)
		}
	}}))
	start := time.Now()
	var all sync.WaitGroup
	for i := range n {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for j := range 50 {
			takes := 12*time.Minute - time.Duration((7*i+13*j)%50)*5*time.Second
			p.AddJob(gitlabcitest.Job{Name: fmt.Sprint(j), Stage: fmt.Sprint(j / 10), Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: takes}})
		}
		all.Go(func() {
			for _, err := range client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil) {
				if err != nil {
					t.Error(err)
				}
				cost.events.Add(1)
			}
		})
	}
	all.Wait()
	cost.watched = time.Since(start)
	return cost
}
