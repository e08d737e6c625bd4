package gitlabci_test

import (
	"context"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// Why a pipeline failed that is made of several.
func ExamplePipelinesService_Tree() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	lib := srv.AddPipeline("group/lib", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, Source: gitlabci.SourcePipeline})
	lib.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed})
	lib.AddJob(gitlabcitest.Job{Name: "lint", Status: gitlabci.StatusFailed, AllowFailure: true})
	app := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	app.AddJob(gitlabcitest.Job{Name: "build"})
	app.AddTriggerJob(gitlabcitest.Job{Name: "library", Status: gitlabci.StatusFailed, Downstream: lib})
	client, ctx := srv.Client(), context.Background()

	tree, err := client.Pipelines.Tree(ctx, "group/app", app.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for one := range tree.Pipelines() {
		if one.Err != nil {
			fmt.Println("pipeline", one.Pipeline.ID, "may not be read:", one.Err)
		}
	}
	for job := range tree.All() {
		fmt.Println(job.Pipeline.ID, job.Name, job.Status)
	}
	for _, job := range tree.Failed() {
		fmt.Println("failed:", job.Name, "of project", job.Pipeline.ProjectID, job.FailureReason)
	}
	// Output:
	// 102 build success
	// 101 unit failed
	// 101 lint failed
	// failed: unit of project 2 script_failure
}
