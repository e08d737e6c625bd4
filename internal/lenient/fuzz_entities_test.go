package lenient_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// fuzzEntities decode a response to each type without a fuzz test of its own.
var fuzzEntities = []func(context.Context, *gitlabci.Client) (any, error){
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Pipelines.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Pipelines.ListMine(ctx, nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Jobs.ListTriggerJobs(ctx, "group/app", 7, nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Artifacts.ListEntries(ctx, "group/app", 7, nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Pipelines.Variables(ctx, "group/app", 7)
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Pipelines.TestReportSummary(ctx, "group/app", 7)
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Jobs.Get(ctx, "group/app", 7)
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Schedules.Get(ctx, "group/app", 7)
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Triggers.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Webhooks.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Webhooks.Events(ctx, "group/app", 7, nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Statuses.List(ctx, "group/app", testkit.SHA, nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Projects.Get(ctx, "group/app")
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Environments.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Deployments.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Branches.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Tags.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Commits.Get(ctx, "group/app", "main")
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.MergeRequests.List(ctx, "group/app", nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return fuzzItems(c.Variables.List(ctx, gitlabci.GroupID("group"), nil))
	},
	func(ctx context.Context, c *gitlabci.Client) (any, error) {
		return c.Lint.Validate(ctx, "group/app", "", nil)
	},
}

func fuzzItems[T any](page *gitlabci.Page[T], err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return page.Items, nil
}

// What was decoded, written by encoding/json, decodes to the same.
func FuzzEntities(f *testing.F) {
	files, err := filepath.Glob(testkit.ModuleFile(f, "testdata/*.json"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for i, file := range files {
		answer, err := os.ReadFile(file)
		require.NoError(f, err)
		for kind := range fuzzEntities {
			if !testkit.Sampled(i+kind, 2) {
				continue
			}
			f.Add(uint(kind), string(answer))
		}
	}
	n := 0
	for kind := range fuzzEntities {
		for _, value := range testkit.ScalarPairs {
			fields := strings.NewReplacer("§", value).Replace(`{"id":§,"key":§,"size":§,"total":{"time":§,"count":§},"test_suites":[{"build_ids":[§,1],"total_time":§}],
				"downstream_pipeline":§,"started_at":§,"coverage":§,"project":§,"merge_request":{"iid":§},"raw":§,"variable_type":§,"user":{"custom_attributes":§},"duration":§}`)
			if n++; testkit.Sampled(n, 1) {
				f.Add(uint(kind), fields)
				f.Add(uint(kind), fmt.Sprintf("[%s]", fields))
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint, body string) {
		entity := fuzzEntities[kind%uint(len(fuzzEntities))]
		decode := func(body string) (any, error) { return entity(t.Context(), testkit.CannedJSON(body).Client(t)) }
		if first, err := decode(body); err == nil {
			testkit.SameJSON(t, first, decode)
		}
	})
}
