package secret

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Escape writes the characters that could forge a line of a log, or command a
// terminal, as Go does between quotes.
func Escape(text string) string {
	if !strings.ContainsFunc(text, isUnsafe) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case !isUnsafe(r):
			out.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// isUnsafe reports whether a character is a control character, ends a line or
// changes the direction of a text.
func isUnsafe(r rune) bool {
	switch {
	case unicode.IsControl(r), r == 0x2028, r == 0x2029, r == 0x061c, r == 0x200e, r == 0x200f:
		return true
	}
	return 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// escapes are those of URLs, HTML and JSON for a character of ASCII. What they begin with may
// have been escaped again, a few times: a "%" is "%25" then, an "&" is "&amp;", and a
// backslash is two.
var escapes = regexp.MustCompile(`^(?:%(?:25){0,8}([0-7][0-9A-Fa-f])` +
	`|&(?:amp;){0,8}#(?:0{0,8}([0-9]{1,3})|[xX]0{0,8}([0-7]?[0-9A-Fa-f]));` +
	`|\\{1,16}(?:u00([0-7][0-9A-Fa-f])|(/)))`)

// unescape returns the character that the escape stands for which a text begins with, and
// the size of that escape, or 0.
func unescape(text string) (plain string, size int) {
	if text[0] != '%' && text[0] != '&' && text[0] != '\\' {
		return "", 0
	}
	found := escapes.FindStringSubmatch(text)
	if found == nil {
		return "", 0
	}
	if slash := found[5]; slash != "" {
		return slash, len(found[0])
	}
	digits, base := found[1]+found[3]+found[4], 16
	if found[2] != "" {
		digits, base = found[2], 10
	}
	code, err := strconv.ParseUint(digits, base, 7)
	if err != nil { // it is not of ASCII
		return "", 0
	}
	return string(rune(code)), len(found[0])
}
