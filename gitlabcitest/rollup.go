package gitlabcitest

import (
	"time"

	"example.com/gitlabci"
)

// settle gives a pipeline the status that its jobs have by now.
func (p *pipeline) settle(at time.Time) { p.moveTo(statusOf(p.latestJobs()), at) }

func (p *pipeline) moveTo(status gitlabci.Status, at time.Time) {
	p.status, p.updated = status, at
	if status == gitlabci.StatusRunning && p.started.IsZero() {
		p.started = at
	}
	switch {
	case !ended(status):
		p.finished, p.lasted = time.Time{}, 0
	case p.finished.IsZero():
		p.finished = at
	}
}

// A verdict is the status of a pipeline whose jobs have certain ones.
type verdict struct {
	status gitlabci.Status
	jobs   []gitlabci.Status
}

var (
	// uniform are the verdicts on pipelines whose jobs have no other statuses
	// than these, success and skipped. The first one that fits counts.
	uniform = []verdict{
		{gitlabci.StatusSuccess, nil},
		{gitlabci.StatusCreated, []gitlabci.Status{gitlabci.StatusCreated}},
		{gitlabci.StatusPreparing, []gitlabci.Status{gitlabci.StatusPreparing}},
		{gitlabci.StatusCanceled, []gitlabci.Status{gitlabci.StatusCanceled}},
		{gitlabci.StatusPending, []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusCreated}},
	}

	// mixed are the verdicts on pipelines with a job of one of these statuses,
	// if no uniform one fits. The first one that fits counts.
	mixed = []verdict{
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

// statusOf is the status of a pipeline with these jobs, superseded ones left
// out.
func statusOf(jobs []*job) gitlabci.Status {
	seen := map[gitlabci.Status]int{}
	for _, j := range jobs {
		seen[j.outcome()]++
	}
	left := len(jobs) - seen[gitlabci.StatusSkipped]
	if left == 0 {
		return gitlabci.StatusSkipped
	}
	left -= seen[gitlabci.StatusSuccess]
	for _, v := range uniform {
		if v.count(seen) == left {
			return v.status
		}
	}
	for _, v := range mixed {
		if v.count(seen) > 0 {
			return v.status
		}
	}
	return gitlabci.StatusFailed
}

// count is how many jobs have one of the verdict's statuses.
func (v verdict) count(seen map[gitlabci.Status]int) (n int) {
	for _, status := range v.jobs {
		n += seen[status]
	}
	return n
}

// outcome is what a job means for its pipeline. One that may fail does no harm
// by that, and nobody waits for it to be started.
func (j *job) outcome() gitlabci.Status {
	switch {
	case j.allowFailure && stoppedShort(j.status):
		return gitlabci.StatusSuccess
	case j.allowFailure && j.status == gitlabci.StatusManual:
		return gitlabci.StatusSkipped
	}
	return j.status
}
