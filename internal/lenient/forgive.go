package lenient

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// forgive decodes the value at dec into the variable that target points to, as
// far as it fits. What does not is zero.
func forgive(dec *jsontext.Decoder, target any) error {
	v := reflect.ValueOf(target).Elem()
	v.SetZero()                        // a value of the same name before this one
	if v.Kind() == reflect.Interface { // any value fits
		return errors.ErrUnsupported
	}
	kind := dec.PeekKind()
	if isComposite(v.Type()) {
		if kind == compositeKind(v.Type()) {
			return errors.ErrUnsupported // the library decodes it, and calls forgive for what it holds
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

// fieldOf returns the name of the field that dec has just read, if it matters: for
// an object or a list in place of a scalar. The decoder builds the path of the whole
// value to find it, which takes time.
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

// An unmarshaler is a scalar that reads JSON itself, in the fast pass too.
type unmarshaler interface{ UnmarshalJSON([]byte) error }

// setScalar sets v from a JSON value and reports whether it fits.
func setScalar(v reflect.Value, raw jsontext.Value, field string) bool {
	if own, ok := reflect.TypeAssert[unmarshaler](v.Addr()); ok && v.Type() != timeType {
		return own.UnmarshalJSON(raw) == nil
	}
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

// ID reads an identifier that may be a text or a whole number, which it returns as
// its digits. null and 0, which name nothing, are "".
func ID(raw []byte) (string, error) {
	switch value := jsontext.Value(raw); value.Kind() {
	case 'n':
		return "", nil
	case '"':
		return unquote(value), nil
	case '0':
		n, ok := parseInt(string(raw))
		switch {
		case !ok:
			return "", fmt.Errorf("the number %s is not a whole one", raw)
		case n == 0:
			return "", nil
		}
		return strconv.FormatInt(n, 10), nil
	default:
		return "", errors.New("neither a number nor a string")
	}
}

// unquote decodes a JSON string, and repairs what in it is not UTF-8.
func unquote(raw jsontext.Value) (text string) {
	if json.Unmarshal(raw, &text, loose) != nil {
		return ""
	}
	return text
}

// parseScalar sets v, which is not a time, from a text and reports whether it fits.
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

// ParseTime parses a time in any of the layouts that GitLab has used.
func ParseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
