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
