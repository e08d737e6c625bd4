package shape

import "encoding/json"

// A Hook is a project's webhook.
type Hook struct {
	ID                  int64        `json:"id"`
	URL                 string       `json:"url"`
	Name                *string      `json:"name" since:"17.1"`
	Description         *string      `json:"description" since:"17.1"`
	CreatedAt           *string      `json:"created_at"`
	PushEvents          bool         `json:"push_events"`
	TagPushEvents       bool         `json:"tag_push_events"`
	MergeRequestsEvents bool         `json:"merge_requests_events"`
	RepositoryUpdates   bool         `json:"repository_update_events"`
	SSLVerification     bool         `json:"enable_ssl_verification"`
	AlertStatus         string       `json:"alert_status" since:"14.9"`
	DisabledUntil       *string      `json:"disabled_until" since:"14.9"`
	URLVariables        []HookHeader `json:"url_variables" since:"15.2"`
	BranchFilter        *string      `json:"push_events_branch_filter"`
	BranchStrategy      string       `json:"branch_filter_strategy" since:"15.3"`
	Template            *string      `json:"custom_webhook_template" since:"16.10"`
	CustomHeaders       []HookHeader `json:"custom_headers" since:"17.1"`
	TokenPresent        bool         `json:"token_present" since:"19.0"`
	SigningTokenPresent bool         `json:"signing_token_present" since:"19.0"`

	ProjectID                int64 `json:"project_id"`
	IssuesEvents             bool  `json:"issues_events"`
	ConfidentialIssuesEvents bool  `json:"confidential_issues_events"`
	NoteEvents               bool  `json:"note_events"`
	ConfidentialNoteEvents   bool  `json:"confidential_note_events"`
	PipelineEvents           bool  `json:"pipeline_events"`
	WikiPageEvents           bool  `json:"wiki_page_events"`
	DeploymentEvents         bool  `json:"deployment_events" since:"13.5"`
	FeatureFlagEvents        bool  `json:"feature_flag_events" since:"13.5"`
	JobEvents                bool  `json:"job_events"`
	ReleasesEvents           bool  `json:"releases_events" since:"13.7"`
	MilestoneEvents          bool  `json:"milestone_events" since:"17.3"`
	EmojiEvents              bool  `json:"emoji_events" since:"16.2"`
	AccessTokenEvents        bool  `json:"resource_access_token_events" since:"16.10"`
	DeployTokenEvents        bool  `json:"resource_deploy_token_events" since:"18.0"`
	VulnerabilityEvents      bool  `json:"vulnerability_events" since:"17.11"`
}

// A HookHeader is a custom header of a hook, or a variable of its URL. GitLab never returns
// the value.
type HookHeader struct {
	Key string `json:"key"`
}

// A HookLog is what became of one delivery.
type HookLog struct {
	ID                int64             `json:"id"`
	URL               string            `json:"url"`
	Trigger           string            `json:"trigger"`
	RequestHeaders    map[string]string `json:"request_headers"`
	RequestData       json.RawMessage   `json:"request_data"`
	ResponseHeaders   map[string]string `json:"response_headers"`
	ResponseBody      string            `json:"response_body"`
	ExecutionDuration float64           `json:"execution_duration"`
	ResponseStatus    string            `json:"response_status"`
	CreatedAt         *string           `json:"created_at" since:"18.0"`
}

// A PipelineEvent is what a hook receives when the status of a pipeline changes.
type PipelineEvent struct {
	ObjectKind       string            `json:"object_kind"`
	ObjectAttributes PipelineOfEvent   `json:"object_attributes"`
	MergeRequest     *MergeRequestHook `json:"merge_request"`
	User             UserHook          `json:"user"`
	Project          ProjectHook       `json:"project"`
	Commit           CommitHook        `json:"commit"`
	SourcePipeline   *SourcePipeline   `json:"source_pipeline,omitempty"`
	Builds           []JobOfEvent      `json:"builds"`
}

// A PipelineOfEvent is the pipeline of an event.
type PipelineOfEvent struct {
	ID             int64          `json:"id"`
	IID            int64          `json:"iid"`
	Name           *string        `json:"name"`
	Ref            string         `json:"ref"`
	Tag            bool           `json:"tag"`
	SHA            string         `json:"sha"`
	BeforeSHA      string         `json:"before_sha"`
	Source         string         `json:"source"`
	Status         string         `json:"status"`
	DetailedStatus string         `json:"detailed_status"`
	Stages         []string       `json:"stages"`
	CreatedAt      *string        `json:"created_at"`
	FinishedAt     *string        `json:"finished_at"`
	Duration       any            `json:"duration"`
	QueuedDuration any            `json:"queued_duration"`
	ProtectedRef   bool           `json:"protected_ref"`
	Variables      []VariableHook `json:"variables"`
	URL            string         `json:"url"`
}

// A VariableHook is a variable of an event's pipeline.
type VariableHook struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A MergeRequestHook is the merge request of an event's pipeline.
type MergeRequestHook struct {
	ID                  int64  `json:"id"`
	IID                 int64  `json:"iid"`
	Title               string `json:"title"`
	SourceBranch        string `json:"source_branch"`
	SourceProjectID     int64  `json:"source_project_id"`
	TargetBranch        string `json:"target_branch"`
	TargetProjectID     int64  `json:"target_project_id"`
	State               string `json:"state"`
	MergeStatus         string `json:"merge_status"`
	DetailedMergeStatus string `json:"detailed_merge_status"`
	URL                 string `json:"url"`
}

// A UserHook is the user of an event.
type UserHook struct {
	ID        int64   `json:"id"`
	Name      string  `json:"name"`
	Username  string  `json:"username"`
	AvatarURL *string `json:"avatar_url"`
	Email     string  `json:"email"`
}

// A ProjectHook is the project of an event.
type ProjectHook struct {
	ID                int64   `json:"id"`
	Name              string  `json:"name"`
	Description       *string `json:"description"`
	WebURL            string  `json:"web_url"`
	AvatarURL         *string `json:"avatar_url"`
	GitSSHURL         string  `json:"git_ssh_url"`
	GitHTTPURL        string  `json:"git_http_url"`
	Namespace         string  `json:"namespace"`
	VisibilityLevel   int     `json:"visibility_level"`
	PathWithNamespace string  `json:"path_with_namespace"`
	DefaultBranch     string  `json:"default_branch"`
	CIConfigPath      *string `json:"ci_config_path"`
}

// A CommitHook is the commit of an event's pipeline.
type CommitHook struct {
	ID        string     `json:"id"`
	Message   string     `json:"message"`
	Title     string     `json:"title"`
	Timestamp string     `json:"timestamp"`
	URL       string     `json:"url"`
	Author    AuthorHook `json:"author"`
}

// An AuthorHook is who wrote a commit.
type AuthorHook struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// A SourcePipeline is what started an event's pipeline.
type SourcePipeline struct {
	Project struct {
		ID                int64  `json:"id"`
		WebURL            string `json:"web_url"`
		PathWithNamespace string `json:"path_with_namespace"`
	} `json:"project"`
	PipelineID int64 `json:"pipeline_id"`
	JobID      int64 `json:"job_id"`
}

// A JobOfEvent is a job of an event's pipeline.
type JobOfEvent struct {
	ID             int64           `json:"id"`
	Stage          string          `json:"stage"`
	Name           string          `json:"name"`
	Status         string          `json:"status"`
	CreatedAt      *string         `json:"created_at"`
	StartedAt      *string         `json:"started_at"`
	FinishedAt     *string         `json:"finished_at"`
	Duration       any             `json:"duration"`
	QueuedDuration any             `json:"queued_duration"`
	FailureReason  *string         `json:"failure_reason"`
	When           string          `json:"when"`
	Manual         bool            `json:"manual"`
	AllowFailure   bool            `json:"allow_failure"`
	User           UserHook        `json:"user"`
	Runner         *RunnerHook     `json:"runner"`
	ArtifactsFile  ArtifactsHook   `json:"artifacts_file"`
	Environment    *EnvironmentFor `json:"environment"`
}

// A RunnerHook is the runner of an event's job.
type RunnerHook struct {
	ID          int64    `json:"id"`
	Description string   `json:"description"`
	RunnerType  string   `json:"runner_type"`
	Active      bool     `json:"active"`
	IsShared    bool     `json:"is_shared"`
	Tags        []string `json:"tags"`
}

// An ArtifactsHook is the archive of an event's job. Without one, both are null.
type ArtifactsHook struct {
	Filename *string `json:"filename"`
	Size     *int    `json:"size"`
}

// An EnvironmentFor is what an event's job deploys to.
type EnvironmentFor struct {
	Name           string `json:"name"`
	Action         string `json:"action"`
	DeploymentTier string `json:"deployment_tier"`
}

// A JobEvent is what a hook receives when the status of a job changes.
type JobEvent struct {
	ObjectKind     string          `json:"object_kind"`
	Ref            string          `json:"ref"`
	Tag            bool            `json:"tag"`
	BeforeSHA      string          `json:"before_sha"`
	SHA            string          `json:"sha"`
	RetriesCount   int             `json:"retries_count" since:"16.2"`
	BuildID        int64           `json:"build_id"`
	BuildName      string          `json:"build_name"`
	BuildStage     string          `json:"build_stage"`
	BuildStatus    string          `json:"build_status"`
	CreatedAt      *string         `json:"build_created_at"`
	StartedAt      *string         `json:"build_started_at"`
	FinishedAt     *string         `json:"build_finished_at"`
	CreatedISO     *string         `json:"build_created_at_iso" since:"18.2"`
	StartedISO     *string         `json:"build_started_at_iso" since:"18.2"`
	FinishedISO    *string         `json:"build_finished_at_iso" since:"18.2"`
	Duration       any             `json:"build_duration"`
	QueuedDuration any             `json:"build_queued_duration"`
	AllowFailure   bool            `json:"build_allow_failure"`
	FailureReason  string          `json:"build_failure_reason"`
	PipelineID     int64           `json:"pipeline_id"`
	Runner         *RunnerHook     `json:"runner"`
	ProjectID      int64           `json:"project_id"`
	ProjectName    string          `json:"project_name"`
	User           UserHook        `json:"user"`
	Commit         JobCommit       `json:"commit"`
	Repository     RepositoryHook  `json:"repository"`
	Project        ProjectHook     `json:"project" since:"18.0"`
	Environment    *EnvironmentFor `json:"environment"`
	SourcePipeline *SourcePipeline `json:"source_pipeline,omitempty" since:"17.0"`
}

// A JobCommit is the pipeline of a job's event, under another name.
type JobCommit struct {
	ID          int64   `json:"id"` // of the pipeline
	Name        *string `json:"name"`
	SHA         string  `json:"sha"`
	Message     string  `json:"message"`
	AuthorName  string  `json:"author_name"`
	AuthorEmail string  `json:"author_email"`
	AuthorURL   string  `json:"author_url"`
	Status      string  `json:"status"`
	Duration    any     `json:"duration"`
	StartedAt   *string `json:"started_at"`
	FinishedAt  *string `json:"finished_at"`
	StartedISO  *string `json:"started_at_iso" since:"18.2"`
	FinishedISO *string `json:"finished_at_iso" since:"18.2"`
}

// A RepositoryHook is the project of a job's event again.
type RepositoryHook struct {
	Name            string  `json:"name"`
	URL             string  `json:"url"`
	Description     *string `json:"description"`
	Homepage        string  `json:"homepage"`
	GitHTTPURL      string  `json:"git_http_url"`
	GitSSHURL       string  `json:"git_ssh_url"`
	VisibilityLevel int     `json:"visibility_level"`
}

// A DeploymentEvent is what a hook receives when the status of a deployment changes.
type DeploymentEvent struct {
	ObjectKind      string      `json:"object_kind"`
	Status          string      `json:"status"`
	StatusChangedAt string      `json:"status_changed_at"`
	DeploymentID    int64       `json:"deployment_id"`
	DeployableID    int64       `json:"deployable_id"`
	DeployableURL   string      `json:"deployable_url"`
	Environment     string      `json:"environment"`
	Tier            string      `json:"environment_tier"`
	Slug            string      `json:"environment_slug"`
	ExternalURL     *string     `json:"environment_external_url"`
	Project         ProjectHook `json:"project"`
	ShortSHA        string      `json:"short_sha"`
	User            UserHook    `json:"user"`
	UserURL         string      `json:"user_url"`
	CommitURL       string      `json:"commit_url"`
	CommitTitle     string      `json:"commit_title"`
}
