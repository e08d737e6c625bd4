// Package atomicfile writes files that are complete or do not exist: it writes into a
// temporary file in the same folder, which then replaces the old file in one step.
//
// It gets names and a function that writes. It does not know where the bytes come from,
// never changes an old file in place, and leaves a temporary file behind only if the
// process is killed.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"time"
)

// A Folder is where files are created; an [os.Root] is one.
type Folder interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Rename(from, to string) error
	Chtimes(name string, accessed, modified time.Time) error
	Remove(name string) error
}

// A File is a new file, open for writing, until it is in its place. One of Place
// and Discard must be called.
type File struct {
	*os.File
	Modified time.Time // what Place sets as the time of the last change; zero is the present

	folder  Folder
	current string // the name it has
	name    string // the name it gets
}

const fresh = os.O_RDWR | os.O_CREATE | os.O_EXCL

// Create creates a file that is not there yet. If it is, the error matches
// [fs.ErrExist].
func Create(folder Folder, name string, perm fs.FileMode) (*File, error) {
	return create(folder, name, name, perm)
}

// Beside creates a temporary file, whose name ends in suffix, for [File.Place] to
// replace the named one.
func Beside(folder Folder, name, suffix string, perm fs.FileMode) (*File, error) {
	return create(folder, ".gitlabci-"+rand.Text()+suffix, name, perm)
}

func create(folder Folder, current, name string, perm fs.FileMode) (*File, error) {
	file, err := folder.OpenFile(current, fresh, perm)
	if err != nil {
		return nil, err
	}
	return &File{File: file, folder: folder, current: current, name: name}, nil
}

// Place closes the file and gives it its name. After an error, it is removed.
func (f *File) Place() error {
	err := f.Close()
	if err == nil {
		err = SetTime(f.folder, f.current, f.Modified)
	}
	if err == nil && f.current != f.name {
		err = f.folder.Rename(f.current, f.name)
	}
	if err != nil {
		return errors.Join(err, f.folder.Remove(f.current))
	}
	return nil
}

// SetTime sets when a file was changed last, unless that is zero. Not every file system
// allows it: that is no reason to do without the file.
func SetTime(folder Folder, name string, modified time.Time) error {
	if modified.IsZero() {
		return nil
	}
	err := folder.Chtimes(name, time.Time{}, modified)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// Discard removes the file.
func (f *File) Discard() error {
	f.Close() // what was not written does not matter any more
	return f.folder.Remove(f.current)
}
