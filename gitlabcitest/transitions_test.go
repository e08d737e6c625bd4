package gitlabcitest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A transition is a row of GitLab's table: an event takes a job from any of
// some statuses to another one.
type transition struct {
	event string
	from  string
	to    gitlabci.Status
	how   func(*testing.T, *gitlabcitest.Server)
	then  func(*testing.T, object)
}

// set sets the status of the job 1.
func set(to gitlabci.Status) func(*testing.T, *gitlabcitest.Server) {
	return func(_ *testing.T, srv *gitlabcitest.Server) { srv.SetJobStatus(1, to) }
}

// call posts to the job 1.
func call(action string) func(*testing.T, *gitlabcitest.Server) {
	return func(t *testing.T, srv *gitlabcitest.Server) {
		require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1/"+action).status)
	}
}

const (
	onTheWay   = "created waiting_for_resource preparing waiting_for_callback pending running"
	cancelable = onTheWay + " manual scheduled"
)

// The time is 60 s after the job was added when it changes, and 90 s when it
// is looked at.
var table = []transition{
	{"process", "skipped manual", "created", set("created"), unfinished},
	{"enqueue", "created skipped manual scheduled", "pending", set("pending"), queuedNow},
	{"prepare", "created skipped manual scheduled waiting_for_resource", "preparing", set("preparing"), unfinished},
	{"wait for a resource", "created skipped manual scheduled", "waiting_for_resource", set("waiting_for_resource"), unfinished},
	{"wait for a callback", "created skipped manual scheduled waiting_for_resource preparing", "waiting_for_callback", set("waiting_for_callback"), unfinished},
	{"enqueue after waiting", "preparing waiting_for_resource waiting_for_callback", "pending", set("pending"), queuedNow},
	{"run", "pending", "running", set("running"), startedNow},
	{"skip", "created waiting_for_resource preparing pending", "skipped", set("skipped"), unfinished},
	{"success", onTheWay, "success", set("success"), finishedNow},
	{"success while canceling", "canceling", "canceled", set("success"), finishedNow},
	{"drop while canceling", "canceling", "canceled", set("failed"), finishedNow},
	{"drop by FailJob while canceling", "canceling", "canceled", func(_ *testing.T, srv *gitlabcitest.Server) { srv.FailJob(1, "") }, finishedNow},
	{"drop", cancelable, "failed", set("failed"), failedFor("script_failure")},
	{"drop by FailJob", cancelable, "failed", func(_ *testing.T, srv *gitlabcitest.Server) { srv.FailJob(1, "user_blocked") }, failedFor("user_blocked")},
	{"drop by FailJob for no reason", "running", "failed", func(_ *testing.T, srv *gitlabcitest.Server) { srv.FailJob(1, "") }, failedFor("script_failure")},
	{"cancel with grace", "running", "canceling", set("canceling"), unfinished},
	{"cancel", cancelable, "canceled", call("cancel"), finishedNow},
	{"cancel by the runner", cancelable, "canceled", set("canceled"), finishedNow},
	{"force_cancel", "canceling", "canceled", call("cancel?force=true"), finishedNow},
	{"end of cancel", "canceling", "canceled", set("canceled"), finishedNow},
	{"erase", "success", "success", call("erase"), erasedNow},
	{"erase", "failed", "failed", call("erase"), erasedNow},
	{"erase", "canceled", "canceled", call("erase"), erasedNow},
	{"erase", "skipped", "skipped", call("erase"), erasedNow},
}

func unfinished(t *testing.T, o object)  { require.Nil(t, o["finished_at"]) }
func startedNow(t *testing.T, o object)  { require.Equal(t, clock(60), o["started_at"]) }
func finishedNow(t *testing.T, o object) { require.Equal(t, clock(60), o["finished_at"]) }

func queuedNow(t *testing.T, o object) {
	unfinished(t, o)
	require.Equal(t, 30.0, o["queued_duration"])
}

func failedFor(reason string) func(*testing.T, object) {
	return func(t *testing.T, o object) {
		finishedNow(t, o)
		require.Equal(t, reason, o["failure_reason"])
	}
}

func erasedNow(t *testing.T, o object) {
	require.Equal(t, clock(60), o["erased_at"])
	require.Equal(t, []any{}, o["artifacts"])
}

func TestTransitions(t *testing.T) {
	for _, row := range table {
		for from := range strings.FieldsSeq(row.from) {
			t.Run(row.event+"/"+from, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := gitlabcitest.NewServer()
					p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
					p.AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.Status(from), Log: "x"})
					time.Sleep(time.Minute)
					row.how(t, srv)
					time.Sleep(30 * time.Second)
					o := get(t, srv, "/projects/1/jobs/1").object(t)
					require.EqualValues(t, row.to, o["status"])
					row.then(t, o)
					if row.event != "erase" {
						require.EqualValues(t, row.to, o.in("pipeline")["status"], "it follows its job")
						require.Equal(t, clock(60), o.in("pipeline")["updated_at"])
					}
				})
			})
		}
	}
}

func TestImpossibleTransitions(t *testing.T) {
	words := strings.Fields(cancelable + " canceling success failed canceled skipped")
	possible := []string{}
	for _, row := range table {
		to := row.to
		switch row.event { // what ends while it is canceling is canceled
		case "success while canceling":
			to = gitlabci.StatusSuccess
		case "drop while canceling":
			to = gitlabci.StatusFailed
		case "erase":
			continue
		}
		for from := range strings.FieldsSeq(row.from) {
			possible = append(possible, from+" "+string(to))
		}
	}
	for _, from := range words {
		for _, to := range append(words, "unheard_of") {
			srv := oneJob(gitlabcitest.Job{Status: gitlabci.Status(from)})
			if slices.Contains(possible, from+" "+to) {
				require.NotPanics(t, func() { srv.SetJobStatus(1, gitlabci.Status(to)) }, "%s to %s", from, to)
				continue
			}
			sentence := fmt.Sprintf("gitlabcitest: SetJobStatus: the job 1 is %s, and does not become %s from that", from, to)
			require.PanicsWithValue(t, sentence, func() { srv.SetJobStatus(1, gitlabci.Status(to)) })
			require.EqualValues(t, from, get(t, srv, "/projects/1/jobs/1").object(t)["status"])
		}
	}
	srv := oneJob(gitlabcitest.Job{})
	require.PanicsWithValue(t, "gitlabcitest: FailJob: the job 1 is success, and does not become failed from that", func() {
		srv.FailJob(1, gitlabci.FailureReasonAPIFailure)
	})
}

// The user who retries jobs is their user from then on.
func TestProcessSetsUser(t *testing.T) {
	for _, path := range []string{"/projects/1/jobs/1/retry", "/projects/1/pipelines/101/retry"} {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines"})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Status: gitlabci.StatusFailed})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Status: gitlabci.StatusSkipped, FinishedAt: day(1)})
		require.Equal(t, "ines", get(t, srv, "/projects/1/jobs/2").object(t).in("user")["username"])
		require.Equal(t, 201, post(t, srv, path).status)
		o := get(t, srv, "/projects/1/jobs/2").object(t)
		require.Equal(t, []any{"created", "maya", nil}, []any{o["status"], o.in("user")["username"], o["finished_at"]})
	}
}

// A job that is brought back has not been in the queue.
func TestProcessEmptiesQueue(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Status: gitlabci.StatusPending})
	for _, status := range []gitlabci.Status{"skipped", "created", "canceled"} {
		srv.SetJobStatus(1, status)
	}
	require.Nil(t, get(t, srv, "/projects/1/jobs/1").object(t)["queued_duration"])
}

// A job with a Script continues from its new status, once.
func TestScriptContinues(t *testing.T) {
	script := gitlabcitest.Script{Queues: 10 * time.Second, Runs: 10 * time.Second, Coverage: new(1.0), Log: "1\n2\n"}
	tests := map[string]struct {
		at       time.Duration
		to       gitlabci.Status
		want     course
		coverage any
		log      string
	}{
		"taken early":   {5 * time.Second, "running", course{{9, "running: running"}, {10, "success: success"}}, 1.0, "1\n2\n"},
		"ended early":   {15 * time.Second, "success", course{{0, "success: success"}, {3600, "success: success"}}, 1.0, "1\n"},
		"failed early":  {15 * time.Second, "failed", course{{0, "failed: failed"}, {3600, "failed: failed"}}, 1.0, "1\n"},
		"stopped early": {15 * time.Second, "canceled", course{{0, "canceled: canceled"}, {3600, "canceled: canceled"}}, nil, "1\n"},
		"never begun":   {5 * time.Second, "success", course{{0, "success: success"}, {3600, "success: success"}}, nil, ""},
		"left out":      {5 * time.Second, "skipped", course{{0, "skipped: skipped"}, {3600, "skipped: skipped"}}, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{ID: 1, Script: script})
				time.Sleep(test.at)
				srv.SetJobStatus(1, test.to)
				test.want.follow(t, srv, p.ID)
				require.Equal(t, test.coverage, get(t, srv, "/projects/1/jobs/1").object(t)["coverage"])
				require.Equal(t, test.log, get(t, srv, "/projects/1/jobs/1/trace").body)
			})
		})
	}
}

func TestFailJobLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{Runs: time.Minute, Coverage: new(1.0), FailureReason: "api_failure"}})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "later", Script: atOnce})
		p.AddTriggerJob(gitlabcitest.Job{ID: 3, Status: gitlabci.StatusRunning})
		time.Sleep(time.Second)
		srv.FailJob(1, "")
		srv.FailJob(3, "")
		o := get(t, srv, "/projects/1/jobs/1").object(t)
		require.Equal(t, []any{"failed", "api_failure", nil}, []any{o["status"], o["failure_reason"], o["coverage"]})
		require.Equal(t, "unknown_failure", get(t, srv, "/projects/1/pipelines/101/trigger_jobs").list(t)[0]["failure_reason"])
		course{{0, "failed: failed skipped failed"}, {3600, "failed: failed skipped failed"}}.follow(t, srv, p.ID)
	})
}
