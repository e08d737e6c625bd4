// Package pages ranges over a list that is served page by page, and that may
// change meanwhile. It reads where a list continues, recognizes items that are
// listed again, goes back where others may have been missed, and requests pages
// ahead.
//
// It is handed the request for a page, the order of the list and the key of an
// item. It never sends, decodes or retries anything, and knows no type of item.
package pages

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A Page is one page of a list. The items P are pointers: so all lists share the
// compiled code.
type Page[P any] struct {
	Items  []P
	Number int    // or 0 in a list without numbers
	Size   int    // the most items a page holds, or 0 if unknown
	Total  int    // of the items on all pages, or -1 if unknown
	Pages  int    // or -1 if unknown
	Next   string // the cursor of the next page, or "" on the last one
}

// New returns the page of a response to query, whose body has the items.
func New[P any](items []P, header http.Header, query url.Values) (*Page[P], error) {
	next, err := nextCursor(header, query)
	if err != nil {
		return nil, err
	}
	return &Page[P]{
		Items:  items,
		Number: headerNumber(header, "X-Page", 0),
		Size:   headerNumber(header, "X-Per-Page", 0),
		Total:  headerNumber(header, "X-Total", -1),
		Pages:  headerNumber(header, "X-Total-Pages", -1),
		Next:   next,
	}, nil
}

func headerNumber(header http.Header, name string, unknown int) int {
	text := header.Get(name)
	if text == "" { // or the error of strconv would take two allocations
		return unknown
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return n
	}
	return unknown
}

// A Request requests the page that a query selects.
type Request[P any] func(ctx context.Context, query url.Values) (*Page[P], error)

// A List is what a walk needs to know about a list.
type List[P any] struct {
	Request  Request[P]
	Order    Order
	Settled  bool // the list never changes
	Filtered bool // by what can change, such as the status: items join and leave the list anywhere
	Ahead    int  // how many pages to request ahead, at most [MostAhead]
	Eager    bool // request them from the first page on, not only once the loop has waited

	// Key returns what identifies an item, a P: its ID and, where a list can be
	// ordered by that, the time of its last change. Ok is false if it has none.
	Key func(item any) (id int64, changed time.Time, ok bool)

	// Paused reports whether the server wants no requests for a while.
	Paused func() bool

	// Limit returns a context for requests that nothing waits for yet, and that fail
	// if a page has more bytes than that. TooLarge reports whether an error is that
	// failure.
	Limit    func(ctx context.Context, bytes int64) context.Context
	TooLarge func(error) bool

	// Fail makes the error that a walk yields of one that Request returned, or
	// an [Error], and of the cursor of the page that failed.
	Fail func(cursor string, err error) error
}

// An Error says what about the pages of a list makes no sense.
type Error string

func (e Error) Error() string { return string(e) }

const (
	errTurnsBack Error = "the list turns back: a page links to one that came before it"
	errNoCursor  Error = "this is not a cursor"
	errNoFit     Error = "the list's pages do not fit together: each request returns different items"
	errRepeats   Error = "the list turns back: it has the same items again"
	errNoEnd     Error = "the list turns back or has no end: ten pages in a row have no new item"
)
