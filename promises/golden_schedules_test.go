package promises_test

import (
	"time"

	"example.com/gitlabci"
)

// goldenSchedules are the responses about pipeline schedules.
var goldenSchedules = []goldenTest{
	{call: "schedules_list", file: "schedules_list.json", want: goldenScheduleList, except: append(goldenBasic("Owner"), "LastPipeline", "Variables")},
	{call: "schedules_all", file: "schedules_list.json", want: goldenScheduleList, except: append(goldenBasic("Owner"), "LastPipeline", "Variables")},
	{call: "schedules_get", file: "schedules_get.json", want: goldenScheduleDetails, except: append(goldenBasic("Owner"), "LastPipeline.Name")},
	{call: "schedules_create", file: "schedules_create.json", want: goldenScheduleCreated, except: append(goldenBasic("Owner"), "Inputs", "LastPipeline", "Variables")},
	{call: "schedules_update", file: "schedules_update.json", want: goldenScheduleUpdated, except: append(goldenBasic("Owner"), "Active", "Inputs", "LastPipeline.Name", "NextRunAt", "Variables")},
	{call: "schedules_take_ownership", file: "schedules_take_ownership.json", want: goldenScheduleTaken, except: append(goldenBasic("Owner"), "Inputs", "LastPipeline.Name", "Variables")},
	{call: "schedules_list_pipelines", file: "schedules_list_pipelines.json", want: goldenSchedulePipelines, except: []string{"Name"}},
	{call: "schedules_all_pipelines", file: "schedules_list_pipelines.json", want: goldenSchedulePipelines, except: []string{"Name"}},
	{call: "schedules_set_variable", file: "schedules_set_variable.json", want: &gitlabci.Variable{Key: "REGION", Value: "eu-west", VariableType: gitlabci.VariableTypeEnvVar, Raw: true}},
}

var goldenSchedule = gitlabci.Schedule{
	ID:           4401,
	Description:  "measure the rooms",
	Ref:          "refs/heads/main",
	Cron:         "30 2 * * 1-5",
	CronTimezone: "Europe/Berlin",
	NextRunAt:    time.Date(2026, 3, 5, 1, 30, 0, 0, time.UTC),
	Active:       true,
	CreatedAt:    time.Date(2026, 1, 5, 10, 0, 0, 125e6, time.UTC),
	UpdatedAt:    time.Date(2026, 2, 6, 11, 0, 0, 250e6, time.UTC),
	Owner:        goldenStatusesList[0].Author,
}

var goldenSchedulePipelines = func() []*gitlabci.PipelineInfo {
	last, older := goldenPipelinesCreate.PipelineInfo, goldenPipelinesCreate.PipelineInfo
	last.ID, last.Source, last.WebURL = 90480, gitlabci.SourceSchedule, "https://gitlab.example.com/group/app/-/pipelines/90480"
	older.ID, older.IID, older.Status = 90470, 318, gitlabci.StatusSuccess
	older.Source, older.WebURL = gitlabci.SourceSchedule, "https://gitlab.example.com/group/app/-/pipelines/90470"
	return []*gitlabci.PipelineInfo{&older, &last}
}()

var goldenScheduleInputs = []gitlabci.ScheduleInput{{Name: "floors", Value: []any{1.0, 2.5, "attic"}}, {Name: "quick", Value: true}}

// goldenScheduleWith is the schedule after a change.
func goldenScheduleWith(change func(*gitlabci.Schedule)) *gitlabci.Schedule {
	schedule := goldenSchedule
	change(&schedule)
	return &schedule
}

var (
	goldenScheduleList = []*gitlabci.Schedule{
		goldenScheduleWith(func(s *gitlabci.Schedule) { s.Inputs = goldenScheduleInputs }),
		{
			ID: 4402, Description: "weekly", Ref: "v1", Cron: "0 0 * * 0", CronTimezone: "UTC",
			CreatedAt: time.Date(2026, 1, 6, 10, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 1, 6, 10, 0, 0, 0, time.UTC),
		},
	}
	goldenScheduleDetails = goldenScheduleWith(func(s *gitlabci.Schedule) {
		s.Inputs, s.LastPipeline = goldenScheduleInputs, goldenSchedulePipelines[1]
		s.Variables = []*gitlabci.Variable{
			{Key: "PLAN", Value: "rooms: 8", VariableType: gitlabci.VariableTypeFile},
			{Key: "REGION", Value: "eu", VariableType: gitlabci.VariableTypeEnvVar, Raw: true},
		}
	})
	goldenScheduleCreated = goldenScheduleWith(func(s *gitlabci.Schedule) { s.ID = 4403 })
	goldenScheduleTaken   = goldenScheduleWith(func(s *gitlabci.Schedule) { s.LastPipeline = goldenSchedulePipelines[1] })
	goldenScheduleUpdated = goldenScheduleWith(func(s *gitlabci.Schedule) {
		s.Active, s.NextRunAt, s.LastPipeline = false, time.Time{}, goldenSchedulePipelines[1]
	})
)
