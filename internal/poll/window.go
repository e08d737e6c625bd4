package poll

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Overlap is how long before the newest change that was read the next poll begins. A
// change appears later than its time says: when its transaction ends, and when a replica
// has it. And GitLab's servers do not agree about the time to the second.
const Overlap = LongestLag + time.Minute

const (
	fewKnown    = 500    // objects that are not worth forgetting
	mostKnown   = 10_000 // that are known, or in a text
	mostWords   = 256    // states in a text
	longestWord = 64
	textVersion = 1
)

// A Change is the last one of an object, by the server's clock in milliseconds, and the
// state that it has since.
type Change struct {
	At    int64
	State string
}

// A Window says where to begin to read objects in the order of their changes, and knows
// what was read there before. It goes by the times of the changes, and by those of
// responses. Of this machine's clock only durations count.
type Window struct {
	// IsEnd reports whether an object in a state need not be known any longer, once its
	// change cannot be read again.
	IsEnd func(state string) bool

	floor  int64     // where the first poll began
	mark   int64     // the newest change that was read
	moved  time.Time // when it was
	closed bool      // whether nothing before the mark can appear any more
	limit  int64     // what the mark does not pass in this poll, or 0
	begun  time.Time // when this poll did
	known  map[int64]Change
	enough int // how many objects are known when some are forgotten
}

// NewWindow returns a window that begins at a time. Zero is the beginning of everything.
func NewWindow(begin time.Time, isEnd func(string) bool) *Window {
	w := &Window{IsEnd: isEnd, closed: true}
	if !begin.IsZero() {
		w.floor, w.mark = begin.UnixMilli(), begin.UnixMilli()
	}
	return w
}

// Reach makes a window begin the overlap before a change, that was the newest one.
func (w *Window) Reach(newest time.Time) {
	w.mark, w.closed, w.moved = newest.UnixMilli(), false, time.Now()
}

// From is the time at which to begin to read, inclusive. Zero is the beginning of
// everything.
func (w *Window) From() time.Time {
	switch {
	case w.mark <= 0:
		return time.Time{}
	case w.closed:
		return time.UnixMilli(w.mark).UTC()
	}
	return time.UnixMilli(max(w.mark-Overlap.Milliseconds(), w.floor)).UTC()
}

// Begin says when a poll has begun, and what time it was then by the server's clock; zero
// if that is unknown. A change of a later time is of a clock that is ahead: others may
// still get times before it.
func (w *Window) Begin(begun, server time.Time) {
	w.begun, w.limit = begun, 0
	if !server.IsZero() {
		w.limit = server.UnixMilli()
	}
}

// End says that a poll has read everything. If the mark has not moved for so long that
// nothing can appear before it, the window begins there.
func (w *Window) End() {
	if !w.closed && w.begun.Sub(w.moved) >= Overlap {
		w.closed = true
	}
	w.forget()
}

// Last is the last change of an object, if it is known.
func (w *Window) Last(id int64) (last Change, known bool) {
	last, known = w.known[id]
	return last, known
}

// Take makes a change known.
func (w *Window) Take(id int64, change Change) {
	if w.known == nil {
		w.known = map[int64]Change{}
	}
	w.known[id] = change
	at := change.At
	if w.limit > 0 {
		at = min(at, w.limit)
	}
	if at > w.mark {
		w.mark, w.closed, w.moved = at, false, time.Now()
	}
}

// recurs reports whether a change can be read again, or the object has not ended.
func (w *Window) recurs(change Change) bool {
	return change.At >= w.mark-Overlap.Milliseconds() || !w.IsEnd(change.State)
}

// forget forgets objects that have ended, now and then. If too many have not, it forgets
// those that changed first.
func (w *Window) forget() {
	if len(w.known) <= max(w.enough, fewKnown) {
		return
	}
	maps.DeleteFunc(w.known, func(_ int64, change Change) bool { return !w.recurs(change) })
	if len(w.known) > mostKnown {
		for _, id := range w.byTime()[:len(w.known)-mostKnown] {
			if w.known[id].At < w.mark-Overlap.Milliseconds() {
				delete(w.known, id)
			}
		}
	}
	w.enough = 2 * len(w.known)
}

// byTime are the known objects, in the order of their changes.
func (w *Window) byTime() []int64 {
	return slices.SortedFunc(maps.Keys(w.known), func(a, b int64) int {
		return cmp.Or(cmp.Compare(w.known[a].At, w.known[b].At), cmp.Compare(a, b))
	})
}

// Text is the window, to go on from later.
func (w *Window) Text() string {
	ids := slices.DeleteFunc(w.byTime(), func(id int64) bool { return !w.recurs(w.known[id]) })
	ids = slices.Sorted(slices.Values(ids[max(0, len(ids)-mostKnown):]))
	var words []string
	for _, id := range ids {
		if state := w.known[id].State; !slices.Contains(words, state) && len(words) < mostWords && len(state) <= longestWord {
			words = append(words, state)
		}
	}
	text := binary.AppendVarint([]byte{textVersion}, w.mark)
	text = binary.AppendVarint(text, w.floor)
	text = binary.AppendUvarint(text, uint64(len(words)))
	for _, word := range words {
		text = append(binary.AppendUvarint(text, uint64(len(word))), word...)
	}
	last := int64(0)
	for _, id := range ids {
		change := w.known[id]
		if word := slices.Index(words, change.State); word >= 0 {
			text = binary.AppendVarint(text, id-last)
			text = binary.AppendVarint(text, w.mark-change.At)
			text = binary.AppendUvarint(text, uint64(word))
			last = id
		}
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// errNoText is the error of a text that [Window.Text] has not made.
var errNoText = errors.New("it is not the cursor of an event")

// ParseWindow returns the window of a text.
func ParseWindow(text string, isEnd func(string) bool) (*Window, error) {
	if len(text) > mostKnown*32 {
		return nil, errNoText
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || data[0] != textVersion {
		return nil, errNoText
	}
	r := strings.NewReader(string(data[1:]))
	w := &Window{IsEnd: isEnd, known: map[int64]Change{}, moved: time.Now()}
	w.mark, err = binary.ReadVarint(r)
	floor, errFloor := binary.ReadVarint(r)
	if cmp.Or(err, errFloor) != nil || !isTime(w.mark) || !isTime(floor) {
		return nil, errNoText
	}
	w.floor = floor
	words, err := readWords(r)
	for id := int64(0); err == nil && r.Len() > 0; {
		id, err = w.read(r, id, words)
	}
	if err != nil || len(w.known) > mostKnown {
		return nil, errNoText
	}
	return w, nil
}

// isTime reports whether milliseconds are a time that GitLab can have.
func isTime(ms int64) bool { return ms >= 0 && time.UnixMilli(ms).Year() < 10_000 }

func readWords(r *strings.Reader) (words []string, err error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > mostWords {
		return nil, errNoText
	}
	for range n {
		length, err := binary.ReadUvarint(r)
		if err != nil || length > longestWord || int(length) > r.Len() {
			return nil, errNoText
		}
		word := make([]byte, length)
		_, _ = r.Read(word)
		words = append(words, string(word))
	}
	return words, nil
}

// read reads one object, given the ID of the one before it.
func (w *Window) read(r *strings.Reader, last int64, words []string) (id int64, err error) {
	step, errStep := binary.ReadVarint(r)
	before, errBefore := binary.ReadVarint(r)
	word, errWord := binary.ReadUvarint(r)
	id = last + step
	if cmp.Or(errStep, errBefore, errWord) != nil || step <= 0 || id <= 0 || word >= uint64(len(words)) || !isTime(w.mark-before) {
		return 0, errNoText
	}
	w.known[id] = Change{w.mark - before, words[word]}
	return id, nil
}
