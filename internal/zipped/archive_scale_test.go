package zipped_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

// A sparseFile holds what was written except for the zeros of sparseZeros.
type sparseFile struct {
	size   int64
	pieces []sparsePiece // by place
}

type sparsePiece struct {
	at   int64
	data []byte
}

var sparseZeros [1 << 20]byte

func (f *sparseFile) Write(p []byte) (int, error) {
	if len(p) > 0 && &p[0] != &sparseZeros[0] {
		f.pieces = append(f.pieces, sparsePiece{f.size, bytes.Clone(p)})
	}
	f.size += int64(len(p))
	return len(p), nil
}

func (f *sparseFile) ReadAt(p []byte, at int64) (int, error) {
	p = p[:max(0, min(int64(len(p)), f.size-at))]
	clear(p)
	from, _ := slices.BinarySearchFunc(f.pieces, at, func(piece sparsePiece, at int64) int {
		if piece.at+int64(len(piece.data)) <= at {
			return -1
		}
		return 1
	})
	for _, piece := range f.pieces[from:] {
		if piece.at >= at+int64(len(p)) {
			break
		}
		skipped := max(0, at-piece.at)
		copy(p[piece.at+skipped-at:], piece.data[skipped:])
	}
	if len(p) == 0 {
		return 0, io.EOF
	}
	return len(p), nil
}

// sparseArchive is an archive of stored files of zeros.
func sparseArchive(t testing.TB, files, size int, name func(int) string) *sparseFile {
	t.Helper()
	out := &sparseFile{}
	w := zip.NewWriter(out)
	zeros := sparseZeros[:size]
	sum := crc32.ChecksumIEEE(zeros)
	for i := range files {
		h := &zip.FileHeader{Name: name(i), CRC32: sum, CompressedSize64: uint64(size), UncompressedSize64: uint64(size)}
		h.SetMode(0o644)
		file, err := w.CreateRaw(h)
		require.NoError(t, err)
		require.NoError(t, w.Flush(), "else the zeros join the header")
		if size > 0 {
			_, err = file.Write(zeros)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return out
}

// A sparseServer is GitLab, whose storage has a file, and both are counted.
type sparseServer struct {
	network  memnet.Network
	requests atomic.Int64
	sent     atomic.Int64 // bytes of bodies, as the client reads them
}

func newSparseServer(file *sparseFile) *sparseServer {
	s := &sparseServer{}
	s.network.Handle(testkit.Host, http.RedirectHandler("https://"+testkit.StorageHost+"/bucket/artifacts.zip?"+testkit.Signature, http.StatusFound))
	s.network.Handle(testkit.StorageHost, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"sparse"`)
		http.ServeContent(w, r, "artifacts.zip", time.Time{}, io.NewSectionReader(file, 0, file.size))
	}))
	return s
}

func (s *sparseServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	return (&counting{s.network.Transport(), &s.sent}).RoundTrip(r)
}

func (s *sparseServer) client(t testing.TB) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(s))
	require.NoError(t, err)
	return client
}

// One file of 10 kB out of a gibibyte, by its figures.
func TestArchiveOneOfTenThousand(t *testing.T) {
	long := func(i int) string {
		return fmt.Sprintf("build/outputs/module-%02d/intermediates/classes/com/example/object-%05d.bin", i%100, i)
	}
	file := sparseArchive(t, 10_000, 107_000, func(i int) string { return fmt.Sprintf("build/module-%02d/object-%05d.bin", i%100, i) })
	require.Greater(t, file.size, int64(1<<30)-(4<<20))
	for name, f := range map[string]*sparseFile{"usual names": file, "long names": sparseArchive(t, 10_000, 10_000, long)} {
		t.Run(name, func(t *testing.T) {
			s := newSparseServer(f)
			archive, err := s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
			require.NoError(t, err)
			defer archive.Close()
			matches, err := fs.Glob(archive, "build/*/object-00777.bin")
			require.NoError(t, err)
			if name == "long names" {
				matches = []string{long(777)}
			}
			require.Len(t, matches, 1)
			open, err := archive.Open(matches[0])
			require.NoError(t, err)
			n, err := io.CopyN(io.Discard, open, 10_000)
			require.NoError(t, err)
			require.EqualValues(t, 10_000, n)
			require.NoError(t, open.Close())
			t.Log(s.requests.Load(), "requests,", s.sent.Load(), "bytes")
			require.EqualValues(t, 4, s.requests.Load(), "a redirect, the end, the directory and the file")
			require.LessOrEqual(t, s.sent.Load(), int64(2<<20))
		})
	}
}

// 70,000 files are more than a plain zip can number. They are listed, and
// walked with few requests, in memory that does not grow with what is read.
func TestArchiveOfManyFiles(t *testing.T) {
	testkit.NotUnderRace(t)
	const files = 70_000
	file := sparseArchive(t, files, 100, func(i int) string { return fmt.Sprintf("d%03d/f%06d", i/100, i) })
	s := newSparseServer(file)
	before := heap()
	archive, err := s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	require.Empty(t, archive.Skipped())
	found := 0
	require.NoError(t, fs.WalkDir(archive, ".", func(_ string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			found++
		}
		return err
	}))
	require.Equal(t, files, found)
	held := heap() - before
	t.Log(held, "bytes held")
	require.Less(t, held, int64(16<<20))
	asked := s.requests.Load()
	for i := range 10_000 {
		got, err := archive.ReadFile(fmt.Sprintf("d%03d/f%06d", i/100, i))
		require.NoError(t, err)
		require.Len(t, got, 100)
	}
	t.Log(s.requests.Load()-asked, "requests")
	require.LessOrEqual(t, s.requests.Load()-asked, int64(5), "of 1.5 MB")
	_, err = archive.ReadFile("d699/f069999")
	require.NoError(t, err)
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// A large file is one request, and none of it is kept.
func TestArchiveLargeFile(t *testing.T) {
	testkit.NotUnderRace(t)
	file := sparseArchive(t, 1, 1<<20, func(int) string { return "x" })
	file.pieces, file.size = nil, 0
	w := zip.NewWriter(file)
	const mebibytes = 256
	sum := crc32.NewIEEE()
	for range mebibytes {
		sum.Write(sparseZeros[:])
	}
	h := &zip.FileHeader{Name: "large", CRC32: sum.Sum32(), CompressedSize64: mebibytes << 20, UncompressedSize64: mebibytes << 20}
	raw, err := w.CreateRaw(h)
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	for range mebibytes {
		_, err = raw.Write(sparseZeros[:])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())

	s := newSparseServer(file)
	archive, err := s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	open, err := archive.Open("large")
	require.NoError(t, err)
	defer open.Close()
	var n int64
	allocated := testkit.Allocated(func() { n, err = io.Copy(io.Discard, open) })
	require.NoError(t, err)
	require.EqualValues(t, mebibytes<<20, n)
	require.Less(t, allocated, uint64(4<<20))
	require.EqualValues(t, 3, s.requests.Load())
}

// A directory that is larger than what comes first comes with one more request,
// and one that is too large is refused.
func TestArchiveLargeDirectory(t *testing.T) {
	testkit.NotUnderRace(t)
	deep := strings.Repeat("deep/", 40)
	file := sparseArchive(t, 10_000, 0, func(i int) string { return fmt.Sprintf("%s%05d", deep, i) })
	s := newSparseServer(file)
	archive, err := s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.EqualValues(t, 3, s.requests.Load())

	huge := strings.Repeat("huge/", 12_000)
	s = newSparseServer(sparseArchive(t, 600, 0, func(i int) string { return fmt.Sprintf("%s%05d", huge, i) }))
	_, err = s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.ErrorContains(t, err, "artifacts.zip: its directory has more than 32 MiB")

	s = newSparseServer(sparseArchive(t, 50, 0, func(i int) string { return fmt.Sprintf("%d/%s", i, huge) }))
	_, err = s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.ErrorContains(t, err, "artifacts.zip: it has more than 524288 files and folders")
}

// A directory of usual size comes with the end of the archive: one request, after the
// one that is redirected. A file of that archive is one more, and one that GitLab unpacks
// is one in all.
func TestRequestsForArchives(t *testing.T) {
	usual := func(i int) string { return fmt.Sprintf("build/module-%02d/object-%05d.bin", i%100, i) }
	for files, want := range map[int]int64{1: 2, 2500: 2, 5000: 3} {
		s := newSparseServer(sparseArchive(t, files, 1000, usual))
		archive, err := s.client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		require.Equal(t, want, s.requests.Load(), "%d files", files)
		_, err = archive.ReadFile(usual(0))
		require.NoError(t, err)
		if files > 1 { // else it has come, too
			want++
		}
		require.Equal(t, want, s.requests.Load(), "%d files", files)
		require.NoError(t, archive.Close())
	}

	srv := archiveServer(testkit.Zip(t, testkit.ZipEntry{Name: "a/b.txt", Content: "A"}), gitlabcitest.WithStorage(gitlabcitest.Storage{}))
	for _, src := range []gitlabci.ArtifactSource{archiveJob, gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}} {
		before := len(srv.Requests())
		file, err := srv.Client().Artifacts.OpenFile(t.Context(), "group/app", src, "a/b.txt", nil)
		require.NoError(t, err, "%v", src)
		text, err := io.ReadAll(file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.Equal(t, "A", string(text))
		require.Len(t, srv.Requests()[before:], 1)
	}
}
