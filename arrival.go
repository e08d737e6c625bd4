package gitlabci

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errGoesOn = errors.New("the response has more data after its end")
	errEnough = errors.New("no more objects are wanted")
)

// An arrival decodes a response while it arrives, so that only the current
// value is in memory. No value may be much larger than most, in bytes.
type arrival struct {
	dec  *jsontext.Decoder
	body io.Reader
	most int64
	read int64 // of the body, so far
	err  error // of the body

	message string // sent in place of a report
}

func newArrival(body io.Reader, most int64) *arrival {
	a := &arrival{body: body, most: most}
	a.dec = jsontext.NewDecoder(a, loose)
	return a
}

// Read is called by the decoder, which reads more until the value is complete.
func (a *arrival) Read(p []byte) (n int, err error) {
	if a.read-a.dec.InputOffset() > a.most {
		a.err = fmt.Errorf("a value is larger than the %d bytes of WithMaxAnswer", a.most)
		return 0, a.err
	}
	n, err = a.body.Read(p)
	a.read += int64(n)
	if err != nil && err != io.EOF {
		a.err = err
	}
	return n, err
}

// whole reads a response that is one object, to its end; see object.
func (a *arrival) whole(field func(name string) error) error {
	if kind := a.dec.PeekKind(); kind != '{' {
		return cmp.Or(a.err, errNotObject)
	}
	err := a.object(field)
	if err == nil {
		err = a.ended()
	}
	return cmp.Or(a.err, err)
}

// ended returns an error if more data follows the response.
func (a *arrival) ended() error {
	_, err := a.dec.ReadToken()
	if err == io.EOF {
		return nil
	}
	return cmp.Or(err, errGoesOn)
}

// object calls field for each field of an object; field must read or skip the
// value. A value that is not an object is skipped.
func (a *arrival) object(field func(name string) error) error {
	return a.values('{', func(int) error {
		name, err := a.dec.ReadToken()
		if err != nil {
			return err
		}
		return field(name.String())
	})
}

// values calls next for each item of an object or a list; next must read or
// skip it. A value that does not begin with start is skipped.
func (a *arrival) values(start jsontext.Kind, next func(index int) error) error {
	if a.dec.PeekKind() != start {
		return a.skip()
	}
	if _, err := a.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; a.dec.PeekKind() != start+2; i++ { // in ASCII, ']' is '['+2 and '}' is '{'+2
		if err := next(i); err != nil {
			return err
		}
	}
	_, err := a.dec.ReadToken()
	return err
}

// skip reads a value whole, since the decoder holds the names around each token
// of one that it skips.
func (a *arrival) skip() error {
	_, err := a.dec.ReadValue()
	return err
}

// text reads a string. A value of another type is converted, or read as empty.
func (a *arrival) text(field string) (text string, err error) {
	raw, err := a.dec.ReadValue()
	if err == nil {
		setScalar(reflect.ValueOf(&text).Elem(), raw, field)
	}
	return text, err
}

// objects calls use for each object of a list, until use returns false. Elements
// that are not objects are counted in left.
func objects[P any](a *arrival, use func(P) bool, left *leftOut) error {
	return a.values('[', func(i int) error {
		raw, err := a.dec.ReadValue()
		if err != nil {
			return err
		}
		if raw.Kind() != '{' {
			left.add(i)
			return nil
		}
		object, err := decodeObject[P](raw)
		if err == nil && !use(object) {
			a.err, err = nil, errEnough // errors of the rest of the body do not matter
		}
		return err
	})
}

// leftOut counts the elements of a list that should be objects and are not.
type leftOut struct {
	count int
	first int // index of the first of them
}

func (l *leftOut) add(index int) {
	if l.count == 0 {
		l.first = index
	}
	l.count++
}

// log logs all of them in one line.
func (l leftOut) log(logger *slog.Logger, message string, p path) {
	if l.count > 0 {
		logger.Warn(message, slog.String("endpoint", p.template), slog.Int("count", l.count), slog.Int("first_index", l.first))
	}
}
