package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

const (
	connectTimeout = 10 * time.Second  // to dial, and again for TLS
	headerTimeout  = 120 * time.Second // until the first header of an answer
	bodyTimeout    = 60 * time.Second  // for the next bytes of a body
)

func defaultTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		// Without pings a dead HTTP/2 connection would be used again and again.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// RequestInfo says which call a request belongs to.
type RequestInfo struct {
	Method   string
	Endpoint string // a template such as "/projects/:id/pipelines/:pipeline_id"; for [Client.Do] the path
	Attempt  int    // 1 is the first
}

type infoKey struct{}

// RequestInfoFrom tells a [http.RoundTripper] given to [WithTransport], or a
// token source or rate limiter, which call the request with this context
// belongs to. It is false for requests that no [Client] sent.
func RequestInfoFrom(ctx context.Context) (RequestInfo, bool) {
	info, ok := ctx.Value(infoKey{}).(RequestInfo)
	return info, ok
}

// A transport takes one request through the gate, gives it the token if it
// stays at home, and notes whether it was sent. It has no CloseIdleConnections,
// which go-retryablehttp calls when one call gives up: others use them.
type transport struct {
	config *config
	gate   *gate
	next   http.RoundTripper

	http1 atomic.Bool // whether the server's last response came over HTTP/1
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p := policyFrom(req.Context())
	p.sent = false
	info := RequestInfo{p.call.method, p.call.path.template, p.attempt}
	ctx := context.WithValue(req.Context(), infoKey{}, info)
	out := req.Clone(ctx)
	if p.away = ""; !rest.SameOrigin(out.URL, t.config.base) {
		p.away = cmp.Or(out.URL.Host, "without a name") // "" is home
	}
	resp, start, err := t.pass(out, p)
	if start.IsZero() {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &refusal{err}
	}
	if err == nil {
		resp.Request = req // without the token, for hooks and callers
	}
	t.report(ctx, info, resp, err, time.Since(start))
	return resp, err
}

// pass sends a request once it is admitted, from when on start is set. The gate
// learns how it went, even if a limiter or a transport of the caller's panics:
// others may wait for this request.
func (t *transport) pass(out *http.Request, p *policy) (resp *http.Response, start time.Time, err error) {
	if p.away == "" {
		defer func() { t.gate.leave(p, resp) }()
	}
	if err := t.admit(out, p); err != nil {
		return nil, start, err
	}
	start = time.Now()
	resp, err = t.exchange(out, p)
	return resp, start, err
}

// admit lets a request to the server through the gate and gives it the token.
// Whatever goes elsewhere loses all credentials instead.
func (t *transport) admit(out *http.Request, p *policy) error {
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", t.config.userAgent)
	}
	if p.away != "" {
		if out.Body != nil && out.Body != http.NoBody {
			return errors.New("the server redirects to another origin, where a request with a body does not go")
		}
		maps.DeleteFunc(out.Header, func(name string, _ []string) bool { return !travels(name) })
		return nil
	}
	if err := t.gate.enter(out.Context(), p); err != nil {
		return err
	}
	if t.config.sudo != "" {
		out.Header.Set("Sudo", t.config.sudo)
	}
	if t.config.auth == nil {
		return nil
	}
	token, err := t.config.auth.token(out.Context())
	if err != nil {
		return fmt.Errorf("the token source: %w", err)
	}
	text := token.Reveal()
	if err := checkToken(text); err != nil {
		return fmt.Errorf("%s: %w", t.config.auth.from, err)
	}
	p.secrets = append(p.secrets, token)
	out.Header.Set(t.config.auth.header, t.config.auth.prefix+text)
	return nil
}

// travels reports whether a header may go to another origin: what is asked for
// may, and anything else could be a secret.
func travels(name string) bool {
	return name == "User-Agent" || name == "Range" || strings.HasPrefix(name, "Accept") || strings.HasPrefix(name, "If-")
}

// exchange sends the request, and keeps in the policy whether it may have
// reached the server.
func (t *transport) exchange(out *http.Request, p *policy) (*http.Response, error) {
	p.sent, p.sending = true, &sending{policy: p, path: out.URL.RequestURI()}
	if !t.http1.Load() {
		out.GetBody = nil // so that an HTTP/2 error says whether the request was processed
	}
	resp, err := t.next.RoundTrip(out.WithContext(httptrace.WithClientTrace(out.Context(), p.sending.trace())))
	if err != nil {
		p.sent = p.sending.mayHaveArrived(err)
		if p.sending.stopped.Load() {
			err = errReplay
		}
		return nil, err
	}
	if p.away == "" {
		t.http1.Store(resp.ProtoMajor == 1)
	}
	// net/http would quote an address that it cannot read, signature and all.
	if _, err := resp.Location(); err != nil && !errors.Is(err, http.ErrNoLocation) && resp.StatusCode/100 == 3 {
		resp.Body.Close()
		return nil, &refusal{errors.New("the server redirects to something that is not a URL")}
	}
	return resp, nil
}

// report logs an exchange and tells the hook.
func (t *transport) report(ctx context.Context, info RequestInfo, resp *http.Response, err error, took time.Duration) {
	level := slog.LevelInfo
	err = secret.ScrubError(err, policyFrom(ctx).secrets)
	attrs := []slog.Attr{slog.String("method", info.Method), slog.String("endpoint", info.Endpoint)}
	if resp != nil {
		attrs = append(attrs, slog.Int("status", resp.StatusCode))
	}
	attrs = append(attrs, slog.Int("attempt", info.Attempt), slog.Duration("duration", took))
	if resp != nil {
		attrs = append(attrs, slog.String("request_id", requestID(resp, policyFrom(ctx).secrets)))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if err != nil || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		level = slog.LevelWarn
	}
	t.config.logger.LogAttrs(ctx, level, "gitlabci: request", attrs...)
	if t.config.hooks.OnResponse != nil {
		t.config.hooks.OnResponse(info, resp, err)
	}
}

// A timed transport ends an exchange in which the server falls silent.
type timed struct{ next http.RoundTripper }

func (t *timed) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	if p, ok := ctx.Value(policyKey{}).(*policy); ok {
		p.sending.cancel = cancel
	}
	silence := time.AfterFunc(headerTimeout, cancel)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	fired := !silence.Stop()
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	if fired && req.Context().Err() == nil {
		err = fmt.Errorf("%w: no answer within %v", ErrStalled, headerTimeout)
	} else if fired { // the context was first, whatever came of it
		err = cmp.Or(err, req.Context().Err())
	}
	if err != nil {
		cancel()
		if resp != nil {
			resp.Body.Close()
		}
		return nil, err
	}
	body := &timedBody{ReadCloser: resp.Body, cancel: cancel}
	body.silence = time.AfterFunc(bodyTimeout, body.stall)
	body.silence.Stop()
	resp.Body = body
	return resp, nil
}

// A timedBody ends when a Read waits too long. Only the server's time counts,
// not what the reader does between reads.
type timedBody struct {
	io.ReadCloser
	cancel  context.CancelFunc
	silence *time.Timer
	stalled atomic.Bool
}

func (b *timedBody) stall() {
	b.stalled.Store(true)
	b.cancel()
}

func (b *timedBody) Read(p []byte) (int, error) {
	b.silence.Reset(bodyTimeout)
	n, err := b.ReadCloser.Read(p)
	b.silence.Stop()
	if err != nil && err != io.EOF && b.stalled.Load() {
		err = fmt.Errorf("%w: nothing more of the body within %v", ErrStalled, bodyTimeout)
	}
	return n, err
}

func (b *timedBody) Close() error {
	b.silence.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
