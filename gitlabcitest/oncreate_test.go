package gitlabcitest_test

import (
	"io"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestOnCreate(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := srv.Client()
	before, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
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
