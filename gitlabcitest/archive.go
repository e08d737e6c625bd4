package gitlabcitest

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/pack"
)

// files are the artifacts that GitLab keeps for a job: the archive, its index
// and the reports. Building them panics if the test's files cannot be read.
func (j *Job) files(method string, at time.Time) []*artifact {
	var kept []*artifact
	if data := j.archive(method, at); data != nil {
		archive := &artifact{kind: archiveKind, format: "zip", name: "artifacts.zip", data: data}
		kept = append(kept, archive)
		if index := archive.index(); index != nil {
			kept = append(kept, index)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(j.Reports)) {
		kept = append(kept, report(method, kind, j.Reports[kind]))
	}
	return kept
}

// archive is the job's archive: the test's own, or one of its files, or nil.
func (j *Job) archive(method string, at time.Time) []byte {
	if j.Artifacts == nil {
		return j.Archive
	}
	if j.Archive != nil {
		misuse("%s: a job has Artifacts or an Archive, not both", method)
	}
	data, err := pack.Zip(j.Artifacts, at)
	if err != nil {
		misuse("%s: Artifacts: %v", method, err)
	}
	return data
}

// report is a report as GitLab keeps it.
func report(method string, kind gitlabci.ArtifactType, content []byte) *artifact {
	known, ok := reportFiles()[string(kind)]
	if !ok {
		misuse("%s: Reports: %q is not the type of a report", method, kind)
	}
	a := &artifact{kind: string(kind), format: known.format, name: known.name}
	switch known.format {
	case "gzip":
		a.data, a.name = pack.Gzip(content), known.name+".gz"
	case "zip":
		a.data, a.name = pack.ZipOne(known.name, content), known.name+".zip"
	default:
		a.data = bytes.Clone(content)
	}
	return a
}

// index is the list of an archive's members that GitLab keeps beside it, and
// shows nobody. There is none of an archive that cannot be read.
func (a *artifact) index() *artifact {
	files, err := a.members()
	if err != nil {
		return nil
	}
	return &artifact{kind: metadataKind, format: "gzip", name: "metadata.gz", data: pack.Gzip(pack.Index(files))}
}
