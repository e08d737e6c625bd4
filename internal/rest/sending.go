package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// most1xx is how many interim (1xx) responses may precede the final one.
const most1xx = 100

var (
	errReplay  = errors.New("the connection failed after the request was sent, and net/http was kept from sending it again")
	errMany1xx = errors.New("the server sent too many interim (1xx) responses")
)

// An attempt is what the transport records of one attempt. Each redirect that is
// followed replaces the record.
type attempt struct {
	reached   bool   // a server has responded, perhaps by a redirect
	sent      bool   // the request may have reached the server, or a storage
	otherHost string // the host, if it is another origin than the server's
}

// A sending is one request on its way, and its response: that of an attempt, or of a
// redirect that is followed. It is also the context of the request.
//
// It observes how net/http sends the request: which connections it gets, and whether it
// writes the request to one of them.
//
// It keeps net/http from sending a request again by itself. Over HTTP/2, net/http
// would do so after a reset or a GOAWAY, up to hundreds of times, and even after a
// reset with PROTOCOL_ERROR, which does not say whether the request was executed.
// Over HTTP/1, net/http sends a write again only if it has not written a byte of
// it, which is harmless. It sends a read again if a kept-alive connection turns out
// to be closed: that is allowed once per call.
//
// Over HTTP/2, the cause of a failure is known only if net/http cannot send the
// request again because its body cannot be read twice. Then a request that the
// server says it did not process counts as not sent.
type sending struct {
	context.Context // of the call
	run             *run
	info            Info
	url             url.URL
	values          [8]string // of headers
	filled          int       // how many of them are set
	hooks           httptrace.ClientTrace
	cancel          context.CancelFunc // ends the request

	silence *time.Timer // ends the request if the server is silent for too long
	stalled atomic.Bool // it has
	body    timedBody

	fresh                    atomic.Pointer[net.Conn] // a connection that had no request before, or nil
	wantedConn, obtainedConn atomic.Bool              // net/http has asked for a connection, and got one
	wrote                    atomic.Bool              // a request was written over HTTP/1, and has no response yet
	pseudo                   atomic.Bool              // the headers that are being written are those of HTTP/2
	overHTTP2                atomic.Bool              // this request was written over HTTP/2, or will be immediately
	stopped                  atomic.Bool              // net/http was about to write the request again
	interim                  atomic.Int64             // how many interim responses there were
}

// newSending returns the sending of a request, and a copy of the request whose header and
// URL can be changed: by us, and by transports that should not.
func newSending(r *run, req *http.Request) (*sending, *http.Request) {
	info := Info{r.call.Method, r.call.Path.Template, r.history.attempts, r.attempt.otherHost != ""}
	s := &sending{Context: r, run: r, info: info, url: *req.URL}
	ctx, cancel := context.WithCancel(s)
	s.cancel = cancel
	out := req.WithContext(httptrace.WithClientTrace(ctx, s.trace()))
	out.URL, out.Header = &s.url, make(http.Header, len(req.Header)+len(s.values))
	maps.Copy(out.Header, req.Header)
	r.describe(s, out.Header)
	return s, out
}

// set sets a header of the request, by its canonical name.
func (s *sending) set(header http.Header, name, value string) {
	if s.filled == len(s.values) {
		header[name] = []string{value}
		return
	}
	s.values[s.filled] = value
	s.filled++
	header[name] = s.values[s.filled-1 : s.filled : s.filled]
}

// Value returns the Info of the request, or a value of the call's context.
func (s *sending) Value(key any) any {
	if _, ok := key.(infoKey); ok {
		return s.info
	}
	return s.Context.Value(key)
}

// String is what contexts print of those they are made from.
func (s *sending) String() string { return "a request of gitlabci" }

func (s *sending) trace() *httptrace.ClientTrace {
	s.hooks = httptrace.ClientTrace{
		GetConn:              s.getConn,
		GotConn:              s.gotConn,
		WroteHeaders:         func() { s.wrote.Store(!s.pseudo.Swap(false)) },
		GotFirstResponseByte: func() { s.wrote.Store(false) }, // after which HTTP/1 never writes again
		WroteHeaderField: func(name string, values []string) {
			// HTTP/1 has no such field. A transport may make requests of its own with
			// this context, for example for a token; those are not watched.
			if name == ":path" {
				s.pseudo.Store(true)
				s.overHTTP2.Store(s.overHTTP2.Load() || slices.Equal(values, []string{s.url.RequestURI()}))
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			if s.interim.Add(1) > most1xx { // with this hook, net/http has no limit of its own
				return errMany1xx
			}
			return nil
		},
	}
	return &s.hooks
}

// getConn runs before net/http looks for a connection. If the request must not be
// written again, getConn cancels the attempt before another connection is dialed.
func (s *sending) getConn(string) {
	s.wantedConn.Store(true)
	if s.overHTTP2.Load() {
		s.stop()
	}
}

// gotConn runs before the request is written to a connection. If the request must
// not be written again, gotConn cancels the attempt. Over HTTP/2, net/http checks
// for that before it writes; over HTTP/1 it may not, so the connection is closed.
func (s *sending) gotConn(info httptrace.GotConnInfo) {
	if s.overHTTP2.Load() || s.wrote.Load() && !s.mayReplay() {
		s.stop()
		secure, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
		if ok && secure.ConnectionState().NegotiatedProtocol != "h2" || !ok && !s.overHTTP2.Load() {
			info.Conn.Close() // which no other request has
		}
	}
	s.fresh.Store(nil)
	if !info.Reused {
		s.fresh.Store(&info.Conn)
	}
	s.obtainedConn.Store(true)
}

func (s *sending) stop() {
	s.stopped.Store(true)
	s.cancel()
}

// mayReplay reports whether net/http may write the request again over HTTP/1. It
// does so for these methods, and for others only if it has not written a byte.
func (s *sending) mayReplay() bool {
	switch s.run.call.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !s.run.call.Once && s.run.replays.Add(1) == 1
	}
	return true
}

// mayHaveArrived reports whether a failed attempt may have reached the server. It is
// true unless there is evidence against it.
func (s *sending) mayHaveArrived(err error) bool {
	switch {
	case s.stopped.Load(), s.interim.Load() > 0:
		return true
	case closedIdle(err), notProcessed(err), s.wantedConn.Load() && !s.obtainedConn.Load(), s.fresh.Load() != nil && isHandshakeAlert(err):
		return false
	case !s.obtainedConn.Load(): // the transport does not report its connections
		return !neverSent(err)
	}
	return true
}

// notProcessed reports whether the server says, over HTTP/2, that it did not
// process a request: it refused the stream, or its GOAWAY excludes the request.
// Net/http reports that only by these error texts. They may quote the server, but a
// server cannot forge them.
func notProcessed(err error) bool {
	text := err.Error()
	if strings.HasPrefix(text, "http2: Transport received GOAWAY from server ErrCode:") {
		return true
	}
	reason, found := strings.CutPrefix(text, "http2: Transport: cannot retry err [")
	reason, _, _ = strings.Cut(reason, "] after Request.Body was written")
	return found && (reason == "http2: Transport received Server's graceful shutdown GOAWAY" ||
		strings.HasSuffix(reason, "; REFUSED_STREAM; received from peer"))
}

// neverSent reports whether an error proves by its type that the request did
// not reach the server.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// closedIdle reports whether the server had closed a kept-alive connection before the
// request was written. Net/http does not export that error.
func closedIdle(err error) bool {
	return err.Error() == "http: server closed idle connection"
}

// handshakeAlerts are the alerts by which a server refuses a TLS connection before it
// reads a request from it. Crypto/tls does not export their type.
var handshakeAlerts = []string{
	"handshake failure", "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
	"unknown certificate", "unknown certificate authority", "certificate required", "access denied",
	"protocol version not supported", "insufficient security level", "unrecognized name", "no application protocol",
}

// isHandshakeAlert reports whether the server has refused the TLS connection, such as
// for a client certificate that is missing. With TLS 1.3, its alert arrives when the
// client has already written a request, which the server has not read.
func isHandshakeAlert(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" && slices.Contains(handshakeAlerts, strings.TrimPrefix(op.Err.Error(), "tls: "))
}

// byAlert finds the alert by which the server has refused a new TLS connection. With
// TLS 1.3, net/http may be writing the request when the alert arrives, and then reports
// that it could not write. The alert is still in the connection, unless the operating
// system has dropped it.
func (s *sending) byAlert(err error) error {
	fresh := s.fresh.Load()
	if fresh == nil || s.stopped.Load() || !isBroken(err, s.overHTTP2.Load()) {
		return err
	}
	conn, ok := (*fresh).(*tls.Conn)
	if !ok {
		return err
	}
	// A broken or closed connection is read immediately. The deadline is for a transport
	// whose errors only look like that.
	if late := conn.SetReadDeadline(time.Now().Add(time.Second)); late != nil && !errors.Is(late, net.ErrClosed) {
		return err
	}
	if _, alert := conn.Read(make([]byte, 1)); alert != nil && isHandshakeAlert(alert) {
		return alert
	}
	return err
}

// isBroken reports whether an error is that of a broken connection, which no other
// request uses any more.
func isBroken(err error, overHTTP2 bool) bool {
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && op.Timeout():
		return false
	case err.Error() == "http2: client conn could not be established":
		return true
	case overHTTP2: // an error of reading may be that of the request's body
		return ok && op.Op == "write"
	}
	return ok || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF)
}

// A proxyError is a proxy's refusal to connect.
type proxyError struct{ status int }

func (e *proxyError) Error() string { return "the proxy refuses to connect: " + StatusLine(e.status) }

// byProxy finds the refusal of a proxy in an error of net/http, which has only the
// status text of the response to CONNECT.
func (s *sending) byProxy(err error) error {
	if !s.wantedConn.Load() || s.obtainedConn.Load() {
		return err
	}
	for status := http.StatusBadRequest; status <= http.StatusNetworkAuthenticationRequired; status++ {
		if err.Error() == http.StatusText(status) {
			return &proxyError{status}
		}
	}
	return err
}
