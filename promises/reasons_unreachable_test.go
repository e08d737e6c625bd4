package promises_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A server that was never met is an error within a minute or so, for whatever waits; what
// cannot change is one immediately.
func TestWrongURLFailsSoon(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		most time.Duration
	}{
		"a wrong port":          {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}, 90 * time.Second},
		"no such host":          {&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, time.Second},
		"an http port":          {http.ErrSchemeMismatch, time.Second},
		"a port that says none": {io.EOF, 90 * time.Second},
	} {
		for method, wait := range polling {
			if method == "Run" { // its create fails
				continue
			}
			t.Run(method+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, _ := failing(t, test.err)
					start := time.Now()
					require.ErrorContains(t, wait(t.Context(), client), test.err.Error())
					require.LessOrEqual(t, time.Since(start), test.most)
				})
			})
		}
	}
}

// A proxy that asks for credentials is final, for Wait and FollowLog alike; so is what
// GitLab itself refuses. Another response of a proxy is given a minute at first.
func TestFinalErrorsOfPolls(t *testing.T) {
	page := func(status int) http.HandlerFunc {
		return testkit.Respond(status, "<title>no</title>", "Content-Type", "text/html")
	}
	for name, test := range map[string]struct {
		step http.HandlerFunc
		most time.Duration
	}{
		"401 of GitLab":  {testkit.Respond(401, `{"message":"401 Unauthorized"}`), 0},
		"403 of GitLab":  {testkit.Respond(403, `{"message":"403 Forbidden"}`), 0},
		"400 of GitLab":  {testkit.Respond(400, `{"message":"400 Bad request"}`), 0},
		"410 of GitLab":  {testkit.Respond(410, `{"message":"410 Gone"}`), 0},
		"401 of a proxy": {page(401), 0},
		"407 of a proxy": {page(407), 0},
		"404 of a proxy": {page(404), 90 * time.Second},
		"404 of GitLab":  {testkit.Respond(404, `{"message":"404 Not found"}`), 10 * time.Second},
	} {
		for _, method := range []string{"Wait", "Watch", "FollowLog"} {
			t.Run(method+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					err := polling[method](t.Context(), testkit.NewScript(test.step).Client(t))
					_, responded := errors.AsType[*gitlabci.APIError](err)
					require.True(t, responded)
					require.LessOrEqual(t, time.Since(start), test.most)
				})
			})
		}
	}
}

// One 404 between polls is not the end of what is there.
func TestOne404IsNotTheEnd(t *testing.T) {
	for _, route := range []string{
		"GET /projects/:id/pipelines/:pipeline_id/jobs", "GET /projects/:id/pipelines/:pipeline_id",
		"GET /projects/:id/jobs/:job_id/trace", "GET /projects/:id/jobs/:job_id",
	} {
		for nth := range 3 {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
				job := p.AddJob(gitlabcitest.Job{Name: "a", Script: gitlabcitest.Script{Runs: 5 * time.Second, Log: "a\nb\nc\n"}})
				srv.Fault(gitlabcitest.Fault{Route: route, Status: 404, Body: `{"message":"404 Not found"}`, Nth: nth + 1, Times: 1})
				client := srv.Client()
				ended, err := client.Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
				require.NoError(t, err, route)
				require.Equal(t, gitlabci.StatusSuccess, ended.Status)
				_, err = client.Jobs.FollowLog(t.Context(), "group/app", job.ID, io.Discard, nil)
				require.NoError(t, err, route)
			})
		}
	}
}

// An object that was just created exists, though a replica of the database lags.
func TestCreatedIsThereWhileAReplicaLags(t *testing.T) {
	for name, use := range map[string]func(context.Context, *gitlabci.Client) error{
		"Wait": polling["Wait"], "Watch": polling["Watch"],
		"FindByName": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.FindByName(ctx, "group/app", 7, "a"))
		},
		"Tree": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Pipelines.Tree(ctx, "group/app", 7))
		},
		"Run": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				client := testkit.NewScript(afterCreate(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case time.Since(start) < 50*time.Second:
						testkit.Respond(404, `{"message":"404 Not found"}`, "Content-Type", "application/json")(w, r)
					case strings.HasSuffix(r.URL.Path, "/jobs"):
						testkit.Rows(`{"id":5,"name":"a","status":"success","pipeline":{"id":7,"project_id":2,"status":"success"}}`)(w, r)
					case strings.HasSuffix(r.URL.Path, "/bridges"):
						testkit.Rows()(w, r)
					case strings.HasSuffix(r.URL.Path, "/test_report_summary"):
						testkit.JSONStep(`{"total":{},"test_suites":[]}`)(w, r)
					default:
						testkit.JSONStep(`{"id":7,"project_id":2,"status":"success"}`)(w, r)
					}
				})).Client(t)
				if use == nil {
					require.NoError(t, polling["Run"](t.Context(), client))
					return
				}
				_, err := client.Pipelines.Create(t.Context(), "group/app", "main", nil)
				require.NoError(t, err)
				require.NoError(t, use(t.Context(), client))
			})
		})
	}
}

// An object that never existed, or was deleted, is still reported.
func TestMissingObjectsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		time.AfterFunc(5*time.Second, func() { srv.Client().Pipelines.Delete(context.Background(), "group/app", p.ID) })
		start := time.Now()
		_, err := srv.Client().Pipelines.Wait(t.Context(), "group/app", p.ID, nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		require.ErrorContains(t, err, "was deleted while it was watched")
		require.Less(t, time.Since(start), 90*time.Second)
		_, err = srv.Client().Jobs.FindByName(t.Context(), "group/app", p.ID, "a")
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
	})
}
