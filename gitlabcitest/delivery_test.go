package gitlabcitest_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	byID  = "/projects/1/jobs/1/artifacts"
	byRef = "/projects/1/jobs/artifacts/main/download?job=build"

	poison = `W/"d41d8cd98f00b204e9800998ecf8427e"`
)

// A client that trusts the weak ETag does not see that the file is another one, or none.
func TestWeakETagOfFiles(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Name: "build", Artifacts: files()})
	for _, path := range []string{byID, byID + "/report.json", byID + "/tree?path=bin", byID + "/none", "/projects/1/jobs/artifacts/main/raw/bin/app?job=build"} {
		isTree := strings.Contains(path, "/tree?")
		etag := get(t, srv, path).header.Get("Etag")
		if isTree {
			require.NotEqual(t, poison, etag)
		} else if !strings.Contains(path, "/none") {
			require.Equal(t, poison, etag, path)
		}
		for _, condition := range []string{poison, `"a", ` + poison, "*", strings.TrimPrefix(poison, "W/")} {
			r := send(t, srv, http.MethodGet, path, "", "If-None-Match: "+condition)
			require.Equal(t, !isTree || condition == "*", r.status == 304, "%s %s", path, condition)
		}
		require.NotEqual(t, 304, send(t, srv, http.MethodGet, path, "", `If-None-Match: "a"`).status, path)
	}
	r := send(t, srv, http.MethodGet, byID, "", "Range: bytes=1-2", "If-Range: "+poison)
	require.Equal(t, 200, r.status, "a weak ETag says nothing about bytes")
	require.Equal(t, 404, send(t, srv, http.MethodGet, "/projects/1/jobs/2/artifacts/a", "", "If-None-Match: "+poison).status)
}

func TestStrongETags(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithStrongETags())
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		ID: 1, Name: "build", Artifacts: files(), Reports: map[gitlabci.ArtifactType][]byte{"sast": []byte("{}")},
	})
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	archive := get(t, srv, byID).body
	for path, want := range map[string]string{
		byID:                     hash(archive),
		byRef:                    hash(archive),
		byID + "?file_type=sast": hash("{}"),
		byID + "/report.json":    hash(hash(archive) + ":report.json"),
		byID + "/bin/app":        hash(hash(archive) + ":bin/app"),
		"/projects/1/jobs/artifacts/main/raw/bin/app?job=build": hash(hash(archive) + ":bin/app"),
	} {
		etag := `"` + want + `"`
		require.Equal(t, etag, get(t, srv, path).header.Get("Etag"), path)
		for _, condition := range []string{etag, "W/" + etag, `"a",` + etag, "*"} {
			r := send(t, srv, http.MethodGet, path, "", "If-None-Match: "+condition)
			require.Equal(t, 304, r.status, "%s %s", path, condition)
			require.Empty(t, r.body)
			require.Equal(t, etag, r.header.Get("Etag"))
		}
		require.Equal(t, 200, send(t, srv, http.MethodGet, path, "", "If-None-Match: "+poison).status)
	}
	etag := `"` + hash(archive) + `"`
	require.Equal(t, 206, send(t, srv, http.MethodGet, byID, "", "Range: bytes=1-2", "If-Range: "+etag).status)
	require.Equal(t, 200, send(t, srv, http.MethodGet, byID, "", "Range: bytes=1-2", `If-Range: "a"`).status)
}

func TestSeveralRanges(t *testing.T) {
	srv := built()
	all := get(t, srv, byID).body
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := send(t, srv, method, byID, "", "Range: bytes=0-1,4-6")
		require.Equal(t, 206, r.status)
		kind, settings, err := mime.ParseMediaType(r.header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "multipart/byteranges", kind)
		if method == http.MethodHead {
			continue
		}
		parts := multipart.NewReader(strings.NewReader(r.body), settings["boundary"])
		for _, want := range []string{all[:2], all[4:7]} {
			part, err := parts.NextPart()
			require.NoError(t, err)
			require.Equal(t, "application/octet-stream", part.Header.Get("Content-Type"))
			got, err := io.ReadAll(part)
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
	}
}

func TestLogRanges(t *testing.T) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithLogRanges())
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	p.AddJob(gitlabcitest.Job{ID: 1, Log: "0123456789"})
	p.AddJob(gitlabcitest.Job{ID: 2, Log: "0123456789", Status: gitlabci.StatusRunning})
	p.AddJob(gitlabcitest.Job{ID: 3})
	tests := map[string]struct {
		path, header string
		status       int
		want         string
	}{
		"a part":                   {"1/trace", "Range: bytes=2-4", 206, "234"},
		"the end":                  {"1/trace", "Range: bytes=-2", 206, "89"},
		"all":                      {"1/trace", "Range: lines=1", 416, "invalid range\n"},
		"past it":                  {"1/trace", "Range: bytes=10-", 416, "invalid range: failed to overlap\n"},
		"no condition to hold on":  {"1/trace", "If-Range: Fri, 01 Mar 2024 12:00:00 GMT", 200, "0123456789"},
		"beside byte_offset":       {"1/trace?byte_offset=0", "Range: bytes=2-4", 200, "0123456789"},
		"beside byte_limit":        {"1/trace?byte_limit=10", "Range: bytes=2-4", 200, "0123456789"},
		"beside a blank":           {"1/trace?byte_limit=", "Range: bytes=2-4", 206, "234"},
		"a log that still grows":   {"2/trace", "Range: bytes=2-4", 200, "0123456789"},
		"a job without a log":      {"3/trace", "Accept: */*", 200, ""},
		"a log that is not ranged": {"1/trace", "Accept: */*", 200, "0123456789"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := send(t, srv, http.MethodGet, "/projects/1/jobs/"+test.path, "", test.header)
			require.Equal(t, test.status, r.status)
			require.Equal(t, test.want, r.body)
			require.Empty(t, r.header.Get("Etag"))
			if test.status < 300 {
				require.Equal(t, "text/plain", r.header.Get("Content-Type"))
				require.Contains(t, r.header.Get("Content-Disposition"), "infile")
			}
		})
	}
	head := send(t, srv, http.MethodHead, "/projects/1/jobs/1/trace", "")
	require.Equal(t, "10", head.header.Get("Content-Length"))
	require.Equal(t, "0", head.header.Get("Last-Modified"))
}

// A discarder is a client that reads on and keeps nothing.
type discarder struct {
	header http.Header
	n      int64
}

func (d *discarder) Header() http.Header { return d.header }
func (d *discarder) WriteHeader(int)     {}
func (d *discarder) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return len(p), nil
}

// A large archive is not copied, whichever way it takes.
func TestLargeArchive(t *testing.T) {
	testkit.NotUnderRace(t)
	const size = 64 << 20
	var data bytes.Buffer
	archive := zip.NewWriter(&data)
	w, err := archive.CreateHeader(&zip.FileHeader{Name: "large", Method: zip.Store})
	require.NoError(t, err)
	_, err = w.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	for name, opts := range map[string][]gitlabcitest.Option{
		"disk":    {gitlabcitest.WithStrongETags()},
		"storage": {gitlabcitest.WithStorage(gitlabcitest.Storage{Proxied: true})},
	} {
		srv := gitlabcitest.NewServer(opts...)
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Archive: data.Bytes()})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for header, want := range map[string]int64{"": int64(data.Len()), "bytes=0-" + strconv.Itoa(size): size + 1} {
			r := httptest.NewRequest(http.MethodGet, "/api/v4"+byID, nil)
			r.Header.Set("Private-Token", srv.Token())
			r.Header.Set("Range", header)
			w := &discarder{header: http.Header{}}
			srv.ServeHTTP(w, r)
			require.Equal(t, want, w.n, "%s %s", name, header)
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
	}
}
