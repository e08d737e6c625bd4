package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/joblog"
)

// exitTime is how long canceling a pipeline may take once nobody waits for it any
// more.
const exitTime = 30 * time.Second

// RunOptions say what [PipelinesService.Run] starts, how it waits for it, and
// what it reports meanwhile. Nil means all of the defaults.
type RunOptions struct {
	Create CreatePipelineOptions // how the pipeline is started
	Watch  WatchOptions          // how it is waited for

	// Log, unless nil, gets the logs of running jobs, each line in one Write, after
	// the job's name and a colon; for downstream pipelines, with
	// [WatchOptions.Downstream], the name is followed by "(pipeline 102)". Control
	// characters in the name become spaces. A line is what GitLab's page shows as
	// one: without colours and section markers, and with only the last state of a
	// progress bar. The lines of one job are in order, and each is written once,
	// except after the line of [JobsService.FollowLog] about a rewritten log.
	//
	// At most 16 logs are followed at once, the others after these. They are
	// polled each second while they grow, or each Watch.MinInterval if that is set.
	// Run returns when the logs of all jobs that have ended are complete. For a log
	// that cannot be read, a line says why. An error of Log ends Run.
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
type RunResult struct {
	Pipeline *Pipeline // its Status is the verdict

	// Failed are the jobs that failed, and were neither allowed to fail nor retried,
	// in the order of their IDs. With Downstream, the failed jobs of downstream
	// pipelines follow, even if nothing depends on them.
	Failed []*JobFailure
}

// Run starts a pipeline on ref, a branch or a tag, waits until it has finished,
// and reports why it failed. A failed pipeline is not an error: see its Status.
//
//	POST /projects/:id/pipeline
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id
//	GET /projects/:id/jobs/:job_id/trace
//	GET /projects/:id/jobs/:job_id
//	POST /projects/:id/pipelines/:pipeline_id/cancel
//
// It does what [PipelinesService.Create] and [PipelinesService.Wait] do, and
// returns their errors: [ErrOutcomeUnknown] if the response to the create was
// lost, [ErrBlocked] if someone has to play a job, and so on. Then it reads the
// logs of failed jobs, as [JobsService.FollowLog] does. If one cannot be read, only
// its [JobFailure] has that error.
//
// Once there is a pipeline, the result is never nil. With an error it is what is
// known by then: the pipeline as last seen, which continues unless
// [RunOptions.CancelOnExit] is set, and the jobs that had failed, perhaps
// without their logs.
func (s *PipelinesService) Run(ctx context.Context, project ProjectID, ref string, opts *RunOptions) (*RunResult, error) {
	r := &run{service: s, attempts: map[PipelineID]map[string]*attempt{}}
	if opts != nil {
		r.options = *opts
	}
	r.follow = FollowOptions{MinInterval: r.options.Watch.MinInterval, GiveUpAfter: r.options.Watch.GiveUpAfter}
	if err := r.options.Watch.check(); err != nil {
		return nil, rest.Invalid("WatchOptions", err)
	}
	pipeline, err := s.Create(ctx, project, ref, &r.options.Create)
	if err != nil {
		return nil, err
	}
	if r.watch, err = s.watch(project, pipeline.ID, r.options.Watch); err != nil {
		return nil, err
	}
	r.watch.root.since = time.Now()
	r.watch.emit = r.handle
	r.result.Pipeline = pipeline
	err = r.run(ctx)
	return &r.result, err
}

// A run is one pipeline from its start to its end.
type run struct {
	service  *PipelinesService
	options  RunOptions
	follow   FollowOptions
	watch    *watch
	log      *runLog
	attempts map[PipelineID]map[string]*attempt // the newest of each job, by its name
	result   RunResult
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
		err = r.exit(ctx, err)
		r.explain(inner)
		return err
	}
	r.result.Pipeline = pipeline
	r.log.finish()
	missed := r.noteTriggers(inner)
	r.explain(inner)
	return cmp.Or(r.log.failure(), ended(ctx), missed, err)
}

func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("gitlabci: Run: %w", rest.Ended(ctx))
}

// handle is called for each change by the watch.
func (r *run) handle(event *PipelineEvent) bool {
	r.note(event)
	if event.Job != nil {
		r.log.take(r.prefix(event), r.projectOf(event), event.Job)
	}
	if r.options.Event != nil {
		defer r.log.enter()()
		r.options.Event(event)
	}
	return true
}

// projectOf is the project of what has changed.
func (r *run) projectOf(event *PipelineEvent) ProjectID {
	if p := r.watch.known[event.Pipeline.ID]; p != nil {
		return p.project
	}
	return event.Pipeline.ProjectID
}

// exit takes the pipeline as last seen, and cancels it if that is wanted.
func (r *run) exit(ctx context.Context, err error) error {
	if seen := r.watch.root.info; seen != nil {
		name := r.result.Pipeline.Name
		r.result.Pipeline.PipelineInfo = *seen
		r.result.Pipeline.Name = cmp.Or(seen.Name, name)
	}
	if !r.options.CancelOnExit || r.result.Pipeline.Status.Finished() {
		return err
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), exitTime)
	defer stop()
	canceled, failure := r.service.Cancel(last, r.watch.root.project, r.watch.root.id)
	if failure != nil {
		return errors.Join(err, fmt.Errorf("gitlabci: canceling pipeline %d: %w", r.watch.root.id, failure))
	}
	r.result.Pipeline = canceled
	return err
}

// A JobFailure is a job that failed, and what its log says of it.
type JobFailure struct {
	Job        *Job          // never nil; of a trigger job only what both have in common
	TriggerJob *TriggerJob   // nil unless it is one; it has no log
	Reason     FailureReason // the job's
	ExitCode   int           // of the script; 0 if the log names none

	// Lines are those that seem to be the reason, in order, without colours: the
	// last that mention an error, or else the last of the script. They are at most
	// 20 of at most 4 KiB each; a job that never ran has none.
	Lines []string

	// Err is why the log could not be read to its end, such as [ErrForbidden] or
	// the error of a context that has ended. Lines are then from the part that was
	// read.
	Err error
}

// An attempt is a job, as last seen.
type attempt struct {
	id      JobID
	project ProjectID
	failure *JobFailure // nil unless it counts
}

// note keeps what is known of a job. A newer job of the same name replaces it, because
// that is a retry.
func (r *run) note(event *PipelineEvent) {
	job := event.Job
	if event.TriggerJob != nil {
		job = &Job{JobInfo: event.TriggerJob.JobInfo}
	}
	if job == nil {
		return
	}
	byName := r.attempts[event.Pipeline.ID]
	if byName == nil {
		byName = map[string]*attempt{}
		r.attempts[event.Pipeline.ID] = byName
	}
	if newest := byName[job.Name]; newest != nil && newest.id > job.ID {
		return
	}
	seen := &attempt{id: job.ID, project: r.projectOf(event)}
	if event.Status == StatusFailed && !job.AllowFailure {
		seen.failure = &JobFailure{Job: new(*job), TriggerJob: event.TriggerJob, Reason: job.FailureReason}
	}
	byName[job.Name] = seen
}

// noteTriggers reads the trigger jobs that were not watched, if one of them may be why
// the pipeline failed. Those that did not fail are ignored, even if a server lists them.
func (r *run) noteTriggers(ctx context.Context) error {
	root := r.watch.root
	if r.options.Watch.Downstream || r.result.Pipeline.Status != StatusFailed {
		return nil
	}
	failed := &ListTriggerJobsOptions{Scope: []Status{StatusFailed}}
	triggers, err := insist(ctx, r.watch, func() ([]*TriggerJob, error) {
		return collect(all(ctx, r.service.client.Jobs.anyTriggerJobs(root.project, root.id), failed))
	})
	for _, t := range triggers {
		r.note(root.event(&PipelineEvent{TriggerJob: t, Status: t.Status}))
	}
	return err
}

// failuresAtOnce is how many logs of failed jobs are summarized at the same time.
const failuresAtOnce = 4

// explain makes the list of failures, and reads their logs, some at once.
func (r *run) explain(ctx context.Context) {
	var logs []*attempt
	for _, failed := range r.failed() {
		r.result.Failed = append(r.result.Failed, failed.failure)
		if failed.failure.TriggerJob == nil {
			logs = append(logs, failed)
		}
	}
	always := context.WithoutCancel(ctx) // read says of each failure that ctx has ended
	pool.Each(always, len(logs), failuresAtOnce, func(_ context.Context, i int) error {
		r.read(ctx, logs[i])
		return nil
	})
}

// failed returns the attempts that failed, upstream first. Below a trigger job
// that was retried nothing counts.
func (r *run) failed() (all []*attempt) {
	for queue := []*watched{r.watch.root}; len(queue) > 0; queue = queue[1:] {
		begin := len(all)
		for _, seen := range r.attempts[queue[0].id] {
			if seen.failure != nil {
				all = append(all, seen)
			}
		}
		slices.SortFunc(all[begin:], func(a, b *attempt) int { return cmp.Compare(a.id, b.id) })
		triggers := queue[0].triggers
		for _, id := range slices.Sorted(maps.Keys(triggers)) {
			if t := triggers[id]; t.child != nil && !t.superseded {
				queue = append(queue, t.child)
			}
		}
	}
	return all
}

// read finds the lines that explain a failure. The job may just have ended, and its
// last lines may still arrive.
func (r *run) read(ctx context.Context, failed *attempt) {
	if failed.failure.Err = rest.Ended(ctx); failed.failure.Err != nil {
		return
	}
	log := r.service.client.Jobs.openFollowed(ctx, failed.project, failed.id, r.follow)
	defer log.Close()
	summary, err := joblog.Summarize(log)
	failed.failure.ExitCode, failed.failure.Err = summary.ExitCode, err
	for _, line := range summary.Failure {
		failed.failure.Lines = append(failed.failure.Lines, line.Text)
	}
}
