package gitlabcitest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rows"
)

// A Throttle is how many requests of any kind the server takes.
type Throttle struct {
	// Name is what answers call it. "" is throttle_authenticated_api for
	// requests with a token and throttle_unauthenticated_api for others.
	Name string

	Limit  int           // requests per Period with one token, or with none; required
	Period time.Duration // whole seconds; 0 is a minute
	Body   string        // of the refusals; "" is [BodyThrottled]
}

// WithThrottle lets the server count requests, as administrators may have it
// do. Each answer then has RateLimit headers, and requests beyond the limit are
// not carried out but answered 429, with Retry-After, until the period is over.
// Periods follow each other by the clock, whenever the first request comes:
// those of a minute begin with its second 0. Requests that a [Fault] keeps from
// the server do not count.
//
// It panics unless Limit is positive and Period as it should be. By default
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

// pass counts a request. It returns the headers that its answer is to have, and
// the answer if it may not pass.
func (t *throttle) pass(r *http.Request, at time.Time) (http.Header, *answer) {
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
	return header, &answer{
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

// perMinute is the limit as its header tells it, rounded up. What remains is
// told as it is.
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
