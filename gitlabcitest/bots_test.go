package gitlabcitest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// atWork is a server on which most things happen at the same time: live jobs, child pipelines, a storage, faults, a throttle that lets all through,
// and Developers only.
func atWork() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(
		gitlabcitest.WithStorage(gitlabcitest.Storage{Lifetime: time.Second}),
		gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 1_000_000}),
		gitlabcitest.WithRequestLog(10_000))
	build := gitlabcitest.Script{
		Queues: time.Second, Runs: 10 * time.Second, Log: "one\ntwo\n", ArtifactsExpireIn: time.Hour,
		Artifacts: fstest.MapFS{"app": {Data: []byte("built")}},
	}
	srv.OnCreate("group/app", gitlabcitest.Pipeline{},
		gitlabcitest.Job{Name: "build", Stage: "build", Script: gitlabcitest.Script{Runs: time.Second, Result: gitlabci.StatusFailed}, Retries: []gitlabcitest.Script{build}},
		gitlabcitest.Job{Name: "checks", Stage: "test", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Name: "lint", Script: runs(20)}}}},
		gitlabcitest.Job{Name: "deploy", Stage: "deploy", When: gitlabcitest.WhenManual, Script: runs(5)},
	)
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id", Status: 503, Chance: 0.05, Seed: 1})
	srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.StorageRoute, Status: 503, Chance: 0.1, Seed: 2})
	return srv
}

// A bot does in a project what bots do, and expects what comes of it.
type bot struct {
	client *gitlabci.Client
	id     gitlabci.PipelineID
}

func (b *bot) until(ctx context.Context, want gitlabci.Status) error {
	for {
		pipeline, err := b.client.Pipelines.Get(ctx, "group/app", b.id)
		if err != nil || pipeline.Status == want {
			return err
		}
		time.Sleep(time.Second)
	}
}

// on does something with a job of the pipeline.
func (b *bot) on(ctx context.Context, name string, do func(gitlabci.JobID) error) error {
	page, err := b.client.Jobs.ListForPipeline(ctx, "group/app", b.id, nil)
	if err != nil {
		return err
	}
	for _, j := range page.Items {
		if j.Name == name {
			return do(j.ID)
		}
	}
	return errors.New("no job " + name)
}

func (b *bot) retry(ctx context.Context) error {
	return b.on(ctx, "build", func(id gitlabci.JobID) error {
		_, err := b.client.Jobs.Retry(ctx, "group/app", id, nil)
		return err
	})
}

func (b *bot) play(ctx context.Context) error {
	return b.on(ctx, "deploy", func(id gitlabci.JobID) error {
		_, err := b.client.Jobs.Play(ctx, "group/app", id, nil)
		return err
	})
}

// fetch reads the log and the archive.
func (b *bot) fetch(ctx context.Context) error {
	return b.on(ctx, "build", func(id gitlabci.JobID) error {
		log, err := b.client.Jobs.Log(ctx, "group/app", id)
		if err != nil {
			return err
		}
		if text, err := io.ReadAll(log); err != nil || string(text) != "one\ntwo\n" {
			return fmt.Errorf("the log is %q: %w", text, err)
		}
		_, err = b.client.Artifacts.Download(ctx, "group/app", id, io.Discard, nil)
		return errors.Join(err, log.Close())
	})
}

func (b *bot) work(ctx context.Context) error {
	created, err := b.client.Pipelines.Create(ctx, "group/app", "main", nil)
	if err != nil {
		return err
	}
	b.id = created.ID
	for _, step := range []func() error{
		func() error { return b.until(ctx, gitlabci.StatusFailed) },
		func() error { return b.retry(ctx) },
		func() error { return b.until(ctx, gitlabci.StatusManual) },
		func() error { return b.fetch(ctx) },
		func() error { return b.play(ctx) },
		func() error { return b.until(ctx, gitlabci.StatusSuccess) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func TestParallelBots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := atWork()
		srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
		token := srv.AddToken(gitlabcitest.Token{Username: "ines"})
		var all sync.WaitGroup
		bots := testkit.Fewer(20)
		for range bots {
			all.Go(func() {
				b := &bot{client: srv.Client(gitlabci.WithToken(token))}
				if err := b.work(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, source := range []gitlabci.Source{gitlabci.SourceAPI, gitlabci.SourceParentPipeline} {
			n := 0
			for pipeline, err := range srv.Client().Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{Source: source}) {
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusSuccess, pipeline.Status)
				n++
			}
			require.Equal(t, bots, n, source)
		}
		for _, r := range srv.Requests() {
			require.False(t, r.Route == gitlabcitest.StorageRoute && r.Header.Get("Private-Token") != "", "the storage sees no token")
		}
	})
}

// TestCancelOfCreated: what a client created it can stop, as deep as it goes.
func TestCancelOfCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		inner := gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Script: runs(100)}}}
		outer := gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{{Trigger: &inner}}}
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Trigger: &outer}, gitlabcitest.Job{Script: runs(10)})
		created := post(t, srv, "/projects/1/pipeline?ref=main").object(t).id()
		time.Sleep(time.Second)
		require.Len(t, get(t, srv, "/projects/1/pipelines?source=parent_pipeline&status=running").list(t), 2)
		require.Equal(t, 200, post(t, srv, "/projects/1/pipelines/"+created+"/cancel").status)
		require.Len(t, get(t, srv, "/projects/1/pipelines?source=parent_pipeline&status=canceled").list(t), 2)
		require.Equal(t, "canceled", get(t, srv, "/projects/1/pipelines/"+created).object(t)["status"])
		require.Equal(t, 201, post(t, srv, "/projects/1/pipelines/"+created+"/retry").status)
		time.Sleep(time.Hour)
		require.Equal(t, "success", get(t, srv, "/projects/1/pipelines/"+created).object(t)["status"])
	})
}

// TestPollOfLivePipeline: a conditional poll gets 304 until something changes.
func TestPollOfLivePipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Queues: 5 * time.Second, Runs: 10 * time.Second}})
		etag, changes := "", []int{}
		for second := range 20 {
			r := send(t, srv, "GET", "/projects/1/pipelines/101", "", "If-None-Match: "+etag)
			if r.status == 200 {
				changes = append(changes, second)
				etag = r.header.Get("ETag")
				continue
			}
			require.Equal(t, 304, r.status)
			require.Empty(t, r.body)
			time.Sleep(time.Second)
		}
		require.Equal(t, []int{0, 6, 17}, changes, "with a request each that is told")
	})
}
