package gitlabcitest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/junit"
	"example.com/gitlabci/gitlabcitest/internal/pack"
)

const (
	archiveKind  = "archive"
	metadataKind = "metadata"
	traceKind    = "trace"
)

// mostSearched is how many successful pipelines are searched for artifacts.
const mostSearched = 100

// expired reports whether the artifacts' time is over.
func (j *job) expired(now time.Time) bool { return !j.expire.IsZero() && !j.expire.After(now) }

// available are the artifacts that are still there: those of a locked pipeline
// at any time, others until they expire.
func (j *job) available(now time.Time) []*artifact {
	if j.expired(now) && !j.locked() {
		return nil
	}
	return j.artifacts
}

// artifact is the available one of a kind, or nil.
func (j *job) artifact(kind string, now time.Time) *artifact {
	for _, a := range j.available(now) {
		if a.kind == kind {
			return a
		}
	}
	return nil
}

// locked reports whether the artifacts stay beyond their time.
func (j *job) locked() bool {
	owner := j.pipeline.project
	p := owner.pipeline(int64(owner.locks[j.pipeline.ref]))
	return p != nil && slices.Contains(p.family(), j.pipeline)
}

// lock locks the artifacts of a pipeline that has succeeded, and unlocks those
// of the earlier pipelines of its ref. The lock is stored: a pipeline keeps it
// while a job of it is retried. If it is deleted, no earlier one is locked again.
func (p *pipeline) lock() {
	if p.status == gitlabci.StatusSuccess && !p.dangling() {
		p.project.locks[p.ref] = max(p.project.locks[p.ref], p.id)
	}
}

// successful are the newest pipelines of a ref that succeeded, at most n.
func (p *project) successful(ref string, n int) (found []*pipeline) {
	for _, one := range slices.Backward(p.pipelines) {
		if len(found) == n {
			break
		}
		if one.ref == ref && one.status == gitlabci.StatusSuccess && !one.dangling() {
			found = append(found, one)
		}
	}
	return found
}

// family is a pipeline followed by its child pipelines, and theirs.
func (p *pipeline) family() []*pipeline {
	found := []*pipeline{p}
	for i := 0; i < len(found); i++ {
		for _, j := range found[i].latestJobs() {
			child := j.downstream
			if child != nil && child.child() && p.project.pipeline(int64(child.id)) == child && !slices.Contains(found, child) {
				found = append(found, child)
			}
		}
	}
	return found
}

// jobNamed is the job of a name in a pipeline or else in its children.
func (p *pipeline) jobNamed(name string) *job {
	for _, one := range p.family() {
		for _, j := range slices.Backward(one.latestJobs()) {
			if j.name == name && j.byRunner() {
				return j
			}
		}
	}
	return nil
}

// latestArtifacts is the job of a name in the newest successful pipeline of a
// ref. With recent it is the newest one that has an archive, or else the newest
// one, in any of the recent pipelines. It is nil if there is none.
func (p *project) latestArtifacts(ref, name string, recent bool, now time.Time) (found *job) {
	n := 1
	if recent {
		n = mostSearched
	}
	for _, one := range p.successful(ref, n) {
		j := one.jobNamed(name)
		if j != nil && j.artifact(archiveKind, now) != nil {
			return j
		}
		if found == nil {
			found = j
		}
	}
	return found
}

// erasable reports whether the job has ended and has artifacts or a log.
func (j *job) erasable(at time.Time) bool {
	return j.status.Finished() && (len(j.available(at)) > 0 || j.logs(at))
}

// erase removes artifacts and log.
func (j *job) erase(at time.Time) {
	j.eraseLog()
	j.artifacts, j.expire, j.erased = nil, time.Time{}, at
}

// expireArtifacts ends the time of all artifacts that are not locked. Logs
// have none.
func (p *project) expireArtifacts(at time.Time) {
	for _, one := range p.pipelines {
		for _, j := range one.jobs {
			if len(j.artifacts) > 0 && !j.expired(at) && !j.locked() {
				j.expire = at
			}
		}
	}
}

// Derived values of an artifact are computed once, when they are first needed, and always
// under the server's lock.
type derived struct {
	digest  []byte
	opened  bool
	entries []*zip.File
	broken  error // why there are no entries
	tests   *junit.File
}

// sum is the SHA-256 of the data.
func (a *artifact) sum() []byte {
	if a.digest == nil {
		sum := sha256.Sum256(a.data)
		a.digest = sum[:]
	}
	return a.digest
}

// members are the files and folders of an archive. An archive of a test may not be
// readable.
func (a *artifact) members() ([]*zip.File, error) {
	if !a.opened {
		a.opened = true
		a.entries, a.broken = pack.Read(a.data)
	}
	return a.entries, a.broken
}

// member unpacks a file of the archive, see [pack.MemberOf].
func (a *artifact) member(name string) *pack.Member {
	files, _ := a.members() // of a broken archive there are none
	return pack.MemberOf(files, name)
}

// folder lists what is in a folder of the archive, see [pack.Folder].
func (a *artifact) folder(name string, recursive bool) (found []*zip.File, ok bool) {
	files, _ := a.members() // of a broken archive there are none
	return pack.Folder(files, name, recursive)
}

// testFile is the artifact read as a JUnit report.
func (a *artifact) testFile() *junit.File {
	if a.tests == nil {
		a.tests = junit.Read(a.data)
	}
	return a.tests
}

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

// index is the list of an archive's members that GitLab stores beside it and does
// not show. An archive that cannot be read has no index.
func (a *artifact) index() *artifact {
	files, err := a.members()
	if err != nil {
		return nil
	}
	return &artifact{kind: metadataKind, format: "gzip", name: "metadata.gz", data: pack.Gzip(pack.Index(files))}
}
