package rows

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// A Cursor is the place between two pipelines in a list by time of creation,
// or between two jobs in one by ID.
type Cursor struct {
	CreatedAt time.Time `json:"created_at,omitzero"`
	ID        int64     `json:"id,string"`
	Direction string    `json:"_kd"` // "n" to the next ones, "p" to the previous ones
}

// String is the cursor as links and headers have it.
func (at Cursor) String() string {
	data, err := json.Marshal(at)
	if err != nil {
		panic(fmt.Sprintf("gitlabcitest: rendering a cursor: %v", err))
	}
	return base64.URLEncoding.EncodeToString(data)
}

// ReadCursor reads what [Cursor.String] wrote.
func ReadCursor(text string) (at Cursor, ok bool) {
	data, err := base64.URLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &at)
	}
	return at, err == nil && (at.Direction == "n" || at.Direction == "p")
}

// Toward is the cursor for the rows that lie in a direction from its place.
func (at Cursor) Toward(direction string) string {
	at.Direction = direction
	return at.String()
}

// compare puts the newest first.
func (at Cursor) compare(other Cursor) int {
	return cmp.Or(other.CreatedAt.Compare(at.CreatedAt), cmp.Compare(other.ID, at.ID))
}
