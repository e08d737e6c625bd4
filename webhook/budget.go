package webhook

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	freeBytes  = 16 << 10         // that a body takes from no share while it is read, about as much as its connection takes
	smallBytes = 1 << 20          // of a body; larger ones have a share of their own
	largeBytes = maxBodyBytes + 1 // of all large bodies together; the last byte shows that one is too large

	// GitLab gives up after 10 seconds. A request that waits this long for memory is
	// refused while GitLab still reads the response.
	maxWait = time.Second

	// While others wait for memory, a body is refused if in this time fewer bytes than
	// this, and less than a sixteenth of its memory, have arrived: it would take 6 seconds
	// or more. This is less than half of the longest wait, since a part may end just
	// before.
	maxPause    = 400 * time.Millisecond
	minProgress = 64 << 10
)

// A budget bounds how many bytes of bodies are in memory.
type budget struct {
	mu           sync.Mutex
	small, large share
	garbage      garbage
}

// A share is the memory for the bodies of a size. It is guarded by the budget.
type share struct {
	size, left int64
	readers    map[*body]struct{} // that take some of it, and are still arriving
	waiting    map[*body]int64    // how much they wait for
	more       chan struct{}      // closed when some is given back, or a body no longer waits
}

func newBudget(small int64) *budget {
	newShare := func(bytes int64) share {
		return share{size: bytes, left: bytes, readers: map[*body]struct{}{}, waiting: map[*body]int64{}, more: make(chan struct{})}
	}
	return &budget{small: newShare(small), large: newShare(largeBytes)}
}

// take lets a body take n more bytes of a share. Its bytes of another share are given back.
func (b *budget) take(ctx context.Context, by *body, from *share, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if by.slow {
		return errSlow
	}
	if !from.has(n) {
		if err := b.await(ctx, by, from, n); err != nil {
			return err
		}
	}
	if by.share != from {
		by.giveBack(by.taken)
	}
	from.left -= n
	by.share = from
	by.taken += n
	if !by.arrived {
		from.readers[by] = struct{}{}
		by.beginPart()
	}
	return nil
}

// await waits until a share has n bytes. It unlocks the budget while it waits. A body that
// waits is not slow: its sender cannot send more.
func (b *budget) await(ctx context.Context, by *body, from *share, n int64) error {
	if n > from.size {
		return fmt.Errorf("%w: the body needs more memory than all bodies together may take", ErrBusy)
	}
	begun := time.Now()
	patience := time.NewTimer(maxWait - by.waited)
	defer patience.Stop()
	from.waiting[by] = n
	defer func() {
		delete(from.waiting, by)
		from.wake()
		by.waited += time.Since(begun)
	}()
	for !from.has(n) {
		if from.isStuck() {
			return ErrBusy
		}
		again, more := time.NewTimer(from.makeRoom(n)), from.more
		b.mu.Unlock()
		var err error
		select {
		case <-more:
		case <-again.C:
		case <-patience.C:
			err = ErrBusy
		case <-ctx.Done():
			err = fmt.Errorf("%w (%w)", ErrBusy, context.Cause(ctx))
		}
		again.Stop()
		b.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// isStuck reports whether all memory of a share is taken by bodies that wait for one another.
// The first one that finds out gives up, which makes room.
func (s *share) isStuck() bool {
	taken := s.size - s.left
	for r := range s.readers {
		if _, waits := s.waiting[r]; !waits {
			return false
		}
		taken -= r.taken
	}
	return taken == 0
}

// has reports whether n bytes are left for a body. Bodies that wait for less have precedence:
// large ones, which strangers may send to take all memory, come last.
func (s *share) has(n int64) bool {
	for _, other := range s.waiting {
		if other < n && other > s.left-n {
			return false
		}
	}
	return n <= s.left
}

func (s *share) wake() {
	close(s.more)
	s.more = make(chan struct{})
}

// makeRoom stops bodies that arrive too slowly, the slowest first, until n bytes will be
// left. It returns after how long another one can be too slow.
func (s *share) makeRoom(n int64) (again time.Duration) {
	readers := make([]*body, 0, len(s.readers))
	for r := range s.readers {
		if r.budget.small.waiting[r]+r.budget.large.waiting[r] == 0 {
			readers = append(readers, r)
		}
	}
	slices.SortFunc(readers, func(a, b *body) int { return a.since.Compare(b.since) })
	room, now := s.left, time.Now()
	for _, r := range readers {
		switch pause := now.Sub(r.since); {
		case room >= n:
			return maxPause
		case pause < maxPause && !r.slow:
			return maxPause - pause
		case !r.slow:
			r.slow = true
			r.stop()
		}
		room += r.taken
	}
	return maxPause
}

// hasLarge reports whether there is a large body.
func (b *budget) hasLarge() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.large.left < b.large.size
}

// giveBack returns n bytes to the share.
func (b *body) giveBack(n int64) {
	if b.share == nil {
		return
	}
	b.share.left += n
	b.taken -= n
	if b.taken == 0 {
		delete(b.share.readers, b)
	}
	b.share.wake()
}

// beginPart begins the next part of a body, which must arrive soon; see maxPause.
func (b *body) beginPart() {
	b.since = time.Now()
	b.mark = len(b.data) + max(minProgress, int(b.taken/16))
}
