package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoGraphQL(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline(project, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	client := newClientGo(t, srv)
	var got struct {
		Data struct {
			Project *struct {
				Pipelines struct{ Nodes []struct{ Status string } }
			}
		}
		Errors []struct{ Message string }
	}
	query := gitlab.GraphQLQuery{
		Query:     `query($path: ID!) { project(fullPath: $path) { pipelines(first: 1) { nodes { status } } } }`,
		Variables: map[string]any{"path": project},
	}
	response, err := client.GraphQL.Do(query, &got)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "FAILED", got.Data.Project.Pipelines.Nodes[0].Status)
	query.Variables["path"] = "group/absent"
	got.Data.Project = nil
	response, err = client.GraphQL.Do(query, &got)
	requireStatus(t, http.StatusOK, response, err)
	require.Nil(t, got.Data.Project)
	require.Empty(t, got.Errors)
	response, err = client.GraphQL.Do(gitlab.GraphQLQuery{Query: "{ absent }"}, &got)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "Field 'absent' doesn't exist on type 'Query'", got.Errors[0].Message)
}
