package zipped

import (
	"errors"
	"io/fs"
	"os"
	gopath "path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A strange disk takes some names for others, and has no file for some.
type strangeDisk struct {
	*os.Root
	name    func(string) string
	refuse  func(string) error
	created int
}

func (d *strangeDisk) as(path string) string {
	return gopath.Join(gopath.Dir(path), d.name(gopath.Base(path)))
}

func (d *strangeDisk) OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	if d.refuse != nil {
		if err := d.refuse(gopath.Base(path)); err != nil {
			return nil, err
		}
	}
	d.created++
	return d.Root.OpenFile(d.as(path), flag, perm)
}

func (d *strangeDisk) Stat(path string) (fs.FileInfo, error) { return d.Root.Stat(d.as(path)) }

func same(name string) string { return name }

func strange(t *testing.T, name func(string) string) (dir string, d *strangeDisk) {
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return dir, &strangeDisk{Root: root, name: name}
}

func planOf(t *testing.T, names ...string) *plan {
	var members []*member
	for i, name := range names {
		members = append(members, &member{name: name, start: int64(i) * 100, next: int64(i)*100 + 100})
	}
	p, err := new(Options).plan(t.Context(), members)
	require.NoError(t, err)
	return p
}

// Names that are one file are refused where they are, and only there.
func TestNamesThatAreOneFile(t *testing.T) {
	composed := strings.NewReplacer("e\u0301", "\u00e9", "u\u0308", "\u00fc").Replace
	sharp := func(name string) string { return strings.ReplaceAll(strings.ToLower(name), "\u00df", "ss") }
	short := func(name string) string { return strings.ReplaceAll(strings.ToUpper(name), "LONGISH", "LONGIS~1") }
	trimmed := func(name string) string { return strings.TrimRight(name, ". ") }
	invisible := func(name string) string { return strings.ReplaceAll(name, "\u200c", "") }
	for name, test := range map[string]struct {
		disk  func(string) string
		names []string
		text  string // of the refusal
	}{
		"case":                  {strings.ToLower, []string{"README", "readme"}, `"readme": on this file system it is the same file as "README"`},
		"case, not ASCII":       {strings.ToLower, []string{"d/\u00c9", "d/\u00e9"}, "\"d/\u00e9\": on this file system it is the same file as \"d/\u00c9\""},
		"case of folders":       {strings.ToLower, []string{"d/a/x", "d/A/y"}, `"d/a": on this file system it is the same file as "d/A"`},
		"case of a link's way":  {strings.ToLower, []string{"a/", "A"}, `"a": on this file system it is the same file as "A"`},
		"case, not folded":      {same, []string{"README", "readme", "a/x", "A/x"}, ""},
		"case, elsewhere":       {strings.ToLower, []string{"a/README", "b/readme", "A.txt"}, ""},
		"a kelvin":              {sharp, []string{"k", "\u212a"}, "\"\u212a\": on this file system it is the same file as \"k\""},
		"forms of a letter":     {composed, []string{"x\u00e9", "xe\u0301"}, "\"x\u00e9\": on this file system it is the same file as \"xe\u0301\""},
		"forms, not folded":     {same, []string{"x\u00e9", "xe\u0301", "\u00df", "ss", "c\u200c", "c"}, ""},
		"a sharp s":             {sharp, []string{"stra\u00dfe", "Strasse"}, "\"stra\u00dfe\": on this file system it is the same file as \"Strasse\""},
		"a short name":          {short, []string{"longish", "LONGIS~1"}, `"longish": on this file system it is the same file as "LONGIS~1"`},
		"dots at the end":       {trimmed, []string{"x", "x. ."}, `"x. .": on this file system it is the same file as "x"`},
		"dots, not cut":         {same, []string{"x", "x.", "x ", "x.."}, ""},
		"what cannot be seen":   {invisible, []string{"ab", "a\u200cb"}, `"a\u200cb": on this file system it is the same file as "ab"`},
		"several":               {strings.ToLower, []string{"a", "A", "b", "B"}, " (and 1 more)"},
		"three":                 {strings.ToLower, []string{"aa", "Aa", "aA"}, `"aa": on this file system it is the same file as "Aa"`},
		"nothing that is twice": {strings.ToLower, []string{"a", "b/a", "c/", "\u00e9"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, d := strange(t, test.disk)
			err := planOf(t, test.names...).checkNames(d)
			if test.text == "" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrUnsafe)
				if test.text[0] != ' ' && name != "three" && name != "several" {
					require.EqualError(t, err, "unsafe: "+test.text)
				}
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// Usual names are not tried out, nor unusual ones where nothing is folded.
func TestNamesThatAreNotTried(t *testing.T) {
	_, d := strange(t, same)
	require.NoError(t, planOf(t, "a", "b/c", "b/d.txt", "e/").checkNames(d))
	require.Zero(t, d.created)
	var many []string
	for i := range 1000 {
		many = append(many, "\u00e9"+strings.Repeat("x", i%50)+string(rune('a'+i/50)))
	}
	require.NoError(t, planOf(t, many...).checkNames(d))
	require.Less(t, d.created, 20)
}

func TestNamesThatNoFileCanHave(t *testing.T) {
	for _, refusal := range []error{syscall.EINVAL, syscall.EILSEQ, syscall.ENAMETOOLONG, syscall.ENOSPC} {
		dir, d := strange(t, strings.ToLower)
		d.refuse = func(name string) error {
			if name == "B" {
				return &fs.PathError{Op: "open", Path: name, Err: refusal}
			}
			return nil
		}
		err := planOf(t, "x/a", "x/b", "x/B").checkNames(d)
		require.Equal(t, refusal != syscall.ENOSPC, errors.Is(err, ErrUnsafe))
		if refusal == syscall.ENOSPC {
			require.ErrorIs(t, err, refusal)
		} else {
			require.EqualError(t, err, `unsafe: "x/B": a name that no file can have here`)
		}
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// The folder that is made and the one that is opened are the same.
func TestFolderThatIsSwapped(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"dir", "other"} {
		require.NoError(t, os.Mkdir(filepath.Join(parent, name), 0o755))
	}
	dir := filepath.Join(parent, "dir")
	before, err := os.Lstat(dir)
	require.NoError(t, err)
	root, err := openSame(dir, before)
	require.NoError(t, err)
	require.NoError(t, root.Close())
	require.NoError(t, os.Rename(dir, filepath.Join(parent, "moved")))
	_, err = openSame(dir, before)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.Symlink("other", dir))
	_, err = openSame(dir, before)
	require.ErrorContains(t, err, "another folder than before")

	root, made, err := openDir(dir) // a link that the caller names
	require.NoError(t, err)
	require.False(t, made)
	require.NoError(t, root.Close())
	require.NoError(t, os.Remove(dir))
	require.NoError(t, os.Symlink("nowhere", dir))
	_, _, err = openDir(dir)
	require.Error(t, err)
	require.NoDirExists(t, filepath.Join(parent, "nowhere"))
	root, made, err = openDir(filepath.Join(parent, "a", "b") + "/")
	require.NoError(t, err)
	require.True(t, made)
	require.NoError(t, root.Close())
}
