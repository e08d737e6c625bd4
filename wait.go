package gitlabci

import (
	"context"
	"errors"
	"time"

	"example.com/gitlabci/internal/poll"
)

// Wait waits until a pipeline has finished, and returns it. A failed pipeline is not an
// error: see its Status.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id
//
// It polls as [PipelinesService.Watch] does, with the same errors. If the pipeline is manual
// in two polls in a row, it cannot finish before someone plays a job: Wait then returns the
// pipeline and a [*BlockedError], unless [WatchOptions.WaitForManual] is set. With
// [WatchOptions.Downstream] it also waits for downstream pipelines, except those that the
// token may not read. One of them can block Wait if nothing else is left to wait for. Their
// status changes that of this pipeline only through trigger jobs that depend on them.
func (s *PipelinesService) Wait(ctx context.Context, project ProjectID, pipeline PipelineID, opts *WatchOptions) (*Pipeline, error) {
	w, err := s.watch(project, pipeline, opts)
	if err != nil {
		return nil, err
	}
	w.emit = func(*PipelineEvent) bool { return true }
	return w.wait(ctx)
}

// wait watches until the pipeline has finished, or is blocked, unless the options say to wait
// for manual jobs too.
func (w *watch) wait(ctx context.Context) (*Pipeline, error) {
	defer w.unsubscribe()
	w.subscribe(ctx, w.root)
	w.mayBlock = !w.options.WaitForManual
	var lag poll.Lag
	for {
		blocked := w.run(ctx)
		if blocked != nil && !errors.Is(blocked, ErrBlocked) {
			return nil, blocked
		}
		pipeline, err := w.final(ctx)
		if err != nil {
			return nil, err
		}
		older := !pipeline.UpdatedAt.IsZero() && pipeline.UpdatedAt.Before(w.root.info.UpdatedAt)
		switch {
		case lag.Lasts(older): // it may be how the pipeline ended before a retry
		case blocked == nil && pipeline.Status.Finished(), blocked != nil && w.stillBlocked(pipeline):
			return pipeline, blocked
		}
		if err := w.resume(ctx); err != nil {
			return nil, err
		}
	}
}

// final reads the pipeline with all its fields.
func (w *watch) final(ctx context.Context) (*Pipeline, error) {
	return readPatiently(ctx, w, func() (*Pipeline, error) {
		return w.service.Get(ctx, w.root.project, w.root.id)
	})
}

// readPatiently reads something of the watched pipeline, and repeats a read that fails as
// Watch repeats a poll.
func readPatiently[T any](ctx context.Context, w *watch, read func() (T, error)) (T, error) {
	for {
		begun := time.Now()
		value, err := read()
		if err == nil {
			w.root.patience.Restore()
			w.root.absence.Found()
			return value, nil
		}
		if err := w.failed(ctx, w.root, begun, err); err != nil {
			return *new(T), err
		}
		if err := w.pause(ctx); err != nil {
			return *new(T), err
		}
	}
}

// stillBlocked reports whether the pipeline has the status with which the watch was blocked.
// If it is a downstream pipeline that is blocked, this may be a finished status.
func (w *watch) stillBlocked(pipeline *Pipeline) bool {
	return pipeline.Status == w.root.info.Status
}

// resume continues with what someone has just started again.
func (w *watch) resume(ctx context.Context) error {
	w.idlePolls = 0
	w.pace.Restart()
	w.pace.Expect()
	if len(w.open) == 0 {
		w.open = []*watched{w.root}
	}
	return w.pause(ctx)
}
