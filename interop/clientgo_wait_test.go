package interop_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A bot with client-go sees a pipeline run by the clock.
func TestClientGoWaitsForAPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.OnCreate(project, gitlabcitest.Pipeline{},
			gitlabcitest.Job{Name: "build", Stage: "build", Script: gitlabcitest.Script{Queues: time.Minute, Runs: 5 * time.Minute, Log: "$ make\nok\n"}},
			gitlabcitest.Job{Name: "unit", Stage: "test", Script: gitlabcitest.Script{Runs: 2 * time.Minute, Result: gitlabci.StatusFailed}},
		)
		client := newClientGo(t, srv)
		pipeline, _, err := client.Pipelines.CreatePipeline(project, &gitlab.CreatePipelineOptions{Ref: new("main")})
		require.NoError(t, err)
		start, seen := time.Now(), []string{pipeline.Status}
		for pipeline.FinishedAt == nil {
			time.Sleep(10 * time.Second)
			pipeline, _, err = client.Pipelines.GetPipeline(project, pipeline.ID)
			require.NoError(t, err)
			if seen[len(seen)-1] != pipeline.Status {
				seen = append(seen, pipeline.Status)
			}
		}
		require.Equal(t, []string{"created", "pending", "running", "failed"}, seen)
		require.Equal(t, 8*time.Minute, time.Since(start))
		require.EqualValues(t, 7*60, pipeline.Duration)
		require.EqualValues(t, 60, pipeline.QueuedDuration)
	})
}
