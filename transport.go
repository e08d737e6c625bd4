package gitlabci

import (
	"errors"
	"net/http"
)

// WithTransport sends requests through transport, for proxies, TLS settings or tracing.
// A transport sees the token and must not store it. It need not retry, follow redirects
// or limit time: the client does. The default uses the proxy settings of the
// environment, supports HTTP/2, and keeps idle connections for 30 seconds.
//
// A transport may make requests of its own, for example for a token, but it must
// not send the same request twice: the second one is stopped.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("WithTransport: the transport is nil")
		}
		c.Transport = transport
		return nil
	}
}
