package pages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Cursor returns the cursor of the page that a query selects.
func Cursor(query url.Values) string { return query.Encode() }

// Query returns the query that selects the page of a cursor, without credentials.
func Query(cursor string) (url.Values, error) {
	query, err := url.ParseQuery(cursor)
	if err != nil {
		return nil, errNoCursor
	}
	// GitLab repeats in its links whatever the query had.
	for _, name := range []string{"private_token", "access_token", "job_token", "sudo"} {
		query.Del(name)
	}
	return query, nil
}

// ErrLink is the error for a response that has a next page, but does not say
// which.
var ErrLink = errors.New("the link to the next page cannot be read")

// nextCursor returns the cursor of the page after a response to query, or "" if
// there is none. It is in the link or, where a proxy has dropped or damaged that,
// in the headers beside it.
func nextCursor(header http.Header, query url.Values) (string, error) {
	link, found, damaged := nextLink(header.Values("Link"))
	if found {
		return linkedCursor(link, query)
	}
	for _, step := range []struct{ header, parameter string }{{"X-Next-Page", "page"}, {"X-Next-Cursor", "cursor"}} {
		if value := header.Get(step.header); value != "" {
			return Cursor(with(query, step.parameter, value)), nil
		}
	}
	if _, last := header["X-Next-Page"]; damaged && !last { // the last page has an empty one
		return "", ErrLink
	}
	return "", nil
}

// linkedCursor returns the cursor of a link. Only its query counts: the host is the
// instance's own name, and not always the one that requests are sent to.
func linkedCursor(link string, query url.Values) (string, error) {
	target, err := url.Parse(link)
	if err != nil {
		return "", ErrLink
	}
	next, err := Query(target.RawQuery)
	if err != nil || len(next) == 0 {
		return "", ErrLink
	}
	keepFilters(next, query)
	return Cursor(next), nil
}

// keepFilters makes a linked query filter the list as the query before it did,
// whatever the server made of that: otherwise, the rest of the list would have
// items that were not requested. Only where the list continues is left to the link.
func keepFilters(next, query url.Values) {
	for name, values := range query {
		if slices.Contains([]string{"page", "per_page", "cursor", "id_after", "id_before", "pagination"}, name) {
			continue
		}
		for linked := range next { // some servers write "scope" or "scope[0]" for "scope[]"
			if strings.EqualFold(bareName(linked), bareName(name)) {
				delete(next, linked)
			}
		}
		next[name] = values
	}
}

// bareName is a parameter's name without the brackets of a list.
func bareName(name string) string {
	bare, _, _ := strings.Cut(name, "[")
	return bare
}
