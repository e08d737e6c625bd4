package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestOfficialManagesProjectVariables(t *testing.T) {
	srv := gitlabcitest.NewServer()
	variables := officialClient(t, srv).ProjectVariables
	made, answer, err := variables.CreateVariable(project, &gitlab.CreateProjectVariableOptions{
		Key: new("TOKEN"), Value: new("first-value"), MaskedAndHidden: new(true), Raw: new(true), EnvironmentScope: new("production"), Description: new("opens the door"),
	})
	answered(t, http.StatusCreated, answer, err)
	require.Equal(t, &gitlab.ProjectVariable{
		Key: "TOKEN", VariableType: gitlab.EnvVariableType, Masked: true, Hidden: true, Raw: true, EnvironmentScope: "production", Description: "opens the door",
	}, made)
	_, answer, err = variables.CreateVariable(project, &gitlab.CreateProjectVariableOptions{Key: new("TOKEN"), Value: new("x"), EnvironmentScope: new("production")})
	require.ErrorContains(t, err, "(TOKEN) has already been taken")
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	_, answer, err = variables.CreateVariable(project, &gitlab.CreateProjectVariableOptions{Key: new("TOKEN"), Value: new("everywhere")})
	answered(t, http.StatusCreated, answer, err)

	_, answer, err = variables.GetVariable(project, "TOKEN", nil)
	require.ErrorContains(t, err, "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'")
	require.Equal(t, http.StatusConflict, answer.StatusCode)
	filter := &gitlab.VariableFilter{EnvironmentScope: "*"}
	changed, answer, err := variables.UpdateVariable(project, "TOKEN", &gitlab.UpdateProjectVariableOptions{Value: new("changed"), Filter: filter})
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, []string{"changed", "*"}, []string{changed.Value, changed.EnvironmentScope})
	_, answer, err = variables.UpdateVariable(project, "TOKEN", &gitlab.UpdateProjectVariableOptions{Filter: &gitlab.VariableFilter{EnvironmentScope: "staging"}})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	got, answer, err := variables.GetVariable(project, "TOKEN", &gitlab.GetProjectVariableOptions{Filter: filter})
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, changed, got)
	answer, err = variables.RemoveVariable(project, "TOKEN", &gitlab.RemoveProjectVariableOptions{Filter: filter})
	answered(t, http.StatusNoContent, answer, err)
	all, answer, err := variables.ListVariables(project, nil)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, []*gitlab.ProjectVariable{made}, all)
}

// GitLab takes another variable of a group for one with a scope that is not there, and so
// does the fake.
func TestOfficialChangesAnotherGroupVariable(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := officialClient(t, srv)
	_, answer, err := client.GroupVariables.CreateVariable("group", &gitlab.CreateGroupVariableOptions{Key: new("TOKEN"), Value: new("everywhere")})
	answered(t, http.StatusCreated, answer, err)
	changed, answer, err := client.GroupVariables.UpdateVariable("group", "TOKEN", &gitlab.UpdateGroupVariableOptions{
		Value: new("of production"), Filter: &gitlab.VariableFilter{EnvironmentScope: "production"},
	})
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, []string{"of production", "*"}, []string{changed.Value, changed.EnvironmentScope})
	answer, err = client.GroupVariables.RemoveVariable("group", "TOKEN", nil)
	answered(t, http.StatusNoContent, answer, err)
	_, answer, err = client.GroupVariables.GetVariable("group", "TOKEN", nil)
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)

	_, answer, err = client.InstanceVariables.CreateVariable(&gitlab.CreateInstanceVariableOptions{Key: new("PROXY"), Value: new("http://proxy.example.com"), Masked: new(true)})
	answered(t, http.StatusCreated, answer, err)
	all, answer, err := client.InstanceVariables.ListVariables(nil)
	answered(t, http.StatusOK, answer, err)
	require.Len(t, all, 1)
	require.True(t, all[0].Masked)
	srv.AddUser(gitlabcitest.User{Username: "noor"})
	other, err := gitlab.NewClient(srv.AddToken(gitlabcitest.Token{Username: "noor"}), gitlab.WithBaseURL(gitlabcitest.URL), gitlab.WithHTTPClient(&http.Client{Transport: srv.Transport()}))
	require.NoError(t, err)
	_, answer, err = other.InstanceVariables.ListVariables(nil)
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
}

func TestOfficialValidates(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := officialClient(t, srv)
	result, answer, err := client.Validate.ProjectNamespaceLint(project, &gitlab.ProjectNamespaceLintOptions{Content: new("test: {script: make}"), IncludeJobs: new(true)})
	answered(t, http.StatusOK, answer, err)
	require.True(t, result.Valid)
	require.Equal(t, "---\ntest: {script: make}", result.MergedYaml)
	srv.OnLint(project, func(gitlabcitest.Lint) gitlabci.LintResult {
		return gitlabci.LintResult{Errors: []string{"jobs config should contain at least one visible job"}, Includes: []gitlabci.LintInclude{
			{Type: "local", Location: "ci/a.yml", ContextProject: project, Extra: map[string]any{"job_name": "a"}},
		}}
	})
	result, answer, err = client.Validate.ProjectLint(project, &gitlab.ProjectLintOptions{ContentRef: new("main"), DryRun: new(true)})
	answered(t, http.StatusOK, answer, err)
	require.False(t, result.Valid)
	require.Equal(t, []string{"jobs config should contain at least one visible job"}, result.Errors)
	require.Equal(t, "ci/a.yml", result.Includes[0].Location)
	_, answer, err = client.Validate.ProjectLint(project, &gitlab.ProjectLintOptions{ContentRef: new("none")})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
}
