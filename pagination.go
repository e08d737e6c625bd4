package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/go-querystring/query"
)

// ListOptions choose a page of a list.
//
// See https://docs.gitlab.com/api/rest/#pagination.
type ListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitLab's 20, or 100 where a method ranges over all

	// After goes on where a page ended: its [Page.Next], or the After of a
	// [PageError]. It holds the filters too and replaces every other option.
	After Cursor `url:"-"`
}

// A Cursor is a place in a list: the query of the next page, without
// credentials. As text it can be kept and used again later. "" is the start of
// a list when given, and its end when returned.
type Cursor string

// A Page is one page of a list.
type Page[T any] struct {
	Items      []*T
	Page       int    // its number, or 0 in a list without numbers
	PerPage    int    // the most items a page holds, or 0 if not told
	Total      int    // items on all pages, or -1 if not told: GitLab stops counting at 10,000
	TotalPages int    // or -1 if not told
	Next       Cursor // for [ListOptions.After]; "" on the last page
}

// A PageError is the failure of one page while ranging over a list.
type PageError struct {
	After Cursor // goes on with the page that failed
	Err   error
}

// Error is that of Err.
func (e *PageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *PageError) Unwrap() error { return e.Err }

// A pager fetches the page that a query asks for.
type pager[T any] func(url.Values) (*Page[T], error)

func list[T any](ctx context.Context, c *Client, p path, opts lister) (*Page[T], error) {
	return listBy(opts, func(query url.Values) (*Page[T], error) {
		return fetchPage[T](ctx, c, p, query)
	})
}

func all[T any](ctx context.Context, c *Client, p path, opts lister) iter.Seq2[*T, error] {
	return allBy(opts, func(query url.Values) (*Page[T], error) {
		return fetchPage[T](ctx, c, p, query)
	})
}

func listBy[T any](opts lister, fetch pager[T]) (*Page[T], error) {
	query, err := listQuery(opts, 0)
	if err != nil {
		return nil, err
	}
	return fetch(query)
}

// allBy ranges over the pages from the one that opts choose. Nothing is asked
// for before the loop or after its end.
func allBy[T any](opts lister, fetch pager[T]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		query, err := listQuery(opts, 100)
		if err != nil {
			yield(nil, err)
			return
		}
		// A list begins with page 1, which a query need not say.
		seen := map[string]bool{"page 1": !query.Has("page") && !query.Has("cursor")}
		for {
			next, err := yieldPage(query, seen, fetch, yield)
			if err != nil {
				yield(nil, &PageError{After: cursorOf(query), Err: err})
			}
			if next == nil {
				return
			}
			query = next
		}
	}
}

// yieldPage yields the items of one page and returns the query of the next
// one, nil if the loop is over.
func yieldPage[T any](query url.Values, seen map[string]bool, fetch pager[T], yield func(*T, error) bool) (url.Values, error) {
	page, err := fetch(query)
	if err != nil {
		return nil, err
	}
	seen[pageKey(query)] = true
	for _, item := range page.Items {
		if !yield(item, nil) {
			return nil, nil
		}
	}
	if page.Next == "" {
		return nil, nil
	}
	next, err := page.Next.query()
	if err == nil && seen[pageKey(next)] {
		err = errors.New("gitlabci: the list turns back: a page links to one that came before it")
	}
	if err != nil {
		return nil, err
	}
	return next, nil
}

// pageKey tells the pages of one list apart.
func pageKey(query url.Values) string {
	if cursor := query.Get("cursor"); cursor != "" {
		return "cursor " + cursor
	}
	if page := strings.TrimLeft(query.Get("page"), "0"); page != "" {
		return "page " + page
	}
	return "query " + query.Encode()
}

// A lister is a pointer to a struct of options that embeds [ListOptions].
type lister interface{ listOptions() ListOptions }

func (o ListOptions) listOptions() ListOptions { return o }

// listQuery is the query that opts, nil perhaps, ask for. A cursor keeps its
// own page size, or its page number would be the wrong one.
func listQuery(opts lister, perPage int) (url.Values, error) {
	var o ListOptions
	if !reflect.ValueOf(opts).IsNil() {
		o = opts.listOptions()
	}
	switch {
	case o.After != "":
		return o.After.query()
	case o.Page < 0:
		return nil, &inputError{"ListOptions.Page", fmt.Errorf("%d is negative", o.Page)}
	case o.PerPage < 0 || o.PerPage > 100:
		return nil, &inputError{"ListOptions.PerPage", fmt.Errorf("%d is not within 0 to 100", o.PerPage)}
	}
	values, err := query.Values(opts)
	if err == nil && o.PerPage == 0 && perPage > 0 {
		values.Set("per_page", strconv.Itoa(perPage))
	}
	return values, err
}

func (c Cursor) query() (url.Values, error) {
	query, err := url.ParseQuery(string(c))
	if err != nil {
		return nil, &inputError{"ListOptions.After", errors.New("this is not a cursor")}
	}
	// GitLab repeats in its links whatever came in the query.
	for _, name := range []string{"private_token", "access_token", "job_token", "sudo"} {
		query.Del(name)
	}
	return query, nil
}

func cursorOf(query url.Values) Cursor { return Cursor(query.Encode()) }

// fetchPage fetches one page of a list.
func fetchPage[T any](ctx context.Context, c *Client, p path, query url.Values) (*Page[T], error) {
	var page *Page[T]
	err := c.fetch(ctx, reading(p, query), func(header http.Header, body []byte) error {
		items, err := decodeList[T](body, func(index int) {
			c.config.logger.Warn("gitlabci: a list element is not an object and is left out",
				slog.String("endpoint", p.template), slog.Int("index", index))
		})
		if err != nil {
			return err
		}
		page = &Page[T]{
			Items:      items,
			Page:       headerNumber(header, "X-Page", 0),
			PerPage:    headerNumber(header, "X-Per-Page", 0),
			Total:      headerNumber(header, "X-Total", -1),
			TotalPages: headerNumber(header, "X-Total-Pages", -1),
		}
		page.Next, err = nextCursor(header, query)
		return err
	})
	return page, err
}

func headerNumber(header http.Header, name string, unknown int) int {
	if n, err := strconv.Atoi(header.Get(name)); err == nil && n >= 0 {
		return n
	}
	return unknown
}
