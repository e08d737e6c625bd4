package rest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"example.com/gitlabci/internal/inflate"
)

// Timeouts limit how long the server may take. 0 is the default, and a negative one
// is none.
type Timeouts struct {
	Connect   time.Duration // to dial, and again for TLS, of the default transport
	FirstByte time.Duration // until the header of the response
	Silence   time.Duration // for the next bytes of a body
	Response  time.Duration // for a body that is read whole, from its header on
}

const (
	never = math.MaxInt64 * time.Nanosecond

	// A body that the caller reads as it arrives must bring slowest bytes in each
	// slowWindow, or in each Timeouts.Silence if that is longer. Of a gzipped one, the
	// unpacked bytes count: a few packed ones can be many, and many can be none.
	slowest    = 1 << 10
	slowWindow = time.Minute
)

// filled returns the timeouts that apply.
func (t Timeouts) filled() Timeouts {
	fill := func(set *time.Duration, otherwise time.Duration) {
		*set = cmp.Or(*set, otherwise)
		if *set < 0 {
			*set = never
		}
	}
	fill(&t.Connect, 10*time.Second)
	fill(&t.FirstByte, 120*time.Second)
	fill(&t.Silence, 60*time.Second)
	fill(&t.Response, 10*time.Minute)
	return t
}

// mostEmpty is how many reads in a row may bring neither bytes nor an error.
const mostEmpty = 100

// roundTrip sends the request to a transport, and ends it if the server sends nothing for
// too long.
func (s *sending) roundTrip(next http.RoundTripper, out *http.Request, limits *Timeouts) (*http.Response, error) {
	s.silence = time.AfterFunc(limits.FirstByte, s.stall)
	resp, err := next.RoundTrip(out)
	fired := !s.silence.Stop()
	if err == nil {
		err = checkResponse(resp, out.Method)
	}
	if fired && s.Err() == nil {
		err = fmt.Errorf("%w: no response within %v", ErrStalled, limits.FirstByte)
	} else if fired { // the context ended first, even if there is a response
		err = cmp.Or(err, Ended(s))
	}
	if err != nil {
		s.cancel()
		if resp != nil {
			resp.Body.Close()
		}
		return nil, err
	}
	s.body = timedBody{ReadCloser: resp.Body, s: s, limits: limits}
	if !s.run.streams || resp.StatusCode/100 != 2 {
		s.body.until = time.Now().Add(limits.Response)
	}
	resp.Body = &s.body
	return resp, nil
}

// stall ends the request, since the server is silent.
func (s *sending) stall() {
	s.stalled.Store(true)
	s.cancel()
}

// A timedBody fails if a Read waits too long, or if the reads bring too little. The
// time between reads, which is the caller's, counts only for a body that is read whole.
type timedBody struct {
	io.ReadCloser
	s      *sending
	limits *Timeouts
	until  time.Time // when the whole body must be there; zero for one that the caller reads

	waited time.Duration // in the present window of a body that the caller reads
	got    int           // bytes in it
	zipped bool          // they are counted by an unzippedBody
	empty  int           // reads in a row that brought nothing, and no error
	slow   error         // why the body was given up, if too little arrived
}

// isIdle reports whether the body has brought nothing for too long, without waiting.
func (b *timedBody) isIdle(n int, err error, room int) bool {
	if n > 0 || err != nil || room == 0 {
		b.empty = 0
		return false
	}
	b.empty++
	return b.empty >= mostEmpty || b.s.Err() != nil
}

func (b *timedBody) Read(p []byte) (int, error) {
	if b.slow != nil {
		return 0, b.slow
	}
	begin, limit := time.Now(), b.limits.Silence
	isLast := !b.until.IsZero() && b.until.Sub(begin) < limit
	if isLast {
		limit = max(0, b.until.Sub(begin))
	}
	b.s.silence.Reset(limit)
	n, err := b.ReadCloser.Read(p)
	b.s.silence.Stop()
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("the body claims to have read %d bytes into %d", n, len(p))
	}
	if b.isIdle(n, err, len(p)) {
		return 0, cmp.Or(Ended(b.s), io.ErrNoProgress)
	}
	switch {
	case err == nil && b.until.IsZero():
		b.slow = b.progress(n, time.Since(begin))
		return n, b.slow
	case err == nil || err == io.EOF:
		return n, err
	case b.s.stalled.Load() && isLast:
		return n, fmt.Errorf("%w: the body was not complete within %v", ErrStalled, b.limits.Response)
	case b.s.stalled.Load():
		return n, fmt.Errorf("%w: nothing more of the body within %v", ErrStalled, b.limits.Silence)
	}
	return n, ByContext(b.s, err)
}

// progress adds what a read brought, and returns an error if the reads before it brought too
// little. All of what those brought is unpacked by now.
func (b *timedBody) progress(n int, wait time.Duration) error {
	if b.waited >= max(slowWindow, b.limits.Silence) {
		if b.got < slowest {
			b.s.cancel()
			return &tooSlowError{fmt.Errorf("%w: only %d bytes of the body within %v", ErrStalled, b.got, b.waited.Round(time.Second))}
		}
		b.waited, b.got = 0, 0
	}
	b.waited += wait
	if !b.zipped {
		b.got += n
	}
	return nil
}

// An unzippedBody is what is in a gzipped body that the caller reads as it arrives.
type unzippedBody struct {
	*inflate.Body
	zipped *timedBody
}

func (b *unzippedBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	b.zipped.got += n
	return n, err
}

// unzip decompresses the body of a response if it is gzipped, as net/http does.
func (s *sending) unzip(resp *http.Response) {
	if resp.ContentLength == 0 || !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return
	}
	body := inflate.New(resp.Body, resp.ContentLength)
	resp.Body = body
	if s.body.until.IsZero() {
		s.body.zipped = true
		resp.Body = &unzippedBody{body, &s.body}
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
}

func (b *timedBody) Close() error {
	b.s.silence.Stop()
	err := b.ReadCloser.Close()
	b.s.cancel()
	return err
}

// A tooSlowError is that of a body of which too little arrives.
type tooSlowError struct{ error }

func (e *tooSlowError) Unwrap() error { return e.error }

// IsTooSlow reports whether a body was given up although something of it arrived.
func IsTooSlow(err error) bool {
	_, ok := errors.AsType[*tooSlowError](err)
	return ok
}
