package gitlabcitest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const (
	jobBasicKeys = "id status stage name ref tag coverage allow_failure created_at started_at finished_at erased_at duration " +
		"queued_duration user commit pipeline web_url project"
	jobKeys = jobBasicKeys + " artifacts artifacts_expire_at runner runner_manager archived tag_list"
)

func TestListJobs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	first := p.AddJob(gitlabcitest.Job{ID: 1})
	require.Equal(t, []string{"test", "test", "success"}, []string{first.Name, first.Stage, string(first.Status)})
	p.AddJob(gitlabcitest.Job{ID: 4, Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusFailed, Retried: true})
	p.AddTriggerJob(gitlabcitest.Job{ID: 3})
	p.AddTriggerJob(gitlabcitest.Job{ID: 5, Status: gitlabci.StatusFailed, Retried: true})
	require.EqualValues(t, 1001, p.AddTriggerJob(gitlabcitest.Job{Status: gitlabci.StatusPending}).ID)
	for path, want := range map[string][]int{
		"jobs":                                           {4, 1},
		"jobs?include_retried=true":                      {4, 2, 1},
		"jobs?include_retried=":                          {4, 1},
		"jobs?scope=failed":                              {4},
		"jobs?scope[]=failed&scope[]=success":            {4, 1},
		"jobs?scope[]=failed&include_retried=true":       {4, 2},
		"jobs?scope[]=manual":                            {},
		"jobs?per_page=1&page=2":                         {1},
		"bridges":                                        {1001, 3},
		"trigger_jobs":                                   {1001, 3},
		"trigger_jobs?include_retried=true":              {1001, 3},
		"bridges?scope=pending":                          {1001},
		"trigger_jobs?scope[]=success&per_page=1&page=1": {3},
	} {
		r := get(t, srv, "/projects/1/pipelines/101/"+path)
		require.Equal(t, 200, r.status)
		require.Equal(t, want, r.ids(t), path)
		require.NotEmpty(t, r.header.Get("X-Total"))
	}
	for _, list := range []string{"jobs", "bridges", "trigger_jobs"} {
		for query, want := range map[string]string{
			"scope=done":                   "scope does not have a valid value",
			"scope[]=failed&scope[]=done":  "scope does not have a valid value",
			"scope[0]=failed":              "scope does not have a valid value",
			"scope=":                       "scope does not have a valid value",
			"scope[][a]=failed&per_page=0": "scope does not have a valid value, per_page has a value not allowed",
		} {
			r := get(t, srv, "/projects/1/pipelines/101/"+list+"?"+query)
			require.Equal(t, 400, r.status)
			require.Equal(t, object{"error": want}, r.object(t))
		}
		r := get(t, srv, "/projects/1/pipelines/102/"+list)
		require.Equal(t, 404, r.status)
		require.JSONEq(t, `{"message":"404 Not found"}`, r.body)
	}
	require.Equal(t, 400, get(t, srv, "/projects/1/pipelines/101/jobs?include_retried=2").status)
}

func TestJobRendering(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7, SHA: "c0ffee0123", CreatedAt: day(1), UpdatedAt: day(2), Name: "nightly"})
	p.AddJob(gitlabcitest.Job{
		ID: 70, Name: "unit 1/2", Stage: "check", Status: gitlabci.StatusFailed, AllowFailure: true, Tags: []string{"linux", "arm"},
		Coverage: new(12.5), CreatedAt: day(1), StartedAt: day(1).Add(1500 * time.Millisecond), FinishedAt: day(1).Add(4 * time.Second),
	})
	list := get(t, srv, "/projects/1/pipelines/7/jobs").list(t)
	require.Len(t, list, 1)
	o := list[0]
	requireKeys(t, jobKeys+" failure_reason", o)
	requireKeys(t, basicKeys, o.in("pipeline"))
	requireKeys(t, "id username public_email name state locked avatar_url web_url created_at bio location linkedin twitter discord "+
		"website_url github organization job_title pronouns bot work_information followers following is_followed local_time", o.in("user"))
	requireKeys(t, "id short_id created_at parent_ids title message author_name author_email authored_date committer_name "+
		"committer_email committed_date trailers extended_trailers web_url", o.in("commit"))
	require.Equal(t, map[string]any{
		"id": 1.0, "description": "fake runner", "ip_address": nil, "active": true, "paused": false, "is_shared": true,
		"runner_type": "instance_type", "name": "gitlab-runner", "online": true, "created_at": "2020-01-02T03:04:05.000Z",
		"status": "online", "job_execution_status": "idle",
	}, o["runner"])
	require.Equal(t, map[string]any{
		"id": 1.0, "system_id": "s_000000000001", "version": "19.5.0", "revision": "0f4ce000", "platform": "linux",
		"architecture": "amd64", "created_at": "2020-01-02T03:04:05.000Z", "contacted_at": "2024-03-01T12:00:01.500Z",
		"ip_address": "127.0.0.1", "status": "online", "job_execution_status": "idle",
	}, o["runner_manager"])
	require.Equal(t, map[string]any{"ci_job_token_scope_enabled": false}, o["project"])
	require.Equal(t, "c0ffee01", o.in("commit")["short_id"])
	require.EqualValues(t, 7, o.in("pipeline")["id"])
	for key, want := range map[string]any{
		"status": "failed", "stage": "check", "name": "unit 1/2", "ref": "main", "tag": false, "coverage": 12.5, "allow_failure": true,
		"created_at": "2024-03-01T12:00:00.000Z", "started_at": "2024-03-01T12:00:01.500Z", "finished_at": "2024-03-01T12:00:04.000Z",
		"erased_at": nil, "duration": 2.5, "queued_duration": 1.5, "failure_reason": "script_failure",
		"web_url": "https://gitlab.example.com/group/app/-/jobs/70", "artifacts": []any{}, "artifacts_expire_at": nil,
		"archived": false, "tag_list": []any{"arm", "linux"},
	} {
		require.Equal(t, want, o[key], key)
	}
}

func TestJobsByStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for _, status := range []gitlabci.Status{"pending", "running", "manual", "skipped", "canceled", "success"} {
			p.AddJob(gitlabcitest.Job{Name: string(status), Status: status, FailureReason: gitlabci.FailureReasonAPIFailure})
		}
		time.Sleep(10 * time.Second)
		want := map[string]struct {
			started, finished, runner bool
			duration, queued          any
		}{
			"pending":  {queued: 10.0},
			"running":  {started: true, runner: true, duration: 9.999, queued: 0.0}, // made a millisecond after the first job
			"manual":   {},
			"skipped":  {},
			"canceled": {finished: true},
			"success":  {started: true, finished: true, runner: true, duration: 0.0, queued: 0.0},
		}
		for _, o := range get(t, srv, "/projects/1/pipelines/101/jobs").list(t) {
			w := want[o["name"].(string)]
			requireKeys(t, jobKeys, o)
			require.Equal(t, w.started, o["started_at"] != nil, o["name"])
			require.Equal(t, w.finished, o["finished_at"] != nil, o["name"])
			require.Equal(t, w.runner, o["runner"] != nil, o["name"])
			require.Equal(t, w.runner, o["runner_manager"] != nil, o["name"])
			require.Equal(t, w.duration, o["duration"], o["name"])
			require.Equal(t, w.queued, o["queued_duration"], o["name"])
		}
	})
}

func TestTriggerJobs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	downstream := srv.AddPipeline("group/lib", gitlabcitest.Pipeline{Source: gitlabci.SourcePipeline, Status: gitlabci.StatusRunning})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	job := p.AddTriggerJob(gitlabcitest.Job{Name: "release", Downstream: downstream, Status: gitlabci.StatusFailed})
	require.Equal(t, gitlabci.FailureReasonUnknownFailure, job.FailureReason)
	o := get(t, srv, "/projects/1/pipelines/102/trigger_jobs").list(t)[0]
	requireKeys(t, jobBasicKeys+" downstream_pipeline failure_reason", o)
	requireKeys(t, basicKeys, o.in("downstream_pipeline"))
	require.EqualValues(t, 2, o.in("downstream_pipeline")["project_id"])
	require.Equal(t, "running", o.in("downstream_pipeline")["status"])

	send(t, srv, http.MethodPost, "/projects/2/pipelines/101/cancel", "")
	o = get(t, srv, "/projects/1/pipelines/102/bridges").list(t)[0]
	require.Equal(t, "canceled", o.in("downstream_pipeline")["status"])
	send(t, srv, http.MethodDelete, "/projects/2/pipelines/101", "")
	o = get(t, srv, "/projects/1/pipelines/102/bridges").list(t)[0]
	require.Nil(t, o["downstream_pipeline"])
}

func TestDeletedJobIDsAreFree(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{ID: 5})
	send(t, srv, http.MethodDelete, "/projects/1/pipelines/101", "")
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	require.EqualValues(t, 102, p.ID, "IDs are not used again by themselves")
	require.EqualValues(t, 5, p.AddJob(gitlabcitest.Job{ID: 5}).ID)
}
