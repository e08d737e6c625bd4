package joblog

// maxPendingBytes is how many bytes of lines are kept of tests of which it is not known yet
// whether they failed.
const maxPendingBytes = 256 << 10

// A pendingTests has what tests wrote until it is known which of them failed. Tests that run
// side by side end in another order than they began in.
type pendingTests struct {
	failures []*failure
	size     int
}

// add keeps what a test wrote, and forgets the oldest if that is too much.
func (s *pendingTests) add(f *failure) {
	s.failures, s.size = append(s.failures, f), s.size+f.size()
	drop := 0
	for ; s.size > maxPendingBytes && drop < len(s.failures); drop++ {
		s.size -= s.failures[drop].size()
	}
	s.failures = append(s.failures[:0], s.failures[drop:]...)
}

// moveTo moves what a test wrote to the failure of that test.
func (s *pendingTests) moveTo(f *failure) {
	if len(s.failures) == 0 || f.name == "" {
		return
	}
	kept := s.failures[:0]
	for _, held := range s.failures {
		if held.tool == f.tool && held.name == f.name {
			s.size -= held.size()
			f.join(held)
		} else {
			kept = append(kept, held)
		}
	}
	clear(s.failures[len(kept):])
	s.failures = kept
}

// size returns how much memory a failure takes, roughly.
func (f *failure) size() int {
	size := 256
	for _, l := range f.lines {
		size += 24 + len(l.text)
	}
	return size
}
