package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Replaceable returns what is there now under the name of a file, nil for nothing,
// or why it cannot be replaced. What a link points to does not matter, unless it is
// a folder, in which the caller may mean to save.
func Replaceable(file string) (fs.FileInfo, error) {
	if file == "" || os.IsPathSeparator(file[len(file)-1]) {
		return nil, fmt.Errorf("%q is not the name of a file", file)
	}
	if to, err := os.Stat(file); err == nil && to.IsDir() {
		return nil, fmt.Errorf("%q is a folder", file)
	}
	old, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !old.Mode().IsRegular() && old.Mode().Type() != fs.ModeSymlink:
		return nil, fmt.Errorf("%q is not a file that can be replaced: its mode is %v", file, old.Mode())
	}
	return old, nil
}

// Replace replaces a file by what write writes, once that is on the disk. Old is
// from [Replaceable]: a regular file passes on its permissions. After an error or a
// panic of write, the old file is there as before, and nothing else.
func Replace(file string, old fs.FileInfo, write func(*os.File) error) (err error) {
	folder, name := filepath.Dir(file), filepath.Base(file)
	part, err := besideOld(path(folder), name, old)
	if err != nil {
		return err
	}
	written := false
	defer func() {
		if !written {
			err = errors.Join(err, part.Discard())
		}
	}()
	if err := write(part.File); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	written = true
	if err := part.Place(); err != nil {
		return err
	}
	return syncFolder(folder)
}

// besideOld creates the file to write to, with the permissions of the old one.
func besideOld(folder Folder, name string, old fs.FileInfo) (*File, error) {
	const suffix = ".part"
	if old == nil || !old.Mode().IsRegular() {
		return Beside(folder, name, suffix, 0o666) // less the umask
	}
	mode := old.Mode().Perm()
	part, err := Beside(folder, name, suffix, mode)
	if err != nil {
		return nil, err
	}
	if err := part.Chmod(mode); err != nil { // the umask does not apply to it
		return nil, errors.Join(err, part.Discard())
	}
	return part, nil
}

// syncFolder brings to the disk which file has which name. Not every system can
// do that for a folder.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err == nil {
		err = f.Sync()
		f.Close() // nothing was written to it
	}
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("the file is saved, but may be lost if the machine fails now: %w", err)
	}
	return nil
}

// A path is a folder by its name.
type path string

func (p path) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(filepath.Join(string(p), name), flag, perm)
}

func (p path) Rename(from, to string) error {
	return os.Rename(filepath.Join(string(p), from), filepath.Join(string(p), to))
}

func (p path) Chtimes(name string, accessed, modified time.Time) error {
	return os.Chtimes(filepath.Join(string(p), name), accessed, modified)
}

func (p path) Remove(name string) error { return os.Remove(filepath.Join(string(p), name)) }
