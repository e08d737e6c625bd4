package gitlabcitest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// oneJob has the job 1 in the pipeline 101, which was last updated on day 1.
func oneJob(j gitlabcitest.Job) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning, CreatedAt: day(1), UpdatedAt: day(1)})
	j.ID = 1
	p.AddJob(j)
	return srv
}

func post(t *testing.T, srv *gitlabcitest.Server, path string) reply {
	t.Helper()
	return send(t, srv, http.MethodPost, path, "")
}

// id is the ID in an object, as text.
func (o object) id() string { return strconv.Itoa(int(o["id"].(float64))) }

func TestGetJob(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{
		Log: "done\n", Artifacts: fstest.MapFS{"a": {Data: []byte("A")}}, ArtifactsExpireAt: day(1).AddDate(9000, 0, 0),
		Reports: map[gitlabci.ArtifactType][]byte{"sast": []byte("{}"), "junit": []byte("<testsuites/>"), "lsif": []byte("[]"), "dotenv": nil},
	})
	r := get(t, srv, "/projects/1/jobs/1")
	require.Equal(t, 200, r.status)
	o := r.object(t)
	requireKeys(t, jobKeys+" artifacts_file", o)
	requireKeys(t, "filename size", o.in("artifacts_file"))
	require.Equal(t, "artifacts.zip", o.in("artifacts_file")["filename"])
	require.Equal(t, "11024-03-01T12:00:00.000Z", o["artifacts_expire_at"])
	var files []string
	for _, one := range o["artifacts"].([]any) {
		a := one.(map[string]any)
		requireKeys(t, "file_type size filename file_format", a)
		require.Positive(t, a["size"])
		files = append(files, strings.Join([]string{a["file_type"].(string), a["file_format"].(string), a["filename"].(string)}, " "))
	}
	require.Equal(t, []string{
		"archive zip artifacts.zip", "metadata gzip metadata.gz", "dotenv gzip .env.gz", "junit gzip junit.xml.gz",
		"lsif zip lsif.json.zip", "sast raw gl-sast-report.json", "trace raw job.log",
	}, files)
}

func TestGetJobWithoutFiles(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: "so far"})
	o := get(t, srv, "/projects/1/jobs/1").object(t)
	requireKeys(t, jobKeys, o)
	require.Equal(t, []any{}, o["artifacts"], "the log of a running job is none yet")
}

func TestJobRefusals(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{})
	srv.AddProject("group/lib")
	srv.AddPipeline("1", gitlabcitest.Pipeline{}).AddTriggerJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusManual})
	for _, route := range []string{
		"GET", "GET /trace", "POST /cancel", "POST /erase", "GET /artifacts", "GET /artifacts/tree", "GET /artifacts/a",
		"POST /artifacts/keep", "DELETE /artifacts", "POST /retry", "POST /play",
	} {
		method, below, _ := strings.Cut(route, " ")
		jobs := map[string]string{
			"/projects/1/jobs/9":                    `{"message":"404 Not found"}`,
			"/projects/2/jobs/1":                    `{"message":"404 Not found"}`,
			"/projects/3/jobs/1":                    `{"message":"404 Project Not Found"}`,
			"/projects/1/jobs/99999999999999999999": `{"message":"404 Not found"}`,
			"/projects/1/jobs/x":                    `{"error":"job_id is invalid"}`,
		}
		if below != "/retry" && below != "/play" {
			jobs["/projects/1/jobs/2"] = `{"message":"404 Not found"}`
		}
		for job, want := range jobs {
			r := send(t, srv, method, job+below, "")
			require.Contains(t, []int{400, 404}, r.status)
			require.JSONEq(t, want, r.body, route+" of "+job)
		}
	}
}

func TestCancelJob(t *testing.T) {
	words := []gitlabci.Status{
		"created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "manual", "scheduled", "running",
		"canceling", "success", "failed", "canceled", "skipped",
	}
	for i, status := range words {
		for _, force := range []bool{false, true} {
			t.Run(string(status), func(t *testing.T) {
				srv := oneJob(gitlabcitest.Job{Status: status})
				path := "/projects/1/jobs/1/cancel"
				if force {
					path += "?force=true"
				}
				r := post(t, srv, path)
				require.Equal(t, 201, r.status)
				o := r.object(t)
				changed := !force && i < 8 || force && status == "canceling"
				require.Equal(t, changed || status == "canceled", o["status"] == "canceled")
				require.Equal(t, changed, o.in("pipeline")["updated_at"] != "2024-03-01T12:00:00.000Z")
				if !changed {
					require.EqualValues(t, status, o["status"])
					require.Equal(t, "running", o.in("pipeline")["status"])
					return
				}
				require.NotNil(t, o["finished_at"])
				require.Equal(t, "canceled", o.in("pipeline")["status"])
				require.NotNil(t, get(t, srv, "/projects/1/pipelines/101").object(t)["finished_at"])
			})
		}
	}
	require.Equal(t, 400, post(t, oneJob(gitlabcitest.Job{}), "/projects/1/jobs/1/cancel?force=maybe").status)
}

func TestRetryJob(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{
		Name: "unit", Stage: "check", Status: gitlabci.StatusFailed, Tags: []string{"x"}, AllowFailure: true,
		Log: "no\n", Artifacts: fstest.MapFS{"a": {}}, ArtifactsExpireAt: day(2),
	})
	r := post(t, srv, "/projects/1/jobs/1/retry")
	require.Equal(t, 201, r.status)
	o := r.object(t)
	requireKeys(t, jobKeys, o)
	for key, want := range map[string]any{
		"id": 1001.0, "name": "unit", "stage": "check", "status": "pending", "tag_list": []any{"x"}, "allow_failure": true,
		"started_at": nil, "finished_at": nil, "artifacts": []any{}, "artifacts_expire_at": nil,
	} {
		require.Equal(t, want, o[key], key)
	}
	require.Equal(t, "pending", o.in("pipeline")["status"])
	require.NotEqual(t, "2024-03-01T12:00:00.000Z", o.in("pipeline")["updated_at"])
	require.Equal(t, "failed", get(t, srv, "/projects/1/jobs/1").object(t)["status"])
	require.Equal(t, []int{1001, 1}, get(t, srv, "/projects/1/jobs").ids(t))
	require.Equal(t, []int{1001}, get(t, srv, "/projects/1/pipelines/101/jobs").ids(t))
	for _, id := range []string{"1", "1001"} { // superseded, and pending
		r = post(t, srv, "/projects/1/jobs/"+id+"/retry")
		require.Equal(t, 403, r.status)
		require.JSONEq(t, `{"message":"403 Forbidden - Job is not retryable"}`, r.body)
	}
	for status, want := range map[gitlabci.Status]int{
		"success": 201, "failed": 201, "canceled": 201, "canceling": 201, "skipped": 403, "running": 403, "manual": 403, "created": 403,
	} {
		require.Equal(t, want, post(t, oneJob(gitlabcitest.Job{Status: status}), "/projects/1/jobs/1/retry").status, status)
	}
	r = send(t, oneJob(gitlabcitest.Job{}), http.MethodPost, "/projects/1/jobs/1/retry", `{"inputs":[]}`, "Content-Type: application/json")
	require.JSONEq(t, `{"error":"inputs is invalid"}`, r.body)
}

func TestRetryTriggerJob(t *testing.T) {
	srv := oneJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines"})
	p.AddTriggerJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusFailed, Downstream: p})
	r := post(t, srv, "/projects/1/jobs/2/retry")
	require.Equal(t, 201, r.status)
	requireKeys(t, jobBasicKeys+" artifacts artifacts_expire_at runner archived tag_list", r.object(t))
	require.Equal(t, "maya", r.object(t).in("user")["username"], "who retried it")
	require.Equal(t, []int{1001}, get(t, srv, "/projects/1/pipelines/102/trigger_jobs").ids(t))
}

func TestRetryJobResetsSkippedLaterJobs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{Name: "lint", Stage: "check", Status: gitlabci.StatusSkipped})
	unit := p.AddJob(gitlabcitest.Job{Name: "unit", Stage: "test", Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{Name: "race", Stage: "test", Status: gitlabci.StatusSkipped})
	p.AddJob(gitlabcitest.Job{Name: "deploy", Stage: "deploy", Status: gitlabci.StatusSkipped})
	retried, err := srv.Client().Jobs.Retry(t.Context(), "group/app", unit.ID, nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusPending, retried.Pipeline.Status)
	statuses := map[string]gitlabci.Status{}
	for job, err := range srv.Client().Jobs.AllForPipeline(t.Context(), "group/app", p.ID, nil) {
		require.NoError(t, err)
		statuses[job.Name] = job.Status
	}
	require.Equal(t, map[string]gitlabci.Status{"lint": "skipped", "unit": "pending", "race": "skipped", "deploy": "created"}, statuses)
}

func TestEraseJob(t *testing.T) {
	files := fstest.MapFS{"a": {}}
	for name, j := range map[string]gitlabcitest.Job{
		"with a log":    {Log: "x", Status: gitlabci.StatusCanceled},
		"with archive":  {Artifacts: files, ArtifactsExpireAt: time.Now().Add(time.Hour)},
		"with a report": {Reports: map[gitlabci.ArtifactType][]byte{"junit": nil}, Status: gitlabci.StatusSkipped},
	} {
		t.Run(name, func(t *testing.T) {
			srv := oneJob(j)
			r := post(t, srv, "/projects/1/jobs/1/erase")
			require.Equal(t, 201, r.status)
			o := r.object(t)
			requireKeys(t, jobKeys, o)
			require.NotNil(t, o["erased_at"])
			require.Equal(t, []any{}, o["artifacts"])
			require.Nil(t, o["artifacts_expire_at"])
			require.Equal(t, "2024-03-01T12:00:00.000Z", o.in("pipeline")["updated_at"], "its status is what it was")
			require.Empty(t, get(t, srv, "/projects/1/jobs/1/trace").body)
			require.Equal(t, 404, get(t, srv, "/projects/1/jobs/1/artifacts").status)
			require.Equal(t, 403, post(t, srv, "/projects/1/jobs/1/erase").status)
		})
	}
	for name, j := range map[string]gitlabcitest.Job{
		"nothing":          {},
		"running":          {Status: gitlabci.StatusRunning, Log: "x", Artifacts: files},
		"what has expired": {Status: gitlabci.StatusFailed, Artifacts: files, ArtifactsExpireAt: day(1)},
	} {
		r := post(t, oneJob(j), "/projects/1/jobs/1/erase")
		require.Equal(t, 403, r.status, name)
		require.JSONEq(t, `{"message":"403 Forbidden - Job is not erasable!"}`, r.body)
	}
}

func TestPlayJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []gitlabci.Status{"manual", "scheduled"} {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: status, Username: "ines"})
			job := p.AddJob(gitlabcitest.Job{ID: 1, Status: status})
			p.AddJob(gitlabcitest.Job{ID: 2})
			require.Equal(t, "ines", get(t, srv, "/projects/1/jobs/1").object(t).in("user")["username"])
			time.Sleep(time.Minute)
			r := post(t, srv, "/projects/1/jobs/1/play")
			require.Equal(t, 200, r.status)
			o := r.object(t)
			requireKeys(t, jobKeys, o)
			require.EqualValues(t, job.ID, o["id"])
			require.Equal(t, "pending", o["status"])
			require.Equal(t, 0.0, o["queued_duration"], "it waits for a runner only now")
			require.Equal(t, "maya", o.in("user")["username"])
			require.Equal(t, "pending", o.in("pipeline")["status"])
			require.Equal(t, 400, post(t, srv, "/projects/1/jobs/1/play").status, "it is pending")

			post(t, srv, "/projects/1/jobs/1/cancel")
			for _, want := range []float64{1001, 1002} {
				r = post(t, srv, "/projects/1/jobs/"+o.id()+"/play")
				require.Equal(t, 200, r.status)
				o = r.object(t)
				require.Equal(t, want, o["id"], "it is another attempt, and a manual job still")
				post(t, srv, "/projects/1/jobs/"+o.id()+"/cancel")
			}
		}
	})
}

func TestUnplayableJobs(t *testing.T) {
	for _, status := range []gitlabci.Status{"created", "pending", "running", "success", "failed", "canceled", "skipped", "canceling"} {
		r := post(t, oneJob(gitlabcitest.Job{Status: status}), "/projects/1/jobs/1/play")
		require.Equal(t, 400, r.status)
		require.JSONEq(t, `{"message":"400 Bad request - Unplayable Job"}`, r.body)
	}
}

func TestPlayTriggerJob(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusManual}).AddTriggerJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusManual})
	r := post(t, srv, "/projects/1/jobs/2/play")
	require.Equal(t, 200, r.status)
	requireKeys(t, jobBasicKeys+" downstream_pipeline", r.object(t))
	require.Equal(t, "pending", r.object(t)["status"])
}

func TestPlayVariables(t *testing.T) {
	for body, want := range map[string]string{
		`{"job_variables_attributes":[{"key":"A","value":""}],"job_inputs":{"a":1}}`: "",
		`{"job_variables_attributes":{"0":{"key":"A","value":1}}}`:                   "",
		`{"job_variables_attributes":[]}`:                                            "",
		`{"job_variables_attributes":[{"value":"1"}]}`:                               "job_variables_attributes[0][key] is missing",
		`{"job_variables_attributes":[{"key":"A","value":"1"},{"key":null}]}`:        "job_variables_attributes[1][key] is missing, job_variables_attributes[1][value] is missing",
		`{"job_variables_attributes":[{"key":"A","value":[]}]}`:                      "job_variables_attributes[0][value] is invalid",
		`{"job_variables_attributes":["A"]}`:                                         "job_variables_attributes[0] is invalid",
		`{"job_variables_attributes":"A"}`:                                           "job_variables_attributes is invalid",
		`{"job_inputs":[]}`:                                                          "job_inputs is invalid",
	} {
		srv := oneJob(gitlabcitest.Job{Status: gitlabci.StatusManual, Inputs: map[string][]string{"a": nil}})
		r := send(t, srv, http.MethodPost, "/projects/1/jobs/1/play", body, "Content-Type: application/json")
		if want == "" {
			require.Equal(t, 200, r.status, body)
			continue
		}
		require.Equal(t, 400, r.status, body)
		require.Equal(t, object{"error": want}, r.object(t))
		require.Equal(t, "manual", get(t, srv, "/projects/1/jobs/1").object(t)["status"])
	}
}

func TestPipelineFollowsItsJobs(t *testing.T) {
	type job = gitlabcitest.Job
	tests := map[string]struct {
		jobs []job // the first one is canceled, from which the pipeline's status is
		want string
	}{
		"success beside one that may fail": {[]job{{Status: "running", AllowFailure: true}, {}}, "success"},
		"success beside a skipped one":     {[]job{{Status: "manual", AllowFailure: true, Name: "x"}, {Status: "skipped"}}, "success"},
		"canceled":                         {[]job{{Status: "running"}, {}, {Status: "manual", AllowFailure: true}}, "canceled"},
		"created":                          {[]job{{Status: "running", AllowFailure: true}, {Status: "created"}}, "created"},
		"preparing":                        {[]job{{Status: "running", AllowFailure: true}, {Status: "preparing"}}, "preparing"},
		"pending":                          {[]job{{Status: "running", AllowFailure: true}, {Status: "pending"}, {Status: "created"}}, "pending"},
		"running, as one is":               {[]job{{Status: "running"}, {Status: "running"}}, "running"},
		"running, as one will":             {[]job{{Status: "running"}, {Status: "pending"}, {Status: "failed"}}, "running"},
		"running, as one was created":      {[]job{{Status: "running"}, {Status: "created"}}, "running"},
		"canceling":                        {[]job{{Status: "running"}, {Status: "canceling"}, {Status: "manual"}}, "canceling"},
		"waiting_for_resource":             {[]job{{Status: "running"}, {Status: "waiting_for_resource"}, {Status: "scheduled"}}, "waiting_for_resource"},
		"waiting_for_callback":             {[]job{{Status: "running"}, {Status: "waiting_for_callback"}}, "waiting_for_callback"},
		"manual":                           {[]job{{Status: "running"}, {Status: "manual"}, {Status: "scheduled"}}, "manual"},
		"scheduled":                        {[]job{{Status: "running"}, {Status: "scheduled"}, {Status: "preparing"}}, "scheduled"},
		"preparing beside a canceled one":  {[]job{{Status: "running"}, {Status: "preparing"}, {Status: "created"}}, "preparing"},
		"failed":                           {[]job{{Status: "running"}, {Status: "failed"}, {Status: "failed", Retried: true}}, "failed"},
		"canceled beside a superseded one": {[]job{{Status: "running"}, {Status: "failed", Retried: true}}, "canceled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
			for _, j := range test.jobs {
				p.AddJob(j)
			}
			post(t, srv, "/projects/1/jobs/1001/cancel")
			o := get(t, srv, "/projects/1/pipelines/101").object(t)
			require.Equal(t, test.want, o["status"])
			require.Equal(t, gitlabci.Status(test.want).Finished(), o["finished_at"] != nil)
		})
	}
}

func TestPipelineBegins(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusPending})
	p.AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusPending})
	p.AddJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusRunning})
	require.Nil(t, get(t, srv, "/projects/1/pipelines/101").object(t)["started_at"])
	post(t, srv, "/projects/1/jobs/1/cancel")
	o := get(t, srv, "/projects/1/pipelines/101").object(t)
	require.Equal(t, "running", o["status"])
	require.NotNil(t, o["started_at"])
}
