package gitlabcitest

import (
	"cmp"
	"slices"
	"time"

	"example.com/gitlabci"
)

// A liveState is how a live job proceeds.
type liveState struct {
	when    When
	startIn time.Duration
	scripts []*script // of this attempt and those after it, of which the last repeats; nil: nothing runs
	trigger *trigger  // what it starts instead, or nil
	next    *event    // on the agenda, or nil
	writing *writing  // the log of the script, once it runs, until all of it shows; or nil
}

func (l *liveState) script() *script { return l.scripts[0] }

// startsItself reports whether the job starts by itself. A job that has scripts only for further
// attempts does not.
func (l *liveState) startsItself() bool { return l.when != "" || l.trigger != nil || l.script() != nil }

// nextAttempt is the life of another attempt.
func (l *liveState) nextAttempt() *liveState {
	if l == nil {
		return nil
	}
	next := &liveState{when: l.when, startIn: l.startIn, scripts: l.scripts, trigger: l.trigger}
	if len(next.scripts) > 1 {
		next.scripts = next.scripts[1:]
	}
	return next
}

// takeScript gives a job without a script that of the next attempt, since someone lets the job
// run.
func (j *job) takeScript() {
	if l := j.live; l != nil && l.script() == nil && len(l.scripts) > 1 {
		l.scripts = l.scripts[1:]
		j.pipeline.live = j.pipeline.live || l.startsItself()
	}
}

// script is how the job runs, nil if nothing does.
func (j *job) script() *script {
	if j.live == nil {
		return nil
	}
	return j.live.script()
}

// advance makes the due events happen.
func (s *state) advance(now time.Time) {
	for e := s.agenda.due(now); e != nil; e = s.agenda.due(now) {
		switch {
		case e.do != nil:
			e.do(e.at)
		case e.pipeline != nil:
			s.begin(e.pipeline, e.at)
		default:
			s.step(e.job, e.at)
		}
	}
}

// addJobs adds jobs to a pipeline. A live one makes the pipeline live: from then on, its
// status follows from its jobs.
func (s *state) addJobs(p *pipeline, jobs []*job, at time.Time) {
	s.attachJobs(p, jobs, at)
	if p.live {
		s.afterChange(p, at)
	}
}

// attachJobs adds jobs like addJobs, but does not start those that are ready.
func (s *state) attachJobs(p *pipeline, jobs []*job, at time.Time) {
	for _, j := range jobs {
		s.addJob(j)
		if j.live == nil || !j.live.startsItself() || j.status.Finished() {
			continue
		}
		p.makeLive()
		from := at
		switch j.status {
		case gitlabci.StatusPending:
			j.queued = at
		case gitlabci.StatusRunning:
			from = j.started
			j.beginLog(from)
		}
		s.plan(j, from, at)
	}
}

// makeLive lets the status of a pipeline follow from its jobs. Of its given times, only
// that of its creation counts.
func (p *pipeline) makeLive() {
	if p.live {
		return
	}
	p.live = true
	p.started, p.finished, p.queued = time.Time{}, time.Time{}, 0
	for _, j := range p.latestJobs() {
		if !j.started.IsZero() && (p.started.IsZero() || j.started.Before(p.started)) {
			p.started = j.started
		}
	}
}

// startReadyJobs starts the live jobs that are ready: the jobs of all earlier stages have
// ended, or need not be waited for.
func (s *state) startReadyJobs(p *pipeline, at time.Time) {
	earlier := outcomeCounts{}
	for _, stage := range p.byStage() {
		prior := earlier.status()
		if len(earlier) == 0 {
			prior = gitlabci.StatusSuccess
		}
		if !prior.Finished() {
			return
		}
		for _, j := range stage {
			if j.live != nil && j.live.startsItself() && j.status == gitlabci.StatusCreated {
				s.startReadyJob(j, prior, at)
			}
			earlier.count(j)
		}
	}
}

// byStage are the latest jobs, stage by stage.
func (p *pipeline) byStage() [][]*job {
	stages := p.stages()
	grouped := make([][]*job, len(stages))
	for _, j := range p.latestJobs() {
		i := slices.Index(stages, j.stage)
		grouped[i] = append(grouped[i], j)
	}
	return grouped
}

func (s *state) startReadyJob(j *job, prior gitlabci.Status, at time.Time) {
	switch l := j.live; {
	case !l.when.allows(prior):
		s.move(j, gitlabci.StatusSkipped, at)
	case l.when == WhenManual:
		s.move(j, gitlabci.StatusManual, at)
	case l.when == WhenDelayed:
		s.move(j, gitlabci.StatusScheduled, at)
	default:
		s.enqueue(j, at)
	}
}

// enqueue lets a job wait for a runner, or for what it has to wait for before
// that.
func (s *state) enqueue(j *job, at time.Time) { s.move(j, j.script().after(j.status), at) }

// plan puts on the agenda when a job continues that is in its state since a time. That is
// not before now.
func (s *state) plan(j *job, from, now time.Time) {
	if lasts, ends := j.stateDuration(); ends {
		s.agenda.set(j, later(from.Add(lasts), now))
	}
}

// stateDuration is how long the job stays as it is, if it proceeds by a script.
func (j *job) stateDuration() (lasts time.Duration, ends bool) {
	switch {
	case j.live == nil || j.status.Finished():
		return 0, false
	case j.status == gitlabci.StatusScheduled:
		return j.live.startIn, j.live.when == WhenDelayed
	case j.status == gitlabci.StatusCreated || j.status == gitlabci.StatusManual:
		return 0, false
	case j.live.trigger != nil:
		return 0, !j.dependsOnDownstream() || j.downstream.status.Finished()
	case j.script() == nil:
		return 0, false
	}
	return j.script().durationOf(j.status), true
}

// step continues a job.
func (s *state) step(j *job, at time.Time) {
	switch j.status {
	case gitlabci.StatusPending:
		s.assignRunner(j, at)
	case gitlabci.StatusRunning:
		s.endJob(j, at)
	case gitlabci.StatusCanceling:
		s.move(j, gitlabci.StatusCanceled, at)
	default:
		s.enqueue(j, at)
	}
	s.afterChange(j.pipeline, at)
}

// assignRunner ends the time for which a job is pending: a runner takes the job, unless none
// ever does.
func (s *state) assignRunner(j *job, at time.Time) {
	if script := j.script(); script != nil && script.NeverRuns {
		s.failJob(j, script.reason(), at)
		return
	}
	s.move(j, gitlabci.StatusRunning, at)
}

// endJob ends a job that has run for its time.
func (s *state) endJob(j *job, at time.Time) {
	if j.live.trigger != nil {
		s.endTrigger(j, at)
		return
	}
	script := j.script()
	j.storeResults(script, at)
	if script.Result == gitlabci.StatusFailed {
		s.failJob(j, script.reason(), at)
		return
	}
	s.move(j, cmp.Or(script.Result, gitlabci.StatusSuccess), at)
}

func (s *script) reason() gitlabci.FailureReason {
	switch {
	case s.FailureReason != "":
		return s.FailureReason
	case s.NeverRuns:
		return gitlabci.FailureReasonStuckPendingNoMatchingRunners
	}
	return gitlabci.FailureReasonScriptFailure
}

// storeResults stores the results of a script.
func (j *job) storeResults(s *script, at time.Time) {
	j.upload(s.files, at)
	if s.ArtifactsExpireIn > 0 {
		j.expire = at.Add(s.ArtifactsExpireIn)
	}
	if s.Coverage != nil {
		j.coverage = s.Coverage
	}
}

// upload gives the job more artifacts.
func (j *job) upload(files []*artifact, at time.Time) {
	for _, f := range files {
		kept := *f
		kept.created = at
		j.artifacts = append(j.artifacts, &kept)
	}
}
