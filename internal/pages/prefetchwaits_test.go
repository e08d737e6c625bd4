package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// Without a Prefetch, as many pages are requested ahead as keep the loop from waiting.
func TestPrefetchAdapts(t *testing.T) {
	for name, test := range map[string]struct {
		step     http.HandlerFunc
		busy     time.Duration // with a page
		total    int
		rounds   int // of 50 ms, at most
		requests int // at most
		most     int // at the same time, at most
	}{
		"idle loop":              {pageNumbered(10_000), 0, 10_000, 21, 116, 8},
		"idle loop, not counted": {prefetchUncounted(pageNumbered(10_000)), 0, 10_000, 21, 124, 8},
		"two pages":              {pageNumbered(200), 0, 200, 2, 2, 1},
		"three pages":            {pageNumbered(300), 0, 300, 3, 3, 1},
		"busy loop":              {pageNumbered(1000), 51 * time.Millisecond, 1000, 13, 10, 1},
		"loop as slow as two":    {pageNumbered(1000), 100 * time.Millisecond, 1000, 22, 10, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prefetchSlow(t, test.step)
				start, next := time.Now(), 1
				for pipeline, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", nil) {
					if err != nil || next != int(pipeline.ID) {
						require.NoError(t, err)
						require.EqualValues(t, next, pipeline.ID)
					}
					if next++; pipeline.ID%100 == 0 {
						time.Sleep(test.busy)
					}
				}
				took := time.Since(start)
				synctest.Wait()
				require.Equal(t, test.total, next-1)
				require.LessOrEqual(t, took, time.Duration(test.rounds)*50*time.Millisecond)
				require.LessOrEqual(t, len(s.Received()), test.requests)
				require.LessOrEqual(t, s.most, test.most)
				require.Zero(t, s.now)
			})
		})
	}
}

// A loop that ends early has requested few pages for nothing: none on the first page, and
// one, two, four and at most eight on those after it.
func TestPrefetchOfALoopThatEndsEarly(t *testing.T) {
	for last, requests := range map[int]int{1: 1, 100: 1, 101: 2 + 1, 201: 3 + 2, 301: 4 + 4, 400: 5 + 8, 900: 11 + 8, 5000: 59 + 8} {
		t.Run(fmt.Sprintf("on pipeline %d", last), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prefetchSlow(t, pageNumbered(10_000))
				for pipeline, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", nil) {
					require.NoError(t, err)
					if int(pipeline.ID) == last {
						break
					}
				}
				synctest.Wait()
				sent := len(s.Received())
				require.LessOrEqual(t, sent, requests)
				time.Sleep(time.Minute)
				require.Len(t, s.Received(), sent)
			})
		})
	}
}

// When the server requests a pause, nothing is requested until it is over, and then
// few pages at the same time again.
func TestPrefetchInAPause(t *testing.T) {
	for _, prefetch := range []int{0, 8} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var until time.Time
			n, early := 0, 0
			s := prefetchSlow(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				n++
				if n == 20 {
					until = time.Now().Add(time.Minute)
				}
				refused := time.Now().Before(until)
				if refused && n > 20+8 { // which were on their way
					early++
				}
				mu.Unlock()
				if refused {
					testkit.Respond(http.StatusTooManyRequests, `{}`, "Retry-After", "60")(w, r)
					return
				}
				pageNumbered(10_000)(w, r)
			})
			start := time.Now()
			next := 1
			for pipeline, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", prefetchOptions(prefetch)) {
				require.NoError(t, err)
				require.EqualValues(t, next, pipeline.ID)
				next++
			}
			require.Equal(t, 10_001, next)
			require.Zero(t, early, "requests during the pause")
			require.Less(t, time.Since(start), time.Minute+2*time.Second)
			require.LessOrEqual(t, s.most, 8)
		})
	}
}

// A slowLimiter lets a request pass each second, in the order in which they come.
type slowLimiter struct {
	mu   sync.Mutex
	next time.Time
}

func (l *slowLimiter) Wait(ctx context.Context) error {
	l.mu.Lock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now)
	l.next = l.next.Add(time.Second)
	l.mu.Unlock()
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// At the rate limiter, pages that no loop has come to do not keep other calls waiting:
// a call waits behind one of them, and the page that comes next.
func TestPrefetchLetsOthersPass(t *testing.T) {
	for _, prefetch := range []int{0, 8, 64} {
		synctest.Test(t, func(t *testing.T) {
			s := prefetchSlow(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/v4/projects/group/app/jobs/7" {
					testkit.Respond(http.StatusOK, `{"id":7}`)(w, r)
					return
				}
				pageNumbered(10_000)(w, r)
			})
			client := s.Client(t, gitlabci.WithRateLimiter(&slowLimiter{}))
			ctx, cancel := context.WithCancel(t.Context())
			var loop sync.WaitGroup
			defer loop.Wait()
			defer cancel()
			loop.Go(func() { _ = testkit.Drain(client.Pipelines.All(ctx, "group/app", prefetchOptions(prefetch))) })
			for range 10 {
				time.Sleep(3300 * time.Millisecond)
				start := time.Now()
				_, err := client.Jobs.Get(t.Context(), "group/app", 7)
				require.NoError(t, err)
				require.Less(t, time.Since(start), 3500*time.Millisecond, "prefetch %d", prefetch)
			}
		})
	}
}
