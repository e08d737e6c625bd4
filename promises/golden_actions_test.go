package promises_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

var goldenActions = []goldenTest{
	{call: "jobs_list", file: "jobs_list.json", want: goldenJobsList, except: goldenJobsExcept},
	{call: "jobs_all", file: "jobs_list.json", want: goldenJobsList, except: goldenJobsExcept},
	{call: "jobs_get", file: "jobs_get.json", want: goldenNoor(func(*gitlabci.Job) {}), except: goldenJobsExcept},
	{call: "jobs_cancel", file: "jobs_cancel.json", want: goldenJobsCancel, except: append(goldenJobsExcept, "FailureReason")},
	{call: "jobs_retry", file: "jobs_retry.json", want: goldenJobsRetry, except: append(goldenJobsExcept, "FailureReason")},
	{call: "jobs_play", file: "jobs_play.json", want: goldenJobsPlay, except: append(goldenJobsExcept, "FailureReason")},
	{call: "jobs_play_or_retry", file: "jobs_play.json", want: goldenJobsPlay, except: append(goldenJobsExcept, "FailureReason")},
	{call: "jobs_erase", file: "jobs_erase.json", want: goldenJobsErase, except: append(goldenJobsExcept, "Artifacts", "ArtifactsExpireAt", "ArtifactsFile")},
	{call: "jobs_current", file: "jobs_current.json", want: goldenJobsCurrent, except: append(goldenJobsExcept, "FailureReason")},
	{call: "jobs_allowed_agents", file: "jobs_allowed_agents.json", want: goldenJobsAllowedAgents},
	{call: "artifacts_entries", file: "artifacts_entries.json", want: goldenArtifactsEntries},
	{call: "artifacts_all_entries", file: "artifacts_entries.json", want: goldenArtifactsEntries},
	{call: "artifacts_keep", file: "artifacts_keep.json", want: goldenArtifactsKeep, except: append(goldenJobsExcept, "ArtifactsExpireAt")},
}

func TestGoldenFindByName(t *testing.T) {
	t.Parallel()
	require.Equal(t, goldenJobsList[0], goldenResult(t, "jobs_find_by_name", testkit.GoldenFile(t, "jobs_list.json")))
}

// goldenNoor is the job of jobs_get.json, after change.
func goldenNoor(change func(*gitlabci.Job)) *gitlabci.Job {
	job := &gitlabci.Job{
		JobInfo: gitlabci.JobInfo{
			ID:             550123,
			Status:         gitlabci.StatusFailed,
			Stage:          "verify",
			Name:           "lint: [pipes, valves]",
			Ref:            "v4.3.0",
			Tag:            true,
			Coverage:       new(87.25),
			AllowFailure:   true,
			CreatedAt:      time.Date(2026, 4, 9, 5, 30, 0, 15e6, time.UTC),
			StartedAt:      time.Date(2026, 4, 9, 5, 30, 20, 120e6, time.UTC),
			FinishedAt:     time.Date(2026, 4, 9, 5, 33, 41, 745e6, time.UTC),
			ErasedAt:       time.Date(2026, 4, 10, 21, 7, 8, 9e6, time.UTC),
			Duration:       201.625,
			QueuedDuration: 20.105,
			User: &gitlabci.User{
				ID:               105,
				Username:         "noor.haddad",
				PublicEmail:      "noor@example.org",
				Name:             "Noor Haddad",
				State:            "active",
				Locked:           true,
				AvatarURL:        "https://gitlab.example.com/uploads/-/system/user/avatar/105/noor.png",
				AvatarPath:       "/uploads/-/system/user/avatar/105/noor.png",
				CustomAttributes: []gitlabci.CustomAttribute{{Key: "desk", Value: "3-south"}},
				WebURL:           "https://gitlab.example.com/noor.haddad",
				CreatedAt:        time.Date(2021, 8, 17, 10, 45, 30, 625e6, time.UTC),
				Bio:              "Reads gauges",
				Location:         "Tromsø",
				Skype:            "noor.skype",
				LinkedIn:         "noor-linkedin",
				Twitter:          "noor_twitter",
				Discord:          "445566778899001122",
				WebsiteURL:       "https://noor.example.org",
				GitHub:           "noor-github",
				Organization:     "Gauge Office",
				JobTitle:         "Inspector",
				Pronouns:         "she/they",
				Bot:              true,
				WorkInformation:  "Inspector at Gauge Office",
				Followers:        31,
				Following:        8,
				IsFollowed:       true,
				LocalTime:        "7:33 AM",
			},
			Commit: &gitlabci.Commit{
				ID:               "2f9e6b1d4c7a8053e1b2d3f4a5968778695a4b3c",
				ShortID:          "2f9e6b1d",
				CreatedAt:        time.Date(2026, 4, 9, 5, 28, 59, 0, time.UTC),
				ParentIDs:        []string{"91c0d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9"},
				Title:            "Check every valve twice",
				Message:          "Check every valve twice\n\nSigned-off-by: Noor\nSigned-off-by: Mira\n",
				AuthorName:       "Noor Haddad",
				AuthorEmail:      "noor@example.org",
				AuthoredDate:     time.Date(2026, 4, 9, 5, 27, 11, 0, time.UTC),
				CommitterName:    "Mira Okafor",
				CommitterEmail:   "mira@example.org",
				CommittedDate:    time.Date(2026, 4, 9, 5, 28, 58, 0, time.UTC),
				Trailers:         map[string]string{"Signed-off-by": "Mira"},
				ExtendedTrailers: map[string][]string{"Signed-off-by": {"Noor", "Mira"}},
				WebURL:           "https://gitlab.example.com/group/app/-/commit/2f9e6b1d4c7a8053e1b2d3f4a5968778695a4b3c",
			},
			Pipeline: &gitlabci.PipelineInfo{
				ID:        91004,
				IID:       340,
				ProjectID: "57",
				SHA:       "2f9e6b1d4c7a8053e1b2d3f4a5968778695a4b3c",
				Ref:       "v4.3.0",
				Status:    gitlabci.StatusRunning,
				Source:    gitlabci.SourceWeb,
				CreatedAt: time.Date(2026, 4, 9, 5, 29, 59, 801e6, time.UTC),
				UpdatedAt: time.Date(2026, 4, 9, 5, 34, 2, 333e6, time.UTC),
				WebURL:    "https://gitlab.example.com/group/app/-/pipelines/91004",
			},
			FailureReason: gitlabci.FailureReasonScriptFailure,
			WebURL:        "https://gitlab.example.com/group/app/-/jobs/550123",
			Project:       &gitlabci.JobProject{CIJobTokenScopeEnabled: true},
			Source:        gitlabci.SourceWeb,
			Archived:      true,
		},
		ArtifactsFile: &gitlabci.ArtifactsFile{Filename: "lint.zip", Size: 40961},
		Artifacts: []gitlabci.JobArtifact{
			{FileType: gitlabci.ArtifactTypeArchive, Size: 40961, Filename: "lint.zip", FileFormat: gitlabci.ArtifactFormatZip},
			{FileType: gitlabci.ArtifactTypeCodeQuality, Size: 512, Filename: "gl-code-quality-report.json", FileFormat: gitlabci.ArtifactFormatRaw},
		},
		ArtifactsExpireAt: time.Date(2026, 5, 9, 5, 33, 41, 700e6, time.UTC),
		Runner: &gitlabci.Runner{
			ID:          22,
			Description: "shed-7",
			IPAddress:   "192.0.2.22",
			Active:      true,
			Paused:      true,
			IsShared:    true,
			RunnerType:  gitlabci.RunnerTypeGroup,
			Name:        "gitlab-runner",
			Online:      true,
			CreatedBy: &gitlabci.User{
				ID:               8,
				Username:         "tomas.lind",
				PublicEmail:      "tomas@example.org",
				Name:             "Tomas Lind",
				State:            "blocked",
				Locked:           true,
				AvatarURL:        "https://gitlab.example.com/uploads/-/system/user/avatar/8/tomas.png",
				AvatarPath:       "/uploads/-/system/user/avatar/8/tomas.png",
				CustomAttributes: []gitlabci.CustomAttribute{{Key: "desk", Value: "2-west"}},
				WebURL:           "https://gitlab.example.com/tomas.lind",
			},
			CreatedAt:          time.Date(2025, 12, 1, 4, 5, 6, 70e6, time.UTC),
			Status:             gitlabci.RunnerStatusOffline,
			JobExecutionStatus: gitlabci.JobExecutionStatusIdle,
		},
		RunnerManager: &gitlabci.RunnerManager{
			ID:                 61,
			SystemID:           "r_9b3a77e0c114",
			Version:            "19.0.2",
			Revision:           "41f0be9c",
			Platform:           "windows",
			Architecture:       "amd64",
			CreatedAt:          time.Date(2025, 12, 2, 13, 14, 15, 160e6, time.UTC),
			ContactedAt:        time.Date(2026, 4, 9, 5, 33, 50, 880e6, time.UTC),
			IPAddress:          "192.0.2.61",
			Status:             gitlabci.RunnerStatusOnline,
			JobExecutionStatus: gitlabci.JobExecutionStatusActive,
		},
		TagList: []string{"docker", "windows"},
	}
	change(job)
	return job
}

// The second job has not begun, and its keys are as empty as GitLab has them.
var goldenJobsList = []*gitlabci.Job{
	goldenNoor(func(j *gitlabci.Job) {
		j.ID = 550124
		j.Name = "rspec 2/3"
		j.Stage = "test"
		j.FailureReason = gitlabci.FailureReasonJobExecutionTimeout
		j.CreatedAt = time.Date(2026, 4, 9, 5, 30, 0, 18e6, time.UTC)
		j.Duration = 3600.5
		j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550124"
	}),
	{
		JobInfo: gitlabci.JobInfo{
			ID:           550122,
			Status:       gitlabci.StatusManual,
			Name:         "publish",
			Ref:          "main",
			AllowFailure: true,
			CreatedAt:    time.Date(2026, 4, 9, 5, 30, 0, 13e6, time.UTC),
			Pipeline: &gitlabci.PipelineInfo{
				ID:        91003,
				IID:       339,
				ProjectID: "57",
				SHA:       "c0ffee00d1ce5bad00000000000000000000f00d",
				Ref:       "main",
				Status:    gitlabci.StatusManual,
				Source:    gitlabci.SourceSchedule,
				CreatedAt: time.Date(2026, 4, 9, 5, 29, 0, 0, time.UTC),
				UpdatedAt: time.Date(2026, 4, 9, 5, 30, 1, 0, time.UTC),
				WebURL:    "https://gitlab.example.com/group/app/-/pipelines/91003",
			},
			WebURL:  "https://gitlab.example.com/group/app/-/jobs/550122",
			Project: &gitlabci.JobProject{},
		},
		Artifacts: []gitlabci.JobArtifact{},
		TagList:   []string{},
	},
}

var goldenJobsCancel = goldenNoor(func(j *gitlabci.Job) {
	j.ID = 550130
	j.Name = "pressure test"
	j.Status = gitlabci.StatusCanceling
	j.StartedAt = time.Date(2026, 4, 9, 6, 0, 0, 100e6, time.UTC)
	j.Duration = 12.5
	j.FailureReason = ""
	j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550130"
})

// The job that was retried is the one above.
var goldenJobsRetry = goldenNoor(func(j *gitlabci.Job) {
	j.ID = 550177
	j.Name = "pressure test"
	j.Status = gitlabci.StatusPending
	j.CreatedAt = time.Date(2026, 4, 9, 6, 20, 21, 220e6, time.UTC)
	j.QueuedDuration = 0.75
	j.FailureReason = ""
	j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550177"
})

var goldenJobsPlay = goldenNoor(func(j *gitlabci.Job) {
	j.ID = 550140
	j.Name = "open the doors"
	j.Stage = "deploy"
	j.Status = gitlabci.StatusPending
	j.QueuedDuration = 1.5
	j.FailureReason = ""
	j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550140"
	j.TagList = []string{"annex"}
})

var goldenJobsErase = goldenNoor(func(j *gitlabci.Job) {
	j.ID = 550150
	j.Name = "unit"
	j.ErasedAt = time.Date(2026, 4, 11, 9, 10, 11, 120e6, time.UTC)
	j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550150"
	j.ArtifactsFile = nil
	j.Artifacts = []gitlabci.JobArtifact{}
	j.ArtifactsExpireAt = time.Time{}
})

var goldenJobsCurrent = goldenNoor(func(j *gitlabci.Job) {
	j.ID = 550160
	j.Name = "report"
	j.Stage = ".post"
	j.Status = gitlabci.StatusRunning
	j.FinishedAt = time.Date(2026, 4, 9, 7, 8, 9, 100e6, time.UTC)
	j.FailureReason = ""
	j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550160"
	j.Source = gitlabci.SourcePipeline
})

var goldenJobsAllowedAgents = &gitlabci.AllowedAgents{
	AllowedAgents: []gitlabci.AllowedAgent{
		{
			ID: 11,
			ConfigProject: &gitlabci.ProjectIdentity{
				ID:                57,
				Description:       "Boiler controls",
				Name:              "App",
				NameWithNamespace: "Group / App",
				Path:              "app",
				PathWithNamespace: "group/app",
				CreatedAt:         time.Date(2024, 9, 1, 6, 0, 0, 250e6, time.UTC),
			},
			Configuration: map[string]any{
				"default_namespace":       "boilers",
				"access_as":               map[string]any{"ci_job": map[string]any{}},
				"protected_branches_only": true,
				"weight":                  2.0,
				"environments":            []any{"annex", "review/*"},
			},
		},
		{
			ID: 12,
			ConfigProject: &gitlabci.ProjectIdentity{
				ID:                61,
				Name:              "Docs",
				NameWithNamespace: "Group / Docs",
				Path:              "docs",
				PathWithNamespace: "group/docs",
				CreatedAt:         time.Date(2025, 1, 2, 3, 4, 5, 60e6, time.UTC),
			},
			Configuration: map[string]any{},
		},
	},
	Job:      gitlabci.AgentJob{ID: 550160},
	Pipeline: gitlabci.AgentPipeline{ID: 91004},
	Project:  gitlabci.AgentProject{ID: 58, Groups: []gitlabci.AgentGroup{{ID: 4}, {ID: 9}}},
	User: gitlabci.AgentUser{
		ID:             105,
		Username:       "noor.haddad",
		RolesInProject: []string{"guest", "planner", "reporter", "developer"},
	},
	Environment: &gitlabci.AgentEnvironment{Tier: "production", Slug: "boiler-house-x1y2z3"},
}

var goldenArtifactsEntries = []*gitlabci.ArtifactEntry{
	{Name: "coverage", Path: "out/coverage/", Type: gitlabci.EntryTypeDirectory, Mode: "040755"},
	{Name: "a valve.txt", Path: "out/a valve.txt", Type: gitlabci.EntryTypeFile, Size: 10240, Mode: "100644"},
	{Name: "no mode", Path: "out/no mode", Type: gitlabci.EntryTypeFile},
}

var goldenArtifactsKeep = goldenNoor(func(j *gitlabci.Job) {
	j.ID = 550170
	j.Name = "package"
	j.Stage = "build"
	j.WebURL = "https://gitlab.example.com/group/app/-/jobs/550170"
	j.ArtifactsFile = &gitlabci.ArtifactsFile{Filename: "package.zip", Size: 7340032}
	j.ArtifactsExpireAt = time.Time{}
})

// Every call that is named must have a golden file.
func TestGoldenIsComplete(t *testing.T) {
	t.Parallel()
	var called []string
	for _, test := range slices.Concat(goldenPipelines, goldenJobs, goldenActions, goldenWebhookTests, goldenLookups, goldenTriggers, goldenSchedules, goldenVariables) {
		called = append(called, test.call)
	}
	for name := range goldenCalls {
		if name != "jobs_find_by_name" {
			require.Contains(t, called, name)
		}
	}
}

// Every method that decodes one response is compared with a golden file.
func TestGoldenOfEveryMethod(t *testing.T) {
	var golden []string
	for _, call := range goldenCalls {
		golden = append(golden, call.method)
	}
	others := []string{"Jobs.FollowLog", "Pipelines.TestCases", "Webhooks.Test"} // the first two decode those of Jobs.Get and Pipelines.TestReport
	for name, method := range testkit.Methods {
		if method.Many || method.IsFile() || method.Verb() == http.MethodDelete || slices.Contains(others, name) {
			continue
		}
		require.Contains(t, golden, name, "no golden file")
	}
}

func TestDecodeAllowedAgents(t *testing.T) {
	t.Parallel()
	one := gitlabci.AgentJob{ID: 1}
	runResponses(t, []responseTest{
		{"no environment", "jobs_allowed_agents", `{"allowed_agents":[],"job":{"id":1},"pipeline":{"id":2},"project":{"id":3,"groups":[]},
			"user":{"id":4,"username":"noor","roles_in_project":["guest"]}}`,
			&gitlabci.AllowedAgents{
				AllowedAgents: []gitlabci.AllowedAgent{},
				Job:           gitlabci.AgentJob{ID: 1}, Pipeline: gitlabci.AgentPipeline{ID: 2},
				Project: gitlabci.AgentProject{ID: 3, Groups: []gitlabci.AgentGroup{}},
				User:    gitlabci.AgentUser{ID: 4, Username: "noor", RolesInProject: []string{"guest"}},
			}},
		{"the user as older servers have it", "jobs_allowed_agents", `{"allowed_agents":[{"id":5,"config_project":null}],"job":{"id":1},"environment":null,
			"user":{"id":4,"name":"Noor","username":"noor","state":"active","avatar_url":null,"web_url":"https://x"}}`,
			&gitlabci.AllowedAgents{AllowedAgents: []gitlabci.AllowedAgent{{ID: 5}}, Job: one, User: gitlabci.AgentUser{ID: 4, Username: "noor"}}},
		{"wrong types", "jobs_allowed_agents", `{"allowed_agents":[{"id":"5","configuration":"none"}],"job":{"id":"1"},"pipeline":7,
			"environment":"production","user":{"id":4,"roles_in_project":"guest"}}`,
			&gitlabci.AllowedAgents{AllowedAgents: []gitlabci.AllowedAgent{{ID: 5}}, Job: one, User: gitlabci.AgentUser{ID: 4}}},
		{"configuration beside a lenient value", "jobs_allowed_agents", `{"job":{"id":1},"allowed_agents":[{"id":"5",
			"configuration":{"a":"x","b":2,"c":true,"d":null,"e":["y",{"f":1}],"g":{"h":{}}}}]}`,
			&gitlabci.AllowedAgents{Job: one, AllowedAgents: []gitlabci.AllowedAgent{{ID: 5, Configuration: map[string]any{
				"a": "x", "b": 2.0, "c": true, "d": nil, "e": []any{"y", map[string]any{"f": 1.0}}, "g": map[string]any{"h": map[string]any{}},
			}}}}},
		{"configuration with a repeated key", "jobs_allowed_agents", `{"job":{"id":1},"allowed_agents":[{"configuration":{"a":"1","a":2}}]}`,
			&gitlabci.AllowedAgents{Job: one, AllowedAgents: []gitlabci.AllowedAgent{{Configuration: map[string]any{"a": 2.0}}}}},
	})
}

// The response to a play of a trigger job is a trigger job.
func TestDecodePlayedTriggerJob(t *testing.T) {
	t.Parallel()
	runResponses(t, []responseTest{{"", "jobs_play", `{"id":550140,"status":"pending","name":"deploy: annex","downstream_pipeline":{"id":9},"user":null}`,
		&gitlabci.Job{JobInfo: gitlabci.JobInfo{ID: 550140, Status: gitlabci.StatusPending, Name: "deploy: annex"}}}})
}

func TestDecodeEntries(t *testing.T) {
	t.Parallel()
	runResponses(t, []responseTest{
		{"wrong types", "artifacts_entries", `[{"name":5,"path":null,"type":"symlink","size":"12","mode":100644},null]`,
			[]*gitlabci.ArtifactEntry{{Name: "5", Type: "symlink", Size: 12, Mode: "100644"}}},
		{"none", "artifacts_entries", `[]`, []*gitlabci.ArtifactEntry{}},
	})
}
