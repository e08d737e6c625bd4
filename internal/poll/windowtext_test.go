package poll

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A change that has to be read again holds the window, in this poll.
func TestWindowHolds(t *testing.T) {
	begin := time.Now().UTC().Truncate(time.Millisecond)
	for _, server := range []time.Time{{}, begin.Add(time.Hour)} {
		w := NewWindow(begin, ends)
		w.Begin(begin, server)
		w.Hold(begin.Add(30 * time.Minute))
		w.Hold(begin.Add(40 * time.Minute))
		w.Hold(time.UnixMilli(0)) // of a server that does not say when it changed
		w.Listed(begin.Add(50 * time.Minute))
		require.Equal(t, begin.Add(30*time.Minute-Overlap), w.From())
		w.Hold(begin.Add(20 * time.Minute))
		w.Listed(begin.Add(50 * time.Minute))
		require.Equal(t, begin.Add(30*time.Minute-Overlap), w.From(), "never back")
		w.Begin(begin, server)
		w.Listed(begin.Add(50 * time.Minute))
		require.Equal(t, begin.Add(50*time.Minute-Overlap), w.From())
	}
}

// manyRunning has more objects than are known. Those with the greatest IDs changed first.
func manyRunning(newest time.Time) *Window {
	w := NewWindow(time.UnixMilli(1), ends)
	for id := range int64(mostKnown + 100) {
		w.Set(id+1, Change{ms(newest) - id, "running"})
	}
	return w
}

// Of too many objects that have not ended, those are forgotten that changed first. What can be
// read again is not forgotten.
func TestWindowForgetsWhatChangedFirst(t *testing.T) {
	newest := time.UnixMilli(1_600_000_000_000)
	w := manyRunning(newest)
	w.Listed(newest)
	w.End()
	require.Len(t, w.known, mostKnown+100)
	read, err := ParseWindow(w.Text(), ends)
	require.NoError(t, err)
	require.Len(t, read.known, mostKnown)

	w = manyRunning(newest)
	w.Listed(newest.Add(time.Hour))
	w.End()
	require.Len(t, w.known, mostKnown)
	require.EqualValues(t, mostKnown, w.known[mostKnown-1].id)

	w = NewWindow(time.UnixMilli(1), ends)
	for id := range int64(2 * fewKnown) {
		list(w, id+1, Change{ms(newest), "success"})
	}
	w.End()
	require.Len(t, w.known, 2*fewKnown)
}

// A text has what may be needed again: not what has ended and cannot be read again, nor more
// or longer states than GitLab has.
func TestWindowTextLeavesOut(t *testing.T) {
	newest := time.UnixMilli(1_600_000_000_000)
	w := NewWindow(time.UnixMilli(1), ends)
	w.Set(1, Change{ms(newest.Add(-time.Hour)), "success"})
	w.Set(1, Change{ms(newest.Add(-time.Hour)), "running"})
	w.Set(2, Change{ms(newest.Add(-Overlap)), "success"})
	w.Set(3, Change{ms(newest.Add(-Overlap)) - 1, "success"})
	w.Set(4, Change{ms(newest), strings.Repeat("x", longestState)})
	w.Set(5, Change{ms(newest), strings.Repeat("x", longestState+1)})
	w.Listed(newest)
	ids := func() (ids []int64) {
		t.Helper()
		read, err := ParseWindow(w.Text(), ends)
		require.NoError(t, err)
		for _, o := range read.known {
			require.Equal(t, w.known[slices.IndexFunc(w.known, func(known object) bool { return known.id == o.id })], o)
			ids = append(ids, o.id)
		}
		return ids
	}
	require.Equal(t, []int64{1, 2, 4}, ids())
	for i := range int64(mostStates) {
		w.Set(1000-i, Change{ms(newest), fmt.Sprint("state ", i)})
	}
	require.Len(t, ids(), mostStates)
	w.Set(900, Change{ms(newest), "state 0"})
	require.Contains(t, ids(), int64(900))
}

// text is one with a version, the mark, the floor, the states, and the numbers of objects: how
// far an ID is from the last one, how long before the mark it changed, and its state.
func text(mark, floor int64, states []string, objects ...int64) []byte {
	text := binary.AppendVarint(binary.AppendVarint([]byte{textVersion}, mark), floor)
	text = binary.AppendUvarint(text, uint64(len(states)))
	for _, state := range states {
		text = append(binary.AppendUvarint(text, uint64(len(state))), state...)
	}
	for i, n := range objects {
		if i%3 == 2 {
			text = binary.AppendUvarint(text, uint64(n))
		} else {
			text = binary.AppendVarint(text, n)
		}
	}
	return text
}

// What no window has written is refused: it could hide changes.
func TestWindowChecksTexts(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.Local).UnixMilli()
	object := []int64{7, 0, 0}
	many := func(n int) (objects []int64) {
		objects = []int64{int64(n), 0, 0}
		for range n - 1 {
			objects = append(objects, -1, 0, 0)
		}
		return objects
	}
	manyStates := make([]string, mostStates+1)
	whole := text(5, 5, []string{"running"}, object...)
	for name, test := range map[string]struct {
		text []byte
		fits bool
	}{
		"nothing is known":         {text(0, 0, nil), true},
		"the last times":           {text(last, last, []string{"x"}, object...), true},
		"a state without objects":  {text(5, 5, []string{"running"}), true},
		"most states":              {text(5, 5, manyStates[1:], object...), true},
		"the longest state":        {text(5, 5, []string{strings.Repeat("x", longestState)}, object...), true},
		"the first time":           {text(5, 5, []string{"x"}, 7, 5, 0), true},
		"most objects":             {text(5, 5, []string{"x"}, many(mostKnown)...), true},
		"more objects":             {text(5, 5, []string{"x"}, many(mostKnown+1)...), false},
		"before the first time":    {text(5, 5, []string{"x"}, 7, 6, 0), false},
		"an object that is not":    {text(5, 5, []string{"x"}, 0, 0, 0), false},
		"the same object twice":    {text(5, 5, []string{"x"}, 7, 0, 0, 0, 0, 0), false},
		"an object without state":  {text(5, 5, []string{"x"}, 7, 0, 1), false},
		"a mark before all times":  {text(-1, 5, nil), false},
		"a mark after all times":   {text(last+1, 5, nil), false},
		"a floor before all times": {text(5, -1, nil), false},
		"a floor after all times":  {text(5, last+1, nil), false},
		"more states":              {text(5, 5, manyStates, object...), false},
		"a longer state":           {text(5, 5, []string{strings.Repeat("x", longestState+1)}, object...), false},
		"cut off after the floor":  {whole[:3], false},
		"cut off before a state":   {whole[:4], false},
		"cut off in a state":       {whole[:9], false},
		"cut off in an object":     {whole[:len(whole)-1], false},
		"a number that is none":    {append([]byte{textVersion}, strings.Repeat("\x80", 9)+"\x02\x00\x00"...), false},
	} {
		_, err := ParseWindow(base64.RawURLEncoding.EncodeToString(test.text), ends)
		if test.fits {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, errNotCursor, name)
		}
	}
	_, err := ParseWindow(base64.RawURLEncoding.EncodeToString(text(5, 5, []string{"x"}))+"!", ends)
	require.ErrorIs(t, err, errNotCursor)
}
