package gitlabci

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/joblog"
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
	r.watch, err = s.watch(project, pipeline.ID, &r.options.Watch)
	if err != nil {
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

// maxConcurrentLogs is how many logs are followed at the same time.
const maxConcurrentLogs = 16

// errLeftRunning ends a log that would not end by itself.
var errLeftRunning = errors.New("the pipeline has ended, and this job has not")

// errPanicked ends a run whose goroutines have panicked.
var errPanicked = errors.New("a function of the caller has panicked")

// A runLog copies the logs of jobs to one writer, line by line.
type runLog struct {
	ctx   context.Context
	jobs  *JobsService
	opts  FollowOptions
	stop  context.CancelCauseFunc // of ctx, where nothing more can be written
	slots chan struct{}

	copies  sync.WaitGroup
	guard   pool.Guard                        // of the copies, which call w and what the client was given
	running map[JobID]context.CancelCauseFunc // those to be copied that have not ended
	started map[JobID]bool

	// turn has room for the log that writes to w. It is no mutex, since a program that
	// tests itself with testing/synctest may have a writer that takes its time.
	turn chan struct{}
	w    io.Writer // nil if no logs are wanted
	err  error     // of w
}

func newRunLog(ctx context.Context, jobs *JobsService, w io.Writer, opts FollowOptions) *runLog {
	return &runLog{
		ctx: ctx, jobs: jobs, opts: opts, w: w,
		slots:   make(chan struct{}, maxConcurrentLogs),
		turn:    make(chan struct{}, 1),
		running: map[JobID]context.CancelCauseFunc{}, started: map[JobID]bool{},
	}
}

// start starts to copy the log of a job, unless the job has none or its log was started
// before.
func (l *runLog) start(prefix string, project ProjectID, job *Job) {
	if l.w == nil {
		return
	}
	if !l.started[job.ID] && hasLog(job) {
		l.started[job.ID] = true
		ctx, stop := context.WithCancelCause(l.ctx)
		l.running[job.ID] = stop
		l.copies.Go(func() {
			defer stop(nil)
			if !l.guard.Do(func() { l.copy(ctx, prefix, project, job.ID) }) {
				l.stop(errPanicked)
			}
		})
	}
	if job.Status.Finished() {
		delete(l.running, job.ID) // its log has an end
	}
}

// hasLog reports whether a job has begun to run.
func hasLog(job *Job) bool {
	switch job.Status {
	case StatusRunning, StatusCanceling:
		return true
	default:
		return job.Status.Finished() && !job.StartedAt.IsZero()
	}
}

// finish waits until the logs are complete, except those of jobs that, according to GitLab,
// still run although their pipeline has ended.
func (l *runLog) finish() {
	for _, stop := range l.running {
		stop(errLeftRunning)
	}
	l.wait()
}

func (l *runLog) wait() {
	l.copies.Wait()
	l.guard.Rethrow()
}

// copy copies the log of one job.
func (l *runLog) copy(ctx context.Context, prefix string, project ProjectID, job JobID) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	log := l.jobs.openFollowed(ctx, project, job, l.opts)
	defer log.Close()
	for line, err := range joblog.Lines(log) {
		switch {
		case err == nil && isShown(line):
			err = l.write(prefix + line.Text + "\n")
		case err != nil && l.ctx.Err() == nil:
			err = l.write(fmt.Sprintf("%s[the log is not complete: %v]\n", prefix, reason(ctx, err)))
		}
		if err != nil {
			return
		}
	}
}

// isShown reports whether a line appears on the screen: a blank one does, and one that
// only marks sections or sets colors does not.
func isShown(line *joblog.Line) bool {
	marks := len(line.Opened) + len(line.Closed)
	return line.Text != "" || marks == 0 && bytes.HasSuffix(line.Raw, []byte("\n"))
}

// reason is why a log ended early: what its context says, or its own error.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// enter waits until nobody else writes to w, and keeps others from it until leave.
func (l *runLog) enter() (leave func()) {
	l.turn <- struct{}{}
	return func() { <-l.turn }
}

// write writes one line. The first error ends the run.
func (l *runLog) write(line string) error {
	defer l.enter()()
	if l.err != nil {
		return l.err
	}
	n, err := io.WriteString(l.w, line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil {
		l.err = rest.Errorf("Run: RunOptions.Log: %w", err)
		l.stop(l.err)
	}
	return l.err
}

// failure is why nothing more can be written, nil if it can.
func (l *runLog) failure() error {
	defer l.enter()()
	return l.err
}

// prefix is written before each line of a job.
func (r *run) prefix(event *PipelineEvent) string {
	name := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, event.Job.Name)
	if event.Pipeline.ID != r.watch.root.id {
		name += fmt.Sprintf(" (pipeline %d)", event.Pipeline.ID)
	}
	return name + ": "
}

// A followedLog is a log that is read while it grows. Reads wait for more of it.
type followedLog struct {
	*io.PipeReader
	stop  context.CancelFunc
	ended chan struct{}
	guard pool.Guard
}

// openFollowed opens a log that [JobsService.FollowLog] follows. The log ends with the
// error that FollowLog returns.
func (s *JobsService) openFollowed(ctx context.Context, project ProjectID, job JobID, opts FollowOptions) *followedLog {
	ctx, stop := context.WithCancel(ctx)
	reader, writer := io.Pipe()
	log := &followedLog{PipeReader: reader, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(log.ended)
		err := errPanicked
		defer func() { writer.CloseWithError(err) }()
		log.guard.Do(func() { _, err = s.FollowLog(ctx, project, job, writer, &opts) })
	}()
	return log
}

// Close stops following the log. It panics if that did.
func (l *followedLog) Close() error {
	l.stop()
	err := l.PipeReader.Close()
	<-l.ended
	l.guard.Rethrow()
	return err
}
