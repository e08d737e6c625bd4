package main

import (
	"reflect"
	"testing"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestNeeds(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	srv.OnLint("group/app", func(gitlabcitest.Lint) gitlabci.LintResult {
		return gitlabci.LintResult{Valid: true, Jobs: []*gitlabci.LintJob{
			{Name: "by stages"}, {Name: "at once", Needs: []gitlabci.LintNeed{}}, {Name: "by needs", Needs: []gitlabci.LintNeed{{Name: "a"}, {Name: "b", Optional: true}}},
		}}
	})
	for source, want := range map[gitlabci.Source]needs{
		gitlabci.SourcePush:           {"at once": {}, "by needs": {"a", "b"}},
		gitlabci.SourceParentPipeline: nil,
	} {
		got, err := readNeeds(t.Context(), srv.Client(), &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ProjectID: "group/app", SHA: p.SHA, Source: source}})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", source, got, err)
		}
	}
}

// The page says what the critical path is made of, and why if not of needs.
func TestPathOfPage(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	p.AddJob(gitlabcitest.Job{Name: "unit"})
	expect(t, srv, p.ID, "between jobs. By stages.</p>")
	result := gitlabci.LintResult{Valid: true, Jobs: []*gitlabci.LintJob{{Name: "unit", Needs: []gitlabci.LintNeed{}}}}
	srv.OnLint("group/app", func(gitlabcitest.Lint) gitlabci.LintResult { return result })
	expect(t, srv, p.ID, "By the <code>needs</code>")
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/ci/lint", Status: 403, Times: 1})
	expect(t, srv, p.ID, "By stages: the <code>needs</code> of the jobs cannot be read (<bdi>gitlabci: GET /projects/")
	result = gitlabci.LintResult{Errors: []string{"unit has no script"}}
	expect(t, srv, p.ID, "(<bdi>the configuration is not valid: unit has no script</bdi>)")
}
