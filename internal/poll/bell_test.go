package poll

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// waits returns how long a pace waits, if its bell rings as long after the beginning of
// the wait.
func waits(t *testing.T, pace *Pace, rings ...time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	for _, after := range rings {
		time.AfterFunc(after, pace.Bell.Ring)
	}
	require.NoError(t, pace.Wait(t.Context()))
	return time.Since(begun)
}

func bellPace() *Pace {
	return &Pace{Min: second, Max: 15 * second, Bell: NewBell(&Turns{}), Idle: 5 * time.Minute}
}

// A ring ends the wait, soon after it and not before the shortest wait. All that rings
// until then is one poll.
func TestBellEndsTheWait(t *testing.T) {
	for name, test := range map[string]struct {
		rings         []time.Duration
		least, latest time.Duration
	}{
		"never":         {nil, 5 * time.Minute, 5 * time.Minute},
		"later":         {[]time.Duration{time.Minute}, time.Minute + ringDelay, time.Minute + 4*ringDelay},
		"at once":       {[]time.Duration{0}, second, second},
		"several times": {[]time.Duration{30 * second, 30*second + 50*time.Millisecond}, 30*second + ringDelay, 30*second + 4*ringDelay},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pace := bellPace()
				waited := waits(t, pace, test.rings...)
				require.GreaterOrEqual(t, waited, test.least)
				require.LessOrEqual(t, waited, test.latest)
				pace.Restart()
				require.Equal(t, 5*time.Minute, waits(t, pace), "the bell was heard once")
			})
		})
	}
}

// A ring during a poll may be about something newer than what the poll reads.
func TestBellRingsDuringAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		pace.Bell.Ring()
		pace.Bell.Ring()
		require.Equal(t, second, waits(t, pace))
	})
}

// A poll that was rung for and brings nothing may have read a replica that lags.
func TestBellWithoutNewsIsFollowedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		require.Less(t, waits(t, pace, 30*second), 31*second)
		require.Equal(t, 1500*time.Millisecond, waits(t, pace), "nothing was new")
		require.Equal(t, 5*time.Minute, waits(t, pace), "nor in the second poll")

		require.Less(t, waits(t, pace, 30*second), 31*second)
		pace.Restart()
		require.Equal(t, 5*time.Minute, waits(t, pace), "something was new")
	})
}

// A ring before a poll that follows up another one is followed up as well.
func TestBellRingsBeforeAFollowUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		require.Less(t, waits(t, pace, 30*second), 31*second)
		require.Equal(t, 1500*time.Millisecond, waits(t, pace, second))
		require.Equal(t, 2250*time.Millisecond, waits(t, pace), "the second ring")
		require.Equal(t, 5*time.Minute, waits(t, pace), "no further one")
	})
}

// A server whose replicas do not lag is not polled twice for each ring that is repeated.
func TestBellWithoutNewsIsNotAlwaysFollowedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		var seen []bool
		for i := range 10 {
			waits(t, pace) // long enough for the ring to be believed
			require.Less(t, waits(t, pace, 30*second), 31*second)
			begun := time.Now()
			require.NoError(t, pace.Wait(t.Context()))
			followed := time.Since(begun) < time.Minute
			if seen = append(seen, followed); i == 4 || i == 5 {
				pace.Restart()
			}
		}
		require.Equal(t, []bool{true, false, false, false, true, true, true, false, false, false}, seen)
	})
}

// Wakes that bring no news cannot make polls more frequent than they are without any.
func TestBellThatKeepsRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		stop := make(chan struct{})
		go func() {
			for tick := time.Tick(10 * time.Millisecond); ; {
				select {
				case <-tick:
					pace.Bell.Ring()
				case <-stop:
					return
				}
			}
		}()
		begun, polls := time.Now(), 0
		for ; time.Since(begun) < time.Hour; polls++ {
			require.NoError(t, pace.Wait(t.Context()))
		}
		close(stop)
		require.InDelta(t, 240, polls, 10)
		require.Equal(t, 15*second, waits(t, pace, 0), "it is not believed yet")
		for range 2 {
			waits(t, pace) // nothing rings for minutes
		}
		require.Equal(t, second, waits(t, pace, 0))
	})
}

// A poll after one that failed comes at the usual pace. A ring does not make it come earlier:
// the server may be in trouble.
func TestBellIsNotHeardAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		for _, want := range []time.Duration{second, 1500 * time.Millisecond, 2250 * time.Millisecond} {
			pace.Expect()
			pace.Fail()
			require.Equal(t, want, waits(t, pace, 0))
			pace.rung = false // it is not what this is about
		}
		pace.Fail()
		require.Equal(t, 3375*time.Millisecond, waits(t, pace))
		require.Equal(t, 5*time.Minute, waits(t, pace), "it has not failed again")
		pace.Restart()
		pace.Fail()
		pace.AtLeast(time.Minute)
		require.Equal(t, time.Minute, waits(t, pace, 0), "not even a ring shortens what the server asks for")
	})
}

// An expected poll begins at the usual pace, and after a ring immediately. If that keeps
// bringing no news, polls get as rare as without rings.
func TestBellEndsTheWaitForWhatIsExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		wait := func(rings ...time.Duration) time.Duration {
			pace.Expect()
			return waits(t, pace, rings...)
		}
		for range 7 {
			wait()
		}
		require.Equal(t, 15*second, wait())
		require.LessOrEqual(t, wait(2*second), 2*second+4*ringDelay)
		require.Equal(t, 15*second, wait(2*second), "the ring is followed up")
		require.Equal(t, 15*second, wait(), "and so is the next")
		require.Equal(t, 15*second, wait(2*second), "rings are in doubt")
		begun := time.Now()
		for range 100 {
			wait(0)
		}
		require.Greater(t, time.Since(begun), 20*time.Minute)

		pace.Restart()
		for range 8 {
			wait()
		}
		pace.AtLeast(10 * second)
		require.Equal(t, 10*second, wait(2*second), "what the server asks for")
	})
}

// The time that was up for an earlier wait, at the moment when a ring ended it, does not end a
// later one.
func TestBellOfAnEarlierWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := bellPace()
		require.Equal(t, 5*time.Minute, waits(t, pace))
		pace.Bell.wake()
		require.Equal(t, 5*time.Minute, waits(t, pace))
	})
}

func TestBellAndTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, bellPace().Wait(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(begun))
	})
}

// Bells that ring at the same moment are polled for one after the other.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns Turns
		var last time.Duration
		for i := range 400 {
			wait := turns.wait()
			require.GreaterOrEqual(t, wait, ringDelay)
			if i > 0 {
				require.GreaterOrEqual(t, wait, last+turnLength)
			}
			last = wait
		}
		require.Less(t, last, 2500*time.Millisecond)
		time.Sleep(time.Minute)
		require.LessOrEqual(t, turns.wait(), 4*ringDelay)
	})
}
