package services_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestLint(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	lint := srv.Client().Lint
	result, err := lint.Validate(t.Context(), app, "test: {script: make}", nil)
	require.NoError(t, err)
	require.Equal(t, &gitlabci.LintResult{
		Valid: true, Errors: []string{}, Warnings: []string{}, MergedYAML: "---\ntest: {script: make}", Includes: []gitlabci.LintInclude{},
	}, result)
	result, err = lint.Validate(t.Context(), app, " ", &gitlabci.LintOptions{IncludeJobs: true})
	require.NoError(t, err, "an invalid configuration is a result")
	require.False(t, result.Valid)
	require.Equal(t, []string{"Please provide content of .gitlab-ci.yml"}, result.Errors)

	var asked []gitlabcitest.Lint
	want := gitlabci.LintResult{Valid: true, Errors: []string{}, Warnings: []string{"slow"}, Includes: []gitlabci.LintInclude{}, Jobs: []*gitlabci.LintJob{
		{Name: "a", BeforeScript: []string{}, Script: []string{"make"}, AfterScript: []string{}, TagList: []string{}, Needs: []gitlabci.LintNeed{}},
		{Name: "b", BeforeScript: []string{}, Script: []string{"make"}, AfterScript: []string{}, TagList: []string{}},
	}}
	srv.OnLint("group/app", func(l gitlabcitest.Lint) gitlabci.LintResult {
		asked = append(asked, l)
		return want
	})
	result, err = lint.Validate(t.Context(), app, "x", &gitlabci.LintOptions{DryRun: true, Ref: "v1", IncludeJobs: true})
	require.NoError(t, err)
	require.Equal(t, &want, result)
	require.NotNil(t, result.Jobs[0].Needs, "it waits for nothing")
	require.Nil(t, result.Jobs[1].Needs, "it waits for the stages before")
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic"})
	srv.SetConfig("group/app", "topic", "topic: {script: make}")
	result, err = lint.ValidateProject(t.Context(), app, &gitlabci.LintProjectOptions{ContentRef: "topic", DryRun: true, DryRunRef: "main"})
	require.NoError(t, err)
	require.Nil(t, result.Jobs, "they were not requested")
	_, err = lint.ValidateProject(t.Context(), app, nil)
	require.NoError(t, err)
	require.Equal(t, []gitlabcitest.Lint{
		{Content: "x", DryRun: true, Ref: "v1"}, {Content: "topic: {script: make}", DryRun: true, Ref: "main"},
		{Content: "test:\n  script:\n    - echo all is well\n"},
	}, asked)
}

func TestLintIsRefused(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	reporter := srv.AddToken(gitlabcitest.Token{Username: member(srv, gitlabcitest.RoleReporter)})
	lint := srv.Client(gitlabci.WithToken(reporter)).Lint
	_, err := lint.Validate(t.Context(), app, "", nil)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	_, err = lint.ValidateProject(t.Context(), app, nil)
	require.NoError(t, err)
	_, err = lint.ValidateProject(t.Context(), app, &gitlabci.LintProjectOptions{ContentRef: "none"})
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	require.ErrorContains(t, err, "Commit Not Found")
	_, err = lint.ValidateProject(t.Context(), "group/none", nil)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)

	for want, call := range map[string]func(context.Context, *gitlabci.LintService) error{
		"LintOptions.Ref is set, which only a DryRun uses": func(ctx context.Context, s *gitlabci.LintService) error {
			return testkit.Done(s.Validate(ctx, app, "", &gitlabci.LintOptions{Ref: "main"}))
		},
		"LintProjectOptions.DryRunRef is set, which only": func(ctx context.Context, s *gitlabci.LintService) error {
			return testkit.Done(s.ValidateProject(ctx, app, &gitlabci.LintProjectOptions{DryRunRef: "main"}))
		},
		"project \"app\" is neither": func(ctx context.Context, s *gitlabci.LintService) error {
			return testkit.Done(s.ValidateProject(ctx, "app", &gitlabci.LintProjectOptions{ContentRef: "main"}))
		},
		"not valid UTF-8": func(ctx context.Context, s *gitlabci.LintService) error {
			return testkit.Done(s.Validate(ctx, app, "\xff", nil))
		},
	} {
		s := testkit.NewScript(testkit.OK)
		err := call(t.Context(), s.Client(t).Lint)
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, want)
	}
}

// Servers before GitLab 16.10 ignore refs, and validate the default branch.
func TestLintOfOldServers(t *testing.T) {
	t.Parallel()
	opts := map[string]*gitlabci.LintProjectOptions{"content": {ContentRef: "main"}, "dry run": {DryRun: true, DryRunRef: "main"}}
	for release, old := range map[string]bool{"15.4": true, "16.9": true, "16.10": false, "19.5": false} {
		srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
		for name, one := range opts {
			_, err := srv.Client().Lint.ValidateProject(t.Context(), app, one)
			require.Equal(t, old, errors.Is(err, errors.ErrUnsupported), "%s of %s: %v", name, release, err)
			require.Equal(t, old, errors.Is(err, gitlabci.ErrNotSent))
			require.Equal(t, !old, err == nil)
		}
		_, err := srv.Client().Lint.ValidateProject(t.Context(), app, nil)
		require.NoError(t, err)
		require.Len(t, srv.Requests(), map[bool]int{true: 3, false: 5}[old])
	}
	const valid = `{"valid":true,"errors":[]}`
	for _, version := range []http.HandlerFunc{
		testkit.Respond(403, `{"message":"403 Forbidden"}`), testkit.Respond(401, `{"message":"401 Unauthorized"}`), testkit.Respond(200, `{"version":"unknown"}`),
	} {
		s := testkit.NewScript(version, testkit.Respond(200, valid))
		_, err := s.Client(t).Lint.ValidateProject(t.Context(), app, opts["content"])
		require.NoError(t, err, "nobody knows that it is older")
	}
	s := testkit.NewScript(testkit.Respond(200, `{}`), testkit.Respond(200, valid))
	_, err := s.Client(t).Lint.ValidateProject(t.Context(), app, opts["content"])
	require.ErrorContains(t, err, "not the requested object: it has no version")
	s = testkit.NewScript(testkit.Respond(200, valid))
	_, err = s.Client(t).Lint.Validate(t.Context(), app, "x", &gitlabci.LintOptions{IncludeJobs: true})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "the server ignores the parameter include_jobs")
}

func TestWireLintOptions(t *testing.T) {
	t.Parallel()
	const valid = `{"valid":true,"errors":[],"jobs":[]}`
	for body, opts := range map[string]*gitlabci.LintOptions{
		`{"content":"é\n"}`:                            nil,
		`{"content":"é\n","dry_run":true}`:             {DryRun: true},
		`{"content":"é\n","include_jobs":true}`:        {IncludeJobs: true},
		`{"content":"é\n","dry_run":true,"ref":"a#b"}`: {DryRun: true, Ref: "a#b"},
	} {
		s := testkit.NewScript(testkit.Respond(200, valid))
		_, err := s.Client(t).Lint.Validate(t.Context(), app, "é\n", opts)
		require.NoError(t, err)
		testkit.OneRequest(t, s)
		require.JSONEq(t, body, s.Bodies[0])
	}
	for query, opts := range map[string]*gitlabci.LintProjectOptions{
		"dry_run=true": {DryRun: true}, "include_jobs=true": {IncludeJobs: true}, "content_ref=a%23b": {ContentRef: "a#b"}, "dry_run=true&dry_run_ref=v1": {DryRun: true, DryRunRef: "v1"},
	} {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v4/version" {
				testkit.Respond(200, `{"version":"19.5.0-ee"}`)(w, r)
				return
			}
			require.Equal(t, query, r.URL.RawQuery)
			testkit.Respond(200, valid)(w, r)
		})
		_, err := s.Client(t).Lint.ValidateProject(t.Context(), app, opts)
		require.NoError(t, err)
	}
}

// A validation changes nothing, so that it is retried, and nobody wonders whether it was done.
func TestLintIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := testkit.Respond(429, gitlabcitest.BodyEndpointLimited, "Retry-After", "60")
		s := testkit.NewScript(testkit.Reset, testkit.Respond(502, ``), limited, testkit.Respond(200, `{"valid":false,"errors":["x"]}`))
		result, err := s.Client(t).Lint.Validate(t.Context(), app, "x", nil)
		require.NoError(t, err)
		require.False(t, result.Valid)
		for _, body := range s.Bodies {
			require.JSONEq(t, `{"content":"x"}`, body)
		}
		_, err = testkit.NewScript(testkit.Respond(502, ``)).Client(t).Lint.Validate(t.Context(), app, "x", nil)
		require.Error(t, err)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	})
}
