package lenient

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Foreign is like [Object], for a type that is not this module's. P is a pointer to
// any type. A type that a plan cannot describe is decoded by encoding/json: one that
// reads JSON itself, for example, or that has fields without a name for JSON. Of such a
// type, values that do not fit are left out, too, but none is converted.
func Foreign[P any](ctx context.Context, body []byte) (P, LeftOut, error) {
	t := reflect.TypeFor[P]()
	if isPlannable(t) {
		return Object[P](ctx, body)
	}
	var left LeftOut
	var p P
	if s := (scanner{data: body}); s.peek() != '{' && isObject(t.Elem()) {
		return p, left, ErrNotObject
	}
	if err := checkStandard(t, body); err != nil {
		return p, left, err
	}
	object, err := left.standard(t, body)
	p, _ = object.(P)
	return p, left, err
}

// ForeignList is like [List], for a type as in [Foreign].
func ForeignList[P any](ctx context.Context, body []byte) (list []P, left LeftOut, err error) {
	t := reflect.TypeFor[P]()
	if isPlannable(t) {
		return List[P](ctx, body)
	}
	s := scanner{data: body, stop: stopper{done: ctx.Done()}}
	if s.peek() != '[' {
		return nil, left, errNotList
	}
	if err := checkStandard(t, body); err != nil {
		return nil, left, err
	}
	list = []P{}
	err = s.each(func(i int) error {
		raw, err := s.value()
		switch {
		case err != nil:
			return err
		case i == maxElements:
			return errTooMany
		case raw[0] != '{' && isObject(t.Elem()):
			left.addElement(i)
			return nil
		}
		object, err := left.element(i, t, raw)
		if p, ok := object.(P); ok {
			list = append(list, p)
		}
		return err
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		list = nil
	}
	return list, left, err
}

// element decodes an element of a list by encoding/json.
func (l *LeftOut) element(i int, t reflect.Type, raw []byte) (any, error) {
	lost := len(l.lost)
	object, err := l.standard(t, raw)
	l.underIndex(i, lost)
	if err != nil {
		return nil, fmt.Errorf("element %d: %w", i, err)
	}
	return object, nil
}

// isObject reports whether only an object fits a type.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Map || t.Kind() == reflect.Struct && !readsItself(t)
}

// checkStandard returns an error if a response could take too much memory once it is
// decoded by encoding/json, as [checkFootprint] does for a plan.
func checkStandard(t reflect.Type, body []byte) error {
	largest := max(largestIn(t, map[reflect.Type]bool{}), costMap)
	if mostValues(body)*largest > max(footprintRatio*int64(len(body)), footprintFree) {
		return ErrTooLarge
	}
	return nil
}

// standard decodes JSON by encoding/json into what a pointer type points to.
func (l *LeftOut) standard(t reflect.Type, data []byte) (any, error) {
	object := reflect.New(t.Elem())
	err := json.Unmarshal(data, object.Interface())
	if mismatch, ok := err.(*json.UnmarshalTypeError); ok && mismatch.Field != "" {
		l.losses++ // encoding/json reports only the first
		found, _, _ := strings.Cut(mismatch.Value, " ")
		if len(l.lost) < mostLosses {
			l.lost = append(l.lost, loss{mismatch.Field, found + " where a " + mismatch.Type.String() + " is expected"})
		}
		err = nil
	}
	if mismatch, ok := err.(*json.UnmarshalTypeError); ok {
		found, _, _ := strings.Cut(mismatch.Value, " ")
		err = fmt.Errorf("a JSON %s does not fit a %s", found, t.Elem())
	}
	if err != nil {
		return nil, err
	}
	return object.Interface(), nil
}

// largestIn returns the size of the largest type that decoding into t allocates.
func largestIn(t reflect.Type, seen map[reflect.Type]bool) int64 {
	if seen[t] {
		return 0
	}
	seen[t] = true
	size := int64(t.Size())
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return max(size, largestIn(t.Elem(), seen))
	case reflect.Map:
		return max(size, entryCost(t.Key(), t.Elem())/8+costMap, largestIn(t.Elem(), seen))
	case reflect.Struct:
		for field := range t.Fields() {
			size = max(size, largestIn(field.Type, seen))
		}
	}
	return size
}

var plannable sync.Map // of bool, by reflect.Type

// isPlannable reports whether a plan decodes a pointer type as encoding/json would, except
// for tolerated values.
func isPlannable(t reflect.Type) bool {
	if known, ok := plannable.Load(t); ok {
		return known.(bool)
	}
	fits := t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && t.Elem() != timeType && fitsPlan(t, map[reflect.Type]bool{})
	plannable.Store(t, fits)
	return fits
}

func fitsPlan(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || t == timeType {
		return true
	}
	seen[t] = true
	if readsItself(t) {
		return isScalar(t.Kind()) && reflect.PointerTo(t).Implements(reflect.TypeFor[unmarshaler]())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return t.Elem().Kind() != reflect.Pointer && t.Elem().Kind() != reflect.Interface && fitsPlan(t.Elem(), seen)
	case reflect.Slice:
		return fitsPlan(t.Elem(), seen)
	case reflect.Map:
		return t.Key().Kind() == reflect.String && !readsItself(t.Key()) && fitsPlan(t.Elem(), seen)
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Struct:
		names := map[string]bool{}
		return fieldsFit(t, names, seen) && len(names) <= mostFields
	}
	return isScalar(t.Kind())
}

// mostFields is how many fields a type may have for a plan, which remembers the names of
// fewer; see mostParts.
const mostFields = 4 * 64

// fieldsFit reports whether a plan has the fields of a struct, and adds their names.
func fieldsFit(t reflect.Type, names map[string]bool, seen map[reflect.Type]bool) bool {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && name == "":
			if f.Type.Kind() != reflect.Struct || options != "" || readsItself(f.Type) || !fieldsFit(f.Type, names, seen) {
				return false
			}
		case tag == "-", !f.IsExported() && !f.Anonymous:
		case !tagged, name == "", name == "-", names[name], !f.IsExported(), !isPlainOption(options), !fitsPlan(f.Type, seen):
			return false
		default:
			names[name] = true
		}
	}
	return true
}

func isPlainOption(options string) bool {
	return !slices.ContainsFunc(strings.Split(options, ","), func(option string) bool {
		return option != "" && option != "omitempty" && option != "omitzero"
	})
}

// readsItself reports whether a type reads its JSON or its text.
func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t != timeType && (p.Implements(reflect.TypeFor[unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()))
}

func isScalar(kind reflect.Kind) bool {
	return slices.Contains([]reflect.Kind{reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64}, kind)
}

// CheckJSON returns an error unless a text is one JSON value.
func CheckJSON(text []byte) error {
	if !json.Valid(text) {
		return errors.New("it is not JSON")
	}
	return nil
}

// FieldNamed returns the index of the field of a struct that has a name in JSON, or nil.
// A field in an embedded pointer, which can be nil, does not count.
func FieldNamed(t reflect.Type, name string) []int {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name && f.IsExported() && !throughPointer(t, f.Index) {
			return f.Index
		}
	}
	return nil
}

// throughPointer reports whether a field is in an embedded pointer.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// Encode writes v as JSON, the same value always in the same way. Text that is not
// UTF-8 is an error: the server would get another text.
func Encode(v any) ([]byte, error) {
	var data bytes.Buffer
	to := json.NewEncoder(&data)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return nil, err
	}
	if !isText(reflect.ValueOf(v)) { // which would not end in a value that contains itself
		return nil, errors.New("a text is not valid UTF-8")
	}
	return bytes.TrimSuffix(data.Bytes(), []byte("\n")), nil
}

// isText reports whether all texts in v are valid UTF-8.
func isText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return isText(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if !isText(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for name, value := range v.Seq2() {
			if !isText(name) || !isText(value) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !isText(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
