package pages

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

// An idCursor makes cursors of a list that is ordered by ID, newest first. GitLab's
// cursor is the ID of a page's last item in base64 of {"id":"123","_kd":"n"}. It is
// opaque by what GitLab promises. So one is made only by replacing the ID in a cursor
// of the server that has nothing else in it.
type idCursor struct {
	encoding       *base64.Encoding
	before, behind string // the ID, in what is encoded
}

// idEncodings are how a cursor may be encoded.
var idEncodings = []*base64.Encoding{base64.URLEncoding, base64.RawURLEncoding, base64.StdEncoding, base64.RawStdEncoding}

// idCursorOf returns what makes cursors like one of the server's, which continues after
// the item with that ID. It is not ok if the cursor is not understood to the last byte.
func idCursorOf(cursor string, id int64) (c idCursor, ok bool) {
	digits := strconv.FormatInt(id, 10)
	for _, encoding := range idEncodings {
		text, err := encoding.DecodeString(cursor)
		if err != nil || !isIDCursor(text, digits) {
			continue
		}
		before, behind, _ := strings.Cut(string(text), digits)
		c = idCursor{encoding, before, behind}
		if c.after(id) == cursor {
			return c, true
		}
	}
	return idCursor{}, false
}

// isIDCursor reports whether a text has the ID with these digits, the direction to the
// next items, and nothing else.
func isIDCursor(text []byte, digits string) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil || len(fields) != 2 || strings.Count(string(text), digits) != 1 {
		return false
	}
	id := string(fields["id"])
	return (id == digits || id == `"`+digits+`"`) && string(fields["_kd"]) == `"n"`
}

// after is the cursor to the items after one with that ID, whether it exists or not.
func (c idCursor) after(id int64) string {
	return c.encoding.EncodeToString([]byte(c.before + strconv.FormatInt(id, 10) + c.behind))
}
