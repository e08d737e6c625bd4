package gitlabcitest

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"strconv"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// project renders projects as a user sees them, or a stranger, who is shown
// less. So is who wants it simple.
func (r *renderer) project(s *state, u *user, simple bool) func(*project) any {
	return func(p *project) any {
		basic := r.projectBasic(p, s.groupsOf(p))
		if u == nil || simple {
			return basic
		}
		return r.projectWhole(basic, p.accessOf(u))
	}
}

func (r *renderer) projectBasic(p *project, groups []int64) shape.ProjectBasic {
	return shape.ProjectBasic{
		ProjectIdentity: projectIdentity(p),
		DefaultBranch:   p.branch,
		TagList:         texts(p.settings.Topics),
		Topics:          texts(p.settings.Topics),
		SSHURLToRepo:    fmt.Sprintf("git@%s:%s.git", r.host(), p.path),
		HTTPURLToRepo:   r.external + "/" + p.path + ".git",
		WebURL:          r.external + "/" + p.path,
		LastActivityAt:  shape.Timestamp(p.active()),
		Visibility:      p.visibility(),
		Namespace:       r.namespace(p, groups),
	}
}

// namespace is the group of a project, of those above it the last.
func (r *renderer) namespace(p *project, groups []int64) shape.Namespace {
	group := path.Dir(p.path)
	rendered := shape.Namespace{
		ID:       groups[len(groups)-1],
		Name:     capitalized(path.Base(group)),
		Path:     path.Base(group),
		Kind:     "group",
		FullPath: group,
		WebURL:   r.external + "/groups/" + group,
	}
	if len(groups) > 1 {
		rendered.ParentID = new(groups[len(groups)-2])
	}
	return rendered
}

// host is the name of the server as it knows itself, which was parsed before.
func (r *renderer) host() string {
	u, _ := url.Parse(r.external)
	return u.Hostname()
}

func (r *renderer) projectWhole(basic shape.ProjectBasic, a access) shape.Project {
	rendered := shape.Project{
		ProjectBasic:                 basic,
		Links:                        r.projectLinks(a.project),
		ContainerRegistryImagePrefix: "registry." + r.host() + "/" + a.project.path,
		Archived:                     a.project.settings.Archived,
		UpdatedAt:                    shape.Timestamp(a.project.active()),
		CreatorID:                    1,
		ImportStatus:                 "none",
		RequestAccessEnabled:         true,
		LFSEnabled:                   true,
		IssuesEnabled:                true,
		RepositoryAccessLevel:        "enabled",
		MergeRequestsAccessLevel:     "enabled",
		IssuesAccessLevel:            "enabled",
		BuildsAccessLevel:            "enabled",
		MergeSettings:                mergeSettings(a),
		BuildSettings:                buildSettings(a.project.settings),
		SharedWithGroups:             []struct{}{},
	}
	if role := a.project.roleOf(a.user); role > 0 {
		rendered.Permissions.ProjectAccess = &shape.MemberAccess{AccessLevel: int(role), NotificationLevel: 3}
	}
	return rendered
}

func (r *renderer) projectLinks(p *project) shape.ProjectLinks {
	self := r.external + "/api/v4/projects/" + strconv.FormatInt(p.id, 10)
	return shape.ProjectLinks{
		Self:          self,
		Issues:        self + "/issues",
		MergeRequests: self + "/merge_requests",
		RepoBranches:  self + "/repository/branches",
		Labels:        self + "/labels",
		Events:        self + "/events",
		Members:       self + "/members",
	}
}

func mergeSettings(a access) shape.MergeSettings {
	return shape.MergeSettings{
		MergeRequestsEnabled:     true,
		CanCreateMergeRequestIn:  a.run(),
		RemoveSourceBranch:       true,
		PrintingMergeRequestLink: true,
		MergeMethod:              "merge",
		SquashOption:             "default_off",
	}
}

func buildSettings(s Settings) shape.BuildSettings {
	return shape.BuildSettings{
		JobsEnabled:                true,
		PublicJobs:                 !s.PrivateBuilds,
		SharedRunnersEnabled:       true,
		GroupRunnersEnabled:        true,
		BuildTimeout:               3600,
		BuildGitStrategy:           "fetch",
		AutoCancelPendingPipelines: "enabled",
		CIDefaultGitDepth:          20,
		CIForwardDeploymentEnabled: true,
		CISeparatedCaches:          true,
		CICancellationRole:         roleWord(s.CancelRole, "no_one"),
		CIVariablesRole:            roleWord(s.VariablesRole, "no_one_allowed"),
		KeepLatestArtifact:         true,

		RestrictUserDefinedVariables: cmp.Or(s.VariablesRole, RoleDeveloper) > RoleDeveloper,
	}
}

func (r *renderer) branch(name string, head *ref, c commit, a access) shape.Branch {
	return shape.Branch{
		Name:      name,
		Commit:    r.commit(c),
		Protected: head.protected,
		CanPush:   a.runOn(name),
		Default:   name == c.project.branch,
		WebURL:    r.external + "/" + c.project.path + "/-/tree/" + (&url.URL{Path: name}).EscapedPath(),
	}
}

// tag is a tag, which is an object of its own if it has a message.
func (r *renderer) tag(name string, head *ref, c commit) shape.Tag {
	rendered := shape.Tag{Name: name, Message: head.message, Target: c.sha, Commit: r.commit(c), Protected: head.protected}
	if head.message != "" {
		rendered.Target, rendered.CreatedAt = deriveSHA(name+head.message, 0), shape.Timestamp(c.created)
	}
	return rendered
}

// commitWhole is a commit that was requested by itself. Its pipeline is for
// those who may read pipelines.
func (r *renderer) commitWhole(c commit, a access) shape.CommitWhole {
	rendered := shape.CommitWhole{Commit: r.commit(c), ProjectID: c.project.id}
	if p := c.newest(); p != nil && a.read() {
		rendered.Status = new(string(p.status))
		rendered.LastPipeline = new(r.basic(p))
	}
	return rendered
}

func (r *renderer) mergeRequestURL(m *mergeRequest) string {
	return fmt.Sprintf("%s/%s/-/merge_requests/%d", r.external, m.project.path, m.iid)
}

// mergeRequest makes up the rest of a merge request, which can be merged while
// it is opened.
func (r *renderer) mergeRequest(m *mergeRequest) shape.MergeRequest {
	short := fmt.Sprintf("!%d", m.iid)
	rendered := shape.MergeRequest{
		ID:              m.project.id*1_000_000 + m.iid,
		IID:             m.iid,
		ProjectID:       m.project.id,
		Title:           m.title,
		State:           m.state,
		CreatedAt:       shape.Timestamp(m.created),
		UpdatedAt:       shape.Timestamp(m.updated),
		TargetBranch:    m.target,
		SourceBranch:    m.source,
		Author:          r.userBasic(m.author),
		Assignees:       []shape.UserBasic{},
		Reviewers:       []shape.UserBasic{},
		SourceProjectID: m.from.id,
		TargetProjectID: m.project.id,
		Labels:          texts(m.labels),
		Draft:           m.draft,
		WorkInProgress:  m.draft,
		Merging:         r.merging(m),
		Reference:       short,
		References:      shape.References{Short: short, Relative: short, Full: m.project.path + short},
		WebURL:          r.mergeRequestURL(m),
		NotBlocking:     true,
	}
	by := new(r.userBasic(m.author))
	switch m.state {
	case "merged":
		rendered.MergedBy, rendered.MergeUser, rendered.MergedAt = by, by, shape.Timestamp(m.updated)
	case "closed":
		rendered.ClosedBy, rendered.ClosedAt = by, shape.Timestamp(m.updated)
	}
	return rendered
}

func (r *renderer) mergeRequestSimple(m *mergeRequest) shape.MergeRequestSimple {
	return shape.MergeRequestSimple{
		ID: m.project.id*1_000_000 + m.iid, IID: m.iid, ProjectID: m.project.id, Title: m.title, State: m.state,
		CreatedAt: shape.Timestamp(m.created), UpdatedAt: shape.Timestamp(m.updated), WebURL: r.mergeRequestURL(m),
	}
}

func (r *renderer) merging(m *mergeRequest) shape.Merging {
	rendered := shape.Merging{
		MergeStatus:         "can_be_merged",
		DetailedMergeStatus: "mergeable",
		SHA:                 m.sha,
		ForceRemoveSource:   true,
		PreparedAt:          shape.Timestamp(m.created),
	}
	switch {
	case m.state == "merged":
		rendered.DetailedMergeStatus, rendered.MergeCommitSHA = "not_open", new(m.merged())
	case m.state != opened:
		rendered.DetailedMergeStatus = "not_open"
	case m.draft:
		rendered.DetailedMergeStatus = "draft_status"
	}
	return rendered
}

// mergeRequestWhole is a merge request that was requested by itself.
func (r *renderer) mergeRequestWhole(c *call, m *mergeRequest) shape.MergeRequestWhole {
	base := m.project.headSHA(m.target)
	rendered := shape.MergeRequestWhole{
		MergeRequest: r.mergeRequest(m),
		Subscribed:   m.author == c.user,
		ChangesCount: "1",
		DiffRefs:     shape.DiffRefs{BaseSHA: base, HeadSHA: m.sha, StartSHA: base},
		User:         shape.MayMerge{CanMerge: c.access.run()},
	}
	if p := m.head(c.user); p != nil {
		rendered.LatestBuildStartedAt, rendered.LatestBuildFinishedAt = shape.Timestamp(p.started), shape.Timestamp(p.finished)
		rendered.Pipeline, rendered.HeadPipeline = new(r.basic(p)), new(r.whole(p))
	}
	return rendered
}
