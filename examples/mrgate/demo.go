package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A thread is the comments of a merge request.
type thread struct {
	mu    sync.Mutex
	notes []note
}

// serve adds the endpoints of comments to a fake GitLab.
func (d *thread) serve(srv *gitlabcitest.Server) {
	const path = " /api/v4/projects/{project}/merge_requests/{iid}/notes"
	srv.Handle("GET"+path, d.handler(func(note) any { return d.notes }))
	srv.Handle("POST"+path, d.handler(func(sent note) any {
		sent.ID, sent.Author.ID = int64(len(d.notes)+1), 1
		d.notes = append(d.notes, sent)
		return sent
	}))
	srv.Handle("PUT"+path+"/1", d.handler(func(sent note) any {
		d.notes[0].Body = sent.Body
		return d.notes[0]
	}))
}

func (d *thread) handler(respond func(note) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		var sent note
		if r.Method != http.MethodGet {
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(respond(sent)) // into memory
	})
}

// demo shows a merge request with a push, a broken runner and a test that fails.
func (g *gate) demo(ctx context.Context) (int, error) {
	srv, comments := gitlabcitest.NewServer(), &thread{notes: []note{}}
	defer srv.Close()
	comments.serve(srv)
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 7, Source: "feature/cart"})
	m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "unit", Script: gitlabcitest.Script{Runs: time.Hour}})
	push := time.AfterFunc(time.Second, func() {
		m.Push("")
		m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
			Name:   "unit",
			Script: gitlabcitest.Script{Runs: time.Second, Result: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonRunnerSystemFailure, Log: "ERROR: Job failed (system failure): no space left on device\n"},
			Retries: []gitlabcitest.Script{{
				Runs: time.Second, Result: gitlabci.StatusFailed,
				Log: "$ go test ./...\n--- FAIL: TestCart (0.00s)\n    cart_test.go:12: got 3 items, want 4\nFAIL\nERROR: Job failed: exit code 1\n",
			}},
		})
	})
	defer push.Stop()
	g.client, g.project, g.iid, g.interval = srv.Client(), "group/app", m.IID, 300*time.Millisecond
	verdict, err := g.run(ctx)
	for _, n := range comments.notes {
		g.say("comment:\n\n%s", strings.TrimPrefix(n.Body, marker))
	}
	return verdict, cmp.Or(err, g.err)
}
