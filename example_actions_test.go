package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

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

// The active schedules, and whether each has run. Lists have no last pipeline, so that each
// schedule is read. All ranges over every page, List returns one of them.
func ExampleSchedulesService_All() {
	srv := gitlabcitest.NewServer()
	srv.AddSchedule("group/app", gitlabcitest.Schedule{Description: "nightly", Cron: "0 1 * * *"})
	srv.AddSchedule("group/app", gitlabcitest.Schedule{Description: "old", Inactive: true})
	client, ctx := srv.Client(), context.Background()

	active := &gitlabci.ListSchedulesOptions{Scope: gitlabci.ScheduleScopeActive}
	for found, err := range client.Schedules.All(ctx, "group/app", active) {
		if err != nil {
			fmt.Println(err)
			return
		}
		schedule, err := client.Schedules.Get(ctx, "group/app", found.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(schedule.Description, schedule.Owner.Username, "has run:", schedule.LastPipeline != nil)
	}
	page, err := client.Schedules.List(ctx, "group/app", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), "schedules")
	// Output:
	// nightly maya has run: false
	// 2 schedules
}

// A schedule runs now, not only at night. Then its pipelines of the last week are listed. They
// are listed oldest first, unless Sort says otherwise.
func ExampleSchedulesService_Play() {
	srv := gitlabcitest.NewServer()
	client, ctx := srv.Client(), context.Background()

	schedule, err := client.Schedules.Create(ctx, "group/app", &gitlabci.CreateScheduleOptions{
		Description: "nightly", Ref: "main", Cron: "0 1 * * *", CronTimezone: "Europe/Berlin",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := client.Schedules.Play(ctx, "group/app", schedule.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schedule.Ref, schedule.RefName(), pipeline.ID, pipeline.Source)

	week := &gitlabci.ListSchedulePipelinesOptions{CreatedAfter: time.Now().AddDate(0, 0, -7)}
	for pipeline, err := range client.Schedules.AllPipelines(ctx, "group/app", schedule.ID, week) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID, pipeline.Ref)
	}
	newest, err := client.Schedules.ListPipelines(ctx, "group/app", schedule.ID, &gitlabci.ListSchedulePipelinesOptions{
		ListOptions: gitlabci.ListOptions{PerPage: 1}, Sort: gitlabci.SortDesc,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(newest.Items), "pipeline")
	// Output:
	// refs/heads/main main 101 schedule
	// 101 main
	// 1 pipeline
}

// A bot takes over the schedule of someone who has left, and runs it an hour later, on
// another stage. Only the owner may change a schedule.
func ExampleSchedulesService_TakeOwnership() {
	srv := gitlabcitest.NewServer()
	added := srv.AddSchedule("group/app", gitlabcitest.Schedule{
		Username: "dana", Variables: []*gitlabci.Variable{{Key: "STAGE", Value: "test"}, {Key: "DEBUG", Value: "1"}},
	})
	client, ctx := srv.Client(), context.Background()

	schedule, err := client.Schedules.TakeOwnership(ctx, "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	schedule, err = client.Schedules.Update(ctx, "group/app", schedule.ID, &gitlabci.UpdateScheduleOptions{Cron: "0 2 * * *"})
	if err != nil {
		fmt.Println(err)
		return
	}
	variable, err := client.Schedules.SetVariable(ctx, "group/app", schedule.ID, &gitlabci.Variable{Key: "STAGE", Value: "staging"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.Schedules.DeleteVariable(ctx, "group/app", schedule.ID, "DEBUG"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schedule.Owner.Username, schedule.Cron, variable.Key, variable.Value)
	// Output: maya 0 2 * * * STAGE staging
}

// A schedule is removed once. If it is gone already, that is no failure.
func ExampleSchedulesService_Delete() {
	srv := gitlabcitest.NewServer()
	schedule := srv.AddSchedule("group/app", gitlabcitest.Schedule{}).ID
	client, ctx := srv.Client(), context.Background()

	for range 2 {
		err := client.Schedules.Delete(ctx, "group/app", schedule)
		if err != nil && !errors.Is(err, gitlabci.ErrNotFound) {
			fmt.Println(err)
			return
		}
		fmt.Println("removed")
	}
	// Output:
	// removed
	// removed
}

func ExampleSchedulesService_Create() {
	srv := gitlabcitest.NewServer()
	opts := &gitlabci.CreateScheduleOptions{Description: "nightly", Ref: "main", Cron: "0 2 * * *", CronTimezone: "Europe/Berlin"}
	schedule, err := srv.Client().Schedules.Create(context.Background(), "group/app", opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schedule.Description, schedule.Ref, schedule.Active)
	// Output: nightly refs/heads/main true
}

// What other systems said about a commit. The jobs of GitLab CI are in the list, too, unless
// Stage selects the statuses of others.
func ExampleStatusesService_All() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test"})
	pipeline.AddStatus(gitlabcitest.CommitStatus{Name: "scan", Status: gitlabci.StatusFailed, TargetURL: "https://scan.example.com/7"})
	client, ctx := srv.Client(), context.Background()

	for status, err := range client.Statuses.All(ctx, "group/app", pipeline.SHA, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(status.Name, status.Status)
	}
	page, err := client.Statuses.List(ctx, "group/app", pipeline.SHA, &gitlabci.ListStatusesOptions{Stage: "external"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, status := range page.Items {
		fmt.Println("external:", status.Name, status.TargetURL)
	}
	// Output:
	// test success
	// scan failed
	// external: scan https://scan.example.com/7
}

func ExampleStatusesService_Set() {
	srv := gitlabcitest.NewServer()
	request := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic"})
	request.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{})
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.SetStatusOptions{Name: "terraform plan", MergeRequest: 1, TargetURL: "https://plans.example.com/1"}
	for _, state := range []gitlabci.Status{gitlabci.StatusRunning, gitlabci.StatusRunning, gitlabci.StatusSuccess} {
		status, err := client.Statuses.Set(ctx, "group/app", request.SHA, state, opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(status.Status, status.ID, "in pipeline", status.PipelineID)
	}
	// Output:
	// running 1001 in pipeline 101
	// running 1001 in pipeline 101
	// success 1001 in pipeline 101
}

// Trigger tokens that nobody has used are deleted. Others get a description that says so.
func ExampleTriggersService_All() {
	srv := gitlabcitest.NewServer()
	srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{Description: "chat bot"})
	client, ctx := srv.Client(), context.Background()

	for found, err := range client.Triggers.All(ctx, "group/app", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		trigger, err := client.Triggers.Get(ctx, "group/app", found.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		if trigger.LastUsed.IsZero() {
			err = client.Triggers.Delete(ctx, "group/app", trigger.ID)
		} else {
			_, err = client.Triggers.Update(ctx, "group/app", trigger.ID, &gitlabci.UpdateTriggerOptions{Description: "used by a bot"})
		}
		fmt.Println(trigger.Description, err)
	}
	page, err := client.Triggers.List(ctx, "group/app", nil) // one page
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), "left")
	// Output:
	// chat bot <nil>
	// 0 left
}

// A trigger token is shown whole to its owner only, and never printed by accident.
func ExampleTriggersService_Create() {
	srv := gitlabcitest.NewServer()
	trigger, err := srv.Client().Triggers.Create(context.Background(), "group/app", "chat bot", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(trigger.Description, trigger.Token, len(string(trigger.Token)) > 8)
	// Output: chat bot [REDACTED] true
}

// A variable is deleted in one environment. In others it stays.
func ExampleVariablesService_Delete() {
	srv := gitlabcitest.NewServer()
	project := gitlabci.ProjectID("group/app")
	srv.AddVariable(project, gitlabci.CIVariable{Key: "TOKEN", Value: "for-all-others"})
	srv.AddVariable(project, gitlabci.CIVariable{Key: "TOKEN", Value: "for-production", EnvironmentScope: "production"})
	client, ctx := srv.Client(), context.Background()

	err := client.Variables.Delete(ctx, project, "TOKEN", &gitlabci.VariableOptions{Scope: "production"})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := client.Variables.List(ctx, project, nil) // or of a GroupID, or of gitlabci.Instance
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, variable := range page.Items {
		fmt.Println(variable.Key, variable.EnvironmentScope)
	}
	// Output: TOKEN *
}

// A token for production is rotated. That of all other environments stays, and so do the
// flags: what Get returns has them.
func ExampleVariablesService_Set() {
	srv := gitlabcitest.NewServer()
	project := gitlabci.ProjectID("group/app")
	srv.AddVariable(project, gitlabci.CIVariable{Key: "TOKEN", Value: "for-all-others"})
	srv.AddVariable(project, gitlabci.CIVariable{Key: "TOKEN", Value: "for-production", EnvironmentScope: "production", Protected: true, Masked: true})
	client, ctx := srv.Client(), context.Background()

	token, err := client.Variables.Get(ctx, project, "TOKEN", &gitlabci.VariableOptions{Scope: "production"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token.Value = "for-production-2"
	if _, err := client.Variables.Set(ctx, project, token); err != nil {
		fmt.Println(err)
		return
	}
	for v, err := range client.Variables.All(ctx, project, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v.Key, v.EnvironmentScope, v.Value, v.Masked)
	}
	fmt.Printf("%+v\n", token)
	// Output:
	// TOKEN * for-all-others false
	// TOKEN production for-production-2 true
	// {Key:TOKEN Value:[REDACTED] VariableType:env_var Protected:true Masked:true Hidden:false Raw:false EnvironmentScope:production Description:}
}

// A webhook that GitLab has disabled since its receiver failed: a test request enables it
// again, and then the deliveries that failed are repeated.
func ExampleWebhooksService_Resend() {
	srv := gitlabcitest.NewServer()
	defer srv.Close()
	var ready atomic.Bool
	receiver := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	hook := srv.AddHook("group/app", gitlabcitest.Hook{Handler: receiver}).ID
	client, ctx := srv.Client(), context.Background()
	if _, err := client.Pipelines.Create(ctx, "group/app", "main", nil); err != nil {
		fmt.Println(err)
		return
	}
	srv.Wait()

	ready.Store(true) // the receiver works again
	if err := client.Webhooks.Test(ctx, "group/app", hook, gitlabci.WebhookTriggerPipeline); err != nil {
		fmt.Println(err)
		return
	}
	failed := &gitlabci.ListWebhookEventsOptions{Status: "server_failure"}
	for event, err := range client.Webhooks.AllEvents(ctx, "group/app", hook, failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		response, err := client.Webhooks.Resend(ctx, "group/app", hook, event.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Trigger, event.ResponseStatus, "and now", response.ResponseStatus)
	}
	// Output:
	// pipeline_hooks 500 and now 200
	// pipeline_hooks 500 and now 200
}

// The webhooks of a project, and when GitLab last delivered to each of them.
func ExampleWebhooksService_All() {
	srv := gitlabcitest.NewServer()
	defer srv.Close()
	srv.AddHook("group/app", gitlabcitest.Hook{URL: "https://bot.example.com/gitlab", Name: "bot"})
	client, ctx := srv.Client(), context.Background()

	for hook, err := range client.Webhooks.All(ctx, "group/app", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		last, err := client.Webhooks.Events(ctx, "group/app", hook.ID, &gitlabci.ListWebhookEventsOptions{
			ListOptions: gitlabci.ListOptions{PerPage: 1},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(hook.Name, hook.URL, hook.AlertStatus, len(last.Items), "deliveries")
	}
	// Output: bot https://bot.example.com/gitlab executable 0 deliveries
}

// A webhook gets another secret token, and no other change. Once it is of no use, it is
// removed.
func ExampleWebhooksService_Update() {
	srv := gitlabcitest.NewServer()
	defer srv.Close()
	srv.AddHook("group/app", gitlabcitest.Hook{URL: "https://bot.example.com/gitlab"})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Webhooks.List(ctx, "group/app", nil)
	if err != nil || len(page.Items) == 0 {
		fmt.Println("no webhook:", err)
		return
	}
	id := page.Items[0].ID
	if _, err := client.Webhooks.Update(ctx, "group/app", id, &gitlabci.WebhookOptions{Token: new("invented-secret")}); err != nil {
		fmt.Println(err)
		return
	}
	hook, err := client.Webhooks.Get(ctx, "group/app", id)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.URL, "has a token:", hook.TokenPresent)
	fmt.Println(client.Webhooks.Delete(ctx, "group/app", id))
	// Output:
	// https://bot.example.com/gitlab has a token: true
	// <nil>
}

func ExampleWebhooksService_Create() {
	srv := gitlabcitest.NewServer()
	client, ctx := srv.Client(), context.Background()

	hook, err := client.Webhooks.Create(ctx, "group/app", "https://bot.example.com/gitlab", &gitlabci.WebhookOptions{
		Triggers:     &gitlabci.WebhookTriggers{PipelineEvents: true},
		SigningToken: new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), // of random bytes, and kept secret
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.ID, hook.URL, hook.PipelineEvents, hook.SigningTokenPresent, hook.AlertStatus)
	// Output: 1 https://bot.example.com/gitlab true true executable
}

func ExamplePipelinesService_Trigger() {
	srv := gitlabcitest.NewServer()
	token := srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{}).Token // of a secret store
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(srv.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := client.Pipelines.Trigger(context.Background(), "group/app", "main", token, &gitlabci.TriggerPipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "DEPLOY", Value: "staging"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.ID, pipeline.Source, pipeline.User.Username)
	// Output: 101 trigger maya
}

func ExampleLintService_Validate() {
	srv := gitlabcitest.NewServer()
	srv.OnLint("group/app", func(gitlabcitest.Lint) gitlabci.LintResult {
		return gitlabci.LintResult{Valid: true, Jobs: []*gitlabci.LintJob{
			{Name: "build", Stage: "build"}, {Name: "lint", Stage: "test", Needs: []gitlabci.LintNeed{}},
			{Name: "deploy", Stage: "deploy", Needs: []gitlabci.LintNeed{{Name: "build", Artifacts: true}}},
		}}
	})
	client, ctx := srv.Client(), context.Background()

	result, err := client.Lint.Validate(ctx, "group/app", "build: …", &gitlabci.LintOptions{IncludeJobs: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, problem := range result.Errors {
		fmt.Println(problem)
	}
	for _, job := range result.Jobs {
		switch {
		case job.Needs == nil:
			fmt.Println(job.Name, "waits for the stages before", job.Stage)
		case len(job.Needs) == 0:
			fmt.Println(job.Name, "waits for nothing")
		default:
			fmt.Println(job.Name, "waits for", job.Needs[0].Name)
		}
	}
	// Output:
	// build waits for the stages before build
	// lint waits for nothing
	// deploy waits for build
}

// What the configuration of a branch says, with all that it includes.
func ExampleLintService_ValidateProject() {
	srv := gitlabcitest.NewServer()
	result, err := srv.Client().Lint.ValidateProject(context.Background(), "group/app", &gitlabci.LintProjectOptions{ContentRef: "main"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Valid, len(result.Errors))
	// Output: true 0
}
