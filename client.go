package gitlabci

import (
	"cmp"
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
