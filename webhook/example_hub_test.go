package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

// With a hub, a program that waits for pipelines polls when GitLab says that something
// has changed, and otherwise only every 5 minutes.
func ExampleHub() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Script: gitlabcitest.Script{Runs: 10 * time.Millisecond}})

	hub := webhook.NewHub()
	v, err := webhook.NewVerifier(webhook.SigningToken("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
	if err != nil {
		fmt.Println(err)
		return
	}
	http.Handle("POST /gitlab", webhook.NewHandler(v, hub.Handle, nil))

	opts := &gitlabci.WatchOptions{Wake: hub}
	done, err := srv.Client().Pipelines.Wait(context.Background(), "group/app", pipeline.ID, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done.Status)
}
