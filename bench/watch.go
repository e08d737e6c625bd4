package main

import (
	"context"
	"fmt"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const watchIntroduction = `## Watching

Pipelines of %d jobs, none of which changes, are watched at the same time, each by a loop
over Watch. A transport in memory responds, and the clock is a test's. What they take is what garbage collections
leave of the heap, and the stacks of their goroutines. The other clients have no such loop.

`

const watchLimit = 64 << 20

// watch watches many pipelines in one process.
func watch(ctx context.Context, b *bench) (string, error) {
	title := report.Thousands(b.watched) + " watched pipelines"
	b.say("%s", title)
	found, err := inChild(ctx, work.Task{Work: "watch", Client: work.Ours, Size: b.watched, For: b.watching})
	if err != nil {
		return "", err
	}
	var t report.Table
	t.Head("", "Requests", "Whole responses", "Heap", "Stacks", "Together", "Resident at most")
	held := found.Held + found.Stacks
	t.Row(report.Duration(found.Seconds)+" of them", report.Thousands(found.Requests), report.Thousands(found.Whole),
		report.Mebibytes(found.Held), report.Mebibytes(found.Stacks), report.Mebibytes(held), report.Mebibytes(found.Resident))
	b.verdicts.Figure(report.Target{
		Work:  title + " in one process",
		Limit: "≤ 64 MiB",
		Why:   "each has a goroutine with a stack of 4 to 8 KiB, and keeps the states of its jobs.",
	}, report.Mebibytes(held), held <= watchLimit)
	return fmt.Sprintf(watchIntroduction+"### %s\n\n%s\n", served.JobsWatched, title, t), nil
}
