package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/gitlabcitest"
)

// newServer is a fake GitLab with a group of two projects, which have 250 and 30 jobs, and one
// without CI.
func newServer(opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	for _, project := range []struct {
		path string
		jobs int
	}{{"team/app", 250}, {"team/none", 0}, {"team/libs/colors", 30}} {
		id := srv.AddProject(project.path)
		if project.jobs == 0 {
			srv.Handle(fmt.Sprintf("GET /api/v4/projects/%d/jobs", id), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"message":"403 Forbidden"}`, http.StatusForbidden)
			}))
		}
		var p *gitlabcitest.Pipeline
		for i := range project.jobs {
			if i%10 == 0 {
				p = srv.AddPipeline(project.path, gitlabcitest.Pipeline{})
			}
			p.AddJob(gitlabcitest.Job{Name: fmt.Sprintf("test %d", i%10)})
		}
	}
	return srv
}

// demo shows exports that are interrupted and continued.
func demo(ctx context.Context, notes *console.Notes, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "export-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	srv := newServer()
	for _, file := range []string{"jobs.jsonl", "jobs.parquet"} {
		file = filepath.Join(folder, file)
		half, interrupt := context.WithCancel(ctx)
		defer interrupt()
		interrupted := srv.Client(gitlabci.WithRateLimiter(&interrupter{3, interrupt}))
		if err := newExport(interrupted, "team", file, notes).show(half, out); ctx.Err() != nil || !errors.Is(err, context.Canceled) {
			return err
		}
		if err := newExport(srv.Client(), "team", file, notes).show(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// An interrupter interrupts before a request, the first of which is 1.
type interrupter struct {
	request   int
	interrupt context.CancelFunc
}

func (i *interrupter) Wait(ctx context.Context) error {
	if i.request--; i.request == 0 {
		i.interrupt()
	}
	return ctx.Err()
}
