package gitlabcitest_test

import (
	"cmp"
	"strconv"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestRetriesTakeTheNextScript(t *testing.T) {
	type scripts = []gitlabcitest.Script
	tests := map[string]struct {
		job  gitlabcitest.Job
		want []gitlabci.Status // of the attempts, each a minute after it was begun
	}{
		"the script repeats":     {gitlabcitest.Job{Script: fails(1)}, []gitlabci.Status{"failed", "failed", "failed"}},
		"fails once":             {gitlabcitest.Job{Script: fails(1), Retries: scripts{runs(1)}}, []gitlabci.Status{"failed", "success", "success"}},
		"fails twice":            {gitlabcitest.Job{Script: fails(1), Retries: scripts{fails(1), runs(1)}}, []gitlabci.Status{"failed", "failed", "success"}},
		"static before":          {gitlabcitest.Job{Status: "failed", Retries: scripts{runs(1)}}, []gitlabci.Status{"failed", "success", "success"}},
		"without a script":       {gitlabcitest.Job{Status: "failed"}, []gitlabci.Status{"failed", "pending"}},
		"nothing runs any more":  {gitlabcitest.Job{Script: fails(1), Retries: scripts{{}}}, []gitlabci.Status{"failed", "pending"}},
		"a finished manual job":  {gitlabcitest.Job{Status: "failed", When: gitlabcitest.WhenManual, Retries: scripts{runs(1)}}, []gitlabci.Status{"failed", "success"}},
		"a finished delayed job": {gitlabcitest.Job{Status: "failed", StartIn: time.Hour, Retries: scripts{runs(1)}}, []gitlabci.Status{"failed", "success"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
				p.AddJob(test.job)
				for i, want := range test.want {
					if i > 0 {
						r := post(t, srv, "/projects/1/jobs/"+strconv.Itoa(1000+i)+"/retry")
						require.Equal(t, 201, r.status)
						require.Equal(t, "pending", r.object(t)["status"])
					}
					time.Sleep(time.Minute)
					require.Equal(t, string(want)+": "+string(want), seen(t, srv, p.ID))
				}
			})
		})
	}
}

// An attempt without a script has no turn to wait for.
func TestRetryPipelineWithoutScript(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed, Retries: []gitlabcitest.Script{{}, atOnce}})
	require.Equal(t, 201, post(t, srv, "/projects/1/pipelines/101/retry").status)
	require.Equal(t, "pending: pending", seen(t, srv, p.ID))
}

// A static pipeline comes alive with a new attempt that is.
func TestRetryMakesAPipelineLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
		p.AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusFailed, Retries: []gitlabcitest.Script{runs(10)}})
		post(t, srv, "/projects/1/jobs/1/retry")
		course{{10, "success: success"}}.follow(t, srv, p.ID)
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed})
		require.Equal(t, "failed: success failed", seen(t, srv, p.ID))
	})
}

// A job of a pipeline that has ended runs when someone plays it, and the pipeline with it. Until
// then, the pipeline stays as it was given.
func TestPlayTakesTheNextScript(t *testing.T) {
	type scripts = []gitlabcitest.Script
	for name, job := range map[string]gitlabcitest.Job{
		"the first":     {Retries: scripts{runs(10)}},
		"of many":       {Retries: scripts{runs(10), fails(1)}},
		"a delayed job": {Status: gitlabci.StatusScheduled, Retries: scripts{runs(10)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				ended := time.Now().Add(-time.Hour)
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{CreatedAt: ended.Add(-time.Minute), StartedAt: ended.Add(-time.Minute), FinishedAt: ended})
				p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", FinishedAt: ended, Duration: time.Minute})
				job.ID, job.Stage, job.Status, job.AllowFailure = 2, "b", cmp.Or(job.Status, gitlabci.StatusManual), true
				p.AddJob(job)
				before := get(t, srv, "/projects/1/pipelines/101").object(t)
				require.Equal(t, []any{60.0, clock(-3600)}, []any{before["duration"], before["finished_at"]})
				require.Equal(t, 200, post(t, srv, "/projects/1/jobs/2/play").status)
				course{{0, "running: success running"}, {10, "success: success success"}}.follow(t, srv, p.ID)
				after := get(t, srv, "/projects/1/pipelines/101").object(t)
				require.Equal(t, []any{70.0, clock(10), before["started_at"]}, []any{after["duration"], after["finished_at"], after["started_at"]})
			})
		})
	}
}

// Skipped jobs run too when someone retries the job that they were skipped for. A manual one
// then waits for a person.
func TestRetryRunsSkippedJobsByTheNextScript(t *testing.T) {
	next := []gitlabcitest.Script{runs(10)}
	for _, path := range []string{"/projects/1/jobs/1/retry", "/projects/1/pipelines/101/retry"} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
			p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Status: gitlabci.StatusFailed, Retries: next})
			p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Status: gitlabci.StatusSkipped, Retries: next})
			p.AddJob(gitlabcitest.Job{ID: 3, Stage: "b", Status: gitlabci.StatusSkipped, Retries: next, When: gitlabcitest.WhenManual, AllowFailure: true})
			require.Equal(t, 201, post(t, srv, path).status)
			course{{0, "running: created created running"}, {10, "running: running manual success"}, {20, "success: success manual success"}}.follow(t, srv, p.ID)
			require.Equal(t, 200, post(t, srv, "/projects/1/jobs/3/play").status)
			course{{0, "running: success running success"}, {10, "success: success success success"}}.follow(t, srv, p.ID)
		})
	}
}

// A new attempt has nothing of the old one, which keeps what it had.
func TestAttemptsHaveTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{
			Runs: time.Minute, Log: "no\n", Coverage: new(5.0), Artifacts: fstest.MapFS{"a": {}}, ArtifactsExpireIn: time.Hour,
		}})
		time.Sleep(time.Minute)
		post(t, srv, "/projects/1/jobs/1/retry")
		o := get(t, srv, "/projects/1/jobs/1001").object(t)
		require.Equal(t, []any{"running", []any{}, nil, nil, clock(60)}, []any{o["status"], o["artifacts"], o["coverage"], o["artifacts_expire_at"], o["started_at"]})
		require.Empty(t, get(t, srv, "/projects/1/jobs/1001/trace").body)
		time.Sleep(time.Minute)
		for id, end := range map[string]int{"1": 60, "1001": 120} {
			o = get(t, srv, "/projects/1/jobs/"+id).object(t)
			require.Equal(t, []any{"success", 5.0, clock(end + 3600)}, []any{o["status"], o["coverage"], o["artifacts_expire_at"]})
			require.Len(t, o["artifacts"], 3)
			require.Equal(t, "no\n", get(t, srv, "/projects/1/jobs/"+id+"/trace").body)
		}
	})
}

// Jobs of later stages wait until it is their turn again, and a manual one
// for a person.
func TestRetryPipelineByStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "a", Script: runs(20)})
		p.AddJob(gitlabcitest.Job{ID: 3, Stage: "b", Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 4, Stage: "b", When: gitlabcitest.WhenManual, AllowFailure: true, Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 5, Stage: "c", When: gitlabcitest.WhenOnFailure, Script: runs(10)})
		course{{15, "running: success running created created created"}}.follow(t, srv, p.ID)
		require.Equal(t, "canceled", post(t, srv, "/projects/1/pipelines/101/cancel").object(t)["status"])
		require.Equal(t, "canceled: success canceled canceled canceled canceled", seen(t, srv, p.ID))

		r := post(t, srv, "/projects/1/pipelines/101/retry")
		require.Equal(t, []any{201, "pending"}, []any{r.status, r.object(t)["status"]})
		course{
			{0, "running: success running created created created"},
			{20, "running: success success running manual created"},
			{30, "success: success success success manual skipped"},
		}.follow(t, srv, p.ID)
	})
}

func TestRetryStartsSkippedLiveJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Script: fails(10), Retries: []gitlabcitest.Script{runs(10)}})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Script: runs(10)})
		p.AddJob(gitlabcitest.Job{ID: 3, Stage: "b", When: gitlabcitest.WhenOnFailure, Script: runs(5)})
		course{{10, "running: failed skipped running"}, {15, "failed: failed skipped success"}}.follow(t, srv, p.ID)
		post(t, srv, "/projects/1/jobs/1/retry")
		course{{0, "running: created success running"}, {10, "running: running success success"}, {20, "success: success success success"}}.follow(t, srv, p.ID)
	})
}

func TestCancelWithGrace(t *testing.T) {
	tests := map[string]struct {
		cancels time.Duration
		at      int // the second in which it is canceled; it queues for 10 s
		want    course
	}{
		"pending":       {5 * time.Second, 5, course{{0, "canceled: canceled skipped"}}},
		"running":       {5 * time.Second, 15, course{{0, "canceling: canceling created"}, {4, "canceling: canceling created"}, {5, "canceled: canceled skipped"}, {3600, "canceled: canceled skipped"}}},
		"cannot":        {0, 15, course{{0, "canceled: canceled skipped"}, {3600, "canceled: canceled skipped"}}},
		"has ended":     {5 * time.Second, 30, course{{0, "success: success success"}}},
		"near its end":  {5 * time.Second, 29, course{{4, "canceling: canceling created"}, {5, "canceled: canceled skipped"}}},
		"takes forever": {365 * 24 * time.Hour, 15, course{{3600, "canceling: canceling created"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Script: gitlabcitest.Script{Queues: 10 * time.Second, Runs: 20 * time.Second, Cancels: test.cancels}})
				p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Script: atOnce})
				time.Sleep(time.Duration(test.at) * time.Second)
				require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1/cancel").status)
				test.want.follow(t, srv, p.ID)
			})
		})
	}
}

// By force a job that is canceling stops immediately; nobody can cancel it twice.
func TestForceCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{Runs: time.Minute, Cancels: 20 * time.Second}})
		token := srv.JobToken(1)
		asJob := func() int { return send(t, srv, "GET", "/job", "", "Job-Token: "+token).status }
		require.Equal(t, 200, asJob())
		require.Equal(t, "running", post(t, srv, "/projects/1/jobs/1/cancel?force=true").object(t)["status"])
		require.Equal(t, "canceling", post(t, srv, "/projects/1/jobs/1/cancel").object(t)["status"])
		time.Sleep(10 * time.Second)
		require.Equal(t, "canceling", post(t, srv, "/projects/1/jobs/1/cancel").object(t)["status"])
		require.Equal(t, "canceling", post(t, srv, "/projects/1/pipelines/101/cancel").object(t)["status"])
		require.Equal(t, 200, asJob())
		require.Equal(t, "canceled", post(t, srv, "/projects/1/jobs/1/cancel?force=true").object(t)["status"])
		require.Equal(t, 401, asJob())
		require.Equal(t, clock(10), get(t, srv, "/projects/1/jobs/1").object(t)["finished_at"])
		course{{3600, "canceled: canceled"}}.follow(t, srv, p.ID)
	})
}

// A retry of a job that is canceling leaves the old attempt to its end.
func TestRetryWhileCanceling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{Runs: time.Minute, Cancels: 20 * time.Second}})
		post(t, srv, "/projects/1/jobs/1/cancel")
		require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1/retry").status)
		course{{19, "running: running"}}.follow(t, srv, p.ID)
		require.Equal(t, "canceling", get(t, srv, "/projects/1/jobs/1").object(t)["status"])
		course{{1, "running: running"}}.follow(t, srv, p.ID)
		require.Equal(t, "canceled", get(t, srv, "/projects/1/jobs/1").object(t)["status"])
		course{{40, "success: success"}}.follow(t, srv, p.ID)
	})
}

// Time that was spent in the queue counts for jobs that never ran, too.
func TestQueuedThenCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{Queues: time.Hour}})
		p.AddJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusPending})
		p.AddJob(gitlabcitest.Job{ID: 3, Stage: "later", Script: atOnce})
		time.Sleep(time.Minute)
		require.Equal(t, 60.0, get(t, srv, "/projects/1/jobs/1").object(t)["queued_duration"])
		post(t, srv, "/projects/1/pipelines/101/cancel")
		time.Sleep(time.Minute)
		require.Nil(t, get(t, srv, "/projects/1/pipelines/101").object(t)["duration"], "nothing ran")
		for id, want := range map[string]any{"1": 60.0, "2": 59.999, "3": nil} {
			o := get(t, srv, "/projects/1/jobs/"+id).object(t)
			require.Equal(t, []any{want, nil, nil}, []any{o["queued_duration"], o["duration"], o["started_at"]}, id)
		}
	})
}
