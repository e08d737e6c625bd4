package zipped

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	gopath "path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A plan is what will be written.
type plan struct {
	files   []*member
	links   []*member
	targets map[*member]string // of the links
	skipped []string           // links that are not wanted

	opts    *Options
	tree    *tree
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

// Unsafe makes an error one that matches [ErrUnsafe].
func Unsafe(err error) error { return &unsafeError{err} }

// plan selects members, and refuses an archive with a member that must not be written.
func (o *Options) plan(ctx context.Context, members []*member) (*plan, error) {
	p := &plan{opts: o, tree: newTree(), targets: map[*member]string{}}
	wanted, unwanted := patternsOf(o.Match), patternsOf(o.Exclude)
	found := len(wanted) == 0 && (len(unwanted) == 0 || len(members) == 0)
	var name []string // for all members, of which there may be many
	for i, m := range members {
		if err := checkContext(ctx, i); err != nil {
			return nil, err
		}
		name = slices.AppendSeq(name[:0], strings.SplitSeq(m.path(), "/"))
		if len(wanted) > 0 && !wanted.match(m, name) || unwanted.match(m, name) {
			continue
		}
		found = true
		if err := p.add(m); err != nil {
			return nil, err
		}
	}
	p.refuseOverlaps()
	if !found {
		return nil, fmt.Errorf("nothing is selected by Match %q and Exclude %q: %w", o.Match, o.Exclude, fs.ErrNotExist)
	}
	return p, p.refusal()
}

// refusal returns why the archive is refused, or nil.
func (p *plan) refusal() error {
	if p.refused != nil && p.others > 0 {
		return fmt.Errorf("%w (and %d more)", p.refused, p.others)
	}
	return p.refused
}

// add adds a member to the plan. An error is about the whole plan; what is wrong with
// the member is noted.
func (p *plan) add(m *member) error {
	if m.path() == "." && m.name != "." && m.isDir() {
		return nil // it is the folder that everything goes to
	}
	if err := p.opts.forbidden(m); err != nil {
		p.refuse(m.name, err)
		return nil
	}
	if m.isLink() && p.opts.Links == LinksSkip {
		p.skipped = append(p.skipped, m.path())
		return nil
	}
	node, err := p.tree.place(m.path(), m.isDir())
	switch {
	case err == errDuplicate && m.repeats(node.member):
		return nil
	case err != nil:
		p.refuse(m.name, err)
	case node.member == nil:
		node.member = m
	}
	if m.isDir() {
		return p.checkLimits()
	}
	return p.addFile(m)
}

// repeats reports whether a member is the same file as another one of this name.
func (m *member) repeats(other *member) bool {
	return other != nil && !other.isDir() && !m.isDir() && m.size == other.size && m.crc == other.crc && m.isLink() == other.isLink()
}

// addFile adds a file or a link.
func (p *plan) addFile(m *member) error {
	if err := m.problem(); err != nil {
		p.refuse(m.name, err)
		return nil
	}
	if m.isLink() {
		p.links = append(p.links, m)
	} else {
		p.files = append(p.files, m)
	}
	p.packed += m.packed
	p.bytes += min(m.size, math.MaxInt64-p.bytes)
	return p.checkLimits()
}

func (p *plan) refuse(name string, err error) {
	if p.refused != nil {
		p.others++
		return
	}
	p.refused = &unsafeError{fmt.Errorf("%.200q: %w", name, err)}
}

func (p *plan) checkLimits() error {
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
func (o *Options) forbidden(m *member) error {
	name := m.path()
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
	case m.isLink() && o.Links == LinksRefuse:
		return errors.New("a symbolic link")
	case m.isLink() && m.isDir():
		return errors.New("a symbolic link with the name of a folder")
	case kind&^fs.ModeSymlink != 0:
		return errors.New("neither a file nor a folder")
	}
	return nil
}

// refuseOverlaps refuses files that share bytes of the archive, as those of zip bombs do.
func (p *plan) refuseOverlaps() {
	sorted := slices.SortedFunc(slices.Values(slices.Concat(p.files, p.links)), byStart)
	for i, m := range sorted {
		if i > 0 && m.start == sorted[i-1].start {
			p.refuse(m.name, errors.New("it shares its bytes with another"))
		}
	}
}

// A pattern selects members by their paths.
type pattern struct {
	files   []string // what the path of a file matches, part by part
	folders []string // the same for a folder
}

type patterns []pattern

func patternsOf(all []string) (made patterns) {
	for _, text := range all {
		made = append(made, newPattern(text))
	}
	return made
}

// newPattern reads a pattern. If its last part is a name, or if it ends in a slash, it
// selects all below a folder, too.
func newPattern(text string) pattern {
	name := strings.TrimSuffix((&member{name: text}).path(), "/")
	if name == "." {
		name = "**"
	}
	parts := strings.Split(name, "/")
	switch last := parts[len(parts)-1]; {
	case strings.HasSuffix(text, "/"):
		return pattern{append(slices.Clip(parts), "*", "**"), append(slices.Clip(parts), "**")}
	case !isWild(last):
		parts = append(parts, "**")
	}
	return pattern{parts, parts}
}

// isWild reports whether a part of a pattern can match several names.
func isWild(part string) bool {
	for i := 0; i < len(part); i++ {
		switch part[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// match reports whether a member matches one of the patterns. Name is its path, part by
// part.
func (all patterns) match(m *member, name []string) bool {
	return slices.ContainsFunc(all, func(p pattern) bool {
		if m.isDir() {
			return matches(p.folders, name)
		}
		return matches(p.files, name)
	})
}

// matches reports whether a pattern with "**" matches a name.
func matches(pattern, name []string) bool {
	star, from := -1, 0 // the last "**", and where in the name the rest of the pattern begins
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			star, from = p, n
			p++
		case p < len(pattern) && matchesOne(pattern[p], name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return !slices.ContainsFunc(pattern[p:], func(part string) bool { return part != "**" })
}

func matchesOne(pattern, name string) bool {
	ok, err := gopath.Match(pattern, name)
	return ok && err == nil // Check has refused bad patterns
}

func isBadPattern(pattern string) bool {
	return pattern == "" || slices.ContainsFunc(strings.Split(pattern, "/"), func(part string) bool {
		_, err := gopath.Match(part, "")
		return err != nil
	})
}
