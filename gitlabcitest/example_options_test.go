package gitlabcitest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing/fstest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A program in another process, in any language, reaches the server by its URL. It needs a
// port, so Close is necessary.
func ExampleServer_Start() {
	srv := gitlabcitest.NewServer(gitlabcitest.WithRequestLog(100)) // not all requests of a long run
	defer srv.Close()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	base, err := srv.Start()
	if err != nil {
		fmt.Println(err)
		return
	}

	req, err := http.NewRequest(http.MethodGet, base+"/api/v4/projects/1/pipelines/101", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("PRIVATE-TOKEN", srv.Token())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, srv.Requests()[0].Route)
	// Output: 200 OK GET /projects/:id/pipelines/:pipeline_id
}

// A program finds the server at a port that is fixed, by a name of the company's network. Its
// clock runs a thousand times as fast, so that an hour of a job takes 4 seconds.
func ExampleServer_StartOn() {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // ":8080" for a fixed port
	if err != nil {
		fmt.Println(err)
		return
	}
	routes := make(chan string, 1)
	srv := gitlabcitest.NewServer(
		gitlabcitest.WithSpeed(1000),
		gitlabcitest.WithExternalURL("http://gitlab.internal:8080"),
		gitlabcitest.WithOnRequest(func(r gitlabcitest.Request, _ time.Duration) { routes <- r.Route }), // or log it
	)
	defer srv.Close()
	url, err := srv.StartOn(listener, nil) // no storage
	fmt.Println(url == "http://"+listener.Addr().String(), err)
	pipeline, err := srv.Client().Pipelines.Create(context.Background(), "group/app", "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-routes, pipeline.WebURL)
	// Output:
	// true <nil>
	// POST /projects/:id/pipeline http://gitlab.internal:8080/group/app/-/pipelines/101
}

// The code under test needs a client without a token, or one of its own options alone.
func ExampleServer_Transport() {
	srv := gitlabcitest.NewServer()
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithTransport(srv.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Pipelines.List(context.Background(), "group/app", nil)
	fmt.Println(errors.Is(err, gitlabci.ErrNotFound)) // the project is private
	// Output: true
}

// Does the program work with a customer's older GitLab? It has no filter of jobs by ref.
func ExampleWithVersion() {
	for _, release := range []string{"15.0", "19.5"} {
		srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic"}).AddJob(gitlabcitest.Job{})
		_, err := srv.Client().Jobs.List(context.Background(), "group/app", &gitlabci.ListJobsOptions{Ref: "main"})
		fmt.Println(release, "lacks it:", errors.Is(err, errors.ErrUnsupported))
	}
	// Output:
	// 15.0 lacks it: true
	// 19.5 lacks it: false
}

// Does the program respect the server's rate limit? The second request within a minute is
// refused, and the client would wait for the next minute.
func ExampleWithThrottle() {
	srv := gitlabcitest.NewServer(gitlabcitest.WithThrottle(gitlabcitest.Throttle{Limit: 1, Period: time.Hour}))
	client, ctx := srv.Client(gitlabci.WithMaxWait(time.Second)), context.Background()
	for range 2 {
		_, err := client.Pipelines.List(ctx, "group/app", nil)
		fmt.Println(errors.Is(err, gitlabci.ErrRateLimited))
	}
	// Output:
	// false
	// true
}

// GitLab limits single actions, too: a user can retry one job three times a minute.
func ExampleWithActionLimits() {
	srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(gitlabci.WithRetries(0)), context.Background()
	for range 4 {
		_, err := client.Jobs.Retry(ctx, "group/app", job.ID, nil)
		fmt.Println(errors.Is(err, gitlabci.ErrRateLimited))
	}
	// Output:
	// false
	// false
	// false
	// true
}

// With features that GitLab has behind flags, a download that breaks resumes where it broke.
// A fault breaks the connection after 100 bytes.
func ExampleWithStrongETags() {
	srv := gitlabcitest.NewServer(gitlabcitest.WithStrongETags(), gitlabcitest.WithLogRanges())
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Artifacts: fstest.MapFS{"report.txt": {Data: []byte("All doors are painted.")}},
	})
	srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakResetBody, After: 100, Times: 1})

	_, err := srv.Client().Artifacts.Download(context.Background(), "group/app", job.ID, io.Discard, nil)
	fmt.Println(err)
	for _, r := range srv.Requests() {
		fmt.Printf("%d %q\n", r.Status, r.Header.Get("Range"))
	}
	// Output:
	// <nil>
	// 200 ""
	// 206 "bytes=100-"
}
