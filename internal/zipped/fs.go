package zipped

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"example.com/gitlabci/internal/cause"
)

// An Archive is the files of an archive. It is a file system for [io/fs], and may be
// used by any number of goroutines.
type Archive struct {
	ctx    context.Context
	cancel context.CancelFunc
	zip    *Index
	root   *node

	mu     sync.Mutex
	closed bool
	open   map[*openFile]struct{} // those that are being read
}

// Files returns the files of an archive, and the names that are left out, since no
// file has such a name or another one has it already. Ctx governs all reading until
// Close, which closes the source as well; so does an error.
func (z *Index) Files(ctx context.Context) (_ *Archive, skipped []string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	a := &Archive{ctx: ctx, cancel: cancel, zip: z, open: map[*openFile]struct{}{}}
	a.root, skipped, err = filesOf(ctx, z.members)
	if err != nil {
		return nil, nil, errors.Join(z.fail(err), a.Close())
	}
	return a, skipped, nil
}

// Close cancels all reads, waits until they have returned, and closes the source.
// Later reads fail with [fs.ErrClosed].
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
		file.closeOnce()
	}
	return a.zip.source.Close()
}

// checkOpen returns why nothing more can be read, or nil.
func (a *Archive) checkOpen() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fs.ErrClosed
	}
	return cause.Of(a.ctx)
}

// register keeps a file that is being read, so that Close finds it.
func (a *Archive) register(f *openFile) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fs.ErrClosed
	}
	a.open[f] = struct{}{}
	return nil
}

func (a *Archive) unregister(f *openFile) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, f)
}

func (a *Archive) find(op, name string) (*node, error) {
	err := a.checkOpen()
	if err == nil && !fs.ValidPath(name) {
		err = fs.ErrInvalid
	}
	var found *node
	if err == nil {
		found = a.root.find(name)
		if found == nil {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return found, nil
}

// Open opens a file or a folder. Nothing of a file is requested before it is read.
// The error is an [*fs.PathError], and matches [fs.ErrNotExist] if there is no
// such name.
func (a *Archive) Open(name string) (fs.File, error) {
	node, err := a.find("open", name)
	if err != nil {
		return nil, err
	}
	if node.IsDir() {
		return &openFolder{node: node, path: name}, nil
	}
	if err := node.member.problem(); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{archive: a, node: node, path: name}, nil
}

// ReadLink returns what a link points to.
func (a *Archive) ReadLink(name string) (string, error) {
	node, err := a.find("readlink", name)
	if err != nil {
		return "", err
	}
	if m := node.member; node.IsDir() || !m.isLink() || m.size > longestPath {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := a.ReadFile(name)
	return string(target), err
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
	return slices.Clone(node.in.entries), nil
}

var errNoFolder = errors.New("it is a file")

// ReadFile reads a whole file into memory.
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
	const trusted = 1 << 20 // bytes that are allocated because an archive says so
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

// An openFile is a file of an archive that a caller has opened.
type openFile struct {
	archive *Archive
	node    *node
	path    string

	mu       sync.Mutex
	closed   bool
	section  io.ReadCloser // once it is read
	unpacker unpacker
}

// Stat describes the file, as the archive's directory does.
func (f *openFile) Stat() (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, &fs.PathError{Op: "stat", Path: f.path, Err: fs.ErrClosed}
	}
	return f.node, nil
}

func (f *openFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.archive.checkOpen()
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
	if cause := f.archive.checkOpen(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return n, &fs.PathError{Op: "read", Path: f.path, Err: err}
}

// begin begins to read the file. An error here is also what every later Read returns.
func (f *openFile) begin() error {
	if err := f.archive.register(f); err != nil {
		return err
	}
	m := f.node.member
	f.section = f.archive.zip.section(f.archive.ctx, m.start, m.end())
	return f.unpacker.start(newFeed(f.section, m.start, make([]byte, min(memberBuffer, m.end()-m.start))), m)
}

func (f *openFile) Close() error {
	f.archive.unregister(f)
	if !f.closeOnce() {
		return &fs.PathError{Op: "close", Path: f.path, Err: fs.ErrClosed}
	}
	return nil
}

// closeOnce closes the file, and reports whether it was open.
func (f *openFile) closeOnce() bool {
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

// An openFolder is a folder of an archive that a caller has opened.
type openFolder struct {
	node *node
	path string

	mu     sync.Mutex
	listed int
}

// Stat describes the folder.
func (f *openFolder) Stat() (fs.FileInfo, error) { return f.node, nil }

// Close has nothing to close.
func (f *openFolder) Close() error { return nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.path, Err: errors.New("it is a folder")}
}

// ReadDir lists the next n entries, or all remaining ones if n is 0 or less.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := f.node.in.entries[f.listed:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		left = left[:min(n, len(left))]
	}
	f.listed += len(left)
	return slices.Clone(left), nil
}
