package gitlabcitest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestCreatePipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		tag := srv.AddRef("group/app", gitlabcitest.Ref{Name: "v1", Tag: true, SHA: "abc"})
		time.Sleep(time.Second)
		r := send(t, srv, http.MethodPost, "/projects/1/pipeline?ref=v1", "")
		require.Equal(t, 201, r.status)
		o := r.object(t)
		requireKeys(t, wholeKeys, o)
		require.Equal(t, "created", o["status"])
		require.Equal(t, "pending", get(t, srv, "/projects/1/pipelines/101").object(t)["status"])
		require.Equal(t, "api", o["source"])
		require.Equal(t, true, o["tag"])
		require.Equal(t, tag.SHA, o["sha"])
		require.Equal(t, "2000-01-01T00:00:01.000Z", o["created_at"])
		require.Equal(t, "maya", o.in("user")["username"])
		require.Equal(t, "v1", get(t, srv, "/projects/1/pipelines/latest?ref=v1").object(t)["ref"])

		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic"})
		for _, ref := range []string{"main", "topic"} {
			require.Equal(t, 201, send(t, srv, http.MethodPost, "/projects/1/pipeline?ref="+ref, "").status)
		}
	})
}

func TestCreatePipelineVariables(t *testing.T) {
	const (
		json = "Content-Type: application/json"
		form = "Content-Type: application/x-www-form-urlencoded"
		part = "Content-Type: multipart/form-data; boundary=b"
		both = `[{"variable_type":"env_var","key":"A","value":"1","raw":false},{"variable_type":"file","key":"B","value":"","raw":false}]`
	)
	multipart := strings.Join([]string{
		"--b", `Content-Disposition: form-data; name="variables[][key]"`, "", "A",
		"--b", `Content-Disposition: form-data; name="variables[][value]"`, "", "1",
		"--b", `Content-Disposition: form-data; name="variables[][key]"`, "", "B",
		"--b", `Content-Disposition: form-data; name="variables[][variable_type]"`, "", "file",
		"--b--", "",
	}, "\r\n")
	tests := map[string]struct{ query, body, kind, want string }{
		"JSON scalars":     {"", `{"ref":"main","variables":[{"key":"A","value":true},{"key":"B","value":1e2}]}`, json, `[{"variable_type":"env_var","key":"A","value":"true","raw":false},{"variable_type":"env_var","key":"B","value":"1e2","raw":false}]`},
		"JSON":             {"", `{"ref":"main","variables":[{"key":"A","value":1,"variable_type":"env_var"},{"key":"B","value":"","variable_type":"file"}]}`, json, both},
		"query":            {"ref=main&variables[0][key]=A&variables[0][value]=1&variables[1][key]=B&variables[1][variable_type]=file", "", json, both},
		"form":             {"ref=main", "variables[][key]=A&variables[][value]=1&variables[][key]=B&variables[][variable_type]=file", form, both},
		"multipart":        {"ref=main", multipart, part, both},
		"many by index":    {"ref=main", "variables[10][key]=B&variables[10][variable_type]=file&variables[2][key]=A&variables[2][value]=1", form, both},
		"odd names":        {"ref=main&[]=1&[x]=1&variables[][key]=A&variables[][value]=1&x[=1&x]=2&y[a]b=1", "variables[][key]=A&variables[][value]=1", "", `[{"variable_type":"env_var","key":"A","value":"1","raw":false}]`},
		"body over query":  {"ref=none", `{"ref":"main"}`, json, `[]`},
		"none":             {"ref=main", `{"variables":null,"inputs":{"a":[1]}}`, json, `[]`},
		"a body of no use": {"ref=main", `[1]`, json, `[]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			r := send(t, srv, http.MethodPost, "/projects/1/pipeline?"+test.query, test.body, test.kind)
			require.Equal(t, 201, r.status, r.body)
			r = get(t, srv, "/projects/1/pipelines/101/variables")
			require.JSONEq(t, test.want, r.body)
			require.Empty(t, r.header.Get("X-Page"))
		})
	}
}

func TestCreatePipelineRefusals(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"no ref":                 {`{}`, `{"error":"ref is missing"}`},
		"a null ref":             {`{"ref":null}`, `{"error":"ref is missing"}`},
		"an unknown ref":         {`{"ref":"none"}`, `{"message":{"base":["Reference not found"]}}`},
		"a blank ref":            {`{"ref":""}`, `{"message":{"base":["Reference not found"]}}`},
		"a ref that is a list":   {`{"ref":["main"]}`, `{"error":"ref is invalid"}`},
		"variables in one text":  {`{"ref":"main","variables":"A=1"}`, `{"error":"variables is invalid"}`},
		"variables by name":      {`{"ref":"main","variables":{"A":{"key":"A"}}}`, `{"error":"variables is invalid"}`},
		"a variable in one text": {`{"ref":"main","variables":[{"key":"A"},"B"]}`, `{"error":"variables[1] is not an object"}`},
		"an unknown type": {
			`{"ref":"main","variables":[{"key":"A","variable_type":"secret"}]}`,
			`{"error":"variables[0][variable_type] does not have a valid value"}`,
		},
		"a value that is a list": {`{"ref":"main","variables":[{"key":"A","value":[]}]}`, `{"error":"variables[0][value] is invalid"}`},
		"no key": {
			`{"ref":"main","variables":[{"value":"1"}]}`,
			`{"message":{"variables.key":["can't be blank","can contain only letters, digits and '_'."]}}`,
		},
		"a bad key": {
			`{"ref":"main","variables":[{"key":"A-B"}]}`,
			`{"message":{"variables.key":["can contain only letters, digits and '_'."]}}`,
		},
		"inputs in a list": {`{"ref":"main","inputs":[]}`, `{"error":"inputs is invalid"}`},
		"no JSON":          {`ref=main`, `{"error":"message body does not match declared format"}`},
		"half of JSON":     {`{"ref":"main"`, `{"error":"message body does not match declared format"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			r := send(t, srv, http.MethodPost, "/projects/1/pipeline", test.body, "Content-Type: application/json")
			require.Equal(t, 400, r.status)
			require.JSONEq(t, test.want, r.body)
			require.Empty(t, get(t, srv, "/projects/1/pipelines").list(t), "nothing is saved")
		})
	}
}

func TestCreatePipelineForms(t *testing.T) {
	for name, test := range map[string]struct{ kind, body string }{
		"escape":      {"application/x-www-form-urlencoded", "ref=%zz"},
		"name":        {"application/x-www-form-urlencoded", "%zz=main"},
		"conflict":    {"application/x-www-form-urlencoded", "ref=main&a[b]=1&a[]=1"},
		"too deep":    {"application/x-www-form-urlencoded", "inputs" + strings.Repeat("[a]", 101) + "=1"},
		"no boundary": {"multipart/form-data", "ref=main"},
		"cut off":     {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"ref\"\r\n\r\nma"},
		"conflicting": {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"a[]\"\r\n\r\n1\r\n--b--\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := send(t, gitlabcitest.NewServer(), http.MethodPost, "/projects/1/pipeline?ref=main", test.body, "Content-Type: "+test.kind)
			require.Equal(t, 400, r.status)
			require.JSONEq(t, `{"error":"the parameters cannot be read"}`, r.body)
		})
	}
	deep := "inputs" + strings.Repeat("[a]", 100) + "=1"
	r := send(t, gitlabcitest.NewServer(), http.MethodPost, "/projects/1/pipeline?ref=main", deep, "Content-Type: application/x-www-form-urlencoded")
	require.Equal(t, 201, r.status)
}

func TestVariables(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Variables: []*gitlabci.Variable{
		{Key: "A", Value: "1"}, {Key: "B", Value: "$A", VariableType: gitlabci.VariableTypeFile, Raw: true},
	}})
	require.JSONEq(t, `[
		{"variable_type":"env_var","key":"A","value":"1","raw":false},
		{"variable_type":"file","key":"B","value":"$A","raw":true}
	]`, get(t, srv, "/projects/1/pipelines/101/variables").body)
}

func TestRetryPipeline(t *testing.T) {
	type job = gitlabcitest.Job
	tests := map[string]struct {
		status  gitlabci.Status
		jobs    []job
		want    gitlabci.Status
		retried bool
		latest  []string // names and statuses, newest first
	}{
		"failed, without jobs":   {status: "failed", want: "pending", retried: true},
		"canceled, without jobs": {status: "canceled", want: "pending", retried: true},
		"running, without jobs":  {status: "running", want: "running"},
		"nothing to retry":       {status: "failed", jobs: []job{{Name: "a"}}, want: "failed", latest: []string{"a success"}},
		"failed": {
			status: "failed", retried: true, want: "pending",
			jobs:   []job{{Name: "a"}, {Name: "b", Status: "failed"}, {Name: "c", Status: "skipped"}, {Name: "b", Status: "failed", Retried: true}},
			latest: []string{"b pending", "c created", "a success"},
		},
		"while others run": {
			status: "running", retried: true, want: "running",
			jobs:   []job{{Name: "a", Status: "running"}, {Name: "b", Status: "canceled"}},
			latest: []string{"b pending", "a running"},
		},
		"while others run that may fail": {
			status: "running", retried: true, want: "running",
			jobs:   []job{{Name: "a", Status: "running", AllowFailure: true}, {Name: "b", Status: "canceled"}},
			latest: []string{"b pending", "a running"},
		},
		"with a job that waits for a person": {
			status: "canceled", retried: true, want: "running",
			jobs:   []job{{Name: "a", Status: "manual"}, {Name: "b", Status: "canceled"}},
			latest: []string{"b pending", "a manual"},
		},
		"with a job that may stay as it is": {
			status: "success", retried: true, want: "pending",
			jobs:   []job{{Name: "a", Status: "manual", AllowFailure: true}, {Name: "b", Status: "failed", AllowFailure: true}},
			latest: []string{"b pending", "a manual"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: test.status, CreatedAt: day(1), UpdatedAt: day(1)})
			for _, j := range test.jobs {
				p.AddJob(j)
			}
			r := send(t, srv, http.MethodPost, "/projects/1/pipelines/101/retry", "")
			require.Equal(t, 201, r.status)
			o := r.object(t)
			requireKeys(t, wholeKeys, o)
			require.EqualValues(t, test.want, o["status"])
			require.Equal(t, test.retried, o["updated_at"] != "2024-03-01T12:00:00.000Z")
			if test.retried {
				require.Nil(t, o["finished_at"])
				require.Nil(t, o["duration"])
			}
			var latest []string
			for _, j := range get(t, srv, "/projects/1/pipelines/101/jobs").list(t) {
				latest = append(latest, j["name"].(string)+" "+j["status"].(string))
			}
			require.Equal(t, test.latest, latest)
		})
	}
}

func TestRetriedJobs(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	p.AddJob(gitlabcitest.Job{ID: 1, Name: "unit", Stage: "check", Status: gitlabci.StatusFailed, Tags: []string{"x"}, AllowFailure: true})
	p.AddTriggerJob(gitlabcitest.Job{ID: 2, Name: "deploy", Status: gitlabci.StatusFailed, Downstream: p})
	send(t, srv, http.MethodPost, "/projects/1/pipelines/101/retry", "")
	jobs := get(t, srv, "/projects/1/pipelines/101/jobs?include_retried=true").list(t)
	require.Len(t, jobs, 2)
	require.EqualValues(t, 1001, jobs[0]["id"])
	for _, key := range []string{"name", "stage", "ref", "tag_list", "allow_failure"} {
		require.Equal(t, jobs[1][key], jobs[0][key], key)
	}
	require.Nil(t, jobs[0]["started_at"])
	require.Equal(t, "failed", jobs[1]["status"])
	triggers := get(t, srv, "/projects/1/pipelines/101/trigger_jobs").list(t)
	require.Len(t, triggers, 1)
	require.EqualValues(t, 1002, triggers[0]["id"])
	require.Nil(t, triggers[0]["downstream_pipeline"])
}

func TestCancelPipeline(t *testing.T) {
	type job = gitlabcitest.Job
	tests := map[string]struct {
		status gitlabci.Status
		jobs   []job
		want   gitlabci.Status
		after  []string // statuses of the jobs, newest first
	}{
		"running, without jobs": {status: "running", want: "canceled"},
		"manual, without jobs":  {status: "manual", want: "canceled"},
		"success":               {status: "success", want: "success"},
		"failed, with a job that was not played": {
			status: "failed", jobs: []job{{Status: "failed"}, {Status: "manual"}}, want: "failed", after: []string{"manual", "failed"},
		},
		"skipped": {status: "skipped", want: "skipped"},
		"running": {
			status: "running", want: "canceled",
			jobs:  []job{{}, {Status: "failed", AllowFailure: true}, {Status: "running"}, {Status: "created"}, {Status: "manual"}, {Status: "scheduled"}},
			after: []string{"canceled", "canceled", "canceled", "canceled", "failed", "success"},
		},
		"running, after a failure": {
			status: "running", want: "failed", jobs: []job{{Status: "failed"}, {Status: "running"}}, after: []string{"canceled", "failed"},
		},
		"running, though its jobs have ended": {status: "running", want: "canceled", jobs: []job{{}}, after: []string{"success"}},
		"with a job that takes its time": {
			status: "running", want: "canceling", jobs: []job{{Status: "canceling"}, {Status: "pending"}}, after: []string{"canceled", "canceling"},
		},
		"canceling, without jobs": {status: "canceling", want: "canceling"},
		"nothing but that":        {status: "running", want: "running", jobs: []job{{Status: "canceling"}}, after: []string{"canceling"}},
		"canceling":               {status: "canceling", want: "canceling", jobs: []job{{Status: "canceling"}}, after: []string{"canceling"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: test.status, CreatedAt: day(1), UpdatedAt: day(1)})
			for _, j := range test.jobs {
				p.AddJob(j)
			}
			r := send(t, srv, http.MethodPost, "/projects/1/pipelines/101/cancel", "")
			require.Equal(t, 200, r.status)
			o := r.object(t)
			requireKeys(t, wholeKeys, o)
			require.EqualValues(t, test.want, o["status"])
			require.Equal(t, test.want != test.status, o["updated_at"] != "2024-03-01T12:00:00.000Z")
			require.Equal(t, test.want != "skipped" && test.want.Finished(), o["finished_at"] != nil)
			var after []string
			for _, j := range get(t, srv, "/projects/1/pipelines/101/jobs").list(t) {
				after = append(after, j["status"].(string))
				require.Equal(t, gitlabci.Status(j["status"].(string)).Finished(), j["finished_at"] != nil)
			}
			require.Equal(t, test.after, after)
		})
	}
}
