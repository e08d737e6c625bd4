// Package rest makes one call to the server: it builds the request, passes it through
// the rate limits, sends it, judges the response, retries, waits, and turns anything but
// a success into an error.
//
// It gets a configuration, and functions that make the public errors and call the hooks. It
// knows HTTP and how GitLab uses it, but none of GitLab's objects. It never retries a
// request that may have been executed unless repeating it changes nothing more, and it
// never sends a credential to another origin.
//
// A call passes the files in this order: call.go builds the request, do.go has
// go-retryablehttp send it, transport.go takes each attempt through gate.go, adds the
// token and observes it (sending.go), redirects.go decides where it may be redirected,
// judge.go decides what follows, and failure.go says what went wrong. timeouts.go ends requests
// to servers that fall silent, and wait.go says how long to wait.
package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/secret"
)

// A Config configures a [Client]. Fields are required unless their comment says
// otherwise.
type Config struct {
	Base      *url.URL // with /api/v4
	Auth      *Auth    // nil without a token
	Sudo      string   // the user to act as, or ""
	Transport http.RoundTripper
	UserAgent string
	Logger    *slog.Logger
	Limiter   Limiter // or nil
	Tries     int     // at most, the first attempt included
	MaxWait   time.Duration
	Timeouts  Timeouts
	Headers   map[string]secret.Value // for the server alone, by their canonical names
	MaxBody   int64                   // of a JSON response, in bytes

	OnWait     func(context.Context, Wait)     // or nil
	OnResponse func(context.Context, Exchange) // or nil

	NewError func(*Failure) error // makes the public error of a response

	// Explain may add to the error of a write what another read finds out, or is nil.
	// The text it adds must have been returned by printable.
	Explain func(ctx context.Context, write *Call, err error, printable func(string) string)
}

// An Auth is the one credential of a client, or of several.
type Auth struct {
	From   string // the option or variable that gave it
	Header string
	Prefix string
	Token  func(context.Context) (secret.Value, error)
	Check  func(token string) error // rejects what cannot be a token
	Fresh  bool                     // calling Token again can return another one

	once     sync.Once
	turn     chan struct{} // of the caller that renews the token
	renewed  secret.Value  // the last token that was renewed; whose turn it is has it
	renewals atomic.Int64  // how often that was
}

type refusedKey struct{}

// RefusedIn returns the mark of the token that the server has refused, from the context
// of a call of [Auth.Token], or "".
func RefusedIn(ctx context.Context) string {
	mark, _ := ctx.Value(refusedKey{}).(string)
	return mark
}

// mark identifies a token without revealing it.
func mark(token secret.Value) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:8])
}

// renew returns a token in place of one that the server has refused, which was taken
// after so many renewals. If many callers have the same refused token, only the first one
// renews it; the others wait for the new token and share it.
func (a *Auth) renew(ctx context.Context, refused secret.Value, renewals int64) (secret.Value, error) {
	a.once.Do(func() { a.turn = make(chan struct{}, 1) })
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return refused, Ended(ctx)
	}
	if a.renewals.Load() > renewals && a.renewed.Reveal() != refused.Reveal() {
		return a.renewed, nil
	}
	token, err := a.Token(context.WithValue(ctx, refusedKey{}, mark(refused)))
	if err == nil && token.Reveal() != refused.Reveal() {
		a.renewed = token
		a.renewals.Add(1)
	}
	return token, err
}

// A Limiter delays requests.
type Limiter interface{ Wait(context.Context) error }

// An Info is the call that a request belongs to.
type Info struct {
	Method   string
	Endpoint string // a template
	Attempt  int    // from 1
	Storage  bool   // the request goes to another origin than the server's
}

// A Wait is a wait that is about to begin.
type Wait struct {
	Info   Info
	Reason string // one of the constants
	Length time.Duration
}

// An Exchange is an attempt that has ended.
type Exchange struct {
	Info     Info
	Duration time.Duration
	Status   int // 0 without a response
	Err      error
}

// A Client makes calls to one server. Any number of goroutines may use it.
type Client struct {
	config *Config
	base   *url.URL // as net/http has that of the configuration
	gate   *gate
	http   *http.Client
}

// New returns a client. The configuration must not be changed afterwards.
func New(config *Config) *Client {
	base, err := url.Parse(config.Base.String())
	if err != nil {
		base = config.Base // with which no request can be sent
	}
	base.Host = strings.TrimSuffix(base.Host, ":")
	c := &Client{config: config, base: base, gate: &gate{limiter: config.Limiter, lowPriority: make(chan struct{}, 1)}}
	way := &transport{config: config, gate: c.gate, next: config.Transport, limits: config.Timeouts.filled()}
	if config.Auth != nil {
		way.token = http.CanonicalHeaderKey(config.Auth.Header)
	}
	c.http = &http.Client{
		Transport: way,
		// A jar is left out on purpose: cookies are credentials of browsers.
		CheckRedirect: checkRedirect,
	}
	return c
}

// IsPaused reports whether the server has requested a pause that is not over. Requests that
// are made now wait for its end.
func (c *Client) IsPaused() bool { return c.gate.isPaused() }

// Config returns the configuration, which must not be changed.
func (c *Client) Config() *Config { return c.config }

type infoKey struct{}

// InfoFrom returns the Info of the request with a context, and false if no client
// sent it.
func InfoFrom(ctx context.Context) (Info, bool) {
	info, ok := ctx.Value(infoKey{}).(Info)
	return info, ok
}
