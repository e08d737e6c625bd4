package promises_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A matrixNetwork is something between the client and a working server, and a
// check of the result.
type matrixNetwork struct {
	name  string
	fault gitlabcitest.Fault // of the server too, or zero
	// around wraps the transport of a trial.
	around func(*trial, http.RoundTripper) http.RoundTripper
	judge  func(*testing.T, *trial, matrixCall, error)
}

// TestMatrixOfNetworks calls every method with each problem between the client and
// GitLab: host names, proxies, cut connections, changing lists. A run tries a fifth of the
// problems with each method, with one token over one protocol.
func TestMatrixOfNetworks(t *testing.T) {
	t.Parallel()
	for i, call := range slices.Concat(matrixCalls(), listCalls()) {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			for j, network := range matrixNetworks() {
				every := matrixPart()
				if strings.Contains(call.name, " by ") { // few have a filter
					every = 1
				}
				if !testkit.Sampled(i+j, every) {
					continue
				}
				for _, way := range testkit.OneOf(call.ways()) {
					t.Run(network.name+"/"+way.String(), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { network.run(t, newTrial(t, call, way, network.around), call) })
					})
				}
			}
		})
	}
}

func (n matrixNetwork) run(t *testing.T, trial *trial, call matrixCall) {
	if n.fault.Break != "" {
		broken := n.fault
		broken.Route, broken.Times = call.route, 1
		trial.srv.Fault(broken)
	}
	err := call.do(t.Context(), trial.client)
	trial.note(err)
	n.judge(t, trial, call, err)
	synctest.Wait()
	trial.transport.CloseIdleConnections()
	require.Zero(t, trial.open.Load(), "bodies left open")
	requireEffects(t, trial.srv, call, err)
	trial.requireSecrecy(t)
}

func matrixNetworks() []matrixNetwork {
	return []matrixNetwork{
		{
			"a reset that the transport repeats", gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Executed: true}, repeatingResets,
			func(t *testing.T, _ *trial, call matrixCall, err error) {
				if call.kind == once || call.kind == passThrough {
					require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					return
				}
				require.NoError(t, err)
			},
		},
		{"a project that has moved, at another name of the server", gitlabcitest.Fault{}, movesTo("http://gitlab.example.org"), judgeMoved},
		{"another name of the server", gitlabcitest.Fault{}, redirectsTo("http://gitlab.example.org%s"), judgeRenamed("http://gitlab.example.org")},
		{"another scheme of the server", gitlabcitest.Fault{}, redirectsTo("https://localhost%s"), judgeRenamed("https://localhost")},
		{"a name that looks alike", gitlabcitest.Fault{}, redirectsTo("http://loca\u017fhost%s"), judgeLookAlike},
		{"a login page elsewhere", gitlabcitest.Fault{}, redirectsTo("http://login.example.org/#%s"), judgeLookAlike},
		{"cut off without a length", gitlabcitest.Fault{}, cutShortly, judgeCut},
		{"other bytes for the rest", gitlabcitest.Fault{}, mixing, judgeMixed},
		{"filters ignored", gitlabcitest.Fault{}, unfiltered, judgeUnfiltered},
		{"jobs created meanwhile", gitlabcitest.Fault{}, crowding, func(t *testing.T, _ *trial, _ matrixCall, err error) { require.NoError(t, err) }},
	}
}

// judgeMoved requires that reads are sent to the base URL, and that the errors of
// writes name the URL of the redirect.
func judgeMoved(t *testing.T, trial *trial, call matrixCall, err error) {
	require.Empty(t, trial.elsewhere.asked)
	if strings.HasPrefix(call.route, "GET ") && call.name != "Pipelines.Run waits" || call.kind == passThrough { // these calls name the project by its ID
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, "gitlab.example.org")
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
}

// judgeRenamed requires that nothing is requested at another name of the server, where
// the same path may be something else, and that the error asks whether that name should
// be the base URL.
func judgeRenamed(name string) func(*testing.T, *trial, matrixCall, error) {
	return func(t *testing.T, trial *trial, _ matrixCall, err error) {
		require.ErrorContains(t, err, name)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.Empty(t, trial.elsewhere.asked)
	}
}

func judgeLookAlike(t *testing.T, trial *trial, call matrixCall, err error) {
	switch call.kind {
	case watching, expecting, following: // these may poll again
	default:
		require.Error(t, err)
	}
	require.Empty(t, trial.elsewhere.requests(), "only files may be requested from another host, and without credentials")
}

// judgeCut requires that no truncated body counts as complete. The directory of an
// archive shows whether it is complete; if not, it is requested again.
func judgeCut(t *testing.T, _ *trial, call matrixCall, err error) {
	switch {
	case call.kind == once, call.name == "Pipelines.Run waits":
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	case strings.HasPrefix(call.name, "Artifacts.OpenFile"), call.name == "Jobs.Log":
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	case call.kind == streaming, call.kind == resuming, call.kind == watching, call.kind == expecting, call.kind == following:
		require.NoError(t, err)
	case call.kind == passThrough: // the caller reads the body
	case call.kind == discarding, call.kind == findsOrRetries, call.kind == findsOnly: // the body does not matter, or the result is looked up
	default:
		require.Error(t, err)
	}
}

func judgeMixed(t *testing.T, trial *trial, _ matrixCall, err error) {
	if err == nil {
		require.False(t, trial.mixed.Load(), "bytes of another file were joined")
	}
}

func judgeUnfiltered(t *testing.T, _ *trial, call matrixCall, err error) {
	_, filter, filtered := strings.Cut(call.name, " by ")
	if !filtered {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, filter)
}

// A roundTrip is a function that is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// firsts distinguishes the first request of each kind from later ones.
type firsts struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (f *firsts) first(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := r.Method + " " + r.URL.String()
	first := !f.seen[key]
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[key] = true
	return first
}

// repeatingResets changes the server's stream resets to PROTOCOL_ERROR, after which
// net/http sends a request again by itself.
func repeatingResets(trial *trial, next http.RoundTripper) http.RoundTripper {
	dial := trial.transport.DialContext
	trial.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &resettingConn{Conn: conn}, err
	}
	return next
}

// A resettingConn changes HTTP/2 frames as it reads them; HTTP/1 stays as it is.
type resettingConn struct {
	net.Conn
	held bytes.Buffer // read, but not yet returned
	h2   bool
	h1   bool
}

func (c *resettingConn) Read(p []byte) (int, error) {
	if c.h1 {
		return c.Conn.Read(p)
	}
	for c.held.Len() == 0 {
		header := make([]byte, 9)
		n, err := io.ReadFull(c.Conn, header)
		if !c.h2 && n > 0 && header[3] != 4 { // SETTINGS come first
			c.h1 = true
			return copy(p, header[:n]), err
		}
		if err != nil {
			return 0, err
		}
		c.h2 = true
		payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
		if _, err := io.ReadFull(c.Conn, payload); err != nil {
			return 0, err
		}
		if header[3] == 3 { // RST_STREAM
			payload[3] = 1 // PROTOCOL_ERROR
		}
		c.held.Write(header)
		c.held.Write(payload)
	}
	return c.held.Read(p)
}

// redirectsTo redirects each first request to a URL that contains the request's
// path. Requests to other hosts are recorded.
func redirectsTo(address string) func(*trial, http.RoundTripper) http.RoundTripper {
	return redirecting(func(uri string) string { return fmt.Sprintf(address, uri) })
}

// movesTo redirects requests that name the project by its path to its ID, at
// another host name of the server.
func movesTo(address string) func(*trial, http.RoundTripper) http.RoundTripper {
	return redirecting(func(uri string) string {
		if !strings.Contains(uri, "group%2Fapp") {
			return ""
		}
		return address + strings.Replace(uri, "group%2Fapp", "1", 1)
	})
}

func redirecting(target func(uri string) string) func(*trial, http.RoundTripper) http.RoundTripper {
	return func(trial *trial, next http.RoundTripper) http.RoundTripper {
		var known firsts
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "localhost" {
				return trial.elsewhere.RoundTrip(r)
			}
			address := target(r.URL.RequestURI())
			if !known.first(r) || address == "" {
				return next.RoundTrip(r)
			}
			if r.Body != nil {
				r.Body.Close()
			}
			return &http.Response{
				StatusCode: http.StatusFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
				Header: http.Header{"Location": {address}}, Body: http.NoBody,
			}, nil
		})
	}
}

// An otherServer is a server that must receive nothing but requests for files, without
// credentials.
type otherServer struct {
	mu    sync.Mutex
	asked []*http.Request
}

func (s *otherServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	return &http.Response{
		StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader("no such key")), ContentLength: 11,
	}, nil
}

// requests returns the requests that should not have been sent.
func (s *otherServer) requests() (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		isFile := strings.Contains(r.Header.Get("Accept"), "*/*") || r.Header.Get("Accept") == ""
		for _, name := range []string{"Private-Token", "Job-Token", "Authorization", "Sudo", "Cookie"} {
			isFile = isFile && r.Header.Get(name) == ""
		}
		if !isFile || r.Method != http.MethodGet {
			wrong = append(wrong, fmt.Sprint(r.Method, " ", r.URL, " ", r.Header))
		}
	}
	return wrong
}

// cutShortly ends each first body in the middle, like a proxy that sent no length
// and closes the connection.
func cutShortly(_ *trial, next http.RoundTripper) http.RoundTripper {
	var known firsts
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		first := known.first(r)
		resp, err := next.RoundTrip(r)
		if err != nil || !first || resp.StatusCode/100 != 2 || resp.StatusCode == http.StatusNoContent {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body[:len(body)/2]))
		resp.Header.Del("Content-Length")
		resp.ContentLength, resp.TransferEncoding, resp.Close = -1, nil, true
		resp.Proto, resp.ProtoMajor, resp.ProtoMinor = "HTTP/1.1", 1, 1
		return resp, err
	})
}

// mixing interrupts each first body, and sends other bytes for the rest of it,
// whatever the validator is.
func mixing(trial *trial, next http.RoundTripper) http.RoundTripper {
	var known firsts
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		asked := r.Header.Get("Range")
		resp, err := next.RoundTrip(r)
		if err != nil || resp.StatusCode/100 != 2 || resp.ContentLength < 2 {
			return resp, err
		}
		if first := known.first(r); first && asked == "" {
			resp.Body = &brokenBody{Reader: io.LimitReader(resp.Body, resp.ContentLength/2), Closer: resp.Body}
			return resp, nil
		}
		if resp.StatusCode != http.StatusPartialContent || strings.HasPrefix(asked, "bytes=-") {
			return resp, nil
		}
		resp.Header = maps.Clone(resp.Header)
		resp.Header.Del("ETag")
		resp.Header.Del("Last-Modified")
		resp.Body = &otherBody{ReadCloser: resp.Body, trial: trial}
		return resp, nil
	})
}

// A brokenBody ends in a reset.
type brokenBody struct {
	io.Reader
	io.Closer
}

func (b *brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// An otherBody has other bytes than the file, and records whether they were read to
// the end.
type otherBody struct {
	io.ReadCloser
	trial *trial
}

func (b *otherBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	for i := range p[:n] {
		p[i] ^= 0x55
	}
	if err == io.EOF {
		b.trial.mixed.Store(true)
	}
	return n, err
}

// unfiltered is an older server that does not know the filters.
func unfiltered(_ *trial, next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"status", "scope", "scope[]", "ref", "sha", "source", "name", "created_before", "created_after", "updated_before", "updated_after"} {
			query.Del(name)
		}
		r = r.Clone(r.Context())
		if r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/latest") && !strings.Contains(r.URL.Path, "/artifacts") {
			r.URL.RawQuery = query.Encode()
		}
		return next.RoundTrip(r)
	})
}

// crowding adds a pipeline and a job at each of the first requests.
func crowding(trial *trial, next http.RoundTripper) http.RoundTripper {
	var asked atomic.Int64
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if asked.Add(1) > 40 {
			return next.RoundTrip(r)
		}
		trial.srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "meanwhile"}).AddJob(gitlabcitest.Job{})
		return next.RoundTrip(r)
	})
}
