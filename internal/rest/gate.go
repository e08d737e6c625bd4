package rest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// longestPause is how long the gate stays shut without asking again: one
	// absurd header must not silence a client for years.
	longestPause = time.Hour

	// mostEndpoints is how many endpoints the gate remembers. Paths given to
	// Client.Do are endless; forgetting one costs a refused request at most.
	mostEndpoints = 1000
)

// A passage is what the gate keeps of one call.
type passage struct {
	scout    bool          // the present attempt goes ahead of all others
	pauses   int           // how many the call has sat out
	followed time.Duration // how long it has waited for scouts
}

// A gate is what every request to the server passes, first tries and retries
// alike, and what can hold them back. Requests to storage do not pass.
//
// A throttle's 429 shuts it for the whole client. When that pause ends, one
// request, the scout, goes ahead; the others follow once the scout was answered
// by anything but another such 429, or make another scout if it was not
// answered at all. So a thousand goroutines ask a throttled server once.
//
// A spent limit, RateLimit-Remaining: 0, holds back the calls that count
// against the same RateLimit-Name until it is reset. Which name a call counts
// against is not known before it is sent: the gate goes by the last answer to
// the same method and endpoint that had a name, and lets through an endpoint
// without one.
type gate struct {
	limiter Limiter

	mu       sync.Mutex
	paused   bool          // until a scout was answered
	until    time.Time     // when the scout may go
	scouting chan struct{} // closed when the scout is back; nil without one
	names    map[string]string
	spent    map[string]time.Time // by name, when there is something left again
}

// enter returns when a request may be sent, or why it will not be. Either way
// the caller leaves again.
func (g *gate) enter(ctx context.Context, r *run) error {
	if err := g.await(ctx, r); err != nil || g.limiter == nil {
		return err
	}
	if err := g.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("the rate limiter: %w", err)
	}
	return g.await(ctx, r) // a pause may have begun meanwhile
}

// await returns when no limit of GitLab's holds the request back.
func (g *gate) await(ctx context.Context, r *run) error {
	told := r.waited(ReasonRateLimit)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		wait, scouting := g.turn(r)
		var err error
		switch {
		case wait > 0:
			err = r.sitOut(ctx, wait)
		case scouting != nil:
			err = r.follow(ctx, scouting, told)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		told = true
	}
}

// turn says what a request has to wait for: some time, a scout, or neither. In
// a pause the first request whose turn it is becomes the scout.
func (g *gate) turn(r *run) (wait time.Duration, scouting <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.passage.scout {
		return 0, nil
	}
	if name, known := g.names[r.call.Endpoint()]; known {
		wait = time.Until(g.spent[name])
	}
	if g.paused {
		wait = max(wait, time.Until(g.until))
	}
	if wait > 0 || !g.paused {
		return wait, nil
	}
	if g.scouting == nil {
		g.scouting = make(chan struct{})
		r.passage.scout = true
		return 0, nil
	}
	return 0, g.scouting
}

// leave learns from the answer to a request, nil if there is none.
func (g *gate) leave(r *run, resp *http.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if resp != nil {
		g.learn(r.call.Endpoint(), resp, now)
	}
	if resp != nil && isThrottle(resp) {
		pause := cmp.Or(retryAfter(resp), r.config.Backoff(r.history.attempts))
		g.paused, g.until = true, later(g.until, now.Add(min(pause, longestPause)))
	}
	if !r.passage.scout {
		return
	}
	r.passage.scout = false
	close(g.scouting)
	g.scouting = nil
	if resp != nil && !now.Before(g.until) { // neither this answer nor another one prolongs the pause
		g.paused = false
	}
}

// learn notes which limit an endpoint counts against, and whether it is spent.
func (g *gate) learn(endpoint string, resp *http.Response, now time.Time) {
	if !hasLimit(resp.Header) {
		return
	}
	if g.names == nil || len(g.names) >= mostEndpoints {
		g.names, g.spent = map[string]string{}, map[string]time.Time{}
	}
	name := resp.Header.Get("RateLimit-Name") // "" is a limit, too
	g.names[endpoint] = name
	if wait := spentFor(resp); wait > 0 {
		g.spent[name] = now.Add(min(wait, longestPause))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sitOut waits for a pause to end. A call that has sat out as many pauses as it
// has tries gives up: others were refused in its place.
func (r *run) sitOut(ctx context.Context, wait time.Duration) error {
	r.passage.pauses++
	if !r.config.MayWait(ctx, wait) || r.passage.pauses > r.history.most {
		return r.held(wait)
	}
	r.announce(ReasonRateLimit, wait)
	return Sleep(ctx, wait)
}

// follow waits for a scout to come back. Nobody knows when that will be, or how
// many more will be needed: a call waits for all of them as long as for one, or
// a silent server would have its callers queue for hours.
func (r *run) follow(ctx context.Context, scouting <-chan struct{}, told bool) error {
	left := r.config.MaxWait - r.passage.followed
	if left <= 0 {
		return r.held(time.Second)
	}
	if !told {
		r.announce(ReasonRateLimit, 0)
	}
	longest := time.NewTimer(left)
	defer longest.Stop()
	defer func(start time.Time) { r.passage.followed += time.Since(start) }(time.Now())
	select {
	case <-scouting:
		return nil
	case <-longest.C:
		return r.held(time.Second)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held returns the error of a request that is not sent because of a limit that
// others hit.
func (r *run) held(wait time.Duration) error {
	return &heldError{&Failure{
		Status:     http.StatusTooManyRequests,
		Method:     r.call.Method,
		Path:       r.call.Path.Escaped,
		Message:    "not sent: an earlier answer asked this client to wait",
		RetryAfter: wait,
	}}
}

// A heldError is the gate's; see held.
type heldError struct{ failure *Failure }

func (e *heldError) Error() string { return e.failure.Message }
