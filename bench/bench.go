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

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

// A bench is one run of this program.
type bench struct {
	scale
	dir      string // for archives
	server   *server
	progress io.Writer
	verdicts report.Verdicts
}

// report measures, and returns all of it as Markdown.
func (b *bench) report(ctx context.Context, s settings, args []string) (text string, err error) {
	about, began := report.About(args), time.Now()
	stop, err := b.start(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, stop()) }()
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
	return report.All(about, time.Since(began), &b.verdicts, found.String()), nil
}

// start makes the directory and starts the server. A function stops and removes them.
func (b *bench) start(ctx context.Context) (stop func() error, err error) {
	if b.dir, err = os.MkdirTemp("", "gitlabci-bench-"); err != nil {
		return nil, err
	}
	if b.server, err = startServer(ctx, b.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	return func() error { return errors.Join(b.server.stop(), os.RemoveAll(b.dir)) }, nil
}

// A plan is how some tasks are measured.
type plan struct {
	runs     int
	together bool  // at the same time: for tasks that wait most of the time
	bytes    int64 // that the server must send in a turn of all tasks
	overlap  int64 // that it may send more in a turn, since pages overlap
}

// measure does tasks in children, in turn, and returns the results by task. The runs with
// the same index followed each other, and make a pair. Every other turn is backward, so that
// no task always has what the same other one leaves to it, such as a busy disk.
func (b *bench) measure(ctx context.Context, p plan, tasks ...work.Task) ([]results, error) {
	before, err := served.CountsAt(b.server.Plain)
	if err != nil {
		return nil, err
	}
	found := make([]results, len(tasks))
	for turn := range p.runs {
		if p.together {
			err = atOnce(ctx, tasks, found)
		} else {
			err = inTurn(ctx, tasks, found, turn%2 == 1)
		}
		if err != nil {
			return nil, err
		}
	}
	after, err := served.CountsAt(b.server.Plain)
	sent, want := after.Bytes-before.Bytes, p.bytes*int64(p.runs)
	if err == nil && (sent < want || sent > want+p.overlap*int64(p.runs)) {
		err = fmt.Errorf("the server sent %d bytes, instead of %d", sent, want)
	}
	return found, err
}

func inTurn(ctx context.Context, tasks []work.Task, found []results, backward bool) error {
	for i := range tasks {
		if backward {
			i = len(tasks) - 1 - i
		}
		one, err := inChild(ctx, tasks[i])
		if err != nil {
			return err
		}
		found[i] = append(found[i], one)
	}
	return nil
}

func atOnce(ctx context.Context, tasks []work.Task, found []results) error {
	var running sync.WaitGroup
	failed := make([]error, len(tasks))
	for i, t := range tasks {
		running.Go(func() { failed[i] = inTurn(ctx, []work.Task{t}, found[i:i+1], false) })
	}
	running.Wait()
	return errors.Join(failed...)
}

// say prints what is measured now.
func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(b.progress, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, values...))
}
