package webhook

import (
	"net/http"
	"time"
)

// Parse verifies a request and returns its event. It reads at most 25 MiB of the body, and
// decodes it only if it is verified. [http.Server.ReadTimeout] limits how long the body may
// take to arrive; [NewHandler] has limits of its own.
//
// The error matches [ErrNotVerified] if nothing proves that the request is from GitLab:
// respond with 401. It matches [ErrReplayed] if the event was accepted before: respond with
// 200. It matches [ErrTooLarge] or [ErrMalformed] for bodies that GitLab does not send. An
// error contains at most one character of the request: the one where the body is not JSON.
//
// An event counts as accepted when Parse has returned it. If the work on it fails, and
// GitLab may send it again, call [Verifier.Forget].
func (v *Verifier) Parse(r *http.Request) (*Event, error) {
	b := &body{}
	c, err := v.read(r, b)
	if err != nil {
		return nil, err
	}
	e := newEvent(r.Header, c, b.data)
	if err := e.decode(r.Context()); err != nil {
		return nil, err
	}
	if err := v.seen.begin(c, true); err != nil {
		return nil, err
	}
	v.seen.accept(c)
	return e, nil
}

// read reads a request into a body, and verifies it.
func (v *Verifier) read(r *http.Request, b *body) (*claim, error) {
	c, err := v.claimOf(r.Header, time.Now())
	if err != nil {
		return nil, err
	}
	if err := b.read(r, c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		b.release()
		return nil, err
	}
	return c, nil
}
