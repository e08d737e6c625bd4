package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

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

// What failed is no error: it is in the result, with the reason.
func ExamplePipelinesService_Run() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed},
		gitlabcitest.Job{Name: "build", Log: "$ make\n"},
		gitlabcitest.Job{Name: "unit tests", Status: gitlabci.StatusFailed, Log: "$ make test\n--- FAIL: TestAdd (0.01s)\n    add_test.go:9: got 3, want 4\nERROR: Job failed: exit code 2\n"})
	client, ctx := srv.Client(), context.Background()

	result, err := client.Pipelines.Run(ctx, "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Pipeline.Status)
	for _, failure := range result.Failed {
		fmt.Println(failure.Job.Name, failure.Reason, failure.Summary.ExitCode)
		fmt.Println(failure.Summary.Reason)
	}
	// Output:
	// failed
	// unit tests script_failure 2
	// TestAdd: add_test.go:9: got 3, want 4
}

// The logs of jobs as they run, and the pipeline canceled if the program is.
func ExampleRunOptions() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Name: "build", Log: "\x1b[32;1m$ make\x1b[0;m\n10%\r100%\n"})
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.RunOptions{Log: os.Stdout, CancelOnExit: true}
	opts.Create.Variables = []*gitlabci.Variable{{Key: "DEPLOY_TO", Value: "staging"}}
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

// A failed pipeline is no error: check its status.
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
	// Output: manual gitlabci: blocked by a manual job: pipeline 101 in project group/app: "deploy"
}

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

// The running pipelines of a branch, except for the newest one.
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

// A bot reacts to each pipeline that fails, once, even if it is restarted meanwhile.
func ExamplePipelinesService_WatchAll() {
	srv := gitlabcitest.NewServer()
	for _, status := range []gitlabci.Status{gitlabci.StatusFailed, gitlabci.StatusSuccess, gitlabci.StatusFailed} {
		at := time.Now().Add(-time.Minute)
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: status, CreatedAt: at, UpdatedAt: at})
	}
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.WatchAllOptions{Since: time.Now().Add(-time.Hour)}
	react := func() {
		for event, err := range client.Pipelines.WatchAll(ctx, "group/app", opts) {
			if err != nil {
				fmt.Println(err)
				return
			}
			failed := event.Status == gitlabci.StatusFailed
			if failed {
				fmt.Println("pipeline", event.Pipeline.ID, "has failed")
			}
			opts.After = event.Cursor // a program would store it
			if failed {
				return // as if the program had crashed
			}
		}
	}
	react()
	react()
	// Output:
	// pipeline 101 has failed
	// pipeline 103 has failed
}

// Why a pipeline failed that someone else started.
func ExamplePipelinesService_Failures() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed, Log: "$ go test ./...\n--- FAIL: TestAdd (0.00s)\nFAIL\nERROR: Job failed: exit code 1\n"})
	client, ctx := srv.Client(), context.Background()

	failures, err := client.Pipelines.Failures(ctx, "group/app", pipeline.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, failure := range failures {
		fmt.Println(failure.Job.Name, failure.Reason)
		for _, line := range failure.Lines {
			fmt.Println("  ", line)
		}
	}
	// Output:
	// test script_failure
	//    --- FAIL: TestAdd (0.00s)
}

// The newest pipeline that was started for a merge request.
func ExamplePipelinesService_ListForMergeRequest() {
	srv := gitlabcitest.NewServer()
	request := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	request.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	request.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
	client, ctx := srv.Client(), context.Background()

	newest := &gitlabci.ListMergeRequestPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 1}}
	page, err := client.Pipelines.ListForMergeRequest(ctx, "group/app", request.IID, newest)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pipeline := range page.Items {
		fmt.Println(pipeline.ID, pipeline.Status, pipeline.Source)
	}
	// Output: 102 success merge_request_event
}

// The last pipelines that I started, in whichever project.
func ExamplePipelinesService_ListMine() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	srv.AddPipeline("group/lib", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Pipelines.ListMine(ctx, &gitlabci.ListMyPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 5}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pipeline := range page.Items {
		fmt.Println(pipeline.ProjectIdentity.PathWithNamespace, pipeline.Status)
	}
	// Output:
	// group/lib failed
	// group/app success
}

// The counts of a test report are much smaller than the report.
func ExamplePipelinesService_TestReportSummary() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
		{Name: "unit", TestCases: []gitlabci.TestCase{{Name: "adds"}, {Name: "divides", Status: gitlabci.TestStatusFailed}}},
		{Name: "ui", TestCases: []gitlabci.TestCase{{Name: "opens"}}},
	}}})
	client, ctx := srv.Client(), context.Background()

	summary, err := client.Pipelines.TestReportSummary(ctx, "group/app", 101)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.Total.Count, "tests,", summary.Total.Failed, "failed")
	for _, suite := range summary.TestSuites {
		fmt.Println(suite.Name, suite.FailedCount, "of", suite.TotalCount)
	}
	// Output:
	// 3 tests, 1 failed
	// unit 1 of 2
	// ui 0 of 1
}

// What made a pipeline and its downstream pipelines slow, and which of them could not start.
func ExamplePipelineTree_Slowest() {
	srv := gitlabcitest.NewServer()
	child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})
	child.AddJob(gitlabcitest.Job{Name: "ui tests", Duration: 20 * time.Minute})
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	pipeline.AddJob(gitlabcitest.Job{Name: "build", Duration: 5 * time.Minute})
	pipeline.AddJob(gitlabcitest.Job{Name: "lint", Duration: time.Minute})
	pipeline.AddTriggerJob(gitlabcitest.Job{Name: "tests", Downstream: child})
	pipeline.AddTriggerJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonInsufficientBridgePermissions})
	client, ctx := srv.Client(), context.Background()

	tree, err := client.Pipelines.Tree(ctx, "group/app", pipeline.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, job := range tree.Slowest(2) {
		fmt.Println(job.Name, job.Duration.Duration())
	}
	for _, job := range tree.FailedTriggerJobs() {
		fmt.Println(job.Name, job.FailureReason)
	}
	fmt.Println(tree.TestReportSummary().Total.Count, "tests")
	// Output:
	// ui tests 20m0s
	// build 5m0s
	// deploy insufficient_bridge_permissions
	// 0 tests
}
