package joblog

import (
	"bytes"
	"strconv"
	"time"
)

const (
	markerStart = "section_start:"
	markerEnd   = "section_end:"

	// maxMarker bounds a marker: what is longer is text.
	maxMarker = 1 << 10
)

var markerPrefix = []byte("section_")

// markerErase ends a marker: on a terminal it erases it. Without it, the mention of a
// marker in a script would be one.
const markerErase = "\r\x1b[0K"

// A marker starts or ends a section:
//
//	section_start:1716381826:NAME[collapsed=true]\r\e[0K
//
// It is what GitLab's regular expression finds:
//
//	section_((?:start)|(?:end)):(\d+):([a-zA-Z0-9_.-]+)(\[(?:\w+=\w+)(?:, ?(?:\w+=\w+))*\])?\r\033\[0K
type marker struct {
	end     bool
	time    time.Time
	name    []byte
	options []byte // between the brackets
	size    int
}

// What parseMarker found.
type finding int

const (
	noMarker finding = iota
	isMarker
	cutMarker // all of b, or as much as a marker may have, is the start of one
)

// parseMarker reads the marker at the start of b.
func parseMarker(b []byte) (m marker, found finding) {
	found = m.read(b[:min(len(b), maxMarker)])
	return m, found
}

func (m *marker) read(b []byte) finding {
	rest, found := m.keyword(b)
	if found != isMarker {
		return found
	}
	if rest, found = m.unixTime(rest); found != isMarker {
		return found
	}
	length := span(rest, isNameByte)
	if length == 0 && len(rest) > 0 {
		return noMarker
	}
	m.name = rest[:length]
	if rest, found = m.optionList(rest[length:]); found != isMarker {
		return found
	}
	if rest, found = expect(rest, markerErase); found != isMarker {
		return found
	}
	m.size = len(b) - len(rest)
	return isMarker
}

// expect reads a text that must follow.
func expect(b []byte, text string) (rest []byte, found finding) {
	switch {
	case len(b) >= len(text) && string(b[:len(text)]) == text:
		return b[len(text):], isMarker
	case len(b) < len(text) && string(b) == text[:len(b)]:
		return nil, cutMarker
	default:
		return nil, noMarker
	}
}

// keyword reads the word that a marker begins with.
func (m *marker) keyword(b []byte) (rest []byte, found finding) {
	for _, word := range []string{markerStart, markerEnd} {
		if rest, found = expect(b, word); found != noMarker {
			m.end = word == markerEnd
			return rest, found
		}
	}
	return nil, noMarker
}

// unixTime reads the time and the colon after it.
func (m *marker) unixTime(b []byte) (rest []byte, found finding) {
	digits := span(b, isDigit)
	if digits == len(b) {
		return nil, cutMarker
	}
	seconds, err := strconv.ParseInt(string(b[:digits]), 10, 64)
	if err != nil || b[digits] != ':' {
		return nil, noMarker
	}
	m.time = time.Unix(seconds, 0).UTC()
	return b[digits+1:], isMarker
}

// optionList reads the options, if there is a bracket: one or more, with a comma between
// them, and perhaps a space after it.
func (m *marker) optionList(b []byte) (rest []byte, found finding) {
	if len(b) == 0 || b[0] != '[' {
		return b, isMarker
	}
	for rest = b[1:]; ; {
		if rest, found = option(rest); found != isMarker {
			return nil, found
		}
		if len(rest) == 0 {
			return nil, cutMarker
		}
		if rest[0] == ']' {
			m.options = b[1 : len(b)-len(rest)]
			return rest[1:], isMarker
		}
		if rest[0] != ',' {
			return nil, noMarker
		}
		rest = bytes.TrimPrefix(rest[1:], []byte(" "))
	}
}

// option reads "collapsed=true".
func option(b []byte) (rest []byte, found finding) {
	key := span(b, isWordByte)
	if key == len(b) {
		return nil, cutMarker
	}
	if key == 0 || b[key] != '=' {
		return nil, noMarker
	}
	b = b[key+1:]
	value := span(b, isWordByte)
	if value == 0 && len(b) > 0 {
		return nil, noMarker
	}
	return b[value:], isMarker
}

// span returns how many bytes at the start of b are of a kind.
func span(b []byte, of func(byte) bool) int {
	for i, c := range b {
		if !of(c) {
			return i
		}
	}
	return len(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isNameByte(c byte) bool { return nameBytes[c] }

var nameBytes = func() (table [256]bool) {
	for c := range table {
		b := byte(c)
		table[c] = isLetter(b) || isDigit(b) || b == '_' || b == '.' || b == '-'
	}
	return table
}()

func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }
