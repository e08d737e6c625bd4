package zipped_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// hostileArchives are archives that somebody made to do harm, and good ones.
func hostileArchives(t testing.TB) [][]byte {
	flag := func(bits uint16) func(*zip.FileHeader) { return func(h *zip.FileHeader) { h.Flags |= bits } }
	good := []testkit.ZipEntry{{Name: "dir/"}, {Name: "dir/a.txt", Content: "deflated, deflated, deflated"}, {Name: "b", Content: "stored", Store: true, Mode: 0o755}}
	seeds := [][]byte{testkit.Zip(t, good...), []byte(testkit.EmptyZip), hugeEnd(1 << 62), hugeEnd(3), {}, []byte("<html>"), testkit.Zip(t, good[0])}
	for _, e := range []testkit.ZipEntry{
		{Name: "../x"}, {Name: "/x"}, {Name: `C:\x`}, {Name: "c:/x"}, {Name: "a/../../x"}, {Name: "b"}, {Name: "B"}, {Name: "b/c"}, {Name: "dir"}, {Name: "DIR/x"}, {Name: ""}, {Name: "/"}, {Name: "."},
		{Name: "\xff"}, {Name: "a\x00"}, {Name: "e\u0301"}, {Name: strings.Repeat("d/", 300)},
		{Name: "l", Content: "../..", Mode: fs.ModeSymlink | 0o777}, {Name: "l/", Mode: fs.ModeSymlink | 0o777}, {Name: "d", Mode: fs.ModeDevice | 0o666}, {Name: "m", Mode: fs.ModeDir | fs.ModeSetuid | 0o777, Content: "x"},
		{Name: "z", Content: strings.Repeat("\x00", 1<<20)}, {Name: "z", Content: "x", Lie: flag(1)}, {Name: "z", Content: "x", Lie: flag(8)}, {Name: "z", Content: "x", Lie: flag(1 << 11)},
		{Name: "z", Content: "x", Lie: func(h *zip.FileHeader) { h.CRC32++ }}, {Name: "z", Content: "x", Lie: func(h *zip.FileHeader) { h.Method = 99 }},
		{Name: "z", Content: "xx", Lie: func(h *zip.FileHeader) { h.UncompressedSize64-- }}, {Name: "z", Content: "xx", Lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 63 }},
		{Name: "z", Content: "xx", Lie: func(h *zip.FileHeader) { h.CompressedSize64 = 1<<64 - 2 }}, {Name: "z", Content: "xx", Lie: func(h *zip.FileHeader) { h.CompressedSize64 += 9 }},
	} {
		seeds = append(seeds, testkit.Zip(t, append(slices.Clone(good), e)...))
	}
	whole := seeds[0]
	seeds = append(seeds, whole[:len(whole)-1], whole[len(whole)/2:], append([]byte("#!/bin/sh\nexit\n"), whole...), append(bytes.Clone(whole), "junk"...))
	twice := bytes.Clone(whole) // the second member is where the first is
	entry := bytes.LastIndex(twice, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(twice[entry+42:], 0)
	return append(seeds, twice)
}

// Whatever an archive has, it is a file system, and a file that can be read is
// what archive/zip reads.
func FuzzArchive(f *testing.F) {
	for i, data := range hostileArchives(f) {
		if testkit.Sampled(i, 1) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		archive, err := testkit.ZipClient(t, data).Artifacts.Archive(t.Context(), "7", gitlabci.JobID(9), nil)
		if err != nil {
			require.ErrorContains(t, err, "gitlabci: GET /projects/7/jobs/9/artifacts: ")
			return
		}
		defer archive.Close()
		other, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		require.NoError(t, err)
		var names []string
		broken := false
		require.NoError(t, fs.WalkDir(archive, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || name == "." {
				return err
			}
			names = append(names, name) // folders too: without any name TestFS wants there to be nothing
			if entry.IsDir() {
				return nil
			}
			broken = !fuzzSameFile(t, archive, other, name) || broken
			return nil
		}))
		if !broken && len(names) < 10 {
			require.NoError(t, fstest.TestFS(archive, names...))
		}
	})
}

// fuzzSameFile reads a file, and reports whether it could be.
func fuzzSameFile(t *testing.T, archive *gitlabci.Archive, other *zip.Reader, name string) bool {
	t.Helper()
	const most = 4 << 20
	file, err := archive.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	require.NoError(t, err)
	got, err := io.ReadAll(io.LimitReader(file, most))
	require.LessOrEqual(t, int64(len(got)), info.Size())
	if err != nil {
		return false
	}
	first := slices.IndexFunc(other.File, func(f *zip.File) bool { return f.Name == name })
	require.GreaterOrEqual(t, first, 0)
	theirs, err := other.File[first].Open()
	if err != nil {
		return true
	}
	defer theirs.Close()
	want, err := io.ReadAll(io.LimitReader(theirs, most))
	if err == nil {
		require.True(t, bytes.Equal(want, got), name)
	}
	return len(got) < most
}

// Whatever an archive has, nothing is written outside of the directory, nothing but
// whole files, folders and links that stay there, and all of it is listed.
func FuzzExtract(f *testing.F) {
	for _, data := range hostileArchives(f) {
		f.Add(data, "**")
		f.Add(data, "*")
	}
	f.Add(testkit.Zip(f, goodLinks()...), "**")
	f.Fuzz(func(t *testing.T, data []byte, pattern string) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "dir")
		opts := &gitlabci.ExtractOptions{Match: []string{pattern}, MaxFiles: 100, MaxBytes: 1 << 20}
		result, err := testkit.ZipClient(t, data).Artifacts.Extract(t.Context(), "7", gitlabci.JobID(9), dir, opts)
		if errors.Is(err, gitlabci.ErrUnsafeArchive) || errors.Is(err, gitlabci.ErrInvalid) {
			require.Empty(t, result.Files)
			require.NoDirExists(t, dir)
		}
		requireInside(t, dir, result)
	})
}

// requireInside requires that a folder is alone in the one that it is in, and has what
// the result says.
func requireInside(t *testing.T, dir string, result *gitlabci.ExtractResult) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.LessOrEqual(t, len(entries), 1)
	var files, links []string
	size := int64(0)
	require.NoError(t, filepath.WalkDir(filepath.Dir(dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o700) // the archive may have closed it
		}
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		if entry.Type() == fs.ModeSymlink {
			links = append(links, filepath.ToSlash(name))
			return nil
		}
		require.True(t, entry.Type().IsRegular(), path)
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode()&^0o755, "%s: %v", path, info.Mode())
		files, size = append(files, filepath.ToSlash(name)), size+info.Size()
		return nil
	}))
	if len(links) > 0 {
		requireLinksInside(t, dir)
	}
	slices.Sort(files)
	slices.Sort(links)
	require.Equal(t, result.Files, files)
	require.Equal(t, result.Links, links)
	require.Equal(t, result.Bytes, size)
}

// Whatever files, folders and links an archive has, twice into the same folder too,
// nothing leads out. Each line is a kind, a name and, for a link, its target.
func FuzzExtractPlan(f *testing.F) {
	f.Add("f a/b\nd c\nl l a/b\nl a/up ../c\nl self self\nf A/b\nf ./x", "l c .\nf c/y\nl a/l ../../z")
	f.Add("l a .\nl b/c a/../..\nl d/e ../a/../x", "l a/e ..\nl b d/e\nf d/e/x")
	f.Add("d a/b/c\nl a/b/c/d ../../..\nl x a/b/c/d/..\nl y a/b/c/../../..", "l a/b ..\nf a/b/c\nd a/b/c/d")
	f.Add("l sub .", "d sub\nl sub/l ../secret\nl sub/../x y\nl /abs y\nf ../up")
	f.Fuzz(func(t *testing.T, first, second string) {
		dir := filepath.Join(t.TempDir(), "dir")
		opts := &gitlabci.ExtractOptions{MaxFiles: 100, MaxBytes: 1 << 20, Overwrite: true}
		result, err := extractZip(t, dir, opts, entriesOf(first)...)
		requireInside(t, dir, result)
		if err != nil {
			return
		}
		for _, name := range result.Links { // what leads nowhere now may lead somewhere later
			target, err := os.Readlink(filepath.Join(dir, name))
			require.NoError(t, err)
			os.MkdirAll(filepath.Join(dir, filepath.Dir(name), target), 0o755)
		}
		if again, _ := extractZip(t, dir, opts, entriesOf(second)...); len(again.Links) > 0 {
			requireLinksInside(t, dir)
		}
	})
}

func entriesOf(text string) (entries []testkit.ZipEntry) {
	for line := range strings.SplitSeq(text, "\n") {
		if len(entries) == 50 {
			break
		}
		kind, rest, _ := strings.Cut(line, " ")
		name, target, _ := strings.Cut(rest, " ")
		switch kind {
		case "l":
			entries = append(entries, linkTo(strings.TrimRight(name, "/"), target))
		case "d":
			entries = append(entries, testkit.ZipEntry{Name: name + "/"})
		default:
			if strings.HasSuffix(name, "/") {
				target = "" // a folder has no content
			}
			entries = append(entries, testkit.ZipEntry{Name: name, Content: target})
		}
	}
	return entries
}

func requireLinksInside(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type() == fs.ModeSymlink {
			real, err := filepath.EvalSymlinks(path)
			require.True(t, err != nil || real == dir || strings.HasPrefix(real, dir+string(filepath.Separator)), "%s: %s", path, real)
		}
		return err
	}))
}
