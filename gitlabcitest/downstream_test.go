package gitlabcitest_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// triggerJob is the only one of the pipeline 101.
func triggerJob(t *testing.T, srv *gitlabcitest.Server) object {
	t.Helper()
	found := get(t, srv, "/projects/1/pipelines/101/trigger_jobs").list(t)
	require.Len(t, found, 1)
	return found[0]
}

func TestChildPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic", Tag: true, SHA: "012345"})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", Tag: true, SHA: "abcdef012345", Username: "ines"})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Script: runs(10)})
		added := p.AddTriggerJob(gitlabcitest.Job{ID: 2, Stage: "b", Trigger: &gitlabcitest.Trigger{
			Pipeline: gitlabcitest.Pipeline{ID: 7, Name: "child", Ref: "elsewhere", SHA: "123", Source: "web", Variables: []*gitlabci.Variable{{Key: "A"}}},
			Jobs:     []gitlabcitest.Job{{ID: 1, Name: "unit", Script: runs(20)}},
		}})
		require.Equal(t, gitlabci.StatusCreated, added.Status)
		require.Nil(t, triggerJob(t, srv)["downstream_pipeline"])
		course{{9, "running: running created"}, {10, "success: success success"}}.follow(t, srv, p.ID)

		child := triggerJob(t, srv).in("downstream_pipeline")
		require.Equal(t, "102", object(child).id())
		o := get(t, srv, "/projects/1/pipelines/102").object(t)
		for key, want := range map[string]any{
			"source": "parent_pipeline", "ref": "topic", "sha": "abcdef012345", "name": "child", "status": "running",
			"created_at": clock(10), "started_at": clock(10), "before_sha": "012345", "tag": true,
		} {
			require.Equal(t, want, o[key], key)
		}
		require.Equal(t, "ines", o.in("user")["username"])
		require.Len(t, get(t, srv, "/projects/1/pipelines/102/variables").list(t), 1)
		require.Equal(t, []int{1001}, get(t, srv, "/projects/1/pipelines/102/jobs").ids(t))
		require.Equal(t, "101", get(t, srv, "/projects/1/pipelines/latest?ref=topic").object(t).id())
		course{{19, "running: running"}, {20, "success: success"}}.follow(t, srv, 102)
		require.Equal(t, []any{clock(10), clock(10)}, []any{triggerJob(t, srv)["started_at"], triggerJob(t, srv)["finished_at"]})
	})
}

func TestMultiProjectPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		lib := srv.AddProject("group/lib")
		tag := srv.AddRef("group/lib", gitlabcitest.Ref{Name: "v1", Tag: true})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for i, project := range []string{"group/lib", string(gitlabci.ProjectNumber(lib))} {
			p.AddJob(gitlabcitest.Job{ID: gitlabci.JobID(i + 1), Trigger: &gitlabcitest.Trigger{
				Project:  project,
				Pipeline: gitlabcitest.Pipeline{Ref: []string{"", "v1"}[i], Username: []string{"", "ines"}[i]},
			}})
		}
		course{{0, "success: success success"}}.follow(t, srv, p.ID)
		triggers := get(t, srv, "/projects/1/pipelines/101/trigger_jobs").list(t)
		require.EqualValues(t, lib, triggers[0].in("downstream_pipeline")["project_id"])
		o := get(t, srv, "/projects/2/pipelines/102").object(t)
		require.Equal(t, []any{"pipeline", "main", false, "success", "maya"}, []any{o["source"], o["ref"], o["tag"], o["status"], o.in("user")["username"]})
		o = get(t, srv, "/projects/2/pipelines/103").object(t)
		require.Equal(t, []any{"pipeline", "v1", true, tag.SHA, "ines"}, []any{o["source"], o["ref"], o["tag"], o["sha"], o.in("user")["username"]})
		require.Equal(t, "0000000000000000000000000000000000000000", o["before_sha"])
		require.Equal(t, "102", get(t, srv, "/projects/2/pipelines/latest").object(t).id())
	})
}

func TestTriggerWithoutRef(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	p.AddJob(gitlabcitest.Job{Trigger: &gitlabcitest.Trigger{Project: "group/lib", Pipeline: gitlabcitest.Pipeline{Ref: "none"}}})
	course{{0, "failed: failed"}}.follow(t, srv, p.ID)
	require.Equal(t, "downstream_pipeline_creation_failed", triggerJob(t, srv)["failure_reason"])
	require.Nil(t, triggerJob(t, srv)["downstream_pipeline"])
	require.Empty(t, get(t, srv, "/projects/2/pipelines").list(t))
}

// TestTriggerPermissions: it is the user of the trigger job who has to be
// allowed to do what it does.
func TestTriggerPermissions(t *testing.T) {
	type roles map[string]gitlabcitest.Role
	developer, maintainer, reporter := gitlabcitest.RoleDeveloper, gitlabcitest.RoleMaintainer, gitlabcitest.RoleReporter
	tests := map[string]struct {
		project string // to start the pipeline in
		ref     string
		own     string // ref of the pipeline
		roles   roles  // of ines, who owns the pipeline
		reason  any
	}{
		"developer of both":        {"group/lib", "", "", roles{"group/app": developer, "group/lib": developer}, nil},
		"reporter there":           {"group/lib", "", "", roles{"group/app": developer, "group/lib": reporter}, "insufficient_bridge_permissions"},
		"stranger there":           {"group/lib", "", "", roles{"group/app": developer}, "downstream_bridge_project_not_found"},
		"reporter here":            {"group/lib", "", "", roles{"group/app": reporter, "group/lib": developer}, "insufficient_bridge_permissions"},
		"protected there":          {"group/lib", "safe", "", roles{"group/app": developer, "group/lib": developer}, "insufficient_bridge_permissions"},
		"protected, by maintainer": {"group/lib", "safe", "", roles{"group/app": developer, "group/lib": maintainer}, nil},
		"child":                    {"", "", "", roles{"group/app": developer}, nil},
		"child of a reporter":      {"", "", "", roles{"group/app": reporter}, "insufficient_bridge_permissions"},
		"child, protected":         {"", "", "safe", roles{"group/app": developer}, "insufficient_bridge_permissions"},
		"child, by maintainer":     {"", "", "safe", roles{"group/app": maintainer}, nil},
		"own project by path":      {"group/app", "", "", roles{"group/app": developer}, "invalid_bridge_trigger"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			srv.AddProject("group/lib")
			srv.AddRef("group/lib", gitlabcitest.Ref{Name: "safe", Protected: true})
			srv.AddUser(gitlabcitest.User{Username: "ines"})
			for project, role := range test.roles {
				srv.AddMember(project, "ines", role)
			}
			srv.AddRef("group/app", gitlabcitest.Ref{Name: "safe", Protected: true})
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines", Ref: test.own})
			p.AddJob(gitlabcitest.Job{Trigger: &gitlabcitest.Trigger{
				Project: test.project, Pipeline: gitlabcitest.Pipeline{Ref: test.ref}, Jobs: []gitlabcitest.Job{{Script: runs(10)}},
			}})
			trigger := triggerJob(t, srv)
			require.Equal(t, test.reason, trigger["failure_reason"])
			require.Equal(t, test.reason == nil, trigger["downstream_pipeline"] != nil)
		})
	}
}

// A child pipeline belongs to the user who let its trigger job run.
func TestUserOfChildPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	played := p.AddJob(gitlabcitest.Job{When: gitlabcitest.WhenManual, Trigger: &gitlabcitest.Trigger{Jobs: []gitlabcitest.Job{{Script: runs(10)}}}})
	token := srv.AddToken(gitlabcitest.Token{Username: "ines"})
	r := send(t, srv, "POST", "/projects/1/jobs/"+strconv.Itoa(int(played.ID))+"/play", "", "Private-Token: "+token)
	require.Equal(t, 200, r.status)
	child := strconv.Itoa(int(triggerJob(t, srv).in("downstream_pipeline")["id"].(float64)))
	require.Equal(t, "ines", get(t, srv, "/projects/1/pipelines/"+child).object(t).in("user")["username"])
	require.Equal(t, "ines", get(t, srv, "/projects/1/pipelines/"+child+"/jobs").list(t)[0].in("user")["username"])
}

func TestDepend(t *testing.T) {
	type job = gitlabcitest.Job
	tests := map[string]struct {
		status gitlabci.Status
		jobs   []job
		want   course
		reason any
	}{
		"success":         {"", []job{{Script: runs(10)}}, course{{9, "running: running created"}, {10, "success: success success"}}, nil},
		"failed":          {"", []job{{Script: fails(10)}}, course{{9, "running: running created"}, {10, "failed: failed skipped"}}, "unknown_failure"},
		"canceled":        {"", []job{{Script: gitlabcitest.Script{Runs: 10 * time.Second, Result: "canceled"}}}, course{{9, "running: running created"}, {10, "canceled: canceled skipped"}}, nil},
		"skipped":         {"", []job{{When: gitlabcitest.WhenOnFailure}}, course{{0, "failed: failed skipped"}}, "unknown_failure"},
		"manual":          {"", []job{{When: gitlabcitest.WhenManual}}, course{{3600, "running: running created"}}, nil},
		"at once":         {"", []job{{Script: atOnce}}, course{{0, "success: success success"}}, nil},
		"static, success": {"", nil, course{{0, "success: success success"}}, nil},
		"static, failed":  {"failed", []job{{}}, course{{0, "failed: failed skipped"}}, "unknown_failure"},
		"static, running": {"running", nil, course{{3600, "running: running created"}}, nil},
		"child of child":  {"", []job{{Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []job{{Script: runs(10)}}}}}, course{{9, "running: running created"}, {10, "success: success success"}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(job{ID: 1, Stage: "a", Trigger: &gitlabcitest.Trigger{
					Depend: true, Jobs: test.jobs, Pipeline: gitlabcitest.Pipeline{Status: test.status},
				}})
				p.AddJob(job{ID: 2, Stage: "b", Script: atOnce})
				test.want.follow(t, srv, p.ID)
				require.Equal(t, test.reason, triggerJob(t, srv)["failure_reason"])
			})
		})
	}
}

// Changes of a pipeline after its end, even at the same moment, do not end its trigger job
// twice.
func TestDependEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{
			{Script: runs(10)},
			{Script: gitlabcitest.Script{Runs: time.Hour, Cancels: 5 * time.Second}, Retries: []gitlabcitest.Script{atOnce}},
		}}})
		p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Script: runs(1)})
		course{{5, "running: running created"}}.follow(t, srv, p.ID)
		post(t, srv, "/projects/1/jobs/1002/cancel")
		post(t, srv, "/projects/1/jobs/1002/retry")
		course{{4, "running: running created"}}.follow(t, srv, p.ID)
		require.Equal(t, clock(0), get(t, srv, "/projects/1/pipelines/101").object(t)["updated_at"], "it waits")
		course{{1, "running: success running"}, {2, "success: success success"}}.follow(t, srv, p.ID)
		require.Equal(t, "canceled", get(t, srv, "/projects/1/jobs/1002").object(t)["status"])
		require.Equal(t, clock(10), triggerJob(t, srv)["finished_at"])
	})
}

// A pipeline without jobs ends by requests alone.
func TestDependOnStaticPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Trigger: &gitlabcitest.Trigger{Depend: true, Pipeline: gitlabcitest.Pipeline{Status: "running"}}})
		course{{1, "running: running"}}.follow(t, srv, p.ID)
		require.Equal(t, clock(0), get(t, srv, "/projects/1/pipelines/102").object(t)["started_at"])
		post(t, srv, "/projects/1/pipelines/102/cancel")
		course{{1, "canceled: canceled"}}.follow(t, srv, p.ID)
		require.Equal(t, clock(1), triggerJob(t, srv)["finished_at"])
		post(t, srv, "/projects/1/pipelines/102/retry")
		course{{1, "running: running"}}.follow(t, srv, p.ID)
	})
}

func TestRetriedTriggerStartsAnother(t *testing.T) {
	for _, path := range []string{"/projects/1/jobs/1/retry", "/projects/1/pipelines/101/retry"} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			p.AddJob(gitlabcitest.Job{ID: 1, Stage: "a", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Script: fails(10)}}}})
			p.AddJob(gitlabcitest.Job{ID: 2, Stage: "b", Script: atOnce})
			course{{10, "failed: failed skipped"}}.follow(t, srv, p.ID)
			require.Equal(t, 201, post(t, srv, path).status)
			course{{0, "running: created running"}}.follow(t, srv, p.ID)
			require.Equal(t, "103", object(triggerJob(t, srv).in("downstream_pipeline")).id())
			require.Equal(t, "failed", get(t, srv, "/projects/1/pipelines/102").object(t)["status"])
			course{{10, "failed: skipped failed"}}.follow(t, srv, p.ID)
		})
	}
}

// If a pipeline runs again, so does the trigger job that depends on it, and
// what was skipped after that waits for it again.
func TestTriggerRunsAgain(t *testing.T) {
	type job = gitlabcitest.Job
	for _, path := range []string{"/projects/1/jobs/1002/retry", "/projects/1/pipelines/103/retry"} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			p.AddJob(job{ID: 1, Stage: "a", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []job{
				{Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []job{{Script: fails(10), Retries: []gitlabcitest.Script{runs(10)}}}}},
			}}})
			p.AddJob(job{ID: 2, Stage: "b", Script: atOnce})
			p.AddJob(job{ID: 3, Stage: "c", Script: atOnce})
			course{{10, "failed: failed skipped skipped"}}.follow(t, srv, p.ID)
			require.Equal(t, 201, post(t, srv, path).status)
			require.Equal(t, []any{"running", nil}, []any{triggerJob(t, srv)["status"], triggerJob(t, srv)["finished_at"]}, "at once")
			require.Equal(t, "102", object(triggerJob(t, srv).in("downstream_pipeline")).id(), "the same one")
			course{{9, "running: running created created"}, {10, "success: success success success"}}.follow(t, srv, p.ID)
		})
	}
}

// A pipeline may have ended again before its trigger job runs again.
func TestTriggerRunsForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{
			{Stage: "a", Script: runs(10)}, {Stage: "b", When: gitlabcitest.WhenOnFailure, Script: runs(10)},
		}}})
		course{{5, "running: running"}}.follow(t, srv, p.ID)
		post(t, srv, "/projects/1/jobs/1002/cancel")
		course{{5, "canceled: canceled"}}.follow(t, srv, p.ID)
		require.Equal(t, "success", post(t, srv, "/projects/1/pipelines/102/retry").object(t)["status"], "the job that was canceled is skipped now")
		course{{1, "success: success"}}.follow(t, srv, p.ID)
	})
}

// Only what depends on a pipeline does so, and only its newest attempt.
func TestTriggerDoesNotRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Trigger: &gitlabcitest.Trigger{Jobs: []gitlabcitest.Job{{Script: fails(10)}}}})
		p.AddJob(gitlabcitest.Job{ID: 2, Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Script: fails(10)}}}})
		course{{10, "failed: success failed"}}.follow(t, srv, p.ID)
		post(t, srv, "/projects/1/pipelines/102/retry")
		course{{1, "failed: success failed"}, {20, "failed: success failed"}}.follow(t, srv, p.ID)
		post(t, srv, "/projects/1/jobs/2/retry")
		course{{20, "failed: success failed"}}.follow(t, srv, p.ID)
		updated := get(t, srv, "/projects/1/pipelines/101").object(t)["updated_at"]
		post(t, srv, "/projects/1/pipelines/103/retry")
		course{{1, "failed: success failed"}}.follow(t, srv, p.ID)
		require.Equal(t, updated, get(t, srv, "/projects/1/pipelines/101").object(t)["updated_at"], "that was an attempt before")
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipelines/101", "").status)
		post(t, srv, "/projects/1/pipelines/104/retry")
		course{{10, "failed: failed"}}.follow(t, srv, 104)
	})
}

// While it runs, the trigger job has no reason to begin again.
func TestTriggerKeepsRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{ID: 1, Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{
			{Script: runs(20)}, {Script: fails(10), Retries: []gitlabcitest.Script{runs(5)}},
		}}})
		course{{15, "running: running"}}.follow(t, srv, p.ID)
		require.Equal(t, 201, post(t, srv, "/projects/1/jobs/1002/retry").status)
		course{{5, "success: success"}}.follow(t, srv, p.ID)
		require.Equal(t, clock(0), triggerJob(t, srv)["started_at"])
	})
}

func TestCancelReachesChildren(t *testing.T) {
	type job = gitlabcitest.Job
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddProject("group/lib")
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		slow := gitlabcitest.Script{Runs: time.Hour, Cancels: 10 * time.Second}
		p.AddJob(job{ID: 1, Script: slow})
		p.AddJob(job{ID: 2, Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []job{{Script: slow}, {Stage: "b", Script: atOnce}}}})
		p.AddJob(job{ID: 3, Trigger: &gitlabcitest.Trigger{Jobs: []job{{Script: slow}}}})
		p.AddJob(job{ID: 4, Trigger: &gitlabcitest.Trigger{Project: "group/lib", Depend: true, Jobs: []job{{Script: slow}}}})
		p.AddJob(job{ID: 5, Stage: "later", Script: atOnce})
		course{{60, "running: running running success running created"}}.follow(t, srv, p.ID)
		r := post(t, srv, "/projects/1/pipelines/101/cancel")
		require.Equal(t, []any{200, "canceling"}, []any{r.status, r.object(t)["status"]})
		require.Equal(t, "canceling: canceling canceled success canceled canceled", seen(t, srv, p.ID))
		require.Equal(t, "canceling: canceling canceled", seen(t, srv, 102))
		require.Equal(t, "canceling: canceling", seen(t, srv, 103))
		o := get(t, srv, "/projects/2/pipelines/104").object(t)
		require.Equal(t, "running", o["status"])
		course{{9, "canceling: canceling canceled success canceled canceled"}, {10, "canceled: canceled canceled success canceled canceled"}}.follow(t, srv, p.ID)
		require.Equal(t, "canceled: canceled canceled", seen(t, srv, 102))
		time.Sleep(2 * time.Hour)
		require.Equal(t, "success", get(t, srv, "/projects/2/pipelines/104").object(t)["status"])
		require.Equal(t, "canceled: canceled canceled success canceled canceled", seen(t, srv, p.ID))
	})
}
