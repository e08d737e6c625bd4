package joblog

// A draft is the line that is being read. Its bytes are the scanner's, and valid until the
// next line.
type draft struct {
	prefix
	raw      []byte
	text     []byte
	styled   []byte
	sections stack
	opened   []*Section
	closed   []*Section
}

// A composer makes a line's text and follows the markers in it.
type composer struct {
	*draft
	specials
	open stack

	// The buffers of text and styled, and the styles that were set in text that was erased
	// and in text that remains.
	textBuf, styledBuf, erasedStyles, styles []byte

	// The same without control characters, if there were any.
	plainTextBuf, plainStyledBuf []byte

	// overwritten is set after a carriage return: the next text replaces the
	// line. The return alone shows nothing, and a line may end
	// in one.
	overwritten bool

	// seam is the end of the last marker that closed a section after text, or
	// zero. What is written next is in other sections, and so in a new line.
	// That is read with what was found there: a line may have many seams, and
	// is searched once.
	seam         int
	resumed      specials
	styledAtSeam int // the length of styledBuf at the seam
}

// compose reads what is left of a line at from, or the part of it that is in
// the same sections, and returns where that ends.
func (c *composer) compose(from int) int {
	c.opened, c.closed, c.overwritten, c.seam = nil, nil, false, 0
	if c.next(from) == len(c.b) {
		text := plain(c.b[from:], &c.plainTextBuf)
		c.text, c.styled, c.sections = text, text, c.open
		return len(c.b)
	}
	c.textBuf, c.styledBuf, c.erasedStyles, c.styles = c.textBuf[:0], c.styledBuf[:0], c.erasedStyles[:0], c.styles[:0]
	to := c.read(from)
	if c.text, c.styled = c.textBuf, c.styledBuf; len(c.erasedStyles) > 0 {
		c.erasedStyles = append(c.erasedStyles, c.styledBuf...)
		c.styled = c.erasedStyles
	}
	if text := plain(c.text, &c.plainTextBuf); len(text) < len(c.text) {
		c.text, c.styled = text, plainStyled(c.styled, text, &c.plainStyledBuf)
	}
	if len(c.text) == 0 {
		c.sections = c.open
	}
	return to
}

func (c *composer) read(i int) int {
	for {
		if end := c.next(i); end > i {
			if c.seam > 0 {
				return c.resume(i)
			}
			c.write(c.b[i:end])
			i = end
		}
		switch i {
		case len(c.b):
			return i
		case c.mark:
			if c.breaks() {
				return c.resume(i)
			}
			i += c.marker.size
			c.follow(i)
		case c.esc:
			size, _ := sequence(c.b[i:])
			c.apply(c.b[i : i+size])
			i += size
		default:
			c.overwritten = true
			i++
		}
	}
}

func (c *composer) write(b []byte) {
	c.erase()
	if len(c.textBuf) == 0 {
		c.sections = c.open
	}
	c.textBuf = append(c.textBuf, b...)
	c.styledBuf = append(c.styledBuf, b...)
}

// apply does what an escape sequence says, as far as GitLab's page does: no other sequence
// than these has a meaning there.
func (c *composer) apply(sequence []byte) {
	switch {
	case isErase(sequence):
		c.erase()
	case isStyle(sequence):
		c.styles = append(c.styles, sequence...)
		c.styledBuf = append(c.styledBuf, sequence...)
	}
}

// erase removes what is behind the cursor: all, after a carriage return.
// Styles remain set.
func (c *composer) erase() {
	if c.overwritten && c.seam == 0 {
		c.erasedStyles = append(c.erasedStyles, c.styles...)
		c.textBuf, c.styledBuf, c.styles, c.overwritten = c.textBuf[:0], c.styledBuf[:0], c.styles[:0], false
	}
}

// breaks reports whether the marker begins a new line. It does if it starts a
// section, and there is text before it or maxOpened sections started in this line.
func (c *composer) breaks() bool {
	c.erase()
	return !c.marker.end && (len(c.textBuf) > 0 || len(c.opened) >= maxOpened)
}

// follow opens or closes the section of the marker that ends at end. Like
// GitLab it ignores the end of what is not open.
func (c *composer) follow(end int) {
	if !c.marker.end {
		opened, section, cut := c.open.open(c.marker)
		c.open = opened
		c.opened = append(c.opened, section)
		if cut != nil {
			c.closed = append(c.closed, cut)
		}
		return
	}
	if !c.open.has(c.marker) {
		return
	}
	rest, closed := c.open.close(c.marker)
	c.open = rest
	c.closed = append(c.closed, closed...)
	if len(c.textBuf) > 0 {
		c.seam, c.resumed, c.styledAtSeam = end, c.specials, len(c.styledBuf)
	}
}

// resume returns where the next line begins: at the seam, or at i if there is
// none. Styles set behind the seam are that line's.
func (c *composer) resume(i int) int {
	if c.seam == 0 {
		return i
	}
	c.specials, c.styledBuf = c.resumed, c.styledBuf[:c.styledAtSeam]
	return c.seam
}

// pending reports whether the line ends in a carriage return behind text: what is
// written next would replace that.
func (c *composer) pending() bool { return c.overwritten && c.seam == 0 && len(c.text) > 0 }

// clearText removes the text, which was replaced. Its styles remain set.
func (c *composer) clearText() {
	c.erase()
	c.text, c.styled, c.sections = nil, c.erasedStyles, c.open
}

// replacesText reports whether b, written over a line, replaces its text.
func replacesText(b []byte) bool {
	for i := 0; i < len(b); {
		switch {
		case b[i] == escape:
			size, _ := sequence(b[i:])
			if isErase(b[i : i+size]) {
				return true
			}
			i += size
		case b[i] == '\r':
			i++
		default:
			m, found := parseMarker(b[i:])
			if found != isMarker {
				return true
			}
			i += m.size
		}
	}
	return false
}
