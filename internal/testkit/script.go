// Package testkit has what the tests of several packages share: servers that
// follow a script or break the protocol, canned responses, files and archives, and
// tables of the client's methods.
//
// It is handed a [testing.TB] and options of a client. It is the one package under
// internal that imports the root, so only tests may import it. It never
// decides whether a response was right: the tests do.
package testkit

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/memnet"
)

// The host of a [Script], and the token of its client.
const (
	Host  = "gitlab.example.com"
	Token = "glpat-invented"
)

// A Script is a server that responds to the first request with its first step, to
// the next one with the next step, and to all further ones with the last.
type Script struct {
	Steps   []http.HandlerFunc
	Network memnet.Network

	mu       sync.Mutex
	Requests []*http.Request // complete once the client has finished; see Received
	Bodies   []string        // one for each request
}

// NewScript returns a script that runs at [Host] of its own network.
func NewScript(steps ...http.HandlerFunc) *Script {
	s := &Script{Steps: steps}
	s.Network.Handle(Host, s)
	return s
}

func (s *Script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	step := s.Steps[min(len(s.Requests), len(s.Steps)-1)]
	s.Requests = append(s.Requests, r)
	s.Bodies = append(s.Bodies, string(body))
	s.mu.Unlock()
	step(w, r)
}

// Received returns the requests that have arrived.
func (s *Script) Received() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Requests
}

// Client returns a client of the script with a token.
func (s *Script) Client(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	return s.Anonymous(t, append([]gitlabci.Option{gitlabci.WithToken(Token)}, opts...)...)
}

// Anonymous returns a client of the script without a token.
func (s *Script) Anonymous(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	client, err := gitlabci.NewClient(append([]gitlabci.Option{
		gitlabci.WithBaseURL("https://" + Host), gitlabci.WithTransport(s.Network.Transport()),
	}, opts...)...)
	require.NoError(t, err)
	return client
}

// The host of an object storage, and a signed URL there.
const (
	StorageHost = "storage.example.net"
	Signature   = "X-Signature=c2lnbmVk"
	StorageURL  = "https://" + StorageHost + "/bucket/answer.json?" + Signature
)

// Redirected returns a script that redirects every request to location, with a
// second one at [StorageHost].
func Redirected(status int, location string, storage http.HandlerFunc) (api, elsewhere *Script) {
	api = NewScript(Respond(status, ``, "Location", location))
	elsewhere = NewScript(storage)
	api.Network.Handle(StorageHost, elsewhere)
	return api, elsewhere
}

// OneRequest is the only request that reached s.
func OneRequest(t *testing.T, s *Script) *http.Request {
	t.Helper()
	require.Len(t, s.Received(), 1)
	return s.Received()[0]
}

// RequireNotSent checks that a call ended before it was sent.
func RequireNotSent(t *testing.T, s *Script, err error) {
	t.Helper()
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	require.Regexp(t, "^gitlabci: ", err.Error())
	require.Empty(t, s.Received())
}
