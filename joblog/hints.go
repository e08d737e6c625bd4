package joblog

import "bytes"

// A hint is a word or a phrase that suggests an error. A line with one is only a guess: it
// counts if no tool is recognized.
type hint struct {
	word    string
	endings []string // what may follow it in a word; nil for a phrase, which anything may
	weight  weight
}

var hints = []hint{
	{"aborted", []string{""}, complaint},
	{"cannot", []string{""}, complaint},
	{"command not found", nil, mention},
	{"core dumped", nil, mention},
	{"could not", nil, complaint},
	{"couldn't", nil, complaint},
	{"critical", []string{""}, complaint},
	{"denied", []string{""}, mention},
	{"does not exist", nil, complaint},
	{"err!", []string{""}, mention},
	{"error", []string{"", "s"}, mention},
	{"exception", []string{"", "s"}, mention},
	{"fail", []string{"", "s", "ed", "ure", "ures"}, mention},
	{"fatal", []string{""}, mention},
	{"forbidden", []string{""}, mention},
	{"invalid", []string{""}, complaint},
	{"killed", []string{""}, mention},
	{"mismatch", []string{"", "es", "ed"}, complaint},
	{"missing", []string{""}, complaint},
	{"no such file or directory", nil, mention},
	{"no such host", nil, mention},
	{"not allowed", nil, complaint},
	{"not found", nil, complaint},
	{"out of memory", nil, mention},
	{"panic:", nil, mention},
	{"panicked", []string{""}, mention},
	{"permission denied", nil, mention},
	{"refused", []string{""}, complaint},
	{"rejected", []string{""}, complaint},
	{"segmentation fault", nil, mention},
	{"timed out", nil, complaint},
	{"traceback (most recent call last)", nil, mention},
	{"unable to", nil, complaint},
	{"unauthorized", []string{""}, complaint},
	{"undefined", []string{""}, complaint},
	{"unexpected", []string{""}, complaint},
	{"unknown", []string{""}, complaint},
	{"unrecognized", []string{""}, complaint},
	{"unsupported", []string{""}, complaint},
	{"violation", []string{"", "s"}, complaint},
}

// or returns the hint that says more: h, or another found before it.
func (h *hint) or(before *hint) *hint {
	if h == nil || before != nil && before.weight <= h.weight {
		return before
	}
	return h
}

// isAt reports whether the hint is in the text at i.
func (h *hint) isAt(text []byte, i int) bool {
	if !hasPrefixFold(text[i:], h.word) {
		return false
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

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// isNamePart reports whether c beside a word makes it part of a name or path.
func isNamePart(c byte) bool { return isNameByte(c) || c == '/' }

// hasPrefixFold is [bytes.HasPrefix] that ignores the case of letters. Prefix is in lower
// case.
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
