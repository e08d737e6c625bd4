package lenient

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrEnough ends a stream whose caller wants no more objects.
var ErrEnough = errors.New("no more objects are wanted")

var errMoreData = errors.New("the response has more data after its end")

// A Stream decodes a response while it arrives, so that only the current value is
// in memory. No value may be much larger than most, in bytes.
type Stream struct {
	dec  *jsontext.Decoder
	body io.Reader
	most int64
	read int64 // of the body, so far
	err  error // of the body
}

// NewStream returns the stream of a body, in which no value may be much larger than
// most bytes.
func NewStream(body io.Reader, most int64) *Stream {
	s := &Stream{body: body, most: most}
	s.dec = jsontext.NewDecoder(source{s}, loose)
	return s
}

// A source is the body of a stream, as its decoder reads it: more of it, until the
// value is complete.
type source struct{ *Stream }

func (s source) Read(p []byte) (n int, err error) {
	if s.read-s.dec.InputOffset() > s.most {
		s.err = fmt.Errorf("a value is larger than the %d bytes of WithMaxAnswer", s.most)
		return 0, s.err
	}
	n, err = s.body.Read(p)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Rest is what was not decoded yet, such as a page in place of JSON.
func (s *Stream) Rest() io.Reader {
	return io.MultiReader(bytes.NewReader(s.dec.UnreadBuffer()), s.body)
}

// Whole reads a response that is one object, to its end; see [Stream.Object].
func (s *Stream) Whole(field func(name string) error) error {
	if kind := s.dec.PeekKind(); kind != '{' {
		return cmp.Or(s.err, ErrNotObject)
	}
	err := s.Object(field)
	if err == nil {
		err = s.ended()
	}
	return cmp.Or(s.err, err)
}

// ended returns an error if more data follows the response.
func (s *Stream) ended() error {
	_, err := s.dec.ReadToken()
	if err == io.EOF {
		return nil
	}
	return cmp.Or(err, errMoreData)
}

// Object calls field for each field of an object; field must read or skip the
// value. A value that is not an object is skipped.
func (s *Stream) Object(field func(name string) error) error {
	return s.values('{', func(int) error {
		name, err := s.dec.ReadToken()
		if err != nil {
			return err
		}
		return field(name.String())
	})
}

// IsList reports whether the next value is a list.
func (s *Stream) IsList() bool { return s.dec.PeekKind() == '[' }

// List calls next for each element of a list; next must read or skip it. A value
// that is not a list is skipped.
func (s *Stream) List(next func(index int) error) error { return s.values('[', next) }

// values calls next for each item of an object or a list; next must read or
// skip it. A value that does not begin with start is skipped.
func (s *Stream) values(start jsontext.Kind, next func(index int) error) error {
	if s.dec.PeekKind() != start {
		return s.Skip()
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; s.dec.PeekKind() != start+2; i++ { // in ASCII, ']' is '['+2 and '}' is '{'+2
		if err := next(i); err != nil {
			return err
		}
	}
	_, err := s.dec.ReadToken()
	return err
}

// Skip reads a value whole, since the decoder holds the names around each token
// of one that it skips.
func (s *Stream) Skip() error {
	_, err := s.dec.ReadValue()
	return err
}

// Text reads a string. A value of another type is converted, or read as empty.
func (s *Stream) Text(field string) (text string, err error) {
	raw, err := s.dec.ReadValue()
	if err == nil {
		setScalar(reflect.ValueOf(&text).Elem(), raw, field)
	}
	return text, err
}

// Message reads a value that is the message of an error, in any shape.
func (s *Stream) Message() (string, error) {
	raw, err := s.dec.ReadValue()
	return flatten(raw), err
}

// Objects calls use for each object of a list, until use returns false, which ends
// in [ErrEnough]. Elements that are not objects are counted in left. P is as in
// [Object].
func Objects[P any](s *Stream, use func(P) bool, left *LeftOut) error {
	return s.List(func(i int) error {
		raw, err := s.dec.ReadValue()
		if err != nil {
			return err
		}
		if raw.Kind() != '{' {
			left.add(i)
			return nil
		}
		object, err := Object[P](raw)
		if err == nil && !use(object) {
			s.err, err = nil, ErrEnough // errors of the rest of the body do not matter
		}
		return err
	})
}

// LeftOut counts the elements of a list that should be objects and are not.
type LeftOut struct {
	count int
	first int // index of the first of them
}

func (l *LeftOut) add(index int) {
	if l.count == 0 {
		l.first = index
	}
	l.count++
}

// Log logs all of them in one line.
func (l LeftOut) Log(logger *slog.Logger, message, endpoint string) {
	if l.count > 0 {
		logger.Warn(message, slog.String("endpoint", endpoint), slog.Int("count", l.count), slog.Int("first_index", l.first))
	}
}
