package gitlabci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/joblog"
)

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
