package gitlabcitest

import (
	"io/fs"
	"math/bits"
	"reflect"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
)

// A Script says how a job runs by the clock, which is virtual inside of
// [testing/synctest]. Nothing runs in the background, unless there are hooks: each request,
// and each method of the [Server], first does what is due, in order and at the times at which
// it was due.
//
// The job goes through the states that have a time here, in the order of these fields, and
// then to its Result. No time may be negative. The zero Script is none: see [Job]. A job
// that ends immediately has only a Result.
type Script struct {
	WaitsForResource time.Duration // how long it is waiting_for_resource; zero skips the state
	Prepares         time.Duration // how long it is preparing; zero skips the state
	WaitsForCallback time.Duration // how long it is waiting_for_callback; zero skips the state
	Queues           time.Duration // how long it is pending, until a runner takes it
	Runs             time.Duration // how long it is running

	Result        gitlabci.Status        // how it ends: success (zero), failed or canceled
	FailureReason gitlabci.FailureReason // script_failure; only if it fails

	// NeverRuns is for a job that no runner takes. After Queues it fails with the
	// FailureReason, whose default is then stuck_pending_no_matching_runners. No other
	// field of the Script may be set.
	NeverRuns bool

	// Cancels is how long a running job takes to stop after someone cancels it: it is
	// canceling meanwhile. Zero is for a runner without this feature: the job is canceled
	// immediately. So is a job on a server that is older than the status.
	Cancels time.Duration

	// Log is what the job writes: line by line, evenly over Runs. After half of that time
	// it has half of the lines, and at the end all of them. Nothing more is written once
	// the job is canceled. What AppendLog has written before stays above it.
	Log string

	// LogLag is how long after it was written the Log is visible. Its last bytes are then
	// visible only after the end of the job. Zero is immediately.
	LogLag time.Duration

	// Coverage, Artifacts and Reports are set when the job ends by itself. See the fields
	// of [Job] for what they are. Nil is none.
	Coverage  *float64
	Artifacts fs.FS
	Reports   map[gitlabci.ArtifactType][]byte

	// ArtifactsExpireIn is how long after the end of the job Artifacts and
	// Reports vanish, unless they are those of the newest successful pipeline
	// of a ref. Zero is never.
	ArtifactsExpireIn time.Duration
}

// A When is the condition under which a job starts, once all jobs of earlier stages have
// ended or need not be waited for. If it is not met, the job is skipped.
type When string

const (
	WhenOnSuccess When = "on_success" // runs if no job failed, except those that may; "" is the same
	WhenOnFailure When = "on_failure" // runs if one failed
	WhenAlways    When = "always"     // runs whether or not one failed, but not if one was canceled
	WhenManual    When = "manual"     // as on_success, but waits until someone plays it
	WhenDelayed   When = "delayed"    // as on_success, but waits for StartIn, or until someone plays it
)

// allows reports whether a job runs if earlier stages ended like this.
func (w When) allows(prior gitlabci.Status) bool {
	switch prior {
	case gitlabci.StatusFailed:
		return w == WhenOnFailure || w == WhenAlways
	case gitlabci.StatusSuccess, gitlabci.StatusSkipped:
		return w != WhenOnFailure
	default:
		return false
	}
}

// waits reports whether a job waits for a person or for a time.
func (w When) waits() bool { return w == WhenManual || w == WhenDelayed }

// isZero reports whether there is no script.
func (s Script) isZero() bool { return reflect.ValueOf(s).IsZero() }

// check panics if the script makes no sense.
func (s Script) check(method string) {
	times := []time.Duration{
		s.WaitsForResource, s.Prepares, s.WaitsForCallback, s.Queues, s.Runs, s.Cancels, s.LogLag, s.ArtifactsExpireIn,
	}
	if least := slices.Min(times); least < 0 {
		misuse("%s: a Script with a time of %v, which is negative", method, least)
	}
	switch s.Result {
	case "", gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusCanceled:
	default:
		misuse("%s: a Script with the Result %q, which is not how a job ends that ran", method, s.Result)
	}
	left := s
	left.WaitsForResource, left.Prepares, left.WaitsForCallback, left.Queues = 0, 0, 0, 0
	left.NeverRuns, left.FailureReason = false, ""
	if s.NeverRuns && !left.isZero() {
		misuse("%s: a Script that NeverRuns, and yet says what happens when it does", method)
	}
}

// A script is a Script whose files were read.
type script struct {
	Script // without Artifacts and Reports
	files  []*artifact
}

// read reads the files of a script, where what has no time is from at. It is
// nil for none.
func (s Script) read(method string, at time.Time) *script {
	if s.isZero() {
		return nil
	}
	s.check(method)
	files := (&Job{Artifacts: s.Artifacts, Reports: s.Reports}).files(method, at)
	s.Artifacts, s.Reports = nil, nil
	s.Coverage = copied(s.Coverage)
	return &script{s, files}
}

// after is where a job goes from a state before it is pending: to the next one
// that takes time.
func (s *script) after(status gitlabci.Status) gitlabci.Status {
	if s == nil {
		return gitlabci.StatusPending
	}
	for _, next := range beforePending[slices.Index(beforePending, status)+1:] {
		if s.durationOf(next) > 0 {
			return next
		}
	}
	return gitlabci.StatusPending
}

// beforePending are the states that a job may go through first, in this order.
var beforePending = []gitlabci.Status{
	gitlabci.StatusWaitingForResource, gitlabci.StatusPreparing, gitlabci.StatusWaitingForCallback,
}

// statuses are those of them that the job goes through.
func (s *script) statuses() []gitlabci.Status {
	return slices.DeleteFunc(slices.Clone(beforePending), func(status gitlabci.Status) bool { return s.durationOf(status) == 0 })
}

// durationOf is how long a job stays in a state.
func (s *script) durationOf(status gitlabci.Status) time.Duration {
	return map[gitlabci.Status]time.Duration{
		gitlabci.StatusWaitingForResource: s.WaitsForResource,
		gitlabci.StatusPreparing:          s.Prepares,
		gitlabci.StatusWaitingForCallback: s.WaitsForCallback,
		gitlabci.StatusPending:            s.Queues,
		gitlabci.StatusRunning:            s.Runs,
		gitlabci.StatusCanceling:          s.Cancels,
	}[status]
}

// A writing is the log of a script while it is written.
type writing struct {
	rest  string // what does not show yet
	lines int    // in all
	shown int
	since time.Time
	until time.Time // when the job stopped to write; zero while it does
	over  time.Duration
	lag   time.Duration
}

// beginLog lets a job write the log of its script.
func (j *job) beginLog(at time.Time) {
	script := j.script()
	if script == nil || script.Log == "" {
		return
	}
	lines := strings.Count(script.Log, "\n")
	if !strings.HasSuffix(script.Log, "\n") {
		lines++
	}
	j.live.writing = &writing{rest: script.Log, lines: lines, since: at, over: script.Runs, lag: script.LogLag}
}

// endLog lets a job write no more. What it has written may still not show.
func (j *job) endLog(at time.Time) {
	if j.live != nil && j.live.writing != nil {
		j.live.writing.until = at
	}
}

// written is the log that shows by now. It is never changed, only added to.
func (j *job) written(now time.Time) []byte {
	if j.live == nil || j.live.writing == nil {
		return j.log
	}
	w := j.live.writing
	for due := w.due(now); w.shown < due; w.shown++ {
		end := strings.Index(w.rest, "\n") + 1
		if end == 0 {
			end = len(w.rest)
		}
		j.log = append(j.log, w.rest[:end]...)
		w.rest = w.rest[end:]
	}
	if w.complete(now) {
		j.live.writing = nil
	}
	return j.log
}

// due is how many lines show by now.
func (w *writing) due(now time.Time) int {
	seen := now.Add(-w.lag)
	if !w.until.IsZero() && w.until.Before(seen) {
		seen = w.until
	}
	switch ran := seen.Sub(w.since); {
	case ran < 0:
		return 0
	case ran >= w.over:
		return w.lines
	default:
		high, low := bits.Mul64(uint64(w.lines), uint64(ran))
		due, _ := bits.Div64(high, low, uint64(w.over)) // below lines, as ran is below over
		return int(due)
	}
}

// complete reports whether all that will ever show does.
func (w *writing) complete(now time.Time) bool {
	return !w.until.IsZero() && !w.until.Add(w.lag).After(now)
}

// archived reports whether the log has become a file: when the job has ended
// and all of it has arrived.
func (j *job) archived(now time.Time) bool {
	return len(j.written(now)) > 0 && j.status.Finished() && (j.live == nil || j.live.writing == nil)
}

// logs reports whether the job has a log, or soon will.
func (j *job) logs(now time.Time) bool {
	return len(j.written(now)) > 0 || j.live != nil && j.live.writing != nil
}

// eraseLog removes the log, and what was still to show.
func (j *job) eraseLog() {
	j.log = nil
	if j.live != nil {
		j.live.writing = nil
	}
}
