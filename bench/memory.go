package main

import (
	"context"
	"fmt"
)

const heapLimit = 16 << 20

const memoryIntroduction = `## Memory

The heap is what its objects take, garbage included, looked at every millisecond.
Of that, in use is what a garbage collection leaves while the loop has an item at
hand: what grows from a fifth of the loop to its end would grow for ever.
Resident is what the process had at most, the program itself included.

`

const (
	whyMore = "It reads a page to its end before the loop gets the first item, so that half a page is never " +
		"taken for a whole one, and remembers the last 10,000 items, or somewhat more, so that none comes twice."
	whyHeld = "It reads the answer to its end before it decodes it, " +
		"so that one that broke off can be asked for again; TestCases is for reports of this size."
)

// A reading is one row on how much memory a list takes.
type reading struct {
	name, work, client string
	theirs             int    // the row to compare with, or 0
	why                string // it may need more
}

// memory reads more than anyone should hold in memory.
func memory(ctx context.Context, b *bench) (string, error) {
	jobs, err := b.heap(ctx, fmt.Sprintf("%s jobs of a project, by cursor", thousands(b.jobs)),
		plan{runs: 1, bytes: int64(b.jobs/perPage) * int64(len(jobsPage().text))}, b.jobs, []reading{
			{"gitlabci, All", "jobs", ours, 1, whyMore}, {"client-go, Scan2", "jobs", theirs, 0, ""}, {"net/http", "jobs", bare, 0, ""},
		})
	if err != nil {
		return "", err
	}
	cases, err := b.heap(ctx, fmt.Sprintf("A test report of %s cases", thousands(b.cases)),
		plan{runs: b.runs, bytes: int64(newReport(b.cases).size())}, b.cases, []reading{
			{"gitlabci, TestCases", "cases", ours, 1, ""}, {"client-go, GetPipelineTestReport", "report", theirs, 0, ""},
			{"gitlabci, TestReport", "report", ours, 1, whyHeld}, {"net/http", "report", bare, 0, ""},
		})
	return memoryIntroduction + jobs + cases, err
}

func (b *bench) heap(ctx context.Context, title string, p plan, size int, readings []reading) (string, error) {
	b.say("%s", title)
	var tasks []task
	for _, r := range readings {
		tasks = append(tasks, task{Work: r.work, Client: r.client, Base: b.server.base(0, size), Size: size, Watch: true})
	}
	found, err := b.measure(ctx, p, tasks...)
	if err != nil {
		return "", err
	}
	var t table
	t.head("", "Time", "Heap at most", "In use after a fifth", "In use at the end", "Resident at most")
	for i, r := range readings {
		one := found[i].most()
		t.row(r.name, found[i].time(), mebibytes(one.Heap), mebibytes(one.Early), mebibytes(one.Late), mebibytes(one.Resident))
		if r.theirs > 0 {
			they, what := found[r.theirs].most(), title+" ("+r.name+")"
			b.compareTimes(what+", time", found[i], found[r.theirs], r.why)
			b.compare(what+", heap", float64(one.Heap), float64(they.Heap), r.why)
			b.compare(what+", resident memory", float64(one.Resident), float64(they.Resident), r.why)
		}
	}
	b.heapFigure(title, found[0].most())
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}

func (b *bench) heapFigure(title string, we result) {
	b.figure(title+", heap", "≤ 16 MiB", mebibytes(we.Heap), we.Heap <= heapLimit)
	grown := int64(we.Late) - int64(we.Early)
	b.figure(title+", heap in use", "flat: at its end as after a fifth, ± 10%",
		fmt.Sprintf("%s, then %s", mebibytes(we.Early), mebibytes(we.Late)), 10*grown <= int64(we.Early))
}
