package rest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func gzipped(text string) []byte {
	var data bytes.Buffer
	w := gzip.NewWriter(&data)
	w.Write([]byte(text))
	w.Close()
	return data.Bytes()
}

// zip responds with a gzipped body, or a part of it.
func zip(status int, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "GZIP")
		w.WriteHeader(status)
		w.Write(body)
	}
}

const pipeline = `{"id":7,"status":"success","ref":"main"}`

// A gzipped response is decoded, in one go or not, and so is the message of an error.
func TestGzippedResponses(t *testing.T) {
	s := testkit.NewScript(zip(http.StatusOK, gzipped(pipeline)))
	got, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	require.Equal(t, "main", got.Ref)
	require.Equal(t, []string{"gzip"}, testkit.OneRequest(t, s).Header["Accept-Encoding"])

	s = testkit.NewScript(zip(http.StatusNotFound, gzipped(`{"message":"404 Pipeline Not Found"}`)))
	_, err = s.Client(t).Pipelines.Get(t.Context(), "group/app", 7)
	e, ok := errors.AsType[*gitlabci.APIError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "404 Pipeline Not Found", e.Message)
}

// A gzipped response that is cut off or damaged has failed, and is requested again.
func TestBrokenGzip(t *testing.T) {
	whole := gzipped(pipeline)
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-8] ^= 1 // its sum
	for _, body := range [][]byte{whole[:len(whole)-9], whole[:5], damaged} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(zip(http.StatusOK, body), zip(http.StatusOK, whole))
			got, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 7)
			require.NoError(t, err)
			require.Equal(t, "main", got.Ref)
			require.Len(t, s.Received(), 2)
		})
	}
}

// WithMaxAnswer counts what is in the body, however small that is on the wire.
func TestGzippedLimit(t *testing.T) {
	padded := gzipped(pipeline + strings.Repeat(" ", 5000-len(pipeline)))
	for most, fits := range map[int64]bool{5000: true, 4999: false} {
		s := testkit.NewScript(zip(http.StatusOK, padded))
		_, err := s.Client(t, gitlabci.WithMaxAnswer(most)).Pipelines.Get(t.Context(), "group/app", 7)
		if fits {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "the response is larger than the 4999 bytes of WithMaxAnswer")
		require.Len(t, s.Received(), 1)
	}
}

// It depends on the transport: one without compression has none, and one of another type
// sees what net/http returns.
func TestGzipIsTheTransports(t *testing.T) {
	s := testkit.NewScript(zip(http.StatusOK, gzipped(pipeline)))
	var asked, sent string
	inner := s.Network.Transport()
	_, err := s.Client(t, gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		asked = req.Header.Get("Accept-Encoding")
		resp, err := inner.RoundTrip(req)
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			sent, resp.Body = string(body), io.NopCloser(bytes.NewReader(body))
		}
		return resp, err
	}))).Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	require.Empty(t, asked)
	require.Equal(t, pipeline, sent)

	plain := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, pipeline)
	}
	s = testkit.NewScript(plain)
	bare := s.Network.Transport()
	bare.DisableCompression = true
	_, err = s.Client(t, gitlabci.WithTransport(bare)).Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	require.Empty(t, testkit.OneRequest(t, s).Header["Accept-Encoding"])
}

// The memory of a body is used again, and what was decoded from it stays as it is.
func TestBodiesAreKeptApart(t *testing.T) {
	s := testkit.NewScript(zip(http.StatusOK, gzipped(pipeline)), zip(http.StatusOK, gzipped(strings.ReplaceAll(pipeline, "main", "next"))))
	client := s.Client(t)
	first, err := client.Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	second, err := client.Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	require.Equal(t, []string{"main", "next"}, []string{first.Ref, second.Ref})
}
