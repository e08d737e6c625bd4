package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
)

const (
	keyVariable   = "GITLABCI_IDEMPOTENCY_KEY"
	keyLength     = 255
	keyCandidates = 50        // pipelines that are searched
	keyAge        = time.Hour // of the oldest of them
	keyInterval   = 5 * time.Second
	keyPatience   = 2 * time.Minute // until the last search begins
)

// errNoPipeline is a search that found nothing.
var errNoPipeline = errors.New("no pipeline has the key")

// A keyedCreate makes the pipeline of an idempotency key, or finds it.
type keyedCreate struct {
	service *PipelinesService
	project ProjectID
	ref     string
	key     string
	others  map[PipelineID]bool // known not to have the key: variables never change
}

func (s *PipelinesService) createKeyed(ctx context.Context, project ProjectID, c *rest.Call, ref, key string) (*Pipeline, error) {
	k := &keyedCreate{service: s, project: project, ref: branchOrTag(ref), key: key, others: map[PipelineID]bool{}}
	if _, err := s.client.wire.Request(ctx, c); err != nil { // before anything else is sent
		return nil, err
	}
	pipeline, err := k.find(ctx)
	if !errors.Is(err, errNoPipeline) {
		return pipeline, err
	}
	for try := 1; ; try++ {
		pipeline, err := send[*Pipeline](ctx, s.client, c)
		if !errors.Is(err, ErrOutcomeUnknown) {
			return pipeline, explainKey(err)
		}
		pipeline, searchErr := k.search(ctx, c, try)
		switch {
		case searchErr == nil:
			return pipeline, nil
		case !errors.Is(searchErr, errNoPipeline):
			return nil, fmt.Errorf("%w (then, looking for the pipeline: %w)", err, searchErr)
		case try >= s.client.wire.Config().Tries:
			return nil, err
		}
	}
}

// search polls for the pipeline of a create whose response was lost: GitLab may
// still be making it. Only the last search decides that there is none.
func (k *keyedCreate) search(ctx context.Context, c *rest.Call, try int) (pipeline *Pipeline, err error) {
	wire := k.service.client.wire
	for begun := time.Now(); time.Since(begun) < keyPatience; {
		if !wire.Config().MayWait(ctx, keyInterval) {
			return nil, fmt.Errorf("a wait of %v is longer than WithMaxWait or the context allows", keyInterval)
		}
		wire.Announce(ctx, c, try, rest.ReasonRetry, keyInterval)
		if err := rest.Sleep(ctx, keyInterval); err != nil {
			return nil, err
		}
		if pipeline, err = k.find(ctx); err == nil || ctx.Err() != nil {
			return pipeline, err
		}
	}
	return nil, err
}

// find searches once. Its error is errNoPipeline if no candidate has the key.
func (k *keyedCreate) find(ctx context.Context) (*Pipeline, error) {
	candidates, err := k.candidates(ctx)
	if err != nil {
		return nil, err
	}
	for _, candidate := range candidates {
		if k.others[candidate.ID] {
			continue
		}
		variables, err := k.service.Variables(ctx, k.project, candidate.ID)
		e, answered := errors.AsType[*APIError](err)
		switch {
		case answered && e.gone(): // deleted by now, or a replica of GitLab's does not have it yet
			continue
		case answered && e.notYours():
		case err != nil:
			return nil, err
		case slices.ContainsFunc(variables, k.isKey):
			return k.service.Get(ctx, k.project, candidate.ID)
		}
		k.others[candidate.ID] = true
	}
	return nil, errNoPipeline
}

// notYours reports whether GitLab refuses this one object to the token's owner. A
// token without the scope, or a proxy's refusal, says nothing about the object.
func (e *APIError) notYours() bool {
	return e.Is(ErrForbidden) && !e.foreign && !strings.HasPrefix(e.Message, "insufficient_")
}

func (k *keyedCreate) isKey(v *Variable) bool { return v.Key == keyVariable && v.Value == k.key }

// candidates lists the pipelines that may have the key, newest first. How old
// they are is the server's to say: our clock may be wrong.
func (k *keyedCreate) candidates(ctx context.Context) (recent []*PipelineInfo, err error) {
	query := url.Values{"ref": {k.ref}, "source": {string(SourceAPI)}, "per_page": {strconv.Itoa(keyCandidates)}}
	list := rest.Read(at("projects", k.project, "pipelines"), query)
	err = k.service.client.fetch(ctx, list, func(header http.Header, body []byte) error {
		pipelines, _, err := lenient.List[*PipelineInfo](body)
		for _, p := range pipelines {
			err = cmp.Or(err, checkThing(p))
		}
		oldest := rest.ServerTime(header).Add(-keyAge)
		recent = slices.DeleteFunc(pipelines, func(p *PipelineInfo) bool {
			return p.CreatedAt.Before(oldest) || p.Source != SourceAPI
		})
		return err
	})
	return recent, err
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

// explainKey adds to a refusal of pipeline variables why one was sent.
func explainKey(err error) error {
	e, answered := errors.AsType[*APIError](err)
	if !answered || !e.Is(ErrInvalid) || !strings.Contains(strings.ToLower(e.Message), "pipeline variables") {
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
	case len(key) > keyLength:
		return fmt.Errorf("CreatePipelineOptions.IdempotencyKey has more than %d characters", keyLength)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '$' }):
		return errors.New(`CreatePipelineOptions.IdempotencyKey has a space, a "$", or another character than those of visible ASCII`)
	case slices.ContainsFunc(opts.Variables, func(v *Variable) bool { return v != nil && v.Key == keyVariable }):
		return fmt.Errorf("CreatePipelineOptions.Variables has %s, which IdempotencyKey sets", keyVariable)
	}
	return nil
}
