package testkit

import (
	"context"

	"example.com/gitlabci"
)

var projectMethods = map[string]Method{
	"Projects.Get": {
		Route: "GET /projects/:id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Projects.Get(ctx, of.Project)
		},
	},
	"Projects.List": {
		Route: "GET /projects", Query: "order_by=id&pagination=keyset&sort=desc", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, _ Target) (any, error) {
			return items(c.Projects.List(ctx, nil))
		},
	},
	"Projects.All": {
		Route: "GET /projects", Query: "order_by=id&pagination=keyset&per_page=100&sort=desc", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, _ Target) (any, error) {
			return all(c.Projects.All(ctx, nil))
		},
	},
	"Projects.ListInGroup": {
		Route: "GET /groups/:id/projects", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Projects.ListInGroup(ctx, of.group(), nil))
		},
	},
	"Projects.AllInGroup": {
		Route: "GET /groups/:id/projects", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Projects.AllInGroup(ctx, of.group(), nil))
		},
	},
}

var mergeRequestMethods = map[string]Method{
	"MergeRequests.Get": {
		Route: "GET /projects/:id/merge_requests/:merge_request_iid", Response: `{"id":70,"iid":7}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.MergeRequests.Get(ctx, of.Project, of.ID)
		},
	},
	"MergeRequests.List": {
		Route: "GET /projects/:id/merge_requests", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.MergeRequests.List(ctx, of.Project, nil))
		},
	},
	"MergeRequests.All": {
		Route: "GET /projects/:id/merge_requests", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.MergeRequests.All(ctx, of.Project, nil))
		},
	},
	"Pipelines.ListForMergeRequest": {
		Route: "GET /projects/:id/merge_requests/:merge_request_iid/pipelines", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Pipelines.ListForMergeRequest(ctx, of.Project, of.ID, nil))
		},
	},
	"Pipelines.AllForMergeRequest": {
		Route: "GET /projects/:id/merge_requests/:merge_request_iid/pipelines", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Pipelines.AllForMergeRequest(ctx, of.Project, of.ID, nil))
		},
	},
	"Pipelines.CreateForMergeRequest": {
		Route: "POST /projects/:id/merge_requests/:merge_request_iid/pipelines",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.CreateForMergeRequest(ctx, of.Project, of.ID, nil)
		},
	},
}

var repositoryMethods = map[string]Method{
	"Branches.Get": {
		Route: "GET /projects/:id/repository/branches/:branch", Response: `{"name":"main"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Branches.Get(ctx, of.Project, "main")
		},
	},
	"Branches.List": {
		Route: "GET /projects/:id/repository/branches", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Branches.List(ctx, of.Project, nil))
		},
	},
	"Branches.All": {
		Route: "GET /projects/:id/repository/branches", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Branches.All(ctx, of.Project, nil))
		},
	},
	"Tags.Get": {
		Route: "GET /projects/:id/repository/tags/:tag_name", Response: `{"name":"v1"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Tags.Get(ctx, of.Project, "v1")
		},
	},
	"Tags.List": {
		Route: "GET /projects/:id/repository/tags", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Tags.List(ctx, of.Project, nil))
		},
	},
	"Tags.All": {
		Route: "GET /projects/:id/repository/tags", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Tags.All(ctx, of.Project, nil))
		},
	},
	"Commits.Get": {
		Route: "GET /projects/:id/repository/commits/:sha", Response: `{"id":"` + SHA + `"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Commits.Get(ctx, of.Project, SHA)
		},
	},
	"Commits.List": {
		Route: "GET /projects/:id/repository/commits", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Commits.List(ctx, of.Project, nil))
		},
	},
	"Commits.All": {
		Route: "GET /projects/:id/repository/commits", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Commits.All(ctx, of.Project, nil))
		},
	},
}

var environmentMethods = map[string]Method{
	"Environments.Get": {
		Route: "GET /projects/:id/environments/:environment_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Environments.Get(ctx, of.Project, gitlabci.EnvironmentID(of.ID))
		},
	},
	"Environments.List": {
		Route: "GET /projects/:id/environments", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Environments.List(ctx, of.Project, nil))
		},
	},
	"Environments.All": {
		Route: "GET /projects/:id/environments", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Environments.All(ctx, of.Project, nil))
		},
	},
	"Deployments.Get": {
		Route: "GET /projects/:id/deployments/:deployment_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Deployments.Get(ctx, of.Project, gitlabci.DeploymentID(of.ID))
		},
	},
	"Deployments.List": {
		Route: "GET /projects/:id/deployments", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Deployments.List(ctx, of.Project, nil))
		},
	},
	"Deployments.All": {
		Route: "GET /projects/:id/deployments", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Deployments.All(ctx, of.Project, nil))
		},
	},
}

// group is the group that the project is in, or what is no more one than that is a project.
func (t Target) group() gitlabci.GroupID {
	if t.Project == App.Project {
		return "group"
	}
	return gitlabci.GroupID(t.Project)
}

var variableMethods = map[string]Method{
	"Variables.List": {
		Route: "GET /projects/:id/variables", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Variables.List(ctx, of.Project, nil))
		},
	},
	"Variables.All": {
		Route: "GET /projects/:id/variables", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Variables.All(ctx, of.Project, nil))
		},
	},
	"Variables.Get": {
		Route: "GET /projects/:id/variables/:key", Query: "filter%5Benvironment_scope%5D=%2A", Response: `{"key":"` + Key + `"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Variables.Get(ctx, of.Project, Key, nil)
		},
	},
	"Variables.Set": {
		Route: "PUT /projects/:id/variables/:key", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Variables.Set(ctx, of.Project, &gitlabci.CIVariable{Key: Key, Value: Value})
		},
	},
	"Variables.Delete": {
		Route: "DELETE /projects/:id/variables/:key", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Variables.Delete(ctx, of.Project, Key, nil)
		},
	},
}

var lintMethods = map[string]Method{
	"Lint.Validate": {
		Route: "POST /projects/:id/ci/lint", Body: `{"content":"test: {script: make}"}`, Response: `{"valid":true,"errors":[]}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Lint.Validate(ctx, of.Project, "test: {script: make}", nil)
		},
	},
	"Lint.ValidateProject": {
		Route: "GET /projects/:id/ci/lint", Response: `{"valid":true,"errors":[]}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Lint.ValidateProject(ctx, of.Project, nil)
		},
	},
}
