package testkit

import (
	"context"
	"io"
	"net/http"
	"regexp"

	"example.com/gitlabci"
)

// A Method is a method without options, for one project and one number, and
// what should arrive when these are group/app and 7.
type Method struct {
	Call     func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error
	Want     string
	Response string // to it; "" is an object
}

// Methods are all methods of the two services. Pipelines have their own.
var Methods = map[string]Method{
	"Jobs.List": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, _ int64) error {
		return Done(c.Jobs.List(ctx, project, nil))
	}, "GET /projects/group%2Fapp/jobs?order_by=id&pagination=keyset&sort=desc", `[]`},
	"Jobs.All": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, _ int64) error {
		return Drain(c.Jobs.All(ctx, project, nil))
	}, "GET /projects/group%2Fapp/jobs?order_by=id&pagination=keyset&per_page=100&sort=desc", `[]`},
	"Jobs.ListForPipeline": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.ListForPipeline(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/jobs", `[]`},
	"Jobs.AllForPipeline": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Drain(c.Jobs.AllForPipeline(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/jobs?per_page=100", `[]`},
	"Jobs.ListTriggerJobs": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.ListTriggerJobs(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/bridges", `[]`},
	"Jobs.AllTriggerJobs": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Drain(c.Jobs.AllTriggerJobs(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/bridges?per_page=100", `[]`},
	"Jobs.FindByName": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.FindByName(ctx, project, gitlabci.PipelineID(id), "unit"))
	}, "GET /projects/group%2Fapp/pipelines/7/jobs?per_page=100", `[{"id":7,"name":"unit"}]`},
	"Jobs.Get": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.Get(ctx, project, gitlabci.JobID(id)))
	}, "GET /projects/group%2Fapp/jobs/7", ""},
	"Jobs.Log": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return ReadAll(c.Jobs.Log(ctx, project, gitlabci.JobID(id)))
	}, "GET /projects/group%2Fapp/jobs/7/trace", ""},
	"Jobs.FollowLog": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.FollowLog(ctx, project, gitlabci.JobID(id), io.Discard, nil))
	}, "GET /projects/group%2Fapp/jobs/7", `{"id":7,"status":"skipped"}`}, // and so has no log
	"Jobs.Cancel": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.Cancel(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/cancel", ""},
	"Jobs.Retry": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.Retry(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/retry", ""},
	"Jobs.Play": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.Play(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/play", ""},
	"Jobs.PlayOrRetry": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.PlayOrRetry(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/play", ""},
	"Jobs.Erase": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Jobs.Erase(ctx, project, gitlabci.JobID(id)))
	}, "POST /projects/group%2Fapp/jobs/7/erase", ""},
	"Jobs.Current": {func(ctx context.Context, c *gitlabci.Client, _ gitlabci.ProjectID, _ int64) error {
		return Done(c.Jobs.Current(ctx))
	}, "GET /job", ""},
	"Jobs.AllowedAgents": {func(ctx context.Context, c *gitlabci.Client, _ gitlabci.ProjectID, _ int64) error {
		return Done(c.Jobs.AllowedAgents(ctx))
	}, "GET /job/allowed_agents", `{"job":{"id":7}}`},
	"Artifacts.Open": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return ReadAll(c.Artifacts.Open(ctx, project, gitlabci.JobID(id), nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.OpenFile": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return ReadAll(c.Artifacts.OpenFile(ctx, project, gitlabci.JobID(id), "out/a.txt", nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts/out/a.txt", ""},
	"Artifacts.Save": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Save(ctx, c, project, gitlabci.JobID(id))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.Download": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Artifacts.Download(ctx, project, gitlabci.JobID(id), io.Discard, nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.Archive": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		archive, err := c.Artifacts.Archive(ctx, project, gitlabci.JobID(id), nil)
		if err != nil {
			return err
		}
		return archive.Close()
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", EmptyZip},
	"Artifacts.Extract": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Extract(ctx, c, project, gitlabci.JobID(id))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", EmptyZip},
	"Artifacts.ListEntries": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Artifacts.ListEntries(ctx, project, gitlabci.JobID(id), nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts/tree", `[]`},
	"Artifacts.AllEntries": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Drain(c.Artifacts.AllEntries(ctx, project, gitlabci.JobID(id), nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts/tree?per_page=100", `[]`},
	"Artifacts.Keep": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return Done(c.Artifacts.Keep(ctx, project, gitlabci.JobID(id)))
	}, "POST /projects/group%2Fapp/jobs/7/artifacts/keep", ""},
	"Artifacts.Delete": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return c.Artifacts.Delete(ctx, project, gitlabci.JobID(id))
	}, "DELETE /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.DeleteAll": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, _ int64) error {
		return c.Artifacts.DeleteAll(ctx, project)
	}, "DELETE /projects/group%2Fapp/artifacts", ""},
}

func Done[T any](_ T, err error) error { return err }

func ReadAll[T io.ReadCloser](body T, err error) error {
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, body)
	return err
}

// JSONStep responds to a call with JSON.
func JSONStep(body string) http.HandlerFunc {
	if body == "" {
		return OK
	}
	return Respond(200, body)
}

// wireFile is the content expected from a call that reads a log or an artifact
// file.
var wireFile = regexp.MustCompile(`^GET [^?]*/(trace|artifacts|artifacts/out/a\.txt|artifacts/[^/?]+/download)(\?|$)`)

// MethodStep responds to a call of wireCalls or wireFilled.
func MethodStep(want, body string) http.HandlerFunc {
	if wireFile.MatchString(want) {
		return OfType("application/octet-stream", JSONStep(body))
	}
	return JSONStep(body)
}
