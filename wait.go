package gitlabci

import (
	"context"
	"errors"
	"time"
)

// Wait waits until a pipeline has finished, and returns it. That it failed is
// no error: its Status is the verdict.
//
// It polls as [PipelinesService.Watch] does, and reads the pipeline itself once
// more at the end. With [WatchOptions.Downstream] it waits for the pipelines
// below as well, but for those that may not be read; their verdicts are not
// part of this one, unless a trigger job depends on them.
//
// If in two polls in a row the pipeline is manual, so that it cannot finish
// before someone plays a job, it returns the pipeline and an error that matches
// [ErrBlocked], unless [WatchOptions.WaitForManual] is set. With Downstream that
// includes pipelines below, if there is nothing else left to wait for. All
// other errors are those of Watch.
func (s *PipelinesService) Wait(ctx context.Context, project ProjectID, id PipelineID, opts *WatchOptions) (*Pipeline, error) {
	var o WatchOptions
	if opts != nil {
		o = *opts
	}
	w, err := s.watch(project, id, o)
	if err != nil {
		return nil, err
	}
	w.tell = func(*PipelineEvent) bool { return true }
	return w.wait(ctx)
}

// wait watches until the pipeline has finished or, unless that is waited for
// too, is blocked.
func (w *watch) wait(ctx context.Context) (*Pipeline, error) {
	w.mayBlock = !w.options.WaitForManual
	var lagging time.Time
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
		case stillLags(older, &lagging): // it may tell of the end before a retry
		case blocked == nil && pipeline.Status.Finished(), blocked != nil && w.stillBlocked(pipeline):
			return pipeline, blocked
		}
		if err := w.resume(ctx); err != nil {
			return nil, err
		}
	}
}

// final reads the pipeline whole.
func (w *watch) final(ctx context.Context) (*Pipeline, error) {
	return insist(ctx, w, func() (*Pipeline, error) {
		return w.service.Get(ctx, w.root.project, w.root.id)
	})
}

// insist reads something of the pipeline that is watched, as patiently as it is
// watched.
func insist[T any](ctx context.Context, w *watch, read func() (T, error)) (T, error) {
	for {
		begun := time.Now()
		answer, err := read()
		if err == nil {
			w.root.failing = time.Time{}
			return answer, nil
		}
		if err := w.failed(ctx, w.root, begun, err); err != nil {
			return *new(T), err
		}
		if err := w.pause(ctx); err != nil {
			return *new(T), err
		}
	}
}

// stillBlocked reports whether the pipeline is as it was when it was found to
// stand still. If it is not the one that does, it may have finished.
func (w *watch) stillBlocked(pipeline *Pipeline) bool {
	return pipeline.Status == w.root.info.Status
}

// resume watches on what somebody has started again just now.
func (w *watch) resume(ctx context.Context) error {
	w.stood, w.interval = 0, w.options.MinInterval
	if len(w.open) == 0 {
		w.open = []*watched{w.root}
	}
	return w.pause(ctx)
}
