package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func TestDownload(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 32 << 10, 1<<20 + 3} {
		content := testkit.Noise(size)
		for name, src := range map[string]gitlabci.ArtifactSource{"by ID": gitlabci.JobID(7), "latest": testkit.Latest} {
			t.Run(fmt.Sprint(size, " ", name), func(t *testing.T) {
				s := testkit.NewScript(testkit.File(content, "application/zip", ""))
				var got bytes.Buffer
				n, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", src, &got, nil)
				require.NoError(t, err)
				require.EqualValues(t, size, n)
				require.True(t, content == got.String())
			})
		}
	}
}

func TestDownloadProgress(t *testing.T) {
	const size = 300_000
	content := testkit.Noise(size)
	for total, step := range map[int64]http.HandlerFunc{
		size: testkit.File(content, "application/zip", ""),
		-1: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, content[:size/2])
			w.(http.Flusher).Flush()
			io.WriteString(w, content[size/2:])
		},
	} {
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			var steps []testkit.ProgressStep
			_, err := testkit.NewScript(step).Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, testkit.RecordProgress(&steps))
			require.NoError(t, err)
			require.Greater(t, len(steps), 1, "as bytes arrive")
			last := int64(0)
			for _, step := range steps {
				require.Greater(t, step.Done, last, "each call has news")
				require.Equal(t, total, step.Total)
				last = step.Done
			}
			require.EqualValues(t, size, last)
		})
	}
}

// Bytes that a caller reads itself are counted as well, up to the interruption.
func TestDownloadProgressOfAnOpenFile(t *testing.T) {
	var steps []testkit.ProgressStep
	s := testkit.NewScript(testkit.Short("0123456789", 100, testkit.Reset))
	file, err := s.Client(t, gitlabci.WithRetries(0)).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), testkit.RecordProgress(&steps))
	require.NoError(t, err)
	require.Empty(t, steps, "nothing was read")
	for range 3 {
		_, err := io.ReadFull(file, make([]byte, 3))
		require.NoError(t, err)
	}
	require.Equal(t, []testkit.ProgressStep{{Done: 3, Total: 100}, {Done: 6, Total: 100}, {Done: 9, Total: 100}}, steps)
	_, err = io.Copy(io.Discard, file)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, testkit.ProgressStep{Done: 10, Total: 100}, steps[len(steps)-1])
	require.NoError(t, file.Close())
}

// The end of a file is no news.
func TestDownloadProgressOfNothing(t *testing.T) {
	var steps []testkit.ProgressStep
	client := testkit.NewScript(testkit.File("", "application/zip", "")).Client(t)
	n, err := client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, testkit.RecordProgress(&steps))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Empty(t, steps)
}

// Every attempt is interrupted: resuming must not hide that finally.
func TestDownloadIsInterrupted(t *testing.T) {
	tests := map[string]struct {
		step http.HandlerFunc
		err  error
		text string
	}{
		"too short":                {testkit.Short("0123456789", 100, testkit.Reset), io.ErrUnexpectedEOF, "after 10 of 100 bytes"},
		"one byte too short":       {testkit.Short("0123456789", 11, testkit.Reset), io.ErrUnexpectedEOF, "after 10 of 11 bytes"},
		"before the first byte":    {testkit.Short("", 100, testkit.Reset), io.ErrUnexpectedEOF, "after 0 of 100 bytes"},
		"too short, size unknown":  {testkit.Short("0123456789", -1, testkit.Reset), io.ErrUnexpectedEOF, "after 10"},
		"stalled":                  {testkit.Short("0123456789", 100, testkit.Silent), gitlabci.ErrStalled, "after 10 of 100 bytes"},
		"stalled, size unknown":    {testkit.Short("0123456789", -1, testkit.Silent), gitlabci.ErrStalled, "after 10"},
		"stalled before all bytes": {testkit.Short("", 100, testkit.Silent), gitlabci.ErrStalled, "after 0 of 100 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got bytes.Buffer
				n, err := testkit.NewScript(test.step).Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
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

// A response can end early without an error of the connection, because of a transport of
// the caller's or a proxy.
func TestDownloadEndsEarly(t *testing.T) {
	client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 100, Body: io.NopCloser(strings.NewReader("0123456789")), Request: req}, nil
	})))
	require.NoError(t, err)
	n, err := client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "after 10 of 100 bytes")
	require.EqualValues(t, 10, n)
}

func TestDownloadOfAMemberIsInterrupted(t *testing.T) {
	for _, src := range []gitlabci.ArtifactSource{gitlabci.JobID(7), testkit.Latest} {
		file, err := testkit.NewScript(testkit.Short("0123456789", 100, testkit.Reset)).Client(t, gitlabci.WithRetries(0)).Artifacts.OpenFile(t.Context(), "group/app", src, "out/a.txt", nil)
		require.NoError(t, err)
		got, err := io.ReadAll(file)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorContains(t, err, "/out/a.txt: after 10 of 100 bytes")
		require.Equal(t, "0123456789", string(got))
	}
}

func TestDownloadStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := testkit.NewScript(testkit.Short("0123456789", 100, testkit.Silent)).Client(t, gitlabci.WithRetries(0)).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
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

// There is no limit on the whole, as long as 1 KiB arrives each minute.
func TestDownloadMayBeSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "204800")
			for range 100 {
				time.Sleep(59 * time.Second)
				io.WriteString(w, strings.Repeat("x", 2048))
				w.(http.Flusher).Flush()
			}
		})
		n, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
		require.NoError(t, err)
		require.EqualValues(t, 204800, n)
	})
}

func TestDownloadCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, step := range map[string]http.HandlerFunc{
			"before the first byte": testkit.Short("", 100, testkit.Silent),
			"within the body":       testkit.Short("0123456789", 100, testkit.Silent),
			"without a size":        testkit.Short("0123456789", -1, testkit.Silent),
			"before a response":     testkit.Silent,
			"during a wait":         testkit.Respond(503, ``, "Retry-After", "60"),
		} {
			s := testkit.NewScript(step)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := s.Client(t).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, nil)
			require.ErrorIs(t, err, context.Canceled, name)
			require.NotErrorIs(t, err, gitlabci.ErrStalled, name)
			require.ErrorContains(t, err, "gitlabci: GET /projects/group%2Fapp/jobs/7/artifacts: ", name)
			require.Equal(t, time.Second, time.Since(start), name)
			require.Len(t, s.Received(), 1, name)

			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			_, err = s.Client(t).Artifacts.Download(ctx, "group/app", gitlabci.JobID(7), io.Discard, nil)
			if name != "during a wait" { // which is then not begun
				require.ErrorIs(t, err, context.DeadlineExceeded, name)
			}
			cancel()
		}
	})
}

func TestDownloadRetriesUntilThereIsAHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(503, ``), testkit.Respond(429, ``, "Retry-After", "2"), testkit.Reset, testkit.Silent, testkit.File("0123456789", "application/zip", ""))
		var got bytes.Buffer
		n, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
		require.NoError(t, err)
		require.EqualValues(t, 10, n)
		require.Equal(t, "0123456789", got.String())
		require.Len(t, s.Received(), 5)
		for _, r := range s.Received() {
			require.Equal(t, []string{"identity"}, r.Header.Values("Accept-Encoding"))
		}

		s = testkit.NewScript(testkit.Respond(503, ``))
		_, err = s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &got, nil)
		e, answered := errors.AsType[*gitlabci.APIError](err)
		require.True(t, answered)
		require.Equal(t, 503, e.StatusCode)
		require.Len(t, s.Received(), 5)
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
	s := testkit.NewScript(testkit.File(testkit.Noise(1<<20), "application/zip", ""))
	n, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), &downloadWriter{room: 100_001, err: full}, nil)
	require.ErrorIs(t, err, full)
	require.EqualValues(t, 100_001, n)
	require.Len(t, s.Received(), 1)
}

// A downloadBody records whether it was closed.
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
			client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
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
		s := testkit.NewScript(testkit.Short("0123456789", 100, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			close(left)
		}))
		file, err := s.Client(t).Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(7), nil)
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
