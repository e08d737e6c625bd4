package interop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

func TestOfficialReadsMergeRequests(t *testing.T) {
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest(project, gitlabcitest.MergeRequest{Source: "topic", Username: "noor"})
	head := m.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{})
	client := officialClient(t, srv)
	got, answer, err := client.MergeRequests.GetMergeRequest(project, 1, nil)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, m.SHA, got.SHA)
	require.Equal(t, m.SHA, got.DiffRefs.HeadSha)
	require.EqualValues(t, head.ID, got.HeadPipeline.ID)
	require.Equal(t, "noor", got.Author.Username)

	sha := m.Push("")
	got, answer, err = client.MergeRequests.GetMergeRequest(project, 1, nil)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, sha, got.SHA)
	require.Nil(t, got.HeadPipeline)
	made, answer, err := client.MergeRequests.CreateMergeRequestPipeline(project, 1)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, sha, made.SHA)
	pipelines, answer, err := client.MergeRequests.ListMergeRequestPipelines(project, 1)
	answered(t, http.StatusOK, answer, err)
	require.Equal(t, []int64{made.ID, int64(head.ID)}, []int64{pipelines[0].ID, pipelines[1].ID})
}
