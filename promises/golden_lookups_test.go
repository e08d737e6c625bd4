package promises_test

import (
	"time"

	"example.com/gitlabci"
)

// goldenLookups are the responses about what programs look up beside CI.
var goldenLookups = []goldenTest{
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
