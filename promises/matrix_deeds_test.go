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

// A deedKind is what a method may do after a try whose end is not known.
type deedKind int

const (
	reading    deedKind = iota // tries again
	repeatable                 // writes, and tries again
	once                       // never does it twice
	streaming                  // retries, and resumes the body
	decoding                   // tries again until the body begins, and knows where it should end
	bare                       // writes, tries again, and has no body that matters
	plain                      // never does it twice, and returns the response as it is
	watching                   // tries again until something better comes
	expecting                  // the same, of what is known to exist
	searching                  // looks for what it did, and does it again if that is nowhere
	looking                    // looks for what it did, and never does it twice
	mending                    // tries again, within the body too
	lasting                    // reads, and survives all that is not GitLab's refusal
	settling                   // writes, and looks whether it is done or writes again until it is
)

// A deed is a method of the client.
type deed struct {
	name    string
	route   string // of the fake
	kind    deedKind
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

// inhabitedServer has something for a deed. Packing files takes longer than
// most cases, so only those have them that need them.
func inhabitedServer(d deed) *gitlabcitest.Server {
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

// deeds are all methods of the services, some of them with options as well.
func deeds() []deed {
	return slices.Concat(methodDeeds(), optionDeeds(), archiveDeeds(), watchDeeds(), fetchDeeds(), []deed{
		{"Client.Do", "POST /projects/:id/pipeline", plain, false, posted("/projects/1/pipeline?ref=main", "")},
	})
}

// methodDeed is a method of testkit.Methods with a pipeline or a job.
func methodDeed(name string, kind deedKind, forJobs bool, id int64) deed {
	method := testkit.Methods[name]
	return deed{name, method.Route, kind, forJobs, func(ctx context.Context, c *gitlabci.Client) error {
		_, err := method.Call(ctx, c, testkit.Target{Project: "group/app", ID: id, Name: "unit"})
		return err
	}}
}

func methodDeeds() []deed {
	return []deed{
		methodDeed("Pipelines.List", reading, true, 0),
		methodDeed("Pipelines.All", reading, true, 0),
		methodDeed("Pipelines.ListMine", reading, false, 0),
		methodDeed("Pipelines.AllMine", reading, false, 0),
		methodDeed("Pipelines.Get", reading, true, matrixPipeline),
		methodDeed("Pipelines.Latest", reading, false, 0),
		methodDeed("Pipelines.Retry", once, false, matrixPipeline),
		methodDeed("Pipelines.Cancel", repeatable, false, matrixPipeline),
		methodDeed("Pipelines.UpdateMetadata", repeatable, true, matrixPipeline),
		methodDeed("Pipelines.Delete", bare, false, matrixPipeline),
		methodDeed("Pipelines.Variables", reading, false, matrixPipeline),
		methodDeed("Pipelines.TestReport", reading, false, matrixPipeline),
		methodDeed("Pipelines.TestCases", decoding, false, matrixPipeline),
		methodDeed("Pipelines.TestReportSummary", reading, false, matrixPipeline),
		methodDeed("Pipelines.Find", reading, true, 0),
		methodDeed("Pipelines.Run", once, false, 0),
		methodDeed("Pipelines.Tree", reading, true, matrixPipeline),
		methodDeed("Pipelines.Failures", watching, true, matrixPipeline),
		methodDeed("Pipelines.CancelEach", repeatable, false, matrixPipeline),
		methodDeed("Pipelines.DeleteEach", bare, false, matrixPipeline),
		methodDeed("Pipelines.RetryEach", once, false, matrixPipeline),
		methodDeed("Jobs.List", reading, true, 0),
		methodDeed("Jobs.All", reading, true, 0),
		methodDeed("Jobs.ListForPipeline", reading, true, matrixPipeline),
		methodDeed("Jobs.AllForPipeline", reading, true, matrixPipeline),
		methodDeed("Jobs.ListTriggerJobs", reading, true, matrixPipeline),
		methodDeed("Jobs.AllTriggerJobs", reading, true, matrixPipeline),
		methodDeed("Jobs.FindByName", reading, true, matrixPipeline),
		methodDeed("Jobs.Get", reading, false, matrixFailed),
		methodDeed("Jobs.Wait", expecting, false, matrixFailed),
		methodDeed("Jobs.Cancel", repeatable, false, matrixRunning),
		methodDeed("Jobs.Retry", once, false, matrixFailed),
		methodDeed("Jobs.Erase", once, false, matrixFailed),
		methodDeed("Jobs.PlayOrRetry", once, false, matrixManual),
		methodDeed("Jobs.Current", reading, true, 0),
		methodDeed("Jobs.AllowedAgents", reading, true, 0),
		methodDeed("Jobs.Log", streaming, false, matrixFailed),
		methodDeed("Artifacts.Open", streaming, true, matrixFailed),
		methodDeed("Artifacts.OpenFile", streaming, true, matrixFailed),
		methodDeed("Artifacts.Save", streaming, true, matrixFailed),
		methodDeed("Artifacts.Download", streaming, true, matrixFailed),
		methodDeed("Artifacts.Extract", mending, true, matrixFailed),
		methodDeed("Artifacts.ListEntries", reading, true, matrixFailed),
		methodDeed("Artifacts.AllEntries", reading, true, matrixFailed),
		methodDeed("Artifacts.Keep", repeatable, false, matrixFailed),
		methodDeed("Artifacts.Delete", bare, false, matrixFailed),
		methodDeed("Artifacts.DeleteAll", bare, false, 0),
		methodDeed("Statuses.List", reading, false, 0),
		methodDeed("Statuses.All", reading, false, 0),
		methodDeed("Statuses.Set", searching, false, 0),
		methodDeed("Pipelines.Trigger", once, true, 0),
		methodDeed("Triggers.List", reading, false, 0),
		methodDeed("Triggers.All", reading, false, 0),
		methodDeed("Triggers.Get", reading, false, matrixTrigger),
		methodDeed("Triggers.Create", once, false, 0),
		methodDeed("Triggers.Update", repeatable, false, matrixTrigger),
		methodDeed("Triggers.Delete", bare, false, matrixTrigger),
		methodDeed("Schedules.List", reading, false, 0),
		methodDeed("Schedules.All", reading, false, 0),
		methodDeed("Schedules.Get", reading, false, matrixSchedule),
		methodDeed("Schedules.Create", once, false, 0),
		methodDeed("Schedules.Update", repeatable, false, matrixSchedule),
		methodDeed("Schedules.TakeOwnership", repeatable, false, matrixSchedule),
		methodDeed("Schedules.Delete", bare, false, matrixSchedule),
		methodDeed("Schedules.Play", looking, false, matrixSchedule),
		methodDeed("Schedules.ListPipelines", reading, false, matrixSchedule),
		methodDeed("Schedules.AllPipelines", reading, false, matrixSchedule),
		methodDeed("Schedules.SetVariable", repeatable, false, matrixSchedule),
		methodDeed("Schedules.DeleteVariable", bare, false, matrixSchedule),
		methodDeed("Webhooks.List", reading, false, 0),
		methodDeed("Webhooks.All", reading, false, 0),
		methodDeed("Webhooks.Get", reading, false, matrixHook),
		methodDeed("Webhooks.Create", once, false, 0),
		methodDeed("Webhooks.Update", repeatable, false, matrixHook),
		methodDeed("Webhooks.Delete", bare, false, matrixHook),
		methodDeed("Webhooks.Test", once, false, matrixHook),
		methodDeed("Webhooks.Events", reading, false, matrixHook),
		methodDeed("Webhooks.AllEvents", reading, false, matrixHook),
		methodDeed("Webhooks.Resend", once, false, matrixHook),
		methodDeed("MergeRequests.Get", reading, false, matrixMergeRequest),
		methodDeed("MergeRequests.List", reading, false, 0),
		methodDeed("MergeRequests.All", reading, false, 0),
		methodDeed("Pipelines.ListForMergeRequest", reading, false, matrixMergeRequest),
		methodDeed("Pipelines.AllForMergeRequest", reading, false, matrixMergeRequest),
		methodDeed("Pipelines.CreateForMergeRequest", once, false, matrixMergeRequest),
		methodDeed("Branches.Get", reading, false, 0),
		methodDeed("Branches.List", reading, false, 0),
		methodDeed("Branches.All", reading, false, 0),
		methodDeed("Tags.Get", reading, false, 0),
		methodDeed("Tags.List", reading, false, 0),
		methodDeed("Tags.All", reading, false, 0),
		methodDeed("Commits.Get", reading, false, 0),
		methodDeed("Commits.List", reading, false, 0),
		methodDeed("Commits.All", reading, false, 0),
		methodDeed("Environments.Get", reading, false, matrixDeployment),
		methodDeed("Environments.List", reading, false, 0),
		methodDeed("Environments.All", reading, false, 0),
		methodDeed("Deployments.Get", reading, false, matrixDeployment),
		methodDeed("Deployments.List", reading, false, 0),
		methodDeed("Deployments.All", reading, false, 0),
		methodDeed("Projects.Get", reading, false, 0),
		methodDeed("Projects.List", reading, false, 0),
		methodDeed("Projects.All", reading, false, 0),
		methodDeed("Projects.ListInGroup", reading, false, 0),
		methodDeed("Projects.AllInGroup", reading, false, 0),
		methodDeed("Variables.List", reading, false, 0),
		methodDeed("Variables.All", reading, false, 0),
		methodDeed("Variables.Get", reading, false, 0),
		methodDeed("Variables.Set", settling, false, 0),
		methodDeed("Variables.Delete", settling, false, 0),
		methodDeed("Lint.Validate", reading, false, 0),
		methodDeed("Lint.ValidateProject", reading, false, 0),
	}
}

// optionDeeds are methods with options, and with a source that is not a job.
func optionDeeds() []deed {
	const j = "/projects/:id/jobs/:job_id"
	latest := gitlabci.LatestArtifacts{Ref: "v1", Job: "unit"}
	variables := []*gitlabci.Variable{{Key: "A", Value: matrixSecret}}
	return []deed{
		{"Pipelines.Create", "POST /projects/:id/pipeline", once, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: variables}))
		}},
		{"Pipelines.Trigger variables", "POST /projects/:id/trigger/pipeline", once, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Trigger(ctx, "group/app", "main", testkit.TriggerToken, &gitlabci.TriggerPipelineOptions{Variables: variables}))
		}},
		{"Pipelines.Run triggered", "POST /projects/:id/trigger/pipeline", once, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{TriggerToken: testkit.TriggerToken}))
		}},
		{"Pipelines.Create keyed", "POST /projects/:id/pipeline", searching, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{IdempotencyKey: "k1"}))
		}},
		{"Jobs.Latest by status", "GET /projects/:id/pipelines", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Latest(ctx, "group/app", "v1", "unit", nil))
		}},
		{"Variables.Set new", "POST /projects/:id/variables", settling, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Variables.Set(ctx, gitlabci.ProjectID("group/app"), &gitlabci.CIVariable{Key: "A", Value: matrixSecret}))
		}},
		{"Jobs.Play", "POST " + j + "/play", once, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", matrixManual, &gitlabci.PlayJobOptions{Variables: variables}))
		}},
		{"Jobs.FollowLog", "GET " + j + "/trace", lasting, false, func(ctx context.Context, c *gitlabci.Client) error {
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

// watchDeeds are methods that poll. They do so seldom, since one job never ends.
func watchDeeds() []deed {
	const p = "/projects/:id/pipelines/:pipeline_id"
	seldom := &gitlabci.WatchOptions{MinInterval: time.Minute}
	return []deed{
		{"Pipelines.Watch", "GET " + p + "/jobs", watching, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.Watch(ctx, "group/app", matrixPipeline, seldom))
		}},
		{"Pipelines.Watch downstream", "GET " + p + "/bridges", watching, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.Watch(ctx, "group/app", matrixPipeline, &gitlabci.WatchOptions{Downstream: true, MinInterval: time.Minute}))
		}},
		methodDeed("Pipelines.WatchAll", watching, true, 0),
		{"Pipelines.Wait", "GET " + p, watching, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Wait(ctx, "group/app", matrixPipeline, seldom))
		}},
		{"Pipelines.Run waits", "GET " + p + "/jobs", expecting, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{Watch: *seldom}))
		}},
	}
}

// fetchDeeds are the functions for any endpoint.
func fetchDeeds() []deed {
	const p = "/projects/:id/pipelines/:pipeline_id"
	one, list := gitlabci.At(p, "group/app", matrixPipeline), gitlabci.At("/projects/:id/pipelines", "group/app")
	return []deed{
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
		{"Send DELETE", "DELETE " + p, bare, false, func(ctx context.Context, c *gitlabci.Client) error {
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
