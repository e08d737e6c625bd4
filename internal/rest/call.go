package rest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/secret"
)

// A Path is an endpoint below the base URL, escaped, and its template for logs. Err
// says why it must not be requested, if so.
type Path struct {
	Escaped, Template string
	Beside            bool // it is below /api, beside the version
	Err               error
}

// A Segment is a part of a path: a fixed word, or a value, which is named in the
// template. A value can have several parts.
type Segment struct {
	Value    string // if it is not ""
	Number   int64  // if it is not 0
	Values   []string
	Template string
	Err      error // why the value must not be sent
}

// Join joins segments to a path, each value escaped as a whole. The path's error is
// that of its first segment that has one.
func Join(segments ...Segment) Path {
	text := make([]byte, 0, 256)
	for _, s := range segments {
		if s.Value != "" {
			text = appendEscaped(append(text, '/'), s.Value)
		}
		if s.Number != 0 {
			text = strconv.AppendInt(append(text, '/'), s.Number, 10)
		}
		for _, value := range s.Values {
			text = appendEscaped(append(text, '/'), value)
		}
	}
	begin := len(text)
	var failure error
	for _, s := range segments {
		text = append(append(text, '/'), s.Template...)
		failure = cmp.Or(failure, s.Err)
	}
	both := string(text)
	return Path{Escaped: both[:begin], Template: both[begin:], Err: failure}
}

// appendEscaped escapes a value as [url.PathEscape] does. It also escapes "+", which in a
// path means itself, but some proxies read a space.
func appendEscaped(text []byte, value string) []byte {
	for _, c := range []byte(value) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~$&=:@", c) >= 0 {
			text = append(text, c)
		} else {
			text = append(text, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return text
}

// A Call is one request as a service describes it.
type Call struct {
	Method  string
	Path    Path
	Query   url.Values
	Body    any            // sent as JSON, unless nil
	Secrets []secret.Value // in Body, and not to be printed
	ETag    string         // of the response that the caller has; if it is unchanged, 304 is a success
	Err     error          // why the call must not be sent, or nil
	Rules
}

// Rules say how a call may be sent.
type Rules struct {
	Once         bool // it must not be executed twice
	Harmless     bool // it changes nothing, though it is a POST
	Unrepeatable bool // its body can be read only once
	Tries        int  // at most, if above zero
	Storage      bool // a file or a log: it may be redirected to another origin
	Raw          bool // the caller reads the response, redirects and 304 included
}

// Read describes a GET.
func Read(p Path, query url.Values) *Call {
	return &Call{Method: http.MethodGet, Path: p, Query: query, Err: p.Err}
}

// ReadFile describes a GET of a file or a log, which the server may redirect to a
// storage.
func ReadFile(p Path, query url.Values) *Call {
	call := Read(p, query)
	call.Storage = true
	return call
}

// Once describes a write that must not be executed twice.
func Once(method string, p Path, body any) *Call {
	call := Repeatable(method, p, body)
	call.Once = true
	return call
}

// Repeatable describes an idempotent write.
func Repeatable(method string, p Path, body any) *Call {
	return &Call{Method: method, Path: p, Body: body, Err: p.Err}
}

// Endpoint returns the method and the template of the path.
func (cl *Call) Endpoint() string { return cl.Method + " " + cl.Path.Template }

func (cl *Call) isRead() bool { return cl.Method == http.MethodGet || cl.Method == http.MethodHead }

// Check returns an error that says what is wrong with a call and matches [ErrInvalid], or
// nil.
func (c *Client) Check(ctx context.Context, call *Call) error {
	_, err := c.request(ctx, call)
	return err
}

// request builds the request of a call. Its headers are set by the transport; see describe.
func (c *Client) request(ctx context.Context, call *Call) (*http.Request, error) {
	err := call.Err
	if err == nil && ctx == nil {
		err = errors.New("the context is nil")
	}
	if err == nil && (call.Method == "" || strings.ContainsFunc(call.Method, notToken)) {
		err = fmt.Errorf("invalid method %q", call.Method)
	}
	var body []byte
	if err == nil && call.Body != nil {
		body, err = lenient.Encode(call.Body)
	}
	var target *url.URL
	if err == nil {
		target, err = c.target(call)
	}
	if err != nil {
		return nil, Invalid(call.Endpoint(), Bare(err))
	}
	// http.NewRequest would make a text of the URL only to parse it again.
	req := (&http.Request{
		Method: call.Method, URL: target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
	}).WithContext(ctx)
	if body != nil {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req, nil
}

// target returns the URL of a call.
func (c *Client) target(call *Call) (*url.URL, error) {
	target := *c.base
	if call.Path.Beside {
		target.Path, target.RawPath = strings.TrimSuffix(target.Path, "/v4"), strings.TrimSuffix(target.RawPath, "/v4")
	}
	plain, err := url.PathUnescape(call.Path.Escaped)
	if err != nil {
		return nil, err
	}
	if target.RawPath != "" || plain != call.Path.Escaped {
		target.RawPath = target.EscapedPath() + call.Path.Escaped
	}
	target.Path += plain
	if len(call.Query) > 0 {
		target.RawQuery = call.Query.Encode()
	}
	return &target, nil
}

// describe sets the headers that say what is requested. The transport does so for each
// request: in the one that net/http gets, they would be copied twice.
func (r *run) describe(s *sending, header http.Header) {
	if r.adopted {
		return
	}
	s.set(header, "Accept", "application/json")
	if r.call.Body != nil {
		s.set(header, "Content-Type", "application/json")
	}
	if r.call.ETag != "" {
		s.set(header, "If-None-Match", r.call.ETag)
		s.set(header, "Cache-Control", "no-cache") // a cache has to ask GitLab whether it is unchanged
	}
	for name, values := range r.header {
		header[name] = slices.Clone(values)
	}
}

// Invalid returns the error of bad input, found before anything was sent. It matches
// [ErrInvalid].
func Invalid(where string, err error) error { return &inputError{where, err} }

// Invalidf is like [Invalid], with a message.
func Invalidf(where, format string, args ...any) error {
	return Invalid(where, fmt.Errorf(format, args...))
}

type inputError struct {
	where string
	err   error
}

func (e *inputError) Error() string        { return prefix + e.where + ": " + inner(e.err).Error() }
func (e *inputError) Unwrap() error        { return e.err }
func (e *inputError) Is(target error) bool { return target == ErrInvalid || target == ErrNotSent }

// IsInvalid reports whether an error is that of bad input, found before anything was
// sent.
func IsInvalid(err error) bool {
	_, ok := errors.AsType[*inputError](err)
	return ok
}

// Adopt returns a copy of a caller's request that goes to the server, and the call
// that describes it.
func (c *Client) Adopt(req *http.Request) (*http.Request, *Call, error) {
	if req.URL == nil {
		return nil, nil, errors.New("the request has no URL")
	}
	escaped := "/" + strings.TrimPrefix(req.URL.EscapedPath(), "/")
	if err := checkPath(req.URL, escaped); err != nil {
		return nil, nil, err
	}
	escaped = c.belowBase(escaped)
	if err := checkHeaders(req.Header); err != nil {
		return nil, nil, err
	}
	template, err := http.NewRequest(req.Method, c.config.Base.String()+escaped, nil)
	if err != nil {
		return nil, nil, Bare(err)
	}
	out := req.Clone(req.Context())
	out.Method, out.URL, out.Host, out.RequestURI = template.Method, template.URL, "", ""
	out.URL.RawQuery = req.URL.RawQuery
	return out, &Call{
		Method: out.Method,
		Path:   Path{Escaped: escaped, Template: escaped},
		Rules: Rules{
			Raw:          true,
			Once:         !isIdempotent(out.Method),
			Unrepeatable: out.Body != nil && out.Body != http.NoBody && out.GetBody == nil,
		},
	}, nil
}

// isIdempotent reports whether a request of someone else may be repeated.
func isIdempotent(method string) bool {
	return slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodDelete}, method)
}

// checkPath rejects a URL that leads outside the API.
func checkPath(target *url.URL, escaped string) error {
	if target.Scheme != "" || target.Host != "" || target.User != nil {
		return errors.New("the URL has a scheme or a host; give the path below /api/v4")
	}
	if target.Opaque != "" {
		return errors.New("the URL has no path")
	}
	if HasDotSegment(escaped) {
		return fmt.Errorf("the path %q has a \".\" or a \"..\", is not UTF-8, or is encoded too many times", escaped)
	}
	return nil
}

// belowBase removes the base URL's path, or "/api/v4", from the beginning of a path.
// No endpoint of GitLab's begins so.
func (c *Client) belowBase(escaped string) string {
	for _, root := range []string{c.config.Base.EscapedPath(), "/api/v4"} {
		if below, found := strings.CutPrefix(escaped, root+"/"); found {
			return "/" + below
		}
	}
	return escaped
}

// reservedHeaders must not be set by a caller: they authenticate, change the method or
// the path, make net/http send a request twice, or belong to the connection.
var reservedHeaders = []string{
	"authorization", "proxy-authorization", "private-token", "job-token", "deploy-token", "runner-token",
	"sudo", "cookie",
	"x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url",
	"idempotency-key", "x-idempotency-key",
	"connection", "proxy-connection", "keep-alive", "upgrade", "te", "trailer", "transfer-encoding",
	"content-length", "expect", "host",
}

// IsReserved reports whether a header must not be set by a caller. It ignores case,
// and takes any punctuation for a dash, as servers do that make variables of headers.
func IsReserved(name string) bool {
	folded := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, LowerASCII(name))
	return slices.Contains(reservedHeaders, folded)
}

// checkHeaders rejects headers that a caller's request must not have, in any
// spelling.
func checkHeaders(header http.Header) error {
	for name, values := range header {
		if IsReserved(name) {
			return fmt.Errorf("the header %q is not the caller's to set", http.CanonicalHeaderKey(name))
		}
		if name == "" || strings.ContainsFunc(name, notToken) || slices.ContainsFunc(values, HasControl) {
			return fmt.Errorf("the header %q has a newline or another character that headers must not have", name)
		}
	}
	return nil
}

// CheckOwnHeader returns an error if a header must not be added to every request.
func CheckOwnHeader(name, value string) error {
	if err := checkHeaders(http.Header{name: {value}}); err != nil {
		return err
	}
	name = http.CanonicalHeaderKey(name)
	if mayCrossOrigin(name) || strings.HasPrefix(name, "Content-") {
		return fmt.Errorf("the header %q is set by the client", name)
	}
	return nil
}

// notToken reports whether r must not be in a header's name, by RFC 9110.
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// HasControl reports whether a header's value has a control character, such as the
// newline that would end it.
func HasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
