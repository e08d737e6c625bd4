package gitlabcitest_test

import (
	"archive/zip"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// files are two folders, one of them empty, and files of some kinds.
func files() fstest.MapFS {
	return fstest.MapFS{
		"report.json":       {Data: []byte(`{"ok":true}`), Mode: 0o640, ModTime: day(1)},
		"bin/app":           {Data: []byte{0, 1, 2, 3}, Mode: 0o755},
		"bin/a b#c?d%.txt":  {Data: []byte("text\n")},
		"bin/sub/page.html": {Data: []byte("<html><script></script></html>")},
		"empty":             {Mode: fs.ModeDir},
		"tree":              {Data: []byte("oak")},
	}
}

func built() *gitlabcitest.Server {
	return oneJob(gitlabcitest.Job{Name: "build", Artifacts: files(), FinishedAt: day(2)})
}

func unzip(t *testing.T, data string) map[string]*zip.File {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	found := map[string]*zip.File{}
	for _, file := range archive.File {
		found[file.Name] = file
	}
	return found
}

func TestDownloadArchive(t *testing.T) {
	srv := built()
	r := get(t, srv, "/projects/1/jobs/1/artifacts")
	require.Equal(t, 200, r.status)
	for name, want := range map[string]string{
		"Content-Disposition":       `attachment; filename="artifacts.zip"; filename*=UTF-8''artifacts.zip`,
		"Content-Transfer-Encoding": "binary",
		"Content-Type":              "application/octet-stream",
		"Content-Length":            strconv.Itoa(len(r.body)),
		"Last-Modified":             "Sat, 02 Mar 2024 12:00:00 GMT",
		"Accept-Ranges":             "bytes",
		"Etag":                      `W/"d41d8cd98f00b204e9800998ecf8427e"`,
	} {
		require.Equal(t, want, r.header.Get(name), name)
	}
	job := get(t, srv, "/projects/1/jobs/1").object(t)
	require.EqualValues(t, len(r.body), job.in("artifacts_file")["size"])

	found := unzip(t, r.body)
	require.Len(t, found, 8)
	require.Equal(t, fs.FileMode(0o640), found["report.json"].Mode())
	require.True(t, day(1).Equal(found["report.json"].Modified))
	require.Equal(t, fs.FileMode(0o755), found["bin/app"].Mode())
	require.Equal(t, fs.FileMode(0o644), found["tree"].Mode(), "it had none")
	require.WithinDuration(t, time.Now(), found["tree"].Modified, time.Hour, "it had none")
	require.Equal(t, fs.ModeDir|0o755, found["empty/"].Mode())
	content, err := found["report.json"].Open()
	require.NoError(t, err)
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, `{"ok":true}`, string(text))
}

func TestArchiveOfFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("A"), 0o600))
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "link")))
	srv := oneJob(gitlabcitest.Job{Artifacts: os.DirFS(dir)})
	require.NoError(t, os.Remove(filepath.Join(dir, "a")), "it was read already")
	require.Equal(t, "A", get(t, srv, "/projects/1/jobs/1/artifacts/a").body)
	link := unzip(t, get(t, srv, "/projects/1/jobs/1/artifacts").body)["link"]
	require.Equal(t, fs.ModeSymlink, link.Mode().Type())
	require.Equal(t, "a", get(t, srv, "/projects/1/jobs/1/artifacts/link").body)
	entries := get(t, srv, "/projects/1/jobs/1/artifacts/tree").list(t)
	require.Equal(t, []any{"100600", "120777"}, []any{entries[0]["mode"], entries[1]["mode"]})
}

func TestArchiveRanges(t *testing.T) {
	srv := built()
	for _, path := range []string{"/projects/1/jobs/1/artifacts", "/projects/1/jobs/artifacts/main/download?job=build"} {
		if strings.Contains(path, "main") {
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 2, Name: "build", Artifacts: files(), FinishedAt: day(2)})
		}
		all := get(t, srv, path).body
		tests := map[string]struct {
			header, want, contentRange string
			status                     int
		}{
			"a part":      {"Range: bytes=2-5", all[2:6], "bytes 2-5/" + strconv.Itoa(len(all)), 206},
			"the rest":    {"Range: bytes=10-", all[10:], "bytes 10-" + strconv.Itoa(len(all)-1) + "/" + strconv.Itoa(len(all)), 206},
			"past it":     {"Range: bytes=" + strconv.Itoa(len(all)) + "-", "invalid range: failed to overlap\n", "bytes */" + strconv.Itoa(len(all)), 416},
			"not newer":   {"If-Modified-Since: Sat, 02 Mar 2024 12:00:00 GMT", "", "", 304},
			"a weak ETag": {`If-None-Match: W/"d41d8cd98f00b204e9800998ecf8427e"`, "", "", 304},
			"older":       {"If-Unmodified-Since: Fri, 01 Mar 2024 12:00:00 GMT", "", "", 412},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				r := send(t, srv, http.MethodGet, path, "", test.header)
				require.Equal(t, test.status, r.status)
				require.Equal(t, test.want, r.body)
				require.Equal(t, test.contentRange, r.header.Get("Content-Range"))
				requests := srv.Requests()
				require.Equal(t, test.status, requests[len(requests)-1].Status)
			})
		}
		head := send(t, srv, http.MethodHead, path, "")
		require.Equal(t, 200, head.status)
		require.Equal(t, strconv.Itoa(len(all)), head.header.Get("Content-Length"))
		changed := send(t, srv, http.MethodGet, path, "", "Range: bytes=2-5", "If-Range: Fri, 01 Mar 2024 12:00:00 GMT")
		require.Equal(t, 200, changed.status)
		require.Equal(t, all, changed.body)
	}
}

func TestDownloadReports(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Reports: map[gitlabci.ArtifactType][]byte{
		"junit": []byte("<testsuites/>"), "sast": []byte("{}"), "performance": []byte("fast"), "lsif": []byte("[]"), "terraform": []byte("{}"),
	}})
	path := "/projects/1/jobs/1/artifacts?file_type="
	r := get(t, srv, path+"junit")
	require.Equal(t, 200, r.status)
	require.Contains(t, r.header.Get("Content-Disposition"), `filename="junit.xml.gz"`)
	require.Empty(t, r.header.Get("Content-Encoding"))
	unpacked, err := gzip.NewReader(strings.NewReader(r.body))
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Equal(t, "<testsuites/>", string(text))

	require.Equal(t, "{}", get(t, srv, path+"sast").body)
	require.Equal(t, "fast", get(t, srv, path+"performance").body)
	require.Equal(t, "fast", get(t, srv, path+"browser_performance").body)
	require.Contains(t, unzip(t, get(t, srv, path+"lsif").body), "lsif.json")
	for _, missing := range []string{"dast", "archive"} {
		r = get(t, srv, path+missing)
		require.Equal(t, 404, r.status)
		require.JSONEq(t, `{"message":"404 Not Found"}`, r.body)
	}
	for query, want := range map[string]string{
		"file_type=terraform":                   "file_type does not have a valid value",
		"file_type=trace":                       "file_type does not have a valid value",
		"file_type=metadata":                    "file_type does not have a valid value",
		"file_type=x&download_mode=x":           "file_type does not have a valid value, download_mode does not have a valid value",
		"download_mode=":                        "download_mode does not have a valid value",
		"download_mode=direct&file_type=things": "file_type does not have a valid value",
	} {
		r = get(t, srv, "/projects/1/jobs/1/artifacts?"+query)
		require.Equal(t, 400, r.status, query)
		require.Equal(t, object{"error": want}, r.object(t))
	}
	require.Equal(t, 200, get(t, srv, path+"sast&download_mode=proxy").status)
}

func TestArtifactFiles(t *testing.T) {
	srv := built()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "build", Artifacts: files()})
	byJob, byRef := "/projects/1/jobs/1/artifacts/", "/projects/1/jobs/artifacts/main/raw/"
	tests := map[string]struct{ path, file, content, byName, byContent string }{
		"a report":  {"report.json", "report.json", `{"ok":true}`, "application/json", "text/plain; charset=utf-8"},
		"a program": {"bin/app", "app", "\x00\x01\x02\x03", "application/octet-stream", "application/octet-stream"},
		"a page":    {"bin/sub/page.html", "page.html", "<html><script></script></html>", "text/html; charset=utf-8", "text/plain; charset=utf-8"},
		"odd names": {"bin/a%20b%23c%3Fd%25.txt", "a b#c?d%.txt", "text\n", "text/plain; charset=utf-8", "text/plain; charset=utf-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for path, kind := range map[string]string{byJob + test.path: test.byName, byRef + test.path + "?job=build": test.byContent} {
				r := send(t, srv, http.MethodGet, path, "", "Range: bytes=1-1")
				require.Equal(t, 200, r.status, "there are no ranges")
				require.Equal(t, test.content, r.body)
				require.Equal(t, kind, r.header.Get("Content-Type"))
				require.Equal(t, strconv.Itoa(len(test.content)), r.header.Get("Content-Length"))
				require.Equal(t, `attachment; filename="`+test.file+`"`, r.header.Get("Content-Disposition"))
				require.Empty(t, r.header.Get("Accept-Ranges"))
			}
		})
	}
	for _, path := range []string{"none", "bin", "bin/", "bin/sub", "empty", "report.json/", "bin//app", "bin/../tree"} {
		for _, path := range []string{byJob + path, byRef + path + "?job=build"} {
			r := get(t, srv, path)
			require.Equal(t, 404, r.status, path)
			require.Equal(t, "404 page not found\n", r.body)
			require.Contains(t, r.header.Get("Content-Type"), "text/plain")
		}
	}
	for _, path := range []string{"a%00b", "a%ffb"} {
		for _, path := range []string{byJob + path, byRef + path + "?job=build"} {
			r := get(t, srv, path)
			require.Equal(t, 400, r.status, path)
			require.JSONEq(t, `{"message":"400 Bad request"}`, r.body)
		}
	}
	require.Equal(t, "oak", get(t, srv, byRef+"tree?job=build").body)
	require.Len(t, get(t, srv, byJob+"tree").list(t), 4, "the route is before the file")
	require.JSONEq(t, `{"message":"404 Not Found"}`, get(t, oneJob(gitlabcitest.Job{}), byJob+"a").body)
}

func TestLatestArtifacts(t *testing.T) {
	srv := gitlabcitest.NewServer()
	file := func(text string) fstest.MapFS { return fstest.MapFS{"a/raw/b": {Data: []byte(text)}} }
	add := func(text string, p gitlabcitest.Pipeline) *gitlabcitest.Pipeline {
		added := srv.AddPipeline("group/app", p)
		added.AddJob(gitlabcitest.Job{Name: "build", Artifacts: file(text)})
		return added
	}
	oldest := add("oldest", gitlabcitest.Pipeline{})
	oldest.AddJob(gitlabcitest.Job{Name: "docs", Artifacts: file("docs")})
	oldest.AddJob(gitlabcitest.Job{Name: "notes", Artifacts: file("notes")})
	child := add("child", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline, Status: gitlabci.StatusRunning})
	child.AddJob(gitlabcitest.Job{Name: "lint", Artifacts: file("lint")})
	newest := add("old attempt", gitlabcitest.Pipeline{})
	newest.AddJob(gitlabcitest.Job{Name: "build", Artifacts: file("newest")})
	newest.AddJob(gitlabcitest.Job{Name: "empty"})
	newest.AddJob(gitlabcitest.Job{Name: "notes"})
	newest.AddTriggerJob(gitlabcitest.Job{Name: "down", Downstream: child})
	add("failed", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	add("dangling", gitlabcitest.Pipeline{Source: gitlabci.SourceWebIDE})
	add("feature", gitlabcitest.Pipeline{Ref: "feature/raw-x"})
	add("request", gitlabcitest.Pipeline{Ref: "refs/merge-requests/1/head"})
	recent := "&search_recent_successful_pipelines=true"
	for path, want := range map[string]string{
		"main/raw/a/raw/b?job=build":                             "newest",
		"main/raw/a/raw/b?job=lint":                              "lint",
		"main/raw/a/raw/b?job=docs" + recent:                     "docs",
		"main/raw/a/raw/b?job=notes" + recent:                    "notes",
		"main/raw/a/raw/b?job=build" + recent:                    "newest",
		"feature%2Fraw-x/raw/a/raw/b?job=build":                  "feature",
		"feature/raw-x/raw/a/raw/b?job=build":                    "feature",
		"refs/merge-requests/1/head/raw/a/raw/b?job=build":       "request",
		"refs%2Fmerge-requests%2F1%2Fhead/raw/a/raw/b?job=build": "request",
	} {
		r := get(t, srv, "/projects/1/jobs/artifacts/"+path)
		require.Equal(t, want, r.body, path)
		r = get(t, srv, "/projects/1/jobs/artifacts/"+strings.Replace(path, "raw/a/raw/b", "download", 1))
		require.Equal(t, 200, r.status, path)
		require.Contains(t, unzip(t, r.body), "a/raw/b")
	}
	for query, want := range map[string]string{
		"main?":                   `{"error":"job is missing"}`,
		"main?job=docs":           `{"message":"404 Not found"}`,
		"main?job=down":           `{"message":"404 Not found"}`,
		"none?job=build":          `{"message":"404 Not found"}`,
		"HEAD?job=build":          `{"message":"404 Not found"}`,
		newest.SHA + "?job=build": `{"message":"404 Not found"}`,
		"main?job=none" + recent:  `{"message":"404 Job Not Found"}`,
		"main?job=notes":          `{"message":"404 Not Found"}`,
		"main?job=empty":          `{"message":"404 Not Found"}`,
		"main?job=empty" + recent: `{"message":"404 Not Found"}`,
		"main?job=x&search_recent_successful_pipelines=2": `{"error":"search_recent_successful_pipelines is invalid"}`,
	} {
		ref, query, _ := strings.Cut(query, "?")
		for _, what := range []string{"/download?", "/raw/a?"} {
			r := get(t, srv, "/projects/1/jobs/artifacts/"+ref+what+query)
			require.JSONEq(t, want, r.body, ref+what+query)
		}
	}
}

func TestArtifactsTree(t *testing.T) {
	srv := built()
	path := "/projects/1/jobs/1/artifacts/tree"
	r := get(t, srv, path)
	require.Equal(t, 200, r.status)
	require.JSONEq(t, `[
		{"name":"bin","path":"bin/","type":"directory","mode":"040755"},
		{"name":"empty","path":"empty/","type":"directory","mode":"040755"},
		{"name":"report.json","path":"report.json","type":"file","size":11,"mode":"100640"},
		{"name":"tree","path":"tree","type":"file","size":3,"mode":"100644"}
	]`, r.body)
	require.Equal(t, "4", r.header.Get("X-Total"))
	for query, want := range map[string][]string{
		"path=bin":                    {"bin/sub/", "bin/a b#c?d%.txt", "bin/app"},
		"path=bin/":                   {"bin/sub/", "bin/a b#c?d%.txt", "bin/app"},
		"path=bin/sub":                {"bin/sub/page.html"},
		"path=empty":                  {},
		"path=&recursive=":            {"bin/", "empty/", "report.json", "tree"},
		"path=bin&recursive=true":     {"bin/sub/", "bin/a b#c?d%.txt", "bin/app", "bin/sub/page.html"},
		"recursive=true&per_page=3":   {"bin/", "bin/sub/", "empty/"},
		"recursive=true&per_page=100": {"bin/", "bin/sub/", "empty/", "bin/a b#c?d%.txt", "bin/app", "bin/sub/page.html", "report.json", "tree"},
		"per_page=3&page=2":           {"tree"},
	} {
		paths := []string{}
		for _, o := range get(t, srv, path+"?"+query).list(t) {
			paths = append(paths, o["path"].(string))
		}
		require.Equal(t, want, paths, query)
	}
	r = get(t, srv, path+"?per_page=3")
	require.Equal(t, "id=1&job_id=1&page=2&per_page=3&recursive=false", links(t, r, path)["next"])
	for _, missing := range []string{"none", "bi", "report.json", "bin/app", "."} {
		r = get(t, srv, path+"?path="+missing)
		require.Equal(t, 404, r.status, missing)
		require.JSONEq(t, `{"message":"404 Path Not Found"}`, r.body)
	}
	r = get(t, oneJob(gitlabcitest.Job{Log: "x"}), path)
	require.Equal(t, 404, r.status)
	require.JSONEq(t, `{"message":"404 Artifacts Not Found"}`, r.body)
	require.Equal(t, 400, get(t, srv, path+"?recursive=2").status)
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		expire := time.Now().Add(time.Hour)
		j := gitlabcitest.Job{Artifacts: files(), Log: "x", ArtifactsExpireAt: expire}
		child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})
		child.AddJob(j)
		for _, status := range []gitlabci.Status{"success", "success", "failed"} {
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: status})
			p.AddJob(j)
			if p.ID == 103 {
				p.AddTriggerJob(gitlabcitest.Job{Downstream: child})
			}
		}
		visible := func(id string) (archive bool, kinds []any, status int) {
			o := get(t, srv, "/projects/1/jobs/"+id).object(t)
			for _, a := range o["artifacts"].([]any) {
				kinds = append(kinds, a.(map[string]any)["file_type"])
			}
			require.NotNil(t, o["artifacts_expire_at"])
			return o["artifacts_file"] != nil, kinds, get(t, srv, "/projects/1/jobs/"+id+"/artifacts").status
		}
		for _, at := range []time.Duration{time.Hour - time.Microsecond, time.Microsecond} {
			time.Sleep(at)
			past := at == time.Microsecond
			for id, locked := range map[string]bool{"1001": true, "1002": false, "1003": true, "1005": false} {
				archive, kinds, status := visible(id)
				require.Equal(t, !past, archive, id)
				want, wantKinds := 200, []any{"archive", "metadata", "trace"}
				if past && !locked {
					want, wantKinds = 404, []any{"trace"}
				}
				require.Equal(t, want, status, id)
				require.Equal(t, wantKinds, kinds, id)
			}
		}
	})
}

func TestALockOfArtifactsIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		j := gitlabcitest.Job{Name: "build", Artifacts: files(), ArtifactsExpireAt: time.Now().Add(time.Hour)}
		for id := range 2 {
			j.ID = gitlabci.JobID(1 + id)
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(j)
		}
		time.Sleep(2 * time.Hour)
		requireKept := func(first, second int) {
			t.Helper()
			require.Equal(t, first, get(t, srv, "/projects/1/jobs/1/artifacts").status)
			require.Equal(t, second, get(t, srv, "/projects/1/jobs/2/artifacts").status)
		}
		requireKept(404, 200)
		require.Equal(t, 201, post(t, srv, "/projects/1/jobs/2/retry").status) // so that it has not succeeded any more
		requireKept(404, 200)
		require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1/retry").status) // which then succeeds later
		srv.SetJobStatus(1002, gitlabci.StatusRunning)
		srv.SetJobStatus(1002, gitlabci.StatusSuccess)
		requireKept(404, 200)
		require.Equal(t, 204, send(t, srv, http.MethodDelete, "/projects/1/pipelines/102", "").status)
		require.Equal(t, 404, get(t, srv, "/projects/1/jobs/1/artifacts").status)
	})
}

func TestKeepArtifacts(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Artifacts: files(), ArtifactsExpireAt: time.Now().Add(time.Hour)})
	require.NotNil(t, get(t, srv, "/projects/1/jobs/1").object(t)["artifacts_expire_at"])
	r := post(t, srv, "/projects/1/jobs/1/artifacts/keep")
	require.Equal(t, 200, r.status)
	requireKeys(t, jobKeys+" artifacts_file", r.object(t))
	require.Nil(t, r.object(t)["artifacts_expire_at"])
	for name, j := range map[string]gitlabcitest.Job{
		"no archive": {Log: "x", Reports: map[gitlabci.ArtifactType][]byte{"junit": nil}},
		"expired":    {Artifacts: files(), ArtifactsExpireAt: day(1)},
	} {
		r = post(t, oneJob(j), "/projects/1/jobs/1/artifacts/keep")
		require.Equal(t, 404, r.status, name)
		require.Regexp(t, `^404 .+ Not Found$`, r.object(t)["message"])
	}
}

func TestDeleteArtifacts(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Artifacts: files(), Log: "x", Reports: map[gitlabci.ArtifactType][]byte{"sast": nil}})
	for range 2 {
		r := send(t, srv, http.MethodDelete, "/projects/1/jobs/1/artifacts", "")
		require.Equal(t, 204, r.status)
		require.Empty(t, r.body)
		o := get(t, srv, "/projects/1/jobs/1").object(t)
		require.Len(t, o["artifacts"], 1)
		require.NotContains(t, o, "artifacts_file")
		require.Nil(t, o["erased_at"])
		require.Equal(t, "x", get(t, srv, "/projects/1/jobs/1/trace").body)
		require.Equal(t, 404, get(t, srv, "/projects/1/jobs/1/artifacts").status)
	}
}

func TestDeleteProjectArtifacts(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	add := func(id gitlabci.JobID, project string, p gitlabcitest.Pipeline) {
		srv.AddPipeline(project, p).AddJob(gitlabcitest.Job{ID: id, Artifacts: files(), Log: "x"})
	}
	add(1, "group/app", gitlabcitest.Pipeline{})
	add(2, "group/app", gitlabcitest.Pipeline{})
	add(3, "group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	add(4, "group/app", gitlabcitest.Pipeline{Ref: "topic"})
	add(5, "group/lib", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	r := send(t, srv, http.MethodDelete, "/projects/1/artifacts", "")
	require.Equal(t, 202, r.status)
	require.JSONEq(t, `{"message":"202 Accepted"}`, r.body)
	for id, kept := range map[string]bool{"1": false, "2": true, "3": false, "4": true, "5": true} {
		project := "1"
		if id == "5" {
			project = "2"
		}
		o := get(t, srv, "/projects/"+project+"/jobs/"+id).object(t)
		require.Equal(t, kept, o["artifacts_file"] != nil, id)
		require.Equal(t, kept, o["artifacts_expire_at"] == nil, id)
		require.Equal(t, "x", get(t, srv, "/projects/"+project+"/jobs/"+id+"/trace").body)
	}
}
