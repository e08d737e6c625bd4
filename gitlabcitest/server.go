package gitlabcitest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/memnet"
)

// URL is the base URL of every [Server] in memory. Only [Server.Client] and
// [Server.Transport] reach it.
const URL = "http://localhost"

const (
	defaultToken    = "fake-token"
	defaultUsername = "maya"
	defaultProject  = "group/app"
	defaultBranch   = "main"
)

// A Server is a GitLab in memory. Its methods may be called from many
// goroutines, also while it handles requests. It is made by [NewServer].
type Server struct {
	external string // its own URL in responses, without a slash at the end
	routes   []*route
	added    *http.ServeMux // endpoints of the test's own
	adds     atomic.Bool    // whether there are any, for looking for one takes time
	network  memnet.Network
	delivery delivery
	clock    clock

	mostRequests int                          // to keep; negative is all
	onRequest    func(Request, time.Duration) // when it has a response; nil: nothing

	mu        sync.Mutex // guards all below
	state     *state
	listening *socketServer
	patterns  []string // of the added endpoints
	requests  []Request
	responses int           // requests so far
	throttle  *throttle     // nil: none
	limits    *actionLimits // nil: none

	deliverer deliverer

	faults      []*fault
	faultsAdded uint64
	waiting     map[context.Context]context.CancelFunc // of responses that a fault holds up
}

// An Option changes what [NewServer] makes.
type Option func(*Server)

// WithExternalURL sets the server's own URL in Link headers and web_url, whichever URL its
// clients use. A path is kept. The default is https://gitlab.example.com, which is
// deliberately not the URL of its clients: with a real GitLab they often differ, too.
func WithExternalURL(external string) Option {
	u, err := url.Parse(external)
	if err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		misuse("WithExternalURL: %q is not the URL of a server", external)
	}
	return func(s *Server) { s.external = strings.TrimRight(external, "/") }
}

// NewServer returns a server with the project "group/app", whose ID is 1 and
// whose default branch is "main", and without pipelines. It holds no resources
// until [Server.Start] or [Server.AddHook], so nothing has to be closed.
func NewServer(opts ...Option) *Server {
	s := &Server{external: "https://gitlab.example.com", state: newState(), mostRequests: -1}
	s.added = http.NewServeMux()
	s.clock = clock{start: time.Now(), speed: 1}
	s.waiting = map[context.Context]context.CancelFunc{}
	maya := s.state.ensureUser(defaultUsername)
	maya.admin = true
	s.state.addToken(defaultToken, &token{user: maya, scopes: []string{scopeAPI, scopeSudo}})
	for _, opt := range opts {
		opt(s)
	}
	s.routes = routesIn(s.state.version)
	s.state.hookQueue.external, s.state.hookQueue.setTimer, s.state.agenda.setTimer = s.external, s.setTimer, s.setTimer
	s.deliverer.idle = sync.NewCond(&s.mu)
	s.AddProject(defaultProject)
	s.network.Handle("localhost", s)
	if s.delivery.storage != nil {
		s.network.Handle(strings.TrimPrefix(StorageURL, "https://"), http.HandlerFunc(s.atStorage))
	}
	return s
}

// Client returns a client of the server, with the token of its owner unless opts have
// another one. Options that [gitlabci.NewClient] refuses panic.
//
// For a client without a token give [gitlabci.NewClient] the [URL] and the
// server's [Server.Transport].
func (s *Server) Client(opts ...gitlabci.Option) *gitlabci.Client {
	ours := []gitlabci.Option{gitlabci.WithBaseURL(URL), gitlabci.WithTransport(s.Transport())}
	token := []gitlabci.Option{gitlabci.WithToken(s.Token())}
	client, err := gitlabci.NewClient(slices.Concat(ours, opts, token)...)
	if err == nil {
		return client
	}
	// A client has one token: theirs, perhaps.
	client, err = gitlabci.NewClient(slices.Concat(ours, opts)...)
	if err != nil {
		misuse("Client: the options do not make a client: %v", err)
	}
	return client
}

// Transport returns a transport that reaches the server at [URL] and its
// storage, if it has one, at [StorageURL], and nothing else. Its connections
// are real HTTP over pipes in memory.
func (s *Server) Transport() http.RoundTripper { return s.network.Transport() }

// Token returns the token of the user "maya", whose ID is 1, who owns every
// project and is an administrator. It has the scopes api and sudo, and the
// server takes it as any personal access token: see [Token].
func (s *Server) Token() string { return defaultToken }

// JobToken returns the CI job token of a job. The server accepts it as a JOB-TOKEN while
// the job is running or canceling, for the endpoints that accept it in GitLab, with the
// rights of the user who started the job, in the job's own project and in those whose
// [Settings] allow it. It panics if there is no such job.
func (s *Server) JobToken(job gitlabci.JobID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.state.jobs[job]; j == nil || !j.byRunner() {
		misuse("JobToken: there is no job %d that a runner runs", job)
	}
	return jobToken(job)
}

// lock takes the lock, and lets happen what is due by now.
func (s *Server) lock() (at time.Time) {
	s.mu.Lock()
	at = s.clock.now()
	s.state.advance(at)
	return at
}

// misuse panics with the mistake of a test's author.
func misuse(format string, args ...any) {
	panic("gitlabcitest: " + fmt.Sprintf(format, args...))
}

// fastest is how much faster than real time a clock may be: at that a server
// runs for a hundred days before its clock can count no further.
const fastest = 1000

// WithSpeed makes the server's clock run n times as fast as the real one, from [NewServer]
// on: with 60, a Script of an hour takes a minute. All times of the server follow its clock:
// scripts, the times in responses, the Date header, throttles, and when tokens, artifacts
// and signed URLs expire. The Delay of a [Fault], and a Retry-After that a client waits for,
// take real time. Deliveries to hooks are signed at the real time, by which receivers judge
// them.
//
// The default is 1. Tests should use [testing/synctest] instead, which is deterministic. It
// panics if n is not above 0 and at most 1000.
func WithSpeed(n float64) Option {
	if !(n > 0 && n <= fastest) { // written so that it refuses what is not a number, too
		misuse("WithSpeed: %v is not above 0 and at most %d", n, fastest)
	}
	return func(s *Server) { s.clock.speed = n }
}

// A clock has the server's time.
type clock struct {
	start time.Time // when it was set, at the real time
	speed float64
}

// now is the time to the microsecond, as GitLab's database keeps it.
func (c clock) now() time.Time {
	if c.speed == 1 {
		return dbTime(time.Now())
	}
	return dbTime(c.start.Add(time.Duration(float64(time.Since(c.start)) * c.speed)))
}

// realTime is the real time at which the clock shows t.
func (c clock) realTime(t time.Time) time.Time {
	if c.speed == 1 {
		return t
	}
	return c.start.Add(time.Duration(float64(t.Sub(c.start)) / c.speed))
}

// date sets the time of a response if net/http would set another one.
func (c clock) date(header http.Header) {
	if c.speed != 1 {
		header.Set("Date", c.now().Format(http.TimeFormat))
	}
}

func dbTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
