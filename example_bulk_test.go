package gitlabci_test

import (
	"context"
	"fmt"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// Pipelines of a year ago, first as a list of what would go.
func ExamplePipelinesService_DeleteEach() {
	srv := gitlabcitest.NewServer()
	for _, age := range []int{900, 400, 10} {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{CreatedAt: time.Now().AddDate(0, 0, -age)})
	}
	client, ctx := srv.Client(), context.Background()

	old := client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{CreatedBefore: time.Now().AddDate(-1, 0, 0)})
	for _, dry := range []bool{true, false} {
		for result, err := range client.Pipelines.DeleteEach(ctx, "group/app", old, &gitlabci.EachOptions{DryRun: dry, Concurrency: 1}) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(dry, result.Pipeline.ID, result.Err)
		}
	}
	// Output:
	// true 102 <nil>
	// true 101 <nil>
	// false 102 <nil>
	// false 101 <nil>
}

// What still runs of a branch, but for its newest pipeline.
func ExamplePipelinesService_CancelEach() {
	srv := gitlabcitest.NewServer()
	for range 3 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Status: gitlabci.StatusRunning})
	}
	client, ctx := srv.Client(), context.Background()

	newest, err := client.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{Ref: "main"})
	if err != nil {
		fmt.Println(err)
		return
	}
	running := client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{Ref: "main", Scope: gitlabci.PipelineScopeRunning})
	outdated := func(yield func(*gitlabci.PipelineInfo, error) bool) {
		for pipeline, err := range running {
			if (err != nil || pipeline.ID != newest.ID) && !yield(pipeline, err) {
				return
			}
		}
	}
	canceled := 0
	for result, err := range client.Pipelines.CancelEach(ctx, "group/app", outdated, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if result.Err == nil {
			canceled++
		}
	}
	fmt.Println(canceled, "canceled")
	// Output: 2 canceled
}

// The nightly runs that failed within the last hour.
func ExamplePipelinesService_RetryEach() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, Source: gitlabci.SourceSchedule})
	client, ctx := srv.Client(), context.Background()

	failed := client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{
		Status: gitlabci.StatusFailed, Source: gitlabci.SourceSchedule, UpdatedAfter: time.Now().Add(-time.Hour),
	})
	for result, err := range client.Pipelines.RetryEach(ctx, "group/app", failed, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Pipeline.ID, result.Err)
	}
	// Output: 101 <nil>
}
