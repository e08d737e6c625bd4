package main

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
)

// casesOfReport is how many test cases the report has that is decoded.
const casesOfReport = 10_000

// operate repeats an operation on an answer that is in memory, and measures
// one.
func operate(ctx context.Context, t task) (result, error) {
	operation, err := newOperation(ctx, t)
	if err != nil {
		return result{}, err
	}
	if err := operation(); err != nil {
		return result{}, err
	}
	testing.Init()
	if err := flag.Set("test.benchtime", t.Bench); err != nil {
		return result{}, err
	}
	var failed error
	found := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			failed = errors.Join(failed, operation())
		}
	})
	return result{
		Seconds:    found.T.Seconds() / float64(found.N),
		Allocs:     found.AllocsPerOp(),
		AllocBytes: found.AllocedBytesPerOp(),
	}, failed
}

// answer is the body that an operation is about.
func answer(work string) []byte {
	switch work {
	case "decode pipelines":
		return pipelinesPage().page(0, perPage)
	case "decode jobs":
		return jobsPage().page(0, perPage)
	case "call":
		return []byte(`{"id":98765432100,"name":"rspec 1/10","stage":"test","status":"success","ref":"main"}`)
	}
	var text strings.Builder
	for piece := range newReport(casesOfReport).pieces {
		text.WriteString(piece)
	}
	return []byte(text.String())
}

// newOperation returns what one client does with an answer.
func newOperation(ctx context.Context, t task) (func() error, error) {
	body := answer(t.Work)
	transport := inMemory(body)
	switch t.Client {
	case ours:
		client, err := newOurs("https://gitlab.example.com", gitlabci.WithTransport(transport))
		return ourOperation(ctx, client, t.Work), err
	case theirs:
		client, err := newTheirs("https://gitlab.example.com", gitlab.WithHTTPClient(&http.Client{Transport: transport}))
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
	whole := gitlabci.ListOptions{PerPage: perPage}
	switch work {
	case "decode pipelines":
		return func() error {
			page, err := client.Pipelines.List(ctx, project, &gitlabci.ListPipelinesOptions{ListOptions: whole})
			return came(err, func() int { return len(page.Items) }, perPage)
		}
	case "decode jobs":
		return func() error {
			page, err := client.Jobs.List(ctx, project, &gitlabci.ListJobsOptions{ListOptions: whole})
			return came(err, func() int { return len(page.Items) }, perPage)
		}
	case "decode report":
		return func() error {
			report, err := client.Pipelines.TestReport(ctx, project, 1)
			return came(err, func() int { return len(report.TestSuites) * len(report.TestSuites[0].TestCases) }, casesOfReport)
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
			return came(nil, func() int { return n }, casesOfReport)
		}
	}
	return func() error {
		job, err := client.Jobs.Get(ctx, project, 1)
		return came(err, func() int { return int(job.ID) }, newestJob)
	}
}

func theirOperation(ctx context.Context, client *gitlab.Client, work string) func() error {
	whole, within := gitlab.ListOptions{PerPage: perPage}, gitlab.WithContext(ctx)
	switch work {
	case "decode pipelines":
		return func() error {
			page, _, err := client.Pipelines.ListProjectPipelines(project, &gitlab.ListProjectPipelinesOptions{ListOptions: whole}, within)
			return came(err, func() int { return len(page) }, perPage)
		}
	case "decode jobs":
		return func() error {
			page, _, err := client.Jobs.ListProjectJobs(project, &gitlab.ListJobsOptions{ListOptions: whole}, within)
			return came(err, func() int { return len(page) }, perPage)
		}
	case "decode report":
		return func() error {
			report, _, err := client.Pipelines.GetPipelineTestReport(project, 1, within)
			return came(err, func() int { return len(report.TestSuites) * len(report.TestSuites[0].TestCases) }, casesOfReport)
		}
	}
	return func() error {
		job, _, err := client.Jobs.GetJob(project, 1, within)
		return came(err, func() int { return int(job.ID) }, newestJob)
	}
}

// bareCall asks for a job with what Go brings along.
func bareCall(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://gitlab.example.com/api/v4/projects/group%2Fapp/jobs/1", nil)
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
	return came(err, func() int { return int(job.ID) }, newestJob)
}

// came reports whether an answer was what it should be.
func came(err error, got func() int, want int) error {
	if err == nil && got() != want {
		err = fmt.Errorf("%d came, instead of %d", got(), want)
	}
	return err
}

// inMemory answers each request with the same body.
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
