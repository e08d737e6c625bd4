package remote

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// A resumer reads bodies one after the other. If one is interrupted, it waits, and
// opens another one for what is missing. It counts the attempts in a row that brought
// no new byte; the server says how many there may be.
type resumer struct {
	ctx    context.Context
	server Server

	// open requests what is missing and hands the body to hold. The next byte read
	// from that is the next one.
	open func() error

	// received notes the bytes of one Read, and how that ended. It returns how many of
	// them are wanted.
	received func(p []byte, err error) (int, error)

	// fail makes an error that of what is read.
	fail func(error) error

	fruitless int   // attempts in a row without a new byte, or with very few
	before    int   // fruitless, when the present attempt began
	fresh     int   // bytes of the present attempt
	broken    error // how the last attempt ended, if too soon
	over      error // what every further Read returns

	mu     sync.Mutex // for close, which may come during a Read
	body   io.ReadCloser
	closed bool
}

// leastFresh is how many bytes an attempt must bring that is given up because they
// arrive too slowly. With fewer it is fruitless, or a server that sends a byte a
// minute would get requests forever.
const leastFresh = 1 << 10

// An interruption is how an attempt ended that did not bring all it should. Any other
// error of open and received is final; that may be io.EOF.
type interruption struct{ cause error }

func (i *interruption) Error() string { return i.cause.Error() }

// interrupted returns the interruption for an error of a body.
func interrupted(err error, secrets []secret.Value) *interruption {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &interruption{secret.ScrubError(rest.Bare(err), secrets)}
}

func (r *resumer) Read(p []byte) (int, error) {
	for r.ready() {
		n, err := r.body.Read(p)
		n, err = r.received(p[:n], err)
		if n > 0 {
			r.fruitless = 0
			r.fresh += n
		}
		r.note(err)
		if n > 0 || err == nil {
			return n, nil
		}
	}
	return 0, r.over
}

// ready makes attempts until there is a body to read, and reports whether there is one.
func (r *resumer) ready() bool {
	for r.over == nil && (r.body == nil || r.broken != nil) {
		r.note(r.attempt())
	}
	return r.over == nil
}

// attempt opens the next body. After an interruption it waits first.
func (r *resumer) attempt() error {
	if r.broken != nil {
		r.fruitless++
		if r.body != nil {
			r.body.Close() // whose error would say no more than broken does
		}
		if r.isClosed() {
			return r.fail(fs.ErrClosed)
		}
		if err := r.server.WaitToRetry(r.ctx, r.fruitless, r.broken); err != nil {
			return r.fail(err)
		}
	}
	r.before, r.fresh = r.fruitless, 0
	err := r.open()
	if err == nil {
		r.broken = nil
	}
	return err
}

// note decides what an error means: another attempt, or the end.
func (r *resumer) note(err error) {
	if i, ok := err.(*interruption); ok {
		r.broken = i.cause
		if rest.IsTooSlow(i.cause) && r.fresh < leastFresh {
			r.fruitless = r.before
		}
		return
	}
	r.over = err
}

// hold makes body the one to read, unless close was called meanwhile.
func (r *resumer) hold(body io.ReadCloser) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		body.Close()
		return r.fail(fs.ErrClosed)
	}
	r.body = body
	return nil
}

func (r *resumer) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *resumer) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
