package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/query"
	"example.com/gitlabci/internal/rest"
)

// ListOptions choose a page of a list.
//
// See https://docs.gitlab.com/api/rest/#pagination.
type ListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitLab's 20, or 100 where a method ranges over all

	// After continues where a page ended: it is the [Page.Next] of that page, or
	// the After of a [PageError]. It has the filters too, and replaces every other
	// option but Prefetch.
	After Cursor `url:"-"`

	// Prefetch is how many pages, at most 64, an iterator requests at the same time. With
	// 1, it requests each page when the loop reaches it. With more, it requests that many
	// pages ahead of the loop once it has the first one.
	//
	// With 0, it requests pages ahead only if the loop has to wait for them: first one, and
	// twice as many after each wait, at most 8. A loop that ends on the first page has
	// requested no other. One that ends on the second page has requested at most one page
	// that it did not need, then two, four and eight. A loop that takes longer for a page
	// than the server has one page requested ahead.
	//
	// Numbered pages that are requested concurrently overlap, to prove that
	// nothing is missed between them while the list changes: their sizes differ
	// from PerPage, and there are about a seventh more of them. Only one page can
	// be requested ahead if pages have cursors instead of numbers, if the list is
	// ordered by anything but ID or update time, or if the server ignores PerPage.
	// Jobs of a project have cursors, but see [JobsService.All].
	//
	// If the server requests a pause, only one page is requested ahead until it is
	// over. At the limiter of [WithRateLimiter], pages that are requested ahead do not
	// keep other calls waiting. Methods that return one page ignore Prefetch. With
	// [iter.Pull], stop must be called, or the requests and their goroutines stay.
	Prefetch int `url:"-"`
}

// A Cursor is a place in a list: the query of the next page, without
// credentials. It is text, which can be stored and used later. "" is the start of
// a list in options, and its end in a page.
type Cursor string

// A Page is one page of a list.
type Page[T any] struct {
	Items      []*T
	Page       int    // its number, or 0 in a list without numbers
	PerPage    int    // the most items a page holds, or 0 if unknown
	Total      int    // items on all pages, or -1 if unknown: GitLab stops counting at 10,000
	TotalPages int    // or -1 if unknown
	Next       Cursor // for [ListOptions.After]; "" on the last page
}

// A PageError is the failure of one page while ranging over a list.
type PageError struct {
	// After continues with the page that failed or, if the links form a circle, with the
	// page that links back. It does not contain which items were yielded: if numbered pages
	// have moved meanwhile, items can be yielded again, and deleted items can hide as many
	// others.
	After Cursor
	Err   error
}

// Error returns the text of Err.
func (e *PageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *PageError) Unwrap() error { return e.Err }

// pagesAt requests pages of the list at p, and checks that their items match the
// filters.
func pagesAt[P any](c *Client, p rest.Path) pages.Request[P] {
	return matching(uncheckedPagesAt[P](c, p), p)
}

// uncheckedPagesAt requests pages of the list at p, and does not check their items.
func uncheckedPagesAt[P any](c *Client, p rest.Path) pages.Request[P] {
	return func(ctx context.Context, query url.Values) (*pages.Page[P], error) {
		page, _, err := readPage(ctx, c, rest.Read(p, query), lenient.List[P])
		return page, err
	}
}

// keysetPages requests pages of a list by cursor, newest first unless the query says
// otherwise. They are requested by number if the query has a page, or if the server refuses
// cursors. A server without cursors ignores the parameters, and links to numbers.
func keysetPages[P any](byNumber pages.Request[P]) pages.Request[P] {
	return func(ctx context.Context, query url.Values) (*pages.Page[P], error) {
		if query.Has("page") || query.Has("pagination") || query.Has("cursor") {
			return byNumber(ctx, query)
		}
		keyset := url.Values{"order_by": {"id"}, "sort": {string(SortDesc)}}
		maps.Copy(keyset, query)
		keyset.Set("pagination", "keyset")
		page, err := byNumber(ctx, keyset)
		if e, responded := errors.AsType[*APIError](err); responded && e.StatusCode == http.StatusMethodNotAllowed {
			return byNumber(ctx, query)
		}
		return page, err
	}
}

// list requests one page of a list.
func list[T any](ctx context.Context, request pages.Request[*T], opts listing) (*Page[T], error) {
	query, err := listQuery(opts, 0)
	if err != nil {
		return nil, err
	}
	p, err := request(ctx, query)
	if err != nil {
		return nil, err
	}
	return pageOf(p), nil
}

func pageOf[T any](p *pages.Page[*T]) *Page[T] {
	return &Page[T]{p.Items, p.Number, p.Size, p.Total, p.Pages, Cursor(p.Next)}
}

// all ranges over a list, from the page that opts select. Nothing is requested
// before the loop or after its end.
func all[P any](ctx context.Context, c *Client, request pages.Request[P], opts listing) iter.Seq2[P, error] {
	return allBy(ctx, c, request, opts, orderOf[P])
}

// allBy is all for a list whose order is not that of other lists of P.
func allBy[P any](ctx context.Context, c *Client, request pages.Request[P], opts listing, order func(url.Values) pages.Order) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		query, err := listQuery(opts, 100)
		if err != nil {
			var none P
			yield(none, err)
			return
		}
		list := listOf(c, request, query, optionsOf(opts).Prefetch)
		list.Order, list.Settled = order(query), isSettled[P]()
		var item P
		if _, ok := any(item).(timed); ok {
			order := defaultOrder[P]()
			list.Key = keyBy(cmp.Or(query.Get("order_by"), order.by))
			list.Filtered = list.Filtered || order.mobile
		}
		list.Range(ctx, query, yield)
	}
}

// listOf is a list in no known order, whose first page a query selects.
func listOf[P any](c *Client, request pages.Request[P], query url.Values, prefetch int) *pages.List[P] {
	return &pages.List[P]{
		Request:  request,
		Filtered: isFiltered(query),
		Ahead:    aheadOf(prefetch),
		Eager:    prefetch > 0,
		Key:      keyOf,
		Paused:   c.wire.IsPaused,
		Limit:    unhurried,
		TooLarge: isTooLarge,
		Fail:     pageError,
	}
}

// maxAdaptiveAhead is the most pages that are requested ahead unless ListOptions.Prefetch
// says how many.
const maxAdaptiveAhead = 8

// aheadOf is the most pages that are requested ahead with this ListOptions.Prefetch.
func aheadOf(prefetch int) int {
	switch prefetch {
	case 0:
		return maxAdaptiveAhead
	case 1:
		return 0
	}
	return prefetch
}

// unhurried is the context of requests for pages that no loop waits for yet.
func unhurried(ctx context.Context, bytes int64) context.Context {
	return rest.LowPriority(rest.WithLimit(ctx, bytes))
}

func isTooLarge(err error) bool { return rest.IsLarger(err) }

// pageError is the error of a page that a range over a list ends with. Errors of
// requests begin with "gitlabci: " already.
func pageError(cursor string, err error) error {
	if _, ok := err.(pages.Error); ok {
		err = rest.Errorf("%w", err)
	}
	return &PageError{After: Cursor(cursor), Err: err}
}

// A listing is a pointer to a struct of options that embeds [ListOptions].
type listing interface{ listOptions() ListOptions }

func (o ListOptions) listOptions() ListOptions { return o }

// optionsOf are the ListOptions of opts, which may be nil.
func optionsOf(opts listing) ListOptions {
	if reflect.ValueOf(opts).IsNil() {
		return ListOptions{}
	}
	return opts.listOptions()
}

// listQuery is the query of the page that opts select. A cursor keeps its own
// page size, or its page number would be the wrong one.
func listQuery(opts listing, perPage int) (url.Values, error) {
	o := optionsOf(opts)
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.After != "" {
		return cursorQuery(o.After)
	}
	values := query.Values(opts)
	if o.PerPage == 0 && perPage > 0 {
		values.Set("per_page", strconv.Itoa(perPage))
	}
	return values, nil
}

// check returns an error for a number out of its range.
func (o ListOptions) check() error {
	switch {
	case o.Prefetch < 0 || o.Prefetch > pages.MostAhead:
		return rest.Invalid("ListOptions.Prefetch", fmt.Errorf("%d is not within 0 to %d", o.Prefetch, pages.MostAhead))
	case o.After != "": // which has its own
	case o.Page < 0:
		return rest.Invalid("ListOptions.Page", fmt.Errorf("%d is negative", o.Page))
	case o.PerPage < 0 || o.PerPage > 100:
		return rest.Invalid("ListOptions.PerPage", fmt.Errorf("%d is not within 0 to 100", o.PerPage))
	}
	return nil
}

// cursorQuery is the query of a cursor. It may have the parameters own besides those of
// GitLab's lists.
func cursorQuery(c Cursor, own ...string) (url.Values, error) {
	query, err := pages.Query(string(c), own...)
	if err != nil {
		return nil, rest.Invalid("ListOptions.After", err)
	}
	return query, nil
}

// readPage makes a call for one page of a list, and returns also the header of the
// response. Both are nil if the call has its ETag already.
func readPage[P any](ctx context.Context, c *Client, cl *rest.Call, decode func(context.Context, []byte) ([]P, lenient.LeftOut, error)) (page *pages.Page[P], header http.Header, err error) {
	err = c.fetch(ctx, cl, func(received http.Header, body []byte) (lenient.LeftOut, error) {
		items, left, err := decode(ctx, body)
		for i, item := range items {
			if err := checkEntity(item); err != nil {
				return left, fmt.Errorf("element %d: %w", i, err)
			}
		}
		if err != nil {
			return left, err
		}
		header = received
		if page, err = pages.New(items, header, cl.Query); err != nil {
			err = rest.Explained(err)
		}
		return left, err
	})
	return page, header, err
}

// sentTime is the time of a request by the server's clock, or zero if the response has no
// Date.
func sentTime(header http.Header, sent time.Time) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date.Add(-time.Since(sent))
}

// maxCollected is how many items of a list are read at most for one result.
const maxCollected = 100_000

// bounded ranges over a list, and ends with an error if that has more items. The error has the
// name of the list.
func bounded[T any](name string, items iter.Seq2[*T, error]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		n := 0
		for item, err := range items {
			n++
			if err == nil && n > maxCollected {
				item, err = nil, fmt.Errorf("gitlabci: the list of %s does not end: %d items were read", name, maxCollected)
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// pipelinesOf is what errors call the list of a project's pipelines. Those below are about the
// lists of a pipeline.
func pipelinesOf(project ProjectID) string {
	return fmt.Sprintf("the pipelines of project %s", project)
}
func jobsOf(pipeline PipelineID) string { return fmt.Sprintf("the jobs of pipeline %d", pipeline) }
func triggerJobsOf(pipeline PipelineID) string {
	return fmt.Sprintf("the trigger jobs of pipeline %d", pipeline)
}

// collect reads a list to its end. With an error, it returns no items.
func collect[T any](name string, items iter.Seq2[*T, error]) (all []*T, err error) {
	for item, err := range bounded(name, items) {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
