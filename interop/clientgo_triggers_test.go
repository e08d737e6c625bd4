package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoTriggers(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := newClientGo(t, srv)
	made, response, err := client.PipelineTriggers.AddPipelineTrigger(project, &gitlab.AddPipelineTriggerOptions{Description: new("bot")})
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, "bot", made.Description)
	require.Nil(t, made.LastUsed)
	run := func(token string) (*gitlab.Pipeline, *gitlab.Response, error) {
		return client.PipelineTriggers.RunPipelineTrigger(project, &gitlab.RunPipelineTriggerOptions{
			Ref: new("main"), Token: &token, Variables: map[string]string{"A": "1"},
		})
	}
	pipeline, response, err := run(made.Token)
	requireStatus(t, http.StatusCreated, response, err)
	require.EqualValues(t, "trigger", pipeline.Source)
	variables, response, err := client.Pipelines.GetPipelineVariables(project, pipeline.ID)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []string{"A", "TRIGGER_PAYLOAD"}, []string{variables[0].Key, variables[1].Key})

	_, response, err = run(srv.Token())
	require.ErrorContains(t, err, "404 Not Found")
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	job := srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	pipeline, response, err = run(srv.JobToken(job.ID))
	requireStatus(t, http.StatusCreated, response, err)
	require.EqualValues(t, "pipeline", pipeline.Source)

	edited, response, err := client.PipelineTriggers.EditPipelineTrigger(project, made.ID, &gitlab.EditPipelineTriggerOptions{Description: new("robot")})
	requireStatus(t, http.StatusOK, response, err)
	got, response, err := client.PipelineTriggers.GetPipelineTrigger(project, made.ID)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, edited, got)
	require.NotNil(t, got.LastUsed)
	all, response, err := client.PipelineTriggers.ListPipelineTriggers(project, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []*gitlab.PipelineTrigger{got}, all)
	response, err = client.PipelineTriggers.DeletePipelineTrigger(project, made.ID)
	requireStatus(t, http.StatusNoContent, response, err)
}
