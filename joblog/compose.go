package joblog

// A draft is the line in the making. Its bytes are the scanner's, and good
// until the next one.
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

	// The buffers of text and styled, and the styles that were set in erased and in
	// remaining text.
	ink, colored, erased, styles []byte

	// The same without control characters, if there were any.
	plainInk, plainColored []byte

	// overwritten is set after a carriage return: the next text replaces the
	// line. The return alone shows nothing, and a line may end
	// in one.
	overwritten bool

	// seam is the end of the last marker that closed a section after text, or
	// zero. What is written next is in other sections, and so in a new line.
	// That is read with what was found there: a line may have many seams, and
	// is searched once.
	seam    int
	resumed specials
	stained int // how much of colored there was at the seam
}

// compose reads what is left of a line at from, or the part of it that is in
// the same sections, and returns where that ends.
func (c *composer) compose(from int) int {
	c.opened, c.closed, c.overwritten, c.seam = nil, nil, false, 0
	if c.next(from) == len(c.b) {
		text := plain(c.b[from:], &c.plainInk)
		c.text, c.styled, c.sections = text, text, c.open
		return len(c.b)
	}
	c.ink, c.colored, c.erased, c.styles = c.ink[:0], c.colored[:0], c.erased[:0], c.styles[:0]
	to := c.read(from)
	if c.text, c.styled = c.ink, c.colored; len(c.erased) > 0 {
		c.erased = append(c.erased, c.colored...)
		c.styled = c.erased
	}
	if text := plain(c.text, &c.plainInk); len(text) < len(c.text) {
		c.text, c.styled = text, plainStyled(c.styled, text, &c.plainColored)
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
			c.obey(c.b[i : i+size])
			i += size
		default:
			c.overwritten = true
			i++
		}
	}
}

func (c *composer) write(b []byte) {
	c.erase()
	if len(c.ink) == 0 {
		c.sections = c.open
	}
	c.ink = append(c.ink, b...)
	c.colored = append(c.colored, b...)
}

// obey does what an escape sequence says, or no more than GitLab's page does:
// no other sequence than these has a meaning there.
func (c *composer) obey(sequence []byte) {
	switch {
	case isErase(sequence):
		c.erase()
	case isStyle(sequence):
		c.styles = append(c.styles, sequence...)
		c.colored = append(c.colored, sequence...)
	}
}

// erase removes what is behind the cursor: all, after a carriage return.
// Styles last.
func (c *composer) erase() {
	if c.overwritten && c.seam == 0 {
		c.erased = append(c.erased, c.styles...)
		c.ink, c.colored, c.styles, c.overwritten = c.ink[:0], c.colored[:0], c.styles[:0], false
	}
}

// breaks reports whether the marker begins a new line. It does if it starts a
// section, and there is text before it or maxOpened sections started in this line.
func (c *composer) breaks() bool {
	c.erase()
	return !c.marker.end && (len(c.ink) > 0 || len(c.opened) >= maxOpened)
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
	if len(c.ink) > 0 {
		c.seam, c.resumed, c.stained = end, c.specials, len(c.colored)
	}
}

// resume returns where the next line begins: at the seam, or at i if there is
// none. Styles set behind the seam are that line's.
func (c *composer) resume(i int) int {
	if c.seam == 0 {
		return i
	}
	c.specials, c.colored = c.resumed, c.colored[:c.stained]
	return c.seam
}

// pending reports whether the line ends in a carriage return behind text: what is
// written next would replace that.
func (c *composer) pending() bool { return c.overwritten && c.seam == 0 && len(c.text) > 0 }

// wipe removes the text, which was replaced. Its styles last.
func (c *composer) wipe() {
	c.erase()
	c.text, c.styled, c.sections = nil, c.erased, c.open
}

// writes reports whether b, written over a line, replaces its text.
func writes(b []byte) bool {
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
