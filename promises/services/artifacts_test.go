package services_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// artifactsPath is the endpoint of each call, as errors have it.
var artifactsPath = map[string]string{
	"archive":       "/projects/group%2Fapp/jobs/7/artifacts",
	"report":        "/projects/group%2Fapp/jobs/7/artifacts",
	"latest":        "/projects/group%2Fapp/jobs/artifacts/main/download",
	"member":        "/projects/group%2Fapp/jobs/7/artifacts/out/a%20b.txt",
	"latest member": "/projects/group%2Fapp/jobs/artifacts/main/raw/out/a%20b.txt",
}

func TestArtifactsOpen(t *testing.T) {
	const disposition = `attachment; filename="results.bin"; filename*=UTF-8''results.bin`
	content := testkit.Noise(100_000)
	for name, open := range testkit.Opens {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.File(content, "application/octet-stream", disposition))
			file, err := open(t.Context(), s.Client(t))
			require.NoError(t, err)
			require.Equal(t, "results.bin", file.Name)
			require.EqualValues(t, len(content), file.Size)
			require.Equal(t, "application/octet-stream", file.ContentType)
			got, err := io.ReadAll(file)
			require.NoError(t, err)
			require.True(t, content == string(got), "%d bytes for %d", len(got), len(content))
			require.NoError(t, file.Close())
			require.Len(t, s.Received(), 1)
		})
	}
}

func TestArtifactsOpenEmpty(t *testing.T) {
	for name, open := range testkit.Opens {
		file, err := open(t.Context(), testkit.NewScript(testkit.File("", "text/plain", "attachment")).Client(t))
		require.NoError(t, err, name)
		require.Zero(t, file.Size)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, file.Close())
	}
}

// A server that does not send the size sends chunks.
func TestArtifactsOpenOfUnknownSize(t *testing.T) {
	for name, open := range testkit.Opens {
		file, err := open(t.Context(), testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "first ")
			w.(http.Flusher).Flush()
			io.WriteString(w, "second")
		}).Client(t))
		require.NoError(t, err, name)
		require.EqualValues(t, -1, file.Size)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.Equal(t, "first second", string(got))
	}
}

// The server chooses the name of a file, but never its folder.
func TestArtifactsName(t *testing.T) {
	tests := map[string]struct{ disposition, want string }{
		"quoted":                     {`attachment; filename="report.xml.gz"`, "report.xml.gz"},
		"bare":                       {`attachment; filename=report.xml`, "report.xml"},
		"with a space":               {`attachment; filename="a valve.txt"`, "a valve.txt"},
		"encoded":                    {`attachment; filename*=UTF-8''b%C3%BCrste%20%26.zip`, "bürste &.zip"},
		"encoded, and without":       {`attachment; filename="b_rste.zip"; filename*=UTF-8''b%C3%BCrste.zip`, "bürste.zip"},
		"encoded, the other way":     {`attachment; filename*=UTF-8''b%C3%BCrste.zip; filename="b_rste.zip"`, "bürste.zip"},
		"of a log":                   {`infile; filename="7.log"`, "7.log"},
		"leading dot":                {`attachment; filename=".env"`, ".env"},
		"absolute":                   {`attachment; filename="/etc/passwd"`, "passwd"},
		"upwards":                    {`attachment; filename="../../etc/passwd"`, "passwd"},
		"upwards, encoded":           {`attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`, "passwd"},
		"upwards, by backslashes":    {`attachment; filename="..\\..\\evil.exe"`, "evil.exe"},
		"one backslash":              {`attachment; filename="..\evil.exe"`, "evil.exe"},
		"backslash, encoded":         {`attachment; filename*=UTF-8''..%5C..%5Cevil.exe`, "evil.exe"},
		"drive":                      {`attachment; filename="C:\\evil.exe"`, "evil.exe"},
		"both separators":            {`attachment; filename="a/b\\c"`, "c"},
		"only dots":                  {`attachment; filename=".."`, ""},
		"only dots in the end":       {`attachment; filename="a/.."`, ""},
		"one dot":                    {`attachment; filename="."`, ""},
		"only a folder":              {`attachment; filename="a/b/"`, ""},
		"only a separator":           {`attachment; filename="/"`, ""},
		"encoded slash, not decoded": {`attachment; filename="a%2Fb"`, "a%2Fb"},
		"no name":                    {`attachment`, "artifacts"},
		"empty name":                 {`attachment; filename=""`, "artifacts"},
		"nothing":                    {``, "artifacts"},
		"damaged":                    {`attachment; filename="a.zip"; filename="b.zip"`, "artifacts"},
		"no type":                    {`; filename="a.zip"`, "artifacts"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file, err := testkit.Opens["archive"](t.Context(), testkit.NewScript(testkit.File("x", "text/plain", test.disposition)).Client(t))
			require.NoError(t, err)
			require.Equal(t, test.want, file.Name)
		})
	}
}

// If the server sends no name, the file has that of the URL.
func TestArtifactsNameByURL(t *testing.T) {
	for name, want := range map[string]string{"archive": "artifacts", "latest": "download", "member": "a b.txt", "latest member": "a b.txt"} {
		file, err := testkit.Opens[name](t.Context(), testkit.NewScript(testkit.Respond(200, "x", "Content-Type", "text/plain")).Client(t))
		require.NoError(t, err)
		require.Equal(t, want, file.Name)
	}
	for location, want := range map[string]string{
		testkit.StorageURL: "answer.json",
		"https://" + testkit.StorageHost + "/a%2Fb%5Cc.zip?" + testkit.Signature:  "c.zip",
		"https://" + testkit.StorageHost + "/bucket/..%2F..?" + testkit.Signature: "",
		"https://" + testkit.StorageHost + "/?" + testkit.Signature:               "",
	} {
		api, _ := testkit.Redirected(302, location, testkit.Respond(200, "x", "Content-Type", "text/plain"))
		file, err := testkit.Opens["archive"](t.Context(), api.Client(t))
		require.NoError(t, err)
		require.Equal(t, want, file.Name, location)
	}
}

// A report that is kept as gzip is a file, not a way to send one.
func TestArtifactsGzipStaysGzip(t *testing.T) {
	packed := "\x1f\x8b\x08\x00" + testkit.Noise(1000)
	for _, contentType := range []string{"application/gzip", "application/x-gzip", "application/octet-stream"} {
		s := testkit.NewScript(testkit.File(packed, contentType, `attachment; filename="junit.xml.gz"`))
		file, err := testkit.Opens["report"](t.Context(), s.Client(t))
		require.NoError(t, err)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.True(t, packed == string(got))
		require.Equal(t, []string{"identity"}, s.Received()[0].Header.Values("Accept-Encoding"))
	}
}

func TestOpenFileProgress(t *testing.T) {
	var steps []testkit.ProgressStep
	opts := &gitlabci.OpenFileOptions{Progress: testkit.RecordProgress(&steps).Progress}
	s := testkit.NewScript(testkit.File("0123456789", "text/plain", ""))
	file, err := s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(7), "a.txt", opts)
	require.NoError(t, err)
	got, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(got))
	require.Equal(t, []testkit.ProgressStep{{Done: 10, Total: 10}}, steps)
}

// A file in an archive may be a page if its name says so.
func TestArtifactsPageMembers(t *testing.T) {
	for path, page := range map[string]bool{
		"coverage/index.html": true, "a.htm": true, "A.HTML": true, "b.shtml": true, "index.html.txt": false, "html": false, "a.json": false,
	} {
		s := testkit.NewScript(testkit.File("<title>Sign in</title>", "text/html; charset=utf-8", ""))
		file, err := s.Client(t).Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(7), path, nil)
		if !page {
			require.ErrorContains(t, err, "this is a page", path)
			continue
		}
		require.NoError(t, err, path)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.Equal(t, "<title>Sign in</title>", string(got))
	}
}

// A page in place of a file is a page to sign in, or a proxy's.
func TestArtifactsPages(t *testing.T) {
	for _, contentType := range []string{"text/html", "text/html; charset=utf-8", "Text/HTML;charset=UTF-8"} {
		for _, name := range slices.Sorted(maps.Keys(testkit.Opens)) {
			t.Run(contentType+" "+name, func(t *testing.T) {
				s := testkit.NewScript(testkit.File("<title>Sign in</title>", contentType, ""))
				file, err := testkit.Opens[name](t.Context(), s.Client(t))
				require.Len(t, s.Received(), 1)
				require.ErrorContains(t, err, contentType)
				require.ErrorContains(t, err, "GET "+artifactsPath[name])
				require.Nil(t, file)
			})
		}
	}
}

// GitLab's response without artifacts, and Workhorse's if the archive exists and the file
// does not.
func TestArtifactsNotFound(t *testing.T) {
	for _, step := range []http.HandlerFunc{
		testkit.Respond(404, `{"message":"404 Not Found"}`),
		testkit.Respond(404, `{"message":"404 Not found"}`),
		testkit.Respond(404, `{"message":"404 Job Not Found"}`),
		testkit.Respond(404, "404 page not found\n", "Content-Type", "text/plain; charset=utf-8"),
	} {
		for name, open := range testkit.Opens {
			s := testkit.NewScript(step)
			_, err := open(t.Context(), s.Client(t))
			require.ErrorIs(t, err, gitlabci.ErrNotFound, name)
			require.NotErrorIs(t, err, errors.ErrUnsupported)
			e, responded := errors.AsType[*gitlabci.APIError](err)
			require.True(t, responded)
			require.Equal(t, artifactsPath[name], e.Path)
			require.Len(t, s.Received(), 1)
		}
	}
	_, err := testkit.Opens["member"](t.Context(), testkit.NewScript(testkit.Respond(404, "404 page not found\n", "Content-Type", "text/plain")).Client(t))
	require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts/out/a%20b.txt: 404 Not Found: page not found")
}

func TestArtifactsRefused(t *testing.T) {
	for status, sentinel := range map[int]error{400: gitlabci.ErrInvalid, 401: gitlabci.ErrUnauthorized, 403: gitlabci.ErrForbidden} {
		for name, open := range testkit.Opens {
			_, err := open(t.Context(), testkit.NewScript(testkit.Respond(status, `{"message":"no"}`)).Client(t))
			require.ErrorIs(t, err, sentinel, name)
		}
	}
}

// A storage serves any client with the signed URL, and receives no credential.
func TestArtifactsFromStorage(t *testing.T) {
	content := testkit.Noise(10_000)
	for name, opts := range testkit.Credentials {
		for way, open := range testkit.Opens {
			t.Run(name+" "+way, func(t *testing.T) {
				api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.File(content, "application/octet-stream", `attachment; filename="results.bin"`))
				file, err := open(t.Context(), api.Anonymous(t, opts...))
				require.NoError(t, err)
				require.Equal(t, "results.bin", file.Name)
				require.EqualValues(t, len(content), file.Size)
				got, err := io.ReadAll(file)
				require.NoError(t, err)
				require.True(t, content == string(got))

				require.Contains(t, fmt.Sprint(api.Received()[0].Header), testkit.Token)
				require.Len(t, storage.Received(), 1)
				away := storage.Received()[0]
				require.Equal(t, "/bucket/answer.json?"+testkit.Signature, away.RequestURI)
				require.NotContains(t, fmt.Sprint(away.Header), testkit.Token)
				require.Equal(t, []string{"identity"}, away.Header.Values("Accept-Encoding"))
				for _, header := range []string{"Authorization", "Private-Token", "Job-Token", "Sudo", "Cookie", "Referer"} {
					require.Empty(t, away.Header.Values(header), header)
				}
			})
		}
	}
}

func TestArtifactsErrorsOfStorage(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 410, 416, 422} {
		for name, open := range testkit.Opens {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				var log bytes.Buffer
				api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.Respond(status,
					`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Url>`+testkit.StorageURL+`</Url></Error>`, "Content-Type", "application/xml"))
				_, err := open(t.Context(), api.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
				e, responded := errors.AsType[*gitlabci.APIError](err)
				require.True(t, responded)
				require.Equal(t, status, e.StatusCode)
				require.Len(t, storage.Received(), 1)
				for _, sentinel := range []error{gitlabci.ErrUnauthorized, gitlabci.ErrForbidden, gitlabci.ErrNotFound, gitlabci.ErrConflict, gitlabci.ErrInvalid, errors.ErrUnsupported} {
					require.NotErrorIs(t, err, sentinel)
				}
				require.ErrorContains(t, err, "GET "+artifactsPath[name]+": storage "+testkit.StorageHost)
				require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String()), "c2lnbmVk")
			})
		}
	}
}

// Signed URLs expire, so a new one is requested from the server.
func TestArtifactsStorageIsRequestedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, storage := testkit.Redirected(302, testkit.StorageURL, testkit.Respond(503, `<Error/>`))
		storage.Steps = append(storage.Steps, testkit.Reset, testkit.File("x", "application/zip", ""))
		file, err := testkit.Opens["archive"](t.Context(), api.Client(t))
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.Len(t, api.Received(), 3)
		require.Len(t, storage.Received(), 3)
	})
}

// An error says nothing of the signed URL when its body is cut short.
func TestArtifactsStorageIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, step := range []http.HandlerFunc{testkit.BreakOff, testkit.Stall} {
			api, _ := testkit.Redirected(302, testkit.StorageURL, testkit.OfType("application/zip", step))
			file, err := testkit.Opens["archive"](t.Context(), api.Client(t))
			require.NoError(t, err)
			_, err = io.ReadAll(file)
			require.ErrorContains(t, err, "GET /projects/group%2Fapp/jobs/7/artifacts")
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", cause, cause, cause), "c2lnbmVk")
				require.NotContains(t, fmt.Sprintf("%v %+v", cause, cause), testkit.Token)
			}
			require.NoError(t, file.Close())
		}
	})
}

func TestArtifactsRedirectsThatAreRefused(t *testing.T) {
	for _, location := range []string{"http://" + testkit.StorageHost + "/bucket?" + testkit.Signature, "file:///etc/passwd", "https://" + testkit.StorageHost + "/%zz?" + testkit.Signature} {
		api, storage := testkit.Redirected(302, location, testkit.OK)
		_, err := testkit.Opens["archive"](t.Context(), api.Client(t))
		require.Error(t, err)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "c2lnbmVk")
		require.Empty(t, storage.Received())
	}
}
