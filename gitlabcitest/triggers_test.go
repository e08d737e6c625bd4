package gitlabcitest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// The API of trigger tokens: the whole token for its owner alone, who alone may change it.
func TestTriggerAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, token := withInes(gitlabcitest.RoleMaintainer, gitlabcitest.Settings{})
		ines := "Private-Token: " + token
		r := sendJSON(t, srv, "POST", "/triggers", `{"description":"bot","expires_at":"2030-01-02"}`)
		require.Equal(t, 201, r.status, r.body)
		o := r.object(t)
		requireKeys(t, "id token description created_at updated_at last_used expires_at owner", o)
		require.Equal(t, []any{1.0, "bot", nil, "2030-01-02T00:00:00.000Z", "maya"},
			[]any{o["id"], o["description"], o["last_used"], o["expires_at"], o.in("owner")["username"]})
		require.Regexp(t, "^glptt-[0-9a-f]{40}$", o["token"])
		require.Equal(t, r.body, get(t, srv, "/projects/1/triggers/1").body)
		require.Equal(t, "["+r.body+"]", get(t, srv, "/projects/1/triggers").body)
		require.Equal(t, "glpt", send(t, srv, "GET", "/projects/1/triggers/1", "", ines).object(t)["token"])

		time.Sleep(time.Hour)
		refused := send(t, srv, "PUT", "/projects/1/triggers/1?description=x", "", ines)
		require.Equal(t, 403, refused.status)
		require.JSONEq(t, `{"message":"403 Forbidden - The current user is not authorized to update the pipeline trigger token"}`, refused.body)
		changed := send(t, srv, "PUT", "/projects/1/triggers/1?description=x", "").object(t)
		require.Equal(t, "x", changed["description"])
		require.NotEqual(t, changed["created_at"], changed["updated_at"])

		long := "If-Unmodified-Since: Fri, 31 Dec 1999 00:00:00 GMT"
		require.Equal(t, 412, send(t, srv, "DELETE", "/projects/1/triggers/1", "", long).status)
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/triggers/1", "", ines).status)
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			gone := send(t, srv, method, "/projects/1/triggers/1", "")
			require.Equal(t, 404, gone.status)
			require.JSONEq(t, `{"message":"404 Not found"}`, gone.body)
		}
		require.JSONEq(t, `{"error":"description is missing"}`, post(t, srv, "/projects/1/triggers").body)
		require.NotContains(t, post(t, inhabited("17.9"), "/projects/1/triggers?description=x&expires_at=2030-01-02").object(t), "expires_at")
	})
}

func TestTriggerRoles(t *testing.T) {
	for request, status := range map[string]int{
		"GET /triggers": 200, "GET /triggers/1": 404, "POST /triggers {\"description\":\"x\"}": 201, "PUT /triggers/1": 404, "DELETE /triggers/1": 404,
	} {
		t.Run(request, func(t *testing.T) {
			requireRoles(t, roleCase{request, gitlabcitest.RoleMaintainer, status}, gitlabcitest.Settings{})
		})
	}
}

// The trigger token is enough: no other token is needed, and an invalid one changes
// nothing.
func TestTriggerPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, _ := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{})
		srv.AddRef("1", gitlabcitest.Ref{Name: "feature/a"})
		token := srv.AddTriggerToken("group/app", gitlabcitest.TriggerToken{Username: "ines"}).Token
		for i, request := range []struct{ path, body string }{
			{"/trigger/pipeline", fmt.Sprintf(`{"token":%q,"ref":"main","variables":{"B":"2","A":"1"}}`, token)},
			{"/ref/main/trigger/pipeline", fmt.Sprintf(`{"token":%q,"ref":"nowhere"}`, token)},
			{"/ref/feature/a/trigger/pipeline", fmt.Sprintf(`{"token":%q}`, token)},
			{"/ref/feature%2Fa/trigger/pipeline", fmt.Sprintf(`{"token":%q}`, token)},
		} {
			header := []string{"anonymous", "Private-Token: wrong", "Job-Token: wrong", "Authorization: Bearer wrong"}[i]
			r := send(t, srv, "POST", "/projects/group%2Fapp"+request.path, request.body, header, "Content-Type: application/json")
			require.Equal(t, 201, r.status, r.body)
			require.Equal(t, []any{"trigger", "ines"}, []any{r.object(t)["source"], r.object(t).in("user")["username"]})
		}
		variables := get(t, srv, "/projects/1/pipelines/101/variables").list(t)
		require.Len(t, variables, 3)
		require.Equal(t, []any{"A", "1", "B", "TRIGGER_PAYLOAD", "file"},
			[]any{variables[0]["key"], variables[0]["value"], variables[1]["key"], variables[2]["key"], variables[2]["variable_type"]})
		require.JSONEq(t, `{"id":"group/app","ref":"main","variables":{"A":"1","B":"2"}}`, variables[2]["value"].(string))
		require.Equal(t, "2000-01-01T00:00:00.000Z", get(t, srv, "/projects/1/triggers/1").object(t)["last_used"])
	})
}

// A triggerRefusal is a request for a pipeline by a trigger token that GitLab refuses.
type triggerRefusal struct {
	token, rest string // the rest of its JSON
	status      int
	want        string
}

var triggerRefusals = map[string]triggerRefusal{
	"no ref":            {"good", ``, 400, `{"error":"ref is missing"}`},
	"a blank ref":       {"good", `,"ref":" "`, 400, `{"error":"ref is empty"}`},
	"a list":            {"good", `,"ref":"main","variables":[{"key":"A","value":"1"}]`, 400, `{"error":"variables is invalid"}`},
	"a number":          {"good", `,"ref":"main","variables":{"A":1}`, 400, `{"message":"variables needs to be a map of key-valued strings"}`},
	"another ref":       {"good", `,"ref":"nowhere"`, 400, `{"message":{"base":["Reference not found"]}}`},
	"variables":         {"good", `,"ref":"main","variables":{"A":"1"}`, 400, `{"message":{"base":["Insufficient permissions to set pipeline variables"]}}`},
	"inputs":            {"good", `,"ref":"main","inputs":{"env":5}`, 400, "{\"message\":{\"base\":[\"`env` input: provided value is not a string\"]}}"},
	"another token":     {"glptt-x", `,"ref":"main"`, 404, `{"message":"404 Not Found"}`},
	"an access token":   {"fake-token", `,"ref":"main"`, 404, `{"message":"404 Not Found"}`},
	"another project's": {"other", `,"ref":"main"`, 404, `{"message":"404 Not Found"}`},
	"an old one":        {"old", `,"ref":"main"`, 404, `{"message":"404 Not Found"}`},
	"a guest's":         {"guest", `,"ref":"main"`, 400, `{"message":{"base":["Insufficient permissions to create a new pipeline"]}}`},
	"a blocked user's":  {"blocked", `,"ref":"main"`, 403, forbidden},
}

func TestTriggerRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddProject("group/lib")
		srv.AddMember("group/app", "gus", gitlabcitest.RoleGuest)
		srv.AddUser(gitlabcitest.User{Username: "bob", Blocked: true})
		srv.Configure("group/app", gitlabcitest.Settings{
			VariablesRole: gitlabcitest.RoleNoOne, Inputs: map[string]gitlabcitest.Input{"env": {Default: "dev"}},
		})
		srv.AddTriggerToken("2", gitlabcitest.TriggerToken{Token: "other"})
		for _, token := range []gitlabcitest.TriggerToken{
			{Token: "good"}, {Token: "guest", Username: "gus"}, {Token: "blocked", Username: "bob"}, {Token: "old", ExpiresAt: time.Now().Add(time.Minute)},
		} {
			srv.AddTriggerToken("1", token)
		}
		time.Sleep(time.Minute)
		trigger := func(project, body string, header ...string) reply {
			return send(t, srv, "POST", "/projects/"+project+"/trigger/pipeline", body, append(header, "anonymous", "Content-Type: application/json")...)
		}
		for name, test := range triggerRefusals {
			r := trigger("1", fmt.Sprintf(`{"token":%q%s}`, test.token, test.rest))
			require.Equal(t, test.status, r.status, name+": "+r.body)
			require.JSONEq(t, test.want, r.body, name)
		}
		const good = `{"token":"good","ref":"main"}`
		require.JSONEq(t, `{"error":"token is missing"}`, trigger("1", `{"ref":"main"}`).body)
		require.JSONEq(t, `{"message":"404 Not Found"}`, trigger("9", good).body)
		require.JSONEq(t, forbidden, trigger("1", good, "X-Gitlab-Event: Pipeline Hook").body)
		require.Empty(t, get(t, srv, "/projects/1/pipelines").list(t))
	})
}

// The token of a running job starts a pipeline whose upstream is the job.
func TestTriggerByJobToken(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/lib")
	srv.AddProject("group/closed")
	srv.Configure("group/lib", gitlabcitest.Settings{JobTokensFrom: []string{"group/app"}})
	var sources []string
	srv.AddHook("group/lib", gitlabcitest.Hook{Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventPipeline}, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, source, _ := strings.Cut(string(body), `"source_pipeline":`)
		sources = append(sources, source)
	})})
	defer srv.Close()
	j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	body := fmt.Sprintf(`{"token":%q,"ref":"main"}`, srv.JobToken(j.ID))
	trigger := func(project string) reply {
		return send(t, srv, "POST", "/projects/"+project+"/trigger/pipeline", body, "anonymous", "Content-Type: application/json")
	}
	r := trigger("2")
	require.Equal(t, 201, r.status, r.body)
	require.Equal(t, "pipeline", r.object(t)["source"])
	srv.Wait()
	require.NotEmpty(t, sources)
	require.Contains(t, sources[0], fmt.Sprintf(`"job_id":%d`, j.ID))
	require.Equal(t, 201, trigger("1").status, "the job's own project")
	require.JSONEq(t, `{"message":"404 Not Found"}`, trigger("3").body)
	srv.SetJobStatus(j.ID, gitlabci.StatusSuccess)
	r = trigger("2")
	require.Equal(t, 401, r.status)
	require.JSONEq(t, `{"message":"Job is not running"}`, r.body)
}

func TestAddTriggerTokenMisuse(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddTriggerToken("1", gitlabcitest.TriggerToken{})
	require.Equal(t, []any{gitlabci.TriggerID(1), "trigger", "maya"}, []any{added.ID, added.Description, added.Username})
	for want, token := range map[string]gitlabcitest.TriggerToken{
		"the ID 1 is negative or taken":  {ID: 1},
		"the ID -1 is negative or taken": {ID: -1},
		"the Token is taken":             {Token: added.Token},
	} {
		require.PanicsWithValue(t, "gitlabcitest: AddTriggerToken: "+want, func() { srv.AddTriggerToken("1", token) })
	}
}
