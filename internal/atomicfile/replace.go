package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Replaceable returns what is there now under the name of a file, nil for nothing,
// or why it cannot be replaced. A link can be if it points to a file or to nothing: a
// caller who names a link to a folder may mean to save in it, and one who names a link
// to a device, such as /dev/stdout, means to write to that.
func Replaceable(file string) (fs.FileInfo, error) {
	if file == "" || os.IsPathSeparator(file[len(file)-1]) {
		return nil, fmt.Errorf("%q is not the name of a file", file)
	}
	to, err := os.Stat(file)
	switch {
	case err == nil && to.IsDir():
		return nil, fmt.Errorf("%q is a folder", file)
	case err == nil && !to.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a file that can be replaced: its mode is %v", file, to.Mode())
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP):
		return nil, err
	}
	return replaceable(file)
}

// replaceable is about what has the name itself, which may be a link.
func replaceable(file string) (fs.FileInfo, error) {
	old, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !old.Mode().IsRegular() && old.Mode().Type() != fs.ModeSymlink:
		return nil, fmt.Errorf("%q is not a file that can be replaced: its mode is %v", file, old.Mode())
	}
	if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "/proc/") {
		return nil, fmt.Errorf("%q is what a process has open, whatever that is: it cannot be replaced", file)
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

// syncFolder brings to the disk which file has which name. Not every system can do that for
// a folder, and no process can for a folder that it may not read. Then the file is still
// saved.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err == nil {
		err = f.Sync()
		f.Close() // nothing was written to it
	}
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
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
