package promises_test

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// How often calls are tried: what fails after as many faults is no false alarm.
const (
	soakOnce     = 1
	soakShort    = 3 // of cancel
	soakPatience = 5
)

// A soakPipeline is a pipeline as the server last showed it, on a list that
// nothing goes wrong with. Nobody but its worker changes it.
type soakPipeline struct {
	*soak
	worker   int
	id       gitlabci.PipelineID
	named    bool
	played   bool
	erased   bool
	attempts []*gitlabci.Job // newest first; the oldest one has a log and files
	deploy   gitlabci.JobID
}

// pipelines are those of a worker, in truth.
func (s *soak) pipelines(t *testing.T, worker int) []*gitlabci.PipelineInfo {
	page, err := s.client.Pipelines.List(context.Background(), "group/app", &gitlabci.ListPipelinesOptions{Ref: soakRef(worker)})
	require.NoError(t, err)
	return page.Items
}

// look finds out the truth about the jobs.
func (p *soakPipeline) look(t *testing.T) {
	opts := &gitlabci.ListPipelineJobsOptions{IncludeRetried: true, ListOptions: gitlabci.ListOptions{PerPage: 100}}
	page, err := p.client.Jobs.ListForPipeline(context.Background(), "group/app", p.id, opts)
	require.NoError(t, err)
	p.attempts = nil
	for _, job := range page.Items {
		switch {
		case job.Name == "unit":
			p.attempts = append(p.attempts, job)
		case !p.played:
			p.deploy, p.played = job.ID, job.Status != gitlabci.StatusManual
		}
	}
	p.erased = !p.first().ErasedAt.IsZero()
}

func (p *soakPipeline) first() *gitlabci.Job { return p.attempts[len(p.attempts)-1] }

// create makes a pipeline, where the worker has none.
func (s *soak) create(t *testing.T, worker int) (made []*soakPipeline) {
	c, err := s.call(func(ctx context.Context) error {
		_, err := s.client.Pipelines.Create(ctx, "group/app", soakRef(worker), nil)
		return err
	})
	for _, one := range s.pipelines(t, worker) {
		p := &soakPipeline{soak: s, worker: worker, id: one.ID}
		p.look(t)
		made = append(made, p)
	}
	s.count("Pipelines.Create", c, err, len(made), soakOnce)
	return made
}

// remove deletes a pipeline, again if the client gave up.
func (p *soakPipeline) remove(t *testing.T) {
	for {
		c, err := p.call(func(ctx context.Context) error { return p.client.Pipelines.Delete(ctx, "group/app", p.id) })
		gone := len(p.pipelines(t, p.worker)) == 0
		p.count("Pipelines.Delete", c, err, effect(gone), soakPatience)
		if gone {
			return
		}
		require.Error(t, err)
	}
}

func effect(done bool) int {
	if done {
		return 1
	}
	return 0
}

// change makes one of all calls, by chance.
func (p *soakPipeline) change(t *testing.T, draw *rand.Rand) {
	calls := []func(*testing.T){p.retry, p.play, p.erase, p.rename, p.cancel, p.get, p.getJob, p.list, p.log, p.deleteArtifacts}
	calls[draw.IntN(len(calls))](t)
}

// plain makes a call that reads, or whose repeating changes nothing.
func (p *soakPipeline) plain(method string, budget int, do func(context.Context) error) {
	c, err := p.call(do)
	p.count(method, c, err, -1, budget)
}

func (p *soakPipeline) cancel(*testing.T) {
	p.plain("Pipelines.Cancel", soakShort, func(ctx context.Context) error {
		_, err := p.client.Pipelines.Cancel(ctx, "group/app", p.id)
		return err
	})
	p.played = true // canceled jobs cannot be played
}

func (p *soakPipeline) get(t *testing.T) {
	p.plain("Pipelines.Get", soakPatience, func(ctx context.Context) error {
		got, err := p.client.Pipelines.Get(ctx, "group/app", p.id)
		if err == nil {
			require.Equal(t, p.id, got.ID)
		}
		return err
	})
}

func (p *soakPipeline) getJob(t *testing.T) {
	p.plain("Jobs.Get", soakPatience, func(ctx context.Context) error {
		got, err := p.client.Jobs.Get(ctx, "group/app", p.deploy)
		if err == nil {
			require.Equal(t, p.deploy, got.ID)
		}
		return err
	})
}

func (p *soakPipeline) list(*testing.T) {
	p.plain("Jobs.List", soakPatience, func(ctx context.Context) error {
		_, err := p.client.Jobs.List(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 3}})
		return err
	})
}

func (p *soakPipeline) deleteArtifacts(*testing.T) {
	p.plain("Artifacts.Delete", soakPatience, func(ctx context.Context) error {
		return p.client.Artifacts.Delete(ctx, "group/app", p.first().ID)
	})
}

// log reads a log. An interrupted body is not resumed, so that one fault is enough to
// fail.
func (p *soakPipeline) log(t *testing.T) {
	p.plain("Jobs.Log", soakOnce, func(ctx context.Context) error {
		body, err := p.client.Jobs.Log(ctx, "group/app", p.first().ID)
		if err != nil {
			return err
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		if err == nil && !p.erased {
			require.Equal(t, "$ make\n", string(text))
		}
		return err
	})
}

// retry adds an attempt of the job, if it can have one.
func (p *soakPipeline) retry(t *testing.T) {
	last, before := p.attempts[0], len(p.attempts)
	if !last.Status.Finished() {
		p.look(t)
		return
	}
	c, err := p.call(func(ctx context.Context) error {
		_, err := p.client.Jobs.Retry(ctx, "group/app", last.ID, nil)
		return err
	})
	p.look(t)
	p.count("Jobs.Retry", c, err, len(p.attempts)-before, soakOnce)
}

func (p *soakPipeline) play(t *testing.T) {
	if p.played {
		return
	}
	c, err := p.call(func(ctx context.Context) error {
		_, err := p.client.Jobs.Play(ctx, "group/app", p.deploy, nil)
		return err
	})
	p.look(t)
	p.count("Jobs.Play", c, err, effect(p.played), soakOnce)
}

// erase erases the job that has something to erase.
func (p *soakPipeline) erase(t *testing.T) {
	if p.erased {
		return
	}
	c, err := p.call(func(ctx context.Context) error {
		_, err := p.client.Jobs.Erase(ctx, "group/app", p.first().ID)
		return err
	})
	p.look(t)
	p.count("Jobs.Erase", c, err, effect(p.erased), soakOnce)
}

// rename gives the pipeline a name.
func (p *soakPipeline) rename(t *testing.T) {
	if p.named {
		return
	}
	c, err := p.call(func(ctx context.Context) error {
		_, err := p.client.Pipelines.UpdateMetadata(ctx, "group/app", p.id, &gitlabci.UpdateMetadataOptions{Name: "Nightly"})
		return err
	})
	p.named = p.pipelines(t, p.worker)[0].Name == "Nightly"
	p.count("Pipelines.UpdateMetadata", c, err, effect(p.named), soakPatience)
}
