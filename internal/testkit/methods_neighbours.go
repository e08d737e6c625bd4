package testkit

import (
	"context"

	"example.com/gitlabci"
)

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
