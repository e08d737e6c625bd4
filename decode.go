package gitlabci

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
)

// decodeObject decodes an object into a new P, unless that would take too much
// memory. Here and below, P is a pointer to a struct. The compiler shares one copy
// of this code, and of its callers, among all pointer types; with struct types, it
// would make a copy for each.
func decodeObject[P any](body []byte) (P, error) {
	var none P
	if jsontext.Value(body).Kind() != '{' {
		return none, errNotObject
	}
	if err := checkFootprint[P](body); err != nil {
		return none, err
	}
	return decodeChecked[P](body)
}

// hasID reports whether a body is an object with a usable ID.
func hasID(body []byte) bool {
	object, err := decodeObject[*struct {
		ID int64 `json:"id"`
	}](body)
	return err == nil && object.ID > 0
}

// decodeThing decodes an object, and checks that it is what was requested.
func decodeThing[P any](body []byte) (P, error) {
	object, err := decodeObject[P](body)
	if err == nil {
		err = checkThing(object)
	}
	return object, err
}

func decodeChecked[P any](body []byte) (P, error) {
	var object, again P
	if err := json.Unmarshal(body, &object, strict); err == nil {
		return object, nil
	}
	return again, json.Unmarshal(body, &again, kindly)
}

// decodeList decodes a list of at most maxElements, unless that would take too
// much memory. Elements that are not objects are left out.
func decodeList[P any](body []byte) ([]P, leftOut, error) {
	if jsontext.Value(body).Kind() != '[' {
		return nil, leftOut{}, errNotArray
	}
	if err := checkFootprint[[]P](body); err != nil {
		return nil, leftOut{}, err
	}
	var list []P
	var null P
	isNull := func(object P) bool { return any(object) == any(null) }
	if err := json.Unmarshal(body, &list, strict); err != nil || slices.ContainsFunc(list, isNull) {
		return decodeElements[P](body)
	}
	if len(list) > maxElements {
		return nil, leftOut{}, errTooMany
	}
	return list, leftOut{}, nil
}

// decodeElements decodes a list element by element.
func decodeElements[P any](body []byte) (list []P, left leftOut, err error) {
	list = []P{}
	a := &arrival{dec: jsontext.NewDecoder(bytes.NewBuffer(body), loose)}
	err = a.values('[', func(i int) error {
		if i == maxElements {
			return errTooMany
		}
		element, err := a.dec.ReadValue()
		if err != nil {
			return err
		}
		if element.Kind() != '{' {
			left.add(i)
			return nil
		}
		object, err := decodeChecked[P](element)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		list = append(list, object)
		return nil
	})
	if err = cmp.Or(err, a.ended()); err != nil {
		return nil, leftOut{}, err
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
