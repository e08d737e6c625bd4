// Package lenient decodes JSON as GitLab really sends it. It is handed the body of
// a response, whole or as a stream, and the type to decode it into. It accepts
// values of another type, repeated names and invalid UTF-8, as far as they have a
// meaning. It refuses a response that would fill the memory.
//
// It alone knows how JSON is read and written. It makes no requests, and it does not
// know whether an object is the requested one.
package lenient

import (
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

// ObjectWithin is like Object for a caller who spends at most so many bytes of memory.
func ObjectWithin[P any](ctx context.Context, body []byte, budget int64) (p P, left LeftOut, err error) {
	if err := checkBudget(planOf(reflect.TypeFor[P]()), body, budget, stopper{done: ctx.Done()}); err != nil {
		return p, left, err
	}
	return Object[P](ctx, body)
}

// object decodes an object into what a pointer type points to.
func object(ctx context.Context, t reflect.Type, body []byte) (any, LeftOut, error) {
	d := newDecoder(t)
	defer d.release()
	d.stop.done = ctx.Done()
	object, err := d.wholeObject(body)
	return object, d.left, err
}

// wholeObject decodes a body that is one object.
func (d *decoder) wholeObject(body []byte) (any, error) {
	d.scanner = scanner{data: body, stop: d.stop}
	if d.peek() != '{' {
		return nil, ErrNotObject
	}
	if err := checkFootprint(d.plan.of, body, d.stop); err != nil {
		return nil, err
	}
	object, err := d.one(false)
	if err == nil {
		err = d.end()
	}
	return object, err
}

// Twice has each object decoded twice, so that all of it is compared with an equal one and
// set again, as on a page of objects that are alike. Only tests set it, before they decode
// anything.
var Twice bool

// one decodes the object at the present offset into a new item, which may be one of many.
func (d *decoder) one(ofMany bool) (any, error) {
	if Twice {
		d.item = reflect.Value{}
		at, left, deep := d.at, d.left, d.deep
		_ = d.object(d.root) // fails again below
		d.at, d.left, d.deep = at, left, deep
	}
	made := d.made
	v := d.newItem(d.plan, ofMany, len(d.data))
	if err := d.object(d.root); err != nil {
		return nil, err
	}
	if !v.IsValid() {
		v = d.flatItem(d.plan, made)
	}
	v.Set(d.root.value)
	return v.Addr().Interface(), nil
}

// List decodes a list of at most maxElements, unless that would take too much
// memory. Elements that are not objects are left out, and what does not fit, also of
// a list with an error.
func List[P any](ctx context.Context, body []byte) (list []P, left LeftOut, err error) {
	list = []P{}
	left, err = elements(ctx, reflect.TypeFor[P](), body, func(object any, left int) {
		p, _ := object.(P)
		if cap(list) == 0 {
			list = slices.Grow(list, 1+min(left, 99)) // more than a page has are odd
		}
		list = append(list, p)
	})
	if err != nil {
		list = nil
	}
	return list, left, err
}

// elements decodes a list object by object. Left is how many more there are, if they are as
// long as this one.
func elements(ctx context.Context, t reflect.Type, body []byte, add func(object any, left int)) (LeftOut, error) {
	d := newDecoder(t)
	defer d.release()
	d.data, d.stop.done = body, ctx.Done()
	if d.peek() != '[' {
		return d.left, errNotList
	}
	if err := checkFootprint(reflect.SliceOf(t), body, d.stop); err != nil {
		return d.left, err
	}
	err := d.each(func(i int) error {
		if i == maxElements {
			return errTooMany
		}
		if d.peek() != '{' {
			d.left.addElement(i)
			return d.skip()
		}
		start, lost := d.at, len(d.left.lost)
		object, err := d.one(true)
		d.left.underIndex(i, lost)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		add(object, (len(body)-d.at)/(d.at-start))
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
	clock
	memory
}

func newDecoder(t reflect.Type) *decoder {
	p := planOf(t)
	d, _ := p.decoders.Get().(*decoder)
	if d == nil {
		d = &decoder{plan: p}
		d.root = d.newSite(p.root, reflect.New(p.root.typ).Elem(), 0)
	}
	return d
}

// release ends the use of a decoder.
func (d *decoder) release() {
	d.memory.release()
	d.scanner, d.deep, d.left, d.full = scanner{}, 0, LeftOut{}, false
	d.plan.decoders.Put(d)
}

// fill decodes the next value, before which there is no white space, into the field of a
// site. It reports whether a copy needs the field set again.
func (d *decoder) fill(sl *slot) (again bool, err error) {
	if d.at == len(d.data) {
		return false, d.syntaxError("")
	}
	c := d.data[d.at]
	switch {
	case c == 'n':
		sl.zero()
		return false, d.word("null")
	case c == '"' && sl.text != nil:
		*sl.text, again, err = d.keptText()
		return again, err
	case c == '"' && sl.time != nil:
		if t, n := d.clock.time(d.data[d.at:]); n > 0 {
			*sl.time = t
			d.at += n
			return false, nil
		}
	case c == '{' && sl.shape.kind == shapeStruct:
		return d.fillStruct(sl)
	case c == '[' && sl.texts != nil:
		sl.list, sl.owned = sl.list[:0], false
		sl.list, err = d.textList(sl.shape.elem, sl.list, sl)
		*sl.texts = d.listOf(sl)
		return len(sl.list) > 0, err
	case d.simpleScalar(sl):
		return false, nil
	}
	sl.zero()
	if d.deep++; d.deep > mostDepth {
		return false, errDepth
	}
	err = d.set(sl.shape, sl.value, sl, 0)
	d.deep--
	// What is zero now did not fit, so an object or a list of the site is not its value.
	return !sl.value.IsZero() && (sl.text != nil || sl.shape.pointer || !sl.shape.flat), err
}

// fillStruct decodes an object into a field that is a struct, or points to one.
func (d *decoder) fillStruct(sl *slot) (again bool, err error) {
	if d.deep++; d.deep > mostDepth {
		return false, errDepth
	}
	var inner *site
	if sl.shape.pointer {
		inner = d.siteOf(sl, sl.shape, len(sl.elements))
	} else {
		inner = d.innerSite(sl)
	}
	err = d.object(inner)
	if d.deep--; err != nil || !sl.shape.pointer {
		return inner.again, err
	}
	d.point(sl, inner)
	return true, nil
}

// keptText reads a string.
func (d *decoder) keptText() (text string, shares bool, err error) {
	raw, itself, err := d.text()
	if err != nil {
		return "", false, err
	}
	if !itself {
		raw = unescape(d.unescaped[:0], raw)
		d.unescaped = raw
	}
	text, shares = d.keep(raw, len(d.data)-d.at)
	return text, shares, nil
}

// set decodes the next value into v, which is zero. The slot is where it stands, or where
// the list or map that holds it does, as its ith element.
func (d *decoder) set(s *shape, v reflect.Value, sl *slot, i int) error {
	c := d.peek()
	if c == 'n' {
		return d.word("null")
	}
	if d.deep++; d.deep > mostDepth {
		return errDepth
	}
	to, start := v, d.at
	if s.pointer {
		to = d.pointee(s, sl.field)
	}
	fits, err := d.setValue(s, to, c, sl, i)
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
func (d *decoder) setValue(s *shape, v reflect.Value, c byte, sl *slot, i int) (fits bool, err error) {
	switch {
	case s.kind == shapeAny:
		value, err := d.anyValue()
		if value != nil {
			v.Set(reflect.ValueOf(value))
		}
		return true, err
	case s.bracket() == 0:
		return d.setScalar(s, v, c, sl)
	case s.bracket() != c:
		return false, d.skip()
	case s.kind == shapeList:
		return true, d.setList(s, v, sl)
	case s.kind == shapeMap:
		return true, d.setMap(s, v, sl)
	}
	inner := d.siteOf(sl, s, i)
	err = d.object(inner)
	v.Set(inner.value)
	return true, err
}

func (d *decoder) setList(s *shape, v reflect.Value, sl *slot) error {
	if list, ok := reflect.TypeAssert[*[]string](v.Addr()); ok {
		texts, err := d.textList(s.elem, nil, sl)
		*list = append([]string{}, texts...)
		return err
	}
	v.Set(s.empty)
	defer func() { sl.length = v.Len() }()
	return d.each(func(i int) error {
		if i == v.Cap() {
			v.Grow(max(1, sl.length-i))
		}
		v.SetLen(i + 1)
		lost := len(d.left.lost)
		err := d.set(s.elem, v.Index(i), sl, i)
		d.left.underIndex(i, lost)
		return err
	})
}

// textList decodes a list of texts, which are appended to a list.
func (d *decoder) textList(elem *shape, list []string, sl *slot) ([]string, error) {
	err := d.each(func(i int) (err error) {
		if d.peek() == '"' {
			text, _, err := d.keptText()
			list = append(list, text)
			return err
		}
		list = append(list, "")
		lost := len(d.left.lost)
		err = d.set(elem, reflect.ValueOf(&list[i]).Elem(), sl, i)
		d.left.underIndex(i, lost)
		return err
	})
	return list, err
}

func (d *decoder) setMap(s *shape, v reflect.Value, sl *slot) error {
	v.Set(reflect.MakeMap(s.typ))
	return d.names(func(name string) error {
		element, lost := reflect.New(s.typ.Elem()).Elem(), len(d.left.lost)
		err := d.set(s.elem, element, sl, len(sl.elements))
		d.left.under("*", lost) // the name may be a secret
		if err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(s.typ.Key()), element)
		return nil
	})
}
