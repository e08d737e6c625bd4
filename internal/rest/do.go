package rest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"example.com/gitlabci/internal/secret"
)

// A run makes one call, by as many attempts as that takes.
type run struct {
	ctx    context.Context // of the call
	call   *Call
	config *Config

	attempt attempt // the present one, which the transport fills in
	passage passage // what the gate keeps of the call
	history history
	verdict verdict // of the last attempt; its wait is the one that follows
	failed  error   // the last attempt's error as that of the call; nil for a DELETE that has succeeded after all
	over    bool    // no further attempt follows

	secrets []secret.Value // to keep out of messages: the tokens sent, and the call's own
	replays atomic.Int64   // of a read by net/http itself, over HTTP/1
}

// Do sends the request of a call until it succeeds or nothing more can be done. The
// response is handed to handle, unless that is nil: an error of handle counts as one
// of the connection. Otherwise the caller closes the body.
func (c *Client) Do(req *http.Request, call *Call, handle func(*Response) error) (*Response, error) {
	r := &run{ctx: req.Context(), call: call, config: c.config, secrets: slices.Clone(call.Secrets)}
	r.history.renewable = c.config.Auth != nil && c.config.Auth.Fresh && !call.Unrepeatable
	r.history.most = r.tries()
	retrying := &retryablehttp.Client{
		HTTPClient:     c.http,
		RetryMax:       math.MaxInt, // judge decides
		CheckRetry:     r.check,
		Backoff:        r.pause,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
		RequestLogHook: r.begin,
		PrepareRetry:   rewind,
	}
	again := &retryablehttp.Request{Request: req.WithContext(context.WithValue(req.Context(), runKey{}, r))}
	again.SetResponseHandler(func(resp *http.Response) error {
		if handle == nil || r.over { // go-retryablehttp offers failures as well
			return nil
		}
		return handle(r.respond(resp))
	})
	resp, err := retrying.Do(again)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		err = r.outcome(err)
		if r.config.Explain != nil && !call.isRead() {
			r.config.Explain(req.Context(), call, err, func(text string) string { return printable(text, r.secrets) })
		}
		return nil, err
	}
	return r.respond(resp), nil
}

func rewind(req *http.Request) (err error) {
	if req.GetBody != nil {
		req.Body, err = req.GetBody()
	}
	return err
}

// tries returns how many attempts the call may make, as long as the token is not
// renewed.
func (r *run) tries() int {
	switch {
	case r.call.Unrepeatable:
		return 1
	case r.call.Tries > 0:
		return min(r.config.Tries, r.call.Tries)
	}
	return r.config.Tries
}

// begin is called by go-retryablehttp before each attempt.
func (r *run) begin(retryablehttp.Logger, *http.Request, int) {
	r.history.attempts++
	r.attempt = attempt{}
}

// check is called by go-retryablehttp after each attempt, and once more after the
// response was handled. Its error is the call's.
func (r *run) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if r.over {
		return false, r.failed
	}
	if err == nil && r.accepts(resp) {
		return false, nil
	}
	var f *Failure
	if err == nil {
		f = r.read(resp)
	} else if err = Bare(err); ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	r.verdict = judge(r.call, r.history, r.attempt.sent, f, err)
	r.failed = r.explain(f, err)
	again := r.verdict.again && r.continues(ctx)
	r.note()
	r.over = !again
	return again, r.failed
}

func (r *run) accepts(resp *http.Response) bool {
	unchanged := resp.StatusCode == http.StatusNotModified && r.call.isRead() && (r.call.Raw || r.call.ETag != "")
	return resp.StatusCode/100 == 2 || unchanged
}

// continues reports whether the context and its limits allow another attempt, and
// decides how long to wait for it. If they do not, the call's error says so.
func (r *run) continues(ctx context.Context) bool {
	if r.verdict.wait == 0 && !r.verdict.renew {
		r.verdict.wait = r.config.Backoff(r.history.attempts)
	}
	if cause := ctx.Err(); cause != nil {
		r.failed = r.ended(cause)
		return false
	}
	if !r.config.MayWait(ctx, r.verdict.wait) {
		r.config.SetDelay(r.failed, r.verdict.wait)
		return false
	}
	return true
}

// note adds the last attempt to the history.
func (r *run) note() {
	h := &r.history
	h.lost = h.lost || r.verdict.lost
	if !r.attempt.sent {
		h.unsent++
	}
	if r.verdict.renew {
		h.renewable = false
		h.most++
	}
}

// pause is called by go-retryablehttp before it waits.
func (r *run) pause(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	if r.verdict.wait > 0 {
		r.announce(r.verdict.reason, r.verdict.wait)
	}
	return r.verdict.wait
}

func (r *run) announce(reason string, wait time.Duration) {
	r.config.announce(r.ctx, r.call, r.history.attempts, reason, wait)
}

// waited reports whether the call has just waited for this reason.
func (r *run) waited(reason string) bool {
	return r.history.attempts > 1 && r.verdict.wait > 0 && r.verdict.reason == reason
}

// outcome turns what go-retryablehttp returned into the call's error.
func (r *run) outcome(err error) error {
	if err != r.failed { // the context ended during a wait
		err = r.ended(Bare(err))
	}
	if r.history.lost && !r.call.isRead() {
		return &outcomeError{err}
	}
	return err
}

// explain makes an attempt's failure that of the call. If the attempt did not pass
// the gate, the error says what happened before it, if anything did.
func (r *run) explain(f *Failure, err error) error {
	if r.verdict.success {
		return nil
	}
	if f != nil {
		return r.config.NewError(f)
	}
	if !IsRefusal(err) || r.attempt.sent {
		return r.fail(err)
	}
	if held, isHeld := errors.AsType[*heldError](err); isHeld {
		return After(r.config.NewError(held.failure), r.failed)
	}
	return r.fail(After(err, r.failed))
}

// ended returns the call's error if its context ends after an attempt has failed.
func (r *run) ended(cause error) error {
	if errors.Is(r.failed, cause) {
		return r.failed
	}
	return r.fail(After(cause, r.failed))
}
