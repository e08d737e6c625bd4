package remote

import (
	"bytes"
	"context"
	"io"
	"sync"
)

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
	aheadGap   = 4 << 10 // between parts that still follow one another
	aheadFirst = 64 << 10
	aheadMost  = 1 << 20 // also of what is held
)

// A readahead holds what was read of an archive last. While small files are read one
// after the other, each request covers more of what follows.
type readahead struct {
	mu    sync.Mutex
	held  block
	width int64
}

// find returns what is held, or where to read to.
func (a *readahead) find(first, end, size int64) (held block, until int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.held.covers(first, end):
		return a.held, end
	case a.held.covers(first, first) || a.held.covers(first-aheadGap, first-aheadGap): // continues where it ended
		a.width = min(max(2*a.width, aheadFirst), aheadMost)
	default:
		a.width = 0
	}
	return block{}, min(max(end, first+a.width), size)
}

func (a *readahead) keep(b block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held = b
}

// Section reads a part: a large one as it arrives, and a small one together with what
// follows it.
func (p *Parts) Section(ctx context.Context, first, end int64) io.ReadCloser {
	if end-first > aheadMost {
		return p.stream(ctx, first, end)
	}
	return &sectionReader{parts: p, ctx: ctx, first: first, end: end}
}

// A sectionReader reads a small part. It sends a request at the first Read, unless the
// part is held.
type sectionReader struct {
	parts      *Parts
	ctx        context.Context
	first, end int64
	io.ReadCloser
}

func (r *sectionReader) Read(p []byte) (int, error) {
	if r.ReadCloser == nil {
		held, err := r.fetch()
		if err != nil {
			return 0, err
		}
		r.ReadCloser = held.reader(r.first, r.end)
	}
	return r.ReadCloser.Read(p)
}

func (r *sectionReader) fetch() (block, error) {
	held, until := r.parts.last.find(r.first, r.end, r.parts.size)
	if held.data != nil {
		return held, nil
	}
	stream := r.parts.stream(r.ctx, r.first, until)
	defer stream.Close()
	held = block{r.first, make([]byte, until-r.first)}
	if _, err := io.ReadFull(stream, held.data); err != nil {
		return block{}, err
	}
	r.parts.last.keep(held)
	return held, nil
}

// Close has nothing to close.
func (r *sectionReader) Close() error { return nil }
