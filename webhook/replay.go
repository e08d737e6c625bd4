package webhook

import (
	"hash/maphash"
	"sync"
)

// A replayMemory has the IDs of the events that are being handled or were accepted. Only
// verified events reach it, so that a stranger cannot make it forget.
type replayMemory struct {
	mu    sync.Mutex
	seed  maphash.Seed
	state map[uint64]int // place in done, inProgress or inProgressAgain
	done  []accepted     // a ring of the last size events
	next  int            // place of the next one
	size  int
	floor int64 // when the newest forgotten request was sent, of those that were signed
}

// An accepted is an event that was accepted.
type accepted struct {
	key  uint64
	sent int64 // Unix seconds; 0 unless the request was signed
}

const (
	inProgress      = -1 // not known yet whether it succeeds
	inProgressAgain = -2 // and was sent again meanwhile
)

func newReplayMemory(most int) *replayMemory {
	return &replayMemory{seed: maphash.MakeSeed(), state: map[uint64]int{}, size: most}
}

func (m *replayMemory) key(id string) uint64 { return maphash.String(m.seed, id) }

// begin begins the work on the event of a request. The error is [ErrReplayed] if it is known,
// [ErrTimestamp] if it may be forgotten, or [ErrBusy] if there is no room for a new one. An
// event without an ID is always new. The caller must not refuse the event afterwards: a
// request that is sent again meanwhile is refused as a replay.
func (m *replayMemory) begin(c *claim, hasRoom bool) error {
	if c.id == "" {
		if !hasRoom {
			return ErrBusy
		}
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.key(c.id)
	switch place, known := m.state[key]; {
	case known && place == inProgress:
		m.state[key] = inProgressAgain
		return ErrReplayed
	case known:
		return ErrReplayed
	case c.signed && c.sent.Unix() <= m.floor:
		return ErrTimestamp
	case !hasRoom:
		return ErrBusy
	}
	m.state[key] = inProgress
	return nil
}

// accept remembers an event that was handled.
func (m *replayMemory) accept(c *claim) {
	if c.id == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := accepted{key: m.key(c.id)}
	if c.signed {
		now.sent = c.sent.Unix()
	}
	if len(m.done) < m.size {
		m.done = append(m.done, now)
	} else {
		old := m.done[m.next]
		if place, known := m.state[old.key]; known && place == m.next { // or it was released
			delete(m.state, old.key)
			m.floor = max(m.floor, old.sent)
		}
		m.done[m.next] = now
	}
	m.state[now.key] = m.next
	m.next = (m.next + 1) % m.size
}

// fail ends the work on an event without success. It reports whether the event was sent
// again meanwhile: then it stays in progress, since that request was refused as a replay.
func (m *replayMemory) fail(id string) (again bool) {
	if id == "" {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.key(id)
	if m.state[key] == inProgressAgain {
		m.state[key] = inProgress
		return true
	}
	delete(m.state, key)
	return false
}

// release forgets an event.
func (m *replayMemory) release(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.state, m.key(id))
}
