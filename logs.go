package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
)

// Log opens a job's log as it stands: bytes as the runner wrote them, with
// colour codes, carriage returns and section markers, and not always UTF-8. A
// job without a log has an empty one. The caller closes it.
//
//	GET /projects/:id/jobs/:job_id/trace
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-log-file-for-a-job.
// The error matches [ErrNotFound] if the project or the job does not exist, or
// is a trigger job, [ErrForbidden] for the log of a job run in debug mode
// without the right to change it, and, while reading, [ErrStalled].
// A log can lag behind: its last bytes may arrive after the job has finished.
//
// An interrupted log resumes as [ArtifactFile.Read] says. If the server sends
// neither the length nor chunks, the runner's last line or the size of the
// archived log must prove that the log is complete. If neither does, as while the
// job runs, the error after the last byte matches [io.ErrUnexpectedEOF].
func (s *JobsService) Log(ctx context.Context, project ProjectID, job JobID) (io.ReadCloser, error) {
	cl := readingFile(at("projects", project, "jobs", job, "trace"), nil)
	spec := remote.Spec{Packed: true, Grows: true, Ending: endOfLog, Length: s.client.sizeOf(project, job, ArtifactTypeTrace)}
	log, err := notJSON(notPage(s.client.download(ctx, cl, spec)))
	if err != nil {
		return nil, err
	}
	return log, nil
}

// FollowOptions say how a log is followed. Nil is what the zero values are.
type FollowOptions struct {
	// From is the byte of the log to begin at: the [FollowPoll.Offset] at which
	// a program stopped, to go on there. Zero is the beginning.
	From int64

	// MinInterval is the time between two polls while the log grows. While it
	// does not they become rarer, down to one each MaxInterval. Zero is a
	// second, and 10 seconds, or MinInterval if that is longer.
	MinInterval time.Duration
	MaxInterval time.Duration

	// Linger is how long after the job has finished, by the server's clock, its
	// last bytes may arrive, unless they are known to be there. Zero is 30
	// seconds.
	Linger time.Duration

	// GiveUpAfter is how long polls may fail in a row, three at least, before the
	// error of the last one is returned. Zero is 10 minutes.
	GiveUpAfter time.Duration

	// Rewritten is called when the log is no longer what was copied of it, before
	// the line that says so is written. From is the byte of the log whose copy
	// follows that line.
	Rewritten func(from int64)

	// Poll is called after each poll, the last one included.
	Poll func(FollowPoll)
}

// A FollowPoll is one look at a log, and at its job unless the log grows.
type FollowPoll struct {
	Job    *Job  // as last seen, nil before; not to be changed
	Offset int64 // how much of the log is copied: the next poll's new bytes begin there
	Read   int64 // bytes of the log that came, those copied before included
	Err    error // why the poll failed; nil if it did not
}

// The defaults of FollowOptions.
const (
	followMinInterval = time.Second
	followMaxInterval = 10 * time.Second
	followLinger      = 30 * time.Second
	followGiveUp      = 10 * time.Minute
	followFailures    = 3 // in a row, at least, before it gives up
)

// FollowLog copies a job's log to w as it grows, from its first byte or
// [FollowOptions.From] on, until the job has finished and its log is complete.
// It returns the job as it ended, failed or not: the verdict is its Status. On
// error it returns the job as last seen, nil before.
//
//	GET /projects/:id/jobs/:job_id/trace
//	GET /projects/:id/jobs/:job_id
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-log-file-for-a-job.
// The error matches [ErrNotFound] if the project or the job does not exist or
// is a trigger job, [ErrUnauthorized] or [ErrForbidden]; these, the end of the
// context and an error of w end it at once. Any other failure is followed by
// the next poll, until it has lasted for [FollowOptions.GiveUpAfter].
//
// A job that has not started is waited for, a manual one too, since somebody
// may play it. A retried job is another job, with its own log. A job without a
// log has an empty one.
//
// Each poll asks for the last 1 KiB again. Where that has changed or is gone,
// since a runner sent another end of the log or somebody erased it, and stays
// so for some looks more, w gets a line that says so, and then what the log has
// now: from the first byte that differs, or all of it if that lies further
// back. Otherwise each byte is written once.
//
// Servers before GitLab 19.1 send the whole log for each poll. Of them it is
// asked the less often the longer it is: a second for each MiB, up to
// MaxInterval.
func (s *JobsService) FollowLog(ctx context.Context, project ProjectID, job JobID, w io.Writer, opts *FollowOptions) (*Job, error) {
	options, err := opts.check()
	if err == nil && w == nil {
		err = errors.New("the writer is nil")
	}
	if err != nil {
		return nil, &inputError{"FollowLog", err}
	}
	f := &follower{
		client: s.client, options: options, path: at("projects", project, "jobs", job),
		log: logReader{
			client: s.client, path: at("projects", project, "jobs", job, "trace"), rewritten: options.Rewritten,
			copied: logCopy{w: w, size: options.From, unseen: true},
		},
	}
	return f.run(ctx)
}

// check returns the options with their defaults, or what is wrong with them.
func (o *FollowOptions) check() (FollowOptions, error) {
	var options FollowOptions
	if o != nil {
		options = *o
	}
	if options.From < 0 {
		return options, fmt.Errorf("FollowOptions.From is %d, before the first byte", options.From)
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"MinInterval", &options.MinInterval, followMinInterval},
		{"MaxInterval", &options.MaxInterval, max(followMaxInterval, options.MinInterval)},
		{"Linger", &options.Linger, followLinger},
		{"GiveUpAfter", &options.GiveUpAfter, followGiveUp},
	} {
		if *d.value < 0 {
			return options, fmt.Errorf("FollowOptions.%s is %v", d.name, *d.value)
		}
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if options.MaxInterval < options.MinInterval {
		return options, fmt.Errorf("FollowOptions.MaxInterval is %v, less than the MinInterval of %v", options.MaxInterval, options.MinInterval)
	}
	return options, nil
}

// A follower follows the log of one job.
type follower struct {
	client  *Client
	options FollowOptions
	path    path // of the job
	log     logReader

	job      *Job      // as last seen
	seen     time.Time // when that was, by the server's clock
	grew     bool      // whether the last poll brought something new
	interval time.Duration

	failure  error     // of the last poll
	failures int       // of polls in a row that brought nothing
	failing  time.Time // since when
}

func (f *follower) run(ctx context.Context) (*Job, error) {
	for {
		before := f.log.copied.written
		f.log.read = 0
		err := f.poll(ctx)
		f.grew = f.log.copied.written > before
		if f.options.Poll != nil {
			f.options.Poll(FollowPoll{f.job, f.log.copied.size, f.log.read, err})
		}
		if err == nil && f.complete() {
			return f.job, nil
		}
		if cause := ctx.Err(); cause != nil {
			return f.job, interrupted(cause, err)
		}
		if err = f.judge(err); err != nil {
			return f.job, err
		}
		if cause := rest.Sleep(ctx, f.pause()); cause != nil {
			return f.job, interrupted(cause, f.failure)
		}
	}
}

// poll looks at the job, unless its log is growing and has no verdict yet, and
// then at the log. In this order: what a finished job's log has then, is the end.
func (f *follower) poll(ctx context.Context) error {
	if f.job == nil || !f.grew || f.log.copied.endsWithVerdict() {
		if err := f.look(ctx); err != nil {
			return err
		}
	}
	if !f.begun() {
		return nil
	}
	return f.log.readOn(ctx)
}

func (f *follower) look(ctx context.Context) error {
	return f.client.fetch(ctx, reading(f.path, nil), func(header http.Header, body []byte) error {
		job, err := decodeThing[*Job](body)
		if err != nil {
			return err
		}
		if job.Status.Finished() && (f.job == nil || !f.job.Status.Finished()) {
			f.log.rangeless = false // that of a finished job may be served by something else
		}
		f.job, f.seen = job, serverTime(header)
		return nil
	})
}

// begun reports whether the job has run, and may have a log.
func (f *follower) begun() bool {
	switch f.job.Status {
	case StatusCreated, StatusWaitingForResource, StatusPreparing, StatusWaitingForCallback,
		StatusPending, StatusManual, StatusScheduled, StatusSkipped:
		return false
	default:
		return true
	}
}

// complete reports whether nothing more will come, once the log was read.
// GitLab says so only when it has archived the log, minutes later, but a runner
// ends each log with a verdict.
func (f *follower) complete() bool {
	if !f.job.Status.Finished() || f.log.doubts > 0 {
		return false
	}
	size, archived := f.archived()
	switch {
	case !f.begun(), f.job.StartedAt.IsZero(), !f.job.ErasedAt.IsZero():
		return true
	case archived && f.log.copied.size >= size, f.log.copied.endsWithVerdict():
		return true
	default:
		return !f.grew && f.seen.Sub(f.job.FinishedAt) >= f.options.Linger
	}
}

// archived returns the size of the log that GitLab keeps, if it does by now.
func (f *follower) archived() (size int64, ok bool) {
	i := slices.IndexFunc(f.job.Artifacts, func(a JobArtifact) bool { return a.FileType == ArtifactTypeTrace })
	if i < 0 {
		return 0, false
	}
	return f.job.Artifacts[i].Size, true
}

// judge returns the error that ends it, nil if there is none or another poll
// may go better.
func (f *follower) judge(err error) error {
	f.failure = err
	if err != nil && (isFinal(err) || f.job == nil && hopeless(err)) {
		return err
	}
	if err == nil || f.grew {
		f.failures = 0
		return nil
	}
	if f.failures == 0 {
		f.failing = time.Now()
	}
	f.failures++
	if lasted := time.Since(f.failing); f.failures >= followFailures && lasted >= f.options.GiveUpAfter {
		return fmt.Errorf("%w (the last of %d polls that failed within %v)", err, f.failures, lasted.Round(time.Second))
	}
	return nil
}

// isFinal reports whether a poll's error would only come again: what GitLab
// itself says of the job or the token, and what the writer says.
func isFinal(err error) bool {
	if _, ok := errors.AsType[*writeError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*inputError](err); ok || isStrayed(err) {
		return true
	}
	e, ok := errors.AsType[*APIError](err)
	if !ok || e.foreign && e.Message != "" && e.StatusCode != http.StatusUnauthorized {
		return false // a proxy that has lost its GitLab says 404, too
	}
	return e.Is(ErrUnauthorized) || e.Is(ErrForbidden) || e.Is(ErrNotFound) || e.Is(ErrInvalid)
}

// pause returns how long to wait for the next poll.
func (f *follower) pause() time.Duration {
	if f.grew || f.log.doubts > 0 || f.interval == 0 {
		f.interval = f.options.MinInterval
	} else {
		f.interval = min(f.interval+f.interval/2, f.options.MaxInterval)
	}
	wait := f.interval
	if f.log.serves == wholeLogs {
		mebibytes := time.Duration(f.log.read >> 20) // not of the copy: the log may be shorter by now
		wait = max(wait, min(mebibytes*time.Second, f.options.MaxInterval))
	}
	if e, ok := errors.AsType[*APIError](f.failure); ok {
		wait = max(wait, min(e.RetryAfter, f.client.config.maxWait))
	}
	return wait
}

// interrupted is the error of a context that ended, with what failed last.
func interrupted(cause, failure error) error {
	switch {
	case failure == nil:
		return fmt.Errorf("gitlabci: FollowLog: %w", cause)
	case errors.Is(failure, cause):
		return failure
	}
	return fmt.Errorf("gitlabci: FollowLog: %w (after: %w)", cause, failure)
}
