package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

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

// SameJSON checks that encoding/json and back again makes the same of a
// response.
func SameJSON(t *testing.T, first any, decode func(body string) (any, error)) {
	t.Helper()
	data, err := json.Marshal(first)
	require.NoError(t, err)
	second, err := decode(string(data))
	require.NoError(t, err, "%s", data)
	equalJSON(t, "response", reflect.ValueOf(first), reflect.ValueOf(second))
}

// equalJSON is require.Equal except for times, which may be written in another
// zone.
func equalJSON(t *testing.T, where string, a, b reflect.Value) {
	t.Helper()
	require.Equal(t, a.Type(), b.Type(), where)
	if at, isTime := a.Interface().(time.Time); isTime {
		require.True(t, at.Equal(b.Interface().(time.Time)), "%s: %v and %v", where, a, b)
		return
	}
	if payload, isPayload := a.Interface().(gitlabci.WebhookPayload); isPayload && payload != "" { // white space and escapes may differ
		require.JSONEq(t, string(payload), b.String(), where)
		return
	}
	switch a.Kind() {
	case reflect.Pointer:
		require.Equal(t, a.IsNil(), b.IsNil(), where)
		if !a.IsNil() {
			equalJSON(t, where, a.Elem(), b.Elem())
		}
	case reflect.Struct:
		for i := range a.NumField() {
			equalJSON(t, where+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	case reflect.Slice:
		require.Equal(t, a.Len(), b.Len(), where)
		for i := range a.Len() {
			equalJSON(t, fmt.Sprintf("%s[%d]", where, i), a.Index(i), b.Index(i))
		}
	case reflect.Map:
		require.Equal(t, a.Len(), b.Len(), where)
		for _, key := range a.MapKeys() {
			require.True(t, b.MapIndex(key).IsValid(), "%s[%v]", where, key)
			equalJSON(t, fmt.Sprintf("%s[%v]", where, key), a.MapIndex(key), b.MapIndex(key))
		}
	default:
		require.Equal(t, a.Interface(), b.Interface(), where)
	}
}

// ScalarPairs are values that have been seen where others belong.
var ScalarPairs = []string{
	`null`, `true`, `0`, `-0`, `1.5`, `"42"`, `""`, `"x"`, `{}`, `[]`, `1e400`, `9223372036854775808`, `"2026-02-03"`, `"2026-02-03T04:05:06.789+02:00"`,
	`"9999-12-31T23:59:59-23:59"`, `"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `"2016-08-11 11:28:34 UTC"`, `"NaN"`, `"\ud800"`, "\"\xff\"", `"30.00"`,
}

// JSON is v in JSON, by another package than ours.
func JSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
