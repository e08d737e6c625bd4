package interop_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoManagesHooks(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := newClientGo(t, srv)
	made, response, err := client.Projects.AddProjectHook(project, &gitlab.AddProjectHookOptions{
		URL: new("https://bot.example.com/hook"), Token: new("correct horse"), PipelineEvents: new(true), PushEvents: new(false), Name: new("bot"),
		CustomHeaders: &[]*gitlab.HookCustomHeader{{Key: "X-Key", Value: "hidden"}},
	})
	requireStatus(t, http.StatusCreated, response, err)
	require.True(t, made.PipelineEvents && made.TokenPresent && made.EnableSSLVerification)
	require.False(t, made.PushEvents || made.SigningTokenPresent)
	require.Equal(t, []string{"executable", "bot", "X-Key", ""}, []string{made.AlertStatus, made.Name, made.CustomHeaders[0].Key, made.CustomHeaders[0].Value})
	edited, response, err := client.Projects.EditProjectHook(project, made.ID, &gitlab.EditProjectHookOptions{
		URL: new("https://bot.example.com/2"), JobEvents: new(true), EnableSSLVerification: new(false),
	})
	requireStatus(t, http.StatusOK, response, err)
	require.True(t, edited.JobEvents && edited.PipelineEvents && !edited.EnableSSLVerification)
	got, response, err := client.Projects.GetProjectHook(project, made.ID)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, edited, got)
	all, response, err := client.Projects.ListProjectHooks(project, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, all, 1)
	_, err = client.Projects.TriggerTestProjectHook(project, made.ID, gitlab.ProjectHookEventPipeline)
	require.ErrorContains(t, err, "Ensure the project has CI pipelines.")
	response, err = client.Projects.DeleteProjectHook(project, made.ID)
	requireStatus(t, http.StatusNoContent, response, err)
}

// client-go can decode the deliveries.
func TestClientGoParsesDeliveries(t *testing.T) {
	events := make(chan any, 100)
	srv := gitlabcitest.NewServer()
	srv.AddHook(project, gitlabcitest.Hook{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var event any
			if event, err = gitlab.ParseWebhook(gitlab.HookEventType(r), body); err == nil {
				events <- event
			}
		}
		if err != nil {
			events <- err
			w.WriteHeader(http.StatusBadRequest)
		}
	})})
	m := srv.AddMergeRequest(project, gitlabcitest.MergeRequest{IID: 3, Source: "topic"})
	pipeline := m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{Status: gitlabci.StatusPending})
	job := pipeline.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusPending, Environment: "production"})
	srv.SetJobStatus(job.ID, gitlabci.StatusRunning)
	srv.Wait()
	build, isJob := (<-events).(*gitlab.JobEvent)
	require.True(t, isJob)
	require.Equal(t, []any{int64(job.ID), "deploy", "running", int64(pipeline.ID)}, []any{build.BuildID, build.BuildName, build.BuildStatus, build.PipelineID})
	deployment, isDeployment := (<-events).(*gitlab.DeploymentEvent)
	require.True(t, isDeployment)
	require.Equal(t, []any{"running", "production", int64(job.ID)}, []any{deployment.Status, deployment.Environment, deployment.DeployableID})
	changed, isPipeline := (<-events).(*gitlab.PipelineEvent)
	require.True(t, isPipeline)
	require.Equal(t, []any{int64(pipeline.ID), "running", "topic", int64(3)}, []any{
		changed.ObjectAttributes.ID, changed.ObjectAttributes.Status, changed.ObjectAttributes.Ref, changed.MergeRequest.IID,
	})
	require.Equal(t, int64(job.ID), changed.Builds[0].ID)
	require.Empty(t, events)
}
