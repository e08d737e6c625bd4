package gitlabcitest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
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
	if total <= largestCount {
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

// A cursor is the place between two pipelines in a list by time of creation.
type cursor struct {
	CreatedAt time.Time `json:"created_at"`
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

func cursorOf(p *pipeline, direction string) cursor {
	return cursor{CreatedAt: p.created, ID: int64(p.id), Direction: direction}
}

// cursorPage cuts the page that a call asks for out of a list of pipelines,
// newest first. Only the next page is linked to.
func cursorPage(c *call, all []*pipeline) ([]*pipeline, http.Header, *answer) {
	size := int(value[int64](c, "per_page"))
	from, to := 0, min(size, len(all))
	if text := value[string](c, "cursor"); text != "" {
		at, ok := readCursor(text)
		if !ok {
			return nil, nil, invalid("cursor" + isInvalid)
		}
		from, to = at.window(all, size)
	}
	part := all[from:to]
	header := http.Header{}
	if from > 0 && len(part) > 0 {
		header.Set("X-Prev-Cursor", cursorOf(part[0], "p").String())
	}
	if to < len(all) && len(part) > 0 {
		next := cursorOf(part[len(part)-1], "n").String()
		header.Set("X-Next-Cursor", next)
		header.Set("Link", c.link("next", tree{"cursor": next, "pagination": "keyset"}))
	}
	return part, header, nil
}

// window finds the pipelines on the cursor's side of its place.
func (at cursor) window(all []*pipeline, size int) (from, to int) {
	place := &pipeline{created: at.CreatedAt, id: gitlabci.PipelineID(at.ID)}
	i, found := slices.BinarySearchFunc(all, place, newestFirst)
	if at.Direction == "p" {
		return max(0, i-size), i
	}
	if found {
		i++
	}
	return i, min(i+size, len(all))
}
