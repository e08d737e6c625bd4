package webhook_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/webhook"
)

func TestReplays(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SecretToken(secret))
		parse := func(id string) error {
			_, err := v.Parse(signedRequest(vectorToken, id, time.Now(), vectorBody))
			return err
		}
		require.NoError(t, parse("a"))
		require.ErrorIs(t, parse("a"), webhook.ErrReplayed)
		require.NotErrorIs(t, parse("a"), webhook.ErrNotVerified)
		require.NoError(t, parse("b"))
		time.Sleep(time.Minute)
		require.ErrorIs(t, parse("a"), webhook.ErrReplayed, "signed again")
		v.Forget("a")
		require.NoError(t, parse("a"))
		require.ErrorIs(t, parse("a"), webhook.ErrReplayed)

		_, err := v.Parse(newRequest(vectorBody, "Idempotency-Key", "b", "X-Gitlab-Token", secret))
		require.ErrorIs(t, err, webhook.ErrReplayed, "the ID in the other header")
		for range 2 {
			e, err := v.Parse(newRequest(vectorBody, "X-Gitlab-Token", secret, "X-Gitlab-Event-UUID", "u", "X-Gitlab-Webhook-UUID", "w"))
			require.NoError(t, err, "nothing says that it is the same event")
			require.Empty(t, e.ID)
			require.Equal(t, "u", e.UUID)
		}
	})
}

// Only what is verified and decoded counts as accepted.
func TestReplaysOfWhatWasRefused(t *testing.T) {
	v := newVerifier(t, webhook.SigningToken(vectorToken))
	forged := signedRequest(otherToken, "a", time.Now(), vectorBody)
	_, err := v.Parse(forged)
	require.ErrorIs(t, err, webhook.ErrSignature)
	_, err = v.Parse(signedRequest(vectorToken, "a", time.Now(), "{"))
	require.ErrorIs(t, err, webhook.ErrMalformed)
	_, err = v.Parse(signedRequest(vectorToken, "a", time.Now(), vectorBody))
	require.NoError(t, err)
}

// A hooked context calls a function when an event is decoded.
type hooked struct {
	context.Context
	decodes func()
}

func (h hooked) Done() <-chan struct{} {
	h.decodes()
	return h.Context.Done()
}

// An event that cannot be decoded is no reason to respond to another request that it is
// known.
func TestReplaysOfWhatIsRefusedLater(t *testing.T) {
	v := newVerifier(t, webhook.SigningToken(vectorToken))
	again := errors.New("not sent again")
	ctx := hooked{t.Context(), sync.OnceFunc(func() {
		_, again = v.Parse(signedRequest(vectorToken, "a", time.Now(), vectorBody))
	})}
	_, err := v.Parse(signedRequest(vectorToken, "a", time.Now(), "{").WithContext(ctx))
	require.ErrorIs(t, err, webhook.ErrMalformed)
	require.NoError(t, again)
}

// While the queue is full, an event that is not in it does not count as known.
func TestReplaysWhileTheQueueIsFull(t *testing.T) {
	release := make(chan struct{})
	r := receive(t, webhook.HandlerOptions{Workers: 1, Queue: 1}, func(context.Context, *webhook.Event) error {
		<-release
		return nil
	})
	require.Equal(t, 202, r.post("a"))
	require.Equal(t, 202, r.post("b"))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				if status := r.post("c"); status != 503 {
					t.Error(status)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 200, r.post("a"))
	require.Equal(t, 200, r.post("b"), "which needs no room")
	close(release)
	require.NoError(t, r.Shutdown(t.Context()))
	require.Equal(t, []string{"a", "b"}, r.handled())
}

// An event that was forgotten for lack of memory cannot be replayed, either.
func TestReplaysAreRefusedWhenForgotten(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		const most = 100
		v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.ReplayMemory(most))
		sent := map[int]time.Time{}
		for i := range 10 * most {
			if i%10 == 0 {
				time.Sleep(time.Second)
			}
			sent[i] = time.Now()
			_, err := v.Parse(signedRequest(vectorToken, strconv.Itoa(i), sent[i], vectorBody))
			require.NoError(t, err, i)
		}
		for i, at := range sent {
			_, err := v.Parse(signedRequest(vectorToken, strconv.Itoa(i), at, vectorBody))
			if i >= 9*most {
				require.ErrorIs(t, err, webhook.ErrReplayed, i)
			} else {
				require.ErrorIs(t, err, webhook.ErrTimestamp, i)
			}
		}
		_, err := v.Parse(signedRequest(vectorToken, "new", time.Now().Add(-8*time.Second), vectorBody))
		require.NoError(t, err, "later than all that were forgotten")
	})
}

// Events that were released and accepted again are forgotten in their order.
func TestReplayMemoryOfReleasedEvents(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		v := newVerifier(t, webhook.SecretToken(secret), webhook.ReplayMemory(3))
		parse := func(id string) error {
			_, err := v.Parse(newRequest(vectorBody, "webhook-id", id, "X-Gitlab-Token", secret))
			return err
		}
		require.NoError(t, parse("a"))
		v.Forget("a")
		require.NoError(t, parse("a")) // places: a, a
		require.NoError(t, parse("b"))
		require.NoError(t, parse("c")) // takes the first place of a
		require.ErrorIs(t, parse("a"), webhook.ErrReplayed)
		require.NoError(t, parse("d")) // takes the second
		require.NoError(t, parse("a"))
	})
}

// Of requests that arrive at the same time, one is accepted.
func TestReplaysOfConcurrentRequests(t *testing.T) {
	v := newVerifier(t, webhook.SigningToken(vectorToken))
	now := time.Now()
	var accepted, replayed atomic.Int32
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for n := range 20 {
				_, err := v.Parse(signedRequest(vectorToken, strconv.Itoa(n), now, vectorBody))
				switch {
				case err == nil:
					accepted.Add(1)
				case errors.Is(err, webhook.ErrReplayed):
					replayed.Add(1)
				default:
					t.Error(i, err)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 20, accepted.Load())
	require.EqualValues(t, 64*20-20, replayed.Load())
}
