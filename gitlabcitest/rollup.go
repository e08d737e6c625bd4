package gitlabcitest

import (
	"slices"
	"time"

	"example.com/gitlabci"
)

// updateStatus gives a pipeline the status that its jobs have by now, and the time
// for which at least one of them ran.
func (p *pipeline) updateStatus(at time.Time) {
	jobs, before := p.latestJobs(), p.status
	p.statusFromJobs = true
	p.setStatus(statusOf(jobs), at)
	if ended(p.status) {
		p.duration = runningTime(jobs, at)
	}
	if p.status != before {
		p.queueEvent(at)
	}
}

// moveTo gives a pipeline another status, independent of its jobs.
func (p *pipeline) moveTo(status gitlabci.Status, at time.Time) {
	before := p.status
	p.setStatus(status, at)
	if status != before {
		p.queueEvent(at)
	}
}

// setStatus is moveTo without events of hooks.
func (p *pipeline) setStatus(status gitlabci.Status, at time.Time) {
	another := p.status != status
	p.status, p.updated = status, at
	if status == gitlabci.StatusRunning && p.started.IsZero() {
		p.started = at
	}
	switch {
	case !ended(status):
		p.finished, p.duration = time.Time{}, 0
	case another || p.finished.IsZero():
		p.finished = at
	}
	p.lock()
}

// runningTime is how long at least one of the jobs ran, by now.
func runningTime(jobs []*job, now time.Time) (total time.Duration) {
	ran := slices.DeleteFunc(jobs, func(j *job) bool { return j.started.IsZero() })
	slices.SortFunc(ran, func(a, b *job) int { return a.started.Compare(b.started) })
	var until time.Time
	for _, j := range ran {
		from, to := later(j.started.Add(-j.early), until), orElse(j.finished, now)
		if to.After(from) {
			total += to.Sub(from)
			until = to
		}
	}
	return total
}

// averageCoverage is a pipeline's coverage: the average of that of its jobs, once its
// status is theirs and one of them has any.
func (p *pipeline) averageCoverage() *float64 {
	if !p.statusFromJobs {
		return p.coverage
	}
	sum, n := 0.0, 0
	for _, j := range p.latestJobs() {
		if j.coverage != nil {
			sum += *j.coverage
			n++
		}
	}
	if n == 0 {
		return p.coverage
	}
	return new(sum / float64(n))
}

// A statusRule is the status of a pipeline whose jobs have these statuses.
type statusRule struct {
	status gitlabci.Status
	jobs   []gitlabci.Status
}

var (
	// uniformRules are for pipelines whose jobs have no other statuses
	// than these, success and skipped. The first one that fits counts.
	uniformRules = []statusRule{
		{gitlabci.StatusSuccess, nil},
		{gitlabci.StatusCreated, []gitlabci.Status{gitlabci.StatusCreated}},
		{gitlabci.StatusPreparing, []gitlabci.Status{gitlabci.StatusPreparing}},
		{gitlabci.StatusCanceled, []gitlabci.Status{gitlabci.StatusCanceled}},
		{gitlabci.StatusPending, []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusCreated}},
	}

	// mixedRules are for pipelines with a job of one of these statuses,
	// if no uniform one fits. The first one that fits counts.
	mixedRules = []statusRule{
		{gitlabci.StatusRunning, []gitlabci.Status{gitlabci.StatusRunning, gitlabci.StatusPending}},
		{gitlabci.StatusCanceling, []gitlabci.Status{gitlabci.StatusCanceling}},
		{gitlabci.StatusWaitingForResource, []gitlabci.Status{gitlabci.StatusWaitingForResource}},
		{gitlabci.StatusWaitingForCallback, []gitlabci.Status{gitlabci.StatusWaitingForCallback}},
		{gitlabci.StatusManual, []gitlabci.Status{gitlabci.StatusManual}},
		{gitlabci.StatusScheduled, []gitlabci.Status{gitlabci.StatusScheduled}},
		{gitlabci.StatusPreparing, []gitlabci.Status{gitlabci.StatusPreparing}},
		{gitlabci.StatusRunning, []gitlabci.Status{gitlabci.StatusCreated}},
	}
)

// outcomeCounts are how many jobs have which outcome.
type outcomeCounts map[gitlabci.Status]int

func (seen outcomeCounts) count(j *job) { seen[j.outcome()]++ }

// statusOf is the status of a pipeline with these jobs, superseded ones left
// out.
func statusOf(jobs []*job) gitlabci.Status {
	seen := outcomeCounts{}
	for _, j := range jobs {
		seen.count(j)
	}
	return seen.status()
}

// status is the status of all of them together.
func (seen outcomeCounts) status() gitlabci.Status {
	left := 0
	for _, n := range seen {
		left += n
	}
	if left == 0 {
		return gitlabci.StatusCreated
	}
	if left -= seen[gitlabci.StatusSkipped]; left == 0 {
		return gitlabci.StatusSkipped
	}
	left -= seen[gitlabci.StatusSuccess]
	for _, v := range uniformRules {
		if v.count(seen) == left {
			return v.status
		}
	}
	for _, v := range mixedRules {
		if v.count(seen) > 0 {
			return v.status
		}
	}
	return gitlabci.StatusFailed
}

// count is how many jobs have one of the rule's statuses.
func (v statusRule) count(seen outcomeCounts) (n int) {
	for _, status := range v.jobs {
		n += seen[status]
	}
	return n
}

// outcome is the status that a job contributes to its pipeline. A job that may fail does
// not make it fail, and the pipeline does not wait for it to be played.
func (j *job) outcome() gitlabci.Status {
	switch {
	case j.allowFailure && failedOrCanceled(j.status):
		return gitlabci.StatusSuccess
	case j.allowFailure && j.status == gitlabci.StatusManual:
		return gitlabci.StatusSkipped
	}
	return j.status
}
