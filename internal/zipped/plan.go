package zipped

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A plan is what will be written.
type plan struct {
	files []*member

	opts    *Options
	tree    *tree // by names without case
	bytes   int64
	packed  int64
	refused error // the first
	others  int
}

// An unsafeError says why an archive is not extracted.
type unsafeError struct{ err error }

func (e *unsafeError) Error() string        { return "unsafe: " + e.err.Error() }
func (e *unsafeError) Unwrap() error        { return e.err }
func (e *unsafeError) Is(target error) bool { return target == ErrUnsafe }

// plan selects members, and refuses an archive with a member that must not be written.
func (o *Options) plan(members []*member) (*plan, error) {
	p := &plan{opts: o, tree: newTree(fold)}
	patterns := make([][]string, len(o.Match))
	for i, pattern := range o.Match {
		patterns[i] = split(pattern)
	}
	found := len(o.Match) == 0
	for _, m := range members {
		name := split(m.name)
		if len(patterns) > 0 && !slices.ContainsFunc(patterns, func(pattern []string) bool { return matches(pattern, name) }) {
			continue
		}
		found = true
		if err := p.add(m); err != nil {
			return nil, err
		}
	}
	p.overlaps()
	switch {
	case p.refused != nil && p.others > 0:
		return nil, fmt.Errorf("%w (and %d more)", p.refused, p.others)
	case p.refused != nil:
		return nil, p.refused
	case !found:
		return nil, fmt.Errorf("nothing matches %q: %w", o.Match, fs.ErrNotExist)
	}
	return p, nil
}

// add adds a member to the plan. An error is about the whole plan; what is wrong with
// the member is noted.
func (p *plan) add(m *member) error {
	if err := forbidden(m); err != nil {
		p.refuse(m.name, err)
		return nil
	}
	if _, err := p.tree.place(strings.TrimSuffix(m.name, "/"), m.isDir()); err != nil {
		p.refuse(m.name, err)
	}
	if m.isDir() {
		return p.limits()
	}
	if err := m.problem(); err != nil {
		p.refuse(m.name, err)
		return nil
	}
	p.files = append(p.files, m)
	p.packed += m.packed
	p.bytes += min(m.size, math.MaxInt64-p.bytes)
	return p.limits()
}

func (p *plan) refuse(name string, err error) {
	if p.refused != nil {
		p.others++
		return
	}
	p.refused = &unsafeError{fmt.Errorf("%.200q: %w", name, err)}
}

func (p *plan) limits() error {
	files := limit(int64(p.opts.MaxFiles), extractFiles)
	bytes, ratio := limit(p.opts.MaxBytes, extractBytes), limit(p.opts.MaxRatio, extractRatio)
	switch {
	case int64(p.tree.names) > files:
		return &unsafeError{fmt.Errorf("more than %d files and folders", files)}
	case p.bytes > bytes:
		return &unsafeError{fmt.Errorf("more than %d bytes unpacked", bytes)}
	case p.bytes > ratioMatters && p.bytes/ratio > max(p.packed, 1):
		return &unsafeError{fmt.Errorf("unpacked more than %d times as large", ratio)}
	}
	return nil
}

var driveLetter = regexp.MustCompile(`^[A-Za-z]:`)

const (
	longestPath = 4096
	longestName = 255 // of one part
)

// forbidden returns why there must be no such file, or nil.
func forbidden(m *member) error {
	name := strings.TrimSuffix(m.name, "/")
	_, unknown := filepath.Localize(name)
	kind := m.mode.Type() &^ fs.ModeDir
	switch {
	case strings.HasPrefix(m.name, "/"):
		return errors.New("an absolute name")
	case driveLetter.MatchString(name):
		return errors.New("a name with a drive letter")
	case strings.Contains(name, `\`):
		return errors.New("a name with a backslash")
	case slices.Contains(strings.Split(name, "/"), ".."):
		return errors.New(`a name with ".."`)
	case !fs.ValidPath(name) || name == ".":
		return errors.New("a name that is empty, not clean or not UTF-8")
	case unknown != nil:
		return errors.New("a name that no file can have here")
	case len(name) > longestPath || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > longestName }):
		return errors.New("a name that is too long")
	case kind&fs.ModeSymlink != 0:
		return errors.New("a symbolic link")
	case kind != 0:
		return errors.New("neither a file nor a folder")
	}
	return nil
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

// overlaps refuses files that share bytes of the archive, as those of zip bombs do.
func (p *plan) overlaps() {
	sorted := slices.SortedFunc(slices.Values(p.files), byStart)
	for i, m := range sorted {
		if i > 0 && m.start == sorted[i-1].start {
			p.refuse(m.name, errors.New("it shares its bytes with another"))
		}
	}
}
