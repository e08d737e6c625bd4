package rest_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// packedSpaces are the beginning of a gzip stream of spaces, and what can be repeated
// after it: a MiB of spaces that refers to the spaces before. To compress them for each
// response would be most of the time of these tests.
var packedSpaces = sync.OnceValues(func() (begin, more []byte) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	for _, part := range []*[]byte{&begin, &more} {
		w.Write(spaces) // a buffer takes everything
		w.Flush()
		*part = bytes.Clone(packed.Bytes())
		packed.Reset()
	}
	return begin, more
})

// endless is a step: a body of spaces without end, packed if so wanted.
func endless(status int, contentType string, packed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		piece := bytes.Repeat([]byte(" "), 64<<10)
		more := piece
		if packed {
			w.Header().Set("Content-Encoding", "gzip")
			piece, more = packedSpaces()
		}
		w.WriteHeader(status)
		for ; ; piece = more {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}
}

// An endless body is read up to its bound, and then the connection is closed.
func TestEndlessResponses(t *testing.T) {
	for name, packed := range map[string]bool{"plain": false, "packed": true} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"get", "rename", "create"} {
				s := testkit.NewScript(endless(200, "application/json", packed))
				require.ErrorContains(t, testkit.Calls[kind](t.Context(), s.Client(t, gitlabci.WithMaxAnswer(1<<20))), "larger than the 1048576 bytes of WithMaxAnswer")
				require.Len(t, s.Received(), 1, "it would be as large the next time")

				s = testkit.NewScript(endless(403, "application/json", packed))
				require.ErrorIs(t, testkit.Calls[kind](t.Context(), s.Client(t)), gitlabci.ErrForbidden)
				require.Len(t, s.Received(), 1)
			}
			require.NoError(t, testkit.Calls["delete"](t.Context(), testkit.NewScript(endless(200, "application/json", packed)).Client(t)), "nothing in it matters")
		})
	}
}

// A countedBody counts what is read of it.
type countedBody struct {
	io.Reader
	read   int
	closed bool
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *countedBody) Close() error {
	b.closed = true
	return nil
}

// At most 64 KiB of an error are read, and at most one byte more of a response than is
// allowed. An announced length reserves no memory.
func TestBytesThatAreRead(t *testing.T) {
	for _, status := range []int{200, 300, 400, 429, 500, 503} {
		body := &countedBody{Reader: strings.NewReader(strings.Repeat(" ", 1<<20))}
		client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithMaxAnswer(100<<10), gitlabci.WithTransport(testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: body, ContentLength: 1 << 62, Request: r}, nil
		})))
		require.NoError(t, err)
		require.Error(t, testkit.Calls["get"](t.Context(), client))
		require.True(t, body.closed)
		if status == 200 {
			require.Equal(t, 100<<10+1, body.read)
			continue
		}
		require.Equal(t, 64<<10, body.read, status)
	}
}

// The default transport takes headers of a MiB, over HTTP/1 and HTTP/2.
func TestHeadersAreBounded(t *testing.T) {
	for protocol, refusal := range map[int]string{1: "header", 2: "connection error"} {
		for _, size := range []int{512 << 10, 1<<20 + 64<<10} {
			t.Run(fmt.Sprintf("HTTP/%d, %d bytes", protocol, size), func(t *testing.T) {
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					require.Equal(t, protocol, r.ProtoMajor)
					for range size / (64 << 10) {
						w.Header().Add("X-Large", strings.Repeat("a", 64<<10))
					}
					testkit.OK(w, r)
				}))
				server.EnableHTTP2 = protocol == 2
				server.StartTLS()
				defer server.Close()
				testkit.SetEnv(t, map[string]string{"GITLAB_URL": server.URL, "CI_SERVER_TLS_CA_FILE": testkit.CertificateFile(t, server)})
				client, err := gitlabci.NewClientFromEnv(gitlabci.WithRetries(0))
				require.NoError(t, err)
				err = testkit.Calls["get"](t.Context(), client)
				if size < 1<<20 {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, refusal)
				require.Less(t, len(err.Error()), 1000)
			})
		}
	}
}

// A header that an error quotes is shortened.
func TestQuotedHeadersAreShort(t *testing.T) {
	long := strings.Repeat("a", 16<<10)
	for name, step := range map[string]http.HandlerFunc{
		"JSON, no file": testkit.Respond(200, "{}", "Content-Type", "application/json; "+long),
		"its message":   testkit.Respond(200, `{"message":"no"}`, "Content-Type", "application/json; "+long),
		"a page":        testkit.Respond(200, "<p>", "Content-Type", "text/html; "+long),
		"compressed":    testkit.Respond(200, "x", "Content-Encoding", long),
	} {
		t.Run(name, func(t *testing.T) {
			client := testkit.NewScript(step).Client(t)
			for _, err := range []error{testkit.Calls["get"](t.Context(), client), testkit.OpenArchive(t.Context(), client)} {
				require.Error(t, err)
				require.Less(t, len(err.Error()), 500)
			}
		})
	}
}

// Each redirect is requested once, and five are followed, wherever they lead.
func TestRedirectChains(t *testing.T) {
	for _, location := range []string{"/api/v4/again", "https://" + testkit.StorageHost + "/again?" + testkit.Signature} {
		s, storage := testkit.Redirected(302, location, testkit.Respond(302, ``, "Location", "/again"))
		err := testkit.OpenArchive(t.Context(), s.Client(t))
		require.ErrorContains(t, err, "more than 5 times")
		require.NotContains(t, err.Error(), "c2lnbmVk")
		require.Equal(t, 6, len(s.Received())+len(storage.Received()))
		for _, r := range storage.Received() {
			require.Empty(t, r.Header.Values("Private-Token"))
		}
	}
}
