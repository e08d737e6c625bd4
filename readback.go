package gitlabci

import (
	"context"
	"errors"
)

// readBack makes a call that may be repeated. Where an earlier try may have
// done it and a later one was refused, such as for a right lost meanwhile, the
// refusal says nothing of the earlier try: what the server shows now does, and
// if it is as wanted that is success. Otherwise the refusal stands, with
// ErrOutcomeUnknown as before.
//
// Nothing is read where every answer was lost: that server answers no better
// to a read.
func readBack[P any](ctx context.Context, c *Client, cl *call, p path, done func(P) bool) (P, error) {
	answer, err := send[P](ctx, c, cl)
	e, answered := errors.AsType[*APIError](err)
	if !answered || e.StatusCode/100 != 4 || !errors.Is(err, ErrOutcomeUnknown) {
		return answer, err
	}
	now, readErr := get[P](ctx, c, p, nil)
	if readErr != nil || !done(now) {
		return answer, err
	}
	return now, nil
}
