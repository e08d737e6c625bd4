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
	"reflect"
	"slices"

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
	if err := checkFootprint(reflect.TypeFor[P](), body); err != nil {
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
	if err := checkFootprint(reflect.TypeFor[[]P](), body); err != nil {
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

// Encode writes v as JSON, the same value always in the same way.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true))
}
