package rest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lastSecond is the end of the year 9999, beyond which no reset makes sense
// and time.Time begins to count wrong.
const lastSecond = 253402300799

// isThrottle reports whether a response refuses all requests of the client, rather
// than one action. GitLab's throttle sends plain text and RateLimit-* headers. The
// limit of an action sends JSON. If a throttle is configured too, that response also
// has the throttle's headers, which then say that requests are left.
func isThrottle(resp *http.Response) bool {
	if resp.StatusCode != http.StatusTooManyRequests {
		return false
	}
	kind := strings.ToLower(resp.Header.Get("Content-Type"))
	if strings.HasPrefix(kind, "text/plain") {
		return true
	}
	left, _ := headerInt(resp.Header, "RateLimit-Remaining")
	return hasLimit(resp.Header) && !(strings.Contains(kind, "json") && left > 0)
}

// hasLimit reports whether there is any RateLimit-* header.
func hasLimit(header http.Header) bool {
	const prefix = "RateLimit-"
	for name := range header {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

// spentFor returns how long the limit of a response allows no more requests. It
// returns 0 if requests are left, or if the response does not say when the limit is
// reset.
func spentFor(resp *http.Response) time.Duration {
	if left, ok := headerInt(resp.Header, "RateLimit-Remaining"); !ok || left > 0 {
		return 0
	}
	return untilReset(resp.Header)
}

// retryAfter returns how long the server asks to wait, by the server's own clock, or 0.
func retryAfter(resp *http.Response) time.Duration {
	var longest time.Duration
	said := false
	for _, value := range resp.Header.Values("Retry-After") {
		if until, err := http.ParseTime(strings.TrimSpace(value)); err == nil {
			longest, said = max(longest, until.Sub(ServerTime(resp.Header))), true
			continue
		}
		for part := range strings.SplitSeq(value, ",") { // a proxy may have joined several
			if wait, ok := seconds(part); ok {
				longest, said = max(longest, wait), true
			}
		}
	}
	if !said && resp.StatusCode == http.StatusTooManyRequests {
		return untilReset(resp.Header)
	}
	return longest
}

// seconds reads a number of seconds, such as "30", "1.5" or "30s".
func seconds(text string) (time.Duration, bool) {
	text = strings.TrimSuffix(strings.TrimSpace(text), "s")
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case strings.Trim(text, "-.0123456789") != "", err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, false
	case n >= math.MaxInt64/float64(time.Second):
		return math.MaxInt64, true
	}
	return time.Duration(max(0, n) * float64(time.Second)), true
}

// aYear is more seconds than any limit takes to be reset.
const aYear = 365 * 24 * 60 * 60

// untilReset returns how long it takes until a limit is reset, or 0 if the response
// does not say that. GitLab sends the Unix time, others the seconds that are left or
// the time in milliseconds.
func untilReset(header http.Header) time.Duration {
	reset, ok := headerInt(header, "RateLimit-Reset")
	if !ok {
		reset, ok = headerInt(header, "X-RateLimit-Reset")
	}
	switch {
	case !ok:
		return 0
	case reset < aYear:
		return time.Duration(max(0, reset)) * time.Second
	case reset > lastSecond:
		reset /= 1000
	}
	return max(0, time.Unix(min(reset, lastSecond), 0).Sub(ServerTime(header)))
}

// ServerTime returns when a response was made by the server's clock, which may differ
// from ours.
func ServerTime(header http.Header) time.Time {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		return date
	}
	return time.Now()
}

// headerInt reads a whole number; one that is too large is the largest.
func headerInt(header http.Header, name string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(header.Get(name)), 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

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
	empty  int           // reads in a row that brought nothing, and no error
	slow   error         // why the body was given up, if too little arrived
}

// idles reports whether the body has brought nothing for too long, without waiting.
func (b *timedBody) idles(n int, err error, room int) bool {
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
	if b.idles(n, err, len(p)) {
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

// progress returns an error if a body arrives too slowly.
func (b *timedBody) progress(n int, wait time.Duration) error {
	window := max(slowWindow, b.limits.Silence)
	b.waited += wait
	b.got += n
	if b.waited < window {
		return nil
	}
	if b.got < slowest {
		b.s.cancel()
		return &tooSlowError{fmt.Errorf("%w: only %d bytes of the body within %v", ErrStalled, b.got, b.waited.Round(time.Second))}
	}
	b.waited, b.got = 0, 0
	return nil
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
