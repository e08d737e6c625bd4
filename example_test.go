package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func Example() {
	srv := gitlabcitest.NewServer() // a fake; a real one needs only NewClient
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	for pipeline, err := range client.Pipelines.All(ctx, "group/app", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID, pipeline.Ref, pipeline.Status)
	}
	// Output:
	// 102 main failed
	// 101 main success
}

func ExampleNewClient() {
	client, err := gitlabci.NewClient(
		gitlabci.WithBaseURL("https://gitlab.example.com"),
		gitlabci.WithToken("glpat-…\n"),
	)
	fmt.Println(client == nil, err)
	// Output: true gitlabci: WithToken: the token has a newline, a space or another character that no token has
}

// A request that starts work is never sent twice. If its response is lost, look for the
// pipeline before you create another one.
func ExamplePipelinesService_Create() {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/pipeline", Status: 504, Executed: true})
	client, ctx := srv.Client(), context.Background()

	_, err := client.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "DEPLOY_TO", Value: "staging"}},
	})
	if errors.Is(err, gitlabci.ErrOutcomeUnknown) {
		latest, err := client.Pipelines.Latest(ctx, "group/app", "main")
		fmt.Println(latest.ID, latest.Status, err)
	}
	// Output: 101 pending <nil>
}

// Five pages, four of them requested at the same time.
func ExampleListOptions() {
	srv := gitlabcitest.NewServer()
	for range 450 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	client, ctx := srv.Client(), context.Background()

	pipelines := 0
	for _, err := range client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: 4}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		pipelines++
	}
	fmt.Println(pipelines, "pipelines,", len(srv.Requests()), "requests")
	// Output: 450 pipelines, 5 requests
}

// The error of a page holds the cursor to continue from.
func ExamplePageError() {
	srv := gitlabcitest.NewServer()
	for range 3 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	client, ctx := srv.Client(gitlabci.WithRetries(0)), context.Background()

	var after gitlabci.Cursor
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}) {
		if failed, ok := errors.AsType[*gitlabci.PageError](err); ok {
			fmt.Println(failed)
			after = failed.After
			break
		}
		fmt.Println(pipeline.ID)
		if pipeline.ID == 103 {
			srv.Fault(gitlabcitest.Fault{Status: 503, Times: 1}) // hits the next page
		}
	}
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: after}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID)
	}
	// Output:
	// 103
	// 102
	// gitlabci: GET /projects/group%2Fapp/pipelines: 503 Service Unavailable
	// 101
}

func ExampleClient_Do() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Name: "nightly"})
	client := srv.Client()

	req, err := http.NewRequest(http.MethodGet, "/projects/1/pipelines/101/variables", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: [] <nil>
}

// A tracer that records which call a request belongs to, and no URL: those of a storage
// are signed.
func ExampleWithMiddleware() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	trace := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if info, ok := gitlabci.RequestInfoFrom(req.Context()); ok && err == nil {
				fmt.Println(info.Method, info.Endpoint, "storage:", info.Storage, resp.StatusCode)
			}
			return resp, err
		})
	}
	_, err := srv.Client(gitlabci.WithMiddleware(trace)).Pipelines.Get(context.Background(), "group/app", 101)
	fmt.Println(err)
	// Output:
	// GET /projects/:id/pipelines/:pipeline_id storage: false 200
	// <nil>
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A source that caches its token until GitLab refuses it.
func ExampleTokenRefused() {
	cached := struct {
		sync.Mutex
		token string
	}{token: "gloas-…"}
	source := func(ctx context.Context) (string, error) {
		cached.Lock()
		defer cached.Unlock()
		if gitlabci.TokenRefused(ctx) != "" {
			token, err := refresh(ctx)
			if err != nil {
				return "", err
			}
			cached.token = token
		}
		return cached.token, nil
	}
	client, err := gitlabci.NewClient(gitlabci.WithTokenSource(source))
	fmt.Println(client != nil, err)
	// Output: true <nil>
}

func refresh(context.Context) (string, error) { return "gloas-… the next one", nil }

// A bot that runs a pipeline and says why it failed, or saves what it has built.
func Example_bot() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{
		Name: "build", Artifacts: fstest.MapFS{"bin/app": {Data: []byte("app")}},
	})
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	file := filepath.Join(dir, "app.zip")
	if err := nightly(context.Background(), srv.Client(), file); err != nil {
		fmt.Println(err)
	}
	saved, err := os.Stat(file)
	fmt.Println(saved.Name(), err)
	// Output: app.zip <nil>
}

// nightly is the bot of README.md.
func nightly(ctx context.Context, client *gitlabci.Client, file string) error {
	const project, ref = "group/app", "main"
	opts := &gitlabci.RunOptions{CancelOnExit: true} // when ctx ends, by Ctrl-C perhaps
	opts.Create.Variables = []*gitlabci.Variable{{Key: "BUILD", Value: "nightly"}}

	result, err := client.Pipelines.Run(ctx, project, ref, opts)
	if err != nil {
		return err
	}
	if result.Pipeline.Status != gitlabci.StatusSuccess {
		fmt.Println(result.Pipeline.WebURL, "ended as", result.Pipeline.Status)
		for _, failure := range result.Failed {
			fmt.Println(failure.Job.Name, "failed:", failure.Reason, failure.Summary.Reason)
			for _, line := range failure.Lines {
				fmt.Println("  ", line)
			}
		}
		return fmt.Errorf("pipeline %d: %s", result.Pipeline.ID, result.Pipeline.Status)
	}
	build, err := client.Jobs.FindByName(ctx, project, result.Pipeline.ID, "build")
	if err != nil {
		return err
	}
	return client.Artifacts.Save(ctx, project, build.ID, file, nil)
}

func ExampleProjectsService_AllInGroup() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("company/backend/api")
	srv.AddProject("company/web")
	srv.AddPipeline("company/web", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.ListGroupProjectsOptions{IncludeSubgroups: true, WithShared: new(false), Archived: new(false), Simple: true}
	for project, err := range client.Projects.AllInGroup(ctx, "company", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		failed := &gitlabci.ListPipelinesOptions{Ref: project.DefaultBranch, Status: gitlabci.StatusFailed}
		page, err := client.Pipelines.List(ctx, project.ID, failed)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(project.PathWithNamespace, page.Total, "failed")
	}
	// Output:
	// company/web 1 failed
	// company/backend/api 0 failed
}

// The open merge requests whose head has a failed pipeline.
func ExampleMergeRequestsService_All() {
	srv := gitlabcitest.NewServer()
	for i, status := range []gitlabci.Status{gitlabci.StatusFailed, gitlabci.StatusSuccess} {
		request := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: fmt.Sprintf("topic-%d", i+1)})
		request.AddPipeline(gitlabcitest.PipelineKindMergedResults, gitlabcitest.Pipeline{Status: status})
	}
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.ListMergeRequestsOptions{State: gitlabci.MergeRequestStateOpened, View: gitlabci.MergeRequestViewSimple}
	for request, err := range client.MergeRequests.All(ctx, "group/app", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		pipeline, err := client.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{MergeRequest: request.IID})
		if err == nil && pipeline.Status == gitlabci.StatusFailed {
			fmt.Printf("!%d %s: pipeline %d failed\n", request.IID, request.Title, pipeline.ID)
		}
	}
	// Output: !1 Change topic-1: pipeline 101 failed
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

// The newest release of a project, and the commit that it is.
func ExampleTagsService_All() {
	srv := gitlabcitest.NewServer()
	for _, name := range []string{"v1.4.1", "v1.4.2"} {
		srv.AddRef("group/app", gitlabcitest.Ref{Name: name, Tag: true, SHA: strings.Repeat(name[len(name)-1:], 40)})
	}
	opts := &gitlabci.ListTagsOptions{Search: "^v1.", OrderBy: gitlabci.TagOrderByVersion}
	for tag, err := range srv.Client().Tags.All(context.Background(), "group/app", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tag.Name, tag.Commit.ShortID)
		break
	}
	// Output: v1.4.2 22222222
}

func ExampleBranchesService_Get() {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "feature/a#b", SHA: strings.Repeat("7", 40)})
	branch, err := srv.Client().Branches.Get(context.Background(), "group/app", "feature/a#b")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(branch.Name, branch.Commit.ShortID, branch.Protected)
	// Output: feature/a#b 77777777 false
}

// The commits of a week.
func ExampleCommitsService_All() {
	srv := gitlabcitest.NewServer()
	begun := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i, message := range []string{"Add a door", "Paint the door", "Oil the door"} {
		srv.AddCommit("group/app", gitlabcitest.Commit{Message: message, CreatedAt: begun.AddDate(0, 0, i)})
	}
	opts := &gitlabci.ListCommitsOptions{RefName: "main", Since: begun.AddDate(0, 0, 1), Until: begun.AddDate(0, 0, 7)}
	for commit, err := range srv.Client().Commits.All(context.Background(), "group/app", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(commit.Title)
	}
	// Output:
	// Oil the door
	// Paint the door
}

// What runs in production.
func ExampleEnvironmentsService_All() {
	srv := gitlabcitest.NewServer()
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "production", Ref: "v1.4.2"})
	client, ctx := srv.Client(), context.Background()
	for found, err := range client.Environments.All(ctx, "group/app", &gitlabci.ListEnvironmentsOptions{Name: "production"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		environment, err := client.Environments.Get(ctx, "group/app", found.ID) // lists have no LastDeployment
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(environment.Name, environment.State, environment.LastDeployment.Ref)
	}
	// Output: production available v1.4.2
}

func ExampleDeploymentsService_All() {
	srv := gitlabcitest.NewServer()
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "production", Ref: "v1.4.1", Status: gitlabci.DeploymentStatusFailed})
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "production", Ref: "v1.4.2"})
	opts := &gitlabci.ListDeploymentsOptions{Environment: "production", Sort: gitlabci.SortDesc} // oldest first is the default
	for deployment, err := range srv.Client().Deployments.All(context.Background(), "group/app", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(deployment.Ref, deployment.Status)
	}
	// Output:
	// v1.4.2 success
	// v1.4.1 failed
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

// A new pipeline for a merge request, and all that it has.
func ExamplePipelinesService_CreateForMergeRequest() {
	srv := gitlabcitest.NewServer()
	change := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "change"})
	client, ctx := srv.Client(), context.Background()
	if _, err := client.Pipelines.CreateForMergeRequest(ctx, "group/app", change.IID, nil); err != nil {
		fmt.Println(err)
		return
	}
	for pipeline, err := range client.Pipelines.AllForMergeRequest(ctx, "group/app", change.IID, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.Ref, pipeline.Source)
	}
	// Output: refs/merge-requests/1/head merge_request_event
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
