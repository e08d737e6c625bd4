package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// A limiter is one limit for all workers of a fleet. Without Redis it allows nothing.
type limiter struct {
	queue *queue
	rate  *redis_rate.Limiter
	limit redis_rate.Limit
	out   io.Writer
}

// newClient returns a client whose requests wait for the limit that all workers share, and
// for the pauses that GitLab has asked any of them for.
func newClient(s *settings, q *queue, out io.Writer) (*gitlabci.Client, error) {
	l := &limiter{queue: q, rate: redis_rate.NewLimiter(q.redis), out: out}
	l.limit = redis_rate.PerMinute(s.rate)
	l.limit.Burst = max(1, s.rate/600) // what a tenth of a second allows, for GitLab counts by the clock
	client, err := gitlabci.NewClientFromEnv(
		gitlabci.WithRateLimiter(l),
		gitlabci.WithHooks(gitlabci.Hooks{OnWait: l.onWait}),
		gitlabci.WithMaxWait(time.Hour), // the longest pause there is; so each one reaches onWait
	)
	if err != nil {
		return nil, console.Usage("%w", err)
	}
	return client, nil
}

// Wait returns when GitLab wants no pause of the fleet, and its limit allows one more request.
func (l *limiter) Wait(ctx context.Context) error {
	for printed := false; ; {
		wait, err := l.queue.pause(ctx)
		if err != nil {
			return err
		}
		if wait == 0 {
			result, err := l.rate.Allow(ctx, l.queue.key("limit"), l.limit)
			if err != nil {
				return err
			}
			if result.Allowed > 0 {
				return nil
			}
			wait = result.RetryAfter
		}
		if end, found := ctx.Deadline(); found && time.Until(end) < wait {
			return fmt.Errorf("a wait of %v ends too late: %w", wait.Round(time.Second), context.DeadlineExceeded)
		}
		if wait > 2*time.Second && !printed {
			printed = true
			fmt.Fprintf(l.out, "%s: waits for %v\n", l.queue.worker, wait.Round(100*time.Millisecond))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// onWait shares the pause that GitLab has asked this worker for. The others have no response
// that says so: they would run into the limit one by one.
func (l *limiter) onWait(ctx context.Context, w gitlabci.WaitInfo) {
	if w.Reason != gitlabci.WaitReasonRateLimit || w.Duration < time.Millisecond {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // even if this worker ends
	defer cancel()
	prolonged, err := prolong.Run(ctx, l.queue.redis, []string{l.queue.key("pause")}, l.queue.worker, w.Duration.Milliseconds()).Bool()
	switch {
	case err != nil: // the next Wait, and so the call, has the error too unless Redis is back
		fmt.Fprintf(l.out, "%s: the others do not know of a pause: %v\n", l.queue.worker, err)
	case prolonged:
		fmt.Fprintf(l.out, "%s: GitLab asks for a pause of %v, and all workers wait\n", l.queue.worker, w.Duration.Round(100*time.Millisecond))
	}
}

// prolong sets the end of a pause, unless it ends later already: KEYS pause, ARGV worker,
// milliseconds.
var prolong = redis.NewScript(`
if redis.call('PTTL', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)
