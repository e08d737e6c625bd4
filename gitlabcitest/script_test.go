package gitlabcitest_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A course is the history of a pipeline and its jobs: the times in seconds at which to
// look, and what is to be seen then.
type course []struct {
	at   int
	want string // the pipeline's status, and behind a colon those of the latest jobs by ID
}

func (c course) follow(t *testing.T, srv *gitlabcitest.Server, id gitlabci.PipelineID) {
	t.Helper()
	begin := time.Now()
	for _, moment := range c {
		time.Sleep(time.Until(begin.Add(time.Duration(moment.at) * time.Second)))
		require.Equal(t, moment.want, seen(t, srv, id), "after %d s", moment.at)
	}
}

// seen are the status of a pipeline and those of its latest jobs by ID.
func seen(t *testing.T, srv *gitlabcitest.Server, id gitlabci.PipelineID) string {
	t.Helper()
	client := srv.Client()
	pipeline, err := client.Pipelines.Get(t.Context(), "group/app", id)
	require.NoError(t, err)
	byID := map[gitlabci.JobID]gitlabci.Status{}
	for job, err := range client.Jobs.AllForPipeline(t.Context(), "group/app", id, nil) {
		require.NoError(t, err)
		byID[job.ID] = job.Status
	}
	for job, err := range client.Jobs.AllTriggerJobs(t.Context(), "group/app", id, nil) {
		require.NoError(t, err)
		byID[job.ID] = job.Status
	}
	words := []string{string(pipeline.Status) + ":"}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		words = append(words, string(byID[id]))
	}
	return strings.Join(words, " ")
}

// runs is a script that runs for some seconds.
func runs(seconds int) gitlabcitest.Script {
	return gitlabcitest.Script{Runs: time.Duration(seconds) * time.Second}
}

func fails(seconds int) gitlabcitest.Script {
	return gitlabcitest.Script{Runs: time.Duration(seconds) * time.Second, Result: gitlabci.StatusFailed}
}

// atOnce is a script that takes no time.
var atOnce = gitlabcitest.Script{Result: gitlabci.StatusSuccess}

// clock is a time as GitLab writes it, some seconds after a bubble began.
func clock(seconds int) string {
	return time.Date(2000, time.January, 1, 0, 0, seconds, 0, time.UTC).Format("2006-01-02T15:04:05.000Z")
}

func TestScriptStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		time.Sleep(time.Second)
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		time.Sleep(time.Second)
		job := p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{
			WaitsForResource: 1 * time.Second, Prepares: 2 * time.Second, WaitsForCallback: 3 * time.Second,
			Queues: 4 * time.Second, Runs: 5 * time.Second,
			Coverage: new(80.0), Artifacts: fstest.MapFS{"a": {Data: []byte("A")}}, ArtifactsExpireIn: time.Hour,
			Reports: map[gitlabci.ArtifactType][]byte{"junit": []byte("<testsuites/>")},
		}})
		require.Equal(t, gitlabci.StatusCreated, job.Status)
		course{
			{0, "waiting_for_resource: waiting_for_resource"}, {1, "preparing: preparing"}, {2, "preparing: preparing"},
			{3, "waiting_for_callback: waiting_for_callback"}, {6, "pending: pending"}, {9, "pending: pending"},
		}.follow(t, srv, p.ID)
		o := get(t, srv, "/projects/1/jobs/1").object(t)
		require.Nil(t, o["started_at"])
		require.Equal(t, 3.0, o["queued_duration"])
		course{{1, "running: running"}, {5, "running: running"}}.follow(t, srv, p.ID)
		o = get(t, srv, "/projects/1/jobs/1").object(t)
		require.Equal(t, clock(12), o["started_at"])
		require.Nil(t, o["finished_at"])
		require.Equal(t, 4.0, o["duration"])
		require.Equal(t, []any{}, o["artifacts"])
		require.Nil(t, o["coverage"])

		time.Sleep(30 * time.Minute) // nobody looks when it ends
		o = get(t, srv, "/projects/1/jobs/1").object(t)
		require.Equal(t, "success", o["status"])
		require.Equal(t, clock(17), o["finished_at"])
		require.Equal(t, 5.0, o["duration"])
		require.Equal(t, 4.0, o["queued_duration"])
		require.Equal(t, 80.0, o["coverage"])
		require.Equal(t, clock(17+3600), o["artifacts_expire_at"])
		require.Len(t, o["artifacts"], 3)
		require.Equal(t, "A", get(t, srv, "/projects/1/jobs/1/artifacts/a").body)
		require.Equal(t, time.Date(2000, 1, 1, 0, 0, 17, 0, time.UTC).Format("Mon, 02 Jan 2006 15:04:05 GMT"),
			get(t, srv, "/projects/1/jobs/1/artifacts").header.Get("Last-Modified"))

		o = get(t, srv, "/projects/1/pipelines/101").object(t)
		for key, want := range map[string]any{
			"status": "success", "created_at": clock(1), "started_at": clock(12), "finished_at": clock(17),
			"updated_at": clock(17), "duration": 5.0, "queued_duration": 11.0, "coverage": "80.00",
		} {
			require.Equal(t, want, o[key], key)
		}
	})
}

func TestScriptEnds(t *testing.T) {
	tests := map[string]struct {
		script gitlabcitest.Script
		want   string
		reason any
	}{
		"success":       {runs(1), "success: success", nil},
		"said so":       {gitlabcitest.Script{Result: gitlabci.StatusSuccess}, "success: success", nil},
		"failed":        {fails(1), "failed: failed", "script_failure"},
		"for a reason":  {gitlabcitest.Script{Result: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonRunnerSystemFailure}, "failed: failed", "runner_system_failure"},
		"canceled":      {gitlabcitest.Script{Runs: time.Second, Result: gitlabci.StatusCanceled}, "canceled: canceled", nil},
		"never runs":    {gitlabcitest.Script{NeverRuns: true, Queues: time.Second}, "failed: failed", "stuck_pending_no_matching_runners"},
		"for long":      {gitlabcitest.Script{NeverRuns: true, FailureReason: gitlabci.FailureReasonStuckPendingWithMatchingRunners}, "failed: failed", "stuck_pending_with_matching_runners"},
		"after waiting": {gitlabcitest.Script{Prepares: time.Second, NeverRuns: true}, "failed: failed", "stuck_pending_no_matching_runners"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{ID: 1, Script: test.script})
				course{{60, test.want}}.follow(t, srv, p.ID)
				o := get(t, srv, "/projects/1/jobs/1").object(t)
				require.Equal(t, test.reason, o["failure_reason"])
				require.NotNil(t, o["finished_at"])
				require.Equal(t, test.script.NeverRuns, o["started_at"] == nil)
			})
		})
	}
}

func TestStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusCanceled})
		p.AddJob(gitlabcitest.Job{Stage: "build", Script: runs(10), Coverage: new(50.0)})
		p.AddJob(gitlabcitest.Job{Stage: "test", Script: gitlabcitest.Script{Queues: 5 * time.Second, Runs: 20 * time.Second, Coverage: new(71.0)}})
		p.AddJob(gitlabcitest.Job{Stage: "test", Script: runs(10)})
		p.AddJob(gitlabcitest.Job{Stage: "build", Script: runs(20)})
		p.AddJob(gitlabcitest.Job{Stage: "deploy", Script: gitlabcitest.Script{Queues: 10 * time.Second, Runs: time.Second}})
		course{
			{0, "running: running created created running created"},
			{10, "running: success created created running created"},
			{20, "running: success pending running success created"},
			{25, "running: success running running success created"},
			{30, "running: success running success success created"},
			{45, "pending: success success success success pending"},
			{55, "running: success success success success running"},
			{56, "success: success success success success success"},
		}.follow(t, srv, p.ID)
		o := get(t, srv, "/projects/1/pipelines/101").object(t)
		for key, want := range map[string]any{
			"started_at": clock(0), "finished_at": clock(56), "duration": 46.0, "queued_duration": 0.0, "coverage": "60.50",
		} {
			require.Equal(t, want, o[key], key)
		}
	})
}

// The time in which nothing ran does not count, nor do attempts that were
// superseded.
func TestDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Script: fails(10), Retries: []gitlabcitest.Script{runs(4)}})
		p.AddJob(gitlabcitest.Job{ID: 2, Script: runs(2)})
		course{{10, "failed: failed success"}, {100, "failed: failed success"}}.follow(t, srv, p.ID)
		o := get(t, srv, "/projects/1/pipelines/101").object(t)
		require.Equal(t, []any{10.0, clock(10)}, []any{o["duration"], o["finished_at"]})

		post(t, srv, "/projects/1/pipelines/101/retry")
		time.Sleep(time.Second)
		o = get(t, srv, "/projects/1/pipelines/101").object(t)
		require.Equal(t, []any{"running", nil, nil, clock(0)}, []any{o["status"], o["duration"], o["finished_at"], o["started_at"]})
		course{{60, "success: success success"}}.follow(t, srv, p.ID)
		o = get(t, srv, "/projects/1/pipelines/101").object(t)
		require.Equal(t, []any{6.0, clock(104)}, []any{o["duration"], o["finished_at"]})
	})
}

func TestNoDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Stage: "a", Script: atOnce})
		p.AddJob(gitlabcitest.Job{Stage: "b", Script: gitlabcitest.Script{Queues: time.Minute}})
		course{{60, "success: success success"}}.follow(t, srv, p.ID)
		o := get(t, srv, "/projects/1/pipelines/101").object(t)
		require.Equal(t, []any{0.0, clock(0), clock(60)}, []any{o["duration"], o["started_at"], o["finished_at"]})
	})
}

// A job may have come some way already.
func TestLiveFromSomeStatus(t *testing.T) {
	tests := map[string]struct {
		job  gitlabcitest.Job
		want course
	}{
		"created":    {gitlabcitest.Job{Status: "created"}, course{{0, "pending: pending"}, {10, "running: running"}, {30, "success: success"}}},
		"pending":    {gitlabcitest.Job{Status: "pending"}, course{{0, "pending: pending"}, {10, "running: running"}, {30, "success: success"}}},
		"running":    {gitlabcitest.Job{Status: "running"}, course{{0, "running: running"}, {19, "running: running"}, {20, "success: success"}}},
		"for a time": {gitlabcitest.Job{Status: "running", StartedAt: time.Date(2000, 1, 1, 0, 0, -15, 0, time.UTC)}, course{{4, "running: running"}, {5, "success: success"}}},
		"for long":   {gitlabcitest.Job{Status: "running", StartedAt: day(1).AddDate(-30, 0, 0)}, course{{0, "success: success"}}},
		"preparing":  {gitlabcitest.Job{Status: "preparing"}, course{{0, "preparing: preparing"}, {5, "pending: pending"}, {15, "running: running"}}},
		"canceling":  {gitlabcitest.Job{Status: "canceling"}, course{{2, "canceling: canceling"}, {3, "canceled: canceled"}}},
		"manual":     {gitlabcitest.Job{Status: "manual"}, course{{3600, "manual: manual"}}},
		"scheduled":  {gitlabcitest.Job{Status: "scheduled"}, course{{3600, "scheduled: scheduled"}}},
		"delayed":    {gitlabcitest.Job{Status: "scheduled", StartIn: 7 * time.Second}, course{{6, "scheduled: scheduled"}, {7, "preparing: preparing"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{CreatedAt: day(1).AddDate(-40, 0, 0)})
				test.job.Script = gitlabcitest.Script{Queues: 10 * time.Second, Runs: 20 * time.Second, Cancels: 3 * time.Second}
				if test.job.Status == "preparing" || test.job.StartIn > 0 {
					test.job.Script.Prepares = 5 * time.Second
				}
				added := p.AddJob(test.job)
				require.Equal(t, test.job.Status, added.Status)
				test.want.follow(t, srv, p.ID)
				if name == "for long" {
					require.Equal(t, clock(0), get(t, srv, "/projects/1/jobs/1001").object(t)["finished_at"], "not in the past")
				}
				if test.job.Status == "pending" {
					require.Equal(t, 10.0, get(t, srv, "/projects/1/jobs/1001").object(t)["queued_duration"])
				}
			})
		})
	}
}

// A job that has run for some time has written that part of its log.
func TestLiveFromRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		time.Sleep(time.Minute)
		script := gitlabcitest.Script{Runs: 30 * time.Second, Log: "a\nb\nc\n"}
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
			ID: 1, Status: "running", StartedAt: time.Now().Add(-10 * time.Second), Script: script,
		})
		logs{{0, "a\n"}, {10, "a\nb\n"}, {20, "a\nb\nc\n"}}.follow(t, srv)
	})
}

func TestDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", When: gitlabcitest.WhenDelayed, StartIn: time.Minute, Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 3, Stage: "b", StartIn: time.Hour, Script: runs(10)})
		course{
			{9, "running: running created created"}, {10, "scheduled: success scheduled scheduled"},
			{69, "scheduled: success scheduled scheduled"}, {70, "running: success running scheduled"},
		}.follow(t, srv, p.ID)
		require.Equal(t, 200, post(t, srv, "/projects/1/jobs/3/play").status)
		course{{1, "running: success running running"}, {11, "success: success success success"}}.follow(t, srv, p.ID)
		course{{7200, "success: success success success"}}.follow(t, srv, p.ID)
	})
}

func TestManual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", When: gitlabcitest.WhenManual, Script: fails(10), Retries: []gitlabcitest.Script{runs(5)}})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", When: gitlabcitest.WhenManual, AllowFailure: true, Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 3, Stage: "c", Script: gitlabcitest.Script{Queues: 2 * time.Second, Runs: time.Second}})
		course{{3600, "manual: manual created created"}}.follow(t, srv, p.ID)
		require.Equal(t, 400, post(t, srv, "/projects/1/jobs/2/play").status, "its turn has not come")
		require.Equal(t, 200, post(t, srv, "/projects/1/jobs/1/play").status)
		course{{9, "running: running created created"}, {10, "failed: failed skipped skipped"}}.follow(t, srv, p.ID)

		r := post(t, srv, "/projects/1/jobs/1/play")
		require.Equal(t, 200, r.status)
		require.Equal(t, "pending", r.object(t)["status"], "it runs only after the response")
		course{
			{0, "running: created created running"}, {5, "pending: manual pending success"},
			{7, "running: manual running success"}, {8, "success: manual success success"},
		}.follow(t, srv, p.ID)
		require.Equal(t, 200, post(t, srv, "/projects/1/jobs/2/play").status)
		course{{1, "running: running success success"}, {10, "success: success success success"}}.follow(t, srv, p.ID)
	})
}

func TestWhens(t *testing.T) {
	type job = gitlabcitest.Job
	whens := []gitlabcitest.When{"", "on_success", "on_failure", "always", "manual", "delayed"}
	tests := map[string]struct {
		earlier []job
		want    string // of a job with each of the whens
	}{
		"success":       {[]job{{Script: atOnce}, {Script: atOnce}}, "success success skipped success manual success"},
		"failed":        {[]job{{Script: atOnce}, {Script: fails(0)}}, "skipped skipped success success skipped skipped"},
		"may fail":      {[]job{{Script: fails(0), AllowFailure: true}}, "success success skipped success manual success"},
		"canceled":      {[]job{{Script: gitlabcitest.Script{Result: "canceled"}}}, "skipped skipped skipped skipped skipped skipped"},
		"skipped":       {[]job{{When: gitlabcitest.WhenOnFailure}}, "success success skipped success manual success"},
		"none":          {nil, "success success skipped success manual success"},
		"running":       {[]job{{Script: runs(3600)}}, "created created created created created created"},
		"static":        {[]job{{}, {Status: gitlabci.StatusFailed}}, "skipped skipped success success skipped skipped"},
		"static, on":    {[]job{{Status: gitlabci.StatusPending}}, "created created created created created created"},
		"manual":        {[]job{{When: gitlabcitest.WhenManual}}, "created created created created created created"},
		"manual, loose": {[]job{{When: gitlabcitest.WhenManual, AllowFailure: true}}, "success success skipped success manual success"},
		"scheduled":     {[]job{{StartIn: time.Hour}}, "created created created created created created"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				for _, j := range test.earlier {
					j.Stage, j.Name = "first", "earlier"
					p.AddJob(j)
				}
				for _, when := range whens {
					p.AddJob(job{Stage: "second", When: when, Script: atOnce})
				}
				_, got, _ := strings.Cut(seen(t, srv, p.ID), ": ")
				require.Equal(t, test.want, strings.Join(strings.Fields(got)[len(test.earlier):], " "))
			})
		})
	}
}
