package services_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// requestsServer has an open merge request and one that was merged long ago.
func requestsServer() (*gitlabcitest.Server, *gitlabcitest.MergeRequest) {
	srv := gitlabcitest.NewServer()
	first := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "feature/a#b", Username: "noor", Labels: []string{"ci"}})
	srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "old", State: "merged", CreatedAt: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)})
	return srv, first
}

func TestMergeRequests(t *testing.T) {
	t.Parallel()
	srv, first := requestsServer()
	head := first.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	requests := srv.Client().MergeRequests
	m, err := requests.Get(t.Context(), "group/app", 1)
	require.NoError(t, err)
	require.Equal(t, []string{first.SHA, first.SHA, "feature/a#b", "noor"}, []string{m.SHA, m.DiffRefs.HeadSHA, m.SourceBranch, m.Author.Username})
	require.Equal(t, head.ID, m.HeadPipeline.ID)
	require.Equal(t, gitlabci.StatusFailed, m.HeadPipeline.Status)
	require.EqualValues(t, "1", m.SourceProjectID)
	_, err = requests.Get(t.Context(), "group/app", 9)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	_, err = requests.Get(t.Context(), "group/app", 0)
	require.EqualError(t, err, "gitlabci: GET /projects/:id/merge_requests/:merge_request_iid: merge request IID 0 is not above zero")
	guest := srv.AddToken(gitlabcitest.Token{Username: member(srv, gitlabcitest.RoleGuest)})
	_, err = srv.Client(gitlabci.WithToken(guest)).MergeRequests.List(t.Context(), "group/app", nil)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
}

func TestListMergeRequests(t *testing.T) {
	t.Parallel()
	srv, _ := requestsServer()
	requests := srv.Client().MergeRequests
	for name, test := range map[string]struct {
		opts *gitlabci.ListMergeRequestsOptions
		want int
	}{
		"all":       {nil, 2},
		"merged":    {&gitlabci.ListMergeRequestsOptions{State: gitlabci.MergeRequestStateMerged}, 1},
		"branches":  {&gitlabci.ListMergeRequestsOptions{SourceBranch: "feature/a#b", TargetBranch: "main"}, 1},
		"author":    {&gitlabci.ListMergeRequestsOptions{AuthorUsername: "noor"}, 1},
		"label":     {&gitlabci.ListMergeRequestsOptions{Labels: []string{"ci"}}, 1},
		"no label":  {&gitlabci.ListMergeRequestsOptions{Labels: []string{"None"}}, 1},
		"two":       {&gitlabci.ListMergeRequestsOptions{IIDs: []int64{1, 2}}, 2},
		"one":       {&gitlabci.ListMergeRequestsOptions{IIDs: []int64{2}}, 1},
		"new":       {&gitlabci.ListMergeRequestsOptions{CreatedAfter: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, 1},
		"unchanged": {&gitlabci.ListMergeRequestsOptions{UpdatedBefore: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, 1},
		"simple":    {&gitlabci.ListMergeRequestsOptions{View: gitlabci.MergeRequestViewSimple, SourceBranch: "old", AuthorUsername: "maya"}, 1},
		"title":     {&gitlabci.ListMergeRequestsOptions{Search: "FEATURE"}, 1},
	} {
		page, err := requests.List(t.Context(), "group/app", test.opts)
		require.NoError(t, err, name)
		require.Len(t, page.Items, test.want, name)
	}
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("12.9"))
	old.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	_, err := old.Client().MergeRequests.List(t.Context(), "group/app", &gitlabci.ListMergeRequestsOptions{AuthorUsername: "noor"})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestMergeRequestOfAnotherNumber(t *testing.T) {
	t.Parallel()
	client := testkit.NewScript(testkit.Respond(200, `{"id":7,"iid":8}`)).Client(t)
	_, err := client.MergeRequests.Get(t.Context(), "group/app", 7)
	require.ErrorContains(t, err, "it is merge request !8")
}

// A list moves while it is read, oldest first: what changes goes to its end, and pulls others
// to pages that were read. An unchanged item is yielded once, and a changed one again.
func TestAllMergeRequestsByUpdate(t *testing.T) {
	t.Parallel()
	for _, order := range []gitlabci.MergeRequestOrder{"", gitlabci.MergeRequestOrderByUpdatedAt} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			var added []*gitlabcitest.MergeRequest
			add := func() {
				time.Sleep(time.Second)
				added = append(added, srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: fmt.Sprintf("topic-%d", len(added))}))
			}
			for range 30 {
				add()
			}
			opts := &gitlabci.ListMergeRequestsOptions{ListOptions: gitlabci.ListOptions{PerPage: 4}, OrderBy: order, Sort: gitlabci.SortAsc}
			yielded, changed := map[int64]int{}, map[int64]bool{}
			n := 0
			for m, err := range srv.Client().MergeRequests.All(t.Context(), "group/app", opts) {
				require.NoError(t, err)
				yielded[m.IID]++
				switch n++; {
				case n%5 == 0 && n < 30:
					add()
				case n%3 == 0 && n < 30:
					time.Sleep(time.Second)
					changed[int64(1+n*7%30)] = order != ""
					added[n*7%30].Push("")
				}
			}
			for iid := int64(1); iid <= 30; iid++ {
				require.True(t, yielded[iid] == 1 || yielded[iid] > 1 && changed[iid], "!%d: %d times", iid, yielded[iid])
			}
		})
	}
}

// The pipelines of a merge request: those that were started for it come first, so IDs go
// up again in the middle of the list.
func TestAllForMergeRequest(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	var detached, branch []gitlabci.PipelineID
	for range 6 {
		detached = append(detached, m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{}).ID)
		branch = append(branch, m.AddPipeline(gitlabcitest.PipelineKindBranch, gitlabcitest.Pipeline{}).ID)
	}
	for _, prefetch := range []int{1, 4} {
		opts := &gitlabci.ListMergeRequestPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 4, Prefetch: prefetch}}
		var ids []gitlabci.PipelineID
		for p, err := range srv.Client().Pipelines.AllForMergeRequest(t.Context(), "group/app", m.IID, opts) {
			require.NoError(t, err)
			ids = append(ids, p.ID)
			if len(ids) == 2 {
				m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
			}
		}
		for _, id := range append(branch, detached...) {
			require.Contains(t, ids, id, prefetch)
		}
		require.Len(t, unique(ids), len(ids), "none twice")
		require.Less(t, ids[len(ids)-1], ids[0])
	}
	_, err := srv.Client().Pipelines.ListForMergeRequest(t.Context(), "group/app", 9, nil)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}

func unique(ids []gitlabci.PipelineID) map[gitlabci.PipelineID]bool {
	set := map[gitlabci.PipelineID]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func TestCreateForMergeRequest(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 2, Source: "old", State: "closed"})
	pipelines := srv.Client().Pipelines
	made, err := pipelines.CreateForMergeRequest(t.Context(), "group/app", 1, nil)
	require.NoError(t, err)
	require.Equal(t, m.SHA, made.SHA)
	require.Equal(t, gitlabci.SourceMergeRequestEvent, made.Source)
	none, err := pipelines.CreateForMergeRequest(t.Context(), "group/app", 1, &gitlabci.CreateForMergeRequestOptions{Async: true})
	require.NoError(t, err)
	require.Nil(t, none)
	page, err := pipelines.ListForMergeRequest(t.Context(), "group/app", 1, nil)
	require.NoError(t, err)
	require.Len(t, page.Items, 2)

	_, err = pipelines.CreateForMergeRequest(t.Context(), "group/app", 2, nil)
	e, ok := errors.AsType[*gitlabci.APIError](err)
	require.True(t, ok)
	require.Equal(t, http.StatusMethodNotAllowed, e.StatusCode)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	_, err = pipelines.CreateForMergeRequest(t.Context(), "group/app", 9, &gitlabci.CreateForMergeRequestOptions{Async: true})
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}

// A create is sent once, however it ends.
func TestCreateForMergeRequestOnce(t *testing.T) {
	t.Parallel()
	for _, opts := range []*gitlabci.CreateForMergeRequestOptions{nil, {}, {Async: true}} {
		srv := gitlabcitest.NewServer()
		srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
		const route = "POST /projects/:id/merge_requests/:merge_request_iid/pipelines"
		srv.Fault(gitlabcitest.Fault{Route: route, Status: 502, Executed: true})
		_, err := srv.Client().Pipelines.CreateForMergeRequest(t.Context(), "group/app", 1, opts)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.Equal(t, 1, sent(srv, route))
	}
	s := testkit.NewScript(testkit.Respond(202, ``))
	none, err := s.Client(t).Pipelines.CreateForMergeRequest(t.Context(), "group/app", 7, &gitlabci.CreateForMergeRequestOptions{Async: true})
	require.NoError(t, err)
	require.Nil(t, none)
	require.JSONEq(t, `{"async":true}`, s.Bodies[0])
	_, err = testkit.NewScript(testkit.Respond(200, `{}`)).Client(t).Pipelines.CreateForMergeRequest(t.Context(), "group/app", 7, nil)
	require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "without a usable ID it is no success")
}
