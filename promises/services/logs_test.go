package services_test

import (
	"bytes"
	"compress/gzip"
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

// logText is what a runner writes: colors, carriage returns, sections, and
// bytes that are no UTF-8.
const logText = "section_start:1767225600:prepare\r\x1b[0K\x1b[36;1mPreparing\x1b[0;m\r\n" +
	"\x1b[32mcaf\xe9 \xff\xfe\x00\x1b[0m\nprogress 10%\rprogress 20%\r\nsection_end:1767225601:prepare\r\x1b[0K\n"

func logRead(ctx context.Context, c *gitlabci.Client) (string, error) {
	log, err := c.Jobs.Log(ctx, "group/app", 7)
	if err != nil {
		return "", err
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	return string(text), err
}

func TestLog(t *testing.T) {
	for name, log := range map[string]string{
		"as it was written": logText,
		"none":              "",
		"large":             strings.Repeat(logText, 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := logRead(t.Context(), testkit.NewScript(testkit.Log(log)).Client(t))
			require.NoError(t, err)
			require.True(t, log == text, "%d bytes for %d", len(text), len(log))
		})
	}
}

// A log may have any content type but HTML and JSON.
func TestLogOfAnyType(t *testing.T) {
	_, err := logRead(t.Context(), testkit.NewScript(testkit.Respond(200, "<title>Sign in</title>", "Content-Type", "text/html")).Client(t))
	require.ErrorContains(t, err, "this is a page")
	for _, contentType := range []string{"application/json", "Application/JSON; charset=utf-8"} {
		text, err := logRead(t.Context(), testkit.NewScript(testkit.Respond(200, logText, "Content-Type", contentType)).Client(t))
		require.ErrorContains(t, err, fmt.Sprintf("the response has content type %q, not that of the requested file", contentType))
		require.Empty(t, text)
	}
	for _, contentType := range []string{"", "text/plain", "application/octet-stream"} {
		text, err := logRead(t.Context(), testkit.NewScript(testkit.Respond(200, logText, "Content-Type", contentType)).Client(t))
		require.NoError(t, err)
		require.Equal(t, logText, text)
	}
}

// The first bytes can be read before the rest exists.
func TestLogStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		s := testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
			for i := range 3 {
				fmt.Fprintf(w, "part %d\n", i)
				w.(http.Flusher).Flush()
				<-read
			}
		})
		log, err := s.Client(t).Jobs.Log(t.Context(), "group/app", 7)
		require.NoError(t, err)
		defer log.Close()
		for i := range 3 {
			part := make([]byte, 7)
			_, err := io.ReadFull(log, part)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("part %d\n", i), string(part))
			read <- struct{}{}
		}
		rest, err := io.ReadAll(log)
		require.NoError(t, err)
		require.Empty(t, rest)
	})
}

// A log may be compressed on the way, and net/http decompresses it.
func TestLogCompressedOnTheWay(t *testing.T) {
	s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		io.WriteString(packed, logText)
		packed.Close()
	})
	text, err := logRead(t.Context(), s.Client(t))
	require.NoError(t, err)
	require.Equal(t, logText, text)
}

func TestLogErrors(t *testing.T) {
	for status, test := range map[int]struct {
		body     string
		sentinel error
	}{
		401: {`{"message":"401 Unauthorized"}`, gitlabci.ErrUnauthorized},
		403: {`{"message":"403 Forbidden"}`, gitlabci.ErrForbidden},
		404: {`{"message":"404 Not found"}`, gitlabci.ErrNotFound},
	} {
		s := testkit.NewScript(testkit.Respond(status, test.body))
		_, err := logRead(t.Context(), s.Client(t))
		require.ErrorIs(t, err, test.sentinel)
		e, responded := errors.AsType[*gitlabci.APIError](err)
		require.True(t, responded)
		require.Equal(t, "/projects/group%2Fapp/jobs/7/trace", e.Path)
		require.Len(t, s.Received(), 1)
	}
}

func TestLogIsRequestedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(503, ``), testkit.Reset, testkit.Silent, testkit.Log(logText))
		text, err := logRead(t.Context(), s.Client(t))
		require.NoError(t, err)
		require.Equal(t, logText, text)
		require.Len(t, s.Received(), 4)
	})
}

func TestLogThatIsInterrupted(t *testing.T) {
	for name, step := range map[string]http.HandlerFunc{
		"of known length": testkit.OfType("text/plain", testkit.BreakOff),
		"in chunks": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"id":`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := logRead(t.Context(), testkit.NewScript(step).Client(t, gitlabci.WithRetries(0)))
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Equal(t, `{"id":`, text, "what came is kept")
		})
	}
}

func TestLogStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		text, err := logRead(t.Context(), testkit.NewScript(testkit.OfType("text/plain", testkit.Stall)).Client(t, gitlabci.WithRetries(0)))
		require.ErrorIs(t, err, gitlabci.ErrStalled)
		require.NotErrorIs(t, err, context.Canceled)
		require.Equal(t, `{"id":`, text)
		require.Equal(t, time.Minute, time.Since(start))
	})
}

// Only the server's time counts: neither a log that arrives slowly, but at 1 KiB a
// minute, nor a slow reader is cut off.
func TestLogMayBeSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				time.Sleep(59 * time.Second)
				io.WriteString(w, strings.Repeat("drip\n", 300))
				w.(http.Flusher).Flush()
			}
		})
		text, err := logRead(t.Context(), s.Client(t))
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("drip\n", 3000), text)

		log, err := testkit.NewScript(testkit.Log(strings.Repeat(logText, 1000))).Client(t).Jobs.Log(t.Context(), "group/app", 7)
		require.NoError(t, err)
		defer log.Close()
		var whole bytes.Buffer
		for {
			if _, err = io.CopyN(&whole, log, 50_000); err != nil {
				break
			}
			time.Sleep(time.Hour)
		}
		require.Equal(t, io.EOF, err)
		require.Equal(t, 1000*len(logText), whole.Len())
	})
}

func TestLogCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := logRead(ctx, testkit.NewScript(testkit.OfType("text/plain", testkit.Stall)).Client(t))
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, gitlabci.ErrStalled)
		require.Equal(t, time.Second, time.Since(start))

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = logRead(ctx, testkit.NewScript(testkit.OfType("text/plain", testkit.Stall)).Client(t))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}

// Closing a log early ends its request on the server.
func TestLogClosedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan struct{})
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			testkit.OfType("text/plain", testkit.Stall)(w, r)
			close(left)
		})
		log, err := s.Client(t).Jobs.Log(t.Context(), "group/app", 7)
		require.NoError(t, err)
		_, err = io.ReadFull(log, make([]byte, 3))
		require.NoError(t, err)
		require.NoError(t, log.Close())
		<-left
		_, err = log.Read(make([]byte, 1))
		require.Error(t, err)
	})
}
