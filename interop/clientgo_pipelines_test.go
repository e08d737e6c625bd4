package interop_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoListProjectPipelines(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline(project, gitlabcitest.Pipeline{Ref: "topic", Name: "Nightly", Status: gitlabci.StatusFailed})
	srv.AddPipeline(project, gitlabcitest.Pipeline{})

	opts := &gitlab.ListProjectPipelinesOptions{Ref: new("topic"), Status: new(gitlab.Failed), OrderBy: new("updated_at"), Sort: new("asc")}
	found, response, err := newClientGo(t, srv).Pipelines.ListProjectPipelines(project, opts)
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, found, 1)
	require.Equal(t, "Nightly", found[0].Name)
	require.Equal(t, int64(101), found[0].ID)
	require.NotNil(t, found[0].CreatedAt)
	require.EqualValues(t, 1, response.TotalItems)
}

func TestClientGoScanByPageNumber(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for range 45 {
		srv.AddPipeline(project, gitlabcitest.Pipeline{})
	}
	client := newClientGo(t, srv)
	opts := &gitlab.ListProjectPipelinesOptions{ListOptions: gitlab.ListOptions{PerPage: 20}}
	found, err := gitlab.ScanAndCollect(func(p gitlab.PaginationOptionFunc) ([]*gitlab.PipelineInfo, *gitlab.Response, error) {
		return client.Pipelines.ListProjectPipelines(project, opts, p)
	})
	require.NoError(t, err)
	require.Len(t, found, 45)
	require.Equal(t, int64(145), found[0].ID)
	require.Equal(t, int64(101), found[44].ID)
	require.Len(t, srv.Requests(), 3)
}

func TestClientGoGetPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{Name: "Nightly", Coverage: new(91.5)})
	client := newClientGo(t, srv)

	for name, get := range map[string]func() (*gitlab.Pipeline, *gitlab.Response, error){
		"by ID": func() (*gitlab.Pipeline, *gitlab.Response, error) {
			return client.Pipelines.GetPipeline(1, int64(added.ID))
		},
		"latest": func() (*gitlab.Pipeline, *gitlab.Response, error) {
			return client.Pipelines.GetLatestPipeline(project, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			pipeline, response, err := get()
			requireStatus(t, http.StatusOK, response, err)
			require.Equal(t, int64(added.ID), pipeline.ID)
			require.Equal(t, "Nightly", pipeline.Name)
			require.Equal(t, "91.50", pipeline.Coverage)
			require.Equal(t, "maya", pipeline.User.Username)
			require.Equal(t, "Passed", pipeline.DetailedStatus.Text)
		})
	}
}

func TestClientGoPipelineVariables(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{Variables: []*gitlabci.Variable{{Key: "TARGET", Value: "staging"}}})
	found, response, err := newClientGo(t, srv).Pipelines.GetPipelineVariables(project, int64(added.ID))
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []*gitlab.PipelineVariable{{Key: "TARGET", Value: "staging", VariableType: gitlab.EnvVariableType}}, found)
}

func TestClientGoTestReports(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{{
		Name: "unit",
		TestCases: []gitlabci.TestCase{
			{Name: "TestAdd", Classname: "math", ExecutionTime: 0.25},
			{Name: "TestSub", Status: gitlabci.TestStatusFailed, SystemOutput: "got 3, want 1"},
		},
	}}}})
	added.AddJob(gitlabcitest.Job{Name: "unit"})
	client := newClientGo(t, srv)

	report, response, err := client.Pipelines.GetPipelineTestReport(project, int64(added.ID))
	requireStatus(t, http.StatusOK, response, err)
	require.EqualValues(t, 2, report.TotalCount)
	require.Equal(t, "got 3, want 1", report.TestSuites[0].TestCases[1].SystemOutput)

	summary, response, err := client.Pipelines.GetPipelineTestReportSummary(project, int64(added.ID))
	requireStatus(t, http.StatusOK, response, err)
	require.EqualValues(t, 1, summary.Total.Failed)
	require.Equal(t, []int64{1001}, summary.TestSuites[0].BuildIDs)
}

func TestClientGoCreatePipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := newClientGo(t, srv)
	opts := &gitlab.CreatePipelineOptions{
		Ref:       new("main"),
		Variables: &[]*gitlab.PipelineVariableOptions{{Key: new("TARGET"), Value: new("staging")}},
		Inputs:    gitlab.PipelineInputsOption{"replicas": gitlab.NewPipelineInputValue(3)},
	}
	pipeline, response, err := client.Pipelines.CreatePipeline(project, opts)
	requireStatus(t, http.StatusCreated, response, err)
	require.Equal(t, gitlab.PipelineSource("api"), pipeline.Source)
	variables, _, err := client.Pipelines.GetPipelineVariables(project, pipeline.ID)
	require.NoError(t, err)
	require.Equal(t, "staging", variables[0].Value)

	_, response, err = client.Pipelines.CreatePipeline(project, &gitlab.CreatePipelineOptions{Ref: new("absent")})
	require.ErrorContains(t, err, "Reference not found")
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
}

func TestClientGoChangePipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	added.AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed})
	pipelines, id := newClientGo(t, srv).Pipelines, int64(added.ID)

	retried, response, err := pipelines.RetryPipelineBuild(project, id)
	requireStatus(t, http.StatusCreated, response, err)
	require.Contains(t, []string{"pending", "running"}, retried.Status)
	canceled, response, err := pipelines.CancelPipelineBuild(project, id)
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "canceled", canceled.Status)
	renamed, response, err := pipelines.UpdatePipelineMetadata(project, id, &gitlab.UpdatePipelineMetadataOptions{Name: new("Nightly")})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "Nightly", renamed.Name)
	response, err = pipelines.DeletePipeline(project, id)
	requireStatus(t, http.StatusNoContent, response, err)
	_, response, err = pipelines.GetPipeline(project, id)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

// client-go expects that queued_duration is an integer. In GitLab's documentation, and from
// older servers, it has fractions: there client-go fails.
func TestClientGoFailsOnFractionalSeconds(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{})
	srv.Fault(gitlabcitest.Fault{Status: http.StatusOK, Body: fmt.Sprintf(`{"id":%d,"queued_duration":0.01}`, added.ID), Times: 2})

	_, _, err := newClientGo(t, srv).Pipelines.GetPipeline(project, int64(added.ID))
	require.ErrorContains(t, err, "cannot unmarshal number 0.01")
	pipeline, err := srv.Client().Pipelines.Get(t.Context(), project, added.ID)
	require.NoError(t, err)
	require.InDelta(t, 0.01, float64(pipeline.QueuedDuration), 1e-9)
}
