package work

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/bench/internal/served"
)

// CasesOfReport is how many test cases the report has that is decoded.
const CasesOfReport = 10_000

// operate repeats an operation on a response that is in memory, and returns what
// one takes.
func operate(ctx context.Context, t Task) (Result, error) {
	operation, err := newOperation(ctx, t)
	if err != nil {
		return Result{}, err
	}
	if err := operation(); err != nil {
		return Result{}, err
	}
	testing.Init()
	if err := flag.Set("test.benchtime", t.Bench); err != nil {
		return Result{}, err
	}
	var failed error
	found := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			failed = errors.Join(failed, operation())
		}
	})
	return Result{
		Seconds:    found.T.Seconds() / float64(found.N),
		Allocs:     found.AllocsPerOp(),
		AllocBytes: found.AllocedBytesPerOp(),
	}, failed
}

// Body is the response that a piece of work decodes.
func Body(work string) []byte {
	switch work {
	case "decode pipelines":
		return served.PipelinesPage(0, served.PerPage)
	case "decode jobs":
		return served.JobsPage(0)
	case "decode varied pipelines":
		return served.VariedPipelines()
	case "decode jobs of one pipeline":
		return served.VariedJobs(served.OnePipeline)
	case "decode jobs of a project":
		return served.VariedJobs(served.OneProject)
	case "decode distinct jobs":
		return served.VariedJobs(served.AllDistinct)
	case "call":
		return []byte(`{"id":98765432100,"name":"rspec 1/10","stage":"test","status":"success","ref":"main"}`)
	}
	var text strings.Builder
	for piece := range served.NewReport(CasesOfReport).Pieces {
		text.WriteString(piece)
	}
	return []byte(text.String())
}

// newOperation returns what one client does with a response.
func newOperation(ctx context.Context, t Task) (func() error, error) {
	body := Body(t.Work)
	transport, err := transportOf(t, body)
	if err != nil {
		return nil, err
	}
	switch t.Client {
	case Ours:
		client, err := newOurs(t, gitlabci.WithTransport(transport))
		return ourOperation(ctx, client, t.Work), err
	case Theirs:
		client, err := newTheirs(t, gitlab.WithHTTPClient(&http.Client{Transport: transport}))
		return theirOperation(ctx, client, t.Work), err
	}
	if t.Work == "call" {
		return func() error { return bareCall(ctx, &http.Client{Transport: transport}) }, nil
	}
	return func() error {
		if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
			return errors.New("this is not JSON")
		}
		return nil
	}, nil
}

func ourOperation(ctx context.Context, client *gitlabci.Client, work string) func() error {
	whole := gitlabci.ListOptions{PerPage: served.PerPage}
	switch work {
	case "decode pipelines", "decode varied pipelines":
		return func() error {
			page, err := client.Pipelines.List(ctx, project, &gitlabci.ListPipelinesOptions{ListOptions: whole})
			return expect(err, func() int { return len(page.Items) }, served.PerPage)
		}
	case "decode jobs", "decode jobs of one pipeline", "decode jobs of a project", "decode distinct jobs":
		return func() error {
			page, err := client.Jobs.List(ctx, project, &gitlabci.ListJobsOptions{ListOptions: whole})
			return expect(err, func() int { return len(page.Items) }, served.PerPage)
		}
	case "decode report":
		return func() error {
			report, err := client.Pipelines.TestReport(ctx, project, 1)
			return expect(err, func() int { return len(report.TestSuites) * len(report.TestSuites[0].TestCases) }, CasesOfReport)
		}
	case "decode cases":
		return func() error {
			n := 0
			for _, err := range client.Pipelines.TestCases(ctx, project, 1) {
				if err != nil {
					return err
				}
				n++
			}
			return expect(nil, func() int { return n }, CasesOfReport)
		}
	}
	return func() error {
		job, err := client.Jobs.Get(ctx, project, gitlabci.JobID(served.NewestJob))
		return expect(err, func() int64 { return int64(job.ID) }, served.NewestJob)
	}
}

func theirOperation(ctx context.Context, client *gitlab.Client, work string) func() error {
	whole, within := gitlab.ListOptions{PerPage: served.PerPage}, gitlab.WithContext(ctx)
	switch work {
	case "decode pipelines", "decode varied pipelines":
		return func() error {
			page, _, err := client.Pipelines.ListProjectPipelines(project, &gitlab.ListProjectPipelinesOptions{ListOptions: whole}, within)
			return expect(err, func() int { return len(page) }, served.PerPage)
		}
	case "decode jobs", "decode jobs of one pipeline", "decode jobs of a project", "decode distinct jobs":
		return func() error {
			page, _, err := client.Jobs.ListProjectJobs(project, &gitlab.ListJobsOptions{ListOptions: whole}, within)
			return expect(err, func() int { return len(page) }, served.PerPage)
		}
	case "decode report":
		return func() error {
			report, _, err := client.Pipelines.GetPipelineTestReport(project, 1, within)
			return expect(err, func() int { return len(report.TestSuites) * len(report.TestSuites[0].TestCases) }, CasesOfReport)
		}
	}
	return func() error {
		job, _, err := client.Jobs.GetJob(project, served.NewestJob, within)
		return expect(err, func() int64 { return int64(job.ID) }, served.NewestJob)
	}
}

// bareCall requests a job with the standard library alone.
func bareCall(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprint("https://gitlab.example.com/api/v4/projects/group%2Fapp/jobs/", served.NewestJob), nil)
	if err != nil {
		return err
	}
	req.Header.Set("PRIVATE-TOKEN", token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var job gitlabci.Job
	err = json.NewDecoder(resp.Body).Decode(&job)
	return expect(err, func() int64 { return int64(job.ID) }, served.NewestJob)
}

// expect returns err or, if there was none and got is not want, an error of its own.
func expect[T int | int64](err error, got func() T, want T) error {
	if err == nil && got() != want {
		err = fmt.Errorf("%d came, instead of %d", got(), want)
	}
	return err
}

// transportOf responds to each request of a task with a body.
func transportOf(t Task, body []byte) (http.RoundTripper, error) {
	if t.Gzip {
		return newGzipped(body)
	}
	return inMemory(body), nil
}

// inMemory responds to each request with the same body.
type inMemory []byte

func (body inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(bytes.NewReader(body)),
		Request:       req,
	}, nil
}
