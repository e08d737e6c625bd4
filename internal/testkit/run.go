package testkit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// Routes of the fake.
const (
	JobRoute = "GET /projects/:id/jobs/:job_id"
	LogRoute = "GET /projects/:id/jobs/:job_id/trace"
)

// A Running is a pipeline that Run runs on a fake, and what it reports.
type Running struct {
	Server *gitlabcitest.Server
	Opts   gitlabci.RunOptions
	Out    LineWriter
	Events []string
	Took   time.Duration
}

// NewRunning takes the jobs of the pipelines that are created.
func NewRunning(jobs ...gitlabcitest.Job) *Running {
	r := &Running{Server: gitlabcitest.NewServer()}
	r.Server.OnCreate("group/app", gitlabcitest.Pipeline{}, jobs...)
	return r
}

// Run runs a pipeline.
func (r *Running) Run(ctx context.Context) (*gitlabci.RunResult, error) {
	opts := r.Opts
	opts.Log = &r.Out
	opts.Event = func(e *gitlabci.PipelineEvent) {
		defer r.Out.enter()()
		r.Events = append(r.Events, EventText(e))
		if r.Opts.Event != nil {
			r.Opts.Event(e)
		}
	}
	start := time.Now()
	result, err := r.Server.Client().Pipelines.Run(ctx, "group/app", "main", &opts)
	r.Took = time.Since(start)
	return result, err
}

// Requests counts the requests of a route.
func (r *Running) Requests(route string) (n int) {
	for _, request := range r.Server.Requests() {
		if request.Route == route {
			n++
		}
	}
	return n
}

// A LineWriter takes whole lines only, one at a time.
type LineWriter struct {
	Busy  atomic.Bool
	Lines []string
	Fails int // from the line of this number on; 0 is never
	Slow  time.Duration
}

// ErrDiskFull is the error of a [LineWriter] that fails.
var ErrDiskFull = errors.New("no space left")

// enter panics if another call has not left yet.
func (w *LineWriter) enter() (leave func()) {
	if !w.Busy.CompareAndSwap(false, true) {
		panic("two at a time")
	}
	return func() { w.Busy.Store(false) }
}

func (w *LineWriter) Write(p []byte) (int, error) {
	defer w.enter()()
	if w.Slow > 0 {
		time.Sleep(w.Slow)
	}
	if strings.Count(string(p), "\n") != 1 || p[len(p)-1] != '\n' {
		panic(fmt.Sprintf("not a line: %q", p))
	}
	if w.Fails > 0 && len(w.Lines)+1 >= w.Fails {
		w.Lines = append(w.Lines, "")
		return 0, ErrDiskFull
	}
	w.Lines = append(w.Lines, string(p))
	return len(p), nil
}

// After returns what was written behind a prefix.
func (w *LineWriter) After(prefix string) (text string) {
	for _, line := range w.Lines {
		if rest, found := strings.CutPrefix(line, prefix+": "); found {
			text += rest
		}
	}
	return text
}

// Job is a job that runs for a minute.
func Job(name string, result gitlabci.Status, log string) gitlabcitest.Job {
	return gitlabcitest.Job{Name: name, Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{
		Queues: 5 * time.Second, Runs: time.Minute, Result: result, Log: log, LogLag: 2 * time.Second,
	}}
}

// FailedJobs writes what Run says of failures as "1002 unit script_failure 3: a line|another".
func FailedJobs(result *gitlabci.RunResult) (all []string) {
	for _, f := range result.Failed {
		all = append(all, fmt.Sprintf("%d %s %s %d: %s", f.Job.ID, f.Job.Name, f.Reason, f.Summary.ExitCode, strings.Join(f.Lines, "|")))
	}
	return all
}

// EventText writes an event as "build#1001 pending>running".
func EventText(e *gitlabci.PipelineEvent) string {
	name := fmt.Sprintf("pipeline#%d", e.Pipeline.ID)
	switch {
	case e.Job != nil:
		name = fmt.Sprintf("%s#%d", e.Job.Name, e.Job.ID)
	case e.TriggerJob != nil:
		name = fmt.Sprintf("%s#%d", e.TriggerJob.Name, e.TriggerJob.ID)
	}
	if e.Err != nil {
		return name + " not watched"
	}
	return fmt.Sprintf("%s %s>%s", name, e.Previous, e.Status)
}
