package gitlabcitest

import (
	"cmp"
	"slices"
	"time"

	"example.com/gitlabci"
)

// A Job is a job, or a trigger job, to add to a pipeline. What is zero has the
// value that the comment says.
type Job struct {
	ID     gitlabci.JobID  // the next one
	Name   string          // "test"
	Stage  string          // "test"
	Status gitlabci.Status // success

	FailureReason gitlabci.FailureReason // script_failure, of a trigger job unknown_failure; told only if Status is failed
	AllowFailure  bool                   // whether the pipeline succeeds without it
	Retried       bool                   // whether this is an attempt that another one supersedes
	Tags          []string               // of the runner it needs: none
	Coverage      *float64               // unknown

	CreatedAt  time.Time // that of its pipeline
	StartedAt  time.Time // CreatedAt, if by its Status it ran for certain
	FinishedAt time.Time // that of its pipeline, or StartedAt if that is later, if Status is an end other than skipped

	// Downstream is the pipeline that a trigger job started, in whichever
	// project, as AddPipeline returned it. Nil means that there is none yet.
	Downstream *Pipeline
}

// AddJob adds a job that a runner runs, and returns what was added: j with its
// defaults. The pipeline's status stays what it was.
func (p *Pipeline) AddJob(j Job) *Job {
	if j.Downstream != nil {
		misuse("AddJob: only trigger jobs have a Downstream; see AddTriggerJob")
	}
	return p.add("AddJob", j, false)
}

// AddTriggerJob adds a job that starts another pipeline, also called a bridge,
// and returns what was added: j with its defaults. Nothing is started; give
// its Downstream.
func (p *Pipeline) AddTriggerJob(j Job) *Job { return p.add("AddTriggerJob", j, true) }

func (p *Pipeline) add(method string, j Job, trigger bool) *Job {
	if p.server == nil {
		misuse("%s: this Pipeline was not returned by AddPipeline", method)
	}
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	state := p.server.state
	switch {
	case !state.exists(p.pipeline):
		misuse("%s: the pipeline %d was deleted", method, p.ID)
	case j.ID < 0:
		misuse("%s: the ID %d is negative", method, j.ID)
	case state.jobs[j.ID] != nil:
		misuse("%s: the job %d exists already", method, j.ID)
	case j.Downstream != nil && j.Downstream.server != p.server:
		misuse("%s: the Downstream was not returned by this server's AddPipeline", method)
	}
	j.setWords(trigger)
	j.setTimes(p.pipeline)
	kept := j.stored(p.pipeline, trigger)
	state.addJob(kept)
	j.ID = kept.id
	return &j
}

func (j *Job) setWords(trigger bool) {
	j.Name = cmp.Or(j.Name, "test")
	j.Stage = cmp.Or(j.Stage, "test")
	j.Status = cmp.Or(j.Status, gitlabci.StatusSuccess)
	if j.Status != gitlabci.StatusFailed {
		return
	}
	if trigger {
		j.FailureReason = cmp.Or(j.FailureReason, gitlabci.ReasonUnknownFailure)
	}
	j.FailureReason = cmp.Or(j.FailureReason, gitlabci.ReasonScriptFailure)
}

func (j *Job) setTimes(p *pipeline) {
	j.CreatedAt = orElse(j.CreatedAt, p.created)
	if begun(j.Status) {
		j.StartedAt = orElse(j.StartedAt, j.CreatedAt)
	}
	if ended(j.Status) {
		j.FinishedAt = orElse(j.FinishedAt, later(orElse(p.finished, p.updated), later(j.CreatedAt, j.StartedAt)))
	}
}

func (j *Job) stored(p *pipeline, trigger bool) *job {
	kept := &job{
		id:           j.ID,
		pipeline:     p,
		trigger:      trigger,
		name:         j.Name,
		stage:        j.Stage,
		tags:         slices.Sorted(slices.Values(j.Tags)),
		status:       j.Status,
		reason:       j.FailureReason,
		allowFailure: j.AllowFailure,
		coverage:     j.Coverage,
		superseded:   j.Retried,
		created:      j.CreatedAt,
		started:      stored(j.StartedAt),
		finished:     stored(j.FinishedAt),
	}
	if j.Downstream != nil {
		kept.downstream = j.Downstream.pipeline
	}
	return kept
}
