package gitlabci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
	"github.com/google/go-querystring/query"
	"github.com/hashicorp/go-retryablehttp"

	"example.com/gitlabci/internal/lenient"
)

// A path is an endpoint below /api/v4, escaped, and its template for logs. Its
// err is the first segment that must not be sent.
type path struct {
	escaped, template string
	err               error
}

// A segmenter is a value in a path: one segment, or several. It says how it is
// called in the template, and whether it may be sent.
type segmenter interface {
	segments() (values []string, template string, err error)
}

// at joins segments to a path: words of GitLab's, which are the template too,
// and values, each escaped as a whole.
func at(parts ...any) path {
	var p path
	for _, part := range parts {
		word, _ := part.(string)
		values, template, err := []string{word}, word, error(nil)
		if s, ok := part.(segmenter); ok {
			values, template, err = s.segments()
		}
		for _, value := range values {
			// A "+" in a path means itself, but some proxies read a space.
			p.escaped += "/" + strings.ReplaceAll(url.PathEscape(value), "+", "%2B")
		}
		p.template += "/" + template
		if p.err == nil {
			p.err = err
		}
	}
	return p
}

func (id ProjectID) segments() ([]string, string, error) {
	return []string{string(id)}, ":id", id.check()
}

func (id ProjectID) check() error {
	value := string(id)
	if strings.Trim(strings.TrimPrefix(value, "-"), "0123456789") == "" {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
			return nil
		}
		return fmt.Errorf("project %q is not a number above zero", value)
	}
	if !strings.Contains(value, "/") {
		return fmt.Errorf("project %q is neither a number nor a full path such as \"group/app\"", value)
	}
	if wanders(value) {
		return fmt.Errorf("project %q has an empty part, a \".\" or a \"..\"", value)
	}
	return nil
}

// wanders reports whether a name with slashes has parts that a proxy which
// decodes "%2F" would follow somewhere else. GitLab allows none of them.
func wanders(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return true
		}
	}
	return false
}

func (id PipelineID) segments() ([]string, string, error) {
	return number("pipeline", int64(id), ":pipeline_id")
}

func (id JobID) segments() ([]string, string, error) {
	return number("job", int64(id), ":job_id")
}

func number(noun string, n int64, template string) ([]string, string, error) {
	if n < 1 {
		return nil, template, fmt.Errorf("%s ID %d is not above zero", noun, n)
	}
	return []string{strconv.FormatInt(n, 10)}, template, nil
}

// A call is one request as a service describes it.
type call struct {
	method string
	path   path
	query  url.Values
	body   any   // sent as JSON, unless nil
	once   bool  // must not reach GitLab twice; see policy
	tries  int   // at most, if above zero
	raw    bool  // the caller reads the answer: see Client.Do
	err    error // why it must not be sent

	file bool   // a file or a log: may be redirected to another origin, a storage
	etag string // of the answer that the caller has: the same one comes as 304, which is success

	unrepeatable bool           // the body can be read once
	secrets      []secret.Value // what is in the body and must not be printed
}

func (cl *call) isRead() bool { return cl.method == http.MethodGet || cl.method == http.MethodHead }

// once describes a write whose repetition would do it twice.
func once(method string, p path, body any) *call {
	return &call{method: method, path: p, body: body, once: true, err: p.err}
}

// repeatable describes a write whose repetition changes nothing more.
func repeatable(method string, p path, body any) *call {
	return &call{method: method, path: p, body: body, err: p.err}
}

func reading(p path, query url.Values) *call {
	return &call{method: http.MethodGet, path: p, query: query, err: p.err}
}

// readingFile describes a read of a file or a log, which the server may redirect
// to a storage.
func readingFile(p path, query url.Values) *call {
	cl := reading(p, query)
	cl.file = true
	return cl
}

// get reads one object. The fields of opts, unless it is nil, are the query.
func get[P any](ctx context.Context, c *Client, p path, opts any) (P, error) {
	values, err := query.Values(opts)
	if err != nil {
		var none P
		return none, err
	}
	return send[P](ctx, c, reading(p, values))
}

// send makes a call whose answer is one object, a P; see [lenient.Object].
func send[P any](ctx context.Context, c *Client, cl *call) (P, error) {
	var answer, none P
	err := c.fetch(ctx, cl, func(_ http.Header, body []byte) (err error) {
		answer, err = decodeThing[P](body)
		return err
	})
	if err != nil {
		return none, err
	}
	return answer, nil
}

// discard makes a call whose successful response has no content; see
// checkSilence.
func discard(ctx context.Context, c *Client, cl *call) error {
	req, err := c.newRequest(ctx, cl)
	if err != nil {
		return err
	}
	resp, err := c.do(req, cl, checkSilence)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return nil
}

// checkSilence refuses a success with unexpected content. GitLab confirms a delete
// with 204, or with 202 and that status as its message. A page or another message
// was sent by something that did not pass the request on, such as a login form.
func checkSilence(resp *http.Response) error {
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	body = bytes.TrimSpace(body)
	message, _, hasMessage := lenient.Message(body)
	switch {
	case rest.IsPage(resp.Header.Get("Content-Type")): // half a page is enough for its title
		return &refusal{unreadable(resp, body, nil)}
	case message == rest.StatusLine(http.StatusAccepted):
		return nil
	case resp.StatusCode == http.StatusAccepted && !hasMessage: // even if the body cannot be read
		return nil
	case err != nil:
		return err
	case len(body) == 0, !hasMessage && lenient.HasID(body): // the object may be what was deleted
		return nil
	case !hasMessage:
		return &refusal{fmt.Errorf("%s with a body, which GitLab does not send", rest.StatusLine(resp.StatusCode))}
	}
	message = shorten(secret.Scrub(message, policyFrom(resp.Request.Context()).secrets), maxTitle)
	return &refusal{fmt.Errorf("%s, but the message is %q", rest.StatusLine(resp.StatusCode), message)}
}

// fetch makes a call and reads its answer whole before it is decoded, so that
// an answer that breaks off counts as a failed attempt. One that the caller has
// already is not decoded.
func (c *Client) fetch(ctx context.Context, cl *call, decode func(http.Header, []byte) error) error {
	req, err := c.newRequest(ctx, cl)
	if err != nil {
		return err
	}
	_, err = c.do(req, cl, func(resp *http.Response) error {
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusNotModified {
			return nil
		}
		body, err := readAnswer(resp, min(c.config.maxAnswer, answerLimit(ctx)))
		if err != nil {
			return err
		}
		if err := decode(resp.Header, body); err != nil {
			return &refusal{unreadable(resp, body, err)}
		}
		return nil
	})
	return err
}

// errLarger begins the error of a response that is not read to its end.
var errLarger = errors.New("the response is larger")

type limitKey struct{}

// withAnswerLimit has less read of the responses to calls with a context.
func withAnswerLimit(ctx context.Context, bytes int64) context.Context {
	return context.WithValue(ctx, limitKey{}, bytes)
}

func answerLimit(ctx context.Context) int64 {
	if limit, ok := ctx.Value(limitKey{}).(int64); ok {
		return limit
	}
	return math.MaxInt64 - 1
}

func readAnswer(resp *http.Response, limit int64) ([]byte, error) {
	var body bytes.Buffer
	if resp.ContentLength > 0 {
		body.Grow(int(min(resp.ContentLength, limit, 1<<20)) + bytes.MinRead)
	}
	n, err := body.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err == nil && n > limit {
		return nil, &refusal{fmt.Errorf("%w than the %d bytes of WithMaxAnswer", errLarger, limit)}
	}
	return body.Bytes(), err
}

// newRequest builds the request of a call, or says what is wrong with it.
func (c *Client) newRequest(ctx context.Context, cl *call) (*http.Request, error) {
	if cl.err != nil {
		return nil, &inputError{cl.method + " " + cl.path.template, cl.err}
	}
	var body io.Reader
	if cl.body != nil {
		data, err := lenient.Encode(cl.body)
		if err != nil {
			return nil, &inputError{cl.method + " " + cl.path.template, err}
		}
		body = bytes.NewReader(data)
	}
	target := c.config.base.String() + cl.path.escaped
	if len(cl.query) > 0 {
		target += "?" + cl.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, cl.method, target, body)
	if err != nil {
		return nil, &inputError{cl.method + " " + cl.path.template, rest.Bare(err)}
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if cl.etag != "" {
		req.Header.Set("If-None-Match", cl.etag)
	}
	return req, nil
}

// do sends the request of a call as often as its policy says. The answer is
// handed to handle, whose error counts as one of the connection.
func (c *Client) do(req *http.Request, cl *call, handle func(*http.Response) error) (*http.Response, error) {
	p := &policy{ctx: req.Context(), call: cl, config: c.config, secrets: slices.Clone(cl.secrets)}
	retrying := &retryablehttp.Client{
		HTTPClient:     c.http,
		RetryMax:       math.MaxInt, // the policy counts
		CheckRetry:     p.check,
		Backoff:        p.pause,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
		RequestLogHook: p.begin,
		PrepareRetry:   rewind,
	}
	r := &retryablehttp.Request{Request: req.WithContext(withPolicy(req.Context(), p))}
	r.SetResponseHandler(func(resp *http.Response) error {
		if handle == nil || p.over { // go-retryablehttp offers refusals as well
			return nil
		}
		return handle(resp)
	})
	resp, err := retrying.Do(r)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, c.explainMove(req.Context(), cl, p.secrets, p.verdict(err))
	}
	return resp, nil
}

func rewind(req *http.Request) (err error) {
	if req.GetBody != nil {
		req.Body, err = req.GetBody()
	}
	return err
}
