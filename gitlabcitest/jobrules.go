package gitlabcitest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
)

// cancelJob stops a job. With force, only a job that is canceling stops; without it, only
// one that is not canceling.
func (s *state) cancelJob(j *job, force bool, at time.Time) {
	canceling := j.status == gitlabci.StatusCanceling
	if j.status.Finished() || force != canceling {
		return
	}
	s.stopJob(j, at)
	s.afterChange(j.pipeline, at)
}

// retryable reports whether a job can have another attempt.
func (j *job) retryable() bool {
	if j.pipeline.archived || j.external != nil {
		return false
	}
	switch j.status {
	case gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusCanceled, gitlabci.StatusCanceling:
		return !j.superseded
	default:
		return false
	}
}

// retryJob adds another attempt of a job, which is then superseded. It is left
// to the caller to enqueue it.
func (s *state) retryJob(j *job, u *user, at time.Time) *job {
	j.superseded = true
	again := &job{
		pipeline:     j.pipeline,
		trigger:      j.trigger,
		name:         j.name,
		stage:        j.stage,
		tags:         j.tags,
		allowFailure: j.allowFailure,
		inputs:       j.inputs,
		manual:       j.manual,
		debug:        j.debug,
		artifactRole: j.artifactRole,
		user:         u,
		status:       gitlabci.StatusCreated,
		created:      j.pipeline.nextJob(at),
		environment:  j.environment,
		live:         j.live.nextAttempt(),
	}
	if again.live != nil && again.live.startsItself() {
		j.pipeline.live = true
	}
	s.addJob(again)
	again.queueEvent(at)
	return again
}

// nextJob is the creation time of another job of the pipeline: the given time, but later
// than that of the job before it.
func (p *pipeline) nextJob(at time.Time) time.Time {
	if n := len(p.jobs); n > 0 {
		return later(at, p.jobs[n-1].created.Add(jobInterval))
	}
	return at
}

// retryOne is a retry of one job, after which the skipped jobs of later stages
// wait again.
func (s *state) retryOne(j *job, u *user, at time.Time) *job {
	again := s.retryJob(j, u, at)
	s.enqueue(again, at)
	s.unskipLater(j, u, at)
	s.afterChange(j.pipeline, at)
	s.rerunTrigger(j.pipeline, u, at)
	return again
}

// unskipLater lets the skipped jobs of the stages after a job's wait again.
func (s *state) unskipLater(j *job, u *user, at time.Time) {
	stages := j.pipeline.stages()
	for _, other := range j.pipeline.latestJobs() {
		if other.status == gitlabci.StatusSkipped && slices.Index(stages, other.stage) > slices.Index(stages, j.stage) {
			s.process(other, u, at)
		}
	}
}

// process lets a skipped job wait for earlier stages again, for a user.
func (s *state) process(j *job, u *user, at time.Time) {
	j.user = u
	j.takeScript()
	s.move(j, gitlabci.StatusCreated, at)
}

// stages are those of the jobs, in the order in which they were added. That of
// external statuses is the last one.
func (p *pipeline) stages() (names []string) {
	last := []string{}
	for _, j := range p.jobs {
		switch {
		case j.external != nil:
			last = []string{j.stage}
		case !slices.Contains(names, j.stage):
			names = append(names, j.stage)
		}
	}
	return append(names, last...)
}

// waiting reports whether a job waits for a person or for a time.
func waiting(s gitlabci.Status) bool {
	return s == gitlabci.StatusManual || s == gitlabci.StatusScheduled
}

// playable reports whether a job can be played.
func (j *job) playable() bool {
	return j.manual && !j.pipeline.archived && (waiting(j.status) || j.retryable())
}

// complainOf says what is wrong with the inputs that someone gives a job.
func (j *job) complainOf(inputs map[string]any) string {
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		allowed, known := j.inputs[name]
		value := fmt.Sprint(inputs[name])
		switch {
		case !known:
			unknown = append(unknown, name)
		case len(allowed) > 0 && !slices.Contains(allowed, value):
			return fmt.Sprintf("`%s` input: %s", name, notAllowed(value))
		}
	}
	switch len(unknown) {
	case 0:
		return ""
	case 1:
		return "Unknown input: " + unknown[0]
	}
	return "Unknown inputs: " + strings.Join(unknown, ", ")
}

// play starts a manual or delayed job that is playable, or returns another
// attempt if it has ended since.
func (s *state) play(j *job, u *user, at time.Time) *job {
	if !waiting(j.status) {
		return s.retryOne(j, u, at)
	}
	j.user = u
	j.takeScript()
	s.enqueue(j, at)
	s.afterChange(j.pipeline, at)
	return j
}

const jobTokenPrefix = "fake-job-token-"

func jobToken(id gitlabci.JobID) string { return jobTokenPrefix + strconv.FormatInt(int64(id), 10) }

// jobByToken finds the job that a token is for, unless that is over.
func (s *state) jobByToken(token string) *job {
	j := s.anyJobByToken(token)
	if j == nil || !j.hasValidToken() {
		return nil
	}
	return j
}

// anyJobByToken finds the job that a token is or was for.
func (s *state) anyJobByToken(token string) *job {
	text, ok := strings.CutPrefix(token, jobTokenPrefix)
	id, err := strconv.ParseInt(text, 10, 64)
	j := s.jobs[gitlabci.JobID(id)]
	if !ok || err != nil || j == nil || !j.byRunner() {
		return nil
	}
	return j
}

// hasValidToken reports whether the token of a job is valid.
func (j *job) hasValidToken() bool {
	return j.status == gitlabci.StatusRunning || j.status == gitlabci.StatusCanceling
}

// runTime is how long j has run until now, if it has.
func (j *job) runTime(now time.Time) (time.Duration, bool) {
	end := now
	if !j.finished.IsZero() {
		end = j.finished
	}
	return end.Sub(j.started) + j.early, !j.started.IsZero()
}

// queueTime is how long j has waited for a runner until now, if it ever did.
func (j *job) queueTime(now time.Time) (time.Duration, bool) {
	queued := orElse(j.queued, j.created)
	switch {
	case !j.started.IsZero():
		return j.started.Sub(queued), true
	case j.status == gitlabci.StatusPending:
		return now.Sub(queued), true
	case !j.queued.IsZero() && !j.finished.IsZero():
		return j.finished.Sub(queued), true
	}
	return 0, false
}

// move gives a job another status, with its effects. Nothing happens to a job before it was
// created, although it may have become ready a moment earlier.
func (s *state) move(j *job, to gitlabci.Status, at time.Time) {
	from, then := j.status, later(at, j.created)
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
		j.queued = then
	case gitlabci.StatusRunning:
		j.started, j.finished, j.early = then, time.Time{}, then.Sub(at)
		j.beginLog(at)
	}
	if ended(to) {
		j.finished = then
	}
	s.agenda.remove(j)
	s.plan(j, at, at)
	if from != to {
		j.queueEvent(at)
	}
}

// failJob makes a job fail.
func (s *state) failJob(j *job, reason gitlabci.FailureReason, at time.Time) {
	j.reason = reason
	s.move(j, gitlabci.StatusFailed, at)
}

// stopJob cancels a job that has not ended: immediately, unless it is running and its runner
// can do it with grace, which older servers do not know.
func (s *state) stopJob(j *job, at time.Time) {
	script := j.script()
	graceful := j.status == gitlabci.StatusRunning && script != nil && script.Cancels > 0
	if graceful && s.version.Knows(gitlabci.StatusCanceling) {
		s.move(j, gitlabci.StatusCanceling, at)
		return
	}
	s.move(j, gitlabci.StatusCanceled, at)
}

// afterChange does what follows from a change of a pipeline's jobs: other jobs start, the
// pipeline gets the status that follows from its jobs, and the job that started it may end.
func (s *state) afterChange(p *pipeline, at time.Time) {
	s.startReadyJobs(p, at)
	p.updateStatus(at)
	s.continueTrigger(p, at)
}
