package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A bench is one run of this program.
type bench struct {
	scale
	dir      string // for archives
	server   *server
	progress io.Writer
	figures  table
	worse    []string // what another client does better
}

// report measures, and returns all of it as Markdown.
func (b *bench) report(ctx context.Context, s settings, args []string) (text string, err error) {
	about := aboutRun(args)
	if b.dir, err = os.MkdirTemp("", "gitlabci-bench-"); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.server, err = startServer(ctx, b.dir); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.server.stop()) }()
	b.figures.head("Work", "To reach", "Measured", "Reached")
	var found strings.Builder
	for _, g := range groups {
		if s.only != "" && !strings.Contains(","+s.only+",", ","+g.name+",") {
			continue
		}
		text, err := g.measure(ctx, b)
		if err != nil {
			return "", fmt.Errorf("%s: %w", g.name, err)
		}
		found.WriteString(text)
	}
	return introduction + about + b.summary() + found.String(), nil
}

const introduction = `# Benchmarks

gitlabci beside GitLab's own client for Go, ` + "`gitlab.com/gitlab-org/api/client-go`" + `,
and beside as little as the work can cost: net/http reading the same answers
and throwing them away, or a scan of the JSON that keeps nothing.

A server on the same machine has invented projects with the fields that GitLab
sends, uncompressed, over HTTP/1.1. Everybody gets the same bytes, which it
counts, but for pages that overlap. Each measurement is a process of its own, and the clients take turns.
A time is the median of the runs, with the lowest and the highest in
parentheses where there was more than one. What is divided by client-go is better
the smaller it is. All of this file is printed by one run of the program in ` + "`bench/`" + `.

`

// summary tells what the figures came to, and where another client is better.
func (b *bench) summary() string {
	var text strings.Builder
	if len(b.figures) > 2 {
		fmt.Fprintf(&text, "## Figures to reach\n\n%s\n", b.figures)
	}
	fmt.Fprintf(&text, "## Where client-go is better\n\n")
	if len(b.worse) == 0 {
		fmt.Fprintf(&text, "In none of the rows below by more than 1%%.\n")
	}
	for _, line := range b.worse {
		fmt.Fprintf(&text, "- %s\n", line)
	}
	return text.String() + "\n"
}

// figure notes what one of the figures to reach came to.
func (b *bench) figure(work, limit, found string, reached bool) {
	answer := "yes"
	if !reached {
		answer = "**no**"
	}
	b.figures.row(work, limit, found, answer)
}

// compare notes where we need more than they do, and why.
func (b *bench) compare(work string, we, they float64, why string) {
	if we > 1.01*they {
		b.worse = append(b.worse, strings.TrimSpace(fmt.Sprintf("%s: %.2f times as much as client-go. %s", work, we/they, why)))
	}
}

// compareTimes is compare for the medians of runs, which can be near enough to
// each other to mean nothing.
func (b *bench) compareTimes(work string, we, they results, why string) {
	if low, high := we.sorted()[0], they.sorted()[len(they)-1]; len(we) > 1 && low <= high {
		why = "The runs overlap: " + duration(low) + " was the fastest of gitlabci, " + duration(high) + " the slowest of client-go."
	}
	b.compare(work, we.seconds(), they.seconds(), why)
}

// A plan is how some tasks are measured.
type plan struct {
	runs     int
	together bool  // at the same time, where they do little but wait
	bytes    int64 // that the server must send to each
	overlap  int64 // that it may send beside in a run, where pages overlap
}

// measure has children do tasks, in turn, and returns what they found, task by
// task.
func (b *bench) measure(ctx context.Context, p plan, tasks ...task) ([]results, error) {
	before, err := b.server.served()
	if err != nil {
		return nil, err
	}
	found := make([]results, len(tasks))
	for range p.runs {
		if p.together {
			err = atOnce(ctx, tasks, found)
		} else {
			err = inTurn(ctx, tasks, found)
		}
		if err != nil {
			return nil, err
		}
	}
	after, err := b.server.served()
	if want := p.bytes * int64(p.runs*len(tasks)); err == nil && (after-before < want || after-before > want+p.overlap*int64(p.runs)) {
		err = fmt.Errorf("the server sent %d bytes, instead of %d", after-before, want)
	}
	return found, err
}

func inTurn(ctx context.Context, tasks []task, found []results) error {
	for i, t := range tasks {
		one, err := inChild(ctx, t)
		if err != nil {
			return err
		}
		found[i] = append(found[i], one)
	}
	return nil
}

func atOnce(ctx context.Context, tasks []task, found []results) error {
	var running sync.WaitGroup
	failed := make([]error, len(tasks))
	for i, t := range tasks {
		running.Go(func() { failed[i] = inTurn(ctx, []task{t}, found[i:i+1]) })
	}
	running.Wait()
	return errors.Join(failed...)
}

// say tells the user what is measured now.
func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(b.progress, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, values...))
}
