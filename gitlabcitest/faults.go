package gitlabcitest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// A Fault is a failure: a response that is not GitLab's, a connection that fails, or both.
type Fault struct {
	// Route is the endpoint whose requests it hits, such as
	// "POST /projects/:id/pipeline". HEAD counts as GET. It can also be [StorageRoute],
	// [HookRoute] for deliveries, or a pattern given to [Server.Handle]. "" hits every
	// request, including those to the storage, but no delivery.
	Route string

	// Status is the status of the response, from 200 to 999. With 0, the request is
	// executed and gets the server's own response, to which Header is added, and which
	// fails as Break says. One of the three is required.
	Status int

	// Header is added to the response. If it has no Content-Type, that follows from Body:
	// JSON, HTML or plain text.
	Header http.Header

	// Body is the body of a response with Status. "" is what is usual for it: the HTML
	// page of a proxy for 502, 503, 504 and from 520 on, the plain text "Retry later" for
	// 429, nothing for 204 and 304, and otherwise JSON with the status as its message.
	Body string

	// Executed means that GitLab executes the request, and only its response is lost.
	// Otherwise GitLab never sees a request that gets Status, or no response.
	Executed bool

	Nth   int // the first matching request that it hits, counted from when it is added; 0 is 1
	Times int // how many requests it hits; 0 is all from then on

	// Chance is the probability that it hits a request, above 0 and up to 1; 0 is 1. The
	// draws depend on Seed, so they are the same in every run that adds the same faults in
	// the same order.
	Chance float64
	Seed   uint64

	Break Break         // how the connection fails; "" means that it does not
	After int64         // how many bytes of the body are sent before the Break; a body that is not longer is not broken
	Delay time.Duration // for [BreakStall] and [BreakStallHeader], 0 is until the client gives up; for [BreakDrip] and [BreakRepeat], 0 is none
	Piece int           // bytes at a time, for [BreakDrip]; 0 is 1
}

// Bodies of GitLab's three kinds of responses with status 429. The server itself sends them
// with [WithThrottle] and [WithActionLimits].
const (
	// BodyThrottled is plain text, sent with Retry-After and all RateLimit headers, when a
	// throttle counts too many requests of any kind. Administrators can choose another text.
	BodyThrottled = "Retry later"

	// BodyEndpointLimited is sent without a reliable Retry-After, when an endpoint such as
	// the jobs of a project is requested too often.
	BodyEndpointLimited = `{"message":{"error":"` + tooOften + `"}}`

	// BodyActionLimited is sent with Retry-After: 60, when something is retried, canceled,
	// played, erased or deleted too often. Only for the retry of a pipeline, there is no
	// Retry-After.
	BodyActionLimited = `{"message":"` + tooOften + `"}`
)

const tooOften = "This endpoint has been requested too many times. Try again later."

// A fault is a Fault that still has requests to hit.
type fault struct {
	Fault
	fitted int        // requests so far
	left   int        // requests to hit; negative: without end
	draws  *rand.Rand // of Chance
}

// Fault makes requests to the server fail, beginning with the next one. If several faults
// match a request, the one added first hits it. It panics if the server has no such Route,
// for example because it is too old, or if f contradicts itself.
//
// Calling withdraw ends the fault, and may be repeated. Requests that it has hit already
// are not affected.
func (s *Server) Fault(f Fault) (withdraw func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mistake := f.mistake(s.hasRoute); mistake != "" {
		misuse("Fault: %s", mistake)
	}
	f.Header = f.Header.Clone()
	s.faultsAdded++ // so that no two draw the same from one Seed
	added := &fault{Fault: f, left: f.Times, draws: rand.New(rand.NewPCG(f.Seed, s.faultsAdded))}
	if f.Times == 0 {
		added.left = -1
	}
	s.faults = append(s.faults, added)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(one *fault) bool { return one == added })
	}
}

// hasRoute reports whether the server, or the storage it has, knows a route.
func (s *Server) hasRoute(name string) bool {
	switch name {
	case StorageRoute:
		return s.delivery.storage != nil
	case HookRoute:
		return true
	}
	return slices.Contains(s.patterns, name) || slices.ContainsFunc(s.routes, func(r *route) bool { return r.name == name })
}

// nextFault is the fault that hits a request for a route, or nil. Every fault
// that fits counts the request, whichever of them hits it.
func (s *Server) nextFault(route string) (hit *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if (f.Route == "" && route != HookRoute || f.Route == route) && f.due() && hit == nil {
			hit = f
			hit.left = max(hit.left-1, -1)
		}
	}
	s.faults = slices.DeleteFunc(s.faults, func(f *fault) bool { return f.left == 0 })
	return hit
}

// due counts a request that fits, and reports whether it is one to hit.
func (f *fault) due() bool {
	f.fitted++
	return f.fitted >= f.Nth && (f.Chance == 0 || f.draws.Float64() < f.Chance)
}

// executes reports whether the requests it hits are carried out.
func (f *fault) executes() bool {
	return f.Executed || f.Status == 0 && !f.Break.unanswered()
}

// response is the response to a request that has been hit. Own is the server's response,
// if there is one.
func (f *fault) response(own *response) *response {
	a := own
	switch {
	case f.Break.unanswered():
		return &response{}
	case f.Status != 0:
		a = f.page()
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return a
}

// page is the response of something else than GitLab.
func (f *fault) page() *response {
	kind, body := f.content()
	a := &response{status: f.Status, header: http.Header{}}
	if body != "" {
		a.body = []byte(body)
		a.header.Set("Content-Type", kind)
	}
	return a
}

func (f *fault) content() (kind, body string) {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status)))
	switch {
	case f.Body != "":
		return kindOf(f.Body), f.Body
	case hasNoBody(f.Status):
		return "", ""
	case f.Status == http.StatusTooManyRequests:
		return "text/plain", BodyThrottled
	case slices.Contains([]int{502, 503, 504}, f.Status) || f.Status >= 520:
		return "text/html", proxyPage(status)
	}
	return "application/json", string(shape.Encode(map[string]string{"message": status}))
}

func hasNoBody(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// kindOf guesses the content type of a body.
func kindOf(body string) string {
	start := strings.TrimSpace(body)
	switch {
	case strings.HasPrefix(start, "{"), strings.HasPrefix(start, "["):
		return "application/json"
	case strings.HasPrefix(start, "<"):
		return "text/html"
	}
	return "text/plain"
}

// A claim is a sentence about a Fault that is wrong if it holds.
type claim struct {
	holds    bool
	sentence string
}

// mistake says how a fault contradicts itself, if it does.
func (f *Fault) mistake(knows func(route string) bool) string {
	for _, c := range slices.Concat(f.claimsOnRequests(knows), f.claimsOnResponse(), f.claimsOnBreak()) {
		if c.holds {
			return c.sentence
		}
	}
	return ""
}

func (f *Fault) claimsOnRequests(knows func(route string) bool) []claim {
	unlikely := !(f.Chance >= 0 && f.Chance <= 1) // so that NaN is, too
	return []claim{
		{f.Route != "" && !knows(f.Route), fmt.Sprintf("there is no Route %q", f.Route)},
		{f.Times < 0, fmt.Sprintf("%d Times is negative", f.Times)},
		{f.Nth < 0, fmt.Sprintf("the Nth is %d, which is negative", f.Nth)},
		{unlikely, fmt.Sprintf("the Chance %v is not between 0 and 1", f.Chance)},
		{f.Chance == 0 && f.Seed != 0, "a Seed without a Chance draws nothing"},
	}
}

func (f *Fault) claimsOnResponse() []claim {
	own := f.Status == 0 && (f.Break != "" || len(f.Header) > 0)
	return []claim{
		{!own && (f.Status < 200 || f.Status > 999), fmt.Sprintf("%d is not the Status of a response", f.Status)},
		{f.Status == 0 && f.Body != "", "a Body needs a Status"},
		{f.Body != "" && hasNoBody(f.Status), fmt.Sprintf("a response with Status %d has no Body", f.Status)},
		{f.Break.broken() && hasNoBody(f.Status), fmt.Sprintf("a response with Status %d has no body for a %s", f.Status, f.Break)},
		{f.Break.unanswered() && (f.Status != 0 || len(f.Header) > 0), fmt.Sprintf("a %s has neither Status nor Header", f.Break)},
		{f.Break == BreakResetUnread && f.Executed, "what is not read cannot be Executed"},
	}
}

func (f *Fault) claimsOnBreak() []claim {
	waits := f.Break == BreakStall || f.Break == BreakStallHeader || f.Break == BreakDrip || f.Break == BreakLate || f.Break == BreakRepeat
	known := f.Break == "" || f.Break.unanswered() || f.Break.broken() || f.Break.ofHooks() || waits
	return []claim{
		{f.Break.ofHooks() && f.Route != HookRoute, fmt.Sprintf("only a delivery to a hook can be a %s", f.Break)},
		{f.Break.ofHooks() && (f.Status != 0 || len(f.Header) > 0), fmt.Sprintf("a %s has neither Status nor Header", f.Break)},
		{f.Break.broken() && f.Route == HookRoute, fmt.Sprintf("a delivery has no body for a %s", f.Break)},
		{f.Status == 0 && len(f.Header) > 0 && f.Route == HookRoute, "the response to a delivery has a Header only with a Status"},
		{f.Break == BreakLate && f.Delay == 0, "a Late has no Delay"},
		{!known, fmt.Sprintf("%q is not a Break", string(f.Break))},
		{f.After < 0, fmt.Sprintf("After %d bytes is negative", f.After)},
		{f.After > 0 && !f.Break.broken(), "only what breaks within the body has an After"},
		{f.Delay < 0, fmt.Sprintf("the Delay %v is negative", f.Delay)},
		{f.Delay > 0 && !waits, "only a Stall, a StallHeader, a Drip, a Late and a Repeat have a Delay"},
		{f.Piece < 0, fmt.Sprintf("a Piece of %d bytes is negative", f.Piece)},
		{f.Piece > 0 && f.Break != BreakDrip, "only a Drip has a Piece"},
	}
}
