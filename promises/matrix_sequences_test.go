package promises_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A matrixSequence is what goes wrong with several requests of a call, while its context
// has a deadline, and a check of the result.
type matrixSequence struct {
	name    string
	faults  []gitlabcitest.Fault
	timeout time.Duration
	judge   func(*testing.T, sequenceResult)
}

// A sequenceResult is the result of a call.
type sequenceResult struct {
	call  matrixCall
	err   error
	hit   bool // there was a request to be met by a fault
	ended bool // by the deadline
}

// TestMatrixOfSequences calls every method while one request after the other fails. A run
// tries a fifth of the sequences with each method, with one token over one protocol.
func TestMatrixOfSequences(t *testing.T) {
	t.Parallel()
	for i, call := range matrixCalls() {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			for j, sequence := range matrixSequences() {
				if !testkit.Sampled(i+j, matrixPart()) {
					continue
				}
				for _, way := range testkit.OneOf(call.ways()) {
					t.Run(sequence.name+"/"+way.String(), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { sequence.run(t, newTrial(t, call, way, nil), call) })
					})
				}
			}
		})
	}
}

func (s matrixSequence) run(t *testing.T, trial *trial, call matrixCall) {
	for _, fault := range s.faults {
		fault.Route = call.route
		trial.srv.Fault(fault)
	}
	ctx, cancel := context.WithTimeout(t.Context(), s.timeout)
	defer cancel()
	begun := time.Now()
	result := sequenceResult{call: call, err: call.do(ctx, trial.client)}
	result.ended = time.Since(begun) == s.timeout
	require.LessOrEqual(t, time.Since(begun), s.timeout)
	for _, request := range trial.srv.Requests() {
		result.hit = result.hit || request.Route == call.route
	}
	trial.note(result.err)
	s.judge(t, result)
	synctest.Wait()
	trial.transport.CloseIdleConnections()
	require.Zero(t, trial.open.Load(), "bodies left open")
	requireEffects(t, trial.srv, call, result.err)
	trial.requireSecrecy(t)
}

func matrixSequences() []matrixSequence {
	absent := gitlabcitest.Fault{Status: 404, Body: `{"message":"404 Not found"}`, Nth: 2, Times: 1}
	silence := gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader}
	later := gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Nth: 2}
	throttled := gitlabcitest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}
	once := func(f gitlabcitest.Fault) gitlabcitest.Fault {
		f.Times = 1
		return f
	}
	// No wait of whole seconds ends with the deadline, and no poll has given up a server that
	// it has not reached for a minute.
	const day, minute = 24 * time.Hour, time.Minute - 300*time.Millisecond
	return []matrixSequence{
		{"a 404 in between", []gitlabcitest.Fault{absent}, day, judgeLate},
		{"executed, then a 404", []gitlabcitest.Fault{{Status: 502, Executed: true, Times: 1}, absent}, day, judgeAbsent},
		{"502 until the deadline", []gitlabcitest.Fault{{Status: 502}}, minute, judgeDeadline("502 Bad Gateway")},
		{"502, then silence until the deadline", []gitlabcitest.Fault{once(gitlabcitest.Fault{Status: 502}), later}, minute, judgeDeadline("502 Bad Gateway")},
		{"429 until the deadline", []gitlabcitest.Fault{throttled}, minute, judgeDeadline("429 Too Many Requests")},
		{"429, then silence until the deadline", []gitlabcitest.Fault{once(throttled), later}, minute, judgeDeadline("429 Too Many Requests")},
		{"resets until the deadline", []gitlabcitest.Fault{{Break: gitlabcitest.BreakResetUnanswered}}, minute, judgeDeadline("")},
		{"silence until the deadline", []gitlabcitest.Fault{silence}, minute, judgeDeadline("")},
		{"silence for hours", []gitlabcitest.Fault{silence}, day, judgeSilence},
	}
}

// judgeLate requires that a fault of a second request has no effect, unless the call has one:
// GitLab's last page of projects links to an empty one.
func judgeLate(t *testing.T, r sequenceResult) {
	if r.call.name == "Projects.All" {
		require.ErrorIs(t, r.err, gitlabci.ErrNotFound)
		return
	}
	require.NoError(t, r.err)
}

// judgeAbsent requires that a 404 says nothing about an earlier attempt, and ends no poll.
func judgeAbsent(t *testing.T, r sequenceResult) {
	switch r.call.kind {
	case reading, streaming, decoding, resuming:
		require.ErrorIs(t, r.err, gitlabci.ErrNotFound)
	case once, passThrough:
		require.ErrorIs(t, r.err, gitlabci.ErrOutcomeUnknown)
	default: // the write was executed, and the object that is polled for exists
		require.NoError(t, r.err)
	}
}

// judgeDeadline requires that an error says what failed before the deadline, that nothing
// but the deadline ends a poll, and that the outcome of a write is not known.
func judgeDeadline(why string) func(*testing.T, sequenceResult) {
	return func(t *testing.T, r sequenceResult) {
		t.Helper()
		require.Error(t, r.err)
		switch r.call.kind {
		case watching, expecting, following:
			require.True(t, r.ended, "the deadline ends a poll")
		}
		if r.ended {
			require.ErrorIs(t, r.err, context.DeadlineExceeded)
		}
		if !r.hit {
			return
		}
		require.ErrorContains(t, r.err, why)
		writes := r.call.kind != reading && !strings.HasPrefix(r.call.route, "GET ") // a validation is a POST that changes nothing
		if writes && !strings.HasPrefix(why, "429") {                                // after a 429, silence may follow
			require.ErrorIs(t, r.err, gitlabci.ErrOutcomeUnknown)
		} else if !writes {
			require.NotErrorIs(t, r.err, gitlabci.ErrOutcomeUnknown)
		}
		if e := (*gitlabci.APIError)(nil); why != "" {
			require.ErrorAs(t, r.err, &e)
		}
	}
}

// judgeSilence requires that nothing waits for a silent server forever. A keyed create
// finds what it made, and so does a play. A variable that was set or deleted is looked up, too.
func judgeSilence(t *testing.T, r sequenceResult) {
	require.False(t, r.ended)
	if r.call.kind == findsOrRetries || r.call.kind == findsOnly || strings.HasPrefix(r.call.name, "Variables.Set") || r.call.name == "Variables.Delete" {
		require.NoError(t, r.err)
		return
	}
	require.Error(t, r.err)
}
