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
