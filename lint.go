package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"example.com/gitlabci/internal/query"
	"example.com/gitlabci/internal/rest"
)

// LintService validates CI configuration. It is [Client.Lint]. An invalid configuration is a
// result, not an error. Job tokens cannot use it.
//
// See https://docs.gitlab.com/api/lint/.
type LintService struct{ client *Client }

// A LintResult says whether a configuration is valid, and which jobs it would create.
type LintResult struct {
	Valid      bool          `json:"valid"`
	Errors     []string      `json:"errors"` // empty if it is valid
	Warnings   []string      `json:"warnings"`
	MergedYAML string        `json:"merged_yaml,omitzero"` // the configuration with all that it includes
	Includes   []LintInclude `json:"includes,omitzero"`
	Jobs       []*LintJob    `json:"jobs,omitzero"` // nil unless they were requested
}

// A LintInclude is a file that a configuration includes.
type LintInclude struct {
	Type           string         `json:"type"`     // "local", "remote", "file", "template" or "component"
	Location       string         `json:"location"` // its path or its URL
	Blob           string         `json:"blob,omitzero"`
	Raw            string         `json:"raw,omitzero"`
	Extra          map[string]any `json:"extra,omitzero"` // such as "project" and "ref"
	ContextProject string         `json:"context_project,omitzero"`
	ContextSHA     string         `json:"context_sha,omitzero"`
}

// A LintJob is a job that a configuration would create.
type LintJob struct {
	Name         string      `json:"name"`
	Stage        string      `json:"stage"`
	BeforeScript []string    `json:"before_script"`
	Script       []string    `json:"script"`
	AfterScript  []string    `json:"after_script"`
	TagList      []string    `json:"tag_list"`
	Only         *LintPolicy `json:"only,omitzero"`   // nil if there is none
	Except       *LintPolicy `json:"except,omitzero"` // nil if there is none
	Environment  string      `json:"environment,omitzero"`
	When         string      `json:"when"` // such as "on_success" and "manual"
	AllowFailure bool        `json:"allow_failure"`

	// Needs are the jobs that it waits for. Nil means that it has no needs, and waits for
	// the stages before its own. Empty means that it waits for nothing.
	Needs []LintNeed `json:"needs"`
}

// A LintPolicy says for which refs a job is created, or is not.
type LintPolicy struct {
	Refs      []string `json:"refs,omitzero"`
	Variables []string `json:"variables,omitzero"`
	Changes   []string `json:"changes,omitzero"`
}

// A LintNeed is a job that another one waits for.
type LintNeed struct {
	Name      string `json:"name"`
	Artifacts bool   `json:"artifacts"` // whether they are downloaded
	Optional  bool   `json:"optional"`  // whether the job may be missing
}

// LintOptions choose how a configuration is validated. Nil is a static check.
type LintOptions struct {
	// DryRun simulates a pipeline for a push to Ref. It finds more errors, such as a job
	// that needs a job that the rules leave out.
	DryRun bool `json:"dry_run,omitzero"`

	Ref         string `json:"ref,omitzero"`          // of a DryRun: a branch or a tag; "" is the default branch
	IncludeJobs bool   `json:"include_jobs,omitzero"` // return the Jobs
}

// Validate validates a configuration, which need not be in the project.
//
//	POST /projects/:id/ci/lint
//
// See https://docs.gitlab.com/api/lint/#validate-sample-cicd-configuration.
// GitLab reads files of "include: local" from the project's repository, so they must be
// pushed. The request changes nothing, and is retried like a read.
//
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] without the right to create pipelines, and [ErrRateLimited] if the
// administrator limits validations.
func (s *LintService) Validate(ctx context.Context, project ProjectID, content string, opts *LintOptions) (*LintResult, error) {
	if opts == nil {
		opts = &LintOptions{}
	}
	c := rest.Repeatable(http.MethodPost, at("projects", project, "ci", "lint"), struct {
		Content string `json:"content"`
		LintOptions
	}{content, *opts})
	c.Harmless = true
	if opts.Ref != "" && !opts.DryRun && c.Err == nil {
		c.Err = errors.New("LintOptions.Ref is set, which only a DryRun uses")
	}
	return s.validate(ctx, c, opts.IncludeJobs)
}

// LintProjectOptions choose which configuration of a project is validated, and how. Nil is a
// static check of the configuration on the default branch.
type LintProjectOptions struct {
	ContentRef  string `url:"content_ref,omitempty"`  // a SHA, a branch or a tag that has the configuration; "" is the default branch
	DryRun      bool   `url:"dry_run,omitempty"`      // simulate the creation of a pipeline, as by a push to DryRunRef
	DryRunRef   string `url:"dry_run_ref,omitempty"`  // a branch or a tag; "" is the default branch
	IncludeJobs bool   `url:"include_jobs,omitempty"` // return the Jobs
}

// ValidateProject validates the configuration that a project has.
//
//	GET /projects/:id/ci/lint
//
// See https://docs.gitlab.com/api/lint/#validate-a-projects-cicd-configuration.
// The error matches [ErrNotFound] if the project or the commit does not exist, the
// repository is empty, or the token may not see it, and [ErrForbidden] without the right to
// read code. It matches [ErrRateLimited] if the administrator limits validations, and
// [errors.ErrUnsupported] for a ref on servers before GitLab 16.10, which ignore it. If a
// ref is given, the server's version is read first, unless the token may not read it.
func (s *LintService) ValidateProject(ctx context.Context, project ProjectID, opts *LintProjectOptions) (*LintResult, error) {
	if opts == nil {
		opts = &LintProjectOptions{}
	}
	c := rest.Read(at("projects", project, "ci", "lint"), query.Values(opts))
	if opts.DryRunRef != "" && !opts.DryRun && c.Err == nil {
		c.Err = errors.New("LintProjectOptions.DryRunRef is set, which only a DryRun uses")
	}
	if opts.ContentRef != "" || opts.DryRunRef != "" {
		err := s.client.wire.Check(ctx, c)
		if err == nil {
			err = s.checkRefs(ctx, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.validate(ctx, c, opts.IncludeJobs)
}

func (s *LintService) validate(ctx context.Context, c *rest.Call, jobs bool) (*LintResult, error) {
	result, err := send[*LintResult](ctx, s.client, c)
	if err == nil && jobs && result.Valid && result.Jobs == nil {
		return nil, rest.Errorf("%s %s: %w: the server ignores the parameter include_jobs", c.Method, c.Path.Escaped, errors.ErrUnsupported)
	}
	return result, err
}

// A serverVersion is the response to GET /version.
type serverVersion struct {
	Version string `json:"version"` // such as "19.5.0-ee"
}

// isBefore reports whether the version is older than a release. A text that is not a
// version is not older.
func (v *serverVersion) isBefore(major, minor int) bool {
	var has [2]int
	if n, err := fmt.Sscanf(v.Version, "%d.%d", &has[0], &has[1]); n != 2 || err != nil {
		return false
	}
	return has[0] < major || has[0] == major && has[1] < minor
}

// checkRefs returns an error if the server is so old that it ignores the refs of a call.
func (s *LintService) checkRefs(ctx context.Context, c *rest.Call) error {
	version, err := send[*serverVersion](ctx, s.client, rest.Read(at("version"), nil))
	switch {
	case mayNotRead(err), errors.Is(err, ErrUnauthorized):
		return nil
	case err != nil:
		return err
	case version.isBefore(16, 10):
		return rest.NotSent(rest.Errorf("GET %s: %w: GitLab %s ignores ContentRef and DryRunRef, and would validate the default branch; it takes GitLab 16.10",
			c.Path.Escaped, errors.ErrUnsupported, rest.Shorten(version.Version, rest.MaxTitle)))
	}
	return nil
}
