package poll

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/rest"
)

const (
	// ringDelay is how long after a ring its poll begins at least, and up to four times as
	// long: one change rings several times, and for everyone who waits for it.
	ringDelay = 100 * time.Millisecond

	// turnLength is the time from one poll of a bell to that of another.
	turnLength = 5 * time.Millisecond

	// ringsNotFollowed is how many rings are not followed up, after one whose poll, and the
	// poll after that, found nothing.
	ringsNotFollowed = 3

	// quietTime is how long a bell must not have rung for the next ring to be believed, however
	// many brought no news before.
	quietTime = time.Minute
)

// Turns keep the polls of many bells apart that ring at the same moment. The zero value
// is ready for use.
type Turns struct {
	mu   sync.Mutex
	next time.Time // when the next turn is free
}

// wait is how long to wait for one's turn.
func (t *Turns) wait() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	turn := now.Add(ringDelay + rand.N(3*ringDelay))
	if turn.Before(t.next) {
		turn = t.next
	}
	t.next = turn.Add(turnLength)
	return turn.Sub(now)
}

// A Bell rings when there may be something new to read.
type Bell struct {
	turns *Turns
	rung  atomic.Bool   // since the last poll began
	wakes chan struct{} // has room for one: it has rung, or the time is up
}

// NewBell returns a bell that takes turns with others.
func NewBell(turns *Turns) *Bell { return &Bell{turns: turns, wakes: make(chan struct{}, 1)} }

// Ring says that there may be something new. It never blocks, and is for any goroutine.
func (b *Bell) Ring() {
	b.rung.Store(true)
	b.wake()
}

func (b *Bell) wake() {
	select {
	case b.wakes <- struct{}{}:
	default:
	}
}

// takeRing reports whether the bell has rung since the last poll began, and forgets it: the
// poll that begins now reads what it rang for.
func (b *Bell) takeRing() (rung bool) {
	select {
	case <-b.wakes:
	default:
	}
	return b.rung.Swap(false)
}

// wait waits until the bell wakes it, or for the longest time. One channel for both takes
// less memory than two, which matters for thousands of waits.
func (b *Bell) wait(ctx context.Context, longest time.Duration) error {
	timer := time.AfterFunc(longest, b.wake)
	select {
	case <-b.wakes:
	case <-ctx.Done():
	}
	timer.Stop()
	return rest.Ended(ctx)
}
