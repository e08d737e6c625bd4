package rest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A tokenVault is a GitLab whose tokens are numbered, and a source that caches one. A new
// token ends the one before.
type tokenVault struct {
	valid  atomic.Int64
	cached atomic.Int64

	mu      sync.Mutex
	asked   int
	refused []string // what TokenRefused returned, unless ""
	delay   time.Duration
}

func (v *tokenVault) name(n int64) string { return fmt.Sprintf("gloas-token-%d", n) }

func (v *tokenVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+v.name(v.valid.Load()) {
		testkit.Respond(401, `{"error":"invalid_token"}`)(w, r)
		return
	}
	testkit.OK(w, r)
}

func (v *tokenVault) source(ctx context.Context) (string, error) {
	v.mu.Lock()
	v.asked++
	v.mu.Unlock()
	if refused := gitlabci.TokenRefused(ctx); refused != "" {
		v.mu.Lock()
		v.refused = append(v.refused, refused)
		v.mu.Unlock()
		time.Sleep(v.delay)
		v.cached.Store(v.valid.Add(1))
	}
	return v.name(v.cached.Load()), nil
}

func fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])[:16]
}

// A source that caches a token learns that GitLab has refused it, and which one.
func TestSourceLearnsOfARefusal(t *testing.T) {
	v := &tokenVault{}
	client := testkit.NewScript(v.ServeHTTP).Anonymous(t, gitlabci.WithTokenSource(v.source))
	require.NoError(t, testkit.Calls["get"](t.Context(), client))
	require.Empty(t, v.refused)
	for n := range 3 { // revoked before its time, again and again
		old := v.name(v.cached.Load())
		v.valid.Add(1)
		require.NoError(t, testkit.Calls["create"](t.Context(), client))
		require.Len(t, v.refused, n+1)
		require.Equal(t, fingerprint(old), v.refused[n])
		require.NotContains(t, v.refused[n], old)
	}
	require.Empty(t, gitlabci.TokenRefused(t.Context()))
}

// After another failure than a 401, nothing is said to be refused.
func TestSourceLearnsOfNoOtherFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &tokenVault{}
		s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(401, ``), testkit.Respond(502, ``), testkit.OK)
		require.NoError(t, testkit.Calls["get"](t.Context(), s.Anonymous(t, gitlabci.WithTokenSource(v.source))))
		require.Len(t, v.refused, 1)
		require.Len(t, s.Received(), 4)
	})
}

// Many goroutines with one expired token have it renewed once, in clients of the same
// token too.
func TestManyCallsRenewOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &tokenVault{delay: time.Second}
		client := testkit.NewScript(v.ServeHTTP).Anonymous(t, gitlabci.WithTokenSource(v.source))
		other, err := client.With(gitlabci.WithUserAgent("other"))
		require.NoError(t, err)
		v.valid.Add(1)
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				c := []*gitlabci.Client{client, other}[i%2]
				if err := testkit.Calls["get"](t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Equal(t, []string{fingerprint(v.name(0))}, v.refused)
		require.Equal(t, 32+1, v.asked, "the others share the new token")
	})
}

// A call that waits for another call's renewal ends with its context, and renews the token
// itself if the other call failed.
func TestRenewalThatHangsOrFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		source := func(ctx context.Context) (string, error) {
			if gitlabci.TokenRefused(ctx) == "" {
				return "old-token", nil
			}
			if asked.Add(1) > 1 {
				return "new-token", nil
			}
			<-ctx.Done()
			return "", errors.New("the vault does not respond")
		}
		client := testkit.NewScript(testkit.OnlyToken("new-token")).Anonymous(t, gitlabci.WithTokenSource(source))
		within := func(limit time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			return testkit.Calls["get"](ctx, client)
		}
		var first, second, third error
		var all sync.WaitGroup
		all.Go(func() { first = within(10 * time.Second) })
		synctest.Wait()
		all.Go(func() { second = within(time.Second) })
		all.Go(func() { third = within(time.Minute) })
		all.Wait()
		require.ErrorContains(t, first, "the vault does not respond")
		require.ErrorIs(t, second, context.DeadlineExceeded)
		require.NoError(t, third)
		require.False(t, strings.Contains(fmt.Sprint(first, second), "old-token"))
	})
}
