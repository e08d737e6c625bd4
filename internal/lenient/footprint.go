package lenient

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

const (
	// maxElements is how many elements a page of a list may have. GitLab sends
	// at most 100.
	maxElements = 10_000

	// A decoded response takes at most footprintRatio times its own bytes, or
	// footprintFree bytes if that is more.
	footprintRatio = 8
	footprintFree  = 64 << 20
)

// ErrTooLarge means that a response would take too much memory once decoded.
// A "{}" in a list is three bytes, and becomes a struct of hundreds.
var ErrTooLarge = errors.New("the response is too large to decode")

var errTooMany = fmt.Errorf("%w: a list has more than %d elements", ErrTooLarge, maxElements)

// checkFootprint returns an error if a response would take too much memory once it
// is decoded to a value of type t, or is a list with too many elements. Most responses are so
// small that their size is enough to know, or the number of commas and brackets in
// them, even if some are within texts. Only others are parsed.
func checkFootprint(t reflect.Type, body []byte, stop stopper) error {
	p, size := planOf(t), int64(len(body))
	if isSmall(p, size) {
		return nil
	}
	return checkBudget(p, body, max(footprintRatio*size, footprintFree), stop)
}

// checkBudget returns an error if a response would take more memory than the budget once
// it is decoded.
func checkBudget(p *plan, body []byte, budget int64, stop stopper) error {
	room := budget - costText*int64(len(body))
	if mostValues(body)*p.most <= room {
		return nil
	}
	m := &meter{body: body, budget: budget, valid: utf8.Valid(body), stop: stop}
	return m.measure(p.root)
}

// mostValues is how many values a response has at most: one after each of these characters,
// if none of them is within a text.
func mostValues(body []byte) int64 {
	values := 1
	for _, before := range []string{",", "[", "{"} {
		values += bytes.Count(body, []byte(before))
	}
	return int64(values)
}

// isSmall reports whether a response of a size cannot take too much memory.
func isSmall(p *plan, size int64) bool { return (size/2+1)*p.most <= footprintFree-costText*size }

// A meter parses a response to add up the memory that it takes once decoded. It
// does not check the syntax: the decoder stops at what is not JSON.
type meter struct {
	body   []byte
	at     int
	budget int64
	used   int64
	valid  bool // UTF-8
	stop   stopper

	open   []level
	next   *shape // of the value after the last name
	naming bool   // the next text is a name
}

// A level is an object or a list that has not ended yet.
type level struct {
	shape *shape // nil if the value is not kept
	list  bool
	text  bool // kept as its JSON text
	start int
	count int // of its elements or names so far
}

func (m *meter) measure(root *shape) error {
	m.next = root
	for m.at < len(m.body) && len(m.open) <= mostDepth {
		c := m.body[m.at]
		switch c {
		case ' ', '\t', '\n', '\r', ':':
			m.naming = m.naming && c != ':'
		case ',':
			if err := cmp.Or(m.err(), m.stop.err()); err != nil {
				return err
			}
			m.naming = len(m.open) > 0 && !m.open[len(m.open)-1].list
		case '{', '[':
			m.begin(c)
		case '}', ']':
			m.end()
		default:
			m.scalar(c)
			continue
		}
		m.at++
	}
	return m.err()
}

func (m *meter) err() error {
	if m.used > m.budget {
		return fmt.Errorf("%w: its %d bytes would take more than %d bytes of memory", ErrTooLarge, len(m.body), m.budget)
	}
	if len(m.open) == 1 && m.open[0].list && m.open[0].count > maxElements {
		return errTooMany
	}
	return nil
}

// value charges for a value that begins with c. It returns the shape of the value,
// or nil if nothing of it is kept.
func (m *meter) value(c byte) *shape {
	s := m.next
	if n := len(m.open); n > 0 && m.open[n-1].list {
		in := &m.open[n-1]
		in.count++
		s = nil
		if in.shape != nil {
			s = in.shape.elem
			m.used += s.slot
		}
	}
	if s == nil || c == 'n' {
		return nil
	}
	m.used += s.bytes
	return s
}

func (m *meter) begin(c byte) {
	s := m.value(c)
	in := level{list: c == '[', start: m.at}
	m.naming, m.next = !in.list, nil
	switch {
	case s == nil:
	case s.kind == shapeText:
		in.text = true
	case s.kind == shapeAny, in.list == (s.kind == shapeList) && s.kind != shapeScalar:
		in.shape = s
	}
	m.open = append(m.open, in)
}

func (m *meter) end() {
	if len(m.open) == 0 {
		return
	}
	in := m.open[len(m.open)-1]
	m.open = m.open[:len(m.open)-1]
	m.naming = false
	if in.text {
		m.text(m.at + 1 - in.start)
	}
}

// scalar reads a name, or a value that is neither an object nor a list.
func (m *meter) scalar(c byte) {
	start := m.at
	if c != '"' {
		m.at++
		for m.at < len(m.body) && isScalarByte[m.body[m.at]] {
			m.at++
		}
	} else {
		m.at = textEnd(m.body, start)
		if m.naming {
			m.name(m.body[start:m.at])
			return
		}
	}
	if s := m.value(c); s != nil && (s.kind == shapeText || s.kind == shapeAny) {
		m.text(m.at - start)
	}
}

// name looks up the shape of the value after a name. In a map, it charges for an
// entry.
func (m *meter) name(quoted []byte) {
	in := &m.open[len(m.open)-1]
	in.count++
	if in.count > costNames {
		m.used += costName + 2*int64(len(quoted))
	}
	m.next = nil
	switch s := in.shape; {
	case s == nil:
	case s.kind == shapeStruct:
		name := scanner{data: quoted}
		if raw, itself, err := name.text(); err == nil {
			if i := s.index(raw, itself); i >= 0 {
				m.next = s.fields[i].shape
			}
		}
	default:
		m.next = s.elem
		m.text(len(quoted))
		switch {
		case in.count == 1:
			m.used += s.entry
		case in.count > 8:
			m.used += s.entry / 2
		}
	}
}

// text charges for a text of n bytes.
func (m *meter) text(n int) {
	if m.valid {
		m.used += int64(n + n/2)
	} else {
		m.used += costText * int64(n)
	}
}

// textEnd returns the offset after the closing quote of the text that begins at
// start.
func textEnd(body []byte, start int) int {
	for i := start + 1; ; i++ {
		quote := bytes.IndexByte(body[i:], '"')
		if quote < 0 {
			return len(body)
		}
		i += quote
		before := i
		for body[before-1] == '\\' {
			before--
		}
		if (i-before)%2 == 0 {
			return i + 1
		}
	}
}

var isScalarByte = func() (table [256]bool) {
	for c := range table {
		table[c] = !strings.ContainsRune(" \t\n\r,:{}[]\"", rune(c))
	}
	return table
}()
