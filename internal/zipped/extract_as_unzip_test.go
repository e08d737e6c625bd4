package zipped_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// Names begin with "./" in many archives, and the folder itself is among them.
func TestExtractDropsTheDot(t *testing.T) {
	dir := t.TempDir()
	result, err := extractZip(t, dir, nil, testkit.ZipEntry{Name: "./", Mode: 0o700 | fs.ModeDir}, testkit.ZipEntry{Name: "./a/"}, testkit.ZipEntry{Name: "./a/x", Content: "1"}, testkit.ZipEntry{Name: "././b", Content: "2"}, linkTo("./l", "b"))
	require.NoError(t, err)
	require.Equal(t, &gitlabci.ExtractResult{Files: []string{"a/x", "b"}, Links: []string{"l"}, Bytes: 2}, result)
	require.Equal(t, map[string]string{"a/x": "1", "b": "2", "l": "2"}, extracted(t, dir))
}

// Some writers list a file twice. If it is the same, it is one.
func TestExtractOfTwoThatAreOne(t *testing.T) {
	dir := t.TempDir()
	same := []testkit.ZipEntry{{Name: "a/x", Content: "same"}, linkTo("l", "a"), {Name: "./a/x", Content: "same", Store: true}, linkTo("l", "a"), {Name: "a/"}, {Name: "a/"}}
	result, err := extractZip(t, dir, &gitlabci.ExtractOptions{MaxFiles: 3, MaxBytes: 5}, same...)
	require.NoError(t, err)
	require.Equal(t, &gitlabci.ExtractResult{Files: []string{"a/x"}, Links: []string{"l"}, Bytes: 4}, result)
	for _, other := range []testkit.ZipEntry{{Name: "a/x", Content: "mesa"}, {Name: "a/x", Content: "same, but longer"}, linkTo("a/x", "same"), {Name: "l", Content: "a"}} {
		_, err := extractZip(t, t.TempDir(), nil, append(same, other)...)
		require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive)
		require.ErrorContains(t, err, `"`+other.Name+`": it is there twice`)
	}
}

func TestExtractExclude(t *testing.T) {
	entries := []testkit.ZipEntry{{Name: "../up"}, {Name: "a/x.map"}, {Name: "a/x.js"}, {Name: "a/b/"}, {Name: "a/b/y.map"}, {Name: "c/node/z.js"}, {Name: "node/d/e"}, linkTo("out", "/")}
	for name, test := range map[string]struct{ match, exclude, want []string }{
		"a kind":           {[]string{"a"}, []string{"**/*.map"}, []string{"a/b/", "a/x.js"}},
		"folders":          {nil, []string{"..", "**/node", "out"}, []string{"a/b/y.map", "a/x.js", "a/x.map"}},
		"a folder":         {nil, []string{"../", "./a/", "out"}, []string{"c/node/z.js", "node/d/e"}},
		"one, not below":   {[]string{"node", "c"}, []string{"node/*"}, []string{"c/node/z.js", "node/d/e"}},
		"everything but":   {[]string{"a/*"}, []string{"a/b"}, []string{"a/x.js", "a/x.map"}},
		"what is in it":    {[]string{"a/b"}, []string{"a/b/**/*.map"}, []string{"a/b/"}},
		"all, then nearly": {[]string{"."}, []string{"?*/?p", "out", "[a-c]/"}, []string{"node/d/e"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := extractZip(t, dir, &gitlabci.ExtractOptions{Match: test.match, Exclude: test.exclude}, entries...)
			require.NoError(t, err)
			require.Equal(t, test.want, testkit.SortedKeys(extracted(t, dir)))
		})
	}
	for _, opts := range []gitlabci.ExtractOptions{{Exclude: []string{"**"}}, {Match: []string{"a"}, Exclude: []string{"a"}}} {
		dir := filepath.Join(t.TempDir(), "new")
		_, err := extractZip(t, dir, &opts, entries...)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoDirExists(t, dir)
	}
}

// made is an archive with one entry, whose header and directory say so of its time.
func made(t *testing.T, name string, date, clock uint16, extra ...byte) []byte {
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	h := &zip.FileHeader{Name: name, Extra: extra, CreatorVersion: 3 << 8, ExternalAttrs: 0o100644 << 16}
	//lint:ignore SA1019 the time without a zone is what is tested
	h.ModifiedDate, h.ModifiedTime = date, clock
	_, err := w.CreateRaw(h)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return data.Bytes()
}

// These tests, and the programs that they run, are three hours east of Greenwich, where a
// local time is not that of UTC. The zone never changes: servers of earlier tests, which
// nothing waits for, still read it.
func init() { time.Local = time.FixedZone("", 3*3600) }

func TestExtractTimes(t *testing.T) {
	seconds := func(at int64) []byte { return binary.LittleEndian.AppendUint32([]byte("UT\x05\x00\x01"), uint32(at)) }
	const date, clock = 44<<9 | 5<<5 | 6, 7<<11 | 8<<5 | 5
	utc := func(year int, rest ...int) time.Time {
		return time.Date(year, time.Month(rest[0]), rest[1], rest[2], rest[3], rest[4], 0, time.UTC)
	}
	for name, test := range map[string]struct {
		date, clock uint16
		extra       []byte
		want        time.Time
	}{
		"local":          {date, clock, nil, utc(2024, 5, 6, 4, 8, 10)},
		"with a zone":    {date, clock, seconds(utc(2024, 5, 6, 7, 8, 9).Unix()), utc(2024, 5, 6, 7, 8, 9)},
		"before 1980":    {1<<5 | 1, 0, seconds(utc(1975, 1, 2, 3, 4, 5).Unix()), utc(1975, 1, 2, 3, 4, 5)},
		"before 1970":    {1<<5 | 1, 0, seconds(utc(1960, 1, 2, 3, 4, 5).Unix()), utc(1960, 1, 2, 3, 4, 5)},
		"after 2038":     {60<<9 | 1<<5 | 1, 0, seconds(utc(2040, 1, 1, 0, 0, 0).Unix()), utc(2040, 1, 1, 0, 0, 0)},
		"at its highest": {0, 0, seconds(math.MaxInt32), time.Unix(math.MaxInt32, 0)},
		"none":           {0, 0, nil, time.Time{}},
	} {
		if math.MaxInt == math.MaxInt32 && test.want.Unix() > math.MaxInt32 {
			continue // the file systems' calls of such systems end in 2038
		}
		for _, entry := range []string{"it", "it/"} {
			data := made(t, entry, test.date, test.clock, test.extra...)
			dir := t.TempDir()
			before := time.Now().Add(-time.Minute)
			_, err := gitlabci.ExtractZip(t.Context(), bytes.NewReader(data), int64(len(data)), dir, nil)
			require.NoError(t, err)
			info, err := os.Stat(filepath.Join(dir, "it"))
			require.NoError(t, err)
			if test.want.IsZero() {
				require.True(t, info.ModTime().After(before), "the present")
				continue
			}
			require.True(t, test.want.Equal(info.ModTime()), "%s: %v", name, info.ModTime().UTC())
		}
	}
}

// Folders are as in the archive, though files and links are written into them; those
// that were there before stay as they are.
func TestExtractFolders(t *testing.T) {
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "there"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(dir, "there"), 0o731))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "there"), old, old))
	entries := []testkit.ZipEntry{
		{Name: "closed/in/x", Content: "1"}, {Name: "closed/", Mode: fs.ModeDir}, {Name: "closed/in/", Mode: fs.ModeDir | 0o300},
		{Name: "wide/", Mode: fs.ModeDir | fs.ModeSetgid | fs.ModeSticky | 0o777}, linkTo("wide/l", "x"), {Name: "there/", Mode: fs.ModeDir | 0o755},
	}
	_, err := extractZip(t, dir, nil, entries...)
	require.NoError(t, err)
	got := map[string]fs.FileMode{}
	for _, name := range []string{"closed", "there", "wide", "closed/in"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		got[name] = info.Mode()
		want := time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC)
		if name == "there" {
			want = old
		}
		require.True(t, want.Equal(info.ModTime()), name)
		if name == "closed" {
			require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o700))
		}
	}
	require.Equal(t, map[string]fs.FileMode{"closed": fs.ModeDir, "closed/in": fs.ModeDir | 0o300, "there": fs.ModeDir | 0o731, "wide": fs.ModeDir | 0o755}, got)
	require.NoError(t, os.Chmod(filepath.Join(dir, "closed/in"), 0o700))
}

// A mode that no writer has set is none.
func TestExtractWithoutModes(t *testing.T) {
	for _, system := range []uint16{0, 3, 7, 10, 11, 14, 19} {
		var data bytes.Buffer
		w := zip.NewWriter(&data)
		for _, name := range []string{"file", "folder/"} {
			_, err := w.CreateRaw(&zip.FileHeader{Name: name, CreatorVersion: system << 8})
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		dir := t.TempDir()
		_, err := gitlabci.ExtractZip(t.Context(), bytes.NewReader(data.Bytes()), int64(data.Len()), dir, nil)
		require.NoError(t, err)
		for name, want := range map[string]fs.FileMode{"file": 0o644, "folder": fs.ModeDir | 0o755} {
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, want, info.Mode()|want&0o055, "less what this process withholds")
		}
	}
}

func TestExtractZipRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for name, test := range map[string]struct {
		r    io.ReaderAt
		size int64
		dir  string
		opts *gitlabci.ExtractOptions
		want error
	}{
		"nothing":      {nil, 5, dir, nil, gitlabci.ErrInvalid},
		"a size":       {bytes.NewReader(nil), -1, dir, nil, gitlabci.ErrInvalid},
		"no directory": {bytes.NewReader(nil), 0, "", nil, gitlabci.ErrInvalid},
		"options":      {bytes.NewReader(nil), 0, dir, &gitlabci.ExtractOptions{Concurrency: -1}, gitlabci.ErrInvalid},
		"empty":        {bytes.NewReader(nil), 0, dir, nil, zip.ErrFormat},
		"too short":    {bytes.NewReader(nil), 1000, dir, nil, zip.ErrFormat},
		"no zip":       {bytes.NewReader(make([]byte, 1000)), 1000, dir, nil, zip.ErrFormat},
		"broken":       {brokenReader{}, 1000, dir, nil, errBroken},
	} {
		result, err := gitlabci.ExtractZip(t.Context(), test.r, test.size, test.dir, test.opts)
		require.ErrorIs(t, err, test.want, name)
		require.Regexp(t, "^gitlabci: ExtractZip: ", err.Error())
		require.Equal(t, &gitlabci.ExtractResult{}, result)
		require.NoDirExists(t, dir)
	}
}

var errBroken = errors.New("broken")

type brokenReader struct{}

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

// A context that ends ends the decoding of a large directory, too.
func TestExtractCanceledInTheDirectory(t *testing.T) {
	entries := make([]testkit.ZipEntry, 3000)
	for i := range entries {
		entries[i].Name = filepath.ToSlash(filepath.Join("d", string(rune('a'+i%26)), string(rune('a'+i/26%26)), string(rune('a'+i/676))))
	}
	data := testkit.Zip(t, entries...)
	for after := range 6 { // three times in the directory, three times in the plan
		ctx := &expiring{Context: t.Context(), left: after}
		dir := filepath.Join(t.TempDir(), "new")
		_, err := gitlabci.ExtractZip(ctx, bytes.NewReader(data), int64(len(data)), dir, nil)
		require.ErrorIs(t, err, context.Canceled)
		require.NoDirExists(t, dir)
	}
}

// An expiring context is canceled once it was asked so often.
type expiring struct {
	context.Context
	left int
	at   atomic.Int64
}

func (e *expiring) Err() error {
	if int(e.at.Add(1)) > e.left {
		return context.Canceled
	}
	return nil
}

// A server that sends only the whole archive cannot fill the disk.
func TestExtractCopiesNoMoreThanItMay(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var sent atomic.Int64
	client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/zip"}}, ContentLength: -1, TransferEncoding: []string{"chunked"}, Body: &endless{&sent}, Request: r}, nil
	})))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "new")
	result, err := client.Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{MaxBytes: 1 << 20})
	require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive)
	require.ErrorContains(t, err, "unsafe: more than 34603008 bytes, and the server does not send parts of it")
	require.Less(t, sent.Load(), int64(40<<20))
	require.Equal(t, &gitlabci.ExtractResult{}, result)
	require.NoDirExists(t, dir)

	data, _ := bigArchive(t)
	srv := archiveServer(append(make([]byte, 33<<20), data...), gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, NoRanges: true}))
	_, err = srv.Client().Artifacts.Extract(t.Context(), "group/app", archiveJob, dir, &gitlabci.ExtractOptions{Match: []string{"none"}, MaxBytes: 1})
	require.ErrorIs(t, err, gitlabci.ErrUnsafeArchive, "its size is announced")
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

// An endless body.
type endless struct{ sent *atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	copy(p, "PK\x03\x04")
	e.sent.Add(int64(len(p)))
	return len(p), nil
}

func (e *endless) Close() error { return nil }
