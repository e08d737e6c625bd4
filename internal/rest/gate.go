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
	// longestPause limits a pause: an absurd header must not stop a client for years.
	longestPause = time.Hour

	// mostEndpoints limits how many endpoints the gate remembers. There is no end of
	// paths for Client.Do. Forgetting an endpoint costs at most a refused request.
	mostEndpoints = 1000
)

// A passage is the state that the gate keeps for one call.
type passage struct {
	scout    bool          // the current attempt is the scout
	pauses   int           // how many pauses the call has waited for
	followed time.Duration // how long it has waited for scouts
}

// A gate delays requests to the server, retries included, while the server allows no
// more of them. Requests to a storage do not pass it.
//
// A 429 of the throttle begins a pause of the whole client. When the pause ends, one
// request is sent first, the scout. If its response is not another such 429, the
// others follow; if it gets no response, one of them becomes the next scout. So a
// thousand goroutines send a throttled server one request.
//
// A spent limit, RateLimit-Remaining: 0, delays the calls that count against the same
// RateLimit-Name until it is reset. The name that a call counts against is known only
// from earlier responses to the same method and endpoint. Without one, the call is not
// delayed.
type gate struct {
	limiter Limiter

	mu       sync.Mutex
	paused   bool                 // until a scout has got a response
	until    time.Time            // when the scout may be sent
	scouting chan struct{}        // closed when the scout's attempt ends; nil without a scout
	names    map[string]string    // of limits, by endpoint
	spent    map[string]time.Time // when limits are reset, by name
}

// enter returns nil when a request may be sent, or else why it must not be. In both
// cases, the caller must call leave.
func (g *gate) enter(ctx context.Context, r *run) error {
	if err := g.await(ctx, r); err != nil || g.limiter == nil {
		return err
	}
	if err := g.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("the rate limiter: %w", err)
	}
	return g.await(ctx, r) // a pause may have begun meanwhile
}

// await returns nil when no limit of GitLab's delays the request any more.
func (g *gate) await(ctx context.Context, r *run) error {
	announced := r.waited(ReasonRateLimit)
	for {
		if err := Ended(ctx); err != nil {
			return err
		}
		wait, scouting := g.turn(r)
		var err error
		switch {
		case wait > 0:
			err = r.sitOut(ctx, wait)
		case scouting != nil:
			err = r.follow(ctx, scouting, announced)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		announced = true
	}
}

// turn returns what a request must wait for: some time, a scout, or nothing. The first
// request after a pause becomes the scout.
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

// leave ends a request. The response, which may be nil, can begin or end a pause.
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
	if resp != nil && !now.Before(g.until) { // no response has prolonged the pause
		g.paused = false
	}
}

// learn stores which limit an endpoint counts against, and until when it is spent.
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

// sitOut waits for a pause to end. A call fails after as many pauses as it may make
// attempts, since requests of other calls were refused in its place.
func (r *run) sitOut(ctx context.Context, wait time.Duration) error {
	r.passage.pauses++
	if !r.config.MayWait(ctx, wait) || r.passage.pauses > r.history.most {
		return r.held(wait)
	}
	r.announce(ReasonRateLimit, wait)
	return Sleep(ctx, wait)
}

// follow waits until a scout's attempt has ended. A server that never responds would
// need one scout after another, so a call waits for all of them together no longer
// than for a single pause.
func (r *run) follow(ctx context.Context, scouting <-chan struct{}, announced bool) error {
	left := r.config.MaxWait - r.passage.followed
	if left <= 0 {
		return r.held(time.Second)
	}
	if !announced {
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
		return Ended(ctx)
	}
}

// held returns the error of a request that is not sent because the server has refused
// those of other calls.
func (r *run) held(wait time.Duration) error {
	return &heldError{&Failure{
		Status:     http.StatusTooManyRequests,
		Method:     r.call.Method,
		Path:       r.call.Path.Escaped,
		Message:    "not sent: an earlier answer asked this client to wait",
		RetryAfter: wait,
	}}
}

// A heldError is the gate's, and is replaced by the public error; see held.
type heldError struct{ failure *Failure }

func (e *heldError) Error() string { return e.failure.Message }
