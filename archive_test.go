package gitlabci_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
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
)

const (
	archiveJob   = gitlabci.JobID(7)
	archiveRoute = "GET /projects/:id/jobs/:job_id/artifacts"
)

// emptyArchive has no files.
var emptyArchive = "PK\x05\x06" + strings.Repeat("\x00", 18)

// archiveTime is in an archive 2024-05-06 07:08:10 UTC.
var archiveTime = binary.LittleEndian.AppendUint32(nil, 1714979290)

// An archiveEntry is a member of an archive that a test makes, and what is
// changed in its entry of the directory afterwards.
type archiveEntry struct {
	name    string
	content string
	mode    fs.FileMode // 0 is 0o644
	store   bool
	lie     func(*zip.FileHeader)
}

// archiveOf makes an archive, whatever it is that is asked for.
func archiveOf(t testing.TB, entries ...archiveEntry) []byte {
	t.Helper()
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	var lies []*zip.FileHeader
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Store, Extra: append([]byte("UT\x05\x00\x01"), archiveTime...)}
		if e.mode == 0 {
			e.mode = 0o644
		}
		h.SetMode(e.mode)
		packed := []byte(e.content)
		if !e.store && e.content != "" {
			h.Method = zip.Deflate
			packed = deflated(t, e.content)
		}
		h.CRC32, h.UncompressedSize64, h.CompressedSize64 = crc32.ChecksumIEEE([]byte(e.content)), uint64(len(e.content)), uint64(len(packed))
		file, err := w.CreateRaw(h)
		require.NoError(t, err)
		_, err = file.Write(packed)
		require.NoError(t, err)
		if e.lie != nil {
			e.lie(h)
			lies = append(lies, h)
		}
	}
	require.NoError(t, w.Close())
	for _, h := range lies {
		lieOfSizes(data.Bytes(), h)
	}
	return data.Bytes()
}

// lieOfSizes puts a member's sizes into the directory, unless they are too
// large: then archive/zip has put them elsewhere.
func lieOfSizes(data []byte, h *zip.FileHeader) {
	if max(h.CompressedSize64, h.UncompressedSize64) >= 1<<32-1 {
		return
	}
	const fixed = 46
	entry := data[bytes.LastIndex(data, []byte(h.Name+string(h.Extra)))-fixed:]
	binary.LittleEndian.PutUint32(entry[20:], uint32(h.CompressedSize64))
	binary.LittleEndian.PutUint32(entry[24:], uint32(h.UncompressedSize64))
}

func deflated(t testing.TB, content string) []byte {
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	file, err := w.Create("x")
	require.NoError(t, err)
	_, err = io.WriteString(file, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	r, err := zip.NewReader(bytes.NewReader(data.Bytes()), int64(data.Len()))
	require.NoError(t, err)
	raw, err := r.File[0].OpenRaw()
	require.NoError(t, err)
	packed, err := io.ReadAll(raw)
	require.NoError(t, err)
	return packed
}

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

// variedArchive has files of all kinds, and is too large to come whole.
func variedArchive(t testing.TB) (data []byte, files map[string]string) {
	files = map[string]string{
		"a/first": "1st", "report.txt": "all is well\n", "empty": "", "dir/a": strings.Repeat("a", 10_000), "dir/deep/er/b.txt": "b", "stored.bin": downloadNoise(70_000),
		"big.bin": downloadNoise(3 << 20), "é ü.txt": "umlauts", "bin/run": "#!/bin/sh\n",
	}
	entries := []archiveEntry{{name: "made/"}}
	for i, name := range sortedKeys(files) {
		mode := fs.FileMode(0o640)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o751
		}
		entries = append(entries, archiveEntry{name: name, content: files[name], store: i%2 == 0, mode: mode})
	}
	return archiveOf(t, entries...), files
}

// archiveDeliveries are the ways in which GitLab serves an archive.
func archiveDeliveries() map[string][]gitlabcitest.Option {
	storage := func(s gitlabcitest.Storage) []gitlabcitest.Option {
		return []gitlabcitest.Option{gitlabcitest.WithStorage(s)}
	}
	return map[string][]gitlabcitest.Option{
		"disk":                       nil,
		"disk, strong ETags":         {gitlabcitest.WithStrongETags()},
		"storage":                    storage(gitlabcitest.Storage{}),
		"storage, no suffix ranges":  storage(gitlabcitest.Storage{NoSuffixRanges: true, NoHead: true}),
		"storage, no ranges":         storage(gitlabcitest.Storage{NoRanges: true}),
		"proxied":                    storage(gitlabcitest.Storage{Proxied: true}),
		"proxied, no suffix ranges":  storage(gitlabcitest.Storage{Proxied: true, NoSuffixRanges: true}),
		"proxied, no ranges at all":  storage(gitlabcitest.Storage{Proxied: true, NoRanges: true}),
		"storage, 1 second of trust": storage(gitlabcitest.Storage{Lifetime: time.Second}),
	}
}

func TestArchive(t *testing.T) {
	data, files := variedArchive(t)
	for name, opts := range archiveDeliveries() {
		for source, src := range map[string]gitlabci.ArtifactSource{"job": archiveJob, "latest": artifactsLatest} {
			t.Run(name+"/"+source, func(t *testing.T) {
				t.Setenv("TMPDIR", t.TempDir())
				synctest.Test(t, func(t *testing.T) {
					srv := archiveServer(data, opts...)
					time.Sleep(time.Hour) // so that its date is one to be trusted
					archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", src)
					require.NoError(t, err)
					require.Empty(t, archive.Skipped)
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

// What is asked for, by which way, and how often.
func TestArchiveRequests(t *testing.T) {
	t.Parallel()
	data, _ := variedArchive(t)
	type request struct {
		route, part string
		status      int
	}
	asked := func(opts ...gitlabcitest.Option) (got []request) {
		srv := archiveServer(data, opts...)
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
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
	const suffix = "bytes=-1572864"
	explicit := fmt.Sprintf("bytes=%d-%d", len(data)-1572864, len(data)-1)
	member := fmt.Sprintf("bytes=%d-", bytes.Index(data, []byte("a/first"))-30)
	got := asked(gitlabcitest.WithStorage(gitlabcitest.Storage{}))
	require.Equal(t, []request{{archiveRoute, suffix, 302}, {gitlabcitest.StorageRoute, suffix, 206}}, got[:2])
	require.Len(t, got, 3, "the second time it is held")
	require.Equal(t, gitlabcitest.StorageRoute, got[2].route)
	require.Contains(t, got[2].part, member)

	got = asked(gitlabcitest.WithStorage(gitlabcitest.Storage{NoSuffixRanges: true}))
	require.Equal(t, []request{{archiveRoute, suffix, 302}, {gitlabcitest.StorageRoute, suffix, 200}, {gitlabcitest.StorageRoute, explicit, 206}}, got[:3])
	require.Len(t, got, 4)

	got = asked(gitlabcitest.WithStorage(gitlabcitest.Storage{Proxied: true, NoRanges: true}))
	require.Equal(t, []request{{archiveRoute, suffix, 200}, {archiveRoute, explicit, 200}, {archiveRoute, "", 200}}, got)
}

func TestSmallArchiveComesWhole(t *testing.T) {
	data := archiveOf(t, archiveEntry{name: "a", content: "A"}, archiveEntry{name: "b", content: "B"})
	for name, opts := range archiveDeliveries() {
		t.Run(name, func(t *testing.T) {
			srv := archiveServer(data, opts...)
			archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
			require.NoError(t, err)
			defer archive.Close()
			requests := len(srv.Requests())
			require.LessOrEqual(t, requests, 2)
			got, err := archive.ReadFile("b")
			require.NoError(t, err)
			require.Equal(t, "B", string(got))
			require.Len(t, srv.Requests(), requests)
		})
	}
}

func TestArchiveNames(t *testing.T) {
	data := archiveOf(t,
		archiveEntry{name: "../up"}, archiveEntry{name: "/abs"}, archiveEntry{name: `back\slash`}, archiveEntry{name: "a/../b"}, archiveEntry{name: ""},
		archiveEntry{name: "twice", content: "first"}, archiveEntry{name: "twice", content: "second"}, archiveEntry{name: "bad\xffname"}, archiveEntry{name: "./x"},
		archiveEntry{name: "dir/"}, archiveEntry{name: "dir/"}, archiveEntry{name: "dir"}, archiveEntry{name: "twice/below"}, archiveEntry{name: "A"}, archiveEntry{name: "a/x"},
		archiveEntry{name: "link", content: "/etc/passwd", mode: fs.ModeSymlink | 0o777}, archiveEntry{name: "null", mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, archiveEntry{name: "/"}, archiveEntry{name: "."},
	)
	archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
	require.NoError(t, err)
	defer archive.Close()
	require.Equal(t, []string{"../up", "/abs", `back\slash`, "a/../b", "", "twice", "bad\xffname", "./x", "dir/", "dir", "twice/below", "/", "."}, archive.Skipped)
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
		entry archiveEntry
		want  error
		text  string
	}{
		"encrypted":                 {archiveEntry{lie: func(h *zip.FileHeader) { h.Flags |= 1 }}, errors.ErrUnsupported, "it is encrypted"},
		"an unknown method":         {archiveEntry{lie: func(h *zip.FileHeader) { h.Method = 99 }}, zip.ErrAlgorithm, "method 99"},
		"another checksum":          {archiveEntry{lie: func(h *zip.FileHeader) { h.CRC32++ }}, zip.ErrChecksum, "checksum"},
		"no checksum":               {archiveEntry{lie: func(h *zip.FileHeader) { h.CRC32 = 0 }}, zip.ErrChecksum, "checksum"},
		"more than there is":        {archiveEntry{lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 70 }}, io.ErrUnexpectedEOF, "the directory tells 70"},
		"less than there is":        {archiveEntry{lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 67 }}, zip.ErrFormat, "more than the 67 bytes"},
		"a bomb":                    {archiveEntry{content: strings.Repeat("0", 1<<20), lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 9 }}, zip.ErrFormat, "more than the 9 bytes"},
		"stored and smaller":        {archiveEntry{store: true, lie: func(h *zip.FileHeader) { h.CompressedSize64-- }}, zip.ErrFormat, "size of 68, 67 compressed"},
		"beyond the end":            {archiveEntry{lie: func(h *zip.FileHeader) { h.CompressedSize64 = 1 << 40 }}, zip.ErrFormat, "overlaps"},
		"over the one behind":       {archiveEntry{lie: func(h *zip.FileHeader) { h.CompressedSize64 += 20 }}, zip.ErrFormat, "overlaps"},
		"no room for the name":      {archiveEntry{content: "1234567", store: true, lie: func(h *zip.FileHeader) { h.CompressedSize64, h.UncompressedSize64 = 8, 8 }}, zip.ErrFormat, "overlaps"},
		"a size that no file has":   {archiveEntry{lie: func(h *zip.FileHeader) { h.UncompressedSize64 = 1<<64 - 2 }}, zip.ErrFormat, "size of"},
		"cut off within":            {archiveEntry{lie: func(h *zip.FileHeader) { h.CompressedSize64 -= 10 }}, io.ErrUnexpectedEOF, "unexpected EOF"},
		"not deflated, though told": {archiveEntry{store: true, lie: func(h *zip.FileHeader) { h.Method = zip.Deflate }}, nil, "corrupt input"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.entry.name = "f"
			if test.entry.content == "" {
				test.entry.content = text
			}
			data := archiveOf(t, test.entry, archiveEntry{name: "after", content: "still good"})
			archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
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
	good := archiveOf(t, archiveEntry{name: "a", content: "A"}, archiveEntry{name: "b", content: downloadNoise(2 << 20)})
	zip64 := bytes.Clone(hugeEnd(1 << 62))
	tests := map[string]struct {
		data []byte
		text string
	}{
		"text":                    {[]byte("<html>Sign in</html>"), "artifacts.zip: zip: not a valid zip file"},
		"large":                   {[]byte(downloadNoise(2 << 20)), "artifacts.zip: zip: not a valid zip file"},
		"cut off":                 {good[:len(good)-1], "artifacts.zip: zip: not a valid zip file"},
		"the end missing":         {good[:len(good)/2], "artifacts.zip: zip: not a valid zip file"},
		"the directory truncated": {append(bytes.Clone(good[:len(good)-22-30]), good[len(good)-22:]...), "artifacts.zip: zip: not a valid zip file"},
		"entries without number":  {zip64, "artifacts.zip: it announces more than 524288 entries"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := archiveServer(test.data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
			require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: "+test.text)
		})
	}
	for name, opts := range archiveDeliveries() {
		t.Run("empty/"+name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			_, err := archiveServer([]byte{}, opts...).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
			require.ErrorIs(t, err, zip.ErrFormat)
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
	s := newScript(ok)
	for name, src := range map[string]gitlabci.ArtifactSource{"no source": nil, "no job": gitlabci.JobID(0), "no name": gitlabci.LatestArtifacts{Ref: "main"}} {
		t.Run(name, func(t *testing.T) {
			_, err := s.client(t).Artifacts.Archive(t.Context(), "group/app", src)
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
		})
	}
	require.Empty(t, s.received())
}

func TestArchiveErrors(t *testing.T) {
	srv := gitlabcitest.NewServer()
	_, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	page := newScript(answer(http.StatusOK, "<html>", "Content-Type", "text/html; charset=utf-8"))
	_, err = page.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob)
	require.EqualError(t, err, `gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: the response has content type "text/html; charset=utf-8": this is a page`)
	packed := newScript(answer(http.StatusOK, "x", "Content-Type", "application/zip", "Content-Encoding", "gzip"))
	_, err = packed.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob)
	require.ErrorContains(t, err, `compressed by "gzip" on its way`)
	nothing := newScript(answer(http.StatusNoContent, "", "Content-Type", "application/zip"))
	_, err = nothing.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob)
	require.ErrorContains(t, err, "204 No Content is neither the archive nor a part of it")
}

func TestArchiveIsReadByMany(t *testing.T) {
	t.Parallel()
	data, files := variedArchive(t)
	for _, name := range []string{"disk", "storage", "storage, no ranges"} {
		archive, err := archiveServer(data, archiveDeliveries()[name]...).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
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
					archive, err := srv.Client().Artifacts.Archive(ctx, "group/app", archiveJob)
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
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
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
	data := archiveOf(t, archiveEntry{name: "../up"}, archiveEntry{name: "a", content: "A"})
	archive, err := archiveServer(data).Client().Artifacts.Archive(t.Context(), "group/app", archiveJob)
	require.NoError(t, err)
	defer archive.Close()
	require.Equal(t, []string{"../up"}, archive.Skipped)
}
