package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoReadsMergeRequests(t *testing.T) {
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest(project, gitlabcitest.MergeRequest{Source: "topic", Username: "noor"})
	head := m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{})
	client := newClientGo(t, srv)
	got, response, err := client.MergeRequests.GetMergeRequest(project, 1, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, m.SHA, got.SHA)
	require.Equal(t, m.SHA, got.DiffRefs.HeadSha)
	require.EqualValues(t, head.ID, got.HeadPipeline.ID)
	require.Equal(t, "noor", got.Author.Username)

	sha := m.Push("")
	got, response, err = client.MergeRequests.GetMergeRequest(project, 1, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, sha, got.SHA)
	require.Nil(t, got.HeadPipeline)
	made, response, err := client.MergeRequests.CreateMergeRequestPipeline(project, 1)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, sha, made.SHA)
	pipelines, response, err := client.MergeRequests.ListMergeRequestPipelines(project, 1)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []int64{made.ID, int64(head.ID)}, []int64{pipelines[0].ID, pipelines[1].ID})

	srv.AddMergeRequest(project, gitlabcitest.MergeRequest{Source: "old", State: "merged", Labels: []string{"ci"}})
	listed, response, err := client.MergeRequests.ListProjectMergeRequests(project, &gitlab.ListProjectMergeRequestsOptions{
		State: new("merged"), IIDs: &[]int64{1, 2}, Labels: &gitlab.LabelOptions{"ci"}, OrderBy: new("updated_at"), View: new("simple"),
	})
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, listed, 1)
	require.EqualValues(t, 2, listed[0].IID)
	commit, response, err := client.Commits.GetCommit(project, head.SHA, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Contains(t, commit.ParentIDs, m.SHA, "of a merge that GitLab made")
	_, _, err = client.MergeRequests.GetMergeRequest(project, 9, nil)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
}

// A pipeline of a merge request that was not added makes one.
func TestClientGoFindsMergeRequestOfAPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	topic := srv.AddRef(project, gitlabcitest.Ref{Name: "topic"})
	srv.AddPipeline(project, gitlabcitest.Pipeline{Ref: "refs/merge-requests/3/head", SHA: topic.SHA, Source: gitlabci.SourceMergeRequestEvent})
	opts := &gitlab.ListProjectMergeRequestsOptions{State: new("opened"), SourceBranch: new("topic")}
	found, response, err := newClientGo(t, srv).MergeRequests.ListProjectMergeRequests(project, opts)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, found, 1)
	require.Equal(t, int64(3), found[0].IID)
	require.Equal(t, "main", found[0].TargetBranch)
	require.Equal(t, "maya", found[0].Author.Username)
}
