package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// A Variable is a pipeline variable, read from a pipeline or given to a new
// one.
type Variable struct {
	Key          string       `json:"key"`
	Value        string       `json:"value"`                  // may be a secret
	VariableType VariableType `json:"variable_type,omitzero"` // "" is [VariableEnvVar]
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
	return getAll[Variable](ctx, s.client, at("projects", project, "pipelines", pipeline, "variables"))
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
// right to run pipelines, and [ErrOutcomeUnknown] if the answer was lost: the
// pipeline may exist, and is never asked for twice.
func (s *PipelinesService) Create(ctx context.Context, project ProjectID, ref string, opts *CreatePipelineOptions) (*Pipeline, error) {
	body, err := newPipeline(ref, opts)
	c := once(http.MethodPost, at("projects", project, "pipeline"), body)
	if err != nil {
		c.err = err
	}
	return send[Pipeline](ctx, s.client, c)
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
	body := &createPipelineBody{Ref: ref}
	if opts == nil {
		return body, nil
	}
	if err := checkVariables("CreatePipelineOptions", opts.Variables); err != nil {
		return nil, err
	}
	for _, v := range opts.Variables {
		body.Variables = append(body.Variables, Variable{Key: v.Key, Value: v.Value, VariableType: v.VariableType})
	}
	body.Inputs = opts.Inputs
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
