package lenient

import (
	"encoding/binary"
	"reflect"
	"strings"
	"time"
)

// Texts that are met once share blocks of memory with those of the items around. Texts
// that are met again, in another item, are then allocated by themselves and shared by all
// further items. So who keeps an item keeps, of others, at most what is in the first and the
// last of its own blocks: 2 KiB.
const (
	textBlock  = 1024 // bytes, which is a size of the allocator
	longTexts  = 256  // bytes from which on a text is allocated by itself
	shortTexts = 64   // bytes up to which a text is looked up among those of all fields

	manyFresh = 16 // texts of a field that were met nowhere before

	mostUnescaped = 64 << 10 // bytes that a decoder keeps for texts with escapes
)

// A memory is where a decoder keeps what it decodes, so that few allocations are needed.
type memory struct {
	root  *site
	sites []*site // which are kept from response to response, without their values

	short [256]sharedText // texts, by their hashes
	taken []uint8         // the hashes of which there are some
	texts strings.Builder
	full  bool // responses are decoded in parts, so that a block is always filled

	unescaped []byte // the last text that had escapes, whose memory is used again

	few     reflect.Value // an array of items that point to nothing
	fewUsed int           // so many of them
	made    int           // bytes of texts

	item   reflect.Value // the present one, with room for what it points to
	used   uint64        // bits of the pointers in it that are set
	number uint          // of the item
}

// A sharedText is a text that is used again for an equal one.
type sharedText struct {
	text string
	item uint // that it is from
	own  bool // it shares no block
}

// release drops all references to what callers have.
func (m *memory) release() {
	for _, hash := range m.taken {
		m.short[hash] = sharedText{}
	}
	for _, s := range m.sites {
		s.clear()
	}
	if cap(m.unescaped) > mostUnescaped {
		m.unescaped = nil
	}
	m.taken, m.item, m.few, m.texts = m.taken[:0], reflect.Value{}, reflect.Value{}, strings.Builder{}
}

// forgetLast makes no further object be compared with an earlier one, whose JSON is
// overwritten.
func (m *memory) forgetLast() {
	for _, s := range m.sites {
		s.forgetLast()
	}
}

// newSite returns the site of a struct.
func (m *memory) newSite(s *shape, value reflect.Value, depth int) *site {
	made := &site{shape: s, value: value, depth: depth, slots: make([]slot, len(s.fields))}
	in := structParts{s, [4]reflect.Value{value}}
	for i := range s.fields {
		sl := &made.slots[i]
		sl.field, sl.value, sl.depth = &s.fields[i], in.field(&s.fields[i]), depth
		if own := sl.shape; !own.unmarshals && !own.pointer {
			sl.text, sl.number, sl.integer = pointerTo[string](sl.value), pointerTo[int64](sl.value), pointerTo[int](sl.value)
			sl.float, sl.flag, sl.texts = pointerTo[float64](sl.value), pointerTo[bool](sl.value), pointerTo[[]string](sl.value)
			sl.time, _ = reflect.TypeAssert[*time.Time](sl.value.Addr())
		}
	}
	if depth <= mostSites {
		m.sites = append(m.sites, made)
	}
	return made
}

// pointerTo returns a pointer to a field whose type is based on T, or nil.
func pointerTo[T any](field reflect.Value) *T {
	wanted := reflect.TypeFor[T]()
	if field.Kind() != wanted.Kind() || !field.Type().ConvertibleTo(wanted) || field.Kind() == reflect.Slice && field.Type().Elem() != wanted.Elem() {
		return nil
	}
	p, _ := reflect.TypeAssert[*T](field.Addr().Convert(reflect.TypeFor[*T]()))
	return p
}

// siteOf returns the site of the objects in a slot, which are of this shape: of the ith,
// in a list.
func (m *memory) siteOf(sl *slot, s *shape, i int) *site {
	to := &sl.inner
	if i < len(sl.elements) {
		to = &sl.elements[i]
	}
	if *to != nil {
		return *to
	}
	made := m.newSite(s, reflect.New(s.typ).Elem(), sl.depth+1)
	if made.depth <= mostSites {
		*to = made
	}
	return made
}

// innerSite returns the site of a slot that is itself a struct.
func (m *memory) innerSite(sl *slot) *site {
	if sl.inner == nil {
		sl.inner = m.newSite(sl.shape, sl.value, sl.depth)
	}
	return sl.inner
}

// keep returns a text as a string. If it shares a block, a further item needs its own.
// At most room bytes of texts follow.
func (m *memory) keep(raw []byte, room int) (text string, shares bool) {
	switch {
	case len(raw) == 0:
		return "", false
	case len(raw) > longTexts:
		m.made += len(raw)
		return string(raw), false
	case len(raw) > shortTexts:
		return m.newText(raw, room), true
	}
	hash := hashOf(raw)
	k := &m.short[hash]
	switch {
	case k.text != string(raw):
		if k.text == "" {
			m.taken = append(m.taken, hash)
		}
		*k = sharedText{text: m.newText(raw, room), item: m.number}
	case !k.own && k.item != m.number:
		k.text, k.own = strings.Clone(k.text), true
	}
	return k.text, !k.own
}

// keepIn is keep for a text of a slot. Once many of them were new, one after the other,
// further ones are not looked up.
func (m *memory) keepIn(sl *slot, raw []byte, room int) (text string, shares bool) {
	if sl.fresh == manyFresh && len(raw) > 0 && len(raw) <= longTexts {
		return m.newText(raw, room), true
	}
	made := m.made
	text, shares = m.keep(raw, room)
	sl.fresh = min(sl.fresh+1, manyFresh)
	if m.made == made {
		sl.fresh = 0
	}
	return text, shares
}

// ownText returns a text that shares no block.
func (m *memory) ownText(text string) string {
	if len(text) == 0 || len(text) > shortTexts {
		return strings.Clone(text)
	}
	hash := hashOf([]byte(text))
	k := &m.short[hash]
	switch {
	case k.text != text:
		if k.text == "" {
			m.taken = append(m.taken, hash)
		}
		*k = sharedText{text: strings.Clone(text), own: true}
	case !k.own:
		k.text, k.own = strings.Clone(text), true
	}
	return k.text
}

// hashOf is a hash of the beginning and the end of a text.
func hashOf(text []byte) uint8 {
	n := len(text)
	hash := uint64(n)
	switch {
	case n >= 8:
		hash += binary.LittleEndian.Uint64(text) ^ binary.LittleEndian.Uint64(text[n-8:])*0xc2b2ae3d27d4eb4f
	case n >= 4:
		hash += uint64(binary.LittleEndian.Uint32(text)) | uint64(binary.LittleEndian.Uint32(text[n-4:]))<<32
	default:
		hash += uint64(text[0])<<8 | uint64(text[n/2])<<16 | uint64(text[n-1])<<24
	}
	return uint8(hash * 0x9e3779b97f4a7c15 >> 56)
}

// newText returns a new text in the present block.
func (m *memory) newText(raw []byte, room int) string {
	if m.texts.Cap()-m.texts.Len() < len(raw) {
		m.texts = strings.Builder{}
		if m.full {
			room = textBlock
		}
		m.texts.Grow(min(textBlock, len(raw)+room))
	}
	m.made += len(raw)
	start := m.texts.Len()
	m.texts.Write(raw)
	return m.texts.String()[start:]
}

// Of a list, a few items that point to nothing share an array, if they are small: who keeps
// one keeps all. With the texts that share blocks, that is less than 4 KiB.
const (
	fewItems = 4
	fewBytes = 256 // of an item
	fewText  = 384 // bytes of its texts
)

// flatItem returns a new value of the plan's type, whose texts were made after so many
// bytes of texts.
func (m *memory) flatItem(p *plan, made int) reflect.Value {
	switch {
	case m.made-made > fewText:
		return reflect.New(p.root.typ).Elem()
	case !m.few.IsValid() || m.fewUsed == fewItems:
		m.few, m.fewUsed = reflect.New(p.few).Elem(), 0
	}
	m.fewUsed++
	return m.few.Index(m.fewUsed - 1)
}

// newItem returns a new value of the plan's type. It has room for what it points to, if
// the plan says so, unless it is in a response that is smaller than this room. It is invalid
// if a [memory.flatItem] will do, as one of many.
func (m *memory) newItem(p *plan, ofMany bool, size int) reflect.Value {
	m.used = 0
	m.number++
	if ofMany && p.few != nil {
		m.item = reflect.Value{}
		return m.item
	}
	if p.bundle == nil || size < int(p.bundle.Size()) {
		m.item = reflect.Value{}
		return reflect.New(p.root.typ).Elem()
	}
	m.item = reflect.New(p.bundle).Elem()
	return m.item.Field(0)
}

// pointee returns a new value that a field of the item points to.
func (m *memory) pointee(s *shape, f *field) reflect.Value {
	if i := f.place; i > 0 && m.item.IsValid() && m.used&(1<<i) == 0 && f.shape == s {
		m.used |= 1 << i
		return m.item.Field(i)
	}
	return reflect.New(s.typ).Elem()
}

// listOf returns the last texts of a slot, as a list that a caller can change.
func (m *memory) listOf(sl *slot) []string {
	i, n := sl.place, len(sl.list)
	if i == 0 || n == 0 || n > len(fewTexts{}) || !m.item.IsValid() || m.used&(1<<i) != 0 {
		return append([]string{}, sl.list...)
	}
	m.used |= 1 << i
	room, _ := m.item.Field(i).Addr().Interface().(*fewTexts) // the compiler does not accept TypeAssert here
	copy(room[:], sl.list)
	return room[:n:n]
}
