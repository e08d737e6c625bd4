package services_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// clientCertificate writes a new certificate and its key.
func clientCertificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "runner"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return certFile, keyFile
}

// mutualTLS is a server that wants a client certificate, and a file with its own.
func mutualTLS(t *testing.T) (address, file string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", r.TLS.PeerCertificates[0].Subject.CommonName)
		testkit.OK(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, testkit.CertificateFile(t, server)
}

func TestEnvClientCertificates(t *testing.T) {
	address, file := mutualTLS(t)
	cert, key := clientCertificate(t)
	env := map[string]string{
		"CI_SERVER_URL": address, "CI_JOB_TOKEN": "glcbt-1",
		"CI_SERVER_TLS_CA_FILE": file, "CI_SERVER_TLS_CERT_FILE": cert, "CI_SERVER_TLS_KEY_FILE": key,
	}
	testkit.SetEnv(t, env)
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	for name, opts := range map[string][]gitlabci.Option{
		"environment alone":    nil,
		"WithTLSConfig beside": {gitlabci.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS13})},
		"WithTLSConfig's own":  {gitlabci.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}})},
	} {
		client, err := gitlabci.NewClientFromEnv(opts...)
		require.NoError(t, err, name)
		_, err = client.Pipelines.Get(t.Context(), "group/app", 7)
		require.NoError(t, err, name)
		client.CloseIdleConnections()
	}
	testkit.SetEnv(t, map[string]string{"CI_SERVER_URL": address, "CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_TLS_CA_FILE": file})
	client, err := gitlabci.NewClientFromEnv()
	require.NoError(t, err)
	_, err = client.Pipelines.Get(t.Context(), "group/app", 7)
	require.ErrorContains(t, err, "certificate")
}

func TestWithTLSConfig(t *testing.T) {
	address, file := mutualTLS(t)
	cert, key := clientCertificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(text))
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(address), gitlabci.WithTLSConfig(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}))
	require.NoError(t, err)
	_, err = client.Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	client.CloseIdleConnections()
}

// Options that cannot be combined are an error, and so is nil.
func TestTransportOptionsThatDoNotFit(t *testing.T) {
	for says, opts := range map[string][]gitlabci.Option{
		"TLSClientConfig":          {gitlabci.WithTLSConfig(&tls.Config{}), gitlabci.WithTransport(gitlabci.DefaultTransport())},
		"WithTLSConfig: the conf":  {gitlabci.WithTLSConfig(nil)},
		"WithMiddleware: the func": {gitlabci.WithMiddleware(nil)},
		"returned nil":             {gitlabci.WithMiddleware(func(http.RoundTripper) http.RoundTripper { return nil })},
	} {
		_, err := gitlabci.NewClient(opts...)
		require.ErrorContains(t, err, says)
		require.Regexp(t, "^gitlabci: ", err.Error())
	}
}

// The exported transport is ours, and a new one each time.
func TestDefaultTransport(t *testing.T) {
	first, second := gitlabci.DefaultTransport(), gitlabci.DefaultTransport()
	require.NotSame(t, first, second)
	require.Equal(t, 32, first.MaxIdleConnsPerHost)
	require.Equal(t, 30*time.Second, first.IdleConnTimeout)
	require.Equal(t, 10*time.Second, first.TLSHandshakeTimeout)
	require.EqualValues(t, 1<<20, first.MaxResponseHeaderBytes)
	require.NotNil(t, first.Proxy)
	require.NotNil(t, first.HTTP2)
}

// Middleware wraps any transport, sees each request, and can see which are for a storage.
func TestWithMiddleware(t *testing.T) {
	api, _ := testkit.Redirected(302, testkit.StorageURL, testkit.OKFile)
	var order []string
	note := func(name string) gitlabci.Option {
		return gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
				info, ok := gitlabci.RequestInfoFrom(r.Context())
				require.True(t, ok)
				require.Equal(t, r.URL.Host == testkit.StorageHost, info.Storage)
				order = append(order, name+" "+r.URL.Host)
				return next.RoundTrip(r)
			})
		})
	}
	require.NoError(t, testkit.OpenArchive(t.Context(), api.Client(t, note("inner"), note("outer"))))
	require.Equal(t, []string{
		"outer " + testkit.Host, "inner " + testkit.Host, "outer " + testkit.StorageHost, "inner " + testkit.StorageHost,
	}, order)
}

func TestWithTimeouts(t *testing.T) {
	for name, test := range map[string]struct {
		step  http.HandlerFunc
		limit gitlabci.Timeouts
		want  time.Duration
	}{
		"first byte":    {testkit.Silent, gitlabci.Timeouts{FirstByte: 5 * time.Second}, 5 * time.Second},
		"silence":       {testkit.Stall, gitlabci.Timeouts{Silence: 7 * time.Second}, 7 * time.Second},
		"response":      {testkit.Stall, gitlabci.Timeouts{Response: 9 * time.Second}, 9 * time.Second},
		"no silence":    {testkit.Stall, gitlabci.Timeouts{Silence: -1}, 10 * time.Minute},
		"no first byte": {testkit.Silent, gitlabci.Timeouts{FirstByte: -1}, 24 * time.Hour},
		"none":          {testkit.Stall, gitlabci.Timeouts{Connect: -1, FirstByte: -1, Silence: -1, Response: -1}, 24 * time.Hour},
		"defaults":      {testkit.Silent, gitlabci.Timeouts{}, 120 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				start := time.Now()
				err := testkit.Calls["get"](ctx, testkit.NewScript(test.step).Client(t, gitlabci.WithRetries(0), gitlabci.WithTimeouts(test.limit)))
				require.Equal(t, test.want, time.Since(start))
				if test.want < 24*time.Hour {
					require.ErrorIs(t, err, gitlabci.ErrStalled)
				}
			})
		})
	}
}

// A closer counts how often its idle connections are closed.
type closer struct {
	http.RoundTripper
	closed int
}

func (c *closer) CloseIdleConnections() { c.closed++ }

// Idle connections are closed below middleware that cannot do it.
func TestCloseIdleConnections(t *testing.T) {
	s := testkit.NewScript(testkit.OK)
	inner := &closer{RoundTripper: s.Network.Transport()}
	hide := func(next http.RoundTripper) http.RoundTripper { return testkit.RoundTripper(next.RoundTrip) }
	client := s.Client(t, gitlabci.WithTransport(inner), gitlabci.WithMiddleware(hide))
	require.NoError(t, testkit.Calls["get"](t.Context(), client))
	client.CloseIdleConnections()
	require.Equal(t, 1, inner.closed)
	second, err := client.With(gitlabci.WithMiddleware(hide))
	require.NoError(t, err)
	second.CloseIdleConnections()
	require.Equal(t, 2, inner.closed)
	testkit.CannedJSON(`{}`).Client(t).CloseIdleConnections() // a transport without connections
}
