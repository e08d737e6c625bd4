package promises_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// ofRelease is a server with a pipeline of three jobs and a trigger job.
func ofRelease(release string) (*gitlabcitest.Server, *gitlabcitest.Pipeline) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
	created := time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		ID: 1, Status: gitlabci.StatusFailed, Coverage: new(30.5), CreatedAt: created, StartedAt: created.Add(1500 * time.Millisecond),
		FinishedAt: created.Add(91 * time.Second),
	})
	p.AddJob(gitlabcitest.Job{ID: 11, Name: "build", Artifacts: fstest.MapFS{"tree": {Data: []byte("oak")}}, Log: "0123456789"})
	p.AddJob(gitlabcitest.Job{ID: 12, Name: "unit", Status: gitlabci.StatusFailed, Tags: []string{"linux"}})
	p.AddJob(gitlabcitest.Job{ID: 13, Name: "deploy", Status: gitlabci.StatusManual})
	child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 2, Source: gitlabci.SourceParentPipeline})
	p.AddTriggerJob(gitlabcitest.Job{ID: 14, Name: "child", Downstream: child})
	return srv, p
}

func TestOldServersRead(t *testing.T) {
	t.Parallel()
	for _, release := range testkit.Releases {
		t.Run(release, func(t *testing.T) {
			srv, added := ofRelease(release)
			ctx, client := t.Context(), srv.Client()
			pipeline, err := client.Pipelines.Get(ctx, "group/app", 1)
			require.NoError(t, err)
			require.Equal(t, 30.5, *pipeline.Coverage)
			require.InDelta(t, 89.5, pipeline.Duration.Duration().Seconds(), 0.5)
			require.Equal(t, added.CreatedAt, pipeline.CreatedAt)
			if pipeline.DetailedStatus != nil {
				require.Equal(t, "failed", strings.ToLower(pipeline.DetailedStatus.Text))
			}

			var names []string
			opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}
			for job, err := range client.Jobs.All(ctx, "group/app", opts) {
				require.NoError(t, err)
				require.EqualValues(t, 1, job.Pipeline.ID)
				names = append(names, job.Name)
			}
			require.Equal(t, []string{"deploy", "unit", "build"}, names)

			triggers, err := client.Jobs.ListTriggerJobs(ctx, "group/app", 1, nil)
			require.NoError(t, err)
			require.Len(t, triggers.Items, 1)
			require.EqualValues(t, 2, triggers.Items[0].DownstreamPipeline.ID)

			log, err := client.Jobs.Log(ctx, "group/app", 11)
			require.NoError(t, err)
			text, err := io.ReadAll(log)
			require.NoError(t, err)
			require.Equal(t, "0123456789", string(text))
		})
	}
}

func TestOldServersLists(t *testing.T) {
	t.Parallel()
	// Before 15.9 there are no cursors, and one that does not know the wish
	// for them links to numbered pages.
	for release, byCursor := range map[string]bool{"12.3": false, "15.8": false, "15.9": true, "19.5": true} {
		srv, _ := ofRelease(release)
		opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}
		page, err := srv.Client().Jobs.List(t.Context(), "group/app", opts)
		require.NoError(t, err)
		require.Equal(t, byCursor, strings.Contains(string(page.Next), "cursor="), release)
		require.Equal(t, !byCursor, page.Page == 1, release)
		require.Equal(t, release == "12.3", page.Total == 3, release)
		next, err := srv.Client().Jobs.List(t.Context(), "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: page.Next}})
		require.NoError(t, err)
		require.Len(t, next.Items, 1)
		require.EqualValues(t, 11, next.Items[0].ID)
	}
}

func TestOldServersLackEndpoints(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		last, first string
		ask         func(*gitlabci.Client) error
	}{
		"my pipelines": {"19.2", "19.3", func(c *gitlabci.Client) error {
			_, err := c.Pipelines.ListMine(t.Context(), nil)
			return err
		}},
		"rename": {"16.5", "16.6", func(c *gitlabci.Client) error {
			_, err := c.Pipelines.UpdateMetadata(t.Context(), "group/app", 1, &gitlabci.UpdateMetadataOptions{Name: "nightly"})
			return err
		}},
		"test report": {"12.11", "13.0", func(c *gitlabci.Client) error {
			_, err := c.Pipelines.TestReport(t.Context(), "group/app", 1)
			return err
		}},
		"test report summary": {"14.1", "14.2", func(c *gitlabci.Client) error {
			_, err := c.Pipelines.TestReportSummary(t.Context(), "group/app", 1)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, _ := ofRelease(test.last)
			err := test.ask(srv.Client())
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.ErrorIs(t, err, gitlabci.ErrNotFound)
			srv, _ = ofRelease(test.first)
			require.NoError(t, test.ask(srv.Client()))
		})
	}
}

func TestOldServersTree(t *testing.T) {
	t.Parallel()
	srv, _ := ofRelease("18.7")
	file, err := srv.Client().Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(11), "tree", nil)
	require.NoError(t, err)
	text, err := io.ReadAll(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Equal(t, "oak", string(text))

	srv, _ = ofRelease("18.8")
	_, err = srv.Client().Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(11), "tree", nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	entries, err := srv.Client().Artifacts.ListEntries(t.Context(), "group/app", 11, nil)
	require.NoError(t, err)
	require.Equal(t, "tree", entries.Items[0].Name)
}
