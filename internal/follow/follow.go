// Package follow copies a job's log while it grows, until the job has finished and its
// log is complete. If the server rewrites the log, the copy continues from the first
// byte that changed.
//
// It is handed a Server, which opens the log and reads the state of its job, the writer,
// and how patiently to poll. It knows how GitLab serves logs and how a runner ends them,
// but none of GitLab's objects. It never writes a byte of the log twice, except after a
// line which says that the log was rewritten, and it downloads no more than necessary.
package follow

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

// A Server has the log and its job.
type Server interface {
	// Open requests the log, or the part of it that the query or the header requests.
	Open(ctx context.Context, query url.Values, header http.Header) (*rest.Response, error)

	// Job reads the state of the job.
	Job(context.Context) (Job, error)

	// Explain says what follows from an error of the other methods.
	Explain(error) Failure
}

// A Job is the state of a job, as far as the end of its log depends on it.
type Job struct {
	Begun    bool          // it has run, and may have a log
	Finished bool          // it will not run any more
	Logless  bool          // no log is to be expected: it never started, or its log was erased
	Ago      time.Duration // how long ago it finished, by the server's clock
	Archived int64         // the size of the log that the server has archived, or -1
}

// A Failure is what an error of a [Server] means.
type Failure struct {
	Status int           // of the response, or 0
	Final  bool          // another request would fail as well
	Met    bool          // the server exists
	Wait   time.Duration // how long to wait before the next request, or 0
}

// Options say how a log is followed. All of them are required, except the functions.
type Options struct {
	Name                     string // of the log in errors, such as "the log of job 7"
	From                     int64  // the byte to begin at
	MinInterval, MaxInterval time.Duration
	Linger                   time.Duration // how long the last bytes may arrive after the job has finished
	GiveUpAfter              time.Duration // how long polls may fail in a row

	Rewritten func(from int64)
	Poll      func(Poll)
}

// A Poll is what one poll has found.
type Poll struct {
	Offset int64 // how much of the log is copied
	Read   int64 // bytes of the log that arrived
	Err    error
}

// leastFailures is how many polls in a row must fail, at least, before it gives up.
const leastFailures = 3

// Log copies a log to w until it is complete.
func Log(ctx context.Context, server Server, w io.Writer, o Options) error {
	f := &follower{
		server: server, name: o.Name, linger: o.Linger,
		log: reader{
			server: server, rewritten: o.Rewritten,
			copied: logCopy{w: w, size: o.From, unseen: true},
		},
		pace:     poll.Pace{Min: o.MinInterval, Max: o.MaxInterval},
		patience: poll.Patience{GiveUpAfter: o.GiveUpAfter, AtLeast: leastFailures},
	}
	for {
		failure := f.poll(ctx)
		if o.Poll != nil {
			o.Poll(Poll{f.log.copied.size, f.log.read, failure})
		}
		if failure == nil && f.complete() {
			return nil
		}
		if ctx.Err() != nil {
			return f.interrupted(ctx, failure)
		}
		if err := f.judge(failure); err != nil {
			return err
		}
		if f.pause(ctx, failure) != nil {
			return f.interrupted(ctx, failure)
		}
	}
}

// interrupted is the error of a context that ended, with the failure before it.
func (f *follower) interrupted(ctx context.Context, failure error) error {
	err := f.patience.Ended(ctx, failure)
	if err == failure {
		return err // it says where
	}
	return rest.Errorf("following %s: %w", f.name, err)
}

// A follower follows one log.
type follower struct {
	server Server
	name   string
	linger time.Duration
	log    reader

	job      Job       // as last seen
	known    bool      // it was seen
	finished time.Time // when it was first seen to have finished
	grew     bool      // the last poll brought something new

	pace     poll.Pace
	patience poll.Patience
}

// poll reads the job, unless its log is growing and has no verdict yet, and then
// what is new of the log. The job comes first: what the log of a finished job has then
// is all of it.
func (f *follower) poll(ctx context.Context) error {
	before, grew := f.log.copied.written, f.grew
	f.log.read, f.grew = 0, false
	if !f.known || !grew || f.log.copied.endsWithVerdict() {
		if err := f.readJob(ctx); err != nil {
			return err
		}
	}
	if !f.job.Begun {
		return nil
	}
	err := f.log.readNew(ctx)
	f.grew = f.log.copied.written > before
	switch {
	case err == nil:
		return f.cut()
	case isWriteError(err):
		return rest.Errorf("following %s: %w", f.name, err)
	}
	return err
}

// cut returns an error if all of a finished job's log should have arrived, and the last
// response does not prove that it has.
func (f *follower) cut() error {
	if !f.job.Finished || f.job.Logless || f.grew || f.log.doubts > 0 || !f.lingered() || f.isWhole() {
		return nil
	}
	switch {
	case f.job.Archived >= 0:
		return rest.Errorf("following %s: it has %d bytes, of which %d arrived: %w", f.name, f.job.Archived, f.log.copied.size, io.ErrUnexpectedEOF)
	case f.log.unframed:
		return rest.Errorf("following %s: the server sent neither its length nor its end, so it may be cut short: %w", f.name, io.ErrUnexpectedEOF)
	}
	return nil
}

// isWhole reports whether a finished job's log is known to be complete.
func (f *follower) isWhole() bool {
	return f.job.Archived >= 0 && f.log.copied.size >= f.job.Archived || f.log.copied.endsWithVerdict()
}

func (f *follower) readJob(ctx context.Context) error {
	job, err := f.server.Job(ctx)
	if err != nil {
		return err
	}
	if job.Finished && !f.job.Finished {
		f.log.rangeless = false // the log of a finished job may be served by something else
		f.finished = time.Now()
	}
	f.job, f.known = job, true
	return nil
}

// complete reports whether nothing more will arrive, after the log was read. GitLab
// says so only when it has archived the log, minutes later, but a runner ends each log
// with a verdict.
func (f *follower) complete() bool {
	switch {
	case !f.job.Finished || f.log.doubts > 0:
		return false
	case !f.job.Begun || f.job.Logless:
		return true
	case f.isWhole():
		return true
	}
	return !f.grew && f.lingered()
}

// lingered reports whether the job finished so long ago that no more of its log will
// arrive. The clock that says when it finished can be ahead of the one that dates responses.
func (f *follower) lingered() bool {
	return f.job.Ago >= f.linger || time.Since(f.finished) >= f.linger
}

// judge returns the error that ends the following, nil if there is none or if another
// poll may succeed.
func (f *follower) judge(failure error) error {
	switch {
	case failure != nil && (isWriteError(failure) || f.server.Explain(failure).Final):
		return failure
	case failure == nil || f.grew:
		f.patience.Restore()
		return nil
	}
	f.patience.Responded = f.patience.Responded || f.server.Explain(failure).Met
	if lasted, giveUp := f.patience.Failed(time.Now(), 0, failure); giveUp {
		return fmt.Errorf("%w (the last of %d polls that failed within %v)", failure, f.patience.Failures(), lasted)
	}
	return nil
}

// pause waits until the next poll. If each poll downloads the whole log, a longer log is
// polled less often.
func (f *follower) pause(ctx context.Context, failure error) error {
	if f.grew || f.log.doubts > 0 {
		f.pace.Restart()
	}
	if f.log.serves == wholeLogs {
		mebibytes := time.Duration(f.log.read >> 20) // not of the copy: the log may be shorter by now
		f.pace.AtLeast(min(mebibytes*time.Second, f.pace.Max))
	}
	if failure != nil {
		f.pace.AtLeast(f.server.Explain(failure).Wait)
	}
	return f.pace.Wait(ctx)
}
