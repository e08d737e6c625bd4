package gitlabci

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
)

// most1xx is how many interim responses may precede the one that counts.
const most1xx = 100

var (
	errReplay  = errors.New("the connection failed after the request was sent, and net/http may not send it again by itself")
	errMany1xx = errors.New("the server sends one interim response after another")
)

// A sending is one attempt as net/http makes it: which connections it gets, and
// whether it writes the request to one.
//
// It keeps net/http from sending a request again by itself. Over HTTP/2 that
// would happen after a reset or a GOAWAY, hundreds of times, and even after a
// reset by PROTOCOL_ERROR, which does not say whether the request was carried
// out. Over HTTP/1 net/http sends a write again only if it has not written a
// byte of it, which is harmless, and a read if a kept connection turns out to be
// closed: that is allowed once in a call.
//
// Why HTTP/2 failed is known only where net/http could not send the request
// again, since its body cannot be read twice. Then a request that the server
// says it did not process counts as not sent.
type sending struct {
	policy *policy
	path   string             // of the request, as HTTP/2 writes it
	cancel context.CancelFunc // ends the attempt

	asked, got, wrote atomic.Bool  // a connection, one, the request to it
	overHTTP2         atomic.Bool  // the request was written, or will be at once
	stopped           atomic.Bool  // net/http was about to write the request again
	interim           atomic.Int64 // responses
}

func (s *sending) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      s.getConn,
		GotConn:      s.gotConn,
		WroteHeaders: func() { s.wrote.Store(true) },
		WroteHeaderField: func(name string, values []string) {
			// HTTP/1 has no such field. A transport may make requests of its own
			// with this context, for a token say, which are not ours to watch.
			if name == ":path" && slices.Equal(values, []string{s.path}) {
				s.overHTTP2.Store(true)
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			if s.interim.Add(1) > most1xx { // which net/http leaves to its caller
				return errMany1xx
			}
			return nil
		},
	}
}

// getConn runs before net/http looks for a connection. One that it would write a
// request to again is not even dialed, if it is known that that may not be.
func (s *sending) getConn(string) {
	s.asked.Store(true)
	if s.overHTTP2.Load() {
		s.stop()
	}
}

// gotConn runs before the request is written to a connection. Where that may not
// be, it ends the attempt: over HTTP/2 net/http checks that before it writes, and
// over HTTP/1, where it may not, the connection is closed.
func (s *sending) gotConn(info httptrace.GotConnInfo) {
	if s.overHTTP2.Load() || s.wrote.Load() && !s.mayReplay() {
		s.stop()
		secure, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
		if ok && secure.ConnectionState().NegotiatedProtocol != "h2" || !ok && !s.overHTTP2.Load() {
			info.Conn.Close() // which no other request has
		}
	}
	s.got.Store(true)
}

func (s *sending) stop() {
	s.stopped.Store(true)
	s.cancel()
}

// mayReplay is about HTTP/1, where net/http sends these methods again, and any
// other if it has not written a byte.
func (s *sending) mayReplay() bool {
	switch s.policy.call.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !s.policy.call.once && s.policy.replays.Add(1) == 1
	}
	return true
}

// mayHaveArrived reports whether an attempt that failed may have reached the server:
// without evidence against it, it has.
func (s *sending) mayHaveArrived(err error) bool {
	switch {
	case s.stopped.Load(), s.interim.Load() > 0:
		return true
	case closedIdle(err), notProcessed(err), s.asked.Load() && !s.got.Load():
		return false
	case !s.got.Load(): // by a transport that says nothing of its connections
		return !neverSent(err)
	}
	return true
}

// notProcessed reports whether the server says, over HTTP/2, that it did not
// process a request: it refused the stream, or its GOAWAY leaves it out. Net/http
// has no other sign of it than these texts. A server that it quotes cannot make
// one of them up.
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
