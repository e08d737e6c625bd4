package gitlabcitest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// TestActions has a case for each row of the table of GitLab's responses
// where an action finds nothing to do, or may not do it. The job 1 is that of
// the case, 2 is a trigger job that is over and manual, both of the pipeline
// 101 whose status is that of the job.
func TestActions(t *testing.T) {
	type job = gitlabcitest.Job
	files := fstest.MapFS{"a": {}}
	tests := map[string]struct {
		job    job
		action string // those before the last one have been tried already
		status int
		want   string // the whole body, or "key=value" of an object
	}{
		"P13 nothing retryable":      {job{}, "POST pipelines/101/retry", 201, "status=success"},
		"P14 nothing cancelable":     {job{}, "POST pipelines/101/cancel", 200, "status=success"},
		"P11 twice":                  {job{}, "DELETE pipelines/101, DELETE pipelines/101", 404, `{"message":"404 Not found"}`},
		"J4 of a finished job":       {job{Status: "failed"}, "POST jobs/1/cancel", 201, "status=failed"},
		"J4 by force, not canceling": {job{Status: "running"}, "POST jobs/1/cancel?force=true", 201, "status=running"},
		"J5 of an active job":        {job{Status: "running"}, "POST jobs/1/retry", 403, `{"message":"403 Forbidden - Job is not retryable"}`},
		"J5 of a superseded job":     {job{Status: "failed"}, "POST jobs/1/retry, POST jobs/1/retry", 403, `{"message":"403 Forbidden - Job is not retryable"}`},
		"J5 with an unknown input": {
			job{Inputs: map[string][]string{"env": nil}}, "POST jobs/1/retry?inputs[x]=1", 400,
			`{"message":"400 Bad request - Unknown input: x"}`,
		},
		"J5 with unknown inputs": {
			job{}, "POST jobs/1/retry?inputs[b]=1&inputs[a]=2", 400, `{"message":"400 Bad request - Unknown inputs: a, b"}`,
		},
		"J5 with a value that is not allowed": {
			job{Inputs: map[string][]string{"env": {"staging", "production"}}}, "POST jobs/1/retry?inputs[env]=x", 400,
			"{\"message\":\"400 Bad request - `env` input: `x` cannot be used because it is not in the list of allowed options\"}",
		},
		"J5 with inputs": {
			job{Inputs: map[string][]string{"env": {"staging"}, "n": nil}}, "POST jobs/1/retry?inputs[env]=staging&inputs[n]=3", 201, "id=1001",
		},
		"J5 with inputs, again": {
			job{Inputs: map[string][]string{"n": nil}}, "POST jobs/1/retry, POST jobs/1001/cancel, POST jobs/1001/retry?inputs[n]=3", 201, "status=pending",
		},
		"J7 with an unknown input": {
			job{Status: "manual"}, "POST jobs/1/play?job_inputs[x]=1", 400, `{"message":"400 Bad request - Unknown input: x"}`,
		},
		"J7 with inputs": {
			job{Status: "manual", Inputs: map[string][]string{"x": nil}}, "POST jobs/1/play?job_inputs[x]=1", 200, "status=pending",
		},
		"J6 of a running job":            {job{Status: "running", Log: "x"}, "POST jobs/1/erase", 403, `{"message":"403 Forbidden - Job is not erasable!"}`},
		"J6 of nothing":                  {job{}, "POST jobs/1/erase", 403, `{"message":"403 Forbidden - Job is not erasable!"}`},
		"J6 twice":                       {job{Log: "x"}, "POST jobs/1/erase, POST jobs/1/erase", 403, `{"message":"403 Forbidden - Job is not erasable!"}`},
		"J7 of a job that is not manual": {job{}, "POST jobs/1/play", 400, `{"message":"400 Bad request - Unplayable Job"}`},
		"J7 of a running manual job":     {job{Status: "running", When: gitlabcitest.WhenManual}, "POST jobs/1/play", 400, `{"message":"400 Bad request - Unplayable Job"}`},
		"J7 of a finished manual job":    {job{Status: "success", When: gitlabcitest.WhenManual}, "POST jobs/1/play", 200, "id=1001"},
		"J2 of a trigger job":            {job{}, "GET jobs/2", 404, `{"message":"404 Not found"}`},
		"J3 of a trigger job":            {job{}, "GET jobs/2/trace", 404, `{"message":"404 Not found"}`},
		"J4 of a trigger job":            {job{}, "POST jobs/2/cancel", 404, `{"message":"404 Not found"}`},
		"J6 of a trigger job":            {job{}, "POST jobs/2/erase", 404, `{"message":"404 Not found"}`},
		"A3 of a trigger job":            {job{}, "GET jobs/2/artifacts", 404, `{"message":"404 Not found"}`},
		"A7 of a trigger job":            {job{}, "DELETE jobs/2/artifacts", 404, `{"message":"404 Not found"}`},
		"J5 of a trigger job, allowed":   {job{}, "POST jobs/2/retry", 201, "id=1001"},
		"J7 of a trigger job, allowed":   {job{}, "POST jobs/2/play", 200, "id=1001"},
		"A6 without an archive":          {job{}, "POST jobs/1/artifacts/keep", 404, ""},
		"A7 without artifacts":           {job{}, "DELETE jobs/1/artifacts", 204, ""},
		"A7 twice":                       {job{Artifacts: files}, "DELETE jobs/1/artifacts, DELETE jobs/1/artifacts", 204, ""},
		"A3 without an archive":          {job{}, "GET jobs/1/artifacts", 404, `{"message":"404 Not Found"}`},
		"P3 without a pipeline":          {job{}, "DELETE pipelines/101, GET pipelines/latest", 403, `{"message":"403 Forbidden"}`},
		"P12 with a name of 256 characters": {
			job{}, "PUT pipelines/101/metadata?name=" + strings.Repeat("x", 256), 400,
			`{"message":"Failed to update pipeline - Name is too long (maximum is 255 characters)"}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: test.job.Status})
			test.job.ID = 1
			p.AddJob(test.job)
			p.AddTriggerJob(job{ID: 2, Status: gitlabci.StatusSuccess, When: gitlabcitest.WhenManual})
			var last reply
			for action := range strings.SplitSeq(test.action, ", ") {
				method, path, _ := strings.Cut(action, " ")
				last = send(t, srv, method, "/projects/1/"+path, "")
			}
			require.Equal(t, test.status, last.status, last.body)
			key, value, _ := strings.Cut(test.want, "=")
			switch {
			case value == "1001":
				require.Equal(t, value, last.object(t).id())
			case value != "":
				require.Equal(t, value, last.object(t)[key])
			case test.want != "":
				require.JSONEq(t, test.want, last.body)
			}
		})
	}
}

func TestArchivedPipeline(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Archived: true, Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{ID: 2, Status: gitlabci.StatusManual})
	require.Equal(t, true, get(t, srv, "/projects/1/pipelines/101").object(t)["archived"])
	require.Equal(t, true, get(t, srv, "/projects/1/jobs/1").object(t)["archived"])
	require.Equal(t, `{"message":"403 Forbidden - Job is not retryable"}`, send(t, srv, "POST", "/projects/1/jobs/1/retry", "").body)
	require.Equal(t, `{"message":"400 Bad request - Unplayable Job"}`, send(t, srv, "POST", "/projects/1/jobs/2/play", "").body)
	require.Equal(t, "failed", send(t, srv, "POST", "/projects/1/pipelines/101/retry", "").object(t)["status"])
	require.Len(t, get(t, srv, "/projects/1/jobs").list(t), 2)

	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Archived: true, Status: gitlabci.StatusFailed})
	require.Equal(t, "failed", send(t, srv, "POST", "/projects/1/pipelines/102/retry", "").object(t)["status"], "without jobs, too")
}
