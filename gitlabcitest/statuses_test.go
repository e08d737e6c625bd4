package gitlabcitest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const statusKeys = "id sha ref status name target_url description created_at started_at finished_at allow_failure coverage pipeline_id author"

// sha is the head of a branch.
func sha(t *testing.T, srv *gitlabcitest.Server, branch string) string {
	t.Helper()
	return get(t, srv, "/projects/1/repository/branches/"+branch).object(t).in("commit")["id"].(string)
}

// setStatus sets a status of a commit, with parameters such as "state=success".
func setStatus(t *testing.T, srv *gitlabcitest.Server, sha, parameters string, headers ...string) reply {
	t.Helper()
	return send(t, srv, "POST", "/projects/1/statuses/"+sha+"?"+parameters, "", headers...)
}

// statusesOf lists the statuses of a commit as "name state pipeline".
func statusesOf(t *testing.T, srv *gitlabcitest.Server, sha, query string) []string {
	t.Helper()
	found := []string{}
	for _, o := range get(t, srv, "/projects/1/repository/commits/"+sha+"/statuses?"+query).list(t) {
		found = append(found, fmt.Sprintf("%v %v %v", o["name"], o["status"], o["pipeline_id"]))
	}
	return found
}

func TestSetCommitStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5})
		r := setStatus(t, srv, p.SHA, url.Values{
			"state": {"running"}, "name": {"ci/bot"}, "target_url": {"https://ci.example.com/1"}, "description": {"at work"}, "coverage": {"12.5"},
		}.Encode())
		require.Equal(t, 201, r.status)
		o := r.object(t)
		requireKeys(t, statusKeys, o)
		for key, want := range map[string]any{
			"sha": p.SHA, "ref": "main", "status": "running", "name": "ci/bot", "target_url": "https://ci.example.com/1", "description": "at work",
			"created_at": "2000-01-01T00:00:00.000Z", "started_at": "2000-01-01T00:00:00.000Z", "finished_at": nil, "allow_failure": false,
			"coverage": 12.5, "pipeline_id": 5.0,
		} {
			require.Equal(t, want, o[key], key)
		}
		require.Equal(t, "maya", o.in("author")["username"])
		require.Equal(t, "running", get(t, srv, "/projects/1/pipelines/5").object(t)["status"], "the pipeline has the status of its jobs")

		time.Sleep(time.Minute)
		done := setStatus(t, srv, p.SHA, "state=failed&name=ci/bot&description=no").object(t)
		require.Equal(t, o["id"], done["id"])
		require.Equal(t, "https://ci.example.com/1", done["target_url"], "what is not given stays")
		require.Equal(t, "no", done["description"])
		require.Equal(t, "2000-01-01T00:01:00.000Z", done["finished_at"])
		require.Equal(t, "failed", get(t, srv, "/projects/1/pipelines/5").object(t)["status"])

		require.Equal(t, "default", setStatus(t, srv, p.SHA, "state=success").object(t)["name"])
		require.Equal(t, "by context", setStatus(t, srv, p.SHA, "state=success&context=by+context").object(t)["name"])
		require.Empty(t, get(t, srv, "/projects/1/pipelines/5/jobs").list(t), "a status is no job that a runner runs")
		require.Empty(t, get(t, srv, "/projects/1/jobs").list(t))
		require.Equal(t, 404, get(t, srv, fmt.Sprintf("/projects/1/jobs/%.0f", o["id"])).status)
		require.Equal(t, "failed", send(t, srv, "POST", "/projects/1/pipelines/5/retry", "").object(t)["status"], "a status is not retried")
	})
}

// The rows are the states to set, and their columns those that a status comes from.
// Refusals have GitLab's messages.
func TestStatusTransitions(t *testing.T) {
	events := map[string]string{"pending": "enqueue", "running": "run", "skipped": "skip"}
	for to, from := range map[string]map[string]string{
		"pending":  {"": "ok", "pending": "400", "running": "400", "success": "new", "failed": "new", "canceled": "new", "skipped": "new"},
		"running":  {"": "ok", "pending": "ok", "running": "400", "success": "new", "failed": "new", "canceled": "new", "skipped": "new"},
		"success":  {"": "ok", "pending": "ok", "running": "ok", "success": "new", "failed": "new", "canceled": "new", "skipped": "new"},
		"failed":   {"": "ok", "pending": "ok", "running": "ok", "success": "new", "failed": "new", "canceled": "new", "skipped": "new"},
		"canceled": {"": "ok", "pending": "ok", "running": "ok", "success": "new", "failed": "new", "canceled": "new", "skipped": "new"},
		"skipped":  {"": "ok", "pending": "ok", "running": "400", "success": "new", "failed": "new", "canceled": "new", "skipped": "new"},
	} {
		for state, want := range from {
			t.Run(state+" to "+to, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				var before any
				if state != "" {
					before = setStatus(t, srv, p.SHA, "state="+state).object(t)["id"]
				}
				r := setStatus(t, srv, p.SHA, "state="+to+"&description=changed")
				all := get(t, srv, "/projects/1/repository/commits/"+p.SHA+"/statuses?all=true").list(t)
				switch want {
				case "400":
					require.Equal(t, 400, r.status)
					require.JSONEq(t, fmt.Sprintf(`{"message":"Cannot transition status via :%[1]s from :%[2]s (Reason(s): Status cannot transition via \"%[1]s\")"}`, events[to], state), r.body)
					require.Len(t, all, 1)
					require.Nil(t, all[0]["description"], "nothing is changed")
				case "ok":
					require.Equal(t, 201, r.status, r.body)
					require.Equal(t, to, r.object(t)["status"])
					require.Len(t, all, 1)
				case "new":
					require.Equal(t, 201, r.status, r.body)
					require.NotEqual(t, before, r.object(t)["id"])
					require.Len(t, all, 2)
					require.Len(t, statusesOf(t, srv, p.SHA, ""), 1, "the older one is superseded")
				}
			})
		}
	}
}

func TestPipelineOfAStatus(t *testing.T) {
	srv := gitlabcitest.NewServer()
	const commit = "00000000000000000000000000000000deadbeef"
	add := func(id gitlabci.PipelineID, p gitlabcitest.Pipeline) {
		p.ID, p.SHA = id, commit
		srv.AddPipeline("group/app", p)
	}
	add(1, gitlabcitest.Pipeline{Ref: "topic"})
	add(2, gitlabcitest.Pipeline{Ref: "refs/merge-requests/1/head", Source: gitlabci.SourceMergeRequestEvent})
	add(3, gitlabcitest.Pipeline{Ref: "topic", Source: gitlabci.SourceParentPipeline})
	add(4, gitlabcitest.Pipeline{Ref: "topic", Archived: true})
	of := func(parameters string) any {
		t.Helper()
		r := setStatus(t, srv, commit, "state=success&"+parameters)
		require.Equal(t, 201, r.status, r.body)
		return r.object(t)["pipeline_id"]
	}
	require.Equal(t, 2.0, of(""), "the newest that is neither a child nor archived")
	require.Equal(t, 1.0, of("ref=topic"))
	require.Equal(t, 1.0, of("pipeline_id=1"))
	for _, parameters := range []string{"pipeline_id=3", "pipeline_id=4", "pipeline_id=99", "pipeline_id=2&ref=topic"} {
		r := setStatus(t, srv, commit, "state=success&"+parameters)
		require.Equal(t, 404, r.status, parameters)
		require.JSONEq(t, `{"message":"404 Pipeline for pipeline_id, sha and ref Not Found"}`, r.body)
	}
	require.Equal(t, 101.0, of("ref=elsewhere"), "a new one")
	made := get(t, srv, "/projects/1/pipelines/101").object(t)
	require.Equal(t, []any{"external", "elsewhere", "success", commit}, []any{made["source"], made["ref"], made["status"], made["sha"]})

	require.Equal(t, 404, setStatus(t, srv, "0123456789", "state=success").status)
	require.JSONEq(t, `{"message":"404 Commit Not Found"}`, setStatus(t, srv, "0123456789", "state=success").body)
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1", Tag: true, SHA: "11111111deadbeef"})
	require.JSONEq(t, `{"message":"404 References for commit Not Found"}`, setStatus(t, srv, "11111111deadbeef", "state=success").body)
	require.Len(t, get(t, srv, "/projects/1/pipelines?source=external").list(t), 1)
	require.Equal(t, "main", setStatus(t, srv, sha(t, srv, "main"), "state=pending").object(t)["ref"], "the branch with that head")
}

func TestStatusesOfOneName(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
	ines := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "ines"})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 9})
	p.AddJob(gitlabcitest.Job{Name: "unit"})
	setStatus(t, srv, p.SHA, "state=running&name=bot")
	theirs := setStatus(t, srv, p.SHA, "state=success&name=bot", ines)
	require.Equal(t, "ines", theirs.object(t).in("author")["username"])
	require.Equal(t, []string{"unit success 9", "bot success 9"}, statusesOf(t, srv, p.SHA, ""))
	require.Equal(t, []string{"bot running 9", "bot success 9"}, statusesOf(t, srv, p.SHA, "all=true&name=bot"), "another user's is another one")
	require.Equal(t, "success", get(t, srv, "/projects/1/pipelines/9").object(t)["status"], "a superseded one does not count")

	setStatus(t, srv, p.SHA, "state=failed&name=unit")
	require.Equal(t, []string{"unit failed 9"}, statusesOf(t, srv, p.SHA, "name=unit"), "a job of that name is superseded")
	require.Equal(t, []string{"bot success 9", "unit failed 9"}, statusesOf(t, srv, p.SHA, "stage=external"))
	require.Equal(t, []string{"unit failed 9", "bot success 9", "bot running 9"}, statusesOf(t, srv, p.SHA, "stage=external&all=1&sort=desc&order_by=pipeline_id"))
	require.Empty(t, statusesOf(t, srv, p.SHA, "pipeline_id=8"))
	require.Empty(t, statusesOf(t, srv, p.SHA, "ref=topic"))
	require.JSONEq(t, `{"message":"404 Commit Not Found"}`, get(t, srv, "/projects/1/repository/commits/beefbeef/statuses").body)
}

func TestStatusIsRefused(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	long := strings.Repeat("ü", 256)
	for parameters, want := range map[string]string{
		"":                                    `{"error":"state is missing"}`,
		"state=done":                          `{"error":"state does not have a valid value"}`,
		"state=success&pipeline_id=x":         `{"error":"pipeline_id is invalid"}`,
		"state=success&coverage=most":         `{"error":"coverage is invalid"}`,
		"state=success&target_url=ci.example": `{"message":{"target_url":["must be a valid URL"]}}`,
		"state=success&target_url=ftp://a/b":  `{"message":{"target_url":["must be a valid URL"]}}`,
		"state=success&name=":                 `{"message":{"name":["can't be blank"]}}`,
		"state=success&description=" + long:   `{"message":{"description":["is too long (maximum is 255 characters)"]}}`,
		"state=success&target_url=https:///c": `{"message":{"target_url":["must be a valid URL"]}}`,
	} {
		r := setStatus(t, srv, p.SHA, parameters)
		require.Equal(t, 400, r.status, parameters)
		require.JSONEq(t, want, r.body)
	}
	require.Empty(t, statusesOf(t, srv, p.SHA, "all=true"))
}

func TestRolesOfStatuses(t *testing.T) {
	for name, d := range map[string]roleCase{
		"list":             {"GET /repository/commits/main/statuses", gitlabcitest.RoleGuest, 200},
		"set":              {"POST /statuses/main?state=success", gitlabcitest.RoleDeveloper, 201},
		"set on protected": {"POST /statuses/release?state=success&ref=release", gitlabcitest.RoleMaintainer, 201},
	} {
		t.Run(name, func(t *testing.T) { requireRoles(t, d, gitlabcitest.Settings{}) })
	}
	requireRoles(t, roleCase{"GET /repository/commits/main/statuses", gitlabcitest.RoleReporter, 200}, gitlabcitest.Settings{PrivateBuilds: true})
}

func TestFullPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Configure("group/app", gitlabcitest.Settings{PipelineSize: 2})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 3})
	p.AddJob(gitlabcitest.Job{})
	require.Equal(t, 3.0, setStatus(t, srv, p.SHA, "state=running&name=a&pipeline_id=3").object(t)["pipeline_id"])
	full := setStatus(t, srv, p.SHA, "state=running&name=b&pipeline_id=3")
	require.Equal(t, 422, full.status)
	require.JSONEq(t, `{"message":"The number of jobs has exceeded the limit"}`, full.body)
	require.Equal(t, 201, setStatus(t, srv, p.SHA, "state=success&name=a&pipeline_id=3").status, "one that is there is updated")
	require.Equal(t, 101.0, setStatus(t, srv, p.SHA, "state=running&name=b").object(t)["pipeline_id"])
}

// A status takes its time, and others of the same commit wait for it, but not for ever.
func TestLeaseOfAStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.Configure("group/app", gitlabcitest.Settings{StatusesTake: 4 * time.Second})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 3})
		other := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "other"})
		start := time.Now()
		var calls sync.WaitGroup
		statuses, took := make([]reply, 5), make([]time.Duration, 5)
		for i := range statuses {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				at, begun := p.SHA, time.Now()
				if i == 4 {
					at = other.SHA
				}
				statuses[i] = setStatus(t, srv, at, fmt.Sprint("state=success&name=", i))
				took[i] = time.Since(begun)
			})
		}
		time.Sleep(time.Second)
		require.Empty(t, statusesOf(t, srv, p.SHA, ""), "nothing shows before it is done")
		calls.Wait()
		var conflicts, done int
		for i, r := range statuses {
			switch r.status {
			case 201:
				done++
			case 409:
				conflicts++
				require.JSONEq(t, `{"message":"Another update to this commit status is in progress"}`, r.body)
				require.Equal(t, 10*time.Second, took[i])
			}
		}
		require.Equal(t, []int{4, 1}, []int{done, conflicts}, "three within the ten seconds, and that of another commit")
		require.Equal(t, 4*time.Second, took[4])
		require.Len(t, statusesOf(t, srv, p.SHA, ""), 3)
		require.Less(t, time.Since(start), 15*time.Second)
	})
}

// Close ends what waits for a lease.
func TestCloseEndsALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.Configure("group/app", gitlabcitest.Settings{StatusesTake: time.Hour})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		time.AfterFunc(time.Second, srv.Close)
		req, err := http.NewRequestWithContext(t.Context(), "POST", "/projects/1/statuses/"+p.SHA+"?state=success", nil)
		require.NoError(t, err)
		_, err = srv.Client().Do(req)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		srv.Configure("group/app", gitlabcitest.Settings{})
		require.Equal(t, 201, setStatus(t, srv, p.SHA, "state=success").status, "the lease was given back")
	})
}

func TestAddStatus(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 6})
	id := p.AddStatus(gitlabcitest.CommitStatus{Name: "bot", Status: gitlabci.StatusPending, TargetURL: "https://a.example/", Description: "soon", Username: "noor"})
	o := get(t, srv, "/projects/1/repository/commits/"+p.SHA+"/statuses").list(t)[0]
	require.Equal(t, []any{float64(id), "pending", "https://a.example/", "soon"}, []any{o["id"], o["status"], o["target_url"], o["description"]})
	require.Equal(t, "noor", o.in("author")["username"])
	require.Equal(t, id, p.AddStatus(gitlabcitest.CommitStatus{Name: "bot", Username: "noor"}))
	require.Equal(t, "success", get(t, srv, "/projects/1/pipelines/6").object(t)["status"])
	p.AddStatus(gitlabcitest.CommitStatus{Name: "twice", Status: gitlabci.StatusPending})
	for sentence, wrong := range map[string]gitlabcitest.CommitStatus{
		`nobody can set the status "manual"`:                                                                      {Status: gitlabci.StatusManual},
		"GitLab refuses it: map[target_url:[must be a valid URL]]":                                                {TargetURL: "x"},
		`Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")`: {Name: "twice", Status: gitlabci.StatusPending},
	} {
		require.PanicsWithValue(t, "gitlabcitest: AddStatus: "+sentence, func() { p.AddStatus(wrong) })
	}
}
