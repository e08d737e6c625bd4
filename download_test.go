package gitlabci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// downloadNoise is n bytes that look like nothing.
func downloadNoise(n int) string {
	noise := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(noise)
	return string(noise)
}

// downloadShort is a step: of size bytes promised, the first ones come.
func downloadShort(first string, size int, end http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		if size >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		io.WriteString(w, first)
		w.(http.Flusher).Flush()
		end(w, r)
	}
}

// A downloadStep is a call of Progress.
type downloadStep struct{ done, total int64 }

// downloadProgress records what Progress is told.
func downloadProgress(steps *[]downloadStep) *gitlabci.OpenOptions {
	return &gitlabci.OpenOptions{Progress: func(done, total int64) { *steps = append(*steps, downloadStep{done, total}) }}
}

func TestDownload(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 32 << 10, 1<<20 + 3} {
		content := downloadNoise(size)
		for name, src := range map[string]gitlabci.ArtifactSource{"by ID": gitlabci.JobID(7), "latest": artifactsLatest} {
			t.Run(fmt.Sprint(size, " ", name), func(t *testing.T) {
				s := newScript(artifactsFile(content, "application/zip", ""))
				var got bytes.Buffer
				n, err := s.client(t).Artifacts.Download(t.Context(), "group/app", src, &got, nil)
				require.NoError(t, err)
				require.EqualValues(t, size, n)
				require.True(t, content == got.String())
			})
		}
	}
}

func TestDownloadProgress(t *testing.T) {
	const size = 300_000
	content := downloadNoise(size)
	for total, step := range map[int64]http.HandlerFunc{
		size: artifactsFile(content, "application/zip", ""),
		-1: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, content[:size/2])
			w.(http.Flusher).Flush()
			io.WriteString(w, content[size/2:])
		},
	} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			var steps []downloadStep
			_, err := newScript(step).client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, downloadProgress(&steps))
			require.NoError(t, err)
			require.Greater(t, len(steps), 1, "as bytes arrive")
			last := int64(0)
			for _, step := range steps {
				require.Greater(t, step.done, last, "each call has news")
				require.Equal(t, total, step.total)
				last = step.done
			}
			require.EqualValues(t, size, last)
		})
	}
}

// What a caller reads herself is counted as well, to where it broke off.
func TestDownloadProgressOfAnOpenFile(t *testing.T) {
	var steps []downloadStep
	s := newScript(downloadShort("0123456789", 100, reset))
	file, err := s.client(t, gitlabci.WithRetries(0)).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), downloadProgress(&steps))
	require.NoError(t, err)
	require.Empty(t, steps, "nothing was read")
	for range 3 {
		_, err := io.ReadFull(file, make([]byte, 3))
		require.NoError(t, err)
	}
	require.Equal(t, []downloadStep{{3, 100}, {6, 100}, {9, 100}}, steps)
	_, err = io.Copy(io.Discard, file)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, downloadStep{10, 100}, steps[len(steps)-1])
	require.NoError(t, file.Close())
}

// The end of a file is no news.
func TestDownloadProgressOfNothing(t *testing.T) {
	var steps []downloadStep
	client := newScript(artifactsFile("", "application/zip", "")).client(t)
	n, err := client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, downloadProgress(&steps))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Empty(t, steps)
}

// Every try breaks off: none of what mends a download may hide that in the end.
func TestDownloadThatBreaksOff(t *testing.T) {
	tests := map[string]struct {
		step http.HandlerFunc
		err  error
		text string
	}{
		"too short":                {downloadShort("0123456789", 100, reset), io.ErrUnexpectedEOF, "after 10 of 100 bytes"},
		"one byte too short":       {downloadShort("0123456789", 11, reset), io.ErrUnexpectedEOF, "after 10 of 11 bytes"},
		"before the first byte":    {downloadShort("", 100, reset), io.ErrUnexpectedEOF, "after 0 of 100 bytes"},
		"too short, size unknown":  {downloadShort("0123456789", -1, reset), io.ErrUnexpectedEOF, "after 10"},
		"stalled":                  {downloadShort("0123456789", 100, silent), gitlabci.ErrStalled, "after 10 of 100 bytes"},
		"stalled, size unknown":    {downloadShort("0123456789", -1, silent), gitlabci.ErrStalled, "after 10"},
		"stalled before all bytes": {downloadShort("", 100, silent), gitlabci.ErrStalled, "after 0 of 100 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got bytes.Buffer
				n, err := newScript(test.step).client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
				require.ErrorIs(t, err, test.err)
				require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: ")
				require.ErrorContains(t, err, test.text)
				require.NotContains(t, err.Error(), "-1")
				require.NotErrorIs(t, err, context.Canceled)
				require.EqualValues(t, got.Len(), n)
				require.True(t, strings.HasPrefix("0123456789", got.String()))
				require.Equal(t, strings.Contains(test.text, "after 10"), got.Len() == 10, "the bytes that came")
			})
		})
	}
}

// An answer can end early without an error of the connection: what a transport
// of the caller's own, or a proxy, makes of it.
func TestDownloadEndsEarly(t *testing.T) {
	client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 100, Body: io.NopCloser(strings.NewReader("0123456789")), Request: req}, nil
	})))
	require.NoError(t, err)
	n, err := client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "after 10 of 100 bytes")
	require.EqualValues(t, 10, n)
}

func TestDownloadMemberThatBreaksOff(t *testing.T) {
	for _, src := range []gitlabci.ArtifactSource{gitlabci.JobID(7), artifactsLatest} {
		file, err := newScript(downloadShort("0123456789", 100, reset)).client(t, gitlabci.WithRetries(0)).Artifacts.OpenFile(t.Context(), "group/app", src, "out/a.txt")
		require.NoError(t, err)
		got, err := io.ReadAll(file)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorContains(t, err, "/out/a.txt: after 10 of 100 bytes")
		require.Equal(t, "0123456789", string(got))
	}
}

func TestDownloadStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := newScript(downloadShort("0123456789", 100, silent)).client(t, gitlabci.WithRetries(0)).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
		require.NoError(t, err)
		_, err = io.ReadFull(file, make([]byte, 10))
		require.NoError(t, err)
		time.Sleep(time.Hour) // a slow reader is not a silent server
		start := time.Now()
		_, err = file.Read(make([]byte, 1))
		require.ErrorIs(t, err, gitlabci.ErrStalled)
		require.Equal(t, time.Minute, time.Since(start))
		require.NoError(t, file.Close())
	})
}

// There is no limit on the whole.
func TestDownloadMayBeSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			for range 100 {
				time.Sleep(59 * time.Second)
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
			}
		})
		n, err := s.client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
		require.NoError(t, err)
		require.EqualValues(t, 100, n)
	})
}

func TestDownloadCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, step := range map[string]http.HandlerFunc{
			"before the first byte": downloadShort("", 100, silent),
			"within the body":       downloadShort("0123456789", 100, silent),
			"without a size":        downloadShort("0123456789", -1, silent),
			"before an answer":      silent,
			"during a wait":         answer(503, ``, "Retry-After", "60"),
		} {
			s := newScript(step)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := s.client(t).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, nil)
			require.ErrorIs(t, err, context.Canceled, name)
			require.NotErrorIs(t, err, gitlabci.ErrStalled, name)
			require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: ", name)
			require.Equal(t, time.Second, time.Since(start), name)
			require.Len(t, s.received(), 1, name)

			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			_, err = s.client(t).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, nil)
			if name != "during a wait" { // which is then not begun
				require.ErrorIs(t, err, context.DeadlineExceeded, name)
			}
			cancel()
		}
	})
}

func TestDownloadHeadersAreAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(answer(503, ``), answer(429, ``, "Retry-After", "2"), reset, silent, artifactsFile("0123456789", "application/zip", ""))
		var got bytes.Buffer
		n, err := s.client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
		require.NoError(t, err)
		require.EqualValues(t, 10, n)
		require.Equal(t, "0123456789", got.String())
		require.Len(t, s.received(), 5)
		for _, r := range s.received() {
			require.Equal(t, []string{"identity"}, r.Header.Values("Accept-Encoding"))
		}

		s = newScript(answer(503, ``))
		_, err = s.client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
		e, answered := errors.AsType[*gitlabci.APIError](err)
		require.True(t, answered)
		require.Equal(t, 503, e.StatusCode)
		require.Len(t, s.received(), 5)
		require.Equal(t, 10, got.Len(), "nothing of an error is written")
	})
}

// A downloadWriter fails after room bytes.
type downloadWriter struct {
	room int
	err  error
}

func (w *downloadWriter) Write(p []byte) (int, error) {
	n := min(w.room, len(p))
	w.room -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestDownloadWriterFails(t *testing.T) {
	full := errors.New("disk full")
	s := newScript(artifactsFile(downloadNoise(1<<20), "application/zip", ""))
	n, err := s.client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &downloadWriter{room: 100_001, err: full}, nil)
	require.ErrorIs(t, err, full)
	require.EqualValues(t, 100_001, n)
	require.Len(t, s.received(), 1)
}

// A downloadBody tells whether it was closed.
type downloadBody struct {
	io.Reader
	closed int
}

func (b *downloadBody) Close() error { b.closed++; return nil }

// The connection is given back, however a download ends.
func TestDownloadClosesTheBody(t *testing.T) {
	for name, test := range map[string]struct {
		status      int
		contentType string
		length      int64
		fails       bool
	}{
		"done":      {200, "application/zip", 10, false},
		"too short": {200, "application/zip", 11, true},
		"a page":    {200, "text/html", 10, true},
		"an error":  {404, "application/json", 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			body := &downloadBody{Reader: strings.NewReader("0123456789")}
			var sent context.Context
			client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
				sent = req.Context()
				return &http.Response{StatusCode: test.status, Header: http.Header{"Content-Type": {test.contentType}}, ContentLength: test.length, Body: body, Request: req}, nil
			})))
			require.NoError(t, err)
			_, err = client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
			require.Equal(t, test.fails, err != nil, err)
			require.Positive(t, body.closed)
			require.Error(t, sent.Err(), "the caller's context, which may live for long, would keep it")
		})
	}
}

// A reader that has seen enough leaves, and the server learns of it.
func TestDownloadClosedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan struct{})
		s := newScript(downloadShort("0123456789", 100, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			close(left)
		}))
		file, err := s.client(t).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
		require.NoError(t, err)
		_, err = io.ReadFull(file, make([]byte, 5))
		require.NoError(t, err)
		require.NoError(t, file.Close())
		<-left
		_, err = file.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotEqual(t, io.EOF, err)
	})
}
