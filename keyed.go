package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/poll"
	"example.com/gitlabci/internal/rest"
)

const (
	keyVariable      = "GITLABCI_IDEMPOTENCY_KEY"
	maxKeyLength     = 255
	maxKeyCandidates = 50            // pipelines that are searched
	maxKeyPages      = 5             // of the list of them
	maxKeyAge        = 2 * time.Hour // of the oldest of them; the clock that dates responses may be an hour off
	keyInterval      = 5 * time.Second
	keyGiveUpAfter   = 2 * time.Minute // until the last search begins
)

// errNoPipeline is a search that found nothing.
var errNoPipeline = errors.New("no pipeline has the key")

// A doubtError is a search that found a pipeline which may have the key.
type doubtError struct{ id PipelineID }

func (e doubtError) Error() string {
	return fmt.Sprintf("pipeline %d may have the key: its variables cannot be seen", e.id)
}

// A keyedCreate makes the pipeline of an idempotency key, or finds it.
type keyedCreate struct {
	service *PipelinesService
	project ProjectID
	ref     string
	key     string
	waitFor time.Duration // for the ref

	sent      bool       // whether a create may have been executed
	newest    PipelineID // of those listed before that
	skew      time.Duration
	rejected  map[PipelineID]bool      // known not to have the key: variables never change
	firstSeen map[PipelineID]time.Time // when candidates were listed first
}

func (k *keyedCreate) create(ctx context.Context, c *rest.Call) (*Pipeline, error) {
	k.rejected, k.firstSeen = map[PipelineID]bool{}, map[PipelineID]time.Time{}
	wire := k.service.client.wire
	if err := wire.Check(ctx, c); err != nil { // before anything else is sent
		return nil, err
	}
	pipeline, err := k.findBefore(ctx, c)
	if !errors.Is(err, errNoPipeline) {
		return pipeline, err
	}
	for try := 1; ; try++ {
		pipeline, err := k.service.sendCreate(ctx, c, k.waitFor)
		if !errors.Is(err, ErrOutcomeUnknown) {
			return pipeline, explainKey(err)
		}
		k.sent = true
		pipeline, searchErr := k.search(ctx, c, try)
		switch {
		case searchErr == nil:
			return pipeline, nil
		case !errors.Is(searchErr, errNoPipeline):
			return nil, rest.Errorf("%w (then, searching for the pipeline: %w)", err, searchErr)
		case try >= wire.Config().Tries:
			return nil, err
		}
	}
}

// findBefore searches before anything is sent. If a pipeline was created a moment ago,
// perhaps by a program that ended before it got the response, a replica of GitLab's
// database may not have its variables yet.
func (k *keyedCreate) findBefore(ctx context.Context, c *rest.Call) (*Pipeline, error) {
	for {
		pipeline, err := k.find(ctx)
		if _, inDoubt := errors.AsType[doubtError](err); !inDoubt {
			return pipeline, err
		}
		if waitErr := k.wait(ctx, c, 1); waitErr != nil {
			return nil, rest.NotSent(rest.Errorf("%s: nothing was sent: %w: %w", c.Endpoint(), err, waitErr))
		}
	}
}

// search polls for the pipeline of a create whose response was lost: GitLab may
// still be making it. Only the last search decides that there is none.
func (k *keyedCreate) search(ctx context.Context, c *rest.Call, try int) (pipeline *Pipeline, err error) {
	for begun := time.Now(); time.Since(begun) < keyGiveUpAfter; {
		if err := k.wait(ctx, c, try); err != nil {
			return nil, err
		}
		if pipeline, err = k.find(ctx); err == nil || ctx.Err() != nil {
			return pipeline, err
		}
	}
	return nil, err
}

// wait waits until the next search.
func (k *keyedCreate) wait(ctx context.Context, c *rest.Call, try int) error {
	wire := k.service.client.wire
	if !wire.Config().MayWait(ctx, keyInterval) {
		return fmt.Errorf("a wait of %v is longer than WithMaxWait or the context allows", keyInterval)
	}
	wire.Announce(ctx, c, try, rest.ReasonRetry, keyInterval)
	return rest.Sleep(ctx, keyInterval)
}

// find searches once. Its error is errNoPipeline if no candidate has the key, and a
// doubtError if one may have it.
func (k *keyedCreate) find(ctx context.Context) (*Pipeline, error) {
	candidates, err := k.candidates(ctx)
	if err != nil {
		return nil, err
	}
	err = errNoPipeline
	for _, candidate := range candidates {
		if k.rejected[candidate.ID] {
			continue
		}
		verdict, failure := k.readKey(ctx, candidate)
		switch {
		case failure != nil:
			return nil, failure
		case verdict == hasKey:
			return k.service.Get(ctx, k.project, candidate.ID)
		case verdict == mayHaveKey && err == errNoPipeline:
			err = doubtError{candidate.ID}
		case verdict == otherKey:
			k.rejected[candidate.ID] = true
		}
	}
	return nil, err
}

// A keyVerdict is what the variables of a pipeline say about its key.
type keyVerdict int

const (
	noVerdict keyVerdict = iota // they were not found: the pipeline was deleted
	hasKey
	otherKey
	mayHaveKey
)

// readKey reads the variables of a candidate. A keyed pipeline always has one, and all of
// its variables are saved in one step: if there are some, they are complete.
func (k *keyedCreate) readKey(ctx context.Context, p *PipelineInfo) (keyVerdict, error) {
	variables, err := k.service.Variables(ctx, k.project, p.ID)
	e, responded := errors.AsType[*APIError](err)
	fresh := k.isFresh(p)
	switch {
	case err == nil && slices.ContainsFunc(variables, k.isKey):
		return hasKey, nil
	case err == nil && len(variables) > 0:
		return otherKey, nil
	case fresh && (err == nil || responded && e.gone()), k.isNew(p) && responded && e.notYours():
		return mayHaveKey, nil
	case err == nil, responded && e.notYours():
		return otherKey, nil
	case responded && e.gone():
		return noVerdict, nil
	}
	return noVerdict, err
}

// isNew reports whether a pipeline can be that of a create whose response was lost.
func (k *keyedCreate) isNew(p *PipelineInfo) bool { return k.sent && p.ID > k.newest }

// isFresh reports whether a replica may still lack the variables of a pipeline.
func (k *keyedCreate) isFresh(p *PipelineInfo) bool {
	if k.isNew(p) {
		return true // so a server that never shows them is no reason to create another one
	}
	if k.firstSeen[p.ID].IsZero() {
		k.firstSeen[p.ID] = time.Now()
	}
	created := p.CreatedAt.Add(-k.skew) // by our clock
	return !p.CreatedAt.IsZero() && time.Since(created) < poll.LongestLag && time.Since(k.firstSeen[p.ID]) < poll.LongestLag
}

// notYours reports whether GitLab refuses this one object to the token's owner. A
// token without the scope, or a proxy's refusal, says nothing about the object.
func (e *APIError) notYours() bool {
	return e.Is(ErrForbidden) && !e.foreign && !strings.HasPrefix(e.Message, "insufficient_")
}

func (k *keyedCreate) isKey(v *Variable) bool { return v.Key == keyVariable && v.Value == k.key }

// candidates lists the pipelines that may have the key, newest first.
func (k *keyedCreate) candidates(ctx context.Context) (candidates []*PipelineInfo, err error) {
	query := url.Values{"ref": {k.ref}, "per_page": {"100"}}
	for range maxKeyPages {
		page, err := k.page(ctx, query)
		if err != nil {
			return nil, err
		}
		old := false
		for _, p := range page.Items {
			old = k.isOld(p)
			if len(candidates) < maxKeyCandidates && k.isCandidate(p) {
				candidates = append(candidates, p)
			}
			if !k.sent {
				k.newest = max(k.newest, p.ID)
			}
		}
		if old || page.Next == "" || len(candidates) == maxKeyCandidates {
			break
		}
		if query, err = pages.Query(page.Next); err != nil {
			return nil, err
		}
	}
	return candidates, nil
}

// page reads one page of the ref's pipelines, and the server's clock, by which their age is
// computed: our clock may be wrong.
func (k *keyedCreate) page(ctx context.Context, query url.Values) (page *pages.Page[*PipelineInfo], err error) {
	list := rest.Read(at("projects", k.project, "pipelines"), query)
	err = k.service.client.fetch(ctx, list, func(header http.Header, body []byte) (lenient.LeftOut, error) {
		items, left, err := lenient.List[*PipelineInfo](ctx, body)
		for _, p := range items {
			err = cmp.Or(err, checkEntity(p))
		}
		if err != nil {
			return left, err
		}
		k.skew = time.Until(rest.ServerTime(header))
		page, err = pages.New(items, header, query)
		return left, err
	})
	return page, err
}

// isCandidate reports whether a pipeline may have the key, as far as the list shows.
// Servers before GitLab 14.3 do not list the source of a pipeline, and older ones not
// even its age.
func (k *keyedCreate) isCandidate(p *PipelineInfo) bool {
	return (p.Ref == k.ref || p.Ref == "") && p.Source.mayBeCreate() && (k.isNew(p) || !k.isOld(p))
}

func (k *keyedCreate) isOld(p *PipelineInfo) bool {
	return !p.CreatedAt.IsZero() && time.Since(p.CreatedAt.Add(-k.skew)) > maxKeyAge
}

// mayBeCreate reports whether a pipeline of this source can be one that an API call
// created.
func (s Source) mayBeCreate() bool {
	switch s {
	case SourcePush, SourceWeb, SourceSchedule, SourceExternal, SourceChat, SourceMergeRequestEvent, SourceExternalPullRequestEvent:
		return false
	}
	return !s.dangling()
}

// explainKey adds to a refusal of pipeline variables why one was sent.
func explainKey(err error) error {
	e, responded := errors.AsType[*APIError](err)
	if !responded || !e.Is(ErrInvalid) || !strings.Contains(strings.ToLower(e.Message), "pipeline variables") {
		return err
	}
	return fmt.Errorf("%w. CreatePipelineOptions.IdempotencyKey travels as the pipeline variable %s, which the token must be allowed to set", err, keyVariable)
}

// checkKey finds keys that GitLab might not give back as they were: "$" begins
// the name of another variable.
func checkKey(opts *CreatePipelineOptions) error {
	switch key := opts.IdempotencyKey; {
	case key == "":
		return nil
	case len(key) > maxKeyLength:
		return fmt.Errorf("CreatePipelineOptions.IdempotencyKey has more than %d characters", maxKeyLength)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '$' }):
		return errors.New(`CreatePipelineOptions.IdempotencyKey has a space, a "$", or another character than those of visible ASCII`)
	case slices.ContainsFunc(opts.Variables, func(v *Variable) bool { return v != nil && v.Key == keyVariable }):
		return fmt.Errorf("CreatePipelineOptions.Variables has %s, which IdempotencyKey sets", keyVariable)
	}
	return nil
}
