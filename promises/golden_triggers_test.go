package promises_test

import (
	"time"

	"example.com/gitlabci"
)

// goldenTriggers are the responses about trigger tokens, and what they start.
var goldenTriggers = []goldenTest{
	{call: "triggers_list", file: "triggers_list.json", want: goldenTriggerTokens, except: goldenBasic("Owner")},
	{call: "triggers_all", file: "triggers_list.json", want: goldenTriggerTokens, except: goldenBasic("Owner")},
	{call: "triggers_get", file: "triggers_get.json", want: goldenTriggerTokens[0], except: goldenBasic("Owner")},
	{call: "triggers_create", file: "triggers_create.json", want: goldenTriggerCreated, except: append(goldenBasic("Owner"), "LastUsed")},
	{call: "triggers_update", file: "triggers_update.json", want: goldenTriggerUpdated, except: goldenBasic("Owner")},
	{call: "pipelines_trigger", file: "pipelines_trigger.json", want: goldenTriggered, except: append(goldenBasic("User"), "Name")},
}

var goldenTriggerTokens = []*gitlabci.Trigger{
	{
		ID:          3301,
		Token:       "glptt-5b1e07c4d9aa40f3b86e",
		Description: "surveyor",
		CreatedAt:   time.Date(2026, 2, 3, 9, 10, 11, 125e6, time.UTC),
		UpdatedAt:   time.Date(2026, 2, 4, 10, 11, 12, 250e6, time.UTC),
		LastUsed:    time.Date(2026, 3, 5, 11, 12, 13, 500e6, time.UTC),
		ExpiresAt:   time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Owner:       goldenStatusesList[0].Author,
	},
	{
		ID: 3302, Token: "glpt", CreatedAt: time.Date(2026, 2, 5, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 2, 5, 0, 0, 0, 0, time.UTC),
	},
}

var goldenTriggerCreated = func() *gitlabci.Trigger {
	trigger := *goldenTriggerTokens[0]
	trigger.ID, trigger.Token, trigger.LastUsed = 3303, "glptt-e20c7bd61f4a4c8c9a55", time.Time{}
	return &trigger
}()

var goldenTriggerUpdated = func() *gitlabci.Trigger {
	trigger := *goldenTriggerTokens[0]
	trigger.Description, trigger.UpdatedAt = "surveyor of rooms", time.Date(2026, 3, 6, 12, 13, 14, 750e6, time.UTC)
	return &trigger
}()

var goldenTriggered = func() *gitlabci.Pipeline {
	pipeline := *goldenPipelinesCreate
	pipeline.ID, pipeline.Source, pipeline.WebURL = 90466, gitlabci.SourceTrigger, "https://gitlab.example.com/group/app/-/pipelines/90466"
	return &pipeline
}()
