package pages

// remembered is how many items a walk recognizes, at least. GitLab stops counting
// at that number, and a walk goes back only where GitLab counts, or by little.
const remembered = 10_000

// A memory holds the latest keys: at least remembered of them, and at most twice
// as many. It forgets half of that at once, because a map that loses a key for
// each one that it gets keeps growing.
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
