package gitlabci

import (
	"context"
	"sync"

	"example.com/gitlabci/internal/rest"
)

// queues let calls about the same thing wait for one another, in all clients that were
// made from one another by [Client.With].
type queues struct {
	mu  sync.Mutex
	all map[string]*queue // by thing
}

// A queue lets one call run at a time, while others wait.
type queue struct {
	free  chan struct{} // has an element while no call runs
	calls int           // in the queue
}

// enter waits until a call is the first in the queue of a thing. It returns the error of
// a context that ends before.
func (q *queues) enter(ctx context.Context, thing string) (leave func(), err error) {
	q.mu.Lock()
	one := q.all[thing]
	if one == nil {
		if q.all == nil {
			q.all = map[string]*queue{}
		}
		one = &queue{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		q.all[thing] = one
	}
	one.calls++
	q.mu.Unlock()
	forget := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if one.calls--; one.calls == 0 {
			delete(q.all, thing)
		}
	}
	select {
	case <-one.free:
		return func() { one.free <- struct{}{}; forget() }, nil
	case <-ctx.Done():
		forget()
		return nil, rest.Ended(ctx)
	}
}
