// Package pool runs many tasks on a few workers, and tasks about one object one by one.
//
// Its callers give the number of tasks and a function that runs one of them. It starts
// them in order, and none after an error, a panic or the end of the context. It never
// returns while a task is running, and does not know what the tasks are. If a task
// panics, the goroutine of the caller does.
package pool

import (
	"context"
	"sync"
	"sync/atomic"

	"example.com/gitlabci/internal/cause"
)

// Each calls f for 0 to n-1 in this order, at most workers calls at the same time.
// The context that f gets ends with ctx, or with the first error. After that, no
// call begins. When no call is running any more, Each returns the first error, or
// that of ctx if it kept a call from beginning.
func Each(ctx context.Context, n, workers int, f func(ctx context.Context, i int) error) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	var next atomic.Int64
	var once sync.Once
	var failure error
	var guard Guard
	var group sync.WaitGroup
	one := func(i int) {
		returned := false
		defer func() {
			if !returned {
				stop()
			}
		}()
		if err := f(working, i); err != nil {
			once.Do(func() { failure = err })
			stop()
		}
		returned = true
	}
	for range min(workers, n) {
		group.Go(func() {
			for working.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n || !guard.Do(func() { one(i) }) {
					return
				}
			}
		})
	}
	group.Wait()
	guard.Rethrow()
	if failure == nil && int(next.Load()) < n {
		return cause.Of(ctx)
	}
	return failure
}

// EachReporting is like [Each], and f can report values. Each value is passed to receive
// on the goroutine of the caller; report returns when receive has returned. If receive
// returns false, no further call begins, and later values are dropped.
func EachReporting[T any](ctx context.Context, n, workers int, f func(ctx context.Context, i int, report func(T)) error, receive func(T) bool) (err error) {
	working, stop := context.WithCancel(ctx)
	reports := make(chan report[T])
	var guard Guard
	var failure error
	go func() {
		defer close(reports)
		guard.Do(func() {
			failure = Each(working, n, workers, func(ctx context.Context, i int) error {
				return f(ctx, i, func(value T) {
					r := report[T]{value, make(chan struct{})}
					reports <- r
					<-r.received
				})
			})
		})
	}()
	defer func() {
		stop()
		for r := range reports { // until it is closed, when all calls have ended
			close(r.received)
		}
		guard.Rethrow()
		err = failure
	}()
	for r := range reports {
		if !r.passTo(receive, stop) {
			break
		}
	}
	return nil
}

// A report is a value on its way to the receive function of [EachReporting].
type report[T any] struct {
	value    T
	received chan struct{} // closed when it was received, or dropped
}

// passTo passes the value on. If it is the last one, stop is called before the task that
// reported it can end, and another one begin.
func (r report[T]) passTo(receive func(T) bool, stop func()) (more bool) {
	defer close(r.received)
	defer func() {
		if !more { // or receive has panicked
			stop()
		}
	}()
	return receive(r.value)
}
