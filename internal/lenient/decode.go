// Package lenient decodes JSON as GitLab really sends it. It is handed the body of
// a response, whole or as a stream, and the type to decode it into. Values of
// another type, names that are repeated and text that is not UTF-8 are accepted, as
// far as they have a meaning; a response that would fill the memory is not.
//
// It alone knows which JSON library does the work. It makes no requests, and it does
// not know whether an object is the requested one.
package lenient

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A response is decoded strictly first, which is fast. Only what does not fit is
// decoded again by forgive: older servers, and proxies between, write some
// values otherwise. A name twice in one object does not fit either; the second
// time, the last one wins.
var (
	strict = json.JoinOptions(jsontext.AllowInvalidUTF8(true))
	loose  = json.JoinOptions(strict, jsontext.AllowDuplicateNames(true))
	kindly = json.JoinOptions(loose, json.WithUnmarshalers(json.UnmarshalFromFunc(forgive)))
)

// ErrNotObject means that a response is something other than one JSON object.
var ErrNotObject = errors.New("the answer is not a JSON object")

var errNotList = errors.New("the answer is not a JSON array")

// Object decodes an object into a new P, unless that would take too much memory.
// Here and below, P is a pointer to a struct. The compiler shares one copy of this
// code, and of its callers, among all pointer types; with struct types, it would
// make a copy for each.
func Object[P any](body []byte) (P, error) {
	var none P
	if jsontext.Value(body).Kind() != '{' {
		return none, ErrNotObject
	}
	if err := checkFootprint[P](body); err != nil {
		return none, err
	}
	return decode[P](body)
}

// decode decodes an object whose footprint has been checked.
func decode[P any](body []byte) (P, error) {
	var object, again P
	if err := json.Unmarshal(body, &object, strict); err == nil {
		return object, nil
	}
	return again, json.Unmarshal(body, &again, kindly)
}

// List decodes a list of at most maxElements, unless that would take too much
// memory. Elements that are not objects are left out.
func List[P any](body []byte) ([]P, LeftOut, error) {
	if jsontext.Value(body).Kind() != '[' {
		return nil, LeftOut{}, errNotList
	}
	if err := checkFootprint[[]P](body); err != nil {
		return nil, LeftOut{}, err
	}
	var list []P
	var null P
	isNull := func(object P) bool { return any(object) == any(null) }
	if err := json.Unmarshal(body, &list, strict); err != nil || slices.ContainsFunc(list, isNull) {
		return elements[P](body)
	}
	if len(list) > maxElements {
		return nil, LeftOut{}, errTooMany
	}
	return list, LeftOut{}, nil
}

// elements decodes a list element by element.
func elements[P any](body []byte) (list []P, left LeftOut, err error) {
	list = []P{}
	s := &Stream{dec: jsontext.NewDecoder(bytes.NewBuffer(body), loose)}
	err = s.List(func(i int) error {
		if i == maxElements {
			return errTooMany
		}
		element, err := s.dec.ReadValue()
		if err != nil {
			return err
		}
		if element.Kind() != '{' {
			left.add(i)
			return nil
		}
		object, err := decode[P](element)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		list = append(list, object)
		return nil
	})
	if err = cmp.Or(err, s.ended()); err != nil {
		return nil, LeftOut{}, err
	}
	return list, left, nil
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
	if setScalar(scalar, raw, fieldOf(dec, raw)) && v.Kind() == reflect.Pointer {
		v.Set(scalar.Addr())
	}
	return nil
}

// fieldOf is the name of the field that dec has just read, if that matters: for
// an object or a list in place of a scalar. It takes as long as the names of all
// that the value stands in.
func fieldOf(dec *jsontext.Decoder, raw jsontext.Value) string {
	inside, _ := dec.StackIndex(dec.StackDepth())
	if kind := raw.Kind(); kind != '{' && kind != '[' || inside != '{' {
		return ""
	}
	return dec.StackPointer().LastToken()
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
	var text string
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
		fallthrough
	default:
		text = strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	if v.Type() == timeType {
		t, ok := ParseTime(text)
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

// ParseTime reads the ways in which GitLab has written times.
func ParseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Encode writes v as JSON, the same value always in the same way.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true))
}
