package services_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// The pipeline of a merge request's head, of each kind, in the project and in a fork, and
// after a push not that of the head before.
func TestFindOfAMergeRequest(t *testing.T) {
	t.Parallel()
	for _, kind := range []gitlabcitest.PipelineKind{gitlabcitest.PipelineKindBranch, gitlabcitest.PipelineKindDetached, gitlabcitest.PipelineKindMergedResults} {
		for _, fork := range []string{"", "noor/app"} {
			t.Run(string(kind)+fork, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				if fork != "" {
					srv.AddProject(fork)
				}
				m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 3, Source: "topic", Fork: fork})
				find := func(sha string) (*gitlabci.Pipeline, error) {
					return srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 3, SHA: sha})
				}
				first := m.AddPipeline(kind, gitlabcitest.Pipeline{Name: "first"})
				found, err := find("")
				require.NoError(t, err)
				require.Equal(t, first.ID, found.ID)
				require.Equal(t, "first", found.Name, "as the pipeline itself says")

				head := m.Push("")
				_, err = find("")
				require.ErrorIs(t, err, gitlabci.ErrNotFound, "the pipeline of the head before")
				_, responded := errors.AsType[*gitlabci.APIError](err)
				require.False(t, responded)
				found, err = find(m.SHA)
				require.NoError(t, err)
				require.Equal(t, first.ID, found.ID)

				next := m.AddPipeline(kind, gitlabcitest.Pipeline{})
				for _, sha := range []string{"", head, strings.ToUpper(head), next.SHA} {
					found, err = find(sha)
					require.NoError(t, err)
					require.Equal(t, next.ID, found.ID)
				}
			})
		}
	}
}

// A pipeline that was started for the merge request takes precedence over a newer one of
// its branch.
func TestFindPrefersThoseOfTheMergeRequest(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	own := m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
	branch := m.AddPipeline(gitlabcitest.PipelineKindBranch, gitlabcitest.Pipeline{})
	for source, want := range map[gitlabci.Source]gitlabci.PipelineID{"": own.ID, gitlabci.SourceMergeRequestEvent: own.ID, gitlabci.SourcePush: branch.ID} {
		found, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 1, Source: source})
		require.NoError(t, err)
		require.Equal(t, want, found.ID)
	}
	_, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 9})
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	_, responded := errors.AsType[*gitlabci.APIError](err)
	require.True(t, responded, "there is no such merge request")
}

// After a push, Find waits for the pipeline of the new head.
func TestFindWaitsForTheHead(t *testing.T) {
	t.Parallel()
	for _, kind := range []gitlabcitest.PipelineKind{gitlabcitest.PipelineKindDetached, gitlabcitest.PipelineKindMergedResults} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
			for range 5 {
				m.AddPipeline(kind, gitlabcitest.Pipeline{})
			}
			m.Push("")
			var next gitlabci.PipelineID
			time.AfterFunc(time.Minute, func() { next = m.AddPipeline(kind, gitlabcitest.Pipeline{}).ID })
			found, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 1, Wait: true})
			synctest.Wait()
			require.NoError(t, err)
			require.Equal(t, next, found.ID)
			require.LessOrEqual(t, sent(srv, "GET /projects/:id/repository/commits/:sha"), 6, "a commit is read once")
		})
	}
}

// GitLab removes merge commits that nothing refers to, and keeps their pipelines.
func TestFindReadsACommitThatIsGoneOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
		m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{})
		m.Push("")
		const route = "GET /projects/:id/repository/commits/:sha"
		withdraw := srv.Fault(gitlabcitest.Fault{Route: route, Status: 404, Body: `{"message":"404 Commit Not Found"}`})
		var next gitlabci.PipelineID
		time.AfterFunc(time.Minute, func() {
			withdraw()
			next = m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{}).ID
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		found, err := srv.Client().Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 1, Wait: true})
		synctest.Wait()
		require.NoError(t, err)
		require.Equal(t, next, found.ID)
		require.Equal(t, 2, sent(srv, route), "one of each merge commit")
	})
}

// A merge request that does not exist is not waited for.
func TestFindDoesNotWaitForAMergeRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := gitlabcitest.NewServer().Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 9, Wait: true})
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		require.Zero(t, time.Since(start))
	})
}

// staleServer shows the pipeline of an earlier head as that of a merge request's head, as
// GitLab does until the next one is created. Its list of pipelines is that of those in
// projects that the token may read.
func staleServer(head, shown, list string) *http.ServeMux {
	mux := http.NewServeMux()
	respond := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			testkit.JSONStep(body)(w, r)
		})
	}
	const merge = "/api/v4/projects/{id}/merge_requests/3"
	respond("GET "+merge, fmt.Sprintf(`{"id":33,"iid":3,"sha":%q,"source_project_id":8,"head_pipeline":%s}`, head, shown))
	respond("GET "+merge+"/pipelines", list)
	mux.HandleFunc("GET /api/v4/projects/{id}/repository/commits/{sha}", func(w http.ResponseWriter, r *http.Request) {
		parents := map[string]string{staleMerge: staleHead, newMerge: newHead}
		testkit.JSONStep(fmt.Sprintf(`{"id":%q,"parent_ids":["00",%q]}`, r.PathValue("sha"), parents[r.PathValue("sha")]))(w, r)
	})
	respond("GET /api/v4/projects/1/pipelines/7", `{"id":7,"status":"success","name":"read"}`)
	return mux
}

var staleHead, staleMerge, newHead, newMerge = strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40), strings.Repeat("d", 40)

func TestFindIgnoresAStaleHeadPipeline(t *testing.T) {
	t.Parallel()
	pipeline := func(sha, ref string) string {
		return fmt.Sprintf(`{"id":7,"project_id":1,"status":"success","source":"merge_request_event","sha":%q,"ref":"refs/merge-requests/3/%s"}`, sha, ref)
	}
	for name, test := range map[string]struct {
		shown, list string
		found, name string // what is read, or only shown
	}{
		"detached, stale":       {shown: pipeline(staleHead, "head"), list: "[" + pipeline(staleHead, "head") + "]"},
		"merged results, stale": {shown: pipeline(staleMerge, "merge"), list: "[" + pipeline(staleMerge, "merge") + "]"},
		"a train, stale":        {shown: pipeline(staleMerge, "train"), list: `[]`},
		"merged results":        {shown: "null", list: "[" + pipeline(newMerge, "merge") + "]", found: "7", name: "read"},
		"hidden in a fork":      {shown: pipeline(newHead, "head"), list: `[]`, found: "7"},
		"nothing":               {shown: "null", list: `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(staleServer(newHead, test.shown, test.list).ServeHTTP)
			found, err := s.Client(t).Pipelines.Find(t.Context(), "1/x", &gitlabci.FindPipelineOptions{MergeRequest: 3})
			if test.found == "" {
				require.ErrorIs(t, err, gitlabci.ErrNotFound)
				return
			}
			require.NoError(t, err)
			require.EqualValues(t, 7, found.ID)
			require.Equal(t, test.name, found.Name)
		})
	}
}

// A status for a new head does not land in the pipeline of the head before, which the merge
// request still shows.
func TestStatusOfAMergeRequestWithAStaleHeadPipeline(t *testing.T) {
	t.Parallel()
	shown := fmt.Sprintf(`{"id":7,"project_id":1,"status":"success","sha":%q,"ref":"refs/merge-requests/3/head"}`, staleHead)
	mux := staleServer(newHead, shown, "["+shown+"]")
	mux.HandleFunc("GET /api/v4/projects/8/repository/commits/{sha}/statuses", testkit.JSONStep(`[]`))
	var set []string
	mux.HandleFunc("POST /api/v4/projects/{id}/statuses/{sha}", func(w http.ResponseWriter, r *http.Request) {
		set = append(set, r.PathValue("id")+" "+r.PathValue("sha"))
		testkit.JSONStep(`{"id":5,"name":"default","status":"success"}`)(w, r)
	})
	opts := &gitlabci.SetStatusOptions{MergeRequest: 3}
	_, err := testkit.NewScript(mux.ServeHTTP).Client(t).Statuses.Set(context.Background(), "1/x", newHead, gitlabci.StatusSuccess, opts)
	require.NoError(t, err)
	require.Equal(t, []string{"8 " + newHead}, set)
}
