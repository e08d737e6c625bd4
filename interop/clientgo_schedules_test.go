package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestOfficialSchedules(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := officialClient(t, srv)
	schedules := client.PipelineSchedules
	made, answer, err := schedules.CreatePipelineSchedule(project, &gitlab.CreatePipelineScheduleOptions{
		Description: new("nightly"), Ref: new("main"), Cron: new("0 1 * * *"), CronTimezone: new("Asia/Tokyo"), Active: new(true),
	})
	answered(t, http.StatusCreated, answer, err)
	require.Equal(t, []any{"refs/heads/main", "Asia/Tokyo", "maya"}, []any{made.Ref, made.CronTimezone, made.Owner.Username})
	require.NotNil(t, made.NextRunAt)
	_, answer, err = schedules.CreatePipelineSchedule(project, &gitlab.CreatePipelineScheduleOptions{Description: new("x"), Ref: new("main"), Cron: new("x")})
	require.ErrorContains(t, err, "{cron: [is invalid syntax]}")
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)

	variable, answer, err := schedules.CreatePipelineScheduleVariable(project, made.ID, &gitlab.CreatePipelineScheduleVariableOptions{Key: new("A"), Value: new("1")})
	answered(t, http.StatusCreated, answer, err)
	require.Equal(t, "1", variable.Value)
	variable, answer, err = schedules.EditPipelineScheduleVariable(project, made.ID, "A", &gitlab.EditPipelineScheduleVariableOptions{Value: new("2")})
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, "2", variable.Value)

	answer, err = schedules.RunPipelineSchedule(project, made.ID)
	answered(t, http.StatusCreated, answer, err)
	got, answer, err := schedules.GetPipelineSchedule(project, made.ID)
	answered(t, http.StatusOK, answer, err)
	started, answer, err := schedules.ListPipelinesTriggeredBySchedule(project, made.ID, nil)
	answered(t, http.StatusOK, answer, err)
	require.Len(t, started, 1)
	require.EqualValues(t, "schedule", started[0].Source)
	require.Equal(t, started[0].ID, got.LastPipeline.ID)
	require.Equal(t, "2", got.Variables[0].Value)

	gone, answer, err := schedules.DeletePipelineScheduleVariable(project, made.ID, "A")
	answered(t, http.StatusAccepted, answer, err)
	require.Equal(t, "A", gone.Key)
	_, answer, err = schedules.TakeOwnershipOfPipelineSchedule(project, made.ID)
	answered(t, http.StatusOK, answer, err)
	edited, answer, err := schedules.EditPipelineSchedule(project, made.ID, &gitlab.EditPipelineScheduleOptions{Active: new(false)})
	answered(t, http.StatusOK, answer, err)
	require.False(t, edited.Active)
	all, answer, err := schedules.ListPipelineSchedules(project, nil)
	answered(t, http.StatusOK, answer, err)
	require.Len(t, all, 1)
	answer, err = schedules.DeletePipelineSchedule(project, made.ID)
	answered(t, http.StatusNoContent, answer, err)
}
