package gitlabci

import (
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"example.com/gitlabci/internal/rest"
)

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
		if c.Transport = wrap(c.Transport); c.Transport == nil {
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
