package joblog

import "io"

const (
	initialBuffer = 64 << 10
	maxEmptyReads = 100 // as many as bufio allows
)

// A source reads a log into a buffer that grows to a line's size, and no
// further than MaxLine.
type source struct {
	r        io.Reader
	buf      []byte
	from, to int   // what is read and not yet dropped
	err      error // what ended the log
}

// data returns what was read. The next call of more moves it.
func (s *source) data() []byte { return s.buf[s.from:s.to] }

// drop removes the first n bytes of data.
func (s *source) drop(n int) { s.from += n }

// more reads once, so that a log that grows is not waited for longer than need
// be. It reports whether data has grown.
func (s *source) more() bool {
	if s.err != nil {
		return false
	}
	s.makeRoom()
	for range maxEmptyReads {
		n, err := s.r.Read(s.buf[s.to:])
		s.to += n
		s.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// makeRoom leaves space to read into. It moves the data only when half of the
// buffer is in use, so that a line read in small parts is not moved for each.
func (s *source) makeRoom() {
	if len(s.buf)-s.to > len(s.buf)/2 {
		return
	}
	target := s.buf
	if len(s.data()) >= len(s.buf)/2 && len(s.buf) < MaxLine {
		target = make([]byte, min(max(2*len(s.buf), initialBuffer), MaxLine))
	} else if s.from == 0 {
		return
	}
	s.to = copy(target, s.data())
	s.from, s.buf = 0, target
}
