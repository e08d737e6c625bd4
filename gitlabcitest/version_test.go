package gitlabcitest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// aged is a server of a release: "" is the default.
func aged(release string) *gitlabcitest.Server {
	if release == "" {
		return gitlabcitest.NewServer()
	}
	return gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
}

// inhabited is a server of a release with the pipelines 1, 2 and 3, the jobs
// 11 to 14 of pipeline 2, of which 14 is a trigger job that started pipeline 3.
func inhabited(release string) *gitlabcitest.Server {
	srv := aged(release)
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1, CreatedAt: day(1), UpdatedAt: day(1), Name: "nightly", Source: gitlabci.SourceWeb})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		ID: 2, CreatedAt: day(2), UpdatedAt: day(3), Name: "maya", Username: "zoe", Status: gitlabci.StatusFailed, Coverage: new(30.0),
		StartedAt: day(2), FinishedAt: day(2).Add(90_500e6), Variables: []*gitlabci.Variable{{Key: "A"}},
	})
	p.AddJob(gitlabcitest.Job{ID: 11, Status: gitlabci.StatusFailed, Tags: []string{"linux"}})
	p.AddJob(gitlabcitest.Job{ID: 12, Name: "build", Log: "0123456789", Artifacts: fstest.MapFS{"tree": {Data: []byte("oak")}, "a": {}}})
	p.AddJob(gitlabcitest.Job{ID: 13, Name: "deploy", Status: gitlabci.StatusManual})
	child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 3, CreatedAt: day(2), UpdatedAt: day(2), Source: gitlabci.SourceParentPipeline, Username: "zoe"})
	p.AddTriggerJob(gitlabcitest.Job{ID: 14, Name: "child", Downstream: child})
	return srv
}

func TestVersionMisuse(t *testing.T) {
	for release, want := range map[string]string{
		"":       `"" is not a release such as "19.5"`,
		"19":     `"19" is not a release such as "19.5"`,
		"v15.4":  `"v15.4" is not a release such as "19.5"`,
		"15.4.1": `"15.4.1" is not a release such as "19.5"`,
		"15.04":  `"15.04" is not a release such as "19.5"`,
		"15.100": `"15.100" is not a release such as "19.5"`,
		"-15.4":  `"-15.4" is not a release such as "19.5"`,
		"19.6":   "19.6 is newer than 19.5, the newest release that is known",
		"20.0":   "20.0 is newer than 19.5, the newest release that is known",
		"10.8":   "10.8 is older than 11.0, the oldest release that is known",
	} {
		require.PanicsWithValue(t, "gitlabcitest: WithVersion: "+want, func() { gitlabcitest.WithVersion(release) }, release)
	}
	for _, release := range []string{"11.0", "15.11", "19.5"} {
		require.Equal(t, 200, get(t, aged(release), "/projects/1/pipelines").status)
	}

	old := inhabited("16.11")
	for want, mistake := range map[string]func(){
		`AddPipeline: GitLab 16.11 has no status "canceling"`: func() {
			old.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusCanceling})
		},
		`AddJob: GitLab 16.11 has no status "canceling"`: func() {
			old.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusCanceling})
		},
		`AddTriggerJob: GitLab 16.11 has no status "canceling"`: func() {
			old.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddTriggerJob(gitlabcitest.Job{Status: gitlabci.StatusCanceling})
		},
		`OnCreate: GitLab 16.11 has no status "canceling"`: func() {
			old.OnCreate("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusCanceling})
		},
		`OnCreate: GitLab 11.0 has no status "scheduled"`: func() {
			aged("11.0").OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Status: gitlabci.StatusScheduled})
		},
		`Fault: there is no Route "GET /pipelines"`: func() {
			old.Fault(gitlabcitest.Fault{Route: "GET /pipelines", Status: 500})
		},
	} {
		require.PanicsWithValue(t, "gitlabcitest: "+want, mistake)
	}
	current := inhabited("17.0")
	current.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusCanceling}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusCanceling})
	current.AddPipeline("group/app", gitlabcitest.Pipeline{Status: "brand_new"})
}

func TestVersionRoutes(t *testing.T) {
	tests := []struct{ last, first, request string }{
		{"12.2", "12.3", "GET /projects/1/pipelines/latest"},
		{"12.11", "13.0", "GET /projects/1/pipelines/2/test_report"},
		{"14.1", "14.2", "GET /projects/1/pipelines/2/test_report_summary"},
		{"16.5", "16.6", "PUT /projects/1/pipelines/2/metadata?name=x"},
		{"19.1", "19.2", "GET /projects/1/pipelines/2/trigger_jobs"},
		{"19.2", "19.3", "GET /pipelines"},
		{"18.7", "18.8", "GET /projects/1/jobs/12/artifacts/tree"},
		{"11.10", "11.11", "GET /projects/1/pipelines/2/variables"},
		{"11.5", "11.6", "DELETE /projects/1/pipelines/1"},
		{"13.9", "13.10", "GET /job"},
		{"14.1", "14.2", "GET /job/allowed_agents"},
	}
	// What is no route can be something else: the file of a name, a pipeline
	// whose ID is no number, or another method of a path.
	otherwise := map[string]reply{
		"GET /projects/1/jobs/12/artifacts/tree": {status: 200, body: "oak"},
		"GET /projects/1/pipelines/latest":       {status: 400, body: `{"error":"pipeline_id is invalid"}`},
		"DELETE /projects/1/pipelines/1":         {status: 405, body: `{"error":"405 Not Allowed"}`},
	}
	for _, test := range tests {
		t.Run(test.request, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			want := reply{status: 404, body: `{"error":"404 Not Found"}`}
			if other, ok := otherwise[test.request]; ok {
				want = other
			}
			srv := inhabited(test.last)
			got := send(t, srv, method, path, "")
			require.Equal(t, want, reply{status: got.status, body: got.body})

			before := got.body
			for _, release := range []string{test.first, "19.5", ""} {
				got = send(t, inhabited(release), method, path, "")
				require.NotEqual(t, before, got.body, release)
				require.NotEqual(t, 405, got.status, release)
				require.NotContains(t, got.body, `{"error"`, release)
			}
		})
	}
	srv := aged("19.2")
	get(t, srv, "/pipelines")
	require.Equal(t, "", srv.Requests()[0].Route)
	aged("19.3").Fault(gitlabcitest.Fault{Route: "GET /pipelines", Status: 500})
}

func TestVersionFilters(t *testing.T) {
	const all, jobs = "/projects/1/pipelines?", "/projects/1/jobs?"
	for _, test := range []struct {
		last, first, path string
		ignored, heeded   []int
	}{
		{"14.2", "14.3", all + "source=web", []int{2, 1}, []int{1}},
		{"14.2", "17.0", all + "source=parent_pipeline", []int{2, 1}, []int{3}},
		{"16.11", "17.0", all + "source=parent_pipeline", []int{}, []int{3}},
		{"16.11", "17.0", all + "created_after=2024-03-02T00:00:00Z", []int{2, 1}, []int{2}},
		{"16.11", "17.0", all + "created_before=2024-03-02T00:00:00Z", []int{2, 1}, []int{1}},
		{"15.10", "15.11", all + "name=Maya", []int{1}, []int{}},
		{"15.10", "15.11", all + "name=maya", []int{}, []int{2}},
		{"19.0", "19.1", jobs + "ref=none", []int{13, 12, 11}, []int{}},
		{"15.8", "15.9", jobs + "pagination=keyset&cursor=eyJpZCI6IjEyIiwiX2tkIjoibiJ9", []int{13, 12, 11}, []int{11}},
	} {
		for release, want := range map[string][]int{test.last: test.ignored, test.first: test.heeded, "": test.heeded} {
			require.Equal(t, want, get(t, inhabited(release), test.path).ids(t), "%s in %q", test.path, release)
		}
	}
}

func TestVersionValidation(t *testing.T) {
	for _, test := range []struct{ last, first, request, complaint string }{
		{"14.2", "14.3", "GET /projects/1/pipelines?source=x", "source does not have a valid value"},
		{"16.11", "17.0", "GET /projects/1/pipelines?created_after=x", "created_after is invalid"},
		{"16.11", "17.0", "GET /projects/1/pipelines?created_before=x", "created_before is invalid"},
		{"17.9", "17.10", "POST /projects/1/pipeline?ref=main&inputs=x", "inputs is invalid"},
		{"19.4", "19.5", "POST /projects/1/pipeline?ref=main&variables[]=x", "variables[0] is not an object"},
		{"15.8", "15.9", "GET /projects/1/jobs?pagination=keyset&cursor=x", "cursor is invalid"},
		{"15.8", "15.9", "GET /projects/1/jobs?pagination=keyset&order_by=name", "Keyset pagination is not yet available for this type of request"},
		{"15.8", "15.9", "GET /projects/1/jobs?pagination=keyset&sort=asc", "Keyset pagination is not yet available for this type of request"},
		{"17.9", "17.10", "POST /projects/1/jobs/11/cancel?force=x", "force is invalid"},
		{"18.9", "18.10", "POST /projects/1/jobs/11/retry?inputs=x", "inputs is invalid"},
		{"18.9", "18.10", "POST /projects/1/jobs/13/play?job_inputs=x", "job_inputs is invalid"},
		{"19.0", "19.1", "GET /projects/1/jobs/12/trace?byte_limit=0", "byte_limit does not have a valid value"},
		{"19.0", "19.1", "GET /projects/1/jobs/12/trace?byte_offset=-1", "byte_offset does not have a valid value"},
		{"19.3", "19.4", "GET /projects/1/jobs/12/artifacts?file_type=x", "file_type does not have a valid value"},
		{"19.3", "19.4", "GET /projects/1/jobs/12/artifacts?download_mode=x", "download_mode does not have a valid value"},
	} {
		t.Run(test.request, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			require.Less(t, send(t, inhabited(test.last), method, path, "").status, 300)
			for _, release := range []string{test.first, ""} {
				require.Equal(t, object{"error": test.complaint}, send(t, inhabited(release), method, path, "").object(t), release)
			}
		})
	}
}

func TestVersionArtifactsByRef(t *testing.T) {
	for _, test := range []struct{ last, first, path string }{
		{"18.6", "18.7", "/projects/1/jobs/artifacts/main/download?job=build&search_recent_successful_pipelines=x"},
		{"18.8", "18.9", "/projects/1/jobs/artifacts/main/raw/a?job=build&search_recent_successful_pipelines=x"},
		{"19.3", "19.4", "/projects/1/jobs/artifacts/main/download?job=build&download_mode=x"},
	} {
		for release, complains := range map[string]bool{test.last: false, test.first: true, "": true} {
			srv := aged(release)
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "build", Artifacts: fstest.MapFS{"a": {}}})
			r := get(t, srv, test.path)
			require.Equal(t, complains, r.status == 400, "%s in %q", test.path, release)
		}
	}
}

func TestVersionStatuses(t *testing.T) {
	for status, test := range map[string]struct{ last, first string }{
		"scheduled":            {"11.3", "11.4"},
		"preparing":            {"11.9", "11.10"},
		"waiting_for_resource": {"12.6", "12.7"},
		"waiting_for_callback": {"16.7", "16.8"},
		"canceling":            {"16.11", "17.0"},
		"created":              {"", "11.0"},
		"manual":               {"", "11.0"},
	} {
		for _, path := range []string{
			"/projects/1/pipelines?status=", "/projects/1/jobs?scope[]=", "/projects/1/jobs?scope[a]=",
			"/projects/1/pipelines/2/jobs?scope=", "/projects/1/pipelines/2/bridges?scope[]=",
		} {
			require.Equal(t, 200, get(t, inhabited(test.first), path+status).status, path+status)
			if test.last != "" {
				require.Equal(t, 400, get(t, inhabited(test.last), path+status).status, path+status)
			}
		}
	}
}

func TestVersionForce(t *testing.T) {
	srv := inhabited("17.9")
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 21, Status: gitlabci.StatusRunning})
	require.Equal(t, "canceled", post(t, srv, "/projects/1/jobs/21/cancel?force=true").object(t)["status"])
	srv = inhabited("17.10")
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 21, Status: gitlabci.StatusRunning})
	require.Equal(t, "running", post(t, srv, "/projects/1/jobs/21/cancel?force=true").object(t)["status"])
}

func TestVersionRetriesOfTriggerJobs(t *testing.T) {
	r := post(t, inhabited("16.11"), "/projects/1/jobs/14/retry")
	require.Equal(t, 404, r.status)
	require.JSONEq(t, `{"message":"404 Not found"}`, r.body)
	require.Equal(t, 201, post(t, inhabited("16.11"), "/projects/1/jobs/11/retry").status)
	require.Equal(t, 201, post(t, inhabited("17.0"), "/projects/1/jobs/14/retry").status)
}

func TestVersionLogs(t *testing.T) {
	for release, want := range map[string]string{"19.0": "0123456789", "19.1": "345", "": "345"} {
		require.Equal(t, want, get(t, inhabited(release), "/projects/1/jobs/12/trace?byte_offset=3&byte_limit=3").body)
	}
}

func TestVersionVariables(t *testing.T) {
	body := `{"ref":"main","variables":["x",{"key":"A","value":"1"}]}`
	srv := aged("19.4")
	r := send(t, srv, http.MethodPost, "/projects/1/pipeline", body, "Content-Type: application/json")
	require.Equal(t, 201, r.status)
	list := get(t, srv, "/projects/1/pipelines/"+r.object(t).id()+"/variables").list(t)
	require.Len(t, list, 1)
	require.Equal(t, "A", list[0]["key"])
	r = send(t, srv, http.MethodPost, "/projects/1/pipeline", `{"ref":"main","variables":"x"}`, "Content-Type: application/json")
	require.JSONEq(t, `{"error":"variables is invalid"}`, r.body)
}

func TestVersionTotals(t *testing.T) {
	r := get(t, inhabited("12.11"), "/projects/1/jobs?per_page=2")
	require.Equal(t, []string{"3"}, r.header.Values("X-Total"))
	require.Contains(t, links(t, r, "/projects/1/jobs"), "last")
	r = get(t, inhabited("13.0"), "/projects/1/jobs?per_page=2")
	require.Empty(t, r.header.Values("X-Total"))
	require.NotContains(t, links(t, r, "/projects/1/jobs"), "last")
	// What is not known is repeated like anything else that is not.
	r = get(t, inhabited("15.8"), "/projects/1/jobs?pagination=keyset&order_by=id&per_page=2")
	require.Equal(t, "id=1&order_by=id&page=2&pagination=keyset&per_page=2", links(t, r, "/projects/1/jobs")["next"])
}

// A release that does not look for the token of a job takes its sender for
// nobody, who sees no project.
func TestVersionJobTokens(t *testing.T) {
	for _, test := range []struct{ last, first, request string }{
		{"17.11", "18.0", "GET /projects/1/pipelines"},
		{"17.11", "18.0", "GET /projects/1/pipelines/2"},
		{"17.11", "18.0", "GET /projects/1/pipelines/2/bridges"},
		{"", "19.2", "GET /projects/1/pipelines/2/trigger_jobs"},
		{"", "11.0", "GET /projects/1/pipelines/2/jobs"},
		{"", "11.0", "GET /projects/1/jobs"},
		{"", "16.6", "PUT /projects/1/pipelines/2/metadata?name=x"},
	} {
		for release, want := range map[string]int{test.last: 404, test.first: 200} {
			if release == "" {
				continue
			}
			srv := inhabited(release)
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 21, Status: gitlabci.StatusRunning})
			method, path, _ := strings.Cut(test.request, " ")
			require.Equal(t, want, send(t, srv, method, path, "", "Job-Token: "+srv.JobToken(21)).status, "%s in %s", test.request, release)
		}
	}
}

func TestVersionKeys(t *testing.T) {
	const (
		basic = "id sha ref status created_at updated_at web_url"
		whole = basic + " before_sha tag yaml_errors user started_at finished_at committed_at duration coverage"
		job   = "id status stage name ref tag coverage allow_failure created_at started_at finished_at duration user commit pipeline web_url"
		more  = " artifacts artifacts_expire_at runner"
	)
	for _, test := range []struct{ release, basic, listed, whole, jobBasic, job string }{
		{"11.0", "", "", "", "", ""},
		{"12.0", "", "", "detailed_status", "", ""},
		{"13.9", "", "", "detailed_status", "", ""},
		{"13.10", "project_id", "", "detailed_status", "", ""},
		{"13.11", "project_id", "", "detailed_status queued_duration", "queued_duration", ""},
		{"13.12", "project_id", "", "detailed_status queued_duration", "queued_duration", "tag_list"},
		{"14.2", "project_id", "", "detailed_status queued_duration", "queued_duration", "tag_list"},
		{"14.3", "project_id source", "", "detailed_status queued_duration", "queued_duration", "tag_list"},
		{"14.5", "project_id source", "", "detailed_status queued_duration", "queued_duration", "tag_list"},
		{"14.6", "project_id source iid", "", "detailed_status queued_duration", "queued_duration failure_reason", "tag_list"},
		{"15.6", "project_id source iid", "", "detailed_status queued_duration", "queued_duration failure_reason", "tag_list"},
		{"15.7", "project_id source iid", "", "detailed_status queued_duration", "queued_duration failure_reason project", "tag_list"},
		{"15.10", "project_id source iid", "", "detailed_status queued_duration", "queued_duration failure_reason project", "tag_list"},
		{"15.11", "project_id source iid", "", "detailed_status queued_duration", "queued_duration failure_reason project erased_at", "tag_list"},
		{"16.2", "project_id source iid", "", "detailed_status queued_duration", "queued_duration failure_reason project erased_at", "tag_list"},
		{"16.3", "project_id source iid", "name", "detailed_status queued_duration", "queued_duration failure_reason project erased_at", "tag_list runner_manager"},
		{"16.10", "project_id source iid", "name", "detailed_status queued_duration", "queued_duration failure_reason project erased_at", "tag_list runner_manager"},
		{"16.11", "project_id source iid", "name", "detailed_status queued_duration", "queued_duration failure_reason project erased_at", "tag_list runner_manager archived"},
		{"17.11", "project_id source iid", "name", "detailed_status queued_duration", "queued_duration failure_reason project erased_at", "tag_list runner_manager archived"},
		{"18.0", "project_id source iid", "name", "detailed_status queued_duration archived", "queued_duration failure_reason project erased_at", "tag_list runner_manager archived"},
		{"19.5", "project_id source iid", "name", "detailed_status queued_duration archived", "queued_duration failure_reason project erased_at", "tag_list runner_manager archived"},
	} {
		t.Run(test.release, func(t *testing.T) {
			srv := inhabited(test.release)
			requireKeys(t, basic+" "+test.basic+" "+test.listed, get(t, srv, "/projects/1/pipelines").list(t)[0])
			requireKeys(t, whole+" "+test.basic+" "+test.listed+" "+test.whole, get(t, srv, "/projects/1/pipelines/2").object(t))
			requireKeys(t, whole+" "+test.basic+" "+test.whole, post(t, srv, "/projects/1/pipelines/1/cancel").object(t))
			o := get(t, srv, "/projects/1/jobs/11").object(t)
			requireKeys(t, job+more+" "+test.jobBasic+" "+test.job, o)
			requireKeys(t, basic+" "+test.basic, o.in("pipeline"))
			o = get(t, srv, "/projects/1/pipelines/2/bridges").list(t)[0]
			requireKeys(t, strings.Replace(job+" downstream_pipeline "+test.jobBasic, " failure_reason", "", 1), o)
			requireKeys(t, basic+" "+test.basic, o.in("downstream_pipeline"))
		})
	}
	mine := basicKeys + " name"
	requireKeys(t, mine, get(t, inhabited("19.3"), "/pipelines").list(t)[0])
	requireKeys(t, mine+" project started_at finished_at duration queued_duration detailed_status", get(t, inhabited("19.4"), "/pipelines").list(t)[0])
}

func TestVersionUsers(t *testing.T) {
	for release, want := range map[string][2]bool{"16.4": {false, true}, "16.5": {true, true}, "17.7": {true, true}, "17.8": {true, false}, "19.5": {true, false}} {
		user := get(t, inhabited(release), "/projects/1/jobs/11").object(t).in("user")
		_, locked := user["locked"]
		skype, known := user["skype"]
		require.Equal(t, want, [2]bool{locked, known}, release)
		require.Equal(t, known, skype == "", release)
	}
}

func TestVersionValues(t *testing.T) {
	tests := []struct {
		release, path, key string
		want               any
	}{
		{"14.10", "pipelines/2", "coverage", "30.0"},
		{"15.0", "pipelines/2", "coverage", "30.00"},
		{"14.10", "pipelines/4", "coverage", "33.333"},
		{"15.0", "pipelines/4", "coverage", "33.33"},
		{"14.10", "pipelines/1", "coverage", nil},
		{"11.0", "pipelines/2", "duration", 90.0},
		{"14.10", "pipelines/2", "duration", 90.0},
		{"15.0", "pipelines/2", "duration", 90.0},
		{"13.11", "pipelines/4", "queued_duration", 0.0},
		{"15.0", "pipelines/4", "queued_duration", 0.0},
		{"14.10", "pipelines/3", "duration", 0.0},
		{"11.0", "jobs/11", "failure_reason", nil},
		{"14.6", "jobs/11", "failure_reason", "script_failure"},
	}
	for _, test := range tests {
		srv := inhabited(test.release)
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 4, Coverage: new(33.333), QueuedDuration: 250e6})
		require.Equal(t, test.want, get(t, srv, "/projects/1/"+test.path).object(t)[test.key], test)
	}
	for release, want := range map[string]string{"16.3": "failed", "16.4": "Failed"} {
		status := get(t, inhabited(release), "/projects/1/pipelines/2").object(t).in("detailed_status")
		require.Equal(t, want, status["text"])
		require.Equal(t, "failed", status["label"])
	}
}

// Between 19.4 and 19.5 no field changed, and so every response of the older one
// is, key by key, that of the newer one, which takes a shorter way.
func TestVersionsAgree(t *testing.T) {
	for _, request := range []string{
		"GET /projects/1/pipelines", "GET /projects/1/pipelines/2", "GET /projects/1/pipelines/latest", "GET /pipelines",
		"GET /projects/1/jobs", "GET /projects/1/jobs/11", "GET /projects/1/jobs/12", "GET /projects/1/jobs/12/trace",
		"GET /projects/1/pipelines/2/jobs?scope=manual", "GET /projects/1/pipelines/2/jobs?scope=running",
		"GET /projects/1/pipelines/2/trigger_jobs", "GET /projects/1/pipelines/2/variables", "GET /projects/1/pipelines/2/test_report",
		"GET /projects/1/pipelines/2/test_report_summary", "GET /projects/1/jobs/12/artifacts/tree", "GET /projects/1/jobs/12/artifacts/tree?path=x",
		"GET /projects/9/jobs", "GET /projects/1/jobs?scope=x", "DELETE /projects/1/pipelines/1", "DELETE /projects/1/artifacts",
		"POST /projects/1/jobs/14/retry", "POST /projects/1/pipeline?ref=none",
	} {
		t.Run(request, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // at one and the same time
				method, path, _ := strings.Cut(request, " ")
				want := send(t, inhabited(""), method, path, "")
				for _, release := range []string{"19.4", "19.5"} {
					got := send(t, inhabited(release), method, path, "")
					require.Equal(t, want.status, got.status)
					require.Equal(t, want.body, got.body)
				}
			})
		})
	}
}

func TestScriptsOnOldServers(t *testing.T) {
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("11.5"))
	pipeline := old.AddPipeline("group/app", gitlabcitest.Pipeline{})
	for status, j := range map[string]gitlabcitest.Job{
		"preparing":            {Script: gitlabcitest.Script{Prepares: time.Minute}},
		"waiting_for_callback": {Retries: []gitlabcitest.Script{{WaitsForCallback: time.Minute}}},
		"waiting_for_resource": {Trigger: &gitlabcitest.Trigger{Pipeline: gitlabcitest.Pipeline{Status: "waiting_for_resource"}}},
	} {
		sentence := fmt.Sprintf("gitlabcitest: AddJob: GitLab 11.5 has no status %q", status)
		require.PanicsWithValue(t, sentence, func() { pipeline.AddJob(j) })
	}
	running := pipeline.AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Hour, Cancels: time.Minute}})
	require.PanicsWithValue(t, `gitlabcitest: SetJobStatus: GitLab 11.5 has no status "canceling"`, func() {
		old.SetJobStatus(running.ID, gitlabci.StatusCanceling)
	})
	canceled, err := old.Client().Jobs.Cancel(t.Context(), "group/app", running.ID, nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusCanceled, canceled.Status, "what it does not know it does not show")
}

func TestDelayedOnOldServers(t *testing.T) {
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("11.3"))
	require.PanicsWithValue(t, `gitlabcitest: OnCreate: GitLab 11.3 has no status "scheduled"`, func() {
		old.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{StartIn: time.Minute})
	})
}
