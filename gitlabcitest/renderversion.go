package gitlabcitest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// shown is what a release shows of a body. Fields have the first release that
// shows them in a tag, since:"14.6", or the first that no longer does,
// until:"17.8"; those of the latter kind are empty, and left out by the newest
// release for that, which shows bodies as they are. Other than those of iid, of
// name and of what came with 19.4, these releases are estimates.
func shown(v versions.Version, body any) any {
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
		object.Write(encodeJSON(one.name))
		object.WriteByte(':')
		object.Write(encodeJSON(one.value))
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

// The releases of the changes below are estimates.

func (r *renderer) before(major, minor int) bool { return r.version.Before(versions.Of(major, minor)) }

// pipelineSeconds is null for a time that is not known, and whole in newer
// releases.
func (r *renderer) pipelineSeconds(d time.Duration, known bool) *float64 {
	s := seconds(d, known)
	if s != nil && !r.before(15, 0) {
		*s = math.Floor(*s)
	}
	return s
}

// percent is a pipeline's coverage, which is text.
func (r *renderer) percent(f *float64) *string {
	switch {
	case f == nil:
		return nil
	case !r.before(15, 0):
		return new(fmt.Sprintf("%.2f", *f))
	case *f == math.Trunc(*f):
		return new(fmt.Sprintf("%.1f", *f))
	}
	return new(strconv.FormatFloat(*f, 'f', -1, 64))
}

// detailedStatus is a pipeline's status as GitLab's pages show it.
func (r *renderer) detailedStatus(p *pipeline) statusJSON {
	s := detailedStatus(p)
	if r.before(16, 4) {
		s.Text = strings.ToLower(s.Text)
	}
	return s
}
