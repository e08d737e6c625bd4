package zipped_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// serveArchive is a storage with one file.
func serveArchive(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// A storage that cannot be reached any more is not the end: GitLab may lead to
// another one. It is asked once, and not at all by a client that never retries.
func TestArchiveOfAStorageThatFails(t *testing.T) {
	data, content := bigArchive(t)
	for retries, want := range map[int]int{2: 3, 0: 1} {
		synctest.Test(t, func(t *testing.T) {
			var dead atomic.Int64
			s := testkit.NewScript(http.RedirectHandler(signed, http.StatusFound).ServeHTTP, http.RedirectHandler("https://other.example.com/zip?"+testkit.Signature, http.StatusFound).ServeHTTP)
			s.Network.Handle(testkit.StorageHost, serveArchive(data))
			s.Network.Handle("other.example.com", serveArchive(data))
			archive, err := s.Client(t, gitlabci.WithRetries(retries)).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
			require.NoError(t, err)
			defer archive.Close()
			s.Network.Handle(testkit.StorageHost, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				dead.Add(1)
				testkit.Reset(w, r)
			}))
			got, err := archive.ReadFile("big")
			require.EqualValues(t, want, dead.Load())
			if retries == 0 {
				require.ErrorContains(t, err, "artifacts: storage "+testkit.StorageHost+": ")
				require.NotContains(t, err.Error(), testkit.Signature)
				require.Len(t, s.Received(), 1)
				got, err = archive.ReadFile("big")
			}
			require.NoError(t, err)
			require.True(t, content == string(got))
			require.Len(t, s.Received(), 2)
			require.EqualValues(t, want, dead.Load(), "the address is forgotten")
		})
	}
}

// Requests straight to the storage do not wait for GitLab's limits, and GitLab
// is not spared for the storage's.
func TestArchivePassesTheGate(t *testing.T) {
	data, content := bigArchive(t)
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true}))
		client := srv.Client(gitlabci.WithRetries(0))
		archive, err := client.Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		defer archive.Close()
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/jobs/:job_id", Status: 429, Header: http.Header{"Retry-After": {"30"}, "Content-Type": {"text/plain"}}})
		_, err = client.Jobs.Get(t.Context(), "group/app", archiveJob)
		require.ErrorIs(t, err, gitlabci.ErrRateLimited)
		start := time.Now()
		got, err := archive.ReadFile("big")
		require.NoError(t, err)
		require.True(t, content == string(got))
		require.Zero(t, time.Since(start))

	})
	synctest.Test(t, func(t *testing.T) {
		srv := archiveServer(data, gitlabcitest.WithStorage(gitlabcitest.Storage{Strict: true}))
		archive, err := srv.Client().Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		defer archive.Close()
		srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Status: 429, Body: "<Error><Code>SlowDown</Code><Message>slow down</Message></Error>", Header: http.Header{"Retry-After": {"3000"}, "Content-Type": {"text/plain"}}})
		start := time.Now()
		_, err = archive.ReadFile("big")
		require.ErrorContains(t, err, ": 429 Too Many Requests: SlowDown (retry after 50m0s)")
		require.NotErrorIs(t, err, gitlabci.ErrRateLimited)
		_, err = srv.Client().Jobs.Get(t.Context(), "group/app", archiveJob)
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
	})
}

// What refuses to send parts at all may send the whole.
func TestArchiveWhereRangesAreRefused(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	data, content := bigArchive(t)
	for _, status := range []int{http.StatusRequestedRangeNotSatisfiable, http.StatusNotImplemented} {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(status)
				return
			}
			w.Write(data)
		})
		archive, err := s.Client(t).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
		require.NoError(t, err)
		got, err := archive.ReadFile("big")
		require.NoError(t, err)
		require.True(t, content == string(got))
		require.NoError(t, archive.Close())
	}
}

// A client that never retries asks once for a part, also of a server that
// sends less of it.
func TestArchiveWithoutRetries(t *testing.T) {
	data, _ := bigArchive(t)
	s := testkit.NewScript(serveArchive(data), partialResponse(fmt.Sprintf("bytes 0-99/%d", len(data)), data[:100]), serveArchive(data))
	archive, err := s.Client(t, gitlabci.WithRetries(0)).Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	_, err = archive.ReadFile("big")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "at byte 100 of ")
	require.Len(t, s.Received(), 2)
}

// signed is a URL in the storage.
const signed = "https://" + testkit.StorageHost + "/zip?" + testkit.Signature

// Whatever a storage writes into its headers, no signature gets into an error.
func TestSignaturesInHeaders(t *testing.T) {
	data, _ := bigArchive(t)
	for name, step := range map[string]http.HandlerFunc{
		"Content-Range":    testkit.Part("x", signed),
		"Content-Encoding": testkit.Whole("x", "Content-Encoding", signed),
		"Content-Type":     testkit.Whole("x", "Content-Type", "text/html; "+signed),
		"Location":         http.RedirectHandler("http://"+testkit.StorageHost+"/zip?"+testkit.Signature, http.StatusFound).ServeHTTP,
		"the body":         testkit.Respond(http.StatusForbidden, signed, "Content-Type", "text/plain"),
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { requireNoSignature(t, data, step) }) })
	}
}

func requireNoSignature(t *testing.T, data []byte, step http.HandlerFunc) {
	s := testkit.NewScript(http.RedirectHandler(signed, http.StatusFound).ServeHTTP)
	client := s.Client(t)
	requireUnsigned := func(then http.HandlerFunc, read func() error) {
		s.Network.Handle(testkit.StorageHost, then)
		err := read()
		require.ErrorContains(t, err, "artifacts: storage "+testkit.StorageHost)
		require.NotContains(t, err.Error(), testkit.Signature)
	}
	s.Network.Handle(testkit.StorageHost, serveArchive(data))
	archive, err := client.Artifacts.Archive(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer archive.Close()
	requireUnsigned(step, func() error {
		_, err := archive.ReadFile("big")
		return err
	})
	requireUnsigned(step, func() error {
		_, err := client.Artifacts.Open(t.Context(), "group/app", archiveJob, nil)
		return err
	})
	s.Network.Handle(testkit.StorageHost, testkit.FirstPart("ETag", `"a"`))
	file, err := client.Artifacts.Open(t.Context(), "group/app", archiveJob, nil)
	require.NoError(t, err)
	defer file.Close()
	requireUnsigned(step, func() error {
		_, err := io.ReadAll(file)
		return err
	})
}
