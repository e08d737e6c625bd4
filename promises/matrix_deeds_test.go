package promises_test

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A deedKind is what a method may do after a try whose end is not known.
type deedKind int

const (
	reading    deedKind = iota // tries again
	repeatable                 // writes, and tries again
	once                       // never does it twice
	streaming                  // tries again, and mends the body
	decoding                   // tries again until the body begins, and knows where it should end
	bare                       // writes, tries again, and has no body that matters
	plain                      // never does it twice, and hands out the answer as it is
	watching                   // tries again until something better comes
	expecting                  // the same, of what is known to exist
	searching                  // looks for what it did, and does it again if that is nowhere
	mending                    // tries again, within the body too
	lasting                    // reads, and survives all that is not GitLab's refusal
)

// A deed is a method of the client.
type deed struct {
	name    string
	route   string // of the fake
	kind    deedKind
	forJobs bool // whether the token of a job will do
	do      func(context.Context, *gitlabci.Client) error
}

const (
	matrixPipeline = 100 + iota
	matrixFailed   = 1000 + iota
	matrixManual
	matrixRunning
)

// inhabitedServer has something for a deed. Packing files takes longer than
// most cases, so only those have them that need them.
func inhabitedServer(d deed) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		ID: matrixPipeline, Status: gitlabci.StatusFailed, Variables: []*gitlabci.Variable{{Key: "A", Value: matrixSecret}},
	})
	var files fs.FS
	if strings.Contains(d.route, "artifacts") {
		files = fstest.MapFS{"report.txt": {Data: []byte("all is well")}}
	}
	p.AddJob(gitlabcitest.Job{
		ID: matrixFailed, Name: "unit", Status: gitlabci.StatusFailed, Log: "$ make\n", Artifacts: files, ArtifactsExpireAt: time.Now().Add(time.Hour),
	})
	p.AddJob(gitlabcitest.Job{ID: matrixManual, Name: "deploy", Status: gitlabci.StatusManual})
	p.AddJob(gitlabcitest.Job{ID: matrixRunning, Name: "build", Status: gitlabci.StatusRunning})
	p.AddTriggerJob(gitlabcitest.Job{Name: "child", Downstream: srv.AddPipeline("group/app", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})})
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}) // which has finished
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1", Tag: true}).AddJob(gitlabcitest.Job{Name: "unit", Artifacts: files})
	return srv
}

func deeds() []deed {
	const p, j = "/projects/:id/pipelines/:pipeline_id", "/projects/:id/jobs/:job_id"
	return append([]deed{
		{"Pipelines.List", "GET /projects/:id/pipelines", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Page[gitlabci.PipelineInfo], error) {
			return c.Pipelines.List(ctx, "group/app", nil)
		})},
		{"Pipelines.All", "GET /projects/:id/pipelines", reading, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.PipelineInfo, error] {
			return c.Pipelines.All(ctx, "group/app", nil)
		})},
		{"Pipelines.ListMine", "GET /pipelines", reading, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Page[gitlabci.UserPipeline], error) {
			return c.Pipelines.ListMine(ctx, nil)
		})},
		{"Pipelines.Get", "GET " + p, reading, true, onPipeline((*gitlabci.PipelinesService).Get)},
		{"Pipelines.Latest", "GET /projects/:id/pipelines/latest", reading, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Pipeline, error) {
			return c.Pipelines.Latest(ctx, "group/app", "main")
		})},
		{"Pipelines.Create", "POST /projects/:id/pipeline", once, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Pipeline, error) {
			return c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: matrixSecret}}})
		})},
		{"Pipelines.Retry", "POST " + p + "/retry", once, false, onPipeline((*gitlabci.PipelinesService).Retry)},
		{"Pipelines.Cancel", "POST " + p + "/cancel", repeatable, false, onPipeline((*gitlabci.PipelinesService).Cancel)},
		{"Pipelines.UpdateMetadata", "PUT " + p + "/metadata", repeatable, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Pipeline, error) {
			return c.Pipelines.UpdateMetadata(ctx, "group/app", matrixPipeline, &gitlabci.UpdateMetadataOptions{Name: "Nightly"})
		})},
		{"Pipelines.Delete", "DELETE " + p, bare, false, func(ctx context.Context, c *gitlabci.Client) error {
			return c.Pipelines.Delete(ctx, "group/app", matrixPipeline)
		}},
		{"Pipelines.Variables", "GET " + p + "/variables", reading, false, onPipeline((*gitlabci.PipelinesService).Variables)},
		{"Pipelines.TestReport", "GET " + p + "/test_report", reading, false, onPipeline((*gitlabci.PipelinesService).TestReport)},
		{"Pipelines.TestCases", "GET " + p + "/test_report", decoding, false, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.TestCase, error] {
			return c.Pipelines.TestCases(ctx, "group/app", matrixPipeline)
		})},
		{"Pipelines.TestReportSummary", "GET " + p + "/test_report_summary", reading, false, onPipeline((*gitlabci.PipelinesService).TestReportSummary)},
		{"Jobs.List", "GET /projects/:id/jobs", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Page[gitlabci.Job], error) {
			return c.Jobs.List(ctx, "group/app", nil)
		})},
		{"Jobs.ListForPipeline", "GET " + p + "/jobs", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Page[gitlabci.Job], error) {
			return c.Jobs.ListForPipeline(ctx, "group/app", matrixPipeline, nil)
		})},
		{"Jobs.ListTriggerJobs", "GET " + p + "/bridges", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Page[gitlabci.TriggerJob], error) {
			return c.Jobs.ListTriggerJobs(ctx, "group/app", matrixPipeline, nil)
		})},
		{"Jobs.Get", "GET " + j, reading, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Get(ctx, "group/app", matrixFailed)
		})},
		{"Jobs.Cancel", "POST " + j + "/cancel", repeatable, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Cancel(ctx, "group/app", matrixRunning, nil)
		})},
		{"Jobs.Retry", "POST " + j + "/retry", once, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Retry(ctx, "group/app", matrixFailed, nil)
		})},
		{"Jobs.Erase", "POST " + j + "/erase", once, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Erase(ctx, "group/app", matrixFailed)
		})},
		{"Jobs.Play", "POST " + j + "/play", once, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Play(ctx, "group/app", matrixManual, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: matrixSecret}}})
		})},
		{"Jobs.Current", "GET /job", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) { return c.Jobs.Current(ctx) })},
		{"Jobs.AllowedAgents", "GET /job/allowed_agents", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.AllowedAgents, error) {
			return c.Jobs.AllowedAgents(ctx)
		})},
	}, slices.Concat(fileDeeds(), compositeDeeds(), archiveDeeds(), workflowDeeds())...)
}

// compositeDeeds are methods that are made of others.
func compositeDeeds() []deed {
	const p, j = "/projects/:id/pipelines/:pipeline_id", "/projects/:id/jobs/:job_id"
	seldom := &gitlabci.WatchOptions{MinInterval: time.Minute} // since one job never ends
	return []deed{
		{"Pipelines.AllMine", "GET /pipelines", reading, false, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.UserPipeline, error] {
			return c.Pipelines.AllMine(ctx, nil)
		})},
		{"Jobs.All", "GET /projects/:id/jobs", reading, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.Job, error] {
			return c.Jobs.All(ctx, "group/app", nil)
		})},
		{"Jobs.AllForPipeline", "GET " + p + "/jobs", reading, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.Job, error] {
			return c.Jobs.AllForPipeline(ctx, "group/app", matrixPipeline, nil)
		})},
		{"Jobs.AllTriggerJobs", "GET " + p + "/bridges", reading, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.TriggerJob, error] {
			return c.Jobs.AllTriggerJobs(ctx, "group/app", matrixPipeline, nil)
		})},
		{"Artifacts.AllEntries", "GET " + j + "/artifacts/tree", reading, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.ArtifactEntry, error] {
			return c.Artifacts.AllEntries(ctx, "group/app", matrixFailed, nil)
		})},
		{"Jobs.FindByName", "GET " + p + "/jobs", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.FindByName(ctx, "group/app", matrixPipeline, "unit")
		})},
		{"Pipelines.Watch", "GET " + p + "/jobs", watching, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.PipelineEvent, error] {
			return c.Pipelines.Watch(ctx, "group/app", matrixPipeline, seldom)
		})},
		{"Pipelines.Watch downstream", "GET " + p + "/bridges", watching, true, ranged(func(ctx context.Context, c *gitlabci.Client) iter.Seq2[*gitlabci.PipelineEvent, error] {
			return c.Pipelines.Watch(ctx, "group/app", matrixPipeline, &gitlabci.WatchOptions{Downstream: true, MinInterval: time.Minute})
		})},
		{"Pipelines.Wait", "GET " + p, watching, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Pipeline, error) {
			return c.Pipelines.Wait(ctx, "group/app", matrixPipeline, seldom)
		})},
		{"Pipelines.Run", "POST /projects/:id/pipeline", once, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.RunResult, error) {
			return c.Pipelines.Run(ctx, "group/app", "main", nil)
		})},
		{"Pipelines.Run waits", "GET " + p + "/jobs", expecting, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.RunResult, error) {
			return c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{Watch: *seldom})
		})},
		{"Jobs.PlayOrRetry", "POST " + j + "/play", once, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.PlayOrRetry(ctx, "group/app", matrixManual, nil)
		})},
		{"Pipelines.Create keyed", "POST /projects/:id/pipeline", searching, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Pipeline, error) {
			return c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{IdempotencyKey: "k1"})
		})},
	}
}

// ranged is a method whose result is ranged over to its end.
func ranged[T any](do func(context.Context, *gitlabci.Client) iter.Seq2[*T, error]) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		for _, err := range do(ctx, c) {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func fileDeeds() []deed {
	const j = "/projects/:id/jobs/:job_id"
	latest := gitlabci.LatestArtifacts{Ref: "v1", Job: "unit"}
	return []deed{
		{"Jobs.Log", "GET " + j + "/trace", streaming, false, drained(func(ctx context.Context, c *gitlabci.Client) (io.ReadCloser, error) {
			return c.Jobs.Log(ctx, "group/app", matrixFailed)
		})},
		{"Jobs.FollowLog", "GET " + j + "/trace", lasting, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.FollowLog(ctx, "group/app", matrixFailed, io.Discard, nil)
		})},
		{"Artifacts.Open job", "GET " + j + "/artifacts", streaming, true, drained(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
			return c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(matrixFailed), nil)
		})},
		{"Artifacts.Open latest", "GET /projects/:id/jobs/artifacts/:ref_name/download", streaming, true, drained(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
			return c.Artifacts.Open(ctx, "group/app", latest, nil)
		})},
		{"Artifacts.OpenFile job", "GET " + j + "/artifacts/*artifact_path", streaming, true, drained(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
			return c.Artifacts.OpenFile(ctx, "group/app", gitlabci.JobID(matrixFailed), "report.txt", nil)
		})},
		{"Artifacts.OpenFile latest", "GET /projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path", streaming, true, drained(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
			return c.Artifacts.OpenFile(ctx, "group/app", latest, "report.txt", nil)
		})},
		{"Artifacts.Save", "GET " + j + "/artifacts", streaming, true, func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Save(ctx, c, "group/app", matrixFailed)
		}},
		{"Artifacts.Download", "GET " + j + "/artifacts", streaming, true, func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.Download(ctx, "group/app", gitlabci.JobID(matrixFailed), io.Discard, nil)
			return err
		}},
		{"Artifacts.ListEntries", "GET " + j + "/artifacts/tree", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Page[gitlabci.ArtifactEntry], error) {
			return c.Artifacts.ListEntries(ctx, "group/app", matrixFailed, nil)
		})},
		{"Artifacts.Keep", "POST " + j + "/artifacts/keep", repeatable, false, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Artifacts.Keep(ctx, "group/app", matrixFailed)
		})},
		{"Artifacts.Delete", "DELETE " + j + "/artifacts", bare, false, func(ctx context.Context, c *gitlabci.Client) error {
			return c.Artifacts.Delete(ctx, "group/app", matrixFailed)
		}},
		{"Artifacts.DeleteAll", "DELETE /projects/:id/artifacts", bare, false, func(ctx context.Context, c *gitlabci.Client) error {
			return c.Artifacts.DeleteAll(ctx, "group/app")
		}},
		{"Client.Do", "POST /projects/:id/pipeline", plain, false, posted("/projects/1/pipeline?ref=main", "")},
	}
}

// posted is a POST through Client.Do whose response is read to its end. An empty
// body is none.
func posted(path, body string) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		var content io.Reader
		if body != "" {
			content = strings.NewReader(body)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, path, content)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
}

// result is a method that returns more than an error.
func result[T any](do func(context.Context, *gitlabci.Client) (T, error)) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		_, err := do(ctx, c)
		return err
	}
}

func onPipeline[T any](do func(*gitlabci.PipelinesService, context.Context, gitlabci.ProjectID, gitlabci.PipelineID) (T, error)) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		_, err := do(c.Pipelines, ctx, "group/app", matrixPipeline)
		return err
	}
}

// drained is a method whose result is read to its end and closed.
func drained[T io.ReadCloser](do func(context.Context, *gitlabci.Client) (T, error)) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) error {
		body, err := do(ctx, c)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, body)
		if closed := body.Close(); err == nil {
			err = closed
		}
		return err
	}
}
