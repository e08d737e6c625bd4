package gitlabcitest_test

import (
	"context"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// broken is the code under test: a bot that names the branches of a project
// whose newest pipeline failed.
func broken(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID) ([]string, error) {
	var branches []string
	opts := &gitlabci.ListPipelinesOptions{Scope: gitlabci.ScopeBranches, Status: gitlabci.StatusFailed}
	for pipeline, err := range client.Pipelines.All(ctx, project, opts) {
		if err != nil {
			return nil, err
		}
		branches = append(branches, pipeline.Ref)
	}
	return branches, nil
}

func Example() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", Status: gitlabci.StatusFailed})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "fixed", Status: gitlabci.StatusFailed})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "fixed"})

	// The first answer is lost on its way, which the client mends by itself.
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines", Status: 502, Times: 1})

	branches, err := broken(context.Background(), srv.Client(), "group/app")
	fmt.Println(branches, err)
	for _, request := range srv.Requests() {
		fmt.Println(request.Method, request.Path, request.Status)
	}
	// Output:
	// [topic] <nil>
	// GET /api/v4/projects/group%2Fapp/pipelines 502
	// GET /api/v4/projects/group%2Fapp/pipelines 200
}
