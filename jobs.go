package gitlabci

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"time"
)

// JobsService reads the jobs of pipelines. It is [Client.Jobs].
//
// See https://docs.gitlab.com/api/jobs/.
type JobsService struct{ client *Client }

// A JobInfo is what a [Job] and a [TriggerJob] have in common.
type JobInfo struct {
	ID             JobID         `json:"id"`
	Status         Status        `json:"status"`
	Stage          string        `json:"stage,omitzero"`
	Name           string        `json:"name"` // such as "rspec 1/3" or "build: [linux, amd64]"
	Ref            string        `json:"ref"`
	Tag            bool          `json:"tag"`
	Coverage       *float64      `json:"coverage,omitzero"` // percent; nil if unknown
	AllowFailure   bool          `json:"allow_failure"`
	CreatedAt      time.Time     `json:"created_at,omitzero"`
	StartedAt      time.Time     `json:"started_at,omitzero"`
	FinishedAt     time.Time     `json:"finished_at,omitzero"`
	ErasedAt       time.Time     `json:"erased_at,omitzero"`
	Duration       Seconds       `json:"duration,omitzero"`        // grows while it runs
	QueuedDuration Seconds       `json:"queued_duration,omitzero"` // grows while it is pending
	User           *User         `json:"user,omitzero"`
	Commit         *Commit       `json:"commit,omitzero"` // nil if the commit is gone
	Pipeline       *PipelineInfo `json:"pipeline"`
	FailureReason  FailureReason `json:"failure_reason,omitzero"` // "" unless Status is failed
	WebURL         string        `json:"web_url"`
	Project        *JobProject   `json:"project,omitzero"`
	Source         Source        `json:"source,omitzero"`   // what started it, where GitLab tells
	Archived       bool          `json:"archived,omitzero"` // too old to be retried or played
}

// A JobProject is a setting of the job's project, not a reference to it.
type JobProject struct {
	CIJobTokenScopeEnabled bool `json:"ci_job_token_scope_enabled"`
}

// A Job is a job that a runner runs.
type Job struct {
	JobInfo

	ArtifactsFile     *ArtifactsFile `json:"artifacts_file,omitzero"`      // nil unless there is an archive that has not expired
	Artifacts         []JobArtifact  `json:"artifacts"`                    // the log among them, once it is archived
	ArtifactsExpireAt time.Time      `json:"artifacts_expire_at,omitzero"` // zero if they are kept
	Runner            *Runner        `json:"runner,omitzero"`
	RunnerManager     *RunnerManager `json:"runner_manager,omitzero"`
	TagList           []string       `json:"tag_list"` // the tags a runner must have
}

// A TriggerJob is a job that starts another pipeline, in this project or
// another one. GitLab calls it a bridge as well.
type TriggerJob struct {
	JobInfo

	DownstreamPipeline *PipelineInfo `json:"downstream_pipeline,omitzero"` // nil until it is created
}

// An ArtifactsFile is a job's archive of artifacts.
type ArtifactsFile struct {
	Filename string `json:"filename"`
	Size     int64  `json:"size"` // bytes
}

// A JobArtifact is one of the files a job left behind.
type JobArtifact struct {
	FileType   ArtifactType   `json:"file_type"`
	Size       int64          `json:"size"` // bytes
	Filename   string         `json:"filename"`
	FileFormat ArtifactFormat `json:"file_format,omitzero"`
}

// A Runner is the runner that took a job.
//
// See https://docs.gitlab.com/api/runners/.
type Runner struct {
	ID                 int64              `json:"id"`
	Description        string             `json:"description,omitzero"`
	IPAddress          string             `json:"ip_address,omitzero"` // empty on newer servers
	Active             bool               `json:"active"`              // the opposite of Paused
	Paused             bool               `json:"paused"`
	IsShared           bool               `json:"is_shared"`
	RunnerType         RunnerType         `json:"runner_type"`
	Name               string             `json:"name,omitzero"`
	Online             bool               `json:"online,omitzero"`
	CreatedBy          *User              `json:"created_by,omitzero"`
	CreatedAt          time.Time          `json:"created_at,omitzero"`
	Status             RunnerStatus       `json:"status"`
	JobExecutionStatus JobExecutionStatus `json:"job_execution_status,omitzero"`
}

// A RunnerManager is the process of a runner that ran the job.
type RunnerManager struct {
	ID                 int64              `json:"id"`
	SystemID           string             `json:"system_id"`
	Version            string             `json:"version,omitzero"`
	Revision           string             `json:"revision,omitzero"`
	Platform           string             `json:"platform,omitzero"`
	Architecture       string             `json:"architecture,omitzero"`
	CreatedAt          time.Time          `json:"created_at,omitzero"`
	ContactedAt        time.Time          `json:"contacted_at,omitzero"`
	IPAddress          string             `json:"ip_address,omitzero"`
	Status             RunnerStatus       `json:"status"`
	JobExecutionStatus JobExecutionStatus `json:"job_execution_status,omitzero"`
}

// ListPipelineJobsOptions narrows a list of a pipeline's jobs. Nil lists the
// newest attempt of each job.
type ListPipelineJobsOptions struct {
	ListOptions

	Scope          []Status `url:"scope,brackets,omitempty"`  // any of these; nil is all
	IncludeRetried bool     `url:"include_retried,omitempty"` // earlier attempts of retried jobs too
}

// ListTriggerJobsOptions narrows a list of a pipeline's trigger jobs. Nil
// lists the newest attempt of each.
type ListTriggerJobsOptions struct {
	ListOptions

	Scope []Status `url:"scope,brackets,omitempty"` // any of these; nil is all
}

// ListForPipeline returns one page of a pipeline's jobs, newest first, without
// trigger jobs.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// The error matches [ErrNotFound], [ErrForbidden] if the project hides its
// jobs from the token, and [ErrInvalid] for a status GitLab does not know.
func (s *JobsService) ListForPipeline(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListPipelineJobsOptions) (*Page[Job], error) {
	return list[Job](ctx, s.client, at("projects", project, "pipelines", pipeline, "jobs"), opts)
}

// AllForPipeline ranges over a pipeline's jobs, page by page as the loop goes
// on.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// It asks for [JobsService.ListForPipeline], with the same options and
// errors, 100 a page unless told; an error ends it, and is a [PageError].
//
// Pages are numbered, so a job retried while the loop runs shifts the rest:
// the last item of a page can come again on the next one.
func (s *JobsService) AllForPipeline(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListPipelineJobsOptions) iter.Seq2[*Job, error] {
	return all[Job](ctx, s.client, at("projects", project, "pipelines", pipeline, "jobs"), opts)
}

// ListTriggerJobs returns one page of a pipeline's trigger jobs, newest first.
//
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id/trigger_jobs
//
// The first is the older name of the second, which GitLab has from 19.2; where
// a server no longer knows it, the second is asked.
// See https://docs.gitlab.com/api/jobs/#list-all-trigger-jobs-by-pipeline.
// The errors are those of [JobsService.ListForPipeline].
func (s *JobsService) ListTriggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListTriggerJobsOptions) (*Page[TriggerJob], error) {
	return listBy(opts, s.triggerJobs(ctx, project, pipeline))
}

// AllTriggerJobs ranges over a pipeline's trigger jobs, page by page as the
// loop goes on.
//
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id/trigger_jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-trigger-jobs-by-pipeline.
// It asks for [JobsService.ListTriggerJobs], with the same options and errors,
// 100 a page unless told; an error ends it, and is a [PageError].
//
// Pages are numbered, so a trigger job retried while the loop runs shifts the
// rest: the last item of a page can come again on the next one.
func (s *JobsService) AllTriggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListTriggerJobsOptions) iter.Seq2[*TriggerJob, error] {
	return func(yield func(*TriggerJob, error) bool) {
		allBy(opts, s.triggerJobs(ctx, project, pipeline))(yield)
	}
}

// triggerJobs fetches pages by the route's old name until the server says that
// it has only the new one.
func (s *JobsService) triggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID) pager[TriggerJob] {
	route := at("projects", project, "pipelines", pipeline, "bridges")
	return func(query url.Values) (*Page[TriggerJob], error) {
		page, err := fetchPage[TriggerJob](ctx, s.client, route, query)
		if errors.Is(err, errors.ErrUnsupported) {
			route = at("projects", project, "pipelines", pipeline, "trigger_jobs")
			return fetchPage[TriggerJob](ctx, s.client, route, query)
		}
		return page, err
	}
}
