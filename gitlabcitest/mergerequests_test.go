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

const mergeRequestKeys = "id iid project_id title description state created_at updated_at merged_by merge_user merged_at closed_by closed_at " +
	"target_branch source_branch user_notes_count upvotes downvotes author assignees assignee reviewers source_project_id " +
	"target_project_id labels draft work_in_progress milestone merge_when_pipeline_succeeds merge_status detailed_merge_status " +
	"merge_after sha merge_commit_sha squash_commit_sha discussion_locked should_remove_source_branch force_remove_source_branch " +
	"prepared_at squash squash_on_merge reference references web_url time_stats task_completion_status has_conflicts " +
	"blocking_discussions_resolved"

// headPipeline is the ID of the pipeline of a merge request's head, or nil.
func headPipeline(t *testing.T, srv *gitlabcitest.Server, path string) any {
	t.Helper()
	if p, ok := get(t, srv, path).object(t)["head_pipeline"].(map[string]any); ok {
		return int(p["id"].(float64))
	}
	return nil
}

func TestAddMergeRequest(t *testing.T) {
	srv := gitlabcitest.NewServer()
	branch := srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic"})
	first := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic", Username: "noor", CreatedAt: day(1)})
	require.Equal(t, branch.SHA, first.SHA)
	o := get(t, srv, "/projects/1/merge_requests/1").object(t)
	requireKeys(t, mergeRequestKeys+" subscribed changes_count latest_build_started_at latest_build_finished_at "+
		"first_deployed_to_production_at pipeline head_pipeline diff_refs merge_error user", o)
	for key, want := range map[string]any{
		"iid": 1.0, "title": "Change topic", "state": "opened", "source_branch": "topic", "target_branch": "main", "sha": branch.SHA,
		"draft": false, "created_at": "2024-03-01T12:00:00.000Z", "detailed_merge_status": "mergeable", "head_pipeline": nil,
		"merge_commit_sha": nil, "source_project_id": 1.0, "target_project_id": 1.0,
	} {
		require.Equal(t, want, o[key], key)
	}
	require.Equal(t, "noor", o.in("author")["username"])
	require.Equal(t, branch.SHA, o.in("diff_refs")["head_sha"])

	made := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "fresh", Title: "Fresh", Draft: true})
	require.EqualValues(t, 2, made.IID)
	require.Equal(t, made.SHA, get(t, srv, "/projects/1/repository/branches/fresh").object(t).in("commit")["id"])
	require.Equal(t, "draft_status", get(t, srv, "/projects/1/merge_requests/2").object(t)["detailed_merge_status"])
	srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 7, Source: "old", Target: "v1", State: "merged"})
	srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "given-up", State: "closed"})
	merged := get(t, srv, "/projects/1/merge_requests/7").object(t)
	require.NotNil(t, merged["merge_commit_sha"])
	require.NotNil(t, merged["merged_at"])
	require.NotNil(t, get(t, srv, "/projects/1/merge_requests/8").object(t)["closed_at"])
	for query, want := range map[string]int{"": 4, "state=opened": 2, "state=merged": 1, "target_branch=v1": 1, "source_branch=topic": 1,
		"author_username=noor": 1, "iids[]=1&iids[]=7": 2, "iids[]=9": 0, "labels=ci": 0, "labels=None": 4, "search=FRESH": 1, "view=simple": 4, "created_before=2024-03-02T00:00:00Z": 1} {
		require.Len(t, get(t, srv, "/projects/1/merge_requests?"+query).list(t), want, query)
	}
	require.JSONEq(t, `{"message":"404 Not found"}`, get(t, srv, "/projects/1/merge_requests/9").body)
}

// The pipeline of a merge request's head is gone once the head moves, no matter who moves
// it.
func TestTheHeadOfAMergeRequestMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
		const path = "/projects/1/merge_requests/1"
		moves := map[string]func() string{
			"by a push":          func() string { return m.Push("") },
			"by a push to a SHA": func() string { return m.Push("00000000deadbeef") },
			"by a ref": func() string {
				return srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic", SHA: "11111111deadbeef"}).SHA
			},
			"by another pipeline": func() string { return srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic"}).SHA },
		}
		all := 0
		for name, move := range moves {
			p := m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
			all++
			require.EqualValues(t, p.ID, headPipeline(t, srv, path), name)
			time.Sleep(time.Minute)
			sha := move()
			o := get(t, srv, path).object(t)
			require.Equal(t, sha, o["sha"], name)
			require.Equal(t, sha, get(t, srv, "/projects/1/repository/commits/refs%2Fmerge-requests%2F1%2Fhead").object(t)["id"])
			if name == "by another pipeline" {
				all++
				require.NotEqualValues(t, p.ID, headPipeline(t, srv, path), name)
			} else {
				require.Nil(t, headPipeline(t, srv, path), name)
			}
			require.Len(t, get(t, srv, path+"/pipelines").list(t), all, "those of earlier heads stay")
		}
	})
}

func TestPipelinesOfAMergeRequest(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic"}) // 101, of an earlier commit
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic", SHA: "22222222deadbeef"})
	const path = "/projects/1/merge_requests/1"
	require.Empty(t, get(t, srv, path+"/pipelines").list(t))
	detached := m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{}) // 102
	require.Equal(t, []any{"refs/merge-requests/1/head", m.SHA, gitlabci.SourceMergeRequestEvent}, []any{detached.Ref, detached.SHA, detached.Source})
	merged := m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{}) // 103
	require.Equal(t, "refs/merge-requests/1/merge", merged.Ref)
	require.NotEqual(t, m.SHA, merged.SHA)
	branch := m.AddPipeline(gitlabcitest.PipelineKindBranch, gitlabcitest.Pipeline{Source: gitlabci.SourceWeb}) // 104
	require.Equal(t, []any{"topic", m.SHA, gitlabci.SourceWeb}, []any{branch.Ref, branch.SHA, branch.Source})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", SHA: m.SHA, Source: gitlabci.SourceParentPipeline})   // 105, a child
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "refs/merge-requests/1/train", Source: "merge_request_event"}) // 106
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "refs/merge-requests/2/head", SHA: m.SHA})                     // 107, of another one
	require.Equal(t, []int{106, 103, 102, 104}, get(t, srv, path+"/pipelines").ids(t), "the newest is not the first")
	require.Equal(t, []int{102}, get(t, srv, path+"/pipelines?per_page=1&page=3").ids(t))
	requireKeys(t, basicKeys, get(t, srv, path+"/pipelines").list(t)[0])
	require.Equal(t, 103, headPipeline(t, srv, path), "that of merged results has another SHA")

	found, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 1})
	require.NoError(t, err)
	require.NotZero(t, found.ID)
	for _, p := range get(t, srv, "/pipelines").list(t) {
		switch int(p["id"].(float64)) {
		case 102, 103:
			require.Equal(t, map[string]any{"iid": 1.0, "title": "Change topic", "web_url": "https://gitlab.example.com/group/app/-/merge_requests/1"}, p["merge_request"])
		case 101, 104, 105, 107:
			require.NotContains(t, p, "merge_request")
		}
	}
}

func TestMergeRequestFromAFork(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("noor/app")
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic", Fork: "noor/app"})
	const path = "/projects/1/merge_requests/1"
	o := get(t, srv, path).object(t)
	require.Equal(t, []any{2.0, 1.0, 1.0}, []any{o["source_project_id"], o["target_project_id"], o["project_id"]})
	require.Equal(t, 404, get(t, srv, "/projects/1/repository/branches/topic").status)
	detached := m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
	branch := m.AddPipeline(gitlabcitest.PipelineKindBranch, gitlabcitest.Pipeline{})
	merged := m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{})
	require.Equal(t, []int{int(branch.ID), int(detached.ID)}, get(t, srv, "/projects/2/pipelines").ids(t))
	require.Equal(t, []int{int(merged.ID)}, get(t, srv, "/projects/1/pipelines").ids(t))
	require.Empty(t, get(t, srv, "/projects/2/merge_requests").list(t))
	require.Equal(t, []int{103, 101, 102}, get(t, srv, path+"/pipelines").ids(t))

	srv.AddMember("group/app", "ravi", gitlabcitest.RoleDeveloper)
	ravi := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "ravi"})
	require.Equal(t, []int{103}, send(t, srv, http.MethodGet, path+"/pipelines", "", ravi).ids(t), "those of the fork are not for everybody")
	require.Equal(t, 405, send(t, srv, http.MethodPost, path+"/pipelines", "", ravi).status)
	require.Equal(t, 200, post(t, srv, path+"/pipelines").status)
	require.Equal(t, 104, headPipeline(t, srv, path))
	require.Equal(t, []int{104, 102, 101}, get(t, srv, "/projects/2/pipelines").ids(t))
}

func TestCreatePipelineOfAMergeRequest(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Name: "test"})
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	const path = "/projects/1/merge_requests/1/pipelines"
	r := post(t, srv, path)
	require.Equal(t, 200, r.status)
	o := r.object(t)
	requireKeys(t, wholeKeys, o)
	require.Equal(t, []any{"created", "merge_request_event", "refs/merge-requests/1/head", m.SHA}, []any{o["status"], o["source"], o["ref"], o["sha"]})
	require.Len(t, get(t, srv, "/projects/1/pipelines/101/jobs").list(t), 1)
	r = post(t, srv, path+"?async=true")
	require.Equal(t, 202, r.status)
	require.Empty(t, r.body)
	require.Equal(t, []int{102, 101}, get(t, srv, path).ids(t))
	require.Equal(t, 401, send(t, srv, http.MethodPost, path, "", "anonymous").status)
	srv.AddMember("group/app", "guest", gitlabcitest.RoleGuest)
	guest := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "guest"})
	require.Equal(t, 404, send(t, srv, http.MethodPost, path, "", guest).status)

	srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "done", State: "merged"})
	require.Equal(t, 405, post(t, srv, "/projects/1/merge_requests/2/pipelines").status)
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "refs/merge-requests/3/head"}) // which implies one
	require.Equal(t, 200, post(t, srv, "/projects/1/merge_requests/3/pipelines").status)
	require.Equal(t, 103, headPipeline(t, srv, "/projects/1/merge_requests/3"))
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("12.2"))
	old.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	require.Equal(t, 405, post(t, old, path).status)
	require.Equal(t, 200, get(t, old, path).status)
}

func TestMisuseOfMergeRequests(t *testing.T) {
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	add := func(one gitlabcitest.MergeRequest) func() { return func() { srv.AddMergeRequest("group/app", one) } }
	for want, do := range map[string]func(){
		"AddMergeRequest: the merge request has no Source":                   add(gitlabcitest.MergeRequest{}),
		"AddMergeRequest: the IID -1 is negative":                            add(gitlabcitest.MergeRequest{Source: "a", IID: -1}),
		"AddMergeRequest: the merge request !1 exists already":               add(gitlabcitest.MergeRequest{Source: "a", IID: 1}),
		`AddMergeRequest: a merge request is never "open"`:                   add(gitlabcitest.MergeRequest{Source: "a", State: "open"}),
		`AddMergeRequest: there is no project "a/b"; add it with AddProject`: add(gitlabcitest.MergeRequest{Source: "a", Fork: "a/b"}),
		"Push: this MergeRequest was not returned by AddMergeRequest":        func() { new(gitlabcitest.MergeRequest).Push("") },
		`AddPipeline: "merge" is not a PipelineKind`:                         func() { m.AddPipeline("merge", gitlabcitest.Pipeline{}) },
		"AddPipeline: the Ref, Tag, SHA and Source of a pipeline of a merge request follow from its kind": func() {
			m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{Ref: "main"})
		},
	} {
		require.PanicsWithValue(t, "gitlabcitest: "+want, do)
	}
	require.Equal(t, 200, get(t, srv, "/version").status) // the lock is free
}
