package zipped

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// A tree puts names into their folders, for Archive and for Extract.
type tree struct {
	root    *node
	names   int      // of files and folders
	folders []placed // each after the one it is in
}

// A placed node is one with its path.
type placed struct {
	path string
	*node
}

func newTree() *tree {
	return &tree{root: &node{name: ".", in: &folder{}}}
}

// A node is a file or a folder.
type node struct {
	name   string
	member *member // nil for a folder that the archive does not list
	in     *folder // nil for a file
}

// A folder is what is in a folder.
type folder struct {
	below   map[string]*node // by name
	entries []fs.DirEntry    // sorted, once the tree is complete
}

// place returns the node of a path, and makes it and its folders if need be. A file is
// placed once, a folder any number of times. The error says what is there instead;
// errDuplicate comes with the node that is.
func (t *tree) place(path string, isDir bool) (*node, error) {
	at := t.root
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		next := at.in.below[name]
		switch {
		case next == nil:
			whole := strings.TrimSuffix(path[:len(path)-len(rest)], "/")
			next = t.make(at, name, whole, more || isDir)
		case more && !next.IsDir():
			return nil, fmt.Errorf("%.200q is a file", path[:len(path)-len(rest)-1])
		case !more && !(next.IsDir() && isDir):
			return next, errDuplicate
		}
		at = next
	}
	return at, nil
}

var errDuplicate = errors.New("it is there twice")

func (t *tree) make(at *node, name, path string, isDir bool) *node {
	made := &node{name: name}
	if at.in.below == nil {
		at.in.below = map[string]*node{}
	}
	at.in.below[name] = made
	t.names++
	if isDir {
		made.in = &folder{}
		t.folders = append(t.folders, placed{path, made})
	}
	return made
}

// filesOf puts the members of an archive in their folders. Those without a place are
// skipped.
func filesOf(ctx context.Context, members []*member) (root *node, skipped []string, err error) {
	t := newTree()
	for i, m := range members {
		if err := checkContext(ctx, i); err != nil {
			return nil, nil, err
		}
		path := strings.TrimSuffix(m.name, "/")
		if !fs.ValidPath(path) || path == "." || strings.Contains(path, `\`) {
			skipped = append(skipped, m.name)
			continue
		}
		node, err := t.place(path, m.isDir())
		if t.names > maxMembers {
			return nil, nil, fmt.Errorf("it has more than %d files and folders", maxMembers)
		}
		if err != nil || node.member != nil {
			skipped = append(skipped, m.name)
			continue
		}
		node.member = m
	}
	t.root.sort()
	return t.root, skipped, nil
}

// sort lists what is in each folder.
func (n *node) sort() {
	for todo := []*node{n}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		at.in.entries = make([]fs.DirEntry, 0, len(at.in.below))
		for _, one := range at.in.below {
			at.in.entries = append(at.in.entries, one)
			if one.IsDir() {
				todo = append(todo, one)
			}
		}
		slices.SortFunc(at.in.entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
}

// find returns the node of a path, or nil.
func (n *node) find(path string) *node {
	if path == "." {
		return n
	}
	for name := range strings.SplitSeq(path, "/") {
		if n == nil || !n.IsDir() {
			return nil
		}
		n = n.in.below[name]
	}
	return n
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.in != nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Sys() any                   { return nil }
func (n *node) String() string             { return fs.FormatFileInfo(n) }

func (n *node) Size() int64 {
	if n.IsDir() {
		return 0
	}
	return n.member.size
}

// Mode of a folder that the archive does not list is as with [archive/zip.Reader].
func (n *node) Mode() fs.FileMode {
	switch {
	case n.member == nil:
		return fs.ModeDir | 0o555
	case n.IsDir():
		return fs.ModeDir | n.member.mode.Perm()
	}
	return n.member.mode
}

func (n *node) ModTime() time.Time {
	if n.member == nil {
		return time.Time{}
	}
	return n.member.modified()
}
