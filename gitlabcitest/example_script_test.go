package gitlabcitest_test

import (
	"context"
	"fmt"
	"io"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// wait is the code under test: a deploy script that waits for the end of a
// pipeline.
func wait(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, id gitlabci.PipelineID) (gitlabci.Status, error) {
	for {
		pipeline, err := client.Pipelines.Get(ctx, project, id)
		if err != nil {
			return "", err
		}
		if pipeline.Status.Finished() {
			return pipeline.Status, nil
		}
		time.Sleep(time.Millisecond)
	}
}

// In a test, testing/synctest makes an hour of this take no time.
func ExampleScript() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{},
		gitlabcitest.Job{Name: "build", Stage: "build", Script: gitlabcitest.Script{Queues: time.Millisecond, Runs: 2 * time.Millisecond}},
		gitlabcitest.Job{Name: "unit", Stage: "test", Script: gitlabcitest.Script{Runs: time.Millisecond, Result: gitlabci.StatusFailed}},
		gitlabcitest.Job{Name: "deploy", Stage: "deploy", Script: gitlabcitest.Script{Runs: time.Millisecond}},
		gitlabcitest.Job{Name: "report", Stage: "deploy", When: gitlabcitest.WhenOnFailure, Script: gitlabcitest.Script{Result: gitlabci.StatusSuccess}},
	)
	ctx, client := context.Background(), srv.Client()

	pipeline, err := client.Pipelines.Create(ctx, "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.Status)
	status, err := wait(ctx, client, "group/app", pipeline.ID)
	fmt.Println(status, err)
	for job, err := range client.Jobs.AllForPipeline(ctx, "group/app", pipeline.ID, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.Name, job.Status)
	}
	// Output:
	// created
	// failed <nil>
	// report success
	// deploy skipped
	// unit failed
	// build success
}

// A job that fails at first, and succeeds when it is tried again.
func ExampleJob_retries() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Script:  gitlabcitest.Script{Result: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonRunnerSystemFailure},
		Retries: []gitlabcitest.Script{{Result: gitlabci.StatusSuccess}},
	})
	ctx, client := context.Background(), srv.Client()

	first, err := client.Jobs.Get(ctx, "group/app", job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first.Status, first.FailureReason)
	again, err := client.Jobs.Retry(ctx, "group/app", job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.Status)
	again, err = client.Jobs.Get(ctx, "group/app", again.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.Status, again.Pipeline.Status)
	// Output:
	// failed runner_system_failure
	// pending
	// success success
}

// A test can be the runner itself.
func ExampleServer_SetJobStatus() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{When: gitlabcitest.WhenManual})
	ctx, client := context.Background(), srv.Client()

	played, err := client.Jobs.Play(ctx, "group/app", job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(played.Status)

	srv.SetJobStatus(job.ID, gitlabci.StatusRunning)
	srv.AppendLog(job.ID, "$ deploy\n")
	srv.FailJob(job.ID, gitlabci.FailureReasonRunnerInterrupted)
	failed, err := client.Jobs.Get(ctx, "group/app", job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(failed.Status, failed.FailureReason)
	log, err := client.Jobs.Log(ctx, "group/app", job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	fmt.Printf("%q %v\n", text, err)
	// Output:
	// pending
	// failed runner_interrupted
	// "$ deploy\n" <nil>
}

// A trigger job that ends as the pipeline does that it starts.
func ExampleTrigger() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/deploy")
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "deploy", Trigger: &gitlabcitest.Trigger{
		Project: "group/deploy",
		Jobs:    []gitlabcitest.Job{{Script: gitlabcitest.Script{Result: gitlabci.StatusFailed}}},
		Depend:  true,
	}})
	ctx, client := context.Background(), srv.Client()

	for job, err := range client.Jobs.AllTriggerJobs(ctx, "group/app", pipeline.ID, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.Name, job.Status, job.DownstreamPipeline.Source, job.DownstreamPipeline.Status)
	}
	// Output: deploy failed pipeline failed
}
