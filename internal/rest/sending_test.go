package rest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A request has all headers, however many they are, and each can be changed alone.
func TestManyHeaders(t *testing.T) {
	s, header, want := &sending{}, http.Header{}, http.Header{}
	for i := range 2 * len(s.values) {
		name := fmt.Sprintf("X-%d", i)
		s.set(header, name, name)
		header[name] = append(header[name], "more")
		want[name] = []string{name, "more"}
	}
	require.Equal(t, want, header)
}

// A failed attempt may have reached the server unless net/http, or the type of its error,
// shows that it did not.
func TestMayHaveArrived(t *testing.T) {
	const refused = "http2: Transport: cannot retry err [stream error: stream ID 1; REFUSED_STREAM; received from peer] after Request.Body was written; define Request.GetBody to avoid this error"
	opaque := func(*sending) {} // a transport that reports nothing
	asks := func(s *sending) { s.getConn("") }
	gets := func(s *sending) {
		s.getConn("")
		s.gotConn(httptrace.GotConnInfo{})
	}
	for name, test := range map[string]struct {
		events func(*sending)
		err    error
		want   bool
	}{
		"no connection":               {asks, io.EOF, false},
		"on a connection":             {gets, io.EOF, true},
		"on a connection, dialing":    {gets, &net.OpError{Op: "dial", Err: io.EOF}, true},
		"a closed idle connection":    {gets, errors.New("http: server closed idle connection"), false},
		"GOAWAY":                      {gets, errors.New("http2: Transport received GOAWAY from server ErrCode:NO_ERROR"), false},
		"GOAWAY in other words":       {gets, errors.New("x http2: Transport received GOAWAY from server ErrCode:NO_ERROR"), true},
		"a graceful GOAWAY":           {gets, errors.New("http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY] after Request.Body was written"), false},
		"a refused stream":            {gets, errors.New(refused), false},
		"a refused stream, of ours":   {gets, errors.New("http2: Transport: cannot retry err [stream error: stream ID 1; REFUSED_STREAM] after Request.Body was written"), true},
		"a refused stream, quoted":    {gets, errors.New("http2: Transport: cannot retry err [REFUSED_STREAM; received from peer; CANCEL] after Request.Body was written"), true},
		"a refused stream, bare":      {gets, errors.New("stream error: stream ID 1; REFUSED_STREAM; received from peer"), true},
		"refused after 103":           {func(s *sending) { gets(s); s.interim.Add(1) }, errors.New(refused), true},
		"stopped":                     {func(s *sending) { asks(s); s.stopped.Store(true) }, io.EOF, true},
		"opaque":                      {opaque, io.EOF, true},
		"opaque, dialing":             {opaque, &net.OpError{Op: "dial", Err: io.EOF}, false},
		"opaque, dialing a proxy":     {opaque, &net.OpError{Op: "proxyconnect", Err: io.EOF}, false},
		"opaque, reading":             {opaque, &net.OpError{Op: "read", Err: io.EOF}, true},
		"opaque, no such host":        {opaque, &net.DNSError{IsNotFound: true}, false},
		"opaque, a false certificate": {opaque, &tls.CertificateVerificationError{Err: io.EOF}, false},
	} {
		s := &sending{run: &run{call: &Call{Method: http.MethodPost}}}
		test.events(s)
		require.Equal(t, test.want, s.mayHaveArrived(test.err), name)
	}
}

// Over HTTP/1, a read may be written twice, once per call, and a write as often as
// net/http has not written a byte of it.
func TestMayReplay(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace} {
		r := &run{call: &Call{Method: method}}
		require.True(t, (&sending{run: r}).mayReplay(), method)
		require.False(t, (&sending{run: r}).mayReplay(), method)
		require.False(t, (&sending{run: &run{call: &Call{Method: method, Rules: Rules{Once: true}}}}).mayReplay(), method)
	}
	s := &sending{run: &run{call: &Call{Method: http.MethodPost, Rules: Rules{Once: true}}}}
	require.True(t, s.mayReplay())
	require.True(t, s.mayReplay())
}

// A caller's transport may send requests of its own over HTTP/2 before the one that is
// observed. Once that one is written, no other connection may be used.
func TestOtherRequestsAreNotStopped(t *testing.T) {
	canceled := false
	s := &sending{run: &run{call: &Call{Method: http.MethodGet, Rules: Rules{Once: true}}}, url: url.URL{Path: "/api/v4/version"}, cancel: func() { canceled = true }}
	trace := s.trace()
	write := func(path string) {
		trace.GetConn("")
		trace.GotConn(httptrace.GotConnInfo{})
		trace.WroteHeaderField(":path", []string{path})
		trace.WroteHeaders()
	}
	write("/token")
	write("/token")
	write("/api/v4/version")
	trace.WroteHeaderField(":path", []string{"/trailer"})
	require.False(t, canceled)
	trace.GetConn("")
	require.True(t, canceled)
	require.True(t, s.mayHaveArrived(errors.New("http: server closed idle connection")))
}

// The connection for a request that must not be written again is closed, unless it is of
// HTTP/2 and has other requests. After a response, another request is written.
func TestConnectionsOfStoppedRequests(t *testing.T) {
	for name, test := range map[string]struct {
		path                        string // of HTTP/2
		responded, canceled, closed bool
	}{
		"HTTP/1":                  {"", false, true, true},
		"HTTP/1 after a response": {"", true, false, false},
		"HTTP/2":                  {"/f", false, true, false},
	} {
		canceled := false
		s := &sending{run: &run{call: &Call{Method: http.MethodGet, Rules: Rules{Once: true}}}, url: url.URL{Path: "/f"}, cancel: func() { canceled = true }}
		trace := s.trace()
		conn, _ := net.Pipe()
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
		if test.path != "" {
			trace.WroteHeaderField(":path", []string{test.path})
		}
		trace.WroteHeaders()
		require.False(t, canceled, name)
		if test.responded {
			trace.GotFirstResponseByte()
		}
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
		require.Equal(t, test.canceled, canceled, name)
		require.Equal(t, test.closed, errors.Is(conn.SetDeadline(time.Time{}), io.ErrClosedPipe), name)
	}
}

// A status in words is a proxy's only if no connection was obtained.
func TestRefusalsOfProxies(t *testing.T) {
	for text, refusal := range map[string]string{
		"Bad Gateway":                     "the proxy refuses to connect: 502 Bad Gateway",
		"Network Authentication Required": "the proxy refuses to connect: 511 Network Authentication Required",
		"EOF":                             "EOF",
	} {
		s := &sending{}
		require.EqualError(t, s.byProxy(errors.New(text)), text, "of another transport")
		s.getConn("")
		require.EqualError(t, s.byProxy(errors.New(text)), refusal)
		s.gotConn(httptrace.GotConnInfo{})
		require.EqualError(t, s.byProxy(errors.New(text)), text, "of the server")
	}
}

// Only an alert of the server, and of those before a request is read, is a refusal.
func TestHandshakeAlerts(t *testing.T) {
	for _, test := range []struct {
		op, text string
		want     bool
	}{
		{"remote error", "tls: certificate required", true},
		{"local error", "tls: certificate required", false},
		{"remote error", "tls: internal error", false},
	} {
		require.Equal(t, test.want, isHandshakeAlert(&net.OpError{Op: test.op, Err: errors.New(test.text)}), "%v", test)
	}
	require.False(t, isHandshakeAlert(io.EOF))
}

// refusedByTLS returns a connection whose server has asked for a client certificate and
// got none. Its alert has been read, or not.
func refusedByTLS(t *testing.T, read bool) *tls.Conn {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err) // with TLS 1.3, the alert comes later
	t.Cleanup(func() { conn.Close() })
	if read {
		_, err := conn.Read(make([]byte, 1))
		require.ErrorContains(t, err, "certificate required")
		require.NoError(t, conn.Close())
	}
	return conn
}

// An alert that net/http has not reported, since it was writing, is found in the
// connection. It proves that the request was not sent.
func TestAlertBehindABrokenConnection(t *testing.T) {
	broken := &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for name, test := range map[string]struct {
		err   error
		read  bool
		http2 bool
		reuse bool
		found bool
	}{
		"broken pipe":                {err: broken, read: true, found: true},
		"broken pipe, still to read": {err: broken, found: true},
		"reset":                      {err: reset, read: true, found: true},
		"closed":                     {err: net.ErrClosed, read: true, found: true},
		"end":                        {err: io.EOF, read: true, found: true},
		"over HTTP/2":                {err: broken, read: true, http2: true, found: true},
		"without settings":           {err: errors.New("http2: client conn could not be established"), read: true, http2: true, found: true},
		"a body's error":             {err: reset, read: true, http2: true},
		"of a stream":                {err: errors.New("stream error: stream ID 1; CANCEL"), read: true, http2: true},
		"timeout":                    {err: &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, read: true},
		"an older connection":        {err: broken, read: true, reuse: true},
	} {
		s := &sending{run: &run{call: &Call{Method: http.MethodPost}}}
		s.getConn("")
		s.gotConn(httptrace.GotConnInfo{Conn: refusedByTLS(t, test.read), Reused: test.reuse})
		s.overHTTP2.Store(test.http2)
		err := s.byAlert(test.err)
		require.Equal(t, !test.found, s.mayHaveArrived(err), name)
		if test.found {
			require.EqualError(t, err, "remote error: tls: certificate required", name)
		} else {
			require.Equal(t, test.err, err, name)
		}
	}
}

// A connection that broke for another reason, or without TLS, says nothing more.
func TestBrokenConnectionWithoutAnAlert(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	secure, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer secure.Close()
	plain, _ := net.Pipe()
	for _, conn := range []net.Conn{secure, plain} {
		s := &sending{run: &run{call: &Call{Method: http.MethodPost}}}
		s.getConn("")
		s.gotConn(httptrace.GotConnInfo{Conn: conn})
		require.NoError(t, conn.Close())
		require.Equal(t, io.EOF, s.byAlert(io.EOF))
		require.True(t, s.mayHaveArrived(io.EOF))
	}
}
