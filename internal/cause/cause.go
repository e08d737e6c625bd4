// Package cause says why a context has ended.
//
// It is handed a context. Its error matches both the error of the context and the cause
// that [context.WithCancelCause] gave it, such as the signal that ends the program.
// ctx.Err alone would lose the cause.
package cause

import (
	"context"
	"errors"
)

// Of returns why a context has ended, or nil if it has not. The error matches the
// context's error and its cause.
func Of(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return &endedError{err, cause}
}

// An endedError is that of a context with a cause of its own.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }

// IsIn reports whether an error matches all that another one matches, which [Of] has
// returned.
func IsIn(err, of error) bool {
	if ended, ok := of.(*endedError); ok {
		return errors.Is(err, ended.err) && errors.Is(err, ended.cause)
	}
	return errors.Is(err, of)
}
