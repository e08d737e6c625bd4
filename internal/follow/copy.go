package follow

import (
	"errors"
	"fmt"
	"io"
)

// mostOverlap is how many bytes each poll requests again.
const mostOverlap = 1 << 10

// A logCopy is what was copied of a log: how much, and its end.
type logCopy struct {
	w       io.Writer
	size    int64
	written int64 // bytes in all, those of a log that was rewritten included
	end     []byte
	noted   bool // the line about a rewritten log is the last that was written

	// unseen is set at first: what is before the first byte to copy was copied by
	// another program, and nothing here can compare it.
	unseen bool
}

// overlap returns how many bytes of the end a poll requests again.
func (c *logCopy) overlap() int64 {
	if c.unseen {
		return min(c.size, mostOverlap)
	}
	return int64(len(c.end))
}

// Write copies the bytes that come next in the log.
func (c *logCopy) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	switch {
	case n < 0 || n > len(p):
		return 0, &writeError{fmt.Errorf("it claims to have written %d of %d bytes", n, len(p))}
	case err == nil && n < len(p):
		err = io.ErrShortWrite
	}
	c.noted = c.noted && n == 0
	c.size += int64(n)
	c.written += int64(n)
	c.keep(p[:n])
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// keep makes p part of the end.
func (c *logCopy) keep(p []byte) {
	p = p[max(0, len(p)-mostOverlap):]
	stays := copy(c.end, c.end[max(0, len(c.end)+len(p)-mostOverlap):])
	c.end = append(c.end[:stays], p...)
}

// agrees returns how many bytes of the overlap are the same in what a poll has read
// again, and whether all are.
func (c *logCopy) agrees(again []byte) (agreed int, same bool) {
	if c.unseen && int64(len(again)) == c.overlap() {
		c.end, c.unseen = again, false
	}
	for agreed < min(len(again), len(c.end)) && again[agreed] == c.end[agreed] {
		agreed++
	}
	return agreed, agreed == len(c.end) && !c.unseen
}

// goBack makes the first agreed bytes of the overlap the end of the copy, or with none
// of them the start of the log, and writes a line that says so. It calls rewritten
// before that, unless it is nil.
func (c *logCopy) goBack(agreed int, rewritten func(from int64)) error {
	from := c.size - c.overlap() + int64(agreed)
	if agreed == 0 {
		from = 0
	}
	line := fmt.Sprintf("[log rewritten by the server; continuing from byte %d]\n", from)
	if !c.noted && len(c.end) > 0 && c.end[len(c.end)-1] != '\n' {
		line = "\n" + line
	}
	c.size, c.end, c.unseen = from, c.end[:agreed], false
	if rewritten != nil {
		rewritten(from)
	}
	if _, err := io.WriteString(c.w, line); err != nil {
		return &writeError{err}
	}
	c.noted = true
	return nil
}

// A writeError is that of the caller's writer.
type writeError struct{ err error }

func (e *writeError) Error() string { return "the writer: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

func isWriteError(err error) bool {
	_, ok := errors.AsType[*writeError](err)
	return ok
}
