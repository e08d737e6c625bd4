package promises_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

// The fault matrix: every method, met by every kind of fault, with every kind
// of token, over HTTP/1.1 and HTTP/2. The required result of each pair of a method and a
// fault is in the table of matrix_faults_test.go; what never may happen is checked here,
// whatever the pair. A run tries a fifth of the pairs, each with one token over one protocol.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for i, call := range matrixCalls() {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			for j, fault := range matrixFaults() {
				if !fault.concerns(call) || !testkit.Sampled(i+j, matrixPart()) {
					continue
				}
				for _, way := range testkit.OneOf(call.ways()) {
					t.Run(fault.name+"/"+way.String(), func(t *testing.T) {
						// A goroutine that is left over, of a connection say, ends the bubble
						// with a panic.
						synctest.Test(t, func(t *testing.T) { runMatrixCase(t, newTrial(t, call, way, nil), call, fault) })
					})
				}
			}
		})
	}
}

// matrixPart is which part of a matrix a run tries: a fifth, or a sixteenth under the race
// detector, where testkit.Sampled multiplies by 8.
func matrixPart() int {
	if testkit.UnderRace() {
		return 2
	}
	return 5
}

// A method that the matrix does not know fails here.
func TestMatrixIsWhole(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, call := range matrixCalls() {
		name, _, _ := strings.Cut(call.name, " ")
		known[name] = true
	}
	client := reflect.TypeFor[gitlabci.Client]()
	for service := range client.Fields() {
		for m := 0; service.IsExported() && m < service.Type.NumMethod(); m++ {
			name := service.Name + "." + service.Type.Method(m).Name
			require.True(t, known[name], name)
		}
	}
}

// A matrixWay is how a method is called.
type matrixWay struct {
	token     matrixToken
	protocol  string
	transport func(*memnet.Network) *http.Transport
}

func (w matrixWay) String() string { return w.token.name + " over " + w.protocol }

// ways are each token that will do, over each protocol.
func (d matrixCall) ways() (ways []matrixWay) {
	for _, token := range matrixTokens() {
		if d.accepts(token) {
			ways = append(ways, matrixWay{token, "HTTP 1.1", (*memnet.Network).Transport}, matrixWay{token, "HTTP 2", (*memnet.Network).HTTP2})
		}
	}
	return ways
}

func runMatrixCase(t *testing.T, trial *trial, call matrixCall, fault matrixFault) {
	broken := fault.fault
	broken.Route, broken.Times = call.route, max(broken.Times, 1)
	trial.srv.Fault(broken)
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if fault.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, fault.timeout)
	}
	defer cancel()
	start := time.Now()
	err := call.do(ctx, trial.client)
	trial.note(err)
	if call.kind != passThrough { // whose body is read by the caller
		requirePrefixOnce(t, err)
	}
	fault.judge(t, call, err)
	if fault.timeout > 0 {
		require.Equal(t, fault.timeout, time.Since(start), "the context ends a call, and nothing does sooner")
	}
	synctest.Wait()
	trial.transport.CloseIdleConnections() // a call given up while it connects leaves one over HTTP/2
	require.Zero(t, trial.open.Load(), "bodies left open")
	requireEffects(t, trial.srv, call, err)
	trial.requireSecrecy(t)
}

// requirePrefixOnce requires that the text of an error has the package's name once, however
// many errors it is composed of. Joined errors have a line each.
func requirePrefixOnce(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		require.Equal(t, 1, strings.Count(line, "gitlabci: "), line)
	}
}

// requireEffects requires that GitLab did a write at most once if it may not
// be repeated, and that it did what was reported as done.
func requireEffects(t *testing.T, srv *gitlabcitest.Server, call matrixCall, err error) {
	t.Helper()
	executed := 0
	for _, request := range srv.Requests() {
		if request.Route == call.route && request.Executed {
			executed++
		}
	}
	if call.kind == once || call.kind == passThrough || call.kind == findsOrRetries || call.kind == findsOnly {
		require.LessOrEqual(t, executed, 1)
	}
	if err == nil {
		require.Positive(t, executed, "done, says the client, and it was not")
	}
	if executed > 0 && err != nil && (call.kind == once || call.kind == findsOrRetries || call.kind == findsOnly || call.kind == converging) {
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "not done, says the client, and it was")
	}
	if executed > 0 && err != nil && call.kind == findsOnly {
		require.ErrorIs(t, err, context.DeadlineExceeded, "it was done, and not found")
	}
}

// A trial is one case: a server, a client and all that the client let out.
type trial struct {
	srv       *gitlabcitest.Server
	client    *gitlabci.Client
	transport *http.Transport
	token     string
	open      atomic.Int64 // bodies
	out       syncBuffer   // logs and errors
	elsewhere otherServer  // every other server
	mixed     atomic.Bool  // bytes of another file were read to their end
}

// newTrial wraps the transport between the client and the server with around,
// unless that is nil.
func newTrial(t *testing.T, call matrixCall, way matrixWay, around func(*trial, http.RoundTripper) http.RoundTripper) *trial {
	trial := &trial{srv: matrixServer(call)}
	var network memnet.Network
	network.Handle("localhost", trial.srv)
	option, secret := way.token.option(trial.srv)
	trial.token = secret
	trial.transport = way.transport(&network)
	var between http.RoundTripper = trial.transport
	if around != nil {
		between = around(trial, between)
	}
	logger := slog.New(slog.NewJSONHandler(&trial.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := gitlabci.NewClient(option, gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithLogger(logger),
		gitlabci.WithTransport(&closing{between, &trial.open}),
		gitlabci.WithHooks(gitlabci.Hooks{OnResponse: func(_ context.Context, r gitlabci.ResponseInfo) {
			fmt.Fprintf(&trial.out, "%+v", r)
		}}))
	require.NoError(t, err)
	trial.client = client
	return trial
}

func (tr *trial) note(err error) {
	fmt.Fprintf(&tr.out, "%v %+v %#v %+v %#v", err, err, err, tr.client, tr.client)
	for ; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&tr.out, "%+v", err)
	}
}

// requireSecrecy requires that the token is nowhere but where it belongs.
func (tr *trial) requireSecrecy(t *testing.T) {
	t.Helper()
	require.NotContains(t, tr.out.String(), tr.token)
	require.NotContains(t, tr.out.String(), matrixSecret, "of a variable")
	require.NotContains(t, tr.out.String(), testkit.TriggerToken)
	for _, request := range tr.srv.Requests() {
		require.NotContains(t, request.Query.Encode(), tr.token)
		require.NotContains(t, string(request.Body), tr.token)
	}
}

// A syncBuffer takes what concurrent calls write.
type syncBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

// closing counts the bodies that are open.
type closing struct {
	next http.RoundTripper
	open *atomic.Int64
}

func (c *closing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		c.open.Add(1)
		resp.Body = &openBody{ReadCloser: resp.Body, open: c.open}
	}
	return resp, err
}

type openBody struct {
	io.ReadCloser
	open   *atomic.Int64
	closed atomic.Bool
}

func (b *openBody) Close() error {
	if b.closed.CompareAndSwap(false, true) {
		b.open.Add(-1)
	}
	return b.ReadCloser.Close()
}

// A matrixToken is a kind of token.
type matrixToken struct {
	name   string
	ofJob  bool
	option func(*gitlabcitest.Server) (_ gitlabci.Option, secret string)
}

func matrixTokens() []matrixToken {
	return []matrixToken{
		{"access", false, func(srv *gitlabcitest.Server) (gitlabci.Option, string) {
			return gitlabci.WithToken(srv.Token()), srv.Token()
		}},
		{"OAuth", false, func(srv *gitlabcitest.Server) (gitlabci.Option, string) {
			secret := srv.AddToken(gitlabcitest.Token{Username: "maya", OAuth: true})
			return gitlabci.WithOAuthToken(secret), secret
		}},
		{"source", false, func(srv *gitlabcitest.Server) (gitlabci.Option, string) {
			secret := srv.Token()
			return gitlabci.WithTokenSource(func(context.Context) (string, error) { return secret, nil }), secret
		}},
		{"job", true, func(srv *gitlabcitest.Server) (gitlabci.Option, string) {
			secret := srv.JobToken(matrixRunning)
			return gitlabci.WithJobToken(secret), secret
		}},
	}
}

// matrixSecret is the value of a variable, which no error may repeat.
const matrixSecret = "correct-horse-battery"

func (d matrixCall) accepts(token matrixToken) bool {
	if strings.HasPrefix(d.route, "GET /job") {
		return token.ofJob
	}
	return !token.ofJob || d.forJobs
}
