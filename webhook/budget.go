package webhook

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	freeBytes  = 16 << 10      // of a body that is being read, about as much as its connection takes
	smallBytes = 1 << 20       // of a body; larger ones have a share of their own
	largeBytes = mostBytes + 1 // of all large bodies together; the last byte shows that one is too large

	// GitLab gives up after 10 seconds. A request that waits this long for memory is
	// refused while GitLab still reads the response.
	longestWait = time.Second

	// While others wait for memory, a body is refused if in this time fewer bytes than
	// this, and less than a sixteenth of its memory, have arrived: it would take 6 seconds
	// or more. This is less than half of the longest wait, since a part may end just
	// before.
	longestPause  = 400 * time.Millisecond
	leastProgress = 64 << 10
)

// A budget bounds how many bytes of bodies are in memory.
type budget struct {
	mu           sync.Mutex
	small, large share
	garbage      garbage
}

// A share is the memory for the bodies of a size. It is guarded by the budget.
type share struct {
	most, left int64
	readers    map[*body]struct{} // that take some of it, and have not arrived yet
	waiting    map[*body]int64    // how much they wait for
	more       chan struct{}      // closed when some is given back, or waited for no longer
}

func newBudget(small int64) *budget {
	newShare := func(bytes int64) share {
		return share{most: bytes, left: bytes, readers: map[*body]struct{}{}, waiting: map[*body]int64{}, more: make(chan struct{})}
	}
	return &budget{small: newShare(small), large: newShare(largeBytes)}
}

// take lets a body take n more bytes of a share. Its bytes of another share are given back.
func (b *budget) take(ctx context.Context, of *body, from *share, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of.slow {
		return errSlow
	}
	if !from.has(n) {
		if err := b.await(ctx, of, from, n); err != nil {
			return err
		}
	}
	if of.share != from {
		of.give(of.taken)
	}
	from.left -= n
	of.share = from
	of.taken += n
	if !of.arrived {
		from.readers[of] = struct{}{}
		of.proceed()
	}
	return nil
}

// await waits until a share has n bytes. The lock is held, but not meanwhile. A body that
// waits is not slow: its sender cannot send more.
func (b *budget) await(ctx context.Context, of *body, from *share, n int64) error {
	if n > from.most {
		return fmt.Errorf("%w: the body takes more memory than all of them may", ErrBusy)
	}
	begun := time.Now()
	patience := time.NewTimer(longestWait - of.waited)
	defer patience.Stop()
	from.waiting[of] = n
	defer func() {
		delete(from.waiting, of)
		from.wake()
		of.waited += time.Since(begun)
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

// isStuck reports whether only bodies that wait for one another take the memory of a share.
// The first one that finds out makes room.
func (s *share) isStuck() bool {
	taken := s.most - s.left
	for r := range s.readers {
		if _, waits := s.waiting[r]; !waits {
			return false
		}
		taken -= r.taken
	}
	return taken == 0
}

// has reports whether n bytes are left for a request that needs so many. Requests that wait
// for less have precedence: large bodies, which strangers may send to take all there is,
// come last.
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
// left. It returns how long nobody else is too slow.
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
			return longestPause
		case pause < longestPause && !r.slow:
			return longestPause - pause
		case !r.slow:
			r.slow = true
			r.stop()
		}
		room += r.taken
	}
	return longestPause
}

// hasLarge reports whether there is a large body.
func (b *budget) hasLarge() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.large.left < b.large.most
}

// give gives n bytes back.
func (b *body) give(n int64) {
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

// proceed begins the next part of a body, in which it must not pause for too long.
func (b *body) proceed() {
	b.since = time.Now()
	b.mark = len(b.data) + max(leastProgress, int(b.taken/16))
}
