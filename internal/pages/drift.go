package pages

import (
	"cmp"
	"slices"
)

const (
	// fewFruitless is how many steps back in a row may find that nothing was missed,
	// as when others delete behind the reader, or when the replicas of a server
	// differ. Then the pages of a walk overlap or, where they cannot, it continues.
	fewFruitless = 3

	// mostFruitless is how many such steps in a row are an error if pages overlap. Such
	// a walk does not continue without proof. A list that merely changes
	// shows a new item long before that.
	mostFruitless = 50

	// mostIdle is how many pages in a row may be without a new item, and lead no
	// further: more are a list without an end. If pages are small, a growing list can show
	// as many as have 100 items.
	mostIdle = 10
)

// A drift tracks how a list of numbered pages changes during a walk. An added
// item can push others to the next page, where they are listed again. A removed
// item can pull others to a page that was already read, where they would be
// missed: then the walk goes back.
//
// The totals show how many items were removed, as long as items are added only
// where the walk began, and each page is requested after the one before it. In
// ascending lists, items are added at the end, and with some filters anywhere, and
// offset those removed. Pages requested concurrently are served in any order: an
// added item, too, can push another from a page not yet served to one that was. And
// GitLab does not count long lists.
//
// In all of these cases each page overlaps the end of the one before. All items
// that stayed in the list, up to the last one yielded, have been yielded. And a page
// has all items between its first and its last at the time when it was served. So
// if a page begins with a yielded item, or before one, nothing is missed between
// the two pages, whichever was served first. Otherwise something may be missed.
type drift struct {
	order    Order
	seen     memory // of the items that were yielded
	circle   circle // of more of them
	start    start
	overlap  overlap
	total    int  // of the list, by the last response, or -1
	size     int  // of the largest page
	cap      int  // the largest page that the server has, if it showed that, or 0
	end      int  // where the last page ended, counted in items of the list
	ascends  bool // by the query
	furthest key  // the furthest item that ended a page
	last     key  // the item that ended the last page

	returned  bool // the walk has just gone back
	steps     int  // how often it has gone back in a row; no list is longer than was read
	fruitless int  // how often it went back since the last new item
	limited   int  // how often an overlapping page was smaller than requested
	idle      int  // pages since the last new item, except those read again
	pages     int  // that were read
	rereads   int  // pages that are read again because the walk has gone back
}

// A start is where a walk began in the middle of a list. Items before it are not
// part of the walk. They are listed on pages that overlap or were gone back to. On
// the others, the links of the server decide.
type start struct {
	midway  bool
	first   key  // the first item, if midway
	strayed bool // the walk has reached pages that may begin before it
}

// newDrift returns the drift of a walk through a list of that order, from the
// middle of it or from its beginning, that is filtered by what can change or not.
func newDrift(order Order, midway, filtered bool) drift {
	d := drift{order: order, start: start{midway: midway}, total: -1, ascends: order.ascending}
	if !order.known() {
		d.overlap = impossible
	}
	if order.ascending || filtered {
		d.requireOverlap()
	}
	return d
}

// requireOverlap makes the pages from now on overlap, if they can.
func (d *drift) requireOverlap() {
	if d.overlap == unneeded {
		d.overlap = needed
	}
}

// A served page is what decides whether its items are yielded.
type served struct {
	at      *place
	guessed bool  // requested before the previous page was read
	size    int   // of the list's pages, or 0 if unknown or implausible
	total   int   // of the list's items, or -1
	keys    []key // of the items on the page
	more    bool  // another page comes after it
}

// first is the key of the first item, if there is one.
func (s *served) first() key {
	if len(s.keys) == 0 {
		return key{}
	}
	return s.keys[0]
}

// last is the key of the last item, if there is one.
func (s *served) last() key {
	if len(s.keys) == 0 {
		return key{}
	}
	return s.keys[len(s.keys)-1]
}

// precedes reports whether an item comes before the start of the walk.
func (d *drift) precedes(k key) bool { return d.start.strayed && d.order.before(k, d.start.first) }

// knows reports whether an item was yielded before, or cannot be recognized.
func (d *drift) knows(k key) bool { return k.id == 0 || d.precedes(k) || d.seen.has(k) }

// repeats reports whether an item was yielded before, or comes before the start
// of the walk, and remembers it.
func (d *drift) repeats(k key) bool {
	if d.start.midway && d.start.first.id == 0 {
		d.start.first = k
	}
	return k.id != 0 && (d.precedes(k) || !d.seen.add(k))
}

// turnsBack reports whether an item, which is not known to repeat, was yielded long ago,
// as those before it.
func (d *drift) turnsBack(k key) bool { return k.id != 0 && d.circle.closes(k) }

// instead returns the place to request instead of the page after this one, or nil
// if nothing can have been missed between this page and those before it. A page
// that was requested too early to decide is requested again.
func (d *drift) instead(s *served) (*place, error) {
	d.start.strayed = d.start.strayed || s.at.back || s.at.link != nil
	joins := d.joins(s)
	switch {
	case s.at.link != nil && (s.size != s.at.size() || s.more && len(s.keys) == 0):
		return d.differs(s), nil
	case s.guessed && !joins && s.at.number > 1 && d.overlap == needed:
		return s.at, nil
	}
	gone, size := d.gone(s, joins), cmp.Or(s.size, s.at.size())
	if gone == 0 || size < 1 {
		return nil, nil
	}
	d.steps++
	if d.fruitless >= mostFruitless || d.steps > mostFruitless+2*d.pages {
		return nil, errNoFit
	}
	d.returned = true
	number := max(1, s.at.number-1-(gone-1)/size)
	d.rereads = min(d.pages, s.at.number*max(s.at.size(), size)/size-number+1)
	return &place{query: withPage(s.at.query, number, size), number: number, back: true}, nil
}

// joins reports whether a page begins with an item that was yielded before, or
// before one. It also does if it begins before d.furthest and reaches it, even if
// the items that it had in common with the previous page are gone.
func (d *drift) joins(s *served) bool {
	if len(s.keys) == 0 {
		return false
	}
	first, last := s.first(), s.last()
	return d.knows(first) || last.id != 0 && d.order.before(first, d.furthest) && !d.order.before(last, d.furthest)
}

// leads reports whether a page joins those before it, and leads further.
func (d *drift) leads(s *served) bool {
	return d.joins(s) && d.order.before(d.furthest, s.last())
}

// gone is how many items before a page may have been removed since the previous
// page.
func (d *drift) gone(s *served, joins bool) int {
	fewer, uncounted := 0, d.total >= 0 && s.total < 0
	if s.total >= 0 {
		fewer = max(0, d.total-s.total)
	}
	d.total = s.total
	switch {
	case !d.order.known() || joins || s.at.number <= 1 || d.fruitless >= fewFruitless && d.overlap != needed:
		return 0
	case s.at.link != nil || d.returned && d.overlap == needed || uncounted:
		return max(1, fewer)
	}
	return fewer
}

// accept notes that the items of a page are yielded.
func (d *drift) accept(s *served) {
	d.count(s)
	if s.total < 0 {
		d.requireOverlap() // GitLab does not count the list, or no longer
	}
	d.size = max(d.size, s.size)
	first, last := s.first(), s.last()
	if last.id != 0 {
		d.seen.expect(len(s.keys))
	}
	if d.furthest.id == 0 {
		d.furthest = last
		if d.order.before(last, first) {
			d.order = d.order.reversed() // the page shows what the query did not say
		}
	}
	if d.order.before(d.furthest, last) {
		d.furthest = last
	}
}

// count counts how often in a row the walk has gone back without a new item, and
// has pages overlap if that is too often.
func (d *drift) count(s *served) {
	fresh := func(k key) bool { return !d.knows(k) }
	switch {
	case slices.ContainsFunc(s.keys, fresh):
		d.fruitless = 0
	case d.returned:
		d.fruitless++
	}
	d.returned, d.steps = false, 0
	d.countIdle(s, slices.ContainsFunc(s.keys, fresh))
	if d.fruitless >= fewFruitless {
		d.requireOverlap()
	}
}

// countIdle counts the pages without a new item. None is expected on pages that are read
// again because the walk has gone back, or after many items were added: then each page
// still leads further than the one before it.
func (d *drift) countIdle(s *served, fresh bool) {
	last := s.last()
	switch {
	case fresh:
		d.idle = 0
	case d.rereads < 1 && !d.order.before(d.last, last):
		d.idle++
	}
	d.rereads, d.last = max(0, d.rereads-1), last
	d.pages++
}

// isEndless reports whether too many pages in a row of that size had no new item.
func (d *drift) isEndless(size int) bool {
	return d.idle >= max(mostIdle, largestPage/cmp.Or(size, largestPage))
}
