package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoSetsStatuses(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline(project, gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "unit"})
	client := newClientGo(t, srv)
	set := func(state gitlab.BuildStateValue) (*gitlab.CommitStatus, *gitlab.Response, error) {
		return client.Commits.SetCommitStatus(project, pipeline.SHA, &gitlab.SetCommitStatusOptions{
			State: state, Name: new("bot"), PipelineID: new(int64(pipeline.ID)), Coverage: new(12.5), TargetURL: new("https://bot.example.com/1"),
		})
	}
	running, response, err := set(gitlab.Running)
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, "running", running.Status)
	require.EqualValues(t, pipeline.ID, running.PipelineID)
	require.InDelta(t, 12.5, running.Coverage, 0)
	require.Equal(t, "maya", running.Author.Username)

	_, response, err = set(gitlab.Running)
	require.ErrorContains(t, err, "Cannot transition status via :run from :running")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)

	ended, response, err := set(gitlab.Success)
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, running.ID, ended.ID)
	twice, response, err := set(gitlab.Success)
	requireStatus(t, http.StatusCreated, response, err)
	require.NotEqual(t, ended.ID, twice.ID, "what has ended is made again")

	listed, response, err := client.Commits.GetCommitStatuses(project, pipeline.SHA, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, listed, 2, "the job, too")
	listed, response, err = client.Commits.GetCommitStatuses(project, pipeline.SHA, &gitlab.GetCommitStatusesOptions{All: new(true), Name: new("bot")})
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, listed, 2)
}
