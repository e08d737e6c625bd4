package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/cause"
)

// Sleep waits. It returns the error of the context if that ends first.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	}
	timer.Stop()
	return Ended(ctx)
}

// Ended returns why a context has ended, or nil if it has not; see [cause.Of].
func Ended(ctx context.Context) error { return cause.Of(ctx) }

// ByContext makes an error match why its context has ended, if it has.
func ByContext(ctx context.Context, err error) error {
	ended := Ended(ctx)
	switch {
	case ended == nil || cause.IsIn(err, ended):
		return err
	case err.Error() == ctx.Err().Error(), err.Error() == context.Cause(ctx).Error():
		return ended
	}
	return fmt.Errorf("%w: %w", ended, inner(err))
}

// After returns an error that matches both err, which ended an attempt or a wait, and
// the failure before it, if there is one. A failure that already matches err is
// returned alone.
func After(err, failure error) error {
	switch {
	case failure == nil:
		return err
	case cause.IsIn(failure, err):
		return failure
	}
	return &afterError{err, failure}
}

// An afterError is what ended an attempt or a wait, and the failure before it.
type afterError struct{ err, failure error }

const after = " (after: "

func (e *afterError) Error() string   { return e.err.Error() + after + inner(e.failure).Error() + ")" }
func (e *afterError) Unwrap() []error { return []error{e.err, e.failure} }

// IsAfter reports whether an error says what failed before the end of a context.
func IsAfter(err error) bool {
	_, ok := errors.AsType[*afterError](err)
	return ok
}

const (
	shortestBackoff = 200 * time.Millisecond
	longestBackoff  = 10 * time.Second

	shortestRateBackoff = 4 * time.Second
	longestRateBackoff  = time.Minute
)

// Backoff returns how long to wait after so many attempts: an exponential backoff with
// full jitter, no longer than the longest wait allowed.
func (c *Config) Backoff(attempts int) time.Duration {
	longest := max(1, min(longestBackoff, c.MaxWait))
	if doublings := attempts - 1; doublings < 10 {
		longest = min(longest, shortestBackoff<<doublings)
	}
	return 1 + rand.N(longest)
}

// rateBackoff returns how long to wait after so many 429 responses in a row that do not
// say how long. GitLab counts requests by the minute, so that four of these waits take
// longer than a minute, with any jitter.
func (c *Config) rateBackoff(refusals int) time.Duration {
	longest := longestRateBackoff
	if refusals <= 2 {
		longest = shortestRateBackoff << (2 * (refusals - 1))
	}
	longest = max(1, min(longest, c.MaxWait))
	return longest - rand.N(longest/2+1)
}

// MayWait reports whether a wait is allowed and can end before the context.
func (c *Config) MayWait(ctx context.Context, wait time.Duration) bool {
	deadline, limited := ctx.Deadline()
	return wait <= c.MaxWait && (!limited || wait <= time.Until(deadline))
}

// Announce logs a wait of a call and calls the hook.
func (c *Client) Announce(ctx context.Context, call *Call, attempt int, reason string, wait time.Duration) {
	c.config.announce(ctx, call, attempt, reason, wait)
}

func (c *Config) announce(ctx context.Context, call *Call, attempt int, reason string, wait time.Duration) {
	c.Logger.LogAttrs(ctx, slog.LevelInfo, "gitlabci: wait", slog.String("method", call.Method), slog.String("endpoint", call.Path.Template),
		slog.String("reason", reason), slog.Duration("wait", wait), slog.Int("attempt", attempt))
	if c.OnWait != nil {
		c.OnWait(ctx, Wait{Info{Method: call.Method, Endpoint: call.Path.Template, Attempt: attempt}, reason, wait})
	}
}

// WaitToRetry waits before another attempt to read a response's body, after so many failures
// in a row; broken is the last one. It returns an error if no attempt must follow.
func (c *Client) WaitToRetry(ctx context.Context, call *Call, failures int, broken error) error {
	wait := c.config.Backoff(failures)
	ended := Ended(ctx)
	switch {
	case ended != nil:
		return After(ended, broken)
	case failures >= c.config.Tries, !c.config.MayWait(ctx, wait):
		return broken
	}
	c.Announce(ctx, call, failures, ReasonRetry, wait)
	if err := Sleep(ctx, wait); err != nil {
		return After(err, broken)
	}
	return nil
}

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
