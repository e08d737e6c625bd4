package services_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	jobsUnplayable   = `{"message":"400 Bad request - Unplayable Job"}`
	jobsUnknownInput = `{"message":"400 Bad request - Unknown input: x"}`
	jobsNotRetryable = `{"message":"403 Forbidden - Job is not retryable"}`
)

// The job returned is the one that runs, with any requested number.
func TestJobsOtherID(t *testing.T) {
	for name, act := range map[string]func(context.Context, *gitlabci.Client) (*gitlabci.Job, error){
		"retry": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Retry(ctx, "group/app", 7, nil)
		},
		"play": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.Play(ctx, "group/app", 7, nil)
		},
		"play or retry": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Job, error) {
			return c.Jobs.PlayOrRetry(ctx, "group/app", 7, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(201, `{"id":8,"status":"pending"}`))
			job, err := act(t.Context(), s.Client(t))
			require.NoError(t, err)
			require.Equal(t, gitlabci.JobID(8), job.ID)
			require.Equal(t, gitlabci.StatusPending, job.Status)
			require.Len(t, s.Received(), 1)
		})
	}
}

// A finished job is canceled without an error and without effect.
func TestJobsCancelOfAFinishedJob(t *testing.T) {
	s := testkit.NewScript(testkit.Respond(201, `{"id":7,"status":"success"}`))
	job, err := s.Client(t).Jobs.Cancel(t.Context(), "group/app", 7, nil)
	require.NoError(t, err)
	require.Equal(t, gitlabci.StatusSuccess, job.Status)
}

func TestJobsPlayOrRetry(t *testing.T) {
	const play, retry = "POST /api/v4/projects/group%2Fapp/jobs/7/play", "POST /api/v4/projects/group%2Fapp/jobs/7/retry"
	inputs := &gitlabci.PlayJobOptions{Inputs: map[string]any{"x": "1"}}
	variables := &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}}, Inputs: map[string]any{"x": "1"}}
	tests := map[string]struct {
		opts  *gitlabci.PlayJobOptions
		steps []http.HandlerFunc
		sent  []string // what should arrive
		body  string   // of the last request
		id    gitlabci.JobID
		err   error
	}{
		"played":                       {nil, []http.HandlerFunc{testkit.Respond(200, `{"id":7}`)}, []string{play}, "", 7, nil},
		"played with variables":        {variables, []http.HandlerFunc{testkit.Respond(200, `{"id":7}`)}, []string{play}, `{"job_variables_attributes":[{"key":"A","value":"1"}],"job_inputs":{"x":"1"}}`, 7, nil},
		"not manual":                   {nil, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Respond(201, `{"id":8}`)}, []string{play, retry}, "", 8, nil},
		"not manual, empty options":    {&gitlabci.PlayJobOptions{}, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Respond(201, `{"id":8}`)}, []string{play, retry}, "", 8, nil},
		"not manual, inputs":           {inputs, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Respond(201, `{"id":8}`)}, []string{play, retry}, `{"inputs":{"x":"1"},"job_inputs":{"x":"1"}}`, 8, nil},
		"not manual, variables":        {variables, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Respond(201, `{"id":8}`)}, []string{play}, `{"job_variables_attributes":[{"key":"A","value":"1"}],"job_inputs":{"x":"1"}}`, 0, gitlabci.ErrInvalid},
		"neither":                      {nil, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Respond(403, jobsNotRetryable)}, []string{play, retry}, "", 0, gitlabci.ErrForbidden},
		"wrong inputs twice":           {inputs, []http.HandlerFunc{testkit.Respond(400, jobsUnknownInput)}, []string{play, retry}, `{"inputs":{"x":"1"},"job_inputs":{"x":"1"}}`, 0, gitlabci.ErrInvalid},
		"retry lost":                   {nil, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Reset}, []string{play, retry}, "", 0, gitlabci.ErrOutcomeUnknown},
		"unauthorized":                 {nil, []http.HandlerFunc{testkit.Respond(401, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrUnauthorized},
		"forbidden":                    {nil, []http.HandlerFunc{testkit.Respond(403, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrForbidden},
		"not found":                    {nil, []http.HandlerFunc{testkit.Respond(404, `{"message":"404 Not found"}`), testkit.OK}, []string{play}, "", 0, gitlabci.ErrNotFound},
		"conflict":                     {nil, []http.HandlerFunc{testkit.Respond(409, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrConflict},
		"500":                          {nil, []http.HandlerFunc{testkit.Respond(500, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"502":                          {nil, []http.HandlerFunc{testkit.Respond(502, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"503":                          {nil, []http.HandlerFunc{testkit.Respond(503, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"504":                          {nil, []http.HandlerFunc{testkit.Respond(504, ``), testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"lost":                         {nil, []http.HandlerFunc{testkit.Reset, testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"broken off":                   {nil, []http.HandlerFunc{testkit.BreakOff, testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"silent":                       {nil, []http.HandlerFunc{testkit.Silent, testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"success that cannot be read":  {nil, []http.HandlerFunc{testkit.Respond(200, `<html>`), testkit.OK}, []string{play}, "", 0, gitlabci.ErrOutcomeUnknown},
		"rate limited, then played":    {nil, []http.HandlerFunc{testkit.Respond(429, ``), testkit.Respond(200, `{"id":7}`)}, []string{play, play}, "", 7, nil},
		"rate limited, then refused":   {nil, []http.HandlerFunc{testkit.Respond(429, ``), testkit.Respond(400, jobsUnplayable), testkit.Respond(201, `{"id":8}`)}, []string{play, play, retry}, "", 8, nil},
		"refused, then rate limited":   {nil, []http.HandlerFunc{testkit.Respond(400, jobsUnplayable), testkit.Respond(429, ``), testkit.Respond(201, `{"id":8}`)}, []string{play, retry, retry}, "", 8, nil},
		"redirected, and not followed": {nil, []http.HandlerFunc{testkit.Respond(307, ``, "Location", "/api/v4/projects/9/jobs/7/play"), testkit.OK}, []string{play}, "", 0, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(test.steps...)
				job, err := s.Client(t).Jobs.PlayOrRetry(t.Context(), "group/app", 7, test.opts)
				var sent []string
				for _, r := range s.Received() {
					sent = append(sent, r.Method+" "+r.URL.EscapedPath())
				}
				require.Equal(t, test.sent, sent)
				if body := s.Bodies[len(s.Bodies)-1]; test.body == "" {
					require.Empty(t, body)
				} else {
					require.JSONEq(t, test.body, body)
				}
				if test.id != 0 {
					require.NoError(t, err)
					require.Equal(t, test.id, job.ID)
					return
				}
				require.Error(t, err)
				require.Nil(t, job)
				if test.err != nil {
					require.ErrorIs(t, err, test.err)
				}
				require.Equal(t, test.err == gitlabci.ErrOutcomeUnknown, errors.Is(err, gitlabci.ErrOutcomeUnknown))
			})
		})
	}
}

// jobsWrites are the writes of the two services, and how often each arrives
// when every response is one after which only repeatable calls are tried again.
var jobsWrites = map[string]struct {
	call func(context.Context, *gitlabci.Client) error
	want int
}{
	"cancel": {func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.Cancel(ctx, "group/app", 7, nil))
	}, 3},
	"force": {func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.Cancel(ctx, "group/app", 7, &gitlabci.CancelJobOptions{Force: true}))
	}, 3},
	"retry": {func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{Inputs: map[string]any{"a": 1}}))
	}, 1},
	"play": {func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: map[string]any{"a": 1}}))
	}, 1},
	"erase": {func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Jobs.Erase(ctx, "group/app", 7))
	}, 1},
	"keep": {func(ctx context.Context, c *gitlabci.Client) error {
		return testkit.Done(c.Artifacts.Keep(ctx, "group/app", 7))
	}, 5},
	"delete": {func(ctx context.Context, c *gitlabci.Client) error {
		return c.Artifacts.Delete(ctx, "group/app", 7)
	}, 5},
	"delete all": {func(ctx context.Context, c *gitlabci.Client) error {
		return c.Artifacts.DeleteAll(ctx, "group/app")
	}, 5},
}

func TestJobsAmbiguousFailure(t *testing.T) {
	for failure, step := range map[string]http.HandlerFunc{
		"500": testkit.Respond(500, ``), "502": testkit.Respond(502, ``), "503": testkit.Respond(503, ``), "504": testkit.Respond(504, ``), "520": testkit.Respond(520, ``),
		"reset": testkit.Reset, "silent": testkit.Silent,
	} {
		for name, write := range jobsWrites {
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(step)
					require.ErrorIs(t, write.call(t.Context(), s.Client(t)), gitlabci.ErrOutcomeUnknown)
					require.Len(t, s.Received(), write.want)
					require.Len(t, slices.Compact(slices.Clone(s.Bodies)), 1, "every try sends the same")
				})
			})
		}
	}
}

func TestJobsBrokenResponses(t *testing.T) {
	for failure, step := range map[string]http.HandlerFunc{"break": testkit.BreakOff, "stall": testkit.Stall} {
		for name, write := range jobsWrites {
			if name == "delete" || name == "delete all" {
				continue // their success is the status
			}
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(step)
					require.ErrorIs(t, write.call(t.Context(), s.Client(t)), gitlabci.ErrOutcomeUnknown)
					require.Len(t, s.Received(), write.want)
				})
			})
		}
	}
}

func TestJobsRefusedWithoutExecution(t *testing.T) {
	for failure, step := range map[string]http.HandlerFunc{
		"throttle":      testkit.Respond(429, "Retry later\n", "Content-Type", "text/plain", "Retry-After", "3"),
		"action":        testkit.Respond(429, `{"message":"This endpoint has been requested too many times. Try again later."}`),
		"resource lock": testkit.Respond(409, `{"message":"409 Conflict: Resource lock"}`),
	} {
		for name, write := range jobsWrites {
			t.Run(failure+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testkit.NewScript(step, step, testkit.OK)
					require.NoError(t, write.call(t.Context(), s.Client(t)))
					require.Len(t, s.Received(), 3)
				})
			})
		}
	}
}

func TestJobsFinalResponses(t *testing.T) {
	for status, sentinel := range map[int]error{
		400: gitlabci.ErrInvalid, 401: gitlabci.ErrUnauthorized, 403: gitlabci.ErrForbidden, 404: gitlabci.ErrNotFound,
		409: gitlabci.ErrConflict, 422: gitlabci.ErrInvalid,
	} {
		for name, write := range jobsWrites {
			t.Run(http.StatusText(status)+"/"+name, func(t *testing.T) {
				s := testkit.NewScript(testkit.Respond(status, `{"message":"Action temporarily disabled. The project this pipeline belongs to is undergoing stats refresh."}`))
				err := write.call(t.Context(), s.Client(t))
				require.ErrorIs(t, err, sentinel)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.Len(t, s.Received(), 1)
			})
		}
	}
}

// Each write accepts every success status that GitLab uses. A message instead of an
// object is a success only for methods that return nothing.
func TestJobsSuccess(t *testing.T) {
	for name, write := range jobsWrites {
		for _, status := range []int{200, 201, 202} {
			require.NoError(t, write.call(t.Context(), testkit.NewScript(testkit.Respond(status, `{"id":7}`)).Client(t)), name)
			err := write.call(t.Context(), testkit.NewScript(testkit.Respond(status, `{"message":"202 Accepted"}`)).Client(t))
			if strings.HasPrefix(name, "delete") {
				require.NoError(t, err, name)
				continue
			}
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, name)
			require.ErrorContains(t, err, `its message is "202 Accepted"`, name)
		}
	}
	for _, name := range []string{"delete", "delete all"} {
		require.NoError(t, jobsWrites[name].call(t.Context(), testkit.NewScript(testkit.Respond(204, ``)).Client(t)), name)
	}
}

// Deleting what an earlier try may have deleted has succeeded.
func TestJobsDeleteThatFindsNothing(t *testing.T) {
	gone := testkit.Respond(404, `{"message":"404 Not found"}`)
	for _, name := range []string{"delete", "delete all"} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Reset, gone)
			require.NoError(t, jobsWrites[name].call(t.Context(), s.Client(t)))
			require.Len(t, s.Received(), 2)
			require.ErrorIs(t, jobsWrites[name].call(t.Context(), testkit.NewScript(gone).Client(t)), gitlabci.ErrNotFound)
			gone := testkit.Respond(404, `{"message":"404 Project Not Found"}`)
			require.ErrorIs(t, jobsWrites[name].call(t.Context(), testkit.NewScript(testkit.Reset, gone).Client(t)), gitlabci.ErrNotFound)
		})
	}
}

func TestJobsFindByName(t *testing.T) {
	next := func(page string) []string {
		return testkit.NextPage("page=" + page + "&per_page=100&pipeline_id=7")
	}
	first := testkit.Respond(200, `[{"id":9,"name":"Unit"},{"id":8,"name":"unit 1/2"},{"id":7,"name":" unit"},{"id":6}]`, next("2")...)
	second := testkit.Respond(200, `[{"id":5,"name":"lint"},{"id":4,"name":"unit"},{"id":3,"name":"unit"}]`, next("3")...)
	last := testkit.Respond(200, `[{"id":2,"name":"build: [linux, amd64]"}]`)
	tests := map[string]struct {
		name  string
		steps []http.HandlerFunc
		id    gitlabci.JobID
		err   error
		sent  int
		ahead int // requests that may be made before the loop ends: it has waited for the second page
	}{
		"on page two, once":         {"unit", []http.HandlerFunc{first, second, last}, 4, nil, 2, 1},
		"at once":                   {"unit 1/2", []http.HandlerFunc{first, second, last}, 8, nil, 1, 0},
		"on the last page":          {"build: [linux, amd64]", []http.HandlerFunc{first, second, last}, 2, nil, 3, 0},
		"nowhere":                   {"deploy", []http.HandlerFunc{first, second, last}, 0, gitlabci.ErrNotFound, 3, 0},
		"no jobs":                   {"unit", []http.HandlerFunc{testkit.Respond(200, `[]`)}, 0, gitlabci.ErrNotFound, 1, 0},
		"no pipeline":               {"unit", []http.HandlerFunc{testkit.Respond(404, `{"message":"404 Not found"}`)}, 0, gitlabci.ErrNotFound, 1, 0},
		"page two hidden meanwhile": {"unit", []http.HandlerFunc{first, testkit.Respond(403, ``)}, 0, gitlabci.ErrForbidden, 2, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(test.steps...)
			job, err := s.Client(t).Jobs.FindByName(t.Context(), "group/app", 7, test.name)
			received := s.Received()
			require.GreaterOrEqual(t, len(received), test.sent)
			require.LessOrEqual(t, len(received), test.sent+test.ahead)
			require.Equal(t, "per_page=100", received[0].URL.RawQuery, "superseded jobs are not asked for")
			require.ErrorIs(t, err, test.err)
			if test.err != nil {
				require.Nil(t, job)
				require.NotErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			require.Equal(t, test.id, job.ID)
			require.Equal(t, test.name, job.Name)
		})
	}
	_, err := testkit.NewScript(testkit.Respond(200, `[]`)).Client(t).Jobs.FindByName(t.Context(), "group/app", 7, "deploy")
	require.EqualError(t, err, `gitlabci: not found: pipeline 7 has no job "deploy"`)
	_, err = testkit.NewScript(testkit.Respond(200, `[{"id":3,"name":"unit"},{"id":2,"name":"build: [a]"},{"id":1,"name":"unit"}]`)).Client(t).Jobs.FindByName(t.Context(), "group/app", 7, "deploy")
	require.EqualError(t, err, `gitlabci: not found: pipeline 7 has no job "deploy" among "build: [a]", "unit"`)
	many := []byte(`{"id":100,"name":"x"}`)
	for i := range 30 {
		many = fmt.Appendf(many, `,{"id":%d,"name":"n%02d"}`, 99-i, i)
	}
	_, err = testkit.NewScript(testkit.Respond(200, `[`+string(many)+`]`)).Client(t).Jobs.FindByName(t.Context(), "group/app", 7, "deploy")
	require.ErrorContains(t, err, `"n18", "n19" and 11 more`)
}

// GitLab's responses to a token of another kind, and to that of a finished job.
func TestJobsCurrent(t *testing.T) {
	for name, act := range map[string]func(context.Context, *gitlabci.Client) error{
		"Current":       func(ctx context.Context, c *gitlabci.Client) error { return testkit.Done(c.Jobs.Current(ctx)) },
		"AllowedAgents": func(ctx context.Context, c *gitlabci.Client) error { return testkit.Done(c.Jobs.AllowedAgents(ctx)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(200, `{"id":7,"job":{"id":7}}`), testkit.Respond(404, `{"message":"404 Job Not Found"}`), testkit.Respond(401, `{"message":"401 Unauthorized"}`))
			client := s.Anonymous(t, gitlabci.WithJobToken(testkit.Token))
			require.NoError(t, act(t.Context(), client))
			require.Equal(t, testkit.Token, s.Received()[0].Header.Get("Job-Token"))
			require.ErrorIs(t, act(t.Context(), client), gitlabci.ErrNotFound)
			require.ErrorIs(t, act(t.Context(), client), gitlabci.ErrUnauthorized)
			require.Len(t, s.Received(), 3)
		})
	}
}

// Wait returns a job when it has finished, with any status.
func TestJobsWait(t *testing.T) {
	for _, want := range []gitlabci.Status{"success", "failed", "canceled"} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
			job := p.AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Queues: time.Minute, Runs: 10 * time.Minute, Result: want}})
			srv.Fault(gitlabcitest.Fault{Route: testkit.JobRoute, Status: 502, Nth: 4, Times: 20})
			start := time.Now()
			finished, err := srv.Client().Jobs.Wait(t.Context(), "group/app", job.ID, nil)
			require.NoError(t, err)
			require.Equal(t, want, finished.Status)
			require.InDelta(t, 11*time.Minute, time.Since(start), float64(15*time.Second))
			require.Less(t, len(srv.Requests()), 100)
		})
	}
}

// A manual job is blocked, unless that is waited for.
func TestJobsWaitForAManualJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusManual, Script: gitlabcitest.Script{Runs: time.Minute}})
		client := srv.Client()
		blocked, err := client.Jobs.Wait(t.Context(), "group/app", job.ID, nil)
		require.ErrorIs(t, err, gitlabci.ErrBlocked)
		require.Equal(t, job.ID, blocked.ID)
		e, ok := errors.AsType[*gitlabci.BlockedError](err)
		require.True(t, ok)
		require.Equal(t, []*gitlabci.Job{blocked}, e.Jobs)
		require.Equal(t, blocked.Pipeline.ID, e.Pipeline)
		time.AfterFunc(time.Hour, func() { client.Jobs.Play(t.Context(), "group/app", job.ID, nil) })
		played, err := client.Jobs.Wait(t.Context(), "group/app", job.ID, &gitlabci.WatchOptions{WaitForManual: true})
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusSuccess, played.Status)
	})
}

// A lagging replica of GitLab's database is waited for. An object that stays missing is an
// error.
func TestJobsWaitOnReplicas(t *testing.T) {
	job := func(status string) http.HandlerFunc { return testkit.Respond(200, `{"id":7,"status":"`+status+`"}`) }
	missing := testkit.Respond(404, `{"message":"404 Not found"}`)
	for name, test := range map[string]struct {
		steps []http.HandlerFunc
		sent  int
		err   error
	}{
		"a job that comes late":  {[]http.HandlerFunc{missing, missing, job("running"), job("success")}, 4, nil},
		"a job that goes away":   {[]http.HandlerFunc{job("running"), missing, missing, missing, missing, job("success")}, 6, nil},
		"a job that is deleted":  {[]http.HandlerFunc{job("running"), missing}, 0, gitlabci.ErrNotFound},
		"a job that never was":   {[]http.HandlerFunc{missing}, 3, gitlabci.ErrNotFound},
		"a status from before":   {[]http.HandlerFunc{job("running"), job("manual"), job("manual"), job("success")}, 4, nil},
		"a token that expired":   {[]http.HandlerFunc{job("running"), testkit.Respond(401, `{"message":"401 Unauthorized"}`)}, 2, gitlabci.ErrUnauthorized},
		"another job":            {[]http.HandlerFunc{testkit.Respond(200, `{"id":8,"status":"success"}`), job("success")}, 2, nil},
		"a word of tomorrow":     {[]http.HandlerFunc{job("dreaming"), job("success")}, 2, nil},
		"not a job for too long": {[]http.HandlerFunc{testkit.Respond(502, ``)}, 0, testkit.AnyError},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(test.steps...)
			found, err := s.Client(t, gitlabci.WithRetries(0)).Jobs.Wait(t.Context(), "group/app", 7, nil)
			switch {
			case test.err == nil:
				require.NoError(t, err, name)
				require.Equal(t, gitlabci.StatusSuccess, found.Status, name)
			case test.err == testkit.AnyError:
				require.ErrorContains(t, err, "gitlabci: job 7 could not be read for 10m", name)
			default:
				require.ErrorIs(t, err, test.err, name)
			}
			if test.sent > 0 {
				require.Len(t, s.Received(), test.sent, name)
			}
		})
	}
}

func TestJobsWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(200, `{"id":7,"status":"running"}`))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := s.Client(t).Jobs.Wait(ctx, "group/app", 7, &gitlabci.WatchOptions{MinInterval: 10 * time.Second})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "gitlabci: waiting for job 7: ")
		require.Equal(t, time.Minute, time.Since(start))
		sent := len(s.Received())
		_, err = s.Client(t).Jobs.Wait(t.Context(), "group/app", 7, &gitlabci.WatchOptions{MinInterval: -1})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.Len(t, s.Received(), sent)
	})
}

// Latest finds the newest success of a job, in successful pipelines or in any.
func TestJobsLatest(t *testing.T) {
	srv := gitlabcitest.NewServer()
	add := func(ref string, status gitlabci.Status, jobs ...string) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: ref, Status: status})
		for i := 0; i < len(jobs); i += 2 {
			p.AddJob(gitlabcitest.Job{Name: jobs[i], Status: gitlabci.Status(jobs[i+1])})
		}
	}
	add("main", "success", "build", "success", "unit", "success")                    // jobs 1001, 1002
	add("main", "failed", "build", "success", "unit", "failed")                      // 1003, 1004
	add("main", "success", "unit", "success")                                        // 1005: no such job
	add("other", "success", "build", "success")                                      // 1006
	add("main", "failed", "build", "failed")                                         // 1007
	add("main", "running", "build", "running", "unit", "success", "lint", "success") // 1008 to 1010
	client := srv.Client()
	for name, test := range map[string]struct {
		ref, job string
		opts     *gitlabci.LatestJobOptions
		want     gitlabci.JobID
	}{
		"in successful pipelines": {"main", "build", nil, 1001},
		"in the newest":           {"main", "unit", nil, 1005},
		"in any":                  {"main", "build", &gitlabci.LatestJobOptions{AnyPipeline: true}, 1003},
		"in one that runs":        {"refs/heads/main", "unit", &gitlabci.LatestJobOptions{AnyPipeline: true}, 1009},
		"of another ref":          {"other", "build", nil, 1006},
		"only in one that runs":   {"main", "lint", nil, 0},
		"none":                    {"main", "deploy", nil, 0},
		"no ref":                  {"gone", "build", nil, 0},
	} {
		job, err := client.Jobs.Latest(t.Context(), "group/app", test.ref, test.job, test.opts)
		if test.want == 0 {
			require.ErrorIs(t, err, gitlabci.ErrNotFound, name)
			want := fmt.Sprintf("no job %q was successful", test.job)
			if test.ref == "gone" {
				want = `there are no successful pipelines of ref "gone" in project group/app`
			}
			require.ErrorContains(t, err, want, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, test.want, job.ID, name)
	}
	for _, ref := range []string{"", "refs/heads/", "refs/tags/"} { // not those of all refs
		_, err := client.Jobs.Latest(t.Context(), "group/app", ref, "build", nil)
		require.ErrorIs(t, err, gitlabci.ErrInvalid, ref)
	}
	_, err := client.Jobs.Latest(t.Context(), "group/app", "main", "", nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	_, err = client.Jobs.Latest(t.Context(), "group/none", "main", "build", nil)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}

// Latest gives up after a hundred pipelines, and passes over one that was just deleted.
func TestJobsLatestIsBounded(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for range 120 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"}).AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusSuccess})
	}
	_, err := srv.Client().Jobs.Latest(t.Context(), "group/app", "main", "build", nil)
	require.ErrorContains(t, err, "in the newest 100 successful pipelines")
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Status: 404, Body: `{"message":"404 Not found"}`, Times: 1})
	job, err := srv.Client().Jobs.Latest(t.Context(), "group/app", "main", "unit", nil)
	require.NoError(t, err)
	require.EqualValues(t, 1119, job.ID)
}
