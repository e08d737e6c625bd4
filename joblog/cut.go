package joblog

import "unicode/utf8"

// cutRoom is the most bytes that safeCut leaves.
const cutRoom = maxSequence + utf8.UTFMax

// safeCut returns where to cut a line that is too long: at the end of b, or a
// little before, so that nothing is cut in two that must be read whole. B has
// more than cutRoom bytes.
func safeCut(b []byte) int {
	end := len(b) - cutRune(b)
	for lowest := end - maxSequence; ; {
		i := cutStart(b[lowest:end])
		if i < 0 {
			return end
		}
		end = lowest + i
	}
}

// cutStart returns where the last sequence or marker begins that the end of b
// cuts in two, or -1.
func cutStart(b []byte) int {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case escape:
			if _, whole := sequence(b[i:]); !whole {
				return i
			}
		case markerPrefix[0]:
			if cutsMarker(b[i:]) {
				return i
			}
		}
	}
	return -1
}

// cutsMarker reports whether b begins with a marker and ends within it.
func cutsMarker(b []byte) bool {
	_, found := parseMarker(b)
	return found == cutMarker
}

// cutRune returns how many bytes at the end of b begin a character that
// continues behind it.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(b[len(b)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
