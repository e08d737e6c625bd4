package lenient

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// ErrEnough ends a stream whose caller wants no more objects.
var ErrEnough = errors.New("no more objects are wanted")

var errMoreData = errors.New("the response has more data after its end")

// So many bytes of a body are read in one step, at least: the more of them, the fewer
// objects have only begun to arrive.
const smallChunk, largeChunk = 8 << 10, 32 << 10

// A Stream decodes a response while it arrives, so that only the current value is
// in memory. No value may be much larger than most, in bytes.
type Stream struct {
	body  io.Reader
	most  int64
	data  []byte // what has arrived
	at    int    // of it has been decoded
	past  int64  // bytes before data
	moved bool   // data was, over what was decoded
	eof   bool
	err   error // of the body
	left  LeftOut
}

// NewStream returns the stream of a body, in which no value may be much larger than
// most bytes.
func NewStream(body io.Reader, most int64) *Stream {
	return &Stream{body: body, most: most}
}

// LeftOut is what was left out so far.
func (s *Stream) LeftOut() LeftOut { return s.left }

// Rest is what was not decoded yet, such as a page in place of JSON.
func (s *Stream) Rest() io.Reader {
	return io.MultiReader(bytes.NewReader(s.data[s.at:]), s.body)
}

// fill waits for more of the body. It reports whether more has arrived.
func (s *Stream) fill() bool {
	chunk := int(min(max(s.most, smallChunk), largeChunk))
	if s.err == nil && int64(len(s.data)-s.at) > s.most {
		s.err = fmt.Errorf("a value is larger than the %d bytes of WithMaxAnswer", s.most)
	}
	if s.at > 0 && cap(s.data)-len(s.data) < chunk { // make room
		s.past += int64(s.at)
		s.data, s.at, s.moved = s.data[:copy(s.data, s.data[s.at:])], 0, true
	}
	if cap(s.data)-len(s.data) < chunk { // at most double, or copies of it would pile up
		more := max(int64(chunk), min(int64(cap(s.data)), s.most-int64(len(s.data))+int64(chunk)))
		s.data = append(make([]byte, 0, int64(len(s.data))+more), s.data...)
	}
	for tries := 0; !s.eof && s.err == nil; tries++ {
		n, err := s.body.Read(s.data[len(s.data):cap(s.data)])
		s.data = s.data[:len(s.data)+n]
		switch {
		case err == io.EOF:
			s.eof = true
		case err != nil:
			s.err = err
		case n == 0 && tries == 100:
			s.err = io.ErrNoProgress
		}
		if n > 0 {
			return true
		}
	}
	return false
}

// peek skips white space and returns the byte that follows it, 0 at the end.
func (s *Stream) peek() byte {
	for s.at < len(s.data) || s.fill() {
		now := scanner{data: s.data, at: s.at}
		c := now.peek()
		if s.at = now.at; s.at < len(s.data) {
			return c
		}
	}
	return 0
}

// syntaxError says what is wrong at the present offset, or why the body ended there.
func (s *Stream) syntaxError(wanted string) error {
	now := scanner{data: s.data, at: s.at, past: s.past}
	return cmp.Or(s.err, now.syntaxError(wanted))
}

func (s *Stream) expect(c byte) error {
	if s.peek() != c {
		return s.syntaxError(fmt.Sprintf("%q", c))
	}
	s.at++
	return nil
}

// raw returns the JSON of the next value, once it has arrived whole. Whether it is
// valid is not checked. It can be used until more is read.
func (s *Stream) raw() ([]byte, error) {
	s.peek()
	var e endFinder
	for length := 0; ; {
		n, ended := e.read(s.data[s.at+length:])
		if length += n; !ended && s.fill() {
			continue
		}
		value := s.data[s.at : s.at+length]
		s.at += length
		if ended || s.err == nil && e.scalar && length > 0 {
			return value, nil
		}
		return nil, s.syntaxError("")
	}
}

// An endFinder finds the end of a value while it arrives.
type endFinder struct {
	depth   int
	text    bool
	escaped bool
	scalar  bool // a number or a word, which only another byte ends
}

// read reads more of a value. It returns how many bytes belong to it, and whether it has
// ended.
func (e *endFinder) read(data []byte) (n int, ended bool) {
	for ; n < len(data); n++ {
		c := data[n]
		switch {
		case e.escaped:
			e.escaped = false
		case e.text:
			for inText[c] && n+1 < len(data) {
				n++
				c = data[n]
			}
			e.escaped, e.text = c == '\\', c != '"'
		case c == '"':
			e.text = true
		case c == '{' || c == '[':
			e.depth++
		case c == '}' || c == ']':
			if e.scalar {
				return n, true
			}
			e.depth--
		case e.depth > 0:
		case e.scalar && !isScalarByte[c]:
			return n, true
		default:
			e.scalar = true
		}
		if e.depth <= 0 && !e.text && !e.scalar {
			return n + 1, true
		}
	}
	return n, false
}

// inText has the bytes that neither end a text nor escape what follows.
var inText = func() (table [256]bool) {
	for c := range table {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// value returns the JSON of the next value. It can be used until more is read.
func (s *Stream) value() ([]byte, error) {
	raw, err := s.raw()
	if err != nil {
		return nil, err
	}
	check := scanner{data: s.data, at: s.at - len(raw), past: s.past}
	err = check.skip()
	if err == nil && check.at != s.at {
		err = check.syntaxError("the end of the value")
	}
	return raw, err
}

// Whole reads a response that is one object, to its end; see [Stream.Object].
func (s *Stream) Whole(field func(name string) error) error {
	if s.peek() != '{' {
		return cmp.Or(s.err, ErrNotObject)
	}
	err := s.Object(field)
	if s.peek(); err == nil && s.at < len(s.data) {
		err = errMoreData
	}
	return cmp.Or(s.err, err)
}

// Object calls field for each field of an object; field must read or skip the
// value. A value that is not an object is skipped.
func (s *Stream) Object(field func(name string) error) error {
	return s.values('{', func(int) error {
		if s.peek() != '"' {
			return s.syntaxError("a string")
		}
		name, err := s.Text("")
		if err == nil {
			err = s.expect(':')
		}
		lost := len(s.left.lost)
		if err == nil {
			err = field(name)
		}
		s.left.under(name, lost)
		return err
	})
}

// IsList reports whether the next value is a list.
func (s *Stream) IsList() bool { return s.peek() == '[' }

// List calls next for each element of a list; next must read or skip it. A value
// that is not a list is skipped.
func (s *Stream) List(next func(index int) error) error {
	return s.values('[', func(i int) error {
		lost := len(s.left.lost)
		err := next(i)
		s.left.underIndex(i, lost)
		return err
	})
}

// values calls next for each item of an object or a list; next must read or
// skip it. A value that does not begin with start is skipped.
func (s *Stream) values(start byte, next func(index int) error) error {
	if s.peek() != start {
		raw, err := s.value()
		if err == nil {
			s.left.lose(raw, bracketWords[start])
		}
		return err
	}
	s.at++
	closing := start + 2 // in ASCII
	for i := 0; ; i++ {
		c := s.peek()
		switch {
		case c == closing:
			s.at++
			return nil
		case i > 0:
			if err := s.expect(','); err != nil {
				return err
			}
		}
		if err := next(i); err != nil {
			return err
		}
	}
}

var bracketWords = map[byte]string{'{': "an object", '[': "an array"}

// Skip reads a value.
func (s *Stream) Skip() error {
	_, err := s.value()
	return err
}

// Text reads a string. A value of another type is converted, or read as empty.
func (s *Stream) Text(field string) (text string, err error) {
	raw, err := s.value()
	if err != nil {
		return "", err
	}
	if text = textOf(raw, field); text == "" {
		s.left.lose(raw, "a string")
	}
	return text, nil
}

// Message reads a value that is the message of an error, in any shape.
func (s *Stream) Message() (string, error) {
	raw, err := s.value()
	return flatten(raw), err
}

// Objects calls use for each object of a list, until use returns false, which ends
// in [ErrEnough]. Elements that are not objects are left out. P is as in [Object].
func Objects[P any](s *Stream, use func(P) bool) error {
	return s.objects(reflect.TypeFor[P](), func(object any) bool {
		p, _ := object.(P)
		return use(p)
	})
}

func (s *Stream) objects(t reflect.Type, use func(object any) bool) error {
	d := newDecoder(t)
	defer d.release()
	d.full = true
	return s.List(func(i int) error {
		if s.peek() != '{' {
			s.left.addElement(i)
			return s.Skip()
		}
		object, err := s.object(d)
		if d.left.losses > 0 {
			s.left.merge(d.left)
			d.left = LeftOut{}
		}
		if err == nil && !use(object) {
			s.err, err = nil, ErrEnough // errors of the rest of the body do not matter
		}
		return err
	})
}

// object decodes the next object. Mostly, it has arrived whole. If not, or if it is large
// or invalid, its end is found first.
func (s *Stream) object(d *decoder) (any, error) {
	if s.moved {
		d.forgetLast()
		s.moved = false
	}
	if left := d.left; isSmall(d.plan, int64(len(s.data)-s.at)) {
		d.scanner = scanner{data: s.data, at: s.at, stop: d.stop}
		if object, err := d.one(false); err == nil {
			s.at = d.at
			return object, nil
		}
		d.left, d.deep = left, 0
	}
	raw, err := s.raw()
	if err != nil {
		return nil, err
	}
	if s.moved {
		d.forgetLast()
		s.moved = false
	}
	return d.wholeObject(raw)
}
