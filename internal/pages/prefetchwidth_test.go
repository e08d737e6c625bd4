package pages

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// widthList is a list of pages whose responses take no time.
func widthList(ahead int, eager bool, paused *bool) *List[*int] {
	return &List[*int]{
		Ahead:    ahead,
		Eager:    eager,
		Request:  func(context.Context, url.Values) (*Page[*int], error) { return &Page[*int]{Next: "page=2"}, nil },
		Paused:   func() bool { return *paused },
		Limit:    func(ctx context.Context, _ int64) context.Context { return ctx },
		TooLarge: func(error) bool { return false },
	}
}

// onward is a plan of the pages from one on.
func onward(from int) iter.Seq[*place] {
	return func(yield func(*place) bool) {
		for n := from; yield(placeOf(url.Values{"page": {strconv.Itoa(n)}})); n++ {
		}
	}
}

// A pause makes a walk request one page ahead, however many it requested before and
// no matter who chose that.
func TestPrefetchWidthInAPause(t *testing.T) {
	for _, eager := range []bool{false, true} {
		paused := false
		p := newPrefetcher(t.Context(), widthList(8, eager, &paused))
		take := func(number int) {
			_, _, err := p.take(placeOf(url.Values{"page": {strconv.Itoa(number)}}))
			require.NoError(t, err)
		}
		for _, number := range []int{1, 101, 201, 301, 401} { // none of them was requested ahead
			take(number)
		}
		require.Equal(t, 8, p.width)

		p.fill(onward(402))
		require.Len(t, p.queue, 8)
		paused = true
		take(402)
		require.Equal(t, 1, p.width)
		p.drop()
		p.width = 8 // as if the pause began after that
		p.fill(onward(403))
		require.Len(t, p.queue, 1)

		paused = false
		take(501)
		require.Equal(t, 8, p.width)
		p.stop()
	}
}

// Nothing is requested ahead where none is allowed.
func TestPrefetchWidthOfNone(t *testing.T) {
	paused := false
	p := newPrefetcher(t.Context(), widthList(0, false, &paused))
	for number := range 5 {
		_, _, err := p.take(placeOf(url.Values{"page": {strconv.Itoa(number + 1)}}))
		require.NoError(t, err)
		p.fill(onward(number + 2))
		require.Empty(t, p.queue)
	}
	p.stop()
}
