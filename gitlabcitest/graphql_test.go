package gitlabcitest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// askGraphQL posts a query, and returns the status and the response.
func askGraphQL(t *testing.T, srv *gitlabcitest.Server, token, query string, variables map[string]any) (int, string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gitlabcitest.URL+"/api/graphql", strings.NewReader(string(body)))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Private-Token", token)
	}
	resp, err := (&http.Client{Transport: srv.Transport()}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(got)
}

func graphQLServer() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	first := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7, Ref: "main", Status: gitlabci.StatusFailed})
	first.AddJob(gitlabcitest.Job{ID: 70, Name: "unit", Stage: "test", Status: gitlabci.StatusFailed, Retried: true})
	first.AddJob(gitlabcitest.Job{ID: 71, Name: "unit", Stage: "test", Status: gitlabci.StatusFailed})
	first.AddJob(gitlabcitest.Job{ID: 72, Name: "lint", Stage: "test"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 8, Ref: "v1", Tag: true, Status: gitlabci.StatusSuccess})
	srv.AddProject("group/sub/lib")
	srv.AddPipeline("group/sub/lib", gitlabcitest.Pipeline{ID: 9})
	srv.AddProject("other/hidden")
	srv.AddUser(gitlabcitest.User{Username: "gus"})
	srv.AddMember("group/app", "gus", gitlabcitest.RoleGuest)
	srv.AddToken(gitlabcitest.Token{Value: "guests", Username: "gus", Scopes: []string{"read_api"}})
	return srv
}

func TestGraphQL(t *testing.T) {
	srv := graphQLServer()
	for query, want := range map[string]string{
		`{ project(fullPath: "group/app") { id name pipelines { count nodes { id iid status ref } } } }`: `{"project":{"id":"gid://gitlab/Project/1","name":"App","pipelines":{"count":2,"nodes":[
			{"id":"gid://gitlab/Ci::Pipeline/8","iid":"2","status":"SUCCESS","ref":"v1"},{"id":"gid://gitlab/Ci::Pipeline/7","iid":"1","status":"FAILED","ref":"main"}]}}}`,
		`{ a: project(fullPath: "group/app") { p: pipeline(iid: "1") { __typename jobs(retried: false, statuses: [FAILED]) { nodes { id stage { name } } } } } }`: `{"a":{"p":{"__typename":"Pipeline","jobs":{"nodes":[{"id":"gid://gitlab/Ci::Build/71","stage":{"name":"test"}}]}}}}`,
		`query Q($n: Int = 1, $no: Boolean = false) { project(fullPath: "group/app") { ...F name @include(if: $no) fullPath @skip(if: true) } }
			fragment F on Project { pipelines(first: $n) { pageInfo { hasNextPage endCursor } ... on PipelineConnection { nodes { sha @skip(if: true) id } } ... on Other { x } } }`: `{"project":{"pipelines":{"pageInfo":{"hasNextPage":true,"endCursor":"MQ=="},"nodes":[{"id":"gid://gitlab/Ci::Pipeline/8"}]}}}`,
		`{ project(fullPath: "group/app") { pipelines(after: "MQ==", first: 5) { nodes { id } pageInfo { hasNextPage hasPreviousPage } } } }`: `{"project":{"pipelines":{"nodes":[{"id":"gid://gitlab/Ci::Pipeline/7"}],"pageInfo":{"hasNextPage":false,"hasPreviousPage":true}}}}`,
		`{ project(fullPath: "group/app") { pipelines(status: FAILED, ref: "main") { count } } }`:                                             `{"project":{"pipelines":{"count":1}}}`,
		`{ group(fullPath: "group") { all: projects(includeSubgroups: true) { count } projects { nodes { fullPath } } } }`:                    `{"group":{"all":{"count":2},"projects":{"nodes":[{"fullPath":"group/app"}]}}}`,
		`{ project(fullPath: "1") { id } none: group(fullPath: "nowhere") { id } }`:                                                           `{"project":null,"none":null}`,
		`{ currentUser { username } metadata { version } }`:                                                                                   `{"currentUser":{"username":"maya"},"metadata":{"version":"19.5"}}`,
	} {
		status, got := askGraphQL(t, srv, srv.Token(), query, nil)
		require.Equal(t, 200, status, got)
		require.JSONEq(t, `{"data":`+want+`}`, got, query)
	}
}

func TestGraphQLErrors(t *testing.T) {
	srv := graphQLServer()
	for query, want := range map[string]string{
		`{ project(fullPath: "group/app") { speed } }`:                           `{"errors":[{"message":"Field 'speed' doesn't exist on type 'Project'","path":["project","speed"]}]}`,
		`{ project(name: "x") { id } }`:                                          `{"errors":[{"message":"Field 'project' doesn't accept argument 'name'","path":["project"]}]}`,
		`{ project(fullPath: "group/app") }`:                                     `{"errors":[{"message":"Field must have selections (field 'project' returns Project but has no selections)","path":["project"]}]}`,
		`{ metadata { version { x } } }`:                                         `{"errors":[{"message":"Selections can't be made on scalars (field 'version' of Metadata)","path":["metadata","version"]}]}`,
		`{ project(fullPath: $p) { id } }`:                                       `{"errors":[{"message":"Variable $p is used but not declared","path":["project"]}]}`,
		`query($p: ID!) { project(fullPath: $p) { id } }`:                        `{"errors":[{"message":"Variable $p was provided invalid value"}]}`,
		`{ ...F } fragment F on Query { ...F }`:                                  `{"errors":[{"message":"Fragment F contains an infinite loop"}]}`,
		`{ ...G }`:                                                               `{"errors":[{"message":"Fragment G was used, but not defined"}]}`,
		`mutation { a }`:                                                         `{"errors":[{"message":"The fake has no mutation"}]}`,
		`{ project(fullPath: "group/app") { pipelines(after: "?") { count } } }`: `{"data":{"project":{"pipelines":null}},"errors":[{"message":"the argument after is not a cursor of this list","path":["project","pipelines"]}]}`,
		`{`:                           `{"errors":[{"message":"Parse error on end of document"}]}`,
		`{ a(: 1) }`:                  `{"errors":[{"message":"Parse error on \":\" at line 1"}]}`,
		``:                            `{"errors":[{"message":"the document has no operation"}]}`,
		`{ a @deprecated(if: true) }`: `{"errors":[{"message":"Directive @deprecated is not defined"}]}`,
	} {
		status, got := askGraphQL(t, srv, srv.Token(), query, nil)
		require.Equal(t, 200, status, got)
		require.JSONEq(t, want, got, query)
	}
}

// A user who may not see a project, or its pipelines, sees none.
func TestGraphQLAccess(t *testing.T) {
	srv := graphQLServer()
	const query = `query($p: ID!) { project(fullPath: $p) { fullPath } currentUser { username } }`
	_, got := askGraphQL(t, srv, "guests", query, map[string]any{"p": "group/app"})
	require.JSONEq(t, `{"data":{"project":{"fullPath":"group/app"},"currentUser":{"username":"gus"}}}`, got)
	_, got = askGraphQL(t, srv, "guests", query, map[string]any{"p": "group/sub/lib"})
	require.JSONEq(t, `{"data":{"project":null,"currentUser":{"username":"gus"}}}`, got)
	_, got = askGraphQL(t, srv, "", query, map[string]any{"p": "group/app"})
	require.JSONEq(t, `{"data":{"project":null,"currentUser":null}}`, got)
	status, got := askGraphQL(t, srv, "wrong", query, nil)
	require.Equal(t, 401, status)
	require.JSONEq(t, `{"errors":[{"message":"Invalid token"}]}`, got)
}
