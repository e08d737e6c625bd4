package work

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"example.com/gitlabci/bench/internal/served"
)

// scan ranges over a list and measures the time and, if told to, the heap.
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

// heapSize is what the objects of the heap take, live or not.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// inUse is what the live objects of the heap take.
func inUse() uint64 {
	runtime.GC()
	return heapSize()
}

// watchHeap looks at the heap every millisecond, until it is asked for the
// largest that it saw.
func watchHeap() (peak func() uint64) {
	done, largest := make(chan struct{}), make(chan uint64)
	go func() {
		tick, most := time.NewTicker(time.Millisecond), uint64(0)
		defer tick.Stop()
		for {
			most = max(most, heapSize())
			select {
			case <-tick.C:
			case <-done:
				largest <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-largest
	}
}
