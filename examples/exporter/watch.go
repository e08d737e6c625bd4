package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/gitlabci"
)

type metrics struct {
	finished, failures, requests, waited *prometheus.CounterVec
	duration, queued                     *prometheus.HistogramVec
	running                              *prometheus.GaugeVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	make := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return make.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := func(name, help string) *prometheus.HistogramVec {
		buckets := prometheus.ExponentialBuckets(1, 2, 14) // up to more than two hours
		return make.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"project", "ref"})
	}
	return &metrics{
		finished: counter("gitlab_pipelines_finished_total", "Pipelines that finished, retries included.", "project", "ref", "status"),
		failures: counter("gitlab_jobs_failed_total", "Jobs that failed, by reason.", "project", "reason"),
		requests: counter("gitlab_client_requests_total", "Requests to GitLab; status 0 is no response.", "method", "endpoint", "status"),
		waited:   counter("gitlab_client_wait_seconds_total", "How long requests waited, by reason.", "reason"),
		duration: seconds("gitlab_pipeline_duration_seconds", "How long the jobs of a pipeline ran."),
		queued:   seconds("gitlab_pipeline_queued_seconds", "How long a pipeline waited before its first job."),
		running:  make.NewGaugeVec(prometheus.GaugeOpts{Name: "gitlab_pipelines_running", Help: "Pipelines that run."}, []string{"project"}),
	}
}

func (m *metrics) hooks() gitlabci.Hooks {
	return gitlabci.Hooks{
		OnResponse: func(_ context.Context, r gitlabci.ResponseInfo) {
			m.requests.WithLabelValues(r.Request.Method, r.Request.Endpoint, strconv.Itoa(r.Status)).Inc()
		},
		OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
			m.waited.WithLabelValues(string(w.Reason)).Add(w.Duration.Seconds())
		},
	}
}

// A watcher counts what happens in projects.
type watcher struct {
	client   *gitlabci.Client
	metrics  *metrics
	store    *store
	refs     []string // with a label of their own; nil are the default and the protected branches
	wake     gitlabci.Waker
	interval time.Duration // 0 is the default
}

// watch counts until the context ends, which is its error.
func (w *watcher) watch(ctx context.Context, project gitlabci.ProjectID) error {
	refs := w.refs
	if refs == nil {
		for branch, err := range w.client.Branches.All(ctx, project, nil) {
			if err != nil {
				return err
			}
			if branch.Default || branch.Protected {
				refs = append(refs, branch.Name)
			}
		}
	}
	begin, running := w.store.begin(project), map[gitlabci.PipelineID]bool{}
	for pipeline, err := range w.client.Pipelines.All(ctx, project, &gitlabci.ListPipelinesOptions{Status: gitlabci.StatusRunning}) {
		if err != nil {
			return err
		}
		running[pipeline.ID] = true
	}
	w.metrics.running.WithLabelValues(string(project)).Set(float64(len(running)))
	opts := &gitlabci.WatchAllOptions{After: begin.Cursor, Since: begin.Since, Jobs: true, Wake: w.wake, MinInterval: w.interval, MaxInterval: w.interval}
	for event, err := range w.client.Pipelines.WatchAll(ctx, project, opts) {
		if err != nil {
			return err
		}
		ref := "other"
		if slices.Contains(refs, event.Pipeline.Ref) {
			ref = event.Pipeline.Ref
		}
		job, err := w.count(ctx, project, ref, event, running)
		if err != nil {
			return err
		}
		if err := w.store.advance(project, event.Cursor, job); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// count counts an event, and returns the job that it counted, or 0.
func (w *watcher) count(ctx context.Context, project gitlabci.ProjectID, ref string, event *gitlabci.PipelineEvent, running map[gitlabci.PipelineID]bool) (gitlabci.JobID, error) {
	name := string(project)
	switch {
	case event.Err != nil: // the jobs are read again after the next change
		return 0, nil
	case event.Job != nil:
		if event.Status != gitlabci.StatusFailed || w.store.counted(project, event.Job.ID) {
			return 0, nil
		}
		w.metrics.failures.WithLabelValues(name, string(cmp.Or(event.Job.FailureReason, "unknown"))).Inc()
		return event.Job.ID, nil
	case event.TriggerJob != nil:
		return 0, nil
	}
	if delete(running, event.Pipeline.ID); event.Status == gitlabci.StatusRunning {
		running[event.Pipeline.ID] = true
	}
	w.metrics.running.WithLabelValues(name).Set(float64(len(running)))
	if !event.Status.Finished() {
		return 0, nil
	}
	pipeline, err := w.client.Pipelines.Get(ctx, project, event.Pipeline.ID)
	if err != nil && !errors.Is(err, gitlabci.ErrNotFound) { // or it was deleted meanwhile
		return 0, err
	}
	w.metrics.finished.WithLabelValues(name, ref, string(event.Status)).Inc()
	if err == nil {
		w.metrics.duration.WithLabelValues(name, ref).Observe(pipeline.Duration.Duration().Seconds())
		w.metrics.queued.WithLabelValues(name, ref).Observe(pipeline.QueuedDuration.Duration().Seconds())
	}
	return 0, nil
}

// mostJobs is how many counted jobs of a project are remembered: those of a pipeline have
// events again when it changes after a restart.
const mostJobs = 1000

// A store is the file that says what was counted.
type store struct {
	path string

	mu       sync.Mutex
	Projects map[gitlabci.ProjectID]*place `json:"projects"`
}

type place struct {
	Since  time.Time            `json:"since"` // where to begin without a cursor
	Cursor gitlabci.WatchCursor `json:"cursor,omitempty"`
	Jobs   []gitlabci.JobID     `json:"jobs,omitempty"` // the last that were counted
}

// openStore reads the file, if there is one.
func openStore(path string) (*store, error) {
	s := &store{path: path, Projects: map[gitlabci.ProjectID]*place{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil || s.Projects == nil {
		return nil, fmt.Errorf("state file %s cannot be read (%v): move it away to count from now on", path, err)
	}
	return s, nil
}

func (s *store) begin(project gitlabci.ProjectID) place {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Projects[project] == nil {
		s.Projects[project] = &place{Since: time.Now()}
	}
	return *s.Projects[project]
}

func (s *store) counted(project gitlabci.ProjectID, job gitlabci.JobID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.Projects[project].Jobs, job)
}

// advance stores that the event with a cursor was counted, and with it a job, unless it is 0.
func (s *store) advance(project gitlabci.ProjectID, cursor gitlabci.WatchCursor, job gitlabci.JobID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.Projects[project]
	p.Cursor = cursor
	if job != 0 {
		p.Jobs = append(p.Jobs[max(0, len(p.Jobs)+1-mostJobs):], job)
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(s.path+".new", text, 0o600)
	}
	if err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}
