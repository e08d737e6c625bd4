package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Sleep waits. It returns the error of the context if that ends first.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// After returns an error that matches both err, which ended an attempt or a wait, and
// the failure before it, if there is one. A failure that already matches err is
// returned alone.
func After(err, failure error) error {
	switch {
	case failure == nil:
		return err
	case errors.Is(failure, err):
		return failure
	}
	return fmt.Errorf("%w (after: %w)", err, failure)
}

const (
	shortestBackoff = 200 * time.Millisecond
	longestBackoff  = 10 * time.Second
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
	cause := ctx.Err()
	switch {
	case cause != nil:
		return After(cause, broken)
	case failures >= c.config.Tries, !c.config.MayWait(ctx, wait):
		return broken
	}
	c.Announce(ctx, call, failures, ReasonRetry, wait)
	if err := Sleep(ctx, wait); err != nil {
		return After(err, broken)
	}
	return nil
}
