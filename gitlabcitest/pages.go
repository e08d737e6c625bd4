package gitlabcitest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	largestPage  = 100
	largestCount = 10_000 // GitLab counts no further
)

func pageParams() []param {
	return []param{
		{name: "page", parse: integer, initial: "1"},
		{name: "per_page", parse: pageSize, initial: "20"},
	}
}

// numberedPage cuts the page that a call asks for out of a list, and says in
// headers where the others are.
func numberedPage[T any](c *call, all []T) ([]T, http.Header) {
	return cutPage(c, all, len(all) <= largestCount)
}

// uncountedPage is a numbered page of a list whose length GitLab never tells.
func uncountedPage[T any](c *call, all []T) ([]T, http.Header) { return cutPage(c, all, false) }

func cutPage[T any](c *call, all []T, counted bool) ([]T, http.Header) {
	size := min(value[int64](c, "per_page"), largestPage)
	page := max(1, value[int64](c, "page"))
	total := int64(len(all))
	pages := max(1, (total+size-1)/size)
	part := []T{}
	if page <= pages {
		part = all[(page-1)*size : min(page*size, total)]
	}
	header := http.Header{}
	numbers := map[string]int64{"first": 1}
	if page > 1 && page <= pages {
		numbers["prev"] = page - 1
	}
	if page < pages {
		numbers["next"] = page + 1
	}
	if counted {
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
			links = append(links, c.link(rel, tree{"page": page, "per_page": size}))
		}
	}
	return strings.Join(links, ", ")
}

// link is a link to the same list with other parameters. It repeats all that
// were given, those in the path and defaults too, and has the host that the
// server takes for its own.
func (c *call) link(rel string, changed tree) string {
	parameters := maps.Clone(c.given)
	maps.Copy(parameters, changed)
	return fmt.Sprintf("<%s%s?%s>; rel=%q", c.external, c.request.URL.EscapedPath(), encodeParameters(parameters), rel)
}

// A cursor is the place between two pipelines in a list by time of creation,
// or between two jobs in one by ID.
type cursor struct {
	CreatedAt time.Time `json:"created_at,omitzero"`
	ID        int64     `json:"id,string"`
	Direction string    `json:"_kd"` // "n" to the next ones, "p" to the previous ones
}

func (at cursor) String() string { return base64.URLEncoding.EncodeToString(encodeJSON(at)) }

func readCursor(text string) (at cursor, ok bool) {
	data, err := base64.URLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &at)
	}
	return at, err == nil && (at.Direction == "n" || at.Direction == "p")
}

func pipelineCursor(p *pipeline) cursor { return cursor{CreatedAt: p.created, ID: int64(p.id)} }

func jobCursor(j *job) cursor { return cursor{ID: int64(j.id)} }

func (at cursor) toward(direction string) string {
	at.Direction = direction
	return at.String()
}

// cursorPage cuts the page that a call asks for out of a list in the order of
// its cursors, newest first. Only the next page is linked to.
func cursorPage[T any](c *call, all []T, cursorOf func(T) cursor) ([]T, http.Header, *answer) {
	size := int(min(value[int64](c, "per_page"), largestPage))
	from, to := 0, min(size, len(all))
	if text := value[string](c, "cursor"); text != "" {
		at, ok := readCursor(text)
		if !ok {
			return nil, nil, invalid("cursor" + isInvalid)
		}
		i, found := slices.BinarySearchFunc(all, at, func(one T, at cursor) int { return cursorOf(one).compare(at) })
		from, to = at.window(i, found, size, len(all))
	}
	part := all[from:to]
	header := http.Header{}
	if from > 0 && len(part) > 0 {
		header.Set("X-Prev-Cursor", cursorOf(part[0]).toward("p"))
	}
	if to < len(all) && len(part) > 0 {
		next := cursorOf(part[len(part)-1]).toward("n")
		header.Set("X-Next-Cursor", next)
		header.Set("Link", c.link("next", tree{"cursor": next, "pagination": "keyset"}))
	}
	return part, header, nil
}

// compare puts the newest first.
func (at cursor) compare(other cursor) int {
	return cmp.Or(other.CreatedAt.Compare(at.CreatedAt), cmp.Compare(other.ID, at.ID))
}

// window is what lies on the cursor's side of its place, which is before the
// i-th element of n, or at it if that is found there.
func (at cursor) window(i int, found bool, size, n int) (from, to int) {
	if at.Direction == "p" {
		return max(0, i-size), i
	}
	if found {
		i++
	}
	return i, min(i+size, n)
}
