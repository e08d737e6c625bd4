package joblog

import (
	"bytes"
	"slices"
	"strings"
)

// How many lines are shown of all causes together: lines that name a failure up to maxLines,
// those that explain one up to roomToShow, and others up to roomForMore.
const (
	maxCauses   = 8
	maxLines    = 20
	roomToShow  = 14
	roomForMore = 12
)

// A lineChooser chooses the lines of failures that are shown.
type lineChooser struct {
	failures []*failure
	chosen   [][]bool        // by failure and line
	seen     map[string]bool // a line is shown once
	spent    int
}

// causes makes the causes of failures.
func causes(failures []*failure) []Cause {
	if len(failures) > maxCauses {
		failures = slices.Concat(failures[:maxFirstFailures], failures[len(failures)-(maxCauses-maxFirstFailures):])
	}
	b := &lineChooser{failures: failures, seen: map[string]bool{}}
	for _, f := range failures {
		b.chosen = append(b.chosen, make([]bool, len(f.lines)))
	}
	for _, round := range []struct {
		do   action
		room int
	}{{headline, maxLines}, {show, roomToShow}, {more, roomForMore}} {
		for n := 0; b.choose(round.do, round.room, n); n++ {
		}
	}
	var list []Cause
	for i := range failures {
		if cause, ok := b.cause(i); ok {
			list = append(list, cause)
		}
	}
	return list
}

// choose chooses the n-th line of a kind of each failure, as long as there is room. It
// reports whether there was such a line.
func (b *lineChooser) choose(do action, room, n int) (found bool) {
	for i, f := range b.failures {
		at := nth(f.lines, do, n)
		if at < 0 {
			continue
		}
		found = true
		text := string(bytes.TrimSpace(unwrap([]byte(f.lines[at].text)))) // BuildKit repeats lines with other prefixes
		if b.spent < room && !b.seen[text] {
			b.chosen[i][at] = true
			b.seen[text] = true
			b.spent++
		}
	}
	return found
}

// nth returns where the n-th line of a kind is, or -1.
func nth(lines []shown, do action, n int) int {
	for i, l := range lines {
		if l.do != do {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	return -1
}

// cause makes a cause of the lines that were chosen of a failure, if there are any.
func (b *lineChooser) cause(i int) (cause Cause, ok bool) {
	f := b.failures[i]
	var lines []string
	for k, chosen := range b.chosen[i] {
		if chosen {
			lines = append(lines, f.lines[k].text)
		}
	}
	cause = Cause{Text: strings.Join(lines, "\n"), File: f.file, Line: f.line, Section: f.section, Time: f.time}
	if f.file == "" {
		cause.Line = 0 // the file's name may have been too far before
	}
	if f.opener != nil {
		cause.Tool = f.tool
	}
	return cause, len(lines) > 0
}
