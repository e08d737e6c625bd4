package gitlabci

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
)

// A Client talks to one GitLab server as one user. It is made by [NewClient]
// or [NewClientFromEnv], and may be used by any number of goroutines.
type Client struct {
	Pipelines *PipelinesService
	Jobs      *JobsService
	Artifacts *ArtifactsService
	Statuses  *StatusesService
	Triggers  *TriggersService
	Schedules *SchedulesService
	Webhooks  *WebhooksService
	Projects  *ProjectsService

	MergeRequests *MergeRequestsService
	Branches      *BranchesService
	Tags          *TagsService
	Commits       *CommitsService
	Environments  *EnvironmentsService
	Deployments   *DeploymentsService
	Variables     *VariablesService
	Lint          *LintService

	wire    *rest.Client
	config  *config
	created *createdObjects
	turns   *poll.Turns // of watchers that are woken
}

var defaultBase = &url.URL{Scheme: "https", Host: "gitlab.com", Path: "/api/v4"}

// NewClient returns a client of https://gitlab.com without a token, unless the
// options say otherwise. It sends nothing. Its error names the wrong option.
func NewClient(opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, rest.Errorf("%w", err)
	}
	return newClient(cfg)
}

func newConfig(opts []Option) (*config, error) {
	cfg := &config{Config: rest.Config{
		UserAgent: "gitlabci",
		Tries:     5,
		MaxWait:   2 * time.Minute,
		MaxBody:   256 << 20,
		NewError:  newAPIError,
	}, queues: &pool.Queues{}, played: &playedSchedules{}}
	return cfg, cfg.apply(opts)
}

func (c *config) apply(opts []Option) error {
	for _, opt := range opts {
		if opt == nil {
			return errors.New("an Option is nil")
		}
		if err := opt(c); err != nil {
			return err
		}
	}
	return nil
}

// With returns a client of the same server that uses the same transport, but waits for
// rate limits of its own. It has the options of c, changed by opts: typically another
// token, or another user by [WithSudo]. Without a token option, it has the token of c; with
// one, the user of WithSudo is not kept. [WithMiddleware] wraps what c has. WithBaseURL,
// WithTransport and WithTLSConfig are errors. A limiter given by [WithRateLimiter] is
// shared unless opts have another one.
func (c *Client) With(opts ...Option) (*Client, error) {
	cfg := *c.config
	cfg.isShared = true
	cfg.Headers = maps.Clone(cfg.Headers)
	cfg.transport = transportConfig{given: cfg.Transport, inner: cfg.transport.inner}
	cfg.Auth, cfg.Sudo = nil, ""
	if err := cfg.apply(opts); err != nil {
		return nil, rest.Errorf("%w", err)
	}
	if cfg.Auth == nil {
		cfg.Auth, cfg.Sudo = c.config.Auth, cmp.Or(cfg.Sudo, c.config.Sudo)
	}
	return newClient(&cfg)
}

func newClient(cfg *config) (*Client, error) {
	cfg.Base = cmp.Or(cfg.Base, defaultBase)
	if err := cfg.check(); err != nil {
		return nil, rest.Errorf("%w", err)
	}
	if err := cfg.connect(); err != nil {
		return nil, rest.Errorf("%w", err)
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	cfg.hooks.connect(&cfg.Config)
	c := &Client{config: cfg, created: &createdObjects{}, turns: &poll.Turns{}}
	cfg.Explain = c.explainMove
	c.wire = rest.New(&cfg.Config)
	c.Pipelines = &PipelinesService{c}
	c.Jobs = &JobsService{c}
	c.Artifacts = &ArtifactsService{c}
	c.Statuses = &StatusesService{c}
	c.Triggers = &TriggersService{c}
	c.Schedules = &SchedulesService{c}
	c.Webhooks = &WebhooksService{c}
	c.Projects = &ProjectsService{c}
	c.MergeRequests = &MergeRequestsService{c}
	c.Environments, c.Deployments = &EnvironmentsService{c}, &DeploymentsService{c}
	c.Branches, c.Tags, c.Commits = &BranchesService{c}, &TagsService{c}, &CommitsService{c}
	c.Variables = &VariablesService{c}
	c.Lint = &LintService{c}
	return c, nil
}

// check rejects combinations of options.
func (c *config) check() error {
	if c.Sudo != "" && c.Auth == nil {
		return errors.New("WithSudo: acting as another user needs a token")
	}
	err := error(nil)
	switch {
	case c.Auth != nil:
		err = c.checkClear("the token")
	case len(c.Headers) > 0:
		err = c.checkClear("the headers of WithHeader")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.baseFrom, err)
	}
	return nil
}

// checkClear rejects a secret that anybody on the way to the server could read.
func (c *config) checkClear(what string) error {
	if c.Base.Scheme != "http" || c.insecureHTTP || rest.IsLoopback(c.Base.Hostname()) {
		return nil
	}
	return fmt.Errorf("%s would travel over http:// in the clear; use https://, or WithInsecureHTTP to allow it", what)
}

// Do sends a request to any other endpoint of the server, with the client's
// token, rate limit, time limits and retries. The URL is a path below /api/v4,
// such as "/projects/7/merge_requests", with a query if need be. Headers for
// credentials, for another method or for the connection are refused.
//
// GET, HEAD and DELETE are retried as the service methods are. Other methods are
// retried only if the request was not sent or not executed, and if its body can be
// read again (http.NewRequest takes care of that for the common readers).
// A redirect of a GET or HEAD to another origin is followed without credentials.
// If it leads to the API under another host name of the server, the request is
// sent to the base URL instead.
//
// A response other than 2xx, or 304 for a conditional request, is an [*APIError].
// The caller closes the body of any other response. A DELETE that finds its object
// gone after a lost response returns that 404 without an error.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if req == nil {
		return nil, rest.Invalidf("Do", "the request is nil")
	}
	out, call, err := c.wire.Adopt(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, rest.Invalid("Do", err)
	}
	resp, err := c.wire.Do(out, call)
	if err != nil {
		return nil, err
	}
	return resp.Response, nil
}

// RoundTripper returns a transport for another client of the same server, so that both run
// on one: with this client's token in place of any other, its rate limits, its time
// limits and its rules of redirects. A response with any status is returned, and the other
// client decides what to retry. Requests to other servers, or outside the API, are errors
// that match [ErrNotSent].
//
//	other, err := gitlab.NewClient("", gitlab.WithHTTPClient(&http.Client{Transport: client.RoundTripper()}))
func (c *Client) RoundTripper() http.RoundTripper { return roundTripper{c.wire} }

type roundTripper struct{ wire *rest.Client }

func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.wire.RoundTrip(req)
}

// A transportConfig is what the options say of the transport.
type transportConfig struct {
	given http.RoundTripper // by WithTransport; nil for the default
	tls   *tls.Config       // for the default
	wraps []func(http.RoundTripper) http.RoundTripper
	inner http.RoundTripper // below the middleware, once the client is made
}

// WithTransport sends requests through transport, for proxies or tracing. The default is
// [DefaultTransport].
//
// A transport sees the token and must not store it. It also sees the requests to a
// storage, to which the server redirects files: their URLs are signed and must not be
// logged, and a header that the transport adds reaches the storage as well. See
// [RequestInfo.Storage], and [WithHeader] for headers that only the server receives.
//
// Each client without WithTransport has a default transport with connections of its own.
// Programs that make many clients should give each of them the same transport, or make them
// by [Client.With].
//
// A transport need not retry, follow redirects or limit time: the client does. It may
// make requests of its own, for example for a token, but it must not send the same
// request twice: the second one is stopped.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("WithTransport: the transport is nil")
		}
		if c.isShared {
			return errors.New("WithTransport: the transport is that of the first client")
		}
		c.transport.given = transport
		return nil
	}
}

// DefaultTransport returns a new transport like the one that a client without
// [WithTransport] uses, to be changed and given to WithTransport. It uses the proxy
// settings of the environment, supports HTTP/2, allows 10 seconds to connect and 10 for
// TLS, and keeps up to 32 idle connections to a host, for 30 seconds.
func DefaultTransport() *http.Transport { return rest.DefaultTransport(rest.Timeouts{}) }

// WithMiddleware wraps the transport of any option, for example to trace or count requests.
// The rules of [WithTransport] apply to the returned transport. If WithMiddleware is given
// several times, each wraps the one before. By default, the transport is not wrapped.
func WithMiddleware(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(c *config) error {
		if wrap == nil {
			return errors.New("WithMiddleware: the function is nil")
		}
		c.transport.wraps = append(c.transport.wraps, wrap)
		return nil
	}
}

// WithTLSConfig sets the TLS configuration of the default transport, for example to trust
// more certificates, or for a client certificate. It is an error together with
// [WithTransport]: set the TLSClientConfig of that transport. The configuration applies
// to connections to a storage, too. The default trusts the system's certificates.
//
// If a server refuses a missing or wrong client certificate, the error of a call says so
// and matches [ErrNotSent]. With TLS 1.3, the operating system can drop that message: the
// error is then that of a broken connection, which for a write matches
// [ErrOutcomeUnknown], since it looks like a lost response.
func WithTLSConfig(tls *tls.Config) Option {
	return func(c *config) error {
		if tls == nil {
			return errors.New("WithTLSConfig: the configuration is nil")
		}
		if c.isShared {
			return errors.New("WithTLSConfig: the transport is that of the first client")
		}
		c.transport.tls = tls.Clone()
		return nil
	}
}

// Timeouts limit how long a server may take; see [WithTimeouts]. The zero value of each
// means its default, and a negative value means no limit.
type Timeouts struct {
	// Connect is the time to connect, and again the time for the TLS handshake. It
	// applies to the default transport only. The default is 10 seconds.
	Connect time.Duration

	// FirstByte is the time from the request to the header of its response. The default
	// is 120 seconds.
	FirstByte time.Duration

	// Silence is the longest time in which no byte of a body arrives. Files and logs
	// must also arrive at 1 KiB in each minute, or in each Silence if that is longer.
	// The default is 60 seconds.
	Silence time.Duration

	// Response is the time for the whole body of a JSON response or of an error. It
	// does not apply to files, to logs, to [PipelinesService.TestCases], and to
	// responses of [Client.Do]. The default is 10 minutes.
	Response time.Duration
}

// WithTimeouts limits how long the server may take for one attempt. An attempt that takes
// longer is retried as after any failure, and then ends with [ErrStalled]. A call as a
// whole is limited by its context only.
func WithTimeouts(timeouts Timeouts) Option {
	return func(c *config) error {
		c.Timeouts = rest.Timeouts(timeouts)
		return nil
	}
}

// connect makes the transport that the options describe.
func (c *config) connect() error {
	t := &c.transport
	switch {
	case t.given != nil && t.tls != nil:
		return errors.New("WithTLSConfig: it is for the default transport; set the TLSClientConfig of the one given to WithTransport")
	case t.given == nil:
		ours := rest.DefaultTransport(c.Timeouts)
		ours.TLSClientConfig = t.tls
		t.given = ours
	}
	if t.inner == nil {
		t.inner = t.given
	}
	c.Transport = t.given
	for _, wrap := range t.wraps {
		c.Transport = wrap(c.Transport)
		if c.Transport == nil {
			return errors.New("WithMiddleware: the function returned nil")
		}
	}
	return nil
}

// CloseIdleConnections closes the connections of the client's transport that no request
// uses. Clients with the same transport share them; see [Client.With].
func (c *Client) CloseIdleConnections() {
	for _, transport := range []http.RoundTripper{c.config.Transport, c.config.transport.inner} {
		if closer, ok := transport.(interface{ CloseIdleConnections() }); ok {
			closer.CloseIdleConnections()
			return // since the outer one closes those of the inner one
		}
	}
}
