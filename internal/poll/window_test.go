package poll

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func ends(state string) bool { return state == "success" }

func ms(at time.Time) int64 { return at.UnixMilli() }

// list has a window read a change in a list.
func list(w *Window, id int64, change Change) {
	w.Listed(time.UnixMilli(change.At))
	w.Set(id, change)
}

// The window begins the overlap before the newest change, until a poll a whole overlap later
// has read nothing newer: then with that change.
func TestWindowFollowsTheNewestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now().UTC()
		w := NewWindow(begin, ends)
		require.Equal(t, begin, w.From())
		poll := func(changes ...time.Time) time.Time {
			w.Begin(time.Now(), time.Now())
			for _, at := range changes {
				list(w, 1, Change{ms(at), "running"})
			}
			w.End()
			return w.From()
		}
		require.Equal(t, begin, poll())
		time.Sleep(time.Hour)
		newest := time.Now().UTC()
		require.Equal(t, newest.Add(-Overlap), poll(newest.Add(-time.Minute), newest))
		time.Sleep(Overlap - time.Second)
		require.Equal(t, newest.Add(-Overlap), poll(newest), "it is listed again")
		time.Sleep(time.Second)
		require.Equal(t, newest, poll())
		require.Equal(t, newest, poll(newest.Add(-time.Second)), "one that appeared late")
		time.Sleep(time.Second)
		require.Equal(t, newest.Add(time.Second), poll(newest.Add(time.Hour)), "of a clock that is ahead")
		require.Equal(t, newest.Add(time.Second), poll(), "never back")
		w.BeginBefore(newest.Add(time.Minute))
		require.Equal(t, newest.Add(time.Minute-Overlap), poll())
	})
}

// A change that was seen before it is listed does not hide those before it in the list.
func TestWindowFollowsTheListAlone(t *testing.T) {
	begin := time.Now().UTC().Truncate(time.Millisecond)
	w, newer := NewWindow(begin, ends), Change{ms(begin.Add(time.Hour)), "running"}
	w.Begin(begin.Add(2*time.Hour), begin.Add(2*time.Hour))
	w.Listed(begin.Add(time.Minute))
	w.Set(1, newer)
	require.Equal(t, begin, w.From())
	w, err := ParseWindow(w.Text(), ends)
	require.NoError(t, err)
	require.Equal(t, begin, w.From())
	last, known := w.Last(1)
	require.True(t, known)
	require.Equal(t, newer, last)
	w.Listed(time.UnixMilli(newer.At))
	require.Equal(t, begin.Add(time.Hour-Overlap), w.From())
}

// It does not begin before the first poll did, whatever it reads.
func TestWindowStaysBehindItsFloor(t *testing.T) {
	begin := time.Now().UTC().Truncate(time.Millisecond)
	w := NewWindow(begin, ends)
	list(w, 1, Change{ms(begin.Add(time.Second)), "running"})
	require.Equal(t, begin, w.From())
	w, err := ParseWindow(w.Text(), ends)
	require.NoError(t, err)
	require.Equal(t, begin, w.From())
	require.True(t, NewWindow(time.Time{}, ends).From().IsZero())
}

// Finished objects are forgotten once they cannot be read again. Of unfinished ones, only
// the newest state is known.
func TestWindowForgets(t *testing.T) {
	begin := time.UnixMilli(1_600_000_000_000)
	w, most := NewWindow(begin, ends), 0
	for i := range 100_000 {
		w.Begin(time.Now(), time.Time{})
		list(w, int64(i+1), Change{ms(begin) + 1000*int64(i), []string{"success", "running"}[i/100%2]})
		w.End()
		most = max(most, len(w.known))
	}
	require.LessOrEqual(t, most, 2*mostKnown+2)
	w.enough = 0
	w.End()
	require.LessOrEqual(t, len(w.known), mostKnown)
	for _, id := range []int64{99_990, 99_999, 100_000, 99_200 - 1} {
		_, known := w.Last(id)
		require.True(t, known, "%d", id)
	}
	for _, id := range []int64{1, 200, 99_001} {
		_, known := w.Last(id)
		require.False(t, known, "%d", id)
	}
	require.Less(t, len(w.Text()), 8*mostKnown)
}

func TestWindowAsText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 20))
	begin := time.UnixMilli(1_600_000_000_000)
	w := NewWindow(begin, ends)
	want := map[int64]Change{}
	for range 300 {
		id := 1 + random.Int64N(1e12)
		want[id] = Change{ms(begin) + random.Int64N(100_000), []string{"success", "running", "dreaming ✓"}[random.IntN(3)]}
		list(w, id, want[id])
	}
	read, err := ParseWindow(w.Text(), ends)
	require.NoError(t, err)
	got := map[int64]Change{}
	for _, o := range read.known {
		got[o.id] = o.Change
	}
	require.Equal(t, want, got)
	require.Equal(t, w.From(), read.From())
	require.Equal(t, w.Text(), read.Text())
	list(w, 7, Change{ms(begin.Add(time.Hour)), "running"})
	require.Less(t, len(w.Text()), len(read.Text())*4/5, "without what is forgotten by then")

	small := NewWindow(begin, ends)
	list(small, 101, Change{ms(begin) + 5, "running"})
	require.Equal(t, "AYqA9PaQXYCA9PaQXQEHcnVubmluZ8oBAAA", small.Text(), "other versions read it")
}

func TestWindowRefusesOtherTexts(t *testing.T) {
	for _, text := range []string{"", "x", "AA", "AQ", "!!", "page=2&per_page=100", "Ag" + "qAwuSQXQA", "AYqA9PaQXYCA9PaQXQEHcnVubmluZ8oBAA", "AYqA9PaQXYCA9PaQXQEHcnVubmluZ8oBAAE",
		strings.Repeat("A", 1<<20)} {
		_, err := ParseWindow(text, ends)
		require.ErrorIs(t, err, errNotCursor, "%.40q", text)
	}
}

// A text is whatever a program has stored. It is refused, or means the same when it is
// written again.
func FuzzWindowText(f *testing.F) {
	w := NewWindow(time.UnixMilli(1_600_000_000_000), ends)
	f.Add(w.Text())
	for i := range 20 {
		list(w, int64(100+i*i), Change{1_600_000_000_000 + int64(i)*997, []string{"success", "running", "manual"}[i%3]})
	}
	f.Add(w.Text())
	f.Add("AYqA9PaQXYCA9PaQXQEHcnVubmluZ8oBAAA")
	f.Add("x")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWindow(text, ends)
		if err != nil {
			require.ErrorIs(t, err, errNotCursor)
			return
		}
		for i, o := range w.known {
			require.Positive(t, o.id)
			require.True(t, isTime(o.At))
			require.True(t, i == 0 || w.known[i-1].id < o.id)
		}
		again, err := ParseWindow(w.Text(), ends)
		require.NoError(t, err)
		require.Equal(t, w.From(), again.From())
		require.Equal(t, w.Text(), again.Text())
	})
}
