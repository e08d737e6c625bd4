package lenient

import (
	"bytes"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Costs in bytes, rounded up.
const (
	costName   = 128    // of a name in an object with many names: the decoder keeps them to find duplicates
	costNames  = 64     // up to this many names, an object costs nothing more
	costText   = 5      // of each byte of a text, if invalid UTF-8 is replaced and the allocator rounds up
	costZone   = 192    // of a time zone
	costMap    = 64     // of a map without entries, or of the value in an interface
	costDepths = 10_000 // levels of nesting; the decoder allows no more
)

// A shape describes how much memory the values of a type take.
type shape struct {
	kind   shapeKind
	slot   int64 // as an element of a list, which is copied as it grows
	own    int64 // of each value but null, beyond the slot: what it points to
	entry  int64 // of a key and its value in a map
	fields []field
	places map[string]int // indexes of the fields, by name
	elem   *shape         // of a list or map
}

// A field is a field of a struct.
type field struct {
	name  string
	shape *shape
}

type shapeKind uint8

const (
	shapeScalar shapeKind = iota
	shapeText
	shapeStruct
	shapeList
	shapeMap
	shapeAny
)

// A plan is the shape of the type that a response is decoded into, and the most
// memory that any one value in the response can take.
type plan struct {
	root *shape
	most int64
}

var plans sync.Map // of *plan, by reflect.Type

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	b := planner{shapes: map[reflect.Type]*shape{}, most: costName}
	p := &plan{root: b.shape(t)}
	p.most = b.most
	plans.Store(t, p)
	return p
}

type planner struct {
	shapes map[reflect.Type]*shape
	most   int64
}

func (b *planner) shape(t reflect.Type) *shape {
	if s := b.shapes[t]; s != nil {
		return s
	}
	size := int64(t.Size())
	s := &shape{slot: 2*size + min(size/4, 8)}
	b.shapes[t] = s // first, since the type may contain itself
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
		s.own = int64(t.Size() + t.Size()/8 + 16)
	}
	switch {
	case t == timeType:
		s.own += costZone
	case t.Kind() == reflect.String:
		s.kind = shapeText
	case t.Kind() == reflect.Struct:
		s.kind, s.places = shapeStruct, map[string]int{}
		b.fields(s, t)
	case t.Kind() == reflect.Slice:
		s.kind, s.elem = shapeList, b.shape(t.Elem())
	case t.Kind() == reflect.Map:
		s.kind, s.elem = shapeMap, b.shape(t.Elem())
		s.own += costMap
		s.entry = entryCost(t.Key(), t.Elem())
	case t.Kind() == reflect.Interface:
		s.kind, s.elem, s.own = shapeAny, s, costMap
		s.entry = entryCost(reflect.TypeFor[string](), t)
	}
	b.most = max(b.most, s.slot+s.own, s.entry+s.own)
	if s.elem != nil {
		b.most = max(b.most, s.entry+s.elem.own)
	}
	return s
}

// entryCost is the cost of a map's first entry, which makes room for eight. Each
// entry after the eighth costs half as much while the map grows.
func entryCost(key, value reflect.Type) int64 {
	return 8*int64(key.Size()+value.Size()) + 48
}

// fields adds the fields of a struct, including those of embedded structs.
func (b *planner) fields(s *shape, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			b.fields(s, f.Type)
		case name != "-" && f.IsExported():
			s.places[name] = len(s.fields)
			s.fields = append(s.fields, field{name, b.shape(f.Type)})
		}
	}
}

// field finds the field with a name, and the index after it, which is often that
// of the next field. The index try is tried first.
func (s *shape) field(quoted []byte, try int) (found *shape, next int) {
	name := quoted[1:max(1, len(quoted)-1)]
	if try < len(s.fields) && s.fields[try].name == string(name) {
		return s.fields[try].shape, try + 1
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted)
	}
	i, known := s.places[string(name)]
	if !known {
		return nil, try
	}
	return s.fields[i].shape, i + 1
}
