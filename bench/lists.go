package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A list is one that is read at different speeds.
type list struct {
	work, title string
	ahead       int // pages that are prefetched
	page        int // bytes
	note        string
	figure      func(b *bench, idle bool, found []results)
}

const listsIntroduction = `## Lists

Pages of %d. An idle reader takes no time, a busy one %v after each page. What
takes more than some seconds is measured once; at %v a page, where everybody
waits for nearly all of the time, the clients run at the same time.

`

const (
	cursorNote = "A cursor is known once its page is there, so only one page can come ahead, and an\n" +
		"idle reader gains nothing but the time of decoding. With a Prefetch above 1 the\n" +
		"pages of jobs are numbered, and come as those of pipelines do: as many at once, and\n" +
		"about a seventh more of them, as they overlap.\n\n"

	whyEqual = "Page by page both wait for the server, or the reader, most of the time, and one run differs from the next by as much."
)

// lists reads the pages of lists.
func lists(ctx context.Context, b *bench) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, listsIntroduction, perPage, b.busy, b.together)
	for _, l := range []list{
		{"pipelines", "%s pipelines, by page number", 8, len(pipelinesPage().text), "", (*bench).pipelinesFigure},
		{"jobs", "%s jobs of a project, by cursor", 1, len(jobsPage().text), cursorNote, (*bench).jobsFigure},
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
	title := fmt.Sprintf(l.title, thousands(b.listed))
	var t table
	t.head("A page takes", "Reader", "gitlabci", fmt.Sprintf("with `Prefetch: %d`", l.ahead), "client-go", "net/http", "gitlabci / client-go", "Prefetch / client-go")
	for _, busy := range []bool{false, true} {
		for _, delay := range b.delays {
			b.say("%s, %v a page, busy reader: %v", title, delay, busy)
			found, err := b.listAt(ctx, l, delay, busy)
			if err != nil {
				return "", err
			}
			we, ahead, they, least := found[0], found[1], found[2], "–"
			reader := "busy"
			if !busy {
				reader, least = "idle", found[3].time()
			}
			t.row(delay.String(), reader, we.time(), ahead.time(), they.time(), least,
				times(we.seconds(), they.seconds()), times(ahead.seconds(), they.seconds()))
			what := fmt.Sprintf("%s, %v a page, %s reader", title, delay, reader)
			b.compareTimes(what, we, they, whyEqual)
			b.compareTimes(what+", with Prefetch", ahead, they, whyEqual)
			if delay == b.telling {
				l.figure(b, !busy, found)
			}
		}
	}
	return fmt.Sprintf("### %s\n\n%s%s\n", title, l.note, t), nil
}

// listAt measures us, us with Prefetch, them and, with an idle reader, as little
// as can be done.
func (b *bench) listAt(ctx context.Context, l list, delay time.Duration, busy bool) ([]results, error) {
	we := task{Work: l.work, Client: ours, Base: b.server.base(delay, b.listed), Size: b.listed}
	p := plan{runs: 1, together: delay >= b.together, bytes: int64(b.listed / perPage * l.page)}
	if l.ahead > 1 {
		p.overlap = p.bytes / 5
	}
	if delay == 0 && !busy {
		p.runs = b.runs
	}
	if busy {
		we.Busy = b.busy
	}
	ahead, they, least := we, we, we
	ahead.Prefetch, they.Client, least.Client = l.ahead, theirs, bare
	tasks := []task{we, ahead, they, least}
	if busy {
		tasks = tasks[:3]
	}
	return b.measure(ctx, p, tasks...)
}

func (b *bench) pipelinesFigure(idle bool, found []results) {
	if ahead, they := found[1].seconds(), found[2].seconds(); idle {
		b.figure(fmt.Sprintf("%s pipelines, %v a page, `Prefetch: 8`", thousands(b.listed), b.telling),
			"≤ 1/6 of client-go's time", fmt.Sprintf("1/%.1f (%s)", they/ahead, duration(ahead)), ahead <= they/6)
	}
}

func (b *bench) jobsFigure(idle bool, found []results) {
	if ahead, they := found[1].seconds(), found[2].seconds(); !idle {
		b.figure(fmt.Sprintf("%s jobs of a project by cursor, %v a page, reader busy for %v a page, `Prefetch: 1`", thousands(b.listed), b.telling, b.busy),
			"≤ 0.6 of client-go's time", fmt.Sprintf("%s (%s)", times(ahead, they), duration(ahead)), ahead <= 0.6*they)
	}
}
