package gitlabci_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing/fstest"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A bot that runs a pipeline, tells why it failed, or saves what it has built.
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
