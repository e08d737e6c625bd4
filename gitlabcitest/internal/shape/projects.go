package shape

// A ProjectBasic is a project as strangers see it.
type ProjectBasic struct {
	ProjectIdentity
	DefaultBranch  string    `json:"default_branch"`
	TagList        []string  `json:"tag_list"`
	Topics         []string  `json:"topics" since:"14.0"`
	SSHURLToRepo   string    `json:"ssh_url_to_repo"`
	HTTPURLToRepo  string    `json:"http_url_to_repo"`
	WebURL         string    `json:"web_url"`
	ReadmeURL      *string   `json:"readme_url"`
	ForksCount     int       `json:"forks_count"`
	AvatarURL      *string   `json:"avatar_url"`
	StarCount      int       `json:"star_count"`
	LastActivityAt *string   `json:"last_activity_at"`
	Visibility     string    `json:"visibility"`
	Namespace      Namespace `json:"namespace"`
}

// A Namespace is the group of a project.
type Namespace struct {
	ID        int64   `json:"id"`
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	Kind      string  `json:"kind"`
	FullPath  string  `json:"full_path"`
	ParentID  *int64  `json:"parent_id"`
	AvatarURL *string `json:"avatar_url"`
	WebURL    string  `json:"web_url"`
}

// A Project is a project as its users see it.
type Project struct {
	ProjectBasic
	Links ProjectLinks `json:"_links"`

	ContainerRegistryImagePrefix string  `json:"container_registry_image_prefix" since:"14.6"`
	EmptyRepo                    bool    `json:"empty_repo"`
	Archived                     bool    `json:"archived"`
	UpdatedAt                    *string `json:"updated_at" since:"16.10"`
	CreatorID                    int64   `json:"creator_id"`
	ImportStatus                 string  `json:"import_status"`
	OpenIssuesCount              int     `json:"open_issues_count"`
	MarkedForDeletionAt          *string `json:"marked_for_deletion_at"`
	RequestAccessEnabled         bool    `json:"request_access_enabled"`
	LFSEnabled                   bool    `json:"lfs_enabled"`
	PackagesEnabled              bool    `json:"packages_enabled"`
	IssuesEnabled                bool    `json:"issues_enabled"`
	WikiEnabled                  bool    `json:"wiki_enabled"`
	SnippetsEnabled              bool    `json:"snippets_enabled"`
	ContainerRegistryEnabled     bool    `json:"container_registry_enabled"`
	RepositoryAccessLevel        string  `json:"repository_access_level"`
	MergeRequestsAccessLevel     string  `json:"merge_requests_access_level"`
	IssuesAccessLevel            string  `json:"issues_access_level"`
	BuildsAccessLevel            string  `json:"builds_access_level"`

	MergeSettings
	BuildSettings
	SharedWithGroups []struct{}  `json:"shared_with_groups"`
	Permissions      Permissions `json:"permissions"`
}

// ProjectLinks are URLs of what is in a project.
type ProjectLinks struct {
	Self          string `json:"self"`
	Issues        string `json:"issues"`
	MergeRequests string `json:"merge_requests"`
	RepoBranches  string `json:"repo_branches"`
	Labels        string `json:"labels"`
	Events        string `json:"events"`
	Members       string `json:"members"`
}

// MergeSettings is how the project merges: as GitLab does by default.
type MergeSettings struct {
	MergeRequestsEnabled     bool   `json:"merge_requests_enabled"`
	CanCreateMergeRequestIn  bool   `json:"can_create_merge_request_in"`
	OnlyIfPipelineSucceeds   bool   `json:"only_allow_merge_if_pipeline_succeeds"`
	OnSkippedPipeline        *bool  `json:"allow_merge_on_skipped_pipeline"`
	OnlyIfDiscussionsEnd     bool   `json:"only_allow_merge_if_all_discussions_are_resolved"`
	RemoveSourceBranch       bool   `json:"remove_source_branch_after_merge"`
	ResolveOutdatedThreads   bool   `json:"resolve_outdated_diff_discussions"`
	PrintingMergeRequestLink bool   `json:"printing_merge_request_link_enabled"`
	MergeMethod              string `json:"merge_method"`
	SquashOption             string `json:"squash_option"`
}

// BuildSettings are the settings of a project that are about CI.
type BuildSettings struct {
	JobsEnabled                  bool    `json:"jobs_enabled"`
	PublicJobs                   bool    `json:"public_jobs"`
	SharedRunnersEnabled         bool    `json:"shared_runners_enabled"`
	GroupRunnersEnabled          bool    `json:"group_runners_enabled"`
	BuildTimeout                 int     `json:"build_timeout"`
	BuildGitStrategy             string  `json:"build_git_strategy"`
	AutoCancelPendingPipelines   string  `json:"auto_cancel_pending_pipelines"`
	AutoDevopsEnabled            bool    `json:"auto_devops_enabled"`
	CIConfigPath                 *string `json:"ci_config_path"`
	CIDefaultGitDepth            int     `json:"ci_default_git_depth"`
	CIForwardDeploymentEnabled   bool    `json:"ci_forward_deployment_enabled"`
	CIJobTokenScopeEnabled       bool    `json:"ci_job_token_scope_enabled"`
	CISeparatedCaches            bool    `json:"ci_separated_caches" since:"14.0"`
	CICancellationRole           string  `json:"ci_restrict_pipeline_cancellation_role" since:"16.9"`
	CIVariablesRole              string  `json:"ci_pipeline_variables_minimum_override_role" since:"17.1"`
	RestrictUserDefinedVariables bool    `json:"restrict_user_defined_variables"`
	KeepLatestArtifact           bool    `json:"keep_latest_artifact"`
	RunnerTokenInterval          *int    `json:"runner_token_expiration_interval"`
}

// Permissions are the roles of a user in a project.
type Permissions struct {
	ProjectAccess *MemberAccess `json:"project_access"`
	GroupAccess   *MemberAccess `json:"group_access"`
}

// A MemberAccess is one of the [Permissions].
type MemberAccess struct {
	AccessLevel       int `json:"access_level"`
	NotificationLevel int `json:"notification_level"`
}

// An EnvironmentBasic is an environment as deployments show it.
type EnvironmentBasic struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Slug        string  `json:"slug"`
	ExternalURL *string `json:"external_url"`
	CreatedAt   *string `json:"created_at" since:"14.10"`
	UpdatedAt   *string `json:"updated_at" since:"14.10"`
}

// An Environment is one in a list.
type Environment struct {
	EnvironmentBasic
	Tier            string       `json:"tier" since:"14.2"`
	Project         ProjectBasic `json:"project"`
	State           string       `json:"state" since:"12.5"`
	AutoStopAt      *string      `json:"auto_stop_at" since:"16.0"`
	Description     *string      `json:"description" since:"17.2"`
	AutoStopSetting string       `json:"auto_stop_setting" since:"17.6"`
}

// An EnvironmentWhole is an environment that was requested by itself.
type EnvironmentWhole struct {
	EnvironmentBasic
	Tier            string          `json:"tier" since:"14.2"`
	LastDeployment  *LastDeployment `json:"last_deployment"`
	State           string          `json:"state" since:"12.5"`
	AutoStopAt      *string         `json:"auto_stop_at" since:"16.0"`
	Description     *string         `json:"description" since:"17.2"`
	AutoStopSetting string          `json:"auto_stop_setting" since:"17.6"`
}

// A LastDeployment is a deployment as its environment shows it.
type LastDeployment struct {
	ID         int64     `json:"id"`
	IID        int64     `json:"iid"`
	Ref        string    `json:"ref"`
	SHA        string    `json:"sha"`
	CreatedAt  *string   `json:"created_at"`
	UpdatedAt  *string   `json:"updated_at"`
	User       UserBasic `json:"user"`
	Deployable any       `json:"deployable"`
	Status     string    `json:"status" since:"12.4"`
}

// A Deployment is a deployment.
type Deployment struct {
	LastDeployment
	Environment EnvironmentBasic `json:"environment"`
}
