package remote

import (
	"bytes"
	"context"
	"io"
	"time"
)

// drained is how many bytes are discarded at most so that a connection can be reused:
// more than the extra fields of a file in a zip archive can have.
const drained = 72 << 10

// drainTime is how long that may take: a new connection costs no more.
const drainTime = 100 * time.Millisecond

// A stream reads a part of an archive. It sends a request at the first Read. After an
// interruption it requests the rest through the API, since storage URLs expire.
type stream struct {
	parts    *Parts
	ctx      context.Context
	pos, end int64
	bodies   resumer
}

func (p *Parts) stream(ctx context.Context, first, end int64) *stream {
	s := &stream{parts: p, ctx: ctx, pos: first, end: end}
	s.bodies = resumer{ctx: ctx, server: p.server, open: s.open, received: s.received, fail: s.fail}
	return s
}

func (s *stream) Read(p []byte) (int, error) { return s.bodies.Read(p) }

func (s *stream) open() error {
	if s.pos >= s.end {
		return io.EOF
	}
	body, err := s.parts.part(s.ctx, s.pos, s.end)
	if err != nil {
		return err
	}
	return s.bodies.hold(body)
}

func (s *stream) received(p []byte, err error) (int, error) {
	s.pos += int64(len(p))
	switch {
	case s.pos >= s.end:
		err = io.EOF
	case err != nil:
		s.parts.forgetURL(s.parts.signedURL())
		err = interrupted(err, nil)
	}
	return len(p), err
}

func (s *stream) fail(err error) error { return s.parts.failAt(s.pos, err) }

// Close ends the request, if there is one.
func (s *stream) Close() error {
	body := s.bodies.body
	if body != nil && s.bodies.broken == nil && s.end-s.pos <= drained {
		late := time.AfterFunc(drainTime, func() { body.Close() })
		io.Copy(io.Discard, io.LimitReader(body, s.end-s.pos)) // for the connection's sake
		late.Stop()
	}
	return s.bodies.close()
}

// An endReader reads an archive from a byte on to its end in one response, so that
// the directory in it is of one archive.
type endReader struct {
	parts  *Parts
	ctx    context.Context
	first  io.ReadCloser             // a body that has already arrived, or nil
	again  func(at, got int64) int64 // where to begin after an interruption
	at     int64                     // where it begins
	most   int64                     // bytes of the best attempt from there
	pos    int64                     // where the last attempt ended
	data   []byte
	bodies resumer
}

// inOneResponse reads an archive from at to its end in one response. The body is that of a
// response that has already arrived, or nil. If a response is interrupted after n
// bytes, again returns where the next one begins.
func (p *Parts) inOneResponse(ctx context.Context, at int64, body io.ReadCloser, again func(at, n int64) int64) (block, error) {
	w := &endReader{parts: p, ctx: ctx, first: body, again: again, at: at}
	w.bodies = resumer{ctx: ctx, server: p.server, open: w.open, fail: w.fail}
	defer w.bodies.close()
	w.bodies.ready()
	if err := w.bodies.over; err != io.EOF {
		return block{}, err
	}
	return block{w.at, w.data}, nil
}

// open makes one attempt, which reads everything. The error is io.EOF at the end.
func (w *endReader) open() (err error) {
	body := w.first
	w.first = nil
	if body == nil {
		if body, err = w.parts.part(w.ctx, w.at, w.parts.size); err != nil {
			return err
		}
	}
	if err := w.bodies.hold(body); err != nil {
		return err
	}
	w.data = make([]byte, w.parts.size-w.at)
	n, err := io.ReadFull(body, w.data)
	w.pos = w.at + int64(n)
	if err == nil {
		return io.EOF
	}
	if next := w.again(w.at, int64(n)); next != w.at || int64(n) > w.most {
		w.at, w.most, w.bodies.fruitless = next, int64(n), 0
	}
	w.data = nil
	w.parts.forgetURL(w.parts.signedURL())
	return interrupted(err, nil)
}

func (w *endReader) fail(err error) error { return w.parts.failAt(w.pos, err) }

// Before reads the bytes from at to the tail. To prove that they are of the same
// archive, it reads the tail in the same response, and compares it.
func (p *Parts) Before(ctx context.Context, at int64, tail []byte) ([]byte, error) {
	b, err := p.inOneResponse(ctx, at, nil, func(at, _ int64) int64 { return at })
	if err != nil {
		return nil, err
	}
	before := len(b.data) - len(tail)
	if !bytes.Equal(b.data[before:], tail) {
		return nil, p.fail(errChanged)
	}
	return b.data[:before], nil
}
