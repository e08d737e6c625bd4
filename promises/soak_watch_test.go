package promises_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

var (
	watchRuns = flag.Int("watch.runs", testkit.Fewer(2), "how many pipelines TestWatchProperty watches")
	watchSeed = flag.Uint64("watch.seed", 1, "what the first one is drawn from; each further one adds 1")
)

// TestWatchProperty watches pipelines of about an hour that are drawn at
// random, while someone retries, plays and cancels, and a fifth of all requests
// goes wrong. The events are compared with the server's state.
func TestWatchProperty(t *testing.T) {
	t.Parallel()
	for n := range uint64(*watchRuns) {
		synctest.Test(t, func(t *testing.T) {
			trial := newWatchTrial(*watchSeed + n)
			ctx, cancel := context.WithCancel(t.Context())
			var others sync.WaitGroup
			others.Go(func() { trial.meddle(ctx) })
			trial.watch(t)
			cancel()
			others.Wait()
			if t.Failed() {
				t.Fatalf("-watch.runs=1 -watch.seed=%d", *watchSeed+n)
			}
		})
	}
}

// A watchTrial is a pipeline, its state at each request, and the events of Watch.
type watchTrial struct {
	srv        *gitlabcitest.Server
	network    memnet.Network
	random     *rand.Rand
	pipeline   gitlabci.PipelineID
	downstream bool

	meddled atomic.Int64 // how often something was changed from outside

	mu       sync.Mutex
	noted    moment // when the truth was last
	truth    map[string][]witness
	reported map[string][]gitlabci.Status // by "job 1001"
}

// A moment is a time, and how much was changed from outside by then. Nothing changes within
// one.
type moment struct {
	at      time.Time
	meddled int64
}

// A witness is a status that something had for a time.
type witness struct {
	status      gitlabci.Status
	first, last time.Time
}

func newWatchTrial(seed uint64) *watchTrial {
	w := &watchTrial{
		srv:    gitlabcitest.NewServer(gitlabcitest.WithRequestLog(0)),
		random: rand.New(rand.NewPCG(seed, 0)),
		truth:  map[string][]witness{}, reported: map[string][]gitlabci.Status{},
	}
	w.network.Handle("localhost", w)
	w.downstream = w.random.IntN(3) == 0
	p := w.srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	w.pipeline = p.ID
	for stage := range 2 + w.random.IntN(2) {
		for range 1 + w.random.IntN(3) {
			p.AddJob(w.job(stage))
		}
		if w.downstream && stage > 0 {
			p.AddJob(gitlabcitest.Job{Name: "child", Stage: fmt.Sprint(stage), Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
				Jobs: []gitlabcitest.Job{w.job(0), w.job(1)}, Depend: w.chance(2),
			}})
		}
	}
	for i, route := range []string{"/jobs", "/bridges", ""} {
		for j, fault := range soakFaults() {
			fault.Route, fault.Seed = "GET /projects/:id/pipelines/:pipeline_id"+route, seed+uint64(100*i+j)
			w.srv.Fault(fault)
		}
	}
	return w
}

func (w *watchTrial) chance(oneIn int) bool { return w.random.IntN(oneIn) == 0 }

func (w *watchTrial) upTo(most time.Duration) time.Duration {
	return time.Duration(w.random.Int64N(int64(most)))
}

func (w *watchTrial) job(stage int) gitlabcitest.Job {
	job := gitlabcitest.Job{
		Name: fmt.Sprint("job", w.random.IntN(1000)), Stage: fmt.Sprint(stage), Status: gitlabci.StatusCreated,
		Script: w.script(), Retries: []gitlabcitest.Script{w.script(), w.script()}, AllowFailure: w.chance(5),
	}
	switch w.random.IntN(10) {
	case 0:
		job.When = gitlabcitest.WhenManual
	case 1:
		job.StartIn = w.upTo(10 * time.Minute)
	case 2:
		job.When = gitlabcitest.WhenAlways
	case 3:
		job.When = gitlabcitest.WhenOnFailure
	}
	return job
}

func (w *watchTrial) script() gitlabcitest.Script {
	s := gitlabcitest.Script{Queues: w.upTo(3 * time.Minute), Runs: w.upTo(25 * time.Minute)}
	if w.chance(3) {
		s.Result = gitlabci.StatusFailed
	}
	if w.chance(2) {
		s.Cancels = w.upTo(2 * time.Minute)
	}
	if w.chance(5) {
		s.WaitsForResource, s.Prepares = w.upTo(time.Minute), w.upTo(time.Minute)
	}
	return s
}

// ServeHTTP writes down what is true whenever a client asks.
func (w *watchTrial) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	if now := (moment{time.Now(), w.meddled.Load()}); now != w.noted {
		for _, one := range w.state() {
			w.note(one.name, one.status)
		}
		w.noted = now
	}
	w.mu.Unlock()
	w.srv.ServeHTTP(rw, r)
}

func (w *watchTrial) note(name string, status gitlabci.Status) {
	known, now := w.truth[name], time.Now()
	if len(known) > 0 && known[len(known)-1].status == status {
		known[len(known)-1].last = now
		return
	}
	w.truth[name] = append(known, witness{status, now, now})
}

type watchedObject struct {
	name     string
	status   gitlabci.Status
	id       gitlabci.JobID
	pipeline gitlabci.Status // of a job
}

// state asks the server by routes that nothing goes wrong with.
func (w *watchTrial) state() (things []watchedObject) {
	type row struct {
		ID       gitlabci.JobID
		Status   gitlabci.Status
		Pipeline struct {
			ID     gitlabci.PipelineID
			Status gitlabci.Status
		}
	}
	var jobs, triggers []row
	w.ask("jobs", &jobs)
	if w.downstream {
		w.ask(fmt.Sprintf("pipelines/%d/trigger_jobs", w.pipeline), &triggers)
	}
	pipelines := map[string]gitlabci.Status{}
	for _, job := range slices.Concat(jobs, triggers) {
		if w.downstream || job.Pipeline.ID == w.pipeline {
			pipelines[fmt.Sprint("pipeline ", job.Pipeline.ID)] = job.Pipeline.Status
			things = append(things, watchedObject{fmt.Sprint("job ", job.ID), job.Status, job.ID, job.Pipeline.Status})
		}
	}
	for name, status := range pipelines {
		things = append(things, watchedObject{name: name, status: status})
	}
	return things
}

func (w *watchTrial) ask(what string, response any) {
	r := httptest.NewRequest(http.MethodGet, gitlabcitest.URL+"/api/v4/projects/group%2Fapp/"+what+"?per_page=100", nil)
	r.Header.Set("PRIVATE-TOKEN", w.srv.Token())
	recorder := httptest.NewRecorder()
	w.srv.ServeHTTP(recorder, r)
	if err := json.Unmarshal(recorder.Body.Bytes(), response); err != nil {
		panic(err)
	}
}

// meddle retries, plays and cancels now and then, and finally plays all that is manual. It
// revives nothing that was finished for Watch.
func (w *watchTrial) meddle(ctx context.Context) {
	client, random, end := w.srv.Client(), rand.New(rand.NewPCG(w.random.Uint64(), 1)), time.Now().Add(time.Hour)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second + time.Duration(random.Int64N(int64(5*time.Minute)))):
		}
		for _, one := range w.state() {
			if one.id == 0 || one.pipeline.Finished() {
				continue
			}
			w.meddled.Add(1)
			late := time.Now().After(end)
			switch {
			case one.status == gitlabci.StatusManual && (late || random.IntN(3) == 0):
				client.Jobs.Play(ctx, "group/app", one.id, nil)
			case !late && one.status.Finished() && random.IntN(15) == 0: // superseded ones are refused
				client.Jobs.Retry(ctx, "group/app", one.id, nil)
			case one.status.Active() && random.IntN(100) == 0:
				client.Jobs.Cancel(ctx, "group/app", one.id, nil)
			}
		}
		if random.IntN(50) == 0 {
			client.Pipelines.Cancel(ctx, "group/app", w.pipeline)
		}
		w.meddled.Add(1)
	}
}

func (w *watchTrial) watch(t *testing.T) {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithToken(w.srv.Token()),
		gitlabci.WithTransport(w.network.Transport()))
	require.NoError(t, err)
	for event, err := range client.Pipelines.Watch(t.Context(), "group/app", w.pipeline, &gitlabci.WatchOptions{Downstream: w.downstream}) {
		require.NoError(t, err)
		w.judge(t, event)
	}
	for _, one := range w.state() {
		reported := w.reported[one.name]
		require.NotEmpty(t, reported, one.name)
		require.Equal(t, one.status, reported[len(reported)-1], "the last status of %s", one.name)
		require.False(t, one.status.Active(), "%s is %s", one.name, one.status)
	}
	for name, statuses := range w.truth {
		for _, one := range statuses {
			if one.last.Sub(one.first) > 5*time.Minute {
				require.Contains(t, w.reported[name], one.status, "%s had that for %v", name, one.last.Sub(one.first))
			}
		}
	}
}

// judge requires that an event continues the one before, and that what it says was true
// since then.
func (w *watchTrial) judge(t *testing.T, e *gitlabci.PipelineEvent) {
	require.NoError(t, e.Err)
	name := fmt.Sprint("pipeline ", e.Pipeline.ID)
	switch {
	case e.Job != nil:
		name = fmt.Sprint("job ", e.Job.ID)
	case e.TriggerJob != nil:
		name = fmt.Sprint("job ", e.TriggerJob.ID)
	}
	reported := w.reported[name]
	previous := gitlabci.Status("")
	if len(reported) > 0 {
		previous = reported[len(reported)-1]
	}
	require.Equal(t, previous, e.Previous, name)
	require.NotEqual(t, e.Previous, e.Status, name)
	w.reported[name] = append(reported, e.Status)
	w.mu.Lock()
	defer w.mu.Unlock()
	require.True(t, passed(w.truth[name], w.reported[name]), "%s was reported as %v, and was %v", name, w.reported[name], w.truth[name])
}

// passed reports whether something had these statuses in this order.
func passed(had []witness, reported []gitlabci.Status) bool {
	for _, status := range reported {
		place := slices.IndexFunc(had, func(one witness) bool { return one.status == status })
		if place < 0 {
			return false
		}
		had = had[place+1:]
	}
	return true
}
