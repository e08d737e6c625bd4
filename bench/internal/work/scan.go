package work

import (
	"context"
	"fmt"
	"time"

	"example.com/gitlabci/bench/internal/served"
)

// scan ranges over a list and measures the time and, if the task says so, the heap.
func scan(ctx context.Context, t Task) (Result, error) {
	list, err := items(ctx, t)
	if err != nil {
		return Result{}, err
	}
	peak := func() uint64 { return 0 }
	if t.Watch {
		peak = watchHeap()
	}
	var found Result
	start, n := time.Now(), 0
	for err := range list {
		if err != nil {
			return Result{}, err
		}
		n++
		switch {
		case t.Watch && n == t.Size/5:
			found.Early = inUse()
		case t.Watch && n == t.Size:
			found.Late = inUse()
		case n%served.PerPage == 0:
			time.Sleep(t.Busy)
		}
	}
	if n != t.Size {
		return Result{}, fmt.Errorf("%d items came, instead of %d", n, t.Size)
	}
	found.Seconds, found.Heap = time.Since(start).Seconds(), peak()
	return found, nil
}
