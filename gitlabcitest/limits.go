package gitlabcitest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rows"
)

// WithActionLimits limits how often a user can do something within a minute by the clock.
// More is refused with 429:
//
//	jobs of projects listed  600
//	pipeline canceled          5  120 in a project
//	pipeline retried           5  200
//	pipeline deleted           5  400
//	job retried                3  320
//	job played                 3  200
//	job erased                 5  400
//	hook tested                5    5
//	delivery resent            5    5
//
// The first number is for the same pipeline, job or hook. Attempts that are refused or
// change nothing count as well. The bodies are [BodyEndpointLimited] for the list and
// [BodyActionLimited].
//
// By default there are no such limits. On most instances only the first one is enabled.
func WithActionLimits() Option {
	return func(s *Server) { s.limits = &actionLimits{rows.NewCounter[actionKey](60)} }
}

// An actionLimit is how often a user may do something within a minute.
type actionLimit struct {
	sameThing, inProject int
	noRetryAfter         bool // the refusal does not say how long to wait
}

const (
	listJobsRoute = "GET /projects/:id/jobs"
	listJobsLimit = 600 // in any project
)

// limitOf is the limit of a route that changes something, or nil.
func limitOf(route string) *actionLimit {
	switch route {
	case "POST /projects/:id/pipelines/:pipeline_id/cancel":
		return &actionLimit{sameThing: 5, inProject: 120}
	case "POST /projects/:id/pipelines/:pipeline_id/retry":
		return &actionLimit{sameThing: 5, inProject: 200, noRetryAfter: true}
	case "DELETE /projects/:id/pipelines/:pipeline_id":
		return &actionLimit{sameThing: 5, inProject: 400}
	case "POST /projects/:id/jobs/:job_id/retry":
		return &actionLimit{sameThing: 3, inProject: 320}
	case "POST /projects/:id/jobs/:job_id/play":
		return &actionLimit{sameThing: 3, inProject: 200}
	case "POST /projects/:id/jobs/:job_id/erase":
		return &actionLimit{sameThing: 5, inProject: 400}
	case "POST /projects/:id/hooks/:hook_id/test/:trigger", "POST /projects/:id/hooks/:hook_id/events/:hook_event_id/resend":
		return &actionLimit{sameThing: 5, inProject: 5}
	}
	return nil
}

// actionLimits count what users do.
type actionLimits struct{ counter *rows.Counter[actionKey] }

// An actionKey is what is counted. Without a thing it is the whole project's,
// without a project everything.
type actionKey struct {
	route                string
	user, project, thing int64
}

// refuse counts a call, and returns the response if it is one too many. A call about an
// object that does not exist is not counted: GitLab checks that first. All routes with
// limits need a user.
func (l *actionLimits) refuse(c *call, route string) *response {
	if l == nil {
		return nil
	}
	if route == listJobsRoute && l.counter.Add(actionKey{route: route, user: c.user.id}, c.now) > listJobsLimit {
		return tooManyRequests([]byte(BodyEndpointLimited))
	}
	limit := limitOf(route)
	if limit == nil {
		return nil
	}
	key, found := c.actionKey(route)
	if !found {
		return nil
	}
	same := l.counter.Add(key, c.now)
	key.thing = 0
	if all := l.counter.Add(key, c.now); same <= limit.sameThing && all <= limit.inProject {
		return nil
	}
	a := tooManyRequests([]byte(BodyActionLimited))
	if !limit.noRetryAfter {
		a.set("Retry-After", "60")
	}
	return a
}

func tooManyRequests(body []byte) *response {
	return &response{
		status: http.StatusTooManyRequests,
		header: http.Header{"Content-Type": {"application/json"}},
		body:   body,
	}
}

// actionKey is about the pipeline or job of a call, if there is one.
func (c *call) actionKey(route string) (_ actionKey, found bool) {
	owner := c.state.project(value[string](c, "id"))
	if owner == nil {
		return actionKey{}, false
	}
	key := actionKey{route: route, user: c.user.id, project: owner.id}
	if id := optional[int64](c, "pipeline_id"); id != nil {
		key.thing = *id
		return key, owner.pipeline(*id) != nil
	}
	if id := optional[int64](c, "hook_id"); id != nil {
		key.thing = *id
		return key, c.state.hook(owner, *id) != nil
	}
	key.thing = value[int64](c, "job_id")
	return key, c.state.job(owner, key.thing, true) != nil
}

// A Throttle is a limit on the rate of requests of any kind.
type Throttle struct {
	// Name is its name in responses. "" is throttle_authenticated_api for
	// requests with a token and throttle_unauthenticated_api for others.
	Name string

	Limit  int           // requests per Period with one token, or with none; required
	Period time.Duration // whole seconds; 0 is a minute
	Body   string        // of the refusals; "" is [BodyThrottled]
}

// WithThrottle limits the rate of requests, as administrators of GitLab can. Each response
// then has RateLimit headers. Requests beyond the limit are not executed: they get 429,
// with Retry-After, until the period ends. Periods follow the clock: those of a minute
// begin at its second 0. Requests that a [Fault] keeps from the server do not count.
//
// It panics if Limit is not positive, or Period is not a number of seconds. By default
// there is no throttle, as on most instances.
func WithThrottle(t Throttle) Option {
	t.Period = cmp.Or(t.Period, time.Minute)
	if t.Limit <= 0 {
		misuse("WithThrottle: the Limit %d is not positive", t.Limit)
	}
	if t.Period < 0 || t.Period%time.Second != 0 {
		misuse("WithThrottle: the Period %v is not a number of seconds", t.Period)
	}
	t.Body = cmp.Or(t.Body, BodyThrottled)
	return func(s *Server) {
		s.throttle = &throttle{t, rows.NewCounter[string](int64(t.Period / time.Second))}
	}
}

// A throttle is a Throttle at work.
type throttle struct {
	Throttle
	counter *rows.Counter[string] // by token
}

// pass counts a request. It returns the headers that its response is to have, and
// the response if it may not pass.
func (t *throttle) pass(r *http.Request, at time.Time) (http.Header, *response) {
	if t == nil {
		return nil, nil
	}
	token := anyToken(r)
	observed := t.counter.Add(token, at)
	header := http.Header{}
	header.Set("RateLimit-Name", t.name(token))
	header.Set("RateLimit-Limit", strconv.Itoa(t.perMinute()))
	header.Set("RateLimit-Observed", strconv.Itoa(observed))
	header.Set("RateLimit-Remaining", strconv.Itoa(max(0, t.Limit-observed)))
	header.Set("RateLimit-Reset", strconv.FormatInt(t.counter.End(), 10))
	if observed <= t.Limit {
		return header, nil
	}
	header.Set("RateLimit-ResetTime", time.Unix(t.counter.End(), 0).UTC().Format(http.TimeFormat))
	header.Set("Retry-After", strconv.FormatInt(t.counter.End()-at.Unix(), 10))
	return header, &response{
		status: http.StatusTooManyRequests,
		header: http.Header{"Content-Type": {"text/plain"}},
		body:   []byte(t.Body),
	}
}

func (t *throttle) name(token string) string {
	if token == "" {
		return cmp.Or(t.Name, "throttle_unauthenticated_api")
	}
	return cmp.Or(t.Name, "throttle_authenticated_api")
}

// perMinute is the limit in its header, rounded up. The remaining number is not rounded.
func (t *throttle) perMinute() int {
	period := int(t.Period / time.Second)
	return (t.Limit*60 + period - 1) / period
}

// anyToken is the token of a request, good or not, or "".
func anyToken(r *http.Request) string {
	query := r.URL.Query()
	_, password, _ := r.BasicAuth()
	return cmp.Or(
		r.Header.Get("Private-Token"), bearer(r.Header), r.Header.Get("Job-Token"), password,
		query.Get("private_token"), query.Get("access_token"), query.Get("job_token"),
	)
}
