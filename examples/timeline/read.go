package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/gitlabci"
)

// read reads all that the page shows. What the token may not read is left out, and the
// page says so.
func read(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID, pipeline gitlabci.PipelineID) (*reading, error) {
	tree, err := client.Pipelines.Tree(ctx, project, pipeline)
	if err != nil {
		return nil, err
	}
	r := &reading{At: time.Now(), Tree: tree, Retried: map[gitlabci.PipelineID][]*gitlabci.Job{}}
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
	parts := make([]reading, len(pipelines))
	errs := each(len(pipelines), func(i int) error { return parts[i].readOne(ctx, client, pipelines[i]) })
	for i, part := range parts {
		r.Retried[pipelines[i].Pipeline.ID] = part.Retried[pipelines[i].Pipeline.ID]
		r.Tests = append(r.Tests, part.Tests...)
		r.NotRead = append(r.NotRead, part.NotRead...)
	}
	return r, errors.Join(errs...)
}

// readOne reads of a pipeline what its tree does not have.
func (r *reading) readOne(ctx context.Context, client *gitlabci.Client, one *gitlabci.PipelineTree) error {
	p := one.Pipeline
	current := map[gitlabci.JobID]bool{}
	for _, job := range one.Jobs {
		current[job.ID] = true
	}
	for _, trigger := range one.TriggerJobs {
		current[trigger.ID] = true
	}
	r.Retried = map[gitlabci.PipelineID][]*gitlabci.Job{}
	for job, err := range client.Jobs.AllForPipeline(ctx, p.ProjectID, p.ID, &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}) {
		if err != nil {
			return err
		}
		if !current[job.ID] {
			r.Retried[p.ID] = append(r.Retried[p.ID], job)
		}
	}
	if one.TestsErr != nil {
		r.NotRead = append(r.NotRead, fmt.Errorf("tests of pipeline %d: %w", p.ID, one.TestsErr))
	}
	if one.Tests == nil || one.Tests.Total.Failed+one.Tests.Total.Error == 0 {
		return nil
	}
	for test, err := range client.Pipelines.TestCases(ctx, p.ProjectID, p.ID) {
		if err != nil {
			r.NotRead = append(r.NotRead, fmt.Errorf("tests of pipeline %d: %w", p.ID, err))
			break
		}
		if len(r.Tests) < mostTests && (test.Status == gitlabci.TestStatusFailed || test.Status == gitlabci.TestStatusError) {
			r.Tests = append(r.Tests, failedTest{test, p})
		}
	}
	return ctx.Err()
}

// atOnce is how many pipelines are read at once.
const atOnce = 4

// each calls f for each number below n, a few at once.
func each(n int, f func(i int) error) []error {
	errs, slots := make([]error, n), make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(i)
		})
	}
	all.Wait()
	return errs
}
