package poll

import (
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStates compares with a map, with states that are common and others, and with IDs that
// are far from each other.
func TestStates(t *testing.T) {
	words := []string{"running", "success", "dreaming", "", "brooding"}
	random := rand.New(rand.NewPCG(1, 2))
	states, want := States[string]{Common: words[:2]}, map[int64]string{}
	states.Grow(20)
	for range 2000 {
		id, word := random.Int64N(50)-10+[]int64{0, 0, 0, reach - 20, -reach, 3 * reach, math.MaxInt64 - 100}[random.IntN(7)], words[random.IntN(len(words))]
		was, known := states.Last(id)
		wanted, wantKnown := want[id]
		require.Equal(t, wantKnown, known)
		require.Equal(t, wanted, was)
		states.Set(id, word)
		want[id] = word
	}
	require.Equal(t, want, maps.Collect(states.All()))
	for range states.All() {
		break // without a panic
	}
}

// Common states, and those that became common, take no memory in the map.
func TestStatesAreSmall(t *testing.T) {
	states := States[string]{Common: []string{"success"}}
	states.Set(1, "dreaming")
	states.Set(1, "success")
	states.Set(2, "success")
	require.Empty(t, states.other)
}

// A response that is older is believed once older ones have come for a minute.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lag Lag
		require.False(t, lag.Lasts(false))
		for range 2 {
			require.True(t, lag.Lasts(true))
			time.Sleep(LongestLag - 1)
			require.True(t, lag.Lasts(true))
			time.Sleep(time.Nanosecond)
			require.False(t, lag.Lasts(true))
			require.False(t, lag.Lasts(false), "the next one begins again")
		}
	})
}
