package gitlabci

import (
	"fmt"
	"io"
	"regexp"
)

// logOverlap is how many bytes each poll asks for again.
const logOverlap = 1 << 10

// A logCopy is what was copied of a log: how much, and its end.
type logCopy struct {
	w       io.Writer
	size    int64
	written int64 // bytes in all, those of a log that has changed since included
	end     []byte
	told    bool // whether the line about a change is the last that was written

	// unseen is set at first: what stands before the first byte to copy was
	// copied by another program, and can only be believed.
	unseen bool
}

// overlap returns how many bytes of the end a poll asks for again.
func (c *logCopy) overlap() int64 {
	if c.unseen {
		return min(c.size, logOverlap)
	}
	return int64(len(c.end))
}

// Write copies bytes that come next in the log.
func (c *logCopy) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	switch {
	case n < 0 || n > len(p):
		return 0, &writeError{fmt.Errorf("%d of %d bytes were written, it says", n, len(p))}
	case err == nil && n < len(p):
		err = io.ErrShortWrite
	}
	c.told = c.told && n == 0
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
	p = p[max(0, len(p)-logOverlap):]
	stays := copy(c.end, c.end[max(0, len(c.end)+len(p)-logOverlap):])
	c.end = append(c.end[:stays], p...)
}

// agrees returns how many bytes of the overlap are what came again of it, and
// whether all are.
func (c *logCopy) agrees(again []byte) (agreed int, same bool) {
	if c.unseen && int64(len(again)) == c.overlap() {
		c.end, c.unseen = again, false
	}
	for agreed < min(len(again), len(c.end)) && again[agreed] == c.end[agreed] {
		agreed++
	}
	return agreed, agreed == len(c.end) && !c.unseen
}

// goBack makes the first agreed bytes of the overlap the end of the copy, or
// with none of them nothing, and says that it did.
func (c *logCopy) goBack(agreed int, tell func(from int64)) error {
	from := c.size - c.overlap() + int64(agreed)
	if agreed == 0 {
		from = 0
	}
	line := fmt.Sprintf("[the log has changed: from byte %d on it now goes on like this]\n", from)
	if !c.told && len(c.end) > 0 && c.end[len(c.end)-1] != '\n' {
		line = "\n" + line
	}
	c.size, c.end, c.unseen = from, c.end[:agreed], false
	if tell != nil {
		tell(from)
	}
	if _, err := io.WriteString(c.w, line); err != nil {
		return &writeError{err}
	}
	c.told = true
	return nil
}

// endsWithVerdict reports whether the copy ends as a runner ends a log.
func (c *logCopy) endsWithVerdict() bool { return verdict.Match(c.end) }

// verdict is the runner's last line, and colours and timestamps of lines with
// nothing else in them.
var verdict = regexp.MustCompile(`(?m:^)` + logStamp + logColour +
	`(?:Job succeeded|ERROR: Job failed[^\n]*?)(?:\s|` + logColour + `|` + logStamp + `)*$`)

const (
	logStamp  = `(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [0-9a-f]{2}[OE][ +])?`
	logColour = `(?:\x1b\[[0-9;]*[A-Za-z])*`
)

// A writeError is that of the caller's writer.
type writeError struct{ err error }

func (e *writeError) Error() string { return "gitlabci: FollowLog: the writer: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }
