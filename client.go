package gitlabci

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
)

// A Client talks to one GitLab server as one user. It is made by [NewClient]
// or [NewClientFromEnv], and may be used by any number of goroutines.
type Client struct {
	Pipelines *PipelinesService
	Jobs      *JobsService
	Artifacts *ArtifactsService

	config *config
	http   *http.Client
}

// NewClient returns a client of https://gitlab.com without a token, unless the
// options say otherwise. Nothing is sent yet. An error names the option that
// is wrong.
func NewClient(opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("gitlabci: %w", err)
	}
	return newClient(cfg)
}

func newConfig(opts []Option) (*config, error) {
	cfg := &config{
		userAgent: "gitlabci",
		tries:     5,
		maxWait:   2 * time.Minute,
		maxAnswer: 256 << 20,
	}
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
	if cfg.base == nil {
		cfg.base = &url.URL{Scheme: "https", Host: "gitlab.com", Path: "/api/v4"}
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("gitlabci: %w", err)
	}
	cfg.logger = cmp.Or(cfg.logger, slog.New(slog.DiscardHandler))
	if cfg.transport == nil {
		cfg.transport = defaultTransport()
	}
	c := &Client{config: cfg}
	c.http = &http.Client{
		Transport: &transport{config: cfg, gate: &gate{limiter: cfg.limiter}, next: &timed{cfg.transport}},
		// A jar is left out on purpose: cookies are credentials of browsers.
		CheckRedirect: checkRedirect,
	}
	c.Pipelines = &PipelinesService{c}
	c.Jobs = &JobsService{c}
	c.Artifacts = &ArtifactsService{c}
	return c, nil
}

// check finds what no single option can.
func (c *config) check() error {
	if c.sudo != "" && c.auth == nil {
		return errors.New("WithSudo: acting as another user needs a token")
	}
	if c.auth != nil && c.base.Scheme == "http" && !c.insecureHTTP && !rest.IsLoopback(c.base.Hostname()) {
		return fmt.Errorf("%s: the token would travel over http:// in the clear; use https://, or WithInsecureHTTP to allow it", c.baseFrom)
	}
	return nil
}

// Do sends a request to any other endpoint of the server, with the client's
// token, rate limit, time limits and retries. The URL is a path below /api/v4,
// such as "/projects/7/merge_requests", with a query if need be.
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
		return nil, &inputError{"Do", errors.New("the request is nil")}
	}
	out, cl, err := c.adopt(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &inputError{"Do", err}
	}
	return c.do(out, cl, nil)
}

// adopt makes a request of the caller's one of ours, without changing it.
func (c *Client) adopt(req *http.Request) (*http.Request, *call, error) {
	if req.URL == nil {
		return nil, nil, errors.New("the request has no URL")
	}
	escaped := "/" + strings.TrimPrefix(req.URL.EscapedPath(), "/")
	if err := checkPath(req.URL, escaped); err != nil {
		return nil, nil, err
	}
	if err := checkHeaders(req.Header); err != nil {
		return nil, nil, err
	}
	template, err := http.NewRequest(req.Method, c.config.base.String()+escaped, nil)
	if err != nil {
		return nil, nil, rest.Bare(err)
	}
	out := req.Clone(req.Context())
	out.Method, out.URL, out.Host, out.RequestURI = template.Method, template.URL, "", ""
	out.URL.RawQuery = req.URL.RawQuery
	return out, &call{
		method:       out.Method,
		path:         path{escaped: escaped, template: escaped},
		raw:          true,
		once:         out.Method != http.MethodGet && out.Method != http.MethodHead && out.Method != http.MethodDelete,
		unrepeatable: out.Body != nil && out.Body != http.NoBody && out.GetBody == nil,
	}, nil
}

// checkPath finds what would take a request out of the API.
func checkPath(target *url.URL, escaped string) error {
	if target.Scheme != "" || target.Host != "" || target.User != nil {
		return errors.New("the URL has a scheme or a host; give the path below /api/v4")
	}
	if target.Opaque != "" {
		return errors.New("the URL has no path")
	}
	if climbs(escaped) {
		return fmt.Errorf("the path %q has a \".\" or a \"..\"", escaped)
	}
	return nil
}

// notTheCallers are the headers that say who asks, and those whose mere
// presence makes net/http send a request twice.
var notTheCallers = []string{
	"Authorization", "Private-Token", "Job-Token", "Deploy-Token", "Sudo", "Cookie",
	"Idempotency-Key", "X-Idempotency-Key",
}

// checkHeaders finds what a caller's request must not carry, however it is
// spelt.
func checkHeaders(header http.Header) error {
	for name, values := range header {
		if canonical := http.CanonicalHeaderKey(name); slices.Contains(notTheCallers, canonical) {
			return fmt.Errorf("the request has the header %s, which is not the caller's to set", canonical)
		}
		if name == "" || strings.ContainsFunc(name, notToken) || slices.ContainsFunc(values, hasControl) {
			return fmt.Errorf("the header %q has a newline or another character that headers must not have", name)
		}
	}
	return nil
}

// notToken reports whether r must not be in a header's name, by RFC 9110.
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// hasControl reports whether a header's value has what would end it, or worse.
func hasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
