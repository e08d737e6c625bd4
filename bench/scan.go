package main

import (
	"context"
	"fmt"
	"runtime/metrics"
	"sync"
	"time"
)

// scan ranges over a list and measures the time and the heap.
func scan(ctx context.Context, t task) (result, error) {
	list, err := items(ctx, t)
	if err != nil {
		return result{}, err
	}
	heap := watchHeap(t.Watch)
	defer heap.stop()
	var found result
	start, n := time.Now(), 0
	for err := range list {
		if err != nil {
			return result{}, err
		}
		n++
		switch n {
		case t.Size / 10:
			found.Early = heap.mark()
		case t.Size - t.Size/10:
			found.Heap = heap.mark()
		}
		if n%perPage == 0 {
			time.Sleep(t.Busy)
		}
	}
	if n != t.Size {
		return result{}, fmt.Errorf("%d items came, instead of %d", n, t.Size)
	}
	found.Seconds = time.Since(start).Seconds()
	found.Late = heap.mark()
	found.Heap = max(found.Early, found.Heap, found.Late)
	return found, nil
}

// A heapWatch looks at the size of the heap's objects, live or not, every
// millisecond.
type heapWatch struct {
	mu     sync.Mutex
	peak   uint64 // since the last mark
	sample []metrics.Sample
	done   chan struct{}
	ended  sync.WaitGroup
}

// watchHeap does nothing between marks if it is not on: it takes time.
func watchHeap(on bool) *heapWatch {
	w := &heapWatch{sample: []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}, done: make(chan struct{})}
	if !on {
		return w
	}
	w.ended.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.look()
			case <-w.done:
				return
			}
		}
	})
	return w
}

func (w *heapWatch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	metrics.Read(w.sample)
	w.peak = max(w.peak, w.sample[0].Value.Uint64())
}

// mark returns the largest heap since the mark before it.
func (w *heapWatch) mark() uint64 {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	peak := w.peak
	w.peak = 0
	return peak
}

func (w *heapWatch) stop() {
	close(w.done)
	w.ended.Wait()
}
