package gitlabci

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
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
	ErrInvalid = rest.ErrInvalid

	// ErrOutcomeUnknown means that GitLab may have carried out a write whose
	// answer was lost. The server's own error, if any, matches as well.
	ErrOutcomeUnknown = rest.ErrOutcomeUnknown

	// ErrBlocked means that nothing moves in a pipeline before someone plays a
	// manual job; see [PipelinesService.Wait].
	ErrBlocked = errors.New("gitlabci: blocked by a manual job")

	// ErrStalled means that the server fell silent: no answer for 120 seconds,
	// or nothing more of one for 60.
	ErrStalled = rest.ErrStalled
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

	storage string // the host, if it is not the server
	noRoute bool   // the server does not know the endpoint
	foreign bool   // not in GitLab's JSON: of a proxy before it, perhaps
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

// gone reports whether GitLab says that the object itself is missing.
func (e *APIError) gone() bool { return e.failure().Gone() }

// failure returns what the rules for responses need to know of one. It is made of the
// fields, since callers make errors of their own.
func (e *APIError) failure() *rest.Failure {
	return &rest.Failure{Status: e.StatusCode, Message: e.Message, Storage: e.storage, NoRoute: e.noRoute, Foreign: e.foreign}
}

// newAPIError returns the error of a response other than success.
func newAPIError(f *rest.Failure) error {
	return &APIError{f.Status, f.Method, f.Path, f.Message, f.RequestID, f.RetryAfter, f.Storage, f.NoRoute, f.Foreign}
}

// setDelay tells an error the wait that was not begun.
func setDelay(err error, wait time.Duration) {
	if e, ok := errors.AsType[*APIError](err); ok {
		e.RetryAfter = wait
	}
}

// mayPass reports whether what failed may succeed when it is polled again later.
// What is not in GitLab's words can be of a proxy that has lost it, if it was
// met before.
func mayPass(err error, met bool) bool {
	e, answered := errors.AsType[*APIError](err)
	switch {
	case !answered:
		return !errors.Is(err, ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) && !rest.IsBadRedirect(err) && (met || !rest.IsHopeless(err))
	case e.StatusCode >= http.StatusInternalServerError, e.StatusCode == http.StatusRequestTimeout, e.Is(ErrRateLimited):
		return true
	}
	return e.failure().Locked() || e.foreign && met
}
