package gitlabci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// What errors of this package match, by [errors.Is].
var (
	// ErrUnauthorized is 401: no token where one is needed, or one that is
	// unknown, expired or revoked.
	ErrUnauthorized = errors.New("gitlabci: unauthorized")

	// ErrForbidden is 403: the token's owner may not do this.
	ErrForbidden = errors.New("gitlabci: forbidden")

	// ErrNotFound is 404: the thing does not exist or the token may not see
	// it. The error also matches [errors.ErrUnsupported] when the server does
	// not know the endpoint, being too old for it.
	ErrNotFound = errors.New("gitlabci: not found")

	// ErrConflict is 409: something else is changing the same thing.
	ErrConflict = errors.New("gitlabci: conflict")

	// ErrRateLimited is 429, still after the tries of [WithRetries] or with a
	// wait longer than [WithMaxWait]. A call that was not even sent, since the
	// answer to another one asked this client to wait, has it too.
	ErrRateLimited = errors.New("gitlabci: rate limited")

	// ErrInvalid is 400 or 422: GitLab refuses what was asked. It is bad input
	// that was never sent, too.
	ErrInvalid = errors.New("gitlabci: invalid")

	// ErrOutcomeUnknown means that GitLab may have carried out a write whose
	// answer was lost. The server's own error, if any, matches as well.
	ErrOutcomeUnknown = errors.New("gitlabci: outcome unknown")

	// ErrBlocked means that nothing moves in a pipeline before someone plays a
	// manual job; see [PipelinesService.Wait].
	ErrBlocked = errors.New("gitlabci: blocked by a manual job")

	// ErrStalled means that the server fell silent: no answer for 120 seconds,
	// or nothing more of one for 60.
	ErrStalled = errors.New("gitlabci: the server fell silent")
)

// An APIError is an answer other than success; with [ErrRateLimited] perhaps
// the answer to another call, for which this one was not sent.
type APIError struct {
	StatusCode int
	Method     string
	Path       string        // of the endpoint, without host or query
	Message    string        // what GitLab said, its fields joined, or the title of a page
	RequestID  string        // for GitLab's support
	RetryAfter time.Duration // what the server asks to wait, or the wait that was not begun; else 0

	storage string // the host, when it is not the server
	noRoute bool   // the server does not know the endpoint
	foreign bool   // not in GitLab's JSON: of a proxy before it, perhaps
	halved  bool   // the message broke off
	held    bool   // the gate's, not the server's

	redirected bool // a redirect that was not followed
}

// Error says what was asked and what was answered, without the query.
func (e *APIError) Error() string {
	text := rest.StatusLine(e.StatusCode)
	if e.storage != "" {
		text = "storage " + e.storage + ": " + text
	}
	if reason := e.reason(); reason != "" {
		text += ": " + reason
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (retry after %v)", e.RetryAfter)
	}
	return "gitlabci: " + e.Method + " " + e.Path + ": " + text
}

// reason is the message without the status that GitLab often puts before it.
func (e *APIError) reason() string {
	for _, prefix := range []string{rest.StatusLine(e.StatusCode), strconv.Itoa(e.StatusCode)} {
		if len(e.Message) >= len(prefix) && strings.EqualFold(e.Message[:len(prefix)], prefix) {
			return strings.TrimLeft(e.Message[len(prefix):], " -:")
		}
	}
	return e.Message
}

// Is reports whether the answer is of the kind of target. Answers of another
// host, such as the storage that artifacts are redirected to, are of none.
func (e *APIError) Is(target error) bool {
	if e.storage != "" {
		return false
	}
	switch e.StatusCode {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound:
		return target == ErrNotFound || e.noRoute && target == errors.ErrUnsupported
	case http.StatusConflict:
		return target == ErrConflict
	case http.StatusTooManyRequests:
		return target == ErrRateLimited
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return target == ErrInvalid
	}
	return false
}

// gone reports whether GitLab says that the thing itself is missing, rather
// than its project, which may be hidden from a token that has just expired. A
// proxy that lost its GitLab answers 404, too.
func (e *APIError) gone() bool {
	above := func(noun string) bool {
		return strings.Contains(strings.ToLower(secret.OneLine(e.Message)), noun+" not found")
	}
	return e.Is(ErrNotFound) && !e.noRoute && !e.foreign && !slices.ContainsFunc([]string{"project", "group", "namespace", "user"}, above)
}

// saysNothing reports whether the status leaves open if the request was carried
// out: 5xx, a status below 200, 3xx that is not a redirect, or a proxy's timeout.
func (e *APIError) saysNothing() bool {
	switch e.StatusCode {
	case http.StatusRequestTimeout, 460, 499: // the last two are of AWS and of nginx
		return e.foreign
	}
	return e.StatusCode >= 500 || e.StatusCode < 200 || e.StatusCode/100 == 3 && !e.redirected
}

// locked reports whether something else holds a lock for a moment, by the one
// text of GitLab's that has to be read.
func (e *APIError) locked() bool {
	return e.StatusCode == http.StatusConflict && strings.Contains(strings.ToLower(e.Message), "resource lock")
}

// readError reads and closes an answer other than success.
func (p *policy) readError(resp *http.Response) *APIError {
	defer func(body io.Closer) { body.Close() }(resp.Body)
	e := &APIError{
		StatusCode: resp.StatusCode,
		Method:     p.call.method,
		Path:       p.call.path.escaped,
		RequestID:  requestID(resp, p.secrets),
		RetryAfter: retryAfter(resp),
		storage:    secret.Scrub(p.away, p.secrets),
	}
	// Half a message is better than none, so an error here is not one more.
	if resp.StatusCode < 200 { // its body would be everything else on the connection
		resp.Body.Close()
		resp.Body = http.NoBody
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	e.halved = err != nil
	resp.Body = io.NopCloser(bytes.NewReader(body))
	message, limit, noRoute, foreign := errorMessage(resp.Header.Get("Content-Type"), body)
	if address, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		e.redirected = true
		message = fmt.Sprintf("redirected to %s://%s%s, which is not followed for a %s", address.Scheme, address.Host, address.EscapedPath(), e.Method)
	}
	if at := resp.Request.URL; p.away != "" && rest.SameHost(at, p.config.base) {
		message = fmt.Sprintf("the server redirects to %s://%s, where the token does not go: should that be the base URL?", at.Scheme, at.Host)
	}
	e.Message = shorten(secret.Scrub(message, p.secrets), limit) // in this order: half a token is one too many
	e.noRoute, e.foreign = noRoute && e.StatusCode == http.StatusNotFound, foreign
	return e
}

// requestID is the ID that GitLab gave a request, or whatever else is there.
func requestID(resp *http.Response, secrets []secret.Value) string {
	return shorten(secret.Scrub(secret.OneLine(resp.Header.Get("X-Request-Id")), secrets), maxTitle)
}

// The longest messages, in characters.
const (
	maxMessage = 64 << 10 // also of what is read of an error
	maxText    = 1000     // of a text that is not GitLab's JSON
	maxTitle   = 200      // of a page
)

// errorMessage finds what GitLab, or a proxy before it, has to say, how much of
// it is worth keeping, whether it says that the endpoint does not exist, and
// whether it is in other words than GitLab's.
func errorMessage(contentType string, body []byte) (message string, limit int, noRoute, foreign bool) {
	body = bytes.TrimSpace(body)
	if message, noRoute, ok := lenient.Message(body); ok {
		return message, maxMessage, noRoute, false
	}
	if strings.Contains(contentType, "html") || bytes.HasPrefix(body, []byte("<")) {
		return pageTitle(body), maxTitle, false, true
	}
	return secret.OneLine(string(body)), maxText, false, true
}

// entities are those that titles of error pages have. The table of all of them
// in package html would be one percent of a small program.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#34;", `"`, "&#39;", "'", "&nbsp;", " ", "&middot;", "·")

var titleElement = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)

// pageTitle is the title of an HTML page, "" without one.
func pageTitle(page []byte) string {
	title := titleElement.FindSubmatch(page)
	if title == nil {
		return ""
	}
	return secret.OneLine(entities.Replace(string(title[1])))
}

// shorten makes a text valid UTF-8 of at most limit characters, and bytes of at
// most maxMessage.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit-1]) + "…"
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "")
	}
	return text
}

// unreadable explains a success whose body is not what GitLab sends.
func unreadable(resp *http.Response, body []byte, err error) error {
	contentType, status := resp.Header.Get("Content-Type"), rest.StatusLine(resp.StatusCode)
	if errors.Is(err, pages.ErrLink) || errors.Is(err, lenient.ErrTooLarge) {
		return fmt.Errorf("%s, but %w", status, err)
	}
	if errors.Is(err, errNoThing) {
		message, _, _ := lenient.Message(body)
		return anotherThing(status, err, message, policyFrom(resp.Request.Context()).secrets)
	}
	if strings.Contains(contentType, "json") {
		return fmt.Errorf("%s with JSON that is not GitLab's: %w", status, err)
	}
	title := ""
	if t := pageTitle(body); t != "" {
		title = ": " + shorten(secret.Scrub(t, policyFrom(resp.Request.Context()).secrets), maxTitle) // in this order, as above
	}
	return fmt.Errorf("%s with content type %q, not JSON%s", status, contentType, title)
}

// anotherThing explains a successful response that is not the requested object,
// with the message in it, if any.
func anotherThing(status string, err error, message string, secrets []secret.Value) error {
	if message = shorten(secret.Scrub(secret.OneLine(message), secrets), maxTitle); message == "" {
		return fmt.Errorf("%s with unexpected JSON: %w", status, err)
	}
	return fmt.Errorf("%s with unexpected JSON: %w; its message is %q", status, err, message)
}

// noFile explains JSON in place of a file by its message, if it has one.
func noFile(contentType string, body io.Reader, secrets []secret.Value) error {
	// Half a message is better than none, so a read error is ignored.
	text, _ := io.ReadAll(io.LimitReader(body, maxMessage))
	message, _, _ := lenient.Message(text)
	if message = shorten(secret.Scrub(secret.OneLine(message), secrets), maxTitle); message == "" {
		return fmt.Errorf("the response has content type %q, not that of the requested file", contentType)
	}
	return fmt.Errorf("the response has content type %q, not that of the requested file; its message is %q", contentType, message)
}

// An inputError is bad input, found before anything was sent.
type inputError struct {
	where string
	err   error
}

func (e *inputError) Error() string        { return "gitlabci: " + e.where + ": " + e.err.Error() }
func (e *inputError) Unwrap() error        { return e.err }
func (e *inputError) Is(target error) bool { return target == ErrInvalid }

// A refusal ends a call by a rule of this package or of its caller, so that
// another attempt would end the same way.
type refusal struct{ err error }

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// A requestError is a call that ended without an answer that can be used. Its
// text is written at once, so that no secret need be kept to scrub it.
type requestError struct {
	text string
	err  error
}

func (p *policy) fail(err error) error {
	text := "gitlabci: " + p.call.method + " " + p.call.path.escaped + ": "
	if p.away != "" {
		text += "storage " + secret.Scrub(p.away, p.secrets) + ": "
	}
	err = secret.ScrubError(err, p.secrets)
	text += err.Error()
	if p.attempt > 1 {
		text += fmt.Sprintf(" (%d tries)", p.attempt)
	}
	return &requestError{text, err}
}

func (e *requestError) Error() string { return e.text }
func (e *requestError) Unwrap() error { return e.err }

// An outcomeError is the error of a write that GitLab may have carried out.
type outcomeError struct{ err error }

func (e *outcomeError) Error() string {
	return e.err.Error() + " (outcome unknown: GitLab may have done it)"
}
func (e *outcomeError) Unwrap() error        { return e.err }
func (e *outcomeError) Is(target error) bool { return target == ErrOutcomeUnknown }
