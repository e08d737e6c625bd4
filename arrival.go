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
	errGoesOn = errors.New("the answer goes on after its end")
	errEnough = errors.New("nothing more is wanted")
)

// An arrival is an answer that is decoded while it arrives, so that only the
// value at hand is in memory. None may be much larger than most, in bytes.
type arrival struct {
	dec  *jsontext.Decoder
	body io.Reader
	most int64
	read int64 // of the body, so far
	err  error // of the body

	message string // that it has in place of a report
}

func newArrival(body io.Reader, most int64) *arrival {
	a := &arrival{body: body, most: most}
	a.dec = jsontext.NewDecoder(a, loose)
	return a
}

// Read is the decoder's, which asks for more where a value has not ended yet.
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

// whole reads the answer, which is an object, to its end; see object.
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

// ended is the error of an answer that goes on.
func (a *arrival) ended() error {
	_, err := a.dec.ReadToken()
	if err == io.EOF {
		return nil
	}
	return cmp.Or(err, errGoesOn)
}

// object has field read, or skip, the value of each field of an object. What
// is none is skipped.
func (a *arrival) object(field func(name string) error) error {
	return a.values('{', func(int) error {
		name, err := a.dec.ReadToken()
		if err != nil {
			return err
		}
		return field(name.String())
	})
}

// values has next read, or skip, what is in an object or a list up to its end.
// What does not begin with start is skipped.
func (a *arrival) values(start jsontext.Kind, next func(index int) error) error {
	if a.dec.PeekKind() != start {
		return a.skip()
	}
	if _, err := a.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; a.dec.PeekKind() != start+2; i++ { // in ASCII as in JSON: [ and ], { and }
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

// text reads a text, as far as the value is one.
func (a *arrival) text(field string) (text string, err error) {
	raw, err := a.dec.ReadValue()
	if err == nil {
		setScalar(reflect.ValueOf(&text).Elem(), raw, field)
	}
	return text, err
}

// objects has use take the objects of a list, until it returns false. What is
// none is added to left.
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
			a.err, err = nil, errEnough // whatever became of the body behind it
		}
		return err
	})
}

// leftOut is what of a response is not an object where there should be one.
type leftOut struct {
	count int
	first int // the place of the first in its list
}

func (l *leftOut) add(index int) {
	if l.count == 0 {
		l.first = index
	}
	l.count++
}

// log says once for all of them that they are left out.
func (l leftOut) log(logger *slog.Logger, message string, p path) {
	if l.count > 0 {
		logger.Warn(message, slog.String("endpoint", p.template), slog.Int("count", l.count), slog.Int("first_index", l.first))
	}
}
