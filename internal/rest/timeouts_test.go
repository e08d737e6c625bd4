package rest_test

import (
	"bytes"
	"compress/flate"
	"context"
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

// drip responds with a status and then sends part once per interval, without an end.
func drip(status int, contentType, part string, interval time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		for r.Context().Err() == nil {
			io.WriteString(w, part)
			w.(http.Flusher).Flush()
			select {
			case <-time.After(interval):
			case <-r.Context().Done():
			}
		}
	}
}

// A body that is read whole has ten minutes, however it drips: JSON, that of an
// error, that of a redirect, and that of a delete.
func TestDripsEnd(t *testing.T) {
	tests := map[string]struct {
		step http.HandlerFunc
		call string
		is   error
	}{
		"JSON":     {drip(200, "application/json", " ", 59*time.Second), "get", gitlabci.ErrStalled},
		"an error": {drip(404, "application/json", " ", 59*time.Second), "get", gitlabci.ErrNotFound},
		"a write":  {drip(201, "application/json", " ", 59*time.Second), "create", gitlabci.ErrOutcomeUnknown},
		"a delete": {drip(202, "application/json", " ", 59*time.Second), "delete", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				start := time.Now()
				err := testkit.Calls[test.call](ctx, testkit.NewScript(test.step).Client(t, gitlabci.WithRetries(0)))
				require.ErrorIs(t, err, test.is)
				require.Equal(t, 10*time.Minute, time.Since(start))
			})
		})
	}
}

func TestDrippingRedirectEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/api/v4/projects/7")
			drip(302, "text/html", " ", 59*time.Second)(w, r)
		}, testkit.OK)
		start := time.Now()
		require.NoError(t, testkit.Calls["get"](t.Context(), s.Client(t)))
		require.Equal(t, 10*time.Minute, time.Since(start))
	})
}

func TestDripMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(drip(200, "application/json", " ", 59*time.Second))
		err := testkit.Calls["get"](t.Context(), s.Client(t, gitlabci.WithRetries(0)))
		require.EqualError(t, err, "gitlabci: GET /projects/group%2Fapp/pipelines/7: the server fell silent: the body was not complete within 10m0s")
	})
}

// flushed is a text as a server sends it gzipped before it has the next one. An empty text
// is a block of nothing.
func flushed(text string) string {
	var data bytes.Buffer
	w, _ := flate.NewWriter(&data, flate.BestCompression)
	io.WriteString(w, text)
	w.Flush()
	return data.String()
}

// A file must bring 1 KiB a minute. A body that does may take hours. Of a gzipped one, this
// is what is in it.
func TestFilesArriveAtSomeSpeed(t *testing.T) {
	const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	for name, test := range map[string]struct {
		first, part string
		ends        time.Duration // 0 for never
	}{
		"a byte each time": {"", "x", 120 * time.Second},
		"enough":           {"", strings.Repeat("x", 1100), 0},
		"enough, gzipped":  {gzipHeader, flushed(strings.Repeat("x", 1100)), 0},
		"enough, in a gzip file with a name and without flushes": {
			"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xfflog\x00\xaa", strings.Repeat("\xa8", 550), 0, // each byte is an x
		},
		"nothing, gzipped to much":    {gzipHeader, strings.Repeat(flushed(""), 300), 120 * time.Second},
		"too little, gzipped to more": {gzipHeader, strings.Repeat(flushed("x"), 300), 120 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 10 * time.Hour
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					if test.first != "" {
						w.Header().Set("Content-Encoding", "gzip")
					}
					io.WriteString(w, test.first)
					drip(200, "application/octet-stream", test.part, 30*time.Second)(w, r)
				})
				resp, err := s.Client(t).Do(testkit.Request(t, http.MethodGet, "/projects/7/x", nil).WithContext(ctx))
				require.NoError(t, err)
				defer resp.Body.Close()
				start := time.Now()
				_, err = io.Copy(io.Discard, resp.Body)
				if test.ends == 0 {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.Equal(t, limit, time.Since(start))
					return
				}
				require.ErrorIs(t, err, gitlabci.ErrStalled)
				require.LessOrEqual(t, time.Since(start), test.ends)
			})
		})
	}
}

// A download that drips is resumed, and given up after the usual tries.
func TestDownloadsThatDripEnd(t *testing.T) {
	for name, call := range map[string]func(context.Context, *gitlabci.Client) error{"a file": testkit.OpenArchive, "a log": testkit.Call("Jobs.Log"), "test cases": testkit.Call("Pipelines.TestCases")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				contentType := map[string]string{"a file": "application/octet-stream", "a log": "text/plain", "test cases": "application/json"}[name]
				s := testkit.NewScript(drip(200, contentType, " ", 30*time.Second))
				start := time.Now()
				require.ErrorIs(t, call(ctx, s.Client(t)), gitlabci.ErrStalled)
				require.LessOrEqual(t, time.Since(start), 15*time.Minute)
				require.LessOrEqual(t, len(s.Received()), 5)
			})
		})
	}
}
