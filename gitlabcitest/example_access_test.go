package gitlabcitest_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A bot that only has the rights of a Reporter.
func ExampleServer_AddMember() {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "bot", gitlabcitest.RoleReporter)
	token := srv.AddToken(gitlabcitest.Token{Username: "bot"})
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})

	client := srv.Client(gitlabci.WithToken(token))
	found, err := client.Pipelines.Get(context.Background(), "group/app", pipeline.ID)
	fmt.Println(found.Status, err)
	_, err = client.Pipelines.Retry(context.Background(), "group/app", pipeline.ID)
	fmt.Println(errors.Is(err, gitlabci.ErrForbidden))
	// Output:
	// failed <nil>
	// true
}

// A token that dies while the program runs.
func ExampleServer_RevokeToken() {
	srv := gitlabcitest.NewServer()
	token := srv.AddToken(gitlabcitest.Token{Scopes: []string{"read_api"}})
	client := srv.Client(gitlabci.WithToken(token))
	for range 2 {
		_, err := client.Pipelines.List(context.Background(), "group/app", nil)
		fmt.Println(errors.Is(err, gitlabci.ErrUnauthorized))
		srv.RevokeToken(token)
	}
	// Output:
	// false
	// true
}

// A member of a group has the role in all of its projects. An administrator may act as others.
func ExampleServer_AddGroupMember() {
	srv := gitlabcitest.NewServer()
	srv.AddGroupMember("group", "dana", gitlabcitest.RoleDeveloper)
	srv.AddUser(gitlabcitest.User{Username: "root", Admin: true})
	token := srv.AddToken(gitlabcitest.Token{Username: "root", Scopes: []string{"api", "sudo"}})

	client := srv.Client(gitlabci.WithToken(token), gitlabci.WithSudo("dana"))
	pipeline, err := client.Pipelines.Create(context.Background(), "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.User.Username)
	// Output: dana
}

// The code under test runs in a job, with the job's own token. It cannot retry pipelines.
func ExampleServer_JobToken() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	job := pipeline.AddJob(gitlabcitest.Job{Name: "release", Status: gitlabci.StatusRunning})
	client, ctx := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID))), context.Background()

	current, err := client.Jobs.Current(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(current.Name)
	_, err = client.Pipelines.Retry(ctx, "group/app", pipeline.ID)
	fmt.Println(errors.Is(err, gitlabci.ErrUnauthorized), err)
	// Output:
	// release
	// true gitlabci: POST /projects/group%2Fapp/pipelines/101/retry: 401 Unauthorized (a job token is not accepted for this; use an access token)
}
