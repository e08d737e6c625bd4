package pages

import (
	"cmp"
	"iter"
	"maps"
	"net/url"
	"strconv"
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

	// endurance is how many such steps in a row are an error if pages overlap. Such
	// a walk does not continue without proof. A list that merely changes
	// shows a new item long before that.
	endurance = 50

	// Overlapping pages are at least this large: smaller ones hardly get on.
	smallestOverlap = 20

	// GitLab has no larger pages. Who tells of some is not believed: overlaps
	// of that size are not to be had, or even to be worked out.
	largestPage = 100
)

// An itemKey tells the items of a list apart.
type itemKey struct{ id, changed int64 }

// A drift tracks how a list of numbered pages changes during a walk. An added
// item can push others to the next page, where they are listed again. A removed
// item can pull others to a page that was already read, where they would be
// missed: then the walk goes back.
//
// The totals show how many items were removed, as long as items are added only
// where the walk began, and each page is requested after the one before it. In
// ascending lists, items are added at the end, and offset those removed. Pages
// requested concurrently are served in any order: an added item, too, can push
// another from a page not yet served to one that was.
//
// In both of these cases each page overlaps the end of the one before. All items
// that stayed in the list, up to the last one yielded, have been yielded. And a page
// has all items between its first and its last at the time when it was served. So
// if a page begins with a yielded item, or before one, nothing is missed between
// the two pages, whichever was served first. Otherwise something may be missed.
type drift struct {
	known    memory
	byChange bool    // an item that changed counts as new
	fixed    bool    // the walk never goes back
	settled  bool    // the list never changes
	careful  bool    // pages should overlap
	ownSizes bool    // they cannot: the server ignores the requested page size
	rising   bool    // the list ascends, by its query or its first page
	total    int     // of the list, by the last response, or -1
	size     int     // of the largest page
	furthest itemKey // the furthest item that ended a page

	midway  bool    // the walk began in the middle of the list
	first   itemKey // the first item, if so
	strayed bool    // it has reached pages that may begin before first

	back      bool // the walk has just gone back
	fruitless int  // how often it went back since the last new item
}

// counts is what a page says about its list.
type counts struct {
	size    int     // of its pages, or 0 if unknown or implausible
	total   int     // of its items, or -1
	pages   int     // of its pages, or -1
	items   int     // on the page
	joins   bool    // the page begins with, or before, an item yielded before
	fresh   bool    // one of its items was not yielded before
	first   itemKey // of its items
	last    itemKey
	guessed bool // requested before the previous page was read
}

// newDrift returns the drift of a walk from the page that query requests. With
// atOnce, its pages are requested concurrently.
func newDrift(order Order, query url.Values, atOnce bool) *drift {
	return &drift{
		total:    -1,
		byChange: order.ByTime,
		fixed:    order.Unknown,
		settled:  order.Settled,
		careful:  order.Rising || atOnce,
		rising:   order.Rising,
		midway:   pageNumber(query) > 1,
	}
}

// key is that of an item.
func (d *drift) key(id int64, changed time.Time) itemKey {
	if !d.byChange || changed.IsZero() {
		return itemKey{id: id}
	}
	return itemKey{id, changed.UnixNano()}
}

// knows reports whether an item was yielded before, or cannot be known again.
func (d *drift) knows(key itemKey, ok bool) bool {
	return !ok || d.precedes(key) || d.known.has(key)
}

// precedes reports whether an item comes before those that a walk from the
// middle of a list is about. It does not look where the server's links alone
// lead.
func (d *drift) precedes(key itemKey) bool {
	return d.strayed && d.before(key, d.first)
}

// before reports whether item a is listed before item b, as far as their keys
// show.
func (d *drift) before(a, b itemKey) bool {
	x, y := a.id, b.id
	if d.byChange {
		x, y = a.changed, b.changed
	}
	return x != 0 && y != 0 && (d.rising && x < y || !d.rising && x > y)
}

// spans reports whether a page begins before d.furthest and reaches it. Then it
// joins the pages before it even if the items that they had in common are gone.
func (d *drift) spans(told counts) bool {
	return told.last.id != 0 && d.before(told.first, d.furthest) && !d.before(told.last, d.furthest)
}

// repeats reports whether an item was yielded before, here or where the walk was
// begun, and remembers it.
func (d *drift) repeats(key itemKey, ok bool) bool {
	if d.midway && d.first.id == 0 {
		d.first = key
	}
	return ok && (d.precedes(key) || !d.known.add(key))
}

// reach notes that the walk has reached a page.
func (d *drift) reach(at *place) { d.strayed = d.strayed || at.back || at.link != nil }

// missed returns the place to request instead of the next page, or nil if nothing
// can have been missed between this page and those before it. A page that was
// requested too early to decide is requested again.
func (d *drift) missed(at *place, told counts) (*place, error) {
	switch {
	case at.link != nil && told.size != pageSize(at.query):
		d.ownSizes = true
		return at.link, nil
	case told.guessed && !told.joins && at.number > 1 && d.overlaps():
		return at, nil
	}
	gone, size := d.gone(at, told), cmp.Or(told.size, pageSize(at.query))
	if gone == 0 || size < 1 {
		return nil, nil
	}
	if d.fruitless >= endurance {
		return nil, errNoFit
	}
	d.back = true
	number := max(1, at.number-1-(gone-1)/size)
	return &place{query: withPage(at.query, number, size), number: number, back: true}, nil
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
	case d.fixed || told.joins || at.number <= 1 || d.fruitless >= patience && !d.overlaps():
		return 0
	case at.link != nil || d.back && d.overlaps():
		return max(1, fewer)
	}
	return fewer
}

func (d *drift) overlaps() bool { return d.careful && !d.ownSizes && !d.fixed }

// passed notes that a page has been accepted.
func (d *drift) passed(told counts) {
	d.size = max(d.size, told.size)
	if d.furthest.id == 0 {
		d.furthest, d.rising = told.last, d.rising != d.before(told.last, told.first)
	}
	if d.before(d.furthest, told.last) {
		d.furthest = told.last
	}
	switch {
	case told.fresh:
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
	number, size := overlap((at.number-1)*told.size+told.items, max(d.size, smallestOverlap))
	if number < 1 {
		return link
	}
	return &place{query: withPage(link.query, number, size), number: number, link: link}
}

// plan returns the query of a place, and those of the places after it, as far as
// they can be predicted before it is read.
func (d *drift) plan(next *place, told counts) iter.Seq[url.Values] {
	return func(yield func(url.Values) bool) {
		more := yield(next.query)
		for number := next.number + 1; d.settled && more && number > 1; number++ {
			query := maps.Clone(next.query)
			query.Set("page", strconv.Itoa(number))
			more = (told.pages < 0 || number <= told.pages) && yield(query)
		}
		for number, size := next.number, pageSize(next.query); next.link != nil && more; {
			end := number * size
			number, size = overlap(end, max(d.size, smallestOverlap))
			more = number > 0 && (told.total < 0 || end < told.total) && yield(withPage(next.query, number, size))
		}
	}
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
