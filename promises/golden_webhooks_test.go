package promises_test

import (
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// goldenWebhookTests are the responses about webhooks and commit statuses.
var goldenWebhookTests = []goldenTest{
	{call: "statuses_list", file: "statuses_list.json", want: goldenStatusesList, except: goldenBasic("Author")},
	{call: "webhooks_list", file: "webhooks_list.json", want: goldenWebhooks, except: goldenWebhookExcept},
	{call: "webhooks_all", file: "webhooks_list.json", want: goldenWebhooks, except: goldenWebhookExcept},
	{call: "webhooks_get", file: "webhooks_get.json", want: goldenWebhooks[0], except: goldenWebhookExcept},
	{call: "webhooks_create", file: "webhooks_create.json", want: goldenWebhookCreated, except: append(goldenWebhookExcept, "DisabledUntil")},
	{call: "webhooks_update", file: "webhooks_update.json", want: goldenWebhookUpdated, except: goldenUnfilled(goldenWebhookUpdated)},
	{call: "webhooks_events", file: "webhooks_events.json", want: goldenWebhookEvents},
	{call: "webhooks_all_events", file: "webhooks_events.json", want: goldenWebhookEvents},
	{call: "webhooks_resend", file: "webhooks_resend.json", want: &gitlabci.WebhookResponse{ResponseStatus: 202}},
	{call: "statuses_all", file: "statuses_list.json", want: goldenStatusesList, except: goldenBasic("Author")},
}

var goldenStatusesList = []*gitlabci.CommitStatus{
	{
		ID:           550201,
		SHA:          testkit.SHA,
		Ref:          "feature/tariff",
		Status:       gitlabci.StatusRunning,
		Name:         "ci/surveyor",
		TargetURL:    "https://surveyor.example.com/runs/77",
		Description:  "3 of 8 rooms measured",
		CreatedAt:    time.Date(2026, 3, 2, 8, 14, 1, 223e6, time.UTC),
		StartedAt:    time.Date(2026, 3, 2, 8, 14, 2, 871e6, time.UTC),
		AllowFailure: true,
		Coverage:     new(61.25),
		PipelineID:   90377,
		Author: &gitlabci.User{
			ID:               214,
			Username:         "quill",
			PublicEmail:      "quill@example.com",
			Name:             "Quill Tan",
			State:            "active",
			Locked:           true,
			AvatarURL:        "https://gitlab.example.com/uploads/-/system/user/avatar/214/a.png",
			AvatarPath:       "/uploads/-/system/user/avatar/214/a.png",
			CustomAttributes: []gitlabci.CustomAttribute{{Key: "team", Value: "rooms"}},
			WebURL:           "https://gitlab.example.com/quill",
		},
	},
	{
		ID:         550209,
		SHA:        testkit.SHA,
		Ref:        "feature/tariff",
		Status:     gitlabci.StatusSuccess,
		Name:       "rspec",
		CreatedAt:  time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC),
		StartedAt:  time.Date(2026, 3, 2, 8, 15, 30, 500e6, time.UTC),
		FinishedAt: time.Date(2026, 3, 2, 8, 19, 30, 750e6, time.UTC),
		PipelineID: 90377,
	},
}

// goldenWebhookExcept are the values that never come back.
var goldenWebhookExcept = []string{"CustomHeaders.Value", "URLVariables.Value"}

var goldenWebhooks = []*gitlabci.Webhook{
	{
		ID:          8801,
		URL:         "https://surveyor.example.com/gitlab/{room}",
		Name:        "surveyor",
		Description: "Measures every room",
		ProjectID:   "57",
		CreatedAt:   time.Date(2026, 2, 11, 7, 8, 9, 125e6, time.UTC),
		WebhookTriggers: gitlabci.WebhookTriggers{
			PushEvents: true, TagPushEvents: true, MergeRequestsEvents: true, PipelineEvents: true, JobEvents: true, DeploymentEvents: true,
			IssuesEvents: true, ConfidentialIssuesEvents: true, NoteEvents: true, ConfidentialNoteEvents: true, WikiPageEvents: true,
			FeatureFlagEvents: true, ReleasesEvents: true, MilestoneEvents: true, EmojiEvents: true, ResourceAccessTokenEvents: true,
			ResourceDeployTokenEvents: true, VulnerabilityEvents: true,
		},
		RepositoryUpdateEvents: true,
		EnableSSLVerification:  true,
		AlertStatus:            gitlabci.WebhookAlertStatusTemporarilyDisabled,
		DisabledUntil:          time.Date(2026, 2, 11, 8, 0, 0, 500e6, time.UTC),
		PushEventsBranchFilter: "release/*",
		BranchFilterStrategy:   "wildcard",
		CustomWebhookTemplate:  `{"room":"{{object_kind}}"}`,
		CustomHeaders:          []gitlabci.WebhookValue{{Key: "X-Floor"}},
		URLVariables:           []gitlabci.WebhookValue{{Key: "room"}},
		TokenPresent:           true,
		SigningTokenPresent:    true,
	},
	{
		ID: 8802, URL: "https://bot.example.com/", ProjectID: "57", CreatedAt: time.Date(2026, 2, 12, 0, 0, 0, 0, time.UTC),
		WebhookTriggers: gitlabci.WebhookTriggers{PipelineEvents: true}, AlertStatus: gitlabci.WebhookAlertStatusExecutable,
		BranchFilterStrategy: "all_branches", CustomHeaders: []gitlabci.WebhookValue{}, URLVariables: []gitlabci.WebhookValue{},
	},
}

var goldenWebhookCreated = func() *gitlabci.Webhook {
	hook := *goldenWebhooks[0]
	hook.AlertStatus, hook.DisabledUntil = gitlabci.WebhookAlertStatusExecutable, time.Time{}
	return &hook
}()

var goldenWebhookUpdated = func() *gitlabci.Webhook {
	hook := *goldenWebhooks[1]
	hook.Name, hook.JobEvents = "bot", true
	return &hook
}()

var goldenWebhookEvents = []*gitlabci.WebhookEvent{
	{
		ID:                771204,
		URL:               "https://surveyor.example.com/gitlab/{room}",
		Trigger:           "pipeline_hooks",
		RequestHeaders:    map[string]string{"Content-Type": "application/json", "X-Gitlab-Event": "Pipeline Hook", "X-Gitlab-Token": "[REDACTED]"},
		RequestData:       gitlabci.WebhookPayload(`{"object_kind": "pipeline", "object_attributes": {"id": 90377}}`),
		ResponseHeaders:   map[string]string{"Content-Type": "text/plain"},
		ResponseBody:      "measured",
		ExecutionDuration: 1.0906,
		ResponseStatus:    "200",
		CreatedAt:         time.Date(2026, 3, 2, 8, 15, 1, 4e6, time.UTC),
	},
	{
		ID: 771203, URL: "https://surveyor.example.com/gitlab/{room}", Trigger: "job_hooks", RequestHeaders: map[string]string{},
		RequestData: gitlabci.WebhookPayload(`{}`), ResponseHeaders: map[string]string{}, ExecutionDuration: 10, ResponseStatus: "internal error",
		CreatedAt: time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC),
	},
}
