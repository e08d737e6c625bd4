package gitlabcitest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
)

// A cursor is the place between two pipelines in a list by time of creation,
// or between two jobs in one by ID.
type cursor struct {
	CreatedAt time.Time `json:"created_at,omitzero"`
	ID        int64     `json:"id,string"`
	Direction string    `json:"_kd"` // "n" to the next ones, "p" to the previous ones
}

func (at cursor) String() string {
	data, err := json.Marshal(at)
	if err != nil {
		panic(fmt.Sprintf("gitlabcitest: rendering a cursor: %v", err))
	}
	return base64.URLEncoding.EncodeToString(data)
}

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

// compare puts the newest first.
func (at cursor) compare(other cursor) int {
	return cmp.Or(other.CreatedAt.Compare(at.CreatedAt), cmp.Compare(other.ID, at.ID))
}

// cursorPage reads the page that a call asks for out of a list. Only the next
// page is linked to.
func cursorPage[T any](c *call, all keyset[T]) ([]T, http.Header, *answer) {
	size := int(min(value[int64](c, "per_page"), largestPage))
	part := firstOf(all.from(0), size)
	if text := value[string](c, "cursor"); text != "" {
		at, ok := readCursor(text)
		if !ok {
			return nil, nil, invalid("cursor" + rack.IsInvalid)
		}
		part = all.page(at, size)
	}
	header := http.Header{}
	if len(part) == 0 {
		return part, header, nil
	}
	first, last := all.cursorOf(part[0]), all.cursorOf(part[len(part)-1])
	if len(firstOf(all.newer(first), 1)) > 0 {
		header.Set("X-Prev-Cursor", first.toward("p"))
	}
	if len(firstOf(all.older(last), 1)) > 0 {
		next := last.toward("n")
		header.Set("X-Next-Cursor", next)
		header.Set("Link", c.link("next", rack.Tree{"cursor": next, "pagination": "keyset"}))
	}
	return part, header, nil
}
