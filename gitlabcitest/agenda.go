package gitlabcitest

import (
	"container/heap"
	"time"
)

// An event is the time at which a job takes its next step, a new pipeline its
// first, or something else happens.
type event struct {
	at       time.Time
	order    int64 // of events at the same time, the one that was set first comes first
	job      *job
	pipeline *pipeline          // in place of a job
	do       func(at time.Time) // in place of both
	index    int                // in the heap
}

// An agenda has the future events: at most one for each job. No goroutine waits for it: a
// reader of the state first makes happen what is due.
type agenda struct {
	events   eventHeap
	last     int64
	setTimer func(time.Time) // receives the time of each new event
}

// next is when the next event is, or zero.
func (a *agenda) next() time.Time {
	if len(a.events) == 0 {
		return time.Time{}
	}
	return a.events[0].at
}

// set makes a job continue at a time, and at no other.
func (a *agenda) set(j *job, at time.Time) {
	a.remove(j)
	a.last++
	j.live.next = &event{at: at, order: a.last, job: j}
	heap.Push(&a.events, j.live.next)
	a.setTimer(at)
}

// setBegin makes a new pipeline continue at a time.
func (a *agenda) setBegin(p *pipeline, at time.Time) {
	a.last++
	heap.Push(&a.events, &event{at: at, order: a.last, pipeline: p})
	a.setTimer(at)
}

// setDo makes something happen at a time.
func (a *agenda) setDo(at time.Time, do func(at time.Time)) {
	a.last++
	heap.Push(&a.events, &event{at: at, order: a.last, do: do})
	a.setTimer(at)
}

// remove lets a job stay as it is.
func (a *agenda) remove(j *job) {
	if j.live == nil || j.live.next == nil {
		return
	}
	heap.Remove(&a.events, j.live.next.index)
	j.live.next = nil
}

// due takes the first event out that is not after now, or nil.
func (a *agenda) due(now time.Time) *event {
	if len(a.events) == 0 || a.events[0].at.After(now) {
		return nil
	}
	first := a.events[0]
	if first.job == nil {
		heap.Pop(&a.events)
		return first
	}
	a.remove(first.job)
	return first
}

// An eventHeap has the next event in front, for container/heap.
type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }

func (h eventHeap) Less(i, j int) bool {
	if byTime := h[i].at.Compare(h[j].at); byTime != 0 {
		return byTime < 0
	}
	return h[i].order < h[j].order
}

func (h eventHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *eventHeap) Push(x any) {
	e := x.(*event)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil // for the garbage collector
	*h = (*h)[:last]
	return e
}
