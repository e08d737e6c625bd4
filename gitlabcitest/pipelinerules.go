package gitlabcitest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/gitlabci"
)

// fieldErrors are why something cannot be saved: messages by field.
type fieldErrors map[string][]string

// create starts a pipeline by the API.
func (s *state) create(p *pipeline) fieldErrors {
	head := p.project.refs[p.ref]
	if head == nil {
		return fieldErrors{"base": {"Reference not found"}}
	}
	for _, v := range p.variables {
		if texts := checkKey(v.Key); texts != nil {
			return fieldErrors{"variables.key": texts}
		}
	}
	p.sha, p.tag = head.sha, head.kind == tagRef
	p.beforeSHA = noSHA
	p.source = cmp.Or(p.source, gitlabci.SourceAPI)
	s.start(p)
	return nil
}

// start adds a pipeline that a client creates.
func (s *state) start(p *pipeline) {
	p.status = gitlabci.StatusCreated
	p.wanted = p.project.onCreate
	s.addPipeline(p)
	s.attachJobs(p, p.jobsOf(p.project.onCreateJobs), p.created)
	p.queueCreated()
	s.agenda.setBegin(p, p.created.Add(p.project.settings.CreatedFor))
}

// begin starts the jobs of a pipeline that a client created, when it has had the status
// created for the configured time. GitLab too responds before it starts the jobs.
func (s *state) begin(p *pipeline, at time.Time) {
	switch {
	case !s.exists(p) || p.status != gitlabci.StatusCreated: // another request has changed it meanwhile
		return
	case p.live:
		s.afterChange(p, at)
	case p.wanted != nil:
		p.applyWanted(p.wanted)
		p.queueEvent(at)
	default:
		p.moveTo(gitlabci.StatusPending, at)
	}
}

// launch adds a pipeline with its jobs, at the time of its creation.
func (s *state) launch(p *pipeline, wanted []wantedJob) {
	s.addPipeline(p)
	s.attachJobs(p, p.jobsOf(wanted), p.created)
	p.queueCreated()
	if p.live {
		s.afterChange(p, p.created)
	}
}

// jobsOf makes jobs of a new pipeline.
func (p *pipeline) jobsOf(wanted []wantedJob) (jobs []*job) {
	for i, one := range wanted {
		jobs = append(jobs, one.newJob(p, i, p.created))
	}
	return jobs
}

// applyWanted sets what a test wants of a new pipeline, immediately.
func (p *pipeline) applyWanted(wanted *pipeline) {
	p.status, p.coverage, p.suites = wanted.status, wanted.coverage, wanted.suites
	p.duration, p.queued = wanted.duration, wanted.queued
	p.startAt(p.created)
	p.lock()
}

// startAt makes a time the one of all that has happened to a new pipeline.
func (p *pipeline) startAt(at time.Time) {
	p.created, p.updated, p.started, p.finished = at, at, time.Time{}, time.Time{}
	if begun(p.status) {
		p.started = at
	}
	if ended(p.status) {
		p.finished = at
	}
}

var validKey = regexp.MustCompile(`^[a-zA-Z0-9_]+$`)

func checkKey(key string) (texts []string) {
	if strings.TrimSpace(key) == "" {
		texts = append(texts, "can't be blank")
	}
	if !validKey.MatchString(key) {
		texts = append(texts, "can contain only letters, digits and '_'.")
	}
	return texts
}

// latest is the newest pipeline of a ref's head, nil if it has none.
func (p *project) latest(name string) *pipeline {
	head := p.refs[name]
	if head == nil {
		return nil
	}
	for _, one := range slices.Backward(p.pipelines) {
		if one.ref == name && one.sha == head.sha && !one.dangling() {
			return one
		}
	}
	return nil
}

// dangling reports whether p says nothing about its ref.
func (p *pipeline) dangling() bool { return slices.Contains(danglingSources(), string(p.source)) }

func (p *pipeline) child() bool { return p.source == gitlabci.SourceParentPipeline }

// rename returns what is wrong with the name, if anything.
func (p *pipeline) rename(name string) (complaint string) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "Name is too short (minimum is 1 character)"
	case utf8.RuneCountInString(name) > 255:
		return "Name is too long (maximum is 255 characters)"
	}
	p.name = name
	return ""
}

// retry lets u run the failed and canceled jobs again, and those that were
// skipped for them. A pipeline without jobs goes back to pending by itself.
func (s *state) retry(p *pipeline, u *user, at time.Time) {
	switch {
	case len(p.jobs) == 0 && failedOrCanceled(p.status) && !p.archived:
		p.moveTo(gitlabci.StatusPending, at)
	case s.retryJobs(p, u, at):
		s.afterChange(p, at)
	default:
		return
	}
	s.rerunTrigger(p, u, at)
}

func failedOrCanceled(s gitlabci.Status) bool {
	return s == gitlabci.StatusFailed || s == gitlabci.StatusCanceled
}

// retryJobs reports whether there was a job to retry. New attempts that are
// live start by themselves.
func (s *state) retryJobs(p *pipeline, u *user, at time.Time) (retried bool) {
	for _, j := range p.latestJobs() {
		if failedOrCanceled(j.status) && j.retryable() {
			if again := s.retryJob(j, u, at); again.live == nil || !again.live.startsItself() {
				s.enqueue(again, at)
			}
			retried = true
		}
	}
	if !retried {
		return false
	}
	for _, j := range p.latestJobs() {
		if j.status == gitlabci.StatusSkipped {
			s.process(j, u, at)
		}
	}
	return true
}

// latestJobs are the jobs and trigger jobs without superseded attempts.
func (p *pipeline) latestJobs() []*job {
	var latest []*job
	for _, j := range p.jobs {
		if !j.superseded {
			latest = append(latest, j)
		}
	}
	return latest
}

// cancel stops what has not ended, in child pipelines too. A job that is
// canceling already takes its time, and the pipeline with it.
func (s *state) cancel(p *pipeline, at time.Time) {
	if p.status.Finished() {
		return
	}
	jobs := p.latestJobs()
	cancelable := slices.DeleteFunc(p.latestJobs(), func(j *job) bool {
		return j.status.Finished() || j.status == gitlabci.StatusCanceling
	})
	for _, j := range cancelable {
		s.stopJob(j, at)
	}
	switch {
	case len(cancelable) > 0:
		s.afterChange(p, at)
	case statusOf(jobs) == gitlabci.StatusCanceling || p.status == gitlabci.StatusCanceling:
		return
	default:
		p.moveTo(gitlabci.StatusCanceled, at) // its jobs have no say in its status
		s.continueTrigger(p, at)
	}
	for _, j := range jobs {
		if child := j.downstream; s.exists(child) && child.child() {
			s.cancel(child, at)
		}
	}
}

// discard deletes a pipeline. GitLab cancels it first, which also ends its child pipelines
// and the job that waits for it.
func (s *state) discard(p *pipeline, at time.Time) {
	s.cancel(p, at)
	if !p.status.Finished() { // since a job was to stop with grace
		p.moveTo(gitlabci.StatusCanceled, at)
		s.continueTrigger(p, at)
	}
	s.removePipeline(p)
}

// hasWarnings reports whether a job failed that was allowed to.
func (p *pipeline) hasWarnings() bool {
	return slices.ContainsFunc(p.latestJobs(), func(j *job) bool { return j.allowFailure && j.status == gitlabci.StatusFailed })
}

// begun reports whether something with this status has run for certain.
func begun(s gitlabci.Status) bool {
	switch s {
	case gitlabci.StatusRunning, gitlabci.StatusCanceling, gitlabci.StatusSuccess, gitlabci.StatusFailed:
		return true
	default:
		return false
	}
}

// ended reports whether something with this status has a time of its end.
func ended(s gitlabci.Status) bool { return s.Finished() && s != gitlabci.StatusSkipped }

// runTime is how long p ran, if it is known.
func (p *pipeline) runTime() (time.Duration, bool) {
	if p.statusFromJobs {
		return p.duration, ended(p.status) && !p.started.IsZero()
	}
	if p.duration > 0 {
		return p.duration, true
	}
	return p.finished.Sub(p.started), !p.started.IsZero() && !p.finished.IsZero()
}

// queueTime is how long p waited before it ran, if it did.
func (p *pipeline) queueTime() (time.Duration, bool) {
	if p.queued > 0 {
		return p.queued, true
	}
	return p.started.Sub(p.created), !p.started.IsZero()
}
