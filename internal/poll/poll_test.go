package poll

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/rest"
)

const second = time.Second

func TestPace(t *testing.T) {
	tests := map[string]struct {
		pace  Pace
		waits []time.Duration
	}{
		"grows by half up to the longest": {Pace{Min: 2 * second, Max: 15 * second},
			[]time.Duration{2 * second, 3 * second, 4500 * time.Millisecond, 6750 * time.Millisecond, 10125 * time.Millisecond, 15 * second, 15 * second}},
		"does not pass a longest near the shortest": {Pace{Min: 2 * second, Max: 2*second + 1}, []time.Duration{2 * second, 2*second + 1, 2*second + 1}},
		"stays where both are the same":             {Pace{Min: second, Max: second}, []time.Duration{second, second, second}},
		"a nanosecond does not grow":                {Pace{Min: 1, Max: second}, []time.Duration{1, 1, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for i, want := range test.waits {
				require.Equal(t, want, test.pace.next(), "wait %d", i)
			}
		})
	}
}

func TestPaceRestarts(t *testing.T) {
	pace := Pace{Min: 2 * second, Max: 15 * second}
	pace.Restart()
	require.Equal(t, 2*second, pace.next())
	require.Equal(t, 3*second, pace.next())
	pace.Restart()
	require.Equal(t, 2*second, pace.next())
	require.Equal(t, 3*second, pace.next())
}

// A requested wait lengthens one wait, and not those after it.
func TestPaceObeysTheServerOnce(t *testing.T) {
	pace := Pace{Min: 2 * second, Max: 15 * second}
	pace.AtLeast(time.Minute)
	pace.AtLeast(second) // of another response: both have to be obeyed
	require.Equal(t, time.Minute, pace.next())
	require.Equal(t, 3*second, pace.next())
	pace.AtLeast(second) // shorter than the interval
	require.Equal(t, 4500*time.Millisecond, pace.next())
}

func TestPaceJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 1000 {
		pace := Pace{Min: 2 * second, Max: 15 * second, Jitter: true}
		wait := pace.next()
		require.LessOrEqual(t, wait, 2*second)
		require.GreaterOrEqual(t, wait, 1800*time.Millisecond)
		seen[wait] = true

		pace.AtLeast(time.Minute)
		require.Equal(t, time.Minute, pace.next(), "no poll comes before the time that the server asks for")
	}
	require.Greater(t, len(seen), 100)
	tiny := Pace{Min: 1, Max: 1, Jitter: true}
	require.LessOrEqual(t, tiny.next(), time.Duration(1))
}

func TestPaceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := Pace{Min: 2 * second, Max: 15 * second}
		begun := time.Now()
		require.NoError(t, pace.Wait(t.Context()))
		require.Equal(t, 2*second, time.Since(begun))

		ctx, cancel := context.WithTimeout(t.Context(), second)
		defer cancel()
		require.ErrorIs(t, pace.Wait(ctx), context.DeadlineExceeded)
		require.Equal(t, 3*second, time.Since(begun))
	})
}

func TestPatience(t *testing.T) {
	type failure struct {
		took, asked time.Duration
		lasted      time.Duration
		giveUp      bool
	}
	tests := map[string]struct {
		patience Patience
		failures []failure
	}{
		"counts from the beginning of the first poll": {Patience{GiveUpAfter: 10 * second}, []failure{
			{4 * second, 0, 4 * second, false}, {5 * second, 0, 9 * second, false}, {second, 0, 10 * second, true},
		}},
		"gives up before a wait that is too long": {Patience{GiveUpAfter: 10 * second}, []failure{
			{second, 8 * second, second, false}, {second, 8 * second, 2 * second, true},
		}},
		"gives up at once if asked to wait for longer": {Patience{GiveUpAfter: 10 * second}, []failure{{0, 10 * second, 0, true}}},
		"insists on a number of failures": {Patience{GiveUpAfter: 10 * second, AtLeast: 3}, []failure{
			{time.Hour, 0, time.Hour, false}, {second, 0, time.Hour + second, false}, {0, 0, time.Hour + second, true},
		}},
		"gives up a server that never responded after a minute": {Patience{GiveUpAfter: time.Hour}, []failure{
			{59 * second, 0, 59 * second, false}, {second, 0, time.Minute, true},
		}},
		"but not one that has responded": {Patience{GiveUpAfter: time.Hour, Responded: true}, []failure{
			{59 * time.Minute, 0, 59 * time.Minute, false}, {time.Minute, 0, time.Hour, true},
		}},
		"rounds what it reports": {Patience{GiveUpAfter: 10 * second}, []failure{{9600 * time.Millisecond, 0, 10 * second, false}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i, f := range test.failures {
					begun := time.Now()
					time.Sleep(f.took)
					lasted, giveUp := test.patience.Failed(begun, f.asked, errPoll)
					require.Equal(t, f.lasted, lasted, "failure %d", i)
					require.Equal(t, f.giveUp, giveUp, "failure %d", i)
					require.Equal(t, i+1, test.patience.Failures())
				}
			})
		})
	}
}

var errPoll = errors.New("502 Bad Gateway")

// The error of a context that ends has the poll that failed last, unless the poll which
// the context ended says more.
func TestPatienceEndsWithTheLastFailure(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	signal := errors.New("interrupt signal received")
	stop(signal)
	failed := Patience{GiveUpAfter: second}
	failed.Failed(time.Now(), 0, errPoll)
	cut := rest.Ended(ctx)
	for name, test := range map[string]struct {
		patience Patience
		poll     error
		want     string
	}{
		"in a wait":                    {failed, nil, "context canceled: interrupt signal received (after: 502 Bad Gateway)"},
		"in a poll":                    {failed, cut, "context canceled: interrupt signal received (after: 502 Bad Gateway)"},
		"in a poll that failed before": {failed, rest.After(cut, io.EOF), "context canceled: interrupt signal received (after: EOF)"},
		"as a poll failed":             {failed, io.EOF, "context canceled: interrupt signal received (after: EOF)"},
		"in a wait after success":      {Patience{}, nil, "context canceled: interrupt signal received"},
		"in a first poll":              {Patience{}, cut, "context canceled: interrupt signal received"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.patience.Ended(ctx, test.poll)
			require.EqualError(t, err, test.want)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, signal)
		})
	}
}

func TestPatienceIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		patience := Patience{GiveUpAfter: second}
		_, giveUp := patience.Failed(time.Now(), 0, errPoll)
		require.False(t, giveUp)
		time.Sleep(time.Hour)
		patience.Restore()
		require.Zero(t, patience.Failures())
		lasted, giveUp := patience.Failed(time.Now(), 0, errPoll)
		require.Zero(t, lasted)
		require.False(t, giveUp)
	})
}
