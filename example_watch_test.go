package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func ExamplePipelinesService_Watch() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
	build := pipeline.AddJob(gitlabcitest.Job{Name: "build", Status: gitlabci.StatusRunning})
	pipeline.AddJob(gitlabcitest.Job{Name: "lint"})
	client, ctx := srv.Client(), context.Background()

	often := &gitlabci.WatchOptions{MinInterval: 10 * time.Millisecond} // for a server in memory
	for event, err := range client.Pipelines.Watch(ctx, "group/app", pipeline.ID, often) {
		if err != nil {
			fmt.Println(err)
			return
		}
		name := "the pipeline"
		if event.Job != nil {
			name = event.Job.Name
		}
		if event.Previous == "" {
			fmt.Println(name, "is", event.Status)
		} else {
			fmt.Println(name, "was", event.Previous, "and is", event.Status)
		}
		if name == "lint" {
			srv.SetJobStatus(build.ID, gitlabci.StatusSuccess) // as a runner would
		}
	}
	// Output:
	// the pipeline is running
	// build is running
	// lint is success
	// build was running and is success
	// the pipeline was running and is success
}

// That a pipeline failed is no error: its status tells.
func ExamplePipelinesService_Wait() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	ended, err := client.Pipelines.Wait(ctx, "group/app", pipeline.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ended.ID, ended.Status)
	// Output: 101 failed
}

// A pipeline that waits for a person is returned with an error.
func ExamplePipelinesService_Wait_blocked() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusManual})
	pipeline.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual})
	client, ctx := srv.Client(), context.Background()

	often := &gitlabci.WatchOptions{MinInterval: 10 * time.Millisecond} // for a server in memory
	stopped, err := client.Pipelines.Wait(ctx, "group/app", pipeline.ID, often)
	if errors.Is(err, gitlabci.ErrBlocked) {
		fmt.Println(stopped.Status, err)
	}
	// Output: manual gitlabci: blocked by a manual job: pipeline 101 in project group/app
}
