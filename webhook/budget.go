package webhook

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"weak"
)

const (
	freeBytes  = 16 << 10 // of a body that is being read, about as much as its connection takes
	smallBytes = 1 << 20  // of a body; larger ones are admitted one after another
)

// A budget bounds how many bytes of bodies are in memory: so many of small ones, and one
// large body. A nil budget has no limit.
type budget struct {
	large chan struct{}             // holds a value while there is a large body
	spare weak.Pointer[largeMemory] // of a body that was refused; guarded by large
	lent  atomic.Int32              // large bodies that functions got and that are not freed

	mu   sync.Mutex
	left int64 // bytes for small bodies
}

// largeMemory has room for any body, and for the byte that shows that it is too large.
type largeMemory [mostBytes + 1]byte

func newBudget(bytes int64) *budget {
	return &budget{left: bytes, large: make(chan struct{}, 1)}
}

// take takes n bytes for small bodies, unless there are fewer.
func (b *budget) take(n int64) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

// give returns bytes for small bodies.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
}

// takeLarge waits until there is no large body, and returns memory for one.
func (b *budget) takeLarge(ctx context.Context) ([]byte, error) {
	select {
	case b.large <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: another large one is in work (%w)", ErrBusy, context.Cause(ctx))
	}
	if spare := b.spare.Value(); spare != nil {
		return spare[:0], nil
	}
	if b.lent.Load() > 0 {
		// Otherwise, several bodies could be garbage before the next collection. Only a
		// verified event of such a size costs this.
		runtime.GC()
	}
	return new(largeMemory)[:0], nil
}

// lend notes that a function gets the memory of a large body, and may keep it.
func (b *budget) lend(memory []byte) {
	b.lent.Add(1)
	runtime.AddCleanup(&memory[0], func(lent *atomic.Int32) { lent.Add(-1) }, &b.lent)
}

// giveLarge ends the use of a large body. If nobody else has its memory, it serves the
// next one, unless it has been freed: whoever sends large forged bodies makes no garbage.
func (b *budget) giveLarge(memory []byte) {
	b.reuse(memory)
	<-b.large
}

func (b *budget) reuse(memory []byte) {
	if cap(memory) > mostBytes {
		b.spare = weak.Make((*largeMemory)(memory[:mostBytes+1]))
	}
}
