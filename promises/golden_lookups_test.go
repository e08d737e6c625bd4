package promises_test

import (
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// goldenLookupCalls are added to goldenCalls.
var goldenLookupCalls = map[string]goldenCall{
	"merge_requests_get":             {method: "MergeRequests.Get", id: 312},
	"merge_requests_list":            {method: "MergeRequests.List"},
	"merge_requests_all":             {method: "MergeRequests.All"},
	"merge_requests_list_pipelines":  {method: "Pipelines.ListForMergeRequest", id: 312},
	"merge_requests_all_pipelines":   {method: "Pipelines.AllForMergeRequest", id: 312},
	"merge_requests_create_pipeline": {method: "Pipelines.CreateForMergeRequest", id: 312},
	"branches_get":                   {method: "Branches.Get"},
	"branches_list":                  {method: "Branches.List"},
	"branches_all":                   {method: "Branches.All"},
	"tags_get":                       {method: "Tags.Get"},
	"tags_list":                      {method: "Tags.List"},
	"tags_all":                       {method: "Tags.All"},
	"commits_get":                    {method: "Commits.Get"},
	"commits_list":                   {method: "Commits.List"},
	"commits_all":                    {method: "Commits.All"},
	"projects_get":                   {method: "Projects.Get"},
	"projects_list":                  {method: "Projects.List"},
	"projects_all":                   {method: "Projects.All"},
	"projects_list_in_group":         {method: "Projects.ListInGroup"},
	"projects_all_in_group":          {method: "Projects.AllInGroup"},
	"environments_get":               {method: "Environments.Get", id: 71},
	"environments_list":              {method: "Environments.List"},
	"environments_all":               {method: "Environments.All"},
	"deployments_get":                {method: "Deployments.Get", id: 1204},
	"deployments_list":               {method: "Deployments.List"},
	"deployments_all":                {method: "Deployments.All"},
}

// goldenLookups are the responses about what programs look up beside CI.
var goldenLookups = []goldenTest{
	{call: "merge_requests_get", file: "merge_requests_get.json", want: goldenMergeRequest, except: goldenBelow(goldenMergeRequest), leftOut: append(goldenMergeRequestLeftOut, "pipeline", "subscribed")},
	{call: "merge_requests_list", file: "merge_requests_list.json", want: goldenMergeRequests, except: goldenUnfilled(goldenMergeRequests), leftOut: goldenMergeRequestLeftOut},
	{call: "merge_requests_all", file: "merge_requests_list.json", want: goldenMergeRequests, except: goldenUnfilled(goldenMergeRequests), leftOut: goldenMergeRequestLeftOut},
	{call: "merge_requests_list_pipelines", file: "merge_requests_list_pipelines.json", want: goldenMergeRequestPipelines, except: []string{"Name"}},
	{call: "merge_requests_all_pipelines", file: "merge_requests_list_pipelines.json", want: goldenMergeRequestPipelines, except: []string{"Name"}},
	{call: "merge_requests_create_pipeline", file: "pipelines_create.json", want: goldenPipelinesCreate, except: append(goldenBasic("User"), "Name")},
	{call: "branches_get", file: "branches_get.json", want: goldenBranches[0]},
	{call: "branches_list", file: "branches_list.json", want: goldenBranches},
	{call: "branches_all", file: "branches_list.json", want: goldenBranches},
	{call: "tags_get", file: "tags_get.json", want: goldenTags[0]},
	{call: "tags_list", file: "tags_list.json", want: goldenTags},
	{call: "tags_all", file: "tags_list.json", want: goldenTags},
	{call: "commits_get", file: "commits_get.json", want: goldenCommitDetails, except: []string{"LastPipeline.Name"}},
	{call: "commits_list", file: "commits_list.json", want: []*gitlabci.Commit{goldenCommit}},
	{call: "commits_all", file: "commits_list.json", want: []*gitlabci.Commit{goldenCommit}},
	{call: "environments_get", file: "environments_get.json", want: goldenEnvironment, except: goldenBelow(goldenEnvironment), leftOut: []string{"cluster_agent"}},
	{call: "environments_list", file: "environments_list.json", want: goldenEnvironments, except: goldenUnfilled(goldenEnvironments), leftOut: []string{"cluster_agent", "project"}},
	{call: "environments_all", file: "environments_list.json", want: goldenEnvironments, except: goldenUnfilled(goldenEnvironments), leftOut: []string{"cluster_agent", "project"}},
	{call: "deployments_get", file: "deployments_get.json", want: goldenDeployments[0], except: goldenBelow(goldenDeployments[0]), leftOut: []string{"approvals", "approval_summary"}},
	{call: "deployments_list", file: "deployments_list.json", want: goldenDeployments, except: goldenBelow(goldenDeployments)},
	{call: "deployments_all", file: "deployments_list.json", want: goldenDeployments, except: goldenBelow(goldenDeployments)},
	{call: "projects_get", file: "projects_get.json", want: goldenProject, leftOut: goldenProjectLeftOut},
	{call: "projects_list", file: "projects_list.json", want: goldenProjects, except: goldenUnfilled(goldenProjects)},
	{call: "projects_all", file: "projects_list.json", want: goldenProjects, except: goldenUnfilled(goldenProjects)},
	{call: "projects_list_in_group", file: "projects_list.json", want: goldenProjects, except: goldenUnfilled(goldenProjects)},
	{call: "projects_all_in_group", file: "projects_list.json", want: goldenProjects, except: goldenUnfilled(goldenProjects)},
}

// goldenProjectLeftOut are the fields of a project that have nothing to do with CI, and a
// secret.
var goldenProjectLeftOut = []string{
	"_links", "auto_devops_deploy_strategy", "can_create_merge_request_in", "container_registry_image_prefix", "forking_access_level",
	"import_status", "import_url", "issues_access_level", "issues_enabled", "jobs_enabled", "marked_for_deletion_at", "merge_requests_enabled",
	"only_allow_merge_if_all_discussions_are_resolved", "open_issues_count", "packages_enabled", "printing_merge_request_link_enabled",
	"repository_object_format", "resolve_outdated_diff_discussions", "runner_token_expiration_interval", "runners_token",
	"shared_with_groups", "snippets_enabled", "wiki_enabled",
}

var goldenProject = &gitlabci.Project{
	ID:                "57",
	Description:       "Measures rooms",
	Name:              "Tariff Desk",
	NameWithNamespace: "Harbour / Rooms / Tariff Desk",
	Path:              "tariff-desk",
	PathWithNamespace: "harbour/rooms/tariff-desk",
	CreatedAt:         time.Date(2024, 1, 9, 6, 7, 8, 250e6, time.UTC),
	DefaultBranch:     "trunk",
	Topics:            []string{"rooms", "tariff"},
	TagList:           []string{"rooms", "tariff"},
	SSHURLToRepo:      "git@gitlab.example.com:harbour/rooms/tariff-desk.git",
	HTTPURLToRepo:     "https://gitlab.example.com/harbour/rooms/tariff-desk.git",
	WebURL:            "https://gitlab.example.com/harbour/rooms/tariff-desk",
	ReadmeURL:         "https://gitlab.example.com/harbour/rooms/tariff-desk/-/blob/trunk/README.md",
	ForksCount:        3,
	AvatarURL:         "https://gitlab.example.com/uploads/-/system/project/avatar/57/desk.png",
	StarCount:         11,
	LastActivityAt:    time.Date(2026, 3, 2, 8, 19, 30, 750e6, time.UTC),
	Visibility:        gitlabci.VisibilityInternal,
	Namespace: &gitlabci.Namespace{
		ID: 19, Name: "Rooms", Path: "rooms", Kind: "group", FullPath: "harbour/rooms", ParentID: 12,
		AvatarURL: "/uploads/-/system/group/avatar/19/rooms.png", WebURL: "https://gitlab.example.com/groups/harbour/rooms",
	},
	EmptyRepo:           true,
	Archived:            true,
	UpdatedAt:           time.Date(2026, 3, 2, 8, 19, 31, 125e6, time.UTC),
	CreatorID:           214,
	MarkedForDeletionOn: "2026-03-09",
	ForkedFromProject: &gitlabci.ForkedFromProject{
		ID: "41", Name: "Desk", NameWithNamespace: "Harbour / Desk", Path: "desk", PathWithNamespace: "harbour/desk",
		WebURL: "https://gitlab.example.com/harbour/desk",
	},
	Permissions: &gitlabci.ProjectPermissions{
		ProjectAccess: &gitlabci.ProjectAccess{AccessLevel: gitlabci.AccessLevelMaintainer, NotificationLevel: 3},
		GroupAccess:   &gitlabci.ProjectAccess{AccessLevel: gitlabci.AccessLevelDeveloper, NotificationLevel: 2},
	},
	RepositoryAccessLevel:                  "enabled",
	MergeRequestsAccessLevel:               "private",
	BuildsAccessLevel:                      "private",
	EnvironmentsAccessLevel:                "enabled",
	PublicJobs:                             true,
	SharedRunnersEnabled:                   true,
	GroupRunnersEnabled:                    true,
	BuildTimeout:                           5400,
	BuildGitStrategy:                       "fetch",
	AutoCancelPendingPipelines:             "enabled",
	AutoDevopsEnabled:                      true,
	KeepLatestArtifact:                     true,
	CIConfigPath:                           "ci/desk.yml",
	CIDefaultGitDepth:                      20,
	CIForwardDeploymentEnabled:             true,
	CIJobTokenScopeEnabled:                 true,
	CISeparatedCaches:                      true,
	CIRestrictPipelineCancellationRole:     "maintainer",
	CIPipelineVariablesMinimumOverrideRole: "developer",
	RestrictUserDefinedVariables:           true,
	OnlyAllowMergeIfPipelineSucceeds:       true,
	AllowMergeOnSkippedPipeline:            true,
	RemoveSourceBranchAfterMerge:           true,
	MergeMethod:                            "rebase_merge",
	SquashOption:                           "default_off",
}

var goldenProjects = []*gitlabci.Project{
	{
		ID: "58", Name: "App", NameWithNamespace: "Harbour / App", Path: "app", PathWithNamespace: "harbour/app",
		CreatedAt: time.Date(2025, 5, 6, 7, 8, 9, 0, time.UTC), DefaultBranch: "main", Topics: []string{}, TagList: []string{},
		SSHURLToRepo: "git@gitlab.example.com:harbour/app.git", HTTPURLToRepo: "https://gitlab.example.com/harbour/app.git",
		WebURL: "https://gitlab.example.com/harbour/app", LastActivityAt: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		Visibility: gitlabci.VisibilityPublic,
		Namespace:  &gitlabci.Namespace{ID: 12, Name: "Harbour", Path: "harbour", Kind: "group", FullPath: "harbour", WebURL: "https://gitlab.example.com/groups/harbour"},
	},
	{
		ID: "31", Description: "Notes", Name: "notes", NameWithNamespace: "Quill Tan / notes", Path: "notes", PathWithNamespace: "quill/notes",
		CreatedAt: time.Date(2023, 11, 30, 23, 59, 59, 999e6, time.UTC), Topics: []string{}, TagList: []string{},
		SSHURLToRepo: "git@gitlab.example.com:quill/notes.git", HTTPURLToRepo: "https://gitlab.example.com/quill/notes.git",
		WebURL: "https://gitlab.example.com/quill/notes", StarCount: 1, LastActivityAt: time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC),
		Visibility: gitlabci.VisibilityPrivate,
		Namespace:  &gitlabci.Namespace{ID: 77, Name: "Quill Tan", Path: "quill", Kind: "user", FullPath: "quill", WebURL: "https://gitlab.example.com/quill"},
	},
}

// goldenMergeRequestLeftOut are the fields of a merge request that have nothing to do with
// CI, or are older names of others.
var goldenMergeRequestLeftOut = []string{
	"assignee", "discussion_locked", "downvotes", "imported", "imported_from", "merge_after", "merge_status", "merged_by", "milestone", "reference",
	"squash_on_merge", "task_completion_status", "time_stats", "upvotes", "work_in_progress",
}

// goldenBelow are the fields of the objects within v, such as its user, that are not filled.
// They are compared in other files.
func goldenBelow(v any) []string {
	return slices.DeleteFunc(goldenUnfilled(v), func(field string) bool { return !strings.Contains(field, ".") })
}

func goldenUser(id int64, username, name string) gitlabci.User {
	return gitlabci.User{ID: id, Username: username, PublicEmail: username + "@example.com", Name: name, State: "active", WebURL: "https://gitlab.example.com/" + username}
}

var goldenMergeRequestBasic = gitlabci.MergeRequest{
	ID:                          93312,
	IID:                         312,
	ProjectID:                   "57",
	Title:                       "Round tariffs",
	Description:                 "So that rooms add up",
	State:                       gitlabci.MergeRequestStateMerged,
	CreatedAt:                   time.Date(2026, 3, 1, 9, 0, 0, 500e6, time.UTC),
	UpdatedAt:                   time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
	MergedAt:                    time.Date(2026, 3, 2, 9, 59, 59, 0, time.UTC),
	MergeUser:                   new(goldenUser(214, "quill", "Quill Tan")),
	ClosedAt:                    time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	ClosedBy:                    new(goldenUser(215, "bo", "Bo Ek")),
	TargetBranch:                "trunk",
	SourceBranch:                "round/tariffs",
	SourceProjectID:             "58",
	TargetProjectID:             "57",
	Author:                      new(goldenUser(215, "bo", "Bo Ek")),
	Assignees:                   []gitlabci.User{goldenUser(216, "ada", "Ada Moor")},
	Reviewers:                   []gitlabci.User{goldenUser(214, "quill", "Quill Tan")},
	Labels:                      []string{"rooms", "ready"},
	Draft:                       true,
	WebURL:                      "https://gitlab.example.com/harbour/rooms/tariff-desk/-/merge_requests/312",
	References:                  &gitlabci.References{Short: "!312", Relative: "rooms!312", Full: "harbour/rooms/tariff-desk!312"},
	SHA:                         "3f1c9a5d7e20b4486a9f01d2c7b8e5a4d3f2c1b0",
	MergeCommitSHA:              "a0a1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9",
	SquashCommitSHA:             "c0c1c2c3c4c5c6c7c8c9d0d1d2d3d4d5d6d7d8d9",
	DetailedMergeStatus:         "mergeable",
	MergeWhenPipelineSucceeds:   true,
	PreparedAt:                  time.Date(2026, 3, 1, 9, 0, 2, 0, time.UTC),
	Squash:                      true,
	ShouldRemoveSourceBranch:    true,
	ForceRemoveSourceBranch:     true,
	HasConflicts:                true,
	BlockingDiscussionsResolved: true,
	UserNotesCount:              5,
}

var goldenMergeRequest = func() *gitlabci.MergeRequest {
	m := goldenMergeRequestBasic
	m.ChangesCount = "17"
	m.HeadPipeline = &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{
		ID: 90377, IID: 41, ProjectID: "57", SHA: "e0e1e2e3e4e5e6e7e8e9f0f1f2f3f4f5f6f7f8f9", Ref: "refs/merge-requests/312/merge",
		Status: gitlabci.StatusSuccess, Source: gitlabci.SourceMergeRequestEvent,
		CreatedAt: time.Date(2026, 3, 2, 7, 59, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC),
		WebURL: "https://gitlab.example.com/harbour/rooms/tariff-desk/-/pipelines/90377",
	}}
	m.DiffRefs = &gitlabci.DiffRefs{
		BaseSHA: "1111111111111111111111111111111111111111", HeadSHA: "3f1c9a5d7e20b4486a9f01d2c7b8e5a4d3f2c1b0", StartSHA: "2222222222222222222222222222222222222222",
	}
	m.LatestBuildStartedAt = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	m.LatestBuildFinishedAt = time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC)
	m.FirstDeployedToProductionAt = time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	m.MergeError, m.User = "Branch cannot be merged", &gitlabci.MergeRequestUser{CanMerge: true}
	return &m
}()

// goldenMergeRequests are one as lists have it, and one of a simple list.
var goldenMergeRequests = []*gitlabci.MergeRequest{
	&goldenMergeRequestBasic,
	{
		ID: 93311, IID: 311, ProjectID: "57", Title: "Paint", State: gitlabci.MergeRequestStateOpened,
		CreatedAt: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 2, 1, 0, 0, 1, 0, time.UTC),
		WebURL: "https://gitlab.example.com/harbour/rooms/tariff-desk/-/merge_requests/311",
	},
}

var goldenMergeRequestPipelines = []*gitlabci.PipelineInfo{
	{
		ID: 90377, IID: 41, ProjectID: "57", SHA: "e0e1e2e3e4e5e6e7e8e9f0f1f2f3f4f5f6f7f8f9", Ref: "refs/merge-requests/312/merge",
		Status: gitlabci.StatusRunning, Source: gitlabci.SourceMergeRequestEvent,
		CreatedAt: time.Date(2026, 3, 2, 7, 59, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC),
		WebURL: "https://gitlab.example.com/harbour/rooms/tariff-desk/-/pipelines/90377",
	},
	{
		ID: 90401, IID: 9, ProjectID: "58", SHA: "3f1c9a5d7e20b4486a9f01d2c7b8e5a4d3f2c1b0", Ref: "round/tariffs", Status: gitlabci.StatusFailed, Source: gitlabci.SourcePush,
		CreatedAt: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 2, 9, 10, 0, 0, time.UTC),
		WebURL: "https://gitlab.example.com/bo/tariff-desk/-/pipelines/90401",
	},
}

var goldenEast = time.FixedZone("", 2*60*60)

var goldenCommit = &gitlabci.Commit{
	ID:               testkit.SHA,
	ShortID:          testkit.SHA[:8],
	CreatedAt:        time.Date(2026, 3, 2, 9, 10, 11, 0, goldenEast),
	ParentIDs:        []string{"1111111111111111111111111111111111111111"},
	Title:            "Round tariffs",
	Message:          "Round tariffs\n\nReviewed-by: Quill Tan\n",
	AuthorName:       "Bo Ek",
	AuthorEmail:      "bo@example.com",
	AuthoredDate:     time.Date(2026, 3, 2, 9, 0, 0, 0, goldenEast),
	CommitterName:    "Quill Tan",
	CommitterEmail:   "quill@example.com",
	CommittedDate:    time.Date(2026, 3, 2, 9, 10, 11, 0, goldenEast),
	Trailers:         map[string]string{"Reviewed-by": "Quill Tan"},
	ExtendedTrailers: map[string][]string{"Reviewed-by": {"Quill Tan"}},
	WebURL:           "https://gitlab.example.com/harbour/rooms/tariff-desk/-/commit/" + testkit.SHA,
}

var goldenBranches = []*gitlabci.Branch{
	{
		Name: "main", Commit: goldenCommit, Merged: true, Protected: true, DevelopersCanPush: true, DevelopersCanMerge: true, CanPush: true, Default: true,
		WebURL: "https://gitlab.example.com/harbour/rooms/tariff-desk/-/tree/main",
	},
	{Name: "round/tariffs", Commit: goldenCommit, WebURL: "https://gitlab.example.com/harbour/rooms/tariff-desk/-/tree/round/tariffs"},
}

var goldenTags = []*gitlabci.Tag{
	{
		Name: "v1", Message: "First floor", Target: "9999999999999999999999999999999999999999", Commit: goldenCommit,
		Release: &gitlabci.TagRelease{TagName: "v1", Description: "All rooms of the first floor"}, Protected: true,
		CreatedAt: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
	},
	{Name: "v0.9", Target: testkit.SHA, Commit: goldenCommit},
}

var goldenCommitDetails = &gitlabci.CommitDetails{
	Commit:    *goldenCommit,
	Stats:     &gitlabci.CommitStats{Additions: 12, Deletions: 3, Total: 15},
	Status:    gitlabci.StatusRunning,
	ProjectID: "57",
	LastPipeline: &gitlabci.PipelineInfo{
		ID: 90377, IID: 41, ProjectID: "57", SHA: testkit.SHA, Ref: "main", Status: gitlabci.StatusRunning, Source: gitlabci.SourcePush,
		CreatedAt: time.Date(2026, 3, 2, 7, 59, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC),
		WebURL: "https://gitlab.example.com/harbour/rooms/tariff-desk/-/pipelines/90377",
	},
}

var goldenEnvironmentInfo = gitlabci.EnvironmentInfo{
	ID: 71, Name: "review/tariffs", Slug: "review-tariffs-a1b2c3", ExternalURL: "https://tariffs.example.com",
	CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 250e6, time.UTC), UpdatedAt: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
}

var goldenDeployments = []*gitlabci.Deployment{
	{
		ID: 1204, IID: 12, Ref: "trunk", SHA: testkit.SHA, Status: gitlabci.DeploymentStatusBlocked,
		CreatedAt: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 2, 8, 5, 0, 500e6, time.UTC),
		User: new(goldenUser(214, "quill", "Quill Tan")), Environment: &goldenEnvironmentInfo,
		Deployable: &gitlabci.Job{
			JobInfo: gitlabci.JobInfo{
				ID: 550301, Status: gitlabci.StatusManual, Stage: "deploy", Name: "deploy", Ref: "trunk", CreatedAt: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
				Pipeline: &gitlabci.PipelineInfo{ID: 90377, IID: 41, ProjectID: "57", SHA: testkit.SHA, Ref: "trunk", Status: gitlabci.StatusManual, Source: gitlabci.SourcePush},
				WebURL:   "https://gitlab.example.com/harbour/rooms/tariff-desk/-/jobs/550301",
			},
			Artifacts: []gitlabci.JobArtifact{}, TagList: []string{"rooms"},
		},
		PendingApprovalCount: 2,
	},
	{
		ID: 1205, IID: 13, Ref: "v1", SHA: testkit.SHA, Status: gitlabci.DeploymentStatusSuccess,
		CreatedAt: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2026, 3, 2, 9, 0, 1, 0, time.UTC),
		User: new(goldenUser(214, "quill", "Quill Tan")), Environment: &goldenEnvironmentInfo,
	},
}

var goldenEnvironment = func() *gitlabci.Environment {
	last := *goldenDeployments[1]
	last.Environment = nil
	return &gitlabci.Environment{
		EnvironmentInfo: goldenEnvironmentInfo, State: gitlabci.EnvironmentStateStopping, Tier: "development", Description: "Rounded",
		AutoStopAt: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), AutoStopSetting: "with_action", KubernetesNamespace: "rooms",
		FluxResourcePath: "helm.toolkit.fluxcd.io/v2/namespaces/rooms/helmreleases/tariffs", LastDeployment: &last,
	}
}()

var goldenEnvironments = []*gitlabci.Environment{
	func() *gitlabci.Environment {
		listed := *goldenEnvironment
		listed.LastDeployment = nil
		return &listed
	}(),
	{
		EnvironmentInfo: gitlabci.EnvironmentInfo{ID: 72, Name: "production", Slug: "production", CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		State:           gitlabci.EnvironmentStateAvailable, Tier: "production", AutoStopSetting: "always",
	},
}
