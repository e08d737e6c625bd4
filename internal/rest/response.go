package rest

import (
	"bytes"
	"cmp"
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
	"sync"

	"example.com/gitlabci/internal/inflate"
	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/secret"
)

// A Response is a successful response whose body is still to be read, with what an
// error of its body needs.
type Response struct {
	*http.Response
	From        string         // of one that the caller reads: the method, the endpoint, and the storage's host if it came from one
	FromStorage bool           // it came from another origin than the server's
	Secrets     []secret.Value // to keep out of errors
	run         *run
}

func (r *run) respond(resp *http.Response) *Response {
	r.response = Response{Response: resp, FromStorage: r.attempt.otherHost != "", Secrets: slices.Clip(r.secrets), run: r}
	if r.streams {
		r.response.From = r.call.Method + " " + r.call.Path.Escaped
		if r.response.FromStorage {
			r.response.From += ": storage " + resp.Request.URL.Host
		}
	}
	return &r.response
}

// checkResponse repairs or refuses what a caller's transport must not return.
func checkResponse(resp *http.Response, method string) error {
	switch {
	case resp == nil:
		return errors.New("the transport returned neither a response nor an error")
	case resp.Body == nil && resp.ContentLength > 0 && method != http.MethodHead:
		resp.Body = http.NoBody
		return errors.New("the transport returned a response without its body")
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	resp.ContentLength = max(resp.ContentLength, -1)
	return nil
}

// Fail makes an error of the body the call's.
func (r *Response) Fail(err error) error { return r.run.fail(err) }

// errLarger begins the error of a response that is not read to its end.
var errLarger = errors.New("the response is larger")

// IsLarger reports whether a response was not read to its end because of its size.
func IsLarger(err error) bool { return errors.Is(err, errLarger) }

type limitKey struct{}

// WithLimit returns a context whose calls read no more than so many bytes of a response.
func WithLimit(ctx context.Context, bytes int64) context.Context {
	return context.WithValue(ctx, limitKey{}, bytes)
}

type lowPriorityKey struct{}

// LowPriority returns a context for calls whose results nobody waits for yet. At the rate
// limiter, they let others pass.
func LowPriority(ctx context.Context) context.Context {
	return context.WithValue(ctx, lowPriorityKey{}, true)
}

func isLowPriority(ctx context.Context) bool { return ctx.Value(lowPriorityKey{}) != nil }

func limitOf(ctx context.Context) int64 {
	if limit, ok := ctx.Value(limitKey{}).(int64); ok {
		return limit
	}
	return math.MaxInt64 - 1
}

// Fetch makes a call and decodes its response. It is read to its end first, so that an
// interrupted one counts as a failed attempt. A 304 is not decoded. Decode must not keep
// the bytes.
func (c *Client) Fetch(ctx context.Context, call *Call, decode func(*Response, []byte) error) error {
	_, err := c.send(ctx, call, nil, nil, func(resp *Response) error {
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusNotModified {
			return nil
		}
		room, _ := bodies.Get().(*[]byte)
		if room == nil {
			room = new([]byte)
		}
		body, err := resp.readAll(*room, min(c.config.MaxBody, limitOf(ctx)))
		if err != nil {
			return err
		}
		defer release(room, body)
		err = decode(resp, body)
		if errors.Is(err, lenient.ErrStopped) {
			return cmp.Or(Ended(ctx), err)
		}
		if err != nil {
			return Refuse(resp.Unreadable(body, err))
		}
		return nil
	})
	return err
}

// bodies are of responses that were decoded. The next ones are read into their memory.
var bodies sync.Pool // of *[]byte

// mostPooled is how large a body may be whose memory is kept.
const mostPooled = 1 << 20

func release(room *[]byte, body []byte) {
	if cap(body) <= mostPooled {
		*room = body[:0]
		bodies.Put(room)
	}
}

// readAll reads the body into some room, or more of it.
func (r *Response) readAll(room []byte, limit int64) (body []byte, err error) {
	if zipped, ok := r.Body.(*inflate.Body); ok {
		body, err = zipped.AppendTo(room[:0], limit)
	} else {
		whole := bytes.NewBuffer(room[:0])
		if r.ContentLength > 0 {
			whole.Grow(int(min(r.ContentLength, limit, mostPooled)) + bytes.MinRead)
		}
		_, err = whole.ReadFrom(io.LimitReader(r.Body, limit+1))
		body = whole.Bytes()
	}
	if err == nil && int64(len(body)) > limit {
		return nil, Refuse(fmt.Errorf("%w than the %d bytes of WithMaxAnswer", errLarger, limit))
	}
	return body, err
}

// Open makes a call whose response the caller reads, with additional headers. If at is
// not nil, the request goes there instead of to the call's endpoint.
func (c *Client) Open(ctx context.Context, call *Call, header http.Header, at *url.URL) (*Response, error) {
	return c.send(ctx, call, header, at, nil)
}

// Discard makes a call whose successful response has no content.
func (c *Client) Discard(ctx context.Context, call *Call) error {
	resp, err := c.send(ctx, call, nil, nil, (*Response).checkNoContent)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return nil
}

// checkNoContent returns an error for a success with unexpected content. GitLab confirms
// a delete with 204, or with 202 and that status as its message. A page or another
// message means that GitLab did not get the request: it is a login form, perhaps.
func (r *Response) checkNoContent() error {
	if r.StatusCode == http.StatusNoContent {
		return nil
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxMessage))
	body = bytes.TrimSpace(body)
	message, hasMessage := lenient.MessageOf(body)
	switch {
	case IsPage(r.Header.Get("Content-Type")): // half a page is enough for its title
		return Refuse(r.Unreadable(body, nil))
	case message.Text == StatusLine(http.StatusAccepted):
		return nil
	case r.StatusCode == http.StatusAccepted && !hasMessage: // even if the body cannot be read
		return nil
	case err != nil:
		return err
	case len(body) == 0, !hasMessage && lenient.HasID(body): // the object may be what was deleted
		return nil
	case !hasMessage:
		return Refuse(fmt.Errorf("%s with a body, which GitLab does not send", StatusLine(r.StatusCode)))
	}
	text := Shorten(secret.Redact(message.Text, r.Secrets), MaxTitle)
	return Refuse(fmt.Errorf("%s, but the message is %q", StatusLine(r.StatusCode), text))
}

// ErrOther is the error of a JSON object other than the requested one, such as a
// message.
var ErrOther = errors.New("not the requested object")

// Quotable returns a header for an error to quote: short, and without secrets.
func (r *Response) Quotable(header string) string { return printable(r.Header.Get(header), r.Secrets) }

// Explained marks an error of a decoder that needs no explanation by the content type
// of the response.
func Explained(err error) error { return &explainedError{err} }

type explainedError struct{ err error }

func (e *explainedError) Error() string { return e.err.Error() }
func (e *explainedError) Unwrap() error { return e.err }

// Unreadable explains a success whose body is not what GitLab sends, given the error of
// its decoder.
func (r *Response) Unreadable(body []byte, err error) error {
	contentType, status := r.Header.Get("Content-Type"), StatusLine(r.StatusCode)
	if _, ok := errors.AsType[*explainedError](err); ok || errors.Is(err, lenient.ErrTooLarge) {
		return fmt.Errorf("%s, but %w", status, err)
	}
	if errors.Is(err, ErrOther) {
		message, _ := lenient.MessageOf(body)
		return r.Other(err, message.Text)
	}
	if packed := packedBy(r.Header, body); packed != "" {
		packed = Shorten(secret.Scrub(packed, r.Secrets), MaxTitle) // in this order, as in read
		return fmt.Errorf("%s with a body that is compressed by %q, which was not requested", status, packed)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New(status + " without a body")
	}
	if strings.Contains(contentType, "json") {
		return fmt.Errorf("%s with JSON that is not GitLab's: %w", status, err)
	}
	title := ""
	if t := pageTitle(body); t != "" {
		title = ": " + Shorten(secret.Scrub(t, r.Secrets), MaxTitle)
	}
	return fmt.Errorf("%s with content type %q, not JSON%s", status, r.Quotable("Content-Type"), title)
}

// Other explains a successful response that is not the requested object, with the
// message in it, if any.
func (r *Response) Other(err error, message string) error {
	status := StatusLine(r.StatusCode)
	message = printable(message, r.Secrets)
	if message == "" {
		return fmt.Errorf("%s with unexpected JSON: %w", status, err)
	}
	return fmt.Errorf("%s with unexpected JSON: %w; its message is %q", status, err, message)
}

// NoFile explains JSON in place of a file by its message, if it has one. The message of a
// storage is not shown: it may repeat the signature of its URL.
func (r *Response) NoFile() error {
	contentType, message := r.Quotable("Content-Type"), ""
	if !r.FromStorage {
		// A part of a message is better than none, so an error is ignored.
		body, _ := io.ReadAll(io.LimitReader(r.Body, MaxMessage))
		found, _ := lenient.MessageOf(body)
		message = printable(found.Text, r.Secrets)
	}
	if message == "" {
		return fmt.Errorf("the response has content type %q, not that of the requested file", contentType)
	}
	return fmt.Errorf("the response has content type %q, not that of the requested file; its message is %q", contentType, message)
}

// StatusLine returns a status with its text, such as "404 Not Found".
func StatusLine(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// packedBy returns how a body is compressed that is not decompressed, or "". Only gzip is
// requested, but some proxies prefer another method.
func packedBy(header http.Header, body []byte) string {
	packed := header.Get("Content-Encoding")
	if len(body) == 0 || strings.EqualFold(packed, "identity") {
		return ""
	}
	return packed
}

// IsPage reports whether a content type is that of an HTML page.
func IsPage(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), "text/html")
}

// IsJSON reports whether a content type is that of JSON.
func IsJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// Bare unwraps the errors of net/http, which quote the last URL: it may be signed.
func Bare(err error) error {
	for {
		wrapped, ok := err.(*url.Error)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}
