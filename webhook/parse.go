package webhook

import (
	"net/http"
	"time"
)

// Parse verifies a request and returns its event. The body is read to its end, but for
// more than 25 MiB, and only decoded if it is verified. How long the body may take is
// decided by the http.Server.
//
// The error matches [ErrNotVerified] if the request may be anybody's: respond with 401.
// It matches [ErrReplayed] if the event was accepted before: respond with 200. It matches
// [ErrTooLarge] or [ErrMalformed] for other bodies than GitLab sends. No error has a part
// of the request.
//
// An event counts as accepted when Parse has returned it. If the work on it fails, and
// GitLab may send it again, call [Verifier.Forget].
func (v *Verifier) Parse(r *http.Request) (*Event, error) {
	c, b, err := v.read(r, nil)
	if err != nil {
		return nil, err
	}
	if err := v.seen.begin(c); err != nil {
		return nil, err
	}
	e := newEvent(r.Header, c, b.data)
	if err := e.decode(r.Context()); err != nil {
		v.seen.release(c.id)
		return nil, err
	}
	v.seen.accept(c)
	return e, nil
}

// read reads a request and verifies it.
func (v *Verifier) read(r *http.Request, from *budget) (*claim, *body, error) {
	c, err := v.claimOf(r.Header, time.Now())
	if err != nil {
		return nil, nil, err
	}
	b, err := readBody(r.Context(), r, c, from)
	if err != nil {
		return nil, nil, err
	}
	if err := c.check(); err != nil {
		b.refuse()
		return nil, nil, err
	}
	return c, b, nil
}
