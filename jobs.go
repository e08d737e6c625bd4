package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/rest"
)

// JobsService reads jobs and their logs, and changes them. It is [Client.Jobs].
//
// See https://docs.gitlab.com/api/jobs/.
type JobsService struct{ client *Client }

// A JobInfo is what a [Job] and a [TriggerJob] have in common.
type JobInfo struct {
	ID             JobID         `json:"id"`
	Status         Status        `json:"status"`
	Stage          string        `json:"stage,omitzero"`
	Name           string        `json:"name"` // such as "rspec 1/3" or "build: [linux, amd64]"
	Ref            string        `json:"ref"`
	Tag            bool          `json:"tag"`
	Coverage       *float64      `json:"coverage,omitzero"` // percent; nil if unknown
	AllowFailure   bool          `json:"allow_failure"`
	CreatedAt      time.Time     `json:"created_at,omitzero"`
	StartedAt      time.Time     `json:"started_at,omitzero"`
	FinishedAt     time.Time     `json:"finished_at,omitzero"`
	ErasedAt       time.Time     `json:"erased_at,omitzero"`
	Duration       Seconds       `json:"duration,omitzero"`        // grows while it runs
	QueuedDuration Seconds       `json:"queued_duration,omitzero"` // grows while it is pending
	User           *User         `json:"user,omitzero"`
	Commit         *Commit       `json:"commit,omitzero"` // nil if the commit is gone
	Pipeline       *PipelineInfo `json:"pipeline"`
	FailureReason  FailureReason `json:"failure_reason,omitzero"` // "" unless Status is failed
	WebURL         string        `json:"web_url"`
	Project        *JobProject   `json:"project,omitzero"`
	Source         Source        `json:"source,omitzero"`   // what started it, if GitLab sends it
	Archived       bool          `json:"archived,omitzero"` // too old to be retried or played
}

// A JobProject is a setting of the job's project, not a reference to it.
type JobProject struct {
	CIJobTokenScopeEnabled bool `json:"ci_job_token_scope_enabled"`
}

// A Job is a job that a runner runs.
type Job struct {
	JobInfo

	ArtifactsFile     *ArtifactsFile `json:"artifacts_file,omitzero"`      // nil unless there is an archive that has not expired
	Artifacts         []JobArtifact  `json:"artifacts"`                    // the log among them, once it is archived
	ArtifactsExpireAt time.Time      `json:"artifacts_expire_at,omitzero"` // zero if they are kept
	Runner            *Runner        `json:"runner,omitzero"`
	RunnerManager     *RunnerManager `json:"runner_manager,omitzero"`
	TagList           []string       `json:"tag_list"` // the tags a runner must have
}

// ListJobsOptions narrows a list of a project's jobs. Nil lists all of them,
// earlier attempts of retried jobs included.
type ListJobsOptions struct {
	ListOptions

	Scope []Status `url:"scope,brackets,omitempty"` // any of these; nil is all
	Ref   string   `url:"ref,omitempty"`            // exact; an error on older servers, which ignore it
}

// ListPipelineJobsOptions narrows a list of a pipeline's jobs. Nil lists the
// newest attempt of each job.
type ListPipelineJobsOptions struct {
	ListOptions

	Scope          []Status `url:"scope,brackets,omitempty"`  // any of these; nil is all
	IncludeRetried bool     `url:"include_retried,omitempty"` // earlier attempts of retried jobs too
}

// List returns one page of a project's jobs, newest first, without trigger
// jobs. Pages have cursors, so that new jobs do not shift them; they are numbered if Page
// is set or the server has no cursors.
//
//	GET /projects/:id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-for-a-project.
// The error matches [ErrNotFound], [ErrUnauthorized] without a token, even for a public
// project, and [ErrForbidden] if the project hides its jobs from the token. It matches
// [ErrInvalid] for a status that GitLab does not know, and [errors.ErrUnsupported] if the
// server ignores Ref or Scope, and an item contradicts it. GitLab allows 600 such requests
// a minute; then the error matches [ErrRateLimited].
func (s *JobsService) List(ctx context.Context, project ProjectID, opts *ListJobsOptions) (*Page[Job], error) {
	return list(ctx, keysetPages(pagesAt[*Job](s.client, at("projects", project, "jobs"))), opts)
}

// All ranges over a project's jobs, page by page as the loop runs.
//
//	GET /projects/:id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-for-a-project.
// It requests the pages of [JobsService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Every job that stays in the list is yielded exactly once, newest first: pages are
// requested by cursor. With a Prefetch above 1, All follows that many cursors at the same
// time, each for about three pages. It derives them from GitLab's own cursors. If their
// pages do not overlap, or the server refuses them, it continues with GitLab's cursor. If
// Page is set, or the server has no cursors, pages are numbered, and overlap; GitLab may
// refuse to go beyond 50,000 jobs.
func (s *JobsService) All(ctx context.Context, project ProjectID, opts *ListJobsOptions) iter.Seq2[*Job, error] {
	return all(ctx, s.client, keysetPages(pagesAt[*Job](s.client, at("projects", project, "jobs"))), opts)
}

// ListForPipeline returns one page of a pipeline's jobs, newest first, without
// trigger jobs.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// The error matches [ErrNotFound], [ErrForbidden] if the project hides its
// jobs from the token, and [ErrInvalid] for a status GitLab does not know.
func (s *JobsService) ListForPipeline(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListPipelineJobsOptions) (*Page[Job], error) {
	return list(ctx, pagesAt[*Job](s.client, at("projects", project, "pipelines", pipeline, "jobs")), opts)
}

// AllForPipeline ranges over a pipeline's jobs, page by page as the loop
// runs.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// It requests the pages of [JobsService.ListForPipeline] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered, and a job retried while the loop runs shifts the rest. As
// in [PipelinesService.All], every job that stays in the list is yielded exactly
// once.
func (s *JobsService) AllForPipeline(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListPipelineJobsOptions) iter.Seq2[*Job, error] {
	return all(ctx, s.client, pagesAt[*Job](s.client, at("projects", project, "pipelines", pipeline, "jobs")), opts)
}

// FindByName returns the newest attempt of the job with that exact name in a
// pipeline. Trigger jobs are ignored.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// The error also matches [ErrNotFound] if there is no such job; it then lists the names
// that exist.
func (s *JobsService) FindByName(ctx context.Context, project ProjectID, pipeline PipelineID, name string) (*Job, error) {
	if name == "" {
		return nil, rest.Invalid("FindByName", errors.New("the job's name is empty"))
	}
	return readCreated(ctx, s.client, pipeline, func() (*Job, error) { return s.findByName(ctx, project, pipeline, name) })
}

func (s *JobsService) findByName(ctx context.Context, project ProjectID, pipeline PipelineID, name string) (*Job, error) {
	var others []string
	for job, err := range bounded(jobsOf(pipeline), s.AllForPipeline(ctx, project, pipeline, nil)) {
		if err != nil {
			return nil, err
		}
		if job.Name == name {
			return job, nil
		}
		others = append(others, job.Name)
	}
	return nil, fmt.Errorf("%w: pipeline %d has no job %q%s", ErrNotFound, pipeline, name, amongNames(others))
}

// LatestJobOptions say which job [JobsService.Latest] returns. Nil means the zero values.
type LatestJobOptions struct {
	// AnyPipeline searches all pipelines of the ref, also those that failed or have not
	// finished. False means only successful ones.
	AnyPipeline bool
}

// maxLatestPipelines is how many pipelines Latest searches.
const maxLatestPipelines = 100

// Latest returns the newest successful job with that exact name on ref, a branch or a
// tag. It searches the newest 100 successful pipelines of the ref, or the newest 100 of
// any status with [LatestJobOptions.AnyPipeline], until one has the job. Trigger jobs,
// superseded attempts and child pipelines are ignored.
//
//	GET /projects/:id/pipelines
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// The error matches [ErrNotFound] if there is no such job, or the project does not exist
// or is hidden from the token, and [ErrForbidden] if its jobs are hidden.
func (s *JobsService) Latest(ctx context.Context, project ProjectID, ref, name string, opts *LatestJobOptions) (*Job, error) {
	listed := branchOrTag(ref) // an empty one would list the pipelines of all refs
	if listed == "" || name == "" {
		return nil, rest.Invalid("Latest", errors.New("the ref or the job's name is empty"))
	}
	list := &ListPipelinesOptions{ListOptions: ListOptions{PerPage: 20}, Ref: listed, Status: StatusSuccess}
	kind := "successful pipelines"
	if opts != nil && opts.AnyPipeline {
		list.Status, kind = "", "pipelines"
	}
	searched := 0
	for pipeline, err := range s.client.Pipelines.All(ctx, project, list) {
		if err != nil {
			return nil, err
		}
		job, err := s.successOf(ctx, project, pipeline.ID, name)
		if job != nil || err != nil {
			return job, err
		}
		searched++
		if searched == maxLatestPipelines {
			break
		}
	}
	if searched == 0 {
		return nil, fmt.Errorf("%w: there are no %s of ref %q in project %s", ErrNotFound, kind, ref, project)
	}
	return nil, fmt.Errorf("%w: no job %q was successful in the newest %d %s of ref %q in project %s", ErrNotFound, name, searched, kind, ref, project)
}

// successOf returns the successful job of a pipeline with that name, or nil if there is
// none.
func (s *JobsService) successOf(ctx context.Context, project ProjectID, pipeline PipelineID, name string) (*Job, error) {
	for job, err := range bounded(jobsOf(pipeline), s.AllForPipeline(ctx, project, pipeline, &ListPipelineJobsOptions{Scope: []Status{StatusSuccess}})) {
		if e, responded := errors.AsType[*APIError](err); responded && e.gone() {
			return nil, nil // the pipeline was deleted a moment ago
		}
		if err != nil || job.Name == name {
			return job, err
		}
	}
	return nil, nil
}

// maxNames is how many names an error lists.
const maxNames = 20

// amongNames ends a sentence with the names there are, if any.
func amongNames(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return ""
	}
	var quoted []string
	for _, name := range names[:min(len(names), maxNames)] {
		quoted = append(quoted, strconv.Quote(rest.Shorten(name, rest.MaxTitle)))
	}
	text := " among " + strings.Join(quoted, ", ")
	if more := len(names) - maxNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Get returns one job. It does not find trigger jobs.
//
//	GET /projects/:id/jobs/:job_id
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-job-by-job-id.
// The error matches [ErrNotFound] if the project or the job does not exist, or
// the token may not see it, and [ErrUnauthorized] without a token.
func (s *JobsService) Get(ctx context.Context, project ProjectID, job JobID) (*Job, error) {
	return getOne[*Job](ctx, s.client, jobAt(project, job))
}

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
// a server no longer knows it, the second is requested.
// See https://docs.gitlab.com/api/jobs/#list-all-trigger-jobs-by-pipeline.
// The errors are those of [JobsService.ListForPipeline].
func (s *JobsService) ListTriggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListTriggerJobsOptions) (*Page[TriggerJob], error) {
	return list(ctx, s.triggerJobs(project, pipeline), opts)
}

// AllTriggerJobs ranges over a pipeline's trigger jobs, page by page as the
// loop runs.
//
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id/trigger_jobs
//
// See https://docs.gitlab.com/api/jobs/#list-all-trigger-jobs-by-pipeline.
// It requests the pages of [JobsService.ListTriggerJobs] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered, and a trigger job retried while the loop runs shifts the
// rest. As in [PipelinesService.All], every trigger job that stays in the list is
// yielded exactly once.
func (s *JobsService) AllTriggerJobs(ctx context.Context, project ProjectID, pipeline PipelineID, opts *ListTriggerJobsOptions) iter.Seq2[*TriggerJob, error] {
	return func(yield func(*TriggerJob, error) bool) { // each loop begins with the route's old name
		all(ctx, s.client, s.triggerJobs(project, pipeline), opts)(yield)
	}
}

// triggerJobs fetches pages of trigger jobs, and checks that they have what was
// requested.
func (s *JobsService) triggerJobs(project ProjectID, pipeline PipelineID) pages.Request[*TriggerJob] {
	return matching(s.anyTriggerJobs(project, pipeline), at("projects", project, "pipelines", pipeline, "bridges"))
}

// anyTriggerJobs fetches pages by the route's old name until the server says that it has
// only the new one. It does not check the jobs against filters.
func (s *JobsService) anyTriggerJobs(project ProjectID, pipeline PipelineID) pages.Request[*TriggerJob] {
	older := uncheckedPagesAt[*TriggerJob](s.client, at("projects", project, "pipelines", pipeline, "bridges"))
	newer := uncheckedPagesAt[*TriggerJob](s.client, at("projects", project, "pipelines", pipeline, "trigger_jobs"))
	var renamed atomic.Bool // prefetched pages are concurrent
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

func jobID(j *Job) JobID               { return j.ID }
func triggerJobID(t *TriggerJob) JobID { return t.ID }

// sortedByID returns jobs in the order of their IDs. If two pages have the same job, it keeps
// the one of the later page.
func sortedByID[T any](jobs []*T, id func(*T) JobID) []*T {
	slices.Reverse(jobs)
	slices.SortStableFunc(jobs, func(a, b *T) int { return cmp.Compare(id(a), id(b)) })
	return slices.CompactFunc(jobs, func(a, b *T) bool { return id(a) == id(b) })
}
