package gitlabcitest

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"time"
)

// A Break is how a connection fails. All except the first two fail during a response,
// GitLab's own or one with a Status. A response to HEAD has no body that could break.
//
// On a socket, a reset discards what has not arrived yet. In memory, what was sent arrives,
// and then the connection ends. With HTTP/2, only the stream is reset.
type Break string

const (
	// BreakResetUnread ends the connection before the body of the request is read, so that
	// nothing is executed.
	BreakResetUnread Break = "ResetUnread"

	// BreakResetUnanswered ends the connection without a response, after the request has
	// been read and, if Executed, executed.
	BreakResetUnanswered Break = "ResetUnanswered"

	// BreakResetBody ends the connection when After bytes of the body have been sent.
	BreakResetBody Break = "ResetBody"

	// BreakTruncate sends After bytes of the body as if that were all of it: with a
	// matching Content-Length, and without a failure of the connection.
	BreakTruncate Break = "Truncate"

	// BreakStall sends After bytes of the body, then nothing for Delay, then the rest.
	BreakStall Break = "Stall"

	// BreakStallHeader sends nothing at all for Delay, then the response.
	BreakStallHeader Break = "StallHeader"

	// BreakDrip sends After bytes of the body, and the rest in pieces of Piece bytes, with
	// Delay between them.
	BreakDrip Break = "Drip"

	// BreakLose drops a delivery to a hook, without GitLab noticing.
	BreakLose Break = "Lose"

	// BreakRepeat makes a delivery to a hook twice, the second time after Delay.
	BreakRepeat Break = "Repeat"

	// BreakLate makes a delivery to a hook after Delay, while others overtake it.
	BreakLate Break = "Late"
)

// ofHooks reports whether only a delivery can fail like this.
func (b Break) ofHooks() bool { return b == BreakLose || b == BreakRepeat || b == BreakLate }

// unanswered reports whether there is no response at all.
func (b Break) unanswered() bool { return b == BreakResetUnread || b == BreakResetUnanswered }

// broken reports whether it is the body that fails.
func (b Break) broken() bool {
	return b == BreakResetBody || b == BreakTruncate || b == BreakStall || b == BreakDrip
}

// deliver sends a response, in the way of the fault that hit its request, as far
// as it gets. The server's lock is not held: this may take long.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, hit *fault, a *response) {
	if hit == nil || hit.leavesIntact(r.Method, a) {
		a.write(w)
		return
	}
	ctx, leave := s.whileOpen(r.Context())
	defer leave()
	body, _ := a.body.([]byte)
	on := &clientConn{ctx: ctx, w: w}
	switch hit.Break {
	case BreakResetUnread, BreakResetUnanswered:
		on.reset()
	case BreakResetBody:
		a.begin(w)
		on.send(body[:hit.After])
		on.reset()
	case BreakTruncate:
		a.header.Del("Content-Length") // a file's length is already sent
		a.body = body[:hit.After]
		a.write(w)
	case BreakStall:
		a.begin(w)
		on.send(body[:hit.After])
		on.stall(hit.Delay)
		on.send(body[hit.After:])
	case BreakStallHeader:
		on.stall(hit.Delay)
		a.write(w)
	case BreakDrip:
		a.begin(w)
		on.drip(body, hit)
	}
}

// leavesIntact reports whether a response arrives as it should: it has no Break, or
// too short a body for it.
func (f *fault) leavesIntact(method string, a *response) bool {
	body, _ := a.body.([]byte)
	if method == http.MethodHead {
		body = nil
	}
	return f.Break == "" || f.Break.broken() && int64(len(body)) <= f.After
}

// A clientConn is a connection on which a response is sent by hand.
type clientConn struct {
	ctx context.Context // ends when nobody waits for the response any more
	w   http.ResponseWriter
}

// send sends bytes immediately. If that fails, the connection ends.
func (l *clientConn) send(part []byte) {
	l.w.Write(part)
	if http.NewResponseController(l.w).Flush() != nil { // Write's error, too
		panic(http.ErrAbortHandler)
	}
}

// stall sends nothing for a time; 0 is for ever. When nobody waits for the response any
// more, the connection ends.
func (l *clientConn) stall(d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		over = time.After(d)
	}
	select {
	case <-l.ctx.Done():
		panic(http.ErrAbortHandler)
	case <-over:
	}
}

// drip sends the first bytes immediately, and then piece after piece.
func (l *clientConn) drip(body []byte, f *fault) {
	size := max(f.Piece, 1)
	first := cmp.Or(f.After, int64(min(size, len(body))))
	l.send(body[:first])
	for piece := range slices.Chunk(body[first:], size) {
		if f.Delay > 0 {
			l.stall(f.Delay)
		}
		l.send(piece)
	}
}

// reset ends the connection, on a socket so that its system says so.
func (l *clientConn) reset() {
	conn, _, err := http.NewResponseController(l.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if socket, ok := conn.(*net.TCPConn); ok {
		socket.SetLinger(0)
	}
	conn.Close()
}

// whileOpen is a context that ends with ctx or when the server is closed.
func (s *Server) whileOpen(ctx context.Context) (_ context.Context, leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[ctx] = cancel
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, ctx)
	}
}
