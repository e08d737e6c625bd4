package joblog

import (
	"bytes"
	"io"
	"iter"
	"strings"
	"time"
)

// MaxLine is the most bytes a [Line] has, its newline and timestamps included.
// A longer line is split into pieces of about this size; all except the first have
// [Line.Continues]. No escape sequence, marker or UTF-8 character is cut in two.
const MaxLine = 4 << 20

// A Stream is the output that a line was written to.
type Stream byte

// The streams a timestamp may name. GitLab sends the letter.
const (
	StreamStdout Stream = 'O'
	StreamStderr Stream = 'E'
)

// String returns "stdout", "stderr", or "" if the log does not say.
func (s Stream) String() string {
	switch s {
	case StreamStdout:
		return "stdout"
	case StreamStderr:
		return "stderr"
	default:
		return ""
	}
}

// A Line is one line of a job's log. It is the caller's to keep.
type Line struct {
	// Raw is the line as it is in the log: timestamps, markers, color codes, carriage
	// returns, and its newline if it has one.
	Raw []byte

	// Text is what a terminal shows: Raw without all of these, and only the last state of a
	// progress bar. Other control characters, such as bells and backspaces, are removed. It
	// is not always UTF-8: other bytes are unchanged. Bytes from 0x80 to 0x9f are removed
	// only if the rest of the line is UTF-8, since they could then be control characters.
	Text string

	// Styled is Text with its colors and styles, the escape sequences that end
	// in m. They may last beyond the line, as they do in the log.
	Styled string

	// Time is when the line began, to the microsecond, and Stream is where it was written.
	// Both are zero in a log without timestamps.
	Time   time.Time
	Stream Stream

	// StreamNumber identifies the writer in a log with timestamps: 0 is the
	// runner, 1 the job's scripts, 15 and above its services.
	StreamNumber uint8

	// Sections are the sections that the text is in, from the outermost. For a line without
	// text, they are those open at its end. The header of a section is in the section.
	// Lines share this slice: do not change it.
	Sections []*Section

	// Opened and Closed are the sections whose start and end this line marks, in
	// the order of the markers.
	Opened []*Section
	Closed []*Section

	// Continues means that the text continues an earlier line: the line before,
	// if it was longer than [MaxLine], or the last line of the same stream, if
	// another stream wrote in between.
	Continues bool
}

// Lines ranges over a log, line by line. It reads no more than it needs for the next line,
// so that a log can be read while it grows. In a log with timestamps, this includes the
// start of the line after it, which may continue it. After a line that ends in a carriage
// return, as each part of a progress bar does, up to 32 lines of other streams are read to
// see whether the next part replaces it.
//
// An error of the reader ends the loop: the lines that were read are yielded first, and
// then the error, once. The log can be ranged over once; after a break, bytes that were
// read ahead are lost. Sections are completed when their ends are read: another goroutine
// must not read the sections of a line before the loop has ended.
func Lines(r io.Reader) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		s := newScanner(r)
		for s.next() {
			if !yield(s.line(), nil) {
				return
			}
		}
		if err := s.err(); err != nil {
			yield(nil, err)
		}
	}
}

// line copies what the scanner found: its memory is used again for the next.
func (s *scanner) line() *Line {
	d := &s.draft
	l := s.blocks.line(len(d.raw))
	*l = Line{
		Raw:          s.blocks.bytes(d.raw),
		Text:         s.blocks.text(d.text),
		Time:         d.time,
		Stream:       d.origin.stream,
		StreamNumber: d.origin.number,
		Sections:     d.sections,
		Opened:       d.opened,
		Closed:       d.closed,
		Continues:    d.continues,
	}
	if l.Styled = l.Text; len(d.styled) > len(d.text) {
		l.Styled = s.blocks.text(d.styled)
	}
	return l
}

const (
	blockSize  = 4 << 10
	blockLines = 8
	maxShared  = blockSize / 8 // what is longer has memory of its own
)

// Blocks are the memory of lines, which share it: to allocate it for each line would
// take as long as all the rest. A caller that keeps one line keeps no more than a block of
// each kind.
type blocks struct {
	lines []Line
	raw   []byte
	texts strings.Builder
}

// line returns the memory of a line of so many bytes.
func (k *blocks) line(size int) *Line {
	if size > maxShared {
		return new(Line)
	}
	if len(k.lines) == 0 {
		k.lines = make([]Line, blockLines)
	}
	l := &k.lines[0]
	k.lines = k.lines[1:]
	return l
}

// bytes returns a copy.
func (k *blocks) bytes(b []byte) []byte {
	if len(b) > maxShared {
		return bytes.Clone(b)
	}
	if cap(k.raw)-len(k.raw) < len(b) {
		k.raw = make([]byte, 0, blockSize)
	}
	at := len(k.raw)
	k.raw = append(k.raw, b...)
	return k.raw[at:len(k.raw):len(k.raw)]
}

// text returns a copy. The builder never moves what it has: it is replaced before it
// would have to grow.
func (k *blocks) text(b []byte) string {
	if len(b) > maxShared {
		return string(b)
	}
	if k.texts.Cap()-k.texts.Len() < len(b) {
		k.texts = strings.Builder{}
		k.texts.Grow(blockSize)
	}
	at := k.texts.Len()
	k.texts.Write(b)
	return k.texts.String()[at:]
}
