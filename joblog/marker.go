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

var (
	markerPrefix = []byte("section_")
	markerErase  = []byte("\x1b[0K")
)

// A marker starts or ends a section:
//
//	section_start:1716381826:NAME[collapsed=true]\r\e[0K
//
// On a terminal the end of it erases it. The carriage return is part of it, or
// the mention of a marker in a script would be one; the rest may be missing.
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
	rest, found := m.word(b)
	if found != isMarker {
		return found
	}
	if rest, found = m.when(rest); found != isMarker {
		return found
	}
	length := span(rest, isNameByte)
	if length == 0 && len(rest) > 0 {
		return noMarker
	}
	m.name = rest[:length]
	if rest, found = m.bracket(rest[length:]); found != isMarker {
		return found
	}
	m.size = len(b) - len(bytes.TrimPrefix(rest, markerErase))
	return isMarker
}

// word reads what a marker begins with.
func (m *marker) word(b []byte) (rest []byte, found finding) {
	for _, word := range []string{markerStart, markerEnd} {
		if len(b) < len(word) && string(b) == word[:len(b)] {
			return nil, cutMarker
		}
		if len(b) >= len(word) && string(b[:len(word)]) == word {
			m.end = word == markerEnd
			return b[len(word):], isMarker
		}
	}
	return nil, noMarker
}

// when reads the time and the colon after it.
func (m *marker) when(b []byte) (rest []byte, found finding) {
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

// bracket reads the options, if any, and the carriage return.
func (m *marker) bracket(b []byte) (rest []byte, found finding) {
	if len(b) > 0 && b[0] == '[' {
		length := span(b[1:], isOptionByte)
		m.options = b[1 : 1+length]
		if b = b[1+length:]; len(b) > 0 && b[0] != ']' {
			return nil, noMarker
		}
		b = b[min(1, len(b)):]
	}
	if len(b) == 0 {
		return nil, cutMarker
	}
	if b[0] != '\r' {
		return nil, noMarker
	}
	return b[1:], isMarker
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

func isOptionByte(c byte) bool { return c >= ' ' && c != ']' }
