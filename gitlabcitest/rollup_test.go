package gitlabcitest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// TestRollup has a case for each row of GitLab's table, and more where a row
// has several kinds of jobs. A word in brackets is a job that may fail.
func TestRollup(t *testing.T) {
	tests := map[string]struct {
		jobs string
		want gitlabci.Status
	}{
		"2 only skipped":                        {"skipped skipped", "skipped"},
		"2 only ignored":                        {"(manual)", "skipped"},
		"2 skipped and ignored":                 {"skipped (manual)", "skipped"},
		"3 only success":                        {"success success", "success"},
		"3 only ok":                             {"success skipped (failed) (canceled) (manual)", "success"},
		"3 only allowed to fail":                {"(failed)", "success"},
		"4 only created":                        {"created", "created"},
		"4 created and ok":                      {"created success skipped (failed) (manual)", "created"},
		"5 only preparing":                      {"preparing", "preparing"},
		"5 preparing and ok":                    {"preparing success skipped (canceled) (manual)", "preparing"},
		"6 only canceled":                       {"canceled", "canceled"},
		"6 canceled and ok":                     {"canceled success skipped (failed) (manual)", "canceled"},
		"7 only pending":                        {"pending", "pending"},
		"7 pending and created":                 {"pending created", "pending"},
		"7 pending, created and ok":             {"pending created success skipped (failed) (manual)", "pending"},
		"8 running":                             {"running success", "running"},
		"8 running over all below":              {"canceling waiting_for_resource waiting_for_callback manual scheduled preparing created failed running", "running"},
		"8 pending over all below":              {"canceling waiting_for_resource waiting_for_callback manual scheduled preparing created failed pending", "running"},
		"9 canceling over all below":            {"waiting_for_resource waiting_for_callback manual scheduled preparing created failed canceling", "canceling"},
		"10 waiting_for_resource over below":    {"waiting_for_callback manual scheduled preparing created failed waiting_for_resource", "waiting_for_resource"},
		"11 waiting_for_callback over below":    {"manual scheduled preparing created failed waiting_for_callback", "waiting_for_callback"},
		"12 manual over all below":              {"scheduled preparing created failed manual", "manual"},
		"13 scheduled over all below":           {"preparing created failed scheduled", "scheduled"},
		"14 preparing over all below":           {"created failed preparing", "preparing"},
		"15 created beside failed":              {"failed created", "running"},
		"15 created beside canceled":            {"canceled created", "running"},
		"16 failed":                             {"failed", "failed"},
		"16 failed and the rest":                {"failed success skipped canceled (failed) (manual)", "failed"},
		"9 alone":                               {"canceling", "canceling"},
		"10 alone":                              {"waiting_for_resource", "waiting_for_resource"},
		"11 alone":                              {"waiting_for_callback", "waiting_for_callback"},
		"12 alone":                              {"manual", "manual"},
		"13 alone":                              {"scheduled", "scheduled"},
		"a canceling one that may fail":         {"(canceling)", "canceling"},
		"a running one that may fail":           {"(running) success", "running"},
		"a job that waits, and one that may be": {"scheduled (manual)", "scheduled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
			// A superseded attempt does not count, but that it changes lets the
			// pipeline have the status of the others.
			attempt := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusPending, Retried: true})
			for word := range strings.FieldsSeq(test.jobs) {
				status := gitlabci.Status(strings.Trim(word, "()"))
				p.AddJob(gitlabcitest.Job{Status: status, AllowFailure: strings.HasPrefix(word, "(")})
			}
			srv.SetJobStatus(attempt.ID, gitlabci.StatusRunning)
			require.EqualValues(t, test.want, get(t, srv, "/projects/1/pipelines/101").object(t)["status"])
		})
	}
	t.Run("1 no jobs", func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusCreated})
		require.Equal(t, "created:", seen(t, srv, p.ID))
		attempt := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusPending, Retried: true})
		srv.SetJobStatus(attempt.ID, gitlabci.StatusRunning)
		require.Equal(t, "created", get(t, srv, "/projects/1/pipelines/101").object(t)["status"])
	})
}

// started_at is from the first job that runs, finished_at from each end, and
// gone while something is to come.
func TestPipelineTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{StartedAt: day(1), FinishedAt: day(1), Duration: time.Hour, QueuedDuration: time.Hour, Coverage: new(1.0)})
		times := func() []any {
			o := get(t, srv, "/projects/1/pipelines/101").object(t)
			return []any{o["started_at"], o["finished_at"], o["duration"], o["queued_duration"], o["coverage"], o["updated_at"]}
		}
		p.AddJob(gitlabcitest.Job{ID: 1, Script: gitlabcitest.Script{Queues: 5 * time.Second, Runs: 5 * time.Second, Coverage: new(90.0)}})
		p.AddJob(gitlabcitest.Job{ID: 2, When: gitlabcitest.WhenManual, AllowFailure: true, Script: gitlabcitest.Script{Runs: 2 * time.Second, Coverage: new(30.0)}})
		require.Equal(t, []any{nil, nil, nil, nil, "1.00", clock(0)}, times())
		time.Sleep(5 * time.Second)
		require.Equal(t, []any{clock(5), nil, nil, 5.0, "1.00", clock(5)}, times())
		time.Sleep(15 * time.Second)
		require.Equal(t, []any{clock(5), clock(10), 5.0, 5.0, "90.00", clock(10)}, times())
		post(t, srv, "/projects/1/jobs/2/play")
		require.Equal(t, []any{clock(5), nil, nil, 5.0, "90.00", clock(20)}, times())
		time.Sleep(time.Hour)
		require.Equal(t, []any{clock(5), clock(22), 7.0, 5.0, "60.00", clock(22)}, times())
		post(t, srv, "/projects/1/jobs/1/retry")
		require.Equal(t, "30.00", times()[4], "the new attempt has none yet")
	})
}

// A pipeline that has ended and is then canceled in part ends again.
func TestPipelineEndsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Script: atOnce})
		manual := p.AddJob(gitlabcitest.Job{When: gitlabcitest.WhenManual, AllowFailure: true})
		course{{10, "success: success manual"}}.follow(t, srv, p.ID)
		srv.FailJob(manual.ID, "")
		course{{10, "success: success failed"}}.follow(t, srv, p.ID)
		require.Equal(t, clock(0), get(t, srv, "/projects/1/pipelines/101").object(t)["finished_at"])
		last := p.AddJob(gitlabcitest.Job{ID: 1090, Status: gitlabci.StatusFailed})
		require.Equal(t, "failed: success failed failed", seen(t, srv, p.ID), "it is alive: any job counts")
		require.Equal(t, clock(20), get(t, srv, "/projects/1/pipelines/101").object(t)["finished_at"])
		require.Equal(t, gitlabci.StatusFailed, last.Status)
	})
}

// A job that has ended is not live, whatever it is to do when it is retried.
func TestFinishedJobIsNotLive(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, CreatedAt: day(1), Coverage: new(12.5)})
	p.AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusSuccess, When: gitlabcitest.WhenManual, Coverage: new(50.0)})
	p.AddJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusRunning, Retries: []gitlabcitest.Script{atOnce}})
	require.Equal(t, "failed: success running", seen(t, srv, p.ID))
	for id, at := range map[string]string{"1": "2024-03-01T12:00:00.000Z", "2": "2024-03-01T12:00:00.001Z"} {
		require.Equal(t, at, get(t, srv, "/projects/1/jobs/"+id).object(t)["started_at"])
	}
	require.Equal(t, "12.50", get(t, srv, "/projects/1/pipelines/101").object(t)["coverage"])
}

// Once a pipeline is live, of its given times only the creation counts.
func TestPipelineForgetsItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
		time.Sleep(time.Minute)
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Status: gitlabci.StatusFailed, StartedAt: time.Now()})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Script: runs(10)})
		require.Equal(t, "failed: failed skipped", seen(t, srv, p.ID))
		require.Equal(t, clock(60), get(t, srv, "/projects/1/pipelines/101").object(t)["finished_at"])

		post(t, srv, "/projects/1/jobs/1/retry")
		time.Sleep(time.Minute)
		srv.SetJobStatus(1001, gitlabci.StatusRunning)
		p.AddJob(gitlabcitest.Job{Stage: "b", Script: runs(10)})
		require.Equal(t, clock(60), get(t, srv, "/projects/1/pipelines/101").object(t)["started_at"], "that of the superseded attempt")
	})
}

// A static pipeline that ran before its first live job came keeps that.
func TestPipelineBecomesLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
		began := time.Now()
		time.Sleep(time.Minute)
		p.AddJob(gitlabcitest.Job{Stage: "a", StartedAt: began.Add(20 * time.Second), FinishedAt: began.Add(30 * time.Second)})
		p.AddJob(gitlabcitest.Job{Stage: "a", StartedAt: began.Add(10 * time.Second), FinishedAt: began.Add(15 * time.Second)})
		require.Equal(t, "failed: success success", seen(t, srv, p.ID))
		p.AddJob(gitlabcitest.Job{Stage: "b", Script: runs(5)})
		course{{0, "running: success success running"}, {5, "success: success success success"}}.follow(t, srv, p.ID)
		o := get(t, srv, "/projects/1/pipelines/101").object(t)
		require.Equal(t, []any{clock(10), clock(65), 20.0}, []any{o["started_at"], o["finished_at"], o["duration"]})
	})
}
