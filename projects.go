package gitlabci

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/pages"
)

// ProjectsService reads projects. It is [Client.Projects].
//
// See https://docs.gitlab.com/api/projects/.
type ProjectsService struct{ client *Client }

// A Project is a project. Without a token, and in lists with Simple, only the fields down
// to Namespace are set. GitLab sends some others only to members with enough rights, or
// only in newer releases.
// A few fields that have nothing to do with CI are left out; [Fetch] can read them.
type Project struct {
	ID                ProjectID  `json:"id"`
	Description       string     `json:"description,omitzero"`
	Name              string     `json:"name"`
	NameWithNamespace string     `json:"name_with_namespace"` // such as "Group / App"
	Path              string     `json:"path"`
	PathWithNamespace string     `json:"path_with_namespace"` // such as "group/app", a [ProjectID]
	CreatedAt         time.Time  `json:"created_at,omitzero"`
	DefaultBranch     string     `json:"default_branch,omitzero"` // "" without commits
	Topics            []string   `json:"topics,omitzero"`
	TagList           []string   `json:"tag_list,omitzero"` // the older name of Topics
	SSHURLToRepo      string     `json:"ssh_url_to_repo"`
	HTTPURLToRepo     string     `json:"http_url_to_repo"`
	WebURL            string     `json:"web_url"`
	ReadmeURL         string     `json:"readme_url,omitzero"`
	ForksCount        int        `json:"forks_count"`
	AvatarURL         string     `json:"avatar_url,omitzero"`
	StarCount         int        `json:"star_count"`
	LastActivityAt    time.Time  `json:"last_activity_at,omitzero"` // GitLab renews it once an hour at most
	Visibility        Visibility `json:"visibility,omitzero"`
	Namespace         *Namespace `json:"namespace,omitzero"`

	EmptyRepo           bool                `json:"empty_repo"`
	Archived            bool                `json:"archived"` // read-only
	UpdatedAt           time.Time           `json:"updated_at,omitzero"`
	CreatorID           int64               `json:"creator_id,omitzero"`             // of a user
	MarkedForDeletionOn string              `json:"marked_for_deletion_on,omitzero"` // a date, such as "2026-03-09"
	ForkedFromProject   *ForkedFromProject  `json:"forked_from_project,omitzero"`    // nil unless it is a fork of one that the token may see
	Permissions         *ProjectPermissions `json:"permissions,omitzero"`

	// Who may use these parts of the project: "disabled" is nobody, "private" is members
	// only, "enabled" is everybody who sees the project. BuildsAccessLevel is that of CI.
	RepositoryAccessLevel    string `json:"repository_access_level,omitzero"`
	MergeRequestsAccessLevel string `json:"merge_requests_access_level,omitzero"`
	BuildsAccessLevel        string `json:"builds_access_level,omitzero"`
	EnvironmentsAccessLevel  string `json:"environments_access_level,omitzero"`

	PublicJobs                 bool    `json:"public_jobs"` // whether all who see the project see its pipelines
	SharedRunnersEnabled       bool    `json:"shared_runners_enabled"`
	GroupRunnersEnabled        bool    `json:"group_runners_enabled"`
	BuildTimeout               Seconds `json:"build_timeout,omitzero"` // of jobs that have none of their own
	BuildGitStrategy           string  `json:"build_git_strategy,omitzero"`
	AutoCancelPendingPipelines string  `json:"auto_cancel_pending_pipelines,omitzero"` // "enabled" or "disabled"
	AutoDevopsEnabled          bool    `json:"auto_devops_enabled"`
	KeepLatestArtifact         bool    `json:"keep_latest_artifact"`

	CIConfigPath               string `json:"ci_config_path,omitzero"` // "" is .gitlab-ci.yml
	CIDefaultGitDepth          int    `json:"ci_default_git_depth,omitzero"`
	CIForwardDeploymentEnabled bool   `json:"ci_forward_deployment_enabled"`
	CIJobTokenScopeEnabled     bool   `json:"ci_job_token_scope_enabled"`
	CISeparatedCaches          bool   `json:"ci_separated_caches"`

	// The lowest roles, such as "developer", that may cancel pipelines and set their
	// variables.
	CIRestrictPipelineCancellationRole     string `json:"ci_restrict_pipeline_cancellation_role,omitzero"`
	CIPipelineVariablesMinimumOverrideRole string `json:"ci_pipeline_variables_minimum_override_role,omitzero"`
	RestrictUserDefinedVariables           bool   `json:"restrict_user_defined_variables"`

	OnlyAllowMergeIfPipelineSucceeds bool   `json:"only_allow_merge_if_pipeline_succeeds"`
	AllowMergeOnSkippedPipeline      bool   `json:"allow_merge_on_skipped_pipeline"`
	RemoveSourceBranchAfterMerge     bool   `json:"remove_source_branch_after_merge"`
	MergeMethod                      string `json:"merge_method,omitzero"` // "merge", "rebase_merge" or "ff"
	SquashOption                     string `json:"squash_option,omitzero"`
}

// A Namespace is the group or the user that a project belongs to.
type Namespace struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	Path      string `json:"path"`
	Kind      string `json:"kind"`               // "group" or "user"
	FullPath  string `json:"full_path"`          // of a group, a [GroupID]
	ParentID  int64  `json:"parent_id,omitzero"` // of the group above it
	AvatarURL string `json:"avatar_url,omitzero"`
	WebURL    string `json:"web_url,omitzero"`
}

// A ForkedFromProject is the project that a fork was made from.
type ForkedFromProject struct {
	ID                ProjectID `json:"id"`
	Name              string    `json:"name"`
	NameWithNamespace string    `json:"name_with_namespace"`
	Path              string    `json:"path"`
	PathWithNamespace string    `json:"path_with_namespace"`
	WebURL            string    `json:"web_url"`
}

// ProjectPermissions are the roles of the token's owner.
type ProjectPermissions struct {
	ProjectAccess *ProjectAccess `json:"project_access,omitzero"` // nil unless a member of the project itself
	GroupAccess   *ProjectAccess `json:"group_access,omitzero"`   // nil unless a member of a group above it
}

// A ProjectAccess is one of the [ProjectPermissions].
type ProjectAccess struct {
	AccessLevel       AccessLevel `json:"access_level"`
	NotificationLevel int         `json:"notification_level"`
}

// An AccessLevel is a role in a project or a group. A higher number has more rights.
//
// See https://docs.gitlab.com/api/members/#roles.
type AccessLevel int

// The roles.
const (
	AccessLevelMinimal    AccessLevel = 5
	AccessLevelGuest      AccessLevel = 10
	AccessLevelPlanner    AccessLevel = 15
	AccessLevelReporter   AccessLevel = 20
	AccessLevelDeveloper  AccessLevel = 30
	AccessLevelMaintainer AccessLevel = 40
	AccessLevelOwner      AccessLevel = 50
)

// A Visibility says who sees a project. The set is open.
type Visibility string

// The visibilities.
const (
	VisibilityPublic   Visibility = "public"   // everybody
	VisibilityInternal Visibility = "internal" // all users of the server
	VisibilityPrivate  Visibility = "private"  // its members
)

// A ProjectOrder is what a list of projects is sorted by. The set is open: a word not
// listed here passes through unchanged, and GitLab refuses what it does not know.
type ProjectOrder string

// The orders of projects.
const (
	ProjectOrderByID             ProjectOrder = "id" // age, as IDs only grow
	ProjectOrderByName           ProjectOrder = "name"
	ProjectOrderByPath           ProjectOrder = "path"
	ProjectOrderByCreatedAt      ProjectOrder = "created_at"
	ProjectOrderByUpdatedAt      ProjectOrder = "updated_at"
	ProjectOrderByLastActivityAt ProjectOrder = "last_activity_at"
	ProjectOrderByStarCount      ProjectOrder = "star_count"
	ProjectOrderBySimilarity     ProjectOrder = "similarity" // to Search, best first
)

// Get returns one project.
//
//	GET /projects/:id
//
// See https://docs.gitlab.com/api/projects/#retrieve-a-project.
// The error matches [ErrNotFound] if the project does not exist, or the token may not see
// it. A project that was moved is also found by its old path, unless another project has
// that path now. Its PathWithNamespace is then the new path.
func (s *ProjectsService) Get(ctx context.Context, project ProjectID) (*Project, error) {
	path := at("projects", project)
	if n, isNumber := project.Number(); isNumber {
		return getOne[*Project](ctx, s.client, target{path, n})
	}
	return get[*Project](ctx, s.client, path, nil)
}

// ListProjectsOptions narrows the list of projects; filters add up. Nil lists all that the
// token may see, newest first: on GitLab.com, millions of projects.
type ListProjectsOptions struct {
	ListOptions

	Membership        bool        `url:"membership,omitempty"`       // only those that the token's owner is a member of
	MinAccessLevel    AccessLevel `url:"min_access_level,omitempty"` // only those in which the token's owner has at least this role
	Visibility        Visibility  `url:"visibility,omitempty"`       // only these
	Search            string      `url:"search,omitempty"`           // a part of the path, the name or the description
	Topic             string      `url:"topic,omitempty"`            // all of these, joined by commas
	LastActivityAfter time.Time   `url:"last_activity_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	IDAfter           int64       `url:"id_after,omitempty"` // only those with a larger number
	Simple            bool        `url:"simple,omitempty"`   // only the fields down to Namespace, which is much less

	// Archived selects projects that are archived (true) or not (false). Nil selects
	// both.
	Archived *bool `url:"archived,omitempty"`

	OrderBy ProjectOrder `url:"order_by,omitempty"` // "" is [ProjectOrderByID]
	Sort    Sort         `url:"sort,omitempty"`     // "" is [SortDesc]
}

// List returns one page of the projects that the token may see. Lists by
// ID have cursors and no totals. Pages are numbered if the list has another order, if Page
// is set, or if the server has no cursors.
//
//	GET /projects
//
// See https://docs.gitlab.com/api/projects/#list-all-projects.
// The error matches [ErrInvalid] for a value that GitLab does not know, and
// [errors.ErrUnsupported] if the server ignores a filter, and an item contradicts it. The
// filters Membership, MinAccessLevel and Search cannot be checked; Archived can be checked
// only if it is false.
func (s *ProjectsService) List(ctx context.Context, opts *ListProjectsOptions) (*Page[Project], error) {
	return list(ctx, s.pages(), opts.byID())
}

// All ranges over the projects that the token may see, page by page as the loop runs.
//
//	GET /projects
//
// See https://docs.gitlab.com/api/projects/#list-all-projects.
// It requests the pages of [ProjectsService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Every project that stays in the list is yielded exactly once if the list is ordered by
// ID or by the time of creation. The same is true for [ProjectOrderByLastActivityAt] and
// [ProjectOrderByUpdatedAt], but a project that changed is yielded again. In other orders,
// none is yielded twice, but one that moved in the list can be missed. By cursor, at most
// one page is requested ahead.
func (s *ProjectsService) All(ctx context.Context, opts *ListProjectsOptions) iter.Seq2[*Project, error] {
	return all(ctx, s.client, s.pages(), opts.byID())
}

// byID returns the options ordered by ID, unless they have another order. GitLab's own
// default, the time of creation, has no cursors.
func (o *ListProjectsOptions) byID() *ListProjectsOptions {
	ordered := ListProjectsOptions{}
	if o != nil {
		ordered = *o
	}
	if ordered.OrderBy == "" {
		ordered.OrderBy = ProjectOrderByID
	}
	return &ordered
}

// pages requests pages of all projects: by cursor if they are ordered by ID.
func (s *ProjectsService) pages() pages.Request[*Project] {
	byNumber := pagesAt[*Project](s.client, at("projects"))
	byCursor := keysetPages(byNumber)
	return func(ctx context.Context, query url.Values) (*pages.Page[*Project], error) {
		if query.Get("order_by") != string(ProjectOrderByID) {
			return byNumber(ctx, query)
		}
		return byCursor(ctx, query)
	}
}

// ListGroupProjectsOptions narrows the list of a group's projects; filters add up. Nil
// lists those in the group itself, and those that are shared with it, newest first.
type ListGroupProjectsOptions struct {
	ListOptions

	IncludeSubgroups bool        `url:"include_subgroups,omitempty"` // also those in groups below it
	MinAccessLevel   AccessLevel `url:"min_access_level,omitempty"`  // only those in which the token's owner has at least this role
	Visibility       Visibility  `url:"visibility,omitempty"`        // only these
	Search           string      `url:"search,omitempty"`            // a part of the path, the name or the description
	Topic            string      `url:"topic,omitempty"`             // all of these, joined by commas
	Simple           bool        `url:"simple,omitempty"`            // only the fields down to Namespace, which is much less

	// WithShared includes projects of other groups that are shared with this one. Nil is
	// true.
	WithShared *bool `url:"with_shared,omitempty"`

	// Archived selects projects that are archived (true) or not (false). Nil selects
	// both.
	Archived *bool `url:"archived,omitempty"`

	OrderBy ProjectOrder `url:"order_by,omitempty"` // "" is [ProjectOrderByCreatedAt]
	Sort    Sort         `url:"sort,omitempty"`     // "" is [SortDesc]
}

// ListInGroup returns one page of a group's projects.
//
//	GET /groups/:id/projects
//
// See https://docs.gitlab.com/api/groups/#list-projects.
// The error matches [ErrNotFound] if the group does not exist, or the token may not see
// it. Other errors are those of [ProjectsService.List].
// Unless WithShared is new(false), the list contains projects of other groups, too.
func (s *ProjectsService) ListInGroup(ctx context.Context, group GroupID, opts *ListGroupProjectsOptions) (*Page[Project], error) {
	return list(ctx, pagesAt[*Project](s.client, at("groups", group, "projects")), opts)
}

// AllInGroup ranges over a group's projects, page by page as the loop runs.
//
//	GET /groups/:id/projects
//
// See https://docs.gitlab.com/api/groups/#list-projects.
// It requests the pages of [ProjectsService.ListInGroup] with the same options and errors,
// by default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered, and overlap. The promises are those of [ProjectsService.All].
func (s *ProjectsService) AllInGroup(ctx context.Context, group GroupID, opts *ListGroupProjectsOptions) iter.Seq2[*Project, error] {
	return all(ctx, s.client, pagesAt[*Project](s.client, at("groups", group, "projects")), opts)
}

func (p *Project) label() string { return "project " + string(p.ID) }

func (p *Project) missing() string {
	id, _ := p.ID.Number()
	return missingID(id)
}

func (p *Project) identity() (int64, time.Time) {
	id, _ := p.ID.Number()
	return id, p.UpdatedAt
}

func (*Project) listOrder() listOrder {
	return listOrder{by: "created_at", ids: []string{"id"}, times: []string{"created_at", "updated_at", "last_activity_at"}, mobile: true}
}

func (p *Project) timeOf(order string) time.Time {
	switch ProjectOrder(order) {
	case ProjectOrderByCreatedAt:
		return p.CreatedAt
	case ProjectOrderByUpdatedAt:
		return p.UpdatedAt
	case ProjectOrderByLastActivityAt:
		return p.LastActivityAt
	}
	return time.Time{}
}

// contradicts does not check archived=true: without a token, and in simple lists, Archived
// is always false.
func (p *Project) contradicts(query url.Values) (parameter, has string) {
	id, _ := p.ID.Number()
	return mismatch(query, []filter{
		exactly("visibility", string(p.Visibility)),
		{"topic", fmt.Sprintf("%q", p.Topics), p.hasTopics},
		{"archived", fmt.Sprint(p.Archived), func(wanted string) bool { return wanted != "false" || !p.Archived }},
		since("last_activity_after", p.LastActivityAt),
		{"id_after", fmt.Sprint(id), func(wanted string) bool {
			least, err := strconv.ParseInt(wanted, 10, 64)
			return err != nil || id > least
		}},
	})
}

func (p *Project) hasTopics(wanted string) bool {
	for topic := range strings.SplitSeq(wanted, ",") {
		isIt := func(one string) bool { return strings.EqualFold(one, strings.TrimSpace(topic)) }
		if !slices.ContainsFunc(p.Topics, isIt) && !slices.ContainsFunc(p.TagList, isIt) {
			return false
		}
	}
	return true
}
