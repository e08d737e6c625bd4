package gitlabcitest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// limited are the actions with limits.
var limited = map[string]struct {
	method, path    string // "%" is the ID of the pipeline or job
	same, inProject int
	retryAfter      string
}{
	"cancel a pipeline": {http.MethodPost, "/projects/1/pipelines/%/cancel", 5, 120, "60"},
	"retry a pipeline":  {http.MethodPost, "/projects/1/pipelines/%/retry", 5, 200, ""},
	"delete a pipeline": {http.MethodDelete, "/projects/1/pipelines/%", 5, 400, "60"},
	"retry a job":       {http.MethodPost, "/projects/1/jobs/%/retry", 3, 320, "60"},
	"play a job":        {http.MethodPost, "/projects/1/jobs/%/play", 3, 200, "60"},
	"erase a job":       {http.MethodPost, "/projects/1/jobs/%/erase", 5, 400, "60"},
}

// act does something to a thing, but deletes nothing: it would be gone then.
func act(t *testing.T, srv *gitlabcitest.Server, method, path string, id int) reply {
	t.Helper()
	path = strings.ReplaceAll(path, "%", strconv.Itoa(id))
	return send(t, srv, method, path, "", "If-Unmodified-Since: Sat, 01 Jan 1999 00:00:00 GMT")
}

func TestActionLimits(t *testing.T) {
	testkit.NotUnderRace(t)
	for name, test := range limited {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
				for id := range test.inProject {
					p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(id + 1)})
					p.AddJob(gitlabcitest.Job{ID: gitlabci.JobID(id + 1), Status: gitlabci.StatusRunning})
				}
				for range test.same {
					require.NotEqual(t, 429, act(t, srv, test.method, test.path, 1).status)
				}
				refused := act(t, srv, test.method, test.path, 1)
				require.Equal(t, 429, refused.status)
				require.Equal(t, "application/json", refused.header.Get("Content-Type"))
				require.Equal(t, gitlabcitest.BodyActionLimited, refused.body)
				require.Equal(t, test.retryAfter, refused.header.Get("Retry-After"))

				require.Equal(t, 404, act(t, srv, test.method, test.path, 999).status, "nothing is not counted")
				for id := 2; id < test.inProject-test.same+1; id++ {
					require.NotEqual(t, 429, act(t, srv, test.method, test.path, id).status, id)
				}
				last := act(t, srv, test.method, test.path, test.inProject)
				require.Equal(t, 429, last.status, "the project's")
				require.Equal(t, gitlabcitest.BodyActionLimited, last.body)

				time.Sleep(time.Minute)
				require.NotEqual(t, 429, act(t, srv, test.method, test.path, 1).status)
			})
		})
	}
}

func TestActionLimitsByDefault(t *testing.T) {
	for name, test := range limited {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1}).AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusRunning})
		for range 2 * test.same {
			require.NotEqual(t, 429, act(t, srv, test.method, test.path, 1).status, name)
		}
	}
}

// TestActionLimitsApart: projects, actions and what has no limit are.
func TestActionLimitsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
		srv.AddProject("group/other")
		for _, project := range []string{"group/app", "group/other"} {
			p := srv.AddPipeline(project, gitlabcitest.Pipeline{})
			for range 100 {
				p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
			}
		}
		for i := range 320 {
			act(t, srv, http.MethodPost, "/projects/1/jobs/%/retry", 1001+i%100)
		}
		require.Equal(t, 403, act(t, srv, http.MethodPost, "/projects/2/jobs/%/retry", 1101).status)
		require.Equal(t, 400, act(t, srv, http.MethodPost, "/projects/1/jobs/%/play", 1001).status)
		for range 20 {
			require.Equal(t, 201, act(t, srv, http.MethodPost, "/projects/1/jobs/%/cancel", 1001).status)
		}
		require.Equal(t, 404, send(t, srv, http.MethodGet, "/projects/1/pipelines", "", "anonymous").status)
	})
}

func TestActionLimitOfTriggerJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
		j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddTriggerJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		for _, status := range []int{403, 403, 403, 429} {
			require.Equal(t, status, act(t, srv, http.MethodPost, "/projects/1/jobs/%/retry", int(j.ID)).status)
		}
	})
}

func TestJobListLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
		srv.AddProject("group/other")
		for i := range 600 {
			require.Equal(t, 200, get(t, srv, "/projects/"+strconv.Itoa(1+i%2)+"/jobs").status)
		}
		refused := get(t, srv, "/projects/1/jobs")
		require.Equal(t, 429, refused.status)
		require.Equal(t, gitlabcitest.BodyEndpointLimited, refused.body)
		require.Empty(t, refused.header.Values("Retry-After"))
		require.Empty(t, rateLimit(refused), "no throttle is at work")
		time.Sleep(time.Minute)
		require.Equal(t, 200, get(t, srv, "/projects/1/jobs").status)
	})
}

func TestClientWaitsForAnActionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		client, start := srv.Client(), time.Now()
		for range 6 {
			_, err := client.Pipelines.Cancel(t.Context(), "group/app", p.ID)
			require.NoError(t, err)
		}
		require.Equal(t, time.Minute, time.Since(start))
	})
}
