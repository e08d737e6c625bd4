package promises_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func TestWireLatestOfTheDefaultBranch(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.OK)
	_, err := s.Client(t).Pipelines.Latest(t.Context(), "group/app", "")
	require.NoError(t, err)
	requireWire(t, s, "GET /projects/group%2Fapp/pipelines/latest", "")
}

// wireProjects maps projects to how they look in a path.
var wireProjects = map[gitlabci.ProjectID]string{
	"group/app":                       "group%2Fapp",
	"group/sub/app":                   "group%2Fsub%2Fapp",
	"group/a#b":                       "group%2Fa%23b",
	"group/a?b":                       "group%2Fa%3Fb",
	"group/a?private_token=b":         "",
	"group/100%":                      "group%2F100%25",
	"group/100%2Fb":                   "group%2F100%252Fb",
	"group/a b":                       "group%2Fa%20b",
	"group/a+b":                       "group%2Fa%2Bb",
	"group/é":                         "group%2F%C3%A9",
	"group/a;b&c=d,e":                 "",
	"group/a:b@c":                     "",
	`group/a"b\c`:                     "",
	"group/...":                       "group%2F...",
	"123/456":                         "123%2F456",
	gitlabci.ProjectNumber(7):         "7",
	gitlabci.ProjectNumber(1<<63 - 1): "9223372036854775807",
}

func TestWireProjects(t *testing.T) {
	t.Parallel()
	for project, escaped := range wireProjects {
		t.Run(string(project), func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"id":42}`))
			_, err := s.Client(t).Pipelines.Get(t.Context(), project, 42)
			require.NoError(t, err)
			r := testkit.OneRequest(t, s)
			segments := strings.Split(r.URL.EscapedPath(), "/")
			require.Len(t, segments, 7, r.URL.EscapedPath()) // "", api, v4, projects, project, pipelines, 42
			decoded, err := url.PathUnescape(segments[4])
			require.NoError(t, err)
			require.Equal(t, string(project), decoded)
			require.Equal(t, []string{"pipelines", "42"}, segments[5:])
			require.Empty(t, r.URL.RawQuery)
			require.NotContains(t, r.RequestURI, "+", "some proxies read it as a space")
			if escaped != "" {
				require.Equal(t, escaped, segments[4])
			}
		})
	}
}

func TestWireRefusedProjects(t *testing.T) {
	t.Parallel()
	projects := []gitlabci.ProjectID{
		"", " ", "app", ".", "..", "/", "//", "group/", "/app", "/group/app", "group//app", "group/.", "group/..", "../app", "group/../app",
		"-7", "+7", "7.5", gitlabci.ProjectNumber(0), gitlabci.ProjectNumber(-1), gitlabci.ProjectNumber(-1 << 63), "000", "9223372036854775808",
	}
	for _, project := range projects {
		t.Run(string(project), func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `{}`))
			c := s.Client(t)
			_, err := c.Pipelines.Get(t.Context(), project, 42)
			testkit.RequireNotSent(t, s, err)
			_, err = c.Pipelines.Create(t.Context(), project, "main", nil)
			testkit.RequireNotSent(t, s, err)
			_, err = c.Pipelines.List(t.Context(), project, nil)
			testkit.RequireNotSent(t, s, err)
			testkit.RequireNotSent(t, s, testkit.Drain(c.Jobs.AllForPipeline(t.Context(), project, 42, nil)))
			testkit.RequireNotSent(t, s, testkit.Drain(c.Jobs.AllTriggerJobs(t.Context(), project, 42, nil)))
			testkit.RequireNotSent(t, s, c.Pipelines.Delete(t.Context(), project, 42))
		})
	}
}

// wirePipelineCalls are calls that name a pipeline.
var wirePipelineCalls = map[string]func(context.Context, *gitlabci.Client, gitlabci.PipelineID) error{
	"Get": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		_, err := c.Pipelines.Get(ctx, "group/app", id)
		return err
	},
	"Retry": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		_, err := c.Pipelines.Retry(ctx, "group/app", id)
		return err
	},
	"Cancel": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		_, err := c.Pipelines.Cancel(ctx, "group/app", id)
		return err
	},
	"UpdateMetadata": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		_, err := c.Pipelines.UpdateMetadata(ctx, "group/app", id, &gitlabci.UpdateMetadataOptions{Name: "Nightly"})
		return err
	},
	"Delete": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		return c.Pipelines.Delete(ctx, "group/app", id)
	},
	"Variables": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		_, err := c.Pipelines.Variables(ctx, "group/app", id)
		return err
	},
	"ListForPipeline": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		_, err := c.Jobs.ListForPipeline(ctx, "group/app", id, nil)
		return err
	},
	"AllTriggerJobs": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID) error {
		return testkit.Drain(c.Jobs.AllTriggerJobs(ctx, "group/app", id, nil))
	},
}

func TestWireRefusedPipelines(t *testing.T) {
	t.Parallel()
	for name, call := range wirePipelineCalls {
		for _, id := range []gitlabci.PipelineID{0, -3} {
			t.Run(fmt.Sprintf("%s %d", name, id), func(t *testing.T) {
				s := testkit.NewScript(testkit.Respond(http.StatusOK, `{}`))
				testkit.RequireNotSent(t, s, call(t.Context(), s.Client(t), id))
			})
		}
	}
}

func TestWireRefusedValues(t *testing.T) {
	t.Parallel()
	create := func(ref string, opts *gitlabci.CreatePipelineOptions) func(context.Context, *gitlabci.Client) error {
		return func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Pipelines.Create(ctx, "group/app", ref, opts)
			return err
		}
	}
	variables := func(variables ...*gitlabci.Variable) *gitlabci.CreatePipelineOptions {
		return &gitlabci.CreatePipelineOptions{Variables: variables}
	}
	rename := func(opts *gitlabci.UpdateMetadataOptions) func(context.Context, *gitlabci.Client) error {
		return func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Pipelines.UpdateMetadata(ctx, "group/app", 42, opts)
			return err
		}
	}
	good := &gitlabci.Variable{Key: "A", Value: "1"}
	tests := map[string]func(context.Context, *gitlabci.Client) error{
		"create without a ref":          create("", nil),
		"create, variable without key":  create("main", variables(good, &gitlabci.Variable{Value: "1"})),
		"create, nil variable":          create("main", variables(good, nil)),
		"create, value not UTF-8":       create("main", variables(&gitlabci.Variable{Key: "A", Value: "\xff"})),
		"create, key not UTF-8":         create("main", variables(&gitlabci.Variable{Key: "A\xff"})),
		"create, ref not UTF-8":         create("main\xff", nil),
		"create, input not UTF-8":       create("main", &gitlabci.CreatePipelineOptions{Inputs: map[string]any{"a": "\xff"}}),
		"create, input that JSON lacks": create("main", &gitlabci.CreatePipelineOptions{Inputs: map[string]any{"a": func() {}}}),
		"rename without options":        rename(nil),
		"rename to nothing":             rename(&gitlabci.UpdateMetadataOptions{}),
		"rename to blanks":              rename(&gitlabci.UpdateMetadataOptions{Name: " \t\n"}),
		"rename, not UTF-8":             rename(&gitlabci.UpdateMetadataOptions{Name: "a\xff"}),
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `{}`))
			testkit.RequireNotSent(t, s, call(t.Context(), s.Client(t)))
		})
	}
}

func TestWireRefs(t *testing.T) {
	t.Parallel()
	refs := []string{
		"main", "feature/a#b", "feature/a?b", "feature/a&ref=b", "100%", "100%2F", "a b", "a+b", "é", "a;b", `a"b`, "..", "refs/merge-requests/7/head", " ",
	}
	for _, ref := range refs {
		t.Run(ref, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"id":42}`))
			_, err := s.Client(t).Pipelines.Latest(t.Context(), "group/app", ref)
			require.NoError(t, err)
			query, err := url.ParseQuery(testkit.OneRequest(t, s).URL.RawQuery)
			require.NoError(t, err)
			require.Equal(t, url.Values{"ref": {ref}}, query)

			s = testkit.NewScript(testkit.Respond(http.StatusCreated, `{"id":42}`))
			_, err = s.Client(t).Pipelines.Create(t.Context(), "group/app", ref, nil)
			require.NoError(t, err)
			require.Equal(t, "/api/v4/projects/group%2Fapp/pipeline", testkit.OneRequest(t, s).RequestURI)
			require.JSONEq(t, fmt.Sprintf(`{"ref":%s}`, testkit.JSON(t, ref)), s.Bodies[0])
		})
	}
}
