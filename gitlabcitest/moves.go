package gitlabcitest

import (
	"time"

	"example.com/gitlabci"
)

// move gives a job another status, and what comes with it.
func (s *state) move(j *job, to gitlabci.Status, at time.Time) {
	from := j.status
	j.status = to
	switch {
	case from == gitlabci.StatusPending:
		j.queued = orElse(j.queued, j.created)
	case from == gitlabci.StatusRunning:
		j.endLog(at)
	}
	switch to {
	case gitlabci.StatusCreated:
		j.queued, j.finished = time.Time{}, time.Time{}
	case gitlabci.StatusPending:
		j.queued = at
	case gitlabci.StatusRunning:
		j.started, j.finished = at, time.Time{}
		j.beginLog(at)
	}
	if ended(to) {
		j.finished = at
	}
	s.agenda.drop(j)
	s.plan(j, at, at)
}

// drop makes a job fail.
func (s *state) drop(j *job, reason gitlabci.FailureReason, at time.Time) {
	j.reason = reason
	s.move(j, gitlabci.StatusFailed, at)
}

// stop cancels a job that has not ended: at once, unless it is running and its
// runner can do it with grace, which older servers do not know.
func (s *state) stop(j *job, at time.Time) {
	script := j.script()
	graceful := j.status == gitlabci.StatusRunning && script != nil && script.Cancels > 0
	if graceful && s.version.Knows(gitlabci.StatusCanceling) {
		s.move(j, gitlabci.StatusCanceling, at)
		return
	}
	s.move(j, gitlabci.StatusCanceled, at)
}

// changed is what follows from a change of a pipeline's jobs: others take their
// turn, the pipeline gets the status that they have by now, and the job that
// started it may end.
func (s *state) changed(p *pipeline, at time.Time) {
	s.takeTurns(p, at)
	p.settle(at)
	s.tellTrigger(p, at)
}
