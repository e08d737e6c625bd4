package rest

import (
	"errors"
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
