package testkit

import (
	"context"
	"io"

	"example.com/gitlabci"
)

var jobMethods = map[string]Method{
	"Jobs.List": {
		Route: "GET /projects/:id/jobs", Query: "order_by=id&pagination=keyset&sort=desc", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Jobs.List(ctx, of.Project, nil))
		},
	},
	"Jobs.All": {
		Route: "GET /projects/:id/jobs", Query: "order_by=id&pagination=keyset&per_page=100&sort=desc", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Jobs.All(ctx, of.Project, nil))
		},
	},
	"Jobs.ListForPipeline": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Jobs.ListForPipeline(ctx, of.Project, of.pipeline(), nil))
		},
	},
	"Jobs.AllForPipeline": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Jobs.AllForPipeline(ctx, of.Project, of.pipeline(), nil))
		},
	},
	"Jobs.ListTriggerJobs": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/bridges", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Jobs.ListTriggerJobs(ctx, of.Project, of.pipeline(), nil))
		},
	},
	"Jobs.AllTriggerJobs": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/bridges", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Jobs.AllTriggerJobs(ctx, of.Project, of.pipeline(), nil))
		},
	},
	"Jobs.FindByName": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Query: "per_page=100", Response: `[{"id":7,"name":"unit"}]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Jobs.FindByName(ctx, of.Project, of.pipeline(), of.Name)
		},
	},
	"Jobs.Latest": {
		Route: "GET /projects/:id/pipelines", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Jobs.Latest(ctx, of.Project, "main", of.Name, nil)
		},
	},
	"Jobs.Wait": {
		Route: "GET /projects/:id/jobs/:job_id", Response: `{"id":7,"status":"success"}`, Many: true, Call: onJobWith((*gitlabci.JobsService).Wait),
	},
	"Jobs.Get": {
		Route: "GET /projects/:id/jobs/:job_id", Call: onJob((*gitlabci.JobsService).Get),
	},
	"Jobs.Log": {
		Route: "GET /projects/:id/jobs/:job_id/trace",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, ReadAll(c.Jobs.Log(ctx, of.Project, of.job()))
		},
	},
	"Jobs.FollowLog": {
		Route: "GET /projects/:id/jobs/:job_id", Response: `{"id":7,"status":"skipped"}`, // and so has no log
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Jobs.FollowLog(ctx, of.Project, of.job(), io.Discard, nil)
		},
	},
	"Jobs.Cancel": {
		Route: "POST /projects/:id/jobs/:job_id/cancel", Call: onJobWith((*gitlabci.JobsService).Cancel),
	},
	"Jobs.Retry": {
		Route: "POST /projects/:id/jobs/:job_id/retry", Call: onJobWith((*gitlabci.JobsService).Retry),
	},
	"Jobs.Play": {
		Route: "POST /projects/:id/jobs/:job_id/play", Call: onJobWith((*gitlabci.JobsService).Play),
	},
	"Jobs.PlayOrRetry": {
		Route: "POST /projects/:id/jobs/:job_id/play", Call: onJobWith((*gitlabci.JobsService).PlayOrRetry),
	},
	"Jobs.Erase": {
		Route: "POST /projects/:id/jobs/:job_id/erase", Call: onJob((*gitlabci.JobsService).Erase),
	},
	"Jobs.Current": {
		Route: "GET /job",
		Call: func(ctx context.Context, c *gitlabci.Client, _ Target) (any, error) {
			return c.Jobs.Current(ctx)
		},
	},
	"Jobs.AllowedAgents": {
		Route: "GET /job/allowed_agents", Response: `{"job":{"id":7}}`,
		Call: func(ctx context.Context, c *gitlabci.Client, _ Target) (any, error) {
			return c.Jobs.AllowedAgents(ctx)
		},
	},
}

// onJob calls a method on one job.
func onJob[R any](do func(*gitlabci.JobsService, context.Context, gitlabci.ProjectID, gitlabci.JobID) (R, error)) methodCall {
	return func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
		return do(c.Jobs, ctx, of.Project, of.job())
	}
}

// onJobWith is like onJob, for a method that has options.
func onJobWith[O, R any](do func(*gitlabci.JobsService, context.Context, gitlabci.ProjectID, gitlabci.JobID, *O) (R, error)) methodCall {
	return func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
		return do(c.Jobs, ctx, of.Project, of.job(), nil)
	}
}

var artifactMethods = map[string]Method{
	"Artifacts.Open": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, ReadAll(c.Artifacts.Open(ctx, of.Project, of.job(), nil))
		},
	},
	"Artifacts.OpenFile": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts/*artifact_path",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, ReadAll(c.Artifacts.OpenFile(ctx, of.Project, of.job(), "out/a.txt", nil))
		},
	},
	"Artifacts.Save": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, Save(ctx, c, of.Project, of.job())
		},
	},
	"Artifacts.Download": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Artifacts.Download(ctx, of.Project, of.job(), io.Discard, nil)
		},
	},
	"Artifacts.Archive": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts", Response: EmptyZip,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			archive, err := c.Artifacts.Archive(ctx, of.Project, of.job(), nil)
			if err != nil {
				return nil, err
			}
			return nil, archive.Close()
		},
	},
	"Artifacts.Extract": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts", Response: EmptyZip,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, Extract(ctx, c, of.Project, of.job())
		},
	},
	"Artifacts.ListEntries": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts/tree", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Artifacts.ListEntries(ctx, of.Project, of.job(), nil))
		},
	},
	"Artifacts.AllEntries": {
		Route: "GET /projects/:id/jobs/:job_id/artifacts/tree", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Artifacts.AllEntries(ctx, of.Project, of.job(), nil))
		},
	},
	"Artifacts.Keep": {
		Route: "POST /projects/:id/jobs/:job_id/artifacts/keep",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Artifacts.Keep(ctx, of.Project, of.job())
		},
	},
	"Artifacts.Delete": {
		Route: "DELETE /projects/:id/jobs/:job_id/artifacts",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Artifacts.Delete(ctx, of.Project, of.job())
		},
	},
	"Artifacts.DeleteAll": {
		Route: "DELETE /projects/:id/artifacts",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Artifacts.DeleteAll(ctx, of.Project)
		},
	},
}

var triggerMethods = map[string]Method{
	"Triggers.List": {
		Route: "GET /projects/:id/triggers", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Triggers.List(ctx, of.Project, nil))
		},
	},
	"Triggers.All": {
		Route: "GET /projects/:id/triggers", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Triggers.All(ctx, of.Project, nil))
		},
	},
	"Triggers.Get": {
		Route: "GET /projects/:id/triggers/:trigger_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Triggers.Get(ctx, of.Project, gitlabci.TriggerID(of.ID))
		},
	},
	"Triggers.Create": {
		Route: "POST /projects/:id/triggers", Body: `{"description":"bot"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Triggers.Create(ctx, of.Project, "bot", nil)
		},
	},
	"Triggers.Update": {
		Route: "PUT /projects/:id/triggers/:trigger_id", Body: `{"description":"bot"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Triggers.Update(ctx, of.Project, gitlabci.TriggerID(of.ID), &gitlabci.UpdateTriggerOptions{Description: "bot"})
		},
	},
	"Triggers.Delete": {
		Route: "DELETE /projects/:id/triggers/:trigger_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Triggers.Delete(ctx, of.Project, gitlabci.TriggerID(of.ID))
		},
	},
}

var scheduleMethods = map[string]Method{
	"Schedules.List": {
		Route: "GET /projects/:id/pipeline_schedules", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Schedules.List(ctx, of.Project, nil))
		},
	},
	"Schedules.All": {
		Route: "GET /projects/:id/pipeline_schedules", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Schedules.All(ctx, of.Project, nil))
		},
	},
	"Schedules.Get": {
		Route: scheduleRoute("GET", ""), Call: onSchedule((*gitlabci.SchedulesService).Get),
	},
	"Schedules.Create": {
		Route: "POST /projects/:id/pipeline_schedules", Body: `{"description":"nightly","ref":"main","cron":"0 1 * * *"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Schedules.Create(ctx, of.Project, &gitlabci.CreateScheduleOptions{Description: "nightly", Ref: "main", Cron: "0 1 * * *"})
		},
	},
	"Schedules.Update": {
		Route: scheduleRoute("PUT", ""), Body: `{"active":false}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Schedules.Update(ctx, of.Project, of.schedule(), &gitlabci.UpdateScheduleOptions{Active: new(false)})
		},
	},
	"Schedules.TakeOwnership": {
		Route: scheduleRoute("POST", "/take_ownership"), Call: onSchedule((*gitlabci.SchedulesService).TakeOwnership),
	},
	"Schedules.Delete": {
		Route: scheduleRoute("DELETE", ""),
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Schedules.Delete(ctx, of.Project, of.schedule())
		},
	},
	"Schedules.Play": {
		Route: scheduleRoute("POST", "/play"), Many: true, Call: onSchedule((*gitlabci.SchedulesService).Play),
	},
	"Schedules.ListPipelines": {
		Route: scheduleRoute("GET", "/pipelines"), Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Schedules.ListPipelines(ctx, of.Project, of.schedule(), nil))
		},
	},
	"Schedules.AllPipelines": {
		Route: scheduleRoute("GET", "/pipelines"), Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Schedules.AllPipelines(ctx, of.Project, of.schedule(), nil))
		},
	},
	"Schedules.SetVariable": {
		Route: scheduleRoute("PUT", "/variables/:key"), Body: `{"value":"eu-west","variable_type":"env_var"}`, Response: `{"key":"REGION"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Schedules.SetVariable(ctx, of.Project, of.schedule(), &gitlabci.Variable{Key: "REGION", Value: "eu-west"})
		},
	},
	"Schedules.DeleteVariable": {
		Route: scheduleRoute("DELETE", "/variables/:key"),
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Schedules.DeleteVariable(ctx, of.Project, of.schedule(), "REGION")
		},
	},
}

func (t Target) schedule() gitlabci.ScheduleID { return gitlabci.ScheduleID(t.ID) }

// scheduleRoute is a route of one schedule.
func scheduleRoute(verb, below string) string {
	return verb + " /projects/:id/pipeline_schedules/:pipeline_schedule_id" + below
}

// onSchedule calls a method on one schedule.
func onSchedule[R any](do func(*gitlabci.SchedulesService, context.Context, gitlabci.ProjectID, gitlabci.ScheduleID) (R, error)) methodCall {
	return func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
		return do(c.Schedules, ctx, of.Project, of.schedule())
	}
}
