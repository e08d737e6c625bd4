package zipped_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func linkTo(name, target string) testkit.ZipEntry {
	return testkit.ZipEntry{Name: name, Content: target, Mode: fs.ModeSymlink | 0o777}
}

// extractZip extracts an archive of these entries.
func extractZip(t *testing.T, dir string, opts *gitlabci.ExtractOptions, entries ...testkit.ZipEntry) (*gitlabci.ExtractResult, error) {
	t.Helper()
	data := testkit.Zip(t, entries...)
	return gitlabci.ExtractZip(t.Context(), bytes.NewReader(data), int64(len(data)), dir, opts)
}

// goodLinks are links that stay inside, and what they lead to.
func goodLinks() []testkit.ZipEntry {
	return []testkit.ZipEntry{
		linkTo("first", "d/e/file"), {Name: "d/e/file", Content: "content"}, linkTo("d/up", "../top"), {Name: "top", Content: "top"},
		linkTo("d/e/folder", ".."), linkTo("d/home", "../."), linkTo("chain", "d/up"), linkTo("nowhere", "none/there"), linkTo("self", "self"),
		linkTo("round", "d//e/../e/./file"), linkTo("d/e/far", "../../d/e/../../top"),
	}
}

func TestExtractLinks(t *testing.T) {
	data := testkit.Zip(t, goodLinks()...)
	for name, opts := range archiveDeliveries() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			result, err := archiveServer(data, opts...).Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, nil)
			require.NoError(t, err)
			require.Equal(t, []string{"d/e/file", "top"}, result.Files)
			require.Equal(t, []string{"chain", "d/e/far", "d/e/folder", "d/home", "d/up", "first", "nowhere", "round", "self"}, result.Links)
			require.EqualValues(t, len("content"+"top"), result.Bytes)
			require.Empty(t, result.Skipped)
			for name, want := range map[string]string{"first": "content", "d/up": "top", "d/e/folder/e/file": "content", "d/home/top": "top", "chain": "top", "round": "content", "d/e/far": "top"} {
				got, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				require.Equal(t, want, string(got), name)
			}
			for _, entry := range goodLinks() {
				if entry.Mode != 0 {
					target, err := os.Readlink(filepath.Join(dir, entry.Name))
					require.NoError(t, err)
					require.Equal(t, filepath.FromSlash(entry.Content), target)
				}
			}
		})
	}
}

func TestExtractSkipsOrRefusesLinks(t *testing.T) {
	dir := t.TempDir()
	entries := append(goodLinks(), linkTo("out", "/etc"))
	result, err := extractZip(t, dir, &gitlabci.ExtractOptions{Links: gitlabci.LinksSkip}, entries...)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"d/e/file": "content", "top": "top"}, extracted(t, dir))
	require.Empty(t, result.Links)
	require.Equal(t, []string{"chain", "d/e/far", "d/e/folder", "d/home", "d/up", "first", "nowhere", "out", "round", "self"}, result.Skipped)

	dir = filepath.Join(t.TempDir(), "new")
	_, err = extractZip(t, dir, &gitlabci.ExtractOptions{Links: gitlabci.LinksRefuse}, goodLinks()...)
	require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive)
	require.EqualError(t, err, `gitlabci: ExtractZip: the archive: unsafe: "first": a symbolic link (and 8 more)`)
	require.NoDirExists(t, dir)
}

// Links that lead out, or may, are refused before anything is written, wherever in the
// archive they are.
func TestExtractRefusesLinksOut(t *testing.T) {
	const out = "it leads out of the folder"
	for target, text := range map[string]string{
		"/etc/passwd": out, "/": out, "..": out, "../x": out, "d/../../x": out, "d/e/../../..": out, "C:x": out, "c:/x": out, "./..": out,
		"up/../../x": `".." after "up"`, "none/../x": `".." after "none"`, "file/../x": `".." after "file"`, "d/e/../e/up2/..": `".." after "d/e/up2"`, "D/../x": `".." after "D"`,
		`..\x`: "backslash", "": "nowhere", "a\x00b": "no file can have this name", "\xff": "no file can have this name",
		strings.Repeat("x/", 2050): "too long",
	} {
		for _, store := range []bool{true, false} {
			parent := t.TempDir()
			bad := linkTo("bad", target)
			bad.Store = store
			entries := []testkit.ZipEntry{{Name: "file", Content: "x"}, {Name: "d/e/"}, linkTo("up", "d/e"), linkTo("d/e/up2", ".."), bad}
			result, err := extractZip(t, filepath.Join(parent, "dir"), &gitlabci.ExtractOptions{Overwrite: true}, entries...)
			if target == strings.Repeat("x/", 2050) {
				require.Error(t, err)
			} else {
				require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive, "%q", target)
			}
			require.ErrorContains(t, err, `"bad": a symbolic link`)
			require.ErrorContains(t, err, text)
			require.Equal(t, &gitlabci.ExtractResult{}, result)
			require.Empty(t, extracted(t, parent))
		}
	}
}

// A link's way can be another one where links were before.
func TestExtractLinksAmongOldLinks(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "dir")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(parent, "secret"), []byte("old"), 0o600))
	require.NoError(t, os.Symlink(".", filepath.Join(dir, "flat")))
	require.NoError(t, os.Symlink("../secret", filepath.Join(dir, "out")))
	for _, entries := range [][]testkit.ZipEntry{
		{{Name: "flat/x"}, linkTo("flat/l", "../secret")},      // which would be dir/secret
		{{Name: "flat/x"}, linkTo("flat/l", "../not/there")},   // which may be one day
		{{Name: "x"}, linkTo("l", "out")},                      // there is such a link
		{{Name: "flat/x"}, linkTo("l", "flat/../secret")},      // the folder of the archive is none
		{{Name: "x"}, linkTo("l", "a"), linkTo("a/l", "../s")}, // fine
	} {
		result, err := extractZip(t, dir, &gitlabci.ExtractOptions{Overwrite: true}, entries...)
		if entries[1].Content == "a" {
			require.NoError(t, err)
			require.Equal(t, []string{"a/l", "l"}, result.Links)
			continue
		}
		require.ErrorContains(t, err, "a symbolic link to ")
		require.ErrorContains(t, err, "escapes")
		require.Empty(t, result.Links)
		require.Len(t, result.Files, 1)
		for _, name := range []string{"l", "flat/l"} {
			_, err = os.Lstat(filepath.Join(dir, name))
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
	}
}

func TestExtractLinksBesideExisting(t *testing.T) {
	entries := []testkit.ZipEntry{{Name: "x", Content: "new"}, linkTo("l", "x"), linkTo("m", "x")}
	for name, opts := range map[string]gitlabci.ExtractOptions{"fail": {}, "overwrite": {Overwrite: true}, "skip": {SkipExisting: true}} {
		dir := t.TempDir()
		require.NoError(t, os.Symlink("old", filepath.Join(dir, "l")))
		result, err := extractZip(t, dir, &opts, entries...)
		target, problem := os.Readlink(filepath.Join(dir, "l"))
		require.NoError(t, problem)
		switch name {
		case "fail":
			require.ErrorIs(t, err, fs.ErrExist)
			require.ErrorContains(t, err, `"l": file already exists`)
			require.Equal(t, &gitlabci.ExtractResult{}, result)
			require.Equal(t, "old", target)
		case "overwrite":
			require.NoError(t, err)
			require.Equal(t, &gitlabci.ExtractResult{Files: []string{"x"}, Links: []string{"l", "m"}, Bytes: 3}, result)
			require.Equal(t, "x", target)
		case "skip":
			require.NoError(t, err)
			require.Equal(t, &gitlabci.ExtractResult{Files: []string{"x"}, Links: []string{"m"}, Skipped: []string{"l"}, Bytes: 3}, result)
			require.Equal(t, "old", target)
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "m", "in"), 0o755))
	result, err := extractZip(t, dir, &gitlabci.ExtractOptions{Overwrite: true}, entries...)
	require.ErrorContains(t, err, `"m": `)
	require.Equal(t, []string{"l"}, result.Links)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3, "nothing temporary")
}

// A link appears while the archive is extracted.
func TestExtractSkipsLinksThatAppear(t *testing.T) {
	for _, skip := range []bool{true, false} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), nil, 0o600))
		result, err := extractZip(t, dir, &gitlabci.ExtractOptions{SkipExisting: skip, Progress: func(int64, int64) { os.Symlink("old", filepath.Join(dir, "l")) }},
			testkit.ZipEntry{Name: "x", Content: "new"}, linkTo("l", "x"))
		if skip {
			require.NoError(t, err)
			require.Equal(t, []string{"l"}, result.Skipped)
		} else {
			require.ErrorIs(t, err, fs.ErrExist)
		}
		require.Empty(t, result.Links)
	}
}

// What links lead to travels, and is checked as everything else is.
func TestExtractLinksThatLie(t *testing.T) {
	bad := linkTo("bad", "file")
	for _, store := range []bool{true, false} {
		bad.Store = store
		data := testkit.Zip(t, testkit.ZipEntry{Name: "file", Content: "x"}, bad)
		at := bytes.LastIndex(data, []byte("PK\x01\x02"))
		data[at+16]++ // its CRC
		dir := filepath.Join(t.TempDir(), "dir")
		result, err := gitlabci.ExtractZip(t.Context(), bytes.NewReader(data), int64(len(data)), dir, nil)
		require.ErrorContains(t, err, `"bad": zip: checksum error`)
		require.Equal(t, &gitlabci.ExtractResult{}, result)
		require.NoDirExists(t, dir)
	}
}

// The names to which links lead are held in memory, so there is a limit for all of them.
func TestExtractLinksToLongNames(t *testing.T) {
	testkit.NotUnderRace(t)
	bad := linkTo("bad", strings.Repeat("x", 4000))
	many := make([]testkit.ZipEntry, 9000)
	for i := range many {
		many[i] = bad
		many[i].Name = strings.Repeat("d/", i%500) + "l" + strings.Repeat("x", i/500)
	}
	_, err := extractZip(t, t.TempDir(), &gitlabci.ExtractOptions{MaxFiles: -1, MaxRatio: -1}, many...)
	require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive)
	require.ErrorContains(t, err, "symbolic links to names of more than 32 MiB")
}

func TestArchiveReadLink(t *testing.T) {
	data := testkit.Zip(t, append(goodLinks(), linkTo("out", "/etc/passwd"), linkTo("long", strings.Repeat("x", 5000)))...)
	archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	var names []string
	for _, entry := range goodLinks() {
		names = append(names, entry.Name)
		if entry.Mode == 0 {
			continue
		}
		target, err := fs.ReadLink(archive, entry.Name)
		require.NoError(t, err)
		require.Equal(t, entry.Content, target)
		info, err := fs.Lstat(archive, entry.Name)
		require.NoError(t, err)
		require.Equal(t, fs.ModeSymlink, info.Mode().Type())
	}
	require.NoError(t, fstest.TestFS(archive, names...))
	target, err := archive.ReadLink("out")
	require.NoError(t, err)
	require.Equal(t, "/etc/passwd", target)
	for name, want := range map[string]error{"top": fs.ErrInvalid, "d": fs.ErrInvalid, "long": fs.ErrInvalid, "none": fs.ErrNotExist, "../x": fs.ErrInvalid} {
		_, err := archive.ReadLink(name)
		require.ErrorIs(t, err, want, name)
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "copy"), without(archive, "long")))
	got, err := os.ReadFile(filepath.Join(dir, "copy", "chain"))
	require.NoError(t, err)
	require.Equal(t, "top", string(got))
	require.NoError(t, archive.Close())
	_, err = archive.ReadLink("out")
	require.ErrorIs(t, err, fs.ErrClosed)
}

// without is an archive in which a name is not listed.
func without(archive *gitlabci.Archive, name string) fs.FS { return hiding{archive, name} }

type hiding struct {
	*gitlabci.Archive
	name string
}

func (h hiding) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := h.Archive.ReadDir(name)
	var rest []fs.DirEntry
	for _, entry := range all {
		if entry.Name() != h.name {
			rest = append(rest, entry)
		}
	}
	return rest, err
}
