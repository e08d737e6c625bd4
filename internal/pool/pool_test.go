package pool_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci/internal/pool"
)

var errBroken = errors.New("broken")

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 50} {
		synctest.Test(t, func(t *testing.T) {
			var running, most, done atomic.Int64
			err := pool.Each(t.Context(), n, 4, func(context.Context, int) error {
				running.Add(1)
				defer running.Add(-1)
				time.Sleep(time.Second) // of the bubble's clock: every worker has begun
				most.Store(max(most.Load(), running.Load()))
				time.Sleep(time.Second) // no worker has ended
				done.Add(1)
				return nil
			})
			if err != nil {
				t.Errorf("%d calls: %v", n, err)
			}
			if done.Load() != int64(n) || most.Load() != int64(min(n, 4)) || running.Load() != 0 {
				t.Errorf("of %d calls, %d were made, at most %d at a time, and %d are running", n, done.Load(), most.Load(), running.Load())
			}
		})
	}
}

func TestEachInOrder(t *testing.T) {
	var order []int
	err := pool.Each(t.Context(), 5, 1, func(_ context.Context, i int) error {
		order = append(order, i)
		return nil
	})
	if err != nil || !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
		t.Errorf("%v, %v", order, err)
	}
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
			if err := context.Cause(ctx); err != context.Canceled {
				t.Errorf("a call was canceled by %v", err)
			}
			time.Sleep(time.Minute)
			return errors.New("later")
		})
		if err != errBroken || begun.Load() != 3 {
			t.Errorf("%d calls began, and the error is %v", begun.Load(), err)
		}
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
	if !errors.Is(err, context.Canceled) || begun != 2 {
		t.Fatalf("%d calls began, and the error is %v", begun, err)
	}

	if err := pool.Each(ctx, 1, 1, func(context.Context, int) error { panic("not called") }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestEachCanceledAtLast checks that Each returns no error if the context ended after the
// last call had begun. Whether it failed for that is the call's own result.
func TestEachCanceledAtLast(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := pool.Each(ctx, 2, 1, func(_ context.Context, i int) error {
		if i == 1 {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// panics requires that a call panics with a value.
func panics(t *testing.T, want any, call func() error) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("panicked with %v, want %v", got, want)
		}
	}()
	t.Errorf("returned %v", call())
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
		panics(t, errBroken, func() error { return pool.Each(t.Context(), 50, 4, work) })
		if n := running.Load(); n != 0 {
			t.Errorf("%d calls are running", n)
		}
		reporting := func(ctx context.Context, i int, report func(int)) error {
			report(i)
			return work(ctx, i)
		}
		panics(t, errBroken, func() error {
			return pool.EachReporting(t.Context(), 50, 4, reporting, func(int) bool { return true })
		})
		waiting := func(ctx context.Context, i int, report func(int)) error {
			running.Add(1)
			defer running.Add(-1)
			report(i)
			<-ctx.Done()
			return ctx.Err()
		}
		panics(t, "loud", func() error {
			return pool.EachReporting(t.Context(), 50, 4, waiting, func(int) bool { panic("loud") })
		})
		if n := running.Load(); n != 0 {
			t.Errorf("%d calls are running", n)
		}
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
		if returned {
			t.Error("Each returned")
		}
	})
}

// Reports are received one by one, on the goroutine of the caller, until it has enough.
func TestEachReporting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sum, received := 0, 0
		err := pool.EachReporting(t.Context(), 100, 8, func(_ context.Context, i int, report func(int)) error {
			report(i)
			report(-i / 2)
			return nil
		}, func(n int) bool {
			sum += n // without a lock
			received++
			return true
		})
		if err != nil || received != 200 || sum != 4950-2450 {
			t.Errorf("%d reports with the sum %d, want 200 with %d: %v", received, sum, 4950-2450, err)
		}

		err = pool.EachReporting(t.Context(), 100, 2, func(_ context.Context, i int, report func(int)) error {
			report(i)
			return errBroken
		}, func(int) bool { return true })
		if !errors.Is(err, errBroken) {
			t.Error(err)
		}
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
		if !errors.Is(err, context.Canceled) || begun != 2 {
			t.Fatalf("%d calls began, and the error is %v", begun, err)
		}
	}
}
