package joblog

import "unicode/utf8"

// plain returns b without control characters, which could command the terminal
// of whoever prints it: those below a space, but for tabs and NUL, which do nothing,
// DEL, and those of C1, in one byte or in UTF-8. Styles stay. What has to be copied is
// written to scratch.
func plain(b []byte, scratch *[]byte) []byte {
	at := control(b, 0)
	if at == len(b) {
		return b
	}
	*scratch = (*scratch)[:0]
	for begin := 0; ; {
		*scratch = append(*scratch, b[begin:at]...)
		if at == len(b) {
			return *scratch
		}
		_, size := utf8.DecodeRune(b[at:])
		begin = at + size
		at = control(b, begin)
	}
}

// control returns where the next control character is in b, at or after i, or len(b).
func control(b []byte, i int) int {
	for i < len(b) {
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

var isControl = func() (is [utf8.RuneSelf]bool) {
	for c := range byte(' ') {
		is[c] = c != 0 && c != '\t' && c != escape
	}
	is[0x7f] = true
	return is
}()
