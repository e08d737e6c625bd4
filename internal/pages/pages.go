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
	"errors"
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
	if n, err := strconv.Atoi(header.Get(name)); err == nil && n >= 0 {
		return n
	}
	return unknown
}

// A Request requests the page that a query selects.
type Request[P any] func(ctx context.Context, query url.Values) (*Page[P], error)

// An Order is what is known about the order of a list.
type Order struct {
	ByTime  bool // of change, instead of ID
	Rising  bool // the list ascends
	Unknown bool // anything else: a walk only drops repeats
	Settled bool // the list never changes
}

// A List is what a walk needs to know about a list.
type List[P any] struct {
	Request Request[P]
	Order   Order
	Ahead   int // how many pages to request ahead, at most [MostAhead]

	// Key returns what tells an item, a P, from others: its ID and, where a list
	// can be ordered by that, the time of its last change. It is not ok if there
	// is no such thing.
	Key func(item any) (id int64, changed time.Time, ok bool)

	// Limit returns a context for requests that fail if a page has more bytes
	// than that. TooLarge reports whether an error is that failure.
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
	errNoFit     Error = "the list's pages do not fit together: each request returns different items"
)

// All yields the items of the page that query selects, and of all pages after
// it. Nothing is requested after the loop.
func (l *List[P]) All(ctx context.Context, query url.Values, yield func(P, error) bool) {
	early := prefetch(ctx, l)
	defer early.stop()
	w := walk[P]{list: l, early: early, yield: yield, drift: newDrift(l.Order, query, l.Ahead > 1)}
	w.run(query)
}

// A cursor is a query without credentials, as text.
var errNoCursor = errors.New("this is not a cursor")

// Cursor returns the cursor of the page that a query selects.
func Cursor(query url.Values) string { return query.Encode() }

// Query returns the query that selects the page of a cursor, without credentials.
func Query(cursor string) (url.Values, error) {
	query, err := url.ParseQuery(cursor)
	if err != nil {
		return nil, errNoCursor
	}
	// GitLab repeats in its links whatever came in the query.
	for _, name := range []string{"private_token", "access_token", "job_token", "sudo"} {
		query.Del(name)
	}
	return query, nil
}
