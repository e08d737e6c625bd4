package main

import (
	"cmp"
	"context"
	"fmt"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

const heapLimit = 16 << 20

const memoryIntroduction = `## Memory

The heap is the memory of objects, garbage included, measured every millisecond.
In use is the part that a garbage collection leaves while the loop has an item: if it
grows from a fifth of the loop to its end, it would grow forever. Resident is the
peak of the process, the program itself included. If no memory grows with the list,
the other clients read only a part of it.

`

const (
	whyMore = "It reads a page to its end before the loop gets the first item, so that half a page never " +
		"counts as a whole one. It remembers at least the last 10,000 items, so that none is yielded twice."
	whyHeld = "It reads the response to its end before it decodes it, " +
		"so that an interrupted one can be requested again; TestCases is for reports of this size."
)

// A reading is one row on how much memory a list takes.
type reading struct {
	name, work, client string
	size               int    // items of the list, or 0 for all
	theirs             int    // the row to compare with, or 0
	why                string // it may need more
}

// memory reads long lists and large reports.
func memory(ctx context.Context, b *bench) (string, error) {
	fewer := ", " + report.Thousands(b.fewerJobs)
	jobs, err := b.heap(ctx, fmt.Sprintf("%s jobs of a project, by cursor", report.Thousands(b.jobs)), 1, b.jobs, []reading{
		{"gitlabci, All", "jobs", work.Ours, 0, 1, whyMore},
		{"client-go, Scan2" + fewer, "jobs", work.Theirs, b.fewerJobs, 0, ""}, {"net/http" + fewer, "jobs", work.Bare, b.fewerJobs, 0, ""},
	})
	if err != nil {
		return "", err
	}
	cases, err := b.heap(ctx, fmt.Sprintf("A test report of %s cases", report.Thousands(b.cases)), b.runs, b.cases, []reading{
		{"gitlabci, TestCases", "cases", work.Ours, 0, 1, ""}, {"client-go, GetPipelineTestReport", "report", work.Theirs, 0, 0, ""},
		{"gitlabci, TestReport", "report", work.Ours, 0, 1, whyHeld}, {"net/http", "report", work.Bare, 0, 0, ""},
	})
	return memoryIntroduction + jobs + cases, err
}

// bytes is how much the server sends for so many items.
func (r reading) bytes(items int) int64 {
	if r.work == "jobs" {
		return int64(items/served.PerPage) * int64(len(served.JobsPage(0)))
	}
	return int64(served.NewReport(items).Size())
}

func (b *bench) heap(ctx context.Context, title string, runs, size int, readings []reading) (string, error) {
	b.say("%s", title)
	var tasks []work.Task
	p := plan{runs: runs}
	for _, r := range readings {
		n := cmp.Or(r.size, size)
		p.bytes += r.bytes(n)
		tasks = append(tasks, work.Task{Work: r.work, Client: r.client, Base: served.Base(b.server.Plain, 0, n), Size: n, Watch: true})
	}
	found, err := b.measure(ctx, p, tasks...)
	if err != nil {
		return "", err
	}
	var t report.Table
	t.Head("", "Time for 100,000", "Heap at most", "In use after a fifth", "In use at the end", "Resident at most")
	for i, r := range readings {
		one := found[i].most()
		t.Row(r.name, found[i].timesFor(100_000, tasks[i].Size).String(), report.Mebibytes(one.Heap), report.Mebibytes(one.Early), report.Mebibytes(one.Late), report.Mebibytes(one.Resident))
		if r.theirs > 0 {
			theirs, what := found[r.theirs].most(), title+" ("+r.name+")"
			pairs := found[i].timesFor(1, tasks[i].Size).Over(found[r.theirs].timesFor(1, tasks[r.theirs].Size))
			b.verdicts.CompareTimes(what+", time", pairs, r.why)
			b.verdicts.Compare(what+", heap", float64(one.Heap), float64(theirs.Heap), r.why)
			b.verdicts.Compare(what+", resident memory", float64(one.Resident), float64(theirs.Resident), r.why)
		}
	}
	b.heapFigure(title, found[0].most())
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}

func (b *bench) heapFigure(title string, ours work.Result) {
	b.verdicts.Figure(report.Target{
		Work:  title + ", heap",
		Limit: "≤ 16 MiB",
		Why:   "garbage is counted, and the collector lets the heap double before it runs.",
	}, report.Mebibytes(ours.Heap), ours.Heap <= heapLimit)
	grown := int64(ours.Late) - int64(ours.Early)
	b.verdicts.Figure(report.Target{
		Work:  title + ", heap in use",
		Limit: "flat: at its end as after a fifth, ± 10%",
		Why:   "something that is kept grows with the list, which is a fault.",
	}, fmt.Sprintf("%s, then %s", report.Mebibytes(ours.Early), report.Mebibytes(ours.Late)), 10*grown <= int64(ours.Early))
}
