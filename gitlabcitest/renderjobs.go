package gitlabcitest

import (
	"archive/zip"
	"cmp"
	"fmt"
	"path"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/pack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func (r *renderer) jobURL(j *job) string {
	return fmt.Sprintf("%s/%s/-/jobs/%d", r.external, j.pipeline.project.path, j.id)
}

func (r *renderer) jobBasic(j *job) shape.JobBasic {
	p := j.pipeline
	basic := shape.JobBasic{
		ID:             int64(j.id),
		Status:         string(j.status),
		Stage:          j.stage,
		Name:           j.name,
		Ref:            p.ref,
		Tag:            p.tag,
		Coverage:       copied(j.coverage),
		AllowFailure:   j.allowFailure,
		CreatedAt:      shape.Timestamp(j.created),
		StartedAt:      shape.Timestamp(j.started),
		FinishedAt:     shape.Timestamp(j.finished),
		ErasedAt:       shape.Timestamp(j.erased),
		Duration:       shape.Seconds(j.runTime(r.now)),
		QueuedDuration: shape.Seconds(j.queueTime(r.now)),
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
	rendered := shape.Job{RetriedJob: shape.RetriedJob{
		JobBasic:          r.jobBasic(j),
		ArtifactsFile:     r.artifactsFile(j),
		Artifacts:         r.artifacts(j),
		ArtifactsExpireAt: shape.Timestamp(j.expire),
		Archived:          j.pipeline.archived,
		TagList:           texts(j.tags),
	}}
	if j.trigger {
		return rendered.RetriedJob
	}
	if !j.started.IsZero() {
		rendered.Runner = shape.TheRunner()
		rendered.RunnerManager = shape.TheRunnerManager(j.started)
	}
	return rendered
}

// triggerJob renders trigger jobs. A downstream pipeline that was deleted is
// null again.
func (r *renderer) triggerJob(s *state) func(*job) shape.TriggerJob {
	return func(j *job) shape.TriggerJob {
		rendered := shape.TriggerJob{JobBasic: r.jobBasic(j)}
		if s.exists(j.downstream) {
			rendered.DownstreamPipeline = new(r.basic(j.downstream))
		}
		return rendered
	}
}

// commit makes up the rest of a commit.
func (r *renderer) commit(c commit) shape.Commit {
	message, at := cmp.Or(c.message, "Change "+c.ref+"\n"), shape.Timestamp(c.created)
	title, _, _ := strings.Cut(message, "\n")
	name, email := capitalized(c.author.username), c.author.email()
	return shape.Commit{
		ID:               c.sha,
		ShortID:          c.sha[:min(8, len(c.sha))],
		CreatedAt:        at,
		ParentIDs:        texts(c.parents),
		Title:            title,
		Message:          message,
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

// artifactsFile is the archive until it expires, even if it can be downloaded
// after that.
func (r *renderer) artifactsFile(j *job) *shape.ArtifactsFile {
	a := j.artifact(archiveKind, r.now)
	if a == nil || j.expired(r.now) {
		return nil
	}
	return &shape.ArtifactsFile{Filename: a.name, Size: len(a.data)}
}

// artifacts are all files of a job, and its log from its end on.
func (r *renderer) artifacts(j *job) []shape.JobArtifact {
	rendered := shape.Each(j.available(r.now), func(a *artifact) shape.JobArtifact {
		return shape.JobArtifact{FileType: a.kind, Size: len(a.data), Filename: a.name, FileFormat: a.format}
	})
	if j.archived(r.now) {
		size := len(j.written(r.now))
		rendered = append(rendered, shape.JobArtifact{FileType: traceKind, Size: size, Filename: "job.log", FileFormat: "raw"})
	}
	return rendered
}

// renderEntry is a file or a folder in an archive. Folders have no size.
func renderEntry(file *zip.File) shape.Entry {
	rendered := shape.Entry{Name: path.Base(file.Name), Path: file.Name, Type: "directory", Mode: pack.Octal(file.Mode())}
	if !file.Mode().IsDir() {
		rendered.Type, rendered.Size = "file", new(file.UncompressedSize64)
	}
	return rendered
}

// renderAllowedAgents is for a job without agents and without an environment.
func renderAllowedAgents(j *job, groups []int64) shape.AllowedAgents {
	return shape.AllowedAgents{
		AllowedAgents: []struct{}{},
		Job:           shape.ID{ID: int64(j.id)},
		Pipeline:      shape.ID{ID: int64(j.pipeline.id)},
		Project: shape.AgentProject{
			ID:     j.pipeline.project.id,
			Groups: shape.Each(groups, func(id int64) shape.ID { return shape.ID{ID: id} }),
		},
		User: shape.AgentUser{
			ID:             j.user.id,
			Username:       j.user.username,
			RolesInProject: roleWords(j.pipeline.project.roleOf(j.user)),
		},
	}
}
