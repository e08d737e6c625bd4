package gitlabcitest_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

// zipOf is an archive with stored files, whose names may be anything.
func zipOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	for _, name := range names {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		if name == "link" {
			header.SetMode(fs.ModeSymlink | 0o777)
		}
		file, err := w.CreateHeader(header)
		require.NoError(t, err)
		if !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(file, strings.Repeat("content of "+name+"\n", 10))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return data.Bytes()
}

func TestRawArchive(t *testing.T) {
	names := []string{"../up", "/abs", `back\slash`, "a/../b", "link", "twice", "twice", "dir/", "dir/file", "bad\xffname", ""}
	data := zipOf(t, names...)
	srv := oneJob(gitlabcitest.Job{Name: "build", Archive: data})
	require.Equal(t, string(data), get(t, srv, byID).body, "byte by byte")
	require.Equal(t, 200, get(t, srv, byID+"/tree?recursive=true").status)
	for path, name := range map[string]string{"..%2Fup": "../up", "%2Fabs": "/abs", `back%5Cslash`: `back\slash`, "link": "link", "twice": "twice", "dir/file": "dir/file"} {
		r := get(t, srv, byID+"/"+path)
		require.Equal(t, 200, r.status, path)
		require.Equal(t, strings.Repeat("content of "+name+"\n", 10), r.body)
	}
	job := get(t, srv, "/projects/1/jobs/1").object(t)
	require.EqualValues(t, len(data), job.in("artifacts_file")["size"])
	require.Len(t, job["artifacts"], 2, "the archive and its index")
}

func TestBrokenArchives(t *testing.T) {
	good := zipOf(t, "a")
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("<html>Sign in</html>"), "cut off": good[:len(good)-1], "the end missing": good[:len(good)/2],
	} {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 1, Name: "build", Archive: data})
			r := get(t, srv, byID)
			require.Equal(t, 200, r.status)
			require.Equal(t, string(data), r.body)
			r = get(t, srv, byID+"/tree")
			require.Equal(t, 404, r.status)
			require.JSONEq(t, `{"message":"404 Artifacts metadata Not Found"}`, r.body)
			for _, path := range []string{byID + "/a", "/projects/1/jobs/artifacts/main/raw/a?job=build"} {
				r = get(t, srv, path)
				require.Equal(t, 404, r.status)
				require.Equal(t, "404 page not found\n", r.body)
			}
			require.Len(t, get(t, srv, "/projects/1/jobs/1").object(t)["artifacts"], 1, "there is no index")
		})
	}
}

// local is where in an archive the data of its only file begins.
func local(data []byte) int {
	return 30 + int(binary.LittleEndian.Uint16(data[26:])) + int(binary.LittleEndian.Uint16(data[28:]))
}

func TestBrokenMembers(t *testing.T) {
	data := zipOf(t, "a")
	directory := bytes.Index(data, []byte("PK\x01\x02"))
	t.Run("an unknown method", func(t *testing.T) {
		broken := bytes.Clone(data)
		broken[directory+10] = 99
		r := get(t, oneJob(gitlabcitest.Job{Archive: broken}), byID+"/a")
		require.Equal(t, 404, r.status)
		require.Equal(t, "404 page not found\n", r.body)
	})
	t.Run("no header", func(t *testing.T) {
		broken := bytes.Clone(data)
		broken[0] = 'X'
		require.Equal(t, 404, get(t, oneJob(gitlabcitest.Job{Archive: broken}), byID+"/a").status)
	})
	t.Run("broken data", func(t *testing.T) {
		broken := bytes.Clone(data)
		broken[local(broken)] = 0xff
		requireCut(t, broken)
	})
	t.Run("more announced than there is", func(t *testing.T) {
		broken := bytes.Clone(data)
		binary.LittleEndian.PutUint32(broken[directory+24:], 1000)
		requireCut(t, broken)
	})
	t.Run("less announced than there is", func(t *testing.T) {
		broken := bytes.Clone(data)
		binary.LittleEndian.PutUint32(broken[directory+24:], 7)
		r := get(t, oneJob(gitlabcitest.Job{Archive: broken}), byID+"/a")
		require.Equal(t, 200, r.status)
		require.Equal(t, "content", r.body)
	})
}

// requireCut is about a file that is cut short, as a client sees it.
func requireCut(t *testing.T, archive []byte) {
	t.Helper()
	srv := oneJob(gitlabcitest.Job{Archive: archive})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gitlabcitest.URL+"/api/v4"+byID+"/a", nil)
	require.NoError(t, err)
	req.Header.Set("Private-Token", srv.Token())
	resp, err := srv.Transport().RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, 200, resp.StatusCode)
	got, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Less(t, int64(len(got)), resp.ContentLength)
}

// serve asks the server without a connection.
func serve(srv *gitlabcitest.Server, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/api/v4"+path, nil)
	r.Header.Set("Private-Token", srv.Token())
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	return w
}

// The server responds to any archive of a test.
func FuzzRawArchive(f *testing.F) {
	var data bytes.Buffer
	w := zip.NewWriter(&data)
	require.NoError(f, w.AddFS(fstest.MapFS{"a": {Data: []byte("A")}, "b/c": {Data: []byte(strings.Repeat("C", 100))}}))
	require.NoError(f, w.Close())
	f.Add(data.Bytes())
	f.Add([]byte{})
	f.Add(data.Bytes()[:data.Len()-3])
	f.Fuzz(func(t *testing.T, data []byte) {
		srv := oneJob(gitlabcitest.Job{Archive: data})
		for _, path := range []string{"", "/a", "/b/c", "/tree?recursive=true"} {
			r := serve(srv, byID+path)
			require.Contains(t, []int{200, 404}, r.Code)
			if path == "" && len(data) > 0 {
				require.Equal(t, strconv.Itoa(len(data)), r.Header().Get("Content-Length"))
			}
		}
	})
}

func TestArchiveMisuse(t *testing.T) {
	p := gitlabcitest.NewServer().AddPipeline("group/app", gitlabcitest.Pipeline{})
	require.PanicsWithValue(t, "gitlabcitest: AddJob: a job has Artifacts or an Archive, not both", func() {
		p.AddJob(gitlabcitest.Job{Artifacts: files(), Archive: []byte{}})
	})
	require.Panics(t, func() { p.AddTriggerJob(gitlabcitest.Job{Archive: []byte{}}) })
}
