// Package query turns the options of this module's methods into queries. It is handed a
// struct with tags for github.com/google/go-querystring, and returns what that package
// returns, but reads the tags of a type once instead of in each call.
//
// It knows the tags and the types of fields that these options have, and no others. It makes
// no requests, and knows no parameter of GitLab's.
package query

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A parameter is a field of options. It is left out if it is zero or an empty list. A pointer
// to false or 0 is not left out.
type parameter struct {
	name   string
	index  []int  // of the field
	comma  bool   // a list is one value
	layout string // of a time
}

var known sync.Map // of []parameter, by reflect.Type

// Values returns the query that a struct of options stands for, or a pointer to one, which
// may be nil.
func Values(opts any) url.Values {
	values := url.Values{}
	v := reflect.Indirect(reflect.ValueOf(opts))
	if !v.IsValid() {
		return values
	}
	parameters, ok := known.Load(v.Type())
	if !ok {
		parameters, _ = known.LoadOrStore(v.Type(), parametersOf(v.Type(), nil))
	}
	for _, p := range parameters.([]parameter) {
		if texts := p.texts(v.FieldByIndex(p.index)); len(texts) > 0 {
			values[p.name] = texts
		}
	}
	return values
}

// parametersOf returns the parameters of a struct, with those of embedded ones.
func parametersOf(t reflect.Type, path []int) (found []parameter) {
	for f := range t.Fields() {
		tag, index := f.Tag.Get("url"), append(path[:len(path):len(path)], f.Index...)
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous:
			found = append(found, parametersOf(f.Type, index)...)
			continue
		case name == "-":
			continue
		case strings.Contains(options, "brackets"):
			name += "[]"
		}
		found = append(found, parameter{name, index, strings.Contains(options, "comma"), f.Tag.Get("layout")})
	}
	return found
}

// texts returns the values of a parameter.
func (p *parameter) texts(v reflect.Value) (texts []string) {
	at, isTime := reflect.TypeAssert[time.Time](v)
	switch {
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			texts = append(texts, fmt.Sprint(v.Index(i)))
		}
		if p.comma && len(texts) > 0 {
			return []string{strings.Join(texts, ",")}
		}
		return texts
	case v.IsZero(), isTime && at.IsZero():
		return nil
	case isTime:
		return []string{at.Format(p.layout)}
	}
	return []string{fmt.Sprint(reflect.Indirect(v))}
}
