package gitlabcitest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// The code under test sees a push, and a branch that is deleted.
func ExampleServer_AddRef() {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic", Protected: true})
	commit := srv.AddCommit("group/app", gitlabcitest.Commit{Branch: "topic", Message: "Paint the door"})
	client, ctx := srv.Client(), context.Background()

	branch, err := client.Branches.Get(ctx, "group/app", "topic")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(branch.Protected, branch.Commit.ID == commit.SHA, branch.Commit.Title)

	srv.DeleteRef("group/app", "topic")
	_, err = client.Branches.Get(ctx, "group/app", "topic")
	fmt.Println(errors.Is(err, gitlabci.ErrNotFound))
	// Output:
	// true true Paint the door
	// true
}

// A project is moved while a program uses its old path. Reads follow GitLab's redirect.
func ExampleServer_MoveProject() {
	srv := gitlabcitest.NewServer()
	srv.MoveProject("group/app", "company/app")
	client, ctx := srv.Client(), context.Background()

	project, err := client.Projects.Get(ctx, "group/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(project.PathWithNamespace)
	_, err = client.Pipelines.Create(ctx, "group/app", "main", nil)
	fmt.Println(err)
	// Output:
	// company/app
	// gitlabci: POST /projects/group%2Fapp/pipeline: 405 Method Not Allowed: Non GET methods are not allowed for moved projects: the project is now company/app
}

// A project whose pipelines take declared inputs only.
func ExampleServer_Configure() {
	srv := gitlabcitest.NewServer()
	srv.Configure("group/app", gitlabcitest.Settings{Inputs: map[string]gitlabcitest.Input{
		"stage": {Options: []any{"staging", "production"}},
	}})
	client, ctx := srv.Client(), context.Background()

	_, err := client.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{
		Inputs: map[string]any{"stage": "moon"},
	})
	fmt.Println(errors.Is(err, gitlabci.ErrInvalid))
	// Output: true
}

// The pipeline that the code under test created gets a job and the status of another system.
func ExampleServer_Pipeline() {
	srv := gitlabcitest.NewServer()
	client, ctx := srv.Client(), context.Background()
	created, err := client.Pipelines.Create(ctx, "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	pipeline := srv.Pipeline(created.ID)
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	pipeline.AddStatus(gitlabcitest.CommitStatus{Name: "scan", Status: gitlabci.StatusFailed})
	pipeline.AddTriggerJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusSkipped})
	for status, err := range client.Statuses.All(ctx, "group/app", created.SHA, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(status.Name, status.Status)
	}
	// Output:
	// build success
	// scan failed
	// deploy skipped
}

// The runner sends another end of the log than before, as after a crash.
func ExampleServer_SetLog() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	client, ctx := srv.Client(), context.Background()

	for _, text := range []string{"$ make\nok\n", "$ make\nrunner restarted\n"} {
		srv.SetLog(job.ID, text)
		log, err := client.Jobs.Log(ctx, "group/app", job.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer log.Close()
		shown, err := io.ReadAll(log)
		fmt.Printf("%q %v\n", shown, err)
	}
	// Output:
	// "$ make\nok\n" <nil>
	// "$ make\nrunner restarted\n" <nil>
}

// What runs in production, without jobs that deploy.
func ExampleServer_AddDeployment() {
	srv := gitlabcitest.NewServer()
	srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "prod", ExternalURL: "https://app.example.com"})
	added := srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "prod", Ref: "v1.4"})

	deployment, err := srv.Client().Deployments.Get(context.Background(), "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(deployment.Ref, deployment.Status, deployment.Environment.ExternalURL)
	// Output: v1.4 success https://app.example.com
}

// The variables of a group, and what the code under test has changed.
func ExampleServer_AddVariable() {
	srv := gitlabcitest.NewServer()
	group := gitlabci.GroupID("group")
	srv.AddVariable(group, gitlabci.CIVariable{Key: "REGION", Value: "eu"})
	srv.AddVariable(group, gitlabci.CIVariable{Key: "DEBUG", Value: "1"})
	client, ctx := srv.Client(), context.Background()

	if _, err := client.Variables.Set(ctx, group, &gitlabci.CIVariable{Key: "REGION", Value: "us"}); err != nil {
		fmt.Println(err)
		return
	}
	srv.RemoveVariable(group, "DEBUG", "") // by someone else
	for _, variable := range srv.Variables(group) {
		fmt.Println(variable.Key, variable.Value)
	}
	// Output: REGION us
}

// A program that checks configurations gets the verdict that the test decides.
func ExampleServer_OnLint() {
	srv := gitlabcitest.NewServer()
	srv.SetConfig("group/app", "main", "test: {}")
	srv.OnLint("group/app", func(lint gitlabcitest.Lint) gitlabci.LintResult {
		if strings.Contains(lint.Content, "script:") {
			return gitlabci.LintResult{Valid: true}
		}
		return gitlabci.LintResult{Errors: []string{"jobs test config should contain a script"}}
	})

	result, err := srv.Client().Lint.ValidateProject(context.Background(), "group/app", &gitlabci.LintProjectOptions{ContentRef: "main"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Valid, result.Errors)
	// Output: false [jobs test config should contain a script]
}

// A pipeline that a chat bot starts by a trigger token, and a schedule that is switched off.
func ExampleServer_AddTriggerToken() {
	srv := gitlabcitest.NewServer()
	srv.AddSchedule("group/app", gitlabcitest.Schedule{Description: "nightly", Inactive: true})
	token := srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{Description: "chat bot"})
	client, ctx := srv.Client(), context.Background()

	pipeline, err := client.Pipelines.Trigger(ctx, "group/app", "main", token.Token, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.Source)
	page, err := client.Schedules.List(ctx, "group/app", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Items[0].Description, page.Items[0].Active)
	// Output:
	// trigger
	// nightly false
}
