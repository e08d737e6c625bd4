package promises_test

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"testing"
	"time"

	"example.com/gitlabci"
)

// beside adds parameters that a list sends by itself to the queries of tests, except to
// that of a cursor.
func beside[O any](own url.Values, tests []wireOption[O]) []wireOption[O] {
	for i := range tests {
		query := maps.Clone(own)
		maps.Copy(query, tests[i].query)
		if query.Has("page") {
			query.Del("pagination")
			if !tests[i].query.Has("sort") {
				query.Del("sort")
			}
		}
		if tests[i].field == "After" {
			query = tests[i].query
		}
		tests[i].query = query
	}
	return tests
}

func TestWireListProjectsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListProjectsOptions
	byCursor := url.Values{"order_by": {"id"}, "pagination": {"keyset"}, "sort": {"desc"}}
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Membership", options{Membership: true}, url.Values{"membership": {"true"}}},
		{"MinAccessLevel", options{MinAccessLevel: gitlabci.AccessLevelDeveloper}, url.Values{"min_access_level": {"30"}}},
		{"Visibility", options{Visibility: gitlabci.VisibilityInternal}, url.Values{"visibility": {"internal"}}},
		{"Search", options{Search: "a&b c"}, url.Values{"search": {"a&b c"}}},
		{"Topic", options{Topic: "a,b"}, url.Values{"topic": {"a,b"}}},
		{"IDAfter", options{IDAfter: 7}, url.Values{"id_after": {"7"}}},
		{"Simple", options{Simple: true}, url.Values{"simple": {"true"}}},
		{"Archived", options{Archived: new(true)}, url.Values{"archived": {"true"}}},
		{"Archived not", options{Archived: new(false)}, url.Values{"archived": {"false"}}},
		{"Sort", options{Sort: gitlabci.SortAsc}, url.Values{"sort": {"asc"}}},
		{"OrderBy ID", options{OrderBy: gitlabci.ProjectOrderByID}, url.Values{}},
	}...)
	tests = append(tests, wireTimes("LastActivityAfter", "last_activity_after", func(o *options, t time.Time) { o.LastActivityAfter = t })...)
	tests = append(beside(byCursor, tests),
		wireOption[options]{"OrderBy", options{OrderBy: gitlabci.ProjectOrderByLastActivityAt}, url.Values{"order_by": {"last_activity_at"}}})
	wireOptionsBeside(t, byCursor, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Projects.List(ctx, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Project, error] {
		return c.Projects.All(ctx, o)
	})
}

func TestWireListGroupProjectsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListGroupProjectsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"IncludeSubgroups", options{IncludeSubgroups: true}, url.Values{"include_subgroups": {"true"}}},
		{"MinAccessLevel", options{MinAccessLevel: gitlabci.AccessLevelMaintainer}, url.Values{"min_access_level": {"40"}}},
		{"Visibility", options{Visibility: gitlabci.VisibilityPublic}, url.Values{"visibility": {"public"}}},
		{"Search", options{Search: "app"}, url.Values{"search": {"app"}}},
		{"Topic", options{Topic: "go"}, url.Values{"topic": {"go"}}},
		{"Simple", options{Simple: true}, url.Values{"simple": {"true"}}},
		{"WithShared", options{WithShared: new(true)}, url.Values{"with_shared": {"true"}}},
		{"WithShared not", options{WithShared: new(false)}, url.Values{"with_shared": {"false"}}},
		{"Archived", options{Archived: new(true)}, url.Values{"archived": {"true"}}},
		{"Archived not", options{Archived: new(false)}, url.Values{"archived": {"false"}}},
		{"OrderBy", options{OrderBy: gitlabci.ProjectOrderByStarCount}, url.Values{"order_by": {"star_count"}}},
		{"Sort", options{Sort: gitlabci.SortAsc}, url.Values{"sort": {"asc"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Projects.ListInGroup(ctx, "company/backend", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Project, error] {
		return c.Projects.AllInGroup(ctx, "company/backend", o)
	})
}

func TestWireListMergeRequestsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListMergeRequestsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"State", options{State: gitlabci.MergeRequestStateMerged}, url.Values{"state": {"merged"}}},
		{"SourceBranch", options{SourceBranch: "feature/a#b&c"}, url.Values{"source_branch": {"feature/a#b&c"}}},
		{"TargetBranch", options{TargetBranch: "main"}, url.Values{"target_branch": {"main"}}},
		{"AuthorUsername", options{AuthorUsername: "maya"}, url.Values{"author_username": {"maya"}}},
		{"Labels", options{Labels: []string{"a b", "c::d"}}, url.Values{"labels": {"a b,c::d"}}},
		{"IIDs", options{IIDs: []int64{7, 9}}, url.Values{"iids[]": {"7", "9"}}},
		{"Search", options{Search: "50%"}, url.Values{"search": {"50%"}}},
		{"View", options{View: gitlabci.MergeRequestViewSimple}, url.Values{"view": {"simple"}}},
		{"OrderBy", options{OrderBy: gitlabci.MergeRequestOrderByUpdatedAt}, url.Values{"order_by": {"updated_at"}}},
		{"Sort", options{Sort: gitlabci.SortAsc}, url.Values{"sort": {"asc"}}},
	}...)
	tests = append(tests, wireTimes("UpdatedAfter", "updated_after", func(o *options, t time.Time) { o.UpdatedAfter = t })...)
	tests = append(tests, wireTimes("UpdatedBefore", "updated_before", func(o *options, t time.Time) { o.UpdatedBefore = t })...)
	tests = append(tests, wireTimes("CreatedAfter", "created_after", func(o *options, t time.Time) { o.CreatedAfter = t })...)
	tests = append(tests, wireTimes("CreatedBefore", "created_before", func(o *options, t time.Time) { o.CreatedBefore = t })...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.MergeRequests.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.MergeRequest, error] {
		return c.MergeRequests.All(ctx, "group/app", o)
	})
}

func TestWireListMergeRequestPipelinesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListMergeRequestPipelinesOptions
	tests := wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} })
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Pipelines.ListForMergeRequest(ctx, "group/app", 7, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.PipelineInfo, error] {
		return c.Pipelines.AllForMergeRequest(ctx, "group/app", 7, o)
	})
}

func TestWireListBranchesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListBranchesOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Search", options{Search: "^release/"}, url.Values{"search": {"^release/"}}},
		{"Regex", options{Regex: `^v\d+$`}, url.Values{"regex": {`^v\d+$`}}},
		{"Sort", options{Sort: gitlabci.BranchOrderMostRecentFirst}, url.Values{"sort": {"updated_desc"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Branches.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Branch, error] {
		return c.Branches.All(ctx, "group/app", o)
	})
}

func TestWireListTagsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListTagsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Search", options{Search: "rc$"}, url.Values{"search": {"rc$"}}},
		{"OrderBy", options{OrderBy: gitlabci.TagOrderByVersion}, url.Values{"order_by": {"version"}}},
		{"Sort", options{Sort: gitlabci.SortAsc}, url.Values{"sort": {"asc"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Tags.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Tag, error] {
		return c.Tags.All(ctx, "group/app", o)
	})
}

func TestWireListCommitsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListCommitsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"RefName", options{RefName: "v1..feature/a#b"}, url.Values{"ref_name": {"v1..feature/a#b"}}},
		{"Path", options{Path: "docs/a b.md"}, url.Values{"path": {"docs/a b.md"}}},
		{"Author", options{Author: "Maya <maya@example.com>"}, url.Values{"author": {"Maya <maya@example.com>"}}},
		{"All", options{All: true}, url.Values{"all": {"true"}}},
		{"FirstParent", options{FirstParent: true}, url.Values{"first_parent": {"true"}}},
	}...)
	tests = append(tests, wireTimes("Since", "since", func(o *options, t time.Time) { o.Since = t })...)
	tests = append(tests, wireTimes("Until", "until", func(o *options, t time.Time) { o.Until = t })...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Commits.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Commit, error] {
		return c.Commits.All(ctx, "group/app", o)
	})
}

func TestWireListEnvironmentsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListEnvironmentsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Name", options{Name: "review/a#b"}, url.Values{"name": {"review/a#b"}}},
		{"Search", options{Search: "prod"}, url.Values{"search": {"prod"}}},
		{"States", options{States: gitlabci.EnvironmentStateStopped}, url.Values{"states": {"stopped"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Environments.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Environment, error] {
		return c.Environments.All(ctx, "group/app", o)
	})
}

func TestWireListDeploymentsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListDeploymentsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Environment", options{Environment: "review/a#b"}, url.Values{"environment": {"review/a#b"}}},
		{"Status", options{Status: gitlabci.DeploymentStatusBlocked}, url.Values{"status": {"blocked"}}},
		{"OrderBy", options{OrderBy: gitlabci.DeploymentOrderByRef}, url.Values{"order_by": {"ref"}}},
		{"Sort", options{Sort: gitlabci.SortDesc}, url.Values{"sort": {"desc"}}},
	}...)
	timed := func(own url.Values, times []wireOption[options]) {
		for _, test := range times {
			maps.Copy(test.query, own)
			tests = append(tests, test)
		}
	}
	updated, finished := url.Values{"order_by": {"updated_at"}}, url.Values{"order_by": {"finished_at"}, "status": {"success"}}
	timed(updated, wireTimes("UpdatedAfter", "updated_after", func(o *options, t time.Time) { o.UpdatedAfter = t }))
	timed(updated, wireTimes("UpdatedBefore", "updated_before", func(o *options, t time.Time) { o.UpdatedBefore, o.OrderBy = t, gitlabci.DeploymentOrderByUpdatedAt }))
	timed(finished, wireTimes("FinishedAfter", "finished_after", func(o *options, t time.Time) { o.FinishedAfter, o.Status = t, gitlabci.DeploymentStatusSuccess }))
	timed(finished, wireTimes("FinishedBefore", "finished_before", func(o *options, t time.Time) { o.FinishedBefore, o.Status = t, gitlabci.DeploymentStatusSuccess }))
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Deployments.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Deployment, error] {
		return c.Deployments.All(ctx, "group/app", o)
	})
}
