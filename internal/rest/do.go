package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"example.com/gitlabci/internal/secret"
)

// A run is one call with all its attempts. It is also the context of its requests, from
// which the transport and the functions of go-retryablehttp get it.
type run struct {
	context.Context // of the call
	call            *Call
	config          *Config

	retrying  retryablehttp.Client
	retryable retryablehttp.Request
	adopted   bool                  // the request is a caller's
	header    http.Header           // of each request, besides the usual ones
	handle    func(*Response) error // reads a response, or is nil
	response  Response
	streams   bool // the caller reads the body of a success, as it arrives

	attempt attempt // the current one; the transport fills it in
	passage passage // the state that the gate keeps for the call
	history history
	verdict verdict // on the last attempt
	failure error   // of the call, if it ended now; nil for a DELETE that succeeded after all
	over    bool    // no further attempt follows

	token    secret.Value  // of the last request
	renewals int64         // of the client's token, when the call took it
	refused  *secret.Value // the token that the next attempt must have renewed, or nil

	secrets []secret.Value  // to keep out of messages: the tokens sent, and the call's own
	few     [2]secret.Value // room for secrets
	replays atomic.Int64    // of a read by net/http itself, over HTTP/1
}

func (c *Client) newRun(ctx context.Context, call *Call) *run {
	r := &run{Context: ctx, call: call, config: c.config}
	r.secrets = append(r.few[:0], call.Secrets...)
	r.history.renewable = c.config.Auth != nil && c.config.Auth.Fresh && !call.Unrepeatable
	r.history.most = r.tries()
	for _, value := range c.config.Headers {
		if len(value.Reveal()) >= secret.Shortest {
			r.secrets = append(r.secrets, value)
		}
	}
	return r
}

// Do makes a call with the request of a caller, which [Client.Adopt] has returned, with
// retries. The caller closes the body of the response.
func (c *Client) Do(req *http.Request, call *Call) (*Response, error) {
	r := c.newRun(req.Context(), call)
	r.adopted = true
	return c.do(r, req.WithContext(r), nil)
}

// send makes a call, with retries. If handle is not nil, it reads the response and closes
// its body, and its error counts as one of the connection: the attempt has failed. If
// handle is nil, the caller closes the body.
func (c *Client) send(ctx context.Context, call *Call, header http.Header, at *url.URL, handle func(*Response) error) (*Response, error) {
	if ctx == nil {
		return nil, c.Check(ctx, call)
	}
	r := c.newRun(ctx, call)
	r.header = header
	req, err := c.request(r, call)
	if err != nil {
		return nil, err
	}
	if at != nil {
		req.URL, req.Host = at, ""
	}
	return c.do(r, req, handle)
}

func (c *Client) do(r *run, req *http.Request, handle func(*Response) error) (*Response, error) {
	r.handle, r.streams = handle, handle == nil
	r.retrying = retryablehttp.Client{
		HTTPClient:     c.http,
		RetryMax:       math.MaxInt, // judge decides
		CheckRetry:     check,
		Backoff:        pause,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
		RequestLogHook: begin,
		PrepareRetry:   rewind,
	}
	r.retryable.Request = req
	r.retryable.SetResponseHandler(handleResponse)
	resp, err := r.retrying.Do(&r.retryable)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, r.outcome(err)
	}
	return r.respond(resp), nil
}

// RoundTrip sends the request of another client, once: through the gate, with our token
// and by our rules of redirects. It returns any response of the server. The request must be
// for the API of the server. It must not be changed.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	call, err := c.callOf(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, NotSent(Errorf("%w", err))
	}
	r := c.newRun(req.Context(), call)
	r.adopted, r.streams, r.history.most, r.history.renewable = true, true, 1, false
	r.begin()
	out := req.Clone(r)
	maps.DeleteFunc(out.Header, func(name string, _ []string) bool { return IsReserved(name) })
	out.Host, out.RequestURI = "", ""
	resp, err := c.http.Do(out)
	if err != nil {
		r.check(nil, err)
		return nil, r.outcome(r.failure)
	}
	return resp, nil
}

// callOf returns the call of another client's request.
func (c *Client) callOf(req *http.Request) (*Call, error) {
	if req.URL == nil || !SameOrigin(req.URL, c.config.Base) {
		return nil, errors.New("the request is for another server than the base URL's")
	}
	api := *c.config.Base
	api.Path, api.RawPath = strings.TrimSuffix(api.Path, "/v4"), strings.TrimSuffix(api.RawPath, "/v4")
	if !belowAPI(req.URL, &api) {
		return nil, fmt.Errorf("the request is for %s, which is not below the API of the base URL", req.URL.EscapedPath())
	}
	escaped := c.belowBase(req.URL.EscapedPath())
	return &Call{
		Method: cmp.Or(req.Method, http.MethodGet),
		Path:   Path{Escaped: escaped, Template: escaped},
		Rules:  Rules{Raw: true, Once: !isIdempotent(req.Method)},
	}, nil
}

// The functions below are called by go-retryablehttp. They are not made for each call:
// closures would be a tenth of its allocations.

// begin is called before each attempt.
func begin(_ retryablehttp.Logger, req *http.Request, _ int) {
	if r, err := runFrom(req.Context()); err == nil {
		r.begin()
	}
}

// check is called after each attempt, and again after the response was handled. Its
// error is the call's.
func check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	r, lost := runFrom(ctx)
	if lost != nil {
		return false, lost
	}
	return r.check(resp, err)
}

func handleResponse(resp *http.Response) error {
	r, err := runFrom(resp.Request.Context())
	if err != nil || r.handle == nil || r.over { // go-retryablehttp passes failures as well
		return err
	}
	return r.handle(r.respond(resp))
}

// pause returns the wait before the next attempt, which check has set.
func pause(wait, _ time.Duration, _ int, _ *http.Response) time.Duration { return wait }

func rewind(req *http.Request) (err error) {
	if req.GetBody != nil {
		req.Body, err = req.GetBody()
	}
	return err
}

// tries returns how many attempts the call may make if the token is not renewed.
func (r *run) tries() int {
	switch {
	case r.call.Unrepeatable:
		return 1
	case r.call.Tries > 0:
		return min(r.config.Tries, r.call.Tries)
	}
	return r.config.Tries
}

// begin begins an attempt.
func (r *run) begin() {
	r.history.attempts++
	r.attempt = attempt{}
}

// check decides whether another attempt follows. Its error is the call's.
func (r *run) check(resp *http.Response, err error) (bool, error) {
	if r.over {
		return false, r.failure
	}
	if err == nil && r.accepts(resp) {
		return false, nil
	}
	var f *Failure
	if err == nil {
		f = r.read(resp)
		if r.passage.shared && r.history.most > 1 {
			r.history.most++ // others were successful meanwhile: the server only shares out what it allows
		}
	} else {
		err = ByContext(r.Context, Bare(err))
	}
	r.verdict = judge(r.call, r.history, r.attempt.sent, f, err)
	r.failure = r.explain(f, err)
	r.note()
	r.over = !r.verdict.retry || !r.prepare()
	if !r.over {
		r.retrying.RetryWaitMin = r.pause()
	}
	return !r.over, r.failure
}

func (r *run) accepts(resp *http.Response) bool {
	unchanged := resp.StatusCode == http.StatusNotModified && r.call.isRead() && (r.call.Raw || r.call.ETag != "")
	return resp.StatusCode/100 == 2 || unchanged
}

// prepare decides how long to wait for the next attempt. It returns false if the
// context has ended or does not allow the wait; the call's error then says so.
func (r *run) prepare() bool {
	if r.verdict.wait == 0 && !r.verdict.renew {
		r.verdict.wait = r.backoff()
	}
	if ended := Ended(r.Context); ended != nil {
		r.failure = r.ended(ended)
		return false
	}
	return r.config.MayWait(r.Context, r.verdict.wait)
}

// backoff returns how long to wait if the server has not said it.
func (r *run) backoff() time.Duration {
	if r.verdict.reason != ReasonRateLimit {
		return r.config.Backoff(r.history.attempts)
	}
	r.history.refused++
	return cmp.Or(r.passage.backoff, r.config.rateBackoff(r.history.refused))
}

// note adds the last attempt to the history.
func (r *run) note() {
	h := &r.history
	h.lost = h.lost || r.verdict.lost
	h.reached = h.reached || r.attempt.sent || r.attempt.reached
	if !r.attempt.sent {
		h.unsent++
	}
	if r.verdict.renew {
		h.renewable = false
		h.most++
		r.refused = new(r.token)
	}
}

// pause announces the wait before the next attempt, and returns it. A call that the
// throttle has refused waits in the queue of the gate.
func (r *run) pause() time.Duration {
	if r.passage.refused {
		return 0
	}
	if r.verdict.wait > 0 {
		r.announce(r.verdict.reason, r.verdict.wait)
	}
	return r.verdict.wait
}

func (r *run) announce(reason string, wait time.Duration) {
	r.config.announce(r.Context, r.call, r.history.attempts, reason, wait)
}

// waited reports whether the call has just waited for this reason.
func (r *run) waited(reason string) bool { return r.verdict.reason == reason }

// outcome returns the call's error, given the one that go-retryablehttp returned.
func (r *run) outcome(err error) error {
	if err != r.failure { // the context ended during a wait
		err = r.ended(ByContext(r.Context, Bare(err)))
	}
	if !r.history.reached {
		return NotSent(err)
	}
	if r.call.isRead() {
		return err
	}
	if r.history.lost && !r.call.Harmless {
		err = &outcomeError{err}
	}
	if r.config.Explain != nil {
		r.config.Explain(r.Context, r.call, err, func(text string) string { return secret.Escape(printable(text, r.secrets)) })
	}
	return err
}

// explain returns the call's error after an attempt has failed. If the attempt was
// not sent because of a rule of ours, or the context ended it, the error also has the
// failure before it.
func (r *run) explain(f *Failure, err error) error {
	if r.verdict.success {
		return nil
	}
	if f != nil {
		return r.config.NewError(f)
	}
	if (!IsRefusal(err) || r.attempt.sent) && r.Context.Err() == nil {
		return r.fail(err)
	}
	if held, isHeld := errors.AsType[*heldError](err); isHeld {
		return After(r.config.NewError(held.failure), r.failure)
	}
	return r.fail(After(err, r.failure))
}

// ended returns the call's error if its context ends after an attempt has failed.
func (r *run) ended(cause error) error {
	if err := After(cause, r.failure); err != r.failure {
		return r.fail(err)
	}
	return r.failure
}

type runKey struct{}

// Value returns the run itself, or a value of the call's context.
func (r *run) Value(key any) any {
	if _, ok := key.(runKey); ok {
		return r
	}
	return r.Context.Value(key)
}

// String is what contexts print of those they are made from.
func (r *run) String() string { return "a call of gitlabci" }

// runFrom returns the run that a request belongs to.
func runFrom(ctx context.Context) (*run, error) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return nil, errors.New("the request was not made by this client")
	}
	return r, nil
}
