package gitlabcitest

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// ServeHTTP responds to a request as GitLab does, unless a [Fault] hits it. To end
// a connection that cannot be taken over it panics with [http.ErrAbortHandler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	found := s.find(r)
	hit := s.nextFault(found.name())
	var body []byte
	if r.Body != nil && (hit == nil || hit.Break != BreakResetUnread) {
		var refused int
		if body, refused = bodyOf(w, r); refused != 0 {
			text := strconv.Itoa(refused) + " " + http.StatusText(refused)
			http.Error(w, text, refused)
			return
		}
	}
	if found.added != "" && (hit == nil || hit.executes()) {
		found.response = s.serveAdded(r, body)
	}
	a, known := s.exchange(r, body, found, hit)
	if s.onRequest != nil {
		defer func() { s.onRequest(known, time.Since(start)) }()
	}
	a.encode(r.Method)
	s.clock.date(w.Header())
	s.deliver(w, r, hit, a)
}

// exchange notes a request and responds to it, unless a fault does. One request is handled
// after the other, so that each sees a consistent state.
func (s *Server) exchange(r *http.Request, body []byte, found match, hit *fault) (*response, Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextRequestID()
	known := Request{Route: found.name(), Unknown: found.unknown, Fault: hit != nil}.describe(r, body)
	var a *response
	if hit == nil || hit.executes() {
		a = s.respond(r, body, found, id)
		known.Executed = a.status < http.StatusBadRequest
	}
	if hit != nil {
		a = hit.response(a)
	}
	a.requestID, a.foreign = id, found.route == storageRoute
	known.Status = a.status
	s.record(known)
	return a, known
}

// respond handles a request as GitLab and the proxies before it do. First, it does what is
// due by now.
func (s *Server) respond(r *http.Request, body []byte, found match, id string) *response {
	start, at := time.Now(), s.clock.now()
	s.state.advance(at)
	switch {
	case found.route == storageRoute:
		return s.fetch(r, at)
	case found.response != nil:
		return found.response
	}
	if refused := refuseLength(r); refused != nil {
		return refused
	}
	header, a := s.throttle.pass(r, at)
	if a == nil {
		a = s.execute(r, body, found, at)
		a.revalidate(r)
	}
	for name := range header {
		a.set(name, header.Get(name))
	}
	a.addHeaders(id, time.Since(start))
	return a
}

// execute responds to a request that has reached GitLab itself.
func (s *Server) execute(r *http.Request, body []byte, found match, at time.Time) *response {
	c, refused := s.readCall(r, body, found, at)
	if refused != nil && found.route == graphQLRoute {
		return graphQLRefusal(refused)
	}
	if refused != nil {
		return refused
	}
	if limited := s.limits.refuse(c, found.name()); limited != nil {
		return limited
	}
	a := s.handle(c, found.route)
	a.body = shape.Shown(s.state.version, a.body)
	return a
}

// handle calls the handler of a route. If the handler has to wait while others are handled,
// it runs again from its beginning.
func (s *Server) handle(c *call, r *route) *response {
	defer func() { c.lease.release() }()
	a := r.handle(c)
	for a.rerunAfter > 0 || a.deliver != nil {
		s.mu.Unlock()
		open := s.waitFor(a.rerunAfter)
		if a.deliver != nil {
			c.delivered = s.deliverNow(a.deliver)
		}
		s.mu.Lock()
		if !open {
			panic(http.ErrAbortHandler)
		}
		c.now = s.clock.now()
		s.state.advance(c.now)
		a = r.handle(c)
	}
	return a
}

// deliverNow makes a delivery while a request waits for it. No fault hits it.
func (s *Server) deliverNow(d *hookDelivery) *hookLog {
	ctx, leave := s.whileOpen(context.Background())
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.send(ctx, d, nil)
}

// waitFor waits for a time of the server's clock. It returns false if the server is closed
// before that.
func (s *Server) waitFor(wait time.Duration) bool {
	ctx, leave := s.whileOpen(context.Background()) // GitLab does not notice that a client has gone
	defer leave()
	select {
	case <-time.After(time.Duration(float64(wait) / s.clock.speed)):
		return true
	case <-ctx.Done():
		return false
	}
}

// readCall reads a request in GitLab's order: the route, the user, the parameters. The
// object of the route is found later.
func (s *Server) readCall(r *http.Request, body []byte, found match, at time.Time) (*call, *response) {
	if found.route == nil {
		return nil, found.refusal()
	}
	given, unreadable := rack.Read(r, body) // which can hold a token
	from, refused := s.identify(r, given, found.route)
	if refused != nil {
		return nil, refused
	}
	if from.user == nil && found.route.needsUser() {
		return nil, unauthorized()
	}
	if unreadable != nil {
		return nil, invalid(unreadable.Error())
	}
	maps.Copy(given, found.path)
	values, complaint := rack.Validate(found.route.params, given)
	if complaint != "" {
		return nil, invalid(complaint)
	}
	return &call{
		state:    s.state,
		external: s.external,
		request:  r,
		route:    found.route,
		delivery: s.delivery,
		sender:   from,
		given:    given,
		values:   values,
		now:      at,
	}, nil
}

// A call is a request whose parameters are known and valid. Handlers turn it into a
// response.
type call struct {
	state    *state
	external string
	request  *http.Request
	route    *route
	delivery
	sender
	access access         // to the project, once it is entered
	given  rack.Tree      // the parameters as they were sent, with defaults
	values map[string]any // the parameters as their parsers read them
	now    time.Time
	lease  lease

	delivered *hookLog // the result of the delivery that the call made, or nil
}

// value is a parameter, or zero if it was not given.
func value[T any](c *call, name string) T {
	v, _ := c.values[name].(T)
	return v
}

// optional is a parameter, or nil if it was not given.
func optional[T any](c *call, name string) *T {
	if v, ok := c.values[name].(T); ok {
		return &v
	}
	return nil
}

// has reports whether a parameter was given, and not as a blank.
func (c *call) has(name string) bool { return c.values[name] != nil }

func (c *call) renderer() *renderer {
	return &renderer{version: c.state.version, external: c.external, now: c.now}
}
