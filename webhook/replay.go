package webhook

import (
	"hash/maphash"
	"sync"
)

// A memory knows which events are in work or were accepted, by their IDs. Only verified
// events reach it, so that a stranger cannot make it forget.
type memory struct {
	mu    sync.Mutex
	seed  maphash.Seed
	state map[uint64]int // place in done, or one of those below
	done  []accepted     // a ring of the last events
	next  int            // place of the next one
	most  int
	floor int64 // when the newest signed request was sent that was forgotten
}

// An accepted event.
type accepted struct {
	key  uint64
	sent int64 // Unix seconds; 0 unless the request was signed
}

const (
	inWork      = -1 // not known yet whether it succeeds
	inWorkAgain = -2 // and was sent again meanwhile
)

func newMemory(most int) *memory {
	return &memory{seed: maphash.MakeSeed(), state: map[uint64]int{}, most: most}
}

func (m *memory) key(id string) uint64 { return maphash.String(m.seed, id) }

// begin takes the event of a request in work. The error is [ErrReplayed] if it is known,
// [ErrTimestamp] if it may be forgotten, or [ErrBusy] if there is no room for a new one. An
// event without an ID is always new. The caller must not refuse the event afterwards: a
// request that is sent again meanwhile is refused as a replay.
func (m *memory) begin(c *claim, hasRoom bool) error {
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
	case known && place == inWork:
		m.state[key] = inWorkAgain
		return ErrReplayed
	case known:
		return ErrReplayed
	case c.signed && c.sent.Unix() <= m.floor:
		return ErrTimestamp
	case !hasRoom:
		return ErrBusy
	}
	m.state[key] = inWork
	return nil
}

// accept remembers an event that was worked.
func (m *memory) accept(c *claim) {
	if c.id == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := accepted{key: m.key(c.id)}
	if c.signed {
		now.sent = c.sent.Unix()
	}
	if len(m.done) < m.most {
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
	m.next = (m.next + 1) % m.most
}

// fail ends the work on an event without success. It reports whether the event was sent
// again meanwhile: then it stays in work, since that request was refused as a replay.
func (m *memory) fail(id string) (again bool) {
	if id == "" {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.key(id)
	if m.state[key] == inWorkAgain {
		m.state[key] = inWork
		return true
	}
	delete(m.state, key)
	return false
}

// release forgets an event.
func (m *memory) release(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.state, m.key(id))
}
