package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
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
		return getState[*Pipeline](ctx, w.service.client, pipelineAt(w.root.project, w.root.id))
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

// Wait waits until a job has finished, and returns it. A failed job is not an error: see
// its Status. If the job is retried later, that is another job.
//
//	GET /projects/:id/jobs/:job_id
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-job-by-job-id.
// It polls as [PipelinesService.Watch] does, and ends with the same errors. Of opts,
// Downstream does not matter. If in two polls in a row the job is manual, so that someone
// has to play it, Wait returns the job and a [*BlockedError], unless
// [WatchOptions.WaitForManual] is set.
func (s *JobsService) Wait(ctx context.Context, project ProjectID, job JobID, opts *WatchOptions) (*Job, error) {
	w := &jobWait{service: s, project: project, id: job}
	if opts != nil {
		w.options = *opts
	}
	if err := w.options.check(); err != nil {
		return nil, rest.Invalid("WatchOptions", err)
	}
	what := fmt.Sprintf("job %d", job)
	w.pollState = pollState{what: what, doing: "waiting for " + what, pace: w.options.pace(s.client), patience: poll.Patience{GiveUpAfter: w.options.GiveUpAfter}}
	w.subscribe(ctx, 0)
	defer func() { w.stop() }()
	for {
		begun := time.Now()
		read, err := getState[*Job](ctx, s.client, jobAt(project, job))
		if err == nil {
			if read.Pipeline != nil && read.Pipeline.ID != w.subscribed {
				w.subscribe(ctx, read.Pipeline.ID)
			}
			if over, blocked := w.update(read); over {
				return read, blocked
			}
		} else if err := w.failed(ctx, begun, w.isKnown(), err); err != nil {
			return nil, err
		}
		if w.pace.Wait(ctx) != nil {
			return nil, w.ended(ctx, nil)
		}
	}
}

// A jobWait waits for one job.
type jobWait struct {
	pollState
	service *JobsService
	project ProjectID
	id      JobID
	options WatchOptions // without zeros

	seen       *Job       // as last read
	lag        poll.Lag   // of responses behind that
	subscribed PipelineID // whose events wake the wait; 0 is any pipeline of the project
	stop       func()     // ends that
}

// subscribe makes the events of a pipeline wake the wait, and no longer those of before.
func (w *jobWait) subscribe(ctx context.Context, pipeline PipelineID) {
	before := w.stop
	w.subscribed, w.stop = pipeline, w.options.subscribe(ctx, &w.pace, w.project, pipeline)
	if before != nil {
		before()
	}
}

// update keeps the job that a poll has read, and reports whether the wait is over.
func (w *jobWait) update(read *Job) (over bool, blocked error) {
	w.succeeded()
	if w.lag.Lasts(w.seen != nil && goesBack(w.seen.Status, read.Status)) {
		w.pace.Expect()
		return false, nil
	}
	again := w.seen != nil && w.seen.Status == read.Status
	if !again {
		w.pace.Restart()
	}
	w.seen = read
	if read.Status.Blocked() && !w.options.WaitForManual {
		w.pace.Expect() // to see whether it stays so
	}
	if again && read.Status.Blocked() && !w.options.WaitForManual {
		blocked := &BlockedError{Project: w.project, Jobs: []*Job{read}}
		if read.Pipeline != nil {
			blocked.Pipeline = read.Pipeline.ID
		}
		return true, blocked
	}
	return read.Status.Finished(), nil
}

// isKnown reports whether the job exists.
func (w *jobWait) isKnown() bool { return w.seen != nil || !w.service.client.created.of(w.id).IsZero() }

// A pollState paces the polls of one object, and decides how long they may fail.
type pollState struct {
	what, doing string // such as "job 7" and "waiting for job 7"
	pace        poll.Pace
	patience    poll.Patience
	absence     poll.Absence
}

func (p *pollState) succeeded() {
	p.patience.Restore()
	p.absence.Found()
}

// failed returns the error of a poll that failed, if it will not pass or has lasted too
// long, or nil to poll again. The object is known if it was read before.
func (p *pollState) failed(ctx context.Context, begun time.Time, known bool, err error) error {
	if ctx.Err() != nil {
		return p.ended(ctx, err)
	}
	if !isTransient(err, known) && !(isGone(err) && !p.absence.Missed(known)) {
		return err
	}
	p.patience.Responded = p.patience.Responded || known || showsServer(err)
	asked := retryAfter(err)
	p.pace.AtLeast(asked)
	p.pace.Fail()
	if lasted, giveUp := p.patience.Failed(begun, asked, err); giveUp {
		return rest.Errorf("%s could not be read for %v: %w", p.what, lasted, err)
	}
	return nil
}

// ended is the error of a context that ended, and of the last poll.
func (p *pollState) ended(ctx context.Context, err error) error {
	return rest.Errorf("%s: %w", p.doing, p.patience.Ended(ctx, err))
}
