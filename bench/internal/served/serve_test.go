package served

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// Each URL speaks the intended version of HTTP.
func TestVersionsOfHTTP(t *testing.T) {
	at, stop, err := Start(t.TempDir())
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(at.Certificate)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	for _, version := range []int{1, 2} {
		for url, spoken := range map[string]int{at.Plain: 1, at.TLS: 1, at.HTTP2: 2} {
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: version == 2}
			resp, err := (&http.Client{Transport: transport}).Get(url + "/served")
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			transport.CloseIdleConnections()
			if spoken == 2 && version == 1 {
				require.Equal(t, http.StatusHTTPVersionNotSupported, resp.StatusCode, url)
				continue
			}
			require.Equal(t, http.StatusOK, resp.StatusCode, url)
			require.Equal(t, spoken, resp.ProtoMajor, url)
		}
	}
	require.NoError(t, stop())
}

// Serve ends with its input.
func TestServe(t *testing.T) {
	in, until := io.Pipe()
	from, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(t.TempDir(), in, out) }()
	line, err := bufio.NewReader(from).ReadBytes('\n')
	require.NoError(t, err)
	var at URLs
	require.NoError(t, json.Unmarshal(line, &at))
	_, err = CountsAt(at.Plain)
	require.NoError(t, err)
	require.NoError(t, until.Close())
	require.NoError(t, <-ended)
	_, err = CountsAt(at.Plain)
	require.Error(t, err)
}

// An archive in the storage comes by a redirect, has an ETag, and can be read in parts.
func TestStorage(t *testing.T) {
	at, stop, err := Start(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, stop()) }()
	resp, err := http.Get(StorageBase(at.Plain, 100) + "/api/v4/projects/7/jobs/1/artifacts")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, `"noise-100"`, resp.Header.Get("ETag"))
	require.Equal(t, "bytes", resp.Header.Get("Accept-Ranges"))
	require.Equal(t, "/bucket/0s/100", resp.Request.URL.Path)
	require.NotContains(t, at.Plain, resp.Request.URL.Host)
}

// A connection of the storage sends so much a second, and saves next to nothing for later.
func TestSlowConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := &slowConn{Conn: near}
		go io.Copy(io.Discard, far)
		start := time.Now()
		for _, wait := range []time.Duration{0, time.Minute} {
			time.Sleep(wait)
			n, err := conn.Write(make([]byte, 2*StorageRate))
			require.NoError(t, err)
			require.Equal(t, 2*StorageRate, n)
		}
		require.Equal(t, time.Minute+4*time.Second-2*overslept, time.Since(start))
		require.NoError(t, far.Close())
		_, err := conn.Write([]byte("x"))
		require.Error(t, err)
	})
}

// Pages of jobs by number join, and end with one that is empty.
func TestNumberedJobs(t *testing.T) {
	at, stop, err := Start(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, stop()) }()
	n := 0
	ahead := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Prefetch: 4}}
	for job, err := range newClient(t, Base(at.Plain, 0, 300)).Jobs.All(t.Context(), "group/app", ahead) {
		require.NoError(t, err)
		require.EqualValues(t, NewestJob-int64(n), job.ID)
		n++
	}
	require.Equal(t, 300, n)
	resp, err := http.Get(Base(at.Plain, 0, 300) + "/api/v4/projects/7/jobs?per_page=100&page=4")
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "[]", string(text))
}
