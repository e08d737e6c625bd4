package gitlabci

import (
	"context"
	"fmt"
)

// A gate is what every request to the server passes, first tries and retries
// alike, and what can hold all of them back. Requests to storage do not pass.
type gate struct {
	limiter RateLimiter
}

// enter returns when a request may be sent, or why it will not be.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.limiter == nil {
		return nil
	}
	if err := g.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("the rate limiter: %w", err)
	}
	return nil
}
