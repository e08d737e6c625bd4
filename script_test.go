package gitlabci_test

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

const (
	scriptHost  = "gitlab.example.com"
	scriptToken = "glpat-invented"
)

// A script is a server that answers the first request by its first step, the
// next one by the next, and all further ones by the last.
type script struct {
	steps   []http.HandlerFunc
	network memnet.Network

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newScript(steps ...http.HandlerFunc) *script {
	s := &script{steps: steps}
	s.network.Handle(scriptHost, s)
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	step := s.steps[min(len(s.requests), len(s.steps)-1)]
	s.requests = append(s.requests, r)
	s.bodies = append(s.bodies, string(body))
	s.mu.Unlock()
	step(w, r)
}

func (s *script) received() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// client returns a client of the script with a token.
func (s *script) client(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	return s.anonymous(t, append([]gitlabci.Option{gitlabci.WithToken(scriptToken)}, opts...)...)
}

// anonymous returns a client of the script without a token.
func (s *script) anonymous(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	client, err := gitlabci.NewClient(append([]gitlabci.Option{
		gitlabci.WithBaseURL("https://" + scriptHost), gitlabci.WithTransport(s.network.Transport()),
	}, opts...)...)
	require.NoError(t, err)
	return client
}

// answer is a step: a status, a body and pairs of header names and values.
func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// ok answers any call of this package that expects an object.
var ok = answer(http.StatusOK, `{"id":7}`)

// reset is a step: the connection breaks before there is an answer.
func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// breakOff is a step: the connection breaks within the answer.
func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	io.WriteString(w, `{"id":`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// silent is a step: nothing comes until the client gives up.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// stall is a step: the answer begins, and nothing more comes of it.
func stall(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"id":`)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}
