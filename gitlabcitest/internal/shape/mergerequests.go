package shape

// A MergeRequest is one in a list.
type MergeRequest struct {
	ID              int64       `json:"id"`
	IID             int64       `json:"iid"`
	ProjectID       int64       `json:"project_id"`
	Title           string      `json:"title"`
	Description     string      `json:"description"`
	State           string      `json:"state"`
	CreatedAt       *string     `json:"created_at"`
	UpdatedAt       *string     `json:"updated_at"`
	MergedBy        *UserBasic  `json:"merged_by"`
	MergeUser       *UserBasic  `json:"merge_user" since:"14.7"`
	MergedAt        *string     `json:"merged_at"`
	ClosedBy        *UserBasic  `json:"closed_by"`
	ClosedAt        *string     `json:"closed_at"`
	TargetBranch    string      `json:"target_branch"`
	SourceBranch    string      `json:"source_branch"`
	UserNotesCount  int         `json:"user_notes_count"`
	Upvotes         int         `json:"upvotes"`
	Downvotes       int         `json:"downvotes"`
	Author          UserBasic   `json:"author"`
	Assignees       []UserBasic `json:"assignees"`
	Assignee        *UserBasic  `json:"assignee"`
	Reviewers       []UserBasic `json:"reviewers" since:"13.8"`
	SourceProjectID int64       `json:"source_project_id"`
	TargetProjectID int64       `json:"target_project_id"`
	Labels          []string    `json:"labels"`
	Draft           bool        `json:"draft" since:"14.0"`
	WorkInProgress  bool        `json:"work_in_progress"`
	Milestone       *struct{}   `json:"milestone"`

	Merging
	Reference   string         `json:"reference"`
	References  References     `json:"references" since:"12.7"`
	WebURL      string         `json:"web_url"`
	TimeStats   TimeStats      `json:"time_stats"`
	Tasks       TaskCompletion `json:"task_completion_status"`
	Conflicts   bool           `json:"has_conflicts"`
	NotBlocking bool           `json:"blocking_discussions_resolved"`
}

// A MergeRequestSimple is one in a list whose view is simple.
type MergeRequestSimple struct {
	ID          int64   `json:"id"`
	IID         int64   `json:"iid"`
	ProjectID   int64   `json:"project_id"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	State       string  `json:"state"`
	CreatedAt   *string `json:"created_at"`
	UpdatedAt   *string `json:"updated_at"`
	WebURL      string  `json:"web_url"`
}

// Merging is how a merge request will be merged.
type Merging struct {
	WhenPipelineSucceeds bool    `json:"merge_when_pipeline_succeeds"`
	MergeStatus          string  `json:"merge_status"`
	DetailedMergeStatus  string  `json:"detailed_merge_status" since:"15.6"`
	MergeAfter           *string `json:"merge_after" since:"17.5"`
	SHA                  string  `json:"sha"`
	MergeCommitSHA       *string `json:"merge_commit_sha"`
	SquashCommitSHA      *string `json:"squash_commit_sha"`
	DiscussionLocked     *bool   `json:"discussion_locked"`
	ShouldRemoveSource   *bool   `json:"should_remove_source_branch"`
	ForceRemoveSource    bool    `json:"force_remove_source_branch"`
	PreparedAt           *string `json:"prepared_at" since:"16.0"`
	Squash               bool    `json:"squash"`
	SquashOnMerge        bool    `json:"squash_on_merge"`
}

// References are the ways to write a merge request.
type References struct {
	Short    string `json:"short"`
	Relative string `json:"relative"`
	Full     string `json:"full"`
}

// TimeStats are the times of a merge request.
type TimeStats struct {
	TimeEstimate        int     `json:"time_estimate"`
	TotalTimeSpent      int     `json:"total_time_spent"`
	HumanTimeEstimate   *string `json:"human_time_estimate"`
	HumanTotalTimeSpent *string `json:"human_total_time_spent"`
}

// A TaskCompletion counts the tasks of a merge request.
type TaskCompletion struct {
	Count          int `json:"count"`
	CompletedCount int `json:"completed_count"`
}

// A MergeRequestWhole is a merge request that was requested by itself.
type MergeRequestWhole struct {
	MergeRequest
	Subscribed            bool           `json:"subscribed"`
	ChangesCount          string         `json:"changes_count"`
	LatestBuildStartedAt  *string        `json:"latest_build_started_at"`
	LatestBuildFinishedAt *string        `json:"latest_build_finished_at"`
	FirstDeployedAt       *string        `json:"first_deployed_to_production_at"`
	Pipeline              *PipelineBasic `json:"pipeline"`
	HeadPipeline          *PipelineWhole `json:"head_pipeline"`
	DiffRefs              DiffRefs       `json:"diff_refs"`
	MergeError            *string        `json:"merge_error"`
	User                  MayMerge       `json:"user"`
}

// DiffRefs are the commits between which the changes are.
type DiffRefs struct {
	BaseSHA  string `json:"base_sha"`
	HeadSHA  string `json:"head_sha"`
	StartSHA string `json:"start_sha"`
}

// MayMerge is what the user of the request may do.
type MayMerge struct {
	CanMerge bool `json:"can_merge"`
}

// A MergeRequestIdentity is the merge request of a pipeline.
type MergeRequestIdentity struct {
	IID    int64  `json:"iid"`
	Title  string `json:"title"`
	WebURL string `json:"web_url"`
}
