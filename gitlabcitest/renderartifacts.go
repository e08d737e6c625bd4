package gitlabcitest

import (
	"archive/zip"
	"path"

	"example.com/gitlabci/gitlabcitest/internal/pack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

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
