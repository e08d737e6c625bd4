package main

import (
	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/work"
)

// results are those of the runs of one task.
type results []work.Result

// times are in the order of the runs.
func (r results) times() report.Times {
	times := make(report.Times, len(r))
	for i, one := range r {
		times[i] = one.Seconds
	}
	return times
}

// timesFor are what so many items took, in runs of some size.
func (r results) timesFor(items, size int) report.Times {
	times := r.times()
	for i := range times {
		times[i] *= float64(items) / float64(size)
	}
	return times
}

// seconds is the median of the runs.
func (r results) seconds() float64 { return r.times().Median() }

// over returns the times divided by those of another task, run by run.
func (r results) over(others results) report.Ratios { return r.times().Over(others.times()) }

// most is the most memory that the runs had, each kind in whichever run it was.
func (r results) most() work.Result {
	var most work.Result
	for _, one := range r {
		most.Heap, most.Resident = max(most.Heap, one.Heap), max(most.Resident, one.Resident)
		most.Early, most.Late = max(most.Early, one.Early), max(most.Late, one.Late)
	}
	return most
}
