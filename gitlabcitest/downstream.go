package gitlabcitest

import (
	"time"

	"example.com/gitlabci"
)

// A Trigger is the pipeline that a trigger job starts; each attempt starts another one. The
// job then succeeds immediately, unless it Depends on the pipeline.
type Trigger struct {
	// Project is the path or the ID of another project to start the pipeline
	// in, on the head of its Ref. "" is the job's own project, where the
	// pipeline is a child pipeline, with the ref and the SHA of its parent.
	//
	// If there is no such ref when the job runs, it fails with
	// downstream_pipeline_creation_failed; if its user may not create pipelines there, with
	// insufficient_bridge_permissions; if they do not even see the project, with
	// downstream_bridge_project_not_found; and if it is the job's own by its path, with
	// invalid_bridge_trigger.
	Project string

	// Pipeline is the pipeline that is started. Its ID, SHA, Source and times are ignored.
	// "" as its Username is the user of the trigger job. Its Status is ignored if one of
	// the Jobs is live, see [Job].
	Pipeline Pipeline

	// Jobs are its jobs; their IDs are ignored. Those with a Trigger start further
	// pipelines. Nil is none.
	Jobs []Job

	// Depend is strategy: depend in GitLab's configuration. The trigger job runs as long as
	// the pipeline, and then has its status, or fails if the pipeline was skipped. If the
	// pipeline runs again, so does the job.
	Depend bool
}

// A trigger is a Trigger whose words were checked.
type trigger struct {
	given    Trigger
	child    bool
	project  *project
	pipeline *pipeline // as it begins, except for what depends on the job
	jobs     []wantedJob
}

func (t *Trigger) newTrigger(method string, at time.Time) *trigger {
	kept := &trigger{given: *t, child: t.Project == ""}
	for _, j := range t.Jobs {
		j.ID = 0
		kept.jobs = append(kept.jobs, newWantedJob(method, j, false, at))
	}
	return kept
}

func (t *trigger) resolve(method string, s *Server, owner *project) {
	t.project = owner
	if !t.child {
		t.project = s.mustProject(method, t.given.Project)
	}
	p := t.given.Pipeline
	named := p.Username != ""
	p.ID = 0
	p.setWords(t.project)
	s.state.mustKnow(method, p.Status)
	t.pipeline = p.stored(method, t.project)
	if named {
		t.pipeline.user = s.state.ensureUser(p.Username)
	}
	for i := range t.jobs {
		t.jobs[i].resolve(method, s, t.project)
	}
}

// endTrigger continues a trigger job that is running: the job starts its pipeline, and
// ends when there is nothing more to wait for.
func (s *state) endTrigger(j *job, at time.Time) {
	t := j.live.trigger
	if j.downstream == nil {
		if reason := t.obstacle(j); reason != "" {
			s.failJob(j, reason, at)
			return
		}
		s.startDownstream(j, at)
	}
	if !t.given.Depend {
		s.move(j, gitlabci.StatusSuccess, at)
		return
	}
	switch status := j.downstream.status; {
	case !status.Finished():
		s.plan(j, at, at)
	case status == gitlabci.StatusSuccess || status == gitlabci.StatusCanceled:
		s.move(j, status, at)
	default:
		s.failJob(j, gitlabci.FailureReasonUnknownFailure, at)
	}
}

// obstacle is why a trigger job cannot start its pipeline, or "". The rights are those of
// the user of the job, not of the pipeline.
func (t *trigger) obstacle(j *job) gitlabci.FailureReason {
	from, to, ref := j.pipeline.project.accessOf(j.user), t.project.accessOf(j.user), t.pipeline.ref
	if t.child {
		ref = j.pipeline.ref
	}
	switch {
	case !to.see():
		return gitlabci.FailureReasonDownstreamBridgeProjectNotFound
	case !t.child && t.project == j.pipeline.project:
		return gitlabci.FailureReasonInvalidBridgeTrigger
	case !from.run() || !to.runOn(ref):
		return gitlabci.FailureReasonInsufficientBridgePermissions
	case t.project.refs[ref] == nil:
		return gitlabci.FailureReasonDownstreamPipelineCreationFailed
	}
	return ""
}

// startDownstream starts the pipeline of a trigger job.
func (s *state) startDownstream(j *job, at time.Time) {
	t := j.live.trigger
	p := new(*t.pipeline)
	p.upstream, p.source = j, gitlabci.SourcePipeline
	if p.user == nil {
		p.user = j.user
	}
	if t.child {
		parent := j.pipeline
		p.source = gitlabci.SourceParentPipeline
		p.ref, p.tag, p.sha, p.beforeSHA = parent.ref, parent.tag, parent.sha, parent.beforeSHA
	} else {
		head := p.project.refs[p.ref]
		p.sha, p.tag, p.beforeSHA = head.sha, head.kind == tagRef, noSHA
	}
	p.startAt(at)
	j.downstream = p
	s.launch(p, t.jobs)
}

// dependsOnDownstream reports whether a job that is running ends when its pipeline does.
func (j *job) dependsOnDownstream() bool {
	return j.live != nil && j.live.trigger != nil && j.live.trigger.given.Depend && j.downstream != nil
}

// continueTrigger continues the trigger job that waits for a pipeline to end.
func (s *state) continueTrigger(p *pipeline, at time.Time) {
	j := p.upstream
	if j != nil && j.dependsOnDownstream() && j.status == gitlabci.StatusRunning && p.status.Finished() && s.exists(j.pipeline) {
		s.agenda.set(j, at)
	}
}

// rerunTrigger makes a trigger job run again because its pipeline does, and also the trigger job
// of the pipeline that it belongs to.
func (s *state) rerunTrigger(p *pipeline, u *user, at time.Time) {
	j := p.upstream
	if j == nil || !j.dependsOnDownstream() || j.superseded || !j.status.Finished() || !s.exists(j.pipeline) {
		return
	}
	s.move(j, gitlabci.StatusRunning, at)
	s.unskipLater(j, u, at)
	s.afterChange(j.pipeline, at)
	s.rerunTrigger(j.pipeline, u, at)
}
