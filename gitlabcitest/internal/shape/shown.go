package shape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// Shown is what a release shows of a body. Fields have the first release that
// shows them in a tag, since:"14.6", or the first that no longer does,
// until:"17.8"; those of the latter kind are empty, and left out by the newest
// release for that, which shows bodies as they are. Other than those of iid, of
// name and of what came with 19.4, these releases are estimates.
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

// Encode makes JSON of a value. What cannot be JSON is a mistake of this package
// and its users, and panics.
func Encode(v any) []byte {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(v); err != nil {
		panic(fmt.Sprintf("gitlabcitest: rendering %T: %v", v, err))
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}
