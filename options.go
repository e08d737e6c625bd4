package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// An Option configures a [Client]; see [NewClient].
type Option func(*config) error

// A config is the configuration of one client.
type config struct {
	rest.Config
	baseFrom     string // the option or variable that gave Base
	insecureHTTP bool
	hooks        Hooks
	transport    transportConfig
	isTokenOfJob bool         // Auth is the token of the job that this program runs in
	isShared     bool         // another client has the same server and transport; see Client.With
	queues       *pool.Queues // of calls about the same object; shared by all clients made by With
	played       *playedSchedules
}

// A RateLimiter delays requests, for instance a [rate.Limiter].
//
// [rate.Limiter]: https://pkg.go.dev/golang.org/x/time/rate#Limiter
type RateLimiter interface {
	// Wait returns nil when one more request may be sent. An error ends the call.
	Wait(context.Context) error
}

// Hooks are functions that a client calls, for metrics. Each may be nil. A hook runs on
// the goroutine that sends the request, which waits for it. That is the goroutine of the
// call, except in calls that send concurrent requests, such as lists with a Prefetch, Tree,
// Extract, Run and DeleteEach. Hooks run concurrently. If one panics, the call panics on
// the goroutine of its caller. Its context is that of the call.
type Hooks struct {
	// OnWait is called before each wait.
	OnWait func(context.Context, WaitInfo)

	// OnResponse is called after each request, including those without a response,
	// those that are retried, and those to a storage.
	OnResponse func(context.Context, ResponseInfo)
}

// A WaitInfo is a wait that is about to begin.
type WaitInfo struct {
	Request RequestInfo // the last one before the wait
	Reason  WaitReason

	// Duration is how long the wait takes. It is 0 if that is unknown: after a pause,
	// one request is sent first, and the others wait for its response.
	Duration time.Duration
}

// A WaitReason is why a call waits.
type WaitReason string

// The reasons of waits.
const (
	WaitReasonRetry     WaitReason = rest.ReasonRetry     // an attempt has failed and is retried
	WaitReasonRateLimit WaitReason = rest.ReasonRateLimit // GitLab has responded with 429, to this call or another, or allows no more requests now
	WaitReasonLock      WaitReason = rest.ReasonLock      // GitLab is changing the same object just now
)

// A ResponseInfo says how a request ended.
type ResponseInfo struct {
	Request  RequestInfo
	Duration time.Duration // until the header of the response, or the error
	Status   int           // such as 200; 0 without a response
	Err      error         // why there is no response; nil if there is one
}

// A RequestInfo says which call a request belongs to.
type RequestInfo struct {
	Method   string
	Endpoint string // a template such as "/projects/:id/pipelines/:pipeline_id"; for [Client.Do] the path
	Attempt  int    // 1 is the first
	Storage  bool   // the request goes to another origin than the server's, such as an object storage
}

// RequestInfoFrom returns to a [http.RoundTripper] given to [WithTransport], or to a
// token source or rate limiter, which call the request with this context belongs
// to. It is false for requests that no [Client] sent.
func RequestInfoFrom(ctx context.Context) (RequestInfo, bool) {
	info, ok := rest.InfoFrom(ctx)
	return RequestInfo(info), ok
}

// connect has the engine call the hooks.
func (h Hooks) connect(c *rest.Config) {
	c.OnWait, c.OnResponse = nil, nil
	if h.OnWait != nil {
		c.OnWait = func(ctx context.Context, w rest.Wait) {
			h.OnWait(ctx, WaitInfo{RequestInfo(w.Info), WaitReason(w.Reason), w.Length})
		}
	}
	if h.OnResponse != nil {
		c.OnResponse = func(ctx context.Context, e rest.Exchange) {
			h.OnResponse(ctx, ResponseInfo{RequestInfo(e.Info), e.Duration, e.Status, e.Err})
		}
	}
}

// WithBaseURL sets the URL of the server, such as "https://gitlab.example.com". It can
// have a path, for a server below one; /api/v4 at its end is optional. The host must be
// ASCII: write an internationalized name in its "xn--" form. The default is
// https://gitlab.com.
func WithBaseURL(url string) Option {
	return func(c *config) error { return c.setBase("WithBaseURL", url) }
}

func (c *config) setBase(from, text string) error {
	if c.isShared {
		return fmt.Errorf("%s: the server is that of the first client", from)
	}
	base, err := parseBase(text)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	c.Base, c.baseFrom = base, from
	return nil
}

// parseBase does not repeat the text in its errors: it can hold a password.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	scheme, _, found := strings.Cut(text, "://")
	switch {
	case !found:
		return nil, errors.New("the URL has no scheme; put https:// before it")
	case rest.LowerASCII(scheme) != "https" && rest.LowerASCII(scheme) != "http":
		return nil, errors.New("the URL's scheme is neither https nor http")
	case err != nil:
		return nil, errors.New("this is not a URL")
	case base.User != nil:
		return nil, errors.New("the URL has user info; give the token by an option of its own")
	case base.Hostname() == "":
		return nil, errors.New("the URL has no host")
	case !rest.IsASCII(base.Host):
		return nil, errors.New(`the URL's host is not ASCII; write its ASCII form, which begins with "xn--"`)
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("the URL has a query or a fragment")
	case rest.HasDotSegment(base.EscapedPath()):
		return nil, errors.New(`the URL's path has a "." or a ".."`)
	}
	root := strings.TrimRight(base.EscapedPath(), "/")
	root = strings.TrimRight(strings.TrimSuffix(root, "/api/v4"), "/")
	host := base.Host
	if !strings.Contains(host, "%") { // of a zone, whose case matters
		host = rest.LowerASCII(host) // as net/http compares it to decide whether a proxy is bypassed
	}
	return url.Parse(base.Scheme + "://" + host + root + "/api/v4")
}

// WithToken sends a personal, project or group access token. Without a token, which is
// the default, only public projects can be read. A client has one token.
func WithToken(token string) Option {
	return fixedToken("WithToken", "PRIVATE-TOKEN", "", token)
}

// WithJobToken sends the token of a CI job, CI_JOB_TOKEN. GitLab accepts it only for few
// endpoints, and only until the job ends. A client has one token; the default is none.
func WithJobToken(token string) Option {
	return fixedToken("WithJobToken", "JOB-TOKEN", "", token)
}

// WithOAuthToken sends an OAuth 2.0 access token. GitLab's expire after two hours; see
// [WithTokenSource]. A client has one token; the default is none.
func WithOAuthToken(token string) Option {
	return fixedToken("WithOAuthToken", "Authorization", "Bearer ", token)
}

// WithTokenSource sends the OAuth 2.0 token that source returns. Source is called before
// each request, so it should cache its token. After a 401, a call is retried once with the
// token that source returns then, independent of [WithRetries]. Source should renew its
// token if [TokenRefused] is not "". An error of source ends the call. A client has one
// token; the default is none.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(c *config) error {
		if source == nil {
			return errors.New("WithTokenSource: the function is nil")
		}
		token := func(ctx context.Context) (secret.Value, error) {
			text, err := source(ctx)
			return secret.New(text), err
		}
		return c.setAuth(&rest.Auth{From: "WithTokenSource", Header: "Authorization", Prefix: "Bearer ", Token: token, Check: checkToken, Fresh: true})
	}
}

// TokenRefused returns, from the context that a source given to [WithTokenSource] is
// called with, "" unless GitLab has refused the token it returned before. Then source
// should return another one, not the one it caches. If many calls had the same token
// refused, source is called so once, and the others wait for its token and share it.
//
// The text identifies the refused token, for a source that several clients use: the first
// 16 hexadecimal digits of its SHA-256.
func TokenRefused(ctx context.Context) string { return rest.RefusedIn(ctx) }

func fixedToken(from, header, prefix, token string) Option {
	return func(c *config) error {
		if err := checkToken(token); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		kept := secret.New(token)
		return c.setAuth(&rest.Auth{From: from, Header: header, Prefix: prefix, Check: checkToken, Token: func(context.Context) (secret.Value, error) {
			return kept, nil
		}})
	}
}

func (c *config) setAuth(a *rest.Auth) error {
	if c.Auth != nil {
		return fmt.Errorf("%s: %s gave a token already; a client has one", a.From, c.Auth.From)
	}
	c.Auth = a
	return nil
}

// checkToken rejects characters that no token has and that a header must not have:
// most often the newline at the end of a file.
func checkToken(token string) error {
	if token == "" {
		return errors.New("the token is empty")
	}
	for _, b := range []byte(token) {
		if b <= ' ' || b >= 0x7f {
			return errors.New("the token has a newline, a space or another character that no token has")
		}
	}
	return nil
}

// WithSudo acts as another user, given by name or number. It needs the token
// of an administrator with the scope sudo. The default is the token's owner.
//
// See https://docs.gitlab.com/api/rest/authentication/#sudo.
func WithSudo(user string) Option {
	return func(c *config) error {
		if err := checkHeader(user); err != nil {
			return fmt.Errorf("WithSudo: the user %w", err)
		}
		c.Sudo = user
		return nil
	}
}

func checkHeader(value string) error {
	if value == "" {
		return errors.New("is empty")
	}
	if rest.HasControl(value) {
		return errors.New("has a newline or another control character")
	}
	return nil
}

// WithInsecureHTTP allows the token to be sent over http:// to another machine. Others on
// the network can then read it. By default, [NewClient] returns an error.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecureHTTP = true
		return nil
	}
}

// WithUserAgent sets the User-Agent header, which GitLab logs. The default is
// "gitlabci".
func WithUserAgent(name string) Option {
	return func(c *config) error {
		if err := checkHeader(name); err != nil {
			return fmt.Errorf("WithUserAgent: the name %w", err)
		}
		c.UserAgent = name
		return nil
	}
}

// WithHeader adds a header to each request to the server, for example the secret of an
// access proxy in front of it. A storage, to which the server redirects files, does not
// receive it. The value is treated as a secret: it is not printed, and without
// [WithInsecureHTTP] not sent over http:// to another machine. A name that is given
// again replaces the earlier value. [NewClient] returns an error for the names of
// credentials and of headers that the client or the connection sets, such as Accept,
// in any spelling. By default, no headers are added.
func WithHeader(name, value string) Option {
	return func(c *config) error {
		if err := checkHeader(value); err != nil {
			return fmt.Errorf("WithHeader: the value %w", err)
		}
		if err := rest.CheckOwnHeader(name, value); err != nil {
			return fmt.Errorf("WithHeader: %w", err)
		}
		if c.Headers == nil {
			c.Headers = map[string]secret.Value{}
		}
		c.Headers[http.CanonicalHeaderKey(name)] = secret.New(value)
		return nil
	}
}

// WithLogger logs each response (method, endpoint, status, attempt, duration and
// request ID) and each wait, at level Info; errors, 429 and 5xx at level Warn; and at
// level Debug the paths of fields whose values have another type than expected.
// Tokens, headers, queries and bodies are never logged. The default logs nothing.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return errors.New("WithLogger: the logger is nil")
		}
		c.Logger = logger
		return nil
	}
}

// WithHooks calls hooks after each request and before each wait. The default is none.
func WithHooks(hooks Hooks) Option {
	return func(c *config) error {
		c.hooks = hooks
		return nil
	}
}

// WithRetries sets how many times a failed call is retried if that is safe. 0 is never;
// the default is 4, which makes 5 attempts. Over HTTP/1, a read can be sent one more time
// if a kept-alive connection turns out to be closed.
func WithRetries(max int) Option {
	return func(c *config) error {
		if max < 0 {
			return fmt.Errorf("WithRetries: %d is negative", max)
		}
		c.Tries = 1 + min(max, math.MaxInt-2) // a renewed token makes one more
		return nil
	}
}

// WithMaxWait sets the longest single wait inside a call, including one that GitLab
// requests by Retry-After, of this call or of the whole client. A call that would have to
// wait longer fails immediately, and its error says how long. 0 allows no wait; the default
// is 2 minutes.
func WithMaxWait(wait time.Duration) Option {
	return func(c *config) error {
		if wait < 0 {
			return fmt.Errorf("WithMaxWait: %v is negative", wait)
		}
		c.MaxWait = wait
		return nil
	}
}

// WithMaxAnswer sets the size of the largest JSON response that is read, in bytes. A
// larger one is an error. For [PipelinesService.TestCases], it limits each test case
// instead. The default is 256 MiB.
//
// A smaller response is still an error if, once decoded, it would take more than
// 64 MiB of memory and more than eight times its own bytes. So is a list, or a page
// of one, with more than 10,000 elements.
func WithMaxAnswer(bytes int64) Option {
	return func(c *config) error {
		if bytes < 1 {
			return fmt.Errorf("WithMaxAnswer: %d bytes is no room for a response", bytes)
		}
		c.MaxBody = min(bytes, math.MaxInt64-1)
		return nil
	}
}

// WithRateLimiter calls limiter before each request to the server, including retries and
// redirects, and after any pause that GitLab requests. [WithMaxWait] does not limit how
// long it waits, and its waits are neither logged nor passed to hooks. An error of
// limiter ends the call, whose error matches it. The default is no limiter.
func WithRateLimiter(limiter RateLimiter) Option {
	return func(c *config) error {
		if limiter == nil {
			return errors.New("WithRateLimiter: the limiter is nil")
		}
		c.Limiter = limiter
		return nil
	}
}
