package zipped

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	gopath "path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"example.com/gitlabci/internal/atomicfile"
)

// openDir opens the folder that everything is written to, and creates it if need
// be. A link that the caller names is followed; one that has come to be in the place of
// the folder since is not.
func openDir(dir string) (root *os.Root, made bool, err error) {
	dir = filepath.Clean(dir)
	before, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return nil, false, err
		}
		err = os.Mkdir(dir, 0o755)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, false, err
		}
		made = err == nil
		before, err = os.Lstat(dir)
	}
	if err != nil {
		return nil, false, err
	}
	root, err = openSame(dir, before)
	return root, made, err
}

// openSame opens a folder if it is still the one that it was before.
func openSame(dir string, before fs.FileInfo) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	now, err := root.Stat(".")
	if err == nil && !os.SameFile(before, now) {
		err = fmt.Errorf("%q is another folder than before", dir)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// makeFolder makes a folder, unless it is there. Until everything is in it, its owner
// may write to it.
func (x *extraction) makeFolder(folder placed) error {
	perm := fs.FileMode(0o755)
	if folder.member != nil {
		perm = folder.member.perm() | 0o700
	}
	err := x.root.Mkdir(folder.path, perm)
	if err == nil {
		x.folders = append(x.folders, folder)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := x.root.Stat(folder.path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%q is to be a folder: %w", folder.path, fs.ErrExist)
	}
	return err
}

// finishFolders gives the folders that were made their times and modes, the innermost
// first.
func (x *extraction) finishFolders() error {
	for _, folder := range slices.Backward(x.folders) {
		if folder.member == nil {
			continue
		}
		if err := atomicfile.SetTime(x.root, folder.path, folder.member.written()); err != nil {
			return err
		}
		perm := folder.member.perm()
		if perm&0o700 == 0o700 {
			continue
		}
		info, err := x.root.Stat(folder.path)
		if err != nil {
			return err
		}
		if err := x.root.Chmod(folder.path, info.Mode().Perm()&perm); err != nil {
			return err
		}
	}
	return nil
}

// A disk is where names are tried out; an [os.Root] is one.
type disk interface {
	Mkdir(name string, perm fs.FileMode) error
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
	RemoveAll(name string) error
}

// checkNames finds out whether two names are one file for the file system, which may ignore
// case, forms of a letter, or dots at the end. Only the file system knows: such names are
// created in a folder of their own, which is removed.
func (p *plan) checkNames(on disk) (err error) {
	var twins, odd []placed
	for _, folder := range append([]placed{{".", p.tree.root}}, p.tree.folders...) {
		switch twin, strange := folder.names(); {
		case twin:
			twins = append(twins, folder)
		case strange:
			odd = append(odd, folder)
		}
	}
	if len(twins)+len(odd) == 0 {
		return nil
	}
	scratch := ".gitlabci-" + rand.Text()
	if err := on.Mkdir(scratch, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.RemoveAll(scratch)) }()
	if folds(on, scratch) {
		twins = append(twins, odd...)
	}
	for i, folder := range twins {
		if err := p.checkFolder(on, gopath.Join(scratch, strconv.Itoa(i)), folder); err != nil {
			return err
		}
	}
	return p.refusal()
}

// names reports whether two names in a folder differ in nothing but case and dots at the
// end, and whether there are names that some file systems mistake for others.
func (n *node) names() (twins, odd bool) {
	seen := make(map[string]bool, len(n.in.below))
	for name := range n.in.below {
		key := strings.TrimRight(fold(name), ". ")
		twins, seen[key] = twins || seen[key], true
		odd = odd || strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII || r == '~' })
	}
	return twins, odd
}

// fold returns the same for names that differ only in case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// folds reports whether a file system takes any names for others.
func folds(on disk, scratch string) bool {
	for _, pair := range [][2]string{{"a", "A"}, {"\u00e9", "e\u0301"}, {"b", "b."}, {"c", "c "}, {"\u00df", "ss"}, {"d", "d\u200c"}} {
		if create(on, gopath.Join(scratch, pair[0])) == nil && errors.Is(create(on, gopath.Join(scratch, pair[1])), fs.ErrExist) {
			return true
		}
	}
	return false
}

// checkFolder creates empty files with the names in a folder, and refuses what cannot be
// created.
func (p *plan) checkFolder(on disk, scratch string, folder placed) error {
	if err := on.Mkdir(scratch, 0o700); err != nil {
		return err
	}
	var there []string
	for _, name := range slices.Sorted(maps.Keys(folder.in.below)) {
		path := gopath.Join(folder.path, name)
		err := create(on, gopath.Join(scratch, name))
		switch {
		case errors.Is(err, fs.ErrExist):
			p.refuse(path, fmt.Errorf("on this file system it is the same file as %.200q", gopath.Join(folder.path, twin(on, scratch, name, there))))
		case errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EILSEQ) || errors.Is(err, syscall.ENAMETOOLONG):
			p.refuse(path, errors.New("a name that no file can have here"))
		case err != nil:
			return err
		}
		there = append(there, name)
	}
	return nil
}

func create(on disk, name string) error {
	file, err := on.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// twin returns which of the names is the same file.
func twin(on disk, scratch, name string, there []string) string {
	this, err := on.Stat(gopath.Join(scratch, name))
	if err != nil {
		return ""
	}
	for _, other := range there {
		info, err := on.Stat(gopath.Join(scratch, other))
		if err == nil && os.SameFile(this, info) {
			return other
		}
	}
	return ""
}
