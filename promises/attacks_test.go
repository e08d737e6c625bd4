package promises_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A server that refuses the read, too, is asked once, and cannot have the token
// printed.
func TestMovedProjectOfAHostileServer(t *testing.T) {
	t.Parallel()
	const refusal = `{"message":"Non GET methods are not allowed for moved projects"}`
	endless := testkit.NewScript(testkit.Respond(405, refusal))
	require.Error(t, testkit.Calls["retry"](t.Context(), endless.Client(t)))
	require.Len(t, endless.Received(), 2)
	echo := testkit.NewScript(testkit.Respond(405, refusal), testkit.Respond(200, `{"id":7,"path_with_namespace":"x/`+testkit.Token+`"}`))
	err := testkit.Calls["retry"](t.Context(), echo.Client(t))
	require.NotContains(t, err.Error(), testkit.Token)
	require.NoError(t, testkit.Calls["get"](t.Context(), testkit.NewScript(testkit.OK).Client(t)))
}

// A storage cannot cause a request with the token, either.
func TestStorageThatSpeaksOfMovedProjects(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(
		testkit.Respond(302, "", "Location", "https://"+officeHost+"/x"),
		testkit.Respond(405, `{"message":"Non GET methods are not allowed for moved projects"}`),
	)
	s.Network.Handle(officeHost, s)
	_, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(9), io.Discard, nil)
	require.Error(t, err)
	require.Len(t, s.Received(), 2)
}

// A transport may make a request of its own with the context of ours.
func TestTransportsWithRequestsOfTheirOwn(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { testkit.OK(w, r) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	inner := server.Client().Transport
	asking := roundTrip(func(r *http.Request) (*http.Response, error) {
		for _, path := range []string{"/token", "/api/v4/token"} {
			req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, server.URL+path, nil)
			if err != nil {
				return nil, err
			}
			resp, err := inner.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			resp.Body.Close()
		}
		return inner.RoundTrip(r)
	})
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server.URL), gitlabci.WithTransport(asking), gitlabci.WithRetries(0))
	require.NoError(t, err)
	for name, call := range onceCalls {
		require.NoError(t, call(t.Context(), client), name)
	}
	require.NoError(t, testkit.Calls["get"](t.Context(), client))
}

// A connection after one of HTTP/2 may support HTTP/1 only: a write is not sent there.
func TestWritesThatFallBackToHTTP1HappenOnce(t *testing.T) {
	for range 30 {
		first := true
		server := testkit.NewFrameServer(t, func(c *testkit.FrameConn, stream uint32, _ int) {
			c.GoAway(stream, 0)
			c.Reset(stream, 1)
			c.Close()
		})
		server.Protocols = func() []string {
			defer func() { first = false }()
			if first {
				return []string{"h2"}
			}
			return []string{"http/1.1"}
		}
		require.ErrorIs(t, onceCalls["retry"](t.Context(), server.Client(t, onceOptions(4)...)), gitlabci.ErrOutcomeUnknown)
		require.EqualValues(t, 1, server.Requests.Load())
	}
}

// A response to a write that has not changed anything is none.
func TestDoTakesUnchangedForReadsAlone(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodDelete, http.MethodPut, http.MethodPost, http.MethodPatch} {
		req, err := http.NewRequestWithContext(t.Context(), method, "/projects/7", nil)
		require.NoError(t, err)
		_, err = testkit.NewScript(testkit.Respond(304, "")).Client(t).Do(req)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, method)
	}
}

// Interim responses end, and leave the outcome of a write open.
func TestInterimResponsesWithoutAnEnd(t *testing.T) {
	t.Parallel()
	server := testkit.NewRawServer(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 5000)+"HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{\"id\":7}")
	client := server.Client(t, onceOptions(0)...)
	require.Error(t, testkit.Calls["get"](t.Context(), client))
	require.ErrorIs(t, testkit.Calls["create"](t.Context(), client), gitlabci.ErrOutcomeUnknown)
	require.EqualValues(t, 2, server.Requests.Load())
}

// Paths that someone decodes more often than once do not leave the API.
func TestPathsThatClimb(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/projects/a%2f..%2f..%2fadmin", "/projects/..%5c..%5cadmin", "/projects/..;/x", "/projects/%252e%252e/x",
		"/projects/..%00/x", "/projects/..%20/x", "/projects/..%3f/x", "/projects/%25252e%25252e",
	} {
		s := testkit.NewScript(testkit.OK)
		req := &http.Request{Method: http.MethodGet, URL: &url.URL{}}
		var err error
		req.URL, err = url.Parse(path)
		require.NoError(t, err)
		_, err = s.Client(t).Do(req.WithContext(t.Context()))
		require.ErrorIs(t, err, gitlabci.ErrInvalid, path)
		require.Empty(t, s.Received(), path)
		redirected := testkit.NewScript(testkit.Respond(302, "", "Location", "https://"+officeHost+"/api/v4"+path), testkit.OK)
		redirected.Network.Handle(officeHost, redirected)
		require.Error(t, testkit.Calls["get"](t.Context(), redirected.Client(t)), path)
		require.Len(t, redirected.Received(), 1, path)
	}
	s := testkit.NewScript(testkit.OK)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/projects/group%2Fapp/repository/files/a..b%2F...%2Fc", nil)
	require.NoError(t, err)
	resp, err := s.Client(t).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

// The token does not travel in the clear because the name of this machine is
// written in capitals.
func TestLoopbackInCapitals(t *testing.T) {
	t.Parallel()
	var asked string
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("http://LOCALHOST:1"), gitlabci.WithToken(testkit.Token), gitlabci.WithRetries(0),
		gitlabci.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = r.URL.Host
			return nil, errors.New("no")
		})))
	require.NoError(t, err)
	require.Error(t, testkit.Calls["get"](t.Context(), client))
	require.Equal(t, "localhost:1", asked, "as net/http knows it")
}

// A validator is believed only of a file that was compared to its end.
func TestValidatorOfAFileThatWasNotCompared(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a", 4000), strings.Repeat("b", 4000)
	step := func(status int, body string, size int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.WriteHeader(status)
			io.WriteString(w, body)
			if len(body) < size {
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
		}
	}
	for _, first := range [][]string{nil, {"ETag", `W/"1"`}} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(
				step(200, a[:2000], 4000, first...),
				step(200, b[:1000], 4000, "ETag", `"b"`),
				step(206, b[2000:], 2000, "ETag", `"b"`, "Content-Range", "bytes 2000-3999/4000"),
				step(200, b, 4000, "ETag", `"b"`),
			)
			var got bytes.Buffer
			_, err := s.Client(t).Artifacts.Download(t.Context(), "group/app", gitlabci.LatestArtifacts{Ref: "main", Job: "x"}, &got, nil)
			require.Error(t, err)
			require.Equal(t, a[:2000], got.String())
		})
	}
}

// A program that knows the size of a file in an archive reads no wrong bytes.
func TestArchiveFileReadByItsSize(t *testing.T) {
	t.Parallel()
	data := testkit.Zip(t, testkit.ZipEntry{Name: "f", Content: strings.Repeat("x", 3000), Store: true})
	damaged := bytes.Replace(data, []byte("xxxxx"), []byte("xxyxx"), 1)
	for name, bytesOf := range map[string][]byte{"whole": data, "damaged": damaged} {
		archive, err := testkit.ZipClient(t, bytesOf).Artifacts.Archive(t.Context(), "group/app", gitlabci.JobID(9), nil)
		require.NoError(t, err)
		file, err := archive.Open("f")
		require.NoError(t, err)
		_, err = io.ReadFull(file, make([]byte, 3000))
		require.Equal(t, name == "whole", err == nil, "%s: %v", name, err)
		require.NoError(t, file.Close())
		require.NoError(t, archive.Close())
	}
}

// Secrets that a server echoes where nobody looks are not printed.
func TestEchoedTokens(t *testing.T) {
	t.Parallel()
	echo := func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Private-Token")
		for _, name := range []string{"X-Request-Id", "Content-Type", "Content-Encoding", "Content-Range"} {
			w.Header().Set(name, "x "+token)
		}
		w.Header().Set("Content-Disposition", `attachment; filename="`+token+`"`)
		io.WriteString(w, `{"message":"`+strings.Repeat("x", 179)+token+`"}`)
	}
	for name, call := range map[string]func(context.Context, *gitlabci.Client) error{
		"log": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Jobs.Log(ctx, "group/app", 9)
			return err
		},
		"archive": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.Archive(ctx, "group/app", gitlabci.JobID(9), nil)
			return err
		},
		"download": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.Download(ctx, "group/app", gitlabci.JobID(9), io.Discard, nil)
			return err
		},
		"delete": func(ctx context.Context, c *gitlabci.Client) error { return c.Artifacts.Delete(ctx, "group/app", 9) },
	} {
		err := call(t.Context(), testkit.NewScript(echo).Client(t, gitlabci.WithRetries(0)))
		require.Error(t, err, name)
		require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), testkit.Token, name)
		require.NotContains(t, err.Error(), testkit.Token[:len(testkit.Token)-3], name)
	}
}

// Archives that differ only in bytes without a checksum are not joined, either: the time or
// the name that is before a member.
func TestSaveJoinsNoOtherHeaders(t *testing.T) {
	t.Parallel()
	zips := mixZips(t)
	directory := strings.Index(zips[0], "PK\x01\x02")
	for name, at := range map[string][2]int{"time": {10, 12}, "name": {30, 46}} {
		other := []byte(zips[0])
		other[at[0]] ^= 1
		other[directory+at[1]] ^= 1
		s := &mixServer{files: [2]string{zips[0], string(other)}, which: mixSwaps["swapped"], cut: 1_800_000, cuts: 1, ranges: true}
		mixTry(t, s, false, name, func(ctx context.Context, c *gitlabci.Client) (string, error) {
			return mixSave(t, ctx, c, gitlabci.JobID(7), nil)
		})
	}
}
