package gitlabci_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing/fstest"
	"time"

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

// A request that starts work is never sent twice. If its response is lost, look for the
// pipeline before you create another one.
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

// Five pages, four of them requested at the same time.
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

// The error of a page holds the cursor to continue from.
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

// A bot that runs a pipeline and says why it failed, or saves what it has built.
func Example_bot() {
	srv := gitlabcitest.NewServer()
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{
		Name: "build", Artifacts: fstest.MapFS{"bin/app": {Data: []byte("app")}},
	})
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	file := filepath.Join(dir, "app.zip")
	if err := nightly(context.Background(), srv.Client(), file); err != nil {
		fmt.Println(err)
	}
	saved, err := os.Stat(file)
	fmt.Println(saved.Name(), err)
	// Output: app.zip <nil>
}

// nightly is the bot of README.md.
func nightly(ctx context.Context, client *gitlabci.Client, file string) error {
	const project, ref = "group/app", "main"
	opts := &gitlabci.RunOptions{CancelOnExit: true} // when ctx ends, by Ctrl-C perhaps
	opts.Create.Variables = []*gitlabci.Variable{{Key: "BUILD", Value: "nightly"}}

	result, err := client.Pipelines.Run(ctx, project, ref, opts)
	if err != nil {
		return err
	}
	if result.Pipeline.Status != gitlabci.StatusSuccess {
		fmt.Println(result.Pipeline.WebURL, "ended as", result.Pipeline.Status)
		for _, failure := range result.Failed {
			fmt.Println(failure.Job.Name, "failed:", failure.Reason, failure.Summary.Reason)
			for _, line := range failure.Lines {
				fmt.Println("  ", line)
			}
		}
		return fmt.Errorf("pipeline %d: %s", result.Pipeline.ID, result.Pipeline.Status)
	}
	build, err := client.Jobs.FindByName(ctx, project, result.Pipeline.ID, "build")
	if err != nil {
		return err
	}
	return client.Artifacts.Save(ctx, project, build.ID, file, nil)
}

// A job reads the other jobs of its own pipeline. GitLab sets the CI_ variables in each job.
// On your own machine, set GITLAB_TOKEN and GITLAB_URL instead.
func ExampleNewClientFromEnv() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	job := pipeline.AddJob(gitlabcitest.Job{Name: "report", Status: gitlabci.StatusRunning})
	defer setenv("GITLAB_URL", gitlabcitest.URL, "GITLAB_TOKEN", srv.Token(),
		"CI_PROJECT_ID", "1", "CI_PIPELINE_ID", fmt.Sprint(pipeline.ID), "CI_JOB_ID", fmt.Sprint(job.ID))()

	client, err := gitlabci.NewClientFromEnv(gitlabci.WithTransport(srv.Transport())) // a real server needs no option
	if err != nil {
		fmt.Println(err)
		return
	}
	projectID, noProject := gitlabci.ProjectFromEnv()
	pipelineID, noPipeline := gitlabci.PipelineFromEnv()
	own, noJob := gitlabci.JobFromEnv()
	if err := errors.Join(noProject, noPipeline, noJob); err != nil {
		fmt.Println(err) // not in a CI job
		return
	}
	for job, err := range client.Jobs.AllForPipeline(context.Background(), projectID, pipelineID, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if job.ID != own {
			fmt.Println(job.Name, job.Status)
		}
	}
	// Output: build success
}

// setenv sets environment variables, each a name and a value, until restore is called.
func setenv(pairs ...string) (restore func()) {
	restore = func() {}
	for i := 0; i < len(pairs); i += 2 {
		name, next := pairs[i], restore
		before, found := os.LookupEnv(name)
		restore = func() {
			os.Unsetenv(name)
			if found {
				os.Setenv(name, before)
			}
			next()
		}
		os.Setenv(name, pairs[i+1])
	}
	return restore
}

// A dashboard has to respond fast: it waits neither for a slow server nor for a rate limit.
func ExampleWithTimeouts() {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}})
	client, err := gitlabci.NewClient(
		gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(srv.Transport()), // the fake server
		gitlabci.WithToken(srv.Token()),
		gitlabci.WithTimeouts(gitlabci.Timeouts{FirstByte: 5 * time.Second}),
		gitlabci.WithMaxWait(2*time.Second),
		gitlabci.WithRetries(1),
		gitlabci.WithMaxAnswer(16<<20), // a JSON response of more than 16 MiB is an error
		gitlabci.WithUserAgent("dashboard/1.4"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Pipelines.Get(context.Background(), "group/app", 101)
	if e, ok := errors.AsType[*gitlabci.APIError](err); ok && errors.Is(err, gitlabci.ErrRateLimited) {
		fmt.Println("try again in", e.RetryAfter)
	}
	// Output: try again in 1m0s
}

// The log names each request by its endpoint. It has no token, no query and no body.
func ExampleWithLogger() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, "duration", "request_id": // they differ each time
				return slog.Attr{}
			}
			return a
		},
	}))
	client := srv.Client(gitlabci.WithLogger(logger))

	_, err := client.Pipelines.Get(context.Background(), "group/app", 101)
	fmt.Println(err)
	// Output:
	// level=INFO msg="gitlabci: request" method=GET endpoint=/projects/:id/pipelines/:pipeline_id status=200 attempt=1
	// <nil>
}

// Requests are counted by endpoint and status, for example for Prometheus. An endpoint is a
// template, so there are few of them.
func ExampleWithHooks() {
	srv := gitlabcitest.NewServer()
	for range 3 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	requests := map[string]int{} // a program guards it by a mutex: hooks run concurrently
	client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{
		OnResponse: func(_ context.Context, r gitlabci.ResponseInfo) {
			requests[fmt.Sprint(r.Request.Method, " ", r.Request.Endpoint, " ", r.Status)]++
		},
		OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
			fmt.Println("waiting for", w.Duration, w.Reason)
		},
	}))

	for _, id := range []gitlabci.PipelineID{101, 102, 103} {
		if _, err := client.Pipelines.Get(context.Background(), "group/app", id); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(requests)
	// Output: map[GET /projects/:id/pipelines/:pipeline_id 200:3]
}

// tick is a rate limiter that allows one request each interval.
type tick struct{ *time.Ticker }

func (t tick) Wait(ctx context.Context) error {
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A program that runs all night uses only a part of the server's rate limit. The limiter here
// is a type of the program with one method, Wait. A *rate.Limiter of golang.org/x/time/rate has
// that method, too.
func ExampleWithRateLimiter() {
	srv := gitlabcitest.NewServer()
	limiter := tick{time.NewTicker(time.Millisecond)} // 100 ms are ten requests a second
	defer limiter.Stop()
	client := srv.Client(gitlabci.WithRateLimiter(limiter))

	for pipeline, err := range client.Pipelines.All(context.Background(), "group/app", nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(pipeline.ID)
	}
	fmt.Println(len(srv.Requests()), "request")
	// Output: 1 request
}

// A server has a certificate of the company's own authority, and an access proxy in front of
// it that asks for a secret.
func ExampleWithTLSConfig() {
	authorities, err := x509.SystemCertPool()
	if err != nil {
		fmt.Println(err)
		return
	}
	if pem, err := os.ReadFile("/etc/ssl/company.pem"); err == nil {
		authorities.AppendCertsFromPEM(pem)
	}
	client, err := gitlabci.NewClient(
		gitlabci.WithBaseURL("https://gitlab.example.com"),
		gitlabci.WithToken("glpat-example"),
		gitlabci.WithTLSConfig(&tls.Config{RootCAs: authorities}),
		gitlabci.WithHeader("CF-Access-Client-Secret", "invented-secret"),
	)
	fmt.Println(client != nil, err)
	// Output: true <nil>
}

// Requests go through a proxy that no environment variable names.
func ExampleDefaultTransport() {
	transport := gitlabci.DefaultTransport()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})
	transport.MaxIdleConnsPerHost = 32

	client, err := gitlabci.NewClient(gitlabci.WithToken("glpat-example"), gitlabci.WithTransport(transport))
	fmt.Println(client != nil, err)
	// Output: true <nil>
}

// A token is sent over http:// only to this machine, unless a program allows it.
func ExampleWithInsecureHTTP() {
	base, token := gitlabci.WithBaseURL("http://gitlab.internal"), gitlabci.WithToken("glpat-example")
	_, err := gitlabci.NewClient(base, token)
	fmt.Println(err)
	client, err := gitlabci.NewClient(base, token, gitlabci.WithInsecureHTTP())
	fmt.Println(client != nil, err)
	// Output:
	// gitlabci: WithBaseURL: the token would travel over http:// in the clear; use https://, or WithInsecureHTTP to allow it
	// true <nil>
}

// A web application acts for each of its users with the user's own token. All clients share
// the connections of one transport.
func ExampleClient_With() {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "dana", gitlabcitest.RoleDeveloper)
	token := srv.AddToken(gitlabcitest.Token{Username: "dana", OAuth: true}) // of a login with OAuth
	client := srv.Client()
	defer client.CloseIdleConnections()

	hers, err := client.With(gitlabci.WithOAuthToken(token))
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := hers.Pipelines.Create(context.Background(), "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.User.Username)
	// Output: dana
}

// An administrator's bot starts a pipeline in the name of another user.
func ExampleWithSudo() {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "dana", gitlabcitest.RoleDeveloper)
	client := srv.Client() // with the token of an administrator

	asDana, err := client.With(gitlabci.WithSudo("dana"))
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := asDana.Pipelines.Create(context.Background(), "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.User.Username)
	// Output: dana
}

// Projects and groups are named by path or by number. The numbers in responses have the
// right type already.
func ExampleProjectNumber() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	client, ctx := srv.Client(), context.Background()

	pipeline, err := client.Pipelines.Get(ctx, gitlabci.ProjectNumber(1), 101)
	if err != nil {
		fmt.Println(err)
		return
	}
	project, err := client.Projects.Get(ctx, pipeline.ProjectID)
	if err != nil {
		fmt.Println(err)
		return
	}
	number, ok := project.ID.Number()
	fmt.Println(project.PathWithNamespace, number, ok)

	page, err := client.Projects.ListInGroup(ctx, gitlabci.GroupNumber(project.Namespace.ID), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), "project in", project.Namespace.FullPath)
	// Output:
	// group/app 1 true
	// 1 project in group
}

// Each status is exactly one of the three, also one that this version does not know.
func ExampleStatus() {
	for _, status := range []gitlabci.Status{gitlabci.StatusCanceled, gitlabci.StatusManual, gitlabci.StatusPreparing, "new_in_gitlab_20"} {
		switch {
		case status.Finished():
			fmt.Println(status, "is final")
		case status.Blocked():
			fmt.Println(status, "waits for a person")
		case status.Active():
			fmt.Println(status, "will change")
		}
	}
	// Output:
	// canceled is final
	// manual waits for a person
	// preparing will change
	// new_in_gitlab_20 will change
}

// In a CI job, NewClientFromEnv finds the token.
func ExampleJobsService_Current() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusRunning})
	client := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID)))

	current, err := client.Jobs.Current(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(current.Name, current.Pipeline.ID)
	// Output: deploy 101
}

// A deploy job asks for the agents by which it reaches Kubernetes.
func ExampleJobsService_AllowedAgents() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusRunning})
	client := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID))) // NewClientFromEnv finds the token in a job

	allowed, err := client.Jobs.AllowedAgents(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, agent := range allowed.AllowedAgents {
		fmt.Println(agent.ID)
	}
	fmt.Println(len(allowed.AllowedAgents), "agents for job", allowed.Job.ID)
	// Output: 0 agents for job 1001
}
