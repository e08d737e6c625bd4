package gitlabci

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
)

// PipelinesService reads and changes pipelines. It is [Client.Pipelines].
//
// See https://docs.gitlab.com/api/pipelines/.
type PipelinesService struct{ client *Client }

// A PipelineInfo is a pipeline as lists show it. As the pipeline of a job or
// of a trigger job it has no Name.
type PipelineInfo struct {
	ID        PipelineID `json:"id"`
	IID       int64      `json:"iid"` // counts within the project; not an ID for this API
	ProjectID ProjectID  `json:"project_id"`
	SHA       string     `json:"sha"`
	Ref       string     `json:"ref"` // a branch, a tag, or refs/merge-requests/…
	Status    Status     `json:"status"`
	Source    Source     `json:"source"`
	CreatedAt time.Time  `json:"created_at,omitzero"`
	UpdatedAt time.Time  `json:"updated_at,omitzero"`
	WebURL    string     `json:"web_url"`
	Name      string     `json:"name,omitzero"`
}

// A Pipeline is a whole pipeline. Name is always empty in the responses to Create, Retry
// and Cancel.
type Pipeline struct {
	PipelineInfo

	BeforeSHA      string          `json:"before_sha,omitzero"` // forty zeros for a branch's first push
	Tag            bool            `json:"tag"`
	YAMLErrors     string          `json:"yaml_errors,omitzero"`
	User           *User           `json:"user,omitzero"` // nil if the user was deleted
	StartedAt      time.Time       `json:"started_at,omitzero"`
	FinishedAt     time.Time       `json:"finished_at,omitzero"`
	CommittedAt    time.Time       `json:"committed_at,omitzero"`
	Duration       Seconds         `json:"duration,omitzero"` // only the time in which jobs ran
	QueuedDuration Seconds         `json:"queued_duration,omitzero"`
	Coverage       *float64        `json:"coverage,string,omitzero"` // percent; nil if unknown
	DetailedStatus *DetailedStatus `json:"detailed_status,omitzero"`
	Archived       bool            `json:"archived"` // too old for its jobs to be retried
}

// ListPipelinesOptions narrows a list of pipelines; filters add up. Nil lists all but child
// pipelines, newest first.
//
// Pages are numbered, and pipelines are created and deleted while [PipelinesService.All]
// runs. So All drops a pipeline that was yielded before, and goes back if GitLab's total
// falls. If the total proves nothing, its pages overlap: All requests other page sizes than
// PerPage, about a seventh more pages, and repeats requests if two pages have nothing in
// common. The total proves nothing for pages requested concurrently, in ascending lists,
// with a filter whose result for a pipeline can change, such as Status, and beyond 10,000
// pipelines, where GitLab stops counting.
type ListPipelinesOptions struct {
	ListOptions

	Scope    PipelineScope `url:"scope,omitempty"`
	Status   Status        `url:"status,omitempty"`
	Ref      string        `url:"ref,omitempty"`      // exact: a branch, a tag, or refs/merge-requests/N/head
	SHA      string        `url:"sha,omitempty"`      // exact and whole
	Source   Source        `url:"source,omitempty"`   // [SourceParentPipeline] lists child pipelines, from GitLab 17.0
	Name     string        `url:"name,omitempty"`     // exact; before about GitLab 15.11 the user's name
	Username string        `url:"username,omitempty"` // of the user who started it; an unknown one gives an empty list

	// YAMLErrors selects pipelines with (true) or without (false) invalid
	// configuration. Nil selects both.
	YAMLErrors *bool `url:"yaml_errors,omitempty"`

	// Zero times do not narrow the list.
	UpdatedAfter  time.Time `url:"updated_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	UpdatedBefore time.Time `url:"updated_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedAfter  time.Time `url:"created_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedBefore time.Time `url:"created_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`

	OrderBy PipelineOrder `url:"order_by,omitempty"` // "" is [PipelineOrderByID]
	Sort    Sort          `url:"sort,omitempty"`     // "" is [SortDesc]
}

// List returns one page of a project's pipelines.
//
//	GET /projects/:id/pipelines
//
// See https://docs.gitlab.com/api/pipelines/#list-project-pipelines.
// The error matches [ErrNotFound] if the project does not exist or the token
// may not see it, and [ErrForbidden] if its pipelines are hidden from the token. It matches
// [ErrInvalid] for a word that GitLab does not know, and [errors.ErrUnsupported] if the
// server ignores a filter, and an item contradicts it. Username, YAMLErrors, and
// [PipelineScopeBranches] and [PipelineScopeTags] cannot be checked.
// [PipelineScopeFinished] leaves out skipped pipelines.
func (s *PipelinesService) List(ctx context.Context, project ProjectID, opts *ListPipelinesOptions) (*Page[PipelineInfo], error) {
	return list(ctx, pagesAt[*PipelineInfo](s.client, at("projects", project, "pipelines")), opts)
}

// All ranges over a project's pipelines, page by page as the loop runs.
//
//	GET /projects/:id/pipelines
//
// See https://docs.gitlab.com/api/pipelines/#list-project-pipelines.
// It requests the pages of [PipelinesService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a [PageError].
//
// Every pipeline that stays in the list is yielded exactly once if the list is ordered by ID,
// and the server obeys PerPage. The same is true for [PipelineOrderByUpdatedAt], but a
// pipeline that changed is yielded again. In other orders, no pipeline is yielded twice, but
// one that moved in the list can be missed. [ListPipelinesOptions] explains how.
func (s *PipelinesService) All(ctx context.Context, project ProjectID, opts *ListPipelinesOptions) iter.Seq2[*PipelineInfo, error] {
	return all(ctx, s.client, pagesAt[*PipelineInfo](s.client, at("projects", project, "pipelines")), opts)
}

// Get returns one pipeline, child pipelines included.
//
//	GET /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-a-single-pipeline.
// The error matches [ErrNotFound] if the project or the pipeline does not
// exist, or the token may not see it.
func (s *PipelinesService) Get(ctx context.Context, project ProjectID, pipeline PipelineID) (*Pipeline, error) {
	return getOne[*Pipeline](ctx, s.client, pipelineAt(project, pipeline))
}

// Latest returns the newest pipeline of the commit that ref, a branch or a
// tag, points to now. An empty ref is the default branch.
//
//	GET /projects/:id/pipelines/latest
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-the-latest-pipeline.
// The error matches [ErrForbidden] if the ref does not exist, if its commit
// has no pipeline, and if the token may not read it: GitLab does not distinguish
// these. It matches [ErrNotFound] only for the project.
// Pipelines of dangling sources, child pipelines among them, do not count; see
// [Source].
func (s *PipelinesService) Latest(ctx context.Context, project ProjectID, ref string) (*Pipeline, error) {
	query := url.Values{}
	if ref != "" {
		query.Set("ref", ref)
	}
	return get[*Pipeline](ctx, s.client, at("projects", project, "pipelines", "latest"), query)
}

// Retry runs a pipeline's failed and canceled jobs again, and the skipped ones
// that wait for them. Where there is nothing to retry it changes nothing.
//
//	POST /projects/:id/pipelines/:pipeline_id/retry
//
// See https://docs.gitlab.com/api/pipelines/#retry-jobs-in-a-pipeline.
// The error matches [ErrNotFound], [ErrForbidden] without the right to run
// pipelines, [ErrConflict] if it is being retried already, and
// [ErrOutcomeUnknown] if the response was lost: the request is never retried.
// The Status and times returned can be those from before; read them again.
func (s *PipelinesService) Retry(ctx context.Context, project ProjectID, pipeline PipelineID) (*Pipeline, error) {
	return sendTo[*Pipeline](ctx, s.client, rest.Once(http.MethodPost, at("projects", project, "pipelines", pipeline, "retry"), nil), pipelineAt(project, pipeline))
}

// Cancel cancels a pipeline's unfinished jobs, its trigger jobs and, a little
// later, its child pipelines. A finished pipeline stays as it is, without an
// error.
//
//	POST /projects/:id/pipelines/:pipeline_id/cancel
//
// See https://docs.gitlab.com/api/pipelines/#cancel-all-jobs-for-a-pipeline.
// The error matches [ErrNotFound], and [ErrForbidden] without the right to
// cancel. If the response is lost, the request is retried, three attempts in all,
// since it is idempotent. A refusal then counts only if the pipeline is not canceled. The
// error matches [ErrOutcomeUnknown] after such a refusal, and if all responses were lost.
// GitLab computes the status afterwards: the one returned can still be [StatusRunning], and
// jobs that end in their own time make it [StatusCanceling] first.
func (s *PipelinesService) Cancel(ctx context.Context, project ProjectID, pipeline PipelineID) (*Pipeline, error) {
	c := rest.Repeatable(http.MethodPost, at("projects", project, "pipelines", pipeline, "cancel"), nil)
	c.Tries = 3
	return readBack(ctx, s.client, c, pipelineAt(project, pipeline), func(now *Pipeline) bool {
		return now.Status.Finished() || now.Status == StatusCanceling
	})
}

// UpdateMetadataOptions are the new metadata of a pipeline.
type UpdateMetadataOptions struct {
	Name string `json:"name"` // required; at most 255 characters
}

// UpdateMetadata renames a pipeline.
//
//	PUT /projects/:id/pipelines/:pipeline_id/metadata
//
// See https://docs.gitlab.com/api/pipelines/#update-pipeline-metadata.
// The error matches [ErrNotFound], [ErrForbidden] without the right to change
// pipelines, [ErrInvalid] for a name that is too long,
// [errors.ErrUnsupported] before GitLab 16.6, and [ErrOutcomeUnknown] if every
// response was lost. A refusal after a lost response counts only if the pipeline
// is not renamed, and matches [ErrOutcomeUnknown] too.
func (s *PipelinesService) UpdateMetadata(ctx context.Context, project ProjectID, pipeline PipelineID, opts *UpdateMetadataOptions) (*Pipeline, error) {
	c := rest.Repeatable(http.MethodPut, at("projects", project, "pipelines", pipeline, "metadata"), opts)
	if opts == nil || blank(opts.Name) {
		c.Err = errors.New("UpdateMetadataOptions.Name is empty")
	}
	return readBack(ctx, s.client, c, pipelineAt(project, pipeline), func(now *Pipeline) bool {
		return now.Name == strings.TrimSpace(opts.Name)
	})
}

// Delete deletes a pipeline with its jobs, logs and artifacts. This cannot be undone. Its
// child pipelines stay. Only an owner of the project may.
//
//	DELETE /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/pipelines/#delete-a-pipeline.
// The error matches [ErrNotFound] if the pipeline was gone before,
// [ErrForbidden] without the right to delete, [ErrConflict] while the project's
// statistics are refreshed, and [ErrOutcomeUnknown] if every response was lost. If a
// response is lost, the request is retried; if the pipeline is then gone, Delete succeeds.
func (s *PipelinesService) Delete(ctx context.Context, project ProjectID, pipeline PipelineID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, at("projects", project, "pipelines", pipeline), nil))
}

// A UserPipeline is a pipeline that the token's owner started, in any project.
// Before GitLab 19.4 only the fields of [PipelineInfo] are set.
type UserPipeline struct {
	PipelineInfo

	ProjectIdentity *ProjectIdentity      `json:"project,omitzero"`
	StartedAt       time.Time             `json:"started_at,omitzero"`
	FinishedAt      time.Time             `json:"finished_at,omitzero"`
	Duration        Seconds               `json:"duration,omitzero"`
	QueuedDuration  Seconds               `json:"queued_duration,omitzero"`
	DetailedStatus  *DetailedStatus       `json:"detailed_status,omitzero"`
	MergeRequest    *PipelineMergeRequest `json:"merge_request,omitzero"` // nil unless it runs for one the token may see
}

// A ProjectIdentity says which project something belongs to.
type ProjectIdentity struct {
	ID                int64     `json:"id"`
	Description       string    `json:"description,omitzero"`
	Name              string    `json:"name"`
	NameWithNamespace string    `json:"name_with_namespace"` // such as "Group / App"
	Path              string    `json:"path"`
	PathWithNamespace string    `json:"path_with_namespace"` // such as "group/app", a [ProjectID]
	CreatedAt         time.Time `json:"created_at,omitzero"`
}

// A PipelineMergeRequest is the merge request a pipeline runs for.
type PipelineMergeRequest struct {
	IID    int64  `json:"iid"` // the number its project shows after "!"
	Title  string `json:"title"`
	WebURL string `json:"web_url"`
}

// ListMyPipelinesOptions narrows the list of one's own pipelines. Nil lists
// all but child pipelines, newest first. Its pages have cursors and no
// numbers: Page must be 0.
type ListMyPipelinesOptions struct {
	ListOptions

	Source        Source        `url:"source,omitempty"` // [SourceParentPipeline] lists child pipelines
	CreatedAfter  time.Time     `url:"created_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedBefore time.Time     `url:"created_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	OrderBy       PipelineOrder `url:"order_by,omitempty"` // "" is [PipelineOrderByCreatedAt], the only one
	Sort          Sort          `url:"sort,omitempty"`     // "" is [SortDesc], the only one
}

// ListMine returns one page of the pipelines that the token's owner started,
// in all projects that the owner can still read.
//
//	GET /pipelines
//
// See https://docs.gitlab.com/api/pipelines/#list-pipelines.
// The error matches [ErrUnauthorized] without a token, [ErrInvalid] for
// another order, and [errors.ErrUnsupported] before GitLab 19.3.
// GitLab lists recent pipelines only, and takes hidden ones out of a page
// afterwards: a page can be short, or empty, and still have a Next.
func (s *PipelinesService) ListMine(ctx context.Context, opts *ListMyPipelinesOptions) (*Page[UserPipeline], error) {
	return list(ctx, pagesAt[*UserPipeline](s.client, minePath(opts)), opts)
}

// AllMine ranges over the pipelines that the token's owner started, page by
// page as the loop runs.
//
//	GET /pipelines
//
// See https://docs.gitlab.com/api/pipelines/#list-pipelines.
// It requests the pages of [PipelinesService.ListMine] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages have cursors, so every pipeline that stays in the list is yielded exactly
// once. At most one page is requested ahead, however large Prefetch is.
func (s *PipelinesService) AllMine(ctx context.Context, opts *ListMyPipelinesOptions) iter.Seq2[*UserPipeline, error] {
	return all(ctx, s.client, pagesAt[*UserPipeline](s.client, minePath(opts)), opts)
}

// minePath refuses a page number, which GitLab would ignore.
func minePath(opts *ListMyPipelinesOptions) rest.Path {
	p := at("pipelines")
	if opts != nil && opts.Page != 0 {
		p.Err = errors.New("ListMyPipelinesOptions.Page is set, but this list has cursors: see After")
	}
	return p
}

// branchOrTag is the name by which GitLab lists the pipelines of a ref.
func branchOrTag(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if name, found := strings.CutPrefix(ref, prefix); found {
			return name
		}
	}
	return ref
}
