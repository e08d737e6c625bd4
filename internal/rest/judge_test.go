package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The calls that are judged below.
var (
	reads      = Call{Method: http.MethodGet}
	repeatable = Call{Method: http.MethodPost}
	deletes    = Call{Method: http.MethodDelete}
	creates    = Call{Method: http.MethodPost, Rules: Rules{Once: true}}
)

// What follows an attempt depends on the call, on what happened before, and on how the
// attempt ended: that needs no network.
func TestJudge(t *testing.T) {
	first := history{attempts: 1, most: 5}
	last := history{attempts: 5, most: 5}
	lost := history{attempts: 2, most: 5, lost: true}
	again := func(reason string) verdict { return verdict{retry: true, reason: reason} }
	possiblyDone := func(v verdict) verdict { v.lost = true; return v }
	ended := verdict{reason: ReasonRetry}
	busy := &Failure{Status: http.StatusServiceUnavailable, RetryAfter: 7 * time.Second}
	gone := &Failure{Status: http.StatusNotFound, Message: "404 Not found"}
	for name, test := range map[string]struct {
		call    Call
		history history
		sent    bool
		failure *Failure
		err     error
		want    verdict
	}{
		"a read, reset after it was sent":                    {reads, first, true, nil, io.ErrUnexpectedEOF, possiblyDone(again(ReasonRetry))},
		"a create, reset after it was sent":                  {creates, first, true, nil, io.ErrUnexpectedEOF, possiblyDone(ended)},
		"a create that was not sent":                         {creates, first, false, nil, io.EOF, again(ReasonRetry)},
		"a create that was not sent three times":             {creates, history{attempts: 3, most: 5, unsent: 2}, false, nil, io.EOF, ended},
		"a read that was not sent three times":               {reads, history{attempts: 3, most: 5, unsent: 2}, false, nil, io.EOF, ended},
		"a read at its last attempt":                         {reads, last, true, nil, io.EOF, possiblyDone(ended)},
		"a host that does not exist":                         {reads, first, false, nil, &net.DNSError{IsNotFound: true}, ended},
		"a name server that does not respond":                {reads, first, false, nil, &net.DNSError{IsTimeout: true}, again(ReasonRetry)},
		"an untrusted certificate":                           {reads, first, false, nil, &tls.CertificateVerificationError{Err: errors.New("unknown authority")}, ended},
		"a rule of ours, before it was sent":                 {reads, first, false, nil, Refuse(context.Canceled), ended},
		"a rule of ours about a response":                    {creates, first, true, nil, Refuse(io.EOF), possiblyDone(ended)},
		"503 to a read":                                      {reads, first, true, busy, nil, verdict{retry: true, reason: ReasonRetry, wait: 7 * time.Second, lost: true}},
		"503 to a create":                                    {creates, first, true, busy, nil, verdict{reason: ReasonRetry, wait: 7 * time.Second, lost: true}},
		"503 at the last attempt":                            {reads, last, true, busy, nil, verdict{reason: ReasonRetry, wait: 7 * time.Second, lost: true}},
		"524 to a read":                                      {reads, first, true, &Failure{Status: 524}, nil, possiblyDone(again(ReasonRetry))},
		"501 to a read":                                      {reads, first, true, &Failure{Status: 501}, nil, possiblyDone(ended)},
		"429 to a create":                                    {creates, first, true, &Failure{Status: 429}, nil, again(ReasonRateLimit)},
		"429 at the last attempt":                            {creates, last, true, &Failure{Status: 429}, nil, verdict{reason: ReasonRateLimit}},
		"409 with a lock, to a create":                       {creates, first, true, &Failure{Status: 409, Message: "409 Conflict: Resource lock"}, nil, again(ReasonLock)},
		"409 without a lock":                                 {repeatable, first, true, &Failure{Status: 409, Message: "already exists"}, nil, verdict{reason: ReasonLock}},
		"400":                                                {repeatable, first, true, &Failure{Status: 400}, nil, ended},
		"408 of GitLab":                                      {repeatable, first, true, &Failure{Status: 408}, nil, ended},
		"408 of a proxy":                                     {creates, first, true, &Failure{Status: 408, Foreign: true}, nil, possiblyDone(ended)},
		"a redirect that is not followed":                    {creates, first, true, &Failure{Status: 307, redirected: true}, nil, ended},
		"3xx that is no redirect":                            {creates, first, true, &Failure{Status: 304}, nil, possiblyDone(ended)},
		"101":                                                {creates, first, true, &Failure{Status: 101}, nil, possiblyDone(ended)},
		"401 with a token that can be renewed":               {creates, history{attempts: 5, most: 5, renewable: true}, true, &Failure{Status: 401}, nil, verdict{retry: true, renew: true}},
		"401 of a storage":                                   {reads, history{attempts: 1, most: 5, renewable: true}, true, &Failure{Status: 401, Storage: "s3"}, nil, ended},
		"401 with the one token":                             {reads, first, true, &Failure{Status: 401}, nil, ended},
		"a delete whose object is gone":                      {deletes, lost, true, gone, nil, verdict{success: true}},
		"a delete of what was never there":                   {deletes, first, true, gone, nil, ended},
		"a delete whose project is gone":                     {deletes, lost, true, &Failure{Status: 404, Message: "404 Project Not Found"}, nil, ended},
		"a delete, and 404 of a proxy":                       {deletes, lost, true, &Failure{Status: 404, Foreign: true}, nil, ended},
		"a delete, and 404 of an unknown endpoint":           {deletes, lost, true, &Failure{Status: 404, NoRoute: true}, nil, ended},
		"a delete, and a broken 404":                         {deletes, lost, true, &Failure{Status: 404, Foreign: true, Cut: true}, nil, again(ReasonRetry)},
		"a delete of what was never there, and a broken 404": {deletes, first, true, &Failure{Status: 404, Foreign: true, Cut: true}, nil, ended},
		"a read, and a broken 404":                           {reads, lost, true, &Failure{Status: 404, Foreign: true, Cut: true}, nil, ended},
		"a read that may have been executed, and is 404":     {reads, lost, true, gone, nil, ended},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, judge(&test.call, test.history, test.sent, test.failure, test.err))
		})
	}
}

// After names both errors, and none twice.
func TestAfter(t *testing.T) {
	wrapped := errors.Join(context.Canceled, io.EOF)
	require.Equal(t, context.Canceled, After(context.Canceled, nil))
	require.Equal(t, wrapped, After(context.Canceled, wrapped))
	err := After(context.Canceled, io.EOF)
	require.EqualError(t, err, "context canceled (after: EOF)")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, io.EOF)
}

// A path escapes each value as a whole, and its error is the first one.
func TestJoin(t *testing.T) {
	word := func(text string) Segment { return Segment{Values: []string{text}, Template: text} }
	p := Join(word("projects"), Segment{Values: []string{"a/b+c#d"}, Template: ":id"}, Segment{Values: []string{"x", "y z"}, Template: "*path"})
	require.Equal(t, Path{Escaped: "/projects/a%2Fb%2Bc%23d/x/y%20z", Template: "/projects/:id/*path"}, p)
	p = Join(word("projects"), Segment{Template: ":id", Err: io.EOF}, Segment{Template: ":job", Err: io.ErrClosedPipe})
	require.Equal(t, Path{Escaped: "/projects", Template: "/projects/:id/:job", Err: io.EOF}, p)
}

// Values are escaped as the standard library does it, and "+" too.
func TestEscaped(t *testing.T) {
	for c := range 256 {
		value := "a" + string([]byte{byte(c)}) + "é"
		require.Equal(t, strings.ReplaceAll(url.PathEscape(value), "+", "%2B"), string(appendEscaped(nil, value)))
	}
	p := Join(Segment{Value: "jobs", Template: "jobs"}, Segment{Number: 7, Template: ":job_id"})
	require.Equal(t, Path{Escaped: "/jobs/7", Template: "/jobs/:job_id"}, p)
}

// The URL of a call is the one that http.NewRequest would parse.
func TestTarget(t *testing.T) {
	for _, base := range []string{"https://gitlab.example.com/api/v4", "http://127.0.0.1:8080/git%2Flab/x%20y/api/v4", "https://[::1]:/root/api/v4"} {
		parsed, err := url.Parse(base)
		require.NoError(t, err)
		client := New(&Config{Base: parsed})
		for _, path := range []Path{{Escaped: "/jobs/7"}, {Escaped: "/projects/a%2Fb%2Bc%23d%25/x%20y/é%3F"}, {Escaped: "/graphql", Beside: true}, {Escaped: "/a:b@c$d&e=f~g"}} {
			call := &Call{Method: http.MethodGet, Path: path, Query: url.Values{"b": {"1 2", "&"}, "a": {"é"}}}
			got, err := client.request(t.Context(), call)
			require.NoError(t, err)
			text := base
			if path.Beside {
				text = strings.TrimSuffix(base, "/v4")
			}
			want, err := http.NewRequest(http.MethodGet, text+path.Escaped+"?"+call.Query.Encode(), nil)
			require.NoError(t, err)
			require.Equal(t, want.URL.String(), got.URL.String())
			require.Equal(t, want.URL.RequestURI(), got.URL.RequestURI())
			require.Equal(t, want.URL.Path, got.URL.Path)
			require.Equal(t, want.Host, got.Host)
			require.Equal(t, want.URL.Host, got.URL.Host)
		}
	}
	_, err := New(&Config{Base: &url.URL{}}).request(t.Context(), &Call{Method: "GET /", Path: Path{Escaped: "/"}})
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, `invalid method "GET /"`)
	var none context.Context
	err = New(&Config{Base: &url.URL{}}).Discard(none, Read(Path{Escaped: "/"}, nil))
	require.ErrorIs(t, err, ErrNotSent)
	require.ErrorContains(t, err, "the context is nil")
}

// A body that is sent again is sent whole, with its length.
func TestBodyOfRequest(t *testing.T) {
	client := New(&Config{Base: &url.URL{Scheme: "https", Host: "gitlab.example.com", Path: "/api/v4"}})
	req, err := client.request(t.Context(), Once(http.MethodPost, Path{Escaped: "/jobs"}, map[string]string{"ref": "main"}))
	require.NoError(t, err)
	for range 2 {
		body, err := io.ReadAll(req.Body)
		require.NoError(t, err)
		require.Equal(t, `{"ref":"main"}`, string(body))
		require.EqualValues(t, len(body), req.ContentLength)
		require.NoError(t, rewind(req))
	}
}
