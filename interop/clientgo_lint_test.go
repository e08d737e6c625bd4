package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoValidates(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := newClientGo(t, srv)
	result, response, err := client.Validate.ProjectNamespaceLint(project, &gitlab.ProjectNamespaceLintOptions{Content: new("test: {script: make}"), IncludeJobs: new(true)})
	requireStatus(t, http.StatusOK, response, err)
	require.True(t, result.Valid)
	require.Equal(t, "---\ntest: {script: make}", result.MergedYaml)
	srv.OnLint(project, func(gitlabcitest.Lint) gitlabci.LintResult {
		return gitlabci.LintResult{Errors: []string{"jobs config should contain at least one visible job"}, Includes: []gitlabci.LintInclude{
			{Type: "local", Location: "ci/a.yml", ContextProject: project, Extra: map[string]any{"job_name": "a"}},
		}}
	})
	result, response, err = client.Validate.ProjectLint(project, &gitlab.ProjectLintOptions{ContentRef: new("main"), DryRun: new(true)})
	requireStatus(t, http.StatusOK, response, err)
	require.False(t, result.Valid)
	require.Equal(t, []string{"jobs config should contain at least one visible job"}, result.Errors)
	require.Equal(t, "ci/a.yml", result.Includes[0].Location)
	_, response, err = client.Validate.ProjectLint(project, &gitlab.ProjectLintOptions{ContentRef: new("none")})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}
