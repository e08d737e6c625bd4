package remote

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A contentRange is the Content-Range of a 206: where its body lies in the
// file.
type contentRange struct {
	first, last int64 // bytes, from 0, both within
	total       int64 // of the file, or -1 if unknown
}

// parseContentRange reads the header of a 206 with one range. RFC 9110, 14.4.
func parseContentRange(header string) (contentRange, error) {
	wrong := fmt.Errorf("Content-Range %s is not one range of bytes", QuotedRange(header))
	unit, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	span, size, sized := strings.Cut(strings.TrimSpace(rest), "/")
	from, to, whole := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !sized || !whole {
		return contentRange{}, wrong
	}
	r := contentRange{total: -1}
	var ok [3]bool
	r.first, ok[0] = offset(from)
	r.last, ok[1] = offset(to)
	ok[2] = size == "*"
	if !ok[2] {
		r.total, ok[2] = offset(size)
	}
	if ok != [3]bool{true, true, true} || r.last < r.first || r.total >= 0 && r.last >= r.total {
		return contentRange{}, wrong
	}
	return r, nil
}

// longestRange is the longest Content-Range that errors quote.
const longestRange = 100

// QuotedRange quotes a Content-Range for an error. Of a long one it says only the length: such
// a header is no range, and a secret that was cut could not be recognized later.
func QuotedRange(header string) string {
	if len(header) > longestRange {
		return fmt.Sprintf("of %d bytes", len(header))
	}
	return strconv.Quote(header)
}

// offset reads digits alone: no sign, no spaces, nothing above an int64.
func offset(digits string) (int64, bool) {
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil
}

// isTag reports whether a validator is a strong ETag.
func isTag(validator string) bool { return strings.HasPrefix(validator, `"`) && len(validator) > 2 }

// strongValidator returns the value for If-Range, which makes sure that a range is
// of the same bytes as before, or "" if the response has no strong validator.
// GitLab sends one weak ETag for every download, and "Last-Modified: 0". A date
// counts only if it is well before the date of the response; see RFC 9110, 8.8.2.2.
// Two dates distinguish files, but one date proves nothing: two files can share it.
func strongValidator(header http.Header) string {
	if tag := header.Get("ETag"); isTag(tag) {
		return tag
	}
	modified, err := http.ParseTime(header.Get("Last-Modified"))
	sent, err2 := http.ParseTime(header.Get("Date"))
	if err != nil || err2 != nil || sent.Sub(modified) < time.Second {
		return ""
	}
	return header.Get("Last-Modified")
}
