package interop_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoReadsEnvironments(t *testing.T) {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Environment: "production"})
	client := newClientGo(t, srv)
	listed, response, err := client.Environments.ListEnvironments(project, &gitlab.ListEnvironmentsOptions{Search: new("prod"), States: new("available")})
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, listed, 1)
	one, response, err := client.Environments.GetEnvironment(project, listed[0].ID)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "production", one.Tier)
	require.EqualValues(t, job.ID, one.LastDeployment.Deployable.ID)
	opts := &gitlab.ListProjectDeploymentsOptions{
		Environment: new("production"), Status: new("success"), FinishedAfter: new(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), ListOptions: gitlab.ListOptions{OrderBy: "finished_at"},
	}
	deployments, response, err := client.Deployments.ListProjectDeployments(project, opts)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, deployments, 1)
	deployment, response, err := client.Deployments.GetProjectDeployment(project, deployments[0].ID)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "production", deployment.Environment.Name)
	opts.Status = nil
	_, _, err = client.Deployments.ListProjectDeployments(project, opts)
	require.ErrorContains(t, err, "must be combined with `success` status filter")
	_, _, err = client.Environments.GetEnvironment(project, 99)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
}
