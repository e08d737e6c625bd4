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

// A Fault is something that goes wrong: an answer that is not GitLab's, a
// connection that fails, or both.
type Fault struct {
	// Route is the endpoint whose requests it hits, such as
	// "POST /projects/:id/pipeline". HEAD counts as GET. [StorageRoute] is that
	// of the storage, [HookRoute] that of deliveries, and a pattern that of [Server.Handle].
	// "" hits every request, to the storage too, and no delivery.
	Route string

	// Status is that of the answer, from 200 to 999. With 0 the request is
	// carried out and has the server's own answer, to which Header is added and
	// which fails as Break says; so one of the three is required.
	Status int

	// Header is added to the answer. Without a Content-Type there, Body tells
	// it: JSON, HTML or plain text.
	Header http.Header

	// Body is that of an answer with Status. "" is what usually comes with it:
	// the HTML page of a proxy for 502, 503, 504 and from 520 on, the plain text
	// "Retry later" for 429, nothing for 204 and 304, and else JSON with the
	// status as its message.
	Body string

	// Executed means that GitLab carries the request out, and its answer is
	// what gets lost. Otherwise GitLab never sees a request that is answered
	// with Status, or not at all.
	Executed bool

	Nth   int // of the requests that fit, the first one it hits, counted from when it is added; 0 is 1
	Times int // how many requests it hits; 0 is all from then on

	// Chance is how likely it hits a request, above 0 and up to 1; 0 is 1. The
	// draws come from Seed, so they are the same in every run that adds the same
	// faults in the same order.
	Chance float64
	Seed   uint64

	Break Break         // how the connection fails; "" is not at all
	After int64         // bytes of the body that come before the Break; a body without more of them is not broken
	Delay time.Duration // of [BreakStall] and [BreakStallHeader]: 0 is until the client gives up; of [BreakDrip] and [BreakRepeat]: 0 is none
	Piece int           // bytes, of [BreakDrip]: 0 is 1
}

// Bodies of an answer with Status 429, in the three shapes of GitLab. The
// server's own are those of [WithThrottle] and [WithActionLimits].
const (
	// BodyThrottled comes as plain text with Retry-After, RateLimit-ResetTime
	// and all other RateLimit headers, when a throttle counts too many requests
	// of any kind. Administrators may choose another text.
	BodyThrottled = "Retry later"

	// BodyEndpointLimited comes with no Retry-After that one could rely on, when
	// an endpoint such as the jobs of a project is asked too often.
	BodyEndpointLimited = `{"message":{"error":"` + tooOften + `"}}`

	// BodyActionLimited comes with Retry-After: 60, when something is retried,
	// canceled, played, erased or deleted too often. With the retry of a
	// pipeline alone there is no Retry-After.
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

// Fault makes requests to the server go wrong, beginning with the next one. Of
// several faults that would hit a request, the one added first does. It panics
// if the server has no such Route, being too old perhaps, or f contradicts itself.
//
// Calling withdraw ends the fault, again and again if need be. What it has hit
// before goes on as it began.
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

// answer is what a request gets that has been hit. Own is the server's answer,
// if there is one.
func (f *fault) answer(own *answer) *answer {
	a := own
	switch {
	case f.Break.unanswered():
		return &answer{}
	case f.Status != 0:
		a = f.page()
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	return a
}

// page is the answer of something else than GitLab.
func (f *fault) page() *answer {
	kind, body := f.content()
	a := &answer{status: f.Status, header: http.Header{}}
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
	case bodiless(f.Status):
		return "", ""
	case f.Status == http.StatusTooManyRequests:
		return "text/plain", BodyThrottled
	case slices.Contains([]int{502, 503, 504}, f.Status) || f.Status >= 520:
		return "text/html", proxyPage(status)
	}
	return "application/json", string(shape.Encode(map[string]string{"message": status}))
}

func bodiless(status int) bool {
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
	for _, c := range slices.Concat(f.claimsOnRequests(knows), f.claimsOnAnswer(), f.claimsOnBreak()) {
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

func (f *Fault) claimsOnAnswer() []claim {
	own := f.Status == 0 && (f.Break != "" || len(f.Header) > 0)
	return []claim{
		{!own && (f.Status < 200 || f.Status > 999), fmt.Sprintf("%d is not the Status of an answer", f.Status)},
		{f.Status == 0 && f.Body != "", "a Body needs a Status"},
		{f.Body != "" && bodiless(f.Status), fmt.Sprintf("an answer with Status %d has no Body", f.Status)},
		{f.Break.broken() && bodiless(f.Status), fmt.Sprintf("an answer with Status %d has no body for a %s", f.Status, f.Break)},
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
		{f.Status == 0 && len(f.Header) > 0 && f.Route == HookRoute, "the answer to a delivery has a Header only with a Status"},
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
