package zipped_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	archiveJob   = gitlabci.JobID(7)
	archiveRoute = "GET /projects/:id/jobs/:job_id/artifacts"
)

// archiveServer has a job with this archive, the newest on main.
func archiveServer(data []byte, opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	addArchive(srv, archiveJob, data)
	return srv
}

func addArchive(srv *gitlabcitest.Server, id gitlabci.JobID, data []byte) {
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"}).AddJob(gitlabcitest.Job{
		ID: id, Name: "unit", Status: gitlabci.StatusSuccess, Archive: data,
	})
}

// variedFiles are files of all kinds.
var variedFiles = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"a/first": "1st", "report.txt": "all is well\n", "empty": "", "dir/a": strings.Repeat("a", 10_000), "dir/deep/er/b.txt": "b", "stored.bin": testkit.Noise(70_000),
		"big.bin": testkit.Noise(3 << 20), "é ü.txt": "umlauts", "bin/run": "#!/bin/sh\n",
	}
})

// variedArchive has files of all kinds, and is too large to come whole. Nobody may write
// to it: it is made once.
func variedArchive(t testing.TB) (data []byte, files map[string]string) {
	files = variedFiles()
	entries := []testkit.ZipEntry{{Name: "made/"}}
	for i, name := range testkit.SortedKeys(files) {
		mode := fs.FileMode(0o640)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o751
		}
		entries = append(entries, testkit.ZipEntry{Name: name, Content: files[name], Store: i%2 == 0, Mode: mode})
	}
	return madeOnce("varied", func() []byte { return testkit.Zip(t, entries...) }), maps.Clone(files)
}

// archiveDeliveries are the ways in which GitLab serves an archive.
func archiveDeliveries() map[string][]gitlabcitest.Option {
	storage := func(s gitlabcitest.Storage) []gitlabcitest.Option {
		return []gitlabcitest.Option{gitlabcitest.WithStorage(s)}
	}
	return map[string][]gitlabcitest.Option{
		"disk":                       nil,
		"disk, strong ETags":         {gitlabcitest.WithStrongETags()},
		"storage":                    storage(gitlabcitest.Storage{Strict: true}),
		"storage, no suffix ranges":  storage(gitlabcitest.Storage{Strict: true, NoSuffixRanges: true, NoHead: true}),
		"storage, no ranges":         storage(gitlabcitest.Storage{Strict: true, NoRanges: true}),
		"proxied":                    storage(gitlabcitest.Storage{Strict: true, Proxied: true}),
		"proxied, no suffix ranges":  storage(gitlabcitest.Storage{Strict: true, Proxied: true, NoSuffixRanges: true}),
		"proxied, no ranges at all":  storage(gitlabcitest.Storage{Strict: true, Proxied: true, NoRanges: true}),
		"storage, 1 second of trust": storage(gitlabcitest.Storage{Strict: true, Lifetime: time.Second}),
	}
}

func TestArchive(t *testing.T) {
	data, files := variedArchive(t)
	for name, opts := range archiveDeliveries() {
		sources := map[string]gitlabci.ArtifactSource{"job": archiveJob, "latest": testkit.Latest}
		if testkit.UnderRace() && name != "storage" {
			delete(sources, "latest")
		}
		for source, src := range sources {
			t.Run(name+"/"+source, func(t *testing.T) {
				t.Setenv("TMPDIR", t.TempDir())
				synctest.Test(t, func(t *testing.T) {
					srv := archiveServer(data, opts...)
					time.Sleep(time.Hour) // so that its date is one to be trusted
					archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", src, nil)
					require.NoError(t, err)
					require.Empty(t, archive.Skipped())
					time.Sleep(10 * time.Minute)
					requireArchive(t, archive, files)
					require.NoError(t, archive.Close())
					require.NoError(t, archive.Close(), "again")
					left, err := os.ReadDir(os.TempDir())
					require.NoError(t, err)
					require.Empty(t, left)
				})
			})
		}
	}
}

func requireArchive(t *testing.T, archive *gitlabci.Archive, files map[string]string) {
	t.Helper()
	folder, err := fs.Sub(archive, "dir") // bytes are read one by one: not all of them
	require.NoError(t, err)
	require.NoError(t, fstest.TestFS(folder, "a", "deep/er/b.txt"))
	for name, content := range files {
		got, err := fs.ReadFile(archive, name)
		require.NoError(t, err)
		require.True(t, content == string(got), name)
	}
	info, err := fs.Stat(archive, "bin/run")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o751), info.Mode())
	require.Equal(t, time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC), info.ModTime())
	info, err = fs.Stat(archive, "made")
	require.NoError(t, err)
	require.True(t, info.IsDir())
	info, err = fs.Stat(archive, "dir/deep")
	require.NoError(t, err)
	require.Equal(t, fs.ModeDir|0o555, info.Mode(), "a folder that is not listed")
}

// The requests, and how many they are.
func TestArchiveRequests(t *testing.T) {
	t.Parallel()
	data, _ := variedArchive(t)
	type request struct {
		route, part string
		status      int
	}
	asked := func(opts ...gitlabcitest.Option) (got []request) {
		srv := archiveServer(data, opts...)
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		defer archive.Close()
		for range 2 {
			_, err = archive.ReadFile("a/first")
			require.NoError(t, err)
		}
		for _, r := range srv.Requests() {
			got = append(got, request{r.Route, r.Header.Get("Range"), r.Status})
			require.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
			require.Equal(t, r.Route == gitlabcitest.StorageRoute, r.Header.Get("Private-Token") == "")
		}
		return got
	}
	const suffix = "bytes=-262144"
	explicit := fmt.Sprintf("bytes=%d-%d", len(data)-262144, len(data)-1)
	member := fmt.Sprintf("bytes=%d-", bytes.Index(data, []byte("a/first"))-30)
	got := asked(gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true}))
	require.Equal(t, []request{{archiveRoute, suffix, 302}, {gitlabcitest.StorageRoute, suffix, 206}}, got[:2])
	require.Len(t, got, 3, "the second time it is held")
	require.Equal(t, gitlabcitest.StorageRoute, got[2].route)
	require.Contains(t, got[2].part, member)

	got = asked(gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, NoSuffixRanges: true}))
	require.Equal(t, []request{{archiveRoute, suffix, 302}, {gitlabcitest.StorageRoute, suffix, 200}, {gitlabcitest.StorageRoute, explicit, 206}}, got[:3])
	require.Len(t, got, 4)

	got = asked(gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, Proxied: true, NoRanges: true}))
	require.Equal(t, []request{{archiveRoute, suffix, 200}, {archiveRoute, explicit, 200}, {archiveRoute, "", 200}}, got)
}

func TestSmallArchiveComesWhole(t *testing.T) {
	data := testkit.Zip(t, testkit.ZipEntry{Name: "a", Content: "A"}, testkit.ZipEntry{Name: "b", Content: "B"})
	for name, opts := range archiveDeliveries() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := archiveServer(data, opts...)
				archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
				require.NoError(t, err)
				defer archive.Close()
				requests := len(srv.Requests())
				require.LessOrEqual(t, requests, 2)
				got, err := archive.ReadFile("b")
				require.NoError(t, err)
				require.Equal(t, "B", string(got))
				require.Len(t, srv.Requests(), requests)
			})
		})
	}
}

func TestArchiveNames(t *testing.T) {
	data := testkit.Zip(t,
		testkit.ZipEntry{Name: "../up"}, testkit.ZipEntry{Name: "/abs"}, testkit.ZipEntry{Name: `back\slash`}, testkit.ZipEntry{Name: "a/../b"}, testkit.ZipEntry{Name: ""},
		testkit.ZipEntry{Name: "twice", Content: "first"}, testkit.ZipEntry{Name: "twice", Content: "second"}, testkit.ZipEntry{Name: "bad\xffname"}, testkit.ZipEntry{Name: "./x"},
		testkit.ZipEntry{Name: "dir/"}, testkit.ZipEntry{Name: "dir/"}, testkit.ZipEntry{Name: "dir"}, testkit.ZipEntry{Name: "twice/below"}, testkit.ZipEntry{Name: "A"}, testkit.ZipEntry{Name: "a/x"},
		testkit.ZipEntry{Name: "link", Content: "/etc/passwd", Mode: fs.ModeSymlink | 0o777}, testkit.ZipEntry{Name: "null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, testkit.ZipEntry{Name: "/"}, testkit.ZipEntry{Name: "."},
	)
	archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	require.Equal(t, []string{"../up", "/abs", `back\slash`, "a/../b", "", "twice", "bad\xffname", "./x", "dir/", "dir", "twice/below", "/", "."}, archive.Skipped())
	require.NoError(t, fstest.TestFS(archive, "twice", "A", "a/x", "link", "null"))
	got, err := archive.ReadFile("twice")
	require.NoError(t, err)
	require.Equal(t, "first", string(got))
	got, err = archive.ReadFile("link")
	require.NoError(t, err)
	require.Equal(t, "/etc/passwd", string(got), "what the archive has, not what it leads to")
	info, err := archive.Stat("link")
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())
	for name, want := range map[string]error{"../up": fs.ErrInvalid, "/abs": fs.ErrInvalid, "none": fs.ErrNotExist, "twice/below": fs.ErrNotExist} {
		_, err := archive.Open(name)
		require.ErrorIs(t, err, want)
		_, err = archive.Stat(name)
		require.ErrorIs(t, err, want)
		_, err = archive.ReadDir(name)
		require.ErrorIs(t, err, want)
		_, err = archive.ReadFile(name)
		require.ErrorIs(t, err, want)
	}
	_, err = archive.ReadDir("twice")
	require.EqualError(t, err, "readdir twice: it is a file")
	_, err = archive.ReadFile("dir")
	require.EqualError(t, err, "read dir: it is a folder")
}

// Members that cannot be what they say.
func TestArchiveMembersThatLie(t *testing.T) {
	const text = "this is what the file really has in it, over and over and over again"
	tests := map[string]struct {
		entry testkit.ZipEntry
		want  error
		text  string
	}{
		"encrypted":                 {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.Flags |= 1 }}, errors.ErrUnsupported, "it is encrypted"},
		"an unknown method":         {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.Method = 99 }}, zip.ErrAlgorithm, "method 99"},
		"another checksum":          {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.CRC32++ }}, zip.ErrChecksum, "checksum"},
		"no checksum":               {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.CRC32 = 0 }}, zip.ErrChecksum, "checksum"},
		"more than there is":        {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 70 }}, io.ErrUnexpectedEOF, "the directory states 70"},
		"less than there is":        {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 67 }}, zip.ErrFormat, "more than the 67 bytes"},
		"a bomb":                    {testkit.ZipEntry{Content: strings.Repeat("0", 1<<20), Lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 9 }}, zip.ErrFormat, "more than the 9 bytes"},
		"stored and smaller":        {testkit.ZipEntry{Store: true, Lie: func(h *zip.FileHeader) { h.CompressedSize64-- }}, zip.ErrFormat, "size of 68, 67 compressed"},
		"beyond the end":            {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.CompressedSize64 = 1 << 40 }}, zip.ErrFormat, "overlaps"},
		"over the one behind":       {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.CompressedSize64 += 20 }}, zip.ErrFormat, "overlaps"},
		"no room for the name":      {testkit.ZipEntry{Content: "1234567", Store: true, Lie: func(h *zip.FileHeader) { h.CompressedSize64, h.UncompressedSize64 = 8, 8 }}, zip.ErrFormat, "overlaps"},
		"a size that no file has":   {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 1<<64 - 2 }}, zip.ErrFormat, "size of"},
		"cut off within":            {testkit.ZipEntry{Lie: func(h *zip.FileHeader) { h.CompressedSize64 -= 10 }}, io.ErrUnexpectedEOF, "unexpected EOF"},
		"not deflated, though told": {testkit.ZipEntry{Store: true, Lie: func(h *zip.FileHeader) { h.Method = zip.Deflate }}, nil, "corrupt input"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.entry.Name = "f"
			if test.entry.Content == "" {
				test.entry.Content = text
			}
			data := testkit.Zip(t, test.entry, testkit.ZipEntry{Name: "after", Content: "still good"})
			archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
			require.NoError(t, err)
			defer archive.Close()
			got, err := archive.ReadFile("f")
			require.ErrorContains(t, err, test.text)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			var where *fs.PathError
			require.ErrorAs(t, err, &where)
			require.Equal(t, "f", where.Path)
			require.LessOrEqual(t, len(got), 1<<20)
			got, err = archive.ReadFile("after")
			require.NoError(t, err)
			require.Equal(t, "still good", string(got))
		})
	}
}

func TestArchiveThatIsNone(t *testing.T) {
	good := testkit.Zip(t, testkit.ZipEntry{Name: "a", Content: "A"}, testkit.ZipEntry{Name: "b", Content: testkit.Noise(2 << 20)})
	zip64 := bytes.Clone(hugeEnd(1 << 62))
	tests := map[string]struct {
		data []byte
		text string
	}{
		"text":                    {[]byte("<html>Sign in</html>"), "artifacts.zip: zip: not a valid zip file"},
		"large":                   {[]byte(testkit.Noise(2 << 20)), "artifacts.zip: zip: not a valid zip file"},
		"cut off":                 {good[:len(good)-1], "artifacts.zip: zip: not a valid zip file"},
		"the end missing":         {good[:len(good)/2], "artifacts.zip: zip: not a valid zip file"},
		"the directory truncated": {append(bytes.Clone(good[:len(good)-22-30]), good[len(good)-22:]...), "artifacts.zip: zip: not a valid zip file"},
		"entries without number":  {zip64, "artifacts.zip: it announces more than 524288 entries"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := archiveServer(test.data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
			require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: "+test.text)
		})
	}
	for name, opts := range archiveDeliveries() {
		t.Run("empty/"+name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			synctest.Test(t, func(t *testing.T) { // where a URL that is trusted for a second does not expire on a busy machine
				_, err := archiveServer([]byte{}, opts...).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
				require.ErrorIs(t, err, zip.ErrFormat)
			})
			left, err := os.ReadDir(os.TempDir())
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// hugeEnd is an archive of nothing that announces entries.
func hugeEnd(entries uint64) []byte {
	data := make([]byte, 56+20+22)
	copy(data, "PK\x06\x06")
	binary.LittleEndian.PutUint64(data[24:], entries)
	binary.LittleEndian.PutUint64(data[32:], entries)
	copy(data[56:], "PK\x06\x07")
	binary.LittleEndian.PutUint32(data[56+16:], 1)
	copy(data[76:], "PK\x05\x06")
	binary.LittleEndian.PutUint16(data[76+10:], 0xffff)
	return data
}

func TestArchiveRefusesBadInput(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	for name, src := range map[string]gitlabci.ArtifactSource{"no source": nil, "no job": gitlabci.JobID(0), "no name": gitlabci.LatestArtifacts{Ref: "main"}} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Client(t).Artifacts.Archive(t.Context(), "group/app", src, nil)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
		})
	}
	require.Empty(t, s.Received())
}

func TestArchiveErrors(t *testing.T) {
	srv := gitlabcitest.NewServer()
	_, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	page := testkit.NewScript(testkit.Respond(http.StatusOK, "<html>", "Content-Type", "text/html; charset=utf-8"))
	_, err = page.Client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.EqualError(t, err, `gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: the response has content type "text/html; charset=utf-8": this is a page`)
	packed := testkit.NewScript(testkit.Respond(http.StatusOK, "x", "Content-Type", "application/zip", "Content-Encoding", "gzip"))
	_, err = packed.Client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.ErrorContains(t, err, `compressed by "gzip" on its way`)
	nothing := testkit.NewScript(testkit.Respond(http.StatusNoContent, "", "Content-Type", "application/zip"))
	_, err = nothing.Client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.ErrorContains(t, err, "204 No Content is neither the archive nor a part of it")
}

func TestArchiveIsReadByMany(t *testing.T) {
	t.Parallel()
	data, files := variedArchive(t)
	for _, name := range []string{"disk", "storage", "storage, no ranges"} {
		archive, err := archiveServer(data, archiveDeliveries()[name]...).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		shared, err := archive.Open("big.bin")
		require.NoError(t, err)
		var group sync.WaitGroup
		var total sync.Map
		for reader := range 4 {
			group.Go(func() {
				for file, content := range files {
					got, err := archive.ReadFile(file)
					if err != nil || content != string(got) {
						t.Errorf("%s: %v", file, err)
					}
				}
				n, err := io.Copy(io.Discard, shared)
				total.Store(reader, n)
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		sum := int64(0)
		for _, n := range total.Range {
			sum += n.(int64)
		}
		require.EqualValues(t, len(files["big.bin"]), sum)
		require.NoError(t, shared.Close())
		require.ErrorIs(t, shared.Close(), fs.ErrClosed)
		_, err = shared.Read(make([]byte, 1))
		require.ErrorIs(t, err, fs.ErrClosed)
		_, err = shared.Stat()
		require.ErrorIs(t, err, fs.ErrClosed)
		require.NoError(t, archive.Close())
	}
}

// After Close, and after the context, nothing can be read, and nothing is left
// behind: the bubble sees to that.
func TestArchiveEnds(t *testing.T) {
	t.Parallel()
	data, _ := variedArchive(t)
	for _, delivery := range []string{"disk", "storage", "storage, no ranges"} {
		for _, byClose := range []bool{true, false} {
			t.Run(fmt.Sprint(delivery, byClose), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := archiveServer(data, archiveDeliveries()[delivery]...)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					archive, err := srv.Client().Artifacts.Archive(ctx, "group/app", archiveJob, nil)
					require.NoError(t, err)
					file, err := archive.Open("big.bin")
					require.NoError(t, err)
					_, err = io.ReadFull(file, make([]byte, 100_000))
					require.NoError(t, err)
					want := context.Canceled
					if byClose {
						require.NoError(t, archive.Close())
						want = fs.ErrClosed
					}
					cancel()
					_, err = io.Copy(io.Discard, file)
					require.ErrorIs(t, err, want)
					_, err = archive.Open("report.txt")
					require.ErrorIs(t, err, want)
					_, err = archive.Stat("report.txt")
					require.ErrorIs(t, err, want)
					require.NoError(t, archive.Close())
				})
			})
		}
	}
}

// Close does not wait for a server that says nothing.
func TestArchiveClosedWhileItIsRead(t *testing.T) {
	t.Parallel()
	data, _ := variedArchive(t)
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data)
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		srv.Fault(gitlabcitest.Fault{Route: archiveRoute, Break: gitlabcitest.BreakStall, After: 1000})
		done := make(chan error)
		go func() {
			_, err := archive.ReadFile("big.bin")
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		go archive.Close()
		require.ErrorIs(t, <-done, fs.ErrClosed)
		require.Zero(t, time.Since(start))
		synctest.Wait()
	})
}

// A program that forbids insecure paths to archive/zip has none refused here
// that are left out anyway.
func TestArchiveNamesUnderGODEBUG(t *testing.T) {
	t.Setenv("GODEBUG", "zipinsecurepath=0")
	data := testkit.Zip(t, testkit.ZipEntry{Name: "../up"}, testkit.ZipEntry{Name: "a", Content: "A"})
	archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	require.Equal(t, []string{"../up"}, archive.Skipped())
}
