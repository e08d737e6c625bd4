package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	maxBodyBytes = 25 << 20 // of a body, as GitLab limits it
	initialBytes = 4 << 10  // for which there is room before any have arrived
)

// A body is the body of a request, and what it takes of a budget. Without a budget it has
// no limit but that of GitLab.
type body struct {
	data   []byte
	budget *budget
	stop   func() // lets a Read return that waits for the sender

	// Guarded by the budget.
	share   *share // that it takes memory from; nil if it takes none
	taken   int64
	arrived bool
	since   time.Time     // when the current part began; see beginPart
	mark    int           // where the current part ends
	waited  time.Duration // for memory, in all
	slow    bool          // whether it arrives too slowly, and has to make room
}

// errSlow is the error of a body that has to make room.
var errSlow = fmt.Errorf("%w: the body arrives too slowly while others wait", ErrBusy)

// read reads the body of a request, and writes it to the claim, so that it is hashed when
// it has arrived. Memory is taken as bytes arrive, not for the length that the request
// announces.
func (b *body) read(r *http.Request, c *claim) error {
	if r.ContentLength > maxBodyBytes {
		return ErrTooLarge
	}
	b.data = make([]byte, 0, sizeFor(initialBytes, r.ContentLength))
	if r.Body == nil {
		return nil
	}
	err := b.readAll(r, c)
	if err != nil {
		b.release()
	}
	return err
}

func (b *body) readAll(r *http.Request, c *claim) error {
	for empty := 0; empty < 100; empty++ {
		if len(b.data) == cap(b.data) {
			if err := b.grow(r.Context(), r.ContentLength); err != nil {
				return err
			}
		}
		n, err := r.Body.Read(b.data[len(b.data):cap(b.data)])
		if n > 0 {
			c.Write(b.data[len(b.data) : len(b.data)+n])
			b.data = b.data[:len(b.data)+n]
			empty = 0
		}
		if slow := b.progress(err == io.EOF); slow != nil {
			return slow
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return readError(err)
		}
	}
	return readError(io.ErrNoProgress)
}

// progress notes what has arrived. The error is that of a body that has to make room.
func (b *body) progress(whole bool) error {
	if b.budget == nil {
		return nil
	}
	b.budget.mu.Lock()
	defer b.budget.mu.Unlock()
	switch {
	case whole:
		b.arrived = true
		if b.share != nil {
			delete(b.share.readers, b)
		}
	case b.slow:
		return errSlow
	case len(b.data) >= b.mark:
		b.beginPart()
	}
	return nil
}

// sizeFor returns how much room a body gets next: n bytes, but at most one more than the
// length that it is said to have, so that its end is seen too.
func sizeFor(n int, length int64) int {
	if length >= 0 && length < int64(n) {
		return int(length) + 1
	}
	return min(n, maxBodyBytes+1)
}

// grow makes room for more bytes.
func (b *body) grow(ctx context.Context, length int64) error {
	if len(b.data) > maxBodyBytes {
		return ErrTooLarge
	}
	if int64(len(b.data)) > length {
		length = -1 // a middleware has unpacked the body
	}
	size := sizeFor(2*cap(b.data), length)
	if b.budget != nil && size > freeBytes {
		from := &b.budget.small
		isLarge := size > smallBytes+1 || int64(size) > from.size && (length < 0 || length > smallBytes)
		if isLarge || b.share == &b.budget.large {
			// Its bytes must be contiguous, and to copy 25 MiB would take 50.
			size, from = sizeFor(maxBodyBytes+1, length), &b.budget.large
		}
		if err := b.budget.take(ctx, b, from, b.missing(size, from)); err != nil {
			return err
		}
		if from == &b.budget.large {
			b.budget.garbage.makeRoom(size)
		} else {
			b.budget.garbage.collect(b.budget.hasLarge)
		}
	}
	larger := make([]byte, len(b.data), size)
	copy(larger, b.data)
	b.data = larger
	return nil
}

// missing is how much more of a share a body must take to have size bytes of it.
func (b *body) missing(size int, from *share) int64 {
	if b.share == from {
		return int64(size) - b.taken
	}
	return int64(size)
}

// prepareForQueue prepares a body for its time in a queue. It takes memory from a share for
// the bytes that were free so far, and gives back what it does not need.
func (b *body) prepareForQueue(ctx context.Context) error {
	if b.share != &b.budget.large {
		return b.budget.take(ctx, b, &b.budget.small, int64(cap(b.data))-b.taken)
	}
	if cap(b.data) > 2*len(b.data) {
		b.budget.garbage.makeRoom(len(b.data))
		b.data = bytes.Clone(b.data) // or an event that is kept would keep all of it
		b.budget.mu.Lock()
		defer b.budget.mu.Unlock()
		b.giveBack(b.taken - int64(cap(b.data)))
	}
	return nil
}

// release drops a body, and gives back its memory.
func (b *body) release() {
	b.data = nil
	if b.budget == nil {
		return
	}
	b.budget.mu.Lock()
	defer b.budget.mu.Unlock()
	b.giveBack(b.taken)
}

// readError distinguishes a body that is cut off or too large from one that could not be
// read.
func readError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early (%w)", ErrMalformed, err)
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("%w (%w)", ErrTooLarge, large)
	}
	return fmt.Errorf("webhook: the body could not be read: %w", err)
}
