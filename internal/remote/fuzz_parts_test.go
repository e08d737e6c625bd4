package remote_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A lyingStorage serves a file by parts, and responds to one of its requests as a fuzz test
// wants.
type lyingStorage struct {
	data         []byte
	when         int // of its requests, from 0
	times        int // how many in a row
	status       int
	contentRange string // "" for the true one
	etag         string
	shift        int // of the bytes, against those that it says it sends
	length       int // of the body, or -1 for the true one
	requests     int
}

func (s *lyingStorage) RoundTrip(req *http.Request) (*http.Response, error) {
	n := s.requests
	s.requests++
	data := s.data
	lies := s.when <= n && n < s.when+s.times
	if lies && s.shift != 0 {
		at := (s.shift%len(data) + len(data)) % len(data)
		data = append(bytes.Clone(data[at:]), data[:at]...)
	}
	w := httptest.NewRecorder()
	w.Header().Set("ETag", `"a"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	if lies {
		w.Header().Set("ETag", s.etag)
	}
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
	resp := w.Result()
	resp.Request = req
	if !lies {
		return resp, nil
	}
	if s.contentRange != "" {
		resp.Header.Set("Content-Range", s.contentRange)
	}
	if s.status > 0 {
		resp.StatusCode = s.status
	}
	if body := w.Body.Bytes(); 0 <= s.length && s.length < len(body) {
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body[:s.length])), int64(s.length)
	}
	return resp, nil
}

// Whatever a storage sends as the parts of an archive, and whatever it says that they
// are: what is read without an error is what is in the archive.
func FuzzArchiveParts(f *testing.F) {
	content := map[string]string{"a.txt": testkit.Noise(3000), "b/c.txt": strings.Repeat("text ", 2000), "empty": ""}
	data := testkit.Zip(f, testkit.ZipEntry{Name: "a.txt", Content: content["a.txt"], Store: true}, testkit.ZipEntry{Name: "b/c.txt", Content: content["b/c.txt"]}, testkit.ZipEntry{Name: "empty"})
	data = append(bytes.Repeat([]byte("#"), 2<<20), data...) // more than is read with the directory
	n := 0
	for _, contentRange := range []string{"", "bytes 0-99/100", "bytes */100", "bytes 0-0/1", "bytes 2097152-2105000/9999999999", "bytes 9223372036854775807-9223372036854775807/9223372036854775807", "bytes -1-5/6", "x"} {
		for when := range 3 {
			if n++; !testkit.Sampled(n, 1) {
				continue
			}
			f.Add(contentRange, `"a"`, when, 1, 0, 0, -1)
			f.Add(contentRange, "", when, 9, 206, 1, 100)
			f.Add(contentRange, `W/"a"`, when, 2, 200, 0, 5)
		}
	}
	f.Add("", `"a"`, 0, 9, 416, 0, 0)
	f.Add("", `"b"`, 1, 9, 204, 77, -1)
	f.Fuzz(func(t *testing.T, contentRange, etag string, when, times, status, shift, length int) {
		if status != 0 && (status < 200 || status > 599) {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := &lyingStorage{data: data, when: when, times: times, status: status, contentRange: contentRange, etag: etag, shift: shift, length: length}
			client, err := gitlabci.NewClient(gitlabci.WithRetries(1), gitlabci.WithTransport(s))
			require.NoError(t, err)
			archive, err := client.Artifacts.Archive(t.Context(), "7", gitlabci.JobID(7), nil)
			if err != nil {
				return
			}
			for name, want := range content {
				if got, err := archive.ReadFile(name); err == nil {
					require.True(t, want == string(got), name)
				}
			}
			require.NoError(t, archive.Close())
			require.Less(t, s.requests, 500)
		})
	})
}

// A report that is unpacked without an error is one that gzip made, or was not packed.
func FuzzGunzip(f *testing.F) {
	for _, content := range []string{
		"", "{}", "\x1f", "\x1f\x8b", testkit.Gzip(""), testkit.Gzip("a", "", "bc"), testkit.Gzip(testkit.Noise(300)), testkit.Gzip("a")[:15], testkit.Gzip("a") + "x", testkit.Gzip("a") + "\x00\x00", testkit.Gzip(strings.Repeat("a", 100_000)),
	} {
		f.Add([]byte(content), false)
		f.Add([]byte(content), true)
	}
	f.Fuzz(func(t *testing.T, content []byte, cut bool) {
		s := &testkit.Canned{Status: 200, Header: http.Header{"Content-Type": {"application/gzip"}}, Body: string(content)}
		var got bytes.Buffer
		var client *gitlabci.Client
		if client = s.Client(t); cut {
			client = unframed(t, content)
		}
		n, err := client.Artifacts.Download(t.Context(), "7", gitlabci.JobID(7), &got, &gitlabci.OpenOptions{Gunzip: true})
		require.Equal(t, int64(got.Len()), n)
		if err != nil {
			return
		}
		want := content
		if bytes.HasPrefix(content, []byte("\x1f\x8b")) {
			r, err := gzip.NewReader(bytes.NewReader(content))
			require.NoError(t, err)
			want, err = io.ReadAll(r)
			require.NoError(t, err)
		}
		require.True(t, bytes.Equal(want, got.Bytes()))
	})
}

// unframed returns a client that is sent a body without a length.
func unframed(t *testing.T, content []byte) *gitlabci.Client {
	client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: -1, Header: http.Header{"Content-Type": {"application/gzip"}}, Body: io.NopCloser(bytes.NewReader(content)), Request: req}, nil
	})))
	require.NoError(t, err)
	return client
}
