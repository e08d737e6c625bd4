package gitlabci_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// hostileArchives are archives that somebody made to do harm, and good ones.
func hostileArchives(t testing.TB) [][]byte {
	flag := func(bits uint16) func(*zip.FileHeader) { return func(h *zip.FileHeader) { h.Flags |= bits } }
	good := []archiveEntry{{name: "dir/"}, {name: "dir/a.txt", content: "deflated, deflated, deflated"}, {name: "b", content: "stored", store: true, mode: 0o755}}
	seeds := [][]byte{archiveOf(t, good...), []byte(emptyArchive), hugeEnd(1 << 62), hugeEnd(3), {}, []byte("<html>"), archiveOf(t, good[0])}
	for _, e := range []archiveEntry{
		{name: "../x"}, {name: "/x"}, {name: `C:\x`}, {name: "c:/x"}, {name: "a/../../x"}, {name: "b"}, {name: "B"}, {name: "b/c"}, {name: "dir"}, {name: "DIR/x"}, {name: ""}, {name: "/"}, {name: "."},
		{name: "\xff"}, {name: "a\x00"}, {name: "e\u0301"}, {name: strings.Repeat("d/", 300)},
		{name: "l", content: "../..", mode: fs.ModeSymlink | 0o777}, {name: "l/", mode: fs.ModeSymlink | 0o777}, {name: "d", mode: fs.ModeDevice | 0o666}, {name: "m", mode: fs.ModeDir | fs.ModeSetuid | 0o777, content: "x"},
		{name: "z", content: strings.Repeat("\x00", 1<<20)}, {name: "z", content: "x", lie: flag(1)}, {name: "z", content: "x", lie: flag(8)}, {name: "z", content: "x", lie: flag(1 << 11)},
		{name: "z", content: "x", lie: func(h *zip.FileHeader) { h.CRC32++ }}, {name: "z", content: "x", lie: func(h *zip.FileHeader) { h.Method = 99 }},
		{name: "z", content: "xx", lie: func(h *zip.FileHeader) { h.UncompressedSize64-- }}, {name: "z", content: "xx", lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 63 }},
		{name: "z", content: "xx", lie: func(h *zip.FileHeader) { h.CompressedSize64 = 1<<64 - 2 }}, {name: "z", content: "xx", lie: func(h *zip.FileHeader) { h.CompressedSize64 += 9 }},
	} {
		seeds = append(seeds, archiveOf(t, append(slices.Clone(good), e)...))
	}
	whole := seeds[0]
	seeds = append(seeds, whole[:len(whole)-1], whole[len(whole)/2:], append([]byte("#!/bin/sh\nexit\n"), whole...), append(bytes.Clone(whole), "junk"...))
	twice := bytes.Clone(whole) // the second member is where the first is
	entry := bytes.LastIndex(twice, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(twice[entry+42:], 0)
	return append(seeds, twice)
}

// archiveClient is a client of a server whose every answer is this archive.
func archiveClient(t testing.TB, data []byte) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(data)), Body: io.NopCloser(bytes.NewReader(data)), Request: req}, nil
	})))
	require.NoError(t, err)
	return client
}

// Whatever an archive has, it is a file system, and a file that can be read is
// what archive/zip reads.
func FuzzArchive(f *testing.F) {
	for _, data := range hostileArchives(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		archive, err := archiveClient(t, data).Artifacts.Archive(t.Context(), "7", gitlabci.JobID(9))
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

// Whatever an archive has, nothing is written outside of the directory, nothing
// but whole files and folders within, and all of it is listed.
func FuzzExtract(f *testing.F) {
	for _, data := range hostileArchives(f) {
		f.Add(data, "**")
		f.Add(data, "*")
	}
	f.Fuzz(func(t *testing.T, data []byte, pattern string) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "dir")
		opts := &gitlabci.ExtractOptions{Match: []string{pattern}, MaxFiles: 100, MaxBytes: 1 << 20}
		result, err := archiveClient(t, data).Artifacts.Extract(t.Context(), "7", gitlabci.JobID(9), dir, opts)
		if errors.Is(err, gitlabci.ErrUnsafeArchive) || errors.Is(err, gitlabci.ErrInvalid) {
			require.Empty(t, result.Files)
			require.NoDirExists(t, dir)
		}
		entries, problem := os.ReadDir(parent)
		require.NoError(t, problem)
		require.LessOrEqual(t, len(entries), 1)
		var found []string
		size := int64(0)
		require.NoError(t, filepath.WalkDir(parent, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			require.True(t, entry.Type().IsRegular(), path)
			info, err := entry.Info()
			require.NoError(t, err)
			require.Zero(t, info.Mode()&^0o755, "%s: %v", path, info.Mode())
			name, err := filepath.Rel(dir, path)
			found, size = append(found, filepath.ToSlash(name)), size+info.Size()
			return err
		}))
		slices.Sort(found)
		require.Equal(t, result.Files, found)
		require.Equal(t, result.Bytes, size)
	})
}
