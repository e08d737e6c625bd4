package gitlabcitest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func day(n int) time.Time { return time.Date(2024, time.March, n, 12, 0, 0, 0, time.UTC) }

func TestGetPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		ID: 7, Ref: "v1", Tag: true, SHA: "c0ffee", Status: gitlabci.StatusFailed, Source: gitlabci.SourceSchedule,
		Name: "nightly", YAMLErrors: "jobs: none", Username: "ines", CreatedAt: day(1), UpdatedAt: day(2).Add(1234567 * time.Nanosecond),
		StartedAt: day(1).Add(90 * time.Second), FinishedAt: day(1).Add(120*time.Second + 900*time.Millisecond),
		QueuedDuration: 2 * time.Second, Coverage: new(33.333),
	})
	r := get(t, srv, "/projects/group%2Fapp/pipelines/7")
	require.Equal(t, 200, r.status)
	require.JSONEq(t, `{
		"id": 7, "iid": 1, "project_id": 1, "sha": "c0ffee", "ref": "v1", "status": "failed", "source": "schedule",
		"created_at": "2024-03-01T12:00:00.000Z", "updated_at": "2024-03-02T12:00:00.001Z",
		"web_url": "https://gitlab.example.com/group/app/-/pipelines/7", "name": "nightly",
		"before_sha": "0000000000000000000000000000000000000000", "tag": true, "yaml_errors": "jobs: none",
		"user": {
			"id": 2, "username": "ines", "public_email": null, "name": "Ines", "state": "active", "locked": false,
			"avatar_url": null, "web_url": "https://gitlab.example.com/ines"
		},
		"started_at": "2024-03-01T12:01:30.000Z", "finished_at": "2024-03-01T12:02:00.900Z", "committed_at": null,
		"duration": 30, "queued_duration": 2, "coverage": "33.33",
		"detailed_status": {
			"icon": "status_failed", "text": "Failed", "label": "failed", "group": "failed", "tooltip": "failed",
			"has_details": true, "details_path": "/group/app/-/pipelines/7", "illustration": null,
			"favicon": "/assets/ci_favicons/favicon_status_failed.png"
		},
		"archived": false
	}`, r.body)
}

func TestPipelineDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		first := srv.AddPipeline("1", gitlabcitest.Pipeline{})
		second := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusPending})
		require.EqualValues(t, 101, first.ID)
		require.Equal(t, "main", first.Ref)
		require.Len(t, first.SHA, 40)
		require.NotEqual(t, first.SHA, second.SHA)
		require.Equal(t, gitlabci.StatusSuccess, first.Status)
		require.Equal(t, "maya", first.Username)
		require.Equal(t, time.Now().UTC(), first.FinishedAt)

		o := get(t, srv, "/projects/1/pipelines/102").object(t)
		requireKeys(t, wholeKeys+" name", o)
		require.Equal(t, "push", o["source"])
		require.Equal(t, first.SHA, o["before_sha"])
		require.Equal(t, "2000-01-01T00:00:00.000Z", o["updated_at"])
		for _, key := range []string{"name", "yaml_errors", "started_at", "finished_at", "duration", "queued_duration", "coverage"} {
			require.Nil(t, o[key], key)
		}
		require.EqualValues(t, 0, get(t, srv, "/projects/1/pipelines/101").object(t)["duration"])

		future := srv.AddPipeline("group/app", gitlabcitest.Pipeline{CreatedAt: time.Now().Add(time.Hour), Duration: 90 * time.Minute})
		require.Equal(t, future.CreatedAt, future.UpdatedAt)
		require.EqualValues(t, 5400, get(t, srv, "/projects/1/pipelines/103").object(t)["duration"])
		require.EqualValues(t, 501, srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 501}).ID)
		require.EqualValues(t, 502, srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).ID)
	})
}

func TestDetailedStatus(t *testing.T) {
	for status, want := range map[gitlabci.Status][4]string{ // icon, text, label, group
		gitlabci.StatusCreated:            {"status_created", "Created", "created", "created"},
		gitlabci.StatusSuccess:            {"status_success", "Passed", "passed", "success"},
		gitlabci.StatusManual:             {"status_manual", "Blocked", "waiting for manual action", "manual"},
		gitlabci.StatusScheduled:          {"status_scheduled", "Delayed", "waiting for delayed job", "scheduled"},
		gitlabci.StatusWaitingForResource: {"status_pending", "Waiting", "waiting for resource", "waiting-for-resource"},
		gitlabci.StatusWaitingForCallback: {"status_pending", "Waiting", "waiting for callback", "waiting-for-callback"},
	} {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: status})
		got := get(t, srv, "/projects/1/pipelines/101").object(t).in("detailed_status")
		require.Equal(t, want, [4]string{got["icon"].(string), got["text"].(string), got["label"].(string), got["group"].(string)})
	}
	for want, job := range map[string]gitlabcitest.Job{
		"status_success": {AllowFailure: true},
		"status_warning": {Status: gitlabci.StatusFailed, AllowFailure: true},
	} {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(job)
		got := get(t, srv, "/projects/1/pipelines/101").object(t).in("detailed_status")
		require.Equal(t, want, got["icon"])
		require.Equal(t, want == "status_warning", got["label"] == "passed with warnings")
	}
}

// listed has pipelines that the filters distinguish.
func listed() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	for _, p := range []gitlabcitest.Pipeline{
		{ID: 1, SHA: "aaa", CreatedAt: day(1), UpdatedAt: day(20), Username: "zoe"},
		{ID: 2, Ref: "topic", Status: gitlabci.StatusRunning, CreatedAt: day(2), UpdatedAt: day(12), Name: "nightly"},
		{ID: 3, Ref: "v1", Tag: true, Status: gitlabci.StatusFailed, CreatedAt: day(3), UpdatedAt: day(13), YAMLErrors: "bad"},
		{ID: 4, Status: gitlabci.StatusSkipped, CreatedAt: day(4), UpdatedAt: day(14), Source: gitlabci.SourceSchedule},
		{ID: 5, Ref: "topic", Status: gitlabci.StatusPending, CreatedAt: day(5), UpdatedAt: day(15), Source: gitlabci.SourceParentPipeline},
		{ID: 6, Ref: "v1", Tag: true, Status: gitlabci.StatusCanceled, CreatedAt: day(6), UpdatedAt: day(16)},
		{ID: 7, Ref: "refs/merge-requests/1/head", Status: gitlabci.StatusPending, CreatedAt: day(7), UpdatedAt: day(17)},
	} {
		srv.AddPipeline("group/app", p)
	}
	return srv
}

func TestListPipelines(t *testing.T) {
	srv := listed()
	for query, want := range map[string][]int{
		"":                                   {7, 6, 4, 3, 2, 1},
		"source=parent_pipeline":             {5},
		"source=schedule":                    {4},
		"scope=running":                      {2},
		"scope=pending":                      {7},
		"scope=finished":                     {6, 3, 1},
		"scope=branches":                     {4, 2},
		"scope=tags":                         {6},
		"scope=tags&status=failed":           {}, // the newest is another
		"status=skipped":                     {4},
		"status=failed&scope=running":        {},
		"ref=topic":                          {2},
		"ref=":                               {7, 6, 4, 3, 2, 1},
		"ref=refs/merge-requests/1/head":     {7},
		"sha=aaa":                            {1},
		"sha=aa":                             {},
		"name=nightly":                       {2},
		"name=night":                         {},
		"username=zoe":                       {1},
		"username=nobody":                    {},
		"yaml_errors=true":                   {3},
		"yaml_errors=false&ref=v1":           {6},
		"yaml_errors=":                       {7, 6, 4, 3, 2, 1},
		"created_after=2024-03-04T12:00Z":    nil, // no seconds
		"created_after=2024-03-04T12:00:00Z": {7, 6, 4},
		"created_before=2024-03-02T12:00:00.000Z":                                      {2, 1},
		"created_before=2024-03-02":                                                    {1},
		"created_after=2024-03-04T14:00:00%2B02:00&created_before=2024-03-04T12:00:00": {4},
		"created_after=2024-03-04T14:00:00+02:00":                                      nil, // the plus is a space
		"updated_after=2024-03-16T12:00:00Z":                                           {7, 6, 1},
		"updated_before=2024-03-12T12:00:00Z":                                          {2},
		"sort=asc":                                                                     {1, 2, 3, 4, 6, 7},
		"order_by=updated_at":                                                          {1, 7, 6, 4, 3, 2},
		"order_by=updated_at&sort=asc":                                                 {2, 3, 4, 6, 7, 1},
		"order_by=status":                                                              {1, 4, 2, 7, 3, 6},
		"order_by=ref&sort=asc":                                                        {4, 1, 7, 2, 6, 3},
		"order_by=user_id":                                                             {1, 7, 6, 4, 3, 2},
		"unknown=1":                                                                    {7, 6, 4, 3, 2, 1},
		"updated_after=&page=":                                                         {7, 6, 4, 3, 2, 1},
		"pagination=keyset":                                                            {7, 6, 4, 3, 2, 1},
	} {
		t.Run(query, func(t *testing.T) {
			r := get(t, srv, "/projects/1/pipelines?"+query)
			if want == nil {
				require.Equal(t, 400, r.status)
				return
			}
			require.Equal(t, 200, r.status)
			require.Equal(t, want, r.ids(t))
			for _, o := range r.list(t) {
				requireKeys(t, listedKeys, o)
			}
		})
	}
}

func TestListPipelinesRefusals(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for query, want := range map[string]string{
		"scope=all":                   "scope does not have a valid value",
		"status=cancelled":            "status does not have a valid value",
		"status=":                     "status does not have a valid value",
		"source=cron":                 "source does not have a valid value",
		"order_by=created_at":         "order_by does not have a valid value",
		"sort=up":                     "sort does not have a valid value",
		"yaml_errors=maybe":           "yaml_errors is invalid",
		"updated_after=yesterday":     "updated_after is invalid",
		"updated_after[]=2024-03-01":  "updated_after is invalid",
		"page[]=1":                    "page is invalid",
		"ref[]=main":                  "ref is invalid",
		"page=one":                    "page is invalid",
		"per_page=0":                  "per_page has a value not allowed",
		"per_page=-1":                 "per_page has a value not allowed",
		"per_page=ten":                "per_page is invalid",
		"sort=up&scope=all&page=x":    "page is invalid, scope does not have a valid value, sort does not have a valid value",
		"ref=%zz":                     "the parameters cannot be read",
		"ref=main&ref[]=main":         "the parameters cannot be read",
		"ref=main&ref[a]=main":        "the parameters cannot be read",
		"status[0]=failed&status[]=a": "the parameters cannot be read",
	} {
		t.Run(query, func(t *testing.T) {
			r := get(t, srv, "/projects/1/pipelines?"+query)
			require.Equal(t, 400, r.status)
			require.Equal(t, object{"error": want}, r.object(t))
		})
	}
}

func TestLatestPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	refused := func(query string) {
		t.Helper()
		r := get(t, srv, "/projects/1/pipelines/latest"+query)
		require.Equal(t, 403, r.status)
		require.JSONEq(t, `{"message":"403 Forbidden"}`, r.body)
	}
	latest := func(query string, want int) {
		t.Helper()
		o := get(t, srv, "/projects/1/pipelines/latest"+query).object(t)
		requireKeys(t, wholeKeys+" name", o)
		require.EqualValues(t, want, o["id"])
	}
	refused("")
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1, SHA: "aaa"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 2, SHA: "aaa"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 3, Source: gitlabci.SourceParentPipeline, SHA: "aaa"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 4, Source: gitlabci.SourceWebIDE, SHA: "bbb"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, Ref: "topic"})
	latest("", 2)
	latest("?ref=", 2)
	latest("?ref=main", 2)
	latest("?ref=topic", 5)
	refused("?ref=none")
	moved := srv.AddRef("group/app", gitlabcitest.Ref{Name: "main"})
	require.Len(t, moved.SHA, 40)
	refused("")
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "main", SHA: "aaa"})
	latest("", 2)
}

func TestDeletePipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{UpdatedAt: day(2)})
	r := send(t, srv, http.MethodDelete, "/projects/1/pipelines/101", "", "If-Unmodified-Since: "+day(1).Format(http.TimeFormat))
	require.Equal(t, 412, r.status)
	require.JSONEq(t, `{"message":"412 Precondition Failed"}`, r.body)

	r = send(t, srv, http.MethodDelete, "/projects/1/pipelines/101", "", "If-Unmodified-Since: "+day(2).Format(http.TimeFormat))
	require.Equal(t, 204, r.status)
	require.Empty(t, r.body)
	require.Empty(t, r.header.Get("Content-Type"))
	require.Empty(t, get(t, srv, "/projects/1/pipelines").list(t))
	for _, method := range []string{http.MethodDelete, http.MethodGet} {
		r = send(t, srv, method, "/projects/1/pipelines/101", "")
		require.Equal(t, 404, r.status)
		require.JSONEq(t, `{"message":"404 Not found"}`, r.body)
	}
}

func TestRenamePipeline(t *testing.T) {
	const path = "/projects/1/pipelines/101/metadata"
	tests := map[string]struct {
		query  string
		status int
		name   any
		want   string
	}{
		"plain":    {query: "name=nightly", status: 200, name: "nightly"},
		"stripped": {query: "name=+%09two+words%0A", status: 200, name: "two words"},
		"longest":  {query: "name=" + strings.Repeat("%C3%A9", 255), status: 200, name: strings.Repeat("é", 255)},
		"too long": {
			query: "name=" + strings.Repeat("n", 256), status: 400,
			want: `{"message":"Failed to update pipeline - Name is too long (maximum is 255 characters)"}`,
		},
		"blank":   {query: "name=+", status: 400, want: `{"message":"Failed to update pipeline - Name is too short (minimum is 1 character)"}`},
		"missing": {query: "title=x", status: 400, want: `{"error":"name is missing"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			r := send(t, srv, http.MethodPut, path+"?"+test.query, "")
			require.Equal(t, test.status, r.status)
			if test.want != "" {
				require.JSONEq(t, test.want, r.body)
			} else {
				requireKeys(t, wholeKeys+" name", r.object(t))
				require.Equal(t, test.name, r.object(t)["name"])
			}
			require.Equal(t, test.name, get(t, srv, "/projects/1/pipelines/101").object(t)["name"])
		})
	}
}

func TestMissing(t *testing.T) {
	srv := gitlabcitest.NewServer()
	requireMissing := func(method, path, want string) {
		t.Helper()
		r := send(t, srv, method, path, "")
		require.Equal(t, 404, r.status, path)
		require.Equal(t, object{"message": want}, r.object(t), path)
	}
	for path, method := range map[string]string{
		"": "GET", "/jobs": "GET", "/bridges": "GET", "/trigger_jobs": "GET", "/variables": "GET", "/test_report": "GET",
		"/test_report_summary": "GET", "/metadata?name=x": "PUT", "/retry": "POST", "/cancel": "POST",
	} {
		requireMissing(method, "/projects/1/pipelines/101"+path, "404 Not found")
		requireMissing(method, "/projects/9/pipelines/101"+path, "404 Project Not Found")
		requireMissing(method, "/projects/group%2Fx/pipelines/101"+path, "404 Project Not Found")
	}
	requireMissing("GET", "/projects/9/pipelines", "404 Project Not Found")
	requireMissing("GET", "/projects/9/pipelines/latest", "404 Project Not Found")
	requireMissing("POST", "/projects/9/pipeline?ref=main", "404 Project Not Found")
	requireMissing("DELETE", "/projects/9/pipelines/101", "404 Project Not Found")
}

func TestWords(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for word := range strings.FieldsSeq("created waiting_for_resource preparing waiting_for_callback pending running success failed " +
		"canceling canceled skipped manual scheduled") {
		require.Equal(t, 200, get(t, srv, "/projects/1/pipelines?status="+word).status, word)
	}
	sources := map[bool]string{
		false: "unknown push web trigger schedule api external pipeline chat merge_request_event external_pull_request_event",
		true: "webide parent_pipeline ondemand_dast_scan ondemand_dast_validation security_orchestration_policy " +
			"container_registry_push duo_workflow pipeline_execution_policy_schedule dependency_management_security_update",
	}
	for dangling, words := range sources {
		for word := range strings.FieldsSeq(words) {
			srv := gitlabcitest.NewServer()
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", Source: gitlabci.Source(word)})
			require.Len(t, get(t, srv, "/projects/1/pipelines?source="+word).list(t), 1, word)
			require.Equal(t, dangling, get(t, srv, "/projects/1/pipelines/latest?ref=topic").status == 403, word)
		}
	}
}
