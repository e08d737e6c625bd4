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

// isThrottle reports whether an answer refuses the client as a whole, rather
// than one action. GitLab's throttle writes plain text and RateLimit-* headers.
// The limits of single actions write JSON, and where a throttle is configured
// as well its headers are on their answers too: they then say that it has
// something left.
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

// hasLimit reports whether any RateLimit-* header is there.
func hasLimit(header http.Header) bool {
	const prefix = "RateLimit-"
	for name := range header {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

// spentFor is how long the limit that an answer counted against has nothing
// left; 0 if it has, or if the answer does not say until when.
func spentFor(resp *http.Response) time.Duration {
	if left, told := headerInt(resp.Header, "RateLimit-Remaining"); !told || left > 0 {
		return 0
	}
	return untilReset(resp.Header)
}

// retryAfter is how long the server asks to wait, by the server's own clock.
func retryAfter(resp *http.Response) time.Duration {
	if seconds, told := headerInt(resp.Header, "Retry-After"); told {
		if seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64
		}
		return time.Duration(max(0, seconds)) * time.Second
	}
	if until, err := http.ParseTime(strings.TrimSpace(resp.Header.Get("Retry-After"))); err == nil {
		return max(0, until.Sub(ServerTime(resp.Header)))
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		return untilReset(resp.Header)
	}
	return 0
}

func untilReset(header http.Header) time.Duration {
	unix, told := headerInt(header, "RateLimit-Reset")
	if !told {
		return 0
	}
	return max(0, time.Unix(min(max(unix, 0), lastSecond), 0).Sub(ServerTime(header)))
}

// ServerTime is when an answer was made by the server's clock, which need not
// agree with ours.
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
