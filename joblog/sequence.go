package joblog

import "bytes"

const (
	escape = 0x1b
	bell   = 0x07
)

// maxSequence is how far the start of an escape sequence may lie before the
// place where a line too long is cut, and how long a string in one may be.
const maxSequence = 4 << 10

// sequence returns the size of the escape sequence at the start of b, and
// whether it is whole. For a broken one, it is the part before the first byte that cannot
// belong to it, so that no text is lost.
func sequence(b []byte) (size int, whole bool) {
	if len(b) == 1 {
		return 1, false
	}
	switch b[1] {
	case '[':
		return parameters(b, 2)
	case ']', 'P', 'X', '^', '_':
		return stringSequence(b)
	default:
		return shortSequence(b)
	}
}

// parameters ends a control sequence: parameters, intermediates, and a letter
// that says what to do.
func parameters(b []byte, i int) (size int, whole bool) {
	for i < len(b) && 0x30 <= b[i] && b[i] <= 0x3f {
		i++
	}
	return final(b, i, 0x40)
}

// shortSequence ends one without parameters, such as the \e(B of tput sgr0.
func shortSequence(b []byte) (size int, whole bool) { return final(b, 1, 0x30) }

// final skips intermediates, and the byte from lowest on that ends a sequence.
func final(b []byte, i int, lowest byte) (size int, whole bool) {
	for i < len(b) && 0x20 <= b[i] && b[i] <= 0x2f {
		i++
	}
	if i == len(b) {
		return i, false
	}
	if lowest <= b[i] && b[i] <= 0x7e {
		i++
	}
	return i, true
}

// stringSequence ends one that holds a string, such as a link or a window's
// title. Without an end only its first two bytes count, or a broken one would
// swallow the line.
func stringSequence(b []byte) (size int, whole bool) {
	body := b[2:min(len(b), maxSequence)]
	end := bytes.IndexAny(body, "\x07\x1b")
	switch {
	case end < 0:
		return 2, len(b) >= maxSequence
	case body[end] == bell:
		return 2 + end + 1, true
	case end+1 < len(body) && body[end+1] == '\\':
		return 2 + end + 2, true
	default:
		return 2, true
	}
}

// isErase reports whether a sequence erases the rest of the line, or all of it.
func isErase(sequence []byte) bool {
	switch string(sequence) {
	case "\x1b[K", "\x1b[0K", "\x1b[2K":
		return true
	default:
		return false
	}
}

// isStyle reports whether a sequence sets colors or styles.
func isStyle(sequence []byte) bool {
	return bytes.HasPrefix(sequence, []byte("\x1b[")) && sequence[len(sequence)-1] == 'm'
}
