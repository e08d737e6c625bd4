package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"example.com/gitlabci/internal/follow"
	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
)

// Log opens a job's log: bytes as the runner wrote them, with color codes, carriage
// returns and section markers, and not always UTF-8. A job without a log has an empty one.
// The caller closes it.
//
//	GET /projects/:id/jobs/:job_id/trace
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-log-file-for-a-job.
// The error matches [ErrNotFound] if the project or the job does not exist or is a trigger
// job, and [ErrForbidden] for the log of a job in debug mode without the right to change it.
// The last bytes of a log may arrive after the job has finished.
//
// An interrupted log resumes; see [ArtifactFile.Read]. If the server sends neither the
// length nor chunks, only the runner's last line or the size of the archived log proves that
// the log is complete. Without them the error at the end matches [io.ErrUnexpectedEOF].
func (s *JobsService) Log(ctx context.Context, project ProjectID, job JobID) (io.ReadCloser, error) {
	cl := rest.ReadFile(at("projects", project, "jobs", job, "trace"), nil)
	spec := remote.Spec{Packed: true, Grows: true, Ending: endOfLog, Length: s.client.sizeOf(project, job, ArtifactTypeTrace)}
	log, err := s.client.download(ctx, cl, spec)
	if err != nil {
		return nil, err
	}
	return log, nil
}

// endOfLog reports whether a log is complete.
func endOfLog(_, last []byte, _ int64) remote.Wholeness {
	if follow.IsWhole(last) {
		return remote.Whole
	}
	return remote.Uncertain
}

// FollowOptions say how a log is followed. Nil means the zero values.
//
// [JobsService.FollowLog] also waits for a job that has not started, such as a manual job,
// since someone may play it. A retried job is another job, with its own log. A job without
// a log has an empty one.
//
// Each poll requests the last 1 KiB again. If these bytes have changed or are gone, because
// a runner sent another end of the log or someone erased it, and stay so for some polls,
// the writer gets the line "[log rewritten by the server; continuing from byte 7]". After it
// comes the new log, from the first byte that differs, or all of it if that byte is further
// back. Otherwise each byte is written once.
//
// If the log is shorter than the one that GitLab has archived, or its last response may
// have been cut off, polls continue until GiveUpAfter; then the error matches
// [io.ErrUnexpectedEOF].
//
// Servers before GitLab 19.1 send the whole log for each poll. The longer it is, the less
// often they are polled: a second for each MiB, up to MaxInterval.
type FollowOptions struct {
	// From is the byte of the log to begin at: the [FollowPoll.Offset] at which
	// a program stopped, to continue there. Zero is the beginning.
	From int64

	// MinInterval is the time between two polls while the log grows. While it
	// does not, the interval grows up to MaxInterval. Zero is a second, and 10
	// seconds, or MinInterval if that is longer.
	MinInterval time.Duration
	MaxInterval time.Duration

	// Linger is how long FollowLog waits for the last bytes of a log that is not known to be
	// complete: since the job has finished by the server's clock, or since FollowLog has
	// first seen that, whichever ends earlier. Zero is 30 seconds.
	Linger time.Duration

	// GiveUpAfter is how long polls may fail in a row, three at least, before the
	// error of the last one is returned. Zero is 10 minutes.
	GiveUpAfter time.Duration

	// Rewritten is called when the part of the log that was copied has changed, before the
	// line that says so is written. From is the byte of the log whose copy follows that
	// line.
	Rewritten func(from int64)

	// Poll is called after each poll, the last one included.
	Poll func(FollowPoll)
}

// A FollowPoll is what one poll has read of a log, and of its job unless the log
// grows.
type FollowPoll struct {
	Job    *Job  // as last seen, nil before; not to be changed
	Offset int64 // how much of the log is copied: the next poll's new bytes begin there
	Read   int64 // bytes of the log that arrived, those copied before included
	Err    error // why the poll failed; nil if it did not
}

// The defaults of FollowOptions.
const (
	followMinInterval = time.Second
	followMaxInterval = 10 * time.Second
	followLinger      = 30 * time.Second
	followGiveUpAfter = 10 * time.Minute
)

// FollowLog copies a job's log to w as it grows, until the job has finished and the log is
// complete. It returns the finished job. A failed job is not an error: see its Status.
//
//	GET /projects/:id/jobs/:job_id/trace
//	GET /projects/:id/jobs/:job_id
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-log-file-for-a-job.
// The error matches [ErrNotFound] if the project or the job does not exist or is a trigger
// job, [ErrUnauthorized] or [ErrForbidden]. These, the end of the context and an error of w
// end the call. After any other failure it polls again, until polls have failed for
// [FollowOptions.GiveUpAfter]. With an error, it returns the job as last seen, or nil.
// [FollowOptions] explains how it polls, and what happens if the log is rewritten.
func (s *JobsService) FollowLog(ctx context.Context, project ProjectID, job JobID, w io.Writer, opts *FollowOptions) (*Job, error) {
	options, err := opts.check()
	if err == nil && w == nil {
		err = errors.New("the writer is nil")
	}
	if err != nil {
		return nil, rest.Invalid("FollowLog", err)
	}
	server := &logServer{
		client: s.client, id: job,
		job:   jobAt(project, job),
		trace: at("projects", project, "jobs", job, "trace"),
	}
	err = follow.Log(ctx, server, w, options.followOptions(server))
	return server.seen, err
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
		{"GiveUpAfter", &options.GiveUpAfter, followGiveUpAfter},
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

// followOptions returns the options of the package that follows the log.
func (o *FollowOptions) followOptions(server *logServer) follow.Options {
	inner := follow.Options{
		Name:        fmt.Sprintf("the log of job %d", server.id),
		From:        o.From,
		MinInterval: o.MinInterval,
		MaxInterval: o.MaxInterval,
		Linger:      o.Linger,
		GiveUpAfter: o.GiveUpAfter,
		Rewritten:   o.Rewritten,
	}
	if o.Poll != nil {
		inner.Poll = func(p follow.Poll) { o.Poll(FollowPoll{server.seen, p.Offset, p.Read, p.Err}) }
	}
	return inner
}

// A logServer is where a followed log, and the state of its job, are read.
type logServer struct {
	client  *Client
	id      JobID
	job     target
	trace   rest.Path
	seen    *Job            // as last seen
	absent  [2]poll.Absence // of the job and of its log
	missing bool            // whether one of them was not found so often that it does not exist
}

func (l *logServer) Open(ctx context.Context, query url.Values, header http.Header) (*rest.Response, error) {
	resp, err := fileServer{l.client.wire, rest.ReadFile(l.trace, query)}.Request(ctx, header, nil)
	l.countAbsence(1, err)
	return resp, err
}

func (l *logServer) Job(ctx context.Context) (state follow.Job, err error) {
	err = l.client.fetch(ctx, rest.Read(l.job.path, nil), func(header http.Header, body []byte) (lenient.LeftOut, error) {
		job, left, err := decodeState[*Job](ctx, body, l.job)
		if err != nil {
			return left, err
		}
		l.seen = job
		state = follow.Job{
			Begun:    job.Status.begun(),
			Finished: job.Status.Finished(),
			Logless:  job.StartedAt.IsZero() || !job.ErasedAt.IsZero(),
			Ago:      rest.ServerTime(header).Sub(job.FinishedAt),
			Archived: job.archivedLog(),
		}
		return left, nil
	})
	l.countAbsence(0, err)
	return state, err
}

// begun reports whether a job with this status has run, and may have a log.
func (s Status) begun() bool {
	switch s {
	case StatusCreated, StatusWaitingForResource, StatusPreparing, StatusWaitingForCallback,
		StatusPending, StatusManual, StatusScheduled, StatusSkipped:
		return false
	default:
		return true
	}
}

// archivedLog returns the size of the log that GitLab has archived, or -1 if there is
// none.
func (j *Job) archivedLog() int64 {
	i := slices.IndexFunc(j.Artifacts, func(a JobArtifact) bool { return a.FileType == ArtifactTypeTrace })
	if i < 0 {
		return -1
	}
	return j.Artifacts[i].Size
}

func (l *logServer) Explain(err error) follow.Failure {
	failure := follow.Failure{
		Final: !isTransient(err, l.isKnown()) && !(isGone(err) && !l.missing),
		Met:   l.isKnown() || showsServer(err),
		Wait:  min(retryAfter(err), l.client.wire.Config().MaxWait),
	}
	if e, ok := errors.AsType[*APIError](err); ok {
		failure.Status = e.StatusCode
	}
	return failure
}

// isKnown reports whether the job exists, or did.
func (l *logServer) isKnown() bool { return l.seen != nil || !l.client.created.of(l.id).IsZero() }

// countAbsence counts how often in a row the job (0) or its log (1) was not found.
func (l *logServer) countAbsence(part int, err error) {
	switch {
	case err == nil:
		l.absent[part].Found()
	case isGone(err):
		l.missing = l.absent[part].Missed(l.isKnown())
	}
}
