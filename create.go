package gitlabci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
)

// A Variable is a pipeline variable, read from a pipeline or given to a new
// one.
type Variable struct {
	Key          string       `json:"key"`
	Value        string       `json:"value"`                  // may be a secret
	VariableType VariableType `json:"variable_type,omitzero"` // "" is [VariableTypeEnvVar]
	Raw          bool         `json:"raw,omitzero"`           // whether $ in Value is left alone; only read: no endpoint sets it
}

// Variables returns the variables a pipeline was started with.
//
//	GET /projects/:id/pipelines/:pipeline_id/variables
//
// See https://docs.gitlab.com/api/pipelines/#retrieve-pipeline-variables.
// The error matches [ErrNotFound], and [ErrForbidden] if the user is neither a maintainer
// nor the developer who started the pipeline. Values may be secrets: do not log them.
func (s *PipelinesService) Variables(ctx context.Context, project ProjectID, pipeline PipelineID) ([]*Variable, error) {
	page, err := uncheckedPagesAt[*Variable](s.client, at("projects", project, "pipelines", pipeline, "variables"))(ctx, nil)
	if err != nil {
		return nil, err
	}
	return page.Items, nil // GitLab has no pages of them
}

// CreatePipelineOptions are the optional values of a new pipeline. Nil means none.
type CreatePipelineOptions struct {
	// Variables need the right to set them, which a project can deny to all.
	// A variable with Raw is refused, since GitLab would ignore that.
	Variables []*Variable

	// Inputs are values for the configuration's spec:inputs, by name: a string, a
	// boolean, a number of any kind, [json.Number] included, or a slice of these.
	// Others are refused. From GitLab 17.10; older servers ignore them.
	Inputs map[string]any

	// IdempotencyKey makes Create idempotent: if an earlier Create with this key has
	// started a pipeline of the same ref, in this program or another one, Create returns
	// that pipeline. Choose one key for each pipeline wanted, such as "release-1.4.2"; it
	// is no secret, and has 1 to 255 visible ASCII characters other than "$". "" is no key.
	//
	// The key travels as the pipeline variable GITLABCI_IDEMPOTENCY_KEY, so the token must
	// be allowed to set and read pipeline variables. Many projects on GitLab.com allow
	// nobody to set them.
	//
	// Create searches the newest 50 pipelines of the ref that may have been created through
	// the API within the last two hours, by the server's clock. It requests one list, and
	// then the variables of each pipeline that it has not seen yet. A pipeline whose
	// variables the token's owner may not read was started by someone else and does not
	// count; a token without the scope to read any is an error. If a pipeline was created
	// within the last minute and shows no variables at all, Create polls until that minute
	// has passed.
	//
	// If the response to a create is lost, Create polls every 5 seconds for 2 minutes
	// before it retries, as often as [WithRetries] allows. The error matches
	// [ErrOutcomeUnknown], and nothing is retried, if [WithMaxWait] or the context does
	// not allow that long, or if there is a new pipeline whose variables do not show
	// whether it has the key.
	//
	// This is not a lock: two programs that create at the same moment with one
	// key may create two pipelines. A key is found for at least an hour, among the newest
	// 50 pipelines.
	IdempotencyKey string

	// WaitForRef is how long Create retries if GitLab does not know the ref yet. This can
	// last half a minute after a push. Zero means not at all.
	WaitForRef time.Duration
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
	body, err := newCreateBody(ref, opts)
	c := rest.Once(http.MethodPost, at("projects", project, "pipeline"), body)
	c.Err, c.Secrets = cmp.Or(err, c.Err), variableSecrets(opts.Variables)
	if opts.IdempotencyKey != "" && c.Err == nil {
		k := &keyedCreate{service: s, project: project, ref: branchOrTag(ref), key: opts.IdempotencyKey, waitFor: opts.WaitForRef}
		return s.client.rememberPipeline(k.create(ctx, c))
	}
	return s.client.rememberPipeline(s.sendCreate(ctx, c, opts.WaitForRef))
}

// The times between two creates while the ref is not known yet.
const (
	refMinInterval = time.Second
	refMaxInterval = 5 * time.Second
)

// sendCreate creates a pipeline. While GitLab does not know the ref, nothing is created, and
// it tries again until waitFor has passed.
func (s *PipelinesService) sendCreate(ctx context.Context, c *rest.Call, waitFor time.Duration) (*Pipeline, error) {
	begun, interval := time.Now(), refMinInterval
	for try := 1; ; try++ {
		pipeline, err := send[*Pipeline](ctx, s.client, c)
		left := waitFor - time.Since(begun)
		if left <= 0 || !isRefMissing(err) {
			return pipeline, err
		}
		wait := min(interval, left)
		if err := s.client.pause(ctx, c, try, rest.ReasonRetry, wait, err); err != nil {
			return nil, err
		}
		interval = min(interval*3/2, refMaxInterval)
	}
}

// isRefMissing reports whether GitLab has refused a create because it does not know the
// ref.
func isRefMissing(err error) bool {
	e, responded := errors.AsType[*APIError](err)
	return responded && e.Is(ErrInvalid) && !errors.Is(err, ErrOutcomeUnknown) && strings.Contains(strings.ToLower(e.Message), "reference not found")
}

// createPipelineBody is the JSON of a create: CreatePipelineOptions without
// what GitLab does not read.
type createPipelineBody struct {
	Ref       string         `json:"ref"`
	Variables []Variable     `json:"variables,omitzero"`
	Inputs    map[string]any `json:"inputs,omitzero"`
}

func newCreateBody(ref string, opts *CreatePipelineOptions) (*createPipelineBody, error) {
	const where = "CreatePipelineOptions"
	if ref == "" {
		return nil, errors.New("the ref of a new pipeline is empty")
	}
	if opts.WaitForRef < 0 {
		return nil, fmt.Errorf("%s.WaitForRef is %v", where, opts.WaitForRef)
	}
	inputs, err := inputValues(where, opts.Inputs)
	if err := cmp.Or(checkVariables(where, opts.Variables), err, checkKey(opts)); err != nil {
		return nil, err
	}
	body := &createPipelineBody{Ref: ref, Inputs: inputs}
	for _, v := range opts.Variables {
		body.Variables = append(body.Variables, Variable{Key: v.Key, Value: v.Value, VariableType: v.VariableType})
	}
	if opts.IdempotencyKey != "" {
		body.Variables = append(body.Variables, Variable{Key: keyVariable, Value: opts.IdempotencyKey})
	}
	return body, nil
}

// checkVariables returns an error for a variable that GitLab would refuse, or set
// otherwise than it says.
func checkVariables(options string, variables []*Variable) error {
	for i, v := range variables {
		if v == nil || v.Key == "" {
			return fmt.Errorf("%s.Variables[%d] has no key", options, i)
		}
		if v.Raw {
			return fmt.Errorf("%s.Variables[%d] (%s) is Raw, which this endpoint cannot set", options, i, v.Key)
		}
	}
	return nil
}

// inputValues returns inputs as they are written in JSON. GitLab converts what it does
// not expect, or ignores it, so other values than an input can have are an error.
func inputValues(options string, inputs map[string]any) (map[string]any, error) {
	if inputs == nil {
		return nil, nil
	}
	values := make(map[string]any, len(inputs))
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		value, err := inputValue(inputs[name])
		if name == "" {
			err = errors.New("has no name")
		}
		if err != nil {
			return nil, fmt.Errorf("%s.Inputs[%q] %w", options, name, err)
		}
		values[name] = value
	}
	return values, nil
}

// inputValue returns the value of an input as it is written in JSON.
func inputValue(value any) (any, error) {
	v := reflect.ValueOf(value)
	if kind := v.Kind(); kind != reflect.Slice && kind != reflect.Array || v.Type().Elem().Kind() == reflect.Uint8 {
		return inputScalar(value)
	}
	elements := make([]any, v.Len())
	for i := range elements {
		var err error
		elements[i], err = inputScalar(v.Index(i).Interface())
		if err != nil {
			return nil, fmt.Errorf("has an element %d that %w", i, err)
		}
	}
	return elements, nil
}

func inputScalar(value any) (any, error) {
	v := reflect.ValueOf(value)
	number, isNumber := value.(json.Number)
	switch {
	case isNumber && isJSONNumber(string(number)):
		return json.RawMessage(number), nil
	case isNumber, v.CanFloat() && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)):
		return nil, fmt.Errorf("is %q, which is no number in JSON", fmt.Sprint(value))
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return v.Uint(), nil
	case v.Kind() == reflect.Float32:
		return float32(v.Float()), nil
	case v.Kind() == reflect.Float64:
		return v.Float(), nil
	}
	return nil, fmt.Errorf("is of type %T, not a string, a number, a boolean or a slice of these", value)
}

func isJSONNumber(text string) bool {
	return json.Valid([]byte(text)) && strings.Trim(text, "+-.eE0123456789") == ""
}
