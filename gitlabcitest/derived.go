package gitlabcitest

import (
	"archive/zip"
	"crypto/sha256"

	"example.com/gitlabci/gitlabcitest/internal/junit"
	"example.com/gitlabci/gitlabcitest/internal/pack"
)

// What is derived from an artifact's data is worked out once, when it is first
// asked for, and always under the server's lock.
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

// members are the files and folders of an archive. One that a test made may not
// be readable.
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

// testFile is what the artifact says as a JUnit report.
func (a *artifact) testFile() *junit.File {
	if a.tests == nil {
		a.tests = junit.Read(a.data)
	}
	return a.tests
}
