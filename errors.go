package gitlabci

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
)

// What errors of this package match, by [errors.Is].
var (
	// ErrUnauthorized is 401: a token is needed, or the token is unknown, expired or
	// revoked.
	ErrUnauthorized = errors.New("gitlabci: unauthorized")

	// ErrForbidden is 403: the token or its owner lacks the permission.
	ErrForbidden = errors.New("gitlabci: forbidden")

	// ErrNotFound is 404: the object does not exist, or the token may not see it. The
	// error also matches [errors.ErrUnsupported] if the server is too old to know the
	// endpoint.
	ErrNotFound = errors.New("gitlabci: not found")

	// ErrConflict is 409: another operation is changing the same object.
	ErrConflict = errors.New("gitlabci: conflict")

	// ErrRateLimited is 429, after the retries of [WithRetries] or with a wait longer
	// than [WithMaxWait]. It is also the error of a call that was not sent because the
	// response to another call requested a wait.
	ErrRateLimited = errors.New("gitlabci: rate limited")

	// ErrInvalid is 400 or 422: GitLab rejects the request. It is also the error of
	// invalid arguments, with which nothing is sent.
	ErrInvalid = rest.ErrInvalid

	// ErrNotSent is the error of a call that never reached GitLab, so that it was
	// certainly not executed: the arguments are invalid, no connection was made, the
	// response to another call requested a wait, or a pipeline may already have
	// the key of [CreatePipelineOptions.IdempotencyKey]. It distinguishes these from the
	// responses of GitLab that match [ErrInvalid] or [ErrRateLimited] as well.
	ErrNotSent = rest.ErrNotSent

	// ErrOutcomeUnknown means that a write may have been executed, since a response was
	// lost. The error also matches the error of the last attempt.
	ErrOutcomeUnknown = rest.ErrOutcomeUnknown

	// ErrBlocked means that a pipeline does not continue before someone plays a manual
	// job; see [PipelinesService.Wait]. The error is a [*BlockedError].
	ErrBlocked = errors.New("gitlabci: blocked by a manual job")

	// ErrStalled means that the server sent nothing for too long: no response within
	// 120 seconds, or no more bytes of one within 60. It also means that it sent too
	// little: a response was not complete within 10 minutes, or a file or a log brought
	// less than 1 KiB in a minute.
	ErrStalled = rest.ErrStalled
)

// An APIError is a response other than success. One that matches [ErrRateLimited] may
// stand for the response to another call, because of which this one was not sent.
type APIError struct {
	StatusCode int
	Method     string
	Path       string              // of the endpoint, without host or query
	Message    string              // of GitLab, with its fields joined, or the title of a page
	Fields     map[string][]string // of Message, by field, such as "base"; nil if it has none
	RequestID  string              // for GitLab's support
	RetryAfter time.Duration       // what the server asks to wait; 0 if it does not say

	storage string // the host, if it is not the server
	noRoute bool   // the server does not know the endpoint
	foreign bool   // not GitLab's JSON: perhaps a proxy's response
	hint    string // how to get further
}

// Error returns the method, the path, the status and the message, without the query.
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
	if e.hint != "" {
		text += " (" + e.hint + ")"
	}
	return "gitlabci: " + e.Method + " " + e.Path + ": " + text
}

// reason returns the message without the status that GitLab often puts before it.
func (e *APIError) reason() string {
	for _, prefix := range []string{rest.StatusLine(e.StatusCode), strconv.Itoa(e.StatusCode)} {
		if len(e.Message) >= len(prefix) && strings.EqualFold(e.Message[:len(prefix)], prefix) {
			return strings.TrimLeft(e.Message[len(prefix):], " -:")
		}
	}
	return e.Message
}

// Is reports whether target is the error for this status. Responses of another host,
// such as a storage that artifacts are redirected to, match none of these errors.
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

// A BlockedError is the error of a pipeline that waits for a manual job. It matches
// [ErrBlocked].
type BlockedError struct {
	Project  ProjectID
	Pipeline PipelineID
	Jobs     []*Job // those that someone has to play; of trigger jobs only what both have in common
}

// Error names the pipeline and its jobs.
func (e *BlockedError) Error() string {
	var names []string
	for _, job := range e.Jobs {
		names = append(names, job.Name)
	}
	text := fmt.Sprintf("%v: pipeline %d in project %s", ErrBlocked, e.Pipeline, e.Project)
	if len(names) > 0 {
		text += ": " + strings.TrimPrefix(amongNames(names), " among ")
	}
	return text
}

// Is reports whether target is [ErrBlocked].
func (e *BlockedError) Is(target error) bool { return target == ErrBlocked }

// gone reports whether GitLab says that the object itself does not exist.
func (e *APIError) gone() bool { return e.failure().Gone() }

// failure returns what package rest judges. It is made from the fields, since callers
// can make errors too.
func (e *APIError) failure() *rest.Failure {
	return &rest.Failure{Status: e.StatusCode, Message: e.Message, Storage: e.storage, NoRoute: e.noRoute, Foreign: e.foreign}
}

// newAPIError returns the error of a response other than success.
func newAPIError(f *rest.Failure) error {
	return &APIError{f.Status, f.Method, f.Path, f.Message, f.Fields, f.RequestID, f.RetryAfter, f.Storage, f.NoRoute, f.Foreign, hint(f)}
}

// hint returns what the client knows of the reason for a response, or "".
func hint(f *rest.Failure) string {
	denied := f.Status == http.StatusUnauthorized || f.Status == http.StatusForbidden || f.Status == http.StatusNotFound
	switch {
	case f.Storage != "" || f.Foreign || !denied:
		return ""
	case f.NoRoute && strings.Contains(strings.ToUpper(f.Path), "%2F"):
		return "the server is too old for it, or a proxy decodes the %2F: then the project's number works"
	case f.NoRoute:
		return ""
	case f.Credential == "" && f.Status != http.StatusForbidden:
		return "the client has no token"
	case f.Credential == jobTokenHeader && refusesJobTokens(f.Endpoint):
		return "a job token is not accepted for this; use an access token"
	case f.Credential == jobTokenHeader && f.Status == http.StatusUnauthorized:
		return "a job token is valid only while its job is running"
	case f.Credential != jobTokenHeader && (f.Endpoint == "GET /job" || f.Endpoint == "GET /job/allowed_agents"):
		return "this needs a job token"
	case f.Message == rest.StatusLine(http.StatusForbidden) && slices.Contains(withoutCI, f.Endpoint):
		return "the permission is missing, or CI/CD is switched off in the project"
	}
	return ""
}

// withoutCI are endpoints that every reader of a project may request, unless its CI/CD
// is switched off.
var withoutCI = []string{
	"GET /projects/:id/pipelines", "GET /projects/:id/pipelines/:pipeline_id", "GET /projects/:id/jobs",
	"GET /projects/:id/pipelines/:pipeline_id/jobs", "POST /projects/:id/pipeline",
}

const jobTokenHeader = "JOB-TOKEN"

// refusesJobTokens reports whether an endpoint is known to refuse job tokens.
func refusesJobTokens(endpoint string) bool {
	_, path, _ := strings.Cut(endpoint, " ")
	isBelow := func(parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }
	return slices.Contains(notForJobTokens, endpoint) || slices.ContainsFunc(neverForJobTokens, isBelow)
}

// neverForJobTokens are paths that refuse job tokens with every method.
var neverForJobTokens = []string{
	"/projects/:id/triggers", "/projects/:id/pipeline_schedules", "/projects/:id/hooks", "/projects/:id/statuses",
	"/projects/:id/repository/commits/:sha/statuses", "/projects/:id/variables", "/groups/:id/variables", "/admin/ci/variables", "/projects/:id/ci/lint",
}

// notForJobTokens are other endpoints that refuse job tokens.
var notForJobTokens = []string{
	"POST /projects/:id/pipeline",
	"GET /projects/:id/pipelines/latest",
	"GET /projects/:id/pipelines/:pipeline_id/variables",
	"GET /projects/:id/pipelines/:pipeline_id/test_report",
	"GET /projects/:id/pipelines/:pipeline_id/test_report_summary",
	"DELETE /projects/:id/pipelines/:pipeline_id",
	"POST /projects/:id/pipelines/:pipeline_id/retry",
	"POST /projects/:id/pipelines/:pipeline_id/cancel",
	"GET /pipelines",
	"GET /projects/:id/jobs/:job_id",
	"GET /projects/:id/jobs/:job_id/trace",
	"POST /projects/:id/jobs/:job_id/cancel",
	"POST /projects/:id/jobs/:job_id/retry",
	"POST /projects/:id/jobs/:job_id/erase",
	"POST /projects/:id/jobs/:job_id/play",
	"POST /projects/:id/jobs/:job_id/artifacts/keep",
	"DELETE /projects/:id/jobs/:job_id/artifacts",
	"DELETE /projects/:id/artifacts",
}

// isTransient reports whether a later poll may succeed after this error. If GitLab has
// responded before, a host that cannot be found counts as a failure of the name server. A
// response that is not GitLab's counts as one of a proxy, unless it asks for credentials.
func isTransient(err error, respondedBefore bool) bool {
	e, responded := errors.AsType[*APIError](err)
	switch {
	case !responded:
		return !errors.Is(err, ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) && !rest.IsBadRedirect(err) && (respondedBefore || !rest.IsPermanent(err))
	case e.StatusCode >= http.StatusInternalServerError, e.StatusCode == http.StatusRequestTimeout, e.Is(ErrRateLimited):
		return true
	case e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusProxyAuthRequired:
		return false
	}
	return e.failure().Locked() || e.foreign
}

// showsServer reports whether an error shows that there is a server, even if what it sends is
// not GitLab's. A 4xx that is not GitLab's may be of a proxy that does not know GitLab.
func showsServer(err error) bool {
	e, responded := errors.AsType[*APIError](err)
	if !responded {
		return rest.GotResponse(err)
	}
	return !e.foreign || e.StatusCode >= http.StatusInternalServerError || e.Is(ErrRateLimited)
}

// isGone reports whether GitLab says that the object itself does not exist.
func isGone(err error) bool {
	e, responded := errors.AsType[*APIError](err)
	return responded && e.gone()
}

// retryAfter is how long the server asks to wait before the next request, or 0.
func retryAfter(err error) time.Duration {
	if e, responded := errors.AsType[*APIError](err); responded {
		return e.RetryAfter
	}
	return 0
}
