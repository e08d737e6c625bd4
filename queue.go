package gitlabci

import (
	"context"
	"sync"

	"example.com/gitlabci/internal/rest"
)

// queues let calls about the same object wait for one another, in all clients that were
// made from one another by [Client.With].
type queues struct {
	mu  sync.Mutex
	all map[string]*queue // by object
}

// A queue lets one call run at a time, while others wait.
type queue struct {
	free  chan struct{} // has an element while no call runs
	calls int           // in the queue
}

// enter waits until no other call about the object runs. It returns the error of a context
// that ends before.
func (q *queues) enter(ctx context.Context, object string) (leave func(), err error) {
	q.mu.Lock()
	one := q.all[object]
	if one == nil {
		if q.all == nil {
			q.all = map[string]*queue{}
		}
		one = &queue{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		q.all[object] = one
	}
	one.calls++
	q.mu.Unlock()
	forget := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if one.calls--; one.calls == 0 {
			delete(q.all, object)
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
