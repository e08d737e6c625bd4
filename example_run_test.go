package gitlabci_test

import (
	"context"
	"fmt"
	"os"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// What failed is no error: it is in the result, with the reason.
func ExamplePipelinesService_Run() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed},
		gitlabcitest.Job{Name: "build", Log: "$ make\n"},
		gitlabcitest.Job{Name: "unit tests", Status: gitlabci.StatusFailed, Log: "$ make test\n--- FAIL: TestAdd\nERROR: Job failed: exit code 2\n"})
	client, ctx := srv.Client(), context.Background()

	result, err := client.Pipelines.Run(ctx, "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Pipeline.Status)
	for _, failure := range result.Failed {
		fmt.Println(failure.Job.Name, failure.Reason, failure.ExitCode, failure.Lines)
	}
	// Output:
	// failed
	// unit tests script_failure 2 [--- FAIL: TestAdd]
}

// The logs of jobs as they run, and the pipeline canceled if the program is.
func ExampleRunOptions() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Name: "build", Log: "\x1b[32;1m$ make\x1b[0;m\n10%\r100%\n"})
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.RunOptions{Log: os.Stdout, CancelOnExit: true}
	opts.Variables = []*gitlabci.Variable{{Key: "DEPLOY_TO", Value: "staging"}}
	opts.Event = func(event *gitlabci.PipelineEvent) {
		if event.Job == nil {
			fmt.Println("The pipeline is", event.Status)
		}
	}
	if _, err := client.Pipelines.Run(ctx, "group/app", "main", opts); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// The pipeline is success
	// build: $ make
	// build: 100%
}
