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
	const first = 5 * reach
	states := States[string]{Common: []string{"success"}}
	states.Set(first, "dreaming")
	states.Set(first, "success")
	states.Set(first+reach-1, "success")
	states.Set(first-reach, "success")
	require.Empty(t, states.other)
	states.Set(first+reach, "success")
	require.Equal(t, map[int64]string{first + reach: "success"}, states.other)
}

// A thing is not found three times before that is believed, and for a minute if it was there
// before.
func TestAbsence(t *testing.T) {
	for _, known := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var absence Absence
			for range 2 {
				require.False(t, absence.Missed(known))
				require.False(t, absence.Missed(known))
				if known {
					time.Sleep(LongestLag - 1)
					require.False(t, absence.Missed(known))
					time.Sleep(time.Nanosecond)
				}
				require.True(t, absence.Missed(known))
				absence.Found()
				time.Sleep(time.Hour)
			}
			require.False(t, absence.Missed(known))
			time.Sleep(time.Hour)
			require.False(t, absence.Missed(known), "twice")
			require.True(t, absence.Missed(known))
		})
	}
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
