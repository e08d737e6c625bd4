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

// most1xx is how many interim (1xx) responses may precede the final one.
const most1xx = 100

var (
	errReplay  = errors.New("the connection failed after the request was sent, and net/http was kept from sending it again")
	errMany1xx = errors.New("the server sent too many interim (1xx) responses")
)

// A sending observes how net/http makes one attempt: which connections it gets, and
// whether it writes the request to one of them.
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
	policy *policy
	cancel context.CancelFunc // ends the attempt

	asked, got, wrote atomic.Bool  // asked for a connection, got one, wrote the request to it
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
			if strings.HasPrefix(name, ":") { // a pseudo-header, which HTTP/1 does not have
				s.overHTTP2.Store(true)
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			if s.interim.Add(1) > most1xx { // with this hook, net/http has no limit of its own
				return errMany1xx
			}
			return nil
		},
	}
}

// gotConn runs before the request is written to a connection. If the request must
// not be written again, gotConn cancels the attempt. Over HTTP/2, net/http checks
// for that before it writes.
func (s *sending) gotConn(httptrace.GotConnInfo) {
	if s.overHTTP2.Load() || s.wrote.Load() && !s.mayReplay() {
		s.stopped.Store(true)
		s.cancel()
	}
	s.got.Store(true)
}

// mayReplay reports whether net/http may write the request again over HTTP/1.
func (s *sending) mayReplay() bool {
	isRead := s.policy.call.method == http.MethodGet || s.policy.call.method == http.MethodHead
	return !isRead || s.policy.replays.Add(1) == 1
}

// mayHaveArrived reports whether a failed attempt may have reached the server. It
// assumes so unless there is evidence against it.
func (s *sending) mayHaveArrived(err error) bool {
	switch {
	case s.stopped.Load(), s.interim.Load() > 0:
		return true
	case closedIdle(err), notProcessed(err), s.asked.Load() && !s.got.Load():
		return false
	case !s.got.Load(): // the transport does not report its connections
		return !neverSent(err)
	}
	return true
}

// notProcessed reports whether the server says, over HTTP/2, that it did not
// process a request: it refused the stream, or its GOAWAY excludes the request.
// Net/http reports that only by these error texts. They may quote the server, but
// a server cannot forge them.
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
