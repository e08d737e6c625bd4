package gitlabcitest_test

import (
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestOnCreate(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := srv.Client()
	before, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusCreated, before.Status)
	before, err = client.Pipelines.Get(t.Context(), "group/app", before.ID)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusPending, before.Status)

	srv.OnCreate("group/app", gitlabcitest.Pipeline{
		Status:   gitlabci.StatusFailed,
		Ref:      "elsewhere",
		Coverage: new(12.5),
		TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
			{Name: "unit", TestCases: []gitlabci.TestCase{{Name: "adds", Status: gitlabci.TestStatusFailed}}},
		}},
	})
	for range 2 {
		created, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusCreated, created.Status)
		created, err = client.Pipelines.Get(t.Context(), "group/app", created.ID)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusFailed, created.Status)
		require.Equal(t, gitlabci.SourceAPI, created.Source)
		require.Equal(t, "main", created.Ref)
		require.Equal(t, new(12.5), created.Coverage)
		require.False(t, created.StartedAt.IsZero())
		require.False(t, created.FinishedAt.IsZero())
		report, err := client.Pipelines.TestReport(t.Context(), "group/app", created.ID)
		require.NoError(t, err)
		require.Equal(t, 1, report.FailedCount)
	}
	srv.OnCreate("group/app", gitlabcitest.Pipeline{},
		gitlabcitest.Job{ID: 5, Name: "build", Log: "hello\n", Artifacts: fstest.MapFS{"app.txt": {Data: []byte("app")}}},
		gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual},
	)
	var names []string
	for range 2 {
		created, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		for job, err := range client.Jobs.AllForPipeline(t.Context(), "group/app", created.ID, nil) {
			require.NoError(t, err)
			require.Greater(t, job.ID, gitlabci.JobID(1000))
			names = append(names, job.Name)
			if job.Name != "build" {
				continue
			}
			log, err := client.Jobs.Log(t.Context(), "group/app", job.ID)
			require.NoError(t, err)
			text, err := io.ReadAll(log)
			require.NoError(t, err)
			require.NoError(t, log.Close())
			require.Equal(t, "hello\n", string(text))
			file, err := client.Artifacts.OpenFile(t.Context(), "group/app", job.ID, "app.txt", nil)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			require.EqualValues(t, 3, file.Size)
		}
	}
	require.Equal(t, []string{"deploy", "build", "deploy", "build"}, names)

	require.PanicsWithValue(t, `gitlabcitest: OnCreate: there is no project "group/other"; add it with AddProject`, func() {
		srv.OnCreate("group/other", gitlabcitest.Pipeline{})
	})
}

func TestACreatedPipelineIsCreatedForAMoment(t *testing.T) {
	jobs := []gitlabcitest.Job{{Name: "build", Script: runs(10)}, {Name: "test", Stage: "later", Script: runs(10)}}
	tests := map[string]struct {
		pipeline gitlabcitest.Pipeline
		jobs     []gitlabcitest.Job
		then     string
	}{
		"live":         {jobs: jobs, then: "running: running created"},
		"as it is set": {pipeline: gitlabcitest.Pipeline{Status: gitlabci.StatusCanceled}, then: "canceled:"},
	}
	for name, test := range tests {
		for _, moment := range []time.Duration{0, 3 * time.Second} {
			t.Run(name+" "+moment.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := gitlabcitest.NewServer()
					srv.Configure("group/app", gitlabcitest.Settings{CreatedFor: moment})
					srv.OnCreate("group/app", test.pipeline, test.jobs...)
					o := post(t, srv, "/projects/1/pipeline?ref=main").object(t)
					require.Equal(t, []any{"created", nil, nil}, []any{o["status"], o["started_at"], o["finished_at"]})
					if moment > 0 {
						time.Sleep(moment - time.Microsecond)
						for _, job := range get(t, srv, "/projects/1/pipelines/101/jobs").list(t) {
							require.Equal(t, "created", job["status"])
						}
						require.Equal(t, "created", get(t, srv, "/projects/1/pipelines/101").object(t)["status"])
						time.Sleep(time.Microsecond)
					}
					require.Equal(t, test.then, strings.TrimSpace(seen(t, srv, 101)))
				})
			})
		}
	}
}

func TestWhatHappensWhileAPipelineIsCreated(t *testing.T) {
	tests := map[string]struct {
		request, path string
		status        int
		then          string
	}{
		"canceled":     {"POST", "/projects/1/pipelines/101/cancel", 200, "canceled: canceled canceled"},
		"deleted":      {"DELETE", "/projects/1/pipelines/101", 204, ""},
		"retried":      {"POST", "/projects/1/pipelines/101/retry", 201, "success: success success"},
		"job canceled": {"POST", "/projects/1/jobs/1001/cancel", 201, "canceled: canceled skipped"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.Configure("group/app", gitlabcitest.Settings{CreatedFor: time.Minute})
				srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Script: runs(1)}, gitlabcitest.Job{Stage: "later", Script: runs(1)})
				require.Equal(t, 201, post(t, srv, "/projects/1/pipeline?ref=main").status)
				time.Sleep(time.Second)
				require.Equal(t, test.status, send(t, srv, test.request, test.path, "").status)
				time.Sleep(time.Hour)
				if test.then == "" {
					require.Equal(t, 404, get(t, srv, "/projects/1/pipelines/101").status)
					return
				}
				require.Equal(t, test.then, seen(t, srv, 101))
			})
		})
	}
}
