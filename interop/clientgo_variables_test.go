package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoManagesProjectVariables(t *testing.T) {
	srv := gitlabcitest.NewServer()
	variables := newClientGo(t, srv).ProjectVariables
	made, response, err := variables.CreateVariable(project, &gitlab.CreateProjectVariableOptions{
		Key: new("TOKEN"), Value: new("first-value"), MaskedAndHidden: new(true), Raw: new(true), EnvironmentScope: new("production"), Description: new("opens the door"),
	})
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, &gitlab.ProjectVariable{
		Key: "TOKEN", VariableType: gitlab.EnvVariableType, Masked: true, Hidden: true, Raw: true, EnvironmentScope: "production", Description: "opens the door",
	}, made)
	_, response, err = variables.CreateVariable(project, &gitlab.CreateProjectVariableOptions{Key: new("TOKEN"), Value: new("x"), EnvironmentScope: new("production")})
	require.ErrorContains(t, err, "(TOKEN) has already been taken")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	_, response, err = variables.CreateVariable(project, &gitlab.CreateProjectVariableOptions{Key: new("TOKEN"), Value: new("everywhere")})
	requireStatus(t, http.StatusCreated, response, err)

	_, response, err = variables.GetVariable(project, "TOKEN", nil)
	require.ErrorContains(t, err, "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'")
	require.Equal(t, http.StatusConflict, response.StatusCode)
	filter := &gitlab.VariableFilter{EnvironmentScope: "*"}
	changed, response, err := variables.UpdateVariable(project, "TOKEN", &gitlab.UpdateProjectVariableOptions{Value: new("changed"), Filter: filter})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []string{"changed", "*"}, []string{changed.Value, changed.EnvironmentScope})
	_, response, err = variables.UpdateVariable(project, "TOKEN", &gitlab.UpdateProjectVariableOptions{Filter: &gitlab.VariableFilter{EnvironmentScope: "staging"}})
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
	got, response, err := variables.GetVariable(project, "TOKEN", &gitlab.GetProjectVariableOptions{Filter: filter})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, changed, got)
	response, err = variables.RemoveVariable(project, "TOKEN", &gitlab.RemoveProjectVariableOptions{Filter: filter})
	requireStatus(t, http.StatusNoContent, response, err)
	all, response, err := variables.ListVariables(project, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []*gitlab.ProjectVariable{made}, all)
}

// If a group has no variable of a scope, GitLab changes one of another scope, and so does
// the fake.
func TestClientGoChangesAnotherGroupVariable(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := newClientGo(t, srv)
	_, response, err := client.GroupVariables.CreateVariable("group", &gitlab.CreateGroupVariableOptions{Key: new("TOKEN"), Value: new("everywhere")})
	requireStatus(t, http.StatusCreated, response, err)
	changed, response, err := client.GroupVariables.UpdateVariable("group", "TOKEN", &gitlab.UpdateGroupVariableOptions{
		Value: new("of production"), Filter: &gitlab.VariableFilter{EnvironmentScope: "production"},
	})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []string{"of production", "*"}, []string{changed.Value, changed.EnvironmentScope})
	response, err = client.GroupVariables.RemoveVariable("group", "TOKEN", nil)
	requireStatus(t, http.StatusNoContent, response, err)
	_, response, err = client.GroupVariables.GetVariable("group", "TOKEN", nil)
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, response.StatusCode)

	_, response, err = client.InstanceVariables.CreateVariable(&gitlab.CreateInstanceVariableOptions{Key: new("PROXY"), Value: new("http://proxy.example.com"), Masked: new(true)})
	requireStatus(t, http.StatusCreated, response, err)
	all, response, err := client.InstanceVariables.ListVariables(nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, all, 1)
	require.True(t, all[0].Masked)
	srv.AddUser(gitlabcitest.User{Username: "noor"})
	other, err := gitlab.NewClient(srv.AddToken(gitlabcitest.Token{Username: "noor"}), gitlab.WithBaseURL(gitlabcitest.URL), gitlab.WithHTTPClient(&http.Client{Transport: srv.Transport()}))
	require.NoError(t, err)
	_, response, err = other.InstanceVariables.ListVariables(nil)
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}
