package gitlabcitest

import "fmt"

func (r *renderer) jobURL(j *job) string {
	return fmt.Sprintf("%s/%s/-/jobs/%d", r.external, j.pipeline.project.path, j.id)
}

func (r *renderer) jobBasic(j *job) jobBasicJSON {
	p := j.pipeline
	basic := jobBasicJSON{
		ID:             int64(j.id),
		Status:         string(j.status),
		Stage:          j.stage,
		Name:           j.name,
		Ref:            p.ref,
		Tag:            p.tag,
		Coverage:       copied(j.coverage),
		AllowFailure:   j.allowFailure,
		CreatedAt:      timestamp(j.created),
		StartedAt:      timestamp(j.started),
		FinishedAt:     timestamp(j.finished),
		ErasedAt:       timestamp(j.erased),
		Duration:       seconds(j.runTime(r.now)),
		QueuedDuration: seconds(j.queueTime(r.now)),
		User:           r.user(j.user),
		Commit:         r.commit(p.commit()),
		Pipeline:       r.basic(p),
		WebURL:         r.jobURL(j),
	}
	if basic.Status == "failed" {
		basic.FailureReason = string(j.reason)
	}
	return basic
}

// job is a job that a runner runs. The same runner takes every one. A trigger
// job, which is shown like this when it was retried, lacks the manager.
func (r *renderer) job(j *job) any {
	rendered := jobJSON{retriedJobJSON: retriedJobJSON{
		jobBasicJSON:      r.jobBasic(j),
		ArtifactsFile:     r.artifactsFile(j),
		Artifacts:         r.artifacts(j),
		ArtifactsExpireAt: timestamp(j.expire),
		Archived:          j.pipeline.archived,
		TagList:           each(j.tags, func(tag string) string { return tag }),
	}}
	if j.trigger {
		return rendered.retriedJobJSON
	}
	if !j.started.IsZero() {
		rendered.Runner = theRunner()
		rendered.RunnerManager = theRunnerManager(j.started)
	}
	return rendered
}

// triggerJob renders trigger jobs. A downstream pipeline that was deleted is
// null again.
func (r *renderer) triggerJob(s *state) func(*job) triggerJobJSON {
	return func(j *job) triggerJobJSON {
		rendered := triggerJobJSON{jobBasicJSON: r.jobBasic(j)}
		if s.exists(j.downstream) {
			rendered.DownstreamPipeline = new(r.basic(j.downstream))
		}
		return rendered
	}
}

// commit makes up the rest of a commit.
func (r *renderer) commit(c commit) commitJSON {
	title, at := "Change "+c.ref, timestamp(c.created)
	name, email := capitalized(c.author.username), c.author.email()
	return commitJSON{
		ID:               c.sha,
		ShortID:          c.sha[:min(8, len(c.sha))],
		CreatedAt:        at,
		ParentIDs:        []string{},
		Title:            title,
		Message:          title + "\n",
		AuthorName:       name,
		AuthorEmail:      email,
		AuthoredDate:     at,
		CommitterName:    name,
		CommitterEmail:   email,
		CommittedDate:    at,
		Trailers:         map[string]string{},
		ExtendedTrailers: map[string][]string{},
		WebURL:           fmt.Sprintf("%s/%s/-/commit/%s", r.external, c.project.path, c.sha),
	}
}
