package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/remote"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/testkit"
)

// splitFile is what is saved over several connections. Tests take files for large that
// are a hundredth of that.
var splitFile = []byte(testkit.Noise(400_000))

func init() { remote.SplitSmall(int64(len(splitFile)), int64(len(splitFile))/8) }

// A splitServer is a storage with one file. Part is how it sends a part, if not as
// requested.
type splitServer struct {
	header http.Header
	part   func(w http.ResponseWriter, r *http.Request, n int) (sent bool)
	whole  func(w http.ResponseWriter, r *http.Request) // how it sends the file, nil is as requested
	api    *testkit.Script                              // of the last save

	mu    sync.Mutex
	asked []string // the ranges, "" for the whole file
}

func (s *splitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Header.Get("Range"))
	n := len(s.asked)
	s.mu.Unlock()
	maps.Copy(w.Header(), s.header)
	if r.Header.Get("Range") != "" && s.part != nil && s.part(w, r, n) {
		return
	}
	if r.Header.Get("Range") == "" && s.whole != nil {
		s.whole(w, r)
		return
	}
	if s.header.Get("Accept-Ranges") == "none" {
		testkit.Body(http.StatusOK, string(splitFile), len(splitFile))(w, r)
		return
	}
	http.ServeContent(w, r, "artifacts.zip", time.Time{}, bytes.NewReader(splitFile))
}

func (s *splitServer) ranges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.asked))
}

// save saves the file to a folder, over an old one, and returns what is there then.
func (s *splitServer) save(t *testing.T, ctx context.Context, opts *gitlabci.SaveOptions, more ...gitlabci.Option) (string, error) {
	api, _ := testkit.Redirected(http.StatusFound, testkit.StorageURL, s.ServeHTTP)
	s.api = api
	path := filepath.Join(t.TempDir(), "artifacts.zip")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	err := api.Client(t, more...).Artifacts.Save(ctx, "group/app", gitlabci.JobID(7), path, opts)
	entries, failure := os.ReadDir(filepath.Dir(path))
	require.NoError(t, failure)
	require.Len(t, entries, 1, "nothing else is left")
	now, failure := os.ReadFile(path)
	require.NoError(t, failure)
	return string(now), err
}

func vouched() http.Header {
	return http.Header{"Etag": {`"a"`}, "Accept-Ranges": {"bytes"}, "Content-Type": {"application/zip"}}
}

func quarters() []string {
	n := len(splitFile) / 4
	return []string{
		"", fmt.Sprintf("bytes=%d-%d", n, 2*n-1), fmt.Sprintf("bytes=%d-%d", 2*n, 3*n-1), fmt.Sprintf("bytes=%d-%d", 3*n, 4*n-1),
	}
}

func TestSaveOverSeveralConnections(t *testing.T) {
	breaks := func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 4 { // the second attempt
			return false
		}
		var first, last int
		_, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
		require.NoError(t, err)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(splitFile)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(splitFile[first : first+30_000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	only := func(header http.Header, name, value string) http.Header {
		header.Set(name, value)
		return header
	}
	for name, test := range map[string]struct {
		header      http.Header
		connections int
		part        func(w http.ResponseWriter, r *http.Request, n int) bool
		ranges      []string
	}{
		"four":              {header: vouched(), ranges: quarters()},
		"two":               {header: vouched(), connections: 2, ranges: []string{"", "bytes=200000-399999"}},
		"no more than pays": {header: vouched(), connections: 16, ranges: nil},
		"one":               {header: vouched(), connections: 1, ranges: []string{""}},
		"a weak ETag":       {header: only(vouched(), "Etag", `W/"a"`), ranges: []string{""}},
		"no ranges":         {header: only(vouched(), "Accept-Ranges", "none"), ranges: []string{""}},
		"parts that break":  {header: vouched(), part: breaks, ranges: nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &splitServer{header: test.header, part: test.part}
				var steps []int64
				saved, err := s.save(t, t.Context(), &gitlabci.SaveOptions{Connections: test.connections, Progress: func(done, total int64) {
					require.EqualValues(t, len(splitFile), total)
					steps = append(steps, done)
				}})
				require.NoError(t, err)
				require.True(t, saved == string(splitFile), "%d bytes", len(saved))
				if test.part == nil {
					require.Len(t, s.api.Received(), 1, "the parts are asked of the storage")
				}
				require.True(t, slices.IsSorted(steps))
				require.EqualValues(t, len(splitFile), steps[len(steps)-1])
				switch name {
				case "no more than pays":
					require.Len(t, s.ranges(), 8)
				case "parts that break":
					require.Len(t, s.ranges(), 7)
				default:
					require.Equal(t, test.ranges, s.ranges())
				}
			})
		})
	}
}

// From a server that breaks its promise of parts, the whole file is requested, over one
// connection.
func TestSaveFromAServerThatPromisesParts(t *testing.T) {
	for name, part := range map[string]func(w http.ResponseWriter, r *http.Request, n int) bool{
		"and sends all": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			r.Header.Del("Range")
			return false
		},
		"and sends one without its ETag": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Del("Etag")
			r.Header.Del("If-Range")
			return false
		},
		"and sends one with a date in place of its ETag": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Del("Etag")
			w.Header().Set("Last-Modified", "Mon, 06 Jan 1997 04:05:06 GMT")
			r.Header.Del("If-Range")
			return false
		},
		"and refuses ranges": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			testkit.Respond(http.StatusRequestedRangeNotSatisfiable, "")(w, r)
			return true
		},
		"and does not understand ranges": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			testkit.Respond(http.StatusBadRequest, "")(w, r)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &splitServer{header: vouched(), part: part}
				saved, err := s.save(t, t.Context(), nil)
				require.NoError(t, err)
				require.True(t, saved == string(splitFile), "%d bytes", len(saved))
				require.Equal(t, []string{"", ""}, s.ranges()[:2])
			})
		})
	}
}

// Parts of two files are never joined, and nothing of a failed copy is left.
func TestSaveOverSeveralConnectionsFails(t *testing.T) {
	full := errors.New("enough")
	for name, test := range map[string]struct {
		part func(w http.ResponseWriter, r *http.Request, n int) bool
		opts gitlabci.SaveOptions
		err  string
	}{
		"another file": {part: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Set("Etag", `"b"`)
			r.Header.Del("If-Range")
			return false
		}, err: "the archive changed while it was read"},
		"another size": {part: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(splitFile)+"x"))
			return true
		}, err: "it has 400001 bytes now, and had 400000"},
		"gone": {part: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			testkit.Respond(http.StatusNotFound, "<Code>NoSuchKey</Code>", "Content-Type", "application/xml")(w, r)
			return true
		}, err: "404 Not Found"},
		"too many":   {opts: gitlabci.SaveOptions{Connections: 17}, err: "SaveOptions.Connections: 17 is not within 0 to 16"},
		"too few":    {opts: gitlabci.SaveOptions{Connections: -1}, err: "SaveOptions.Connections: -1 is not within 0 to 16"},
		"the caller": {err: full.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if name == "the caller" {
					test.opts.Progress = func(int64, int64) { cancel(full) }
				}
				s := &splitServer{header: vouched(), part: test.part}
				saved, err := s.save(t, ctx, &test.opts)
				require.ErrorContains(t, err, test.err)
				require.Equal(t, "old", saved)
			})
		})
	}
}

// The connection that has sent its part is not kept until the others have.
func TestSaveClosesTheFirstConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		s := &splitServer{header: vouched()}
		s.whole = func(w http.ResponseWriter, r *http.Request) {
			defer close(closed)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(splitFile))
			<-r.Context().Done()
		}
		s.part = func(http.ResponseWriter, *http.Request, int) bool {
			<-closed
			return false
		}
		saved, err := s.save(t, t.Context(), nil)
		require.NoError(t, err)
		require.True(t, saved == string(splitFile))
	})
}

// Once a part fails, the others are not waited for.
func TestSaveOverSeveralConnectionsEndsImmediately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &splitServer{header: vouched(), part: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			testkit.Respond(http.StatusForbidden, "")(w, r)
			return true
		}}
		s.whole = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(splitFile)))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
		start := time.Now()
		_, err := s.save(t, t.Context(), nil)
		require.ErrorContains(t, err, "403 Forbidden")
		require.Less(t, time.Since(start), time.Second)
	})
}

// A function of the caller that panics does so in the call.
func TestSaveOverSeveralConnectionsPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &splitServer{header: vouched()}
		require.PanicsWithValue(t, "oh", func() {
			s.save(t, t.Context(), &gitlabci.SaveOptions{Progress: func(int64, int64) { panic("oh") }})
		})
	})
}

// A server whose first response never ends before its request, and whose parts arrive
// immediately.
type endlessServer struct {
	scripted
	arrived func() // is called with the first part
}

func (s *endlessServer) Request(ctx context.Context, header http.Header, _ *url.URL) (*rest.Response, error) {
	resp := &http.Response{StatusCode: http.StatusOK, Header: vouched(), ContentLength: int64(len(splitFile))}
	resp.Request = &http.Request{URL: &url.URL{Path: "/f.zip"}, Header: header}
	resp.Body = &endlessBody{ctx}
	if part := header.Get("Range"); part != "" {
		defer s.arrived()
		first := len(splitFile) / 2
		resp.StatusCode, resp.ContentLength = http.StatusPartialContent, int64(len(splitFile)-first)
		resp.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(splitFile)-1, len(splitFile)))
		resp.Body = io.NopCloser(bytes.NewReader(splitFile[first:]))
	}
	return &rest.Response{Response: resp, From: "GET /f"}, nil
}

func (s *endlessServer) WaitToRetry(ctx context.Context, _ int, broken error) error {
	return rest.After(rest.Ended(ctx), broken)
}

type endlessBody struct{ ctx context.Context }

func (b *endlessBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, errReset
}

func (b *endlessBody) Close() error { return nil }

// The error of the first part has the cause of the context, as those of the others.
func TestCopyToKeepsTheCause(t *testing.T) {
	signal := errors.New("interrupt signal received")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &endlessServer{arrived: func() { cancel(signal) }}
	file, err := remote.Open(t.Context(), s, remote.Spec{})
	require.NoError(t, err)
	defer file.Close()
	copied, err := os.Create(filepath.Join(t.TempDir(), "f.zip"))
	require.NoError(t, err)
	defer copied.Close()
	_, err = file.CopyTo(ctx, copied, 2)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, signal)
}
