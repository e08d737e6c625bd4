package gitlabcitest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// requireRising is about the times at which jobs were made, by ID.
func requireRising(t *testing.T, srv *gitlabcitest.Server, path string, jobs int) {
	t.Helper()
	list := get(t, srv, path).list(t)
	require.Len(t, list, jobs)
	for i := 1; i < jobs; i++ {
		newer, older := list[i-1], list[i]
		require.Greater(t, newer["created_at"], older["created_at"])
	}
	for _, o := range list {
		if started, ok := o["started_at"].(string); ok {
			require.GreaterOrEqual(t, started, o["created_at"])
		}
		if finished, ok := o["finished_at"].(string); ok {
			require.GreaterOrEqual(t, finished, o["created_at"])
		}
	}
}

func TestJobsMadeTogetherHaveRisingTimes(t *testing.T) {
	jobs := []gitlabcitest.Job{{Script: fails(0)}, {Script: fails(5)}, {Script: fails(10)}, {Stage: "later", Script: runs(5)}}
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for _, j := range jobs {
			p.AddJob(j)
		}
		requireRising(t, srv, "/projects/1/pipelines/101/jobs", 4)
		time.Sleep(time.Minute)
		require.Equal(t, 5.0, get(t, srv, "/projects/1/jobs/1002").object(t)["duration"], "the millisecond costs it nothing")
		post(t, srv, "/projects/1/pipelines/101/retry")
		requireRising(t, srv, "/projects/1/pipelines/101/jobs?include_retried=true", 7)

		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, jobs...)
		require.Equal(t, 201, post(t, srv, "/projects/1/pipeline?ref=main").status)
		requireRising(t, srv, "/projects/1/pipelines/102/jobs", 4)
	})
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{CreatedAt: day(1)})
	for range 3 {
		p.AddJob(gitlabcitest.Job{})
	}
	requireRising(t, srv, "/projects/1/jobs", 3)
	require.Equal(t, "2024-03-01T12:00:00.000Z", get(t, srv, "/projects/1/jobs/1001").object(t)["created_at"])
	require.Equal(t, "2024-03-01T12:00:00.002Z", get(t, srv, "/projects/1/jobs/1003").object(t)["created_at"])
}

func TestJobDuration(t *testing.T) {
	at := func(seconds int) time.Time { return day(2).Add(time.Duration(seconds) * time.Second) }
	for name, j := range map[string]gitlabcitest.Job{
		"from its creation": {CreatedAt: at(0), Duration: 90 * time.Second},
		"from its start":    {CreatedAt: day(1), StartedAt: at(0), Duration: 90 * time.Second},
		"up to its end":     {CreatedAt: day(1), FinishedAt: at(90), Duration: 90 * time.Second},
		"when canceled":     {CreatedAt: day(1), StartedAt: at(0), Duration: 90 * time.Second, Status: gitlabci.StatusCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			o := get(t, oneJob(j), "/projects/1/jobs").list(t)[0]
			require.Equal(t, "2024-03-02T12:00:00.000Z", o["started_at"])
			require.Equal(t, "2024-03-02T12:01:30.000Z", o["finished_at"])
			require.Equal(t, 90.0, o["duration"])
		})
	}
}

func TestMisuseOfJobDuration(t *testing.T) {
	for want, j := range map[string]gitlabcitest.Job{
		"AddJob: a Duration of -1ns, which is negative":                                        {Duration: -1},
		"AddJob: only a job that ran and has ended has a Duration, and this one is running":    {Duration: 1, Status: gitlabci.StatusRunning},
		"AddJob: only a job that ran and has ended has a Duration, and this one is skipped":    {Duration: 1, Status: gitlabci.StatusSkipped},
		"AddJob: a Duration beside both StartedAt and FinishedAt, which say it already":        {Duration: 1, StartedAt: day(1), FinishedAt: day(2)},
		"AddJob: two scripts for one job: a Duration, and a Script with the time that it Runs": {Duration: 1, Script: runs(1)},
	} {
		p := gitlabcitest.NewServer().AddPipeline("group/app", gitlabcitest.Pipeline{})
		require.PanicsWithValue(t, "gitlabcitest: "+want, func() { p.AddJob(j) })
	}
}
