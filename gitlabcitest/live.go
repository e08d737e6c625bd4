package gitlabcitest

import (
	"cmp"
	"slices"
	"time"

	"example.com/gitlabci"
)

// A life is how a job proceeds by its script.
type life struct {
	when    When
	startIn time.Duration
	scripts []*script // of this attempt and those after it, of which the last repeats; nil: nothing runs
	trigger *trigger  // what it starts instead, or nil
	next    *event    // on the agenda, or nil
	writing *writing  // the log of the script, once it runs, until all of it shows; or nil
}

func (l *life) script() *script { return l.scripts[0] }

// turns reports whether the job starts by itself. A job that has scripts only for further
// attempts does not.
func (l *life) turns() bool { return l.when != "" || l.trigger != nil || l.script() != nil }

// again is the life of another attempt.
func (l *life) again() *life {
	if l == nil {
		return nil
	}
	next := &life{when: l.when, startIn: l.startIn, scripts: l.scripts, trigger: l.trigger}
	if len(next.scripts) > 1 {
		next.scripts = next.scripts[1:]
	}
	return next
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

// place gives a pipeline more jobs. A live one brings the pipeline to life,
// whose status is from then on that of its jobs.
func (s *state) place(p *pipeline, jobs []*job, at time.Time) {
	s.join(p, jobs, at)
	if p.alive {
		s.changed(p, at)
	}
}

// join is place without what follows from it.
func (s *state) join(p *pipeline, jobs []*job, at time.Time) {
	for _, j := range jobs {
		s.addJob(j)
		if j.live == nil || !j.live.turns() || j.status.Finished() {
			continue
		}
		p.comeAlive()
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

// comeAlive lets the status of a pipeline follow from its jobs. Of its given times, only
// that of its creation counts.
func (p *pipeline) comeAlive() {
	if p.alive {
		return
	}
	p.alive = true
	p.started, p.finished, p.queued = time.Time{}, time.Time{}, 0
	for _, j := range p.latestJobs() {
		if !j.started.IsZero() && (p.started.IsZero() || j.started.Before(p.started)) {
			p.started = j.started
		}
	}
}

// takeTurns continues the jobs whose turn it is: the jobs of all earlier stages have
// ended, or need not be waited for.
func (s *state) takeTurns(p *pipeline, at time.Time) {
	earlier := census{}
	for _, stage := range p.byStage() {
		prior := earlier.status()
		if len(earlier) == 0 {
			prior = gitlabci.StatusSuccess
		}
		if !prior.Finished() {
			return
		}
		for _, j := range stage {
			if j.live != nil && j.live.turns() && j.status == gitlabci.StatusCreated {
				s.takeTurn(j, prior, at)
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

func (s *state) takeTurn(j *job, prior gitlabci.Status, at time.Time) {
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
	if lasts, ends := j.lasts(); ends {
		s.agenda.set(j, later(from.Add(lasts), now))
	}
}

// lasts is how long the job stays as it is, if it proceeds by a script.
func (j *job) lasts() (lasts time.Duration, ends bool) {
	switch {
	case j.live == nil || j.status.Finished():
		return 0, false
	case j.status == gitlabci.StatusScheduled:
		return j.live.startIn, j.live.when == WhenDelayed
	case j.status == gitlabci.StatusCreated || j.status == gitlabci.StatusManual:
		return 0, false
	case j.live.trigger != nil:
		return 0, !j.mirrors() || j.downstream.status.Finished()
	case j.script() == nil:
		return 0, false
	}
	return j.script().lasts(j.status), true
}

// step continues a job.
func (s *state) step(j *job, at time.Time) {
	switch j.status {
	case gitlabci.StatusPending:
		s.take(j, at)
	case gitlabci.StatusRunning:
		s.end(j, at)
	case gitlabci.StatusCanceling:
		s.move(j, gitlabci.StatusCanceled, at)
	default:
		s.enqueue(j, at)
	}
	s.changed(j.pipeline, at)
}

// take is what happens to a job when it was pending for its time: a runner
// takes it, unless none ever does.
func (s *state) take(j *job, at time.Time) {
	if script := j.script(); script != nil && script.NeverRuns {
		s.drop(j, script.reason(), at)
		return
	}
	s.move(j, gitlabci.StatusRunning, at)
}

// end ends a job that has run for its time.
func (s *state) end(j *job, at time.Time) {
	if j.live.trigger != nil {
		s.endTrigger(j, at)
		return
	}
	script := j.script()
	j.leave(script, at)
	if script.Result == gitlabci.StatusFailed {
		s.drop(j, script.reason(), at)
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

// leave stores the results of a script.
func (j *job) leave(s *script, at time.Time) {
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
