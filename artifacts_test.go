package gitlabci_test

import (
	"bytes"
	"context"
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
)

// artifactsOpens are the ways to open a file.
var artifactsOpens = map[string]func(context.Context, *gitlabci.Client) (*gitlabci.ArtifactFile, error){
	"archive": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(7), nil)
	},
	"report": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(7), &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeJUnit})
	},
	"latest": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.Open(ctx, "group/app", artifactsLatest, nil)
	},
	"member": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.OpenFile(ctx, "group/app", gitlabci.JobID(7), "out/a b.txt")
	},
	"latest member": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.OpenFile(ctx, "group/app", artifactsLatest, "out/a b.txt")
	},
}

var artifactsLatest = gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}

// artifactsPath is the endpoint of each, as errors have it.
var artifactsPath = map[string]string{
	"archive":       "/projects/group%2Fapp/jobs/7/artifacts",
	"report":        "/projects/group%2Fapp/jobs/7/artifacts",
	"latest":        "/projects/group%2Fapp/jobs/artifacts/main/download",
	"member":        "/projects/group%2Fapp/jobs/7/artifacts/out/a%20b.txt",
	"latest member": "/projects/group%2Fapp/jobs/artifacts/main/raw/out/a%20b.txt",
}

// artifactsFile answers with a file as GitLab does.
func artifactsFile(content, contentType, disposition string) http.HandlerFunc {
	return answer(200, content, "Content-Type", contentType, "Content-Disposition", disposition, "Content-Length", fmt.Sprint(len(content)))
}

func TestArtifactsOpen(t *testing.T) {
	const disposition = `attachment; filename="results.bin"; filename*=UTF-8''results.bin`
	content := downloadNoise(100_000)
	for name, open := range artifactsOpens {
		t.Run(name, func(t *testing.T) {
			s := newScript(artifactsFile(content, "application/octet-stream", disposition))
			file, err := open(t.Context(), s.client(t))
			require.NoError(t, err)
			require.Equal(t, "results.bin", file.Name)
			require.EqualValues(t, len(content), file.Size)
			require.Equal(t, "application/octet-stream", file.ContentType)
			got, err := io.ReadAll(file)
			require.NoError(t, err)
			require.True(t, content == string(got), "%d bytes for %d", len(got), len(content))
			require.NoError(t, file.Close())
			require.Len(t, s.received(), 1)
		})
	}
}

func TestArtifactsOpenEmpty(t *testing.T) {
	for name, open := range artifactsOpens {
		file, err := open(t.Context(), newScript(artifactsFile("", "text/plain", "attachment")).client(t))
		require.NoError(t, err, name)
		require.Zero(t, file.Size)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, file.Close())
	}
}

// A server that does not tell the size sends chunks.
func TestArtifactsOpenOfUnknownSize(t *testing.T) {
	for name, open := range artifactsOpens {
		file, err := open(t.Context(), newScript(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "first ")
			w.(http.Flusher).Flush()
			io.WriteString(w, "second")
		}).client(t))
		require.NoError(t, err, name)
		require.EqualValues(t, -1, file.Size)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.Equal(t, "first second", string(got))
	}
}

// The name is the server's choice, the folder never.
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
			file, err := artifactsOpens["archive"](t.Context(), newScript(artifactsFile("x", "text/plain", test.disposition)).client(t))
			require.NoError(t, err)
			require.Equal(t, test.want, file.Name)
		})
	}
}

// Without a name of the server's, the address has one.
func TestArtifactsNameByAddress(t *testing.T) {
	for name, want := range map[string]string{"archive": "artifacts", "latest": "download", "member": "a b.txt", "latest member": "a b.txt"} {
		file, err := artifactsOpens[name](t.Context(), newScript(answer(200, "x", "Content-Type", "text/plain")).client(t))
		require.NoError(t, err)
		require.Equal(t, want, file.Name)
	}
	for location, want := range map[string]string{
		storageURL: "answer.json",
		"https://" + storageHost + "/a%2Fb%5Cc.zip?" + signature:  "c.zip",
		"https://" + storageHost + "/bucket/..%2F..?" + signature: "",
		"https://" + storageHost + "/?" + signature:               "",
	} {
		api, _ := redirected(302, location, answer(200, "x", "Content-Type", "text/plain"))
		file, err := artifactsOpens["archive"](t.Context(), api.client(t))
		require.NoError(t, err)
		require.Equal(t, want, file.Name, location)
	}
}

// A report that is kept as gzip is a file, not a way to send one.
func TestArtifactsGzipStaysGzip(t *testing.T) {
	packed := "\x1f\x8b\x08\x00" + downloadNoise(1000)
	for _, contentType := range []string{"application/gzip", "application/x-gzip", "application/octet-stream"} {
		s := newScript(artifactsFile(packed, contentType, `attachment; filename="junit.xml.gz"`))
		file, err := artifactsOpens["report"](t.Context(), s.client(t))
		require.NoError(t, err)
		got, err := io.ReadAll(file)
		require.NoError(t, err)
		require.True(t, packed == string(got))
		require.Equal(t, []string{"identity"}, s.received()[0].Header.Values("Accept-Encoding"))
	}
}

// A member whose name says so may well be a page.
func TestArtifactsPageMembers(t *testing.T) {
	for path, page := range map[string]bool{
		"coverage/index.html": true, "a.htm": true, "A.HTML": true, "b.shtml": true, "index.html.txt": false, "html": false, "a.json": false,
	} {
		s := newScript(artifactsFile("<title>Sign in</title>", "text/html; charset=utf-8", ""))
		file, err := s.client(t).Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(7), path)
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
		for _, name := range slices.Sorted(maps.Keys(artifactsOpens)) {
			t.Run(contentType+" "+name, func(t *testing.T) {
				s := newScript(artifactsFile("<title>Sign in</title>", contentType, ""))
				file, err := artifactsOpens[name](t.Context(), s.client(t))
				require.Len(t, s.received(), 1)
				require.ErrorContains(t, err, contentType)
				require.ErrorContains(t, err, "GET "+artifactsPath[name])
				require.Nil(t, file)
			})
		}
	}
}

// What GitLab says when there is nothing, and what Workhorse says when the
// archive is there and the file is not.
func TestArtifactsNotFound(t *testing.T) {
	for _, step := range []http.HandlerFunc{
		answer(404, `{"message":"404 Not Found"}`),
		answer(404, `{"message":"404 Not found"}`),
		answer(404, `{"message":"404 Job Not Found"}`),
		answer(404, "404 page not found\n", "Content-Type", "text/plain; charset=utf-8"),
	} {
		for name, open := range artifactsOpens {
			s := newScript(step)
			_, err := open(t.Context(), s.client(t))
			require.ErrorIs(t, err, gitlabci.ErrNotFound, name)
			require.NotErrorIs(t, err, errors.ErrUnsupported)
			e, answered := errors.AsType[*gitlabci.APIError](err)
			require.True(t, answered)
			require.Equal(t, artifactsPath[name], e.Path)
			require.Len(t, s.received(), 1)
		}
	}
	_, err := artifactsOpens["member"](t.Context(), newScript(answer(404, "404 page not found\n", "Content-Type", "text/plain")).client(t))
	require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts/out/a%20b.txt: 404 Not Found: page not found")
}

func TestArtifactsRefused(t *testing.T) {
	for status, sentinel := range map[int]error{400: gitlabci.ErrInvalid, 401: gitlabci.ErrUnauthorized, 403: gitlabci.ErrForbidden} {
		for name, open := range artifactsOpens {
			_, err := open(t.Context(), newScript(answer(status, `{"message":"no"}`)).client(t))
			require.ErrorIs(t, err, sentinel, name)
		}
	}
}

// Storage serves whoever has the signed address, and learns of nobody else.
func TestArtifactsFromStorage(t *testing.T) {
	content := downloadNoise(10_000)
	for name, opts := range credentials {
		for way, open := range artifactsOpens {
			t.Run(name+" "+way, func(t *testing.T) {
				api, storage := redirected(302, storageURL, artifactsFile(content, "application/octet-stream", `attachment; filename="results.bin"`))
				file, err := open(t.Context(), api.anonymous(t, opts...))
				require.NoError(t, err)
				require.Equal(t, "results.bin", file.Name)
				require.EqualValues(t, len(content), file.Size)
				got, err := io.ReadAll(file)
				require.NoError(t, err)
				require.True(t, content == string(got))

				require.Contains(t, fmt.Sprint(api.received()[0].Header), scriptToken)
				require.Len(t, storage.received(), 1)
				away := storage.received()[0]
				require.Equal(t, "/bucket/answer.json?"+signature, away.RequestURI)
				require.NotContains(t, fmt.Sprint(away.Header), scriptToken)
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
		for name, open := range artifactsOpens {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				var log bytes.Buffer
				api, storage := redirected(302, storageURL, answer(status,
					`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Url>`+storageURL+`</Url></Error>`, "Content-Type", "application/xml"))
				_, err := open(t.Context(), api.client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
				e, answered := errors.AsType[*gitlabci.APIError](err)
				require.True(t, answered)
				require.Equal(t, status, e.StatusCode)
				require.Len(t, storage.received(), 1)
				for _, sentinel := range []error{gitlabci.ErrUnauthorized, gitlabci.ErrForbidden, gitlabci.ErrNotFound, gitlabci.ErrConflict, gitlabci.ErrInvalid, errors.ErrUnsupported} {
					require.NotErrorIs(t, err, sentinel)
				}
				require.ErrorContains(t, err, "GET "+artifactsPath[name]+": storage "+storageHost)
				require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String()), "c2lnbmVk")
			})
		}
	}
}

// Signed addresses expire, so the server is asked for a new one.
func TestArtifactsStorageIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, storage := redirected(302, storageURL, answer(503, `<Error/>`))
		storage.steps = append(storage.steps, reset, artifactsFile("x", "application/zip", ""))
		file, err := artifactsOpens["archive"](t.Context(), api.client(t))
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.Len(t, api.received(), 3)
		require.Len(t, storage.received(), 3)
	})
}

// Nothing of a signed address is told when the body behind it breaks off.
func TestArtifactsStorageBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, step := range []http.HandlerFunc{breakOff, stall} {
			api, _ := redirected(302, storageURL, ofType("application/zip", step))
			file, err := artifactsOpens["archive"](t.Context(), api.client(t))
			require.NoError(t, err)
			_, err = io.ReadAll(file)
			require.ErrorContains(t, err, "GET /projects/group%2Fapp/jobs/7/artifacts")
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", cause, cause, cause), "c2lnbmVk")
				require.NotContains(t, fmt.Sprintf("%v %+v", cause, cause), scriptToken)
			}
			require.NoError(t, file.Close())
		}
	})
}

func TestArtifactsRedirectsThatAreRefused(t *testing.T) {
	for _, location := range []string{"http://" + storageHost + "/bucket?" + signature, "file:///etc/passwd", "https://" + storageHost + "/%zz?" + signature} {
		api, storage := redirected(302, location, ok)
		_, err := artifactsOpens["archive"](t.Context(), api.client(t))
		require.Error(t, err)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "c2lnbmVk")
		require.Empty(t, storage.received())
	}
}
