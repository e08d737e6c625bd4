package promises_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// The files in testdata/seed have the fields, the types and the oddities of the
// examples in GitLab's documents of three ages, and values of our own: modern
// ones, classic ones from before pipelines had a detailed status, and legacy
// ones from before they had an IID.

func TestSeed(t *testing.T) {
	t.Parallel()
	var files []string
	for _, test := range seedTests {
		files = append(files, test.file)
		t.Run(test.file, func(t *testing.T) {
			_, call, _ := strings.Cut(strings.TrimSuffix(test.file, ".json"), "_")
			require.Equal(t, test.want, resultWithID(t, call, testkit.GoldenFile(t, "seed/"+test.file)))
		})
	}
	entries, err := os.ReadDir(testkit.ModuleFile(t, "testdata/seed"))
	require.NoError(t, err)
	var present []string
	for _, entry := range entries {
		present = append(present, entry.Name())
	}
	require.ElementsMatch(t, files, present)
}

var seedTests = []struct {
	file string
	want any
}{
	{"modern_pipelines_list.json", seedPipelines},
	{"classic_pipelines_list.json", seedPipelines},
	{"legacy_pipelines_list.json", []*gitlabci.PipelineInfo{
		{
			ID:        7301,
			SHA:       "b8e6455d81dfa4331f4293de98cbbf81cbd3c90d",
			Ref:       "kiln-door",
			Status:    gitlabci.StatusPending,
			CreatedAt: time.Date(2019, 5, 6, 9, 18, 24, 71e6, time.UTC),
			UpdatedAt: time.Date(2019, 5, 6, 9, 22, 40, 913e6, time.UTC),
			WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7301",
		},
		{
			ID:        7302,
			SHA:       "10a425a3d62b2313153acd16917454387f24cd9b",
			Ref:       "kiln-door",
			Status:    gitlabci.StatusPending,
			CreatedAt: time.Date(2019, 5, 7, 14, 36, 50, 348e6, time.UTC),
			UpdatedAt: time.Date(2019, 5, 7, 14, 41, 2, 605e6, time.UTC),
			WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7302",
		},
	}},

	{"modern_pipelines_get.json", seedModern},
	{"modern_pipelines_latest.json", seedModern},
	{"classic_pipelines_latest.json", seedModern},
	{"classic_pipelines_get.json", seedClassic(func(p *gitlabci.Pipeline) {
		p.Name = "Kiln check"
		p.Status = gitlabci.StatusSuccess
		p.Duration = 123.65
		p.Coverage = new(30.0)
	})},
	{"legacy_pipelines_get.json", seedLegacy(func(p *gitlabci.Pipeline) {
		p.Status = gitlabci.StatusSuccess
		p.Coverage = new(30.0)
	})},

	{"modern_pipelines_create.json", seedCreated},
	{"classic_pipelines_create.json", seedCreated},
	{"legacy_pipelines_create.json", &gitlabci.Pipeline{
		PipelineInfo: gitlabci.PipelineInfo{
			ID:        7315,
			SHA:       "2587101acc58e1de3c43596986a51e670efc7955",
			Ref:       "master",
			Status:    gitlabci.StatusPending,
			CreatedAt: time.Date(2019, 11, 21, 7, 52, 33, 862e6, time.UTC),
			UpdatedAt: time.Date(2019, 11, 21, 7, 52, 34, 95e6, time.UTC),
			WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7315",
		},
		BeforeSHA: "0000000000000000000000000000000000000000",
		User:      seedVera,
	}},

	{"modern_pipelines_retry.json", seedClassic(func(p *gitlabci.Pipeline) { p.Status = gitlabci.StatusPending })},
	{"classic_pipelines_retry.json", seedClassic(func(p *gitlabci.Pipeline) { p.Status = gitlabci.StatusPending })},
	{"legacy_pipelines_retry.json", seedLegacy(func(p *gitlabci.Pipeline) { p.Status = gitlabci.StatusPending })},
	{"modern_pipelines_cancel.json", seedClassic(func(p *gitlabci.Pipeline) { p.Status = gitlabci.StatusCanceled })},
	{"classic_pipelines_cancel.json", seedClassic(func(p *gitlabci.Pipeline) { p.Status = gitlabci.StatusCanceled })},
	{"legacy_pipelines_cancel.json", seedLegacy(func(p *gitlabci.Pipeline) { p.Status = gitlabci.StatusCanceled })},
	{"modern_pipelines_update_metadata.json", seedClassic(func(p *gitlabci.Pipeline) {
		p.Name = "A better kiln check"
		p.Status = gitlabci.StatusRunning
	})},
	{"classic_pipelines_update_metadata.json", seedClassic(func(p *gitlabci.Pipeline) {
		p.Name = "가마 점검"
		p.Status = gitlabci.StatusRunning
	})},

	{"modern_pipelines_variables.json", seedVariables},
	{"classic_pipelines_variables.json", seedVariables},
	{"legacy_pipelines_variables.json", seedVariables},
	{"modern_pipelines_test_report.json", seedTestReport},
	{"classic_pipelines_test_report.json", seedTestReport},
	{"modern_pipelines_test_report_summary.json", seedTestReportSummary},
	{"classic_pipelines_test_report_summary.json", seedTestReportSummary},

	{"legacy_jobs_list.json", seedProjectJobs},
	{"legacy_jobs_retry.json", seedRetried},
	{"legacy_jobs_erase.json", seedErased(8153, "glaze check")},
	{"legacy_artifacts_keep.json", seedErased(8154, "shelf check")},
	{"legacy_jobs_list_for_pipeline.json", seedJobs},
	{"legacy_jobs_list_trigger_jobs.json", seedTriggerJobs},
}

var seedPipelines = []*gitlabci.PipelineInfo{
	{
		ID:        7301,
		IID:       41,
		ProjectID: "88",
		SHA:       "b8e6455d81dfa4331f4293de98cbbf81cbd3c90d",
		Ref:       "kiln-door",
		Status:    gitlabci.StatusPending,
		Source:    gitlabci.SourcePush,
		CreatedAt: time.Date(2019, 5, 6, 9, 18, 24, 71e6, time.UTC),
		UpdatedAt: time.Date(2019, 5, 6, 9, 22, 40, 913e6, time.UTC),
		WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7301",
		Name:      "Kiln check",
	},
	{
		ID:        7302,
		IID:       42,
		ProjectID: "88",
		SHA:       "10a425a3d62b2313153acd16917454387f24cd9b",
		Ref:       "kiln-door",
		Status:    gitlabci.StatusPending,
		Source:    gitlabci.SourceWeb,
		CreatedAt: time.Date(2019, 5, 7, 14, 36, 50, 348e6, time.UTC),
		UpdatedAt: time.Date(2019, 5, 7, 14, 41, 2, 605e6, time.UTC),
		WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7302",
		Name:      "Kiln check",
	},
}

// seedModern has no coverage, no illustration and no action.
var seedModern = &gitlabci.Pipeline{
	PipelineInfo: gitlabci.PipelineInfo{
		ID:        5120,
		IID:       260,
		ProjectID: "88",
		SHA:       "0cf8018b26fe35164b33353655da0f310a68d6b9",
		Ref:       "main",
		Status:    gitlabci.StatusSuccess,
		Source:    gitlabci.SourcePush,
		CreatedAt: time.Date(2023, 8, 14, 3, 11, 9, 300e6, time.UTC),
		UpdatedAt: time.Date(2023, 8, 14, 3, 12, 1, 274e6, time.UTC),
		WebURL:    "http://127.0.0.1:8929/pottery/oven/-/pipelines/5120",
		Name:      "Kiln check",
	},
	BeforeSHA: "2587101acc58e1de3c43596986a51e670efc7955",
	User: &gitlabci.User{
		ID:        3,
		Username:  "vera",
		Name:      "Vera Halloran",
		State:     "active",
		AvatarURL: "https://avatar.example.org/31c0ffee4b1d97a2?s=80&d=identicon",
		WebURL:    "http://127.0.0.1:8929/vera",
	},
	StartedAt:      time.Date(2023, 8, 14, 3, 11, 16, 281e6, time.UTC),
	FinishedAt:     time.Date(2023, 8, 14, 3, 12, 1, 260e6, time.UTC),
	Duration:       45,
	QueuedDuration: 7,
	DetailedStatus: &gitlabci.DetailedStatus{
		Icon:        "status_success",
		Text:        "passed",
		Label:       "passed",
		Group:       "success",
		Tooltip:     "passed",
		DetailsPath: "/pottery/oven/-/pipelines/5120",
		Favicon:     "/assets/ci_favicons/favicon_status_success-60d1.png",
	},
}

var seedVera = &gitlabci.User{
	ID:        3,
	Username:  "vera",
	Name:      "Vera Halloran",
	State:     "active",
	AvatarURL: "http://avatar.example.org/31c0ffee4b1d97a2?s=80&d=identicon",
	WebURL:    "http://localhost:8929/vera",
}

// seedClassic is the pipeline of most classic examples, after change. It
// finished without having started.
func seedClassic(change func(*gitlabci.Pipeline)) *gitlabci.Pipeline {
	p := &gitlabci.Pipeline{
		PipelineInfo: gitlabci.PipelineInfo{
			ID:        7300,
			IID:       40,
			ProjectID: "88",
			SHA:       "b8e6455d81dfa4331f4293de98cbbf81cbd3c90d",
			Ref:       "main",
			CreatedAt: time.Date(2019, 5, 6, 9, 18, 24, 71e6, time.UTC),
			UpdatedAt: time.Date(2019, 5, 6, 9, 22, 40, 913e6, time.UTC),
			WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7300",
		},
		BeforeSHA:      "b8e6455d81dfa4331f4293de98cbbf81cbd3c90d",
		User:           seedVera,
		FinishedAt:     time.Date(2019, 5, 6, 9, 22, 40, 889e6, time.UTC),
		QueuedDuration: 0.01,
	}
	change(p)
	return p
}

// seedLegacy is seedClassic with the fields of the oldest servers alone.
func seedLegacy(change func(*gitlabci.Pipeline)) *gitlabci.Pipeline {
	return seedClassic(func(p *gitlabci.Pipeline) {
		p.IID = 0
		p.ProjectID = ""
		p.Ref = "master"
		p.QueuedDuration = 0
		change(p)
	})
}

var seedCreated = &gitlabci.Pipeline{
	PipelineInfo: gitlabci.PipelineInfo{
		ID:        7315,
		IID:       55,
		ProjectID: "88",
		SHA:       "2587101acc58e1de3c43596986a51e670efc7955",
		Ref:       "main",
		Status:    gitlabci.StatusPending,
		CreatedAt: time.Date(2019, 11, 21, 7, 52, 33, 862e6, time.UTC),
		UpdatedAt: time.Date(2019, 11, 21, 7, 52, 34, 95e6, time.UTC),
		WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7315",
	},
	BeforeSHA:      "0000000000000000000000000000000000000000",
	User:           seedVera,
	QueuedDuration: 0.01,
}

var seedVariables = []*gitlabci.Variable{
	{Key: "FIRE_AT_NIGHT", Value: "true", VariableType: gitlabci.VariableTypeEnvVar},
	{Key: "clay", Value: "red", VariableType: ""},
}

var seedTestReport = &gitlabci.TestReport{
	TotalTime:    8,
	TotalCount:   1,
	SuccessCount: 1,
	TestSuites: []gitlabci.TestSuite{{
		Name:         "Glaze",
		TotalTime:    8,
		TotalCount:   1,
		SuccessCount: 1,
		TestCases: []gitlabci.TestCase{{
			Status:        gitlabci.TestStatusSuccess,
			Name:          "Glazes run only where they should",
			Classname:     "glaze_spec",
			ExecutionTime: 8,
		}},
	}},
}

var seedTestReportSummary = &gitlabci.TestReportSummary{
	Total: gitlabci.TestTotal{Time: 2210, Count: 480, Success: 471, Skipped: 9},
	TestSuites: []gitlabci.TestSuiteSummary{{
		Name:         "firing",
		TotalTime:    2210,
		TotalCount:   480,
		SuccessCount: 471,
		SkippedCount: 9,
		BuildIDs:     []gitlabci.JobID{70811},
	}},
}

// The profile of this user is all nulls and empty strings.
var seedJobUser = &gitlabci.User{
	ID:        3,
	Username:  "vera",
	Name:      "Vera Halloran",
	State:     "active",
	AvatarURL: "http://avatar.example.org/31c0ffee4b1d97a2?s=80&d=identicon",
	WebURL:    "http://localhost:8929/vera",
	CreatedAt: time.Date(2016, 12, 30, 10, 20, 30, 45e6, time.UTC),
}

var seedCommit = &gitlabci.Commit{
	ID:          "0cf8018b26fe35164b33353655da0f310a68d6b9",
	ShortID:     "0cf8018b",
	CreatedAt:   seedCommitTime(),
	Title:       "Try a new clay.",
	Message:     "Try a new clay.",
	AuthorName:  "Vera Halloran",
	AuthorEmail: "vera@example.org",
}

// seedCommitTime is the one time with an offset. Parsing it gives it the same
// location as decoding does, which depends on where the test runs.
func seedCommitTime() time.Time {
	at, _ := time.Parse(time.RFC3339, "2017-01-19T16:05:31.000+01:00")
	return at
}

func TestSeedCommitTime(t *testing.T) {
	t.Parallel()
	jobs := goldenResult(t, "jobs_list_for_pipeline", testkit.GoldenFile(t, "seed/legacy_jobs_list_for_pipeline.json")).([]*gitlabci.Job)
	require.Equal(t, time.Date(2017, 1, 19, 15, 5, 31, 0, time.UTC), jobs[0].Commit.CreatedAt.UTC())
}

// The second job has "artifacts" twice: a list of four, and then an empty one.
var seedJobs = []*gitlabci.Job{
	{
		JobInfo: gitlabci.JobInfo{
			ID:         8106,
			Status:     gitlabci.StatusFailed,
			Stage:      "test",
			Name:       "fire:bisque",
			Ref:        "master",
			CreatedAt:  time.Date(2017, 1, 19, 15, 5, 40, 610e6, time.UTC),
			StartedAt:  time.Date(2017, 1, 19, 15, 6, 12, 4e6, time.UTC),
			FinishedAt: time.Date(2017, 1, 19, 15, 6, 12, 196e6, time.UTC),
			Duration:   0.192,
			User:       seedJobUser,
			Commit:     seedCommit,
			Pipeline: &gitlabci.PipelineInfo{
				ID:     7006,
				SHA:    "0cf8018b26fe35164b33353655da0f310a68d6b9",
				Ref:    "master",
				Status: gitlabci.StatusPending,
			},
			WebURL: "https://kiln.example.org/pottery/oven/-/jobs/8106",
		},
		Artifacts:         []gitlabci.JobArtifact{},
		ArtifactsExpireAt: time.Date(2017, 2, 18, 15, 6, 12, 196e6, time.UTC),
	},
	{
		JobInfo: gitlabci.JobInfo{
			ID:         8107,
			Status:     gitlabci.StatusFailed,
			Stage:      "test",
			Name:       "saucer",
			Ref:        "master",
			CreatedAt:  time.Date(2017, 1, 19, 15, 5, 40, 685e6, time.UTC),
			StartedAt:  time.Date(2017, 1, 19, 15, 6, 15, 20e6, time.UTC),
			FinishedAt: time.Date(2017, 1, 19, 15, 6, 15, 193e6, time.UTC),
			Duration:   0.173,
			User:       seedJobUser,
			Commit:     seedCommit,
			Pipeline: &gitlabci.PipelineInfo{
				ID:     7006,
				SHA:    "0cf8018b26fe35164b33353655da0f310a68d6b9",
				Ref:    "master",
				Status: gitlabci.StatusPending,
			},
			WebURL: "https://kiln.example.org/pottery/oven/-/jobs/8107",
		},
		ArtifactsFile:     &gitlabci.ArtifactsFile{Filename: "artifacts.zip", Size: 1200},
		Artifacts:         []gitlabci.JobArtifact{},
		ArtifactsExpireAt: time.Date(2017, 2, 18, 15, 6, 15, 193e6, time.UTC),
	},
}

var seedTriggerJobs = []*gitlabci.TriggerJob{{
	JobInfo: gitlabci.JobInfo{
		ID:         8107,
		Status:     gitlabci.StatusPending,
		Stage:      "test",
		Name:       "saucer",
		Ref:        "master",
		CreatedAt:  time.Date(2017, 1, 19, 15, 5, 40, 685e6, time.UTC),
		StartedAt:  time.Date(2017, 1, 19, 15, 6, 15, 20e6, time.UTC),
		FinishedAt: time.Date(2017, 1, 19, 15, 10, 15, 193e6, time.UTC),
		Duration:   240,
		User:       seedJobUser,
		Commit:     seedCommit,
		Pipeline: &gitlabci.PipelineInfo{
			ID:        7006,
			SHA:       "0cf8018b26fe35164b33353655da0f310a68d6b9",
			Ref:       "master",
			Status:    gitlabci.StatusPending,
			CreatedAt: time.Date(2017, 1, 19, 15, 5, 33, 700e6, time.UTC),
			UpdatedAt: time.Date(2017, 1, 19, 15, 12, 2, 18e6, time.UTC),
			WebURL:    "https://kiln.example.org/pottery/oven/pipelines/7006",
		},
		WebURL: "https://kiln.example.org/pottery/oven/-/jobs/8107",
	},
	DownstreamPipeline: &gitlabci.PipelineInfo{
		ID:        7005,
		SHA:       "10a425a3d62b2313153acd16917454387f24cd9b",
		Ref:       "master",
		Status:    gitlabci.StatusPending,
		CreatedAt: time.Date(2017, 1, 19, 15, 6, 15, 20e6, time.UTC),
		UpdatedAt: time.Date(2017, 1, 19, 15, 10, 15, 194e6, time.UTC),
		WebURL:    "https://kiln.example.org/pottery/shelf/pipelines/7005",
	},
}}

func TestSeedDurations(t *testing.T) {
	t.Parallel()
	classic := resultWithID(t, "pipelines_get", testkit.GoldenFile(t, "seed/classic_pipelines_get.json")).(*gitlabci.Pipeline)
	require.Equal(t, 2*time.Minute+3650*time.Millisecond, classic.Duration.Duration())
	require.Equal(t, 10*time.Millisecond, classic.QueuedDuration.Duration())
	modern := resultWithID(t, "pipelines_get", testkit.GoldenFile(t, "seed/modern_pipelines_get.json")).(*gitlabci.Pipeline)
	require.Equal(t, 45*time.Second, modern.Duration.Duration())
	require.Equal(t, 7*time.Second, modern.QueuedDuration.Duration())
	jobs := goldenResult(t, "jobs_list_for_pipeline", testkit.GoldenFile(t, "seed/legacy_jobs_list_for_pipeline.json")).([]*gitlabci.Job)
	require.Equal(t, 192*time.Millisecond, jobs[0].Duration.Duration())
}
