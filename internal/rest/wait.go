package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// Again waits before another attempt to read a response's body, after so many failures
// in a row; broken is the last one. It returns an error if no attempt must follow.
func (c *Client) Again(ctx context.Context, call *Call, failures int, broken error) error {
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
