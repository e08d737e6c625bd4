package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func ExampleJobsService_All() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	failed := &gitlabci.ListJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}}
	for job, err := range client.Jobs.All(ctx, "group/app", failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.ID, job.Name, job.FailureReason)
	}
	// Output: 1002 test script_failure
}

func ExampleJobsService_AllTriggerJobs() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/deploy")
	downstream := srv.AddPipeline("group/deploy", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddTriggerJob(gitlabcitest.Job{Name: "deploy", Downstream: downstream})
	client, ctx := srv.Client(), context.Background()

	for job, err := range client.Jobs.AllTriggerJobs(ctx, "group/app", pipeline.ID, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		started, err := client.Pipelines.Get(ctx, job.DownstreamPipeline.ProjectID, job.DownstreamPipeline.ID)
		fmt.Println(job.Name, started.Status, err)
	}
	// Output: deploy running <nil>
}

func ExampleJobsService_Log() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Log: "$ go test ./...\nok\n"})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.FindByName(ctx, "group/app", pipeline.ID, "test")
	if err != nil {
		fmt.Println(err)
		return
	}
	log, err := client.Jobs.Log(ctx, "group/app", job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	if _, err := io.Copy(os.Stdout, log); err != nil {
		fmt.Println(err)
	}
	// Output:
	// $ go test ./...
	// ok
}

// A retry is another job, with an ID of its own.
func ExampleJobsService_Retry() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	again, err := client.Jobs.Retry(ctx, "group/app", job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.ID, again.ID, again.Status)

	_, err = client.Jobs.Retry(ctx, "group/app", job.ID, nil)
	fmt.Println(errors.Is(err, gitlabci.ErrForbidden), err)
	// Output:
	// 1001 1002 pending
	// true gitlabci: POST /projects/group%2Fapp/jobs/1001/retry: 403 Forbidden: Job is not retryable
}

func ExampleJobsService_Play() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusManual})
	client, ctx := srv.Client(), context.Background()

	played, err := client.Jobs.Play(ctx, "group/app", job.ID, &gitlabci.PlayJobOptions{
		Variables: []*gitlabci.Variable{{Key: "REGION", Value: "eu"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(played.Name, played.Status)
	// Output: deploy pending
}

// Canceling a job that has ended is no error: check its status.
func ExampleJobsService_Cancel() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	running := pipeline.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	ended := pipeline.AddJob(gitlabcitest.Job{})
	client, ctx := srv.Client(), context.Background()

	for _, job := range []*gitlabcitest.Job{running, ended} {
		canceled, err := client.Jobs.Cancel(ctx, "group/app", job.ID, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(canceled.Status)
	}
	// Output:
	// canceled
	// success
}

// In a CI job, NewClientFromEnv finds the token.
func ExampleJobsService_Current() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusRunning})
	client := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID)))

	current, err := client.Jobs.Current(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(current.Name, current.Pipeline.ID)
	// Output: deploy 101
}

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

func ExampleJobsService_Get() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Name: "test", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonJobExecutionTimeout, Duration: time.Hour,
	})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.Get(ctx, "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Status, job.FailureReason, "after", job.Duration.Duration())
	// Output: test failed job_execution_timeout after 1h0m0s
}

// The newest jobs of a project, for a page of a dashboard. Next is what the page after it
// needs; "" means that there is none.
func ExampleJobsService_List() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	for _, name := range []string{"build", "test", "deploy"} {
		pipeline.AddJob(gitlabcitest.Job{Name: name})
	}
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}
	for range 2 {
		page, err := client.Jobs.List(ctx, "group/app", opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, job := range page.Items {
			fmt.Println(job.ID, job.Name)
		}
		fmt.Println("more:", page.Next != "")
		opts.After = page.Next
	}
	// Output:
	// 1003 deploy
	// 1002 test
	// more: true
	// 1001 build
	// more: false
}

// Each attempt of each job of a pipeline. Without IncludeRetried, only the newest attempt of
// each job is listed. ListForPipeline returns the same, one page at a time.
func ExampleJobsService_AllForPipeline() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed, Retried: true})
	pipeline.AddJob(gitlabcitest.Job{Name: "test"})
	client, ctx := srv.Client(), context.Background()

	for job, err := range client.Jobs.AllForPipeline(ctx, "group/app", pipeline.ID, &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.ID, job.Name, job.Status)
	}
	page, err := client.Jobs.ListForPipeline(ctx, "group/app", pipeline.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), "job")
	// Output:
	// 1002 test success
	// 1001 test failed
	// 1 job
}

// The trigger jobs of a pipeline that failed, and why. They are in no list of other jobs.
func ExampleJobsService_ListTriggerJobs() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddTriggerJob(gitlabcitest.Job{
		Name: "deploy", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonDownstreamBridgeProjectNotFound,
	})
	client, ctx := srv.Client(), context.Background()

	failed := &gitlabci.ListTriggerJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}}
	page, err := client.Jobs.ListTriggerJobs(ctx, "group/app", pipeline.ID, failed)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, job := range page.Items {
		fmt.Println(job.Name, job.FailureReason, "started a pipeline:", job.DownstreamPipeline != nil)
	}
	// Output: deploy downstream_bridge_project_not_found started a pipeline: false
}

// The newest successful build of a branch, although a later job of its pipeline failed.
func ExampleJobsService_Latest() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Status: gitlabci.StatusFailed})
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.Latest(ctx, "group/app", "main", "build", &gitlabci.LatestJobOptions{AnyPipeline: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.ID, job.Name, job.Pipeline.Status)
	// Output: 1001 build failed
}

// A job is started whatever state it is in: a manual job is played, and one that has finished
// is retried. Wait returns it when it has finished.
func ExampleJobsService_PlayOrRetry() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{
		Name: "deploy", When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Result: gitlabci.StatusSuccess},
	})
	client, ctx := srv.Client(), context.Background()

	for range 2 {
		job, err := client.Jobs.FindByName(ctx, "group/app", pipeline.ID, "deploy")
		if err != nil {
			fmt.Println(err)
			return
		}
		started, err := client.Jobs.PlayOrRetry(ctx, "group/app", job.ID, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		ended, err := client.Jobs.Wait(ctx, "group/app", started.ID, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.Status, "job", job.ID, "ran as job", ended.ID, "with", ended.Status)
	}
	// Output:
	// manual job 1001 ran as job 1001 with success
	// success job 1001 ran as job 1002 with success
}

// A log that shows a secret is deleted, together with the artifacts of its job.
func ExampleJobsService_Erase() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "test", Log: "password=hunter2\n"})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.Erase(ctx, "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, "erased:", !job.ErasedAt.IsZero())
	// Output: test erased: true
}

// A deploy job asks for the agents by which it reaches Kubernetes.
func ExampleJobsService_AllowedAgents() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusRunning})
	client := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID))) // NewClientFromEnv finds the token in a job

	allowed, err := client.Jobs.AllowedAgents(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, agent := range allowed.AllowedAgents {
		fmt.Println(agent.ID)
	}
	fmt.Println(len(allowed.AllowedAgents), "agents for job", allowed.Job.ID)
	// Output: 0 agents for job 1001
}
