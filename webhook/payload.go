package webhook

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"example.com/gitlabci"
)

// A Project is the project of an event.
type Project struct {
	ID                gitlabci.ProjectID `json:"id"` // its number
	Name              string             `json:"name"`
	PathWithNamespace string             `json:"path_with_namespace"` // such as "group/app"
	Description       string             `json:"description,omitzero"`
	WebURL            string             `json:"web_url"`
	AvatarURL         string             `json:"avatar_url,omitzero"`
	GitSSHURL         string             `json:"git_ssh_url,omitzero"`
	GitHTTPURL        string             `json:"git_http_url,omitzero"`
	Namespace         string             `json:"namespace,omitzero"` // the name of the group or user, not its path
	VisibilityLevel   int                `json:"visibility_level"`   // 0 private, 10 internal, 20 public
	DefaultBranch     string             `json:"default_branch,omitzero"`
	CIConfigPath      string             `json:"ci_config_path,omitzero"`
}

// A Pipeline is the pipeline of a pipeline event, which GitLab sends when the status has
// changed.
//
// See https://docs.gitlab.com/user/project/integrations/webhook_events/#pipeline-events.
type Pipeline struct {
	ID        gitlabci.PipelineID `json:"id"`
	IID       int64               `json:"iid"` // counts within the project; not an ID for the API
	Name      string              `json:"name,omitzero"`
	ProjectID gitlabci.ProjectID  `json:"project_id"`

	// Ref is a branch or a tag. For a pipeline of a merge request it is the source
	// branch, where the API has refs/merge-requests/….
	Ref string `json:"ref"`
	Tag bool   `json:"tag"`

	SHA       string          `json:"sha"`
	BeforeSHA string          `json:"before_sha"` // forty zeros for a branch's first push
	Source    gitlabci.Source `json:"source"`
	Status    gitlabci.Status `json:"status"`

	// DetailedStatus is how GitLab's pages show the status, such as "passed". Programs
	// should use Status.
	DetailedStatus string `json:"detailed_status"`

	Stages         []string         `json:"stages"`
	CreatedAt      time.Time        `json:"created_at,omitzero"`
	FinishedAt     time.Time        `json:"finished_at,omitzero"`
	Duration       gitlabci.Seconds `json:"duration,omitzero"` // only the time in which jobs ran
	QueuedDuration gitlabci.Seconds `json:"queued_duration,omitzero"`
	ProtectedRef   bool             `json:"protected_ref,omitzero"` // false on older servers, too
	URL            string           `json:"url"`

	// Variables are those that the pipeline was started with. Values may be secrets: they
	// are not printed, and not in JSON.
	Variables []*gitlabci.Variable `json:"-"`

	MergeRequest *MergeRequest    `json:"merge_request,omitzero"` // nil if the pipeline is of none
	User         *gitlabci.User   `json:"user,omitzero"`          // with a PublicEmail if GitLab sent one
	Commit       *gitlabci.Commit `json:"commit,omitzero"`

	// Builds are the newest attempts of the jobs, without trigger jobs, in no order.
	Builds []*Build `json:"builds"`

	// SourcePipeline is what started a child pipeline or one of another project. It is
	// nil for other pipelines.
	SourcePipeline *SourcePipeline `json:"source_pipeline,omitzero"`

	// Incomplete says that Stages, Variables, Commit and Builds were left out, since they
	// would take too much memory. Read them through the API.
	Incomplete bool `json:"incomplete,omitzero"`
}

// String describes the pipeline in one line.
func (p Pipeline) String() string {
	return fmt.Sprintf("pipeline %d of project %s is %s", p.ID, p.ProjectID, p.Status)
}

// Format writes the same for every verb, so that no variables are printed.
func (p Pipeline) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue is what log/slog writes. The pipeline may be nil, as in an event of a job.
func (p *Pipeline) LogValue() slog.Value {
	if p == nil {
		return slog.AnyValue(nil)
	}
	return slog.StringValue(p.String())
}

// A Build is a job of a pipeline event.
type Build struct {
	ID             gitlabci.JobID          `json:"id"`
	Stage          string                  `json:"stage"`
	Name           string                  `json:"name"`
	Status         gitlabci.Status         `json:"status"`
	CreatedAt      time.Time               `json:"created_at,omitzero"`
	StartedAt      time.Time               `json:"started_at,omitzero"`
	FinishedAt     time.Time               `json:"finished_at,omitzero"`
	Duration       gitlabci.Seconds        `json:"duration,omitzero"`
	QueuedDuration gitlabci.Seconds        `json:"queued_duration,omitzero"`
	FailureReason  gitlabci.FailureReason  `json:"failure_reason,omitzero"` // "" unless Status is failed
	When           string                  `json:"when"`                    // "on_success", "manual", "delayed", …
	Manual         bool                    `json:"manual"`
	AllowFailure   bool                    `json:"allow_failure"`
	User           *gitlabci.User          `json:"user,omitzero"`
	Runner         *Runner                 `json:"runner,omitzero"`         // nil until one takes the job
	ArtifactsFile  *gitlabci.ArtifactsFile `json:"artifacts_file,omitzero"` // nil without an archive
	Environment    *Environment            `json:"environment,omitzero"`
}

// A Runner is the runner of a job, with the fields of [gitlabci.Runner] down to
// RunnerType, as far as GitLab sends them.
type Runner struct {
	gitlabci.Runner

	Tags []string `json:"tags"`
}

// An Environment is where a job deploys.
type Environment struct {
	Name   string `json:"name"`
	Action string `json:"action"` // "start", "stop", …
	Tier   string `json:"deployment_tier,omitzero"`
}

// A MergeRequest is the merge request of a pipeline.
type MergeRequest struct {
	ID                  int64              `json:"id"`
	IID                 int64              `json:"iid"` // the number in its project, which the API takes
	Title               string             `json:"title"`
	SourceBranch        string             `json:"source_branch"`
	SourceProjectID     gitlabci.ProjectID `json:"source_project_id"`
	TargetBranch        string             `json:"target_branch"`
	TargetProjectID     gitlabci.ProjectID `json:"target_project_id"`
	State               string             `json:"state"`
	MergeStatus         string             `json:"merge_status,omitzero"`
	DetailedMergeStatus string             `json:"detailed_merge_status,omitzero"`
	URL                 string             `json:"url"`
}

// A SourcePipeline is the pipeline that started another one, by one of its jobs.
type SourcePipeline struct {
	Project    *Project            `json:"project,omitzero"` // with ID, WebURL and PathWithNamespace
	PipelineID gitlabci.PipelineID `json:"pipeline_id"`
	JobID      gitlabci.JobID      `json:"job_id"`
}

// A Job is the job of a job event, which GitLab sends when the status has changed. It is
// never a trigger job.
//
// See https://docs.gitlab.com/user/project/integrations/webhook_events/#job-events.
type Job struct {
	ID     gitlabci.JobID  `json:"build_id"`
	Name   string          `json:"build_name"`
	Stage  string          `json:"build_stage"`
	Status gitlabci.Status `json:"build_status"`

	Ref       string `json:"ref"` // as in [Pipeline]
	Tag       bool   `json:"tag"`
	SHA       string `json:"sha"`
	BeforeSHA string `json:"before_sha"`

	CreatedAt      time.Time              `json:"build_created_at,omitzero"`
	StartedAt      time.Time              `json:"build_started_at,omitzero"`
	FinishedAt     time.Time              `json:"build_finished_at,omitzero"`
	Duration       gitlabci.Seconds       `json:"build_duration,omitzero"`
	QueuedDuration gitlabci.Seconds       `json:"build_queued_duration,omitzero"`
	AllowFailure   bool                   `json:"build_allow_failure"`
	FailureReason  gitlabci.FailureReason `json:"build_failure_reason,omitzero"` // "" unless Status is failed
	Retries        int                    `json:"retries_count"`                 // 0 is the first attempt

	ProjectID          gitlabci.ProjectID  `json:"project_id"`
	PipelineID         gitlabci.PipelineID `json:"pipeline_id"`
	PipelineName       string              `json:"pipeline_name,omitzero"`
	PipelineStatus     gitlabci.Status     `json:"pipeline_status,omitzero"`
	PipelineStartedAt  time.Time           `json:"pipeline_started_at,omitzero"`
	PipelineFinishedAt time.Time           `json:"pipeline_finished_at,omitzero"`
	PipelineDuration   gitlabci.Seconds    `json:"pipeline_duration,omitzero"`

	User           *gitlabci.User   `json:"user,omitzero"` // with a PublicEmail if GitLab sent one
	Commit         *gitlabci.Commit `json:"commit,omitzero"`
	Runner         *Runner          `json:"runner,omitzero"` // nil until one takes the job
	Environment    *Environment     `json:"environment,omitzero"`
	SourcePipeline *SourcePipeline  `json:"source_pipeline,omitzero"` // as in [Pipeline]; newer servers only
}

// A Deployment is the deployment of a deployment event, which GitLab sends when the status
// has changed.
//
// See https://docs.gitlab.com/user/project/integrations/webhook_events/#deployment-events.
type Deployment struct {
	ID              gitlabci.DeploymentID `json:"deployment_id"`
	Status          gitlabci.Status       `json:"status"` // running, success, failed or canceled
	StatusChangedAt time.Time             `json:"status_changed_at,omitzero"`
	JobID           gitlabci.JobID        `json:"deployable_id,omitzero"`  // 0 if no job deployed it
	JobURL          string                `json:"deployable_url,omitzero"` // empty also for a trigger job
	Environment     string                `json:"environment"`
	Tier            string                `json:"environment_tier,omitzero"`
	Slug            string                `json:"environment_slug,omitzero"`
	ExternalURL     string                `json:"environment_external_url,omitzero"`
	ProjectID       gitlabci.ProjectID    `json:"project_id"`
	ShortSHA        string                `json:"short_sha"`
	User            *gitlabci.User        `json:"user,omitzero"` // with a PublicEmail if GitLab sent one
	UserURL         string                `json:"user_url,omitzero"`
	CommitURL       string                `json:"commit_url,omitzero"`
	CommitTitle     string                `json:"commit_title,omitzero"`
}
