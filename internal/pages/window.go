package pages

import (
	"cmp"
	"context"
	"net/url"
	"slices"
)

const (
	// windowPages is how many pages a window should have. The last one reaches into the
	// next window, so that a part of it is read again. All of them are held in memory.
	windowPages = 3

	// mostWindowPages is how many pages a window may have where there are more items
	// than expected.
	mostWindowPages = 8

	// recentItems is of how many items the distance between IDs is known, at most.
	recentItems = 2000
)

// errStray is the failure of a page whose items are not those after its cursor.
const errStray Error = "the page does not begin after its cursor"

// windows divide a list that is ordered by ID, newest first, so that several cursors
// are followed at the same time. A window has the items below an ID, down to another one.
// Its first page is requested by a made cursor, and each page after that by the link of the
// one before it, until one reaches below the window. So it shares items with the next
// window, unless the list has ended.
//
// Nothing depends on the server's response to a made cursor. A window is read only if it
// begins with an item that was yielded, or before one, and ends after all of them. A
// page has all items between its first and its last, so nothing is missed between the
// two. Otherwise, the walk continues with the server's own cursor.
//
// IDs are sparse, since all projects of a server share them, and there are gaps where
// nobody works. So how many items a window has is only estimated. A wrong estimate
// costs requests and nothing else.
type windows struct {
	off     bool       // because the list has none, or the server refuses made cursors
	planned []*place   // below the place that the walk requests next
	made    int        // windows so far
	refused int        // windows in a row that were not read
	last    int64      // all items down to this ID were read
	ids     float64    // how many IDs were read recently
	items   float64    // how many of them were items of the list
	cursor  idCursor   // like that of the last link
	link    url.Values // the last link
}

// newWindows returns those of a list that a walk requests so many pages ahead of.
func newWindows(order Order, ahead int) windows {
	return windows{off: order != ByID(false) || ahead < 2}
}

// stop ends them.
func (w *windows) stop() { *w = windows{off: true} }

// onward returns the place after a page: that which it links to, or a window.
func (w *windows) onward(s *served, link *place) *place {
	if w.off {
		return link
	}
	last, ok := s.last().id, link.number == 0 && descend(s.keys)
	if ok {
		w.cursor, ok = idCursorOf(link.query.Get("cursor"), last)
	}
	if !ok {
		w.stop()
		return link
	}
	if s.at.below > 0 {
		w.refused = 0
	}
	if s.at.until <= last && s.at.until > 0 { // there are far more items than expected
		w.planned, w.ids, w.items = nil, 0, 0
	}
	w.learn(s.keys, last)
	w.link = link.query
	for len(w.planned) > 0 && w.planned[0].until >= last {
		w.planned = w.planned[1:] // was read already
	}
	if len(w.planned) == 0 {
		return &place{query: link.query, until: w.end(last)}
	}
	next := w.planned[0]
	w.planned = w.planned[1:]
	next.link = link
	return next
}

// instead returns the place to request instead of a window that was not read.
func (w *windows) instead(at *place) *place {
	w.refused++
	if w.refused > fewFruitless {
		w.stop()
	}
	if w.off {
		return at.link
	}
	return &place{query: at.link.query, until: at.until}
}

// plan yields the windows after a place.
func (w *windows) plan(next *place, yield func(*place) bool) {
	for i := 0; ; i++ {
		from := next.until
		if i > 0 {
			from = w.planned[i-1].until
		}
		if i < len(w.planned) {
			if !yield(w.planned[i]) {
				return
			}
			continue
		}
		if from <= 1 {
			return
		}
		window := &place{query: with(w.link, "cursor", w.cursor.after(from)), below: from, until: w.end(from)}
		if !yield(window) {
			return
		}
		w.planned = append(w.planned, window)
		w.made++
	}
}

// end is the ID that a window should end at.
func (w *windows) end(from int64) int64 {
	pages := float64(min(windowPages, 1+w.made)) - 0.5 // since the last one is rarely full
	size := float64(cmp.Or(min(placeOf(w.link).size(), largestPage), smallestOverlap))
	ids := max(1, pages*size*max(1, w.ids/max(1, w.items)))
	if ids >= float64(from) {
		return 1
	}
	return from - int64(ids)
}

// learn notes how far the items of a list are from each other.
func (w *windows) learn(keys []key, last int64) {
	from := w.last
	if from == 0 {
		from = keys[0].id
	}
	for _, k := range keys {
		if k.id < from {
			w.items++
		}
	}
	w.ids += float64(from - last)
	w.last = last
	if w.items > recentItems {
		w.ids, w.items = w.ids/2, w.items/2
	}
}

// descend reports whether items are there, and ordered by ID, newest first.
func descend(keys []key) bool {
	newestFirst := func(a, b key) int { return cmp.Compare(b.id, a.id) }
	return len(keys) > 0 && keys[len(keys)-1].id > 0 && slices.IsSortedFunc(keys, newestFirst)
}

// request requests the page at a place or, of a window, as many pages as it has. If one
// of these cannot be read, the window ends before it.
func (l *List[P]) request(ctx context.Context, at *place) (*Page[P], error) {
	page, err := l.Request(ctx, at.query)
	if err != nil || at.until == 0 {
		return page, err
	}
	if at.below > 0 && !l.follows(page, at.below) {
		return nil, errStray
	}
	window := *page
	for range mostWindowPages - 1 {
		last := l.lastID(&window)
		if last < at.until || window.Next == "" {
			break
		}
		query, err := Query(window.Next)
		if err != nil {
			break
		}
		page, err := l.Request(ctx, query)
		if err != nil || !l.follows(page, last) {
			break // the walk gets there, and sees why
		}
		window.Items = append(window.Items, page.Items...)
		window.Next = page.Next
	}
	return &window, nil
}

// follows reports whether a page has items, or is the last one, and its items are in
// the order of the list and come after that ID.
func (l *List[P]) follows(page *Page[P], id int64) bool {
	for _, item := range page.Items {
		next, _, ok := l.Key(item)
		if !ok || next >= id {
			return false
		}
		id = next
	}
	return len(page.Items) > 0 || page.Next == ""
}

// lastID is the ID of the last item of a page, or 0.
func (l *List[P]) lastID(page *Page[P]) int64 {
	if len(page.Items) == 0 {
		return 0
	}
	id, _, _ := l.Key(page.Items[len(page.Items)-1])
	return id
}
