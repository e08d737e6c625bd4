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
