package gitlabci

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An answer is decoded strictly first, which is fast. Only what does not fit is
// decoded again by forgive: older servers, and proxies between, write some
// values otherwise. A name twice in one object does not fit either; the second
// time, the last one wins.
var (
	strict = json.JoinOptions(jsontext.AllowInvalidUTF8(true))
	loose  = json.JoinOptions(strict, jsontext.AllowDuplicateNames(true))
	kindly = json.JoinOptions(loose, json.WithUnmarshalers(json.UnmarshalFromFunc(forgive)))
)

var (
	errNotObject = errors.New("the answer is not a JSON object")
	errNotArray  = errors.New("the answer is not a JSON array")

	errGoesOn = errors.New("the answer goes on after its end")
	errEnough = errors.New("nothing more is wanted")
)

// decodeObject decodes an object into a new P. Here and below P is a pointer to
// a struct: those are all alike to the compiler, which otherwise makes a copy
// of this code, and of what calls it, for each struct that GitLab answers with.
func decodeObject[P any](body []byte) (P, error) {
	var object, again P
	if jsontext.Value(body).Kind() != '{' {
		return object, errNotObject
	}
	if err := json.Unmarshal(body, &object, strict); err == nil {
		return object, nil
	}
	return again, json.Unmarshal(body, &again, kindly)
}

// decodeList calls skipped with the place of each element that is not an
// object, and leaves it out.
func decodeList[P any](body []byte, skipped func(index int)) ([]P, error) {
	if jsontext.Value(body).Kind() != '[' {
		return nil, errNotArray
	}
	var list []P
	var null P
	isNull := func(object P) bool { return any(object) == any(null) }
	if err := json.Unmarshal(body, &list, strict); err == nil && !slices.ContainsFunc(list, isNull) {
		return list, nil
	}
	var elements []jsontext.Value
	if err := json.Unmarshal(body, &elements, loose); err != nil {
		return nil, err
	}
	list = make([]P, 0, len(elements))
	for i, element := range elements {
		if element.Kind() != '{' {
			skipped(i)
			continue
		}
		object, err := decodeObject[P](element)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		list = append(list, object)
	}
	return list, nil
}

// An arrival is an answer that is decoded while it arrives, so that only the
// value at hand is in memory. None may be much larger than most, in bytes.
type arrival struct {
	dec  *jsontext.Decoder
	body io.Reader
	most int64
	read int64 // of the body, so far
	err  error // of the body
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
		if _, err = a.dec.ReadToken(); err == io.EOF {
			return nil
		}
		err = cmp.Or(err, errGoesOn)
	}
	return cmp.Or(a.err, err)
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

func (a *arrival) skip() error { return a.dec.SkipValue() }

// text reads a text, as far as the value is one.
func (a *arrival) text(field string) (text string, err error) {
	raw, err := a.dec.ReadValue()
	if err == nil {
		setScalar(reflect.ValueOf(&text).Elem(), raw, field)
	}
	return text, err
}

// objects has use take the objects of a list, until it returns false, and
// leaves out what is none: skipped is called with its place.
func objects[P any](a *arrival, use func(P) bool, skipped func(index int)) error {
	return a.values('[', func(i int) error {
		raw, err := a.dec.ReadValue()
		if err != nil {
			return err
		}
		if raw.Kind() != '{' {
			skipped(i)
			return nil
		}
		object, err := decodeObject[P](raw)
		if err == nil && !use(object) {
			a.err, err = nil, errEnough // whatever became of the body behind it
		}
		return err
	})
}

// forgive decodes the value at dec into the variable that target points to, as
// far as it fits. What does not is zero.
func forgive(dec *jsontext.Decoder, target any) error {
	v := reflect.ValueOf(target).Elem()
	v.SetZero()                        // a value of the same name before this one
	if v.Kind() == reflect.Interface { // whatever comes fits
		return errors.ErrUnsupported
	}
	kind := dec.PeekKind()
	if isComposite(v.Type()) {
		if kind == compositeKind(v.Type()) {
			return errors.ErrUnsupported // the library goes in, and comes back here
		}
		return dec.SkipValue()
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	scalar := v
	if v.Kind() == reflect.Pointer {
		scalar = reflect.New(v.Type().Elem()).Elem()
	}
	if setScalar(scalar, raw, dec.StackPointer().LastToken()) && v.Kind() == reflect.Pointer {
		v.Set(scalar.Addr())
	}
	return nil
}

var timeType = reflect.TypeFor[time.Time]()

// isComposite reports whether values of t, or what it points to, hold others.
func isComposite(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return t != timeType
	case reflect.Slice, reflect.Map:
		return true
	}
	return false
}

func compositeKind(t reflect.Type) jsontext.Kind {
	if t.Kind() == reflect.Slice {
		return '['
	}
	return '{'
}

// setScalar sets v from a JSON value and reports whether it fits.
func setScalar(v reflect.Value, raw jsontext.Value, field string) bool {
	text := strings.ToValidUTF8(string(raw), "\uFFFD")
	switch raw.Kind() {
	case 'n':
		return false
	case '"':
		text = unquote(raw)
	case '{', '[':
		// JUnit files have been seen to make GitLab send more than text.
		if field != "system_output" {
			return false
		}
	}
	if v.Type() == timeType {
		t, ok := parseTime(text)
		v.Set(reflect.ValueOf(t))
		return ok
	}
	return parseScalar(v, text)
}

// unquote decodes a JSON string, and repairs what in it is not UTF-8.
func unquote(raw jsontext.Value) (text string) {
	if json.Unmarshal(raw, &text, loose) != nil {
		return ""
	}
	return text
}

func parseScalar(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return true
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err == nil
	case reflect.Int, reflect.Int64:
		n, ok := parseInt(text)
		if !ok || v.OverflowInt(n) { // an int can have 32 bits
			return false
		}
		v.SetInt(n)
		return true
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		v.SetFloat(f)
		return true
	}
	return false
}

// parseInt reads whole numbers, such as 12 and 12.0.
func parseInt(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53
}

// parseTime reads the ways in which GitLab has written times.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func encodeJSON(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true))
}

// jsonMessage finds the message in the JSON of an error, in any of the shapes
// that GitLab's frameworks give it, and whether it is the one of a route that
// does not exist. It is not ok where there is no JSON object or no message.
func jsonMessage(body []byte) (message string, noRoute, ok bool) {
	var fields map[string]jsontext.Value
	if json.Unmarshal(body, &fields, loose) != nil || fields == nil {
		return "", false, false
	}
	if m, ok := fields["message"]; ok {
		return flatten(m), false, true
	}
	code := flatten(fields["error"])
	for _, extra := range []struct{ name, format string }{{"error_description", "%s: %s"}, {"scope", "%s (scope: %s)"}} {
		if text := flatten(fields[extra.name]); text != "" {
			code = fmt.Sprintf(extra.format, code, text)
		}
	}
	return code, code == "404 Not Found", code != ""
}

// flatten writes nested messages as one: lists by commas, fields by their
// names, in the order in which they came.
func flatten(value jsontext.Value) string {
	if len(value) == 0 {
		return ""
	}
	f := flattener{dec: jsontext.NewDecoder(bytes.NewReader(value), loose)}
	if f.value() != nil {
		return string(value) // nested too deep to be a message
	}
	return f.text.String()
}

type flattener struct {
	dec  *jsontext.Decoder
	text strings.Builder
}

func (f *flattener) value() error {
	token, err := f.dec.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '[':
		return f.values(']', ", ")
	case '{':
		return f.values('}', "; ")
	case 'n':
		return nil
	}
	f.text.WriteString(token.String())
	return nil
}

// values reads the elements of a list or the fields of an object to its end.
func (f *flattener) values(end jsontext.Kind, separator string) error {
	for i := 0; f.dec.PeekKind() != end; i++ {
		if i > 0 {
			f.text.WriteString(separator)
		}
		if end == '}' {
			name, err := f.dec.ReadToken()
			if err != nil {
				return err
			}
			if key := name.String(); key != "base" && key != "error" { // they say nothing of their own
				f.text.WriteString(key + ": ")
			}
		}
		if err := f.value(); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return err
}
