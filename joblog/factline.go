package joblog

import "bytes"

// A factLine is a draft as facts see it.
type factLine struct {
	*draft
	text   []byte // as it is shown: without space behind it, and not too long
	inner  []byte // without what a container or a wrapper wrote before it
	body   []byte // without indent too
	indent int
	number [64]byte // scratch for a body whose number is replaced
}

// read reads the next line. It reports whether the line has any text.
func (l *factLine) read(d *draft) bool {
	l.draft, l.text = d, bytes.TrimRight(eventOutput(shorten(d.text)), " \t")
	l.inner = unwrap(l.text)
	l.body = bytes.TrimLeft(l.inner, " \t")
	l.indent = len(l.inner) - len(l.body)
	return len(l.body) > 0
}

// matched is what patterns see.
func (l *factLine) matched() []byte { return l.inner[:min(len(l.inner), maxMatched)] }

// isLine reports whether text is drawn: of punctuation and parts of boxes only.
func isLine(text []byte) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == 0xe2 && i+2 < len(text) && 0x94 <= text[i+1] && text[i+1] <= 0x96: // U+2500 to U+259F, and a few more
			i += 2
		case c >= 0x80 || isLetter(c) || isDigit(c):
			return false
		}
	}
	return true
}
