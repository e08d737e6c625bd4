package gitlabcitest

import (
	"archive/zip"
	"path"

	"example.com/gitlabci/gitlabcitest/internal/pack"
)

// artifactsFile is the archive until it expires, even if it can be downloaded
// after that.
func (r *renderer) artifactsFile(j *job) *artifactsFileJSON {
	a := j.artifact(archiveKind, r.now)
	if a == nil || j.expired(r.now) {
		return nil
	}
	return &artifactsFileJSON{Filename: a.name, Size: len(a.data)}
}

// artifacts are all files of a job, and its log from its end on.
func (r *renderer) artifacts(j *job) []jobArtifactJSON {
	rendered := each(j.available(r.now), func(a *artifact) jobArtifactJSON {
		return jobArtifactJSON{FileType: a.kind, Size: len(a.data), Filename: a.name, FileFormat: a.format}
	})
	if j.archived(r.now) {
		size := len(j.written(r.now))
		rendered = append(rendered, jobArtifactJSON{FileType: traceKind, Size: size, Filename: "job.log", FileFormat: "raw"})
	}
	return rendered
}

// renderEntry is a file or a folder in an archive. Folders have no size.
func renderEntry(file *zip.File) entryJSON {
	rendered := entryJSON{Name: path.Base(file.Name), Path: file.Name, Type: "directory", Mode: pack.Octal(file.Mode())}
	if !file.Mode().IsDir() {
		rendered.Type, rendered.Size = "file", new(file.UncompressedSize64)
	}
	return rendered
}

// renderAllowedAgents is for a job without agents and without an environment.
func renderAllowedAgents(j *job, groups []int64) allowedAgentsJSON {
	return allowedAgentsJSON{
		AllowedAgents: []struct{}{},
		Job:           idJSON{ID: int64(j.id)},
		Pipeline:      idJSON{ID: int64(j.pipeline.id)},
		Project: agentProjectJSON{
			ID:     j.pipeline.project.id,
			Groups: each(groups, func(id int64) idJSON { return idJSON{ID: id} }),
		},
		User: agentUserJSON{
			ID:             j.user.id,
			Username:       j.user.username,
			RolesInProject: roleWords(j.pipeline.project.roleOf(j.user)),
		},
	}
}
