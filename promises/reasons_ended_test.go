package promises_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// polling are the ways to wait for something.
var polling = map[string]func(context.Context, *gitlabci.Client) error{
	"Wait": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Wait(ctx, "group/app", 7, nil))
	},
	"Watch": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Drain(c.Pipelines.Watch(ctx, "group/app", 7, nil))
	},
	"Run": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", nil))
	},
	"Find": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true}))
	},
	"FollowLog": func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.FollowLog(ctx, "group/app", 7, io.Discard, nil))
	},
}

// afterCreate is a step that lets Run begin, and does what follows to all other requests.
func afterCreate(step http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			testkit.Respond(201, `{"id":7,"project_id":2,"status":"created"}`, "Content-Type", "application/json")(w, r)
			return
		}
		step(w, r)
	}
}

// Whoever waits for something learns why it failed until the deadline, in the error of
// the deadline.
func TestDeadlineSaysWhyPollsFailed(t *testing.T) {
	t.Parallel()
	unavailable := testkit.Respond(502, "<title>GitLab is not responding</title>", "Content-Type", "text/html")
	hanging := 0
	for cause, step := range map[string]http.HandlerFunc{
		"502 Bad Gateway":           unavailable,
		"500 Internal Server Error": testkit.Respond(500, `{"message":"500 Internal Server Error"}`, "Content-Type", "application/json"),
		"429 Too Many Requests":     testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", "7"),
		"GitLab is not responding": func(w http.ResponseWriter, r *http.Request) { // and then nothing
			if hanging++; hanging%2 == 0 {
				testkit.Silent(w, r)
				return
			}
			unavailable(w, r)
		},
	} {
		for name, wait := range polling {
			for _, retries := range []int{0, 1, 4} {
				t.Run(name+" after "+cause, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						hanging = 0
						client := testkit.NewScript(afterCreate(step)).Client(t, gitlabci.WithRetries(retries))
						ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
						defer cancel()
						err := wait(ctx, client)
						require.ErrorIs(t, err, context.DeadlineExceeded)
						require.ErrorContains(t, err, cause)
						_, answered := errors.AsType[*gitlabci.APIError](err)
						require.True(t, answered)
					})
				})
			}
		}
	}
}

// A call whose first attempt failed and whose second one hangs has both in its error.
func TestDeadlineSaysWhatAnEarlierAttemptGot(t *testing.T) {
	t.Parallel()
	for name, call := range testkit.Calls {
		synctest.Test(t, func(t *testing.T) {
			first := testkit.Respond(429, `{"message":"slow down"}`, "Content-Type", "application/json", "Retry-After", "1")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := call(ctx, testkit.NewScript(first, testkit.Silent).Client(t))
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.ErrorIs(t, err, gitlabci.ErrRateLimited, name)
			require.ErrorContains(t, err, "context deadline exceeded (after: 429 Too Many Requests: slow down", name)
		})
	}
}

// The cause of a context, such as the signal that ends a program, is in every error of
// its end, beside the context's own error.
func TestCauseOfTheEnd(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	empty := testkit.Respond(200, `[]`, "Content-Type", "application/json")
	steps := map[string]http.HandlerFunc{
		"while it hangs":      testkit.Silent,
		"in the backoff":      testkit.Respond(429, `{}`, "Content-Type", "application/json", "Retry-After", "20"),
		"held at the gate":    testkit.Respond(429, "Retry later", "Content-Type", "text/plain", "Retry-After", "20"),
		"between polls":       empty,
		"in an endless body":  testkit.Stall,
		"of a broken attempt": testkit.Reset,
	}
	for when, step := range steps {
		for name, wait := range polling {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					step := step
					if when == "between polls" && name != "Find" {
						step = runningForever
					}
					requireCause(t, signal, testkit.NewScript(afterCreate(step)), wait)
				})
			})
		}
		for name, call := range testkit.Calls {
			if when == "between polls" || when == "of a broken attempt" {
				continue
			}
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { requireCause(t, signal, testkit.NewScript(step), call) })
			})
		}
	}
}

// runningForever is a step: a pipeline that never finishes, and its jobs.
func runningForever(w http.ResponseWriter, r *http.Request) {
	job := `{"id":7,"name":"a","status":"running","started_at":"2026-01-01T00:00:00Z","pipeline":{"id":7,"project_id":2,"status":"running"}}`
	switch r.URL.Path {
	case "/api/v4/projects/group/app/pipelines/7/jobs":
		testkit.Respond(200, "["+job+"]", "Content-Type", "application/json")(w, r)
	case "/api/v4/projects/group/app/jobs/7/trace":
		testkit.Respond(200, "", "Content-Type", "text/plain")(w, r)
	default:
		testkit.Respond(200, job, "Content-Type", "application/json")(w, r)
	}
}

func requireCause(t *testing.T, cause error, s *testkit.Script, wait func(context.Context, *gitlabci.Client) error) {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(3*time.Second, func() { stop(cause) })
	err := wait(ctx, s.Client(t))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, cause.Error())
}

// Whatever a method was doing, its error has the cause: before anything was sent, and in
// a body that does not go on.
func TestCauseInEveryMethod(t *testing.T) {
	t.Parallel()
	signal := errors.New("terminated signal received")
	for name, method := range testkit.Methods {
		for when, step := range map[string]http.HandlerFunc{"hanging": testkit.Silent, "in a body": testkit.Stall} {
			t.Run(name+" "+when, func(t *testing.T) {
				if method.IsFile() && when == "in a body" {
					step = testkit.OfType("application/octet-stream", step)
				}
				synctest.Test(t, func(t *testing.T) {
					requireCause(t, signal, testkit.NewScript(step), func(ctx context.Context, c *gitlabci.Client) error {
						_, err := method.Call(ctx, c, testkit.App)
						return err
					})
				})
			})
		}
	}
}
