// Package pool runs many tasks on a few workers.
//
// It is handed the number of tasks and a function that runs one of them. It starts
// them in order, and none after an error or the end of the context. It never returns
// while a task is running, and does not know what the tasks are.
package pool

import (
	"context"
	"sync"
	"sync/atomic"
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
	var group sync.WaitGroup
	for range min(workers, n) {
		group.Go(func() {
			for working.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(working, i); err != nil {
					once.Do(func() { failure = err })
					stop()
				}
			}
		})
	}
	group.Wait()
	if failure == nil && int(next.Load()) < n {
		return ctx.Err()
	}
	return failure
}
