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

// TriggersService manages a project's trigger tokens. Anyone with such a token can start
// pipelines in the name of its owner. It is [Client.Triggers]. [PipelinesService.Trigger]
// starts a pipeline.
//
// All methods need the role Maintainer. Job tokens cannot use them.
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
// it, and [ErrForbidden] without the role Maintainer.
func (s *TriggersService) List(ctx context.Context, project ProjectID, opts *ListTriggersOptions) (*Page[Trigger], error) {
	return list(ctx, pagesAt[*Trigger](s.client, at("projects", project, "triggers")), opts)
}

// All ranges over a project's trigger tokens, of which there are usually few.
//
//	GET /projects/:id/triggers
//
// See https://docs.gitlab.com/api/pipeline_triggers/#list-project-trigger-tokens.
// It requests the pages of [TriggersService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
func (s *TriggersService) All(ctx context.Context, project ProjectID, opts *ListTriggersOptions) iter.Seq2[*Trigger, error] {
	return all(ctx, s.client, pagesAt[*Trigger](s.client, at("projects", project, "triggers")), opts)
}

// Get returns one trigger token.
//
//	GET /projects/:id/triggers/:trigger_id
//
// See https://docs.gitlab.com/api/pipeline_triggers/#retrieve-trigger-token-details.
// The error matches [ErrNotFound] if the project or the trigger token does not exist, and
// [ErrForbidden] without the role Maintainer.
func (s *TriggersService) Get(ctx context.Context, project ProjectID, trigger TriggerID) (*Trigger, error) {
	return getOne[*Trigger](ctx, s.client, triggerAt(project, trigger))
}

// CreateTriggerOptions are further values of a new trigger token. Nil makes one that never
// expires.
type CreateTriggerOptions struct {
	// ExpiresAt is when the token expires. Older servers ignore it; then the result has no
	// ExpiresAt.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Create creates a trigger token. Its pipelines have the rights of the client's user.
//
//	POST /projects/:id/triggers
//
// See https://docs.gitlab.com/api/pipeline_triggers/#create-a-trigger-token.
// The error matches [ErrNotFound], [ErrForbidden] without the role Maintainer,
// [ErrInvalid] if GitLab refuses a value, and [ErrOutcomeUnknown] if the response was lost:
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

// UpdateTriggerOptions are the new values of a trigger token.
type UpdateTriggerOptions struct {
	Description string `json:"description"` // required
}

// Update changes the description of a trigger token. Only its owner may do this.
//
//	PUT /projects/:id/triggers/:trigger_id
//
// See https://docs.gitlab.com/api/pipeline_triggers/#update-a-pipeline-trigger-token.
// The error matches [ErrNotFound], [ErrForbidden] if the token belongs to another user,
// [ErrInvalid] if GitLab refuses a value, and [ErrOutcomeUnknown] if every response was
// lost. If GitLab refuses a retry, but the description is as wanted, Update succeeds.
func (s *TriggersService) Update(ctx context.Context, project ProjectID, trigger TriggerID, opts *UpdateTriggerOptions) (*Trigger, error) {
	c := rest.Repeatable(http.MethodPut, at("projects", project, "triggers", trigger), opts)
	if opts == nil || blank(opts.Description) {
		c.Err = errors.New("UpdateTriggerOptions.Description is empty")
	}
	return readBack(ctx, s.client, c, triggerAt(project, trigger), func(now *Trigger) bool {
		return strings.TrimSpace(now.Description) == strings.TrimSpace(opts.Description)
	})
}

// Delete removes a trigger token. It can then no longer start pipelines.
//
//	DELETE /projects/:id/triggers/:trigger_id
//
// See https://docs.gitlab.com/api/pipeline_triggers/#remove-a-pipeline-trigger-token.
// The error matches [ErrNotFound] if the trigger token did not exist, [ErrForbidden]
// without the role Maintainer, and [ErrOutcomeUnknown] if every response was lost.
// If a response is lost, the request is retried. If the token is then gone, Delete succeeds.
func (s *TriggersService) Delete(ctx context.Context, project ProjectID, trigger TriggerID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, at("projects", project, "triggers", trigger), nil))
}

// TriggerPipelineOptions are the variables and inputs of a pipeline that a trigger token or a
// job token starts. Nil means the zero value.
//
// The pipeline of a trigger token has [SourceTrigger], and runs in the name of the token's
// owner. That of a job token has [SourcePipeline], and the job as its upstream. The
// pipeline's file variable TRIGGER_PAYLOAD contains all parameters of the request except the
// token.
type TriggerPipelineOptions struct {
	// Variables need the right of the token's owner to set them; a project can deny it to
	// everybody. Each Key may occur once. A variable with Raw or with another type than
	// [VariableTypeEnvVar] is refused, because triggers do not support it.
	Variables []*Variable

	// Inputs are values for the configuration's spec:inputs; see
	// [CreatePipelineOptions.Inputs].
	Inputs map[string]any

	// WaitForRef is how long Trigger retries if GitLab does not know the ref yet; see
	// [CreatePipelineOptions.WaitForRef].
	WaitForRef time.Duration
}

// Trigger starts a pipeline on ref, a branch or a tag, by a trigger token or the token of a
// running job, CI_JOB_TOKEN. No other token is needed: the client need not have one.
//
//	POST /projects/:id/trigger/pipeline
//
// See https://docs.gitlab.com/api/pipeline_triggers/#trigger-a-pipeline-with-a-token.
// The error matches [ErrNotFound] if the token is wrong, has expired or belongs to another
// project, or if the project is hidden or does not exist: GitLab does not distinguish these.
// It matches [ErrUnauthorized] for the token of a job that is not running, [ErrInvalid] if
// GitLab created no pipeline, and [ErrOutcomeUnknown] if the response was lost: the pipeline
// may exist, and the request is never retried. Errors and logs do not contain the token.
func (s *PipelinesService) Trigger(ctx context.Context, project ProjectID, ref, token string, opts *TriggerPipelineOptions) (*Pipeline, error) {
	opts = cmp.Or(opts, &TriggerPipelineOptions{})
	body, err := newTriggerBody(ref, token, opts)
	c := rest.Once(http.MethodPost, at("projects", project, "trigger", "pipeline"), body)
	c.Err = cmp.Or(c.Err, err, s.client.config.checkClear("the trigger token"))
	c.Secrets = append(variableSecrets(opts.Variables), secret.New(token))
	pipeline, err := s.sendCreate(ctx, c, opts.WaitForRef)
	explainTrigger(err, token)
	return s.client.rememberPipeline(pipeline, err)
}

// explainTrigger adds to a refusal what can be wrong with a trigger token. The client's own
// token has nothing to do with it.
func explainTrigger(err error, token string) {
	e, responded := errors.AsType[*APIError](err)
	switch {
	case !responded || e.storage != "" || e.foreign || e.noRoute:
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

func newTriggerBody(ref, token string, opts *TriggerPipelineOptions) (*triggerPipelineBody, error) {
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
