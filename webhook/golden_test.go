package webhook_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/webhook"
)

// The payloads in testdata are written by hand, with every field that GitLab's rules name
// and invented values.

func utc(hour, minute, second int) time.Time {
	return time.Date(2024, 6, 11, hour, minute, second, 0, time.UTC)
}

const goldenSHA = "bcbb5ec396a2c0f828686f14fac9b80b780504f2"

func goldenProject() *webhook.Project {
	return &webhook.Project{
		ID: "42", Name: "App", PathWithNamespace: "group/app", Description: "An example",
		WebURL: "https://gitlab.example.com/group/app", GitSSHURL: "git@gitlab.example.com:group/app.git",
		GitHTTPURL: "https://gitlab.example.com/group/app.git", Namespace: "Group", VisibilityLevel: 20, DefaultBranch: "main",
	}
}

func ada() *gitlabci.User {
	return &gitlabci.User{ID: 7, Name: "Ada Example", Username: "ada", AvatarURL: "https://gitlab.example.com/uploads/ada.png"}
}

func grace() *gitlabci.User {
	return &gitlabci.User{ID: 8, Name: "Grace Example", Username: "grace", PublicEmail: "grace@example.com"}
}

var goldenEvents = map[string]func() *webhook.Event{
	"pipeline": func() *webhook.Event {
		return &webhook.Event{Kind: webhook.KindPipeline, Hook: "Pipeline Hook", Project: goldenProject(), Pipeline: &webhook.Pipeline{
			ID: 3101, IID: 12, Name: "Nightly build", ProjectID: "42", Ref: "main", SHA: goldenSHA, BeforeSHA: strings.Repeat("0", 40),
			Source: gitlabci.SourcePush, Status: gitlabci.StatusFailed, DetailedStatus: "failed", Stages: []string{"build", "test"},
			CreatedAt: utc(3, 2, 25), FinishedAt: utc(3, 5, 31), Duration: 183, QueuedDuration: 3, ProtectedRef: true,
			URL:       "https://gitlab.example.com/group/app/-/pipelines/3101",
			Variables: []*gitlabci.Variable{{Key: "DEPLOY_PASSWORD", Value: "correct horse battery"}, {Key: "EMPTY"}},
			User:      ada(),
			Commit: &gitlabci.Commit{
				ID: goldenSHA, Title: "Count the apples", Message: "Count the apples\n\nThere were none.\n",
				CommittedDate: time.Date(2024, 6, 11, 5, 1, 13, 0, time.FixedZone("", 7200)), AuthorName: "Ada Example", AuthorEmail: "ada@example.com",
				WebURL: "https://gitlab.example.com/group/app/-/commit/" + goldenSHA,
			},
			Builds: []*webhook.Build{
				{
					ID: 9002, Stage: "test", Name: "unit", Status: gitlabci.StatusFailed, CreatedAt: utc(3, 2, 25), StartedAt: utc(3, 3, 1),
					FinishedAt: utc(3, 5, 30), Duration: 148.72, QueuedDuration: 1.25, FailureReason: gitlabci.FailureReasonScriptFailure,
					When: "on_success", User: ada(), ArtifactsFile: &gitlabci.ArtifactsFile{Filename: "artifacts.zip", Size: 1234},
					Runner: &webhook.Runner{Tags: []string{"linux", "docker"}, Runner: gitlabci.Runner{
						ID: 380987, Description: "shared-runners-manager-6", RunnerType: gitlabci.RunnerTypeInstance, Active: true, IsShared: true,
					}},
				},
				{
					ID: 9003, Stage: "test", Name: "deploy", Status: gitlabci.StatusSkipped, CreatedAt: utc(3, 2, 25), When: "manual", Manual: true,
					AllowFailure: true, Environment: &webhook.Environment{Name: "production", Action: "start", Tier: "production"},
				},
			},
		}}
	},
	"pipeline_merge_request": func() *webhook.Event {
		project := goldenProject()
		project.Description, project.VisibilityLevel = "", 0
		project.AvatarURL, project.CIConfigPath = "https://gitlab.example.com/uploads/app.png", "ci/main.yml"
		return &webhook.Event{Kind: webhook.KindPipeline, Hook: "Pipeline Hook", Project: project, Pipeline: &webhook.Pipeline{
			ID: 3102, IID: 13, ProjectID: "42", Ref: "feature/apples", SHA: "ffac537e6cbbf934b08745a378932722df287a53", BeforeSHA: strings.Repeat("0", 40),
			Source: gitlabci.SourceMergeRequestEvent, Status: gitlabci.StatusRunning, DetailedStatus: "running", Stages: []string{},
			CreatedAt: utc(3, 2, 25).Add(123 * time.Millisecond), QueuedDuration: 3.5, URL: "https://gitlab.example.com/group/app/-/pipelines/3102",
			Variables: []*gitlabci.Variable{}, User: grace(),
			MergeRequest: &webhook.MergeRequest{
				ID: 501, IID: 4, Title: "Count the apples", SourceBranch: "feature/apples", SourceProjectID: "43", TargetBranch: "main",
				TargetProjectID: "42", State: "opened", MergeStatus: "can_be_merged", DetailedMergeStatus: "ci_still_running",
				URL: "https://gitlab.example.com/group/app/-/merge_requests/4",
			},
			SourcePipeline: &webhook.SourcePipeline{PipelineID: 3100, JobID: 8999, Project: &webhook.Project{
				ID: "44", WebURL: "https://gitlab.example.com/group/upstream", PathWithNamespace: "group/upstream",
			}},
		}}
	},
	"job": func() *webhook.Event {
		return &webhook.Event{Kind: webhook.KindJob, Hook: "Job Hook", Project: goldenProject(), Job: &webhook.Job{
			ID: 9002, Name: "unit", Stage: "test", Status: gitlabci.StatusSuccess, Ref: "main", SHA: goldenSHA, BeforeSHA: strings.Repeat("0", 40),
			CreatedAt: utc(3, 2, 25), StartedAt: utc(3, 3, 1), FinishedAt: utc(3, 5, 30), Duration: 148.72, QueuedDuration: 1.25,
			AllowFailure: true, Retries: 2, ProjectID: "42", PipelineID: 3101, PipelineName: "Nightly build",
			PipelineStatus: gitlabci.StatusRunning, PipelineStartedAt: utc(3, 2, 58), PipelineDuration: 150, User: grace(),
			Commit:         &gitlabci.Commit{ID: goldenSHA, Title: "Count the apples", Message: "Count the apples\n\nThere were none.\n", AuthorName: "Ada Example", AuthorEmail: "ada@example.com"},
			Environment:    &webhook.Environment{Name: "staging", Action: "prepare"},
			SourcePipeline: &webhook.SourcePipeline{PipelineID: 3099, JobID: 8998, Project: &webhook.Project{ID: "42", WebURL: "https://gitlab.example.com/group/app", PathWithNamespace: "group/app"}},
			Runner: &webhook.Runner{Tags: []string{}, Runner: gitlabci.Runner{
				ID: 380987, Description: "shared-runners-manager-6", RunnerType: gitlabci.RunnerTypeProject, Paused: true,
			}},
		}}
	},
	"job_older": func() *webhook.Event {
		project := goldenProject()
		project.Namespace, project.DefaultBranch, project.VisibilityLevel = "", "", 10
		return &webhook.Event{Kind: webhook.KindJob, Hook: "Build Hook", Project: project, Job: &webhook.Job{
			ID: 9010, Name: "release", Stage: "deploy", Status: gitlabci.StatusFailed, Ref: "v1.0", Tag: true, SHA: goldenSHA, BeforeSHA: strings.Repeat("0", 40),
			CreatedAt:     time.Date(2020, 6, 11, 5, 2, 25, 0, time.FixedZone("", 7200)),
			FailureReason: gitlabci.FailureReasonRunnerSystemFailure, ProjectID: "42", PipelineID: 3103, PipelineStatus: gitlabci.StatusFailed,
			Commit: &gitlabci.Commit{ID: goldenSHA, Title: "Release", Message: "Release", AuthorName: "Ada Example", AuthorEmail: "ada@example.com"},
		}}
	},
	"deployment": func() *webhook.Event {
		return &webhook.Event{Kind: webhook.KindDeployment, Hook: "Deployment Hook", Project: goldenProject(), Deployment: &webhook.Deployment{
			ID: 15, Status: gitlabci.StatusSuccess, StatusChangedAt: time.Date(2024, 6, 11, 5, 28, 26, 0, time.FixedZone("", 7200)),
			JobID: 9003, JobURL: "https://gitlab.example.com/group/app/-/jobs/9003", Environment: "production", Tier: "production",
			Slug: "production-a1b2c3", ExternalURL: "https://app.example.com", ProjectID: "42", ShortSHA: "bcbb5ec3", User: grace(),
			UserURL: "https://gitlab.example.com/grace", CommitURL: "https://gitlab.example.com/group/app/-/commit/" + goldenSHA, CommitTitle: "Count the apples",
		}}
	},
}

func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for name, golden := range goldenEvents {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + name + ".json")
			require.NoError(t, err)
			want := golden()
			want.ID, want.UUID, want.Instance, want.Raw = "id", "uuid", "https://gitlab.example.com", body
			e := parse(t, string(body), "webhook-id", "id", "X-Gitlab-Event", want.Hook, "X-Gitlab-Event-UUID", "uuid", "X-Gitlab-Instance", "https://gitlab.example.com")
			utcZones(reflect.ValueOf(want))
			utcZones(reflect.ValueOf(e))
			require.Equal(t, want, e)
			noteFields(seen, reflect.ValueOf(e))
		})
	}
	for field, set := range seen {
		switch field {
		case "Event.Sent", "Event.Signed", "Pipeline.Tag", "Pipeline.Incomplete", "Job.PipelineFinishedAt": // tested elsewhere
			require.False(t, set, field)
		default:
			require.True(t, set, "no golden file has a value of %s", field)
		}
	}
}

// parse returns the event of a request with a secret token.
func parse(t testing.TB, body string, headers ...string) *webhook.Event {
	t.Helper()
	e, err := newVerifier(t, webhook.SecretToken(secret)).Parse(newRequest(body, append(headers, "X-Gitlab-Token", secret)...))
	require.NoError(t, err)
	return e
}

// utcZones sets all times to UTC: time zones without a name are equal, but not to Equal.
func utcZones(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			utcZones(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			utcZones(v.Index(i))
		}
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			v.Set(reflect.ValueOf(at.UTC()))
			return
		}
		for _, field := range v.Fields() {
			utcZones(field)
		}
	}
}

// noteFields notes which fields of this package's types have a value.
func noteFields(seen map[string]bool, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			noteFields(seen, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			noteFields(seen, v.Index(i))
		}
	case reflect.Struct:
		if !strings.HasSuffix(v.Type().PkgPath(), "/webhook") {
			return
		}
		for field, value := range v.Fields() {
			name := v.Type().Name() + "." + field.Name
			seen[name] = seen[name] || !value.IsZero()
			noteFields(seen, value)
		}
	}
}

// For kinds without a type, an event has only the body.
func TestOtherEvents(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]webhook.Event{
		`{"object_kind":"push","project":{"id":42,"path_with_namespace":"group/app"}}`: {Kind: "push", Project: &webhook.Project{ID: "42", PathWithNamespace: "group/app"}},
		`{"object_kind":"merge_request","project":{}}`:                                 {Kind: "merge_request"},
		`{"object_kind":"merge_request","project":null}`:                               {Kind: "merge_request"},
		`{"object_kind":"new_kind","project":"x"}`:                                     {Kind: "new_kind"},
		`{"text":"pipeline 31 is green"}`:                                              {},
		`{"object_kind":null}`:                                                         {},
		`{"object_kind":"pipeline","text":"31"}`:                                       {},
		`{"object_kind":"pipeline","object_attributes":null}`:                          {},
		`{"object_kind":"pipeline","object_attributes":{"id":"x"}}`:                    {},
		`{"object_kind":"build","build_id":0}`:                                         {},
		`{"object_kind":"deployment"}`:                                                 {},
		`[{"object_kind":"pipeline"}]`:                                                 {},
		`"text"`:                                                                       {},
		`31`:                                                                           {},
		`null`:                                                                         {},
		" {} ":                                                                         {},
		"{\"text\":\"\xff\"}":                                                          {},
		`{"object_kind":"x","object_kind":"push"}`:                                     {Kind: "push"},
		`{"object_kind":"push","project_id":42,"project":{"id":42,"id":"43","name":null},"a":[]}`: {Kind: "push", Project: &webhook.Project{ID: "43"}},
	} {
		e := parse(t, body, "X-Gitlab-Event", "Pipeline Hook")
		want.Hook, want.Raw = "Pipeline Hook", []byte(body)
		require.Equal(t, &want, e, body)
	}
}

// Fields of another type than documented, or none, are zero and lose nothing else.
func TestEventsOfOddValues(t *testing.T) {
	t.Parallel()
	e := parse(t, `{"object_kind":"pipeline","object_attributes":{"id":"31","iid":5.0,"tag":"true","stages":null,"duration":"12.5","queued_duration":{},"created_at":"2024-06-11 05:02:25 +0200",
		"finished_at":"soon","status":7,"variables":null},"user":{"id":null},"project":null,"commit":{},"merge_request":{},"source_pipeline":{},"builds":[null,{},7,{"id":9,"status":"failed","runner":{},"environment":{},"artifacts_file":null,"duration":"3"}]}`)
	require.Equal(t, &webhook.Pipeline{
		ID: 31, IID: 5, Tag: true, Duration: 12.5, CreatedAt: e.Pipeline.CreatedAt, Status: "7", Builds: []*webhook.Build{{ID: 9, Status: gitlabci.StatusFailed, Duration: 3}},
	}, e.Pipeline)
	require.True(t, utc(3, 2, 25).Equal(e.Pipeline.CreatedAt))

	e = parse(t, `{"object_kind":"build","build_id":9,"pipeline_id":"31","build_status":"running","build_failure_reason":"unknown_failure","build_created_at":null,"build_created_at_iso":"2024-06-11T03:02:25Z",
		"project_id":"42","commit":{"id":31,"finished_at":"2024-06-11 03:05:31 UTC"},"sha":"`+goldenSHA+`","repository":{"homepage":"https://gitlab.example.com/group/app"}}`, "X-Gitlab-Instance", "https://other.example.com")
	require.Equal(t, &webhook.Job{ID: 9, PipelineID: 31, Status: gitlabci.StatusRunning, CreatedAt: utc(3, 2, 25), ProjectID: "42", SHA: goldenSHA,
		Commit: &gitlabci.Commit{ID: goldenSHA}, PipelineFinishedAt: utc(3, 5, 31)}, e.Job)
	require.Equal(t, &webhook.Project{ID: "42", WebURL: "https://gitlab.example.com/group/app"}, e.Project, "the path is not known")
}
