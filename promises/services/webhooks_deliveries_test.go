package services_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

// A bot receives a server's deliveries as programs do.
type bot struct {
	handler *webhook.Handler
	hub     *webhook.Hub

	mu      sync.Mutex
	events  []*webhook.Event
	refused []error
}

func newBot(t *testing.T, opts ...webhook.Option) *bot {
	t.Helper()
	v, err := webhook.NewVerifier(opts...)
	require.NoError(t, err)
	b := &bot{hub: webhook.NewHub()}
	b.handler = webhook.NewHandler(v, func(ctx context.Context, e *webhook.Event) error {
		b.mu.Lock()
		b.events = append(b.events, e)
		b.mu.Unlock()
		return b.hub.Handle(ctx, e)
	}, &webhook.HandlerOptions{Workers: 1, Error: func(_ *webhook.Event, err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refused = append(b.refused, err)
	}})
	t.Cleanup(func() { require.NoError(t, b.handler.Shutdown(context.Background())) })
	return b
}

// The fake's deliveries are verified and decoded completely.
func TestDeliveriesAreReceived(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook   gitlabcitest.Hook
		opts   []webhook.Option
		signed bool
	}{
		"signed":       {gitlabcitest.Hook{SigningToken: hookSigningToken}, []webhook.Option{webhook.SigningToken(hookSigningToken)}, true},
		"secret token": {gitlabcitest.Hook{Token: hookToken}, []webhook.Option{webhook.SecretToken(hookToken)}, false},
		"both": {gitlabcitest.Hook{Token: hookToken, SigningToken: hookSigningToken},
			[]webhook.Option{webhook.SecretToken(hookToken), webhook.SigningToken(hookSigningToken)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, bot := gitlabcitest.NewServer(), newBot(t, test.opts...)
				test.hook.Handler = bot.handler
				srv.AddHook("group/app", test.hook)
				m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 3, Source: "topic"})
				p := m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{ID: 7, Name: "Nightly", Status: gitlabci.StatusPending})
				j := p.AddJob(gitlabcitest.Job{ID: 70, Name: "deploy", Status: gitlabci.StatusPending, Environment: "production"})
				srv.SetJobStatus(j.ID, gitlabci.StatusRunning)
				time.Sleep(time.Minute)
				srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
				srv.Wait()
				synctest.Wait()
				require.Empty(t, bot.refused)
				requireDelivered(t, bot.events, test.signed)
			})
		})
	}
}

func requireDelivered(t *testing.T, events []*webhook.Event, signed bool) {
	t.Helper()
	require.Len(t, events, 6)
	for _, e := range events {
		require.Equal(t, signed, e.Signed)
		require.Equal(t, "https://gitlab.example.com", e.Instance)
		require.NotEmpty(t, e.ID)
		require.Equal(t, "group/app", e.Project.PathWithNamespace)
	}
	job, deployment, pipeline := events[3].Job, events[4].Deployment, events[5].Pipeline
	begun := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	require.NotNil(t, job)
	require.Equal(t, []any{gitlabci.JobID(70), "deploy", gitlabci.StatusFailed, gitlabci.PipelineID(7), gitlabci.FailureReasonScriptFailure},
		[]any{job.ID, job.Name, job.Status, job.PipelineID, job.FailureReason})
	require.True(t, job.StartedAt.Equal(begun) && job.FinishedAt.Equal(begun.Add(time.Minute)))
	require.NotNil(t, deployment)
	require.Equal(t, []any{"production", gitlabci.StatusFailed, gitlabci.JobID(70)}, []any{deployment.Environment, deployment.Status, deployment.JobID})
	require.True(t, deployment.StatusChangedAt.Equal(begun.Add(time.Minute)))
	require.NotNil(t, pipeline)
	require.Equal(t, []any{gitlabci.PipelineID(7), gitlabci.StatusFailed, "Nightly", "topic"}, []any{pipeline.ID, pipeline.Status, pipeline.Name, pipeline.Ref})
	require.True(t, pipeline.FinishedAt.Equal(begun.Add(time.Minute)))
	require.Equal(t, gitlabci.JobID(70), pipeline.Builds[0].ID)
}

// Deliveries that are repeated are handled once, and those with another token never.
func TestDeliveriesRepeatedAndForged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, bot := gitlabcitest.NewServer(), newBot(t, webhook.SigningToken(hookSigningToken))
		srv.AddHook("group/app", gitlabcitest.Hook{Handler: bot.handler, SigningToken: hookSigningToken})
		srv.AddHook("group/app", gitlabcitest.Hook{Handler: bot.handler, SigningToken: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})
		srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.HookRoute, Break: gitlabcitest.BreakRepeat})
		j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
		srv.Wait()
		synctest.Wait()
		require.Len(t, bot.events, 2, "of the job and of its pipeline")
		for _, err := range bot.refused {
			require.NotErrorIs(t, err, webhook.ErrMalformed)
		}
		require.True(t, slices.ContainsFunc(bot.refused, func(err error) bool { return err.Error() == webhook.ErrSignature.Error() }))
	})
}

// Pipelines are watched by events, of which some are lost, doubled and late: every final
// status is seen once, with few requests.
func TestWatchByDeliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, bot := gitlabcitest.NewServer(), newBot(t, webhook.SigningToken(hookSigningToken))
		srv.AddHook("group/app", gitlabcitest.Hook{Handler: bot.handler, SigningToken: hookSigningToken})
		for i, fault := range []gitlabcitest.Fault{
			{Break: gitlabcitest.BreakLose}, {Break: gitlabcitest.BreakRepeat}, {Break: gitlabcitest.BreakLate, Delay: 2 * time.Minute},
		} {
			fault.Route, fault.Chance, fault.Seed = gitlabcitest.HookRoute, 0.1, uint64(i+1)
			srv.Fault(fault)
		}
		var watchers sync.WaitGroup
		for i := range 20 {
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: fmt.Sprint("branch-", i)})
			ran := time.Duration(5+i) * time.Minute
			job := p.AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Queues: time.Minute, Runs: ran, Result: gitlabci.StatusFailed}})
			begun := time.Now()
			watchers.Go(func() {
				ends := 0
				for e, err := range srv.Client().Pipelines.Watch(t.Context(), "group/app", p.ID, &gitlabci.WatchOptions{Wake: bot.hub}) {
					if !assertNoError(t, err) {
						return
					}
					if e.Job != nil && e.Job.ID == job.ID && e.Job.Status.Finished() {
						ends++
					}
				}
				if ends != 1 || time.Since(begun) > time.Minute+ran+6*time.Minute {
					t.Errorf("pipeline %d: %d ends after %v", p.ID, ends, time.Since(begun))
				}
			})
		}
		watchers.Wait()
		require.Less(t, len(srv.Requests()), 20*15, "polling takes some fifty requests a pipeline")
	})
}

func assertNoError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}
