package webhook_test

import (
	"context"
	"fmt"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

// With a hub, a program that waits for pipelines polls when GitLab says that something
// has changed, and otherwise only every 5 minutes.
func ExampleHub() {
	const token = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	v, err := webhook.NewVerifier(webhook.SigningToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	hub := webhook.NewHub()
	handler := webhook.NewHandler(v, hub.Handle, nil)

	srv := gitlabcitest.NewServer()
	defer srv.Close()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	srv.AddHook("group/app", gitlabcitest.Hook{Handler: handler, SigningToken: token})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Script: gitlabcitest.Script{Runs: 100 * time.Millisecond}})

	done, err := srv.Client().Pipelines.Wait(context.Background(), "group/app", pipeline.ID, &gitlabci.WatchOptions{Wake: hub})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done.Status)
	// Output: success
}
