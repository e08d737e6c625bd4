package gitlabcitest_test

import (
	"testing"

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
			{Name: "unit", TestCases: []gitlabci.TestCase{{Name: "adds", Status: gitlabci.TestFailed}}},
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
	require.PanicsWithValue(t, `gitlabcitest: OnCreate: there is no project "group/other"; add it with AddProject`, func() {
		srv.OnCreate("group/other", gitlabcitest.Pipeline{})
	})
}
