package joblog

import (
	"bytes"
	"slices"
	"time"
)

// maxDepth is how many sections may be open at the same time. A script that opens sections
// in a loop and never closes one would otherwise fill the memory.
const maxDepth = 64

// maxOpened is how many sections may start in one line. A line of [MaxLine] has room
// for 200,000 markers, and a section takes many times the memory of its marker.
const maxOpened = 1000

// maxOptions is how many options of a section are kept. GitLab knows two.
const maxOptions = 16

// A Section is a part of a log that folds on GitLab's page: a step of the
// runner, such as step_script, or what a script marked.
type Section struct {
	Name string

	// Options are those of the start marker, such as collapsed: true. Nil if it
	// has none. Only the first 16 are kept; GitLab uses two.
	Options map[string]string

	// Start and End are the times in the markers, to the second, by the clock of the
	// machine that wrote them. End is zero until its marker has been read.
	Start, End time.Time

	// Cut says that the section has no end marker, as when a script fails within
	// it. End is then the end of the section around it.
	Cut bool

	parent *Section
}

// Duration returns how long the section took. It is zero while the section is open, if the
// log ends before the section does, and if the section ends before it starts.
func (s *Section) Duration() time.Duration {
	if s.End.IsZero() {
		return 0
	}
	return max(s.End.Sub(s.Start), 0)
}

// Sections that are open, from the outermost. Lines keep the slice, so it is
// replaced rather than changed.
type stack []*Section

// open returns the stack with the section that m starts. At maxDepth that
// replaces the innermost, which is returned too.
func (s stack) open(m marker) (opened stack, section, cut *Section) {
	section = &Section{Name: string(m.name), Options: parseOptions(m.options), Start: m.time}
	if len(s) == maxDepth {
		cut = s[maxDepth-1]
		cut.End, cut.Cut = m.time, true
		s = s[:maxDepth-1]
	}
	if len(s) > 0 {
		section.parent = s[len(s)-1]
	}
	return append(slices.Clip(s), section), section, cut
}

// has reports whether m ends a section that is open.
func (s stack) has(m marker) bool { return s.find(m) >= 0 }

func (s stack) find(m marker) int {
	for i, section := range slices.Backward(s) {
		if section.Name == string(m.name) {
			return i
		}
	}
	return -1
}

// close returns the stack without the innermost section of m's name and those
// within it, which it returns from the innermost.
func (s stack) close(m marker) (rest stack, closed []*Section) {
	i := s.find(m)
	for j, section := range slices.Backward(s[i:]) {
		section.End, section.Cut = m.time, j > 0
		closed = append(closed, section)
	}
	return s[:i], closed
}

// parseOptions reads "collapsed=true,a=b".
func parseOptions(b []byte) map[string]string {
	if len(b) == 0 {
		return nil
	}
	options := make(map[string]string)
	for option := range bytes.SplitSeq(b, []byte(",")) {
		key, value, _ := bytes.Cut(bytes.TrimPrefix(option, []byte(" ")), []byte("="))
		if _, again := options[string(key)]; again || len(options) < maxOptions {
			options[string(key)] = string(value)
		}
	}
	return options
}
