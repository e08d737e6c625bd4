package joblog

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxShown is how many lines a failure keeps.
const maxShown = 16

// A failure is one failure in a log: the fact that opened it, and the lines that explain it.
type failure struct {
	*opener
	name    string // of the test, or whatever else the fact's group name is
	file    string
	line    int
	reason  string // what went wrong, without the text around it; "" if that is unknown
	lines   []shown
	at, end int // the numbers of its first and last line
	time    time.Time
	section string
	ended   bool // whether it ended the job, though there are failures before it
}

// A shown line is one of a failure, and how much it is worth.
type shown struct {
	text string
	do   action // headline, show or more
}

// newFailure begins a failure with a line, which has its place and name.
func (o *opener) newFailure(l *factLine, at int) *failure {
	f := o.newUnlocated(l, at)
	if o != nil {
		f.locate(l.matched(), o.match)
	}
	return f
}

// newUnlocated begins a failure whose place and name are in other lines.
func (o *opener) newUnlocated(l *factLine, at int) *failure {
	return &failure{opener: o, at: at, end: at, time: l.time, section: sectionOf(l.draft)}
}

// sectionOf returns the name of the innermost section that a line is in.
func sectionOf(d *draft) string {
	if len(d.sections) == 0 {
		return ""
	}
	return d.sections[len(d.sections)-1].Name
}

// locate sets the place, the name and the reason from a line.
func (f *failure) locate(text []byte, p *pattern) {
	if p == nil {
		return
	}
	m := p.find(text)
	if m == nil {
		return
	}
	group := func(i int) string {
		if i < 0 || m[2*i] < 0 {
			return ""
		}
		return string(text[m[2*i]:m[2*i+1]])
	}
	if name := group(p.name); f.name == "" && name != "" {
		f.name = name
	}
	if said := group(p.reason); said != "" && (f.reason == "" || f.lastPlace) {
		f.reason = said
	}
	if file := group(p.file); file != "" && (f.file == "" || f.lastPlace) {
		f.file, f.line = file, 0
	}
	if line, err := strconv.Atoi(group(p.line)); err == nil && (f.line == 0 || f.lastPlace) {
		f.line = line
	}
}

// keep adds a line.
func (f *failure) keep(text []byte, do action) {
	if len(f.lines) < maxShown && do >= headline && do <= more {
		f.lines = append(f.lines, shown{string(text), do})
	}
}

// isSame reports whether other says the same, or is another report of the same failure.
func (f *failure) isSame(other *failure) bool {
	if f.opener != nil && other.opener != nil && f.tool == other.tool && f.name != "" && f.name == other.name {
		return true
	}
	if f.opener == nil && other.opener == nil {
		return f.lines[nth(f.lines, headline, 0)] == other.lines[nth(other.lines, headline, 0)]
	}
	return slices.Equal(f.lines, other.lines)
}

// join adds what another report says of the same failure. The first lines of the other one
// are better: lists at the end have the test and the reason in one line.
func (f *failure) join(other *failure) {
	f.end = max(f.end, other.end)
	if slices.Equal(f.lines, other.lines) {
		return
	}
	var lead, rest []shown
	for _, l := range other.lines {
		switch {
		case slices.ContainsFunc(f.lines, func(mine shown) bool { return mine.text == l.text || f.isLabel(mine) && f.isLabel(l) }):
		case l.do == headline:
			lead = append(lead, l)
		default:
			rest = append(rest, l)
		}
	}
	f.lines = slices.DeleteFunc(f.lines, func(mine shown) bool {
		return slices.ContainsFunc(lead, mine.isWithin)
	})
	f.lines = slices.Concat(lead, f.lines, rest)
	f.lines = f.lines[:min(len(f.lines), maxShown)]
	if f.file == "" {
		f.file, f.line = other.file, other.line
	} else if f.line == 0 && f.file == other.file {
		f.line = other.line
	}
}

// isWithin reports whether a line says no more than another, apart from the marks that
// a tool draws around it.
func (l shown) isWithin(other shown) bool {
	return strings.Contains(other.text, strings.Trim(l.text, "E>│_=-―─ \t"))
}

// isLabel reports whether a line says little more than the name of what failed.
func (f *failure) isLabel(l shown) bool {
	const words = len("=== FAIL:  (123.45s)") + 8
	return l.do == headline && f.name != "" && len(l.text) <= len(f.name)+words && strings.Contains(l.text, f.name)
}

// replaces reports whether the failure is a part of what other reports without a reason.
func (f *failure) replaces(other *failure) bool {
	if f.opener == nil || other.opener == nil || f.nests == "" || f.tool != other.tool || len(other.lines) > 1 {
		return false
	}
	prefix := other.name + f.nests
	return len(f.name) > len(prefix) && f.name[:len(prefix)] == prefix
}

// A keeper keeps the first failures, and the last.
type keeper struct {
	first, last       []*failure
	maxFirst, maxLast int
}

func (k *keeper) add(f *failure) {
	for _, kept := range [...][]*failure{k.first, k.last} {
		for i, old := range kept {
			if old.isSame(f) {
				old.join(f)
				return
			}
			if f.replaces(old) {
				kept[i] = f
				return
			}
			if old.replaces(f) {
				return
			}
		}
	}
	switch {
	case len(k.first) < k.maxFirst:
		k.first = append(k.first, f)
	case len(k.last) < k.maxLast:
		k.last = append(k.last, f)
	default:
		copy(k.last, k.last[1:])
		k.last[len(k.last)-1] = f
	}
}

// all returns what was kept, in the order of the log.
func (k *keeper) all() []*failure {
	return sortByPlace(slices.Concat(k.first, k.last))
}

func (k *keeper) empty() bool { return len(k.first) == 0 }
