package gitlabci

import (
	"context"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

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
