package gitlabci

import (
	"cmp"
	"net/url"
	"time"
)

const (
	// remembered is how many items a walk knows again, at least. GitLab stops
	// counting at that number, and a walk goes back only where GitLab counts, or
	// by little.
	remembered = 10_000

	// patience is how many steps back in a row may find that nothing was missed,
	// as when others delete behind the reader, or when a server's halves differ
	// on what it has. Then a walk looks closer or, where it cannot, goes on.
	patience = 3

	// Overlapping pages are at least this large: smaller ones hardly get on.
	smallestOverlap = 20

	// GitLab has no larger pages. Who tells of some is not believed: overlaps
	// of that size are not to be had, or even to be worked out.
	largestPage = 100
)

// An itemKey tells the items of a list apart.
type itemKey struct{ id, changed int64 }

// An identified item says which one it is, and when it changed if a list can
// be ordered by that.
type identified interface {
	identity() (id int64, changed time.Time)
}

func (p *PipelineInfo) identity() (int64, time.Time) { return int64(p.ID), p.UpdatedAt }
func (j *JobInfo) identity() (int64, time.Time)      { return int64(j.ID), time.Time{} }

// A drift is what moves in a list of numbered pages while it is walked. What
// comes into the list can push items to the next page, where they come again.
// What goes out of it can pull items to a page that was read already, where
// they would be missed: then the walk goes back.
//
// How many went out is told by the totals, as long as the items that come in
// do so where the walk began. In ascending lists they come in at the end, and
// make up for those that went. There each page is asked for together with the
// end of the one before: where that is missing, something may lie in between.
type drift struct {
	known    memory
	byChange bool // a changed item is another one
	fixed    bool // the walk never goes back
	careful  bool // pages should overlap
	ownSizes bool // they cannot: the server has sizes of its own
	rising   bool // the list ascends
	total    int  // of the list, as the last answer had it, or -1
	size     int  // of the largest page

	midway  bool    // the walk began in the middle of the list
	first   itemKey // it began with, if so
	strayed bool    // it has asked for pages that may begin before that

	back      bool // the walk has just gone back
	fruitless int  // how often it did since the last new item, and found nothing missed
}

// counts is what an answer tells of a list.
type counts struct {
	size  int  // of its pages, or 0 if not told or not believed
	total int  // of its items, or -1
	items int  // on the page
	known bool // the first of them was yielded before
}

// newDrift is that of the list which query asks for. One that may not go back
// only drops repeats, as for lists that have another order than by ID or time.
func newDrift[P any](query url.Values, mayGoBack bool) *drift {
	var item P
	_, identifiable := any(item).(identified)
	order := PipelineOrder(query.Get("order_by"))
	steady := order == "" || order == OrderByID || order == OrderByUpdatedAt
	rising := Sort(query.Get("sort")) == SortAsc
	return &drift{
		total:    -1,
		byChange: order == OrderByUpdatedAt,
		fixed:    !mayGoBack || !identifiable || !steady,
		careful:  rising,
		rising:   rising,
		midway:   pageNumber(query) > 1,
	}
}

// key is that of an item, and false if it has none.
func (d *drift) key(item any) (itemKey, bool) {
	it, ok := item.(identified)
	if !ok {
		return itemKey{}, false
	}
	id, changed := it.identity()
	if !d.byChange || changed.IsZero() {
		return itemKey{id: id}, id != 0
	}
	return itemKey{id, changed.UnixNano()}, id != 0
}

// knows reports whether an item was yielded before, or cannot be known again.
func (d *drift) knows(item any) bool {
	key, ok := d.key(item)
	return !ok || d.precedes(key) || d.known.has(key)
}

// precedes reports whether an item comes before those that a walk from the
// middle of a list is about. It does not look where the server's links alone
// lead, or in what may have moved to the front since.
func (d *drift) precedes(key itemKey) bool {
	switch {
	case !d.strayed || d.first.id == 0:
		return false
	case d.byChange:
		return d.rising && key.changed != 0 && key.changed < d.first.changed
	case d.rising:
		return key.id < d.first.id
	}
	return key.id > d.first.id
}

// repeats reports whether an item was yielded before, here or where the walk was
// begun, and remembers it.
func (d *drift) repeats(item any) bool {
	key, ok := d.key(item)
	if d.midway && d.first.id == 0 {
		d.first = key
	}
	return ok && (d.precedes(key) || !d.known.add(key))
}

// missed returns where to go instead of reading on, nil if nothing can have
// been missed between the pages before and the one at a place.
func (d *drift) missed(at *place, told counts) *place {
	if at.link != nil && told.size != pageSize(at.query) {
		d.ownSizes = true
		return at.link
	}
	gone, size := d.gone(at, told), cmp.Or(told.size, pageSize(at.query))
	if gone == 0 || size < 1 {
		return nil
	}
	d.back, d.strayed = true, true
	number := max(1, at.number-1-(gone-1)/size)
	return &place{query: withPage(at.query, number, size), number: number}
}

// gone is how many items before a page may have gone out of the list since the
// page before it.
func (d *drift) gone(at *place, told counts) int {
	fewer := 0
	if told.total >= 0 {
		fewer = max(0, d.total-told.total)
	}
	d.total = told.total
	switch {
	case d.fixed || told.known || at.number <= 1 || d.fruitless >= patience && !d.overlaps():
		return 0
	case at.link != nil || d.back && d.overlaps():
		return max(1, fewer)
	}
	return fewer
}

func (d *drift) overlaps() bool { return d.careful && !d.ownSizes && !d.fixed }

// passed notes a page that was read, and whether any of its items was new.
func (d *drift) passed(told counts, fresh bool) {
	d.size = max(d.size, told.size)
	switch {
	case fresh:
		d.fruitless = 0
	case d.back:
		d.fruitless++
	}
	d.back = false
	d.careful = d.careful || d.fruitless >= patience
}

// onward is the place that a page links to, or one that begins a little before
// it.
func (d *drift) onward(at, link *place, told counts) *place {
	if !d.overlaps() || told.size < 1 || told.items < 1 || at.number < 1 || link.number < 1 {
		return link
	}
	d.strayed = true
	number, size := overlap((at.number-1)*told.size+told.items, max(d.size, smallestOverlap))
	return &place{query: withPage(link.query, number, size), number: number, link: link}
}

// overlap returns the page that has at least one of the first n items of a
// list and, with at most the size given, the most of those after them.
func overlap(n, most int) (number, size int) {
	for s, end := most, n; s > most/2; s-- {
		before := (n - 1) / s
		if (before+1)*s > end {
			number, size, end = before+1, s, (before+1)*s
		}
	}
	return number, size
}

// A memory holds the keys that came last, remembered of them at least and twice
// as many at most. It forgets half of that at once: a map that loses a key for
// each one that it gets keeps growing.
type memory struct{ young, old map[itemKey]struct{} }

func (m *memory) has(key itemKey) bool {
	_, young := m.young[key]
	_, old := m.old[key]
	return young || old
}

// add reports whether a key is new.
func (m *memory) add(key itemKey) bool {
	if m.has(key) {
		return false
	}
	if len(m.young) == remembered {
		m.young, m.old = m.old, m.young
		clear(m.young)
	}
	if m.young == nil {
		m.young = map[itemKey]struct{}{}
	}
	m.young[key] = struct{}{}
	return true
}
