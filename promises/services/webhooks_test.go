package services_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	hookToken        = "correct-horse-battery"
	hookSigningToken = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// receiver receives all webhooks. It responds 200.
var receiver = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

func TestWebhooks(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	hooks := srv.Client().Webhooks
	made, err := hooks.Create(t.Context(), "group/app", "https://bot.example.com/", nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.WebhookTriggers{PipelineEvents: true, JobEvents: true, DeploymentEvents: true}, made.WebhookTriggers)
	require.Equal(t, gitlabci.WebhookAlertStatusExecutable, made.AlertStatus)
	require.True(t, made.EnableSSLVerification)
	opts := &gitlabci.WebhookOptions{
		Triggers: &gitlabci.WebhookTriggers{JobEvents: true}, Token: new(hookToken), SigningToken: new(hookSigningToken), Name: new("bot"),
		CustomHeaders: []gitlabci.WebhookValue{{Key: "X-Key", Value: "hidden-value"}},
	}
	before := *opts
	changed, err := hooks.Update(t.Context(), "group/app", made.ID, opts)
	require.NoError(t, err)
	require.Equal(t, before, *opts)
	require.Equal(t, gitlabci.WebhookTriggers{JobEvents: true}, changed.WebhookTriggers)
	require.True(t, changed.TokenPresent && changed.SigningTokenPresent)
	require.Equal(t, []gitlabci.WebhookValue{{Key: "X-Key"}}, changed.CustomHeaders)
	got, err := hooks.Get(t.Context(), "group/app", made.ID)
	require.NoError(t, err)
	require.Equal(t, changed, got)
	page, err := hooks.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	require.Equal(t, []*gitlabci.Webhook{got}, page.Items)
	require.NoError(t, hooks.Delete(t.Context(), "group/app", made.ID))
	_, err = hooks.Get(t.Context(), "group/app", made.ID)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	require.ErrorIs(t, hooks.Delete(t.Context(), "group/app", made.ID), gitlabci.ErrNotFound)

	reporter := srv.AddToken(gitlabcitest.Token{Username: member(srv, gitlabcitest.RoleDeveloper)})
	_, err = srv.Client(gitlabci.WithToken(reporter)).Webhooks.List(t.Context(), "group/app", nil)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
}

// member adds a member of the project with a role.
func member(srv *gitlabcitest.Server, role gitlabcitest.Role) string {
	srv.AddMember("group/app", "noor", role)
	return "noor"
}

func TestWebhookDeliveries(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	status := http.StatusOK
	hook := srv.AddHook("group/app", gitlabcitest.Hook{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })})
	hooks, id := srv.Client().Webhooks, hook.ID
	require.ErrorIs(t, hooks.Test(t.Context(), "group/app", id, gitlabci.WebhookTriggerPipeline), gitlabci.ErrInvalid, "there is no pipeline")
	j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	require.NoError(t, hooks.Test(t.Context(), "group/app", id, gitlabci.WebhookTriggerJob))
	status = http.StatusBadGateway
	srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
	srv.Wait()
	page, err := hooks.Events(t.Context(), "group/app", id, nil)
	require.NoError(t, err)
	require.Equal(t, 3, page.Total)
	newest := page.Items[0]
	require.Equal(t, []string{"502", "pipeline_hooks"}, []string{newest.ResponseStatus, newest.Trigger})
	require.Contains(t, string(newest.RequestData), `"object_kind":"pipeline"`)
	for words, want := range map[string]int{"successful": 1, "server_failure": 2, "502,200": 3, "404": 0} {
		n := 0
		for _, err := range hooks.AllEvents(t.Context(), "group/app", id, &gitlabci.ListWebhookEventsOptions{Status: words}) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, want, n, words)
	}
	status = http.StatusAccepted
	response, err := hooks.Resend(t.Context(), "group/app", id, newest.ID)
	require.NoError(t, err)
	require.Equal(t, 202, response.ResponseStatus)
	_, err = hooks.Resend(t.Context(), "group/app", id, 99)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("16.0"))
	old.AddHook("group/app", gitlabcitest.Hook{Handler: receiver})
	_, err = old.Client().Webhooks.Events(t.Context(), "group/app", 1, nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// More deliveries than a page has, of which new ones are made during the loop.
func TestAllWebhookEvents(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddHook("group/app", gitlabcitest.Hook{Handler: receiver, Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventJob}})
	tell := func() {
		j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.SetJobStatus(j.ID, gitlabci.StatusSuccess)
		srv.Wait()
	}
	for range 70 {
		tell()
	}
	for _, prefetch := range []int{0, 4} {
		last, n := gitlabci.WebhookEventID(1_000_000), 0
		for e, err := range srv.Client().Webhooks.AllEvents(t.Context(), "group/app", 1, &gitlabci.ListWebhookEventsOptions{ListOptions: gitlabci.ListOptions{Prefetch: prefetch}}) {
			require.NoError(t, err)
			require.Less(t, e.ID, last, "newest first, none twice")
			last = e.ID
			if n++; n%10 == 0 && n <= 50 {
				tell()
			}
		}
		require.GreaterOrEqual(t, n, 70)
		require.EqualValues(t, 1, last)
	}
}

// What each option sends, in a create and in an update.
func TestWireWebhookOptions(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]gitlabci.WebhookOptions{
		`"token":"t&k"`: {Token: new("t&k")},
		`"token":""`:    {Token: new("")},
		`"signing_token":"` + hookSigningToken + `"`:      {SigningToken: new(hookSigningToken)},
		`"signing_token":""`:                              {SigningToken: new("")},
		`"name":"bot"`:                                    {Name: new("bot")},
		`"description":"d"`:                               {Description: new("d")},
		`"enable_ssl_verification":false`:                 {EnableSSLVerification: new(false)},
		`"push_events_branch_filter":"a/*"`:               {PushEventsBranchFilter: new("a/*")},
		`"branch_filter_strategy":"regex"`:                {BranchFilterStrategy: "regex"},
		`"custom_webhook_template":"{}"`:                  {CustomWebhookTemplate: new("{}")},
		`"custom_headers":[{"key":"A","value":"b"}]`:      {CustomHeaders: []gitlabci.WebhookValue{{Key: "A", Value: "b"}}},
		`"url_variables":[{"key":"A","value":"b"}]`:       {URLVariables: []gitlabci.WebhookValue{{Key: "A", Value: "b"}}},
		`"push_events":true,"tag_push_events":false,"mer`: {Triggers: &gitlabci.WebhookTriggers{PushEvents: true}},
		`"vulnerability_events":true`:                     {Triggers: &gitlabci.WebhookTriggers{VulnerabilityEvents: true}},
	} {
		s := testkit.NewScript(testkit.OK)
		_, err := s.Client(t).Webhooks.Update(t.Context(), "group/app", 7, &opts)
		require.NoError(t, err)
		require.Contains(t, s.Bodies[0], want)
		require.NotContains(t, s.Bodies[0], `"url":`)
		require.Equal(t, opts.Triggers != nil, strings.Contains(s.Bodies[0], "pipeline_events"))
		s = testkit.NewScript(testkit.OK)
		_, err = s.Client(t).Webhooks.Create(t.Context(), "group/app", "https://a.example/{A}", &opts)
		require.NoError(t, err)
		require.Contains(t, s.Bodies[0], want)
		require.Contains(t, s.Bodies[0], `"url":"https://a.example/{A}"`)
		require.Equal(t, opts.Triggers == nil, strings.Contains(s.Bodies[0], `"pipeline_events":true`))
	}
	s := testkit.NewScript(testkit.OK)
	_, err := s.Client(t).Webhooks.Update(t.Context(), "group/app", 7, &gitlabci.WebhookOptions{URL: "https://b.example/"})
	require.NoError(t, err)
	require.JSONEq(t, `{"url":"https://b.example/"}`, s.Bodies[0])
}

func TestWireListWebhooks(t *testing.T) {
	t.Parallel()
	for query, opts := range map[string]*gitlabci.ListWebhookEventsOptions{
		"": nil, "page=2&per_page=20": {ListOptions: gitlabci.ListOptions{Page: 2, PerPage: 20}}, "status=successful": {Status: "successful"},
		"hook_id=7&page=2": {ListOptions: gitlabci.ListOptions{After: "hook_id=7&page=2"}},
	} {
		s := testkit.NewScript(testkit.Respond(200, `[]`))
		_, err := s.Client(t).Webhooks.Events(t.Context(), "group/app", 7, opts)
		require.NoError(t, err)
		require.Equal(t, query, testkit.OneRequest(t, s).URL.RawQuery)
	}
	s := testkit.NewScript(testkit.Respond(200, `[]`))
	_, err := s.Client(t).Webhooks.List(t.Context(), "group/app", &gitlabci.ListWebhooksOptions{ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 7}})
	require.NoError(t, err)
	require.Equal(t, "page=3&per_page=7", testkit.OneRequest(t, s).URL.RawQuery)
}

func TestWebhooksRefuseBadInput(t *testing.T) {
	t.Parallel()
	const secretURL = "bot.example.com/secret-path"
	for name, call := range map[string]func(context.Context, *gitlabci.WebhooksService) error{
		"not an http:// or https:// URL": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Create(ctx, "group/app", secretURL, nil))
		},
		"of a webhook is not": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Create(ctx, "group/app", "", nil))
		},
		"the URL of a webhook": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, &gitlabci.WebhookOptions{URL: secretURL}))
		},
		"Create has the URL as an argument": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Create(ctx, "group/app", "https://a.example/", &gitlabci.WebhookOptions{URL: "https://b.example/"}))
		},
		"WebhookOptions is nil": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, nil))
		},
		"Token has a line break": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, &gitlabci.WebhookOptions{Token: new("secret-path\r\nX: y")}))
		},
		`is not "whsec_" and 32 bytes`: func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, &gitlabci.WebhookOptions{SigningToken: new("whsec_secret-path")}))
		},
		"without a Key": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, &gitlabci.WebhookOptions{CustomHeaders: []gitlabci.WebhookValue{{Value: "secret-path"}}}))
		},
		"21 is not within 0 to 20": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Events(ctx, "group/app", 7, &gitlabci.ListWebhookEventsOptions{ListOptions: gitlabci.ListOptions{PerPage: 21}}))
		},
		"webhook ID 0 is not above zero": func(ctx context.Context, s *gitlabci.WebhooksService) error { return s.Delete(ctx, "group/app", 0) },
		`"" is not the trigger`:          func(ctx context.Context, s *gitlabci.WebhooksService) error { return s.Test(ctx, "group/app", 7, "") },
		`"a/b" is not the trigger`: func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return s.Test(ctx, "group/app", 7, "a/b")
		},
		"webhook event ID -1 is not above": func(ctx context.Context, s *gitlabci.WebhooksService) error {
			return testkit.Done(s.Resend(ctx, "group/app", 7, -1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			err := call(t.Context(), s.Client(t).Webhooks)
			testkit.RequireNotSent(t, s, err)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "secret-path")
		})
	}
}

// The tokens and values of a webhook are in no error and no log, even if the server repeats
// them.
func TestWebhookSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	echo := fmt.Sprintf(`{"message":{"token":["%s %s hidden-header hidden-variable"]}}`, hookToken, hookSigningToken)
	for name, call := range map[string]func(context.Context, *gitlabci.Client, *gitlabci.WebhookOptions) error{
		"create": func(ctx context.Context, c *gitlabci.Client, o *gitlabci.WebhookOptions) error {
			return testkit.Done(c.Webhooks.Create(ctx, "group/app", "https://bot.example.com/", o))
		},
		"update": func(ctx context.Context, c *gitlabci.Client, o *gitlabci.WebhookOptions) error {
			return testkit.Done(c.Webhooks.Update(ctx, "group/app", 7, o))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := testkit.NewScript(testkit.Respond(422, echo))
			client := s.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			err := call(t.Context(), client, &gitlabci.WebhookOptions{
				Token: new(hookToken), SigningToken: new(hookSigningToken),
				CustomHeaders: []gitlabci.WebhookValue{{Key: "A", Value: "hidden-header"}}, URLVariables: []gitlabci.WebhookValue{{Key: "B", Value: "hidden-variable"}},
			})
			require.ErrorIs(t, err, gitlabci.ErrInvalid)
			printed := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
			for _, secret := range []string{hookToken, hookSigningToken, "hidden"} {
				require.Contains(t, s.Bodies[0], secret)
				require.NotContains(t, printed, secret)
			}
		})
	}
}

// A refusal after a lost response counts only if the webhook is not as wanted.
func TestUpdateWebhookIsReadBack(t *testing.T) {
	t.Parallel()
	hook := func(name string) http.HandlerFunc {
		return testkit.Respond(200, fmt.Sprintf(`{"id":7,"name":%q,"url":"https://a.example/","pipeline_events":true,"token_present":true,"custom_headers":[{"key":"A"}]}`, name))
	}
	opts := &gitlabci.WebhookOptions{
		URL: "https://a.example/", Name: new("bot"), Triggers: &gitlabci.WebhookTriggers{PipelineEvents: true}, Token: new(hookToken),
		CustomHeaders: []gitlabci.WebhookValue{{Key: "A", Value: "b"}}, EnableSSLVerification: new(false),
	}
	for name, done := range map[string]bool{"bot": true, "other": false} {
		s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(403, `{"message":"403 Forbidden"}`), hook(name))
		got, err := s.Client(t).Webhooks.Update(t.Context(), "group/app", 7, opts)
		if done {
			require.NoError(t, err)
			require.Equal(t, "bot", got.Name)
		} else {
			require.ErrorIs(t, err, gitlabci.ErrForbidden)
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		}
	}
}

// The body of a delivery can have the values of variables, which nothing prints.
func TestWebhookPayloadsAreNotPrinted(t *testing.T) {
	event := gitlabci.WebhookEvent{RequestData: `{"value":"geheim"}`}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("delivered", "payload", event.RequestData)
	for _, printed := range []string{
		fmt.Sprint(event), fmt.Sprintf("%+v %#v %q %s %x", event, event, event.RequestData, event.RequestData, event.RequestData), log.String(),
	} {
		require.NotContains(t, printed, "geheim")
		require.Contains(t, printed, "[REDACTED]")
	}
	require.Contains(t, string(event.RequestData), "geheim")
}
