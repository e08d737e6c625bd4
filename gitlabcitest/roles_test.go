package gitlabcitest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const forbidden = `{"message":"403 Forbidden"}`

// roles are all that a member can have, from the least on.
var roles = []struct {
	name string
	role gitlabcitest.Role
}{
	{"guest", gitlabcitest.RoleGuest},
	{"planner", gitlabcitest.RolePlanner},
	{"reporter", gitlabcitest.RoleReporter},
	{"developer", gitlabcitest.RoleDeveloper},
	{"maintainer", gitlabcitest.RoleMaintainer},
	{"owner", gitlabcitest.RoleOwner},
}

// withInes has the user ines with a role, and her token. Pipeline 1 and its jobs from 11 on
// belong to maya. Pipelines 2 and 3, with a job each, belong to ines; pipeline 3 is on the
// protected ref "release".
func withInes(role gitlabcitest.Role, settings gitlabcitest.Settings) (*gitlabcitest.Server, string) {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "ines", role)
	srv.Configure("group/app", settings)
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "release", Protected: true})
	done := gitlabcitest.Job{Status: gitlabci.StatusFailed, Log: "x\n", Artifacts: fstest.MapFS{"a": {Data: []byte("A")}}}
	variables := []*gitlabci.Variable{{Key: "A", Value: "1"}}

	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1, Variables: variables})
	for i, j := range []gitlabcitest.Job{
		done, {Status: gitlabci.StatusRunning}, {Status: gitlabci.StatusManual}, {Status: gitlabci.StatusCanceling}, {Log: "x\n", Debug: true},
	} {
		j.ID = gitlabci.JobID(11 + i)
		p.AddJob(j)
	}
	done.Status, done.Name = gitlabci.StatusSuccess, "archive"
	p.AddJob(done)
	for i, ref := range []string{"main", "release"} {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(2 + i), Ref: ref, Username: "ines", Variables: variables})
		done.ID, done.Status = gitlabci.JobID(21+10*i), gitlabci.StatusFailed
		p.AddJob(done)
		p.AddJob(gitlabcitest.Job{ID: done.ID + 1, Status: gitlabci.StatusRunning})
		p.AddJob(gitlabcitest.Job{ID: done.ID + 2, Status: gitlabci.StatusManual})
	}
	return srv, srv.AddToken(gitlabcitest.Token{Username: "ines"})
}

// A roleCase is a request and who may send it.
type roleCase struct {
	request string // method, path below /projects/1, and perhaps a JSON body
	least   gitlabcitest.Role
	status  int // for those who may
}

// requireRoles sends the request of a roleCase with every role.
func requireRoles(t *testing.T, d roleCase, settings gitlabcitest.Settings) {
	t.Helper()
	method, path, _ := strings.Cut(d.request, " ")
	path, body, _ := strings.Cut(path, " ")
	for _, one := range roles {
		t.Run(one.name, func(t *testing.T) {
			srv, token := withInes(one.role, settings)
			r := send(t, srv, method, "/projects/1"+path, body, "Private-Token: "+token, "Content-Type: application/json")
			if one.role >= d.least {
				require.Equal(t, d.status, r.status, r.body)
				return
			}
			require.Equal(t, 403, r.status, r.body)
			require.JSONEq(t, forbidden, r.body)
		})
	}
}

var reads = map[string]string{
	"list pipelines":            "GET /pipelines",
	"get the latest pipeline":   "GET /pipelines/latest",
	"get a pipeline":            "GET /pipelines/1",
	"list a pipeline's jobs":    "GET /pipelines/1/jobs",
	"list bridges":              "GET /pipelines/1/bridges",
	"list trigger jobs":         "GET /pipelines/1/trigger_jobs",
	"get a test report":         "GET /pipelines/1/test_report",
	"get a test report summary": "GET /pipelines/1/test_report_summary",
	"list jobs":                 "GET /jobs",
	"get a job":                 "GET /jobs/11",
	"get a log":                 "GET /jobs/11/trace",
	"download by ref":           "GET /jobs/artifacts/main/download?job=archive",
	"get a file by ref":         "GET /jobs/artifacts/main/raw/a?job=archive",
	"download by job":           "GET /jobs/11/artifacts",
	"list the files of a job":   "GET /jobs/11/artifacts/tree",
	"get a file of a job":       "GET /jobs/11/artifacts/a",
}

func TestRolesThatRead(t *testing.T) {
	testkit.NotUnderRace(t)
	for name, request := range reads {
		t.Run(name, func(t *testing.T) {
			requireRoles(t, roleCase{request, gitlabcitest.RoleGuest, 200}, gitlabcitest.Settings{})
		})
		t.Run(name+" of private builds", func(t *testing.T) {
			requireRoles(t, roleCase{request, gitlabcitest.RoleReporter, 200}, gitlabcitest.Settings{PrivateBuilds: true})
		})
	}
}

func TestRolesThatChange(t *testing.T) {
	const developer, maintainer, owner = gitlabcitest.RoleDeveloper, gitlabcitest.RoleMaintainer, gitlabcitest.RoleOwner
	for name, d := range map[string]roleCase{
		"create a pipeline":             {"POST /pipeline?ref=main", developer, 201},
		"create one with variables":     {`POST /pipeline {"ref":"main","variables":[{"key":"A","value":"1"}]}`, developer, 201},
		"retry a pipeline":              {"POST /pipelines/1/retry", developer, 201},
		"cancel a pipeline":             {"POST /pipelines/1/cancel", developer, 200},
		"rename a pipeline":             {"PUT /pipelines/1/metadata?name=x", developer, 200},
		"delete a pipeline":             {"DELETE /pipelines/1", owner, 204},
		"read variables":                {"GET /pipelines/1/variables", maintainer, 200},
		"read one's own variables":      {"GET /pipelines/2/variables", developer, 200},
		"retry a job":                   {"POST /jobs/11/retry", developer, 201},
		"cancel a job":                  {"POST /jobs/12/cancel", developer, 201},
		"play a job":                    {"POST /jobs/13/play", developer, 200},
		"play a job with variables":     {`POST /jobs/13/play {"job_variables_attributes":[{"key":"A","value":"1"}]}`, developer, 200},
		"force a cancel":                {"POST /jobs/14/cancel?force=true", maintainer, 201},
		"force a cancel of what runs":   {"POST /jobs/12/cancel?force=true", maintainer, 201},
		"force a cancel of what ended":  {"POST /jobs/11/cancel?force=true", maintainer, 201},
		"erase a job":                   {"POST /jobs/11/erase", maintainer, 201},
		"erase one's own job":           {"POST /jobs/21/erase", developer, 201},
		"read a log with secrets":       {"GET /jobs/15/trace", developer, 200},
		"keep artifacts":                {"POST /jobs/11/artifacts/keep", developer, 200},
		"delete artifacts":              {"DELETE /jobs/11/artifacts", maintainer, 204},
		"delete one's own artifacts":    {"DELETE /jobs/21/artifacts", maintainer, 204},
		"delete a project's artifacts":  {"DELETE /artifacts", maintainer, 202},
		"retry on a protected ref":      {"POST /pipelines/3/retry", maintainer, 201},
		"cancel on a protected ref":     {"POST /pipelines/3/cancel", maintainer, 200},
		"rename on a protected ref":     {"PUT /pipelines/3/metadata?name=x", maintainer, 200},
		"read own protected variables":  {"GET /pipelines/3/variables", maintainer, 200},
		"erase an own protected job":    {"POST /jobs/31/erase", maintainer, 201},
		"retry a protected job":         {"POST /jobs/31/retry", maintainer, 201},
		"cancel a protected job":        {"POST /jobs/32/cancel", maintainer, 201},
		"play a protected job":          {"POST /jobs/33/play", maintainer, 200},
		"keep protected artifacts":      {"POST /jobs/31/artifacts/keep", maintainer, 200},
		"read a log of a protected job": {"GET /jobs/31/trace", gitlabcitest.RoleGuest, 200},
	} {
		t.Run(name, func(t *testing.T) { requireRoles(t, d, gitlabcitest.Settings{}) })
	}
}

func TestProtectedRefs(t *testing.T) {
	const text = `{"message":{"base":["You do not have sufficient permission to run a pipeline on 'release'. ` +
		`Please select a different branch or contact your administrator for assistance."]}}`
	srv, token := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{})
	r := send(t, srv, "POST", "/projects/1/pipeline?ref=release", "", "Private-Token: "+token)
	require.Equal(t, 400, r.status)
	require.JSONEq(t, text, r.body)
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "release"})
	r = send(t, srv, "POST", "/projects/1/pipeline?ref=release", "", "Private-Token: "+token)
	require.Equal(t, 400, r.status, "a push leaves it protected")

	srv.AddMember("group/app", "ines", gitlabcitest.RoleMaintainer)
	require.Equal(t, 201, send(t, srv, "POST", "/projects/1/pipeline?ref=release", "", "Private-Token: "+token).status)
	srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "release"})
	require.Equal(t, 201, send(t, srv, "POST", "/projects/1/pipeline?ref=release", "", "Private-Token: "+token).status)
}

// statusOf sends a request as each role in turn, with the same settings.
func statusOf(t *testing.T, request string, settings gitlabcitest.Settings) (statuses []int, refusal string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	path, body, _ := strings.Cut(path, " ")
	for _, one := range roles[3:] {
		srv, token := withInes(one.role, settings)
		r := send(t, srv, method, "/projects/1"+path, body, "Private-Token: "+token, "Content-Type: application/json")
		statuses = append(statuses, r.status)
		if r.status >= 400 {
			refusal = r.body
		}
	}
	return statuses, refusal
}

func TestVariablesRole(t *testing.T) {
	const (
		create  = `POST /pipeline {"ref":"main","variables":[{"key":"A","value":"1"}]}`
		play    = `POST /jobs/13/play {"job_variables_attributes":[{"key":"A","value":"1"}]}`
		refusal = `{"message":{"base":["Insufficient permissions to set pipeline variables"]}}`
	)
	for role, want := range map[gitlabcitest.Role]struct{ create, play []int }{
		0:                           {[]int{201, 201, 201}, []int{200, 200, 200}},
		gitlabcitest.RoleDeveloper:  {[]int{201, 201, 201}, []int{200, 200, 200}},
		gitlabcitest.RoleMaintainer: {[]int{400, 201, 201}, []int{403, 200, 200}},
		gitlabcitest.RoleOwner:      {[]int{400, 400, 201}, []int{403, 403, 200}},
		gitlabcitest.RoleNoOne:      {[]int{400, 400, 400}, []int{403, 403, 403}},
	} {
		settings := gitlabcitest.Settings{VariablesRole: role}
		got, text := statusOf(t, create, settings)
		require.Equal(t, want.create, got)
		if got[0] == 400 {
			require.JSONEq(t, refusal, text)
		}
		got, text = statusOf(t, play, settings)
		require.Equal(t, want.play, got)
		if got[0] == 403 {
			require.JSONEq(t, forbidden, text)
		}
		for _, without := range []string{"POST /pipeline?ref=main", `POST /pipeline {"ref":"main","variables":[]}`} {
			got, _ = statusOf(t, without, settings)
			require.Equal(t, []int{201, 201, 201}, got)
		}
		for _, without := range []string{"POST /jobs/13/play", `POST /jobs/13/play {"job_variables_attributes":[]}`} {
			got, _ = statusOf(t, without, settings)
			require.Equal(t, []int{200, 200, 200}, got)
		}
	}
}

func TestVariablesComeAfterTheJob(t *testing.T) {
	srv, token := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{VariablesRole: gitlabcitest.RoleNoOne})
	const variables = `{"job_variables_attributes":[{"key":"A","value":"1"}]}`
	for job, want := range map[string]int{"11": 400, "13": 403} {
		r := send(t, srv, "POST", "/projects/1/jobs/"+job+"/play", variables, "Private-Token: "+token, "Content-Type: application/json")
		require.Equal(t, want, r.status)
	}
	require.Equal(t, "manual", get(t, srv, "/projects/1/jobs/13").object(t)["status"])
	const create = `{"ref":"nowhere","variables":[{"key":"A","value":"1"}]}`
	r := send(t, srv, "POST", "/projects/1/pipeline", create, "Content-Type: application/json")
	require.JSONEq(t, `{"message":{"base":["Insufficient permissions to set pipeline variables"]}}`, r.body, "administrators too")
}

func TestCancelRole(t *testing.T) {
	for role, want := range map[gitlabcitest.Role][]int{
		0:                           {200, 200, 200},
		gitlabcitest.RoleMaintainer: {403, 200, 200},
		gitlabcitest.RoleNoOne:      {403, 403, 403},
	} {
		settings := gitlabcitest.Settings{CancelRole: role}
		got, _ := statusOf(t, "POST /pipelines/1/cancel", settings)
		require.Equal(t, want, got)
		for i := range want {
			if want[i] == 200 {
				want[i] = 201
			}
		}
		got, _ = statusOf(t, "POST /jobs/12/cancel", settings)
		require.Equal(t, want, got)
		got, _ = statusOf(t, "POST /jobs/11/retry", settings)
		require.Equal(t, []int{201, 201, 201}, got)
	}
	srv, _ := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{CancelRole: gitlabcitest.RoleNoOne})
	require.Equal(t, 403, post(t, srv, "/projects/1/jobs/14/cancel?force=true").status)
}

func TestRoleOfAnAdministrator(t *testing.T) {
	srv, _ := withInes(gitlabcitest.RoleGuest, gitlabcitest.Settings{PrivateBuilds: true})
	srv.AddUser(gitlabcitest.User{Username: "root", Admin: true})
	token := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "root"})
	require.Equal(t, 200, send(t, srv, "GET", "/projects/1/jobs/15/trace", "", token).status)
	require.Equal(t, 201, send(t, srv, "POST", "/projects/1/pipeline?ref=release", "", token).status)
	require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipelines/1", "", token).status)
}
