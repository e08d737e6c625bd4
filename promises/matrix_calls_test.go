package promises_test

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A callKind is what a method may do after an attempt with an unknown outcome.
type callKind int

const (
	reading        callKind = iota // retries
	repeatable                     // writes, and retries
	once                           // never writes twice
	streaming                      // retries, and resumes the body
	decoding                       // retries until the body begins, and notices if the body is cut short
	discarding                     // writes, retries, and ignores the body
	passThrough                    // never writes twice, and returns the response unread
	watching                       // polls until a poll succeeds
	expecting                      // the same, for an object that is known to exist
	findsOrRetries                 // searches for what it wrote, and writes again if that does not exist
	findsOnly                      // searches for what it wrote, and never writes twice
	resuming                       // retries, also within the body
	following                      // reads, and continues after all errors but refusals of GitLab
	converging                     // writes, reads what it wrote, and repeats that until it is as wanted
)

// A matrixCall is a call of a method of the client.
type matrixCall struct {
	name    string
	route   string // of the fake
	kind    callKind
	forJobs bool // whether the token of a job will do
	do      func(context.Context, *gitlabci.Client) error
}

const (
	matrixPipeline = 100 + iota
	matrixFailed   = 1000 + iota
	matrixManual
	matrixRunning

	matrixFile = "out/a.txt" // as testkit.Methods call it
	matrixHook = 1           // and the first delivery to it

	matrixTrigger      = 1
	matrixSchedule     = 1
	matrixMergeRequest = 3
	matrixDeployment   = 1 // and its environment
)

// matrixServer has the objects that a call needs. Packing files takes longer than most
// cases, so only servers of calls that need files have them.
func matrixServer(d matrixCall) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		ID: matrixPipeline, SHA: testkit.SHA, Status: gitlabci.StatusFailed, Variables: []*gitlabci.Variable{{Key: "A", Value: matrixSecret}},
	})
	var files fs.FS
	if strings.Contains(d.route, "artifacts") {
		files = fstest.MapFS{matrixFile: {Data: []byte("all is well")}}
	}
	p.AddJob(gitlabcitest.Job{
		ID: matrixFailed, Name: "unit", Status: gitlabci.StatusFailed, Log: "$ make\n", Artifacts: files, ArtifactsExpireAt: time.Now().Add(time.Hour),
	})
	p.AddJob(gitlabcitest.Job{ID: matrixManual, Name: "deploy", Status: gitlabci.StatusManual})
	p.AddJob(gitlabcitest.Job{ID: matrixRunning, Name: "build", Status: gitlabci.StatusRunning})
	p.AddTriggerJob(gitlabcitest.Job{Name: "child", Downstream: srv.AddPipeline("group/app", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})})
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}) // which has finished
	srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{ID: matrixTrigger, Token: testkit.TriggerToken})
	srv.AddSchedule("group/app", gitlabcitest.Schedule{
		ID: matrixSchedule, Inactive: true, Variables: []*gitlabci.Variable{{Key: "REGION", Value: matrixSecret}},
	})
	if strings.Contains(d.route, ":id/variables") {
		srv.AddVariable(gitlabci.ProjectID("group/app"), gitlabci.CIVariable{Key: testkit.Key, Value: matrixSecret})
	}
	if strings.Contains(d.route, "/hooks") {
		addMatrixHook(srv)
	}
	if strings.Contains(d.route, "/environments") || strings.Contains(d.route, "/deployments") {
		srv.AddDeployment("group/app", gitlabcitest.Deployment{ID: matrixDeployment, Environment: "production"})
	}
	if strings.Contains(d.route, "/merge_requests") {
		srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: matrixMergeRequest, Source: "topic"})
	}
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1", Tag: true}).AddJob(gitlabcitest.Job{Name: "unit", Artifacts: files})
	return srv
}

// addMatrixHook adds a hook that has received an event.
func addMatrixHook(srv *gitlabcitest.Server) {
	srv.AddHook("group/app", gitlabcitest.Hook{
		ID: matrixHook, Token: matrixSecret, Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventJob},
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	srv.SetJobStatus(matrixManual, gitlabci.StatusPending)
	srv.Wait()
}

// matrixCalls are all methods of the services, some of them with options as well.
func matrixCalls() []matrixCall {
	return slices.Concat(methodCalls(), optionCalls(), archiveCalls(), watchCalls(), fetchCalls(), []matrixCall{
		{"Client.Do", "POST /projects/:id/pipeline", passThrough, false, posted("/projects/1/pipeline?ref=main", "")},
	})
}

// methodCall is a method of testkit.Methods with a pipeline or a job.
func methodCall(name string, kind callKind, forJobs bool, id int64) matrixCall {
	method := testkit.Methods[name]
	return matrixCall{name, method.Route, kind, forJobs, func(ctx context.Context, c *gitlabci.Client) error {
		_, err := method.Call(ctx, c, testkit.Target{Project: "group/app", ID: id, Name: "unit"})
		return err
	}}
}

func methodCalls() []matrixCall {
	return []matrixCall{
		methodCall("Pipelines.List", reading, true, 0),
		methodCall("Pipelines.All", reading, true, 0),
		methodCall("Pipelines.ListMine", reading, false, 0),
		methodCall("Pipelines.AllMine", reading, false, 0),
		methodCall("Pipelines.Get", reading, true, matrixPipeline),
		methodCall("Pipelines.Latest", reading, false, 0),
		methodCall("Pipelines.Retry", once, false, matrixPipeline),
		methodCall("Pipelines.Cancel", repeatable, false, matrixPipeline),
		methodCall("Pipelines.UpdateMetadata", repeatable, true, matrixPipeline),
		methodCall("Pipelines.Delete", discarding, false, matrixPipeline),
		methodCall("Pipelines.Variables", reading, false, matrixPipeline),
		methodCall("Pipelines.TestReport", reading, false, matrixPipeline),
		methodCall("Pipelines.TestCases", decoding, false, matrixPipeline),
		methodCall("Pipelines.TestReportSummary", reading, false, matrixPipeline),
		methodCall("Pipelines.Find", reading, true, 0),
		methodCall("Pipelines.Run", once, false, 0),
		methodCall("Pipelines.Tree", reading, true, matrixPipeline),
		methodCall("Pipelines.Failures", watching, true, matrixPipeline),
		methodCall("Pipelines.CancelEach", repeatable, false, matrixPipeline),
		methodCall("Pipelines.DeleteEach", discarding, false, matrixPipeline),
		methodCall("Pipelines.RetryEach", once, false, matrixPipeline),
		methodCall("Jobs.List", reading, true, 0),
		methodCall("Jobs.All", reading, true, 0),
		methodCall("Jobs.ListForPipeline", reading, true, matrixPipeline),
		methodCall("Jobs.AllForPipeline", reading, true, matrixPipeline),
		methodCall("Jobs.ListTriggerJobs", reading, true, matrixPipeline),
		methodCall("Jobs.AllTriggerJobs", reading, true, matrixPipeline),
		methodCall("Jobs.FindByName", reading, true, matrixPipeline),
		methodCall("Jobs.Get", reading, false, matrixFailed),
		methodCall("Jobs.Wait", expecting, false, matrixFailed),
		methodCall("Jobs.Cancel", repeatable, false, matrixRunning),
		methodCall("Jobs.Retry", once, false, matrixFailed),
		methodCall("Jobs.Erase", once, false, matrixFailed),
		methodCall("Jobs.PlayOrRetry", once, false, matrixManual),
		methodCall("Jobs.Current", reading, true, 0),
		methodCall("Jobs.AllowedAgents", reading, true, 0),
		methodCall("Jobs.Log", streaming, false, matrixFailed),
		methodCall("Artifacts.Open", streaming, true, matrixFailed),
		methodCall("Artifacts.OpenFile", streaming, true, matrixFailed),
		methodCall("Artifacts.Save", streaming, true, matrixFailed),
		methodCall("Artifacts.Download", streaming, true, matrixFailed),
		methodCall("Artifacts.Extract", resuming, true, matrixFailed),
		methodCall("Artifacts.ListEntries", reading, true, matrixFailed),
		methodCall("Artifacts.AllEntries", reading, true, matrixFailed),
		methodCall("Artifacts.Keep", repeatable, false, matrixFailed),
		methodCall("Artifacts.Delete", discarding, false, matrixFailed),
		methodCall("Artifacts.DeleteAll", discarding, false, 0),
		methodCall("Statuses.List", reading, false, 0),
		methodCall("Statuses.All", reading, false, 0),
		methodCall("Statuses.Set", findsOrRetries, false, 0),
		methodCall("Pipelines.Trigger", once, true, 0),
		methodCall("Triggers.List", reading, false, 0),
		methodCall("Triggers.All", reading, false, 0),
		methodCall("Triggers.Get", reading, false, matrixTrigger),
		methodCall("Triggers.Create", once, false, 0),
		methodCall("Triggers.Update", repeatable, false, matrixTrigger),
		methodCall("Triggers.Delete", discarding, false, matrixTrigger),
		methodCall("Schedules.List", reading, false, 0),
		methodCall("Schedules.All", reading, false, 0),
		methodCall("Schedules.Get", reading, false, matrixSchedule),
		methodCall("Schedules.Create", once, false, 0),
		methodCall("Schedules.Update", repeatable, false, matrixSchedule),
		methodCall("Schedules.TakeOwnership", repeatable, false, matrixSchedule),
		methodCall("Schedules.Delete", discarding, false, matrixSchedule),
		methodCall("Schedules.Play", findsOnly, false, matrixSchedule),
		methodCall("Schedules.ListPipelines", reading, false, matrixSchedule),
		methodCall("Schedules.AllPipelines", reading, false, matrixSchedule),
		methodCall("Schedules.SetVariable", repeatable, false, matrixSchedule),
		methodCall("Schedules.DeleteVariable", discarding, false, matrixSchedule),
		methodCall("Webhooks.List", reading, false, 0),
		methodCall("Webhooks.All", reading, false, 0),
		methodCall("Webhooks.Get", reading, false, matrixHook),
		methodCall("Webhooks.Create", once, false, 0),
		methodCall("Webhooks.Update", repeatable, false, matrixHook),
		methodCall("Webhooks.Delete", discarding, false, matrixHook),
		methodCall("Webhooks.Test", once, false, matrixHook),
		methodCall("Webhooks.Events", reading, false, matrixHook),
		methodCall("Webhooks.AllEvents", reading, false, matrixHook),
		methodCall("Webhooks.Resend", once, false, matrixHook),
		methodCall("MergeRequests.Get", reading, false, matrixMergeRequest),
		methodCall("MergeRequests.List", reading, false, 0),
		methodCall("MergeRequests.All", reading, false, 0),
		methodCall("Pipelines.ListForMergeRequest", reading, false, matrixMergeRequest),
		methodCall("Pipelines.AllForMergeRequest", reading, false, matrixMergeRequest),
		methodCall("Pipelines.CreateForMergeRequest", once, false, matrixMergeRequest),
		methodCall("Branches.Get", reading, false, 0),
		methodCall("Branches.List", reading, false, 0),
		methodCall("Branches.All", reading, false, 0),
		methodCall("Tags.Get", reading, false, 0),
		methodCall("Tags.List", reading, false, 0),
		methodCall("Tags.All", reading, false, 0),
		methodCall("Commits.Get", reading, false, 0),
		methodCall("Commits.List", reading, false, 0),
		methodCall("Commits.All", reading, false, 0),
		methodCall("Environments.Get", reading, false, matrixDeployment),
		methodCall("Environments.List", reading, false, 0),
		methodCall("Environments.All", reading, false, 0),
		methodCall("Deployments.Get", reading, false, matrixDeployment),
		methodCall("Deployments.List", reading, false, 0),
		methodCall("Deployments.All", reading, false, 0),
		methodCall("Projects.Get", reading, false, 0),
		methodCall("Projects.List", reading, false, 0),
		methodCall("Projects.All", reading, false, 0),
		methodCall("Projects.ListInGroup", reading, false, 0),
		methodCall("Projects.AllInGroup", reading, false, 0),
		methodCall("Variables.List", reading, false, 0),
		methodCall("Variables.All", reading, false, 0),
		methodCall("Variables.Get", reading, false, 0),
		methodCall("Variables.Set", converging, false, 0),
		methodCall("Variables.Delete", converging, false, 0),
		methodCall("Lint.Validate", reading, false, 0),
		methodCall("Lint.ValidateProject", reading, false, 0),
	}
}

// optionCalls are methods with options, and with a source that is not a job.
func optionCalls() []matrixCall {
	const j = "/projects/:id/jobs/:job_id"
	latest := gitlabci.LatestArtifacts{Ref: "v1", Job: "unit"}
	variables := []*gitlabci.Variable{{Key: "A", Value: matrixSecret}}
	return []matrixCall{
		{"Pipelines.Create", "POST /projects/:id/pipeline", once, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: variables}))
		}},
		{"Pipelines.Trigger variables", "POST /projects/:id/trigger/pipeline", once, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Trigger(ctx, "group/app", "main", testkit.TriggerToken, &gitlabci.TriggerPipelineOptions{Variables: variables}))
		}},
		{"Pipelines.Run triggered", "POST /projects/:id/trigger/pipeline", once, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{TriggerToken: testkit.TriggerToken}))
		}},
		{"Pipelines.Create keyed", "POST /projects/:id/pipeline", findsOrRetries, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{IdempotencyKey: "k1"}))
		}},
		{"Jobs.Latest by status", "GET /projects/:id/pipelines", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Latest(ctx, "group/app", "v1", "unit", nil))
		}},
		{"Variables.Set new", "POST /projects/:id/variables", converging, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Variables.Set(ctx, gitlabci.ProjectID("group/app"), &gitlabci.CIVariable{Key: "A", Value: matrixSecret}))
		}},
		{"Jobs.Play", "POST " + j + "/play", once, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", matrixManual, &gitlabci.PlayJobOptions{Variables: variables}))
		}},
		{"Jobs.FollowLog", "GET " + j + "/trace", following, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.FollowLog(ctx, "group/app", matrixFailed, io.Discard, nil))
		}},
		{"Artifacts.Open latest", "GET /projects/:id/jobs/artifacts/:ref_name/download", streaming, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.ReadAll(c.Artifacts.Open(ctx, "group/app", latest, nil))
		}},
		{"Artifacts.OpenFile latest", "GET /projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path", streaming, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.ReadAll(c.Artifacts.OpenFile(ctx, "group/app", latest, matrixFile, nil))
		}},
	}
}

// watchCalls are methods that poll. They do so seldom, since one job never ends.
func watchCalls() []matrixCall {
	const p = "/projects/:id/pipelines/:pipeline_id"
	seldom := &gitlabci.WatchOptions{MinInterval: time.Minute}
	return []matrixCall{
		{"Pipelines.Watch", "GET " + p + "/jobs", watching, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.Watch(ctx, "group/app", matrixPipeline, seldom))
		}},
		{"Pipelines.Watch downstream", "GET " + p + "/bridges", watching, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.Watch(ctx, "group/app", matrixPipeline, &gitlabci.WatchOptions{Downstream: true, MinInterval: time.Minute}))
		}},
		methodCall("Pipelines.WatchAll", watching, true, 0),
		{"Pipelines.Wait", "GET " + p, watching, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Wait(ctx, "group/app", matrixPipeline, seldom))
		}},
		{"Pipelines.Run waits", "GET " + p + "/jobs", expecting, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{Watch: *seldom}))
		}},
	}
}

// fetchCalls are the functions for any endpoint.
func fetchCalls() []matrixCall {
	const p = "/projects/:id/pipelines/:pipeline_id"
	one, list := gitlabci.At(p, "group/app", matrixPipeline), gitlabci.At("/projects/:id/pipelines", "group/app")
	return []matrixCall{
		{"Fetch", "GET " + p, reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(gitlabci.Fetch[gitlabci.Pipeline](ctx, c, one, nil))
		}},
		{"FetchPage", "GET /projects/:id/pipelines", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(gitlabci.FetchPage[gitlabci.PipelineInfo](ctx, c, list, nil))
		}},
		{"FetchAll", "GET /projects/:id/pipelines", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(gitlabci.FetchAll[gitlabci.PipelineInfo](ctx, c, list, nil))
		}},
		{"Send", "POST " + p + "/retry", once, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(gitlabci.Send[gitlabci.Pipeline](ctx, c, "POST", gitlabci.At(p+"/retry", "group/app", matrixPipeline), nil, nil))
		}},
		{"Send DELETE", "DELETE " + p, discarding, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(gitlabci.Send[struct{}](ctx, c, "DELETE", gitlabci.At(p, "group/app", matrixPipeline), nil, nil))
		}},
	}
}

// posted is a POST through Client.Do whose response is read to its end. An empty
// body is none.
func posted(path, body string) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		var content io.Reader
		if body != "" {
			content = strings.NewReader(body)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, path, content)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
}
