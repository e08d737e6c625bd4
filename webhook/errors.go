package webhook

import "errors"

// ErrNotVerified means that a request does not prove that it comes from GitLab. It is
// matched by [ErrCredentials], [ErrSignature], [ErrToken] and [ErrTimestamp], which say
// why.
var ErrNotVerified = errors.New("webhook: the request is not verified")

// Reasons why a request is not verified. All match [ErrNotVerified].
var (
	// ErrCredentials means that the request has neither the signature nor the secret
	// token that the Verifier requires, or has a header of these twice, or one of more than
	// 1 KiB.
	ErrCredentials error = &refusal{"webhook: the request has no signature or token that can be verified"}
	// ErrSignature means that no signature in the request is that of its ID, its
	// timestamp and its body.
	ErrSignature error = &refusal{"webhook: the signature is wrong"}
	// ErrToken means that the secret token is not one of the Verifier's.
	ErrToken error = &refusal{"webhook: the secret token is wrong"}
	// ErrTimestamp means that a signed request was made too long ago, or in the future:
	// see [Tolerance]. The clocks of the two machines may differ.
	ErrTimestamp error = &refusal{"webhook: the timestamp is too far from the present time"}
)

// ErrReplayed means that the request is verified, but its event was accepted before. The
// right response is a success, so that GitLab does not count a failure.
var ErrReplayed = errors.New("webhook: the event was accepted before")

// ErrTooLarge means that the body is larger than the 25 MiB that GitLab sends, or would
// take too much memory once it is decoded.
var ErrTooLarge = errors.New("webhook: the body is too large")

// ErrMalformed means that the body of a verified request is not JSON, or ends too early.
var ErrMalformed = errors.New("webhook: the body is not JSON")

// ErrBusy means that a [Handler] has no room for the event, or is shutting down.
var ErrBusy = errors.New("webhook: too many events are waiting")

// A refusal is a reason why a request is not verified.
type refusal struct{ text string }

func (r *refusal) Error() string        { return r.text }
func (r *refusal) Is(target error) bool { return target == ErrNotVerified }
