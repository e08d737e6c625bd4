package zipped

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// An node is a file or a folder of an archive: what the directory tells
// of it, and what is in it.
type node struct {
	name    string
	member  *member // nil for a folder that the archive does not list
	folder  bool
	below   map[string]*node
	entries []fs.DirEntry
}

// newTree puts the members of an archive in their folders.
func newTree(members []*member) (root *node, skipped []string, err error) {
	root = &node{name: ".", folder: true}
	count := 0
	for _, m := range members {
		path, isDir := strings.TrimSuffix(m.name, "/"), m.isDir()
		if !fs.ValidPath(path) || path == "." || strings.Contains(path, `\`) {
			skipped = append(skipped, m.name)
			continue
		}
		node, made := root.place(path, isDir)
		if count += made; count > maxMembers {
			return nil, nil, fmt.Errorf("it has more than %d files and folders", maxMembers)
		}
		if node == nil || node.member != nil || node.folder != isDir {
			skipped = append(skipped, m.name)
			continue
		}
		node.member = m
	}
	root.sort()
	return root, skipped, nil
}

// place finds or makes the node of a path and its folders, as many as are
// made. It is nil if one of them is a file.
func (n *node) place(path string, isDir bool) (_ *node, made int) {
	for more := true; more; {
		var name string
		name, path, more = strings.Cut(path, "/")
		if !n.folder {
			return nil, made
		}
		next := n.below[name]
		if next == nil {
			next = &node{name: name, folder: more || isDir}
			if n.below == nil {
				n.below = map[string]*node{}
			}
			n.below[name] = next
			made++
		}
		n = next
	}
	return n, made
}

// sort lists what is in each folder.
func (n *node) sort() {
	for todo := []*node{n}; len(todo) > 0; {
		n, todo = todo[len(todo)-1], todo[:len(todo)-1]
		n.entries = make([]fs.DirEntry, 0, len(n.below))
		for _, one := range n.below {
			n.entries = append(n.entries, one)
			if one.folder {
				todo = append(todo, one)
			}
		}
		slices.SortFunc(n.entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
}

func (n *node) find(path string) *node {
	if path == "." {
		return n
	}
	for name := range strings.SplitSeq(path, "/") {
		if n = n.below[name]; n == nil {
			return nil
		}
	}
	return n
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.folder }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Sys() any                   { return nil }
func (n *node) String() string             { return fs.FormatFileInfo(n) }

func (n *node) Size() int64 {
	if n.folder {
		return 0
	}
	return n.member.size
}

// Mode of a folder that the archive does not list is what [zip.Reader] makes
// of it.
func (n *node) Mode() fs.FileMode {
	switch {
	case n.member == nil:
		return fs.ModeDir | 0o555
	case n.folder:
		return fs.ModeDir | n.member.mode.Perm()
	}
	return n.member.mode
}

func (n *node) ModTime() time.Time {
	if n.member == nil {
		return time.Time{}
	}
	return n.member.modified
}

// An openFolder is a folder of an archive that somebody opened.
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

// ReadDir lists the next n entries, or all that are left if n is not above 0.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := f.node.entries[f.listed:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		left = left[:min(n, len(left))]
	}
	f.listed += len(left)
	return slices.Clone(left), nil
}
