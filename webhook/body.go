package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	mostBytes  = 25 << 20 // of a body, as GitLab limits it
	firstBytes = 4 << 10  // that get room before any have arrived
)

// A body is the body of a request, and what it takes of a budget.
type body struct {
	data    []byte
	budget  *budget
	taken   int64 // bytes for small bodies
	isLarge bool
}

// readBody reads the body of a request, and writes it to the claim, so that it is hashed
// when it has arrived. Memory is taken as bytes arrive, whatever length the request says.
func readBody(ctx context.Context, r *http.Request, c *claim, from *budget) (*body, error) {
	if r.ContentLength > mostBytes {
		return nil, ErrTooLarge
	}
	b := &body{budget: from, data: make([]byte, 0, sizeFor(firstBytes, r.ContentLength))}
	if r.Body == nil {
		return b, nil
	}
	if err := b.read(ctx, r, c); err != nil {
		b.refuse()
		return nil, err
	}
	return b, nil
}

func (b *body) read(ctx context.Context, r *http.Request, c *claim) error {
	for empty := 0; empty < 100; empty++ {
		if len(b.data) == cap(b.data) {
			if err := b.grow(ctx, r.ContentLength); err != nil {
				return err
			}
		}
		n, err := r.Body.Read(b.data[len(b.data):cap(b.data)])
		if n > 0 {
			c.Write(b.data[len(b.data) : len(b.data)+n])
			b.data = b.data[:len(b.data)+n]
			empty = 0
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

// sizeFor returns how much room a body gets next: n bytes, but at most one more than the
// length that it is said to have, so that its end is seen too.
func sizeFor(n int, length int64) int {
	if length >= 0 && length < int64(n) {
		return int(length) + 1
	}
	return min(n, mostBytes+1)
}

// grow makes room for more bytes.
func (b *body) grow(ctx context.Context, length int64) error {
	if len(b.data) > mostBytes {
		return ErrTooLarge
	}
	if int64(len(b.data)) > length {
		length = -1 // a middleware has unpacked the body
	}
	size := sizeFor(2*cap(b.data), length)
	if (size > smallBytes+1 || size > freeBytes && length > smallBytes) && b.budget != nil && !b.isLarge {
		return b.growLarge(ctx)
	}
	if size > freeBytes && !b.isLarge {
		if !b.budget.take(int64(size) - b.taken) {
			return ErrBusy
		}
		b.taken = int64(size)
	}
	larger := make([]byte, len(b.data), size)
	copy(larger, b.data)
	b.data = larger
	return nil
}

// growLarge makes room for all the bytes that the body can have, when its turn has come.
func (b *body) growLarge(ctx context.Context) error {
	memory, err := b.budget.takeLarge(ctx)
	if err != nil {
		return err
	}
	b.isLarge = true
	b.data = append(memory, b.data...)
	b.budget.give(b.taken)
	b.taken = 0
	return nil
}

// settle prepares a body for its time in a queue. It reports whether there is room.
func (b *body) settle() bool {
	if b.budget == nil {
		return true
	}
	if b.isLarge {
		if memory := b.data; cap(memory) > 2*len(memory) {
			b.data = bytes.Clone(memory) // who keeps the event would keep all of it
			b.budget.reuse(memory)
		}
		b.budget.lend(b.data)
		return true
	}
	more := int64(cap(b.data)) - b.taken
	if !b.budget.take(more) {
		return false
	}
	b.taken += more
	return true
}

// release gives back what the body of an event takes.
func (b *body) release() { b.end(nil) }

// refuse gives back what a body takes that nobody else has.
func (b *body) refuse() { b.end(b.data) }

func (b *body) end(memory []byte) {
	if b.budget == nil {
		return
	}
	b.budget.give(b.taken)
	if b.isLarge {
		b.budget.giveLarge(memory)
	}
	*b = body{}
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
