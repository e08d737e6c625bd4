package lenient

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// An unmarshaler is a scalar that reads JSON itself.
type unmarshaler interface{ UnmarshalJSON([]byte) error }

// setScalar decodes the next value, which begins with c, into a scalar, which is zero.
// It reports whether it fits; if not, the scalar stays zero.
func (d *decoder) setScalar(s *shape, v reflect.Value, c byte, f *field) (fits bool, err error) {
	switch {
	case s.own:
		raw, err := d.value()
		if err != nil {
			return false, err
		}
		own, _ := reflect.TypeAssert[unmarshaler](v.Addr())
		return own.UnmarshalJSON(raw) == nil, nil
	case c == '"':
		raw, itself, err := d.text()
		if err != nil {
			return false, err
		}
		return d.setText(s, v, raw, itself, f), nil
	case c == '{' || c == '[':
		raw, err := d.value()
		if fits = s.kind == shapeText && keepsJSON(f.name); fits && err == nil {
			v.SetString(strings.ToValidUTF8(string(raw), "\uFFFD"))
		}
		return fits, err
	}
	raw, err := d.literal()
	if err != nil {
		return false, err
	}
	return d.setLiteral(s, v, raw, f), nil
}

// setLiteral sets a scalar from true, false or a number.
func (d *decoder) setLiteral(s *shape, v reflect.Value, raw []byte, f *field) bool {
	switch kind := s.typ.Kind(); {
	case s.isTime:
		return false
	case kind == reflect.String:
		v.SetString(d.keep(raw, f))
		return true
	case kind == reflect.Bool && (raw[0] == 't' || raw[0] == 'f'):
		v.SetBool(raw[0] == 't')
		return true
	case kind == reflect.Int64:
		if n, ok := integer(raw); ok {
			v.SetInt(n)
			return true
		}
	}
	return parseScalar(v, string(raw))
}

// setText sets a scalar from a string: raw is what is between the quotes, and itself
// whether that is the text.
func (d *decoder) setText(s *shape, v reflect.Value, raw []byte, itself bool, f *field) bool {
	if !itself {
		raw = unescape(raw)
	}
	if s.kind == shapeText {
		v.SetString(d.keep(raw, f))
		return true
	}
	if !s.isTime {
		return parseScalar(v, string(raw))
	}
	last := &d.last[f.number]
	if len(raw) == 0 || !bytes.Equal(last.raw, raw) {
		t, ok := parseTime(raw)
		if !ok {
			return false
		}
		last.raw, last.time = raw, t
	}
	to, _ := reflect.TypeAssert[*time.Time](v.Addr())
	*to = last.time
	return true
}

// parseTime parses a time, mostly in the layout of today's GitLab.
func parseTime(raw []byte) (t time.Time, ok bool) {
	if t.UnmarshalText(raw) == nil {
		return t, true
	}
	return ParseTime(string(raw))
}

// parseScalar sets v, which is a number or a bool, from a text, and reports whether it
// fits.
func parseScalar(v reflect.Value, text string) bool {
	switch v.Kind() {
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

// ID reads an identifier that may be a text or a whole number, which it returns as
// its digits. null and 0, which name nothing, are "".
func ID(raw []byte) (string, error) {
	s := scanner{data: raw}
	switch c := s.kind(); c {
	case 'n':
		return "", nil
	case '"':
		return s.string()
	case '{', '[', 't', 'f':
		return "", errors.New("neither a number nor a string")
	}
	n, ok := parseInt(string(raw))
	switch {
	case !ok:
		return "", fmt.Errorf("the number %s is not a whole one", raw)
	case n == 0:
		return "", nil
	}
	return strconv.FormatInt(n, 10), nil
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

// any decodes a value of unknown type: a map, a list, a string, a bool or a float64.
// It is nil for null and for numbers that a float64 cannot hold.
func (d *decoder) any() (any, error) {
	if d.deep++; d.deep > mostDepth {
		return nil, errDepth
	}
	defer func() { d.deep-- }()
	switch d.kind() {
	case '{':
		object := map[string]any{}
		err := d.names(func(name string) (err error) {
			object[name], err = d.any()
			return err
		})
		return object, err
	case '[':
		list := []any{}
		err := d.each(func(int) error {
			element, err := d.any()
			list = append(list, element)
			return err
		})
		return list, err
	case '"':
		return d.string()
	}
	raw, err := d.literal()
	if err != nil {
		return nil, err
	}
	switch raw[0] {
	case 't', 'f':
		return raw[0] == 't', nil
	case 'n':
		return nil, nil
	}
	number, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		d.left.lose(raw, "a number of 64 bits")
		return nil, nil
	}
	return number, nil
}

// textOf returns the text of any valid JSON, which is the value of a field.
func textOf(raw []byte, field string) (text string) {
	s := scanner{data: raw}
	switch c := s.kind(); {
	case c == 'n', (c == '{' || c == '[') && !keepsJSON(field):
		return ""
	case c == '"':
		text, _ = s.string() // of valid JSON
		return text
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// keepsJSON reports whether a text field keeps an object or a list as its JSON: JUnit
// files have been seen to make GitLab send more than text.
func keepsJSON(field string) bool { return field == "system_output" || field == "stack_trace" }
