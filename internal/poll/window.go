package poll

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"
)

// Overlap is how long before the newest change that was read the next poll begins. A
// change appears later than its time says: when its transaction ends, and when a replica
// has it. And GitLab's servers do not agree about the time to the second.
const Overlap = LongestLag + time.Minute

const (
	fewKnown     = 500    // objects that are not worth forgetting
	mostKnown    = 10_000 // that are known, or in a text
	mostStates   = 256    // states in a text
	longestState = 64
	textVersion  = 1
)

// A Change is the last one of an object, by the server's clock in milliseconds, and the
// state that it has since.
type Change struct {
	At    int64
	State string
}

type object struct {
	id int64
	Change
}

// A Window says where to begin to read objects in the order of their changes, and knows
// what was read there before. It uses the times of the changes and of responses. It uses
// this machine's clock only for durations.
type Window struct {
	// IsEnd reports whether an object in a state need not be known any longer, once its
	// change cannot be read again.
	IsEnd func(state string) bool

	floor  int64     // where the first poll began
	mark   int64     // the newest change that was listed
	moved  time.Time // when it was
	closed bool      // whether nothing before the mark can appear any more
	limit  int64     // what the mark does not pass in this poll, or 0
	begun  time.Time // when this poll did
	known  []object  // by their IDs
	enough int       // how many objects are known when some are forgotten
}

// NewWindow returns a window that begins at a time. Zero is the beginning of everything.
func NewWindow(begin time.Time, isEnd func(string) bool) *Window {
	w := &Window{IsEnd: isEnd, closed: true}
	if !begin.IsZero() {
		w.floor, w.mark = begin.UnixMilli(), begin.UnixMilli()
	}
	return w
}

// BeginBefore makes a window begin before a change, which was the newest one, by the overlap.
func (w *Window) BeginBefore(newest time.Time) {
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
	if w.begun.Sub(w.moved) >= Overlap {
		w.closed = true
	}
	w.forget()
}

// Last is the last change of an object, if it is known.
func (w *Window) Last(id int64) (last Change, known bool) {
	i, known := w.find(id)
	if !known {
		return Change{}, false
	}
	return w.known[i].Change, true
}

// find is where an object is among the known ones, or would be.
func (w *Window) find(id int64) (place int, known bool) {
	return slices.BinarySearchFunc(w.known, id, func(o object, id int64) int { return cmp.Compare(o.id, id) })
}

// Listed says that a list, which has first what changed first, was read up to a change. Only
// this moves the mark: a change that was seen elsewhere can be newer than others that are
// not read yet.
func (w *Window) Listed(change time.Time) {
	at := change.UnixMilli()
	if w.limit > 0 {
		at = min(at, w.limit)
	}
	if at > w.mark {
		w.mark, w.closed, w.moved = at, false, time.Now()
	}
}

// Hold keeps the mark from passing a change in this poll, because it has to be read again.
func (w *Window) Hold(change time.Time) {
	if at := change.UnixMilli(); at > 0 && (w.limit <= 0 || at < w.limit) {
		w.limit = at
	}
}

// Set sets the last change of an object.
func (w *Window) Set(id int64, change Change) {
	if i, known := w.find(id); known {
		w.known[i].Change = change
	} else {
		w.known = slices.Insert(w.known, i, object{id, change})
	}
}

// canRecur reports whether the change of an object can be read again.
func (w *Window) canRecur(o object) bool { return o.At >= w.mark-Overlap.Milliseconds() }

// forget forgets objects that have ended, now and then. If too many have not, it forgets
// those that changed first.
func (w *Window) forget() {
	if len(w.known) <= max(w.enough, fewKnown) {
		return
	}
	w.known = slices.DeleteFunc(w.known, func(o object) bool { return !w.canRecur(o) && w.IsEnd(o.State) })
	if len(w.known) > mostKnown {
		times := make([]int64, 0, len(w.known))
		for _, o := range w.known {
			times = append(times, o.At)
		}
		slices.Sort(times)
		least := times[len(times)-mostKnown]
		w.known = slices.DeleteFunc(w.known, func(o object) bool { return !w.canRecur(o) && o.At < least })
	}
	w.known = slices.Clip(w.known)
	w.enough = 2 * len(w.known)
}

// Text is the window, to resume from later. It has no more than the newest objects.
func (w *Window) Text() string {
	words := make([]string, 0, 8)
	objects := make([]byte, 0, 8*min(len(w.known), mostKnown)) // nearly all are that short
	for last, n, i := int64(0), 0, len(w.known)-1; i >= 0 && n < mostKnown; i-- {
		o := w.known[i]
		if !w.canRecur(o) && w.IsEnd(o.State) {
			continue
		}
		word := slices.Index(words, o.State)
		if word < 0 {
			word = len(words)
			if word == mostStates || len(o.State) > longestState {
				continue
			}
			words = append(words, o.State)
		}
		objects = binary.AppendVarint(objects, o.id-last)
		objects = binary.AppendVarint(objects, w.mark-o.At)
		objects = binary.AppendUvarint(objects, uint64(word))
		last, n = o.id, n+1
	}
	text := make([]byte, 0, len(objects)+256)
	text = binary.AppendVarint(append(text, textVersion), w.mark)
	text = binary.AppendVarint(text, w.floor)
	text = binary.AppendUvarint(text, uint64(len(words)))
	for _, word := range words {
		text = append(binary.AppendUvarint(text, uint64(len(word))), word...)
	}
	return base64.RawURLEncoding.EncodeToString(append(text, objects...))
}

// errNotCursor is the error of a text that [Window.Text] has not made.
var errNotCursor = errors.New("it is not the cursor of an event")

// ParseWindow returns the window of a text.
func ParseWindow(text string, isEnd func(string) bool) (*Window, error) {
	if len(text) > mostKnown*32 {
		return nil, errNotCursor
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || data[0] != textVersion {
		return nil, errNotCursor
	}
	r := strings.NewReader(string(data[1:]))
	w := &Window{IsEnd: isEnd, moved: time.Now()}
	w.mark, err = binary.ReadVarint(r)
	floor, errFloor := binary.ReadVarint(r)
	if cmp.Or(err, errFloor) != nil || !isTime(w.mark) || !isTime(floor) {
		return nil, errNotCursor
	}
	w.floor = floor
	words, err := readStates(r)
	for id := int64(0); err == nil && r.Len() > 0; {
		id, err = w.read(r, id, words)
	}
	if err != nil || len(w.known) > mostKnown {
		return nil, errNotCursor
	}
	slices.Reverse(w.known)
	return w, nil
}

// isTime reports whether milliseconds are a time that GitLab can have.
func isTime(ms int64) bool { return ms >= 0 && time.UnixMilli(ms).Year() < 10_000 }

func readStates(r *strings.Reader) (words []string, err error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > mostStates {
		return nil, errNotCursor
	}
	for range n {
		length, err := binary.ReadUvarint(r)
		if err != nil || length > longestState || int(length) > r.Len() {
			return nil, errNotCursor
		}
		word := make([]byte, length)
		_, _ = r.Read(word)
		words = append(words, string(word))
	}
	return words, nil
}

// read reads one object, given the ID of the one before it, which is greater.
func (w *Window) read(r *strings.Reader, last int64, words []string) (id int64, err error) {
	step, errStep := binary.ReadVarint(r)
	before, errBefore := binary.ReadVarint(r)
	word, errWord := binary.ReadUvarint(r)
	id = last + step
	if cmp.Or(errStep, errBefore, errWord) != nil || id <= 0 || last > 0 && id >= last || word >= uint64(len(words)) || !isTime(w.mark-before) {
		return 0, errNotCursor
	}
	w.known = append(w.known, object{id, Change{w.mark - before, words[word]}})
	return id, nil
}
