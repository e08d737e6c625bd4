package pages

// remembered is how many items a walk recognizes, at least. GitLab stops counting
// at that number, and a walk goes back only where GitLab counts, or by little.
const remembered = 10_000

// A memory holds the latest keys: at least remembered of them, and at most twice
// as many. It forgets half of that in one step, because a map that loses a key for each one
// that it gets keeps growing.
type memory struct{ young, old map[key]struct{} }

func (m *memory) has(k key) bool {
	_, young := m.young[k]
	_, old := m.old[k]
	return young || old
}

// expect makes room for the first n keys.
func (m *memory) expect(n int) {
	if m.young == nil {
		m.young = make(map[key]struct{}, n)
	}
}

// add reports whether a key is new.
func (m *memory) add(k key) bool {
	if m.has(k) {
		return false
	}
	if len(m.young) == remembered {
		m.young, m.old = m.old, m.young
		clear(m.young)
	}
	if m.young == nil {
		m.expect(0)
	}
	m.young[k] = struct{}{}
	return true
}

// sample is how many items in a row are listed again in a list that turns back. One alone
// may have moved, in a list that is not ordered by ID.
const sample = 32

// A circle detects whether the items of a list repeat after more of them than a memory
// holds, by Brent's algorithm, as a trail does with places. It compares items with a mark of
// sample items, which moves after 10,000 items, 20,000, 40,000 and so on. A list that
// turns back is detected within three rounds, however long they are.
type circle struct {
	mark       [sample]key
	marked     int // keys in the mark
	match      int // how many of them came again, one after the other
	steps, lap int // items since the mark was begun, and until it moves
}

// closes notes an item that is new, for all that the memory holds, and reports whether
// the list has turned back.
func (c *circle) closes(k key) bool {
	c.steps++
	if c.steps > c.lap {
		c.marked, c.match, c.steps, c.lap = 0, 0, 1, max(remembered, 2*c.lap)
	}
	if c.marked < sample {
		c.mark[c.marked] = k
		c.marked++
		return false
	}
	switch k {
	case c.mark[c.match]:
		c.match++
	case c.mark[0]:
		c.match = 1
	default:
		c.match = 0
	}
	return c.match == sample
}
