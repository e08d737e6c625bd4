package zipped

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	gopath "path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"example.com/gitlabci/internal/cause"
	"example.com/gitlabci/internal/pool"
)

// Links say how symbolic links are handled.
type Links int

const (
	LinksInside Links = iota // made if they lead nowhere outside of the folder
	LinksSkip                // left out, and listed
	LinksRefuse              // a reason not to extract the archive
)

// readTarget reads what a link points to.
func (u *unpacker) readTarget(f *feed, m *member) (string, error) {
	if m.size > longestPath {
		return "", fmt.Errorf("a symbolic link to a name that is too long: %w", errFormat)
	}
	if err := u.start(f, m); err != nil {
		return "", err
	}
	target, err := io.ReadAll(io.LimitReader(u, longestPath))
	return string(target), err
}

// readTargets reads where all links lead, and refuses those that lead out.
func (x *extraction) readTargets(ctx context.Context, p *plan) error {
	if size := int64(len(p.links)) * longestPath; size > maxDirectory {
		size = 0
		for _, m := range p.links {
			size += min(m.size, longestPath)
		}
		if size > maxDirectory {
			return &unsafeError{fmt.Errorf("symbolic links to names of more than %d MiB", maxDirectory>>20)}
		}
	}
	todo := batches(p.links, x.workers())
	err := pool.Each(ctx, len(todo), x.workers(), func(ctx context.Context, i int) error {
		w := x.worker(ctx)
		defer x.release(w)
		return w.each(todo[i], func(f *feed, m *member) error {
			target, err := w.unpacker.readTarget(f, m)
			x.mu.Lock()
			defer x.mu.Unlock()
			p.targets[m] = target
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, m := range p.links {
		if err := p.checkTarget(gopath.Dir(m.path()), p.targets[m]); err != nil {
			p.refuse(m.name, fmt.Errorf("a symbolic link to %.200q: %w", p.targets[m], err))
		}
	}
	return p.refusal()
}

var errLeadsOut = errors.New("it leads out of the folder")

// checkTarget returns why there must be no link to a target in a folder, or nil. The way of
// the target may lead upwards only from folders of the archive: ".." after a link, or
// after what is not there yet, could lead anywhere.
func (p *plan) checkTarget(folder, target string) error {
	switch {
	case target == "":
		return errors.New("it leads nowhere")
	case strings.HasPrefix(target, "/") || driveLetter.MatchString(target):
		return errLeadsOut
	case strings.Contains(target, `\`):
		return errors.New("a name with a backslash")
	case strings.Contains(target, "\x00") || !utf8.ValidString(target):
		return errors.New("no file can have this name")
	}
	at := folder
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			at = gopath.Join(at, part)
		case at == ".":
			return errLeadsOut
		default:
			if node := p.tree.root.find(at); node == nil || !node.IsDir() {
				return fmt.Errorf(`".." after %.200q, which is no folder of the archive`, at)
			}
			at = gopath.Dir(at)
		}
	}
	if _, err := filepath.Localize(at); err != nil {
		return errors.New("no file can have this name here")
	}
	return nil
}

// makeLinks makes the links, after everything else: nothing is written through one.
func (x *extraction) makeLinks(ctx context.Context, p *plan) error {
	for _, m := range p.links {
		if err := cause.Of(ctx); err != nil {
			return err
		}
		made, err := x.makeLink(m.path(), p.targets[m])
		if err != nil {
			return fmt.Errorf("%q: %w", m.name, err)
		}
		if made {
			x.result.Links = append(x.result.Links, m.path())
		} else {
			x.result.Skipped = append(x.result.Skipped, m.path())
		}
	}
	return nil
}

// makeLink makes a link, unless there is something already that is to be kept. In a
// folder that was there before, other links may change the way that it leads: that is
// tried out first.
func (x *extraction) makeLink(name, target string) (made bool, err error) {
	if _, err := x.root.Stat(gopath.Dir(name) + "/" + target); err != nil && !isDangling(err) {
		return false, fmt.Errorf("a symbolic link to %.200q: %w", target, err)
	}
	target = filepath.FromSlash(target)
	err = x.root.Symlink(target, name)
	switch {
	case !errors.Is(err, fs.ErrExist):
		return err == nil, err
	case x.opts.SkipExisting:
		return false, nil
	case !x.opts.Overwrite:
		return false, err
	}
	beside := gopath.Join(gopath.Dir(name), ".gitlabci-"+rand.Text())
	if err := x.root.Symlink(target, beside); err != nil {
		return false, err
	}
	if err := x.root.Rename(beside, name); err != nil {
		return false, errors.Join(err, x.root.Remove(beside))
	}
	return true, nil
}

// isDangling reports whether a link leads to what is not there, or to itself.
func isDangling(err error) bool {
	return slices.ContainsFunc([]error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ELOOP}, func(one error) bool { return errors.Is(err, one) })
}
