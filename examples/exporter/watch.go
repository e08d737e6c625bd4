package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/sync/errgroup"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/state"
)

type metrics struct {
	finished, failures, requests, waited *prometheus.CounterVec
	duration, queued                     *prometheus.HistogramVec
	running                              *prometheus.GaugeVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	factory := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := func(name, help string) *prometheus.HistogramVec {
		buckets := prometheus.ExponentialBuckets(1, 2, 14) // up to more than two hours
		return factory.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"project", "ref"})
	}
	return &metrics{
		finished: counter("gitlab_pipelines_finished_total", "Pipelines that finished, retries included.", "project", "ref", "status"),
		failures: counter("gitlab_jobs_failed_total", "Jobs that failed, by reason.", "project", "reason"),
		requests: counter("gitlab_client_requests_total", "Requests to GitLab; status 0 is no response.", "method", "endpoint", "status"),
		waited:   counter("gitlab_client_wait_seconds_total", "How long requests waited, by reason.", "reason"),
		duration: seconds("gitlab_pipeline_duration_seconds", "How long the jobs of a pipeline ran."),
		queued:   seconds("gitlab_pipeline_queued_seconds", "How long a pipeline waited before its first job."),
		running:  factory.NewGaugeVec(prometheus.GaugeOpts{Name: "gitlab_pipelines_running", Help: "Pipelines that run."}, []string{"project"}),
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
	state    *state.File[gitlabci.JobID] // the jobs are those that failed and were counted
	refs     []string                    // with a label of their own; nil are the default and the protected branches
	wake     gitlabci.Waker
	interval time.Duration // 0 is the default
}

// watch counts until the context ends, which is its error.
func (w *watcher) watch(ctx context.Context, project gitlabci.ProjectID) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.countFinished(ctx, project) })
	group.Go(func() error { return w.countRunning(ctx, project) })
	return group.Wait()
}

// countRunning counts the running pipelines from time to time: one that is deleted has no
// event.
func (w *watcher) countRunning(ctx context.Context, project gitlabci.ProjectID) error {
	for {
		running := 0
		for _, err := range w.client.Pipelines.All(ctx, project, &gitlabci.ListPipelinesOptions{Status: gitlabci.StatusRunning}) {
			if err != nil {
				return err
			}
			running++
		}
		w.metrics.running.WithLabelValues(string(project)).Set(float64(running))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(cmp.Or(w.interval, 15*time.Second)):
		}
	}
}

// countFinished counts the pipelines that finish and the jobs that fail.
func (w *watcher) countFinished(ctx context.Context, project gitlabci.ProjectID) error {
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
	begin, err := w.state.Begin(project, time.Now())
	if err != nil {
		return err
	}
	opts := &gitlabci.WatchAllOptions{After: begin.Cursor, Since: begin.Since, Jobs: true, Wake: w.wake, MinInterval: w.interval, MaxInterval: w.interval}
	for event, err := range w.client.Pipelines.WatchAll(ctx, project, opts) {
		if err != nil {
			return err
		}
		ref := "other"
		if slices.Contains(refs, event.Pipeline.Ref) {
			ref = event.Pipeline.Ref
		}
		job, err := w.count(ctx, project, ref, event)
		if err != nil {
			return err
		}
		if err := w.state.Advance(project, event.Cursor, job); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// count counts an event, and returns the job that it counted, or 0. All jobs of a pipeline
// have events again when it changes after a restart.
func (w *watcher) count(ctx context.Context, project gitlabci.ProjectID, ref string, event *gitlabci.PipelineEvent) (gitlabci.JobID, error) {
	name := string(project)
	switch {
	case event.Err != nil: // the jobs are read again after the next change
		return 0, nil
	case event.Job != nil:
		if event.Status != gitlabci.StatusFailed || w.state.Done(project, event.Job.ID) {
			return 0, nil
		}
		w.metrics.failures.WithLabelValues(name, string(cmp.Or(event.Job.FailureReason, "unknown"))).Inc()
		return event.Job.ID, nil
	case event.TriggerJob != nil || !event.Status.Finished():
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
