package gitlabcitest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const projectNotFound = `{"message":"404 Project Not Found"}`

func TestVisibility(t *testing.T) {
	for name, test := range map[string]struct {
		settings                       gitlabcitest.Settings
		anonymous, stranger, guest, of int // of a reporter
		jobs                           int // of jobs, for a stranger
	}{
		"private":        {gitlabcitest.Settings{}, 404, 404, 200, 200, 404},
		"private builds": {gitlabcitest.Settings{PrivateBuilds: true}, 404, 404, 403, 200, 404},
		"public":         {gitlabcitest.Settings{Public: true}, 200, 200, 200, 200, 200},
		"public project, private builds": {
			gitlabcitest.Settings{Public: true, PrivateBuilds: true}, 403, 403, 403, 200, 403,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, reporter := withInes(gitlabcitest.RoleReporter, test.settings)
			srv.AddUser(gitlabcitest.User{Username: "zoe"})
			srv.AddMember("1", "gus", gitlabcitest.RoleGuest)
			stranger, guest := srv.AddToken(gitlabcitest.Token{Username: "zoe"}), srv.AddToken(gitlabcitest.Token{Username: "gus"})
			bodies := map[int]string{403: forbidden, 404: projectNotFound}
			for _, path := range []string{"/pipelines", "/pipelines/1", "/jobs/11/artifacts", "/jobs/artifacts/main/raw/a?job=archive"} {
				for header, want := range map[string]int{
					"anonymous":                  test.anonymous,
					"Private-Token: " + stranger: test.stranger,
					"Private-Token: " + guest:    test.guest,
					"Private-Token: " + reporter: test.of,
				} {
					r := send(t, srv, "GET", "/projects/group%2Fapp"+path, "", header)
					require.Equal(t, want, r.status, path+" "+header)
					if want != 200 {
						require.JSONEq(t, bodies[want], r.body)
					}
				}
			}
			for _, path := range []string{"/jobs", "/jobs/11", "/jobs/11/trace"} {
				require.Equal(t, 401, send(t, srv, "GET", "/projects/1"+path, "", "anonymous").status, "even if it is public")
				require.Equal(t, test.jobs, send(t, srv, "GET", "/projects/1"+path, "", "Private-Token: "+stranger).status)
			}
			for _, request := range []string{"POST /pipeline?ref=main", "POST /pipelines/1/retry", "DELETE /pipelines/1", "DELETE /artifacts"} {
				method, path, _ := strings.Cut(request, " ")
				require.Equal(t, 401, send(t, srv, method, "/projects/1"+path, "", "anonymous").status)
				r := send(t, srv, method, "/projects/1"+path, "", "Private-Token: "+stranger)
				require.Equal(t, map[bool]int{true: 403, false: 404}[test.settings.Public], r.status)
			}
		})
	}
}

// TestOrderOfChecks sends requests with several errors at the same time.
func TestOrderOfChecks(t *testing.T) {
	srv, token := withInes(gitlabcitest.RoleGuest, gitlabcitest.Settings{PrivateBuilds: true})
	srv.AddProject("group/hidden")
	for _, test := range []struct {
		name, request, header, want string
		status                      int
	}{
		{"the route before the token", "GET /nowhere", "Private-Token: x", `{"error":"404 Not Found"}`, 404},
		{"the token before parameters", "GET /projects/1/pipelines?per_page=0", "Private-Token: x", `{"message":"401 Unauthorized"}`, 401},
		{"no token before parameters", "POST /projects/1/pipeline", "anonymous", `{"message":"401 Unauthorized"}`, 401},
		{"parameters before the project", "GET /projects/9/pipelines?per_page=0", "", `{"error":"per_page has a value not allowed"}`, 400},
		{"parameters before rights", "POST /projects/1/pipeline", "", `{"error":"ref is missing"}`, 400},
		{"a hidden project before rights", "POST /projects/2/pipeline?ref=main", "", projectNotFound, 404},
		{"rights in the project before its jobs", "GET /projects/1/jobs/99", "", forbidden, 403},
		{"rights in the project before its pipelines", "GET /projects/1/pipelines/99/jobs", "", forbidden, 403},
		{"rights to cancel before the job", "POST /projects/1/jobs/99/cancel", "", forbidden, 403},
		{"rights to keep before the job", "POST /projects/1/jobs/99/artifacts/keep", "", forbidden, 403},
		{"rights to delete before the job", "DELETE /projects/1/jobs/99/artifacts", "", forbidden, 403},
		{"rights in the project before its logs", "GET /projects/1/jobs/99/trace", "", forbidden, 403},
		{"rights in the project before what can be played", "POST /projects/1/jobs/99/play", "", forbidden, 403},
		{"rights in the project before archives", "GET /projects/1/jobs/99/artifacts", "", forbidden, 403},
		{"rights in the project before trees", "GET /projects/1/jobs/99/artifacts/tree", "", forbidden, 403},
		{"rights in the project before files", "GET /projects/1/jobs/99/artifacts/a", "", forbidden, 403},
		{"rights in the project before archives by ref", "GET /projects/1/jobs/artifacts/x/download?job=x", "", forbidden, 403},
		{"rights in the project before files by ref", "GET /projects/1/jobs/artifacts/x/raw/a?job=x", "", forbidden, 403},
		{"rights in the project before bridges", "GET /projects/1/pipelines/99/bridges", "", forbidden, 403},
		{"rights in the project before trigger jobs", "GET /projects/1/pipelines/99/trigger_jobs", "", forbidden, 403},
		{"a pipeline before rights to it", "GET /projects/1/pipelines/99", "", `{"message":"404 Not found"}`, 404},
		{"a pipeline before rights to delete it", "DELETE /projects/1/pipelines/99", "", `{"message":"404 Not found"}`, 404},
		{"a pipeline before rights to rename it", "PUT /projects/1/pipelines/99/metadata?name=x", "", `{"message":"404 Not found"}`, 404},
		{"a job before rights to retry it", "POST /projects/1/jobs/99/retry", "", `{"message":"404 Not found"}`, 404},
		{"a job before rights to erase it", "POST /projects/1/jobs/99/erase", "", `{"message":"404 Not found"}`, 404},
		{"rights to erase before whether there is anything", "POST /projects/1/jobs/12/erase", "", forbidden, 403},
		{"rights to retry before whether it can be", "POST /projects/1/jobs/12/retry", "", forbidden, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			header := test.header
			if header == "" {
				header = "Private-Token: " + token
			}
			r := send(t, srv, method, path, "", header)
			require.Equal(t, test.status, r.status)
			require.JSONEq(t, test.want, r.body)
		})
	}
}

func TestArtifactsAccess(t *testing.T) {
	readable := []string{
		"/jobs/1/artifacts", "/jobs/1/artifacts/tree", "/jobs/1/artifacts/a", "/jobs/1/artifacts?file_type=junit",
		"/jobs/artifacts/main/download?job=test", "/jobs/artifacts/main/raw/a?job=test",
	}
	for least, want := range map[gitlabcitest.Role]int{
		0: 0, gitlabcitest.RoleDeveloper: 3, gitlabcitest.RoleMaintainer: 4, gitlabcitest.RoleNoOne: 6,
	} {
		srv := gitlabcitest.NewServer()
		report := &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
			{Name: "test", TestCases: []gitlabci.TestCase{{Name: "a"}}}, {Name: "other", TestCases: []gitlabci.TestCase{{Name: "b"}}},
		}}
		srv.AddPipeline("1", gitlabcitest.Pipeline{ID: 1, TestReport: report}).AddJob(gitlabcitest.Job{
			ID: 1, Artifacts: fstest.MapFS{"a": {}}, ArtifactsAccess: least, Status: gitlabci.StatusSuccess,
			Reports: map[gitlabci.ArtifactType][]byte{"junit": []byte("<testsuites/>")},
		})
		for i, one := range roles {
			srv.AddMember("1", "ines", one.role)
			token := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "ines"})
			for _, path := range readable {
				r := send(t, srv, "GET", "/projects/1"+path, "", token)
				require.Equal(t, i >= want, r.status == 200, path+" by "+one.name)
				if i < want {
					require.JSONEq(t, forbidden, r.body)
				}
			}
			tests := send(t, srv, "GET", "/projects/1/pipelines/1/test_report", "", token).object(t)
			require.EqualValues(t, map[bool]int{true: 2, false: 1}[i >= want], tests["total_count"])
			require.Len(t, tests["test_suites"], map[bool]int{true: 2, false: 1}[i >= want])
			summary := send(t, srv, "GET", "/projects/1/pipelines/1/test_report_summary", "", token).object(t)
			require.EqualValues(t, 2, summary.in("total")["count"], "which has no files behind it")
			require.Equal(t, 200, send(t, srv, "GET", "/projects/1/jobs/1", "", token).status)
		}
	}
}

func TestRetryKeepsTheSecrets(t *testing.T) {
	srv, token := withInes(gitlabcitest.RoleReporter, gitlabcitest.Settings{})
	srv.AddPipeline("1", gitlabcitest.Pipeline{ID: 9}).AddJob(gitlabcitest.Job{
		ID: 91, Debug: true, Status: gitlabci.StatusFailed, ArtifactsAccess: gitlabcitest.RoleMaintainer,
	})
	id := post(t, srv, "/projects/1/jobs/91/retry").object(t).id()
	for _, path := range []string{"/trace", "/artifacts"} {
		r := send(t, srv, "GET", "/projects/1/jobs/"+id+path, "", "Private-Token: "+token)
		require.Equal(t, 403, r.status)
		require.JSONEq(t, forbidden, r.body)
	}
	srv.OnCreate("1", gitlabcitest.Pipeline{}, gitlabcitest.Job{Debug: true})
	created := post(t, srv, "/projects/1/pipeline?ref=main").object(t).id()
	id = get(t, srv, "/projects/1/pipelines/"+created+"/jobs").list(t)[0].id()
	require.Equal(t, 403, send(t, srv, "GET", "/projects/1/jobs/"+id+"/trace", "", "Private-Token: "+token).status)
}

func TestRefreshingStats(t *testing.T) {
	const text = `{"message":"Action temporarily disabled. The project this pipeline belongs to is undergoing stats refresh."}`
	srv, token := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{RefreshingStats: true})
	for request, ok := range map[string]int{
		"DELETE /pipelines/3": 204, "POST /jobs/11/erase": 201, "DELETE /jobs/21/artifacts": 204, "DELETE /artifacts": 202,
	} {
		method, path, _ := strings.Cut(request, " ")
		r := send(t, srv, method, "/projects/1"+path, "", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT")
		require.Equal(t, 409, r.status, request)
		require.JSONEq(t, text, r.body)
		if request != "POST /jobs/11/erase" {
			require.Equal(t, 403, send(t, srv, method, "/projects/1"+path, "", "Private-Token: "+token).status, "rights come first")
		}
		srv.Configure("group/app", gitlabcitest.Settings{})
		require.Equal(t, ok, send(t, srv, method, "/projects/1"+path, "").status)
		srv.Configure("group/app", gitlabcitest.Settings{RefreshingStats: true})
	}
	r := post(t, srv, "/projects/1/jobs/12/erase")
	require.Equal(t, 403, r.status)
	require.JSONEq(t, `{"message":"403 Forbidden - Job is not erasable!"}`, r.body)
	require.Equal(t, 201, post(t, srv, "/projects/1/pipelines/1/retry").status)
}

func TestMovedProject(t *testing.T) {
	srv, token := withInes(gitlabcitest.RoleReporter, gitlabcitest.Settings{})
	srv.MoveProject("group/app", "team/tools/app")
	const path = "/projects/group%2Fapp/jobs/11/artifacts/a"
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := send(t, srv, method, path+"?x=1%2F2&private_token=y", "", "Private-Token: "+token)
		require.Equal(t, 301, r.status)
		want := "https://gitlab.example.com/api/v4/projects/1/jobs/11/artifacts/a?x=1%2F2&private_token=y"
		require.Equal(t, want, r.header.Get("Location"))
		require.Equal(t, "text/plain", r.header.Get("Content-Type"))
		if method == http.MethodGet {
			require.Equal(t, "This resource has been moved permanently to "+want, r.body)
		}
	}
	r := get(t, srv, "/projects/group%2Fapp/pipelines/1")
	require.Equal(t, "https://gitlab.example.com/api/v4/projects/1/pipelines/1", r.header.Get("Location"))
	for _, request := range []string{"POST /pipeline?ref=main", "PUT /pipelines/1/metadata?name=x", "DELETE /pipelines/1"} {
		method, below, _ := strings.Cut(request, " ")
		r := send(t, srv, method, "/projects/group%2Fapp"+below, "", "Private-Token: "+token)
		require.Equal(t, 405, r.status, "before rights")
		require.JSONEq(t, `{"message":"Non GET methods are not allowed for moved projects"}`, r.body)
	}
	srv.AddUser(gitlabcitest.User{Username: "zoe"})
	stranger := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "zoe"})
	for _, header := range []string{"anonymous", stranger} {
		r := send(t, srv, "GET", "/projects/group%2Fapp/pipelines", "", header)
		require.Equal(t, 404, r.status)
		require.JSONEq(t, projectNotFound, r.body)
	}
	for _, now := range []string{"1", "team%2Ftools%2Fapp"} {
		r := get(t, srv, "/projects/"+now+"/pipelines/1")
		require.Equal(t, "https://gitlab.example.com/team/tools/app/-/pipelines/1", r.object(t)["web_url"])
	}
	agents := send(t, srv, "GET", "/job/allowed_agents", "", "Job-Token: "+srv.JobToken(12)).object(t)
	require.Len(t, agents.in("project")["groups"], 2, "team and team/tools")
}

func TestMovedProjectsPath(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.MoveProject("1", "group/second")
	srv.MoveProject("group/second", "group/third")
	for _, old := range []string{"group%2Fapp", "group%2Fsecond"} {
		require.Equal(t, 301, get(t, srv, "/projects/"+old+"/pipelines").status)
	}
	id := srv.AddProject("group/app")
	require.Equal(t, 200, get(t, srv, "/projects/group%2Fapp/pipelines").status, "it is another project's path now")
	srv.MoveProject("group/app", "group/fourth")
	location := get(t, srv, "/projects/group%2Fapp/pipelines").header.Get("Location")
	require.Equal(t, "https://gitlab.example.com/api/v4/projects/"+strconv.FormatInt(id, 10)+"/pipelines", location)
	srv.MoveProject("group/third", "group/second")
	require.Equal(t, 200, get(t, srv, "/projects/group%2Fsecond/pipelines").status, "it is back")
}

func TestMineHidesAfterThePage(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	for _, project := range []string{"group/app", "group/lib"} {
		srv.AddMember(project, "ines", gitlabcitest.RoleDeveloper)
	}
	for i := range 4 {
		project := []string{"group/app", "group/lib", "group/lib", "group/app"}[i]
		srv.AddPipeline(project, gitlabcitest.Pipeline{ID: gitlabci.PipelineID(i + 1), Username: "ines", CreatedAt: day(i + 1)})
	}
	token := srv.AddToken(gitlabcitest.Token{Username: "ines"})
	srv.AddMember("group/lib", "ines", 0)
	var pages [][]int
	for path := "/pipelines?per_page=2"; path != ""; {
		r := send(t, srv, "GET", path, "", "Private-Token: "+token)
		pages = append(pages, r.ids(t))
		path = ""
		if next := r.header.Get("X-Next-Cursor"); next != "" {
			require.Contains(t, r.header.Get("Link"), `rel="next"`)
			path = "/pipelines?per_page=2&cursor=" + next
		}
	}
	require.Equal(t, [][]int{{4}, {1}}, pages)
	one := send(t, srv, "GET", "/pipelines?per_page=1&cursor="+
		send(t, srv, "GET", "/pipelines?per_page=1", "", "Private-Token: "+token).header.Get("X-Next-Cursor"), "", "Private-Token: "+token)
	require.Empty(t, one.list(t))
	require.NotEmpty(t, one.header.Get("Link"), "an empty page that is not the last")

	var all []gitlabci.PipelineID
	for p, err := range srv.Client(gitlabci.WithToken(token)).Pipelines.AllMine(t.Context(), nil) {
		require.NoError(t, err)
		all = append(all, p.ID)
	}
	require.Equal(t, []gitlabci.PipelineID{4, 1}, all)
}

func TestUsersInResponses(t *testing.T) {
	srv := gitlabcitest.NewServer()
	require.EqualValues(t, 2, srv.AddUser(gitlabcitest.User{Username: "ines", Blocked: true}))
	srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines"})
	p.AddJob(gitlabcitest.Job{ID: 1})
	require.Equal(t, "blocked", get(t, srv, "/projects/1/pipelines/101").object(t).in("user")["state"])
	require.Equal(t, "blocked", get(t, srv, "/projects/1/jobs/1").object(t).in("user")["state"])

	token := srv.AddToken(gitlabcitest.Token{Username: srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "zoe"}).Username})
	r := send(t, srv, "POST", "/projects/1/pipeline?ref=main", "", "Private-Token: "+token)
	require.Equal(t, "zoe", r.object(t).in("user")["username"])
	require.Equal(t, "active", r.object(t).in("user")["state"])
	require.Equal(t, []int{103, 102}, send(t, srv, "GET", "/pipelines", "", "Private-Token: "+token).ids(t))
}

func TestRolesOfAgents(t *testing.T) {
	for role, want := range map[gitlabcitest.Role]string{
		0: "", 10: "guest", 15: "guest planner", 20: "guest planner reporter", 30: "guest planner reporter developer security_manager",
		40: "guest planner reporter developer security_manager maintainer",
		50: "guest planner reporter developer security_manager maintainer owner",
	} {
		srv := gitlabcitest.NewServer()
		srv.AddMember("group/app", "ines", role)
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines"}).AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusRunning})
		r := send(t, srv, "GET", "/job/allowed_agents", "", "Job-Token: "+srv.JobToken(1))
		got := []string{}
		for _, word := range r.object(t).in("user")["roles_in_project"].([]any) {
			got = append(got, word.(string))
		}
		require.Equal(t, want, strings.Join(got, " "))
	}
}
