package pages

import (
	"maps"
	"net/url"
	"strconv"
)

// A place is a page that a walk requests.
type place struct {
	query  url.Values
	number int    // of the page, or 0 in a list without numbers
	link   *place // the page that was linked to, if this one is requested in its stead
	back   bool   // the walk has gone back to it
	below  int64  // of a window with a made cursor, the ID that its items are below, or 0
	until  int64  // of a window, the ID that it ends at, or 0
}

// firstPlace is where a walk begins.
func firstPlace(query url.Values) *place {
	p := placeOf(query)
	if !query.Has("page") && !query.Has("cursor") && !isAfterID(query) {
		p.number = 1 // a query need not name the first page
	}
	return p
}

func placeOf(query url.Values) *place { return &place{query: query, number: pageNumber(query)} }

// cursor is that with which a list continues here.
func (p *place) cursor() string {
	if p.link != nil {
		return p.link.cursor()
	}
	return Cursor(p.query)
}

// size is the requested page size, or 0 if the query has none.
func (p *place) size() int {
	n, err := strconv.Atoi(p.query.Get("per_page"))
	if err != nil {
		return 0
	}
	return n
}

// pageNumber is the number of the page that a query selects, or 0 if the query
// has none. Where a list continues after an ID, GitLab's links say page 1 as well.
func pageNumber(query url.Values) int {
	text := query.Get("page")
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n == 1 && isAfterID(query) || query.Get("cursor") != "" {
		return 0
	}
	return n
}

// isAfterID reports whether a list continues after an ID.
func isAfterID(query url.Values) bool {
	return query.Get("pagination") == "keyset" && (query.Has("id_after") || query.Has("id_before"))
}

// withPage is a copy of a query, with another page in it.
func withPage(query url.Values, number, size int) url.Values {
	query = with(query, "page", strconv.Itoa(number))
	query.Set("per_page", strconv.Itoa(size))
	return query
}

// with is a copy of a query, with another value of a parameter in it.
func with(query url.Values, parameter, value string) url.Values {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set(parameter, value)
	return query
}

// pageKey identifies a page of a list.
func pageKey(query url.Values) string {
	if cursor := query.Get("cursor"); cursor != "" {
		return "cursor " + cursor
	}
	if n := pageNumber(query); n > 0 {
		return "page " + strconv.Itoa(n) + " of " + query.Get("per_page")
	}
	return "query " + query.Encode()
}

// A trail detects whether links lead in a circle, by Brent's algorithm: it compares each
// place with the one before it and with a mark, which moves after two places,
// four, eight and so on. It takes no more memory for more pages.
type trail struct {
	last, mark string
	steps, lap int // since the mark was set, and until it moves
}

// turnsBack reports whether the link from one place leads to another that came
// before it. Pages without numbers are distinguished by their cursors: a page that
// links to itself is found immediately, a larger circle after a round or two.
func (t *trail) turnsBack(from, to *place) bool {
	if to.number > 0 {
		return from != nil && to.number <= from.number
	}
	key := pageKey(to.query)
	if key == t.last || key == t.mark {
		return true
	}
	t.last = key
	t.steps++
	if t.steps >= t.lap {
		t.mark, t.steps, t.lap = key, 0, max(2, 2*t.lap)
	}
	return false
}
