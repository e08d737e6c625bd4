package joblog

import "bytes"

// specials finds what is not plain text in the bytes of a line: escape
// sequences, carriage returns and markers. Each search continues from its last
// find, so that a line is searched only once.
type specials struct {
	b      []byte
	esc    int // where the next escape sequence is, at or after the requested place, or len(b)
	cr     int
	mark   int
	marker marker // the one at mark
}

// reset begins with another line. The marker has no meaning while mark is -1.
func (sp *specials) reset(b []byte) { sp.b, sp.esc, sp.cr, sp.mark = b, -1, -1, -1 }

// next returns where the text that begins at i ends.
func (sp *specials) next(i int) int {
	if sp.esc < i {
		sp.esc = indexFrom(sp.b, i, escape)
	}
	if sp.cr < i {
		sp.cr = indexFrom(sp.b, i, '\r')
	}
	if sp.mark < i {
		sp.findMarker(i)
	}
	return min(sp.esc, sp.cr, sp.mark)
}

// findMarker finds the next marker. It has a carriage return, so most lines
// need no search.
func (sp *specials) findMarker(i int) {
	for sp.cr < len(sp.b) {
		at := bytes.Index(sp.b[i:], markerPrefix)
		if at < 0 {
			break
		}
		i += at
		if m, found := parseMarker(sp.b[i:]); found == isMarker {
			sp.mark, sp.marker = i, m
			return
		}
		i++
	}
	sp.mark = len(sp.b)
}

// indexFrom returns where c is in b, at or after i, or len(b).
func indexFrom(b []byte, i int, c byte) int {
	if at := bytes.IndexByte(b[i:], c); at >= 0 {
		return i + at
	}
	return len(b)
}
