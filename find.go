package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

const (
	findMinInterval   = 2 * time.Second // from one poll to the next, at first
	findMaxInterval   = 15 * time.Second
	findGiveUpAfter   = 10 * time.Minute // with polls that fail
	maxFindCandidates = 100              // pipelines that are read for what lists do not show
	maxFindReads      = 3                // of a pipeline that is listed and cannot be read
)

// FindPipelineOptions say which pipeline [PipelinesService.Find] returns. At least
// one of Ref, SHA and MergeRequest is required. SHA can be combined with either of
// the others, which exclude each other; then both must match.
type FindPipelineOptions struct {
	// Ref is a branch or a tag. If both have that name, it means both of them;
	// "refs/heads/v1" is only the branch, and "refs/tags/v1" only the tag. Other
	// full names, such as "refs/merge-requests/7/head", are refs of their own.
	//
	// Lists do not distinguish branches from tags: for a Ref that begins with refs/heads/
	// or refs/tags/, one pipeline after the other is read, 100 at most, until one matches.
	Ref string

	// SHA is the full hash of the commit: 40 or 64 hexadecimal digits.
	SHA string

	// MergeRequest is the IID of a merge request, the number after its "!". It means the
	// pipeline of its head that GitLab shows. That is the newest one that was started for
	// the merge request: detached, of a train, or of merged results, whose commit is a
	// merge that GitLab tried. Without one, it is the newest one of its source branch. It
	// can be in a fork.
	//
	// With SHA, it means a head that the merge request had or is about to have instead, or
	// the commit of the pipeline itself. Job tokens cannot read merge requests: use a Ref
	// such as "refs/merge-requests/7/head".
	MergeRequest int64

	// Source is what started the pipeline. "" is anything except the dangling
	// sources, such as child pipelines; see [Source]. Servers before about 14.3 do
	// not report it, so that no pipeline of theirs matches.
	Source Source

	// Wait waits until there is such a pipeline or the context ends; there is no
	// other limit. GitLab creates the pipeline of a push some time after the push.
	//
	// It polls every 2 seconds at first and every 15 seconds later. A poll that fails for a
	// reason that can pass is repeated for 10 minutes, in addition to the retries of the
	// client itself. Any other failure ends it immediately, and so does a server that asks
	// to wait for longer than that.
	Wait bool
}

// Find returns the newest pipeline of a branch, a tag, a commit or a merge request.
//
//	GET /projects/:id/pipelines
//	GET /projects/:id/pipelines/:pipeline_id
//	GET /projects/:id/merge_requests/:merge_request_iid
//	GET /projects/:id/merge_requests/:merge_request_iid/pipelines
//	GET /projects/:id/repository/commits/:sha
//
// See https://docs.gitlab.com/api/pipelines/#list-project-pipelines.
// The error matches [ErrNotFound] if there is no such pipeline, and then is not an
// [*APIError]; GitLab does not distinguish a ref without pipelines from one that does not
// exist. It also matches ErrNotFound if the project or the merge request does not exist or
// is hidden from the token, and it matches [ErrForbidden] if the pipelines are hidden.
// [PipelinesService.Latest] cannot distinguish these, and searches only the head of a ref.
func (s *PipelinesService) Find(ctx context.Context, project ProjectID, opts *FindPipelineOptions) (*Pipeline, error) {
	f, err := s.finder(project, opts)
	if err != nil {
		return nil, rest.Invalid("FindPipelineOptions", err)
	}
	if opts.Wait {
		return f.wait(ctx)
	}
	pipeline, err := f.search(ctx)
	if err == errNoneFound {
		err = fmt.Errorf("%w: there is no pipeline of %s in project %s", ErrNotFound, f.what, project)
	}
	return pipeline, err
}

// errNoneFound is the error of a search that found no pipeline.
var errNoneFound = errors.New("there is no such pipeline")

// A vanishedError is that of a pipeline which was listed a moment before. It was
// deleted, or a replica of GitLab's database does not have it yet.
type vanishedError struct{ error }

func (e vanishedError) Unwrap() error { return e.error }

// A finder searches for a pipeline.
type finder struct {
	service *PipelinesService
	project ProjectID
	what    string // for errors
	ref     string // "" is any
	kind    string // "refs/heads/" or "refs/tags/"; "" is any
	sha     string
	source  Source
	head    *headSearch // nil unless it is that of a merge request

	rejected map[PipelineID]bool // known not to match: what decides that never changes
	reached  bool                // whether GitLab has responded to a search
	pace     poll.Pace
	patience poll.Patience
}

var fullSHA = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func (s *PipelinesService) finder(project ProjectID, opts *FindPipelineOptions) (*finder, error) {
	if opts == nil {
		opts = &FindPipelineOptions{}
	}
	f := &finder{
		service: s, project: project, sha: strings.ToLower(opts.SHA), source: opts.Source, rejected: map[PipelineID]bool{},
		pace:     poll.Pace{Min: findMinInterval, Max: findMaxInterval, Jitter: true},
		patience: poll.Patience{GiveUpAfter: findGiveUpAfter},
	}
	switch {
	case opts.Ref == "" && opts.SHA == "" && opts.MergeRequest == 0:
		return nil, errors.New("one of Ref, SHA and MergeRequest is required")
	case opts.Ref != "" && opts.MergeRequest != 0:
		return nil, errors.New("both Ref and MergeRequest are set")
	case opts.MergeRequest < 0:
		return nil, fmt.Errorf("MergeRequest %d is negative", opts.MergeRequest)
	case opts.SHA != "" && !fullSHA.MatchString(f.sha):
		return nil, fmt.Errorf("SHA %q is not 40 or 64 hexadecimal digits", opts.SHA)
	}
	f.ref = branchOrTag(opts.Ref)
	f.kind = strings.TrimSuffix(opts.Ref, f.ref)
	if opts.Ref != "" && f.ref == "" {
		return nil, fmt.Errorf("the Ref %q has no name", opts.Ref)
	}
	if opts.MergeRequest > 0 {
		f.head = &headSearch{client: s.client, project: project, iid: opts.MergeRequest, parents: map[string][]string{}}
	}
	f.what = opts.describe()
	return f, nil
}

// describe names what is searched for.
func (o *FindPipelineOptions) describe() string {
	var parts []string
	if o.Ref != "" {
		parts = append(parts, fmt.Sprintf("ref %q", o.Ref))
	}
	if o.MergeRequest > 0 {
		parts = append(parts, fmt.Sprintf("merge request !%d", o.MergeRequest))
	}
	if o.SHA != "" {
		parts = append(parts, "commit "+o.SHA)
	}
	if o.Source != "" {
		parts = append(parts, fmt.Sprintf("source %q", o.Source))
	}
	return strings.Join(parts, ", ")
}

// search searches once. Its error is errNoneFound if there is no such pipeline.
func (f *finder) search(ctx context.Context) (*Pipeline, error) {
	for read := 1; ; read++ {
		pipeline, err := f.newest(ctx)
		if _, vanished := errors.AsType[vanishedError](err); !vanished || read == maxFindReads {
			return pipeline, err
		}
	}
}

// newest returns the newest pipeline, or that of the merge request.
func (f *finder) newest(ctx context.Context) (*Pipeline, error) {
	if f.head != nil {
		return f.ofHead(ctx)
	}
	opts := &ListPipelinesOptions{ListOptions: ListOptions{PerPage: 20}, Ref: f.ref, SHA: f.sha, Source: f.source}
	read := 0
	list := all(ctx, f.service.client, uncheckedPagesAt[*PipelineInfo](f.service.client, at("projects", f.project, "pipelines")), opts)
	for listed, err := range bounded(pipelinesOf(f.project), list) {
		if err != nil {
			return nil, err
		}
		fits := (f.ref == "" || listed.Ref == f.ref) && (f.sha == "" || strings.EqualFold(listed.SHA, f.sha))
		if f.rejected[listed.ID] || !fits || !f.wants(listed) {
			continue
		}
		read++
		if read > maxFindCandidates {
			break
		}
		pipeline, err := f.get(ctx, f.project, listed.ID)
		if err != nil || f.isKind(pipeline.Tag) {
			return pipeline, err
		}
		f.rejected[pipeline.ID] = true
	}
	return nil, errNoneFound
}

// ofHead returns the pipeline of the merge request. The one that the merge request shows may
// be in a fork that is hidden from the token.
func (f *finder) ofHead(ctx context.Context) (*Pipeline, error) {
	m, found, err := f.head.find(ctx, f.sha, f.wants)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, errNoneFound
	case m.HeadPipeline != nil && found == &m.HeadPipeline.PipelineInfo:
		return m.HeadPipeline, nil
	}
	return f.get(ctx, cmp.Or(found.ProjectID, f.project), found.ID)
}

// get reads a pipeline that was listed a moment before.
func (f *finder) get(ctx context.Context, project ProjectID, id PipelineID) (*Pipeline, error) {
	pipeline, err := f.service.Get(ctx, project, id)
	if e, responded := errors.AsType[*APIError](err); responded && e.gone() {
		return nil, vanishedError{err}
	}
	return pipeline, err
}

// wants checks the source. Old servers neither filter by it nor report it.
func (f *finder) wants(listed *PipelineInfo) bool {
	if f.source == "" {
		return !listed.Source.dangling()
	}
	return listed.Source == f.source
}

// isKind reports whether a pipeline of a tag, or else of a branch, is wanted.
func (f *finder) isKind(tag bool) bool {
	return f.kind == "" || tag == (f.kind == "refs/tags/")
}

// dangling reports whether pipelines of a source say nothing about the state of their ref.
func (s Source) dangling() bool {
	switch s {
	case SourceWebIDE, SourceParentPipeline, SourceOnDemandDASTScan, SourceOnDemandDASTValidation,
		SourceSecurityOrchestrationPolicy, SourceContainerRegistryPush, SourceDuoWorkflow,
		SourcePipelineExecutionPolicySchedule, SourceDependencyManagementSecurityUpdate:
		return true
	}
	return false
}

// wait polls until there is a pipeline.
func (f *finder) wait(ctx context.Context) (*Pipeline, error) {
	for {
		begun := time.Now()
		pipeline, err := f.search(ctx)
		if err == nil {
			return pipeline, nil
		}
		if err := f.failed(ctx, begun, err); err != nil {
			return nil, err
		}
		f.pace.AtLeast(retryAfter(err))
		if f.pace.Wait(ctx) != nil {
			return nil, f.ended(ctx, err)
		}
	}
}

// failed returns the error of a search that found nothing, if that will not change or
// has lasted too long, or nil to poll again.
func (f *finder) failed(ctx context.Context, begun time.Time, err error) error {
	if ctx.Err() != nil {
		return f.ended(ctx, err)
	}
	if err == errNoneFound {
		f.reached = true
		f.patience.Restore()
		return nil
	}
	if !f.isTransient(err) {
		return err
	}
	f.patience.Responded = f.patience.Responded || showsServer(err)
	if lasted, giveUp := f.patience.Failed(begun, retryAfter(err), err); giveUp {
		return rest.Errorf("searching for a pipeline of %s failed for %v: %w", f.what, lasted, err)
	}
	return nil
}

// isTransient reports whether a later search may succeed after this error. A server that has
// never responded as GitLab does is not GitLab.
func (f *finder) isTransient(err error) bool {
	if _, vanished := errors.AsType[vanishedError](err); vanished {
		return true
	}
	return isTransient(err, f.reached) && (f.reached || !rest.IsRefusal(err))
}

// ended is the error of a context that ended, and of the last search.
func (f *finder) ended(ctx context.Context, err error) error {
	if err == errNoneFound {
		err = nil
	}
	return rest.Errorf("waiting for a pipeline of %s: %w", f.what, f.patience.Ended(ctx, err))
}

// A headSearch finds the pipelines of a merge request's head, or of another commit that it
// had.
type headSearch struct {
	client  *Client
	project ProjectID
	iid     int64
	parents map[string][]string // of merge commits, which never change; nil of those that are gone
}

// find returns the merge request, and the pipeline that GitLab shows for a commit, or nil
// if there is none: the first in GitLab's order that is wanted. "" is the head. The head
// pipeline in the merge request may be of an earlier head, and the token may not be able to
// read it.
func (h *headSearch) find(ctx context.Context, sha string, wants func(*PipelineInfo) bool) (*MergeRequest, *PipelineInfo, error) {
	m, err := h.client.MergeRequests.Get(ctx, h.project, h.iid)
	if err != nil {
		return nil, nil, err
	}
	if sha == "" {
		sha = m.SHA
	}
	opts := &ListMergeRequestPipelinesOptions{ListOptions{PerPage: 20}}
	read := 0
	for p, err := range h.client.Pipelines.AllForMergeRequest(ctx, h.project, h.iid, opts) {
		if err != nil {
			return m, nil, err
		}
		if is, err := h.isOf(ctx, p, sha, wants); is || err != nil {
			return m, p, err
		}
		read++
		if read == maxFindCandidates {
			break
		}
	}
	if m.HeadPipeline == nil {
		return m, nil, nil
	}
	if is, err := h.isOf(ctx, &m.HeadPipeline.PipelineInfo, sha, wants); !is || err != nil {
		return m, nil, err
	}
	return m, &m.HeadPipeline.PipelineInfo, nil
}

// isOf reports whether a pipeline is wanted, and runs on a commit of the source branch or
// on one that GitLab made by merging it.
func (h *headSearch) isOf(ctx context.Context, p *PipelineInfo, sha string, wants func(*PipelineInfo) bool) (bool, error) {
	if !wants(p) || sha == "" {
		return false, nil
	}
	ref := fmt.Sprintf("refs/merge-requests/%d/", h.iid)
	if strings.EqualFold(p.SHA, sha) || p.Ref != ref+"merge" && p.Ref != ref+"train" {
		return strings.EqualFold(p.SHA, sha), nil
	}
	parents, known := h.parents[p.SHA]
	if !known {
		commit, err := h.client.Commits.Get(ctx, h.project, p.SHA)
		if e, responded := errors.AsType[*APIError](err); err != nil && !(responded && e.gone()) {
			return false, err
		}
		if err == nil { // else it was removed from the repository for good
			parents = commit.ParentIDs
		}
		h.parents[p.SHA] = parents
	}
	return slices.ContainsFunc(parents, func(parent string) bool { return strings.EqualFold(parent, sha) }), nil
}
