package gitlabcitest

import (
	"cmp"
	"io/fs"
	"maps"
	"slices"
	"time"

	"example.com/gitlabci"
)

// A Job is a job, or a trigger job, to add to a pipeline. Zero fields have the
// value that the comment says.
type Job struct {
	ID     gitlabci.JobID  // the next one
	Name   string          // "test"
	Stage  string          // "test"
	Status gitlabci.Status // success; created if the job is live, see Script

	FailureReason gitlabci.FailureReason // script_failure, of a trigger job unknown_failure; shown only if Status is failed
	AllowFailure  bool                   // whether the pipeline succeeds without it
	Retried       bool                   // whether this is an attempt that another one supersedes
	Tags          []string               // of the runner it needs: none
	Coverage      *float64               // unknown

	CreatedAt  time.Time // that of its pipeline, and a millisecond later for each job that the pipeline has already
	StartedAt  time.Time // CreatedAt, if by its Status it ran for certain
	FinishedAt time.Time // that of its pipeline, or StartedAt if that is later, if Status is an end other than skipped

	// Duration is how long a finished job ran, from StartedAt to FinishedAt. At most one of
	// these times may be given with it. Zero is the time between them.
	Duration time.Duration

	// Log is what the job has written. "" means that there is no log.
	Log string

	// Artifacts are the files of the job's archive, artifacts.zip. AddJob reads them, with
	// their modes and times; links are kept as links. A file without permissions gets 0644,
	// a folder that nobody may write to gets 0755, and an entry without a time gets the
	// present time. Nil means that there is no archive.
	Artifacts fs.FS

	// Archive is the job's archive byte by byte, in place of Artifacts. It is
	// not copied, so do not change it later. It need not be a valid archive: one
	// that cannot be read has no tree and no single files, and a file in it that
	// ends too early is cut short. Nil means that there is none.
	Archive []byte

	// Reports are the contents of the job's report files by type, which GitLab
	// serves by type, too. Reports of types that GitLab keeps compressed are compressed. A
	// "junit" report, which is XML, becomes part of the pipeline's test report, under the
	// job's name without the number of a parallel job. Nil is none.
	Reports map[gitlabci.ArtifactType][]byte

	// ArtifactsExpireAt is when Artifacts, Archive and Reports vanish, unless
	// they are those of the newest successful pipeline of a ref. Zero is never.
	ArtifactsExpireAt time.Time

	// Debug means that the log may contain secrets, as with CI_DEBUG_TRACE: only
	// Developers and above may read it.
	Debug bool

	// ArtifactsAccess is the least role that may read Artifacts, Archive and
	// Reports, such as [RoleDeveloper] or [RoleNoOne]. Zero is everybody who sees the job.
	ArtifactsAccess Role

	// Inputs are the job inputs that a retry and a play accept, by name, with the values
	// that each allows; an input without values allows all. With nil, every input is
	// refused.
	Inputs map[string][]string

	// Environment is the name of the environment that the job deploys to. It need not be
	// added. Hooks receive an event when the job is running and when it ends. "" is none.
	Environment string

	// Downstream is the pipeline that a trigger job started, in any project, as AddPipeline
	// returned it. Nil means that there is none yet.
	Downstream *Pipeline

	// Script is how the job runs by the clock. Zero means that nothing runs:
	// the job is as its fields say until someone changes it.
	//
	// A job with a Script, a When, a StartIn or a Trigger is live, unless its
	// Status is an end, which it cannot be with a Script. It runs when its stage begins.
	// Stages run in the order in which they first appear in the pipeline. The job begins
	// with its Status. From then on, the status of the pipeline follows from its jobs.
	Script Script

	// Retries are the scripts of the attempts after the first, of which the
	// last one repeats. A zero one is an attempt that stays pending. Nil
	// repeats the Script. If there is no Script, the first of them runs too when someone
	// plays the job, or retries the job that it was skipped for.
	Retries []Script

	// When is the condition under which the job runs. "" is on_success. A manual job holds
	// up later stages unless it has AllowFailure, which is the default in GitLab.
	When When

	// StartIn is how long a delayed job is scheduled. More than zero makes the job a
	// delayed one; zero starts it immediately.
	StartIn time.Duration

	// Trigger makes the job a trigger job: it is the pipeline that the job starts, or its
	// next attempt if the job has a Downstream already. Nil starts none.
	Trigger *Trigger
}

// AddJob adds a job that a runner runs, or a trigger job if it has a Trigger,
// and returns what was added: j with its defaults. The pipeline's status does not change,
// unless one of its jobs is live: see [Job].
func (p *Pipeline) AddJob(j Job) *Job {
	if j.Downstream != nil {
		misuse("AddJob: only trigger jobs have a Downstream; see AddTriggerJob")
	}
	return p.add("AddJob", j, false)
}

// AddTriggerJob adds a job that starts another pipeline, also called a bridge,
// and returns what was added: j with its defaults. It has started its
// Downstream, or will start what its Trigger says.
func (p *Pipeline) AddTriggerJob(j Job) *Job { return p.add("AddTriggerJob", j, true) }

func (p *Pipeline) add(method string, j Job, trigger bool) *Job {
	if p.server == nil {
		misuse("%s: this Pipeline was not returned by AddPipeline", method)
	}
	wanted := newWantedJob(method, j, trigger, p.server.clock.now()) // before the lock, see there
	at := p.server.lock()
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
	wanted.resolve(method, p.server, p.pipeline.project)
	kept := wanted.newJob(p.pipeline, len(p.pipeline.jobs), at)
	state.addJobs(p.pipeline, []*job{kept}, at)
	wanted.job.ID = kept.id
	return &wanted.job
}

func (j *Job) checkAccess(method string) {
	if !j.ArtifactsAccess.isLimit() {
		misuse("%s: ArtifactsAccess %d is no role", method, j.ArtifactsAccess)
	}
}

func (j *Job) setWords(trigger bool) {
	j.Name = cmp.Or(j.Name, "test")
	j.Stage = cmp.Or(j.Stage, "test")
	j.Status = cmp.Or(j.Status, gitlabci.StatusSuccess)
	if j.Status != gitlabci.StatusFailed {
		return
	}
	if trigger {
		j.FailureReason = cmp.Or(j.FailureReason, gitlabci.FailureReasonUnknownFailure)
	}
	j.FailureReason = cmp.Or(j.FailureReason, gitlabci.FailureReasonScriptFailure)
}

func (j *Job) setTimes(p *pipeline, before int) {
	j.CreatedAt = orElse(j.CreatedAt, p.created.Add(time.Duration(before)*jobInterval))
	switch {
	case j.Duration > 0 && !j.FinishedAt.IsZero():
		j.StartedAt = dbTime(j.FinishedAt.Add(-j.Duration))
	case j.Duration > 0:
		j.StartedAt = orElse(j.StartedAt, j.CreatedAt)
		j.FinishedAt = dbTime(j.StartedAt.Add(j.Duration))
	}
	if begun(j.Status) {
		j.StartedAt = orElse(j.StartedAt, j.CreatedAt)
	}
	if ended(j.Status) {
		j.FinishedAt = orElse(j.FinishedAt, later(orElse(p.finished, p.updated), later(j.CreatedAt, j.StartedAt)))
	}
}

// jobInterval is the time between the creations of jobs that are added together.
const jobInterval = time.Millisecond

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
		coverage:     copied(j.Coverage),
		superseded:   j.Retried,
		manual:       waiting(j.Status),
		user:         p.user,
		debug:        j.Debug,
		artifactRole: j.ArtifactsAccess,
		inputs:       j.Inputs,
		environment:  j.Environment,
		log:          []byte(j.Log),
		expire:       dbTime(j.ArtifactsExpireAt),
		created:      j.CreatedAt,
		started:      dbTime(j.StartedAt),
		finished:     dbTime(j.FinishedAt),
	}
	if j.Downstream != nil {
		kept.downstream = j.Downstream.pipeline
	}
	return kept
}

// A wantedJob is a job that a pipeline has, or will have.
type wantedJob struct {
	job     Job
	trigger bool // starts a pipeline instead of a runner
	files   []*artifact
	scripts []*script // of the first attempt and of those after it
	starts  *trigger
}

// newWantedJob checks the fields that a test gives, and reads its files. It must be called without
// the lock, since the files are the test's.
func newWantedJob(method string, j Job, isTrigger bool, at time.Time) wantedJob {
	isTrigger = isTrigger || j.Trigger != nil
	if isTrigger {
		j.checkTrigger(method)
	}
	if !j.Script.isZero() {
		j.checkScript(method)
	}
	j.checkWhen(method)
	j.checkDuration(method)
	j.checkAccess(method)
	j.Inputs, j.Tags, j.Coverage = maps.Clone(j.Inputs), slices.Clone(j.Tags), copied(j.Coverage)
	w := wantedJob{job: j, trigger: isTrigger, files: j.files(method, at)}
	w.scripts = append(w.scripts, j.Script.read(method, at))
	for _, one := range j.Retries {
		w.scripts = append(w.scripts, one.read(method, at))
	}
	if j.Trigger != nil {
		w.starts = j.Trigger.newTrigger(method, at)
	}
	return w
}

// checkTrigger panics if a trigger job has fields that only runners use.
func (j *Job) checkTrigger(method string) {
	switch {
	case j.Log != "" || j.Artifacts != nil || j.Archive != nil || j.Reports != nil || !j.ArtifactsExpireAt.IsZero():
		misuse("%s: trigger jobs have no Log, Artifacts or Reports", method)
	case !j.Script.isZero() || j.Retries != nil:
		misuse("%s: trigger jobs have no Script and no Retries; see Trigger", method)
	case j.Trigger != nil && j.Downstream != nil && !j.Status.Finished():
		misuse("%s: two scripts for one job: a Trigger that is to start a pipeline, and a Downstream that it has started", method)
	}
}

// checkWhen panics if the conditions under which the job starts make no sense.
func (j *Job) checkWhen(method string) {
	whens := []When{"", WhenOnSuccess, WhenOnFailure, WhenAlways, WhenManual, WhenDelayed}
	switch {
	case !slices.Contains(whens, j.When):
		misuse("%s: %q is not a When", method, j.When)
	case j.StartIn < 0:
		misuse("%s: a StartIn of %v, which is negative", method, j.StartIn)
	case j.StartIn > 0 && j.When != "" && j.When != WhenDelayed:
		misuse("%s: only a delayed job has a StartIn, and this one is %s", method, j.When)
	}
}

// checkDuration panics if the job's Duration and its times say different things.
func (j *Job) checkDuration(method string) {
	switch {
	case j.Duration < 0:
		misuse("%s: a Duration of %v, which is negative", method, j.Duration)
	case j.Duration > 0 && !ended(cmp.Or(j.Status, gitlabci.StatusSuccess)):
		misuse("%s: only a job that ran and has ended has a Duration, and this one is %s", method, j.Status)
	case j.Duration > 0 && !j.Script.isZero():
		misuse("%s: two scripts for one job: a Duration, and a Script with the time that it Runs", method)
	case j.Duration > 0 && !j.StartedAt.IsZero() && !j.FinishedAt.IsZero():
		misuse("%s: a Duration beside both StartedAt and FinishedAt, which say it already", method)
	}
}

// checkScript panics if fields of the job contradict each other.
func (j *Job) checkScript(method string) {
	if j.Status.Finished() {
		misuse("%s: two scripts for one job: a Script, and the Status %q as its end", method, j.Status)
	}
	for _, one := range []struct {
		field string
		twice bool
	}{
		{"Log", j.Log != "" && j.Script.Log != ""},
		{"Coverage", j.Coverage != nil && j.Script.Coverage != nil},
		{"Artifacts", j.Artifacts != nil && j.Script.Artifacts != nil},
		{"an Archive", j.Archive != nil && j.Script.Artifacts != nil},
		{"Reports", j.Reports != nil && j.Script.Reports != nil},
		{"ArtifactsExpireAt", !j.ArtifactsExpireAt.IsZero() && j.Script.ArtifactsExpireIn != 0},
	} {
		if one.twice {
			misuse("%s: two scripts for one job: it has %s, and so has its Script", method, one.field)
		}
	}
}

// resolve finds the projects that a job will start pipelines in, and panics if
// the server is too old for the job. It needs the lock.
func (w *wantedJob) resolve(method string, s *Server, owner *project) {
	for _, status := range w.statuses() {
		s.state.mustKnow(method, status)
	}
	if w.starts != nil {
		w.starts.resolve(method, s, owner)
	}
}

// statuses are those that the job will certainly have.
func (w *wantedJob) statuses() []gitlabci.Status {
	found := []gitlabci.Status{w.job.Status}
	if w.job.When == WhenDelayed || w.job.StartIn > 0 {
		found = append(found, gitlabci.StatusScheduled)
	}
	for _, one := range w.scripts {
		if one != nil {
			found = append(found, one.statuses()...)
		}
	}
	return found
}

// newJob makes the job of a pipeline that has so many jobs before it. The fields of Job that
// the test left out then have their defaults.
func (w *wantedJob) newJob(p *pipeline, before int, at time.Time) *job {
	j := &w.job
	life := w.life()
	alive := life != nil && life.startsItself() && !j.Status.Finished()
	if alive && j.Status == "" {
		j.Status = gitlabci.StatusCreated
	}
	j.setWords(w.trigger)
	if alive && begun(j.Status) {
		j.StartedAt = orElse(j.StartedAt, at)
	}
	j.setTimes(p, before)
	kept := j.stored(p, w.trigger)
	kept.live = life
	kept.manual = kept.manual || life != nil && life.when.waits()
	kept.upload(w.files, orElse(kept.finished, orElse(kept.started, kept.created)))
	return kept
}

// life is how the job proceeds by its script, or nil without one.
func (w *wantedJob) life() *liveState {
	if w.starts == nil && w.job.When == "" && w.job.StartIn == 0 && !slices.ContainsFunc(w.scripts, func(s *script) bool { return s != nil }) {
		return nil
	}
	l := &liveState{when: w.job.When, startIn: w.job.StartIn, scripts: w.scripts, trigger: w.starts}
	if l.startIn > 0 {
		l.when = WhenDelayed
	}
	return l
}
