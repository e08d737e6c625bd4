// Package lenient decodes JSON as GitLab really sends it. It is handed the body of
// a response, whole or as a stream, and the type to decode it into. It accepts
// values of another type, repeated names and invalid UTF-8, as far as they have a
// meaning. It refuses a response that would fill the memory.
//
// It alone knows how JSON is read and written. It makes no requests, and it does not
// know whether an object is the requested one.
package lenient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// ErrNotObject means that a response is something other than one JSON object.
var ErrNotObject = errors.New("the response is not a JSON object")

var errNotList = errors.New("the response is not a JSON array")

// Object decodes an object into a new P, unless that would take too much memory, or
// the context ends. What does not fit is left out, also of an object with an error.
// Here and below, P is a pointer to a struct. The compiler shares one copy of this
// code, and of its callers, among all pointer types; with struct types, it would
// make a copy for each.
func Object[P any](ctx context.Context, body []byte) (P, LeftOut, error) {
	object, left, err := object(ctx, reflect.TypeFor[P](), body)
	p, _ := object.(P)
	return p, left, err
}

// object decodes an object into what a pointer type points to.
func object(ctx context.Context, t reflect.Type, body []byte) (any, LeftOut, error) {
	d := newDecoder(t)
	defer d.release()
	d.stop.done = ctx.Done()
	object, err := d.object(t, body)
	return object, d.left, err
}

func (d *decoder) object(t reflect.Type, body []byte) (any, error) {
	d.scanner = scanner{data: body, stop: d.stop}
	if d.kind() != '{' {
		return nil, ErrNotObject
	}
	if err := checkFootprint(t, body, d.stop); err != nil {
		return nil, err
	}
	v := d.newItem(d.plan)
	err := d.fields(d.plan.root, v)
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, err
	}
	return v.Addr().Interface(), nil
}

// List decodes a list of at most maxElements, unless that would take too much
// memory. Elements that are not objects are left out, and what does not fit, also of
// a list with an error.
func List[P any](ctx context.Context, body []byte) (list []P, left LeftOut, err error) {
	list = []P{}
	left, err = elements(ctx, reflect.TypeFor[P](), body, func(object any) {
		p, _ := object.(P)
		list = append(list, p)
	})
	if err != nil {
		list = nil
	}
	return list, left, err
}

// elements decodes a list object by object.
func elements(ctx context.Context, t reflect.Type, body []byte, add func(object any)) (LeftOut, error) {
	d := newDecoder(t)
	defer d.release()
	d.data, d.stop.done = body, ctx.Done()
	if d.kind() != '[' {
		return d.left, errNotList
	}
	if err := checkFootprint(reflect.SliceOf(t), body, d.stop); err != nil {
		return d.left, err
	}
	err := d.each(func(i int) error {
		if i == maxElements {
			return errTooMany
		}
		if d.kind() != '{' {
			d.left.add(i)
			return d.skip()
		}
		v, lost := d.newItem(d.plan), len(d.left.lost)
		err := d.fields(d.plan.root, v)
		d.left.underIndex(i, lost)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		add(v.Addr().Interface())
		return nil
	})
	if err == nil {
		err = d.end()
	}
	return d.left, err
}

// A decoder decodes one response. It sets what fits, converts what can be converted,
// and leaves zero what cannot.
type decoder struct {
	scanner
	plan *plan
	deep int // levels of nesting
	left LeftOut
	*memory
}

func newDecoder(t reflect.Type) *decoder {
	p := planOf(t)
	m, _ := p.memories.Get().(*memory)
	if m == nil {
		m = newMemory(p)
	}
	return &decoder{plan: p, memory: m}
}

// release ends the use of a decoder.
func (d *decoder) release() {
	d.memory.release()
	d.plan.memories.Put(d.memory)
}

// fields decodes an object into a struct. If a name is repeated, the last value counts.
func (d *decoder) fields(s *shape, v reflect.Value) error {
	d.at++ // the bracket
	if d.kind() == '}' {
		d.at++
		return nil
	}
	in := whole{s, [4]reflect.Value{v}}
	var seen [4]uint64 // bits of the fields that have a value
	for n := 0; ; n++ {
		i, err := d.fieldName(s, n)
		if err != nil {
			return err
		}
		if err := d.stop.err(); err != nil {
			return err
		}
		if i < 0 {
			err = d.skip()
		} else {
			err = d.field(&s.fields[i], &in, seen[i/64%4]&(1<<(i%64)) != 0)
			seen[i/64%4] |= 1 << (i % 64)
		}
		if err != nil {
			return err
		}
		if more, err := d.next('}'); !more || err != nil {
			return err
		}
	}
}

// fieldName reads the nth name of an object, and the colon after it. It returns the index
// of the field, or -1. Mostly the last object of the shape had the same name there.
func (d *decoder) fieldName(s *shape, n int) (index int, err error) {
	d.kind()
	names := d.known[s.number]
	if n < len(names) && bytes.HasPrefix(d.data[d.at:], names[n].quoted) {
		d.at += len(names[n].quoted)
		return names[n].index, nil
	}
	start := d.at
	raw, itself, err := d.text()
	if err != nil {
		return 0, err
	}
	if err := d.take(':'); err != nil {
		return 0, err
	}
	index = s.index(raw, itself)
	d.noteName(s, n, index, d.data[start:d.at])
	return index, nil
}

func (d *decoder) field(f *field, in *whole, again bool) error {
	v := in.field(f)
	if again {
		v.SetZero()
		d.forget() // which may hold that value
	}
	lost := len(d.left.lost)
	err := d.set(f.shape, v, f)
	if len(d.left.lost) > lost {
		d.left.under(f.name, lost)
	}
	return err
}

// set decodes the next value into v, which is zero. The field is where it stands, or
// the field of the list or map that holds it.
func (d *decoder) set(s *shape, v reflect.Value, f *field) error {
	c := d.kind()
	if c == 'n' {
		return d.word("null")
	}
	if d.deep++; d.deep > mostDepth {
		return errDepth
	}
	to, start := v, d.at
	if s.pointer {
		to = d.pointee(s, f)
	}
	fits, err := d.setValue(s, to, c, f)
	d.deep--
	switch {
	case err != nil:
	case !fits:
		d.left.lose(d.data[start:d.at], s.wanted())
	case s.pointer:
		v.Set(to.Addr())
	}
	return err
}

// setValue decodes the next value, which begins with c, into v, which is no pointer. It
// reports whether it fits.
func (d *decoder) setValue(s *shape, v reflect.Value, c byte, f *field) (fits bool, err error) {
	switch {
	case s.kind == shapeAny:
		value, err := d.any()
		if value != nil {
			v.Set(reflect.ValueOf(value))
		}
		return true, err
	case s.bracket() == 0:
		return d.setScalar(s, v, c, f)
	case s.bracket() != c:
		return false, d.skip()
	case s.kind == shapeList:
		return true, d.setList(s, v, f)
	case s.kind == shapeMap:
		return true, d.setMap(s, v, f)
	}
	return true, d.setStruct(s, v, f)
}

func (d *decoder) setList(s *shape, v reflect.Value, f *field) error {
	v.Set(s.empty)
	if list, ok := reflect.TypeAssert[*[]string](v.Addr()); ok {
		return d.setTexts(s, list, f)
	}
	last := &d.last[f.number]
	defer func() { last.length = v.Len() }()
	return d.each(func(i int) error {
		if i == v.Cap() {
			v.Grow(max(1, last.length-i))
		}
		v.SetLen(i + 1)
		element := v.Index(i)
		element.SetZero()
		lost := len(d.left.lost)
		err := d.set(s.elem, element, f)
		d.left.underIndex(i, lost)
		return err
	})
}

// setTexts decodes a list of texts in one allocation.
func (d *decoder) setTexts(s *shape, list *[]string, f *field) error {
	d.list = d.list[:0]
	err := d.each(func(i int) error {
		lost := len(d.left.lost)
		err := d.set(s.elem, d.addText(), f)
		d.left.underIndex(i, lost)
		return err
	})
	*list = append(*list, d.list...)
	return err
}

func (d *decoder) setMap(s *shape, v reflect.Value, f *field) error {
	v.Set(reflect.MakeMap(s.typ))
	return d.names(func(name string) error {
		element, lost := reflect.New(s.typ.Elem()).Elem(), len(d.left.lost)
		err := d.set(s.elem, element, f)
		d.left.under("*", lost) // the name may be a secret
		if err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(s.typ.Key()), element)
		return nil
	})
}

// setStruct decodes an object, or copies the last one of the field if it is the same.
func (d *decoder) setStruct(s *shape, v reflect.Value, f *field) error {
	last := &d.last[f.number]
	if len(last.raw) > 0 && d.fresh(&last.kept) && bytes.HasPrefix(d.data[d.at:], last.raw) {
		d.at += len(last.raw)
		d.use(last.block)
		d.copy(s, v, last.value, f)
		return nil
	}
	start, around, losses := d.at, d.oldest, d.left.losses
	d.oldest = d.block
	if err := d.fields(s, v); err != nil {
		return err
	}
	if d.left.losses == losses { // or a copy would lose the same unseen
		last.raw, last.value, last.block = d.data[start:d.at], v, d.oldest
	}
	d.use(around)
	return nil
}

// copy sets a value of a field to another one, so that the two share nothing that can be
// changed.
func (d *decoder) copy(s *shape, to, from reflect.Value, f *field) {
	to.Set(from)
	switch {
	case s.flat:
	case s.kind == shapeAny && !from.IsNil():
		to.Set(reflect.ValueOf(copyAny(from.Interface())))
	case s.kind == shapeStruct:
		to, from := whole{s, [4]reflect.Value{to}}, whole{s, [4]reflect.Value{from}}
		for i := range s.fields {
			if f := &s.fields[i]; !f.shape.flat || f.shape.pointer {
				d.copyPointer(f.shape, to.field(f), from.field(f), f)
			}
		}
	case s.kind == shapeList && from.Len() > 0:
		if list, ok := reflect.TypeAssert[*[]string](to.Addr()); ok {
			*list = slices.Clone(*list)
			return
		}
		to.Set(reflect.MakeSlice(s.typ, from.Len(), from.Len()))
		for i := range from.Len() {
			d.copyPointer(s.elem, to.Index(i), from.Index(i), f)
		}
	case s.kind == shapeMap && !from.IsNil():
		to.Set(reflect.MakeMap(s.typ))
		if from.Len() == 0 {
			return
		}
		for name, value := range from.Seq2() {
			element := reflect.New(s.typ.Elem()).Elem()
			d.copyPointer(s.elem, element, value, f)
			to.SetMapIndex(name, element)
		}
	}
}

// copyPointer is like copy, also for what is, or is not, behind a pointer.
func (d *decoder) copyPointer(s *shape, to, from reflect.Value, f *field) {
	switch {
	case !s.pointer:
		d.copy(s, to, from, f)
	case from.IsNil():
		to.SetZero()
	default:
		p := d.pointee(s, f)
		d.copy(s, p, from.Elem(), f)
		to.Set(p.Addr())
	}
}

// copyAny copies a value that [decoder.any] has made.
func copyAny(value any) any {
	switch value := value.(type) {
	case map[string]any:
		names := make(map[string]any, len(value))
		for name, inside := range value {
			names[name] = copyAny(inside)
		}
		return names
	case []any:
		list := make([]any, len(value))
		for i, inside := range value {
			list[i] = copyAny(inside)
		}
		return list
	}
	return value
}
