package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// TriggersService manages a project's trigger tokens, with which others start pipelines in
// the name of the token's owner. It is [Client.Triggers]. [PipelinesService.Trigger] starts
// one.
//
// All methods need a Maintainer. Job tokens cannot use them.
//
// See https://docs.gitlab.com/api/pipeline_triggers/.
type TriggersService struct{ client *Client }

// A TriggerID is a trigger token's number, unique on the whole instance.
type TriggerID int64

// A Trigger is a trigger token of a project.
type Trigger struct {
	ID          TriggerID    `json:"id"`
	Token       TriggerToken `json:"token"` // whole for its owner, and the first four characters for others
	Description string       `json:"description,omitzero"`
	CreatedAt   time.Time    `json:"created_at,omitzero"`
	UpdatedAt   time.Time    `json:"updated_at,omitzero"`
	LastUsed    time.Time    `json:"last_used,omitzero"`
	ExpiresAt   time.Time    `json:"expires_at,omitzero"` // zero is never
	Owner       *User        `json:"owner,omitzero"`
}

// A TriggerToken is the text of a trigger token. It is printed as [REDACTED]; string(t) is
// the text.
type TriggerToken string

// Format writes the same for every verb.
func (TriggerToken) Format(f fmt.State, verb rune) { secret.New("").Format(f, verb) }

// LogValue is what log/slog writes.
func (TriggerToken) LogValue() slog.Value { return secret.New("").LogValue() }

// ListTriggersOptions choose a page of trigger tokens. Nil is the first one.
type ListTriggersOptions struct{ ListOptions }

// List returns one page of a project's trigger tokens.
//
//	GET /projects/:id/triggers
//
// See https://docs.gitlab.com/api/pipeline_triggers/#list-project-trigger-tokens.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, and [ErrForbidden] without the rights of a Maintainer.
func (s *TriggersService) List(ctx context.Context, project ProjectID, opts *ListTriggersOptions) (*Page[Trigger], error) {
	return list(ctx, pagesAt[*Trigger](s.client, at("projects", project, "triggers")), opts)
}

// All ranges over a project's trigger tokens, of which there are usually few.
//
//	GET /projects/:id/triggers
//
// See https://docs.gitlab.com/api/pipeline_triggers/#list-project-trigger-tokens.
// It requests the pages of [TriggersService.List] with the same options and errors, by
// default of 100 items. An error ends the loop; that of a page is a [PageError].
func (s *TriggersService) All(ctx context.Context, project ProjectID, opts *ListTriggersOptions) iter.Seq2[*Trigger, error] {
	return all(ctx, s.client, pagesAt[*Trigger](s.client, at("projects", project, "triggers")), opts)
}

// Get returns one trigger token.
//
//	GET /projects/:id/triggers/:trigger_id
//
// See https://docs.gitlab.com/api/pipeline_triggers/#retrieve-trigger-token-details.
// The error matches [ErrNotFound] if the project or the trigger token does not exist, and
// [ErrForbidden] without the rights of a Maintainer.
func (s *TriggersService) Get(ctx context.Context, project ProjectID, trigger TriggerID) (*Trigger, error) {
	return getOne[*Trigger](ctx, s.client, triggerAt(project, trigger))
}

// CreateTriggerOptions say more about a new trigger token. Nil is one that never expires.
type CreateTriggerOptions struct {
	// ExpiresAt is when the token ends. Older servers ignore it, which the ExpiresAt of the
	// result shows.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Create makes a trigger token of the client's user, whose rights its pipelines have.
//
//	POST /projects/:id/triggers
//
// See https://docs.gitlab.com/api/pipeline_triggers/#create-a-trigger-token.
// The error matches [ErrNotFound], [ErrForbidden] without the rights of a Maintainer,
// [ErrInvalid] for what GitLab refuses, and [ErrOutcomeUnknown] if the response was lost:
// the request is never retried.
func (s *TriggersService) Create(ctx context.Context, project ProjectID, description string, opts *CreateTriggerOptions) (*Trigger, error) {
	body := struct {
		Description string `json:"description"`
		CreateTriggerOptions
	}{description, *cmp.Or(opts, &CreateTriggerOptions{})}
	c := rest.Once(http.MethodPost, at("projects", project, "triggers"), body)
	if blank(description) {
		c.Err = cmp.Or(c.Err, errors.New("the description of a new trigger token is empty"))
	}
	return send[*Trigger](ctx, s.client, c)
}

// UpdateTriggerOptions are what a trigger token is changed to.
type UpdateTriggerOptions struct {
	Description string `json:"description"` // required
}

// Update changes the description of a trigger token. Only its owner may.
//
//	PUT /projects/:id/triggers/:trigger_id
//
// See https://docs.gitlab.com/api/pipeline_triggers/#update-a-pipeline-trigger-token.
// The error matches [ErrNotFound], [ErrForbidden] if the token belongs to another user,
// [ErrInvalid] for what GitLab refuses, and [ErrOutcomeUnknown] if every response was
// lost. A refusal after a lost response counts only if the description is not as wanted.
func (s *TriggersService) Update(ctx context.Context, project ProjectID, trigger TriggerID, opts *UpdateTriggerOptions) (*Trigger, error) {
	c := rest.Repeatable(http.MethodPut, at("projects", project, "triggers", trigger), opts)
	if opts == nil || blank(opts.Description) {
		c.Err = errors.New("UpdateTriggerOptions.Description is empty")
	}
	return readBack(ctx, s.client, c, triggerAt(project, trigger), func(now *Trigger) bool {
		return strings.TrimSpace(now.Description) == strings.TrimSpace(opts.Description)
	})
}

// Delete removes a trigger token, which then starts no pipeline.
//
//	DELETE /projects/:id/triggers/:trigger_id
//
// See https://docs.gitlab.com/api/pipeline_triggers/#remove-a-pipeline-trigger-token.
// The error matches [ErrNotFound] if the trigger token was gone before, [ErrForbidden]
// without the rights of a Maintainer, and [ErrOutcomeUnknown] if every response was lost.
// If a response is lost, the request is retried; that the token is gone by then is success.
func (s *TriggersService) Delete(ctx context.Context, project ProjectID, trigger TriggerID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, at("projects", project, "triggers", trigger), nil))
}

func triggerAt(project ProjectID, trigger TriggerID) target {
	return target{at("projects", project, "triggers", trigger), int64(trigger)}
}

// TriggerPipelineOptions are what a pipeline is given that a trigger token or a job token
// starts. Nil gives nothing.
//
// The pipeline of a trigger token has [SourceTrigger], and runs in the name of the token's
// owner. That of a job token has [SourcePipeline], and the job as its upstream. All
// parameters of the request but the token are in the pipeline's file variable
// TRIGGER_PAYLOAD as well.
type TriggerPipelineOptions struct {
	// Variables need the right of the token's owner to set them, which a project can deny
	// to all. Each Key is there once. A variable with Raw or of another type than
	// [VariableTypeEnvVar] is refused: a trigger has none.
	Variables []*Variable

	// Inputs are values for the configuration's spec:inputs; see
	// [CreatePipelineOptions.Inputs].
	Inputs map[string]any

	// WaitForRef is for how long Trigger retries if GitLab does not know the ref yet; see
	// [CreatePipelineOptions.WaitForRef].
	WaitForRef time.Duration
}

// Trigger starts a pipeline on ref, a branch or a tag, by a trigger token or the token of a
// running job, CI_JOB_TOKEN. No other token is needed: the client can have none.
//
//	POST /projects/:id/trigger/pipeline
//
// See https://docs.gitlab.com/api/pipeline_triggers/#trigger-a-pipeline-with-a-token.
// The error matches [ErrNotFound] for a token that is wrong or has expired, one of another
// project, and a project that is hidden or does not exist: GitLab does not distinguish
// these. It matches [ErrUnauthorized] for the token of a job that is not running,
// [ErrInvalid] if GitLab made no pipeline, and [ErrOutcomeUnknown] if the response was lost:
// the pipeline may exist, and the request is never retried. The token is not in errors and
// logs.
func (s *PipelinesService) Trigger(ctx context.Context, project ProjectID, ref, token string, opts *TriggerPipelineOptions) (*Pipeline, error) {
	opts = cmp.Or(opts, &TriggerPipelineOptions{})
	body, err := triggeredPipeline(ref, token, opts)
	c := rest.Once(http.MethodPost, at("projects", project, "trigger", "pipeline"), body)
	c.Err = cmp.Or(c.Err, err, s.client.config.checkClear("the trigger token"))
	c.Secrets = append(secretsOf(opts.Variables), secret.New(token))
	pipeline, err := s.sendCreate(ctx, c, opts.WaitForRef)
	explainTrigger(err, token)
	return s.client.newPipeline(pipeline, err)
}

// explainTrigger adds to a refusal what can be wrong with a trigger token. The client's own
// token has nothing to do with it.
func explainTrigger(err error, token string) {
	e, answered := errors.AsType[*APIError](err)
	switch {
	case !answered || e.storage != "" || e.foreign || e.noRoute:
	case e.Is(ErrUnauthorized):
		e.hint = "a job token is valid only while its job is running"
	case e.Is(ErrNotFound) && strings.HasPrefix(token, "glpat-"):
		e.hint = "the token is an access token, which does not trigger pipelines; TriggersService.Create makes one that does"
	case e.Is(ErrNotFound):
		e.hint = "the trigger token is wrong or of another project, or the project is hidden from its owner: GitLab does not distinguish these"
	}
}

// triggerPipelineBody is the JSON of a trigger.
type triggerPipelineBody struct {
	Token     string            `json:"token"`
	Ref       string            `json:"ref"`
	Variables map[string]string `json:"variables,omitzero"`
	Inputs    map[string]any    `json:"inputs,omitzero"`
}

func triggeredPipeline(ref, token string, opts *TriggerPipelineOptions) (*triggerPipelineBody, error) {
	const where = "TriggerPipelineOptions"
	if err := checkToken(token); err != nil {
		return nil, fmt.Errorf("the trigger token: %w", err)
	}
	if blank(ref) {
		return nil, errors.New("the ref of a new pipeline is empty")
	}
	if opts.WaitForRef < 0 {
		return nil, fmt.Errorf("%s.WaitForRef is %v", where, opts.WaitForRef)
	}
	inputs, err := inputValues(where, opts.Inputs)
	if err := cmp.Or(checkVariables(where, opts.Variables), err); err != nil {
		return nil, err
	}
	body := &triggerPipelineBody{Token: token, Ref: ref, Inputs: inputs}
	for i, v := range opts.Variables {
		if _, twice := body.Variables[v.Key]; twice {
			return nil, fmt.Errorf("%s.Variables[%d] has the key %s, which another one has", where, i, v.Key)
		}
		if v.VariableType != "" && v.VariableType != VariableTypeEnvVar {
			return nil, fmt.Errorf("%s.Variables[%d] (%s) has the type %q, which this endpoint cannot set", where, i, v.Key, v.VariableType)
		}
		if body.Variables == nil {
			body.Variables = map[string]string{}
		}
		body.Variables[v.Key] = v.Value
	}
	return body, nil
}
