package main

import (
	"slices"
	"strings"
	"time"
)

// A path is the jobs that the end of a pipeline waited for, from the first on.
type path struct {
	Rows    []*row
	ByNeeds bool // or by stages

	Total, Running, Waiting, Between time.Duration
}

// needs are what the jobs of a pipeline wait for, by their names. A job that is not among
// them waits for the earlier stages.
type needs map[string][]string

// skew is how much earlier than what it waited for a job may seem to start.
const skew = time.Second

// path finds the critical path of a pipeline: its last job, what that waited for longest,
// and so on. For a trigger job, it includes the jobs downstream that it waited for.
func (g *group) path() path {
	p := path{Rows: g.chain(), ByNeeds: len(g.needs) > 0}
	if len(p.Rows) == 0 {
		return p
	}
	var active, busy spans
	from, to := g.Pipeline.CreatedAt, time.Time{}
	for _, r := range p.Rows {
		r.Critical = true
		if from.IsZero() || r.begin().Before(from) {
			from = r.begin()
		}
		if r.end().After(to) {
			to = r.end()
		}
		for _, b := range r.Bars {
			if b.Kind == waiting {
				active = append(active, span{b.From, b.To})
			} else if !r.Waits() { // or what it waits for is on the path
				active = append(active, span{b.From, b.To})
				busy = append(busy, span{b.From, b.To})
			}
		}
	}
	p.Total, p.Running = to.Sub(from), busy.length()
	p.Waiting = active.length() - p.Running
	p.Between = p.Total - active.length()
	return p
}

// chain is the critical path of a group and of the groups below it that it waited for.
func (g *group) chain() []*row {
	var last *row
	for _, s := range g.Stages {
		for _, r := range s.Rows {
			if len(r.Bars) > 0 && (last == nil || r.end().After(last.end()) || r.end().Equal(last.end()) && r.begin().Before(last.begin())) {
				last = r
			}
		}
	}
	var chain []*row
	for r := last; r != nil && !slices.Contains(chain, r); r = g.before(r) {
		if r.Waits() {
			below := r.Below.chain()
			slices.Reverse(below)
			chain = append(chain, below...)
		}
		chain = append(chain, r)
	}
	slices.Reverse(chain)
	return chain
}

// before is the job that r waited for longest: that which ended last before r began.
func (g *group) before(r *row) *row {
	var last *row
	var ended time.Time
	for one := range g.awaited(r) {
		if end := one.endBefore(r.begin().Add(skew)); end.After(ended) {
			last, ended = one, end
		}
	}
	return last
}

// awaited ranges over the jobs that r had to wait for.
func (g *group) awaited(r *row) func(yield func(*row) bool) {
	named, known := g.needs[r.Name]
	if !known {
		named, known = g.needs[baseName(r.Name)]
	}
	return func(yield func(*row) bool) {
		for i, s := range g.Stages {
			for _, one := range s.Rows {
				waits := i < r.stage
				if known {
					waits = slices.Contains(named, one.Name) || slices.Contains(named, baseName(one.Name))
				}
				if waits && !yield(one) {
					return
				}
			}
		}
	}
}

// baseName is the name of a parallel job without the suffix that distinguishes its parts,
// such as that of "unit 1/3" or "build: [linux, amd64]".
func baseName(name string) string {
	if i := strings.LastIndex(name, ": ["); i > 0 && strings.HasSuffix(name, "]") {
		return name[:i]
	}
	i := strings.LastIndexByte(name, ' ')
	if i > 0 && strings.Trim(name[i+1:], "0123456789") == "/" {
		return name[:i]
	}
	return name
}

// Waits reports whether a trigger job waited for the pipeline that it started.
func (r *row) Waits() bool {
	if r.Below == nil || len(r.Bars) == 0 {
		return false
	}
	var last time.Time
	for one := range r.Below.all() {
		if len(one.Bars) > 0 && one.end().After(last) {
			last = one.end()
		}
	}
	return last.After(r.begin()) && !last.After(r.end().Add(skew))
}

// begin is when the first attempt of a job started to wait or to run.
func (r *row) begin() time.Time { return r.Bars[0].From }

// end is when the newest attempt of a job ended.
func (r *row) end() time.Time { return r.Bars[len(r.Bars)-1].To }

// Lasted is how long a job took with all attempts and waits.
func (r *row) Lasted() time.Duration { return r.end().Sub(r.begin()) }

// endBefore is when the last attempt ended that did so before t; zero if none did.
func (r *row) endBefore(t time.Time) time.Time {
	for _, b := range slices.Backward(r.Bars) {
		if b.Kind != waiting && !b.To.After(t) {
			return b.To
		}
	}
	return time.Time{}
}

// A span is a part of time, and spans are several that may overlap.
type (
	span  struct{ from, to time.Time }
	spans []span
)

// union is the spans in order, with those that touch each other joined.
func (s spans) union() spans {
	sorted := slices.SortedFunc(slices.Values(s), func(a, b span) int { return a.from.Compare(b.from) })
	var joined spans
	for _, one := range sorted {
		if n := len(joined); n > 0 && !one.from.After(joined[n-1].to) {
			if one.to.After(joined[n-1].to) {
				joined[n-1].to = one.to
			}
			continue
		}
		joined = append(joined, one)
	}
	return joined
}

// length is how much time the spans cover.
func (s spans) length() time.Duration {
	var sum time.Duration
	for _, one := range s.union() {
		sum += one.to.Sub(one.from)
	}
	return sum
}
