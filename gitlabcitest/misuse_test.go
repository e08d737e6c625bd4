package gitlabcitest_test

import (
	"errors"
	"io/fs"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A brokenFS cannot be read.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return nil, errors.New("out of order") }

func TestMisuse(t *testing.T) {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7})
	pipeline.AddJob(gitlabcitest.Job{ID: 70})
	pipeline.AddTriggerJob(gitlabcitest.Job{ID: 72, Status: gitlabci.StatusRunning})
	gone := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 8})
	require.Equal(t, 204, send(t, srv, http.MethodDelete, "/projects/1/pipelines/8", "").status)
	foreign := gitlabcitest.NewServer().AddPipeline("group/app", gitlabcitest.Pipeline{})
	tests := map[string]func(){
		`gitlabcitest: WithExternalURL: "gitlab" is not the URL of a server`: func() {
			gitlabcitest.WithExternalURL("gitlab")
		},
		"gitlabcitest: Client: the options do not make a client: gitlabci: WithRetries: -1 is negative": func() {
			srv.Client(gitlabci.WithRetries(-1))
		},
		`gitlabcitest: AddProject: the project "group/app" exists already`:  func() { srv.AddProject("group/app") },
		`gitlabcitest: AddProject: "app" is not a path such as "group/app"`: func() { srv.AddProject("app") },
		`gitlabcitest: AddRef: the ref has no Name`:                         func() { srv.AddRef("group/app", gitlabcitest.Ref{}) },
		`gitlabcitest: AddRef: there is no project "group/x"; add it with AddProject`: func() {
			srv.AddRef("group/x", gitlabcitest.Ref{Name: "main"})
		},
		`gitlabcitest: AddPipeline: there is no project "group/x"; add it with AddProject`: func() {
			srv.AddPipeline("group/x", gitlabcitest.Pipeline{})
		},
		"gitlabcitest: AddPipeline: the pipeline 7 exists already": func() {
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7})
		},
		"gitlabcitest: AddPipeline: the ID -7 is negative": func() {
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: -7})
		},
		"gitlabcitest: AddPipeline: Variables[1] has no Key": func() {
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{Variables: []*gitlabci.Variable{{Key: "A"}, {}}})
		},
		"gitlabcitest: OnCreate: Variables[0] has no Key": func() {
			srv.OnCreate("group/app", gitlabcitest.Pipeline{Variables: []*gitlabci.Variable{{}}})
		},
		"gitlabcitest: AddJob: Variables[0] has no Key": func() {
			pipeline.AddJob(gitlabcitest.Job{Trigger: &gitlabcitest.Trigger{Pipeline: gitlabcitest.Pipeline{Variables: []*gitlabci.Variable{{}}}}})
		},
		"gitlabcitest: AddJob: this Pipeline was not returned by AddPipeline": func() {
			new(gitlabcitest.Pipeline).AddJob(gitlabcitest.Job{})
		},
		"gitlabcitest: AddJob: only trigger jobs have a Downstream; see AddTriggerJob": func() {
			pipeline.AddJob(gitlabcitest.Job{Downstream: pipeline})
		},
		"gitlabcitest: AddJob: the pipeline 8 was deleted":       func() { gone.AddJob(gitlabcitest.Job{}) },
		"gitlabcitest: AddJob: the job 70 exists already":        func() { pipeline.AddJob(gitlabcitest.Job{ID: 70}) },
		"gitlabcitest: AddTriggerJob: the job 70 exists already": func() { pipeline.AddTriggerJob(gitlabcitest.Job{ID: 70}) },
		"gitlabcitest: AddTriggerJob: the ID -1 is negative":     func() { pipeline.AddTriggerJob(gitlabcitest.Job{ID: -1}) },
		`gitlabcitest: AddJob: Reports: "archive" is not the type of a report`: func() {
			pipeline.AddJob(gitlabcitest.Job{Reports: map[gitlabci.ArtifactType][]byte{"archive": nil}})
		},
		"gitlabcitest: AddJob: Artifacts: out of order": func() {
			pipeline.AddJob(gitlabcitest.Job{Artifacts: brokenFS{}})
		},
		"gitlabcitest: AddJob: Artifacts: pipe is neither a file nor a folder nor a link": func() {
			pipeline.AddJob(gitlabcitest.Job{Artifacts: fstest.MapFS{"pipe": {Mode: fs.ModeNamedPipe}}})
		},
		"gitlabcitest: AddTriggerJob: trigger jobs have no Log, Artifacts or Reports": func() {
			pipeline.AddTriggerJob(gitlabcitest.Job{Log: "x"})
		},
		"gitlabcitest: JobToken: there is no job 71 that a runner runs": func() { srv.JobToken(71) },
		"gitlabcitest: JobToken: there is no job 72 that a runner runs": func() { srv.JobToken(72) },
		"gitlabcitest: Fault: 0 is not the Status of a response":        func() { srv.Fault(gitlabcitest.Fault{}) },
		"gitlabcitest: Fault: 100 is not the Status of a response":      func() { srv.Fault(gitlabcitest.Fault{Status: 100}) },
		"gitlabcitest: Fault: -1 Times is negative": func() {
			srv.Fault(gitlabcitest.Fault{Status: 500, Times: -1})
		},
		"gitlabcitest: Fault: a response with Status 204 has no Body": func() {
			srv.Fault(gitlabcitest.Fault{Status: 204, Body: "x"})
		},
		"gitlabcitest: WithRequestLog: -1 is negative": func() { gitlabcitest.WithRequestLog(-1) },
		"gitlabcitest: WithThrottle: the Limit 0 is not positive": func() {
			gitlabcitest.WithThrottle(gitlabcitest.Throttle{})
		},
		"gitlabcitest: WithThrottle: the Period -1s is not a number of seconds": func() {
			gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 1, Period: -time.Second})
		},
		"gitlabcitest: WithThrottle: the Period 1.5s is not a number of seconds": func() {
			gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 1, Period: 1500 * time.Millisecond})
		},
		`gitlabcitest: Fault: there is no Route "GET /projects/:id/pipeline"`: func() {
			srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipeline", Status: 500})
		},
		"gitlabcitest: AddTriggerJob: the Downstream was not returned by this server's AddPipeline": func() {
			pipeline.AddTriggerJob(gitlabcitest.Job{Downstream: foreign})
		},
	}
	for _, external := range []string{"", "gitlab.example.com", "/gitlab", "https://", "//x", "https://x?a=1", "https://x#a", "https://x:y"} {
		require.Panics(t, func() { gitlabcitest.WithExternalURL(external) }, external)
	}
	for sentence, mistake := range tests {
		t.Run(sentence, func(t *testing.T) {
			require.PanicsWithValue(t, sentence, mistake)
		})
	}
	require.Equal(t, 200, get(t, srv, "/projects/1/pipelines").status, "no lock is left and no fault")
}
