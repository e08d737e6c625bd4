package pages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The page after the first n items has the last of them, and at least half of it
// is new.
func TestOverlapAfter(t *testing.T) {
	for _, most := range []int{smallestOverlap, 50, 99, largestPage} {
		for n := 1; n <= 3000; n++ {
			number, size := overlapAfter(n, most)
			if number == 0 {
				require.Less(t, n, most, "size %d", most)
				continue
			}
			begin, end := (number-1)*size, number*size
			require.LessOrEqual(t, size, most)
			require.Less(t, begin, n, "it overlaps the first %d", n)
			require.Greater(t, end, n, "it has others than the first %d", n)
			require.GreaterOrEqual(t, 4*(end-n), most, "the first %d by %d", n, most)
		}
	}
}

func TestOnward(t *testing.T) {
	link := placeAt(t, "page=2&per_page=100")
	byID := func(ascending, concurrent bool) drift { return newDrift(ByID(ascending), false, concurrent) }
	tests := map[string]struct {
		drift       drift
		at          string
		size, items int
		overlaps    bool
	}{
		"each page by itself":  {byID(false, false), "page=1", 100, 100, false},
		"concurrent":           {byID(false, true), "page=1", 100, 100, true},
		"ascending":            {byID(true, false), "page=1", 100, 100, true},
		"from a short page on": {byID(true, false), "page=1", 100, 60, true},
		"unordered":            {newDrift(Unordered(), false, true), "page=1", 100, 100, false},
		"an empty page":        {byID(true, true), "page=1", 100, 0, false},
		"a page of no size":    {byID(true, true), "page=1", 0, 100, false},
		"an implausible size":  {byID(true, true), "page=1", plausible(101), 100, false},
		"the largest size":     {byID(true, true), "page=1", plausible(100), 100, true},
		"a page of no number":  {byID(true, true), "cursor=a", 100, 100, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.drift.size = test.size
			at := placeAt(t, test.at)
			next := test.drift.onward(&served{at: at, size: test.size, keys: make([]key, test.items)}, link)
			require.Equal(t, "page=2&per_page=100", next.cursor())
			require.Equal(t, test.overlaps, next.link != nil)
			if test.overlaps {
				require.Less(t, (next.number-1)*next.size(), test.items)
				require.Greater(t, next.number*next.size(), test.items)
			}
		})
	}
}

// Each of the planned pages overlaps the one before it, until the list ends.
func TestPlanOverlaps(t *testing.T) {
	d := newDrift(ByID(false), false, true)
	d.size = 100
	from := placeAt(t, "page=1&per_page=100&ref=main")
	end, n := 100, 0
	d.planOverlaps(from, 1000, func(at *place) bool {
		p := placeOf(at.query)
		require.Equal(t, "main", at.query.Get("ref"))
		require.Less(t, (p.number-1)*p.size(), end)
		require.Greater(t, p.number*p.size(), end)
		end = p.number * p.size()
		n++
		return true
	})
	require.GreaterOrEqual(t, end, 1000)
	require.InDelta(t, 11, n, 3)

	n = 0
	d.planOverlaps(from, -1, func(*place) bool { n++; return n < 50 })
	require.Equal(t, 50, n, "as many as are wanted, where the server does not count")
}
