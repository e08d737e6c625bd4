package lenient

import (
	"bytes"
	"reflect"
	"time"
)

// The objects of a page are much alike: most of their fields, and often whole objects in
// them, are the same in one as in the one before it. So each place in a response where
// objects stand, such as the commit of a job, is a site: a struct with the values of its
// last object, and the JSON of that. The next object is compared with it field by field.
// What is the same is not decoded again, and the rest is put into the same struct, which
// is then copied for the caller.
//
// What two copies must not share is set again for each: pointers, lists and maps.

// A site is a place in a response, and the last object that stood there.
type site struct {
	shape *shape
	depth int
	value reflect.Value // a struct, which no caller gets
	slots []slot        // of the fields of the shape

	parts []part // the fields in the JSON, in their order
	raw   []byte // the JSON, nil if the next object cannot be compared with it
	again bool   // whether a copy needs some fields set again
	used  bool   // since the last response

	irregular bool    // the present object has repeated names, or too many
	extra     []*slot // the slots of names beyond those that are recorded
}

// A part is a field in the JSON of an object, with its name and what follows it up to
// the comma or bracket.
type part struct {
	quoted []byte // the name, with quotes and colon
	slot   *slot  // nil if no field has that name
	before int    // bytes before the value
	size   int    // bytes in all
	again  bool   // whether a copy needs the field set again
}

// A slot is the field of a site's struct that a value goes to.
type slot struct {
	*field
	value reflect.Value

	// The field itself if its type is, or is based on, one of these.
	text    *string
	number  *int64
	integer *int
	float   *float64
	flag    *bool
	time    *time.Time
	texts   *[]string

	depth    int      // of the site
	inner    *site    // of an object, or of those in a list or map
	elements [4]*site // of the first objects in a list
	list     []string // the last texts
	owned    bool     // they can be shared
	fresh    int      // texts in a row that were new
	length   int      // of the last list
}

// mostParts is how many names of an object are remembered, and of how many bytes.
const mostParts = 64

// mostSites is how deep sites are nested. An object below that is the only one of its site.
const mostSites = 8

// forgetLast makes the next object be decoded without a comparison.
func (s *site) forgetLast() {
	s.raw, s.again = nil, false
	for i := range s.slots {
		if sl := &s.slots[i]; sl.inner != nil && sl.isStruct() {
			sl.inner.forgetLast()
		}
	}
}

// isStruct reports whether a slot is itself a struct of a site.
func (sl *slot) isStruct() bool { return sl.shape.kind == shapeStruct && !sl.shape.pointer }

// zero sets the field to zero.
func (sl *slot) zero() {
	switch {
	case sl.text != nil:
		*sl.text = ""
	case sl.flag != nil:
		*sl.flag = false
	case sl.time != nil:
		*sl.time = time.Time{}
	default:
		sl.value.SetZero()
		if sl.inner != nil && sl.isStruct() {
			sl.inner.forgetLast()
		}
	}
}

// clear drops all references to what callers have.
func (s *site) clear() {
	if !s.used {
		return
	}
	s.used = false
	s.value.SetZero()
	s.forgetLast()
	for i := range s.slots {
		sl := &s.slots[i]
		sl.fresh = 0
		if len(sl.list) > 0 {
			clear(sl.list)
			sl.list = sl.list[:0]
		}
	}
}

// has reports whether the data at the present offset begins with these bytes.
func (s *scanner) has(bytes []byte) bool {
	return len(s.data)-s.at >= len(bytes) && string(s.data[s.at:s.at+len(bytes)]) == string(bytes)
}

// object decodes an object into the struct of a site. Of a repeated name, the last value
// counts.
func (d *decoder) object(s *site) error {
	if err := d.stop.err(); err != nil {
		return err
	}
	start, last, losses := d.at, s.raw, d.left.losses
	s.raw, s.irregular, s.extra, s.used = nil, false, s.extra[:0], true
	if last == nil {
		s.value.SetZero()
		s.forgetLast()
	}
	n, err := d.fields(s, last)
	if err != nil {
		return err
	}
	for i := n; i < len(s.parts); i++ {
		s.drop(i)
	}
	s.parts = s.parts[:n]
	if s.irregular {
		s.parts, s.again = s.parts[:0], true
		return nil
	}
	s.again = false
	for i := range s.parts {
		s.again = s.again || s.parts[i].again
	}
	if d.left.losses == losses { // or the next object would lose the same unseen
		s.raw = d.data[start:d.at]
	}
	return nil
}

// drop zeroes the field of a part that the present object does not have.
func (s *site) drop(i int) {
	if sl := s.parts[i].slot; sl != nil {
		sl.zero()
	}
}

// fields decodes the fields of an object, given the last object, and returns how many parts
// it has.
func (d *decoder) fields(s *site, last []byte) (n int, err error) {
	d.at++ // the bracket
	first := d.at
	if d.peek() == '}' {
		d.at++
		return 0, nil
	}
	d.at = first // white space belongs to a part
	past := 1    // of the last object
	for more := true; more; {
		if last != nil && n < len(s.parts) {
			p := &s.parts[n]
			if d.has(last[past : past+p.size]) {
				if p.again {
					if err := d.renewPart(p); err != nil {
						return n, err
					}
				}
				d.at += p.size
				past += p.size
				more = d.data[d.at-1] == ','
				n++
				continue
			}
			if size := p.size; d.scalarPart(p) {
				past += size
				n++
				continue
			}
		}
		var recorded bool
		if recorded, more, past, err = d.part(s, n, past); err != nil {
			return n, err
		}
		if recorded {
			n++
		}
	}
	return n, nil
}

// part decodes the next field of an object as its nth part, unless the part cannot be
// recorded. It returns where the next part of the last object is.
func (d *decoder) part(s *site, n, past int) (recorded, more bool, next int, err error) {
	if err := d.stop.err(); err != nil {
		return false, false, 0, err
	}
	start := d.at
	d.peek()
	var unrecorded part
	p := &unrecorded
	if n < len(s.parts) && d.has(s.parts[n].quoted) {
		p = &s.parts[n]
		d.at += len(p.quoted)
		past += p.size
	} else if p, past, err = d.otherPart(s, n, past, &unrecorded); err != nil {
		return false, false, 0, err
	}
	d.peek()
	before := d.at - start
	if p.slot == nil {
		err = d.skip()
	} else {
		lost := len(d.left.lost)
		p.again, err = d.fill(p.slot)
		if len(d.left.lost) > lost {
			d.left.under(p.slot.label, lost)
		}
	}
	if err != nil {
		return false, false, 0, err
	}
	if d.at < len(d.data) && d.data[d.at] == ',' {
		d.at++
		more = true
	} else if more, err = d.next('}'); err != nil {
		return false, false, 0, err
	}
	p.before, p.size = before, d.at-start
	return p != &unrecorded, more, past, nil
}

// otherPart reads a name that the last object did not have as its nth. The part is that of
// a later name, a new one, or the one that is handed in.
func (d *decoder) otherPart(s *site, n, past int, unrecorded *part) (p *part, next int, err error) {
	start := d.at
	raw, itself, err := d.text()
	if err != nil {
		return nil, 0, err
	}
	if err := d.expect(':'); err != nil {
		return nil, 0, err
	}
	quoted := d.data[start:d.at]
	var sl *slot
	if i := s.shape.index(raw, itself); i >= 0 {
		sl = &s.slots[i]
	}
	for i := n; i < len(s.parts); i++ {
		if p := &s.parts[i]; sl != nil && p.slot == sl || sl == nil && string(p.quoted) == string(quoted) {
			for j := n; j <= i; j++ {
				past += s.parts[j].size
			}
			s.remove(n, i)
			s.parts[n].quoted = sl.name(quoted)
			return &s.parts[n], past, nil
		}
	}
	if sl != nil && s.repeated(sl, n) {
		s.irregular, unrecorded.slot = true, sl
		return unrecorded, past, nil
	}
	if n == mostParts || len(quoted) > mostParts {
		if s.irregular, unrecorded.slot = true, sl; sl != nil {
			s.extra = append(s.extra, sl)
		}
		return unrecorded, past, nil
	}
	return s.insert(n, quoted, sl), past, nil
}

// repeated reports whether the present object has had a value for a slot, in its first n
// parts or in none.
func (s *site) repeated(sl *slot, n int) bool {
	for i := range s.parts[:n] {
		if s.parts[i].slot == sl {
			return true
		}
	}
	for _, extra := range s.extra {
		if extra == sl {
			return true
		}
	}
	return false
}

// remove removes the parts from n to before i, which the present object does not have, or
// has later.
func (s *site) remove(n, i int) {
	for j := n; j < i; j++ {
		s.drop(j)
	}
	s.parts = append(s.parts[:n], s.parts[i:]...)
}

// insert adds a part as the nth. The last one makes room, if there are too many.
func (s *site) insert(n int, quoted []byte, sl *slot) *part {
	if len(s.parts) == mostParts {
		s.drop(mostParts - 1)
		s.parts = s.parts[:mostParts-1]
	}
	s.parts = append(s.parts, part{})
	copy(s.parts[n+1:], s.parts[n:])
	s.parts[n] = part{quoted: sl.name(quoted), slot: sl}
	return &s.parts[n]
}

// name returns a quoted name with its colon, which the caller may keep.
func (sl *slot) name(quoted []byte) []byte {
	if sl != nil && string(sl.quoted) == string(quoted) {
		return sl.quoted
	}
	return bytes.Clone(quoted)
}

// renewPart sets the field of a part again, whose value in the JSON is the last one's.
func (d *decoder) renewPart(p *part) (err error) {
	at := d.at
	d.at += p.before
	p.again, err = d.renew(p.slot)
	d.at = at
	return err
}

// renew sets a field again, and reports whether a further copy needs that, too.
func (d *decoder) renew(sl *slot) (again bool, err error) {
	switch inner := sl.inner; {
	case sl.text != nil:
		*sl.text = d.ownText(*sl.text)
		return false, nil
	case sl.texts != nil:
		for i, text := range sl.list {
			if !sl.owned {
				sl.list[i] = d.ownText(text)
			}
		}
		sl.owned = true
		*sl.texts = d.listOf(sl)
		return true, nil
	case inner == nil || inner.raw == nil || sl.shape.kind != shapeStruct:
		return d.fill(sl)
	default:
		if err := d.renewSite(inner); err != nil || !sl.shape.pointer {
			return inner.again, err
		}
		d.point(sl, inner)
		return true, nil
	}
}

// renewSite sets those fields of a site again that need it, if the same object is there as
// before.
func (d *decoder) renewSite(s *site) error {
	if !s.again {
		return nil
	}
	start := d.at
	s.again = false
	d.at++
	for i := range s.parts {
		p := &s.parts[i]
		if p.again {
			if err := d.renewPart(p); err != nil {
				return err
			}
		}
		s.again = s.again || p.again
		d.at += p.size
	}
	d.at = start
	return nil
}

// point makes a pointer point to a new copy of a site's struct.
func (d *decoder) point(sl *slot, inner *site) {
	to := d.pointee(sl.shape, sl.field)
	to.Set(inner.value)
	sl.value.Set(to.Addr())
}
