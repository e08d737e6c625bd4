package pages

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// A walk ranges over the pages of a list.
type walk[P any] struct {
	list  *List[P]
	early *prefetcher[P]
	yield func(P, error) bool
	drift *drift
	trail trail
}

// A place is a page that a walk asks for.
type place struct {
	query  url.Values
	number int    // of the page, or 0 in a list without numbers
	link   *place // the linked page, where this one is asked for in its stead
	back   bool   // the walk has gone back to it
}

// after is the cursor that goes on here.
func (p *place) after() string {
	if p.link != nil {
		return p.link.after()
	}
	return Cursor(p.query)
}

// run yields the items of all pages from the one that query asks for.
func (w *walk[P]) run(query url.Values) {
	next := &place{query: query, number: pageNumber(query)}
	if !query.Has("page") && !query.Has("cursor") {
		next.number = 1 // a list begins with it, which a query need not say
	}
	w.trail.turnsBack(nil, next)
	for next != nil {
		at := next
		page, guessed, err := w.early.take(at)
		if err == nil {
			next, err = w.read(at, page, guessed)
		}
		if err != nil {
			var none P
			w.yield(none, w.list.Fail(at.after(), err))
			return
		}
	}
}

// read yields the items of a page and returns where the walk continues, nil if
// it is over. The next pages are requested before the first item is yielded.
func (w *walk[P]) read(at *place, page *Page[P], guessed bool) (*place, error) {
	w.drift.reach(at)
	told := w.counts(page, guessed)
	missed, err := w.drift.missed(at, told)
	if missed != nil || err != nil {
		return missed, err
	}
	w.drift.passed(told)
	next, err := w.onward(at, page, told)
	if next != nil {
		w.early.fill(w.drift.plan(next, told))
	} else {
		w.early.cancel()
	}
	for _, item := range page.Items {
		if !w.drift.repeats(w.key(item)) && !w.yield(item, nil) {
			return nil, nil
		}
	}
	return next, err
}

// key is that of an item, and false if it has none.
func (w *walk[P]) key(item P) (itemKey, bool) {
	id, changed, ok := w.list.Key(item)
	return w.drift.key(id, changed), ok && id != 0
}

// counts returns what a page says about its list.
func (w *walk[P]) counts(page *Page[P], guessed bool) counts {
	told := counts{size: page.Size, total: page.Total, pages: page.Pages, items: len(page.Items), guessed: guessed}
	if told.size > largestPage {
		told.size = 0
	}
	if told.items > 0 {
		told.first, _ = w.key(page.Items[0])
		told.last, _ = w.key(page.Items[told.items-1])
		told.joins = w.drift.knows(w.key(page.Items[0])) || w.drift.spans(told)
	}
	told.fresh = slices.ContainsFunc(page.Items, func(item P) bool { return !w.drift.knows(w.key(item)) })
	return told
}

// onward returns the place after a page, or nil if it is the last one.
func (w *walk[P]) onward(at *place, page *Page[P], told counts) (*place, error) {
	if page.Next == "" {
		return nil, nil
	}
	query, err := Query(page.Next)
	if err != nil {
		return nil, err
	}
	next := &place{query: query, number: pageNumber(query)}
	if w.trail.turnsBack(at, next) {
		return nil, errTurnsBack
	}
	return w.drift.onward(at, next, told), nil
}

// A trail tells whether links lead in a circle, in Brent's way: it holds each
// place against the one before it and against a mark, which moves on after two
// places, four, eight and so on. It takes no more memory for more pages.
type trail struct {
	last, mark string
	steps, lap int // since the mark was set, and until it moves
}

// turnsBack reports whether the link from one place leads to another that came
// before it. Pages without numbers are told apart by their cursors: one that
// leads to itself is seen at once, a larger circle after a round or two.
func (t *trail) turnsBack(from, to *place) bool {
	if to.number > 0 {
		return from != nil && to.number <= from.number
	}
	key := pageKey(to.query)
	if key == t.last || key == t.mark {
		return true
	}
	t.last = key
	if t.steps++; t.steps >= t.lap {
		t.mark, t.steps, t.lap = key, 0, max(2, 2*t.lap)
	}
	return false
}

// pageNumber is the number of the page that a query asks for, or 0 if it does
// not say.
func pageNumber(query url.Values) int {
	n, err := strconv.Atoi(query.Get("page"))
	if err != nil || n < 1 || query.Get("cursor") != "" {
		return 0
	}
	return n
}

// pageSize is the size of the page that a query asks for, or 0 if it does not
// say.
func pageSize(query url.Values) int {
	n, err := strconv.Atoi(query.Get("per_page"))
	if err != nil {
		return 0
	}
	return n
}

// withPage is a query with another page in it.
func withPage(query url.Values, number, size int) url.Values {
	query = maps.Clone(query)
	query.Set("page", strconv.Itoa(number))
	query.Set("per_page", strconv.Itoa(size))
	return query
}

// pageKey tells the pages of one list apart.
func pageKey(query url.Values) string {
	if cursor := query.Get("cursor"); cursor != "" {
		return "cursor " + cursor
	}
	if n := pageNumber(query); n > 0 {
		return "page " + strconv.Itoa(n) + " of " + query.Get("per_page")
	}
	return "query " + query.Encode()
}
