package lenient

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Costs in bytes, rounded up.
const (
	costName  = 128 // of a name in an object with many names
	costNames = 64  // up to this many names, an object costs nothing more
	costText  = 5   // of each byte of a text, if invalid UTF-8 is replaced and the allocator rounds up
	costZone  = 192 // of a time zone
	costMap   = 64  // of a map without entries, or of the value in an interface
)

// A shape describes the values of a type: how they are decoded, and how much memory
// they take.
type shape struct {
	kind       shapeKind
	pointer    bool         // to a value of typ
	typ        reflect.Type // of the value
	unmarshals bool         // the type reads JSON itself
	isTime     bool
	flat       bool          // a copy shares nothing that can be changed
	empty      reflect.Value // list

	fields []field
	parts  [][]int        // indexes of the structs that have the fields: itself and those embedded
	places map[string]int // indexes of the fields, by name
	elem   *shape         // of a list or map

	slot  int64 // bytes as an element of a list, which is copied as it grows
	bytes int64 // of each value but null, beyond the slot: what it points to
	entry int64 // of a key and its value in a map
}

// A field is a field of a struct.
type field struct {
	label  string // its name
	quoted []byte // and that with quotes and colon
	shape  *shape
	part   int // of the struct that it is in; see shape.parts
	index  int // in that part
	place  int // of what it points to, or of its texts, in the plan's bundle, 0 if there is none
}

// structParts are a struct, and those embedded in it once they were looked up: each lookup
// by reflection takes time.
type structParts struct {
	shape *shape
	parts [4]reflect.Value
}

// field returns a field of the struct.
func (w *structParts) field(f *field) reflect.Value {
	if f.part >= len(w.parts) {
		return w.parts[0].FieldByIndex(w.shape.parts[f.part]).Field(f.index)
	}
	part := &w.parts[f.part]
	if !part.IsValid() {
		*part = w.parts[0].FieldByIndex(w.shape.parts[f.part])
	}
	return part.Field(f.index)
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

// bracket returns what the JSON of a value begins with: '{', '[', or 0 for a scalar.
func (s *shape) bracket() byte {
	switch s.kind {
	case shapeStruct, shapeMap:
		return '{'
	case shapeList:
		return '['
	}
	return 0
}

// A plan is the shape of the type that a response is decoded into, and the most
// memory that any one value in the response can take.
type plan struct {
	of   reflect.Type
	root *shape
	most int64

	// The bundle is a struct of the item's type, or of that of a list's elements, and of
	// all that its fields point to, and of room for their texts: so an item takes few
	// allocations. It is nil if the type has no such fields.
	bundle reflect.Type
	few    reflect.Type // of an array of items that point to nothing, or nil

	decoders sync.Pool // of *decoder
}

var timeType = reflect.TypeFor[time.Time]()

var plans sync.Map // of *plan, by reflect.Type

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	b := planner{shapes: map[reflect.Type]*shape{}, most: costName}
	p := &plan{of: t, root: b.shape(t)}
	item := p.root
	if item.kind == shapeList {
		item = item.elem // which is decoded as an item
	}
	if p.bundle = bundleOf(item); p.bundle != nil {
		item.bytes = int64(p.bundle.Size() + p.bundle.Size()/8 + 16)
	}
	if item.pointer && item.flat && item.typ.Size() <= fewBytes {
		p.few = reflect.ArrayOf(fewItems, item.typ)
	}
	p.most = max(b.most, item.slot+item.bytes)
	plans.Store(t, p)
	return p
}

// mostPlaces is how many pointees and lists a bundle has: one bit of memory.used for each.
const mostPlaces = 63

// fewTexts is an array for a list of texts, such as tags, which mostly has no more.
type fewTexts [2]string

// bundleOf returns the bundle of a pointer to a struct.
func bundleOf(root *shape) reflect.Type {
	if !root.pointer || root.kind != shapeStruct {
		return nil
	}
	parts := []reflect.StructField{{Name: "Item", Type: root.typ}}
	add := func(f *field, t reflect.Type) {
		if len(parts) <= mostPlaces && f.place == 0 {
			f.place = len(parts)
			parts = append(parts, reflect.StructField{Name: "Place" + strconv.Itoa(f.place), Type: t})
		}
	}
	addTexts := func(s *shape) {
		for i := range s.fields {
			if f := &s.fields[i]; f.shape.kind == shapeList && !f.shape.pointer && f.shape.typ.Elem() == reflect.TypeFor[string]() {
				add(f, reflect.TypeFor[fewTexts]())
			}
		}
	}
	addTexts(root)
	for i := range root.fields {
		if f := &root.fields[i]; f.shape.pointer {
			add(f, f.shape.typ)
			addTexts(f.shape)
		}
	}
	if len(parts) == 1 {
		return nil
	}
	return reflect.StructOf(parts)
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
		s.pointer, t = true, t.Elem()
		s.bytes = int64(t.Size() + t.Size()/8 + 16)
	}
	b.describe(s, t)
	b.most = max(b.most, s.slot+s.bytes, s.entry+s.bytes)
	if s.elem != nil {
		b.most = max(b.most, s.entry+s.elem.bytes)
	}
	return s
}

// describe describes the values of a type that is no pointer.
func (b *planner) describe(s *shape, t reflect.Type) {
	s.typ = t
	s.unmarshals = t != timeType && reflect.PointerTo(t).Implements(reflect.TypeFor[unmarshaler]())
	switch {
	case t == timeType:
		s.isTime, s.flat = true, true
		s.bytes += costZone
	case t.Kind() == reflect.String:
		s.kind, s.flat = shapeText, true
	case t.Kind() == reflect.Struct:
		s.kind, s.places = shapeStruct, map[string]int{}
		b.fields(s, t, nil)
		s.flat = !slices.ContainsFunc(s.fields, func(f field) bool { return !f.shape.flat || f.shape.pointer })
	case t.Kind() == reflect.Slice:
		s.kind, s.elem, s.empty = shapeList, b.shape(t.Elem()), reflect.MakeSlice(t, 0, 0)
	case t.Kind() == reflect.Map:
		s.kind, s.elem = shapeMap, b.shape(t.Elem())
		s.bytes += costMap
		s.entry = entryCost(t.Key(), t.Elem())
	case t.Kind() == reflect.Interface:
		s.kind, s.elem, s.bytes = shapeAny, s, costMap
		s.entry = entryCost(reflect.TypeFor[string](), t)
	default:
		s.flat = true
	}
}

// entryCost is the cost of a map's first entry, which makes room for eight. Each
// entry after the eighth costs half as much while the map grows.
func entryCost(key, value reflect.Type) int64 {
	return 8*int64(key.Size()+value.Size()) + 48
}

// fields adds the fields of a struct, including those of embedded structs.
func (b *planner) fields(s *shape, t reflect.Type, path []int) {
	part := len(s.parts)
	s.parts = append(s.parts, path)
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			b.fields(s, f.Type, append(slices.Clip(path), i))
		case name != "-" && f.IsExported():
			s.places[name] = len(s.fields)
			s.fields = append(s.fields, field{label: name, quoted: fmt.Appendf(nil, "%q:", name), shape: b.shape(f.Type), part: part, index: i})
		}
	}
}

// index returns the index of the field with a name, or -1. Raw is what is between the
// quotes, and itself whether that is the name.
func (s *shape) index(raw []byte, itself bool) int {
	if !itself {
		raw = unescape(nil, raw)
	}
	if i, ok := s.places[string(raw)]; ok {
		return i
	}
	return -1
}
