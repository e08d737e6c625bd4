package main

import (
	"context"
	"fmt"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const watchIntroduction = `## Watching

Pipelines of %d jobs are watched at the same time for %s, in which one job of each
ends: by a loop over Watch for each of them, without events and with events of webhooks,
or by a loop over WatchAll for each project of 50 pipelines. A transport in memory
responds, and the clock is virtual. Memory is the heap after garbage collections, and the
stacks of goroutines. The other clients have no such loops.

`

const watchLimit = 64 << 20

// ways are how pipelines are watched.
var ways = []struct{ name, work string }{
	{"Watch, polling", "watch"},
	{"Watch, with events", "watch with events"},
	{"WatchAll, a loop a project", "watch projects"},
}

// watch watches many pipelines in one process.
func watch(ctx context.Context, b *bench) (string, error) {
	title := report.Thousands(b.watched) + " watched pipelines"
	var t report.Table
	t.Head("", "Requests", "each", "Whole responses", "Goroutines each", "Heap", "Stacks", "Together", "each", "Resident at most")
	var found []work.Result
	for _, way := range ways {
		b.say("%s: %s", title, way.name)
		one, err := inChild(ctx, work.Task{Work: way.work, Client: work.Ours, Size: b.watched, For: b.watching})
		if err != nil {
			return "", err
		}
		found = append(found, one)
		held, each := one.Held+one.Stacks, func(n int64) string { return fmt.Sprintf("%.2f", float64(n)/float64(b.watched)) }
		t.Row(way.name, report.Thousands(one.Requests), each(one.Requests), report.Thousands(one.Whole), each(one.Goroutines),
			report.Mebibytes(one.Held), report.Mebibytes(one.Stacks), report.Mebibytes(held), fmt.Sprintf("%.2f KiB", float64(held)/float64(b.watched)/1024),
			report.Mebibytes(one.Resident))
		b.verdicts.Figure(report.Target{
			Work:  title + " in one process: " + way.name,
			Limit: "≤ 64 MiB",
			Why:   "a loop has a goroutine with a stack of 4 to 8 KiB, and keeps the states of the jobs.",
		}, report.Mebibytes(held), held <= watchLimit)
	}
	b.watchRequests(title, found[0], found[1], found[2])
	return fmt.Sprintf(watchIntroduction+"### %s\n\n%s\n", served.JobsWatched, report.Duration(b.watching.Seconds()), title, t), nil
}

func (b *bench) watchRequests(title string, polling, events, projects work.Result) {
	share := float64(events.Requests) / float64(polling.Requests)
	b.verdicts.Figure(report.Target{
		Work:  title + ", requests with events",
		Limit: "≤ 0.1 of those of polling",
		Why:   "each change is a poll, and so are five minutes without one.",
	}, fmt.Sprintf("%.3f", share), share <= 0.1)
	loops := b.watched / work.ProjectPipelines
	each := float64(projects.Requests) / float64(projects.Polls) * float64(loops)
	b.verdicts.Figure(report.Target{
		Work:  fmt.Sprintf("%s of %d projects, requests a poll", title, loops),
		Limit: "one a project",
		Why:   "more than a hundred pipelines of a project had changed.",
	}, fmt.Sprintf("%.0f", each), each <= float64(loops))
}
