package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// The pipeline of a merge request, whatever kind of pipelines it has.
func ExamplePipelinesService_Find() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "refs/merge-requests/7/head"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "refs/merge-requests/7/merge", Status: gitlabci.StatusRunning})
	client, ctx := srv.Client(), context.Background()

	for _, mergeRequest := range []int64{7, 8} {
		pipeline, err := client.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{MergeRequest: mergeRequest})
		switch {
		case errors.Is(err, gitlabci.ErrNotFound):
			fmt.Printf("!%d has no pipeline\n", mergeRequest)
		case err != nil:
			fmt.Println(err)
			return
		default:
			fmt.Printf("!%d: pipeline %d is %s\n", mergeRequest, pipeline.ID, pipeline.Status)
		}
	}
	// Output:
	// !7: pipeline 102 is running
	// !8 has no pipeline
}

// The pipeline that GitLab makes some time after a push.
func ExamplePipelinesService_Find_wait() {
	srv := gitlabcitest.NewServer()
	const pushed = "0123456789abcdef0123456789abcdef01234567"
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", SHA: pushed})
	client := srv.Client()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	pipeline, err := client.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{Ref: "main", SHA: pushed, Wait: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.ID, pipeline.Ref)
	// Output: 101 main
}
