package main

import (
	"context"
	"fmt"
)

const heapLimit = 16 << 20

const memoryIntroduction = `## Memory

The heap is what its objects take, garbage included, looked at every millisecond;
flat is what is as large in the last tenth of the loop as in the first. Resident
is what the process had at most, the program itself included.

`

// A reading is one row on how much memory a list takes.
type reading struct {
	name, work, client string
}

// memory reads more than anyone should hold in memory.
func memory(ctx context.Context, b *bench) (string, error) {
	jobs, err := b.heap(ctx, fmt.Sprintf("%s jobs of a project, by cursor", thousands(b.jobs)),
		plan{runs: 1, bytes: int64(b.jobs / perPage * len(jobsPage().text))}, b.jobs, []reading{
			{"gitlabci, All", "jobs", ours}, {"client-go, Scan2", "jobs", theirs}, {"net/http", "jobs", bare},
		})
	if err != nil {
		return "", err
	}
	cases, err := b.heap(ctx, fmt.Sprintf("A test report of %s cases", thousands(b.cases)),
		plan{runs: 1, bytes: int64(newReport(b.cases).size())}, b.cases, []reading{
			{"gitlabci, TestCases", "cases", ours}, {"client-go, GetPipelineTestReport", "report", theirs},
			{"gitlabci, TestReport", "report", ours}, {"net/http", "report", bare},
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
	t.head("", "Time", "Heap at most", "First tenth", "Last tenth", "Resident at most")
	for i, r := range readings {
		one := found[i][0]
		t.row(r.name, duration(one.Seconds), mebibytes(one.Heap), mebibytes(one.Early), mebibytes(one.Late), mebibytes(one.Resident))
	}
	we, they := found[0][0], found[1][0]
	b.compare(title+", time", we.Seconds, they.Seconds, "")
	b.compare(title+", heap", float64(we.Heap), float64(they.Heap), "")
	b.compare(title+", resident memory", float64(we.Resident), float64(they.Resident), "")
	b.figure(title+", heap", "≤ 16 MiB, flat", fmt.Sprintf("%s, from %s to %s", mebibytes(we.Heap), mebibytes(we.Early), mebibytes(we.Late)),
		we.Heap <= heapLimit && float64(we.Late) <= 1.1*float64(we.Early))
	return fmt.Sprintf("### %s\n\n%s\n", title, t), nil
}
