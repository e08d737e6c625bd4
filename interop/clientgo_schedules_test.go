package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoSchedules(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := newClientGo(t, srv)
	schedules := client.PipelineSchedules
	made, response, err := schedules.CreatePipelineSchedule(project, &gitlab.CreatePipelineScheduleOptions{
		Description: new("nightly"), Ref: new("main"), Cron: new("0 1 * * *"), CronTimezone: new("Asia/Tokyo"), Active: new(true),
	})
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, []any{"refs/heads/main", "Asia/Tokyo", "maya"}, []any{made.Ref, made.CronTimezone, made.Owner.Username})
	require.NotNil(t, made.NextRunAt)
	_, response, err = schedules.CreatePipelineSchedule(project, &gitlab.CreatePipelineScheduleOptions{Description: new("x"), Ref: new("main"), Cron: new("x")})
	require.ErrorContains(t, err, "{cron: [is invalid syntax]}")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)

	variable, response, err := schedules.CreatePipelineScheduleVariable(project, made.ID, &gitlab.CreatePipelineScheduleVariableOptions{Key: new("A"), Value: new("1")})
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, "1", variable.Value)
	variable, response, err = schedules.EditPipelineScheduleVariable(project, made.ID, "A", &gitlab.EditPipelineScheduleVariableOptions{Value: new("2")})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "2", variable.Value)

	response, err = schedules.RunPipelineSchedule(project, made.ID)
	requireStatus(t, http.StatusCreated, response, err)
	got, response, err := schedules.GetPipelineSchedule(project, made.ID)
	requireStatus(t, http.StatusOK, response, err)
	started, response, err := schedules.ListPipelinesTriggeredBySchedule(project, made.ID, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, started, 1)
	require.EqualValues(t, "schedule", started[0].Source)
	require.Equal(t, started[0].ID, got.LastPipeline.ID)
	require.Equal(t, "2", got.Variables[0].Value)

	gone, response, err := schedules.DeletePipelineScheduleVariable(project, made.ID, "A")
	requireStatus(t, http.StatusAccepted, response, err)
	require.Equal(t, "A", gone.Key)
	_, response, err = schedules.TakeOwnershipOfPipelineSchedule(project, made.ID)
	requireStatus(t, http.StatusOK, response, err)
	edited, response, err := schedules.EditPipelineSchedule(project, made.ID, &gitlab.EditPipelineScheduleOptions{Active: new(false)})
	requireStatus(t, http.StatusOK, response, err)
	require.False(t, edited.Active)
	all, response, err := schedules.ListPipelineSchedules(project, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, all, 1)
	response, err = schedules.DeletePipelineSchedule(project, made.ID)
	requireStatus(t, http.StatusNoContent, response, err)
}
