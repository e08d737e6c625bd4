package shape

import (
	"encoding/json"
)

// A PipelineBasic is a pipeline as its jobs show it.
type PipelineBasic struct {
	ID        int64   `json:"id"`
	IID       int64   `json:"iid" since:"14.6"`
	ProjectID int64   `json:"project_id" since:"13.10"`
	SHA       string  `json:"sha"`
	Ref       string  `json:"ref"`
	Status    string  `json:"status"`
	Source    string  `json:"source" since:"14.3"`
	CreatedAt *string `json:"created_at"`
	UpdatedAt *string `json:"updated_at"`
	WebURL    string  `json:"web_url"`
}

// A PipelineListed is a pipeline in a list.
type PipelineListed struct {
	PipelineBasic
	Name *string `json:"name" since:"16.3"`
}

// A PipelineWhole is a pipeline as it was made, retried or canceled.
type PipelineWhole struct {
	PipelineBasic
	BeforeSHA      *string   `json:"before_sha"`
	Tag            bool      `json:"tag"`
	YAMLErrors     *string   `json:"yaml_errors"`
	User           UserBasic `json:"user"`
	StartedAt      *string   `json:"started_at"`
	FinishedAt     *string   `json:"finished_at"`
	CommittedAt    *string   `json:"committed_at"`
	Duration       *float64  `json:"duration"`
	QueuedDuration *float64  `json:"queued_duration" since:"13.11"`
	Coverage       *string   `json:"coverage"`
	DetailedStatus Status    `json:"detailed_status" since:"12.0"`
	Archived       bool      `json:"archived" since:"18.0"`
}

// A PipelineNamed is a pipeline that was requested by itself.
type PipelineNamed struct {
	PipelineWhole
	Name *string `json:"name" since:"16.3"`
}

// A PipelineMine is a pipeline in the list of all projects'.
type PipelineMine struct {
	PipelineListed
	Project        ProjectIdentity `json:"project" since:"19.4"`
	StartedAt      *string         `json:"started_at" since:"19.4"`
	FinishedAt     *string         `json:"finished_at" since:"19.4"`
	Duration       *float64        `json:"duration" since:"19.4"`
	QueuedDuration *float64        `json:"queued_duration" since:"19.4"`
	DetailedStatus Status          `json:"detailed_status" since:"19.4"`

	MergeRequest *MergeRequestIdentity `json:"merge_request,omitempty" since:"19.4"`
}

// A ProjectIdentity is the project of something else.
type ProjectIdentity struct {
	ID                int64   `json:"id"`
	Description       *string `json:"description"`
	Name              string  `json:"name"`
	NameWithNamespace string  `json:"name_with_namespace"`
	Path              string  `json:"path"`
	PathWithNamespace string  `json:"path_with_namespace"`
	CreatedAt         *string `json:"created_at"`
}

// A Variable is a variable of a pipeline.
type Variable struct {
	VariableType string `json:"variable_type"`
	Key          string `json:"key"`
	Value        string `json:"value"`
	Raw          bool   `json:"raw"`
}

// A Trigger is a trigger token of a project.
type Trigger struct {
	ID          int64     `json:"id"`
	Token       string    `json:"token"`
	Description *string   `json:"description"`
	CreatedAt   *string   `json:"created_at"`
	UpdatedAt   *string   `json:"updated_at"`
	LastUsed    *string   `json:"last_used"`
	ExpiresAt   *string   `json:"expires_at" since:"17.10"`
	Owner       UserBasic `json:"owner"`
}

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

// ScheduleDetails are a pipeline schedule that was requested by itself.
type ScheduleDetails struct {
	Schedule
	LastPipeline *PipelineBasic `json:"last_pipeline"`
	Variables    *[]Variable    `json:"variables,omitempty"`
}
