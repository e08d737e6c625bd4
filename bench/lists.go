package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

// A pace is how fast the server and the reader of a list are.
type pace struct {
	delay    time.Duration // that a page takes
	busy     bool          // the reader takes time for each page
	runs     int
	together bool // the clients are measured at the same time
	figure   bool // the figures to reach are about this pace
}

// A list is one that is read at different paces.
type list struct {
	work, title string
	page        int // bytes
	note        string
	targets     [2]share // of the defaults, and of Prefetch: ahead
}

// A share is how much of client-go's time a list may take. Without text it is no figure.
type share struct {
	most      float64
	text, why string
}

const ahead = 8 // pages that are prefetched in one of the rows

const listsIntroduction = `## Lists

Pages of %d. An idle reader takes no time, a busy one %v after each page. With the
longest time for a page, and with a busy reader, clients wait nearly all of the time, so
they run at the same time.

`

const (
	jobsNote = "The next cursor is in the response, so by default the pages of a loop are requested\n" +
		"one after the other, one of them while the loop is busy. With a Prefetch above 1,\n" +
		"several cursors are followed at the same time, and their pages overlap.\n\n"

	whyEqual = "Page by page both wait for the server, or the reader, most of the time, and one run differs from the next by as much."
)

// lists reads the pages of lists.
func lists(ctx context.Context, b *bench) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, listsIntroduction, served.PerPage, b.busy)
	for _, l := range []list{
		{"pipelines", "%s pipelines, by page number", len(served.PipelinesPage(0, served.PerPage)), "", [2]share{
			{1. / 4, "≤ 1/4 of client-go's time", "the first pages come one by one, and the overlap of pages is a part of the time."},
			{1. / 6, "≤ 1/6 of client-go's time", "the first page and the overlap of pages are a part of the time that Prefetch does not shorten."},
		}},
		{"jobs", "%s jobs of a project, by cursor", len(served.JobsPage(0)), jobsNote, [2]share{
			{}, {0.5, "≤ 0.5 of client-go's time", "two cores serve and decode the pages that arrive at the same time."},
		}},
	} {
		part, err := b.list(ctx, l)
		if err != nil {
			return "", err
		}
		text.WriteString(part)
	}
	return text.String(), nil
}

func (b *bench) list(ctx context.Context, l list) (string, error) {
	title := fmt.Sprintf(l.title, report.Thousands(b.listed))
	var t report.Table
	prefetch := fmt.Sprintf("`Prefetch: %d`", ahead)
	t.Head("A page takes", "Reader", "gitlabci", "with "+prefetch, "client-go", "net/http", "gitlabci / client-go", "Prefetch / client-go")
	for _, p := range b.paces {
		reader, least := "idle", "–"
		if p.busy {
			reader = "busy"
		}
		what := fmt.Sprintf("%s, %v a page, %s reader", title, p.delay, reader)
		b.say("%s", what)
		found, err := b.listAt(ctx, l, p)
		if err != nil {
			return "", err
		}
		if len(found) > 3 {
			least = found[3].times().String()
		}
		ours, early, theirs := found[0], found[1], found[2]
		pairs, earlyPairs := ours.over(theirs), early.over(theirs)
		t.Row(p.delay.String(), reader, ours.times().String(), early.times().String(), theirs.times().String(), least, pairs.String(), earlyPairs.String())
		b.verdicts.CompareTimes(what, pairs, whyEqual)
		b.verdicts.CompareTimes(what+", with Prefetch", earlyPairs, whyEqual)
		if p.figure {
			b.listFigure(what+", defaults", l.targets[0], pairs, ours)
			b.listFigure(what+", "+prefetch, l.targets[1], earlyPairs, early)
		}
	}
	return fmt.Sprintf("### %s\n\n%s%s\n", title, l.note, t), nil
}

// listAt measures gitlabci, gitlabci with Prefetch, client-go and, if nobody waits, net/http.
func (b *bench) listAt(ctx context.Context, l list, at pace) ([]results, error) {
	ours := work.Task{Work: l.work, Client: work.Ours, Base: served.Base(b.server.Plain, at.delay, b.listed), Size: b.listed}
	if at.busy {
		ours.Busy = b.busy
	}
	early, theirs, least := ours, ours, ours
	early.Prefetch, theirs.Client, least.Client = ahead, work.Theirs, work.Bare
	tasks := []work.Task{ours, early, theirs, least}
	if at.busy || at.delay > 0 {
		tasks = tasks[:3]
	}
	bytes := int64(b.listed/served.PerPage) * int64(l.page)
	p := plan{runs: at.runs, together: at.together, bytes: bytes * int64(len(tasks)), overlap: b.overlap(bytes, l.page)}
	return b.measure(ctx, p, tasks...)
}

// overlap returns how much two loops of gitlabci may read twice: a share of a long list, and some
// pages of a short one.
func (b *bench) overlap(bytes int64, page int) int64 { return 2 * (bytes/5 + ahead*int64(page)) }

func (b *bench) listFigure(what string, s share, pairs report.Ratios, took results) {
	if s.text != "" {
		b.verdicts.Figure(report.Target{Work: what, Limit: s.text, Why: s.why},
			fmt.Sprintf("%s, in %s", pairs, report.Duration(took.seconds())), pairs.Median() <= s.most)
	}
}
