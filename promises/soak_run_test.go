package promises_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

var (
	runRuns = flag.Int("run.runs", 1, "how many pipelines TestRunProperty runs")
	runSeed = flag.Uint64("run.seed", 3+rand.Uint64N(2), "what the first one is drawn from, 3 or 4 by default; each further one adds 1") // of which 4 has jobs downstream
)

// TestRunProperty runs pipelines that are drawn at random, while someone retries
// and cancels jobs and a fifth of all reads goes wrong. The logs that were
// written and the failures are those that the server finally has.
func TestRunProperty(t *testing.T) {
	t.Parallel()
	for n := range uint64(*runRuns) {
		synctest.Test(t, func(t *testing.T) {
			seed := *runSeed + n
			r := &runTrial{random: rand.New(rand.NewPCG(seed, 1))}
			r.draw(seed)
			ctx, cancel := context.WithCancel(t.Context())
			var others sync.WaitGroup
			others.Go(func() { r.meddle(ctx) })
			result, err := r.Run(t.Context())
			cancel()
			others.Wait()
			require.NoError(t, err)
			r.judge(t, result)
			if t.Failed() {
				t.Fatalf("-run.runs=1 -run.seed=%d", seed)
			}
		})
	}
}

// A runTrial is a pipeline in which much happens.
type runTrial struct {
	testkit.Running
	random   *rand.Rand
	withdraw []func()
}

func (r *runTrial) draw(seed uint64) {
	r.Running = *testkit.NewRunning(r.jobs("")...)
	r.Opts.Watch.Downstream = seed%2 == 0
	for i, route := range []string{"/pipelines/:pipeline_id/jobs", "/pipelines/:pipeline_id/bridges", "/pipelines/:pipeline_id", "/jobs/:job_id", "/jobs/:job_id/trace"} {
		for j, fault := range soakFaults() {
			fault.Route, fault.Seed = "GET /projects/:id"+route, seed+uint64(100*i+j)
			r.withdraw = append(r.withdraw, r.Server.Fault(fault))
		}
	}
}

// jobs are those of a pipeline, with one below it unless it is itself below.
func (r *runTrial) jobs(below string) (jobs []gitlabcitest.Job) {
	for i := range 3 + r.random.IntN(5) {
		name := fmt.Sprintf("job%s %d", below, i)
		one := gitlabcitest.Job{
			Name: name, Stage: fmt.Sprint(i / 4), Status: gitlabci.StatusCreated, When: gitlabcitest.WhenAlways,
			Script: r.script(1),
		}
		for attempt := range 9 {
			one.Retries = append(one.Retries, r.script(attempt+2))
		}
		one.AllowFailure = r.random.IntN(4) == 0
		jobs = append(jobs, one)
	}
	if below == "" {
		jobs = append(jobs, gitlabcitest.Job{Name: "child", Stage: "0", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: r.jobs(" below"), Depend: true,
		}})
	}
	return jobs
}

func (r *runTrial) script(attempt int) gitlabcitest.Script {
	upTo := func(most time.Duration) time.Duration { return time.Duration(r.random.Int64N(int64(most))) }
	s := gitlabcitest.Script{Queues: upTo(time.Minute), Runs: upTo(4 * time.Minute), LogLag: upTo(25 * time.Second), Result: gitlabci.StatusSuccess}
	if r.random.IntN(3) == 0 {
		s.Result = gitlabci.StatusFailed
	}
	for i := range r.random.IntN(200) {
		s.Log += fmt.Sprintf("try %d: line %d %s\n", attempt, i, strings.Repeat("x", r.random.IntN(100)))
	}
	return s
}

// meddle retries and cancels jobs of the pipeline while it runs.
func (r *runTrial) meddle(ctx context.Context) {
	client, random := r.Server.Client(), rand.New(rand.NewPCG(r.random.Uint64(), 2))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(random.Int64N(int64(time.Minute)))):
		}
		page, err := client.Jobs.List(ctx, "group/app", nil) // which nothing goes wrong with
		if err != nil || len(page.Items) == 0 {
			continue
		}
		switch one := page.Items[random.IntN(len(page.Items))]; {
		case one.Pipeline.Status.Finished():
		case one.Status.Finished():
			client.Jobs.Retry(ctx, "group/app", one.ID, nil) // a superseded one is refused
		case random.IntN(4) == 0:
			client.Jobs.Cancel(ctx, "group/app", one.ID, nil)
		}
	}
}

// judge compares the result of Run with the server's state, once nothing goes wrong.
func (r *runTrial) judge(t *testing.T, result *gitlabci.RunResult) {
	for _, withdraw := range r.withdraw {
		withdraw()
	}
	client, ctx := r.Server.Client(), t.Context()
	pipeline, err := client.Pipelines.Get(ctx, "group/app", result.Pipeline.ID)
	require.NoError(t, err)
	require.Equal(t, pipeline, result.Pipeline)
	reported := map[gitlabci.JobID]bool{}
	for _, f := range result.Failed {
		require.NoError(t, f.Err)
		require.False(t, reported[f.Job.ID], "once")
		reported[f.Job.ID] = true
	}
	for i, id := range []gitlabci.PipelineID{pipeline.ID, pipeline.ID + 1} {
		isWatched := i == 0 || r.Opts.Watch.Downstream
		for job, err := range client.Jobs.AllForPipeline(ctx, "group/app", id, nil) {
			require.NoError(t, err)
			require.Equal(t, isWatched && job.Status == gitlabci.StatusFailed && !job.AllowFailure, reported[job.ID], job.Name)
		}
		if isWatched {
			r.judgeLogs(t, client, id)
		}
	}
}

func (r *runTrial) judgeLogs(t *testing.T, client *gitlabci.Client, id gitlabci.PipelineID) {
	want := map[string]string{} // by "job 3|try 2"
	for job, err := range client.Jobs.AllForPipeline(t.Context(), "group/app", id, &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}) {
		require.NoError(t, err)
		log, err := client.Jobs.Log(t.Context(), "group/app", job.ID)
		require.NoError(t, err)
		text, err := io.ReadAll(log)
		require.NoError(t, err)
		require.NoError(t, log.Close())
		prefix := job.Name
		if id > 101 {
			prefix += fmt.Sprintf(" (pipeline %d)", id)
		}
		for line := range strings.Lines(string(text)) {
			try, _, _ := strings.Cut(line, ":")
			want[prefix+"|"+try] += line
		}
	}
	got := map[string]string{}
	for _, line := range r.Out.Lines {
		prefix, line, _ := strings.Cut(line, ": ")
		try, _, _ := strings.Cut(line, ":")
		if strings.Contains(prefix, "(pipeline ") == (id > 101) {
			got[prefix+"|"+try] += line
		}
	}
	require.Equal(t, want, got)
}
