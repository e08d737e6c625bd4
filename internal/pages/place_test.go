package pages

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func placeAt(t *testing.T, cursor string) *place {
	t.Helper()
	query, err := url.ParseQuery(cursor)
	require.NoError(t, err)
	return placeOf(query)
}

func TestPlaces(t *testing.T) {
	tests := map[string]struct {
		first, number, size int
		key                 string
	}{
		"":                        {1, 0, 0, "query "},
		"ref=main":                {1, 0, 0, "query ref=main"},
		"page=3":                  {3, 3, 0, "page 3 of "},
		"page=3&per_page=20":      {3, 3, 20, "page 3 of 20"},
		"page=0&per_page=x":       {0, 0, 0, "query page=0&per_page=x"},
		"page=x":                  {0, 0, 0, "query page=x"},
		"cursor=abc":              {0, 0, 0, "cursor abc"},
		"cursor=abc&page=3":       {0, 0, 0, "cursor abc"},
		"per_page=20&order_by=id": {1, 0, 20, "query order_by=id&per_page=20"},

		"id_before=9&page=1&pagination=keyset": {0, 0, 0, "query id_before=9&page=1&pagination=keyset"},
		"id_after=9&pagination=keyset":         {0, 0, 0, "query id_after=9&pagination=keyset"},
		"id_after=9&page=2&pagination=keyset":  {2, 2, 0, "page 2 of "}, // of a server that ignores the pagination
		"id_after=9&page=1":                    {1, 1, 0, "page 1 of "}, // a filter
	}
	for cursor, test := range tests {
		p := placeAt(t, cursor)
		require.Equal(t, test.number, p.number, cursor)
		require.Equal(t, test.first, firstPlace(p.query).number, cursor)
		require.Equal(t, test.size, p.size(), cursor)
		require.Equal(t, test.key, pageKey(p.query), cursor)
	}
}

// A walk continues where the server linked to, not at the page that it requests
// instead.
func TestPlaceCursor(t *testing.T) {
	link := placeAt(t, "page=3&per_page=100")
	instead := &place{query: withPage(link.query, 5, 50), number: 5, link: link}
	require.Equal(t, "page=5&per_page=50", Cursor(instead.query))
	require.Equal(t, "page=3&per_page=100", instead.cursor())
	require.Equal(t, "page=3&per_page=100", link.cursor())
	require.Equal(t, url.Values{"page": {"1"}}, with(nil, "page", "1"))
}

func TestTrail(t *testing.T) {
	walked := func(cursors ...string) int {
		var trail trail
		var at *place
		for i, cursor := range cursors {
			to := placeAt(t, cursor)
			if trail.turnsBack(at, to) {
				return i
			}
			at = to
		}
		return -1
	}
	require.Equal(t, -1, walked("page=1", "page=2", "page=9"))
	require.Equal(t, 2, walked("page=1", "page=2", "page=2"), "to itself")
	require.Equal(t, 2, walked("page=1", "page=2", "page=1"), "back")
	require.Equal(t, -1, walked("", "cursor=a", "cursor=b"))
	require.Equal(t, 2, walked("", "cursor=a", "cursor=a"), "to itself")

	for length := 2; length <= 40; length++ {
		var circle []string
		for i := range 4 * length {
			circle = append(circle, "cursor="+strconv.Itoa(i%length))
		}
		found := walked(circle...)
		require.GreaterOrEqual(t, found, length, "ended before each page was read once")
		require.Less(t, found, 4*length, "did not detect a loop of %d pages", length)
	}
}
