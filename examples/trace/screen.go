package main

import (
	"io"

	"example.com/gitlabci/joblog"
)

// A screen shows what is written to it as lines of a log.
type screen struct {
	p       *printer
	w       *io.PipeWriter
	printed chan error
	err     error // of the printer, the first
}

func newScreen(p *printer) *screen {
	s := &screen{p: p}
	s.begin()
	return s
}

// begin begins another log: what is written from now on belongs to it.
func (s *screen) begin() {
	log, w := io.Pipe()
	printed := make(chan error, 1)
	go func() {
		err := s.p.print(joblog.Lines(log))
		log.CloseWithError(err) // what is written from now on fails like this
		printed <- err
	}()
	s.w, s.printed = w, printed
}

func (s *screen) Write(b []byte) (int, error) { return s.w.Write(b) }

// end shows what is left, and returns why not all could be shown.
func (s *screen) end() error {
	s.w.Close()
	if err := <-s.printed; s.err == nil {
		s.err = err
	}
	return s.err
}

// restart begins another log when the server has rewritten this one. Sections that were
// open, and perhaps folded, would hide what is written again.
func (s *screen) restart(int64) {
	s.end() // its error is that of the last end, too
	s.begin()
}
