package zipped_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// bigContent does not come with the directory of its archive.
var bigContent = sync.OnceValue(func() string { return testkit.Noise(4 << 20) })

// bigArchive has one file that does not come with the directory. Nobody may write to it:
// it is made once.
func bigArchive(t testing.TB) (data []byte, content string) {
	return madeOnce("big", func() []byte {
		return testkit.Zip(t, testkit.ZipEntry{Name: "big", Content: bigContent(), Store: true}, testkit.ZipEntry{Name: "small", Content: "s"})
	}), bigContent()
}

var archivesMade sync.Map

// madeOnce makes an archive unless another test has.
func madeOnce(name string, zip func() []byte) []byte {
	once, _ := archivesMade.LoadOrStore(name, sync.OnceValue(zip))
	return once.(func() []byte)()
}

// An interrupted body is requested again, and the caller does not see it.
func TestArchiveMends(t *testing.T) {
	t.Parallel()
	data, content := bigArchive(t)
	faults := map[string]gitlabcitest.Fault{
		"reset":            {Break: gitlabcitest.BreakResetBody, After: 300_000, Times: 8},
		"reset at once":    {Break: gitlabcitest.BreakResetBody, Times: 4},
		"truncated":        {Break: gitlabcitest.BreakTruncate, After: 500_000, Times: 7},
		"stall":            {Break: gitlabcitest.BreakStall, After: 1_000_000, Times: 2},
		"drip":             {Break: gitlabcitest.BreakDrip, Delay: 30 * time.Second, Piece: 1 << 20, Times: 1},
		"bad gateway":      {Status: 502, Times: 3},
		"never a response": {Break: gitlabcitest.BreakResetUnanswered, Times: 4},
		"silence":          {Break: gitlabcitest.BreakStallHeader, Times: 2},
		"storage overload": {Status: 503, Header: http.Header{"Retry-After": {"3"}}, Times: 2},
	}
	n := 0
	for _, delivery := range []string{"disk", "storage", "proxied", "storage, no suffix ranges"} {
		for name, fault := range faults {
			if name == "truncated" && delivery == "storage, no suffix ranges" {
				continue // it sends a wrong size of the archive
			}
			if n++; !testkit.Sampled(n, 1) {
				continue
			}
			t.Run(delivery+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := archiveServer(data, archiveDeliveries()[delivery]...)
					if fault.Route = archiveRoute; strings.HasPrefix(delivery, "storage") {
						fault.Route = gitlabcitest.StorageRoute
					}
					time.Sleep(time.Hour)
					withdraw := srv.Fault(fault)
					archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
					require.NoError(t, err)
					defer archive.Close()
					withdraw()
					srv.Fault(fault)
					got, err := archive.ReadFile("big")
					require.NoError(t, err)
					require.True(t, content == string(got))
				})
			})
		}
	}
}

// A server that sends nothing more is given up, after the time of the client's options, and
// the error says why.
func TestArchiveGivesUp(t *testing.T) {
	data, _ := bigArchive(t)
	for retries, want := range map[int]int{0: 1, 2: 3} {
		synctest.Test(t, func(t *testing.T) {
			srv := archiveServer(data)
			var waits []string
			client := srv.Client(gitlabci.WithRetries(retries), gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) { waits = append(waits, string(w.Reason)) }}))
			archive, err := client.Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
			require.NoError(t, err)
			defer archive.Close()
			before := len(srv.Requests())
			srv.Fault(gitlabcitest.Fault{Route: archiveRoute, Break: gitlabcitest.BreakResetBody})
			_, err = archive.ReadFile("big")
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.ErrorContains(t, err, "read big: gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: at byte 0 of ")
			require.Len(t, srv.Requests()[before:], want)
			require.Len(t, waits, retries)
		})
	}
}

// A wait for another try ends with the context.
func TestArchiveWaitEnds(t *testing.T) {
	data, _ := bigArchive(t)
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data)
		ctx, cancel := context.WithCancel(t.Context())
		client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(context.Context, gitlabci.WaitInfo) { cancel() }}))
		archive, err := client.Artifacts.Archive(ctx, "group/app", archiveJob, nil)
		require.NoError(t, err)
		defer archive.Close()
		srv.Fault(gitlabcitest.Fault{Route: archiveRoute, Break: gitlabcitest.BreakResetBody})
		start := time.Now()
		_, err = archive.ReadFile("big")
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, time.Since(start))
	})
}

// A URL in the storage is used until it expires, and then another one is requested from
// GitLab.
func TestArchiveExpiredURL(t *testing.T) {
	t.Parallel()
	data, _ := variedArchive(t)
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true, Lifetime: time.Minute}))
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		defer archive.Close()
		for round, want := range []int{2, 5, 6} {
			var n [1 << 10]byte
			if round > 0 {
				file, err := archive.Open("big.bin")
				require.NoError(t, err)
				_, err = io.ReadFull(file, n[:])
				require.NoError(t, err)
				require.NoError(t, file.Close())
			}
			require.Len(t, srv.Requests(), want)
			if round == 0 {
				time.Sleep(2 * time.Minute)
			}
		}
		// A refusal of a new URL is final.
		time.Sleep(2 * time.Minute)
		srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Status: 403})
		_, err = archive.ReadFile("big.bin")
		e, ok := errors.AsType[*gitlabci.APIError](err)
		require.True(t, ok, err)
		require.Equal(t, 403, e.StatusCode)
		require.NotErrorIs(t, err, gitlabci.ErrForbidden)
		require.NotContains(t, err.Error(), "X-Amz")
	})
}

// A newer job's archive is never mixed with that of the one before.
func TestArchiveOfAnotherJob(t *testing.T) {
	first := testkit.Zip(t, testkit.ZipEntry{Name: "big", Content: strings.Repeat("1", 2<<20), Store: true}, testkit.ZipEntry{Name: "z", Content: testkit.Noise(2 << 20), Store: true})
	second := testkit.Zip(t, testkit.ZipEntry{Name: "big", Content: strings.Repeat("2", 2<<20), Store: true}, testkit.ZipEntry{Name: "z", Content: testkit.Noise(2 << 20), Store: true})
	for name, opts := range archiveDeliveries() {
		for _, dated := range []bool{true, false} {
			t.Run(fmt.Sprint(name, dated), func(t *testing.T) {
				t.Setenv("TMPDIR", t.TempDir())
				synctest.Test(t, func(t *testing.T) {
					srv := archiveServer(first, opts...)
					if dated {
						time.Sleep(time.Hour)
					}
					archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", testkit.Latest, nil)
					require.NoError(t, err)
					defer archive.Close()
					if dated {
						time.Sleep(time.Hour) // URLs have expired
					}
					addArchive(srv, 8, second)
					if dated {
						time.Sleep(time.Hour)
					}
					got, err := archive.ReadFile("big")
					if err != nil {
						require.ErrorContains(t, err, "the archive changed while it was read")
						require.Empty(t, got)
						return
					}
					require.True(t, strings.Repeat("1", 2<<20) == string(got))
				})
			})
		}
	}
}

// partialResponse is a 206 with a Content-Range of the test's own.
func partialResponse(contentRange string, body []byte, headers ...string) http.HandlerFunc {
	return testkit.Respond(http.StatusPartialContent, string(body), append([]string{"Content-Type", "application/zip", "Content-Range", contentRange}, headers...)...)
}

// A response that does not fit the request is not believed.
func TestArchiveRefusesOtherResponses(t *testing.T) {
	data, _ := bigArchive(t)
	size := len(data)
	tailAt := size - 262144
	tail := func(headers ...string) http.HandlerFunc {
		return partialResponse(fmt.Sprintf("bytes %d-%d/%d", tailAt, size-1, size), data[tailAt:], append(headers, "ETag", `"one"`)...)
	}
	part := func(first, last, total int) http.HandlerFunc {
		return partialResponse(fmt.Sprintf("bytes %d-%d/%d", first, last, total), data[first:last+1], "ETag", `"one"`)
	}
	tests := map[string]struct {
		steps []http.HandlerFunc
		text  string
	}{
		"no Content-Range":        {[]http.HandlerFunc{partialResponse("", data)}, `Content-Range "" is not one range`},
		"the beginning":           {[]http.HandlerFunc{partialResponse(fmt.Sprintf("bytes 0-9/%d", size), data[:10])}, "is not the end of the archive"},
		"several ranges":          {[]http.HandlerFunc{testkit.Respond(206, "--x", "Content-Type", "multipart/byteranges; boundary=x")}, "not one range"},
		"another total":           {[]http.HandlerFunc{tail(), part(0, 99, size+1)}, "it has " + strconv.Itoa(size+1) + " bytes now, and had " + strconv.Itoa(size)},
		"another place":           {[]http.HandlerFunc{tail(), part(1, 99, size)}, "the server sent bytes 1-99, and 0-"},
		"more than was asked for": {[]http.HandlerFunc{tail(), part(0, size-1, size)}, "the server sent bytes 0-"},
		"another ETag":            {[]http.HandlerFunc{tail(), partialResponse(fmt.Sprintf("bytes 0-99/%d", size), data[:100], "ETag", `"two"`)}, "the archive changed"},
		"the whole, unchanged":    {[]http.HandlerFunc{tail(), testkit.Respond(200, string(data), "Content-Type", "application/zip", "ETag", `"one"`)}, "sends the whole archive"},
		"the whole, changed":      {[]http.HandlerFunc{tail(), testkit.Respond(200, string(data), "Content-Type", "application/zip", "ETag", `"two"`)}, "the archive changed"},
		"a page":                  {[]http.HandlerFunc{tail(), testkit.Respond(206, "<html>", "Content-Type", "text/html")}, "this is a page"},
		"gone":                    {[]http.HandlerFunc{tail(), testkit.Respond(404, `{"message":"404 Not Found"}`)}, "404 Not Found"},
		"no ranges for anybody":   {[]http.HandlerFunc{testkit.Respond(416, "{}")}, "416 Requested Range Not Satisfiable"},
		"size not told":           {[]http.HandlerFunc{testkit.Respond(501, "{}"), partialResponse("bytes 0-0/*", data[:1])}, "is not the end of the archive"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(test.steps...)
			archive, err := s.Client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
			if err == nil {
				defer archive.Close()
				_, err = archive.ReadFile("big")
				require.Equal(t, `"one"`, s.Received()[1].Header.Get("If-Range"))
			}
			require.ErrorContains(t, err, test.text)
		})
	}
}

// What servers may do, though few do it.
func TestArchiveFromUnusualServers(t *testing.T) {
	data, content := bigArchive(t)
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
	size, tailAt := len(data), len(data)-262144
	tests := map[string][]http.HandlerFunc{
		"no total, since it is the end":    {partialResponse(fmt.Sprintf("bytes %d-%d/*", tailAt, size-1), data[tailAt:]), serve},
		"suffixes are not satisfiable":     {testkit.Respond(416, "{}"), serve},
		"suffixes are not implemented":     {testkit.Respond(501, "{}"), serve},
		"pieces smaller than asked for":    {serve, partialResponse(fmt.Sprintf("bytes 0-99/%d", size), data[:100]), serve},
		"a piece of unknown length":        {serve, partialPiece(size, data[:1<<20]), serve},
		"the whole, of unknown length":     {unknownLength(data)},
		"a whole that is cut, then others": {cutShort(data), serve},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(steps...)
				archive, err := s.Client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
				require.NoError(t, err)
				got, err := archive.ReadFile("big")
				require.NoError(t, err)
				require.True(t, content == string(got))
				require.NoError(t, archive.Close())
			})
		})
	}
}

// partialPiece is a 206 without a length that has more than it says.
func partialPiece(size int, piece []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(piece)-1, size))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(piece)
		w.(http.Flusher).Flush()
		io.WriteString(w, "and something else")
	}
}

func unknownLength(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		w.(http.Flusher).Flush()
		w.Write(data)
	}
}

// cutShort is the whole, of which less than the tail arrives.
func cutShort(data []byte) http.HandlerFunc {
	return testkit.Short(string(data[:1000]), len(data), testkit.Reset)
}

// After an interrupted body, a fresh URL is requested from GitLab.
func TestArchiveRequestsANewURLAfterABreak(t *testing.T) {
	data, _ := bigArchive(t)
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true}))
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		defer archive.Close()
		srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Break: gitlabcitest.BreakResetBody, After: 1000, Times: 1})
		_, err = archive.ReadFile("big")
		require.NoError(t, err)
		var routes []string
		for _, r := range srv.Requests()[2:] {
			routes = append(routes, r.Route)
		}
		require.Equal(t, []string{gitlabcitest.StorageRoute, archiveRoute, gitlabcitest.StorageRoute}, routes)
	})
}

// Close of a file does not wait for the rest of it from a server that is slow
// or says nothing.
func TestArchiveFileCloses(t *testing.T) {
	data, content := bigArchive(t)
	for name, fault := range map[string]gitlabcitest.Fault{
		"stall": {Break: gitlabcitest.BreakStall, After: int64(len(content)) - 5000},
		"drip":  {Break: gitlabcitest.BreakDrip, After: int64(len(content)) - 5000, Delay: 50 * time.Second, Piece: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := archiveServer(data)
				archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
				require.NoError(t, err)
				defer archive.Close()
				fault.Route = archiveRoute
				srv.Fault(fault)
				file, err := archive.Open("big")
				require.NoError(t, err)
				_, err = io.ReadFull(file, make([]byte, len(content)-70_000))
				require.NoError(t, err)
				start := time.Now()
				require.NoError(t, file.Close())
				require.Less(t, time.Since(start), time.Second)
			})
		})
	}
}
