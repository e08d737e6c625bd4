package promises_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A matrixFault is something that goes wrong with the first request of a call, and the
// errors that it must cause. Nil means that the call succeeds.
type matrixFault struct {
	name       string
	fault      gitlabcitest.Fault
	reads      error         // of reading and repeatable calls
	once       error         // of calls that are never repeated
	streams    error         // of streams
	discarding error         // of calls that ignore the body of the response
	timeout    time.Duration // of the context; zero is none
	inBody     bool          // whether the response has begun
}

// concerns reports whether the fault is relevant to a call: a caller that gets a page as it
// is must check it, and a response without a body cannot stall in one.
func (f matrixFault) concerns(d matrixCall) bool {
	switch {
	case d.kind == passThrough:
		return f.fault.Status != http.StatusOK
	case d.kind == discarding, d.name == "Variables.Delete":
		return f.fault.Break != gitlabcitest.BreakStall
	default:
		return true
	}
}

func (f matrixFault) judge(t *testing.T, call matrixCall, err error) {
	t.Helper()
	want := map[callKind]error{
		reading: f.reads, watching: f.reads, expecting: f.reads, repeatable: f.reads, once: f.once, streaming: f.streams, decoding: cmp.Or(f.passedThrough(), f.reads), discarding: f.discarding, passThrough: f.once, resuming: f.resumed(),
	}[call.kind]
	if call.kind == passThrough && f.inBody {
		want = f.passedThrough()
	}
	if (call.kind == findsOrRetries || call.kind == converging) && f.once != gitlabci.ErrOutcomeUnknown { // else it is found, or made after all
		want = f.once
	}
	if call.kind == findsOnly {
		want = f.once
		if errors.Is(err, gitlabci.ErrOutcomeUnknown) || err == nil && want == gitlabci.ErrOutcomeUnknown { // see requireEffects
			return
		}
	}
	if call.kind == following {
		want = nil
		if f.once == f.reads && f.once != gitlabci.ErrNotFound { // a refusal that stays, or the end of the context
			want = f.once
		}
	}
	if (call.kind == watching || call.kind == expecting) && want == gitlabci.ErrNotFound { // of a replica
		want = nil
	}
	if (call.kind == watching || call.kind == expecting) && want == testkit.AnyError { // of one response, not of the next
		want = nil
	}
	switch want {
	case nil:
		require.NoError(t, err)
	case testkit.AnyError:
		require.Error(t, err)
	default:
		require.ErrorIs(t, err, want)
	}
}

// passedThrough is the result with a response that is returned as it is.
func (f matrixFault) passedThrough() error {
	switch f.fault.Break {
	case gitlabcitest.BreakResetBody:
		return testkit.AnyError
	case gitlabcitest.BreakStall:
		return cmp.Or(f.streams, gitlabci.ErrStalled)
	}
	return f.streams
}

func matrixFaults() []matrixFault {
	unknown := gitlabci.ErrOutcomeUnknown
	// lost is a fault after which nobody knows whether GitLab did it.
	lost := func(name string, f gitlabcitest.Fault) matrixFault {
		return matrixFault{name: name, fault: f, once: unknown}
	}
	harmless := func(name string, f gitlabcitest.Fault) matrixFault { return matrixFault{name: name, fault: f} }
	refused := func(name string, status int, body string, sentinel error) matrixFault {
		return matrixFault{name, gitlabcitest.Fault{Status: status, Body: body}, sentinel, sentinel, sentinel, sentinel, 0, false}
	}
	seven := http.Header{"Retry-After": {"7"}}
	return append([]matrixFault{
		lost("500", gitlabcitest.Fault{Status: 500}),
		lost("502", gitlabcitest.Fault{Status: 502}),
		lost("502 executed", gitlabcitest.Fault{Status: 502, Executed: true}),
		lost("503 with Retry-After", gitlabcitest.Fault{Status: 503, Header: seven}),
		lost("504 executed", gitlabcitest.Fault{Status: 504, Executed: true}),
		lost("522", gitlabcitest.Fault{Status: 522}),
		lost("reset unread", gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread}),
		lost("reset unanswered", gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered}),
		lost("reset unanswered, executed", gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Executed: true}),
		lost("silence", gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader}),
		harmless("slow to respond", gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Delay: time.Minute}),
		harmless("drip", gitlabcitest.Fault{Break: gitlabcitest.BreakDrip, Delay: time.Second, Piece: 1000}),
		harmless("429 throttle", gitlabcitest.Fault{Status: 429, Header: seven}),
		harmless("429 endpoint", gitlabcitest.Fault{Status: 429, Body: gitlabcitest.BodyEndpointLimited}),
		harmless("429 action", gitlabcitest.Fault{Status: 429, Body: gitlabcitest.BodyActionLimited, Header: seven}),
		harmless("409 lock", gitlabcitest.Fault{Status: 409, Body: `{"message":"409 Conflict: Resource lock"}`}),
		refused("400", 400, `{"message":{"base":["no"]}}`, gitlabci.ErrInvalid),
		{"401", gitlabcitest.Fault{Status: 401, Times: 2}, gitlabci.ErrUnauthorized, gitlabci.ErrUnauthorized, gitlabci.ErrUnauthorized, gitlabci.ErrUnauthorized, 0, false}, // a source is asked again
		refused("403", 403, "", gitlabci.ErrForbidden),
		refused("404", 404, "", gitlabci.ErrNotFound),
		refused("409", 409, `{"message":"no"}`, gitlabci.ErrConflict),
		refused("422", 422, `{"error":"no"}`, gitlabci.ErrInvalid),
	}, bodyFaults()...)
}

// bodyFaults are those of responses that began well.
func bodyFaults() []matrixFault {
	unknown, late := gitlabci.ErrOutcomeUnknown, context.DeadlineExceeded
	const page = "<html><title>Log in</title></html>"
	return []matrixFault{
		{"reset in the body", gitlabcitest.Fault{Break: gitlabcitest.BreakResetBody, After: 1}, nil, unknown, nil, nil, 0, true},
		{"stall in the body", gitlabcitest.Fault{Break: gitlabcitest.BreakStall, After: 1}, nil, unknown, nil, nil, 0, true},
		{"truncated", gitlabcitest.Fault{Break: gitlabcitest.BreakTruncate, After: 1}, testkit.AnyError, unknown, nil, nil, 0, true},
		{"a page in place of the response", gitlabcitest.Fault{Status: 200, Body: page}, testkit.AnyError, unknown, testkit.AnyError, testkit.AnyError, 0, true},
		{"another thing in place of the response", gitlabcitest.Fault{Status: 200, Body: `{"message":"403 Forbidden"}`}, testkit.AnyError, unknown, testkit.AnyError, unknown, 0, true},
		{"an empty object in place of the response", gitlabcitest.Fault{Status: 200, Body: `{}`}, testkit.AnyError, unknown, testkit.AnyError, unknown, 0, true},
		{"an ID that is none", gitlabcitest.Fault{Status: 200, Body: `{"id":null,"error":"invalid_token"}`}, testkit.AnyError, unknown, testkit.AnyError, unknown, 0, true},
		{"a list of objects that are none", gitlabcitest.Fault{Status: 200, Body: `[{},{"message":"403 Forbidden"}]`}, testkit.AnyError, unknown, testkit.AnyError, unknown, 0, true},
		{"an endless list in place of the response", gitlabcitest.Fault{Status: 200, Body: "[" + strings.Repeat("{},", 10_500) + "{}]"}, testkit.AnyError, unknown, testkit.AnyError, unknown, 0, true},
		{"out of time", gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader}, late, late, late, late, 5 * time.Second, false},
		{"out of time, executed", gitlabcitest.Fault{Break: gitlabcitest.BreakStall}, late, late, late, nil, 5 * time.Second, true},
	}
}
