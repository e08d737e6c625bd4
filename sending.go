package gitlabci

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
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
	cancel context.CancelFunc // ends the attempt

	asked, got, wrote atomic.Bool  // a connection, one, the request to it
	overHTTP2         atomic.Bool  // the request was written, or will be at once
	stopped           atomic.Bool  // net/http was about to write the request again
	interim           atomic.Int64 // responses
}

func (s *sending) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { s.asked.Store(true) },
		GotConn:      s.gotConn,
		WroteHeaders: func() { s.wrote.Store(true) },
		WroteHeaderField: func(name string, _ []string) {
			if strings.HasPrefix(name, ":") { // of which HTTP/1 has none
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

// gotConn runs before the request is written to a connection. Where that may not
// be, it ends the attempt: over HTTP/2 net/http checks that before it writes.
func (s *sending) gotConn(httptrace.GotConnInfo) {
	if s.overHTTP2.Load() || s.wrote.Load() && !s.mayReplay() {
		s.stopped.Store(true)
		s.cancel()
	}
	s.got.Store(true)
}

// mayReplay is about HTTP/1.
func (s *sending) mayReplay() bool {
	isRead := s.policy.call.method == http.MethodGet || s.policy.call.method == http.MethodHead
	return !isRead || s.policy.replays.Add(1) == 1
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
