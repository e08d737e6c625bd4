package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/secret"
)

// The errors that calls match, besides those of responses.
var (
	ErrInvalid        = errors.New("gitlabci: invalid")
	ErrNotSent        = errors.New("gitlabci: not sent")
	ErrOutcomeUnknown = errors.New("gitlabci: outcome unknown")
	ErrStalled        = errors.New("gitlabci: the server fell silent")
)

// A Failure is a response other than success, whose body has been read.
type Failure struct {
	Status     int
	Method     string
	Path       string              // of the endpoint, escaped
	Endpoint   string              // its method and template
	Credential string              // the header that had the token; "" without one
	Fields     map[string][]string // GitLab's messages by field; nil without any
	Message    string              // what the server says, or the title of a page
	RequestID  string              // for GitLab's support
	RetryAfter time.Duration       // what the server requests, or 0

	Storage string // the host, if it is not the server
	NoRoute bool   // the server does not know the endpoint
	Foreign bool   // it is not GitLab's JSON: perhaps a proxy's response
	Cut     bool   // the body ended too early, and so did the message

	redirected bool // it is a redirect that is not followed
}

// isFromServer reports whether a failure has this status and is not a storage's.
func (f *Failure) isFromServer(status int) bool { return f.Storage == "" && f.Status == status }

// Gone reports whether GitLab says that the object itself does not exist, rather than
// its project, which may be hidden from a token that has just expired. A 404 of a proxy
// says neither.
func (f *Failure) Gone() bool {
	above := func(noun string) bool {
		return strings.Contains(strings.ToLower(secret.OneLine(f.Message)), noun+" not found")
	}
	return f.isFromServer(http.StatusNotFound) && !f.NoRoute && !f.Foreign &&
		!slices.ContainsFunc([]string{"project", "group", "namespace", "user"}, above)
}

// mayBeExecuted reports whether the request may have been executed, for all the status
// says: 5xx, a status below 200, 3xx that is not a redirect, or a proxy's timeout.
func (f *Failure) mayBeExecuted() bool {
	switch f.Status {
	case http.StatusRequestTimeout, 460, 499: // the last two are of AWS and of nginx
		return f.Foreign
	}
	return f.Status >= 500 || f.Status < 200 || f.Status/100 == 3 && !f.redirected
}

// Locked reports whether another operation holds a lock for a moment. GitLab says so
// only by this text.
func (f *Failure) Locked() bool {
	return f.Status == http.StatusConflict && strings.Contains(strings.ToLower(f.Message), "resource lock")
}

// read reads and closes a response other than success.
func (r *run) read(resp *http.Response) *Failure {
	defer func(body io.Closer) { body.Close() }(resp.Body)
	f := &Failure{
		Status:     resp.StatusCode,
		Method:     r.call.Method,
		Path:       r.call.Path.Escaped,
		Endpoint:   r.call.Endpoint(),
		RequestID:  requestID(resp, r.secrets),
		RetryAfter: retryAfter(resp),
		Storage:    secret.Scrub(r.attempt.otherHost, r.secrets),
	}
	if r.config.Auth != nil {
		f.Credential = r.config.Auth.Header
	}
	if resp.StatusCode < 200 { // its body would be all that follows on the connection
		resp.Body.Close()
		resp.Body = http.NoBody
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage))
	f.Cut = err != nil
	resp.Body = io.NopCloser(bytes.NewReader(body))
	message, limit, foreign := errorMessage(resp.Header.Get("Content-Type"), body)
	if packed := packedBy(resp.Header, body); foreign && packed != "" {
		message.Text = fmt.Sprintf("its message is compressed by %q, which was not requested", packed)
	}
	if r.attempt.otherHost != "" { // it may echo the signature of its URL in any form
		message.Text, limit = storageCode(body), MaxTitle
	}
	if text := r.redirection(resp); text != "" {
		message.Text = text
	}
	_, err = resp.Location()
	f.redirected = err == nil && resp.StatusCode/100 == 3
	f.Message = Shorten(secret.Scrub(message.Text, r.secrets), limit) // in this order: half a token is one too many
	f.Fields = r.printFields(message.Fields)
	f.NoRoute, f.Foreign = message.NoRoute && f.Status == http.StatusNotFound, foreign
	return f
}

// printFields makes the messages about each field, such as "base" or "ref", printable.
func (r *run) printFields(fields map[string][]string) map[string][]string {
	for name, messages := range fields {
		for i, message := range messages {
			messages[i] = printable(message, r.secrets)
		}
		if printed := printable(name, r.secrets); printed != name {
			delete(fields, name)
			fields[printed] = messages
		}
	}
	return fields
}

// redirection explains a redirect that is not followed, and a failure at another
// scheme or port of the server. It returns "" for any other response.
func (r *run) redirection(resp *http.Response) string {
	at := resp.Request.URL
	if r.attempt.otherHost != "" && SameHost(at, r.config.Base) {
		return fmt.Sprintf("the server redirects to %s://%s, where the token does not go: should that be the base URL?", at.Scheme, at.Host)
	}
	to, err := resp.Location()
	if err != nil || resp.StatusCode/100 != 3 || r.attempt.otherHost != "" {
		return ""
	}
	return fmt.Sprintf("redirected to %s, which is not followed for a %s", withoutQuery(to), r.call.Method)
}

// requestID returns the ID that GitLab gave to a request, or "" if it is none of
// GitLab's.
func requestID(resp *http.Response, secrets []secret.Value) string {
	id := resp.Header.Get("X-Request-Id")
	if len(id) > MaxTitle || strings.ContainsFunc(id, notOfID) || secret.Scrub(id, secrets) != id {
		return ""
	}
	return id
}

// notOfID reports whether Rails allows r in no request ID.
func notOfID(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '@')
}

// storageCode returns the code of a storage's error, such as "AccessDenied", or "".
func storageCode(body []byte) string {
	code := codeElement.FindSubmatch(body)
	if code == nil {
		return ""
	}
	return string(code[1])
}

var codeElement = regexp.MustCompile(`<Code>\s*([A-Za-z][A-Za-z0-9.]{0,63})\s*</Code>`)

// printable makes a text from the server one short line without secrets, which is
// to be quoted.
func printable(text string, secrets []secret.Value) string {
	return Shorten(secret.Redact(secret.OneLine(text), secrets), MaxTitle)
}

// The longest messages, in characters.
const (
	MaxMessage = 64 << 10 // also the most bytes that are read of a failure
	maxText    = 1000     // of a text that is not GitLab's JSON
	MaxTitle   = 200      // of a page's title, and of names that are quoted
)

// errorMessage returns the message of a failure, how many characters of it are kept, and
// whether it is not in GitLab's JSON.
func errorMessage(contentType string, body []byte) (message lenient.Message, limit int, foreign bool) {
	body = bytes.TrimSpace(body)
	if message, ok := lenient.MessageOf(body); ok {
		return message, MaxMessage, false
	}
	if strings.Contains(contentType, "html") || bytes.HasPrefix(body, []byte("<")) {
		return lenient.Message{Text: pageTitle(body)}, MaxTitle, true
	}
	return lenient.Message{Text: secret.OneLine(string(body))}, maxText, true
}

// entities are those found in titles of error pages. Package html has all of them,
// which would be one percent of a small program.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#34;", `"`, "&#39;", "'", "&nbsp;", " ", "&middot;", "·")

var titleElement = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)

// pageTitle returns the title of an HTML page, or "".
func pageTitle(page []byte) string {
	title := titleElement.FindSubmatch(page)
	if title == nil {
		return ""
	}
	return secret.OneLine(entities.Replace(string(title[1])))
}

// Shorten makes a text valid UTF-8 of at most limit characters, and bytes of at
// most [MaxMessage].
func Shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit-1]) + "…"
	}
	if len(text) > MaxMessage {
		text = strings.ToValidUTF8(text[:MaxMessage], "")
	}
	return text
}

// prefix begins the text of each error of this module.
const prefix = "gitlabci: "

// Errorf is like [fmt.Errorf], and the text begins with "gitlabci: ". Errors in args lose
// that prefix in the text, so that it is there once.
func Errorf(format string, args ...any) error {
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			args[i] = inner(err)
		}
	}
	return &ourError{fmt.Errorf(format, args...)}
}

type ourError struct{ err error }

func (e *ourError) Error() string { return prefix + e.err.Error() }
func (e *ourError) Unwrap() error { return e.err }

// inner returns an error whose text lacks the prefix, for use within another text.
func inner(err error) error {
	text := strings.ReplaceAll(strings.TrimPrefix(err.Error(), prefix), ": "+prefix, ": ")
	if text == err.Error() {
		return err
	}
	return &innerError{text, err}
}

type innerError struct {
	text string
	err  error
}

func (e *innerError) Error() string { return e.text }
func (e *innerError) Unwrap() error { return e.err }

// A requestError is the error of a call that got no usable response. Its text is
// made immediately, so that the error need not keep the secrets.
type requestError struct {
	text        string
	err         error
	gotResponse bool // there was a response
}

// fail makes an error the call's: it adds the endpoint and the number of attempts.
func (r *run) fail(err error) error {
	call := r.call.Method + " " + r.call.Path.Escaped + ": "
	text := prefix + call
	if r.attempt.otherHost != "" {
		text += "storage " + secret.Scrub(r.attempt.otherHost, r.secrets) + ": "
	}
	err = secret.ScrubError(err, r.secrets)
	text += strings.ReplaceAll(inner(err).Error(), after+call, after) // the attempt before was of the same call
	if r.history.attempts > 1 {
		text += fmt.Sprintf(" (%d tries)", r.history.attempts)
	}
	return &requestError{text, err, r.attempt.reached}
}

func (e *requestError) Error() string { return e.text }
func (e *requestError) Unwrap() error { return e.err }

// An outcomeError is the error of a write that GitLab may have executed.
type outcomeError struct{ err error }

func (e *outcomeError) Error() string {
	return e.err.Error() + " (outcome unknown: GitLab may have done it)"
}
func (e *outcomeError) Unwrap() error        { return e.err }
func (e *outcomeError) Is(target error) bool { return target == ErrOutcomeUnknown }

// A notSentError is the error of a call that never reached the server.
type notSentError struct{ err error }

// NotSent makes an error match [ErrNotSent].
func NotSent(err error) error { return &notSentError{err} }

func (e *notSentError) Error() string        { return e.err.Error() }
func (e *notSentError) Unwrap() error        { return e.err }
func (e *notSentError) Is(target error) bool { return target == ErrNotSent }

// GotResponse reports whether the last attempt of a call got a response, even an unusable one.
func GotResponse(err error) bool {
	e, ok := errors.AsType[*requestError](err)
	return ok && e.gotResponse
}
