package gitlabci_test

import (
	"context"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func ExamplePipelinesService_All() {
	srv := gitlabcitest.NewServer()
	for _, status := range []gitlabci.Status{gitlabci.StatusFailed, gitlabci.StatusSuccess, gitlabci.StatusFailed} {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Status: status})
	}
	client, ctx := srv.Client(), context.Background()

	failed := &gitlabci.ListPipelinesOptions{Ref: "main", Status: gitlabci.StatusFailed}
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID, pipeline.Status)
	}
	// Output:
	// 103 failed
	// 101 failed
}

func ExamplePipelinesService_Latest() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Coverage: new(98.5)})
	client, ctx := srv.Client(), context.Background()

	latest, err := client.Pipelines.Latest(ctx, "group/app", "main")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(latest.Status, latest.User.Username, *latest.Coverage)
	// Output: success maya 98.5
}

func ExamplePipelinesService_Retry() {
	srv := gitlabcitest.NewServer()
	failed := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	for _, change := range []func(context.Context, gitlabci.ProjectID, gitlabci.PipelineID) (*gitlabci.Pipeline, error){
		client.Pipelines.Retry, client.Pipelines.Cancel,
	} {
		pipeline, err := change(ctx, "group/app", failed.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.Status)
	}
	fmt.Println(client.Pipelines.Delete(ctx, "group/app", failed.ID))
	// Output:
	// pending
	// canceled
	// <nil>
}

func ExamplePipelinesService_UpdateMetadata() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	client, ctx := srv.Client(), context.Background()

	pipeline, err := client.Pipelines.UpdateMetadata(ctx, "group/app", added.ID, &gitlabci.UpdateMetadataOptions{Name: "nightly"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.Name)
	// Output: nightly
}

func ExamplePipelinesService_Variables() {
	srv := gitlabcitest.NewServer()
	client, ctx := srv.Client(), context.Background()

	created, err := client.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "DEPLOY_TO", Value: "staging"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	variables, err := client.Pipelines.Variables(ctx, "group/app", created.ID)
	for _, v := range variables {
		fmt.Println(v.Key, v.VariableType, err)
	}
	// Output: DEPLOY_TO env_var <nil>
}

func ExamplePipelinesService_TestReport() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{{
		Name: "unit",
		TestCases: []gitlabci.TestCase{
			{Name: "adds"},
			{Name: "divides", Status: gitlabci.TestStatusFailed, SystemOutput: "got 1, want 2"},
		},
	}}}})
	client, ctx := srv.Client(), context.Background()

	report, err := client.Pipelines.TestReport(ctx, "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.TotalCount, "tests,", report.FailedCount, "failed")
	for _, suite := range report.TestSuites {
		for _, test := range suite.TestCases {
			if test.Status == gitlabci.TestStatusFailed {
				fmt.Println(suite.Name, test.Name, test.SystemOutput)
			}
		}
	}
	// Output:
	// 2 tests, 1 failed
	// unit divides got 1, want 2
}

// The failures of a report that may be too large for the memory.
func ExamplePipelinesService_TestCases() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
		{Name: "unit", TestCases: []gitlabci.TestCase{{Name: "adds"}, {Name: "divides", Status: gitlabci.TestStatusFailed}}},
		{Name: "ui", TestCases: []gitlabci.TestCase{{Name: "opens", Status: gitlabci.TestStatusFailed}}},
	}}})
	client, ctx := srv.Client(), context.Background()

	for test, err := range client.Pipelines.TestCases(ctx, "group/app", added.ID) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if test.Status == gitlabci.TestStatusFailed {
			fmt.Println(test.SuiteName, test.Name)
		}
	}
	// Output:
	// unit divides
	// ui opens
}

func ExamplePipelinesService_AllMine() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "noor"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "maya"})
	client, ctx := srv.Client(), context.Background()

	for pipeline, err := range client.Pipelines.AllMine(ctx, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ProjectIdentity.PathWithNamespace, pipeline.ID)
	}
	// Output: group/app 102
}
