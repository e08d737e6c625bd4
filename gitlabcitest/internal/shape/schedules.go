package shape

import "encoding/json"

// A Schedule is a pipeline schedule in a list.
type Schedule struct {
	ID           int64            `json:"id"`
	Description  string           `json:"description"`
	Ref          string           `json:"ref"`
	Cron         string           `json:"cron"`
	CronTimezone string           `json:"cron_timezone"`
	NextRunAt    *string          `json:"next_run_at"`
	Active       bool             `json:"active"`
	CreatedAt    *string          `json:"created_at"`
	UpdatedAt    *string          `json:"updated_at"`
	Owner        UserBasic        `json:"owner"`
	Inputs       *[]ScheduleInput `json:"inputs,omitempty" since:"17.11"`
}

// A ScheduleInput is an input of a schedule's pipelines.
type ScheduleInput struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// ScheduleDetails are a pipeline schedule that was asked for by itself.
type ScheduleDetails struct {
	Schedule
	LastPipeline *PipelineBasic `json:"last_pipeline"`
	Variables    *[]Variable    `json:"variables,omitempty"`
}
