package main

import (
	"fmt"
	"time"
)

// An axis says where a time is, in percent of the width. Long times in which nothing
// happened, such as the night before someone played a manual job, are cut short.
type axis struct {
	parts []stretch
	from  time.Time
}

// A stretch is a span of an axis.
type stretch struct {
	span
	x, width float64
	cut      bool
}

const (
	longIdle = 0.3  // of the time in which something happened: a longer pause is cut
	cutWidth = 0.08 // of that time: how much of the axis a pause that is cut takes
)

// newAxis makes the axis of a chart.
func newAxis(c *chart) *axis {
	active := spans{{c.From, c.From}, {c.To, c.To}}
	for row := range c.Root.all() {
		for _, b := range row.Bars {
			active = append(active, span{b.From, b.To})
		}
	}
	if len(active) == 2 { // nothing happened
		active = spans{{c.From, c.To}}
	}
	active = active.union()
	busy := max(active.length(), time.Second)
	a := &axis{from: c.From}
	add := func(s span, cut bool) {
		width := s.to.Sub(s.from)
		if cut {
			width = time.Duration(cutWidth * float64(busy))
		}
		a.parts = append(a.parts, stretch{span: s, width: float64(width), cut: cut})
	}
	for i, s := range active {
		if i > 0 {
			idle := span{active[i-1].to, s.from}
			add(idle, float64(idle.to.Sub(idle.from)) > longIdle*float64(busy))
		}
		add(s, false)
	}
	a.fit()
	return a
}

// fit makes percents of the widths.
func (a *axis) fit() {
	sum := 0.0
	for _, p := range a.parts {
		sum += p.width
	}
	x := 0.0
	for i := range a.parts {
		p := &a.parts[i]
		p.x, p.width = x, 100*p.width/sum
		x += p.width
	}
}

// x is where a time is.
func (a *axis) x(t time.Time) float64 {
	for _, p := range a.parts {
		if t.After(p.to) {
			continue
		}
		length := p.to.Sub(p.from)
		if length <= 0 || t.Before(p.from) {
			return p.x
		}
		return p.x + p.width*float64(t.Sub(p.from))/float64(length)
	}
	return 100
}

// A tick is a line of the grid with a label, or a pause that is cut.
type tick struct {
	X, Width float64 // Width is that of a pause
	Label    string
}

// Middle is where the label is.
func (t tick) Middle() float64 { return t.X + t.Width/2 }

// steps are the distances of ticks.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

const (
	mostTicks = 7
	nearby    = 9.0 // percents between labels
)

// ticks are those to draw, from left to right.
func (a *axis) ticks() []tick {
	var shown time.Duration
	for _, p := range a.parts {
		if !p.cut {
			shown += p.to.Sub(p.from)
		}
	}
	step := steps[len(steps)-1]
	for _, one := range steps {
		if shown/one < mostTicks {
			step = one
			break
		}
	}
	var ticks []tick
	free := 0.0 // where the next label may be
	for _, p := range a.parts {
		if p.cut {
			ticks = append(ticks, tick{X: p.x, Width: p.width, Label: short(p.to.Sub(p.from)) + " idle"})
			free = p.x + p.width + nearby/2
			continue
		}
		first := (p.from.Sub(a.from) + step - 1) / step
		for since := first * step; !a.from.Add(since).After(p.to); since += step {
			if x := a.x(a.from.Add(since)); x >= free && x <= 100-nearby/2 {
				ticks = append(ticks, tick{X: x, Label: label(since, step)})
				free = x + nearby
			}
		}
	}
	return ticks
}

// label is that of a tick.
func label(since, step time.Duration) string {
	if since < time.Hour || step >= time.Minute {
		return offset(since)
	}
	return fmt.Sprintf("+%d:%02d:%02d", since/time.Hour, since/time.Minute%60, since/time.Second%60)
}
