package joblog

import "bytes"

// looksFailed reports whether a line speaks of an error. It is a guess, made to
// find the lines a person would look for: it passes over commands that are
// echoed, warnings, names that have such a word in them, and counts of zero.
func looksFailed(text []byte) bool {
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("$ ")) || hasPrefixFold(text, "warn") {
		return false
	}
	var before kind
	for i, c := range text {
		k := kinds[c]
		if k&initial != 0 && beginsWord(before, k) && tells(text, i) {
			return true
		}
		before = k
	}
	return isDiagnostic(text)
}

// A hint is a word that tells of an error, or a phrase.
type hint struct {
	word    string
	endings []string // what may follow it in a word; nil for a phrase, which anything may
}

// hints are all of them by their first letter, of either case.
var hints = func() (table [256][]hint) {
	for _, h := range []hint{
		{"command not found", nil},
		{"core dumped", nil},
		{"err!", []string{""}},
		{"error", []string{"", "s"}},
		{"exception", []string{"", "s"}},
		{"fail", []string{"", "s", "ed", "ure", "ures"}},
		{"fatal", []string{""}},
		{"killed", []string{""}},
		{"no such file or directory", nil},
		{"out of memory", nil},
		{"panic:", nil},
		{"panicked", []string{""}},
		{"permission denied", nil},
		{"segmentation fault", nil},
		{"traceback (most recent call last)", nil},
	} {
		for _, c := range []byte{h.word[0], h.word[0] &^ 0x20} {
			table[c] = append(table[c], h)
		}
	}
	return table
}()

// A kind is what a byte may be.
type kind uint8

const (
	upper    kind = 1 << iota
	lower         // a letter, as upper is
	namePart      // beside a word it makes that part of a name or path
	initial       // of a hint
)

// kinds are those of each byte. Every byte of a log is looked up, and this fits
// the processor's nearest memory.
var kinds = func() (table [256]kind) {
	for i := range table {
		c := byte(i)
		if isUpper(c) {
			table[c] |= upper
		}
		if isLetter(c) && !isUpper(c) {
			table[c] |= lower
		}
		if isNamePart(c) {
			table[c] |= namePart
		}
		if len(hints[c]) > 0 {
			table[c] |= initial
		}
	}
	return table
}()

// beginsWord reports whether a word begins between bytes of these kinds. In
// TypeError one does.
func beginsWord(before, after kind) bool {
	return before&namePart == 0 || before&lower != 0 && after&upper != 0
}

// tells reports whether the word at i tells of an error.
func tells(text []byte, i int) bool {
	for _, h := range hints[text[i]] {
		if !hasPrefixFold(text[i:], h.word) {
			continue
		}
		rest := text[i+len(h.word):]
		if h.endings == nil {
			return true
		}
		for _, ending := range h.endings {
			if hasPrefixFold(rest, ending) && endsWord(rest[len(ending):]) {
				return !countsNone(text[:i], rest[len(ending):])
			}
		}
	}
	return false
}

// endsWord reports whether a word ends before rest. Error.go is a file, error_log
// a name and Error() a call.
func endsWord(rest []byte) bool {
	switch {
	case len(rest) == 0:
		return true
	case rest[0] == '.':
		return len(rest) == 1 || !isLetter(rest[1])
	case rest[0] == '(':
		return len(rest) > 1 && rest[1] != ')'
	default:
		return !isNamePart(rest[0])
	}
}

// countsNone reports whether there are no errors: 0 or no before the word, or 0
// after it.
func countsNone(before, after []byte) bool {
	before = bytes.TrimRight(before, " ")
	start := len(before)
	for start > 0 && isNamePart(before[start-1]) {
		start--
	}
	if word := before[start:]; string(word) == "0" || len(word) == len("no") && hasPrefixFold(word, "no") {
		return true
	}
	count := bytes.TrimLeft(after, ":= ")
	return string(count[:span(count, isNamePart)]) == "0"
}

// isDiagnostic reports whether a line begins like a compiler's message, as in
// "dir/file.go:12:3: ", unless it warns.
func isDiagnostic(text []byte) bool {
	place, message, ok := bytes.Cut(text, []byte(": "))
	if !ok || hasPrefixFold(message, "warning") || hasPrefixFold(message, "note") {
		return false
	}
	for range 2 {
		i := bytes.LastIndexByte(place, ':')
		if i < 1 || i == len(place)-1 || span(place[i+1:], isDigit) < len(place)-i-1 {
			return false
		}
		place = place[:i]
	}
	return bytes.IndexByte(place, '.') > 0 && bytes.IndexByte(place, ' ') < 0
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// isNamePart reports whether c beside a word makes it part of a name or path.
func isNamePart(c byte) bool { return isNameByte(c) || c == '/' }

// hasPrefixFold is [bytes.HasPrefix] whatever the case of letters. Prefix is in
// lower case.
func hasPrefixFold(b []byte, prefix string) bool {
	if len(b) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := b[i]
		if isUpper(c) {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}
