// Package shape is what GitLab's JSON looks like: the objects with their fields in
// order, and which release shows which of them, see [Shown].
//
// It is handed values, and returns JSON. The structs are written out by hand and
// not taken from package gitlabci, so that a wrong tag there is found. It never
// decides what the values are: the renderer of package gitlabcitest fills them in.
package shape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// Each renders the elements of a list, which is never null.
func Each[T, R any](list []T, render func(T) R) []R {
	rendered := make([]R, 0, len(list))
	for _, one := range list {
		rendered = append(rendered, render(one))
	}
	return rendered
}

// OrNull is null for zero.
func OrNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Timestamp is null for zero.
func Timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// LongAgo is the time of creation of all objects that tests do not add.
var LongAgo = Timestamp(time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC))

// Seconds is null for a time that is not known.
func Seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	return new(max(d, 0).Seconds())
}

// Rounded takes the noise out of a sum of seconds.
func Rounded(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }

// Shown is a body as a release shows it. Fields have tags: since:"14.6" is the first
// release that shows them, and until:"17.8" is the first that no longer does. The newest
// release shows bodies as they are; fields with until are then empty, and so left out.
// Except for iid, name and the fields of 19.4, these releases are estimates.
func Shown(v versions.Version, body any) any {
	if _, raw := body.([]byte); raw || body == nil || v == versions.Newest {
		return body
	}
	return trim(v, reflect.ValueOf(body))
}

func trim(v versions.Version, value reflect.Value) any {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil
		}
		return trim(v, value.Elem())
	case reflect.Slice:
		elements := make([]any, value.Len())
		for i := range elements {
			elements[i] = trim(v, value.Index(i))
		}
		return elements
	case reflect.Struct:
		return trimObject(v, value)
	default:
		return value.Interface()
	}
}

// A shownObject is an object as a release shows it, whose keys have an order.
type shownObject []shownField

type shownField struct {
	name  string
	value any
}

func trimObject(v versions.Version, object reflect.Value) (found shownObject) {
	for field, value := range object.Fields() {
		switch {
		case field.Anonymous:
			found = append(found, trimObject(v, value)...)
		case shows(v, field.Tag, value):
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			found = append(found, shownField{name, trim(v, value)})
		}
	}
	return found
}

// shows reports whether a release has a field.
func shows(v versions.Version, tag reflect.StructTag, value reflect.Value) bool {
	from, _ := versions.Parse(tag.Get("since"))
	until, gone := versions.Parse(tag.Get("until"))
	_, options, _ := strings.Cut(tag.Get("json"), ",")
	omitted := strings.HasPrefix(options, "omit") && value.IsZero() && !gone
	return versions.Known{From: from, Until: until}.In(v) && !omitted
}

// MarshalJSON writes the object.
func (m shownObject) MarshalJSON() ([]byte, error) {
	var object bytes.Buffer
	object.WriteByte('{')
	for i, one := range m {
		if i > 0 {
			object.WriteByte(',')
		}
		object.Write(Encode(one.name))
		object.WriteByte(':')
		object.Write(Encode(one.value))
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

// Encode encodes a value as JSON. It panics for a value that cannot be JSON, which is a
// mistake of this package or its users.
func Encode(v any) []byte {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(v); err != nil {
		panic(fmt.Sprintf("gitlabcitest: rendering %T: %v", v, err))
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}
