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

// A page refreshes what it shows of a project when one of its pipelines may have changed.
func ExampleHub_Wake() {
	hub := webhook.NewHub()
	changed := make(chan struct{}, 1)
	stop := hub.Wake(context.Background(), "group/app", 0, func() { // 0 is any pipeline of the project
		select {
		case changed <- struct{}{}:
		default: // one refresh is due already
		}
	})
	defer stop()

	e := &webhook.Event{ // a Handler passes events to hub.Handle
		Kind:     webhook.KindPipeline,
		Project:  &webhook.Project{PathWithNamespace: "group/app"},
		Pipeline: &webhook.Pipeline{ID: 31},
	}
	if err := hub.Handle(context.Background(), e); err != nil {
		fmt.Println(err)
		return
	}
	<-changed
	fmt.Println("refresh")
	// Output: refresh
}
