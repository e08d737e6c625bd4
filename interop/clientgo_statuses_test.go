package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestOfficialSetsStatuses(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline(project, gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "unit"})
	client := officialClient(t, srv)
	set := func(state gitlab.BuildStateValue) (*gitlab.CommitStatus, *gitlab.Response, error) {
		return client.Commits.SetCommitStatus(project, pipeline.SHA, &gitlab.SetCommitStatusOptions{
			State: state, Name: new("bot"), PipelineID: new(int64(pipeline.ID)), Coverage: new(12.5), TargetURL: new("https://bot.example.com/1"),
		})
	}
	running, answer, err := set(gitlab.Running)
	answered(t, http.StatusCreated, answer, err)
	require.Equal(t, "running", running.Status)
	require.EqualValues(t, pipeline.ID, running.PipelineID)
	require.InDelta(t, 12.5, running.Coverage, 0)
	require.Equal(t, "maya", running.Author.Username)

	_, answer, err = set(gitlab.Running)
	require.ErrorContains(t, err, "Cannot transition status via :run from :running")
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)

	ended, answer, err := set(gitlab.Success)
	answered(t, http.StatusCreated, answer, err)
	require.Equal(t, running.ID, ended.ID)
	twice, answer, err := set(gitlab.Success)
	answered(t, http.StatusCreated, answer, err)
	require.NotEqual(t, ended.ID, twice.ID, "what has ended is made again")

	listed, answer, err := client.Commits.GetCommitStatuses(project, pipeline.SHA, nil)
	answered(t, http.StatusOK, answer, err)
	require.Len(t, listed, 2, "the job, too")
	listed, answer, err = client.Commits.GetCommitStatuses(project, pipeline.SHA, &gitlab.GetCommitStatusesOptions{All: new(true), Name: new("bot")})
	answered(t, http.StatusOK, answer, err)
	require.Len(t, listed, 2)
}
