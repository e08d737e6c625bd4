package main

import (
	"time"

	"example.com/gitlabci"
)

// A job is a line of JSON: a job with its project.
type job struct {
	ProjectPath string `json:"project_path"`
	*gitlabci.Job
	project int64
}

// A row is a job in Parquet. What it does not have is null.
type row struct {
	ID             gitlabci.JobID         `parquet:"id"`
	ProjectID      int64                  `parquet:"project_id"`
	Project        string                 `parquet:"project,dict"`
	PipelineID     gitlabci.PipelineID    `parquet:"pipeline_id,optional"`
	Stage          string                 `parquet:"stage,dict"`
	Name           string                 `parquet:"name,dict"`
	Status         gitlabci.Status        `parquet:"status,dict"`
	FailureReason  gitlabci.FailureReason `parquet:"failure_reason,optional,dict"`
	AllowFailure   bool                   `parquet:"allow_failure"`
	Ref            string                 `parquet:"ref,dict"`
	Tag            bool                   `parquet:"tag"`
	SHA            string                 `parquet:"sha,optional,dict"`
	User           string                 `parquet:"user,optional,dict"`
	CreatedAt      time.Time              `parquet:"created_at,optional,timestamp(microsecond)"`
	StartedAt      time.Time              `parquet:"started_at,optional,timestamp(microsecond)"`
	FinishedAt     time.Time              `parquet:"finished_at,optional,timestamp(microsecond)"`
	Duration       float64                `parquet:"duration,optional"` // seconds
	QueuedDuration float64                `parquet:"queued_duration,optional"`
	Coverage       *float64               `parquet:"coverage,optional"`
	Runner         string                 `parquet:"runner,optional,dict"`
	Tags           []string               `parquet:"tags,list"`
	ArtifactsSize  int64                  `parquet:"artifacts_size,optional"`
	WebURL         string                 `parquet:"web_url"`
}

func (j *job) row() row {
	r := row{
		ID: j.ID, ProjectID: j.project, Project: j.ProjectPath, Stage: j.Stage, Name: j.Name,
		Status: j.Status, FailureReason: j.FailureReason, AllowFailure: j.AllowFailure, Ref: j.Ref, Tag: j.Tag,
		CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt,
		Duration: j.Duration.Duration().Seconds(), QueuedDuration: j.QueuedDuration.Duration().Seconds(),
		Coverage: j.Coverage, Tags: j.TagList, WebURL: j.WebURL,
	}
	if j.Pipeline != nil {
		r.PipelineID = j.Pipeline.ID
	}
	if j.Commit != nil {
		r.SHA = j.Commit.ID
	}
	if j.User != nil {
		r.User = j.User.Username
	}
	if j.Runner != nil {
		r.Runner = j.Runner.Description
	}
	if j.ArtifactsFile != nil {
		r.ArtifactsSize = j.ArtifactsFile.Size
	}
	return r
}
