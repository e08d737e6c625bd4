package pool

import (
	"context"
	"sync"
)

// Queues let tasks about the same object wait for one another. The zero value is ready.
type Queues struct {
	mu  sync.Mutex
	all map[string]*queue // by object
}

// A queue lets one task run at a time, while others wait.
type queue struct {
	free  chan struct{} // has an element while no task runs
	tasks int           // in the queue
}

// Enter waits until no other task about the object runs. The caller must leave. It reports
// false, and there is nothing to leave, if the context ends while another task runs.
func (q *Queues) Enter(ctx context.Context, object string) (leave func(), entered bool) {
	one := q.join(object)
	leave = func() {
		one.free <- struct{}{}
		q.forget(object, one)
	}
	select {
	case <-one.free:
		return leave, true
	default:
	}
	select {
	case <-one.free:
		return leave, true
	case <-ctx.Done():
		q.forget(object, one)
		return nil, false
	}
}

func (q *Queues) join(object string) *queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	one := q.all[object]
	if one == nil {
		if q.all == nil {
			q.all = map[string]*queue{}
		}
		one = &queue{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		q.all[object] = one
	}
	one.tasks++
	return one
}

func (q *Queues) forget(object string, one *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one.tasks--
	if one.tasks == 0 {
		delete(q.all, object)
	}
}
