// Package pool runs many tasks on a few workers.
//
// It is handed the number of tasks and a function that runs one of them. It starts
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

// EachTold is like [Each], and f can tell something. That is handed to told on the
// goroutine of the caller, and tell returns when told has. If that returns false, no
// further call begins, and what is told is lost.
func EachTold[T any](ctx context.Context, n, workers int, f func(ctx context.Context, i int, tell func(T)) error, told func(T) bool) (err error) {
	working, stop := context.WithCancel(ctx)
	news := make(chan piece[T])
	var guard Guard
	var failure error
	go func() {
		defer close(news)
		guard.Do(func() {
			failure = Each(working, n, workers, func(ctx context.Context, i int) error {
				return f(ctx, i, func(value T) {
					p := piece[T]{value, make(chan struct{})}
					news <- p
					<-p.heard
				})
			})
		})
	}()
	defer func() {
		stop()
		for p := range news { // to its end, which is that of all calls
			close(p.heard)
		}
		guard.Rethrow()
		err = failure
	}()
	for p := range news {
		if !p.hear(told) {
			break
		}
	}
	return nil
}

// A piece of news is told by a call of [EachTold].
type piece[T any] struct {
	value T
	heard chan struct{}
}

func (p piece[T]) hear(told func(T) bool) bool {
	defer close(p.heard)
	return told(p.value)
}
