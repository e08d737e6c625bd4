package served

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// A page has as many different things as its variety says, and nothing that a decoder
// of GitLab's responses would not know.
func TestVariedPages(t *testing.T) {
	for _, v := range []Variety{OnePipeline, OneProject, AllDistinct} {
		var jobs []*gitlabci.Job
		require.NoError(t, json.Unmarshal(VariedJobs(v), &jobs))
		require.Len(t, jobs, PerPage)
		ids, pipelines, commits, users, runners := map[gitlabci.JobID]bool{}, map[gitlabci.PipelineID]bool{}, map[string]bool{}, map[int64]bool{}, map[int64]bool{}
		for _, job := range jobs {
			ids[job.ID], pipelines[job.Pipeline.ID], commits[job.Commit.ID] = true, true, true
			users[job.User.ID], runners[job.Runner.ID] = true, true
			require.Equal(t, job.Commit.ID, job.Pipeline.SHA)
			require.NotEmpty(t, job.WebURL)
			require.Len(t, job.Artifacts, 3)
			require.False(t, job.ArtifactsExpireAt.IsZero())
		}
		require.Equal(t, []int{PerPage, v.Pipelines, v.Pipelines, v.Users}, []int{len(ids), len(pipelines), len(commits), len(users)})
		require.LessOrEqual(t, len(runners), v.Runners)
		require.Equal(t, VariedJobs(v), VariedJobs(v), "the same in every process")
	}
	var pipelines []*gitlabci.PipelineInfo
	require.NoError(t, json.Unmarshal(VariedPipelines(), &pipelines))
	require.Len(t, pipelines, PerPage)
	require.False(t, pipelines[99].UpdatedAt.IsZero())
}
