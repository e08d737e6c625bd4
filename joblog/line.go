package joblog

import (
	"bytes"
	"io"
	"iter"
	"strings"
	"time"
)

// MaxLine is the most bytes a [Line] has, its newline and timestamps included.
// A longer line comes in pieces of about this size; all but the first say
// [Line.Continues]. No escape sequence, marker or UTF-8 character is cut in two.
const MaxLine = 4 << 20

// A Stream is where a line was written to.
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
	// Raw is the line as it stands in the log: timestamps, markers, colour
	// codes, carriage returns, and its newline if it has one.
	Raw []byte

	// Text is what one reads on the screen: Raw without all of these, and of
	// what a progress bar wrote over itself only the last. Nor has it any other
	// characters that command a terminal, such as bells and backspaces. It is not
	// always UTF-8: other bytes stay as they are. So do those from 0x80 to 0x9f, unless
	// they could be commands because nothing else in the line is in another encoding.
	Text string

	// Styled is Text with its colours and styles, the escape sequences that end
	// in m. They may last beyond the line, as they do in the log.
	Styled string

	// Time is when the line was begun, to the microsecond, and Stream where it
	// was written. Both are zero in a log without timestamps.
	Time   time.Time
	Stream Stream

	// StreamNumber identifies the writer in a log with timestamps: 0 is the
	// runner, 1 the job's scripts, 15 and above its services.
	StreamNumber uint8

	// Sections are those the text stands in, from the outermost; without text,
	// those open at the end of the line. A section's header stands in it. Lines
	// share this slice: do not change it.
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

// Lines ranges over a log, line by line. It reads no more than it needs for the
// next line, so that a log may be read while it grows; of a log with timestamps
// that is the start of the line after, which may continue it. Behind a line that ends in
// a carriage return, as each part of a progress bar does, up to 32 lines of other
// streams are read to see whether the next part replaces it.
//
// A failing reader ends it: what was read before comes as lines, then the error,
// once. The log can be ranged over once; bytes read ahead are lost after a break.
// The sections of lines are completed as their ends are read: a goroutine that
// is handed lines must leave them alone until the loop is over.
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
// take as long as all the rest. Whoever keeps one line keeps no more than a block of
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
