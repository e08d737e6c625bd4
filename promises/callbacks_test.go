package promises_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// busyServer has pipelines with jobs, one with children, and an archive.
func busyServer() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	var artifacts fs.FS = fstest.MapFS{"a": {Data: []byte("1")}, "b": {Data: []byte("2")}, "c": {Data: []byte("3")}}
	for range 300 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed}).AddJob(gitlabcitest.Job{
			Status: gitlabci.StatusFailed, Log: "no\n", StartedAt: time.Now(), FinishedAt: time.Now(), Artifacts: artifacts,
		})
		artifacts = nil // of the first job only: packing them takes most of the time
	}
	srv.OnCreate("group/app", gitlabcitest.Pipeline{}, testkit.Job("unit", "failed", testkit.NumberedLines(100)), testkit.Job("lint", "failed", "no\n"))
	return srv
}

// manyRequests are the calls that send concurrent requests.
func manyRequests(dir string) map[string]func(context.Context, *gitlabci.Client) error {
	return map[string]func(context.Context, *gitlabci.Client) error{
		"prefetch": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.All(ctx, "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 20, Prefetch: 8}}))
		},
		"tree": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Tree(ctx, "group/app", 101))
		},
		"each": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Pipelines.RetryEach(ctx, "group/app", testkit.PipelinesOf(101, 102, 103, 104, 105, 106), nil))
		},
		"run": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{Log: &bytes.Buffer{}}))
		},
		"failures": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Failures(ctx, "group/app", 101, nil))
		},
		"extract": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Artifacts.Extract(ctx, "group/app", gitlabci.JobID(1001), dir, nil))
		},
	}
}

// A hook that panics does so on the goroutine of the call, which can recover, and leaves
// nothing behind: the bubble of the test would not end.
func TestHooksPanicInTheCall(t *testing.T) {
	t.Parallel()
	for name := range manyRequests("") {
		for nth := range map[bool]int{true: 1, false: 3}[name == "extract"] { // which sends one request
			synctest.Test(t, func(t *testing.T) {
				srv := busyServer()
				call := manyRequests(t.TempDir())[name]
				seen := make(chan int, 1)
				seen <- 0
				client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnResponse: func(context.Context, gitlabci.ResponseInfo) {
					n := <-seen
					seen <- n + 1
					if n >= nth {
						panic(http.ErrAbortHandler)
					}
				}}))
				require.PanicsWithValue(t, http.ErrAbortHandler, func() {
					err := call(t.Context(), client)
					t.Log(name, nth, err)
				}, "%s, response %d", name, nth)
			})
		}
	}
}

// A writer of logs that panics does so in Run.
func TestLogWritersPanicInRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := busyServer().Client()
		require.PanicsWithValue(t, "no paper", func() {
			client.Pipelines.Run(t.Context(), "group/app", "main", &gitlabci.RunOptions{Log: panicking{}})
		})
	})
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("no paper") }

// goroutine names the one that runs.
func goroutine() string {
	name, _, _ := strings.Cut(string(debugStack()), "[")
	return name
}

func debugStack() []byte {
	stack := make([]byte, 64)
	return stack[:runtime.Stack(stack, false)]
}

// Progress and events are reported on the goroutine of the call.
func TestCallbacksRunInTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, here, called := busyServer().Client(), goroutine(), map[string]int{}
		check := func(what string) {
			require.Equal(t, here, goroutine(), what)
			called[what]++
		}
		progress := func(what string) func(int64, int64) { return func(int64, int64) { check(what) } }
		job := gitlabci.JobID(1001)
		dir := t.TempDir()
		_, err := client.Artifacts.Extract(t.Context(), "group/app", job, dir+"/x", &gitlabci.ExtractOptions{Progress: progress("extract")})
		require.NoError(t, err)
		require.NoError(t, client.Artifacts.Save(t.Context(), "group/app", job, dir+"/a.zip", &gitlabci.SaveOptions{Progress: progress("save")}))
		_, err = client.Artifacts.Download(t.Context(), "group/app", job, &bytes.Buffer{}, &gitlabci.OpenOptions{Progress: progress("download")})
		require.NoError(t, err)
		_, err = client.Pipelines.Run(t.Context(), "group/app", "main", &gitlabci.RunOptions{Event: func(*gitlabci.PipelineEvent) { check("event") }})
		require.NoError(t, err)
		_, err = client.Jobs.FollowLog(t.Context(), "group/app", job, &bytes.Buffer{}, &gitlabci.FollowOptions{Poll: func(gitlabci.FollowPoll) { check("poll") }})
		require.NoError(t, err)
		for _, what := range []string{"extract", "save", "download", "event", "poll"} {
			require.Positive(t, called[what], what)
		}
		require.Equal(t, 3, called["extract"], fmt.Sprint(called))
	})
}
