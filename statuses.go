package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
)

// StatusesService reads and sets commit statuses, with which systems other than GitLab CI
// report on a commit. It is [Client.Statuses].
//
// GitLab stores a status as a job of a pipeline, in the stage "external". The pipeline's
// status depends on it as on any other job.
//
// See https://docs.gitlab.com/api/commits/#commit-status.
type StatusesService struct{ client *Client }

// ListStatusesOptions narrows a list of statuses; filters add up. Nil lists the newest
// status and job of each name, oldest first.
type ListStatusesOptions struct {
	ListOptions

	Ref      string     `url:"ref,omitempty"`
	Stage    string     `url:"stage,omitempty"` // "external" leaves out the jobs of GitLab CI
	Name     string     `url:"name,omitempty"`
	Pipeline PipelineID `url:"pipeline_id,omitempty"`
	All      bool       `url:"all,omitempty"` // also those that newer ones of the same name supersede

	OrderBy StatusOrder `url:"order_by,omitempty"` // "" is [StatusOrderByID]
	Sort    Sort        `url:"sort,omitempty"`     // "" is [SortAsc]
}

// List returns one page of the statuses of a commit, in all of its pipelines except child
// pipelines.
//
//	GET /projects/:id/repository/commits/:sha/statuses
//
// See https://docs.gitlab.com/api/commits/#list-commit-statuses.
// The error matches [ErrNotFound] if the project or the commit does not exist, or the
// token may not see it, and [errors.ErrUnsupported] if the server ignores a filter, and
// an item contradicts it. Stage cannot be checked.
// The list also contains the jobs of GitLab CI; see the Stage of [ListStatusesOptions].
func (s *StatusesService) List(ctx context.Context, project ProjectID, sha string, opts *ListStatusesOptions) (*Page[CommitStatus], error) {
	return list(ctx, pagesAt[*CommitStatus](s.client, statusesPath(project, sha)), opts)
}

// All ranges over the statuses of a commit, page by page as the loop runs.
//
//	GET /projects/:id/repository/commits/:sha/statuses
//
// See https://docs.gitlab.com/api/commits/#list-commit-statuses.
// It requests the pages of [StatusesService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered. No status is yielded twice. Every status that stays in the list is
// yielded exactly once if the list is ordered by ID. Without [ListStatusesOptions.All], a
// status leaves the list when a newer one supersedes it.
func (s *StatusesService) All(ctx context.Context, project ProjectID, sha string, opts *ListStatusesOptions) iter.Seq2[*CommitStatus, error] {
	return all(ctx, s.client, pagesAt[*CommitStatus](s.client, statusesPath(project, sha)), opts)
}

func statusesPath(project ProjectID, sha string) rest.Path {
	return at("projects", project, "repository", "commits", commitName(sha), "statuses")
}

// SetStatusOptions are the values of a status that [StatusesService.Set] sets. Nil sets the
// status "default" in the commit's newest pipeline.
//
// Without Pipeline and MergeRequest, the status belongs to the newest pipeline of the commit.
// If there is none, GitLab creates one with [SourceExternal]. If another pipeline is started
// later, further calls set the status there. To always use the same pipeline, set Pipeline to
// the PipelineID of the first result.
//
// If the status already has the state, Set succeeds and changes nothing, not even the
// description. If a response is lost, Set reads the status, and sends it again only if it was
// not set. While another update of the commit is in progress, Set waits for at most two
// minutes. Calls of one client, and of clients made from it by [Client.With], for the same
// name and commit run one after the other.
type SetStatusOptions struct {
	// Name distinguishes the status from others of the commit, at most 255 characters.
	// "" is "default". A job of GitLab CI that has the same name is superseded.
	Name string `json:"name"`

	// Ref is the branch or the tag of the pipeline, at most 255 characters. "" is that of
	// the newest pipeline of the commit or, without one, the first branch with the
	// commit. It must be "" if MergeRequest is set.
	Ref string `json:"ref,omitzero"`

	// Pipeline is the pipeline that the status belongs to. It must be of the commit.
	Pipeline PipelineID `json:"pipeline_id,omitzero"`

	// MergeRequest is the IID of a merge request, the number after its "!". The status
	// then belongs to the pipeline that the merge request shows for the commit: its head
	// pipeline or, if the merge request has a newer head, the newest one of the commit. This
	// can be a merged results pipeline, or one in a fork. Without a pipeline, GitLab creates
	// one for the source branch, if the commit is still the head.
	MergeRequest int64 `json:"-"`

	// TargetURL and Description are shown with the status. They have at most 255
	// characters, and the URL begins with http:// or https://.
	TargetURL   string `json:"target_url,omitzero"`
	Description string `json:"description,omitzero"`

	Coverage *float64 `json:"coverage,omitzero"` // in percent, 0 to 100; nil is unknown
}

// check returns an error for what GitLab would refuse, or set otherwise than it says.
func (o *SetStatusOptions) check(sha string, state Status) error {
	switch state {
	case StatusPending, StatusRunning, StatusSuccess, StatusFailed, StatusCanceled, StatusSkipped:
	default:
		return fmt.Errorf("the state %q is none of pending, running, success, failed, canceled and skipped", state)
	}
	switch {
	case !fullSHA.MatchString(strings.ToLower(sha)):
		return fmt.Errorf("the SHA %q is not 40 or 64 hexadecimal digits", sha)
	case o.Pipeline < 0 || o.MergeRequest < 0:
		return fmt.Errorf("SetStatusOptions.Pipeline %d or MergeRequest %d is negative", o.Pipeline, o.MergeRequest)
	case o.MergeRequest > 0 && (o.Pipeline > 0 || o.Ref != ""):
		return errors.New("SetStatusOptions.MergeRequest is set, and Pipeline or Ref as well")
	case o.Name != "" && blank(o.Name) || o.Ref != "" && blank(branchOrTag(o.Ref)):
		return errors.New("SetStatusOptions.Name or Ref is blank")
	case o.TargetURL != "" && !isWebURL(o.TargetURL):
		return errors.New("SetStatusOptions.TargetURL is not an http:// or https:// URL") // which may have a secret
	case o.Coverage != nil && !(*o.Coverage >= 0 && *o.Coverage <= 100):
		return fmt.Errorf("SetStatusOptions.Coverage %v is not within 0 to 100", *o.Coverage)
	}
	for field, text := range map[string]string{"Name": o.Name, "Ref": o.Ref, "TargetURL": o.TargetURL, "Description": o.Description} {
		if utf8.RuneCountInString(text) > 255 {
			return fmt.Errorf("SetStatusOptions.%s has more than 255 characters", field)
		}
	}
	return nil
}

// Set sets a status of a commit, and returns it. The SHA must be the full one. The state is
// [StatusPending], [StatusRunning], [StatusSuccess], [StatusFailed], [StatusCanceled] or
// [StatusSkipped]. [SetStatusOptions] explains its pipeline, and repeated calls.
//
//	POST /projects/:id/statuses/:sha
//	GET /projects/:id/repository/commits/:sha/statuses
//
// See https://docs.gitlab.com/api/commits/#set-commit-pipeline-status.
// The error matches [ErrNotFound] if the project, the commit, the merge request or
// the pipeline does not exist, and [ErrForbidden] without the right to set statuses. It
// matches [ErrInvalid] if GitLab does not allow the change, such as from running to pending
// or skipped, or if the pipeline is full, [ErrConflict] if other updates do not end, and
// [ErrOutcomeUnknown] if the status may have been set. Job tokens cannot set statuses.
func (s *StatusesService) Set(ctx context.Context, project ProjectID, sha string, state Status, opts *SetStatusOptions) (*CommitStatus, error) {
	if opts == nil {
		opts = &SetStatusOptions{}
	}
	t := &statusSetter{client: s.client, project: project, sha: strings.ToLower(sha), name: cmp.Or(opts.Name, "default"), state: state, opts: opts, tries: 1}
	if err := cmp.Or(project.check(), opts.check(sha, state)); err != nil {
		return nil, rest.Invalid(setStatusEndpoint, err)
	}
	leave, entered := s.client.config.queues.Enter(ctx, t.sha+" "+t.name)
	if !entered {
		return nil, rest.NotSent(rest.Errorf("waiting for another call that sets the status %q of %s: %w", t.name, t.sha, rest.Ended(ctx)))
	}
	defer leave()
	return t.set(ctx)
}

const setStatusEndpoint = "POST /projects/:id/statuses/:sha"

// A statusSetter sets one status.
type statusSetter struct {
	client  *Client
	project ProjectID
	sha     string
	name    string
	state   Status
	opts    *SetStatusOptions

	tries     int           // that may have been executed, and the one that follows
	lost      error         // of the last try that may have been executed
	lostAt    statusPlace   // where that try was for
	before    *CommitStatus // the status before the first try at its place, nil if there was none
	archived  []PipelineID  // which take no status
	held      error         // of the last try that was not executed because of another update
	heldTries int           // how many such tries there were
	heldSince time.Time     // when the first of them failed
}

func (t *statusSetter) set(ctx context.Context) (*CommitStatus, error) {
	for {
		place, status, err := t.find(ctx)
		if err == nil && status == nil {
			status, err = t.send(ctx, place)
		}
		if err != nil {
			status, err = t.recover(ctx, place, err)
		}
		if err != nil || status != nil {
			return status, err
		}
	}
}

// recover returns the status or the error after a failed try, or neither to try again.
func (t *statusSetter) recover(ctx context.Context, place statusPlace, err error) (*CommitStatus, error) {
	e, responded := errors.AsType[*APIError](err)
	switch {
	case ctx.Err() != nil:
		return nil, cutShort(err, cmp.Or(t.lost, t.held, err))
	case errors.Is(err, ErrOutcomeUnknown):
		return t.search(ctx, place, err)
	case responded && e.Is(ErrConflict) && (e.foreign || strings.Contains(e.Message, "Another update")): // or a text that is cut off
		return nil, t.awaitOther(ctx, place, err)
	case responded && e.Is(ErrNotFound) && strings.Contains(e.Message, "Pipeline for pipeline_id") && t.opts.Pipeline == 0 && !slices.Contains(t.archived, place.pipeline):
		t.archived = append(t.archived, place.pipeline)
		return nil, nil
	case responded && e.Is(ErrInvalid) && strings.Contains(e.Message, "Cannot transition status"):
		if _, status, lookErr := t.find(ctx); lookErr == nil && status != nil {
			return status, nil // someone else has set it meanwhile
		}
	}
	if t.lost != nil {
		err = rest.Errorf("%w", rest.After(err, t.lost))
	}
	return nil, err
}

// awaitOther waits, for two minutes at most, while another update of the commit is in
// progress. A try that GitLab refuses for that has waited ten seconds already.
func (t *statusSetter) awaitOther(ctx context.Context, place statusPlace, refusal error) error {
	t.held, t.heldSince = refusal, cmp.Or(t.heldSince, time.Now())
	if time.Since(t.heldSince) > 2*time.Minute {
		return refusal
	}
	t.heldTries++
	wait := min(time.Duration(t.heldTries)*time.Second, 5*time.Second)
	return t.client.pause(ctx, t.call(place), t.tries, rest.ReasonLock, wait, refusal)
}

// search reads the status after a try whose response was lost. GitLab may execute that try up
// to ten seconds later, after other updates. A state that ends the status is searched for
// longer: sent twice, it would make a second status.
func (t *statusSetter) search(ctx context.Context, place statusPlace, lost error) (*CommitStatus, error) {
	t.lost, t.lostAt = lost, place
	waits := 1
	if t.state.Finished() {
		waits = 4
	}
	for i := range waits {
		if err := t.client.pause(ctx, t.call(place), t.tries, rest.ReasonRetry, time.Second<<i, lost); err != nil {
			return nil, err
		}
		switch _, status, err := t.find(ctx); {
		case err != nil:
			return nil, rest.Errorf("%w (then, reading the status: %w)", lost, err)
		case status != nil:
			return status, nil
		}
	}
	t.tries++
	if t.tries > t.client.wire.Config().Tries {
		return nil, lost
	}
	return nil, nil
}

// call describes the request that sets the status.
func (t *statusSetter) call(place statusPlace) *rest.Call {
	body := struct {
		State Status `json:"state"`
		SetStatusOptions
	}{t.state, *t.opts}
	body.Name, body.Ref, body.Pipeline = t.name, place.ref, place.pipeline
	return rest.Once(http.MethodPost, at("projects", place.project, "statuses", commitName(place.sha)), body)
}

// send sends the status. One in another pipeline than meant is an error, since it may be
// shown nowhere.
func (t *statusSetter) send(ctx context.Context, place statusPlace) (*CommitStatus, error) {
	status, err := sendDecode(ctx, t.client, t.call(place), func(ctx context.Context, body []byte) (*CommitStatus, lenient.LeftOut, error) {
		status, left, err := decodeEntity[*CommitStatus](ctx, body)
		if err == nil && status.Name != t.name {
			err = fmt.Errorf("%w: it has the name %q", rest.ErrOther, rest.Shorten(status.Name, rest.MaxTitle))
		}
		return status, left, err
	})
	if err == nil && place.pipeline > 0 && status.PipelineID > 0 && status.PipelineID != place.pipeline {
		return nil, rest.Errorf("%s: %w: the server ignores pipeline_id: the status is in pipeline %d, not in %d",
			setStatusEndpoint, errors.ErrUnsupported, status.PipelineID, place.pipeline)
	}
	return status, err
}

// find returns where the status belongs, and the status if it is there as wanted. After a
// lost response, that is where it was sent first, even if there is a newer pipeline by now.
func (t *statusSetter) find(ctx context.Context) (place statusPlace, status *CommitStatus, err error) {
	if t.lost != nil && t.lostAt.pipeline > 0 {
		if status, err = t.findAt(ctx, t.lostAt); err != nil || status != nil {
			return t.lostAt, status, err
		}
	}
	if place, err = t.place(ctx); err != nil || t.lost != nil && place == t.lostAt && place.pipeline > 0 {
		return place, nil, err
	}
	status, err = t.findAt(ctx, place)
	return place, status, err
}

// findAt returns the status of a place if it is there as wanted.
func (t *statusSetter) findAt(ctx context.Context, place statusPlace) (*CommitStatus, error) {
	if place.pipeline == 0 {
		return nil, nil
	}
	latest, err := t.latest(ctx, place)
	if err != nil {
		return nil, err
	}
	sent := t.lost != nil && (t.lostAt.pipeline == 0 || t.lostAt == place)
	if !sent {
		t.before = latest
	}
	if latest == nil {
		return nil, nil
	}
	// The try may have begun the status, and another program has set it since: it must not begin again.
	overtaken := sent && !t.state.Finished() && (t.before == nil || latest.ID != t.before.ID || latest.Status != t.before.Status)
	if latest.Status == t.state || overtaken {
		return latest, nil
	}
	return nil, nil
}

// latest is the newest status of the name in a pipeline, without jobs of GitLab CI, or nil.
func (t *statusSetter) latest(ctx context.Context, place statusPlace) (newest *CommitStatus, err error) {
	opts := &ListStatusesOptions{ListOptions: ListOptions{PerPage: 100}, Name: t.name, Stage: "external", Pipeline: place.pipeline, Sort: SortDesc}
	page, err := list(ctx, uncheckedPagesAt[*CommitStatus](t.client, statusesPath(place.project, place.sha)), opts)
	if err != nil {
		return nil, err
	}
	for _, one := range page.Items {
		if one.Name == t.name && (one.PipelineID == 0 || one.PipelineID == place.pipeline) && (newest == nil || one.ID > newest.ID) {
			newest = one
		}
	}
	return newest, nil
}

// A statusPlace is where a status belongs. Without a pipeline, GitLab makes one.
type statusPlace struct {
	project  ProjectID
	sha, ref string
	pipeline PipelineID
}

// place finds the pipeline that the status belongs to.
func (t *statusSetter) place(ctx context.Context) (statusPlace, error) {
	place := statusPlace{t.project, t.sha, branchOrTag(t.opts.Ref), t.opts.Pipeline}
	switch {
	case t.opts.MergeRequest > 0:
		return t.mergeRequestPlace(ctx)
	case place.pipeline > 0:
		return place, nil
	}
	opts := &ListPipelinesOptions{ListOptions: ListOptions{PerPage: 20}, SHA: t.sha, Ref: place.ref}
	for p, err := range bounded(pipelinesOf(t.project), all(ctx, t.client, uncheckedPagesAt[*PipelineInfo](t.client, at("projects", t.project, "pipelines")), opts)) {
		if err != nil {
			return place, err
		}
		fits := strings.EqualFold(p.SHA, t.sha) && (place.ref == "" || p.Ref == place.ref) // old servers ignore filters
		if fits && !p.Source.dangling() && !slices.Contains(t.archived, p.ID) {
			place.pipeline = p.ID
			break
		}
	}
	return place, nil
}

// mergeRequestPlace finds the pipeline that a merge request shows for the commit.
func (t *statusSetter) mergeRequestPlace(ctx context.Context) (statusPlace, error) {
	search := &headSearch{client: t.client, project: t.project, iid: t.opts.MergeRequest, parents: map[string][]string{}}
	m, p, err := search.find(ctx, t.sha, func(*PipelineInfo) bool { return true })
	switch {
	case err != nil:
		return statusPlace{}, err
	case p != nil:
		return statusPlace{cmp.Or(p.ProjectID, t.project), p.SHA, "", p.ID}, nil
	case strings.EqualFold(m.SHA, t.sha):
		return statusPlace{cmp.Or(m.SourceProjectID, t.project), t.sha, m.SourceBranch, 0}, nil
	}
	return statusPlace{}, rest.Errorf("%s: %w: %s is not the head of merge request !%d, and has no pipeline there",
		setStatusEndpoint, ErrNotFound, t.sha, t.opts.MergeRequest)
}
