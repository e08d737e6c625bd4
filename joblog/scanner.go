package joblog

import (
	"bytes"
	"io"
	"sort"
)

// A scanner splits a log into lines: first at newlines, joining what the runner has split,
// and then where sections open and close.
type scanner struct {
	src   source
	clock clock
	composer
	draft  draft
	blocks blocks

	// The line that was fetched, its runs of bytes that the composer has too, and how much of
	// the composer's bytes became drafts.
	fetched []byte
	runs    []run
	at      int
	joined  []byte // the buffer in which several runs are joined

	// last is the prefix in force: that of the newest run, or zero.
	last prefix
	cut  bool // whether the line before had no newline
}

// A run is what is between two newlines of a line that was joined.
type run struct {
	raw     int // where it begins in the line, with its prefix if any
	body    int // where it continues behind the prefix
	content int // where that is in the composer's
	prefix
}

func newScanner(r io.Reader) *scanner {
	s := &scanner{src: source{r: r}}
	s.composer.draft = &s.draft
	return s
}

// err returns what ended the log, if it was not its end.
func (s *scanner) err() error {
	if s.src.err == io.EOF {
		return nil
	}
	return s.src.err
}

// next makes the next draft, and reports whether there was one.
func (s *scanner) next() bool {
	if s.at == len(s.b) && !s.fetch() {
		return false
	}
	begin := s.at
	s.at = s.compose(begin)
	from, p := s.locate(begin)
	to := len(s.fetched)
	if s.at < len(s.b) {
		to, _ = s.locate(s.at)
	} else if s.pending() && s.replaced() {
		s.clearText()
	}
	s.draft.prefix = p
	s.draft.continues = p.continues && begin == 0
	s.draft.raw = s.fetched[from:to]
	return true
}

// In a log with timestamps, the lines of other streams between the parts of a line are
// searched for the next part, up to this limit.
const (
	maxBetween      = 32
	maxBetweenBytes = 16 << 10
)

// replaced reports whether the next part of the line that was fetched replaces its text,
// though another stream wrote in between: the line ends in a carriage return, as a
// progress bar does.
func (s *scanner) replaced() bool {
	size := len(s.fetched)
	if s.last.stream == 0 || s.cut || size > MaxLine/2 {
		return false
	}
	defer func() { s.fetched = s.src.data()[:size] }() // reading moves it
	of, from := s.last.origin, size
	for range maxBetween {
		end := s.lineEnd(from)
		p, ok := s.clock.prefix(s.src.data()[from:end])
		if !ok || end == from {
			return false
		}
		if p.origin == of {
			return p.continues && replacesText(bytes.TrimSuffix(s.src.data()[from+prefixSize:end], newline))
		}
		from = end
	}
	return false
}

// lineEnd returns where the line that begins at from ends, or from if that is too far
// away.
func (s *scanner) lineEnd(from int) int {
	limit := len(s.fetched) + maxBetweenBytes
	for seen := from; ; {
		data := s.src.data()
		if i := bytes.IndexByte(data[seen:max(seen, min(len(data), limit))], '\n'); i >= 0 {
			return seen + i + 1
		}
		if len(data) >= limit {
			return from
		}
		if seen = len(data); !s.src.more() {
			return seen
		}
	}
}

// locate returns where the composer's byte i is in the line, and the prefix of
// its run.
func (s *scanner) locate(i int) (raw int, p prefix) {
	if i == 0 {
		return 0, s.runs[0].prefix
	}
	r := s.runs[sort.Search(len(s.runs), func(k int) bool { return s.runs[k].content > i })-1]
	if i == r.content {
		return r.raw, r.prefix
	}
	return r.body + i - r.content, r.prefix
}

// fetch reads a line and what continues it.
func (s *scanner) fetch() bool {
	s.src.drop(len(s.fetched))
	s.fetched, s.at = nil, 0
	if len(s.src.data()) == 0 && !s.src.more() {
		return false
	}
	s.runs = s.runs[:0]
	end := s.measure(0)
	s.start(end)
	for s.continued(end) {
		from := end
		end = s.measure(from)
		s.runs = append(s.runs, run{raw: from, body: from + prefixSize, prefix: s.last})
	}
	s.fetched = s.src.data()[:end]
	s.cut = s.fetched[end-1] != '\n'
	s.gather()
	return true
}

// start makes the first run, of the line that ends at end.
func (s *scanner) start(end int) {
	if s.cut {
		s.last.continues = true
		s.runs = append(s.runs, run{prefix: s.last})
		return
	}
	if p, ok := s.clock.prefix(s.src.data()[:end]); ok {
		s.last = p
		s.runs = append(s.runs, run{body: prefixSize, prefix: p})
		return
	}
	s.last = prefix{}
	s.runs = append(s.runs, run{})
}

// continued reports whether what is at end continues the line, and if so
// makes its prefix the last.
func (s *scanner) continued(end int) bool {
	if s.last.stream == 0 || end+prefixSize+cutRoom > MaxLine {
		return false
	}
	for len(s.src.data()) < end+prefixSize && s.src.more() {
	}
	p, ok := s.clock.prefix(s.src.data()[end:])
	if !ok || !p.continues || p.origin != s.last.origin {
		return false
	}
	s.last = p
	return true
}

// measure returns the end of the line, or what is left of it, that begins at
// from: behind its newline, or where it is too long.
func (s *scanner) measure(from int) int {
	for seen := from; ; {
		data := s.src.data()
		if i := bytes.IndexByte(data[seen:], '\n'); i >= 0 {
			return seen + i + 1
		}
		if len(data) == MaxLine {
			return from + safeCut(data[from:])
		}
		seen = len(data)
		if !s.src.more() {
			return len(data)
		}
	}
}

// gather gives the composer the line without newlines and prefixes.
func (s *scanner) gather() {
	if len(s.runs) == 1 {
		s.reset(bytes.TrimSuffix(s.fetched[s.runs[0].body:], newline))
		return
	}
	s.joined = s.joined[:0]
	for i := range s.runs {
		r, end := &s.runs[i], len(s.fetched)
		if i+1 < len(s.runs) {
			end = s.runs[i+1].raw
		}
		r.content = len(s.joined)
		s.joined = append(s.joined, bytes.TrimSuffix(s.fetched[r.body:end], newline)...)
	}
	s.reset(s.joined)
}

var newline = []byte("\n")
