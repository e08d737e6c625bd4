package gitlabci

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"example.com/gitlabci/internal/rest"
)

const (
	// longestPause is how long the gate stays shut without asking again: one
	// absurd header must not silence a client for years.
	longestPause = time.Hour

	// mostEndpoints is how many endpoints the gate remembers. Paths given to
	// Client.Do are endless; forgetting one costs a refused request at most.
	mostEndpoints = 1000
)

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
	limiter RateLimiter

	mu       sync.Mutex
	paused   bool          // until a scout was answered
	until    time.Time     // when the scout may go
	scouting chan struct{} // closed when the scout is back; nil without one
	names    map[string]string
	spent    map[string]time.Time // by name, when there is something left again
}

// enter returns when a request may be sent, or why it will not be. Either way
// the caller leaves again.
func (g *gate) enter(ctx context.Context, p *policy) error {
	if err := g.await(ctx, p); err != nil || g.limiter == nil {
		return err
	}
	if err := g.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("the rate limiter: %w", err)
	}
	return g.await(ctx, p) // a pause may have begun meanwhile
}

// await returns when no limit of GitLab's holds the request back.
func (g *gate) await(ctx context.Context, p *policy) error {
	told := p.waited(WaitRateLimit)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		wait, scouting := g.turn(p)
		var err error
		switch {
		case wait > 0:
			err = p.sitOut(ctx, wait)
		case scouting != nil:
			err = p.follow(ctx, scouting, told)
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
func (g *gate) turn(p *policy) (wait time.Duration, scouting <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.scout {
		return 0, nil
	}
	if name, known := g.names[p.endpoint()]; known {
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
		p.scout = true
		return 0, nil
	}
	return 0, g.scouting
}

// leave learns from the answer to a request, nil if there is none.
func (g *gate) leave(p *policy, resp *http.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if resp != nil {
		g.learn(p.endpoint(), resp, now)
	}
	if resp != nil && isThrottle(resp) {
		pause := cmp.Or(retryAfter(resp), p.backoff())
		g.paused, g.until = true, later(g.until, now.Add(min(pause, longestPause)))
	}
	if !p.scout {
		return
	}
	p.scout = false
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
func (p *policy) sitOut(ctx context.Context, wait time.Duration) error {
	p.pauses++
	if !p.config.mayWait(ctx, wait) || p.pauses > p.tries() {
		return p.held(wait)
	}
	p.announce(WaitRateLimit, wait)
	return rest.Sleep(ctx, wait)
}

// follow waits for a scout to come back. Nobody knows when that will be, or how
// many more will be needed: a call waits for all of them as long as for one, or
// a silent server would have its callers queue for hours.
func (p *policy) follow(ctx context.Context, scouting <-chan struct{}, told bool) error {
	left := p.config.maxWait - p.followed
	if left <= 0 {
		return p.held(time.Second)
	}
	if !told {
		p.announce(WaitRateLimit, 0)
	}
	longest := time.NewTimer(left)
	defer longest.Stop()
	defer func(start time.Time) { p.followed += time.Since(start) }(time.Now())
	select {
	case <-scouting:
		return nil
	case <-longest.C:
		return p.held(time.Second)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held is the error of a request that is not sent for a limit that others hit.
func (p *policy) held(wait time.Duration) *APIError {
	return &APIError{
		StatusCode: http.StatusTooManyRequests,
		Method:     p.call.method,
		Path:       p.call.path.escaped,
		Message:    "not sent: an earlier answer asked this client to wait",
		RetryAfter: wait,
		held:       true,
	}
}
