package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// The projects that the token's owner works in. Without Membership, GitLab.com lists
// millions.
func ExampleProjectsService_All() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	client, ctx := srv.Client(), context.Background()

	for project, err := range client.Projects.All(ctx, &gitlabci.ListProjectsOptions{Membership: true, Archived: new(false)}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(project.ID, project.PathWithNamespace)
	}
	// Output:
	// 2 group/lib
	// 1 group/app
}

// A project is looked for by a part of its name.
func ExampleProjectsService_List() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("company/payments")
	client, ctx := srv.Client(), context.Background()

	page, err := client.Projects.List(ctx, &gitlabci.ListProjectsOptions{Search: "pay", Simple: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, project := range page.Items {
		fmt.Println(project.PathWithNamespace)
	}
	// Output: company/payments
}

func ExampleProjectsService_Get() {
	srv := gitlabcitest.NewServer()
	client, ctx := srv.Client(), context.Background()

	project, err := client.Projects.Get(ctx, "group/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(project.ID, project.Name, project.DefaultBranch, project.WebURL)

	_, err = client.Projects.Get(ctx, "group/typo")
	fmt.Println(errors.Is(err, gitlabci.ErrNotFound))
	// Output:
	// 1 App main https://gitlab.example.com/group/app
	// true
}

// The direct projects of a group that have a topic. AllInGroup ranges over all pages.
func ExampleProjectsService_ListInGroup() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("company/web")
	srv.AddProject("company/api")
	srv.Configure("company/api", gitlabcitest.Settings{Topics: []string{"go"}})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Projects.ListInGroup(ctx, "company", &gitlabci.ListGroupProjectsOptions{Topic: "go"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, project := range page.Items {
		fmt.Println(project.PathWithNamespace, project.Topics)
	}
	// Output: company/api [go]
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

// A page of open merge requests to show to a person, and one of them with all its fields.
func ExampleMergeRequestsService_List() {
	srv := gitlabcitest.NewServer()
	srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "topic", Title: "Paint the door"})
	client, ctx := srv.Client(), context.Background()

	page, err := client.MergeRequests.List(ctx, "group/app", &gitlabci.ListMergeRequestsOptions{
		State: gitlabci.MergeRequestStateOpened, SourceBranch: "topic", ListOptions: gitlabci.ListOptions{PerPage: 20},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, found := range page.Items {
		request, err := client.MergeRequests.Get(ctx, "group/app", found.IID) // with its HeadPipeline
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("!%d %s: %s, pipeline: %t\n", request.IID, request.Title, request.DetailedMergeStatus, request.HeadPipeline != nil)
	}
	// Output: !1 Paint the door: mergeable, pipeline: false
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

// The branches of a release, and what to do without one.
func ExampleBranchesService_All() {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "release/1.4", Protected: true})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "release/1.5"})
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.ListBranchesOptions{Search: "^release/"}
	for branch, err := range client.Branches.All(ctx, "group/app", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(branch.Name, "protected:", branch.Protected)
	}
	page, err := client.Branches.List(ctx, "group/app", &gitlabci.ListBranchesOptions{Search: "^hotfix/"}) // one page
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), "hotfixes")
	// Output:
	// release/1.4 protected: true
	// release/1.5 protected: false
	// 0 hotfixes
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

// The newest version, and whether a version exists.
func ExampleTagsService_Get() {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1.10.0", Tag: true, Message: "Doors"})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1.9.0", Tag: true})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Tags.List(ctx, "group/app", &gitlabci.ListTagsOptions{
		ListOptions: gitlabci.ListOptions{PerPage: 1}, OrderBy: gitlabci.TagOrderByVersion,
	})
	if err != nil || len(page.Items) == 0 {
		fmt.Println("no tag:", err)
		return
	}
	fmt.Println(page.Items[0].Name, page.Items[0].Message)

	_, err = client.Tags.Get(ctx, "group/app", "v2.0.0")
	fmt.Println(errors.Is(err, gitlabci.ErrNotFound))
	// Output:
	// v1.10.0 Doors
	// true
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

// The head of a branch with its pipelines' status, and the commit before it.
func ExampleCommitsService_Get() {
	srv := gitlabcitest.NewServer()
	srv.AddCommit("group/app", gitlabcitest.Commit{Message: "Add a door"})
	head := srv.AddCommit("group/app", gitlabcitest.Commit{Message: "Paint the door"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", SHA: head.SHA, Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	commit, err := client.Commits.Get(ctx, "group/app", "main") // or a SHA
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(commit.Title, commit.Status, commit.LastPipeline.ID)

	page, err := client.Commits.List(ctx, "group/app", &gitlabci.ListCommitsOptions{
		ListOptions: gitlabci.ListOptions{PerPage: 2}, RefName: commit.ID,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Items[1].Title)
	// Output:
	// Paint the door failed 101
	// Add a door
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

// The review apps that still run. An environment has its last deployment only in Get.
func ExampleEnvironmentsService_List() {
	srv := gitlabcitest.NewServer()
	srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "review/topic", ExternalURL: "https://topic.example.com"})
	srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "review/old", State: gitlabci.EnvironmentStateStopped})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Environments.List(ctx, "group/app", &gitlabci.ListEnvironmentsOptions{
		Search: "review/", States: gitlabci.EnvironmentStateAvailable,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, environment := range page.Items {
		fmt.Println(environment.Name, environment.ExternalURL)
	}
	// Output: review/topic https://topic.example.com
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

// The last deployment to production, and the job that made it.
func ExampleDeploymentsService_Get() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1.4", Tag: true})
	pipeline.AddJob(gitlabcitest.Job{Name: "deploy", Environment: "production", FinishedAt: time.Now()})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Deployments.List(ctx, "group/app", &gitlabci.ListDeploymentsOptions{
		ListOptions: gitlabci.ListOptions{PerPage: 1}, Environment: "production", Sort: gitlabci.SortDesc,
	})
	if err != nil || len(page.Items) == 0 {
		fmt.Println("no deployment:", err)
		return
	}
	deployment, err := client.Deployments.Get(ctx, "group/app", page.Items[0].ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(deployment.Ref, deployment.Status, deployment.Deployable.Name, deployment.Environment.Name)
	// Output: v1.4 success deploy production
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

// issues is a fake with an endpoint that it does not have by itself.
func issues() *gitlabci.Client {
	srv := gitlabcitest.NewServer()
	srv.Handle("GET /api/v4/projects/{project}/issues", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"iid":2,"title":"Flaky test"},{"iid":1,"title":"Slow build"}]`)
	}))
	srv.Handle("GET /api/v4/projects/{project}/issues/{iid}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"iid":2,"title":"Flaky test","labels":["ci"]}`)
	}))
	srv.Handle("POST /api/v4/projects/{project}/issues/{iid}/notes", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":7,"body":"Failed again."}`)
	}))
	return srv.Client()
}

// Issue has the fields that a program wants.
type Issue struct {
	IID    int64    `json:"iid"`
	Title  string   `json:"title"`
	Labels []string `json:"labels"`
}

func ExampleFetch() {
	client := issues()
	issue, err := gitlabci.Fetch[Issue](context.Background(), client, gitlabci.At("/projects/:id/issues/:iid", "group/app", 2), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(issue.Title, issue.Labels)
	// Output: Flaky test [ci]
}

func ExampleFetchAll() {
	client := issues()
	type options struct {
		gitlabci.ListOptions
		Labels string `url:"labels,omitempty"`
	}
	endpoint := gitlabci.At("/projects/:id/issues", "group/app")
	for issue, err := range gitlabci.FetchAll[Issue](context.Background(), client, endpoint, &options{Labels: "ci"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(issue.IID, issue.Title)
	}
	// Output:
	// 2 Flaky test
	// 1 Slow build
}

func ExampleFetchPage() {
	page, err := gitlabci.FetchPage[Issue](context.Background(), issues(), gitlabci.At("/projects/:id/issues", "group/app"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), page.Next == "")
	// Output: 2 true
}

func ExampleSend() {
	type note struct {
		ID   int64  `json:"id,omitempty"`
		Body string `json:"body"`
	}
	endpoint := gitlabci.At("/projects/:id/issues/:iid/notes", "group/app", 2)
	sent, err := gitlabci.Send[note](context.Background(), issues(), "POST", endpoint, note{Body: "Failed again."}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sent.ID)
	// Output: 7
}

// Another client of the same server sends through this one.
func ExampleClient_RoundTripper() {
	client := issues()
	other := &http.Client{Transport: client.RoundTripper()}
	resp, err := other.Get(gitlabcitest.URL + "/api/v4/projects/7/issues/2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// A dashboard reads the jobs of the last ten pipelines of each project of a group. By the
// REST API, that takes a request for the projects, one for each project, and one for each
// pipeline.
func ExampleGraphQL() {
	srv := gitlabcitest.NewServer()
	for project := range 20 {
		path := fmt.Sprintf("group/app%d", project)
		srv.AddProject(path)
		for range 10 {
			p := srv.AddPipeline(path, gitlabcitest.Pipeline{Ref: "main"})
			p.AddJob(gitlabcitest.Job{Name: "build"})
			p.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
		}
	}
	type jobs struct {
		Nodes []struct {
			Name, Status string
		}
	}
	type pipelines struct {
		Nodes []struct {
			Jobs jobs
		}
	}
	type dashboard struct {
		Group struct {
			Projects struct {
				Nodes []struct {
					FullPath  string
					Pipelines pipelines
				}
			}
		}
	}
	const query = `query ($group: ID!) {
		group(fullPath: $group) { projects(includeSubgroups: true) { nodes {
			fullPath
			pipelines(first: 10) { nodes { jobs { nodes { name status } } } }
		} } }
	}`
	got, err := gitlabci.GraphQL[dashboard](context.Background(), srv.Client(), query, map[string]any{"group": "group"})
	if err != nil {
		fmt.Println(err)
		return
	}
	failed := 0
	for _, project := range got.Group.Projects.Nodes {
		for _, pipeline := range project.Pipelines.Nodes {
			for _, job := range pipeline.Jobs.Nodes {
				if job.Status == "FAILED" {
					failed++
				}
			}
		}
	}
	fmt.Println(len(got.Group.Projects.Nodes), "projects,", failed, "failed jobs,", len(srv.Requests()), "request")
	// Output: 21 projects, 200 failed jobs, 1 request
}

// Each value stays one segment of the path. Logs, hooks and metrics see the template.
func ExampleAt() {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "feature/a#b"})
	endpoint := gitlabci.At("/projects/:id/repository/branches/:branch", "group/app", "feature/a#b")
	branch, err := gitlabci.Fetch[struct{ Name string }](context.Background(), srv.Client(), endpoint, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(endpoint, branch.Name)
	fmt.Println(srv.Requests()[0].Path)
	// Output:
	// /projects/:id/repository/branches/:branch feature/a#b
	// /api/v4/projects/group%2Fapp/repository/branches/feature%2Fa%23b
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
