package rest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
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
	ticket        int           // its place in the queue, which it keeps for all attempts
	slot          int           // the pause after which it may be sent; 0 without such a permission
	ready         chan struct{} // closed when something changes for a call in the queue; nil outside
	pauses        int           // how many pauses the call has waited for since others succeeded
	waitedForTurn time.Duration // how long it has waited for responses to others since then
	passed        int           // what the gate had let through when the call was last looked at
	refused       bool          // the last attempt has begun a pause, which the call waits for in the queue
	others        int           // what the gate had let through at the last refusal, or at the beginning
	shared        bool          // the last attempt was refused, but others passed since the one before
	backoff       time.Duration // the pause, if the server has not said how long
	lengthKnown   bool          // the server has said how long the call has to wait
}

// A gate delays requests to the server, retries included, while the server allows no
// more of them. Requests to a storage do not pass it.
//
// A 429 of the throttle begins a pause of the whole client. When the pause ends, the
// call that has waited longest is sent first. Each response other than another such 429
// lets two more follow; without a response, one more. So a thousand goroutines send a
// throttled server few requests, in the order in which they began, and finally sends all of
// them.
//
// A spent limit, RateLimit-Remaining: 0, delays the calls that count against the same
// RateLimit-Name until it is reset. The name that a call counts against is known only
// from earlier responses to the same method and endpoint. Without one, the call is not
// delayed.
type gate struct {
	limiter     Limiter
	lowPriority chan struct{} // holds one of the calls nobody waits for, while it is at the limiter

	mu          sync.Mutex
	tickets     int        // how many calls have begun
	paused      bool       // until a response has arrived and nobody is in the queue
	until       time.Time  // when the first request may be sent
	lengthKnown bool       // the server has said how long the pause is
	pause       int        // the number of the pause
	refused     int        // pauses of unknown length in a row
	queue       []*passage // by ticket
	inFlight    int        // requests sent after the pause that have no response yet
	window      int        // how many these may be

	names  map[endpoint]string  // of limits
	spent  map[string]time.Time // when limits are reset, by name
	passed map[string]int       // responses that were not refused, by name
}

// An endpoint is a method and the template of a path.
type endpoint struct{ method, template string }

func endpointOf(call *Call) endpoint { return endpoint{call.Method, call.Path.Template} }

// enter returns nil when a request may be sent, or else why it must not be. In both
// cases, the caller must call leave.
func (g *gate) enter(ctx context.Context, r *run) error {
	if err := g.await(ctx, r); err != nil || g.limiter == nil {
		return err
	}
	if err := g.limit(ctx); err != nil {
		return err
	}
	return g.await(ctx, r) // a pause may have begun meanwhile
}

// limit waits for the caller's limiter. Calls that nobody waits for are there one at a
// time: so another call waits behind one of them, however many there are.
func (g *gate) limit(ctx context.Context) error {
	if isLowPriority(ctx) {
		select {
		case g.lowPriority <- struct{}{}:
			defer func() { <-g.lowPriority }()
		case <-ctx.Done():
			return Ended(ctx)
		}
	}
	if err := g.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("the rate limiter: %w", err)
	}
	return nil
}

// isPaused reports whether calls wait for the end of a pause, or for their turn then.
func (g *gate) isPaused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused
}

// await returns nil when no limit of GitLab's delays the request any more.
func (g *gate) await(ctx context.Context, r *run) error {
	announced := r.waited(ReasonRateLimit)
	for {
		if err := Ended(ctx); err != nil {
			return err
		}
		wait, ready := g.turn(r)
		var err error
		switch {
		case wait > 0:
			err = r.waitForPause(ctx, wait)
		case ready != nil:
			err = r.waitForTurn(ctx, ready, announced)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		announced = true
	}
}

// turn returns what a request must wait for: some time, its turn, or nothing.
func (g *gate) turn(r *run) (wait time.Duration, ready <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &r.passage
	isNew := p.ticket == 0
	if isNew {
		g.tickets++
		p.ticket = g.tickets
	}
	name, known := g.names[endpointOf(r.call)]
	p.notice(g.passed[name])
	if isNew {
		p.others = p.passed
	}
	if g.isAdmitted(p) {
		return 0, nil
	}
	if known {
		wait = time.Until(g.spent[name])
	}
	pause := time.Duration(0)
	if g.paused { // to read the clock takes a while
		pause = max(0, time.Until(g.until))
	}
	if !g.paused || wait > pause {
		p.lengthKnown = true
		g.dequeue(p)
		return wait, nil
	}
	p.lengthKnown = g.lengthKnown
	g.enqueue(p)
	if pause > 0 {
		return pause, nil
	}
	g.dispatch()
	if g.isAdmitted(p) {
		return 0, nil
	}
	return 0, p.ready
}

// notice counts the pauses from 0 again if requests of others have passed.
func (p *passage) notice(passed int) {
	if p.passed != passed {
		p.passed, p.pauses, p.waitedForTurn = passed, 0, 0
	}
}

// isAdmitted reports whether a call may be sent in this pause.
func (g *gate) isAdmitted(p *passage) bool { return p.slot > 0 && p.slot == g.pause }

func byTicket(p *passage, ticket int) int { return cmp.Compare(p.ticket, ticket) }

// enqueue adds a call to the queue, unless it is there.
func (g *gate) enqueue(p *passage) {
	if p.ready == nil {
		p.ready = make(chan struct{})
	}
	if i, found := slices.BinarySearchFunc(g.queue, p.ticket, byTicket); !found {
		g.queue = slices.Insert(g.queue, i, p)
	}
}

// wake lets a call look again at what it has to wait for.
func (p *passage) wake() {
	if p.ready != nil {
		close(p.ready)
		p.ready = nil
	}
}

// dequeue takes a call out of the queue.
func (g *gate) dequeue(p *passage) {
	if i, found := slices.BinarySearchFunc(g.queue, p.ticket, byTicket); found {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
}

// dispatch sends the first calls of the queue, as many as the window has room for.
func (g *gate) dispatch() {
	for len(g.queue) > 0 && g.inFlight < g.window && !time.Now().Before(g.until) {
		first := g.queue[0]
		g.queue = slices.Delete(g.queue, 0, 1)
		first.slot = g.pause
		g.inFlight++
		first.wake()
	}
}

// leave ends a request. The response, which may be nil, can begin or end a pause.
func (g *gate) leave(r *run, resp *http.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := &r.passage
	g.dequeue(p)
	wasAdmitted := g.isAdmitted(p)
	if wasAdmitted {
		g.inFlight--
	}
	p.slot, p.backoff, p.refused, p.shared = 0, 0, false, false
	if resp != nil {
		g.respond(r, resp, wasAdmitted)
	}
	g.dispatch()
}

// respond updates the gate by a response.
func (g *gate) respond(r *run, resp *http.Response, wasAdmitted bool) {
	g.learn(endpointOf(r.call), resp)
	name := g.names[endpointOf(r.call)]
	if isThrottle(resp) {
		r.passage.refused = true
		r.passage.shared = r.passage.others != g.passed[name]
		r.passage.others = g.passed[name]
		g.begin(r, retryAfter(resp))
		return
	}
	if g.passed == nil {
		g.passed = map[string]int{}
	}
	g.passed[name]++
	g.refused = 0
	if wasAdmitted {
		g.window++
		g.paused = len(g.queue) > 0
	}
}

// begin begins a pause, or prolongs it. Responses that do not say how long make it
// longer each time, but not those that arrive during the pause.
func (g *gate) begin(r *run, requested time.Duration) {
	pause, now := requested, time.Now()
	switch left := g.until.Sub(now); {
	case requested > 0:
		g.lengthKnown = true
	case g.paused && left > 0: // until the end of this pause
	default:
		g.refused++
		g.lengthKnown, pause = false, r.config.rateBackoff(g.refused)
	}
	g.paused, g.until = true, later(g.until, now.Add(min(pause, longestPause)))
	if requested == 0 {
		r.passage.backoff = g.until.Sub(now)
	}
	g.pause++
	g.inFlight, g.window = 0, 1
	for _, waiting := range g.queue { // so that they wait for the end of this pause
		waiting.wake()
	}
}

// learn stores which limit an endpoint counts against, and until when the limit is spent.
func (g *gate) learn(at endpoint, resp *http.Response) {
	if !hasLimit(resp.Header) {
		return
	}
	if g.names == nil || len(g.names) >= mostEndpoints {
		g.names, g.spent, g.passed = map[endpoint]string{}, map[string]time.Time{}, map[string]int{}
	}
	name := resp.Header.Get("RateLimit-Name") // "" is a limit, too
	g.names[at] = name
	if wait := spentFor(resp); wait > 0 {
		g.spent[name] = time.Now().Add(min(wait, longestPause))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// waitForPause waits for a pause to end. A call fails after as many pauses as it may make
// attempts if no request was successful in its place.
func (r *run) waitForPause(ctx context.Context, wait time.Duration) error {
	if !r.passage.refused { // that one counts as an attempt
		r.passage.pauses++
	}
	r.passage.refused = false
	if !r.config.MayWait(ctx, wait) || r.passage.pauses > r.history.most {
		return r.held(wait)
	}
	r.announce(ReasonRateLimit, wait)
	return Sleep(ctx, wait)
}

// waitForTurn waits until it is the call's turn, or something else changes. While the server
// responds to others, a call waits; without any response, no longer than for a single
// pause.
func (r *run) waitForTurn(ctx context.Context, ready <-chan struct{}, announced bool) error {
	left := r.config.MaxWait - r.passage.waitedForTurn
	if left <= 0 {
		return r.held(0)
	}
	if !announced {
		r.announce(ReasonRateLimit, 0)
	}
	longest := time.NewTimer(left)
	defer longest.Stop()
	defer func(start time.Time) { r.passage.waitedForTurn += time.Since(start) }(time.Now())
	select {
	case <-ready:
	case <-longest.C: // turn sees whether others were successful meanwhile
	case <-ctx.Done():
		return Ended(ctx)
	}
	return nil
}

// held returns the error of a request that is not sent because the server has refused
// those of other calls.
func (r *run) held(wait time.Duration) error {
	if !r.passage.lengthKnown {
		wait = 0
	}
	return &heldError{&Failure{
		Status:     http.StatusTooManyRequests,
		Method:     r.call.Method,
		Path:       r.call.Path.Escaped,
		Message:    "not sent: the response to an earlier call requested a wait",
		RetryAfter: wait,
	}}
}

// A heldError is the gate's, and is replaced by the public error; see held.
type heldError struct{ failure *Failure }

func (e *heldError) Error() string { return e.failure.Message }
