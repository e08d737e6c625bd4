package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// drained is how many bytes are read off at most so that a connection can be
// used again: more than a member's extra fields can have.
const drained = 72 << 10

// drainTime is how long that may take: a new connection costs no more.
const drainTime = 100 * time.Millisecond

// A stream reads a part of an archive, by a request when the first of it
// is read. When its body breaks off or stalls, it asks the API for the rest,
// as often as the client tries things, and anew after each byte that came.
type stream struct {
	zip       *Parts
	ctx       context.Context
	pos, end  int64
	body      io.ReadCloser
	fruitless int   // bodies in a row that brought nothing more
	over      error // what every further Read returns
}

func (s *stream) Read(p []byte) (int, error) {
	if s.pos >= s.end {
		return 0, io.EOF
	}
	if int64(len(p)) > s.end-s.pos {
		p = p[:s.end-s.pos]
	}
	for s.over == nil {
		if s.over = s.open(); s.over != nil {
			break
		}
		n, err := s.body.Read(p)
		if s.pos += int64(n); n > 0 {
			s.fruitless = 0
		}
		if err != nil {
			s.over = s.broke(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, s.over
}

func (s *stream) open() (err error) {
	if s.body == nil {
		s.body, err = s.zip.part(s.ctx, s.pos, s.end)
	}
	return err
}

// broke ends a body. It waits before the next one, or returns why there will be
// none.
func (s *stream) broke(err error) error {
	s.body.Close()
	if s.body = nil; s.pos >= s.end {
		return nil
	}
	cause := s.ctx.Err()
	switch {
	case cause != nil && !errors.Is(err, cause):
		err = fmt.Errorf("%w: %w", cause, err)
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	z := s.zip
	z.forget(z.known())
	s.fruitless++
	if err := z.server.Again(s.ctx, s.fruitless, secret.ScrubError(rest.Bare(err), nil)); err != nil {
		return z.fail(fmt.Errorf("at byte %d of %d: %w", s.pos, z.size, err))
	}
	return nil
}

// Close ends the request, if there is one.
func (s *stream) Close() error {
	if s.body == nil {
		return nil
	}
	if s.end-s.pos <= drained {
		late := time.AfterFunc(drainTime, func() { s.body.Close() })
		io.Copy(io.Discard, io.LimitReader(s.body, s.end-s.pos)) // for the connection's sake
		late.Stop()
	}
	return s.body.Close()
}

// atOnce reads an archive from at to its end in one response, so that the
// directory in it is of one archive. The body is that of a response that has
// already arrived, or nil. If a response is interrupted after n bytes, again
// returns where the next one begins.
func (z *Parts) atOnce(ctx context.Context, at int64, body io.ReadCloser, again func(at, n int64) int64) (block, error) {
	s := &stream{zip: z, ctx: ctx, end: z.size, body: body}
	defer s.Close()
	for most := int64(0); ; {
		s.pos = at
		if err := s.open(); err != nil {
			return block{}, err
		}
		b := block{at, make([]byte, z.size-at)}
		n, err := io.ReadFull(s.body, b.data)
		if s.pos += int64(n); err == nil {
			return b, nil
		}
		if next := again(at, int64(n)); next != at || int64(n) > most {
			at, most, s.fruitless = next, int64(n), 0
		}
		if err := s.broke(err); err != nil {
			return block{}, err
		}
	}
}

// Before reads the bytes from at to the tail. To prove that they are of the same
// archive, it reads the tail in the same response, and compares it.
func (z *Parts) Before(ctx context.Context, at int64, tail []byte) ([]byte, error) {
	b, err := z.atOnce(ctx, at, nil, func(at, _ int64) int64 { return at })
	if err != nil {
		return nil, err
	}
	before := len(b.data) - len(tail)
	if !bytes.Equal(b.data[before:], tail) {
		return nil, z.fail(errChanged)
	}
	return b.data[:before], nil
}

// A block is a part of an archive in memory.
type block struct {
	at   int64
	data []byte
}

func (b block) end() int64 { return b.at + int64(len(b.data)) }

func (b block) covers(first, end int64) bool { return b.at <= first && end <= b.end() }

func (b block) reader(first, end int64) io.ReadCloser {
	return io.NopCloser(bytes.NewReader(b.data[first-b.at : end-b.at]))
}

const (
	aheadGap   = 4 << 10
	aheadFirst = 64 << 10
	aheadMost  = 1 << 20 // also of what is held
)

// An ahead holds what was read of an archive last. While small files are read
// one after the other, more and more of them come with one request.
type ahead struct {
	mu    sync.Mutex
	held  block
	width int64
}

// look returns what is held, or where to read to.
func (a *ahead) look(first, end, size int64) (held block, until int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.held.covers(first, end):
		return a.held, end
	case a.held.covers(first, first) || a.held.covers(first-aheadGap, first-aheadGap): // goes on where it ended
		a.width = min(max(2*a.width, aheadFirst), aheadMost)
	default:
		a.width = 0
	}
	return block{}, min(max(end, first+a.width), size)
}

func (a *ahead) keep(b block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = b
}

// Section reads a part: a large one as it comes, and a small one with what
// follows it.
func (z *Parts) Section(ctx context.Context, first, end int64) io.ReadCloser {
	if end-first > aheadMost {
		return &stream{zip: z, ctx: ctx, pos: first, end: end}
	}
	return &aheadReader{zip: z, ctx: ctx, first: first, end: end}
}

// An aheadReader reads a small part, by a request when the first of it is read
// and if it is not held.
type aheadReader struct {
	zip        *Parts
	ctx        context.Context
	first, end int64
	io.ReadCloser
}

func (r *aheadReader) Read(p []byte) (int, error) {
	if r.ReadCloser == nil {
		held, err := r.fetch()
		if err != nil {
			return 0, err
		}
		r.ReadCloser = held.reader(r.first, r.end)
	}
	return r.ReadCloser.Read(p)
}

func (r *aheadReader) fetch() (block, error) {
	held, until := r.zip.last.look(r.first, r.end, r.zip.size)
	if held.data != nil {
		return held, nil
	}
	stream := &stream{zip: r.zip, ctx: r.ctx, pos: r.first, end: until}
	defer stream.Close()
	held = block{r.first, make([]byte, until-r.first)}
	if _, err := io.ReadFull(stream, held.data); err != nil {
		return block{}, err
	}
	r.zip.last.keep(held)
	return held, nil
}

// Close lets go of what is held.
func (r *aheadReader) Close() error { return nil }
