package gitlabci

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/rest"
)

// MergeRequestsService reads merge requests. It is [Client.MergeRequests]. To list
// their pipelines, use [PipelinesService.AllForMergeRequest]; to create one, use
// [PipelinesService.CreateForMergeRequest]; to find that of the head, use
// [PipelinesService.Find].
//
// Job tokens cannot read merge requests.
//
// See https://docs.gitlab.com/api/merge_requests/.
type MergeRequestsService struct{ client *Client }

// A MergeRequest is a merge request. Lists do not have the fields from ChangesCount on.
// A few fields that have nothing to do with CI are left out; [Fetch] can read them.
type MergeRequest struct {
	ID              int64             `json:"id"`  // unique on the whole instance, and of little use
	IID             int64             `json:"iid"` // the number after its "!"
	ProjectID       ProjectID         `json:"project_id"`
	Title           string            `json:"title"`
	Description     string            `json:"description,omitzero"`
	State           MergeRequestState `json:"state"`
	CreatedAt       time.Time         `json:"created_at,omitzero"`
	UpdatedAt       time.Time         `json:"updated_at,omitzero"`
	MergedAt        time.Time         `json:"merged_at,omitzero"`
	MergeUser       *User             `json:"merge_user,omitzero"` // who merged it, or set it to be merged
	ClosedAt        time.Time         `json:"closed_at,omitzero"`
	ClosedBy        *User             `json:"closed_by,omitzero"`
	TargetBranch    string            `json:"target_branch"`
	SourceBranch    string            `json:"source_branch"`
	SourceProjectID ProjectID         `json:"source_project_id,omitzero"` // a fork, or TargetProjectID; "" if the fork was deleted
	TargetProjectID ProjectID         `json:"target_project_id"`
	Author          *User             `json:"author,omitzero"`
	Assignees       []User            `json:"assignees,omitzero"`
	Reviewers       []User            `json:"reviewers,omitzero"`
	Labels          []string          `json:"labels,omitzero"`
	Draft           bool              `json:"draft"`
	WebURL          string            `json:"web_url"`
	References      *References       `json:"references,omitzero"`

	SHA                         string    `json:"sha,omitzero"`                 // of the head of SourceBranch; "" while GitLab prepares the merge request
	MergeCommitSHA              string    `json:"merge_commit_sha,omitzero"`    // "" unless merged by a merge commit
	SquashCommitSHA             string    `json:"squash_commit_sha,omitzero"`   // "" unless squashed
	DetailedMergeStatus         string    `json:"detailed_merge_status"`        // such as "mergeable" or "ci_still_running", from GitLab 15.6
	MergeWhenPipelineSucceeds   bool      `json:"merge_when_pipeline_succeeds"` // now called auto-merge
	PreparedAt                  time.Time `json:"prepared_at,omitzero"`
	Squash                      bool      `json:"squash"`
	ShouldRemoveSourceBranch    bool      `json:"should_remove_source_branch"`
	ForceRemoveSourceBranch     bool      `json:"force_remove_source_branch"`
	HasConflicts                bool      `json:"has_conflicts"`
	BlockingDiscussionsResolved bool      `json:"blocking_discussions_resolved"`
	UserNotesCount              int       `json:"user_notes_count"`

	ChangesCount string `json:"changes_count,omitzero"` // of files, such as "3" or "1000+"

	// HeadPipeline is the pipeline that GitLab shows, without a Name. Shortly after a push,
	// it can be that of an earlier head; [PipelinesService.Find] finds the right one. It is
	// nil if there is none, or the token may not see it.
	HeadPipeline *Pipeline `json:"head_pipeline,omitzero"`

	DiffRefs                    *DiffRefs         `json:"diff_refs,omitzero"`
	LatestBuildStartedAt        time.Time         `json:"latest_build_started_at,omitzero"`
	LatestBuildFinishedAt       time.Time         `json:"latest_build_finished_at,omitzero"`
	FirstDeployedToProductionAt time.Time         `json:"first_deployed_to_production_at,omitzero"`
	MergeError                  string            `json:"merge_error,omitzero"` // why the last try to merge failed
	User                        *MergeRequestUser `json:"user,omitzero"`
}

// References are the ways to refer to a merge request in texts.
type References struct {
	Short    string `json:"short"`    // such as "!7"
	Relative string `json:"relative"` // as seen from the project or group that was asked
	Full     string `json:"full"`     // such as "group/app!7"
}

// DiffRefs are the commits that the changes of a merge request are computed from.
type DiffRefs struct {
	BaseSHA  string `json:"base_sha"`  // the newest commit that both branches have
	HeadSHA  string `json:"head_sha"`  // of the source branch
	StartSHA string `json:"start_sha"` // of the target branch
}

// A MergeRequestUser says what the token's owner may do.
type MergeRequestUser struct {
	CanMerge bool `json:"can_merge"`
}

// A MergeRequestState is the state of a merge request. The set is open.
type MergeRequestState string

// The states of merge requests.
const (
	MergeRequestStateOpened MergeRequestState = "opened"
	MergeRequestStateClosed MergeRequestState = "closed"
	MergeRequestStateLocked MergeRequestState = "locked" // for a moment, while it is merged
	MergeRequestStateMerged MergeRequestState = "merged"
)

// A MergeRequestOrder is what a list of merge requests is sorted by. The set is open: a
// word not listed here passes through unchanged, and GitLab refuses what it does not know.
type MergeRequestOrder string

// The orders of merge requests.
const (
	MergeRequestOrderByCreatedAt MergeRequestOrder = "created_at"
	MergeRequestOrderByUpdatedAt MergeRequestOrder = "updated_at"
	MergeRequestOrderByMergedAt  MergeRequestOrder = "merged_at"
	MergeRequestOrderByTitle     MergeRequestOrder = "title"
)

// A MergeRequestView says which fields the merge requests of a list have. The set is open.
type MergeRequestView string

// MergeRequestViewSimple has IDs, title, description, state, times and WebURL only.
const MergeRequestViewSimple MergeRequestView = "simple"

// Get returns one merge request by its IID, the number after its "!".
//
//	GET /projects/:id/merge_requests/:merge_request_iid
//
// See https://docs.gitlab.com/api/merge_requests/#retrieve-a-merge-request.
// The error matches [ErrNotFound] if the project or the merge request does not exist, or
// the token may not see it.
func (s *MergeRequestsService) Get(ctx context.Context, project ProjectID, mergeRequest int64) (*MergeRequest, error) {
	path := at("projects", project, "merge_requests", mergeRequestIID(mergeRequest))
	return getSame(ctx, s.client, path, func(m *MergeRequest) bool { return m.IID == mergeRequest })
}

// ListMergeRequestsOptions narrows a list of merge requests; filters add up. Nil lists all
// of them, newest first.
type ListMergeRequestsOptions struct {
	ListOptions

	State          MergeRequestState `url:"state,omitempty"` // "" is all
	SourceBranch   string            `url:"source_branch,omitempty"`
	TargetBranch   string            `url:"target_branch,omitempty"`
	AuthorUsername string            `url:"author_username,omitempty"`
	Labels         []string          `url:"labels,comma,omitempty"`  // all of these; "Any" is at least one, and "None" is none
	IIDs           []int64           `url:"iids,brackets,omitempty"` // any of these
	Search         string            `url:"search,omitempty"`        // a part of the title or the description

	// Zero times do not narrow the list.
	UpdatedAfter  time.Time `url:"updated_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	UpdatedBefore time.Time `url:"updated_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedAfter  time.Time `url:"created_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	CreatedBefore time.Time `url:"created_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`

	View MergeRequestView `url:"view,omitempty"` // "" is whole merge requests

	OrderBy MergeRequestOrder `url:"order_by,omitempty"` // "" is [MergeRequestOrderByCreatedAt]
	Sort    Sort              `url:"sort,omitempty"`     // "" is [SortDesc]
}

// List returns one page of the merge requests into a project.
//
//	GET /projects/:id/merge_requests
//
// See https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, and [ErrForbidden] if its merge requests are hidden from the token. It matches
// [ErrInvalid] for a value that GitLab does not know, and [errors.ErrUnsupported] if the
// server ignores a filter, and an item contradicts it. Search cannot be checked; with
// [MergeRequestViewSimple], only IIDs, State and times can.
func (s *MergeRequestsService) List(ctx context.Context, project ProjectID, opts *ListMergeRequestsOptions) (*Page[MergeRequest], error) {
	return list(ctx, pagesAt[*MergeRequest](s.client, at("projects", project, "merge_requests")), opts)
}

// All ranges over the merge requests into a project, page by page as the loop runs.
//
//	GET /projects/:id/merge_requests
//
// See https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests.
// It requests the pages of [MergeRequestsService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered. As in [PipelinesService.All], every merge request that stays in the
// list is yielded exactly once if the list is ordered by the time of creation. The same is
// true for [MergeRequestOrderByUpdatedAt], but one that changed is yielded again. In other
// orders, none is yielded twice, but one that moved in the list can be missed.
func (s *MergeRequestsService) All(ctx context.Context, project ProjectID, opts *ListMergeRequestsOptions) iter.Seq2[*MergeRequest, error] {
	return all(ctx, s.client, pagesAt[*MergeRequest](s.client, at("projects", project, "merge_requests")), opts)
}

// ListMergeRequestPipelinesOptions choose a page of a merge request's pipelines. Nil is the
// first one. GitLab has no filters here.
type ListMergeRequestPipelinesOptions struct{ ListOptions }

// ListForMergeRequest returns one page of a merge request's pipelines: first those that were
// started for it, newest first, and then those of its source branch, newest first. So the
// first is not always the newest. The pipelines have no Name.
//
//	GET /projects/:id/merge_requests/:merge_request_iid/pipelines
//
// See https://docs.gitlab.com/api/merge_requests/#list-merge-request-pipelines.
// The error matches [ErrNotFound] if the project or the merge request does not exist, or
// the token may not see it, and [ErrForbidden] if the pipelines of the project are hidden.
// The list never contains child pipelines. It leaves out pipelines of a fork that the token
// may not see, without an error. Job tokens cannot list these pipelines.
func (s *PipelinesService) ListForMergeRequest(ctx context.Context, project ProjectID, mergeRequest int64, opts *ListMergeRequestPipelinesOptions) (*Page[PipelineInfo], error) {
	return list(ctx, s.ofMergeRequest(project, mergeRequest), opts)
}

// AllForMergeRequest ranges over a merge request's pipelines, page by page as the loop runs.
//
//	GET /projects/:id/merge_requests/:merge_request_iid/pipelines
//
// See https://docs.gitlab.com/api/merge_requests/#list-merge-request-pipelines.
// It requests the pages of [PipelinesService.ListForMergeRequest] with the same options and
// errors, by default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered. No pipeline is yielded twice, and none is missed because new ones are
// created during the loop. If one is deleted during the loop, another can be missed.
func (s *PipelinesService) AllForMergeRequest(ctx context.Context, project ProjectID, mergeRequest int64, opts *ListMergeRequestPipelinesOptions) iter.Seq2[*PipelineInfo, error] {
	unordered := func(url.Values) pages.Order { return pages.Unordered() }
	return allBy(ctx, s.client, s.ofMergeRequest(project, mergeRequest), opts, unordered)
}

func (s *PipelinesService) ofMergeRequest(project ProjectID, mergeRequest int64) pages.Request[*PipelineInfo] {
	return pagesAt[*PipelineInfo](s.client, at("projects", project, "merge_requests", mergeRequestIID(mergeRequest), "pipelines"))
}

// CreateForMergeRequestOptions say how a pipeline of a merge request is created. Nil means
// the zero value.
type CreateForMergeRequestOptions struct {
	// With Async, GitLab 16.3 and later respond before they create the pipeline, and do not
	// report whether that succeeds. [PipelinesService.Find] can wait for the pipeline.
	Async bool `json:"async,omitzero"`
}

// CreateForMergeRequest starts a pipeline for a merge request, and returns it, or nil with
// Async. The configuration must have jobs for merge requests.
//
//	POST /projects/:id/merge_requests/:merge_request_iid/pipelines
//
// See https://docs.gitlab.com/api/merge_requests/#create-a-merge-request-pipeline.
// The error matches [ErrInvalid] if the configuration has no such jobs or is invalid,
// [ErrNotFound], and [ErrOutcomeUnknown] if the response was lost: the request is never
// retried. If the merge request is closed, or the token may not run pipelines in its source
// project, the error is an [*APIError] with StatusCode 405.
// Each call starts another pipeline, for the current head of the merge request.
func (s *PipelinesService) CreateForMergeRequest(ctx context.Context, project ProjectID, mergeRequest int64, opts *CreateForMergeRequestOptions) (*Pipeline, error) {
	path := at("projects", project, "merge_requests", mergeRequestIID(mergeRequest), "pipelines")
	if opts != nil && opts.Async {
		return nil, s.client.wire.Discard(ctx, rest.Once(http.MethodPost, path, *opts))
	}
	return s.client.rememberPipeline(send[*Pipeline](ctx, s.client, rest.Once(http.MethodPost, path, nil)))
}

func (m *MergeRequest) label() string   { return fmt.Sprintf("merge request !%d", m.IID) }
func (m *MergeRequest) missing() string { return missingID(min(m.ID, m.IID)) }

func (m *MergeRequest) identity() (int64, time.Time) { return m.ID, m.UpdatedAt }

func (*MergeRequest) listOrder() listOrder {
	return listOrder{by: "created_at", times: []string{"created_at", "updated_at"}}
}

func (m *MergeRequest) timeOf(order string) time.Time {
	switch MergeRequestOrder(order) {
	case MergeRequestOrderByCreatedAt:
		return m.CreatedAt
	case MergeRequestOrderByUpdatedAt:
		return m.UpdatedAt
	}
	return time.Time{}
}

// contradicts checks only fields that are there: a merge request of a simple list has no
// author, branches and labels.
func (m *MergeRequest) contradicts(query url.Values) (parameter, has string) {
	filters := []filter{
		{"state", fmt.Sprintf("%q", m.State), func(wanted string) bool { return wanted == "all" || wanted == string(m.State) }},
		exactly("iids[]", fmt.Sprint(m.IID)),
		since("updated_after", m.UpdatedAt),
		until("updated_before", m.UpdatedAt),
		since("created_after", m.CreatedAt),
		until("created_before", m.CreatedAt),
	}
	if m.Author != nil {
		filters = append(filters, exactly("source_branch", m.SourceBranch), exactly("target_branch", m.TargetBranch),
			filter{"author_username", fmt.Sprintf("%q", m.Author.Username), func(wanted string) bool { return strings.EqualFold(wanted, m.Author.Username) }},
			filter{"labels", fmt.Sprintf("%q", m.Labels), m.hasLabels})
	}
	return mismatch(query, filters)
}

func (m *MergeRequest) hasLabels(wanted string) bool {
	for label := range strings.SplitSeq(wanted, ",") {
		isIt := func(one string) bool { return strings.EqualFold(one, label) }
		switch {
		case strings.EqualFold(label, "none"), strings.EqualFold(label, "any"):
		case !slices.ContainsFunc(m.Labels, isIt):
			return false
		}
	}
	return true
}
