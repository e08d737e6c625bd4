package gitlabci

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A UserPipeline is a pipeline that the token's owner started, in any project.
// Before GitLab 19.4 only the fields of [PipelineInfo] are told.
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
// in all projects that she can still read.
//
//	GET /pipelines
//
// See https://docs.gitlab.com/api/pipelines/#list-pipelines.
// The error matches [ErrUnauthorized] without a token, [ErrInvalid] for
// another order, and [errors.ErrUnsupported] before GitLab 19.3.
// GitLab lists recent pipelines only, and takes hidden ones out of a page
// afterwards: a page can be short, or empty, and still have a Next.
func (s *PipelinesService) ListMine(ctx context.Context, opts *ListMyPipelinesOptions) (*Page[UserPipeline], error) {
	return pageOf(list[*UserPipeline](ctx, s.client, minePath(opts), opts))
}

// AllMine ranges over the pipelines that the token's owner started, page by
// page as the loop goes on.
//
//	GET /pipelines
//
// See https://docs.gitlab.com/api/pipelines/#list-pipelines.
// It asks for [PipelinesService.ListMine], with the same options and errors, 100
// a page unless told. An error ends it; a page's is a [PageError].
//
// Pages have cursors, so what is there throughout comes exactly once. Prefetch
// asks for one page ahead, however large it is.
func (s *PipelinesService) AllMine(ctx context.Context, opts *ListMyPipelinesOptions) iter.Seq2[*UserPipeline, error] {
	return all[*UserPipeline](ctx, s.client, minePath(opts), opts)
}

// minePath refuses a page number, which GitLab would ignore.
func minePath(opts *ListMyPipelinesOptions) path {
	p := at("pipelines")
	if opts != nil && opts.Page != 0 {
		p.err = errors.New("ListMyPipelinesOptions.Page is set, but this list has cursors: see After")
	}
	return p
}
