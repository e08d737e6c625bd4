package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/lenient"
)

// A decoded event takes at most maxDecodedRatio times the bytes of its body, or
// minDecodedLimit if that is more, but never more than maxDecodedLimit.
const (
	maxDecodedRatio = 8
	minDecodedLimit = 1 << 20
	maxDecodedLimit = 16 << 20
)

// decode decodes a body as tolerantly as the client decodes responses: both forms of time,
// durations as text, null objects.
func decode[P any](ctx context.Context, raw []byte) (P, error) {
	budget := min(max(maxDecodedRatio*int64(len(raw)), minDecodedLimit), maxDecodedLimit)
	p, _, err := lenient.ObjectWithin[P](ctx, raw, budget)
	switch {
	case errors.Is(err, lenient.ErrTooLarge):
		return p, fmt.Errorf("%w to be decoded", ErrTooLarge)
	case errors.Is(err, lenient.ErrStopped):
		return p, context.Cause(ctx)
	case err != nil:
		return p, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, nil
}

// An envelope has the fields that the bodies of all kinds have.
type envelope struct {
	Kind    Kind     `json:"object_kind"`
	Project *Project `json:"project"`
}

// decode sets the fields that come from the body.
func (e *Event) decode(ctx context.Context) error {
	in, err := decode[*envelope](ctx, e.Raw)
	if err != nil {
		if errors.Is(err, lenient.ErrNotObject) && json.Valid(e.Raw) {
			return nil // a custom template
		}
		return err
	}
	e.Kind = in.Kind
	e.Project = in.Project
	if e.Project != nil && *e.Project == (Project{}) {
		e.Project = nil
	}
	known := true
	switch e.Kind {
	case KindPipeline:
		e.Pipeline, err = decodePipeline(ctx, e.Raw)
		known = e.Pipeline != nil
	case KindJob:
		known, err = e.decodeJob(ctx)
	case KindDeployment:
		e.Deployment, err = decodeDeployment(ctx, e.Raw)
		known = e.Deployment != nil
	}
	if !known {
		e.Kind = "" // a custom template that has the same word
	}
	return err
}

type pipelinePayload struct {
	Attributes *struct {
		Pipeline
		Variables []*gitlabci.Variable `json:"variables"`
	} `json:"object_attributes"`
	MergeRequest   *MergeRequest   `json:"merge_request"`
	User           *user           `json:"user"`
	Project        *Project        `json:"project"`
	Commit         *commit         `json:"commit"`
	Builds         []*Build        `json:"builds"`
	SourcePipeline *SourcePipeline `json:"source_pipeline"`
}

// A shortPipeline is what is decoded of a pipeline event that would take too much memory.
type shortPipeline struct {
	Attributes *struct {
		Pipeline
		Stages struct{} `json:"stages"`
	} `json:"object_attributes"`
	MergeRequest   *MergeRequest   `json:"merge_request"`
	User           *user           `json:"user"`
	Project        *Project        `json:"project"`
	SourcePipeline *SourcePipeline `json:"source_pipeline"`
}

// decodePipeline returns nil if the body is not that of a pipeline event.
func decodePipeline(ctx context.Context, raw []byte) (*Pipeline, error) {
	in, err := decode[*pipelinePayload](ctx, raw)
	if errors.Is(err, ErrTooLarge) {
		return decodeShort(ctx, raw)
	}
	if err != nil || in.Attributes == nil || in.Attributes.ID < 1 {
		return nil, err
	}
	p := &in.Attributes.Pipeline
	p.Variables = in.Attributes.Variables
	p.Commit = in.Commit.commit()
	for _, build := range in.Builds {
		if build != nil && build.ID > 0 {
			build.clearPlaceholders()
			p.Builds = append(p.Builds, build)
		}
	}
	p.setContext(in.Project, in.User, in.MergeRequest, in.SourcePipeline)
	return p, nil
}

func decodeShort(ctx context.Context, raw []byte) (*Pipeline, error) {
	in, err := decode[*shortPipeline](ctx, raw)
	if err != nil || in.Attributes == nil || in.Attributes.ID < 1 {
		return nil, err
	}
	p := &in.Attributes.Pipeline
	p.Incomplete = true
	p.setContext(in.Project, in.User, in.MergeRequest, in.SourcePipeline)
	return p, nil
}

// setContext sets the fields that are beside the pipeline in the body.
func (p *Pipeline) setContext(project *Project, by *user, request *MergeRequest, source *SourcePipeline) {
	if project != nil {
		p.ProjectID = project.ID
	}
	if request != nil && request.IID > 0 {
		p.MergeRequest = request
	}
	p.User = by.user()
	p.SourcePipeline = source.known()
}

// clearPlaceholders sets to zero the values that GitLab writes where there is none.
func (b *Build) clearPlaceholders() {
	if b.Status != gitlabci.StatusFailed {
		b.FailureReason = ""
	}
	if b.ArtifactsFile != nil && *b.ArtifactsFile == (gitlabci.ArtifactsFile{}) {
		b.ArtifactsFile = nil
	}
	b.Runner = b.Runner.known()
	b.Environment = b.Environment.known()
}

type jobPayload struct {
	Job
	User    *user    `json:"user"`
	Project *Project `json:"project"`

	// Newer servers send times in this form as well.
	CreatedISO  time.Time `json:"build_created_at_iso"`
	StartedISO  time.Time `json:"build_started_at_iso"`
	FinishedISO time.Time `json:"build_finished_at_iso"`

	// Commit has the number of the pipeline as its ID, and the name, the status and the
	// times of the pipeline.
	Commit *struct {
		SHA         string           `json:"sha"`
		Name        string           `json:"name"`
		Message     string           `json:"message"`
		AuthorName  string           `json:"author_name"`
		AuthorEmail string           `json:"author_email"`
		Status      gitlabci.Status  `json:"status"`
		Duration    gitlabci.Seconds `json:"duration"`
		StartedAt   time.Time        `json:"started_at"`
		FinishedAt  time.Time        `json:"finished_at"`
	} `json:"commit"`

	Repository *struct {
		Name            string `json:"name"`
		Description     string `json:"description"`
		Homepage        string `json:"homepage"`
		GitSSHURL       string `json:"git_ssh_url"`
		GitHTTPURL      string `json:"git_http_url"`
		VisibilityLevel int    `json:"visibility_level"`
	} `json:"repository"`
}

// decodeJob reports whether the body is that of a job event.
func (e *Event) decodeJob(ctx context.Context) (known bool, err error) {
	in, err := decode[*jobPayload](ctx, e.Raw)
	if err != nil || in.ID < 1 {
		return false, err
	}
	e.Job = in.job()
	if e.Project == nil {
		e.Project = in.olderProject(e.Instance)
	}
	if e.Job.ProjectID == "" && e.Project != nil {
		e.Job.ProjectID = e.Project.ID
	}
	return true, nil
}

func (in *jobPayload) job() *Job {
	job := &in.Job
	if job.Status != gitlabci.StatusFailed {
		job.FailureReason = "" // GitLab writes unknown_failure for all others
	}
	for _, at := range []struct{ time, iso *time.Time }{{&job.CreatedAt, &in.CreatedISO}, {&job.StartedAt, &in.StartedISO}, {&job.FinishedAt, &in.FinishedISO}} {
		if at.time.IsZero() {
			*at.time = *at.iso
		}
	}
	job.User = in.User.user()
	job.Commit = nil
	if c := in.Commit; c != nil {
		job.PipelineName, job.PipelineStatus, job.PipelineDuration = c.Name, c.Status, c.Duration
		job.PipelineStartedAt, job.PipelineFinishedAt = c.StartedAt, c.FinishedAt
		job.Commit = &gitlabci.Commit{ID: cmp.Or(c.SHA, job.SHA), Message: c.Message, AuthorName: c.AuthorName, AuthorEmail: c.AuthorEmail}
		job.Commit.Title, _, _ = strings.Cut(c.Message, "\n")
	}
	job.Runner = job.Runner.known()
	job.Environment = job.Environment.known()
	job.SourcePipeline = job.SourcePipeline.known()
	return job
}

// olderProject is the project as older servers describe it. They call project_name what is
// the name of the group and that of the project, not the path.
func (in *jobPayload) olderProject(instance string) *Project {
	if in.ProjectID == "" {
		return nil
	}
	p := &Project{ID: in.ProjectID}
	if r := in.Repository; r != nil {
		p.Name, p.Description, p.WebURL, p.VisibilityLevel = r.Name, r.Description, r.Homepage, r.VisibilityLevel
		p.GitSSHURL, p.GitHTTPURL = r.GitSSHURL, r.GitHTTPURL
		if path, below := strings.CutPrefix(r.Homepage, instance+"/"); below && instance != "" {
			p.PathWithNamespace = path
		}
	}
	return p
}

type deploymentPayload struct {
	Deployment
	User    *user    `json:"user"`
	Project *Project `json:"project"`
}

// decodeDeployment returns nil if the body is not that of a deployment event.
func decodeDeployment(ctx context.Context, raw []byte) (*Deployment, error) {
	in, err := decode[*deploymentPayload](ctx, raw)
	if err != nil || in.ID < 1 {
		return nil, err
	}
	d := &in.Deployment
	d.User = in.User.user()
	if in.Project != nil {
		d.ProjectID = in.Project.ID
	}
	return d, nil
}

// A user is a user with the email address, which GitLab shows only if it is public.
type user struct {
	gitlabci.User
	Email string `json:"email"`
}

func (u *user) user() *gitlabci.User {
	if u == nil || u.ID < 1 {
		return nil
	}
	if u.Email != "[REDACTED]" {
		u.PublicEmail = u.Email
	}
	return &u.User
}

// A commit is the commit of a pipeline event.
type commit struct {
	gitlabci.Commit
	Timestamp time.Time `json:"timestamp"`
	URL       string    `json:"url"`
	Author    struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	} `json:"author"`
}

func (c *commit) commit() *gitlabci.Commit {
	if c == nil || c.ID == "" {
		return nil
	}
	c.CommittedDate, c.WebURL = c.Timestamp, c.URL
	c.AuthorName, c.AuthorEmail = c.Author.Name, c.Author.Email
	return &c.Commit
}

// known returns nil for an empty object, which is sent in place of null.
func (r *Runner) known() *Runner {
	if r == nil || r.ID < 1 {
		return nil
	}
	r.Paused = !r.Active
	return r
}

func (e *Environment) known() *Environment {
	if e == nil || e.Name == "" {
		return nil
	}
	return e
}

func (s *SourcePipeline) known() *SourcePipeline {
	if s == nil || s.PipelineID < 1 {
		return nil
	}
	return s
}
