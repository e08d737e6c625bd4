package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

const (
	demoProject = "group/app"
	demoToken   = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// A front passes requests to the bot while it runs. Without one it responds as nginx does.
type front struct{ bot atomic.Pointer[bot] }

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b := f.bot.Load(); b != nil {
		b.handler.ServeHTTP(w, r)
		return
	}
	http.Error(w, "502 Bad Gateway", http.StatusBadGateway)
}

// A demonstration is a fake GitLab with a webhook, and a bot that is stopped and restarted.
type demonstration struct {
	srv   *gitlabcitest.Server
	front front
	state string
	out   io.Writer
}

// newDemonstration keeps the state in a folder.
func newDemonstration(folder string, out io.Writer) *demonstration {
	d := &demonstration{srv: gitlabcitest.NewServer(), state: filepath.Join(folder, "hookbot.json"), out: out}
	d.srv.AddHook(demoProject, gitlabcitest.Hook{
		Handler: &d.front, SigningToken: demoToken, Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventPipeline},
	})
	return d
}

// start starts a bot, and returns what ends it.
func (d *demonstration) start(ctx context.Context) (stop func() error, err error) {
	s := &settings{name: "hookbot", lookback: time.Hour, drain: 10 * time.Second, projects: []gitlabci.ProjectID{demoProject}}
	if s.verifier, err = webhook.NewVerifier(webhook.SigningToken(demoToken)); err != nil {
		return nil, err
	}
	store, err := state.Open[gitlabci.PipelineID](d.state)
	if err != nil {
		return nil, err
	}
	b := newBot(s, d.srv.Client(), store, d.out)
	d.front.bot.Store(b)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- b.run(ctx, func(context.Context) error {
			d.front.bot.Store(nil)
			return nil
		})
	}()
	return func() error {
		cancel()
		return <-ended
	}, nil
}

// fail adds a pipeline that fails in a moment, for a reason.
func (d *demonstration) fail(reason string) *gitlabcitest.Pipeline {
	p := d.srv.AddPipeline(demoProject, gitlabcitest.Pipeline{Ref: "main"})
	log := "section_start:1767225600:step_script\r\x1b[0K$ go test ./...\n" + reason +
		"\nFAIL\nsection_end:1767225611:step_script\r\x1b[0KERROR: Job failed: exit code 1\n"
	p.AddJob(gitlabcitest.Job{Name: "unit", Script: gitlabcitest.Script{Runs: time.Second, Log: log, Result: gitlabci.StatusFailed}})
	return p
}

// status waits for the status that the bot sets in a pipeline.
func (d *demonstration) status(ctx context.Context, p *gitlabcitest.Pipeline) (*gitlabci.CommitStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	opts := &gitlabci.ListStatusesOptions{Name: "hookbot", Pipeline: p.ID}
	for {
		page, err := d.srv.Client().Statuses.List(ctx, demoProject, p.SHA, opts)
		if err != nil {
			return nil, err
		}
		if len(page.Items) > 0 {
			return page.Items[0], nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("pipeline %d has no status: %w", p.ID, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// demo shows what the bot does.
func demo(ctx context.Context, out io.Writer) error {
	folder, err := os.MkdirTemp("", "hookbot-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	d := newDemonstration(folder, out)
	defer d.srv.Close()

	fmt.Fprintln(out, "== A pipeline fails, and an event wakes the bot.")
	stop, err := d.start(ctx)
	if err != nil {
		return err
	}
	first := d.fail("--- FAIL: TestAdd (0.00s)\n    add_test.go:7: got 3, want 4")
	if _, err := d.status(ctx, first); err != nil {
		return errors.Join(err, stop())
	}
	if err := stop(); err != nil {
		return err
	}
	fmt.Fprintln(out, "== The bot is down, and another one fails. Its events are lost.")
	second := d.fail("--- FAIL: TestDivide (0.00s)\n    divide_test.go:12: got 1, want 2")
	if _, err := d.srv.Client().Pipelines.Wait(ctx, demoProject, second.ID, nil); err != nil {
		return err
	}
	fmt.Fprintln(out, "== The bot is back, and finds the pipeline by reading.")
	if stop, err = d.start(ctx); err != nil {
		return err
	}
	if _, err := d.status(ctx, second); err != nil {
		return errors.Join(err, stop())
	}
	if err := stop(); err != nil {
		return err
	}
	return d.result(ctx, first, second)
}

// result prints the statuses of pipelines, and how often one was set.
func (d *demonstration) result(ctx context.Context, pipelines ...*gitlabcitest.Pipeline) error {
	fmt.Fprintln(d.out, "== What GitLab shows:")
	for _, p := range pipelines {
		status, err := d.status(ctx, p)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "pipeline %d: %s says %q\n", p.ID, status.Name, status.Description)
	}
	fmt.Fprintf(d.out, "%d statuses were set for %d pipelines\n", d.sets(), len(pipelines))
	return nil
}

// sets is how often a status was set.
func (d *demonstration) sets() (sets int) {
	for _, request := range d.srv.Requests() {
		if request.Method == http.MethodPost && strings.Contains(request.Path, "/statuses/") {
			sets++
		}
	}
	return sets
}
