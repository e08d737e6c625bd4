package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

const (
	findInterval   = 2 * time.Second // from one poll to the next, at first
	findLongest    = 15 * time.Second
	findPatience   = 10 * time.Minute // with polls that fail
	findCandidates = 100              // pipelines that are read for what lists do not show
	findReads      = 3                // of a pipeline that is listed and cannot be read
)

// FindPipelineOptions say which pipeline [PipelinesService.Find] returns. At least
// one of Ref, SHA and MergeRequest is required. SHA can be combined with either of
// the others, which exclude each other; then both must match.
type FindPipelineOptions struct {
	// Ref is a branch or a tag. If both have that name, it means both of them;
	// "refs/heads/v1" is only the branch, and "refs/tags/v1" only the tag. Other
	// full names, such as "refs/merge-requests/7/head", are refs of their own.
	Ref string

	// SHA is the full hash of the commit: 40 or 64 hexadecimal digits.
	SHA string

	// MergeRequest is the IID of a merge request, the number after its "!". It means
	// the pipelines of refs/merge-requests/7/head, …/merge, whose commit is a merge
	// that GitLab tried, and …/train. The pipelines of its source branch do not
	// belong to it. A merge request from a fork may have its pipelines in the fork.
	MergeRequest int64

	// Source is what started the pipeline. "" is anything except the dangling
	// sources, such as child pipelines; see [Source]. Servers before about 14.3 do
	// not report it, so that no pipeline of theirs matches.
	Source Source

	// Wait waits until there is such a pipeline or the context ends; there is no
	// other limit. GitLab creates the pipeline of a push some time after the push.
	Wait bool
}

// Find returns the newest pipeline of a branch, a tag, a commit or a merge
// request.
//
//	GET /projects/:id/pipelines
//	GET /projects/:id/pipelines/:pipeline_id
//
// See https://docs.gitlab.com/api/pipelines/#list-project-pipelines.
// The error matches [ErrNotFound] if there is no such pipeline, and then is not an
// [*APIError]; GitLab does not distinguish a ref without pipelines from one that does
// not exist. It also matches ErrNotFound if the project does not exist or is hidden
// from the token, and it matches [ErrForbidden] if the pipelines are hidden.
// [PipelinesService.Latest] cannot distinguish these, searches only the head of the
// ref, and does not work with job tokens.
//
// With Wait it polls every 2 seconds at first and every 15 seconds later. A poll that
// fails for a reason that can pass is repeated for 10 minutes, in addition to the
// retries of the client itself. Any other failure ends it at once, and so does a
// server that asks to wait for longer than that.
//
// Lists do not distinguish branches from tags. For a Ref that begins with refs/heads/
// or refs/tags/ it reads one pipeline after the other, 100 at most, until one
// matches, usually the first.
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
	what    string   // for errors
	refs    []string // [""] is any
	kind    string   // "refs/heads/" or "refs/tags/"; "" is any
	sha     string
	source  Source

	others   map[PipelineID]bool // known not to match: what decides that never changes
	met      bool                // whether GitLab has responded to a search
	pace     poll.Pace
	patience poll.Patience
}

var wholeSHA = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func (s *PipelinesService) finder(project ProjectID, opts *FindPipelineOptions) (*finder, error) {
	if opts == nil {
		opts = &FindPipelineOptions{}
	}
	f := &finder{
		service: s, project: project, sha: strings.ToLower(opts.SHA), source: opts.Source, others: map[PipelineID]bool{},
		pace:     poll.Pace{Min: findInterval, Max: findLongest, Jitter: true},
		patience: poll.Patience{GiveUpAfter: findPatience},
	}
	switch {
	case opts.Ref == "" && opts.SHA == "" && opts.MergeRequest == 0:
		return nil, errors.New("one of Ref, SHA and MergeRequest is required")
	case opts.Ref != "" && opts.MergeRequest != 0:
		return nil, errors.New("both Ref and MergeRequest are set")
	case opts.MergeRequest < 0:
		return nil, fmt.Errorf("MergeRequest %d is negative", opts.MergeRequest)
	case opts.SHA != "" && !wholeSHA.MatchString(f.sha):
		return nil, fmt.Errorf("SHA %q is not 40 or 64 hexadecimal digits", opts.SHA)
	}
	f.refs = []string{branchOrTag(opts.Ref)}
	f.kind = strings.TrimSuffix(opts.Ref, f.refs[0])
	if opts.Ref != "" && f.refs[0] == "" {
		return nil, fmt.Errorf("the Ref %q has no name", opts.Ref)
	}
	if opts.MergeRequest > 0 {
		f.refs = nil
		for _, end := range []string{"head", "merge", "train"} {
			f.refs = append(f.refs, fmt.Sprintf("refs/merge-requests/%d/%s", opts.MergeRequest, end))
		}
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
		if _, vanished := errors.AsType[vanishedError](err); !vanished || read == findReads {
			return pipeline, err
		}
	}
}

// newest is the newest pipeline of all refs.
func (f *finder) newest(ctx context.Context) (newest *Pipeline, err error) {
	for _, ref := range f.refs {
		pipeline, err := f.newestOf(ctx, ref)
		switch {
		case err == errNoneFound:
		case err != nil:
			return nil, err
		case newest == nil || pipeline.ID > newest.ID:
			newest = pipeline
		}
	}
	if newest == nil {
		return nil, errNoneFound
	}
	return newest, nil
}

func (f *finder) newestOf(ctx context.Context, ref string) (*Pipeline, error) {
	opts := &ListPipelinesOptions{ListOptions: ListOptions{PerPage: 20}, Ref: ref, SHA: f.sha, Source: f.source}
	read := 0
	list := all(ctx, f.service.client, uncheckedPagesAt[*PipelineInfo](f.service.client, at("projects", f.project, "pipelines")), opts)
	for listed, err := range list {
		if err != nil {
			return nil, err
		}
		if f.others[listed.ID] || !f.wants(listed, ref) {
			continue
		}
		if read++; read > findCandidates {
			break
		}
		pipeline, err := f.service.Get(ctx, f.project, listed.ID)
		if e, answered := errors.AsType[*APIError](err); answered && e.gone() {
			return nil, vanishedError{err}
		}
		if err != nil || f.isKind(pipeline.Tag) {
			return pipeline, err
		}
		f.others[pipeline.ID] = true
	}
	return nil, errNoneFound
}

// wants checks the filters of the list. Old servers neither filter by source nor
// report it.
func (f *finder) wants(listed *PipelineInfo, ref string) bool {
	switch {
	case ref != "" && listed.Ref != ref, f.sha != "" && !strings.EqualFold(listed.SHA, f.sha):
		return false
	case f.source == "":
		return !listed.Source.dangling()
	}
	return listed.Source == f.source
}

func (f *finder) isKind(tag bool) bool {
	return f.kind == "" || tag == (f.kind == "refs/tags/")
}

// dangling reports whether pipelines of a source say nothing of their ref.
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
		f.pace.AtLeast(askedToWait(err))
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
		f.met = true
		f.patience.Restore()
		return nil
	}
	if !f.mayPass(err) {
		return err
	}
	f.patience.Met = f.patience.Met || isMet(err)
	if lasted, giveUp := f.patience.Failed(begun, askedToWait(err), err); giveUp {
		return rest.Errorf("looking for a pipeline of %s failed for %v: %w", f.what, lasted, err)
	}
	return nil
}

// mayPass reports whether the next search may succeed after one that failed. A server
// that never responded as GitLab does, is not GitLab.
func (f *finder) mayPass(err error) bool {
	if _, vanished := errors.AsType[vanishedError](err); vanished {
		return true
	}
	return mayPass(err, f.met) && (f.met || !rest.IsRefusal(err))
}

// ended is the error of a context that ended, and of the last search.
func (f *finder) ended(ctx context.Context, err error) error {
	if err == errNoneFound {
		err = nil
	}
	return rest.Errorf("waiting for a pipeline of %s: %w", f.what, f.patience.Ended(ctx, err))
}

// A mergeRequestHead is what is read of a merge request to find its pipelines.
type mergeRequestHead struct {
	IID             int64         `json:"iid"`
	SHA             string        `json:"sha"`
	SourceBranch    string        `json:"source_branch"`
	SourceProjectID ProjectID     `json:"source_project_id"`
	HeadPipeline    *PipelineInfo `json:"head_pipeline"`
}

func (m *mergeRequestHead) label() string { return fmt.Sprintf("merge request !%d", m.IID) }

func (m *mergeRequestHead) missing() string {
	if m.SHA == "" {
		return "sha"
	}
	return ""
}

// ofMergeRequest finds the pipeline that a merge request shows for a commit: its head
// pipeline, which can be that of a merge commit or of a fork, or, if the head has moved on,
// the newest one of the commit. It is nil if there is none.
func (s *PipelinesService) ofMergeRequest(ctx context.Context, project ProjectID, iid int64, sha string) (*mergeRequestHead, *PipelineInfo, error) {
	path := at("projects", project, "merge_requests", strconv.FormatInt(iid, 10))
	path.Template = "/projects/:id/merge_requests/:merge_request_iid"
	m, err := get[*mergeRequestHead](ctx, s.client, path, nil)
	if err != nil {
		return nil, nil, err
	}
	if head := m.HeadPipeline; head != nil && (strings.EqualFold(m.SHA, sha) || strings.EqualFold(head.SHA, sha)) {
		return m, head, nil
	}
	path.Escaped, path.Template = path.Escaped+"/pipelines", path.Template+"/pipelines"
	var newest *PipelineInfo
	for p, err := range all(ctx, s.client, uncheckedPagesAt[*PipelineInfo](s.client, path), (*ListPipelinesOptions)(nil)) {
		if err != nil {
			return nil, nil, err
		}
		if strings.EqualFold(p.SHA, sha) && (newest == nil || p.ID > newest.ID) { // those for merge requests are listed first
			newest = p
		}
	}
	return m, newest, nil
}
