package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// An Archive is the files in a job's archive, which stays on the server: what
// is read travels then, by ranges, and nothing twice that lies close together.
// It is a file system for [io/fs], and may be used by any number of goroutines.
//
// Files begin to travel when they are first read. Their sizes and checksums are
// checked, and a read whose connection breaks goes on by another one. A read
// that waits is ended by [Archive.Close] or the context; Close of its own file
// waits for it.
//
// A file that is encrypted, or compressed by another method than Deflate, can be
// listed but not opened. Links and devices are listed as what they are; reading
// them gives what the archive has of them, such as the name that a link leads
// to, and nothing is followed. A folder that the archive does not list, but has
// files in, has no time.
//
// What the archive's directory tells is held in memory: some 25 MiB for 100,000
// files. It may have up to 32 MiB, and 524,288 files and folders.
type Archive struct {
	// Skipped are the names that are left out: those that [fs.ValidPath] says
	// no to, such as "../x" and what is not UTF-8, those with a backslash, and
	// each that is there already. Of a name that repeats, the first is kept.
	Skipped []string

	ctx    context.Context
	cancel context.CancelFunc
	zip    *zipArchive
	root   *archiveNode

	mu     sync.Mutex
	closed bool
	open   map[*archiveFile]struct{} // those that are being read
}

// Archive opens a job's archive to read single files of it.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// One request reads the end of the archive with its directory: 1.5 MiB, or more if
// the directory is larger. Each file costs one more request, unless it was read
// with another file. If the archive is in a storage, these requests do not go
// through GitLab until the signed URL expires. If the server does not support
// ranges, the archive is copied to a temporary file, which [Archive.Close] removes.
// The same is done with [LatestArtifacts] if nothing proves that the next part is of
// the same job.
//
// If the archive is replaced while it is read, the error says so: the directory is
// read in one response, and every file is checked against it. A copy that nothing
// proves to be complete is an error, too; see [ArtifactFile.Read]. Ctx governs all
// reading until Close. The errors are those of [ArtifactsService.Open], also when
// files are read, and [zip.ErrFormat] if the archive is not a zip file.
func (s *ArtifactsService) Archive(ctx context.Context, project ProjectID, src ArtifactSource) (*Archive, error) {
	ctx, cancel := context.WithCancel(ctx)
	z, err := s.openZip(ctx, project, src)
	if err != nil {
		cancel()
		return nil, err
	}
	a := &Archive{ctx: ctx, cancel: cancel, zip: z, open: map[*archiveFile]struct{}{}}
	if a.root, a.Skipped, err = newTree(z.members); err != nil {
		return nil, errors.Join(z.fail(err), a.Close())
	}
	return a, nil
}

// Close ends all reading, waits until it has ended, and removes the temporary
// file, if there is one. Reads fail with [fs.ErrClosed] from then on.
func (a *Archive) Close() error {
	a.mu.Lock()
	closed, open := a.closed, a.open
	a.closed, a.open = true, nil
	a.mu.Unlock()
	if closed {
		return nil
	}
	a.cancel()
	for file := range open {
		file.shut()
	}
	return a.zip.source.Close()
}

// alive is why nothing more can be read, or nil.
func (a *Archive) alive() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fs.ErrClosed
	}
	return a.ctx.Err()
}

// adopt keeps a file that is being read, so that Close finds it.
func (a *Archive) adopt(f *archiveFile) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fs.ErrClosed
	}
	a.open[f] = struct{}{}
	return nil
}

func (a *Archive) disown(f *archiveFile) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, f)
}

func (a *Archive) find(op, name string) (*archiveNode, error) {
	err := a.alive()
	if err == nil && !fs.ValidPath(name) {
		err = fs.ErrInvalid
	}
	var found *archiveNode
	if err == nil {
		if found = a.root.find(name); found == nil {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return found, nil
}

// Open opens a file or a folder. Nothing of a file travels before it is read.
// The error is an [*fs.PathError], and matches [fs.ErrNotExist] if there is no
// such name.
func (a *Archive) Open(name string) (fs.File, error) {
	node, err := a.find("open", name)
	if err != nil {
		return nil, err
	}
	if node.IsDir() {
		return &archiveFolder{node: node, path: name}, nil
	}
	if err := node.member.problem(); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &archiveFile{archive: a, node: node, path: name}, nil
}

// Stat describes a file or a folder, as [Archive.Open] and the file's Stat.
func (a *Archive) Stat(name string) (fs.FileInfo, error) {
	node, err := a.find("stat", name)
	if err != nil {
		return nil, err
	}
	return node, nil
}

// ReadDir lists a folder, sorted by name.
func (a *Archive) ReadDir(name string) ([]fs.DirEntry, error) {
	node, err := a.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !node.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNoFolder}
	}
	return slices.Clone(node.entries), nil
}

var errNoFolder = errors.New("it is a file")

// ReadFile reads a file whole. Mind its size: it is in memory then.
func (a *Archive) ReadFile(name string) ([]byte, error) {
	file, err := a.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	const trusted = 1 << 20 // bytes that an archive may just claim
	data := make([]byte, 0, min(info.Size(), trusted)+1)
	for {
		n, err := file.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return data, err
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, len(data))
		}
	}
}

// An archiveFile is a file in an archive that somebody opened.
type archiveFile struct {
	archive *Archive
	node    *archiveNode
	path    string

	mu       sync.Mutex
	closed   bool
	section  io.ReadCloser // once it is read
	unpacker unpacker
}

// Stat describes the file, as the archive's directory does.
func (f *archiveFile) Stat() (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, &fs.PathError{Op: "stat", Path: f.path, Err: fs.ErrClosed}
	}
	return f.node, nil
}

func (f *archiveFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.archive.alive()
	if f.closed {
		err = fs.ErrClosed
	}
	if err == nil && f.section == nil {
		err = f.begin()
	}
	n := 0
	if err == nil {
		n, err = f.unpacker.Read(p)
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	if cause := f.archive.alive(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return n, &fs.PathError{Op: "read", Path: f.path, Err: err}
}

// begin sends for the file. An error of it is the unpacker's.
func (f *archiveFile) begin() error {
	if err := f.archive.adopt(f); err != nil {
		return err
	}
	m := f.node.member
	f.section = f.archive.zip.section(f.archive.ctx, m.start, m.end())
	return f.unpacker.start(newFeed(f.section, m.start, make([]byte, min(memberBuffer, m.end()-m.start))), m)
}

// memberBuffer is what is read of a member at a time.
const memberBuffer = 64 << 10

func (f *archiveFile) Close() error {
	f.archive.disown(f)
	if !f.shut() {
		return &fs.PathError{Op: "close", Path: f.path, Err: fs.ErrClosed}
	}
	return nil
}

// shut ends the file's reading, and reports whether it was open.
func (f *archiveFile) shut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.closed = true
	f.unpacker.release()
	if f.section != nil {
		f.section.Close() // nothing was written
	}
	return true
}
