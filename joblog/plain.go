package joblog

import (
	"encoding/binary"
	"unicode/utf8"
)

// plain returns b without control characters, which could command the terminal
// of the program that prints it: those below a space, except for tabs and NUL, which do
// nothing, DEL, and those of C1, in UTF-8 or in one byte. Text that has to be copied is
// written to scratch.
//
// In other encodings than UTF-8, the bytes of C1 are letters. They stay if they command
// nothing, or if another byte shows that this is not UTF-8.
func plain(b []byte, scratch *[]byte) []byte {
	at := control(b, 0)
	if at == len(b) {
		return b
	}
	*scratch = (*scratch)[:0]
	known, foreign := false, false // whether it is UTF-8
	for begin := 0; ; {
		if !known && at < len(b) && b[at] >= utf8.RuneSelf {
			known, foreign = true, isForeign(b)
		}
		if foreign && isLone(b[at:]) {
			at = control(b, at+1)
			continue
		}
		*scratch = append(*scratch, b[begin:at]...)
		if at == len(b) {
			return *scratch
		}
		// If a control character is taken out, what is before and after it must not
		// become another one.
		for begin = at; begin < len(b) && (begin == at || isLone(b[begin:])); {
			_, size := utf8.DecodeRune(b[begin:])
			begin += size
		}
		at = control(b, begin)
	}
}

// plainStyled returns styled, the text between its styles, without what is missing in
// text. That must be what [plain] returned for the text alone: a style in mid-character
// must not change the decision.
func plainStyled(styled, text []byte, scratch *[]byte) []byte {
	*scratch = (*scratch)[:0]
	for i := 0; i < len(styled); {
		size := 1
		switch {
		case styled[i] == escape:
			size, _ = sequence(styled[i:])
			*scratch = append(*scratch, styled[i:i+size]...)
		case len(text) > 0 && text[0] == styled[i]:
			*scratch, text = append(*scratch, text[0]), text[1:]
		}
		i += size
	}
	return *scratch
}

// isLone reports whether b begins with a byte of C1 that is not part of UTF-8.
func isLone(b []byte) bool {
	r, size := utf8.DecodeRune(b)
	return r == utf8.RuneError && size == 1 && b[0] <= 0x9f
}

// isForeign reports whether b has a byte that is neither UTF-8 nor a control character, so
// that it is text in another encoding.
func isForeign(b []byte) bool {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 && !commands[b[i]] {
			return true
		}
		i += size
	}
	return false
}

// commands has the bytes of C1 that a terminal may execute: those that move the cursor,
// shift to other characters, request its name, or begin a longer command.
var commands = [256]bool{
	0x84: true, 0x85: true, 0x88: true, 0x8d: true, 0x8e: true, 0x8f: true,
	0x90: true, 0x98: true, 0x9a: true, 0x9b: true, 0x9c: true, 0x9d: true, 0x9e: true, 0x9f: true,
}

// control returns where the next control character is in b, at or after i, or len(b).
// A byte of C1 is not certainly a control character.
func control(b []byte, i int) int {
	for i < len(b) {
		if len(b)-i >= 8 && isPrintable(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
			continue
		}
		if b[i] < utf8.RuneSelf {
			if isControl[b[i]] {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if 0x80 <= r && r <= 0x9f || r == utf8.RuneError && size == 1 && b[i] <= 0x9f {
			return i
		}
		i += size
	}
	return i
}

// isPrintable reports whether eight bytes are all of ASCII, and none controls or is DEL.
func isPrintable(b uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (b|(b+ones)|(b-' '*ones)&^b)&high == 0
}

var isControl = func() (is [utf8.RuneSelf]bool) {
	for c := range byte(' ') {
		is[c] = c != 0 && c != '\t'
	}
	is[0x7f] = true
	return is
}()
