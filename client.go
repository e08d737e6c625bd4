package gitlabci

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"example.com/gitlabci/internal/rest"
)

// A Client talks to one GitLab server as one user. It is made by [NewClient]
// or [NewClientFromEnv], and may be used by any number of goroutines.
type Client struct {
	Pipelines *PipelinesService
	Jobs      *JobsService
	Artifacts *ArtifactsService

	wire *rest.Client
}

// NewClient returns a client of https://gitlab.com without a token, unless the
// options say otherwise. It sends nothing. Its error names the wrong option.
func NewClient(opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("gitlabci: %w", err)
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
		SetDelay:  setDelay,
	}}
	for _, opt := range opts {
		if opt == nil {
			return nil, errors.New("an Option is nil")
		}
		if err := opt(cfg); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

func newClient(cfg *config) (*Client, error) {
	if cfg.Base == nil {
		cfg.Base = &url.URL{Scheme: "https", Host: "gitlab.com", Path: "/api/v4"}
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("gitlabci: %w", err)
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if cfg.Transport == nil {
		cfg.Transport = rest.DefaultTransport(cfg.Timeouts)
	}
	cfg.hooks.connect(&cfg.Config)
	c := &Client{}
	cfg.Explain = c.explainMove
	c.wire = rest.New(&cfg.Config)
	c.Pipelines = &PipelinesService{c}
	c.Jobs = &JobsService{c}
	c.Artifacts = &ArtifactsService{c}
	return c, nil
}

// check rejects combinations of options.
func (c *config) check() error {
	if c.Sudo != "" && c.Auth == nil {
		return errors.New("WithSudo: acting as another user needs a token")
	}
	if c.Auth != nil && c.Base.Scheme == "http" && !c.insecureHTTP && !rest.IsLoopback(c.Base.Hostname()) {
		return fmt.Errorf("%s: the token would travel over http:// in the clear; use https://, or WithInsecureHTTP to allow it", c.baseFrom)
	}
	return nil
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
	resp, err := c.wire.Do(out, call, nil)
	if err != nil {
		return nil, err
	}
	return resp.Response, nil
}
