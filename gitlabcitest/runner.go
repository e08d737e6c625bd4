package gitlabcitest

import (
	"cmp"
	"slices"

	"example.com/gitlabci"
)

// SetJobStatus gives a job another status, as a runner or GitLab's own
// machinery does: a runner takes a job that is pending, which is then running,
// and reports its end. This has the usual effects: times are set, later jobs start, the
// pipeline has the status of its jobs, and a job with a Script continues from there. A job
// that is canceling becomes canceled, however it ends. It panics if there is no such job,
// or if GitLab does not allow the change of status.
func (s *Server) SetJobStatus(job gitlabci.JobID, to gitlabci.Status) {
	at := s.lock()
	defer s.mu.Unlock()
	j := s.mustJob("SetJobStatus", job)
	s.state.mustKnow("SetJobStatus", to)
	s.mustBecome("SetJobStatus", j, to)
	switch {
	case j.status == gitlabci.StatusCanceling:
		to = gitlabci.StatusCanceled
	case to == gitlabci.StatusSuccess || to == gitlabci.StatusFailed:
		if script := j.script(); script != nil && j.status == gitlabci.StatusRunning {
			j.storeResults(script, at)
		}
	}
	if to == gitlabci.StatusFailed {
		j.reason = j.usualReason()
	}
	s.state.move(j, to, at)
	s.state.afterChange(j.pipeline, at)
}

// FailJob makes a job fail for a reason, without the Coverage, Artifacts and Reports of its
// Script. "" is the reason in the Script, or script_failure, or of a trigger job
// unknown_failure. A job that is canceling becomes canceled. It panics if there is no such
// job, or if it has ended.
func (s *Server) FailJob(job gitlabci.JobID, reason gitlabci.FailureReason) {
	at := s.lock()
	defer s.mu.Unlock()
	j := s.mustJob("FailJob", job)
	s.mustBecome("FailJob", j, gitlabci.StatusFailed)
	if j.status == gitlabci.StatusCanceling {
		s.state.move(j, gitlabci.StatusCanceled, at)
	} else {
		s.state.failJob(j, cmp.Or(reason, j.usualReason()), at)
	}
	s.state.afterChange(j.pipeline, at)
}

// AppendLog adds a text to the end of a job's log, in any status of the job. Later lines of
// its Script follow it. It panics if there is no such job, or if it is a trigger job.
func (s *Server) AppendLog(job gitlabci.JobID, text string) {
	at := s.lock()
	defer s.mu.Unlock()
	j := s.mustLog("AppendLog", job)
	j.log = append(j.written(at), text...)
}

// SetLog replaces a job's log, as when a runner sends another end of it; the text may be
// shorter. Later lines of its Script follow it. "" is no log. It panics if there is no such
// job, or if it is a trigger job.
func (s *Server) SetLog(job gitlabci.JobID, text string) {
	at := s.lock()
	defer s.mu.Unlock()
	j := s.mustLog("SetLog", job)
	j.written(at)
	j.log = []byte(text)
}

func (s *Server) mustJob(method string, id gitlabci.JobID) *job {
	j := s.state.jobs[id]
	if j == nil {
		misuse("%s: there is no job %d", method, id)
	}
	return j
}

func (s *Server) mustBecome(method string, j *job, to gitlabci.Status) {
	if !j.canBecome(to) {
		misuse("%s: the job %d is %s, and does not become %s from that", method, j.id, j.status, to)
	}
}

func (s *Server) mustLog(method string, id gitlabci.JobID) *job {
	j := s.mustJob(method, id)
	switch {
	case j.trigger:
		misuse("%s: the job %d is a trigger job, which has no log", method, id)
	case j.external != nil:
		misuse("%s: the job %d is a commit status, which has no log", method, id)
	}
	return j
}

// usualReason is the failure reason of a job without a given one.
func (j *job) usualReason() gitlabci.FailureReason {
	switch script := j.script(); {
	case script != nil:
		return script.reason()
	case j.trigger:
		return gitlabci.FailureReasonUnknownFailure
	}
	return gitlabci.FailureReasonScriptFailure
}

// The changes of a job's status that GitLab allows.
var transitions = map[gitlabci.Status][]gitlabci.Status{
	gitlabci.StatusCreated:            {gitlabci.StatusSkipped, gitlabci.StatusManual},
	gitlabci.StatusWaitingForResource: unqueued[:4],
	gitlabci.StatusPreparing:          unqueued[:5],
	gitlabci.StatusWaitingForCallback: unqueued[:6],
	gitlabci.StatusPending:            unqueued,
	gitlabci.StatusRunning:            {gitlabci.StatusPending},
	gitlabci.StatusSkipped: {
		gitlabci.StatusCreated, gitlabci.StatusWaitingForResource, gitlabci.StatusPreparing, gitlabci.StatusPending,
	},
	gitlabci.StatusSuccess:   slices.Concat(unended, []gitlabci.Status{gitlabci.StatusCanceling}),
	gitlabci.StatusFailed:    slices.Concat(unended, waitingStatuses, []gitlabci.Status{gitlabci.StatusCanceling}),
	gitlabci.StatusCanceling: {gitlabci.StatusRunning},
	gitlabci.StatusCanceled:  slices.Concat(unended, waitingStatuses, []gitlabci.Status{gitlabci.StatusCanceling}),
}

var (
	// unqueued are the statuses before pending, from which a job reaches pending in any
	// number of steps.
	unqueued = []gitlabci.Status{
		gitlabci.StatusCreated, gitlabci.StatusSkipped, gitlabci.StatusManual, gitlabci.StatusScheduled,
		gitlabci.StatusWaitingForResource, gitlabci.StatusPreparing, gitlabci.StatusWaitingForCallback,
	}

	// unended are the statuses of a job that is on its way.
	unended = []gitlabci.Status{
		gitlabci.StatusCreated, gitlabci.StatusWaitingForResource, gitlabci.StatusPreparing,
		gitlabci.StatusWaitingForCallback, gitlabci.StatusPending, gitlabci.StatusRunning,
	}

	waitingStatuses = []gitlabci.Status{gitlabci.StatusManual, gitlabci.StatusScheduled}
)

// canBecome reports whether a job can get from its status to another one.
func (j *job) canBecome(to gitlabci.Status) bool { return slices.Contains(transitions[to], j.status) }
