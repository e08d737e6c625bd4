package gitlabci

import "context"

// AllowedAgents are the agents for Kubernetes that a CI job may use, and who
// it is for them.
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

// An AgentJob is the job whose token asks.
type AgentJob struct {
	ID JobID `json:"id"`
}

// An AgentPipeline is that job's pipeline.
type AgentPipeline struct {
	ID PipelineID `json:"id"`
}

// An AgentProject is that job's project, with the groups above it.
type AgentProject struct {
	ID     int64        `json:"id"`
	Groups []AgentGroup `json:"groups"`
}

// An AgentGroup is a group above a project.
type AgentGroup struct {
	ID int64 `json:"id"`
}

// An AgentUser is who that job runs for.
type AgentUser struct {
	ID             int64    `json:"id"`
	Username       string   `json:"username"`
	RolesInProject []string `json:"roles_in_project,omitzero"` // cumulative: "guest", "reporter", "developer", …
}

// An AgentEnvironment is what that job deploys to.
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
