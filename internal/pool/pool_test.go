package pool_test

import (
	"context"
	"errors"
	"runtime"
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
				running.Add(1)
				defer running.Add(-1)
				time.Sleep(time.Second) // of the bubble's clock: every worker has begun
				most.Store(max(most.Load(), running.Load()))
				time.Sleep(time.Second) // no worker has ended
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

// TestEachFails checks that the first error cancels the calls that are running, that no
// further call begins, and that a later error does not count.
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

// TestEachCanceledAtLast checks that Each returns no error if the context ended after the
// last call had begun. Whether it failed for that is the call's own result.
func TestEachCanceledAtLast(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, pool.Each(ctx, 2, 1, func(_ context.Context, i int) error {
		if i == 1 {
			cancel()
		}
		return nil
	}))
}

// A panic happens on the goroutine of the caller, when nothing is running any more.
func TestEachPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		work := func(ctx context.Context, i int) error {
			running.Add(1)
			defer running.Add(-1)
			if i == 3 {
				panic(errBroken)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		require.PanicsWithValue(t, errBroken, func() { pool.Each(t.Context(), 50, 4, work) })
		require.Zero(t, running.Load())
		reporting := func(ctx context.Context, i int, report func(int)) error {
			report(i)
			return work(ctx, i)
		}
		require.PanicsWithValue(t, errBroken, func() { pool.EachReporting(t.Context(), 50, 4, reporting, func(int) bool { return true }) })
		waiting := func(ctx context.Context, i int, report func(int)) error {
			running.Add(1)
			defer running.Add(-1)
			report(i)
			<-ctx.Done()
			return ctx.Err()
		}
		require.PanicsWithValue(t, "loud", func() { pool.EachReporting(t.Context(), 50, 4, waiting, func(int) bool { panic("loud") }) })
		require.Zero(t, running.Load())
	})
}

// If a call ends its goroutine, as a failing test does, the caller's goroutine ends, too.
func TestEachExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		returned, ended := false, make(chan struct{})
		go func() {
			defer close(ended)
			pool.Each(t.Context(), 50, 4, func(ctx context.Context, i int) error {
				if i == 3 {
					runtime.Goexit()
				}
				<-ctx.Done()
				return nil
			})
			returned = true
		}()
		<-ended
		require.False(t, returned)
	})
}

// Reports are received one by one, on the goroutine of the caller, until it has enough.
func TestEachReporting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sum, received := 0, 0
		require.NoError(t, pool.EachReporting(t.Context(), 100, 8, func(_ context.Context, i int, report func(int)) error {
			report(i)
			report(-i / 2)
			return nil
		}, func(n int) bool {
			sum += n // without a lock
			received++
			return true
		}))
		require.Equal(t, 200, received)
		require.Equal(t, 4950-2450, sum)

		require.ErrorIs(t, pool.EachReporting(t.Context(), 100, 2, func(_ context.Context, i int, report func(int)) error {
			report(i)
			return errBroken
		}, func(int) bool { return true }), errBroken)
	})
}

// When the caller has enough, no further call begins, although the one that reported
// continues immediately. Two threads must meet for that to go wrong, so it is tried often.
func TestEachReportingBeginsNoCallTooMany(t *testing.T) {
	for range 10_000 {
		begun := 0
		err := pool.EachReporting(t.Context(), 100, 1, func(_ context.Context, i int, report func(int)) error {
			begun++
			report(i)
			return nil
		}, func(i int) bool { return i < 1 })
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 2, begun)
	}
}
