package gitlabcitest_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// storageServer is a server with an archive and a report in a storage.
func storageServer(storage gitlabcitest.Storage, opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(append(opts, gitlabcitest.WithStorage(storage))...)
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		ID: 1, Name: "build", Artifacts: files(), FinishedAt: day(2), Log: "done",
		Reports: map[gitlabci.ArtifactType][]byte{"sast": []byte("{}")},
	})
	return srv
}

// fetch requests a URL without a credential, unless headers have one.
func fetch(t *testing.T, srv *gitlabcitest.Server, method, address string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	require.NoError(t, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := srv.Transport().RoundTrip(req)
	require.NoError(t, err)
	return read(t, resp)
}

// location is where a request is redirected to.
func location(t *testing.T, srv *gitlabcitest.Server, method, path string) string {
	t.Helper()
	r := send(t, srv, method, path, "")
	require.Equal(t, 302, r.status, r.body)
	return r.header.Get("Location")
}

// archive is what a server has without a storage.
func archive(t *testing.T) string { return get(t, built(), byID).body }

func TestStorageRedirects(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	for path, want := range map[string]string{byID: "", byRef: "", byID + "?file_type=sast": "{}"} {
		r := get(t, srv, path)
		require.Equal(t, 302, r.status, path)
		require.Equal(t, "text/plain", r.header.Get("Content-Type"))
		require.NotEmpty(t, r.header.Get("X-Request-Id"))
		address := r.header.Get("Location")
		require.Equal(t, "This resource has been moved temporarily to "+address+".", r.body)
		require.True(t, strings.HasPrefix(address, gitlabcitest.StorageURL+"/"), address)
		require.Contains(t, address, "X-Amz-Signature=")

		r = fetch(t, srv, http.MethodGet, address)
		require.Equal(t, 200, r.status, r.body)
		if want == "" {
			require.Contains(t, unzip(t, r.body), "report.json")
		} else {
			require.Equal(t, want, r.body)
		}
		require.Equal(t, "application/octet-stream", r.header.Get("Content-Type"))
		require.Equal(t, "bytes", r.header.Get("Accept-Ranges"))
		require.Equal(t, "Sat, 02 Mar 2024 12:00:00 GMT", r.header.Get("Last-Modified"))
		require.Regexp(t, `^"[0-9a-f]{32}"$`, r.header.Get("Etag"))
		require.NotEmpty(t, r.header.Get("X-Amz-Request-Id"))
		require.Empty(t, r.header.Get("X-Request-Id"), "it is not from GitLab")
		require.Empty(t, r.header.Get("Content-Disposition"))
	}
}

// GitLab refuses requests before it signs a URL.
func TestStorageComesLast(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	for path, want := range map[string]int{
		"/projects/1/jobs/2/artifacts":              404,
		byID + "?file_type=dast":                    404,
		byID + "?file_type=x":                       400,
		"/projects/1/jobs/artifacts/x/download":     400,
		"/projects/1/jobs/artifacts/x/download?job": 404,
		"/projects/9/jobs/1/artifacts":              404,
	} {
		r := get(t, srv, path)
		require.Equal(t, want, r.status, path)
		require.Empty(t, r.header.Get("Location"))
	}
	require.Equal(t, 404, send(t, srv, http.MethodGet, byID, "", "anonymous").status)
	require.Equal(t, 401, send(t, srv, http.MethodGet, byID, "", "Private-Token: x").status)
}

func TestOnlyWholeFilesAreStored(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	for path, want := range map[string]string{
		byID + "/tree?path=bin/sub":                           `[{"name":"page.html","path":"bin/sub/page.html","type":"file","size":30,"mode":"100644"}]`,
		byID + "/report.json":                                 `{"ok":true}`,
		"/projects/1/jobs/artifacts/main/raw/tree?job=build":  "oak",
		"/projects/1/jobs/1/trace":                            "done",
		"/projects/1/jobs/1/trace?byte_offset=1&byte_limit=2": "on",
	} {
		r := get(t, srv, path)
		require.Equal(t, 200, r.status, path)
		require.Equal(t, want, r.body)
	}
}

func TestStorageRefusesNothingButAuthorization(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	for _, header := range []string{"Private-Token", "Job-Token", "Cookie", "Sudo"} {
		r := fetch(t, srv, http.MethodGet, location(t, srv, http.MethodGet, byID), header+": "+srv.Token())
		require.Equal(t, 200, r.status, header)
		came := srv.Requests()
		require.Equal(t, srv.Token(), came[len(came)-1].Header.Get(header))
	}
	r := fetch(t, srv, http.MethodGet, location(t, srv, http.MethodGet, byID), "Authorization: Bearer "+srv.Token())
	require.Equal(t, 400, r.status)
	require.Contains(t, r.body, "<Code>InvalidArgument</Code>")
}

func TestStrictStorageRefusesCredentials(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{Strict: true})
	for _, header := range []string{"Private-Token", "Job-Token", "Authorization", "Cookie", "Sudo"} {
		r := fetch(t, srv, http.MethodGet, location(t, srv, http.MethodGet, byID), header+": "+srv.Token())
		require.Equal(t, 400, r.status, header)
		require.Equal(t, "application/xml", r.header.Get("Content-Type"))
		require.Contains(t, r.body, "<Code>InvalidArgument</Code>")
		require.Contains(t, r.body, header)
		require.NotContains(t, r.body, srv.Token())
	}
}

func TestStorageChecksSignatures(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	good := location(t, srv, http.MethodGet, byID)
	other := location(t, srv, http.MethodGet, byID+"?file_type=sast")
	tests := map[string]struct{ method, address string }{
		"another path":         {"GET", strings.Split(other, "?")[0] + "?" + strings.Split(good, "?")[1]},
		"no signature":         {"GET", strings.Split(good, "&X-Amz-Signature")[0]},
		"no query":             {"GET", strings.Split(good, "?")[0]},
		"another signature":    {"GET", strings.Split(good, "Signature=")[0] + "Signature=" + strings.Repeat("0", 64)},
		"a longer life":        {"GET", strings.Replace(good, "X-Amz-Expires=300", "X-Amz-Expires=301", 1)},
		"a parameter more":     {"GET", good + "&private_token=x"},
		"a write":              {"PUT", good},
		"another write":        {"POST", good},
		"nothing like a path":  {"GET", gitlabcitest.StorageURL},
		"GitLab's own address": {"GET", gitlabcitest.StorageURL + "/api/v4/projects/1/jobs/1/artifacts"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := fetch(t, srv, test.method, test.address)
			require.Equal(t, 403, r.status)
			require.Equal(t, "application/xml", r.header.Get("Content-Type"))
			require.Contains(t, r.body, "<Code>SignatureDoesNotMatch</Code>")
		})
	}
	require.Equal(t, 200, fetch(t, srv, http.MethodGet, good).status)
}

func TestSignedURLsExpire(t *testing.T) {
	for given, lifetime := range map[time.Duration]time.Duration{0: 5 * time.Minute, time.Hour: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			srv := storageServer(gitlabcitest.Storage{Lifetime: given})
			address := location(t, srv, http.MethodGet, byID)
			time.Sleep(lifetime - time.Nanosecond)
			require.Equal(t, 200, fetch(t, srv, http.MethodGet, address).status)
			time.Sleep(time.Nanosecond)
			r := fetch(t, srv, http.MethodGet, address)
			require.Equal(t, 403, r.status)
			require.Equal(t, "application/xml", r.header.Get("Content-Type"))
			require.Contains(t, r.body, "<Code>AccessDenied</Code><Message>Request has expired</Message>")
			require.Contains(t, r.body, "<X-Amz-Expires>"+strconv.Itoa(int(lifetime/time.Second))+"</X-Amz-Expires>")
			require.Equal(t, 200, fetch(t, srv, http.MethodGet, location(t, srv, http.MethodGet, byID)).status)
		})
	}
}

func TestStorageForgets(t *testing.T) {
	tests := map[string]struct{ method, path string }{
		"erased":               {"POST", "/projects/1/jobs/1/erase"},
		"artifacts deleted":    {"DELETE", byID},
		"pipeline deleted":     {"DELETE", "/projects/1/pipelines/101"},
		"all artifacts expire": {"DELETE", "/projects/1/artifacts"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := storageServer(gitlabcitest.Storage{})
			address := location(t, srv, http.MethodGet, byID)
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{}) // so that the first one is not locked
			require.Equal(t, 200, fetch(t, srv, http.MethodGet, address).status)
			require.Less(t, send(t, srv, test.method, test.path, "").status, 300)
			r := fetch(t, srv, http.MethodGet, address)
			require.Equal(t, 404, r.status)
			require.Contains(t, r.body, "<Code>NoSuchKey</Code>")
			require.Contains(t, r.body, "<Key>ci-artifacts/1/1/archive/artifacts.zip</Key>")
		})
	}
}

func TestStorageRanges(t *testing.T) {
	all := archive(t)
	size := strconv.Itoa(len(all))
	tests := map[string]struct {
		storage      gitlabcitest.Storage
		header       string
		status       int
		want         string
		contentRange string
	}{
		"a part":                    {header: "Range: bytes=2-5", status: 206, want: all[2:6], contentRange: "bytes 2-5/" + size},
		"the end":                   {header: "Range: bytes=-4", status: 206, want: all[len(all)-4:], contentRange: "bytes " + strconv.Itoa(len(all)-4) + "-" + strconv.Itoa(len(all)-1) + "/" + size},
		"past it":                   {header: "Range: bytes=" + size + "-", status: 416, want: "<Code>InvalidRange</Code>", contentRange: "bytes */" + size},
		"not newer":                 {header: "If-Modified-Since: Sat, 02 Mar 2024 12:00:00 GMT", status: 304},
		"older":                     {header: "If-Unmodified-Since: Fri, 01 Mar 2024 12:00:00 GMT", status: 412, want: "<Code>PreconditionFailed</Code>"},
		"without ranges":            {storage: gitlabcitest.Storage{NoRanges: true}, header: "Range: bytes=2-5", status: 200, want: all},
		"without ranges, too large": {storage: gitlabcitest.Storage{NoRanges: true}, header: "Range: bytes=" + size + "-", status: 200, want: all},
		"the end, without suffixes": {storage: gitlabcitest.Storage{NoSuffixRanges: true}, header: "Range: bytes=-4", status: 200, want: all},
		"two, one of them the end":  {storage: gitlabcitest.Storage{NoSuffixRanges: true}, header: "Range: bytes=1-2, -4", status: 200, want: all},
		"a part, without suffixes":  {storage: gitlabcitest.Storage{NoSuffixRanges: true}, header: "Range: bytes=2-", status: 206, want: all[2:], contentRange: "bytes 2-" + strconv.Itoa(len(all)-1) + "/" + size},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, proxied := range []bool{false, true} {
				test.storage.Proxied = proxied
				srv := storageServer(test.storage)
				var r reply
				if proxied {
					r = send(t, srv, http.MethodGet, byID, "", test.header)
				} else {
					r = fetch(t, srv, http.MethodGet, location(t, srv, http.MethodGet, byID), test.header)
				}
				require.Equal(t, test.status, r.status)
				require.Equal(t, test.contentRange, r.header.Get("Content-Range"))
				require.Equal(t, test.storage.NoRanges, r.header.Get("Accept-Ranges") == "" && r.status < 300)
				if test.status == 206 || test.status == 200 {
					require.Len(t, r.body, len(test.want), "the times in the archives differ")
				} else {
					require.Contains(t, r.body, test.want)
				}
			}
		})
	}
}

func TestStorageETag(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	address := location(t, srv, http.MethodGet, byID)
	etag := fetch(t, srv, http.MethodGet, address).header.Get("Etag")
	require.Equal(t, 304, fetch(t, srv, http.MethodGet, address, "If-None-Match: "+etag).status)
	require.Equal(t, 206, fetch(t, srv, http.MethodGet, address, "Range: bytes=1-2", "If-Range: "+etag).status)
	require.Equal(t, 200, fetch(t, srv, http.MethodGet, address, "Range: bytes=1-2", `If-Range: "other"`).status)
	report := fetch(t, srv, http.MethodGet, location(t, srv, http.MethodGet, byID+"?file_type=sast"))
	require.NotEqual(t, etag, report.header.Get("Etag"))

	require.Empty(t, get(t, srv, byID).header.Get("Etag"), "a redirect has none")
	redirecting := storageServer(gitlabcitest.Storage{}, gitlabcitest.WithStrongETags())
	r := send(t, redirecting, http.MethodGet, byID, "", "If-None-Match: *")
	require.Equal(t, 302, r.status)
	require.Regexp(t, `^"[0-9a-f]{64}"$`, r.header.Get("Etag"))
}

func TestStorageHead(t *testing.T) {
	size := strconv.Itoa(len(archive(t)))
	srv := storageServer(gitlabcitest.Storage{})
	forHead := location(t, srv, http.MethodHead, byID)
	r := fetch(t, srv, http.MethodHead, forHead)
	require.Equal(t, 200, r.status)
	require.Equal(t, size, r.header.Get("Content-Length"))
	require.Equal(t, 403, fetch(t, srv, http.MethodGet, forHead).status, "it is signed for HEAD")
	require.Equal(t, 200, fetch(t, srv, http.MethodHead, location(t, srv, http.MethodGet, byID)).status)

	srv = storageServer(gitlabcitest.Storage{NoHead: true})
	forHead = location(t, srv, http.MethodHead, byID)
	require.Equal(t, 403, fetch(t, srv, http.MethodHead, forHead).status)
	require.Equal(t, 200, fetch(t, srv, http.MethodGet, forHead).status)

	srv = storageServer(gitlabcitest.Storage{Proxied: true})
	r = send(t, srv, http.MethodHead, byID, "")
	require.Equal(t, 200, r.status)
	require.Equal(t, size, r.header.Get("Content-Length"))
}

func TestDownloadMode(t *testing.T) {
	for _, test := range []struct {
		proxied bool
		mode    string
		want    int
	}{
		{false, "", 302}, {false, "proxy", 200}, {false, "direct", 302},
		{true, "", 200}, {true, "proxy", 200}, {true, "direct", 302},
	} {
		srv := storageServer(gitlabcitest.Storage{Proxied: test.proxied})
		for _, path := range []string{byID + "?", byRef + "&"} {
			if test.mode != "" {
				path += "download_mode=" + test.mode
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := send(t, srv, method, path, "")
				require.Equal(t, test.want, r.status, "%v %+v", path, test)
				if test.want == 200 {
					require.Regexp(t, `^"[0-9a-f]{32}"$`, r.header.Get("Etag"), "the headers are the storage's")
					require.Empty(t, r.header.Get("Content-Disposition"))
					require.NotEmpty(t, r.header.Get("X-Request-Id"), "but it is GitLab that responds")
				}
			}
		}
	}
	require.Equal(t, 200, get(t, built(), byID+"?download_mode=direct").status, "there is no storage")
}

func TestStorageRequestsAndFaults(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	address := location(t, srv, http.MethodGet, byID)
	srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Status: 503, Times: 2})
	require.Equal(t, 404, get(t, srv, "/projects/1/jobs/9/artifacts").status, "the fault is the storage's")
	failed := fetch(t, srv, http.MethodGet, address)
	require.Equal(t, 503, failed.status)
	require.NotContains(t, failed.header, "X-Request-Id", "that is GitLab's")
	require.Equal(t, 503, fetch(t, srv, http.MethodHead, address).status)
	require.Equal(t, 206, fetch(t, srv, http.MethodGet, address, "Range: bytes=0-").status)
	srv.Fault(gitlabcitest.Fault{Status: 500})
	require.Equal(t, 500, fetch(t, srv, http.MethodGet, address).status, "it hits everything")

	u, err := url.Parse(address)
	require.NoError(t, err)
	requests := srv.Requests()
	require.Len(t, requests, 6)
	require.Equal(t, "GET /projects/:id/jobs/:job_id/artifacts", requests[0].Route)
	require.Equal(t, 302, requests[0].Status)
	for i, want := range map[int]int{2: 503, 3: 503, 4: 206, 5: 500} {
		require.Equal(t, gitlabcitest.StorageRoute, requests[i].Route)
		require.Equal(t, want, requests[i].Status)
		require.Equal(t, u.Path, requests[i].Path)
		require.Equal(t, u.Query(), requests[i].Query)
	}
	require.Equal(t, "bytes=0-", requests[4].Header.Get("Range"))
}

func TestStorageMisuse(t *testing.T) {
	for sentence, mistake := range map[string]func(){
		"gitlabcitest: WithStorage: a Lifetime of -1s is not in whole seconds":  func() { gitlabcitest.WithStorage(gitlabcitest.Storage{Lifetime: -time.Second}) },
		"gitlabcitest: WithStorage: a Lifetime of 1.5s is not in whole seconds": func() { gitlabcitest.WithStorage(gitlabcitest.Storage{Lifetime: 1500 * time.Millisecond}) },
		`gitlabcitest: Fault: there is no Route "GET storage"`: func() {
			gitlabcitest.NewServer().Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Status: 500})
		},
	} {
		require.PanicsWithValue(t, sentence, mistake)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gitlabcitest.StorageURL, nil)
	require.NoError(t, err)
	_, err = built().Transport().RoundTrip(req)
	require.ErrorContains(t, err, "no such host")
}

// The client leaves its token at home, in memory and over sockets.
func TestClientReachesStorage(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	base, err := srv.Start()
	require.NoError(t, err)
	defer srv.Close()
	overSocket, err := gitlabci.NewClient(gitlabci.WithBaseURL(base), gitlabci.WithToken(srv.Token()))
	require.NoError(t, err)
	for _, client := range []*gitlabci.Client{srv.Client(), overSocket} {
		var whole bytes.Buffer
		n, err := client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(1), &whole, nil)
		require.NoError(t, err)
		require.EqualValues(t, whole.Len(), n)
		require.Contains(t, unzip(t, whole.String()), "report.json")
	}
	for _, r := range srv.Requests() {
		require.Equal(t, r.Route != gitlabcitest.StorageRoute, r.Header.Get("Private-Token") != "")
	}
}

func TestStorageOverSockets(t *testing.T) {
	srv := storageServer(gitlabcitest.Storage{})
	base, err := srv.Start()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v4"+byID, nil)
	require.NoError(t, err)
	req.Header.Set("Private-Token", srv.Token())
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	address := read(t, resp).header.Get("Location")
	require.True(t, strings.HasPrefix(address, "http://127.0.0.1:"), address)
	require.False(t, strings.HasPrefix(address, base), "it is another origin")
	require.True(t, strings.HasPrefix(location(t, srv, http.MethodGet, byID), gitlabcitest.StorageURL), "in memory it is where it was")

	resp, err = http.Get(address)
	require.NoError(t, err)
	require.Contains(t, unzip(t, read(t, resp).body), "report.json")
	resp, err = http.Get(strings.Replace(address, "Signature=", "Signature=0", 1))
	require.NoError(t, err)
	require.Equal(t, 403, read(t, resp).status)

	srv.Close()
	for _, closed := range []string{base, address} {
		_, err = http.Get(closed)
		require.Error(t, err)
	}
	again, err := srv.Start()
	require.NoError(t, err)
	defer srv.Close()
	require.NotEmpty(t, again)
}
