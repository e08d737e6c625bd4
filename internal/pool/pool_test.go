package pool_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/pool"
)

var errBroken = errors.New("broken")

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 50} {
		synctest.Test(t, func(t *testing.T) {
			var running, most, done atomic.Int64
			require.NoError(t, pool.Each(t.Context(), n, 4, func(context.Context, int) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				time.Sleep(time.Second) // of the bubble's clock
				done.Add(1)
				return nil
			}))
			require.EqualValues(t, n, done.Load())
			require.EqualValues(t, min(n, 4), most.Load())
			require.Zero(t, running.Load())
		})
	}
}

func TestEachInOrder(t *testing.T) {
	var order []int
	require.NoError(t, pool.Each(t.Context(), 5, 1, func(_ context.Context, i int) error {
		order = append(order, i)
		return nil
	}))
	require.Equal(t, []int{0, 1, 2, 3, 4}, order)
}

// TestEachFails sees that the first error ends it all: what runs is told by its
// context, nothing more begins, and a later error does not count.
func TestEachFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		err := pool.Each(t.Context(), 100, 3, func(ctx context.Context, i int) error {
			begun.Add(1)
			if i == 1 {
				time.Sleep(time.Second) // until all three have begun
				return errBroken
			}
			<-ctx.Done()
			require.Equal(t, context.Canceled, context.Cause(ctx))
			time.Sleep(time.Minute)
			return errors.New("later")
		})
		require.Equal(t, errBroken, err)
		require.EqualValues(t, 3, begun.Load())
		synctest.Wait() // nothing is left running, or the bubble would not end
	})
}

func TestEachCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	begun := 0
	err := pool.Each(ctx, 3, 1, func(context.Context, int) error {
		if begun++; begun == 2 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2, begun)

	require.ErrorIs(t, pool.Each(ctx, 1, 1, func(context.Context, int) error { panic("not called") }), context.Canceled)
}

// TestEachCanceledAtLast sees that a context which kept nothing from beginning is
// not an error: the calls themselves tell what it did to them.
func TestEachCanceledAtLast(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, pool.Each(ctx, 2, 1, func(_ context.Context, i int) error {
		if i == 1 {
			cancel()
		}
		return nil
	}))
}
