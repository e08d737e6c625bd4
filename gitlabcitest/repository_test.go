package gitlabcitest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const commitKeys = "id short_id created_at parent_ids title message author_name author_email authored_date committer_name committer_email " +
	"committed_date trailers extended_trailers web_url"

func TestBranch(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "main", Protected: true})
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "feature/a#b", Username: "noor", CreatedAt: day(3)})
	srv.AddMember("group/app", "dev", gitlabcitest.RoleDeveloper)
	dev := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "dev"})

	o := get(t, srv, "/projects/1/repository/branches/feature%2Fa%23b").object(t)
	requireKeys(t, "name commit merged protected developers_can_push developers_can_merge can_push default web_url", o)
	requireKeys(t, commitKeys, o.in("commit"))
	require.Equal(t, "feature/a#b", o["name"])
	require.Equal(t, false, o["protected"])
	require.Equal(t, false, o["default"])
	require.Equal(t, "https://gitlab.example.com/group/app/-/tree/feature/a%23b", o["web_url"])
	require.Equal(t, added.SHA, o.in("commit")["id"])
	require.Equal(t, "Noor", o.in("commit")["author_name"])
	require.Equal(t, "2024-03-03T12:00:00.000Z", o.in("commit")["created_at"])

	main := send(t, srv, "GET", "/projects/1/repository/branches/main", "", dev).object(t)
	require.Equal(t, []any{true, true, false}, []any{main["default"], main["protected"], main["can_push"]})
	require.Equal(t, "Maya", main.in("commit")["author_name"], "it has no pipeline")
	require.Equal(t, true, send(t, srv, "GET", "/projects/1/repository/branches/feature%2Fa%23b", "", dev).object(t)["can_push"])
}

func TestTag(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1.0", Tag: true})
	o := get(t, srv, "/projects/1/repository/tags/v1.0").object(t)
	requireKeys(t, "name message target commit release protected created_at", o)
	require.Equal(t, added.SHA, o["target"])
	require.Equal(t, added.SHA, o.in("commit")["id"])
}

func TestCommit(t *testing.T) {
	srv := gitlabcitest.NewServer()
	sha := strings.Repeat("ab", 20)
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", SHA: sha, Status: gitlabci.StatusFailed, Username: "noor"})
	newest := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", SHA: sha, Status: gitlabci.StatusRunning})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", SHA: sha, Source: gitlabci.SourceParentPipeline})
	tag := srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1", Tag: true})

	for _, name := range []string{sha, sha[:8], "topic"} {
		o := get(t, srv, "/projects/1/repository/commits/"+name).object(t)
		requireKeys(t, commitKeys+" stats status project_id last_pipeline", o)
		require.Equal(t, sha, o["id"])
		require.Equal(t, "Noor", o["author_name"], "it is the first pipeline's")
		require.Equal(t, "running", o["status"])
		requireKeys(t, basicKeys, o.in("last_pipeline"))
		require.EqualValues(t, newest.ID, o.in("last_pipeline")["id"])
	}
	o := get(t, srv, "/projects/1/repository/commits/v1").object(t)
	require.Equal(t, []any{tag.SHA, "Change v1", nil, nil}, []any{o["id"], o["title"], o["status"], o["last_pipeline"]})
	require.Equal(t, tag.SHA, get(t, srv, "/projects/1/repository/commits/"+tag.SHA[:7]).object(t)["id"])

	srv.Configure("group/app", gitlabcitest.Settings{Public: true, PrivateBuilds: true})
	require.Nil(t, send(t, srv, "GET", "/projects/1/repository/commits/topic", "", "anonymous").object(t)["last_pipeline"])
}

func TestNothingInTheRepository(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1", Tag: true})
	srv.AddMember("group/app", "guest", gitlabcitest.RoleGuest)
	guest := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "guest"})
	head := get(t, srv, "/projects/1/repository/commits/main").object(t)["id"].(string)
	for path, want := range map[string]string{
		"branches/v1":           "404 Branch Not Found",
		"branches/absent":       "404 Branch Not Found",
		"tags/main":             "404 Tag Not Found",
		"tags/absent":           "404 Tag Not Found",
		"commits/absent":        "404 Commit Not Found",
		"commits/" + head[:6]:   "404 Commit Not Found",
		"commits/" + head + "0": "404 Commit Not Found",
	} {
		r := get(t, srv, "/projects/1/repository/"+path)
		require.Equal(t, 404, r.status, path)
		require.JSONEq(t, `{"message":"`+want+`"}`, r.body)
		require.Equal(t, 403, send(t, srv, "GET", "/projects/1/repository/"+path, "", guest).status)
		require.Equal(t, 404, send(t, srv, "GET", "/projects/1/repository/"+path, "", "anonymous").status)
	}
	require.JSONEq(t, `{"error":"404 Not Found"}`, get(t, srv, "/projects/1/repository/branches/a/b").body)
}

func TestMergeRequests(t *testing.T) {
	srv := gitlabcitest.NewServer()
	topic := srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic"})
	event := gitlabci.SourceMergeRequestEvent
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "refs/merge-requests/7/head", SHA: topic.SHA, Source: event, Username: "noor", CreatedAt: day(1), UpdatedAt: day(2)})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "refs/merge-requests/7/merge", Source: event, CreatedAt: day(3), UpdatedAt: day(4)})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "refs/merge-requests/12/train"})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "refs/merge-requests/0/head"})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "refs/merge-requests/x/head"})

	list := get(t, srv, "/projects/1/merge_requests").list(t)
	require.Len(t, list, 2)
	requireKeys(t, "id iid project_id title description state created_at updated_at merged_by merge_user merged_at closed_by closed_at "+
		"target_branch source_branch user_notes_count upvotes downvotes author assignees assignee reviewers source_project_id "+
		"target_project_id labels draft work_in_progress milestone merge_when_pipeline_succeeds merge_status detailed_merge_status "+
		"merge_after sha merge_commit_sha squash_commit_sha discussion_locked should_remove_source_branch force_remove_source_branch "+
		"prepared_at squash squash_on_merge reference references web_url time_stats task_completion_status has_conflicts "+
		"blocking_discussions_resolved", list[0])
	require.Equal(t, []any{12.0, "merge-request-12", "maya"}, []any{list[0]["iid"], list[0]["source_branch"], list[0].in("author")["username"]})
	seven := list[1]
	require.Equal(t, []any{7.0, "topic", "main", topic.SHA}, []any{seven["iid"], seven["source_branch"], seven["target_branch"], seven["sha"]})
	require.Equal(t, "noor", seven.in("author")["username"])
	require.Equal(t, "2024-03-01T12:00:00.000Z", seven["created_at"])
	require.Equal(t, "group/app!7", seven.in("references")["full"])
	require.Equal(t, "https://gitlab.example.com/group/app/-/merge_requests/7", seven["web_url"])

	for query, want := range map[string]int{
		"state=opened": 2, "state=merged": 0, "state=all": 2, "source_branch=topic": 1, "source_branch=main": 0,
		"target_branch=main": 2, "target_branch=topic": 0, "per_page=1&page=2&sort=asc": 1,
	} {
		require.Len(t, get(t, srv, "/projects/1/merge_requests?"+query).list(t), want, query)
	}
	require.EqualValues(t, 7, get(t, srv, "/projects/1/merge_requests?sort=asc").list(t)[0]["iid"])
	require.Equal(t, 400, get(t, srv, "/projects/1/merge_requests?state=x").status)

	main := get(t, srv, "/projects/1/repository/branches/main").object(t).in("commit")["id"].(string)
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "refs/merge-requests/13/head", SHA: main})
	require.Equal(t, "merge-request-13", get(t, srv, "/projects/1/merge_requests").list(t)[0]["source_branch"], "not the one it goes to")
}

// What lists of a repository have, and what they refuse.
func TestListsOfARepository(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1", Tag: true})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic"})
	added := srv.AddCommit("group/app", gitlabcitest.Commit{Merges: "topic", Username: "noor"})
	branches := get(t, srv, "/projects/1/repository/branches?search=MAI")
	require.Equal(t, "1", branches.header.Get("X-Total"))
	require.Equal(t, added.SHA, branches.list(t)[0].in("commit")["id"])
	require.Len(t, get(t, srv, "/projects/1/repository/tags").list(t), 1)
	commits := get(t, srv, "/projects/1/repository/commits?per_page=1")
	require.Equal(t, added.SHA, commits.list(t)[0]["id"])
	require.Equal(t, "Noor", commits.list(t)[0]["author_name"])
	require.Empty(t, commits.header.Get("X-Total"), "commits are not counted")
	require.Equal(t, "2", commits.header.Get("X-Next-Page"))
	require.Empty(t, get(t, srv, "/projects/1/repository/commits?ref_name=none").list(t))
	require.Equal(t, 400, get(t, srv, "/projects/1/repository/branches?regex=%5B").status)
	require.Equal(t, 400, get(t, srv, "/projects/1/repository/tags?order_by=age").status)
	require.Equal(t, 404, get(t, srv, "/projects/9/repository/tags").status)
	srv.DeleteRef("group/app", "v1")
	require.Equal(t, 404, get(t, srv, "/projects/1/repository/tags/v1").status)
	require.Panics(t, func() { srv.DeleteRef("group/app", "v1") })
	require.Panics(t, func() { srv.AddCommit("group/app", gitlabcitest.Commit{Merges: "none"}) })
	require.Panics(t, func() { srv.AddCommit("group/app", gitlabcitest.Commit{SHA: added.SHA}) })
}
