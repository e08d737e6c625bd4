package lenient

import (
	"reflect"
	"strings"
	"time"
)

// Texts share blocks of memory. Who keeps an item keeps the blocks that its texts are in,
// which are at most four in a row, since texts and objects of older blocks are not used
// again: 3 KiB.
const (
	textBlock  = 768           // bytes, which is a size of the allocator
	longTexts  = textBlock / 3 // bytes from which on a text is allocated by itself
	shortTexts = 64            // bytes up to which a text is looked up among those of all fields
)

// A memory is where a decoder keeps what it decodes: so that the texts and objects that
// the items of a page repeat are decoded once, and so that few allocations are needed.
type memory struct {
	short [256]kept // texts, by their hashes
	last  []memo    // by the numbers of fields
	known [][]name  // the names of the last object, by the numbers of shapes

	texts  strings.Builder // the present block
	block  int             // its number
	oldest int             // the oldest block with a text of the present object

	list []string      // the list of texts that is being decoded
	room reflect.Value // list

	item reflect.Value // the present one, with room for what it points to
	used uint64        // bits of the pointers in it that are set
}

// A kept text or object may be used again.
type kept struct {
	text  string
	block int // where the text is, or the oldest of the object's
}

// A memo is the last value of a field.
type memo struct {
	kept                 // a long text, or an object
	raw    []byte        // the JSON of a time or an object
	time   time.Time     // of raw
	value  reflect.Value // of raw
	length int           // of a list
}

// fresh reports whether all texts are in one of the last three blocks.
func (m *memory) fresh(k *kept) bool { return m.block-k.block <= 2 }

// use notes that the present object has texts of a block.
func (m *memory) use(block int) { m.oldest = min(m.oldest, block) }

// A name is one of an object, as the JSON has it.
type name struct {
	quoted []byte // with the quotes and the colon
	index  int    // of its field, or -1
}

// mostListed is of how many texts a list's memory is used again.
const mostListed = 1 << 10

// mostNames is how many names of an object are remembered, and of how many bytes.
const mostNames = 64

func newMemory(p *plan) *memory {
	m := &memory{last: make([]memo, p.numbers), known: make([][]name, p.shapes)}
	m.room = reflect.ValueOf(&m.list).Elem()
	return m
}

// noteName remembers the nth name of an object.
func (m *memory) noteName(s *shape, n, index int, quoted []byte) {
	names := m.known[s.number]
	if n >= mostNames || n > len(names) || len(quoted) > mostNames {
		return
	}
	if n == len(names) {
		names = append(names, name{})
		m.known[s.number] = names
	}
	names[n].index, names[n].quoted = index, append(names[n].quoted[:0], quoted...)
}

// forget lets go of the values of objects, which may change from now on.
func (m *memory) forget() { clear(m.last) }

// release lets go of all that callers have.
func (m *memory) release() {
	clear(m.short[:])
	clear(m.last)
	if clear(m.list[:cap(m.list)]); cap(m.list) > mostListed {
		m.list = nil
	}
	m.item, m.texts, m.block = reflect.Value{}, strings.Builder{}, 0
}

// keep returns a text as a string, without making one that was made before.
func (m *memory) keep(raw []byte, f *field) string {
	if len(raw) > longTexts {
		return string(raw)
	}
	last := &m.last[f.number].kept
	if len(raw) <= shortTexts {
		hash := uint32(2166136261) // FNV-1a
		for _, c := range raw {
			hash = (hash ^ uint32(c)) * 16777619
		}
		last = &m.short[(hash^hash>>16)%256]
	}
	if last.text != string(raw) || !m.fresh(last) {
		last.text = m.newText(raw)
		last.block = m.block
	}
	m.use(last.block)
	return last.text
}

// newText returns a new text in the present block.
func (m *memory) newText(raw []byte) string {
	if m.texts.Cap()-m.texts.Len() < len(raw) {
		m.block++
		m.texts = strings.Builder{}
		m.texts.Grow(textBlock)
	}
	start := m.texts.Len()
	m.texts.Write(raw)
	return m.texts.String()[start:]
}

// newItem returns a new value of the plan's type. It has room for what it points to, if
// the plan says so.
func (m *memory) newItem(p *plan) reflect.Value {
	m.used = 0
	if p.bundle == nil {
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

// addText adds a text to the list that is being decoded, and returns where it is.
func (m *memory) addText() reflect.Value {
	m.list = append(m.list, "")
	return m.room.Index(len(m.list) - 1)
}
