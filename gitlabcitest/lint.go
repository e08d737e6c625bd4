package gitlabcitest

import (
	"maps"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A Lint is a configuration that a client wants to be validated.
type Lint struct {
	Content string // of the request, or of the project, see SetConfig
	DryRun  bool
	Ref     string // of a DryRun: the branch or the tag
}

// OnLint sets the results of validating configurations in a project, given by its path or
// ID, from now on. The function must not call the server. Nil is the default: a
// configuration is valid and has no jobs, unless it is blank. It panics if there is no such
// project.
func (s *Server) OnLint(project string, validate func(Lint) gitlabci.LintResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustProject("OnLint", project).lint = validate
}

// SetConfig sets the CI configuration at a branch, a tag or a commit of a project, given by
// its path or ID. It is used for validations only. Commits without one have a configuration
// with a job that prints something. It panics if there is no such project or commit.
func (s *Server) SetConfig(project, ref, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.mustProject("SetConfig", project)
	sha, found := owner.revision(ref)
	if !found {
		misuse("SetConfig: there is no commit %q in %s", ref, project)
	}
	owner.configs[sha] = content
}

const defaultConfig = "test:\n  script:\n    - echo all is well\n"

func lintParams(more ...rack.Param) []rack.Param {
	return append(more,
		rack.Param{Name: "dry_run", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "include_jobs", Parse: rack.Boolean},
		rack.Param{Name: "ref", Parse: rack.Text},
	)
}

func lintContentParams() []rack.Param {
	return lintParams(rack.Param{Name: "content", Parse: rack.Text, Required: true})
}

func lintProjectParams() []rack.Param {
	return lintParams(
		rack.Param{Name: "sha", Parse: rack.Text, Known: versions.Since(16, 5)},
		rack.Param{Name: "content_ref", Parse: rack.Text, Known: versions.Since(16, 10)},
		rack.Param{Name: "dry_run_ref", Parse: rack.Text, Known: versions.Since(16, 10)},
	)
}

func lintContent(c *call, p *project) *response {
	return c.lint(p, value[string](c, "content"), value[string](c, "ref"))
}

func lintProject(c *call, p *project) *response {
	for _, names := range [][2]string{{"sha", "content_ref"}, {"ref", "dry_run_ref"}} {
		if c.has(names[0]) && c.has(names[1]) {
			return invalid(names[0] + ", " + names[1] + " are mutually exclusive")
		}
	}
	first := func(names ...string) string {
		for _, name := range names {
			if text := value[string](c, name); text != "" {
				return text
			}
		}
		return p.branch
	}
	sha, found := p.revision(first("content_ref", "sha"))
	if !found {
		return notFound("Commit Not Found")
	}
	content, set := p.configs[sha]
	if !set {
		content = defaultConfig
	}
	return c.lint(p, content, first("dry_run_ref", "ref"))
}

// lint responds with the result of a validation.
func (c *call) lint(p *project, content, ref string) *response {
	lint := Lint{Content: content, DryRun: value[bool](c, "dry_run")}
	if lint.DryRun {
		lint.Ref = ref
		if ref == "" {
			lint.Ref = p.branch
		}
	}
	validate := p.lint
	if validate == nil {
		validate = lintByDefault
	}
	rendered := renderLint(validate(lint))
	if !value[bool](c, "include_jobs") {
		rendered.Jobs = nil
	}
	return ok(rendered)
}

func lintByDefault(lint Lint) gitlabci.LintResult {
	if strings.TrimSpace(lint.Content) == "" {
		return gitlabci.LintResult{Errors: []string{"Please provide content of .gitlab-ci.yml"}}
	}
	return gitlabci.LintResult{Valid: true, MergedYAML: "---\n" + strings.TrimPrefix(lint.Content, "---\n")}
}

func renderLint(r gitlabci.LintResult) shape.LintResult {
	return shape.LintResult{
		Valid: r.Valid, Errors: texts(r.Errors), Warnings: texts(r.Warnings), MergedYAML: shape.OrNull(r.MergedYAML),
		Includes: shape.Each(r.Includes, func(i gitlabci.LintInclude) shape.LintInclude {
			extra := map[string]any{}
			maps.Copy(extra, i.Extra)
			return shape.LintInclude{
				Type: i.Type, Location: i.Location, Blob: shape.OrNull(i.Blob), Raw: shape.OrNull(i.Raw), Extra: extra,
				ContextProject: shape.OrNull(i.ContextProject), ContextSHA: shape.OrNull(i.ContextSHA),
			}
		}),
		Jobs: new(shape.Each(r.Jobs, renderLintJob)),
	}
}

func renderLintJob(j *gitlabci.LintJob) shape.LintJob {
	rendered := shape.LintJob{
		Name: j.Name, Stage: j.Stage, BeforeScript: texts(j.BeforeScript), Script: texts(j.Script), AfterScript: texts(j.AfterScript),
		TagList: texts(j.TagList), Only: renderLintPolicy(j.Only), Except: renderLintPolicy(j.Except), Environment: shape.OrNull(j.Environment),
		When: j.When, AllowFailure: j.AllowFailure,
	}
	if j.Needs != nil {
		rendered.Needs = new(shape.Each(j.Needs, func(n gitlabci.LintNeed) shape.LintNeed {
			return shape.LintNeed{Name: n.Name, Artifacts: n.Artifacts, Optional: n.Optional}
		}))
	}
	return rendered
}

func renderLintPolicy(p *gitlabci.LintPolicy) *shape.LintPolicy {
	if p == nil {
		return nil
	}
	return &shape.LintPolicy{Refs: p.Refs, Variables: p.Variables, Changes: p.Changes}
}
