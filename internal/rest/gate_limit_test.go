package rest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

type limiterFunc func(context.Context) error

func (f limiterFunc) Wait(ctx context.Context) error { return f(ctx) }

// One call that nobody waits for is at the limiter, and makes room for the next, also after an
// error. Another call does not wait for it.
func TestLowPriorityAtTheLimiter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failure, low := errors.New("no more today"), LowPriority(ctx)
	var g *gate
	g = &gate{lowPriority: make(chan struct{}, 1), limiter: limiterFunc(func(limited context.Context) error {
		if isLowPriority(limited) {
			require.NoError(t, g.limit(ctx))
			require.Len(t, g.lowPriority, 1)
			return failure
		}
		return nil
	})}
	for range 2 {
		require.ErrorIs(t, g.limit(low), failure)
		require.Empty(t, g.lowPriority)
	}
	g.lowPriority <- struct{}{}
	cancel()
	require.ErrorIs(t, g.limit(low), context.Canceled)
	require.NoError(t, g.limit(ctx))
}
