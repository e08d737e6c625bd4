package pages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// newKeys counts the items of a list that are new to a walk, until there are most of them
// or the list has turned back. Item n of the list is at(n).
func newKeys(most int, at func(n int) int64) (found int, turnedBack bool) {
	var seen memory
	var c circle
	for n := 0; found < most && n < 10*most; n++ {
		k := key{at(n), 0}
		if !seen.add(k) {
			continue
		}
		found++
		if c.closes(k) {
			return found, true
		}
	}
	return found, false
}

// A list that turns back is detected in three rounds, however many items it has.
func TestCircle(t *testing.T) {
	for _, round := range []int{20_001, 29_999, 40_032, 100_000} {
		found, turnedBack := newKeys(4*round, func(n int) int64 { return int64(n%round) + 1 })
		require.True(t, turnedBack, round)
		require.LessOrEqual(t, found, 3*round)

		// The list has a beginning that does not repeat.
		found, turnedBack = newKeys(5*round, func(n int) int64 {
			if n < round {
				return int64(-n - 1)
			}
			return int64(n%round) + 1
		})
		require.True(t, turnedBack, round)
		require.LessOrEqual(t, found, 4*round)
	}
}

// A list that only grows, or has items move, does not turn back.
func TestNoCircle(t *testing.T) {
	found, turnedBack := newKeys(200_000, func(n int) int64 { return int64(n) + 1 })
	require.Equal(t, 200_000, found)
	require.False(t, turnedBack)

	// Of each 32 items, 31 come again after 25,000 others.
	_, turnedBack = newKeys(200_000, func(n int) int64 {
		if n%sample == 0 {
			return int64(n) + 1
		}
		return int64(n%25_024) + 1_000_000
	})
	require.False(t, turnedBack)
}
