package services_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	triggerRoute  = "POST /projects/:id/trigger/pipeline"
	triggerSecret = "glptt-correct-horse-battery"
)

func TestTriggers(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	triggers := srv.Client().Triggers
	expiry := time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC)
	made, err := triggers.Create(t.Context(), "group/app", "bot", &gitlabci.CreateTriggerOptions{ExpiresAt: expiry})
	require.NoError(t, err)
	require.Equal(t, []any{"bot", "maya", expiry}, []any{made.Description, made.Owner.Username, made.ExpiresAt})
	require.Greater(t, len(string(made.Token)), 20)
	changed, err := triggers.Update(t.Context(), "group/app", made.ID, &gitlabci.UpdateTriggerOptions{Description: "robot"})
	require.NoError(t, err)
	require.Equal(t, "robot", changed.Description)
	got, err := triggers.Get(t.Context(), "group/app", made.ID)
	require.NoError(t, err)
	require.Equal(t, changed, got)

	srv.AddMember("group/app", "noor", gitlabcitest.RoleMaintainer)
	noor := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "noor"})))
	_, err = noor.Triggers.Update(t.Context(), "group/app", made.ID, &gitlabci.UpdateTriggerOptions{Description: "hers"})
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	hers, err := noor.Triggers.Create(t.Context(), "group/app", "hers", nil)
	require.NoError(t, err)
	require.Zero(t, hers.ExpiresAt)
	var tokens []string
	for one, err := range triggers.All(t.Context(), "group/app", &gitlabci.ListTriggersOptions{ListOptions: gitlabci.ListOptions{PerPage: 1}}) {
		require.NoError(t, err)
		tokens = append(tokens, string(one.Token))
	}
	require.Equal(t, []string{string(made.Token), string(hers.Token)[:4]}, tokens, "oldest first, and whole for their owner")
	require.NoError(t, triggers.Delete(t.Context(), "group/app", made.ID))
	require.ErrorIs(t, triggers.Delete(t.Context(), "group/app", made.ID), gitlabci.ErrNotFound)
	page, err := triggers.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

// A pipeline by a trigger token, with a client that has no token.
func TestTrigger(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	token := srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{Username: "noor"}).Token
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(srv.Transport()))
	require.NoError(t, err)
	opts := &gitlabci.TriggerPipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "B", Value: "2"}, {Key: "A", Value: "1 & 2"}}, Inputs: map[string]any{"env": "prod"},
	}
	before := testkit.JSON(t, opts)
	pipeline, err := client.Pipelines.Trigger(t.Context(), "group/app", "main", token, opts)
	require.NoError(t, err)
	require.Equal(t, before, testkit.JSON(t, opts))
	require.Equal(t, []any{gitlabci.SourceTrigger, "main", "noor"}, []any{pipeline.Source, pipeline.Ref, pipeline.User.Username})
	variables, err := srv.Client().Pipelines.Variables(t.Context(), "group/app", pipeline.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"A=1 & 2", "B=2"}, []string{variables[0].Key + "=" + variables[0].Value, variables[1].Key + "=" + variables[1].Value})
	require.Equal(t, []any{"TRIGGER_PAYLOAD", gitlabci.VariableTypeFile}, []any{variables[2].Key, variables[2].VariableType})
	request := srv.Requests()[0]
	require.Empty(t, request.Query)
	require.Empty(t, request.Header.Values("X-Gitlab-Event"), "GitLab would take it for a webhook")

	j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	pipeline, err = client.Pipelines.Trigger(t.Context(), "group/app", "main", srv.JobToken(j.ID), nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.SourcePipeline, pipeline.Source)
}

// What each option sends.
func TestWireTriggerPipelineOptions(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]*gitlabci.TriggerPipelineOptions{
		`{"token":"glptt-correct-horse-battery","ref":"feature/a"}`: nil,
		`{"token":"glptt-correct-horse-battery","ref":"feature/a","variables":{"A":"é\n\"","B":""}}`: {
			Variables: []*gitlabci.Variable{{Key: "B"}, {Key: "A", Value: "é\n\"", VariableType: gitlabci.VariableTypeEnvVar}},
		},
		`{"token":"glptt-correct-horse-battery","ref":"feature/a","inputs":{"n":3,"hosts":["a"]}}`: {Inputs: map[string]any{"n": 3, "hosts": []string{"a"}}},
	} {
		s := testkit.NewScript(testkit.OK)
		_, err := s.Client(t).Pipelines.Trigger(t.Context(), "group/app", "feature/a", triggerSecret, opts)
		require.NoError(t, err)
		require.JSONEq(t, want, s.Bodies[0])
		require.Equal(t, "/api/v4/projects/group%2Fapp/trigger/pipeline", testkit.OneRequest(t, s).RequestURI)
	}
	s := testkit.NewScript(testkit.Respond(200, `[]`))
	_, err := s.Client(t).Triggers.List(t.Context(), "group/app", &gitlabci.ListTriggersOptions{ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 7}})
	require.NoError(t, err)
	require.Equal(t, "page=3&per_page=7", testkit.OneRequest(t, s).URL.RawQuery)
	s = testkit.NewScript(testkit.OK)
	_, err = s.Client(t).Triggers.Create(t.Context(), "group/app", "bot", &gitlabci.CreateTriggerOptions{ExpiresAt: time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC)})
	require.NoError(t, err)
	require.JSONEq(t, `{"description":"bot","expires_at":"2099-01-02T03:04:05Z"}`, s.Bodies[0])
}

// GitLab gives one response to several mistakes, and the error says which.
func TestTriggerRefusals(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusSuccess})
	token := srv.AddTriggerToken("group/lib", gitlabcitest.TriggerToken{}).Token
	personal := srv.AddToken(gitlabcitest.Token{Value: "glpat-correct-horse-battery"})
	anonymous, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(srv.Transport()))
	require.NoError(t, err)
	const secretly = "gitlabci: POST /projects/group%2Fapp/trigger/pipeline: "
	for _, test := range []struct {
		token string
		is    error
		text  string
	}{
		{"glptt-unknown", gitlabci.ErrNotFound, secretly + "404 Not Found (the trigger token is wrong or of another project, or the project is hidden from its owner: GitLab does not distinguish these)"},
		{token, gitlabci.ErrNotFound, "GitLab does not distinguish these"},
		{personal, gitlabci.ErrNotFound, secretly + "404 Not Found (the token is an access token, which does not trigger pipelines; TriggersService.Create makes one that does)"},
		{srv.JobToken(j.ID), gitlabci.ErrUnauthorized, secretly + "401 Unauthorized: Job is not running (a job token is valid only while its job is running)"},
	} {
		for _, client := range []*gitlabci.Client{srv.Client(), anonymous} {
			_, err := client.Pipelines.Trigger(t.Context(), "group/app", "main", test.token, nil)
			require.ErrorIs(t, err, test.is)
			require.ErrorContains(t, err, test.text)
			require.NotContains(t, err.Error(), test.token)
		}
	}
}

// trigger is a call that starts a pipeline.
func trigger(token, ref string, opts *gitlabci.TriggerPipelineOptions) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Trigger(ctx, "group/app", ref, token, opts))
	}
}

func TestTriggersRefuseBadInput(t *testing.T) {
	t.Parallel()
	variables := func(all ...*gitlabci.Variable) *gitlabci.TriggerPipelineOptions {
		return &gitlabci.TriggerPipelineOptions{Variables: all}
	}
	a := &gitlabci.Variable{Key: "A", Value: "secret-value"}
	for name, call := range map[string]func(context.Context, *gitlabci.Client) error{
		"the trigger token: the token is empty":             trigger("", "main", nil),
		"the trigger token: the token has a newline":        trigger("secret-value\n", "main", nil),
		"the ref of a new pipeline is empty":                trigger(triggerSecret, " ", nil),
		"TriggerPipelineOptions.Variables[1] has the key A": trigger(triggerSecret, "main", variables(a, a)),
		"TriggerPipelineOptions.Variables[0] has no key":    trigger(triggerSecret, "main", variables(nil)),
		`Variables[0] (F) has the type "file", which this`:  trigger(triggerSecret, "main", variables(&gitlabci.Variable{Key: "F", VariableType: gitlabci.VariableTypeFile})),
		"Variables[0] (R) is Raw":                           trigger(triggerSecret, "main", variables(&gitlabci.Variable{Key: "R", Raw: true})),
		`TriggerPipelineOptions.Inputs["x"] is of type`:     trigger(triggerSecret, "main", &gitlabci.TriggerPipelineOptions{Inputs: map[string]any{"x": struct{}{}}}),
		"TriggerPipelineOptions.WaitForRef is -1s":          trigger(triggerSecret, "main", &gitlabci.TriggerPipelineOptions{WaitForRef: -time.Second}),
		"the description of a new trigger token is empty": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Triggers.Create(ctx, "group/app", " ", nil))
		},
		"UpdateTriggerOptions.Description is empty": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Triggers.Update(ctx, "group/app", 7, nil))
		},
		"trigger ID 0 is not above zero": func(ctx context.Context, c *gitlabci.Client) error { return c.Triggers.Delete(ctx, "group/app", 0) },
		"both TriggerToken and Create.IdempotencyKey are set": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{TriggerToken: triggerSecret, Create: gitlabci.CreatePipelineOptions{IdempotencyKey: "k"}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			err := call(t.Context(), s.Client(t))
			testkit.RequireNotSent(t, s, err)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "secret-value")
			require.NotContains(t, err.Error(), triggerSecret)
		})
	}
}

// A token of the call is no less secret than one of the client.
func TestTriggerTokenDoesNotTravelInTheClear(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.OK)
	for url, allowed := range map[string]bool{"http://" + testkit.Host: false, "https://" + testkit.Host: true} {
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL(url), gitlabci.WithTransport(s.Network.Transport()))
		require.NoError(t, err, "the client has no token")
		_, err = client.Pipelines.Trigger(t.Context(), "group/app", "main", triggerSecret, nil)
		if allowed {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.EqualError(t, err, "gitlabci: POST /projects/:id/trigger/pipeline: the trigger token would travel over http:// in the clear; use https://, or WithInsecureHTTP to allow it")
	}
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("http://"+testkit.Host), gitlabci.WithTransport(s.Network.Transport()), gitlabci.WithInsecureHTTP())
	require.NoError(t, err)
	_, err = client.Pipelines.Trigger(t.Context(), "group/app", "main", triggerSecret, nil)
	require.NoError(t, err)
}

// The token is in no error, no log and nothing that is printed, even if the server repeats it.
func TestTriggerTokensAreNotPrinted(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := testkit.NewScript(testkit.Respond(400, fmt.Sprintf(`{"message":{"base":["%s %s"]}}`, triggerSecret, strings.ToUpper(triggerSecret))))
	_, err := s.Client(t, gitlabci.WithLogger(logger)).Pipelines.Trigger(t.Context(), "group/app", "main", triggerSecret, &gitlabci.TriggerPipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "A", Value: "hidden-variable"}},
	})
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.Contains(t, s.Bodies[0], triggerSecret)
	made := &gitlabci.Trigger{ID: 7, Token: triggerSecret}
	opts := gitlabci.RunOptions{TriggerToken: triggerSecret, Watch: gitlabci.WatchOptions{MinInterval: time.Minute}}
	logger.Info("made", "trigger", made, "token", made.Token, "options", opts)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&log, verb, err)
		fmt.Fprintf(&log, verb+verb+verb, made, *made, made.Token)
		fmt.Fprintf(&log, verb+verb, opts, &opts)
	}
	require.NotContains(t, strings.ToLower(log.String()), triggerSecret)
	require.NotContains(t, log.String(), "hidden-variable")
	require.Contains(t, log.String(), "MinInterval:1m0s")
	require.Contains(t, log.String(), "TriggerToken:[REDACTED]")
	require.NotContains(t, fmt.Sprintf("%+v", gitlabci.RunOptions{}), "REDACTED")
	require.Equal(t, triggerSecret, opts.TriggerToken)
}

// Run by a trigger token: all but the start is done with the client's token.
func TestRunByTriggerToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddMember("group/app", "noor", gitlabcitest.RoleReporter)
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, testkit.Job("unit", gitlabci.StatusFailed, "$ make\nError 1\n"))
		client := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "noor"})))
		_, err := client.Pipelines.Run(t.Context(), "group/app", "main", nil)
		require.ErrorIs(t, err, gitlabci.ErrForbidden, "a reporter starts no pipeline")
		result, err := client.Pipelines.Run(t.Context(), "group/app", "main", &gitlabci.RunOptions{
			TriggerToken: srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{}).Token,
			Create:       gitlabci.CreatePipelineOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}}, Inputs: map[string]any{"env": "prod"}},
		})
		require.NoError(t, err)
		require.Equal(t, []any{gitlabci.SourceTrigger, gitlabci.StatusFailed}, []any{result.Pipeline.Source, result.Pipeline.Status})
		require.Len(t, result.Failed, 1)
		require.Equal(t, 1, sent(srv, triggerRoute))
		variables, err := srv.Client().Pipelines.Variables(t.Context(), "group/app", result.Pipeline.ID)
		require.NoError(t, err)
		require.Equal(t, "A", variables[0].Key)
		require.Contains(t, variables[1].Value, `"inputs":{"env":"prod"}`)
	})
}

// A ref that was just pushed is waited for, and a trigger whose response is lost is not
// repeated.
func TestTriggerWaitsForRef(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		token := srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{}).Token
		time.AfterFunc(20*time.Second, func() { srv.AddRef("group/app", gitlabcitest.Ref{Name: "topic"}) })
		_, err := srv.Client().Pipelines.Trigger(t.Context(), "group/app", "topic", token, nil)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		pipeline, err := srv.Client().Pipelines.Trigger(t.Context(), "group/app", "topic", token, &gitlabci.TriggerPipelineOptions{WaitForRef: time.Minute})
		require.NoError(t, err)
		require.Equal(t, "topic", pipeline.Ref)

		srv.Fault(gitlabcitest.Fault{Route: triggerRoute, Status: http.StatusBadGateway, Executed: true, Times: 1})
		before := sent(srv, triggerRoute)
		_, err = srv.Client().Pipelines.Trigger(t.Context(), "group/app", "topic", token, nil)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.Equal(t, before+1, sent(srv, triggerRoute))
	})
}

// A refusal after a lost response counts only if the description is not as wanted.
func TestUpdateTriggerIsReadBack(t *testing.T) {
	t.Parallel()
	for description, done := range map[string]bool{"bot": true, "other": false} {
		s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(403, `{"message":"403 Forbidden"}`), testkit.Respond(200, fmt.Sprintf(`{"id":7,"description":%q}`, description)))
		got, err := s.Client(t).Triggers.Update(t.Context(), "group/app", 7, &gitlabci.UpdateTriggerOptions{Description: " bot "})
		if done {
			require.NoError(t, err)
			require.Equal(t, "bot", got.Description)
			continue
		}
		require.ErrorIs(t, err, gitlabci.ErrForbidden)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	}
}
