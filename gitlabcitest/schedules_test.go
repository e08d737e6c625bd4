package gitlabcitest_test

import (
	"fmt"
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

const scheduleKeys = "id description ref cron cron_timezone next_run_at active created_at updated_at owner"

func TestScheduleAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		r := sendJSON(t, srv, "POST", "/pipeline_schedules", `{"description":"nightly","ref":"main","cron":"0 1 * * *","cron_timezone":"Asia/Tokyo","inputs":[
			{"name":"count","value":2.50},{"name":"hosts","value":["a","b"]},{"name":"dry","value":false}]}`)
		require.Equal(t, 201, r.status, r.body)
		requireKeys(t, scheduleKeys+" last_pipeline", r.object(t))
		for key, want := range map[string]any{
			"id": 1.0, "ref": "refs/heads/main", "cron_timezone": "Asia/Tokyo", "next_run_at": "2000-01-01T16:00:00.000Z", "active": true, "last_pipeline": nil,
		} {
			require.Equal(t, want, r.object(t)[key], key)
		}
		whole := get(t, srv, "/projects/1/pipeline_schedules/1")
		requireKeys(t, scheduleKeys+" last_pipeline inputs variables", whole.object(t))
		require.Contains(t, whole.body, `"inputs":[{"name":"count","value":2.50},{"name":"hosts","value":["a","b"]},{"name":"dry","value":false}]`)
		requireKeys(t, scheduleKeys+" inputs", get(t, srv, "/projects/1/pipeline_schedules").list(t)[0])

		r = sendJSON(t, srv, "PUT", "/pipeline_schedules/1", `{"active":false,"inputs":[{"name":"dry","destroy":true},{"name":"count","value":3}]}`)
		require.Equal(t, 200, r.status, r.body)
		require.Equal(t, []any{false, nil, "nightly"}, []any{r.object(t)["active"], r.object(t)["next_run_at"], r.object(t)["description"]})
		require.Contains(t, get(t, srv, "/projects/1/pipeline_schedules/1").body, `"inputs":[{"name":"count","value":3},{"name":"hosts","value":["a","b"]}]`)
		require.Empty(t, get(t, srv, "/projects/1/pipeline_schedules?scope=active").list(t))
		require.Len(t, get(t, srv, "/projects/1/pipeline_schedules?scope=inactive").list(t), 1)
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipeline_schedules/1", "").status)
		for _, request := range []string{"GET ", "PUT ", "DELETE ", "GET /pipelines", "POST /take_ownership", "POST /play", "POST /variables?key=A&value=1", "GET /variables/A"} {
			method, path, _ := strings.Cut(request, " ")
			gone := send(t, srv, method, "/projects/1/pipeline_schedules/1"+path, "")
			require.Equal(t, 404, gone.status, request)
			require.JSONEq(t, `{"message":"404 Pipeline Schedule Not Found"}`, gone.body)
		}
	})
}

func TestScheduleRefusals(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddSchedule("1", gitlabcitest.Schedule{})
	for body, want := range map[string]string{
		`{}`: `{"error":"description is missing, ref is missing, cron is missing"}`,
		`{"description":"x","ref":"","cron":"* * * * *"}`:                                          `{"error":"ref is empty"}`,
		`{"description":" ","ref":"main","cron":"* * *"}`:                                          `{"message":{"description":["can't be blank"],"cron":["is invalid syntax"]}}`,
		`{"description":"x","ref":"main","cron":"* * * * *","cron_timezone":"Mars"}`:               `{"message":{"cron_timezone":["is invalid syntax"]}}`,
		`{"description":"x","ref":"main","cron":"* * * * *","inputs":[{"value":1}]}`:               `{"error":"inputs[0][name] is missing"}`,
		`{"description":"x","ref":"main","cron":"* * * * *","inputs":[{"name":"a"}]}`:              `{"error":"inputs[0][value] is missing"}`,
		`{"description":"x","ref":"main","cron":"* * * * *","inputs":[3]}`:                         `{"error":"inputs[0] is invalid"}`,
		`{"description":"x","ref":"main","cron":"* * * * *","inputs":{"a":1}}`:                     `{"error":"inputs is invalid"}`,
		`{"description":"x","ref":"main","cron":"* * * * *","active":"x","cron_timezone":["UTC"]}`: `{"error":"cron_timezone is invalid, active is invalid"}`,
	} {
		r := sendJSON(t, srv, "POST", "/pipeline_schedules", body)
		require.Equal(t, 400, r.status, r.body)
		require.JSONEq(t, want, r.body)
	}
	require.JSONEq(t, `{"message":{"cron":["is invalid syntax"]}}`, sendJSON(t, srv, "PUT", "/pipeline_schedules/1", `{"cron":"x"}`).body)
	require.Equal(t, 401, send(t, srv, "GET", "/projects/1/pipeline_schedules", "", "anonymous").status)
	require.Equal(t, 400, get(t, srv, "/projects/1/pipeline_schedules?scope=x").status)
	for want, one := range map[string]gitlabcitest.Schedule{
		"the ID 1 is negative or taken":                             {ID: 1},
		"PlayTakes is -1s":                                          {PlayTakes: -time.Second},
		"GitLab refuses it: map[cron:[is invalid syntax]]":          {Cron: "x"},
		"GitLab refuses it: map[cron_timezone:[is invalid syntax]]": {CronTimezone: "x"},
	} {
		require.PanicsWithValue(t, "gitlabcitest: AddSchedule: "+want, func() { srv.AddSchedule("1", one) })
	}
}

// Who may do what: as someone, with the schedule of maya or with their own.
func TestScheduleRoles(t *testing.T) {
	testkit.NotUnderRace(t)
	const none = 100
	for request, least := range map[string][2]gitlabcitest.Role{
		"GET ":                               {gitlabcitest.RoleGuest, gitlabcitest.RoleGuest},
		"GET /pipelines":                     {gitlabcitest.RoleGuest, gitlabcitest.RoleGuest},
		"PUT ?description=x":                 {none, gitlabcitest.RoleDeveloper},
		"DELETE ":                            {gitlabcitest.RoleMaintainer, gitlabcitest.RoleDeveloper},
		"POST /take_ownership":               {gitlabcitest.RoleMaintainer, gitlabcitest.RoleDeveloper},
		"POST /play":                         {gitlabcitest.RoleDeveloper, gitlabcitest.RoleDeveloper},
		"POST /variables?key=B&value=1":      {none, gitlabcitest.RoleDeveloper},
		"GET /variables/A":                   {gitlabcitest.RoleMaintainer, gitlabcitest.RoleDeveloper},
		"PUT /variables/A?value=2":           {none, gitlabcitest.RoleDeveloper},
		"DELETE /variables/A":                {gitlabcitest.RoleMaintainer, gitlabcitest.RoleDeveloper},
		"POST ?description=x&ref=main&cron=": {gitlabcitest.RoleDeveloper, gitlabcitest.RoleDeveloper},
	} {
		for i, owner := range []string{"maya", "ines"} {
			for _, one := range roles {
				srv, token := withInes(one.role, gitlabcitest.Settings{})
				srv.AddSchedule("1", gitlabcitest.Schedule{Username: owner, Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}}})
				srv.AddMember("group/app", "ines", one.role)
				method, path, _ := strings.Cut(request, " ")
				path = "/1" + path
				if method == http.MethodPost && path[2] == '?' {
					path = path[2:] + "%2A%20%2A%20%2A%20%2A%20%2A"
				}
				r := send(t, srv, method, "/projects/1/pipeline_schedules"+path, "", "Private-Token: "+token)
				if one.role < least[i] {
					require.Equal(t, 403, r.status, "%s by a %s, of %s: %s", request, one.name, owner, r.body)
					require.JSONEq(t, forbidden, r.body)
					continue
				}
				require.Less(t, r.status, 300, "%s by a %s, of %s: %s", request, one.name, owner, r.body)
				if request == "GET " {
					_, shown := r.object(t)["variables"]
					require.Equal(t, one.role >= gitlabcitest.RoleMaintainer || owner == "ines" && one.role >= gitlabcitest.RoleDeveloper, shown)
				}
			}
		}
	}
	srv, token := withInes(gitlabcitest.RoleGuest, gitlabcitest.Settings{PrivateBuilds: true})
	srv.AddSchedule("1", gitlabcitest.Schedule{})
	require.Equal(t, 403, send(t, srv, "GET", "/projects/1/pipeline_schedules", "", "Private-Token: "+token).status)
	require.Equal(t, 404, send(t, srv, "GET", "/projects/1/pipeline_schedules/1", "", "Private-Token: "+token).status)
}

// A schedule is due by the clock, in the name of its owner, while they may run pipelines.
func TestScheduleIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Minute}})
		one := srv.AddSchedule("1", gitlabcitest.Schedule{Cron: "30 * * * *", Username: "ines", Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}}})
		require.Equal(t, &gitlabcitest.Schedule{
			ID: 1, Description: "nightly", Ref: "main", Cron: "30 * * * *", CronTimezone: "UTC", Username: "ines", Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}},
		}, one)
		srv.AddSchedule("1", gitlabcitest.Schedule{Cron: "0 0 31 2 *"})
		srv.AddSchedule("1", gitlabcitest.Schedule{Cron: "* * * * *", Inactive: true})
		srv.AddSchedule("1", gitlabcitest.Schedule{Cron: "* * * * *", Ref: "gone"})
		time.Sleep(2*time.Hour + 30*time.Minute + 30*time.Second)
		started := get(t, srv, "/projects/1/pipeline_schedules/1/pipelines").list(t)
		require.Len(t, started, 3)
		for i, p := range started {
			require.Equal(t, fmt.Sprintf("2000-01-01T0%d:30:00.000Z", i), p["created_at"], "oldest first")
			require.Equal(t, []any{"schedule", "main", []any{"success", "running"}[i/2]}, []any{p["source"], p["ref"], p["status"]})
		}
		require.Equal(t, "ines", get(t, srv, "/projects/1/pipelines/101").object(t).in("user")["username"])
		require.Equal(t, "A", get(t, srv, "/projects/1/pipelines/101/variables").list(t)[0]["key"])
		details := get(t, srv, "/projects/1/pipeline_schedules/1").object(t)
		require.Equal(t, started[2], details.in("last_pipeline"))
		require.Equal(t, "2000-01-01T03:30:00.000Z", details["next_run_at"])
		require.Len(t, get(t, srv, "/projects/1/pipelines").list(t), 3)

		srv.AddMember("group/app", "ines", gitlabcitest.RoleReporter)
		time.Sleep(time.Hour)
		details = get(t, srv, "/projects/1/pipeline_schedules/1").object(t)
		require.Equal(t, []any{false, nil}, []any{details["active"], details["next_run_at"]}, "without a word")
		require.Equal(t, 201, post(t, srv, "/projects/1/pipeline_schedules/1/take_ownership").status)
		require.Equal(t, 200, post(t, srv, "/projects/1/pipeline_schedules/1/take_ownership").status)
		require.Equal(t, 200, send(t, srv, "PUT", "/projects/1/pipeline_schedules/1?active=true&cron=45+*+*+*+*", "").status)
		time.Sleep(time.Hour)
		require.Equal(t, []int{104}, get(t, srv, "/projects/1/pipeline_schedules/1/pipelines?created_after=2000-01-01T03:00:00Z").ids(t))
		require.Equal(t, "maya", get(t, srv, "/projects/1/pipelines/104").object(t).in("user")["username"])
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipeline_schedules/1", "").status)
		time.Sleep(24 * time.Hour)
		require.Len(t, get(t, srv, "/projects/1/pipelines").list(t), 4)
	})
}

// A play starts a pipeline in the name of the user who plays, a while after the response.
func TestPlaySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, token := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{Inputs: map[string]gitlabcitest.Input{"env": {Default: "dev"}}})
		ines := "Private-Token: " + token
		srv.AddSchedule("1", gitlabcitest.Schedule{ID: 7, Inactive: true, PlayTakes: time.Minute, Inputs: map[string]any{"env": "prod"}})
		const list = "/projects/1/pipeline_schedules/7/pipelines"
		r := post(t, srv, "/projects/1/pipeline_schedules/7/play")
		require.Equal(t, 201, r.status)
		require.JSONEq(t, `{"message":"201 Created"}`, r.body)
		r = post(t, srv, "/projects/1/pipeline_schedules/7/play")
		require.Equal(t, 500, r.status, "it is about to be played")
		require.JSONEq(t, `{"message":"Unable to schedule pipeline run immediately"}`, r.body)
		require.Equal(t, 201, send(t, srv, "POST", "/projects/1/pipeline_schedules/7/play", "", ines).status)
		time.Sleep(59 * time.Second)
		require.Empty(t, get(t, srv, list).list(t))
		time.Sleep(time.Second)
		started := get(t, srv, list+"?sort=desc").list(t)
		require.Len(t, started, 2)
		for i, username := range []string{"ines", "maya"} {
			require.Equal(t, username, get(t, srv, "/projects/1/pipelines/"+started[i].id()).object(t).in("user")["username"])
		}
		require.Empty(t, get(t, srv, list+"?status=failed").list(t))

		for _, change := range []string{`{"inputs":[{"name":"env","value":5}]}`, `{"inputs":[{"name":"env","destroy":true}],"ref":"gone"}`} {
			require.Equal(t, 200, sendJSON(t, srv, "PUT", "/pipeline_schedules/7", change).status)
			require.Equal(t, 201, post(t, srv, "/projects/1/pipeline_schedules/7/play").status)
			time.Sleep(time.Hour)
			require.Len(t, get(t, srv, list).list(t), 2, "what goes wrong is not told")
		}
		srv.AddSchedule("1", gitlabcitest.Schedule{ID: 8, Ref: "release"})
		require.Equal(t, 403, send(t, srv, "POST", "/projects/1/pipeline_schedules/8/play", "", ines).status, "it is protected")
		require.Equal(t, 201, post(t, srv, "/projects/1/pipeline_schedules/8/play").status)
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/pipeline_schedules/8", "").status)
	})
}

func TestScheduleVariables(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddSchedule("1", gitlabcitest.Schedule{})
	const path = "/projects/1/pipeline_schedules/1/variables"
	want := `{"variable_type":"env_var","key":"A","value":"1","raw":false}`
	require.JSONEq(t, want, post(t, srv, path+"?key=A&value=1").body)
	require.JSONEq(t, want, get(t, srv, path+"/A").body)
	require.JSONEq(t, `{"message":{"key":["has already been taken"]}}`, post(t, srv, path+"?key=A&value=2").body)
	require.JSONEq(t, `{"message":{"key":["can contain only letters, digits and '_'."]}}`, post(t, srv, path+"?key=A-B&value=2").body)
	want = `{"variable_type":"file","key":"A","value":"2","raw":false}`
	require.JSONEq(t, want, send(t, srv, "PUT", path+"/A?value=2&variable_type=file", "").body)
	require.Contains(t, get(t, srv, "/projects/1/pipeline_schedules/1").body, `"variables":[`+want+`]`)
	r := send(t, srv, "DELETE", path+"/A", "")
	require.Equal(t, 202, r.status)
	require.JSONEq(t, want, r.body)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		require.JSONEq(t, `{"message":"404 Pipeline Schedule Variable Not Found"}`, send(t, srv, method, path+"/A", "").body)
	}
	srv.Configure("1", gitlabcitest.Settings{VariablesRole: gitlabcitest.RoleNoOne})
	require.Equal(t, 403, post(t, srv, path+"?key=A&value=1").status)
}

func TestScheduleReleases(t *testing.T) {
	for _, test := range []struct{ last, first, request string }{
		{"12.7", "12.8", "POST /play"}, {"15.3", "15.4", "GET /pipelines"},
	} {
		for release, known := range map[string]bool{test.last: false, test.first: true} {
			srv := aged(release)
			srv.AddSchedule("1", gitlabcitest.Schedule{})
			method, path, _ := strings.Cut(test.request, " ")
			require.Equal(t, known, send(t, srv, method, "/projects/1/pipeline_schedules/1"+path, "").status < 300, release)
		}
	}
	for release, want := range map[string][]int{"18.11": {101, 102}, "19.0": {102, 101}} {
		srv := aged(release)
		srv.AddSchedule("1", gitlabcitest.Schedule{Inputs: map[string]any{"a": 1}})
		post(t, srv, "/projects/1/pipeline_schedules/1/play")
		get(t, srv, "/projects/1")
		post(t, srv, "/projects/1/pipeline_schedules/1/play")
		require.Equal(t, want, get(t, srv, "/projects/1/pipeline_schedules/1/pipelines?sort=desc").ids(t), "older ones do not sort")
	}
	srv := aged("17.10")
	srv.AddSchedule("1", gitlabcitest.Schedule{Inputs: map[string]any{"a": 1}})
	require.NotContains(t, get(t, srv, "/projects/1/pipeline_schedules/1").object(t), "inputs")
}
