package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/secret"
)

// DefaultTransport returns the transport of a client that is given none.
func DefaultTransport(limits Timeouts) *http.Transport {
	connect := limits.filled().Connect
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connect}).DialContext,
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		HTTP2: &http.HTTP2Config{
			// Without pings, a dead connection would be used for all further requests.
			SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second,
			MaxReadFrameSize: 256 << 10, // downloads cost less in large frames
		},
	}
}

// A transport passes each request through the gate, adds the token if the request goes
// to the server, and records whether it was sent. It has no CloseIdleConnections:
// go-retryablehttp calls that method when a call fails, while others need the
// connections.
type transport struct {
	config *Config
	gate   *gate
	next   http.RoundTripper
	limits Timeouts
	token  string // the canonical name of its header

	http1 atomic.Bool // whether the server's last response came over HTTP/1
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	r, err := runFrom(req.Context())
	if err != nil {
		return nil, err
	}
	a := &r.attempt
	a.sent, a.otherHost = false, ""
	if !SameOrigin(req.URL, t.config.Base) {
		a.otherHost = cmp.Or(req.URL.Host, "without a name") // "" is the server
	}
	s, out := newSending(r, req)
	resp, start, err := t.pass(out, s)
	if start.IsZero() {
		s.cancel()
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &refusal{err}
	}
	if err == nil {
		resp.Request = req // without the token, for callers
	}
	t.report(s, start, resp, err)
	return resp, err
}

func statusOf(resp *http.Response) int {
	if resp == nil {
		return 0
	}
	return resp.StatusCode
}

// pass sends a request once it is admitted. Start is zero if it was not. The gate must
// learn that the request has ended, since others may wait for it: even if the caller's
// limiter or transport panics.
func (t *transport) pass(out *http.Request, s *sending) (resp *http.Response, start time.Time, err error) {
	if s.run.attempt.otherHost == "" {
		defer func() { t.gate.leave(s.run, resp) }()
	}
	if err := t.admit(out, s); err != nil {
		return nil, start, err
	}
	start = time.Now()
	resp, err = t.exchange(out, s)
	return resp, start, err
}

// admit waits until a request to the server may be sent, and adds the token. It removes
// all credentials from a request to another origin.
func (t *transport) admit(out *http.Request, s *sending) error {
	r := s.run
	if out.Header.Get("User-Agent") == "" {
		s.set(out.Header, "User-Agent", t.config.UserAgent)
	}
	if r.attempt.otherHost != "" {
		if out.Body != nil && out.Body != http.NoBody {
			return errors.New("the server redirects to another origin, where a request with a body does not go")
		}
		maps.DeleteFunc(out.Header, func(name string, _ []string) bool { return !mayCrossOrigin(name) })
		r.secrets = append(r.secrets, signature(out.URL)...)
		return nil
	}
	if err := t.gate.enter(s, r); err != nil {
		return err
	}
	for name, value := range t.config.Headers {
		if len(out.Header[name]) == 0 {
			s.set(out.Header, name, value.Reveal())
		}
	}
	if t.config.Sudo != "" {
		s.set(out.Header, "Sudo", t.config.Sudo)
	}
	return t.authorize(out, s)
}

// authorize adds the token to a request to the server.
func (t *transport) authorize(out *http.Request, s *sending) error {
	r, auth := s.run, t.config.Auth
	if auth == nil {
		return nil
	}
	token, err := r.takeToken(s)
	if err != nil {
		return fmt.Errorf("the token source: %w", err)
	}
	if err := auth.Check(token.Reveal()); err != nil {
		return fmt.Errorf("%s: %w", auth.From, err)
	}
	r.secrets = append(r.secrets, token)
	r.token = token
	s.set(out.Header, t.token, auth.Prefix+token.Reveal())
	return nil
}

// takeToken returns the token for the next request: a renewed one after a refusal.
func (r *run) takeToken(ctx context.Context) (secret.Value, error) {
	auth, refused, renewals := r.config.Auth, r.refused, r.renewals
	r.refused, r.renewals = nil, auth.renewals.Load()
	if refused == nil {
		return auth.Token(ctx)
	}
	return auth.renew(ctx, *refused, renewals)
}

// mayCrossOrigin reports whether a header may be sent to another origin. Headers that say what
// is requested may; any other could be a secret.
func mayCrossOrigin(name string) bool {
	return name == "User-Agent" || name == "Range" || strings.HasPrefix(name, "Accept") || strings.HasPrefix(name, "If-")
}

// exchange sends the request, and records whether it may have reached the server.
func (t *transport) exchange(out *http.Request, s *sending) (*http.Response, error) {
	a := &s.run.attempt
	a.sent = true
	if !t.http1.Load() {
		out.GetBody = nil // so that an HTTP/2 error says whether the request was processed
	}
	zipped := t.asksForGzip(out)
	if zipped {
		out.Header["Accept-Encoding"] = []string{"gzip"}
	}
	resp, err := s.roundTrip(t.next, out, &t.limits)
	if err != nil {
		err = s.byAlert(err)
		a.sent = s.mayHaveArrived(err)
		if s.stopped.Load() {
			err = errReplay
		}
		return nil, s.byProxy(err)
	}
	a.reached = true
	if zipped {
		s.unzip(resp)
	}
	if a.otherHost == "" {
		t.http1.Store(resp.ProtoMajor == 1)
	}
	// The error of net/http would quote the whole Location, with its signature.
	if _, err := resp.Location(); err != nil && !errors.Is(err, http.ErrNoLocation) && resp.StatusCode/100 == 3 {
		resp.Body.Close()
		return nil, &refusal{errors.New("the server redirects to something that is not a URL")}
	}
	return resp, nil
}

// asksForGzip reports whether net/http would request a gzipped response by itself, and
// unpack it. A transport of another type may want to see that, too.
func (t *transport) asksForGzip(out *http.Request) bool {
	standard, ok := t.config.Transport.(*http.Transport)
	return ok && !standard.DisableCompression && out.Method != http.MethodHead && out.Header["Accept-Encoding"] == nil && out.Header["Range"] == nil
}

// log logs an exchange.
func (t *transport) log(s *sending, level slog.Level, e Exchange, resp *http.Response) {
	attrs := []slog.Attr{slog.String("method", e.Info.Method), slog.String("endpoint", e.Info.Endpoint)}
	if resp != nil {
		attrs = append(attrs, slog.Int("status", resp.StatusCode))
	}
	attrs = append(attrs, slog.Int("attempt", e.Info.Attempt), slog.Duration("duration", e.Duration))
	if resp != nil {
		attrs = append(attrs, slog.String("request_id", requestID(resp, s.run.secrets)))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	t.config.Logger.LogAttrs(s, level, "gitlabci: request", attrs...)
}

// report logs an exchange and calls the hook.
func (t *transport) report(s *sending, start time.Time, resp *http.Response, err error) {
	status, level := statusOf(resp), slog.LevelInfo
	if err != nil || status == http.StatusTooManyRequests || status >= 500 {
		level = slog.LevelWarn
	}
	isLogged := t.config.Logger.Enabled(s, level)
	if !isLogged && t.config.OnResponse == nil {
		return
	}
	e := Exchange{s.info, time.Since(start), status, secret.ScrubError(err, s.run.secrets)}
	if isLogged {
		t.log(s, level, e, resp)
	}
	if t.config.OnResponse == nil {
		return
	}
	returned := false
	defer func() {
		if !returned && resp != nil { // the hook has panicked, and nobody gets the response
			resp.Body.Close()
		}
	}()
	t.config.OnResponse(s, e)
	returned = true
}
