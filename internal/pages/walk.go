package pages

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// Range yields the items of the page that query selects, and of all pages after
// it. It requests nothing once yield has returned false.
func (l *List[P]) Range(ctx context.Context, query url.Values, yield func(P, error) bool) {
	early := newPrefetcher(ctx, l)
	defer early.stop()
	ahead := 0
	if l.Eager {
		ahead = l.Ahead
	}
	w := walk[P]{list: l, windows: newWindows(l.Order, ahead), early: early, yield: yield, drift: newDrift(l.Order, pageNumber(query) > 1, l.Filtered)}
	w.run(firstPlace(query))
}

// A walk ranges over the pages of a list.
type walk[P any] struct {
	list    *List[P]
	early   *prefetcher[P]
	yield   func(P, error) bool
	drift   drift
	windows windows
	trail   trail
	keys    []key // of the items of a page
}

// run yields the items of all pages from a place on.
func (w *walk[P]) run(next *place) {
	w.trail.turnsBack(nil, next)
	for next != nil {
		at := next
		page, guessed, err := w.early.take(at)
		switch {
		case err == nil:
			next, err = w.read(at, page, guessed)
		case at.below > 0: // the server refuses the cursor, if it is not down
			w.windows.stop()
			next, err = at.link, nil
		}
		if err != nil {
			var none P
			w.yield(none, w.list.Fail(at.cursor(), err))
			return
		}
	}
}

// read yields the items of a page and returns where the walk continues, or nil
// at its end. The next pages are requested before the first item is yielded.
func (w *walk[P]) read(at *place, page *Page[P], guessed bool) (*place, error) {
	w.readKeys(page.Items)
	s := served{at: at, guessed: guessed, total: page.Total, keys: w.keys, more: page.Next != ""}
	s.size = w.drift.sizeOf(&s, page.Size)
	if instead, err := w.instead(&s); instead != nil || err != nil {
		return instead, err
	}
	if at.below > 0 {
		w.trim(&s, page)
	}
	if w.drift.accept(&s); w.drift.isEndless(at.size()) {
		return nil, errNoEnd
	}
	if w.early.width > 1 {
		w.drift.requireOverlap()
	}
	next, err := w.after(&s, page.Next)
	if next != nil {
		w.early.fill(w.plan(next, page))
	} else {
		w.early.cancel()
	}
	for i, item := range page.Items {
		repeats := w.drift.repeats(w.keys[i])
		if !repeats && w.drift.turnsBack(w.keys[i]) {
			return nil, errRepeats
		}
		// A list that never changes may contain an item twice.
		if (!repeats || w.list.Settled) && !w.yield(item, nil) {
			return nil, nil
		}
	}
	return next, err
}

// instead returns the place to request instead of the page after this one, or nil if
// the page can be read.
func (w *walk[P]) instead(s *served) (*place, error) {
	switch {
	case s.at.below == 0:
		return w.drift.instead(s)
	case !w.drift.leads(s):
		return w.windows.instead(s.at), nil
	}
	return nil, nil
}

// trim drops the items of a window that the one before it had. Some of those may have
// joined the list since: also these would be out of order.
func (w *walk[P]) trim(s *served, page *Page[P]) {
	for len(s.keys) > 0 && !w.drift.order.before(w.drift.furthest, s.first()) {
		s.keys, page.Items = s.keys[1:], page.Items[1:]
	}
	w.keys = s.keys
}

// readKeys sets w.keys to those of items.
func (w *walk[P]) readKeys(items []P) {
	w.keys = slices.Grow(w.keys[:0], len(items))
	for _, item := range items {
		w.keys = append(w.keys, w.list.Order.key(w.list.Key(item)))
	}
}

// after returns the place after a page that links to the cursor next, or nil if
// it is the last page.
func (w *walk[P]) after(s *served, next string) (*place, error) {
	if next == "" {
		return nil, nil
	}
	query, err := Query(next, slices.Collect(maps.Keys(s.at.query))...)
	if err != nil {
		return nil, err
	}
	link := placeOf(query)
	if w.trail.turnsBack(s.at, link) {
		return nil, errTurnsBack
	}
	return w.windows.onward(s, w.drift.onward(s, link)), nil
}

// plan returns a place and those after it, as far as they can be predicted from the
// previous page.
func (w *walk[P]) plan(next *place, page *Page[P]) iter.Seq[*place] {
	return func(yield func(*place) bool) {
		switch {
		case !yield(next):
		case next.until > 0:
			w.windows.plan(next, yield)
		case next.link != nil:
			w.drift.planOverlaps(next, page.Total, yield)
		case w.list.Settled && next.number > 0:
			planNumbers(next, page.Pages, yield)
		}
	}
}

// planNumbers yields the places after one in a list that never changes.
func planNumbers(from *place, pages int, yield func(*place) bool) {
	for number := from.number + 1; pages < 0 || number <= pages; number++ {
		if !yield(&place{query: with(from.query, "page", strconv.Itoa(number))}) {
			return
		}
	}
}
