package joblog

import "bytes"

// A seen line is a draft as facts see it.
type seen struct {
	*draft
	text   []byte // as it is shown: without space behind it, and not too long
	inner  []byte // without what a container or a wrapper wrote before it
	body   []byte // without indent too
	indent int
	number [64]byte // scratch for a body whose number is replaced
}

// see takes the next line. It reports whether there is anything in it.
func (l *seen) see(d *draft) bool {
	l.draft, l.text = d, bytes.TrimRight(shorten(d.text), " \t")
	l.inner = unwrap(l.text)
	l.body = bytes.TrimLeft(l.inner, " \t")
	l.indent = len(l.inner) - len(l.body)
	return len(l.body) > 0
}

// matched is what patterns see.
func (l *seen) matched() []byte { return l.inner[:min(len(l.inner), maxMatched)] }

// unwrap removes what others write before each line of a tool: Terraform draws a box,
// BuildKit writes a step and a time, Compose the name of the container, and some write
// a date.
func unwrap(text []byte) []byte {
	if len(text) == 0 {
		return text
	}
	switch c := text[0]; {
	case c == '#':
		return unwrapStep(text)
	case c == boxLine[0]:
		if rest, ok := bytes.CutPrefix(text, []byte(boxLine)); ok {
			return bytes.TrimPrefix(rest, []byte(" "))
		}
	case isDigit(c):
		return unwrapTime(text)
	case isLetter(c):
		return unwrapContainer(text)
	}
	return text
}

const boxLine = "│"

// unwrapStep removes "#12 0.345 ", and "#12 " if there is no time.
func unwrapStep(text []byte) []byte {
	step := span(text[1:], isDigit)
	if step == 0 || len(text) < step+3 || text[step+1] != ' ' {
		return text
	}
	return unwrapSeconds(text[step+2:])
}

// unwrapSeconds removes "0.345 ".
func unwrapSeconds(text []byte) []byte {
	whole := span(text, isDigit)
	if whole == 0 || len(text) < whole+3 || text[whole] != '.' {
		return text
	}
	length := whole + 1 + span(text[whole+1:], isDigit)
	if length == whole+1 || length == len(text) || text[length] != ' ' {
		return text
	}
	return text[length+1:]
}

// unwrapTime removes a date and time, or seconds.
func unwrapTime(text []byte) []byte {
	const least = len("2006-01-02T15:04:05")
	if len(text) <= least || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' {
		return unwrapSeconds(text)
	}
	end := bytes.IndexByte(text[least:min(len(text), least+16)], ' ')
	if end < 0 {
		return text
	}
	return text[least+end+1:]
}

// unwrapContainer removes "web-1  | ".
func unwrapContainer(text []byte) []byte {
	const most = 48
	bar := bytes.IndexByte(text[:min(len(text), most)], '|')
	if bar < 0 || text[bar-1] != ' ' || bar+1 < len(text) && text[bar+1] != ' ' {
		return text
	}
	if name := span(text, isNameByte); len(bytes.TrimLeft(text[name:bar], " ")) > 0 {
		return text
	}
	return text[min(bar+2, len(text)):]
}

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
