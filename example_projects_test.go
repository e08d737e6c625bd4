package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
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
