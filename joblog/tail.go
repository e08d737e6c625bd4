package joblog

import (
	"bytes"
	"time"
)

// tailSize is how many lines are remembered: as many as may be shown, and as far as a
// look goes back.
const tailSize = 20

// A tail is the last lines of a script, without those that explain nothing. Its slots
// are written over, so that a line costs no memory.
type tail struct {
	slots [tailSize]slot
	count int // of all lines
	fresh int // of those after the last command
	noise slot
	quiet bool // noise is not remembered
}

type slot struct {
	text    []byte
	inner   int // where it begins without what a container wrote before it
	at      int // its number
	echo    bool
	time    time.Time
	section *Section
}

func (t *tail) add(l *factLine, at int, echo bool) {
	t.slots[t.count%tailSize].set(l, at, echo)
	t.count++
	t.fresh++
	if echo {
		t.fresh, t.noise.at = 0, 0
	}
}

// pass remembers one line that explains nothing, for where there is nothing else.
func (t *tail) pass(l *factLine, at int) {
	if !t.quiet {
		t.noise.set(l, at, false)
	}
}

func (s *slot) set(l *factLine, at int, echo bool) {
	s.text = append(s.text[:0], l.text...)
	s.inner, s.at, s.echo, s.time, s.section = len(l.text)-len(l.inner), at, echo, l.time, nil
	if len(l.sections) > 0 {
		s.section = l.sections[len(l.sections)-1]
	}
}

// back returns the line n before the last, from 0, or nil.
func (t *tail) back(n int) *slot {
	if n >= t.count || n >= tailSize {
		return nil
	}
	return &t.slots[(t.count-1-n)%tailSize]
}

// ofTask returns what patterns see of the line, without the label of a task, if it is of
// that task.
func (s *slot) ofTask(label []byte) (text []byte, ok bool) {
	if len(label) == 0 {
		return s.matched(), true
	}
	text, ok = bytes.CutPrefix(s.text, label)
	return text[:min(len(text), maxMatched)], ok
}

// after returns how many of the remembered lines come after a line.
func (t *tail) after(at int) (n int) {
	for s := t.back(0); s != nil && s.at > at; s = t.back(n) {
		n++
	}
	return n
}

func (s *slot) matched() []byte { return s.text[s.inner:][:min(len(s.text)-s.inner, maxMatched)] }

// failure makes a failure of the last n lines, the oldest first.
func (t *tail) failure(n int) *failure {
	f := &failure{}
	for i := min(n, t.count, tailSize) - 1; i >= 0; i-- {
		f.quote(t.back(i))
	}
	if t.noise.at > f.end && t.fresh == 0 && !t.quiet {
		f.quote(&t.noise)
	}
	return f
}

// quote adds a remembered line, with any text.
func (f *failure) quote(s *slot) {
	if len(f.lines) == 0 {
		f.at, f.time = s.at, s.time
		if s.section != nil {
			f.section = s.section.Name
		}
	}
	f.lines = append(f.lines, shown{string(s.text), headline})
	f.end = s.at
}
