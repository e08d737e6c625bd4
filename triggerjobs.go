package gitlabci

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"sync/atomic"

	"example.com/gitlabci/internal/pages"
)

// A TriggerJob is a job that starts another pipeline, in this project or
// another one. GitLab calls it a bridge as well.
type TriggerJob struct {
	JobInfo

	DownstreamPipeline *PipelineInfo `json:"downstream_pipeline,omitzero"` // nil until it is created
}

// ListTriggerJobsOptions narrows a list of a pipeline's trigger jobs. Nil
// lists the newest attempt of each.
type ListTriggerJobsOptions struct {
	ListOptions

	Scope []Status `url:"scope,brackets,omitempty"` // any of these; nil is all
}

// ListTriggerJobs returns one page of a pipeline's trigger jobs, newest first.
//
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id/trigger_jobs
//
// The first is the older name of the second, which GitLab has from 19.2; where
// a server no longer knows it, the second is asked.
// See https://docs.gitlab.com/api/jobs/#list-all-trigger-jobs-by-pipeline.
// The errors are those of [JobsService.ListForPipeline].
func (s *JobsService) ListTriggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListTriggerJobsOptions) (*Page[TriggerJob], error) {
	return pageOf(listBy(ctx, opts, s.triggerJobs(project, pipeline)))
}

// AllTriggerJobs ranges over a pipeline's trigger jobs, page by page as the
// loop goes on.
//
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id/trigger_jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-trigger-jobs-by-pipeline.
// It asks for [JobsService.ListTriggerJobs], with the same options and errors,
// 100 a page unless told. An error ends it; a page's is a [PageError].
//
// Pages are numbered, and a trigger job retried while the loop runs shifts the
// rest. As in [PipelinesService.All], repeats are dropped, and every trigger job
// that stays in the list is yielded exactly once: always with a Prefetch above 1,
// and otherwise only without Scope and in lists of at most 10,000 trigger jobs.
func (s *JobsService) AllTriggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListTriggerJobsOptions) iter.Seq2[*TriggerJob, error] {
	return func(yield func(*TriggerJob, error) bool) {
		allBy(ctx, opts, s.triggerJobs(project, pipeline))(yield)
	}
}

// triggerJobs fetches pages of trigger jobs, and checks that they have what was
// asked for.
func (s *JobsService) triggerJobs(project ProjectID, pipeline PipelineID) pages.Request[*TriggerJob] {
	return filteredPages(s.anyTriggerJobs(project, pipeline), at("projects", project, "pipelines", pipeline, "bridges"))
}

// anyTriggerJobs fetches pages by the route's old name until the server says
// that it has only the new one, whatever jobs they have.
func (s *JobsService) anyTriggerJobs(project ProjectID, pipeline PipelineID) pages.Request[*TriggerJob] {
	older := anyPages[*TriggerJob](s.client, at("projects", project, "pipelines", pipeline, "bridges"))
	newer := anyPages[*TriggerJob](s.client, at("projects", project, "pipelines", pipeline, "trigger_jobs"))
	var renamed atomic.Bool // pages are fetched at once where some are prefetched
	return func(ctx context.Context, query url.Values) (*pages.Page[*TriggerJob], error) {
		if renamed.Load() {
			return newer(ctx, query)
		}
		page, err := older(ctx, query)
		if errors.Is(err, errors.ErrUnsupported) {
			renamed.Store(true)
			return newer(ctx, query)
		}
		return page, err
	}
}
