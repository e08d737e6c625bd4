package shape

import "time"

// A JobBasic is what jobs and trigger jobs have in common.
type JobBasic struct {
	ID             int64         `json:"id"`
	Status         string        `json:"status"`
	Stage          string        `json:"stage"`
	Name           string        `json:"name"`
	Ref            string        `json:"ref"`
	Tag            bool          `json:"tag"`
	Coverage       *float64      `json:"coverage"`
	AllowFailure   bool          `json:"allow_failure"`
	CreatedAt      *string       `json:"created_at"`
	StartedAt      *string       `json:"started_at"`
	FinishedAt     *string       `json:"finished_at"`
	ErasedAt       *string       `json:"erased_at" since:"15.11"`
	Duration       *float64      `json:"duration"`
	QueuedDuration *float64      `json:"queued_duration" since:"13.11"`
	User           User          `json:"user"`
	Commit         Commit        `json:"commit"`
	Pipeline       PipelineBasic `json:"pipeline"`
	FailureReason  string        `json:"failure_reason,omitempty" since:"14.6"`
	WebURL         string        `json:"web_url"`
	Project        JobProject    `json:"project" since:"15.7"`
}

// A JobProject is the project of a job.
type JobProject struct {
	CIJobTokenScopeEnabled bool `json:"ci_job_token_scope_enabled"`
}

// A RetriedJob is a job in the lists of a retry, where trigger jobs can be among them.
type RetriedJob struct {
	JobBasic
	ArtifactsFile     *ArtifactsFile `json:"artifacts_file,omitempty"`
	Artifacts         []JobArtifact  `json:"artifacts"`
	ArtifactsExpireAt *string        `json:"artifacts_expire_at"`
	Runner            *Runner        `json:"runner"`
	Archived          bool           `json:"archived" since:"16.11"`
	TagList           []string       `json:"tag_list" since:"13.12"`
}

// A Job is a job that a runner runs.
type Job struct {
	RetriedJob
	RunnerManager *RunnerManager `json:"runner_manager" since:"16.3"`
}

// A TriggerJob is a job that starts a pipeline.
type TriggerJob struct {
	JobBasic
	DownstreamPipeline *PipelineBasic `json:"downstream_pipeline"`
}

// A Commit is a commit in something else.
type Commit struct {
	ID               string              `json:"id"`
	ShortID          string              `json:"short_id"`
	CreatedAt        *string             `json:"created_at"`
	ParentIDs        []string            `json:"parent_ids"`
	Title            string              `json:"title"`
	Message          string              `json:"message"`
	AuthorName       string              `json:"author_name"`
	AuthorEmail      string              `json:"author_email"`
	AuthoredDate     *string             `json:"authored_date"`
	CommitterName    string              `json:"committer_name"`
	CommitterEmail   string              `json:"committer_email"`
	CommittedDate    *string             `json:"committed_date"`
	Trailers         map[string]string   `json:"trailers"`
	ExtendedTrailers map[string][]string `json:"extended_trailers"`
	WebURL           string              `json:"web_url"`
}

// A Runner is who runs a job.
type Runner struct {
	ID                 int64   `json:"id"`
	Description        string  `json:"description"`
	IPAddress          *string `json:"ip_address"`
	Active             bool    `json:"active"`
	Paused             bool    `json:"paused"`
	IsShared           bool    `json:"is_shared"`
	RunnerType         string  `json:"runner_type"`
	Name               *string `json:"name"`
	Online             bool    `json:"online"`
	CreatedAt          *string `json:"created_at"`
	Status             string  `json:"status"`
	JobExecutionStatus string  `json:"job_execution_status"`
}

// A RunnerManager is the process of a runner.
type RunnerManager struct {
	ID                 int64   `json:"id"`
	SystemID           string  `json:"system_id"`
	Version            string  `json:"version"`
	Revision           string  `json:"revision"`
	Platform           string  `json:"platform"`
	Architecture       string  `json:"architecture"`
	CreatedAt          *string `json:"created_at"`
	ContactedAt        *string `json:"contacted_at"`
	IPAddress          string  `json:"ip_address"`
	Status             string  `json:"status"`
	JobExecutionStatus string  `json:"job_execution_status"`
}

// TheRunner is the runner that takes every job.
func TheRunner() *Runner {
	return &Runner{
		ID:                 1,
		Description:        "fake runner",
		Active:             true,
		IsShared:           true,
		RunnerType:         "instance_type",
		Name:               new("gitlab-runner"),
		Online:             true,
		CreatedAt:          LongAgo,
		Status:             "online",
		JobExecutionStatus: "idle",
	}
}

// TheRunnerManager is that runner's process.
func TheRunnerManager(contacted time.Time) *RunnerManager {
	return &RunnerManager{
		ID:                 1,
		SystemID:           "s_000000000001",
		Version:            "19.5.0",
		Revision:           "0f4ce000",
		Platform:           "linux",
		Architecture:       "amd64",
		CreatedAt:          LongAgo,
		ContactedAt:        Timestamp(contacted),
		IPAddress:          "127.0.0.1",
		Status:             "online",
		JobExecutionStatus: "idle",
	}
}

// A CommitStatus is what a job, or another system, says of a commit.
type CommitStatus struct {
	ID           int64      `json:"id"`
	SHA          string     `json:"sha"`
	Ref          string     `json:"ref"`
	Status       string     `json:"status"`
	Name         string     `json:"name"`
	TargetURL    *string    `json:"target_url"`
	Description  *string    `json:"description"`
	CreatedAt    *string    `json:"created_at"`
	StartedAt    *string    `json:"started_at"`
	FinishedAt   *string    `json:"finished_at"`
	AllowFailure bool       `json:"allow_failure"`
	Coverage     *float64   `json:"coverage"`
	PipelineID   int64      `json:"pipeline_id"`
	Author       *UserBasic `json:"author"`
}
