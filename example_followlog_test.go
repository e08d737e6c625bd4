package gitlabci_test

import (
	"context"
	"fmt"
	"os"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func ExampleJobsService_FollowLog() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed, Log: "$ go test ./...\nFAIL\n"})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.FindByName(ctx, "group/app", pipeline.ID, "test")
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err = client.Jobs.FollowLog(ctx, "group/app", job.ID, os.Stdout, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("It ended:", job.Status)
	// Output:
	// $ go test ./...
	// FAIL
	// It ended: failed
}
