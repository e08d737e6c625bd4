package gitlabcitest_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// release is the code under test: a bot that starts a pipeline, and looks for
// it rather than start another one when it cannot know whether it has.
func release(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID) (*gitlabci.Pipeline, error) {
	pipeline, err := client.Pipelines.Create(ctx, project, "main", nil)
	if !errors.Is(err, gitlabci.ErrOutcomeUnknown) {
		return pipeline, err
	}
	fmt.Println("the response got lost")
	return client.Pipelines.Latest(ctx, project, "main")
}

// A pipeline is created, but the connection ends before the response.
func ExampleServer_Fault() {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{
		Route:    "POST /projects/:id/pipeline",
		Break:    gitlabcitest.BreakResetUnanswered,
		Executed: true,
		Times:    1,
	})

	ctx, client := context.Background(), srv.Client()
	pipeline, err := release(ctx, client, "group/app")
	fmt.Println(pipeline.ID, pipeline.Status, err)

	page, err := client.Pipelines.List(ctx, "group/app", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("pipelines on the server:", len(page.Items))
	for _, request := range srv.Requests() {
		fmt.Println(request.Route, request.Status, "executed:", request.Executed)
	}
	// Output:
	// the response got lost
	// 101 pending <nil>
	// pipelines on the server: 1
	// POST /projects/:id/pipeline 0 executed: true
	// GET /projects/:id/pipelines/latest 200 executed: true
	// GET /projects/:id/pipelines 200 executed: true
}
