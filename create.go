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
	"example.com/gitlabci/internal/secret"
)

// A Variable is a pipeline variable, read from a pipeline or given to a new
// one.
type Variable struct {
	Key          string       `json:"key"`
	Value        string       `json:"value"`                  // may be a secret
	VariableType VariableType `json:"variable_type,omitzero"` // "" is [VariableTypeEnvVar]
	Raw          bool         `json:"raw,omitzero"`           // whether $ in Value is left alone; only read
}

// Variables returns the variables a pipeline was started with.
//
//	GET /projects/:id/pipelines/:pipeline_id/variables
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-pipeline-variables.
// The error matches [ErrNotFound], and [ErrForbidden] for whoever is neither a
// maintainer nor the developer who started the pipeline.
// Values may be secrets: do not log them.
func (s *PipelinesService) Variables(ctx context.Context, project ProjectID, pipeline PipelineID) ([]*Variable, error) {
	page, err := uncheckedPagesAt[*Variable](s.client, at("projects", project, "pipelines", pipeline, "variables"))(ctx, nil)
	if err != nil {
		return nil, err
	}
	return page.Items, nil // GitLab has no pages of them
}

// CreatePipelineOptions are what a new pipeline is given. Nil gives nothing.
type CreatePipelineOptions struct {
	// Variables need the right to set them, which a project can deny to all.
	// Raw is ignored.
	Variables []*Variable

	// Inputs are values for the configuration's spec:inputs, by name: a
	// string, a number, a boolean, or a slice of these. From GitLab 17.10;
	// older servers ignore them.
	Inputs map[string]any

	// IdempotencyKey makes Create find what it would make again: a pipeline
	// of the same ref that an earlier Create with this key has started, in
	// this program or another one, is returned instead. Choose one key for
	// each pipeline wanted, such as "release-1.4.2"; it is no secret, and has
	// 1 to 255 visible ASCII characters other than "$". "" is no key.
	//
	// The key travels as the pipeline variable GITLABCI_IDEMPOTENCY_KEY, so
	// the token must be allowed to set pipeline variables, which many projects
	// on GitLab.com allow nobody, and to read them.
	//
	// Create searches the newest 50 pipelines of the ref that were created through
	// the API within the last hour: one list, then one request for the variables of
	// each pipeline that it has not seen yet. A pipeline whose variables the token's
	// owner may not read was started by somebody else and does not count; a token
	// without the scope to read any is an error. If the response to a create is
	// lost, Create polls every 5 seconds for 2 minutes before it retries, as often
	// as [WithRetries] allows. If [WithMaxWait] or the context does not allow that
	// long, the error is [ErrOutcomeUnknown].
	//
	// This is not a lock: two programs that create at the same moment with one
	// key may make two pipelines. A key is found for an hour, and among 50
	// pipelines.
	IdempotencyKey string
}

// Create starts a pipeline on ref, a branch or a tag. A "[skip ci]" in the
// commit's message does not stop it.
//
//	POST /projects/:id/pipeline
//
// See https://docs.gitlab.com/api/pipelines/#create-a-new-pipeline.
// The error matches [ErrInvalid] if GitLab made no pipeline, for instance for
// an unknown ref, an invalid configuration, or rules that leave no job; its
// message says which. It matches [ErrNotFound], [ErrForbidden] without the
// right to run pipelines, and [ErrOutcomeUnknown] if the response was lost: the
// pipeline may exist, and the request is never retried. With an IdempotencyKey,
// Create searches for the pipeline, and retries if there is none.
func (s *PipelinesService) Create(ctx context.Context, project ProjectID, ref string, opts *CreatePipelineOptions) (*Pipeline, error) {
	opts = cmp.Or(opts, &CreatePipelineOptions{})
	body, err := newPipeline(ref, opts)
	c := rest.Once(http.MethodPost, at("projects", project, "pipeline"), body)
	c.Err, c.Secrets = cmp.Or(err, c.Err), secretsOf(opts.Variables)
	if opts.IdempotencyKey != "" && c.Err == nil {
		return s.createKeyed(ctx, project, c, ref, opts.IdempotencyKey)
	}
	return send[*Pipeline](ctx, s.client, c)
}

// createPipelineBody is the JSON of a create: CreatePipelineOptions without
// what GitLab does not read.
type createPipelineBody struct {
	Ref       string         `json:"ref"`
	Variables []Variable     `json:"variables,omitzero"`
	Inputs    map[string]any `json:"inputs,omitzero"`
}

func newPipeline(ref string, opts *CreatePipelineOptions) (*createPipelineBody, error) {
	if ref == "" {
		return nil, errors.New("the ref of a new pipeline is empty")
	}
	if err := cmp.Or(checkVariables("CreatePipelineOptions", opts.Variables), checkKey(opts)); err != nil {
		return nil, err
	}
	body := &createPipelineBody{Ref: ref, Inputs: opts.Inputs}
	for _, v := range opts.Variables {
		body.Variables = append(body.Variables, Variable{Key: v.Key, Value: v.Value, VariableType: v.VariableType})
	}
	if opts.IdempotencyKey != "" {
		body.Variables = append(body.Variables, Variable{Key: keyVariable, Value: opts.IdempotencyKey})
	}
	return body, nil
}

func checkVariables(options string, variables []*Variable) error {
	for i, v := range variables {
		if v == nil || v.Key == "" {
			return fmt.Errorf("%s.Variables[%d] has no key", options, i)
		}
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// shortestSecret is how long a line of a variable's value must be to be redacted
// in texts. Redacting "1" or "main" would make them unreadable.
const shortestSecret = 8

// secretsOf are the values of variables line by line, since the lines of a
// message are joined before it is printed.
func secretsOf(variables []*Variable) []secret.Value {
	var secrets []secret.Value
	for _, v := range variables {
		if v == nil { // refused elsewhere
			continue
		}
		for line := range strings.Lines(v.Value) {
			if line = strings.TrimSpace(line); len(line) >= shortestSecret {
				secrets = append(secrets, secret.New(line))
			}
		}
	}
	return secrets
}

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
