package testkit

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// WithStatus sets another status.
func (s *Canned) WithStatus(status int) *Canned {
	s.Status = status
	return s
}

// A Canned is a transport that responds to every request alike, without a
// network, and records their URLs.
type Canned struct {
	Status int
	Header http.Header
	Body   string
	URLs   []*url.URL
}

// RoundTrip implements [http.RoundTripper].
func (s *Canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	s.URLs = append(s.URLs, req.URL)
	return &http.Response{
		StatusCode:    s.Status,
		Header:        s.Header.Clone(),
		Body:          io.NopCloser(strings.NewReader(s.Body)),
		ContentLength: int64(len(s.Body)),
		Request:       req,
	}, nil
}

// CannedJSON responds with status 200 and a body of JSON.
func CannedJSON(body string) *Canned {
	return &Canned{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Client returns a client that tries once.
func (s *Canned) Client(t testing.TB) *gitlabci.Client {
	t.Helper()
	client, err := gitlabci.NewClient(
		gitlabci.WithBaseURL("https://"+Host), gitlabci.WithToken(Token), gitlabci.WithTransport(s), gitlabci.WithRetries(0),
	)
	require.NoError(t, err)
	return client
}

// A RoundTripper is a function as a transport.
type RoundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f RoundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A GrowingReport is a report of n cases, made while it is read.
type GrowingReport struct {
	N         int
	Size      int // of each case's output
	buffer    bytes.Buffer
	begun     int // cases
	BytesRead int
	Closed    bool
}

func (r *GrowingReport) Read(p []byte) (int, error) {
	for r.buffer.Len() == 0 && r.begun <= r.N {
		switch r.begun {
		case 0:
			r.buffer.WriteString(`{"total_count":1,"test_suites":[{"name":"rspec","test_cases":[`)
		case r.N:
			r.buffer.WriteString(`{}]}]}`)
		default:
			fmt.Fprintf(&r.buffer, `{"status":"success","name":"works %d","classname":"spec.models","execution_time":0.01,"system_output":"`, r.begun)
			r.buffer.Write(bytes.Repeat([]byte("x"), r.Size))
			r.buffer.WriteString(`"},`)
		}
		r.begun++
	}
	n, err := r.buffer.Read(p)
	r.BytesRead += n
	return n, err
}

func (r *GrowingReport) Close() error {
	r.Closed = true
	return nil
}

// Client returns a client whose every response is the report.
func (r *GrowingReport) Client(t testing.TB, opts ...gitlabci.Option) *gitlabci.Client {
	client, err := gitlabci.NewClient(append(opts, gitlabci.WithTransport(RoundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: r, ContentLength: -1, Request: req}, nil
	})))...)
	require.NoError(t, err)
	return client
}
