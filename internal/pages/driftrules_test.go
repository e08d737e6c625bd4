package pages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keys are those of items with these IDs.
func keys(ids ...int64) (all []key) {
	for _, id := range ids {
		all = append(all, ByID(false).key(id, time.Time{}, true))
	}
	return all
}

// read yields the items of a page, as a walk does.
func (d *drift) read(s *served) (yielded []int64) {
	d.accept(s)
	for _, k := range s.keys {
		if !d.repeats(k) {
			yielded = append(yielded, k.id)
		}
	}
	return yielded
}

// The request instead of the page after page two, in pages of three, if page one had the
// items 9 to 7 of a total of 9.
func TestDriftGoesBack(t *testing.T) {
	second := func(total int, ids ...int64) served {
		return served{at: placeAt(t, "page=2&per_page=3"), size: 3, total: total, keys: keys(ids...)}
	}
	overlapping := second(9, 6, 5, 4)
	overlapping.at.link = placeAt(t, "page=2&per_page=100")
	ownSize := overlapping
	ownSize.size = 100
	early := second(9, 6, 5, 4)
	early.guessed = true
	tests := map[string]struct {
		page   served
		proves bool
		want   string // a page, "link", "again" or nothing
	}{
		"nothing changed":                     {second(9, 6, 5, 4), false, ""},
		"one more":                            {second(10, 7, 6, 5), false, ""},
		"one less":                            {second(8, 5, 4, 3), false, "page=1&per_page=3"},
		"three less":                          {second(6, 3, 2, 1), false, "page=1&per_page=3"},
		"one less, but it joins":              {second(8, 7, 6, 5), false, ""},
		"one less, and a newer one first":     {second(8, 8, 6, 5), false, ""},
		"no longer counted":                   {second(-1, 5, 4, 3), false, "page=1&per_page=3"},
		"no longer counted, but it joins":     {second(-1, 7, 6, 5), false, ""},
		"empty":                               {second(3), false, "page=1&per_page=3"},
		"it should overlap, and does not":     {overlapping, true, "page=1&per_page=3"},
		"the server has a size of its own":    {ownSize, true, "link"},
		"requested too early":                 {early, true, "again"},
		"requested too early, but it is read": {early, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDrift(ByID(false), false, test.proves)
			first := served{at: placeAt(t, "page=1&per_page=3"), size: 3, total: 9, keys: keys(9, 8, 7)}
			instead, err := d.instead(&first)
			require.NoError(t, err)
			require.Nil(t, instead)
			require.Equal(t, []int64{9, 8, 7}, d.read(&first))

			instead, err = d.instead(&test.page)
			require.NoError(t, err)
			switch test.want {
			case "":
				require.Nil(t, instead)
			case "link":
				require.Same(t, test.page.at.link, instead)
				require.Equal(t, impossible, d.overlap)
			case "again":
				require.Same(t, test.page.at, instead)
			default:
				require.Equal(t, test.want, Cursor(instead.query))
				require.True(t, instead.back)
				require.Equal(t, 1, instead.number)
			}
		})
	}
}

// In an unknown order, nothing shows that something was missed.
func TestDriftUnordered(t *testing.T) {
	d := newDrift(Unordered(), false, true)
	require.Equal(t, []int64{3, 9, 4}, d.read(&served{at: placeAt(t, "page=1"), size: 3, total: 9, keys: keys(3, 9, 4)}))
	page := served{at: placeAt(t, "page=2"), size: 3, total: 2, guessed: true, keys: keys(4, 8)}
	instead, err := d.instead(&page)
	require.NoError(t, err)
	require.Nil(t, instead)
	require.Equal(t, []int64{8}, d.read(&page), "what comes again is dropped")
}

// Items without a key can be neither recognized nor missed.
func TestDriftWithoutKeys(t *testing.T) {
	d := newDrift(Unordered(), false, false)
	page := served{at: placeAt(t, "page=2"), size: 3, total: 2, keys: make([]key, 3)}
	for range 2 {
		instead, err := d.instead(&page)
		require.NoError(t, err)
		require.Nil(t, instead)
		require.Len(t, d.read(&page), 3)
	}
}

// The first page shows that a list ascends, if the query does not say so.
func TestDriftLearnsTheOrder(t *testing.T) {
	d := newDrift(ByID(false), false, false)
	d.read(&served{at: placeAt(t, "page=1"), size: 3, total: 9, keys: keys(1, 2, 3)})
	require.Equal(t, ByID(true), d.order)
	require.Equal(t, int64(3), d.furthest.id)
	d.read(&served{at: placeAt(t, "page=2"), size: 3, total: 9, keys: keys(6, 5, 4)})
	require.Equal(t, ByID(true), d.order, "only the first one")
	require.Equal(t, int64(4), d.furthest.id)
}

// Steps back that find nothing end: pages overlap after three, and the walk is
// over if that does not help.
func TestDriftGivesUpGoingBack(t *testing.T) {
	d := newDrift(ByID(false), false, false)
	first := served{at: placeAt(t, "page=1&per_page=3"), size: 3, total: 9, keys: keys(9, 8, 7)}
	d.read(&first)
	for steps := range mostFruitless + 1 {
		require.Equal(t, steps >= fewFruitless, d.overlap == needed, "after %d steps", steps)
		d.total = 9
		page := served{at: placeAt(t, "page=2&per_page=3"), size: 3, total: 8, keys: keys(5, 4, 3)}
		instead, err := d.instead(&page)
		if steps == mostFruitless {
			require.ErrorIs(t, err, errNoFit)
			return
		}
		require.NoError(t, err)
		require.True(t, instead.back)
		require.Empty(t, d.read(&first))
	}
}

// A walk from the middle leaves out what comes before it, once it goes back. Until
// then, the links of the server decide.
func TestDriftFromMidway(t *testing.T) {
	d := newDrift(ByID(false), true, false)
	require.Equal(t, []int64{6, 5, 4}, d.read(&served{at: placeAt(t, "page=2&per_page=3"), size: 3, total: 9, keys: keys(6, 5, 4)}))
	require.Equal(t, []int64{7, 3, 2}, d.read(&served{at: placeAt(t, "page=3&per_page=3"), size: 3, total: 9, keys: keys(7, 3, 2)}))
	back := served{at: &place{number: 2, back: true}, size: 3, total: 9, keys: keys(9, 8, 1)}
	_, err := d.instead(&back)
	require.NoError(t, err)
	require.Equal(t, []int64{1}, d.read(&back))
}
