package promises_test

import (
	"context"
	"fmt"
	"iter"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// listCalls are lists with a filter, whose names end in that filter, and lists that
// request several pages concurrently.
func listCalls() []matrixCall {
	const p = "/projects/:id/pipelines/:pipeline_id"
	old := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	return []matrixCall{
		{"Pipelines.List by created_before", "GET /projects/:id/pipelines", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.List(ctx, "group/app", &gitlabci.ListPipelinesOptions{CreatedBefore: old}))
		}},
		filteredPipelines("ref", gitlabci.ListPipelinesOptions{Ref: "v1"}),
		filteredPipelines("sha", gitlabci.ListPipelinesOptions{SHA: "0123456789012345678901234567890123456789"}),
		filteredPipelines("status", gitlabci.ListPipelinesOptions{Status: gitlabci.StatusCanceled}),
		filteredPipelines("scope", gitlabci.ListPipelinesOptions{Scope: gitlabci.PipelineScopePending}),
		filteredPipelines("source", gitlabci.ListPipelinesOptions{Source: gitlabci.SourceSchedule}),
		filteredPipelines("name", gitlabci.ListPipelinesOptions{Name: "nightly"}),
		filteredPipelines("updated_before", gitlabci.ListPipelinesOptions{UpdatedBefore: old}),
		filteredPipelines("updated_after", gitlabci.ListPipelinesOptions{UpdatedAfter: old.AddDate(100, 0, 0)}),
		filteredPipelines("created_after", gitlabci.ListPipelinesOptions{CreatedAfter: old.AddDate(100, 0, 0)}),
		{"Pipelines.AllMine by source", "GET /pipelines", reading, false, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.AllMine(ctx, &gitlabci.ListMyPipelinesOptions{Source: gitlabci.SourceSchedule}))
		}},
		{"Jobs.All by scope", "GET /projects/:id/jobs", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusCanceled}}))
		}},
		{"Jobs.All by ref", "GET /projects/:id/jobs", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{Ref: "v1"}))
		}},
		{"Jobs.AllForPipeline by scope", "GET " + p + "/jobs", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Jobs.AllForPipeline(ctx, "group/app", matrixPipeline, &gitlabci.ListPipelineJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusCanceled}}))
		}},
		{"Jobs.AllTriggerJobs by scope", "GET " + p + "/bridges", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Jobs.AllTriggerJobs(ctx, "group/app", matrixPipeline, &gitlabci.ListTriggerJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusCanceled}}))
		}},
		{"Jobs.All ahead", "GET /projects/:id/jobs", reading, true, whole([]gitlabci.JobID{matrixFailed, matrixManual, matrixRunning},
			func(job *gitlabci.Job) gitlabci.JobID { return job.ID },
			func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.Job, error] {
				return c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2, Prefetch: 8}})
			})},
		{"Pipelines.All ahead", "GET /projects/:id/pipelines", reading, true, whole([]gitlabci.PipelineID{matrixPipeline},
			func(p *gitlabci.PipelineInfo) gitlabci.PipelineID { return p.ID },
			func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.PipelineInfo, error] {
				return c.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 2, Prefetch: 8}})
			})},
	}
}

// filteredPipelines iterates over the pipelines that fit one filter.
func filteredPipelines(filter string, opts gitlabci.ListPipelinesOptions) matrixCall {
	return matrixCall{"Pipelines.All by " + filter, "GET /projects/:id/pipelines", reading, true, func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Drain(c.Pipelines.All(ctx, "group/app", &opts))
	}}
}

// whole is a list that must have each of the given items exactly once, and no
// item twice.
func whole[T any, ID comparable](ids []ID, idOf func(*T) ID, list func(context.Context, *gitlabci.Client) iter.Seq2[*T, error]) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		times := map[ID]int{}
		for item, err := range list(ctx, c) {
			if err != nil {
				return err
			}
			if times[idOf(item)]++; times[idOf(item)] > 1 {
				return fmt.Errorf("%v was listed twice", idOf(item))
			}
		}
		for _, id := range ids {
			if times[id] == 0 {
				return fmt.Errorf("%v was not listed", id)
			}
		}
		return nil
	}
}
