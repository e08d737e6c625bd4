package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/gitlabci"
)

// read reads all that the page shows. What the token may not read is left out, and the
// page says so.
func read(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID) (*reading, error) {
	tree, err := client.Pipelines.Tree(ctx, project, pipeline)
	if err != nil {
		return nil, err
	}
	r := &reading{At: time.Now(), Tree: tree, Attempts: map[gitlabci.PipelineID][]*gitlabci.Job{}, Needs: map[gitlabci.PipelineID]needs{}}
	r.Failures, err = client.Pipelines.Failures(ctx, project, pipeline, &gitlabci.FailuresOptions{Downstream: true})
	if err != nil {
		return nil, err
	}
	var pipelines []*gitlabci.PipelineTree
	for one := range tree.Pipelines() {
		if one.Err == nil {
			pipelines = append(pipelines, one)
		}
	}
	parts := make([]part, len(pipelines))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := range pipelines {
		group.Go(func() error { return parts[i].read(ctx, client, pipelines[i]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, one := range parts {
		id := pipelines[i].Pipeline.ID
		r.Attempts[id], r.Needs[id] = one.attempts, one.needs
		r.Tests = append(r.Tests, one.tests...)
		if one.noTests != nil {
			r.NotRead = append(r.NotRead, fmt.Errorf("tests of pipeline %d: %w", id, one.noTests))
		}
	}
	r.NoNeeds = parts[0].noNeeds // of the first pipeline, whose Err is nil
	return r, nil
}

// A part is what the tree does not have of a pipeline.
type part struct {
	attempts         []*gitlabci.Job
	needs            needs
	tests            []failedTest
	noNeeds, noTests error // why they are missing
}

func (p *part) read(ctx context.Context, client *gitlabci.Client, one *gitlabci.PipelineTree) error {
	if err := p.readAttempts(ctx, client, one); err != nil {
		return err
	}
	p.needs, p.noNeeds = readNeeds(ctx, client, one.Pipeline)
	p.noTests = p.readTests(ctx, client, one)
	return ctx.Err()
}

// readAttempts reads the jobs with their earlier attempts.
func (p *part) readAttempts(ctx context.Context, client *gitlabci.Client, one *gitlabci.PipelineTree) error {
	opts := &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}
	for job, err := range client.Jobs.AllForPipeline(ctx, one.Pipeline.ProjectID, one.Pipeline.ID, opts) {
		if err != nil {
			return err
		}
		p.attempts = append(p.attempts, job)
	}
	return nil
}

// readTests reads the tests that failed, if there are any.
func (p *part) readTests(ctx context.Context, client *gitlabci.Client, one *gitlabci.PipelineTree) error {
	if one.Tests == nil || one.Tests.Total.Failed+one.Tests.Total.Error == 0 {
		return one.TestsErr
	}
	for test, err := range client.Pipelines.TestCases(ctx, one.Pipeline.ProjectID, one.Pipeline.ID) {
		if err != nil {
			return err
		}
		if test.Status == gitlabci.TestStatusFailed || test.Status == gitlabci.TestStatusError {
			p.tests = append(p.tests, failedTest{test, one.Pipeline})
		}
		if len(p.tests) == mostTests {
			break
		}
	}
	return nil
}
