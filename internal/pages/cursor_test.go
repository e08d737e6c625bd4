package pages

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const nextPage = `<https://gitlab.example.com/api/v4/projects/7/jobs?page=3&per_page=20>; rel="next"`

func TestNextCursor(t *testing.T) {
	query := url.Values{"page": {"2"}, "per_page": {"20"}, "scope[]": {"failed", "success"}}
	tests := map[string]struct {
		header http.Header
		want   string
		err    error
	}{
		"nothing":                       {nil, "", nil},
		"a link":                        {http.Header{"Link": {nextPage}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"the second of two links":       {http.Header{"Link": {`<https://h/?page=1>; rel="first", ` + nextPage}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"the second of two headers":     {http.Header{"Link": {`<https://h/?page=1>; rel="first"`, nextPage}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"after a damaged header":        {http.Header{"Link": {`<https://h/?page=1`, nextPage}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"a filter by another name":      {http.Header{"Link": {`<https://h/?page=3&Scope=failed&scope[0]=success>; rel=next`}}, "page=3&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"a filter of the link's own":    {http.Header{"Link": {`<https://h/?page=3&ref=main>; rel=next`}}, "page=3&ref=main&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"a cursor in place of numbers":  {http.Header{"Link": {`<https://h/?cursor=abc&id_before=9>; rel=next`}}, "cursor=abc&id_before=9&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"a number beside it":            {http.Header{"X-Next-Page": {"3"}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"a cursor beside it":            {http.Header{"X-Next-Cursor": {"abc"}}, "cursor=abc&page=2&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"the link before the number":    {http.Header{"Link": {nextPage}, "X-Next-Page": {"9"}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"damaged, but a number":         {http.Header{"Link": {`<https://h/?page=9`}, "X-Next-Page": {"3"}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"damaged, but the last page":    {http.Header{"Link": {`<https://h/?page=9`}, "X-Next-Page": {""}}, "", nil},
		"damaged":                       {http.Header{"Link": {`<https://h/?page=9`}}, "", ErrLink},
		"the last page of all":          {http.Header{"X-Page": {"3"}, "X-Total-Pages": {"3"}}, "", nil},
		"a page of several":             {http.Header{"X-Page": {"2"}, "X-Total-Pages": {"3"}}, "page=3&per_page=20&scope%5B%5D=failed&scope%5B%5D=success", nil},
		"several pages, and not which":  {http.Header{"X-Total-Pages": {"3"}}, "", nil},
		"a number that is none":         {http.Header{"X-Next-Page": {"abc"}}, "", ErrLink},
		"a number that is too large":    {http.Header{"X-Next-Page": {"99999999999999999999"}}, "", ErrLink},
		"a cursor that is too long":     {http.Header{"X-Next-Cursor": {strings.Repeat("x", longestLink+1)}}, "", ErrLink},
		"a link without a query":        {http.Header{"Link": {`<https://h/>; rel=next`}}, "", ErrLink},
		"a link to nothing but a token": {http.Header{"Link": {`<https://h/?private_token=geheim>; rel=next`}}, "", ErrLink},
		"a link that is no URL":         {http.Header{"Link": {`<https://h:x/?page=3>; rel=next`}}, "", ErrLink},
		"a query that is none":          {http.Header{"Link": {`<https://h/?page=%3>; rel=next`}}, "", ErrLink},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := query.Encode()
			got, err := nextCursor(test.header, query)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, got)
			require.Equal(t, before, query.Encode(), "the query of the page is not changed")
		})
	}
	cursor, err := nextCursor(http.Header{"X-Next-Page": {"2"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "page=2", cursor)
	cursor, err = nextCursor(http.Header{"Link": {`<https://h/?page=3&y=2>; rel=next`}}, url.Values{"x": {"1"}})
	require.NoError(t, err)
	require.Equal(t, "page=3&x=1", cursor, "a parameter of its own")
}

func TestNextLink(t *testing.T) {
	tests := map[string]struct {
		header         string
		target         string
		found, damaged bool
	}{
		"empty":                       {"", "", false, false},
		"commas alone":                {" , ,, ", "", false, false},
		"in quotes":                   {`<a>; rel="next"`, "a", true, false},
		"without quotes":              {`<a>;rel=next`, "a", true, false},
		"in capitals":                 {`<a>; REL="Next"`, "a", true, false},
		"one of several":              {`<a>; rel="last next"`, "a", true, false},
		"part of a word":              {`<a>; rel="nextly"`, "", false, false},
		"the second rel of a link":    {`<a>; rel=prev; rel=next`, "", false, false},
		"a comma in a target":         {`<a,b>; rel=next`, "a,b", true, false},
		"a comma in a title":          {`<a>; title="x, <y>; rel=next", <b>; rel=next`, "b", true, false},
		"an escaped quote":            {`<a>; title="x\", <y>; rel=next", <b>; rel=next`, "b", true, false},
		"a parameter without a value": {`<a>; crossorigin; rel=next`, "a", true, false},
		"spaces everywhere":           {" <a> ;\trel = \tnext , <b>", "a", true, false},
		"another link first":          {`<a>; rel=first, <b>; rel=next`, "b", true, false},
		"no brackets":                 {`a; rel=next`, "", false, true},
		"no end of the target":        {`<a; rel=next`, "", false, true},
		"no end of a quote":           {`<a>; title="x; rel=next`, "", false, true},
		"no comma":                    {`<a>; rel=prev <b>; rel=next`, "", false, true},
		"an escape at the end":        {`<a>; title="x\`, "", false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			target, found, damaged := nextLink([]string{test.header})
			require.Equal(t, test.target, target)
			require.Equal(t, test.found, found)
			require.Equal(t, test.damaged, damaged)
		})
	}
}

func TestQueryHasNoCredentials(t *testing.T) {
	query, err := Query("page=2&private_token=a&access_token=b&job_token=c&sudo=root&%73udo=root&ref=main")
	require.NoError(t, err)
	require.Equal(t, "page=2&ref=main", Cursor(query))
	_, err = Query("page=%")
	require.ErrorIs(t, err, errNoCursor)
}

// A cursor has the parameters of lists, and those of its own list. It is no longer than a link.
func TestQueryOfLists(t *testing.T) {
	for _, cursor := range []string{"page=2&iids[]=7&iids[]=9&scope[0]=failed", "page=2&search=" + strings.Repeat("x", longestLink-len("page=2&search="))} {
		_, err := Query(cursor)
		require.NoError(t, err)
		_, err = Query(cursor + "&x=1")
		require.ErrorIs(t, err, errNoCursor)
	}
	query, err := Query("page=2&x=1", "y", "x")
	require.NoError(t, err)
	require.Equal(t, "page=2&x=1", Cursor(query))
	for _, cursor := range []string{"ref[]=main", "iids[x]=7", "page=2&page=3"} {
		_, err := Query(cursor)
		require.ErrorIs(t, err, errNoCursor, cursor)
	}
}

func TestNewPage(t *testing.T) {
	items := []*int{new(1)}
	page, err := New(items, http.Header{"X-Page": {"2"}, "X-Per-Page": {"20"}, "X-Total": {"21"}, "X-Total-Pages": {"2"}}, nil)
	require.NoError(t, err)
	require.Equal(t, &Page[*int]{Items: items, Number: 2, Size: 20, Total: 21, Pages: 2}, page)

	page, err = New(items, http.Header{"X-Page": {"-1"}, "X-Per-Page": {"x"}, "X-Total": {"-2"}, "X-Next-Page": {"3"}}, nil)
	require.NoError(t, err)
	require.Equal(t, &Page[*int]{Items: items, Total: -1, Pages: -1, Next: "page=3"}, page, "what is not sent")

	_, err = New(items, http.Header{"Link": {"<"}}, nil)
	require.ErrorIs(t, err, ErrLink)
}
