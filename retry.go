package gitlabci

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
	"github.com/hashicorp/go-retryablehttp"
)

const (
	shortestBackoff = 200 * time.Millisecond
	longestBackoff  = 10 * time.Second
	unsentTries     = 3 // of a request that does not get out
)

// A policy decides what follows each attempt of one call. Its rule: what may
// have been carried out is sent again only if doing it twice is doing it once.
type policy struct {
	ctx    context.Context // of the call
	call   *call
	config *config

	attempt int            // from 1
	unsent  int            // attempts that did not reach the server
	sent    bool           // whether this attempt may have reached it
	lost    bool           // an attempt may have been carried out, and its answer is lost
	renewed bool           // the token was asked for again
	over    bool           // there will be no further attempt
	away    string         // the host that this attempt was redirected to, if not the server
	secrets []secret.Value // to keep out of messages: the tokens sent, and the call's own

	sending *sending     // this attempt
	replays atomic.Int64 // repeats of a read by net/http itself, over HTTP/1

	scout    bool          // this attempt goes ahead of all others: see gate
	pauses   int           // of the client that the call has sat out
	followed time.Duration // how long the call has waited for scouts

	failure error         // of this attempt; nil also for a DELETE that found its object gone after all
	wait    time.Duration // before the next one
	reason  string        // of the wait
}

type policyKey struct{}

func withPolicy(ctx context.Context, p *policy) context.Context {
	return context.WithValue(ctx, policyKey{}, p)
}

func policyFrom(ctx context.Context) *policy {
	return ctx.Value(policyKey{}).(*policy)
}

// begin is called by go-retryablehttp before each attempt.
func (p *policy) begin(retryablehttp.Logger, *http.Request, int) {
	p.attempt++
	p.sent = false
}

// check is called by go-retryablehttp after each attempt, and once more after
// its answer was read. Its error is the call's.
func (p *policy) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if p.over {
		return false, p.failure
	}
	again := false
	switch {
	case err != nil:
		again = p.afterError(ctx, rest.Bare(err))
	case p.accepts(resp):
		return false, nil
	default:
		again = p.afterAnswer(resp)
	}
	if cause := ctx.Err(); again && cause != nil && !errors.Is(p.failure, cause) {
		p.failure = p.fail(fmt.Errorf("%w (after: %w)", cause, p.failure))
	}
	if again && ctx.Err() == nil && p.fits(ctx) {
		return true, nil
	}
	p.over = true
	return false, p.failure
}

func (p *policy) accepts(resp *http.Response) bool {
	unchanged := resp.StatusCode == http.StatusNotModified && p.call.isRead() && (p.call.raw || p.call.etag != "")
	return resp.StatusCode/100 == 2 || unchanged
}

// afterError handles an attempt that has no answer, or half of one.
func (p *policy) afterError(ctx context.Context, err error) bool {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	_, refused := errors.AsType[*refusal](err)
	p.failure = p.explain(err, refused)
	p.reason, p.wait = WaitRetry, p.backoff()
	if !p.sent {
		p.unsent++
	}
	p.lost = p.lost || p.sent
	switch {
	case refused || hopeless(err) || p.attempt >= p.tries():
		return false
	case p.sent:
		return !p.call.once
	}
	return p.unsent < unsentTries
}

// explain makes an attempt's error that of the call. One that did not pass the
// gate says what happened before it, if anything did.
func (p *policy) explain(err error, refused bool) error {
	before := p.failure
	if !refused || p.sent {
		return p.fail(err)
	}
	held, isHeld := errors.AsType[*APIError](err)
	isHeld = isHeld && held.held
	switch {
	case isHeld && before != nil:
		return fmt.Errorf("%w (after: %w)", held, before)
	case isHeld:
		return held
	case before != nil:
		return p.fail(fmt.Errorf("%w (after: %w)", err, before))
	}
	return p.fail(err)
}

// afterAnswer handles an answer other than success.
func (p *policy) afterAnswer(resp *http.Response) bool {
	e := p.readError(resp)
	p.failure = e
	if p.call.method == http.MethodDelete && p.lost && e.gone() {
		p.failure = nil
		return false
	}
	if e.Is(ErrUnauthorized) && p.renewable() {
		p.renewed, p.wait = true, 0
		return true
	}
	p.lost = p.lost || e.saysNothing()
	p.reason, p.wait = WaitRetry, p.backoff()
	if e.RetryAfter > 0 {
		p.wait = e.RetryAfter
	}
	return p.worthwhile(e) && p.attempt < p.tries()
}

// renewable reports whether asking for the token again can help.
func (p *policy) renewable() bool {
	return p.config.auth != nil && p.config.auth.fresh && !p.renewed && !p.call.unrepeatable
}

// worthwhile reports whether another attempt is safe and can end otherwise.
func (p *policy) worthwhile(e *APIError) bool {
	switch e.StatusCode {
	case http.StatusTooManyRequests: // not carried out
		p.reason = WaitRateLimit
		return true
	case http.StatusConflict: // with this text: not carried out
		p.reason = WaitLock
		return e.locked()
	case http.StatusNotFound: // of what is not known, where that decides: see gone
		return e.halved && p.lost && p.call.method == http.MethodDelete
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !p.call.once
	}
	return e.StatusCode/10 == 52 && !p.call.once
}

func (p *policy) tries() int {
	tries := p.config.tries
	switch {
	case p.call.unrepeatable:
		return 1
	case p.call.tries > 0:
		tries = min(tries, p.call.tries)
	}
	if p.renewed {
		tries++
	}
	return tries
}

func (p *policy) backoff() time.Duration { return p.config.backoff(p.attempt) }

// backoff is how long to wait after so many attempts: exponential with full
// jitter, within the longest wait allowed.
func (c *config) backoff(attempts int) time.Duration {
	longest := max(1, min(longestBackoff, c.maxWait))
	if doublings := attempts - 1; doublings < 10 {
		longest = min(longest, shortestBackoff<<doublings)
	}
	return 1 + rand.N(longest)
}

// fits reports whether the wait may be begun. One that may not becomes the
// error's RetryAfter.
func (p *policy) fits(ctx context.Context) bool {
	if p.config.mayWait(ctx, p.wait) {
		return true
	}
	if e, ok := errors.AsType[*APIError](p.failure); ok {
		e.RetryAfter = p.wait
	}
	return false
}

// pause is called by go-retryablehttp before it waits.
func (p *policy) pause(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	if p.wait > 0 {
		p.announce(p.reason, p.wait)
	}
	return p.wait
}

func (p *policy) announce(reason string, wait time.Duration) {
	p.config.announce(p.ctx, p.call, p.attempt, reason, wait)
}

// waited reports whether the call has just waited for this reason.
func (p *policy) waited(reason string) bool {
	return p.attempt > 1 && p.wait > 0 && p.reason == reason
}

// endpoint is what the call's limits are known by.
func (p *policy) endpoint() string { return p.call.method + " " + p.call.path.template }

// verdict turns what go-retryablehttp returned into the call's error.
func (p *policy) verdict(err error) error {
	if err != p.failure { // the context ended during a wait
		err = p.fail(fmt.Errorf("%w (after: %w)", rest.Bare(err), p.failure))
	}
	if p.lost && !p.call.isRead() {
		return &outcomeError{err}
	}
	return err
}

// neverSent reports whether an error proves by its type that the request did
// not reach the server.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// closedIdle reports whether the server had closed a connection before it was
// used again. Net/http does not export that error.
func closedIdle(err error) bool {
	return err.Error() == "http: server closed idle connection"
}

// hopeless reports whether an error will stay: no such host, or one that
// cannot prove who it is.
func hopeless(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// mayPass reports whether what failed may succeed when it is polled again later.
// What is not in GitLab's words can be of a proxy that has lost it, if it was
// met before.
func mayPass(err error, met bool) bool {
	e, answered := errors.AsType[*APIError](err)
	switch {
	case !answered:
		return !errors.Is(err, ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) && !isStrayed(err) && (met || !hopeless(err))
	case e.StatusCode >= http.StatusInternalServerError, e.StatusCode == http.StatusRequestTimeout, e.Is(ErrRateLimited), e.locked():
		return true
	}
	return e.foreign && met
}
