package interop_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoListJobs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline(project, gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "flaky", Status: gitlabci.StatusFailed, Retried: true})
	pipeline.AddJob(gitlabcitest.Job{Name: "flaky", Tags: []string{"linux"}})
	pipeline.AddJob(gitlabcitest.Job{Name: "lint", Status: gitlabci.StatusFailed})
	jobs := newClientGo(t, srv).Jobs

	ofProject, response, err := jobs.ListProjectJobs(project, nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, ofProject, 3)
	require.Zero(t, response.TotalItems, "GitLab never counts a project's jobs")

	ofPipeline, response, err := jobs.ListPipelineJobs(project, int64(pipeline.ID), &gitlab.ListJobsOptions{Scope: &[]gitlab.BuildStateValue{gitlab.Success}})
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, ofPipeline, 1)
	require.Equal(t, []string{"linux"}, ofPipeline[0].TagList)
	require.Equal(t, int64(pipeline.ID), ofPipeline[0].Pipeline.ID)

	all, response, err := jobs.ListPipelineJobs(project, int64(pipeline.ID), &gitlab.ListJobsOptions{IncludeRetried: new(true)})
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, all, 3)
}

func TestClientGoListPipelineBridges(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline(project, gitlabcitest.Pipeline{})
	child := srv.AddPipeline(project, gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})
	pipeline.AddTriggerJob(gitlabcitest.Job{Name: "deploy", Downstream: child})
	found, response, err := newClientGo(t, srv).Jobs.ListPipelineBridges(project, int64(pipeline.ID), nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, found, 1)
	require.Equal(t, int64(child.ID), found[0].DownstreamPipeline.ID)
	require.Equal(t, "parent_pipeline", found[0].DownstreamPipeline.Source)
}

func TestClientGoScanJobs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline(project, gitlabcitest.Pipeline{})
	for range 45 {
		pipeline.AddJob(gitlabcitest.Job{})
	}
	client := newClientGo(t, srv)
	for name, list := range map[string]gitlab.ListOptions{
		"by page number": {PerPage: 20},
		"by keyset":      {PerPage: 20, Pagination: "keyset", OrderBy: "id", Sort: "desc"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(srv.Requests())
			opts := &gitlab.ListJobsOptions{ListOptions: list}
			found, err := gitlab.ScanAndCollect(func(p gitlab.PaginationOptionFunc) ([]*gitlab.Job, *gitlab.Response, error) {
				return client.Jobs.ListProjectJobs(project, opts, p)
			})
			require.NoError(t, err)
			require.Len(t, found, 45)
			require.Equal(t, int64(1045), found[0].ID)
			require.Equal(t, int64(1001), found[44].ID)
			require.Len(t, srv.Requests()[before:], 3)
		})
	}
}

func TestClientGoGetJob(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Name: "unit", Status: gitlabci.StatusFailed, Coverage: new(80.25), Log: "$ make test\n",
	})
	jobs := newClientGo(t, srv).Jobs

	job, response, err := jobs.GetJob(project, int64(added.ID))
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "unit", job.Name)
	require.Equal(t, "script_failure", job.FailureReason)
	require.InDelta(t, 80.25, job.Coverage, 1e-9)
	require.Equal(t, "maya", job.User.Username)
	require.NotEmpty(t, job.Commit.ShortID)

	log, response, err := jobs.GetTraceFile(project, int64(added.ID))
	requireStatus(t, http.StatusOK, response, err)
	text, err := io.ReadAll(log)
	require.NoError(t, err)
	require.Equal(t, "$ make test\n", string(text))
}

func TestClientGoGetJobTokensJob(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	client, err := gitlab.NewJobClient(srv.JobToken(added.ID), reaching(srv)...)
	require.NoError(t, err)
	job, response, err := client.Jobs.GetJobTokensJob(nil)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, int64(added.ID), job.ID)
}

func TestClientGoChangeJob(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline(project, gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
	running := int64(pipeline.AddJob(gitlabcitest.Job{Name: "build", Status: gitlabci.StatusRunning, Log: "$ make\n"}).ID)
	manual := int64(pipeline.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual}).ID)
	jobs := newClientGo(t, srv).Jobs

	canceled, response, err := jobs.CancelJob(project, running)
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, "canceled", canceled.Status)
	//lint:ignore SA1019 the test drives every method there is
	forced, response, err := jobs.CancelJobWithOptions(project, running, &gitlab.CancelJobOptions{Force: new(true)})
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, "canceled", forced.Status)
	retried, response, err := jobs.RetryJob(project, running)
	requireStatus(t, http.StatusCreated, response, err)
	require.NotEqual(t, running, retried.ID)
	erased, response, err := jobs.EraseJob(project, running)
	requireStatus(t, http.StatusCreated, response, err)
	require.NotNil(t, erased.ErasedAt)
	played, response, err := jobs.PlayJob(project, manual, &gitlab.PlayJobOptions{
		JobVariablesAttributes: &[]*gitlab.JobVariableOptions{{Key: new("TARGET"), Value: new("staging")}},
	})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "pending", played.Status)
	_, response, err = jobs.PlayJob(project, running, nil)
	require.ErrorContains(t, err, "Unplayable Job")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
}
