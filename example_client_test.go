package gitlabci_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

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
