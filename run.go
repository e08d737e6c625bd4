package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"example.com/gitlabci/internal/rest"
)

// maxCancelTime is how long RunOptions.CancelOnExit may take.
const maxCancelTime = 30 * time.Second

// RunOptions say what [PipelinesService.Run] starts, how it waits for it, and
// what it reports meanwhile. Nil means all of the defaults.
type RunOptions struct {
	Create CreatePipelineOptions // how the pipeline is started
	Watch  WatchOptions          // how it is waited for

	// TriggerToken, unless "", is the trigger token or the token of a running job by which
	// the pipeline is started, as [PipelinesService.Trigger] does. All else, such as to
	// watch and to cancel the pipeline, is done with the client's own token. Create must
	// not have an IdempotencyKey: the client's token may not show which of the token
	// owner's pipelines have it.
	TriggerToken string `json:"-"`

	// Log, unless nil, gets the logs of running jobs, each line in one Write, after
	// the job's name and a colon; for downstream pipelines, with
	// [WatchOptions.Downstream], the name is followed by "(pipeline 102)". Control
	// characters in the name become spaces. A line is what GitLab's page shows as
	// one: without colors and section markers, and with only the last state of a
	// progress bar. The lines of one job are in order, and each is written once,
	// except after the line of [JobsService.FollowLog] about a rewritten log.
	// At most 16 logs are followed at the same time, the others after these. They are
	// polled each second while they grow, or each Watch.MinInterval if that is set. Run
	// returns when the logs of all jobs that have ended are complete. For a log that cannot
	// be read, a line says why. An error of Log ends Run.
	Log io.Writer

	// Event, unless nil, is called for each change, with the events of
	// [PipelinesService.Watch]. The first is of the new pipeline, or of one of its
	// jobs. It is never called during a write to Log, so that both may be one
	// terminal.
	Event func(*PipelineEvent)

	// CancelOnExit cancels the pipeline before Run returns an error, such as that of
	// a context that has ended, unless the pipeline has finished or Run ends because
	// it is blocked. Canceling takes 30 seconds at most, and its error is added. A
	// pipeline that Create.IdempotencyKey has found is canceled as well; pipelines
	// that were started in other projects are not. If the context ends during the
	// create, there is no pipeline to cancel, though GitLab may be creating it. The
	// error then matches [ErrOutcomeUnknown].
	CancelOnExit bool
}

// A RunResult is a pipeline that was run, and the jobs of it that failed.
//
// [PipelinesService.Run] first does what [PipelinesService.Create] and
// [PipelinesService.Wait] do, and returns their errors: [ErrOutcomeUnknown] if the response
// to the create was lost, [ErrBlocked] if someone has to play a job, and so on. Then it
// reads the logs of failed jobs, as [JobsService.FollowLog] does, and the test report if one
// of them has uploaded one. If one cannot be read, only its [JobFailure] has that error.
//
// Once there is a pipeline, the result is never nil. With an error, it has what is known so
// far: the pipeline as last seen, and the jobs that had failed, perhaps without their logs.
// The pipeline continues unless [RunOptions.CancelOnExit] is set.
type RunResult struct {
	Pipeline *Pipeline // its Status is the verdict

	// Failed are the jobs that failed, and were neither allowed to fail nor retried,
	// in the order of their IDs. With Downstream, the failed jobs of downstream
	// pipelines follow, even if nothing depends on them.
	Failed []*JobFailure
}

// Run starts a pipeline on ref, a branch or a tag, waits until it has finished, and reports
// why it failed. A failed pipeline is not an error: see its Status. [RunResult] has the
// errors, and says what is returned with them.
//
//	POST /projects/:id/pipeline
//	POST /projects/:id/trigger/pipeline
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id
//	GET /projects/:id/jobs/:job_id/trace
//	GET /projects/:id/jobs/:job_id
//	GET /projects/:id/pipelines/:pipeline_id/test_report
//	POST /projects/:id/pipelines/:pipeline_id/cancel
func (s *PipelinesService) Run(ctx context.Context, project ProjectID, ref string, opts *RunOptions) (*RunResult, error) {
	r := &run{failures: failures{service: s}}
	if opts != nil {
		r.options = *opts
	}
	r.follow = FollowOptions{MinInterval: r.options.Watch.MinInterval, GiveUpAfter: r.options.Watch.GiveUpAfter}
	if err := r.options.Watch.check(); err != nil {
		return nil, rest.Invalid("WatchOptions", err)
	}
	pipeline, err := s.start(ctx, project, ref, &r.options)
	if err != nil {
		return nil, err
	}
	if r.watch, err = s.watch(project, pipeline.ID, &r.options.Watch); err != nil {
		return nil, err
	}
	r.watch.emit = r.handle
	r.result.Pipeline = pipeline
	err = r.run(ctx)
	return &r.result, err
}

// start starts the pipeline of a run.
func (s *PipelinesService) start(ctx context.Context, project ProjectID, ref string, o *RunOptions) (*Pipeline, error) {
	switch {
	case o.TriggerToken == "":
		return s.Create(ctx, project, ref, &o.Create)
	case o.Create.IdempotencyKey != "":
		return nil, rest.Invalid("RunOptions", errors.New("both TriggerToken and Create.IdempotencyKey are set"))
	}
	return s.Trigger(ctx, project, ref, o.TriggerToken, &TriggerPipelineOptions{o.Create.Variables, o.Create.Inputs, o.Create.WaitForRef})
}

// A run is one pipeline from its start to its end.
type run struct {
	failures
	options RunOptions
	log     *runLog
	result  RunResult
}

// run waits for the pipeline. Before it returns, it ends the context of everything it
// has started, with the reason as its cause.
func (r *run) run(ctx context.Context) error {
	inner, stop := context.WithCancelCause(ctx)
	r.log = newRunLog(inner, r.service.client.Jobs, r.options.Log, r.follow)
	r.log.stop = stop
	defer r.log.wait() // even if Event panics
	defer stop(nil)
	pipeline, err := r.watch.wait(inner)
	if pipeline == nil {
		err = cmp.Or(r.log.failure(), err)
		stop(err)
		err = r.cancelOnExit(ctx, err)
		r.result.Failed = r.explain(inner)
		return err
	}
	r.result.Pipeline = pipeline
	r.log.finish()
	missed := r.noteTriggers(inner, pipeline.Status)
	r.result.Failed = r.explain(inner)
	return cmp.Or(r.log.failure(), runEnded(ctx), missed, err)
}

// runEnded returns an error if the context of a run has ended.
func runEnded(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return rest.Errorf("Run: %w", rest.Ended(ctx))
}

// handle is called for each change by the watch.
func (r *run) handle(event *PipelineEvent) bool {
	r.note(event)
	if event.Job != nil {
		r.log.start(r.prefix(event), r.projectOf(event), event.Job)
	}
	if r.options.Event != nil {
		defer r.log.enter()()
		r.options.Event(event)
	}
	return true
}

// cancelOnExit updates the result to the pipeline as last seen, and cancels the pipeline if
// the options say so.
func (r *run) cancelOnExit(ctx context.Context, err error) error {
	if seen := r.watch.root.info; seen != nil {
		name := r.result.Pipeline.Name
		r.result.Pipeline.PipelineInfo = *seen
		r.result.Pipeline.Name = cmp.Or(seen.Name, name)
	}
	if !r.options.CancelOnExit || r.result.Pipeline.Status.Finished() {
		return err
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), maxCancelTime)
	defer stop()
	canceled, failure := r.service.Cancel(last, r.watch.root.project, r.watch.root.id)
	if failure != nil {
		return errors.Join(err, rest.Errorf("canceling pipeline %d: %w", r.watch.root.id, failure))
	}
	r.result.Pipeline = canceled
	return err
}
