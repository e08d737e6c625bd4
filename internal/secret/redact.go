package secret

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/gitlabci/internal/lenient"
)

const (
	// shortestPart is how much of a long secret must be at the end of a text to be taken out,
	// if the text ends before the secret does. Of a shorter one it is more than three quarters.
	shortestPart = 32

	// longestTag is the longest tag that a secret may be split by.
	longestTag = 1 << 10

	// cutMark ends a text that was cut. Folding turns an ellipsis into it.
	cutMark  = "..."
	ellipsis = '…'
)

// redact replaces the secrets in a text. They are found in capitals and in small
// letters, in the escapes of JSON, URLs and HTML, even of characters that need none, and if
// white space, control characters or tags split them.
func redact(text string, secrets []Value) string {
	if len(secrets) == 0 {
		return text
	}
	views := []folded{fold(text, asWritten)}
	if strings.Contains(text, "<") {
		views = append(views, fold(text, withoutTags))
	}
	if strings.ContainsAny(text, `%&\`) {
		views = append(views, fold(text, unescaped))
	}
	var found []span
	for _, s := range secrets {
		found = append(found, find(s.reveal(), views)...)
	}
	return replace(text, found)
}

// A span is a part of a text.
type span struct{ begin, end int }

// find returns where a secret is in a text with those views.
func find(plain string, views []folded) (found []span) {
	start := prefix(plain, 16*Shortest)
	if len(squeeze(start, Shortest)) < Shortest {
		return nil
	}
	for i, form := range forms {
		begin := squeeze(form(start), Shortest)
		isIn := func(v folded) bool { return bytes.Contains(v.bytes, begin) }
		if !slices.ContainsFunc(views, isIn) {
			continue
		}
		written := form(plain)
		if i > 0 && written == plain {
			continue
		}
		pattern := squeeze(written, len(views[0].bytes)+1) // no more can be in the text
		least := min(shortestPart, max(Shortest, len(written)*3/4+1))
		for _, v := range views {
			found = append(found, v.find(pattern, least)...)
		}
	}
	return found
}

// prefix returns at most so many bytes of a text, and no part of a character.
func prefix(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// forms are how a secret is written by those who quote it.
var forms = []func(string) string{
	func(plain string) string { return plain },
	inJSON, url.QueryEscape, url.PathEscape,
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace,
}

// inJSON is a text as it is between the quotes of JSON, such as in a request that a server
// quotes.
func inJSON(text string) string {
	data, err := lenient.Encode(text)
	if err != nil { // it was not sent
		return text
	}
	return string(data[1 : len(data)-1])
}

// A folded text is one in which only what matters for a comparison is left, with the
// place in the text that each byte of it stands for.
type folded struct {
	bytes []byte
	spans []span
}

// A view is how a text is folded.
type view int

const (
	asWritten   view = iota
	withoutTags      // of HTML
	unescaped        // and without tags
)

// fold folds a text: letters have no case, and white space and control characters are
// left out. So are tags, and escapes are replaced by what they stand for, in those views.
func fold(text string, v view) folded {
	f := folded{make([]byte, 0, len(text)), make([]span, 0, len(text))}
	for i := 0; i < len(text); {
		if v >= withoutTags && text[i] == '<' {
			if size := tagSize(text[i:]); size > 0 {
				i += size
				continue
			}
		}
		plain, size := "", 0
		if v == unescaped {
			plain, size = unescape(text[i:])
		}
		if size > 0 {
			f.bytes, _ = appendFolded(f.bytes, plain)
		} else {
			f.bytes, size = appendFolded(f.bytes, text[i:])
		}
		for len(f.spans) < len(f.bytes) {
			f.spans = append(f.spans, span{i, i + size})
		}
		i += size
	}
	return f
}

// squeeze folds a text as fold does, up to about so many bytes.
func squeeze(text string, most int) []byte {
	folded := make([]byte, 0, min(len(text), most)+utf8.UTFMax)
	for i := 0; i < len(text) && len(folded) < most; {
		var size int
		folded, size = appendFolded(folded, text[i:])
		i += size
	}
	return folded
}

// appendFolded folds the first character of a text, and returns its size.
func appendFolded(folded []byte, text string) ([]byte, int) {
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case r == utf8.RuneError && size == 1:
		return append(folded, text[0]), 1
	case isInvisible(r):
		return folded, size
	case r == ellipsis:
		return append(folded, cutMark...), size
	}
	return utf8.AppendRune(folded, unicode.ToLower(unicode.ToUpper(r))), size
}

func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// tagSize is the size of the tag that a text begins with, or 0.
func tagSize(text string) int {
	end := strings.IndexAny(prefix(text[1:], longestTag), "<>")
	if end < 0 || text[1+end] == '<' {
		return 0
	}
	return end + 2
}

// find returns where a pattern is in a text, wholly or, where the text ends or was cut, in at
// least so many bytes.
func (f *folded) find(pattern []byte, least int) (found []span) {
	at := 0
	for {
		i := bytes.Index(f.bytes[at:], pattern)
		if i < 0 {
			break
		}
		found = append(found, f.span(at+i, at+i+len(pattern)))
		at += i + len(pattern)
	}
	at = 0
	for part := range bytes.SplitSeq(f.bytes, []byte(cutMark)) {
		end := at + len(part)
		if n := overhang(part, pattern, least); n >= least {
			found = append(found, f.span(end-n, end))
		}
		at = end + len(cutMark)
	}
	return found
}

func (f *folded) span(begin, end int) span { return span{f.spans[begin].begin, f.spans[end-1].end} }

// overhang is how many bytes of a pattern's beginning end a text, by the algorithm of
// Knuth, Morris and Pratt. It is 0 if they are less than so many.
func overhang(text, pattern []byte, least int) int {
	pattern = pattern[:min(len(pattern), len(text))]
	if len(pattern) < least || !bytes.Contains(text, pattern[:least]) {
		return 0
	}
	borders := make([]int, len(pattern)) // of each beginning of the pattern
	for i, n := 1, 0; i < len(pattern); i++ {
		n = extend(pattern, borders, n, pattern[i])
		borders[i] = n
	}
	n := 0
	for _, b := range text {
		n = extend(pattern, borders, n, b)
	}
	return n
}

// extend returns how many bytes of the pattern match after another byte, if n did
// before it.
func extend(pattern []byte, borders []int, n int, b byte) int {
	for n > 0 && (n == len(pattern) || pattern[n] != b) {
		n = borders[n-1]
	}
	if pattern[n] == b {
		n++
	}
	return n
}

// replace replaces parts of a text, which may overlap.
func replace(text string, parts []span) string {
	if len(parts) == 0 {
		return text
	}
	slices.SortFunc(parts, func(a, b span) int { return cmp.Or(a.begin-b.begin, b.end-a.end) })
	var out strings.Builder
	at := 0
	for _, p := range parts {
		if p.begin >= at {
			out.WriteString(text[at:p.begin])
			out.WriteString(redacted)
		}
		at = max(at, p.end)
	}
	out.WriteString(text[at:])
	return out.String()
}
