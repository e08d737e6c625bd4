package gitlabcitest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// twoProjects has the job 1 of ines running in group/app, and in group/lib,
// whose ID is 2, the pipeline 5 with the job 51.
func twoProjects(role gitlabcitest.Role, settings gitlabcitest.Settings) (*gitlabcitest.Server, string) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
	srv.AddMember("group/lib", "ines", role)
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines"}).AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusRunning})
	srv.AddPipeline("group/lib", gitlabcitest.Pipeline{ID: 5}).AddJob(gitlabcitest.Job{ID: 51, Artifacts: fstest.MapFS{"a": {}}})
	srv.Configure("group/lib", settings)
	return srv, "Job-Token: " + srv.JobToken(1)
}

// ofPolicies are the requests that a job's token does in another project, by
// what it is granted there.
var ofPolicies = map[string][]string{
	"read_pipelines": {
		"GET /pipelines", "GET /pipelines/5", "GET /pipelines/5/bridges", "GET /pipelines/5/trigger_jobs",
	},
	"read_jobs": {
		"GET /pipelines/5/jobs", "GET /jobs", "GET /jobs/51/artifacts", "GET /jobs/51/artifacts/tree", "GET /jobs/51/artifacts/a",
		"GET /jobs/artifacts/main/download?job=test", "GET /jobs/artifacts/main/raw/a?job=test",
	},
	"admin_pipelines": {"PUT /pipelines/5/metadata?name=x"},
}

func TestJobTokenOfAnotherProject(t *testing.T) {
	const foreign = `{"message":"403 Forbidden - Authentication by CI/CD job token not allowed from group/app to project #2."}`
	listed := gitlabcitest.Settings{JobTokensFrom: []string{"group/app"}}
	for name, test := range map[string]struct {
		role               gitlabcitest.Role
		settings           gitlabcitest.Settings
		reads, writes      int
		readText, mayWrite string
	}{
		"not let in":               {gitlabcitest.RoleOwner, gitlabcitest.Settings{}, 403, 403, foreign, foreign},
		"let in":                   {gitlabcitest.RoleDeveloper, listed, 200, 200, "", ""},
		"let in by ID":             {gitlabcitest.RoleDeveloper, gitlabcitest.Settings{JobTokensFrom: []string{"1"}}, 200, 200, "", ""},
		"with the user's role":     {gitlabcitest.RoleReporter, listed, 200, 403, "", forbidden},
		"of no member":             {0, listed, 403, 403, foreign, foreign},
		"of public projects":       {0, gitlabcitest.Settings{Public: true}, 200, 403, "", forbidden},
		"whatever the user's role": {gitlabcitest.RoleOwner, gitlabcitest.Settings{Public: true}, 200, 403, "", forbidden},
		"but not of private builds": {
			gitlabcitest.RoleOwner, gitlabcitest.Settings{Public: true, PrivateBuilds: true}, 403, 403, forbidden, forbidden,
		},
		"let in to public projects": {
			gitlabcitest.RoleDeveloper, gitlabcitest.Settings{Public: true, JobTokensFrom: []string{"1"}}, 200, 200, "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, token := twoProjects(test.role, test.settings)
			for policy, requests := range ofPolicies {
				want, text := test.reads, test.readText
				if policy == "admin_pipelines" {
					want, text = test.writes, test.mayWrite
				}
				for _, request := range requests {
					method, path, _ := strings.Cut(request, " ")
					r := send(t, srv, method, "/projects/2"+path, "", token)
					require.Equal(t, want, r.status, request+r.body)
					if text != "" {
						require.JSONEq(t, text, r.body)
					}
				}
			}
		})
	}
}

func TestJobTokenPolicies(t *testing.T) {
	for granted := range ofPolicies {
		srv, token := twoProjects(gitlabcitest.RoleOwner, gitlabcitest.Settings{
			JobTokensFrom: []string{"group/app"}, JobTokenPolicies: []string{granted},
		})
		for policy, requests := range ofPolicies {
			for _, request := range requests {
				method, path, _ := strings.Cut(request, " ")
				r := send(t, srv, method, "/projects/2"+path, "", token)
				if policy == granted {
					require.Equal(t, 200, r.status, request)
					continue
				}
				require.Equal(t, 403, r.status, request)
				require.JSONEq(t, `{"message":"403 Forbidden - Insufficient permissions to access this resource in project #2. `+
					`The following token permission is required: `+policy+`."}`, r.body)
			}
		}
		srv.Configure("group/app", gitlabcitest.Settings{JobTokenPolicies: []string{}})
		require.Equal(t, 200, send(t, srv, "GET", "/projects/1/jobs", "", token).status, "its own project asks for none")
	}
}

func TestJobTokenHasItsUsersRole(t *testing.T) {
	srv, token := twoProjects(0, gitlabcitest.Settings{})
	rename := func() int {
		return send(t, srv, "PUT", "/projects/1/pipelines/101/metadata?name=x", "", token).status
	}
	require.Equal(t, 200, rename())
	srv.AddMember("group/app", "ines", gitlabcitest.RoleReporter)
	require.Equal(t, 403, rename())
	require.Equal(t, 200, send(t, srv, "GET", "/projects/1/pipelines", "", token).status)
	srv.Configure("group/app", gitlabcitest.Settings{PrivateBuilds: true})
	srv.AddMember("group/app", "ines", gitlabcitest.RoleGuest)
	r := send(t, srv, "GET", "/projects/1/pipelines", "", token)
	require.Equal(t, 403, r.status)
	require.JSONEq(t, forbidden, r.body)
	require.Equal(t, 200, send(t, srv, "GET", "/job", "", token).status)
	srv.AddMember("group/app", "ines", 0)
	r = send(t, srv, "GET", "/projects/1/pipelines", "", token)
	require.JSONEq(t, `{"message":"403 Forbidden - Authentication by CI/CD job token not allowed from group/app to project #1."}`, r.body)
}

func TestJobTokenOrder(t *testing.T) {
	srv, token := twoProjects(gitlabcitest.RoleGuest, gitlabcitest.Settings{PrivateBuilds: true})
	r := send(t, srv, "GET", "/projects/2/jobs", "", token)
	require.Contains(t, r.body, "Authentication by CI/CD job token", "before rights in the project")
	srv.MoveProject("group/lib", "group/old")
	require.Equal(t, 301, send(t, srv, "GET", "/projects/group%2Flib/jobs", "", token).status, "where it is comes first")
	require.Equal(t, 405, send(t, srv, "PUT", "/projects/group%2Flib/pipelines/5/metadata?name=x", "", token).status)
	require.Equal(t, 404, send(t, srv, "GET", "/projects/9/pipelines", "", token).status)
	srv.Configure("2", gitlabcitest.Settings{PrivateBuilds: true, JobTokensFrom: []string{"1"}, JobTokenPolicies: []string{}})
	r = send(t, srv, "GET", "/projects/2/jobs", "", token)
	require.Contains(t, r.body, "Insufficient permissions to access", "before rights, too")
}

// TestJobTokenWhereItDoesNotCount is about routes that do not look at it, so
// that who sends one is nobody.
func TestJobTokenWhereItDoesNotCount(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	token := "Job-Token: " + srv.JobToken(1)
	for path, want := range map[string][2]int{
		"/projects/1/pipelines/latest":          {404, 200},
		"/projects/1/pipelines/101/test_report": {404, 200},
		"/projects/1/pipelines/101/variables":   {404, 403},
		"/projects/1/jobs/1":                    {401, 401},
		"/pipelines":                            {401, 401},
	} {
		srv.Configure("group/app", gitlabcitest.Settings{})
		require.Equal(t, want[0], send(t, srv, "GET", path, "", token).status, path)
		srv.Configure("group/app", gitlabcitest.Settings{Public: true})
		require.Equal(t, want[1], send(t, srv, "GET", path, "", token).status, path)
		require.Equal(t, want[1], send(t, srv, "GET", path, "", "Job-Token: other").status, path)
	}
}
