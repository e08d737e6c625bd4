package gitlabci_test

import (
	"context"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

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
