package pages

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Cursor returns the cursor of the page that a query selects.
func Cursor(query url.Values) string { return query.Encode() }

// Query returns the query that selects the page of a cursor, which a caller may
// have stored. It refuses a cursor with parameters that no list of GitLab's has: what
// is not known could change the request, and must not be dropped in silence. Only
// credentials are, which GitLab repeats in its links. Own are further parameters of the
// list.
func Query(cursor string, own ...string) (url.Values, error) {
	if len(cursor) > longestLink {
		return nil, errNoCursor
	}
	query, err := url.ParseQuery(cursor)
	if err != nil {
		return nil, errNoCursor
	}
	for _, name := range credentials {
		query.Del(name)
	}
	for name := range query {
		if !isOfLists(name) && !slices.Contains(own, name) {
			return nil, errNoCursor
		}
	}
	if !isPlace(query) {
		return nil, errNoCursor
	}
	return query, nil
}

var credentials = []string{"private_token", "access_token", "job_token", "sudo"}

// placeParameters are the parameters that say where a list continues.
var placeParameters = []string{"page", "per_page", "cursor", "id_after", "id_before", "pagination"}

// filterParameters are the parameters that say what a list has, and how it is sorted. GitLab
// repeats those of the path in its links, too.
var filterParameters = []string{
	"id", "pipeline_id", "job_id", "pipeline_schedule_id", "hook_id", "merge_request_iid", "environment_id", "deployment_id",
	"order_by", "sort", "scope", "status", "ref", "sha", "source", "name", "username", "yaml_errors",
	"updated_after", "updated_before", "created_after", "created_before", "include_retried", "path", "recursive", "stage", "all",
	"membership", "min_access_level", "visibility", "search", "topic", "last_activity_after", "simple", "archived", "include_subgroups", "with_shared",
	"state", "source_branch", "target_branch", "author_username", "labels", "iids", "view",
	"regex", "ref_name", "since", "until", "author", "first_parent", "states", "environment", "finished_after", "finished_before",
}

// isOfLists reports whether a list of GitLab's has a parameter. Servers read names in
// more ways than one: Rack takes "[sudo]" for "sudo". So only names that are known are
// sent, in exactly this spelling. Lists alone may have brackets, with a number or none.
func isOfLists(name string) bool {
	base, index, bracket := strings.Cut(name, "[")
	if bracket && (base != "scope" && base != "iids" || strings.TrimLeft(index, "0123456789") != "]") {
		return false
	}
	return slices.Contains(placeParameters, base) || slices.Contains(filterParameters, base)
}

// isPlace reports whether all numbers of a query are numbers, and nothing is given
// twice: servers take the last of two values, and others the first.
func isPlace(query url.Values) bool {
	for name, values := range query {
		if len(values) > 1 && !strings.HasSuffix(name, "[]") {
			return false
		}
		number := slices.Contains([]string{"page", "per_page", "id_after", "id_before"}, name)
		if number && !isNumber(values[0]) {
			return false
		}
	}
	return true
}

// isNumber reports whether a text is a number above zero, written in digits.
func isNumber(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0 && text[0] != '+'
}

// ErrLink is the error for a response that has a next page, but does not say
// which.
var ErrLink = errors.New("the link to the next page cannot be read")

// nextCursor returns the cursor of the page after a response to query, or "" if there is
// none. It is in the link or, if a proxy has dropped or damaged the link, in other headers.
func nextCursor(header http.Header, query url.Values) (string, error) {
	link, found, damaged := nextLink(header.Values("Link"))
	if found {
		return linkedCursor(link, query)
	}
	for _, step := range []struct{ header, parameter string }{{"X-Next-Page", "page"}, {"X-Next-Cursor", "cursor"}} {
		if value := header.Get(step.header); value != "" {
			return besideCursor(query, step.parameter, value)
		}
	}
	// The last page is no lower than their count.
	if number, pages := headerNumber(header, "X-Page", 0), headerNumber(header, "X-Total-Pages", -1); 0 < number && number < pages {
		return besideCursor(query, "page", strconv.Itoa(number+1))
	}
	if _, last := header["X-Next-Page"]; damaged && !last { // the last page has an empty one
		return "", ErrLink
	}
	return "", nil
}

// besideCursor returns the cursor of a page that a header beside the link names.
func besideCursor(query url.Values, parameter, value string) (string, error) {
	next := with(query, parameter, value)
	if len(value) > longestLink || !isPlace(next) {
		return "", ErrLink
	}
	return Cursor(next), nil
}

// linkedCursor returns the cursor of a link. Only its query counts: the host is the
// instance's own name, and not always the one that requests are sent to. Only parameters of
// lists are taken from the query.
func linkedCursor(link string, query url.Values) (string, error) {
	target, err := url.Parse(link)
	if err != nil {
		return "", ErrLink
	}
	next, err := url.ParseQuery(target.RawQuery)
	if err != nil {
		return "", ErrLink
	}
	keepFilters(next, query)
	maps.DeleteFunc(next, func(name string, _ []string) bool { return !isOfLists(name) && !query.Has(name) })
	if !slices.ContainsFunc(placeParameters, next.Has) || !isPlace(next) {
		return "", ErrLink
	}
	return Cursor(next), nil
}

// keepFilters gives a linked query the filters of the query before it, even if the server
// has changed them: otherwise, the rest of the list would have items that were not
// requested. Only the place is taken from the link.
func keepFilters(next, query url.Values) {
	for name, values := range query {
		if slices.Contains(placeParameters, name) {
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
