package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"example.com/gitlabci/internal/rest"
)

// CancelJobOptions say how a job is canceled. Nil means the zero value.
type CancelJobOptions struct {
	// Force ends a job that is canceling already, without waiting for its
	// runner. Only a maintainer may do this. It has no effect on other jobs.
	Force bool `json:"force,omitzero"`
}

// Cancel cancels a job. A finished one stays as it is, without an error:
// compare the Status returned.
//
//	POST /projects/:id/jobs/:job_id/cancel
//
// See https://docs.gitlab.com/api/jobs/#cancel-a-job.
// The error matches [ErrNotFound], for trigger jobs too, and [ErrForbidden]
// without the right to cancel. If the response is lost, the request is
// retried, three attempts in all, since it is idempotent. A refusal then counts only if the
// job is not canceled. The error matches [ErrOutcomeUnknown] after such a refusal, and if
// all responses were lost. A running job is [StatusCanceling] first if its runner can end
// it gracefully.
func (s *JobsService) Cancel(ctx context.Context, project ProjectID, job JobID, opts *CancelJobOptions) (*Job, error) {
	if opts != nil && !opts.Force {
		opts = nil
	}
	c := rest.Repeatable(http.MethodPost, at("projects", project, "jobs", job, "cancel"), bodyOf(opts))
	c.Tries = 3
	return readBack(ctx, s.client, c, jobAt(project, job), func(now *Job) bool {
		return now.Status.Finished() || now.Status == StatusCanceling && opts == nil
	})
}

// RetryJobOptions are what a retried job is given. Nil gives nothing new.
type RetryJobOptions struct {
	// Inputs are values for the job's inputs, by name, such as those of
	// [CreatePipelineOptions]. From GitLab 18.10; older servers ignore them.
	Inputs map[string]any
}

// Retry runs a finished job again and returns the new job, which has another
// ID. The old one stays readable and is superseded. Trigger jobs can be
// retried too, from GitLab 17.0, and are returned as a [Job].
//
//	POST /projects/:id/jobs/:job_id/retry
//
// See https://docs.gitlab.com/api/jobs/#retry-a-job.
// The error matches [ErrNotFound], [ErrForbidden] if the job may not be retried:
// it is not finished, was retried already, is archived, or the token lacks the right;
// [ErrInvalid] for unknown inputs; and [ErrOutcomeUnknown] if the response was lost: the
// request is never retried.
func (s *JobsService) Retry(ctx context.Context, project ProjectID, job JobID, opts *RetryJobOptions) (*Job, error) {
	var inputs *retryJobBody
	var err error
	if opts != nil && len(opts.Inputs) > 0 {
		var values map[string]any
		values, err = inputValues("RetryJobOptions", opts.Inputs)
		inputs = &retryJobBody{values, values}
	}
	c := rest.Once(http.MethodPost, at("projects", project, "jobs", job, "retry"), bodyOf(inputs))
	c.Err = cmp.Or(err, c.Err)
	return s.client.rememberJob(send[*Job](ctx, s.client, c))
}

// retryJobBody has the inputs twice: the documentation calls them by the
// second name, and the servers read the first. Unknown names are ignored.
type retryJobBody struct {
	Inputs    map[string]any `json:"inputs"`
	JobInputs map[string]any `json:"job_inputs"`
}

// PlayJobOptions are the optional values for a job that is played. Nil means none.
type PlayJobOptions struct {
	// Variables of the job. They need the right to set variables, which a project
	// can deny to all. A variable with Raw, or of another type than
	// [VariableTypeEnvVar], is refused, since GitLab would ignore that.
	Variables []*Variable

	// Inputs are values for the job's inputs, by name, such as those of
	// [CreatePipelineOptions]. From GitLab 18.10; older servers ignore them.
	Inputs map[string]any
}

// Play starts a manual job, or a delayed one before its time. The job returned
// has another ID if a finished manual job was retried that way. Of a trigger
// job only the fields of [JobInfo] are set.
//
//	POST /projects/:id/jobs/:job_id/play
//
// See https://docs.gitlab.com/api/jobs/#run-a-job.
// The error matches [ErrNotFound], [ErrInvalid] if the job cannot be played or
// does not know the inputs, [ErrForbidden] without the right to play it or to
// set variables, and [ErrOutcomeUnknown] if the response was lost: the request is
// never retried.
func (s *JobsService) Play(ctx context.Context, project ProjectID, job JobID, opts *PlayJobOptions) (*Job, error) {
	opts = cmp.Or(opts, &PlayJobOptions{})
	playing, err := newPlayBody(opts)
	c := rest.Once(http.MethodPost, at("projects", project, "jobs", job, "play"), bodyOf(playing))
	c.Err, c.Secrets = cmp.Or(err, c.Err), variableSecrets(opts.Variables)
	return s.client.rememberJob(send[*Job](ctx, s.client, c))
}

// playJobBody is the JSON of a play.
type playJobBody struct {
	Variables []playVariable `json:"job_variables_attributes,omitzero"`
	Inputs    map[string]any `json:"job_inputs,omitzero"`
}

type playVariable struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func newPlayBody(opts *PlayJobOptions) (*playJobBody, error) {
	if len(opts.Variables) == 0 && len(opts.Inputs) == 0 {
		return nil, nil // no body at all
	}
	const where = "PlayJobOptions"
	inputs, err := inputValues(where, opts.Inputs)
	if err := cmp.Or(checkVariables(where, opts.Variables), err); err != nil {
		return nil, err
	}
	playing := &playJobBody{Inputs: inputs}
	for i, v := range opts.Variables {
		if v.VariableType != "" && v.VariableType != VariableTypeEnvVar {
			return nil, fmt.Errorf("%s.Variables[%d] (%s) has the type %q, which a job cannot be given", where, i, v.Key, v.VariableType)
		}
		playing.Variables = append(playing.Variables, playVariable{v.Key, v.Value})
	}
	return playing, nil
}

// PlayOrRetry starts a job in any state that GitLab allows. It plays the job. If GitLab
// calls that invalid, because the job is not manual or delayed, it retries the job. The job
// returned may have another ID.
//
//	POST /projects/:id/jobs/:job_id/play
//	POST /projects/:id/jobs/:job_id/retry
//
// See https://docs.gitlab.com/api/jobs/#run-a-job.
// The error is that of [JobsService.Play] or, if both fail, matches that of
// [JobsService.Retry] as well. A job is not retried if opts has Variables,
// which a retry would lose.
func (s *JobsService) PlayOrRetry(ctx context.Context, project ProjectID, job JobID, opts *PlayJobOptions) (*Job, error) {
	if opts == nil {
		opts = &PlayJobOptions{}
	}
	played, err := s.Play(ctx, project, job, opts)
	if _, responded := errors.AsType[*APIError](err); !responded || !errors.Is(err, ErrInvalid) || len(opts.Variables) > 0 {
		return played, err
	}
	retried, retryErr := s.Retry(ctx, project, job, &RetryJobOptions{Inputs: opts.Inputs})
	if retryErr != nil {
		return nil, rest.After(retryErr, err)
	}
	return retried, nil
}

// Erase deletes a finished job's artifacts and log. This cannot be undone. The job stays.
//
//	POST /projects/:id/jobs/:job_id/erase
//
// See https://docs.gitlab.com/api/jobs/#erase-a-job.
// The error matches [ErrNotFound], for trigger jobs too, [ErrForbidden] if the
// job is not finished, has nothing to erase (any more) or the token lacks the right,
// [ErrConflict] while the project's statistics are refreshed, and [ErrOutcomeUnknown] if
// the response was lost.
func (s *JobsService) Erase(ctx context.Context, project ProjectID, job JobID) (*Job, error) {
	return sendTo[*Job](ctx, s.client, rest.Once(http.MethodPost, at("projects", project, "jobs", job, "erase"), nil), jobAt(project, job))
}

// bodyOf returns the options as a body, or no body if they are nil.
func bodyOf[T any](options *T) any {
	if options == nil {
		return nil
	}
	return options
}

// AllowedAgents are the agents for Kubernetes that a CI job may use, with the job, its user
// and its project.
type AllowedAgents struct {
	AllowedAgents []AllowedAgent    `json:"allowed_agents"`
	Job           AgentJob          `json:"job"`
	Pipeline      AgentPipeline     `json:"pipeline"`
	Project       AgentProject      `json:"project"`
	User          AgentUser         `json:"user"`
	Environment   *AgentEnvironment `json:"environment,omitzero"` // nil for a job without one
}

// An AllowedAgent is an agent that a job may use.
type AllowedAgent struct {
	ID            int64            `json:"id"`
	ConfigProject *ProjectIdentity `json:"config_project,omitzero"`
	Configuration map[string]any   `json:"configuration,omitzero"`
}

// An AgentJob is the job whose token the client has.
type AgentJob struct {
	ID JobID `json:"id"`
}

// An AgentPipeline is the pipeline of the job of [AllowedAgents].
type AgentPipeline struct {
	ID PipelineID `json:"id"`
}

// An AgentProject is the project of the job of [AllowedAgents], with the groups above it.
type AgentProject struct {
	ID     int64        `json:"id"`
	Groups []AgentGroup `json:"groups"`
}

// An AgentGroup is a group above a project.
type AgentGroup struct {
	ID int64 `json:"id"`
}

// An AgentUser is the user that the job of [AllowedAgents] runs for.
type AgentUser struct {
	ID             int64    `json:"id"`
	Username       string   `json:"username"`
	RolesInProject []string `json:"roles_in_project,omitzero"` // cumulative: "guest", "reporter", "developer", …
}

// An AgentEnvironment is what the job of [AllowedAgents] deploys to.
type AgentEnvironment struct {
	Tier string `json:"tier"`
	Slug string `json:"slug"`
}

// Current returns the CI job whose token the client has; see [WithJobToken].
//
//	GET /job
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-job-by-job-token.
// The error matches [ErrNotFound] with a token of another kind, and
// [ErrUnauthorized] once the job has finished.
func (s *JobsService) Current(ctx context.Context) (*Job, error) {
	return get[*Job](ctx, s.client, at("job"), nil)
}

// AllowedAgents returns the agents for Kubernetes that the CI job whose token
// the client has may use; see [WithJobToken].
//
//	GET /job/allowed_agents
//
// See https://docs.gitlab.com/api/jobs/#retrieve-gitlab-agent-for-kubernetes-by-ci_job_token.
// The errors are those of [JobsService.Current].
func (s *JobsService) AllowedAgents(ctx context.Context) (*AllowedAgents, error) {
	return get[*AllowedAgents](ctx, s.client, at("job", "allowed_agents"), nil)
}
