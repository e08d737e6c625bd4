package gitlabcitest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/rows"
)

const (
	largestPage  = 100
	largestCount = 10_000 // GitLab counts no further
)

func pageParams() []rack.Param {
	return []rack.Param{
		{Name: "page", Parse: rack.Integer, Initial: "1"},
		{Name: "per_page", Parse: rack.PageSize, Initial: "20"},
	}
}

// numberedPage cuts the page that a call requests out of a list, and says in
// headers where the others are.
func numberedPage[T any](c *call, all []T) ([]T, http.Header) {
	return countedPage(c, rows.List[T]{All: all})
}

// countedPage is a numbered page of rows that GitLab counts, as far as it does.
func countedPage[T any](c *call, all rows.List[T]) ([]T, http.Header) {
	return cutPage(c, all, all.Count(largestCount))
}

// uncountedPage is a numbered page of rows that GitLab never counts.
func uncountedPage[T any](c *call, all rows.List[T]) ([]T, http.Header) {
	return cutPage(c, all, math.MaxInt64)
}

func cutPage[T any](c *call, all rows.List[T], total int64) ([]T, http.Header) {
	size := min(value[int64](c, "per_page"), largestPage)
	page := max(1, value[int64](c, "page"))
	part := rows.FirstOf(all.From((min(page, math.MaxInt64/size)-1)*size), int(size)+1)
	header := http.Header{}
	numbers := map[string]int64{"first": 1}
	if len(part) > 0 {
		numbers["prev"] = page - 1 // or none: 0
	}
	if len(part) > int(size) {
		part, numbers["next"] = part[:size], page+1
	}
	if total <= largestCount {
		pages := max(1, (total+size-1)/size)
		numbers["last"] = pages
		header.Set("X-Total", strconv.FormatInt(total, 10))
		header.Set("X-Total-Pages", strconv.FormatInt(pages, 10))
	}
	header.Set("X-Page", strconv.FormatInt(page, 10))
	header.Set("X-Per-Page", strconv.FormatInt(size, 10))
	header.Set("X-Prev-Page", number(numbers["prev"]))
	header.Set("X-Next-Page", number(numbers["next"]))
	header.Set("Link", c.numberedLinks(numbers, size))
	return part, header
}

// number is blank where there is no page.
func number(page int64) string {
	if page == 0 {
		return ""
	}
	return strconv.FormatInt(page, 10)
}

func (c *call) numberedLinks(numbers map[string]int64, size int64) string {
	var links []string
	for _, rel := range []string{"prev", "next", "first", "last"} {
		if page := numbers[rel]; page > 0 {
			links = append(links, c.link(rel, rack.Tree{"page": page, "per_page": size}))
		}
	}
	return strings.Join(links, ", ")
}

// link is a link to the same list with other parameters. It repeats all that
// were given, those in the path and defaults too, and has the host of the
// server's external URL.
func (c *call) link(rel string, changed rack.Tree) string {
	parameters := maps.Clone(c.given)
	maps.Copy(parameters, changed)
	return fmt.Sprintf("<%s%s?%s>; rel=%q", c.external, c.request.URL.EscapedPath(), rack.Encode(parameters), rel)
}

func pipelineCursor(p *pipeline) rows.Cursor {
	return rows.Cursor{CreatedAt: p.created, ID: int64(p.id)}
}

func jobCursor(j *job) rows.Cursor { return rows.Cursor{ID: int64(j.id)} }

// cursorPage reads the page that a call requests out of a list. Only the next
// page is linked to.
func cursorPage[T any](c *call, all rows.Keyset[T]) ([]T, http.Header, *response) {
	size := int(min(value[int64](c, "per_page"), largestPage))
	part := rows.FirstOf(all.From(0), size)
	if text := value[string](c, "cursor"); text != "" {
		at, ok := rows.ReadCursor(text)
		if !ok {
			return nil, nil, invalid("cursor" + rack.IsInvalid)
		}
		part = all.Page(at, size)
	}
	header := http.Header{}
	if len(part) == 0 {
		return part, header, nil
	}
	first, last := all.CursorOf(part[0]), all.CursorOf(part[len(part)-1])
	if len(rows.FirstOf(all.Newer(first), 1)) > 0 {
		header.Set("X-Prev-Cursor", first.Toward("p"))
	}
	if len(rows.FirstOf(all.Older(last), 1)) > 0 {
		next := last.Toward("n")
		header.Set("X-Next-Cursor", next)
		header.Set("Link", c.link("next", rack.Tree{"cursor": next, "pagination": "keyset"}))
	}
	return part, header, nil
}

// noKeyset responds to a list that is requested by keyset in another order than by ID.
func noKeyset() *response {
	text := "Keyset pagination is not yet available for this type of request"
	return &response{status: http.StatusMethodNotAllowed, body: map[string]any{"error": text}}
}
