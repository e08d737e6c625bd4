package gitlabcitest

import (
	"path"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// A payloadRenderer renders the payloads of hooks. Deliveries have times as Ruby writes
// them, those of a test have times as JSON usually does. GitLab compresses what is large on
// its way to the worker that delivers it, and then durations become text.
type payloadRenderer struct {
	*renderer
	state *state
	test  bool
	large bool
}

// largePayload is from how many bytes on GitLab compresses a payload.
const largePayload = 100_000

func (r *payloadRenderer) time(t time.Time) *string {
	if r.test || t.IsZero() {
		return shape.Timestamp(t)
	}
	return new(t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

func isoTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format("2006-01-02T15:04:05Z"))
}

// seconds is null for a duration that is not known.
func (r *payloadRenderer) seconds(s *float64) any {
	switch {
	case s == nil:
		return nil
	case r.large:
		return strconv.FormatFloat(*s, 'f', -1, 64)
	}
	return *s
}

func (r *payloadRenderer) pipelineEvent(p *pipeline) shape.PipelineEvent {
	event := shape.PipelineEvent{
		ObjectKind: "pipeline",
		ObjectAttributes: shape.PipelineOfEvent{
			ID: int64(p.id), IID: p.iid, Name: shape.OrNull(p.name), Ref: p.ref, Tag: p.tag, SHA: p.sha, BeforeSHA: p.beforeSHA,
			Source: string(p.source), Status: string(p.status), DetailedStatus: r.detailedStatus(p).Label, Stages: texts(p.stages()),
			CreatedAt: r.time(p.created), FinishedAt: r.time(p.finished),
			Duration: r.seconds(pipelineSeconds(p.runTime())), QueuedDuration: r.seconds(pipelineSeconds(p.queueTime())),
			ProtectedRef: p.project.protects(p.ref), URL: r.external + pipelinePath(p),
			Variables: shape.Each(p.variables, func(v gitlabci.Variable) shape.VariableHook { return shape.VariableHook{Key: v.Key, Value: v.Value} }),
		},
		User:           r.userHook(p.user),
		Project:        r.projectHook(p.project),
		Commit:         r.commitHook(p.commit()),
		SourcePipeline: r.sourcePipeline(p),
		Builds:         []shape.JobOfEvent{},
	}
	if m := r.state.mergeRequestFor(p); m != nil {
		event.ObjectAttributes.Ref = m.source // and not that of REST
		event.MergeRequest = new(r.mergeRequestHook(m))
	}
	for _, j := range p.latestJobs() {
		if j.byRunner() {
			event.Builds = append(event.Builds, r.jobOfEvent(j))
		}
	}
	return event
}

func (r *payloadRenderer) mergeRequestHook(m *mergeRequest) shape.MergeRequestHook {
	whole := r.mergeRequest(m)
	return shape.MergeRequestHook{
		ID: whole.ID, IID: m.iid, Title: m.title, SourceBranch: m.source, SourceProjectID: m.from.id, TargetBranch: m.target,
		TargetProjectID: m.project.id, State: m.state, MergeStatus: whole.MergeStatus, DetailedMergeStatus: whole.DetailedMergeStatus, URL: whole.WebURL,
	}
}

func (r *payloadRenderer) jobOfEvent(j *job) shape.JobOfEvent {
	rendered := shape.JobOfEvent{
		ID: int64(j.id), Stage: j.stage, Name: j.name, Status: string(j.status),
		CreatedAt: r.time(j.created), StartedAt: r.time(j.started), FinishedAt: r.time(j.finished),
		Duration: r.seconds(shape.Seconds(j.runTime(r.now))), QueuedDuration: r.seconds(shape.Seconds(j.queueTime(r.now))),
		When: string(WhenOnSuccess), Manual: j.manual, AllowFailure: j.allowFailure, User: r.userHook(j.user),
		Runner: runnerHook(j), Environment: environmentFor(j),
	}
	if j.status == gitlabci.StatusFailed {
		rendered.FailureReason = new(string(j.reason))
	}
	if j.live != nil && j.live.when != "" {
		rendered.When = string(j.live.when)
	} else if j.manual {
		rendered.When = string(WhenManual)
	}
	if file := r.artifactsFile(j); file != nil {
		rendered.ArtifactsFile = shape.ArtifactsHook{Filename: &file.Filename, Size: &file.Size}
	}
	return rendered
}

func runnerHook(j *job) *shape.RunnerHook {
	if j.started.IsZero() {
		return nil
	}
	runner := shape.TheRunner()
	return &shape.RunnerHook{
		ID: runner.ID, Description: runner.Description, RunnerType: runner.RunnerType,
		Active: runner.Active, IsShared: runner.IsShared, Tags: texts(j.tags),
	}
}

func environmentFor(j *job) *shape.EnvironmentFor {
	if j.environment == "" {
		return nil
	}
	return &shape.EnvironmentFor{Name: j.environment, Action: "start", DeploymentTier: tierOf(j.environment)}
}

// tierOf is the tier that GitLab derives from the name of an environment.
func tierOf(environment string) string {
	name := strings.ToLower(environment)
	for _, tier := range []struct {
		tier  string
		words []string
	}{
		{"production", []string{"prod", "live"}},
		{"staging", []string{"stag", "stg", "preprod", "uat", "model"}},
		{"testing", []string{"test", "qc", "qa"}},
		{"development", []string{"dev", "review", "trunk"}},
	} {
		for _, word := range tier.words {
			if strings.Contains(name, word) {
				return tier.tier
			}
		}
	}
	return "other"
}

func (r *payloadRenderer) jobEvent(j *job) shape.JobEvent {
	p, reason := j.pipeline, gitlabci.FailureReasonUnknownFailure // of a job that has not failed, too
	if j.status == gitlabci.StatusFailed {
		reason = j.reason
	}
	retries := 0
	for _, other := range p.jobs {
		if other.name == j.name && other.created.Before(j.created) {
			retries++
		}
	}
	return shape.JobEvent{
		ObjectKind: "build", Ref: p.ref, Tag: p.tag, BeforeSHA: p.beforeSHA, SHA: p.sha, RetriesCount: retries,
		BuildID: int64(j.id), BuildName: j.name, BuildStage: j.stage, BuildStatus: string(j.status),
		CreatedAt: r.time(j.created), StartedAt: r.time(j.started), FinishedAt: r.time(j.finished),
		CreatedISO: isoTime(j.created), StartedISO: isoTime(j.started), FinishedISO: isoTime(j.finished),
		Duration: r.seconds(shape.Seconds(j.runTime(r.now))), QueuedDuration: r.seconds(shape.Seconds(j.queueTime(r.now))),
		AllowFailure: j.allowFailure, FailureReason: string(reason), PipelineID: int64(p.id), Runner: runnerHook(j),
		ProjectID: p.project.id, ProjectName: projectIdentity(p.project).NameWithNamespace, User: r.userHook(j.user),
		Commit: r.jobCommit(p), Repository: r.repositoryHook(p.project), Project: r.projectHook(p.project),
		Environment: environmentFor(j), SourcePipeline: r.sourcePipeline(p),
	}
}

func (r *payloadRenderer) jobCommit(p *pipeline) shape.JobCommit {
	commit := r.commit(p.commit())
	return shape.JobCommit{
		ID: int64(p.id), Name: shape.OrNull(p.name), SHA: p.sha, Message: commit.Message,
		AuthorName: commit.AuthorName, AuthorEmail: commit.AuthorEmail, AuthorURL: "mailto:" + commit.AuthorEmail,
		Status: string(p.status), Duration: r.seconds(pipelineSeconds(p.runTime())),
		StartedAt: r.time(p.started), FinishedAt: r.time(p.finished), StartedISO: isoTime(p.started), FinishedISO: isoTime(p.finished),
	}
}

func (r *payloadRenderer) repositoryHook(p *project) shape.RepositoryHook {
	of := r.projectHook(p)
	return shape.RepositoryHook{
		Name: of.Name, URL: of.GitSSHURL, Homepage: of.WebURL, GitHTTPURL: of.GitHTTPURL, GitSSHURL: of.GitSSHURL, VisibilityLevel: of.VisibilityLevel,
	}
}

func (r *payloadRenderer) deploymentEvent(j *job, at time.Time) shape.DeploymentEvent {
	p := j.pipeline
	commit := r.commit(p.commit())
	changed := at.UTC().Format("2006-01-02 15:04:05 -0700")
	if r.test {
		changed = at.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return shape.DeploymentEvent{
		ObjectKind: "deployment", Status: string(j.status), StatusChangedAt: changed, DeploymentID: j.deployment,
		DeployableID: int64(j.id), DeployableURL: r.jobURL(j), Environment: j.environment, Tier: tierOf(j.environment),
		Slug: strings.ToLower(strings.ReplaceAll(j.environment, "/", "-")), Project: r.projectHook(p.project), ShortSHA: commit.ShortID,
		User: r.userHook(j.user), UserURL: r.external + "/" + j.user.username, CommitURL: commit.WebURL, CommitTitle: commit.Title,
	}
}

func (r *payloadRenderer) userHook(u *user) shape.UserHook {
	return shape.UserHook{ID: u.id, Name: capitalized(u.username), Username: u.username, Email: redactedValue}
}

// redactedValue is what GitLab shows instead of a secret value.
const redactedValue = "[REDACTED]"

func (r *payloadRenderer) projectHook(p *project) shape.ProjectHook {
	basic := r.projectBasic(p, r.state.groupsOf(p))
	rendered := shape.ProjectHook{
		ID: p.id, Name: basic.Name, WebURL: basic.WebURL, GitSSHURL: basic.SSHURLToRepo, GitHTTPURL: basic.HTTPURLToRepo,
		Namespace: capitalized(path.Base(path.Dir(p.path))), PathWithNamespace: p.path, DefaultBranch: p.branch,
	}
	if p.settings.Public {
		rendered.VisibilityLevel = 20
	}
	return rendered
}

func (r *payloadRenderer) commitHook(c commit) shape.CommitHook {
	whole := r.commit(c)
	return shape.CommitHook{
		ID: whole.ID, Message: whole.Message, Title: whole.Title, Timestamp: c.created.UTC().Format("2006-01-02T15:04:05+00:00"),
		URL: whole.WebURL, Author: shape.AuthorHook{Name: whole.AuthorName, Email: redactedValue},
	}
}

func (r *payloadRenderer) sourcePipeline(p *pipeline) *shape.SourcePipeline {
	if p.upstream == nil {
		return nil
	}
	source, of := &shape.SourcePipeline{PipelineID: int64(p.upstream.pipeline.id), JobID: int64(p.upstream.id)}, p.upstream.pipeline.project
	source.Project.ID, source.Project.WebURL, source.Project.PathWithNamespace = of.id, r.external+"/"+of.path, of.path
	return source
}
