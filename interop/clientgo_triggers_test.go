package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestOfficialTriggers(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := officialClient(t, srv)
	made, answer, err := client.PipelineTriggers.AddPipelineTrigger(project, &gitlab.AddPipelineTriggerOptions{Description: new("bot")})
	answered(t, http.StatusCreated, answer, err)
	require.Equal(t, "bot", made.Description)
	require.Nil(t, made.LastUsed)
	run := func(token string) (*gitlab.Pipeline, *gitlab.Response, error) {
		return client.PipelineTriggers.RunPipelineTrigger(project, &gitlab.RunPipelineTriggerOptions{
			Ref: new("main"), Token: &token, Variables: map[string]string{"A": "1"},
		})
	}
	pipeline, answer, err := run(made.Token)
	answered(t, http.StatusCreated, answer, err)
	require.EqualValues(t, "trigger", pipeline.Source)
	variables, answer, err := client.Pipelines.GetPipelineVariables(project, pipeline.ID)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, []string{"A", "TRIGGER_PAYLOAD"}, []string{variables[0].Key, variables[1].Key})

	_, answer, err = run(srv.Token())
	require.ErrorContains(t, err, "404 Not Found")
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	job := srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	pipeline, answer, err = run(srv.JobToken(job.ID))
	answered(t, http.StatusCreated, answer, err)
	require.EqualValues(t, "pipeline", pipeline.Source)

	edited, answer, err := client.PipelineTriggers.EditPipelineTrigger(project, made.ID, &gitlab.EditPipelineTriggerOptions{Description: new("robot")})
	answered(t, http.StatusOK, answer, err)
	got, answer, err := client.PipelineTriggers.GetPipelineTrigger(project, made.ID)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, edited, got)
	require.NotNil(t, got.LastUsed)
	all, answer, err := client.PipelineTriggers.ListPipelineTriggers(project, nil)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, []*gitlab.PipelineTrigger{got}, all)
	answer, err = client.PipelineTriggers.DeletePipelineTrigger(project, made.ID)
	answered(t, http.StatusNoContent, answer, err)
}
