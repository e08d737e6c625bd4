package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func Example() {
	srv := gitlabcitest.NewServer() // a fake; a real one needs only NewClient
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	for pipeline, err := range client.Pipelines.All(ctx, "group/app", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID, pipeline.Ref, pipeline.Status)
	}
	// Output:
	// 102 main failed
	// 101 main success
}

func ExampleNewClient() {
	client, err := gitlabci.NewClient(
		gitlabci.WithBaseURL("https://gitlab.example.com"),
		gitlabci.WithToken("glpat-…\n"),
	)
	fmt.Println(client == nil, err)
	// Output: true gitlabci: WithToken: the token has a newline, a space or another character that no token has
}

// What starts work is never sent twice: when its answer is lost, look before
// asking again.
func ExamplePipelinesService_Create() {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/pipeline", Status: 504, Executed: true})
	client, ctx := srv.Client(), context.Background()

	_, err := client.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "DEPLOY_TO", Value: "staging"}},
	})
	if errors.Is(err, gitlabci.ErrOutcomeUnknown) {
		latest, err := client.Pipelines.Latest(ctx, "group/app", "main")
		fmt.Println(latest.ID, latest.Status, err)
	}
	// Output: 101 pending <nil>
}

// Five pages, of which four are asked for at once.
func ExampleListOptions() {
	srv := gitlabcitest.NewServer()
	for range 450 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	client, ctx := srv.Client(), context.Background()

	pipelines := 0
	for _, err := range client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: 4}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		pipelines++
	}
	fmt.Println(pipelines, "pipelines,", len(srv.Requests()), "requests")
	// Output: 450 pipelines, 5 requests
}

// A page that fails holds the place to go on from.
func ExamplePageError() {
	srv := gitlabcitest.NewServer()
	for range 3 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	client, ctx := srv.Client(gitlabci.WithRetries(0)), context.Background()

	var after gitlabci.Cursor
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}) {
		if failed, ok := errors.AsType[*gitlabci.PageError](err); ok {
			fmt.Println(failed)
			after = failed.After
			break
		}
		fmt.Println(pipeline.ID)
		if pipeline.ID == 103 {
			srv.Fault(gitlabcitest.Fault{Status: 503, Times: 1}) // hits the next page
		}
	}
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: after}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID)
	}
	// Output:
	// 103
	// 102
	// gitlabci: GET /projects/group%2Fapp/pipelines: 503 Service Unavailable
	// 101
}

func ExampleClient_Do() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Name: "nightly"})
	client := srv.Client()

	req, err := http.NewRequest(http.MethodGet, "/projects/1/pipelines/101/variables", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: [] <nil>
}

// A tracer that records which call a request belongs to, and no URL: those of a storage
// are signed.
func ExampleWithMiddleware() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	trace := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if info, ok := gitlabci.RequestInfoFrom(req.Context()); ok && err == nil {
				fmt.Println(info.Method, info.Endpoint, "storage:", info.Storage, resp.StatusCode)
			}
			return resp, err
		})
	}
	_, err := srv.Client(gitlabci.WithMiddleware(trace)).Pipelines.Get(context.Background(), "group/app", 101)
	fmt.Println(err)
	// Output:
	// GET /projects/:id/pipelines/:pipeline_id storage: false 200
	// <nil>
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A source that caches its token until GitLab refuses it.
func ExampleTokenRefused() {
	cached := struct {
		sync.Mutex
		token string
	}{token: "gloas-…"}
	source := func(ctx context.Context) (string, error) {
		cached.Lock()
		defer cached.Unlock()
		if gitlabci.TokenRefused(ctx) != "" {
			token, err := refresh(ctx)
			if err != nil {
				return "", err
			}
			cached.token = token
		}
		return cached.token, nil
	}
	client, err := gitlabci.NewClient(gitlabci.WithTokenSource(source))
	fmt.Println(client != nil, err)
	// Output: true <nil>
}

func refresh(context.Context) (string, error) { return "gloas-… the next one", nil }
