package gitlabcitest_test

import (
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
)

const hookKeys = "id url name description created_at push_events tag_push_events merge_requests_events repository_update_events enable_ssl_verification " +
	"alert_status disabled_until url_variables push_events_branch_filter branch_filter_strategy custom_webhook_template custom_headers token_present " +
	"signing_token_present project_id issues_events confidential_issues_events note_events confidential_note_events pipeline_events wiki_page_events " +
	"deployment_events feature_flag_events job_events releases_events milestone_events emoji_events resource_access_token_events " +
	"resource_deploy_token_events vulnerability_events"

// changeJob gives a new job of a new pipeline another status, which is an event of hooks.
func changeJob(srv *gitlabcitest.Server) {
	j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
}

var onlyJobs = []gitlabcitest.HookEvent{gitlabcitest.HookEventJob}

func sendJSON(t *testing.T, srv *gitlabcitest.Server, method, path, body string) reply {
	t.Helper()
	return send(t, srv, method, "/projects/1"+path, body, "Content-Type: application/json")
}

func TestHookAPI(t *testing.T) {
	srv := gitlabcitest.NewServer()
	r := sendJSON(t, srv, "POST", "/hooks", fmt.Sprintf(`{"url":"https://bot.example.com/{secret}","token":%q,"signing_token":%q,"pipeline_events":true,
		"push_events":false,"name":"bot","enable_ssl_verification":false,"custom_headers":[{"key":"X-Key","value":"hidden-1"}],"url_variables":[{"key":"secret","value":"hidden-2"}]}`, hookSecret, signingToken))
	require.Equal(t, 201, r.status, r.body)
	o := r.object(t)
	requireKeys(t, hookKeys, o)
	for key, want := range map[string]any{
		"id": 1.0, "url": "https://bot.example.com/{secret}", "name": "bot", "description": nil, "pipeline_events": true, "job_events": false, "push_events": false,
		"enable_ssl_verification": false, "alert_status": "executable", "disabled_until": nil, "token_present": true, "signing_token_present": true,
		"custom_headers": []any{map[string]any{"key": "X-Key"}}, "url_variables": []any{map[string]any{"key": "secret"}}, "project_id": 1.0, "branch_filter_strategy": "wildcard",
	} {
		require.Equal(t, want, o[key], key)
	}
	for _, secret := range []string{hookSecret, signingToken, "hidden"} {
		require.NotContains(t, r.body, secret)
	}
	require.Equal(t, r.body, get(t, srv, "/projects/1/hooks/1").body)
	require.Equal(t, "["+r.body+"]", get(t, srv, "/projects/1/hooks").body)

	changed := sendJSON(t, srv, "PUT", "/hooks/1", `{"job_events":true,"token":"","url":"https://bot.example.com/2"}`)
	require.Equal(t, 200, changed.status, changed.body)
	require.Equal(t, []any{true, true, false, "https://bot.example.com/2"}, []any{
		changed.object(t)["job_events"], changed.object(t)["pipeline_events"], changed.object(t)["token_present"], changed.object(t)["url"],
	})
	require.JSONEq(t, `{"error":"No parameters provided"}`, sendJSON(t, srv, "PUT", "/hooks/1", `{}`).body)
	require.Equal(t, true, sendJSON(t, srv, "POST", "/hooks", `{"url":"https://bot.example.com/"}`).object(t)["push_events"], "the default")
	require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/hooks/1", "").status)
	for _, request := range []string{"GET /hooks/1", "PUT /hooks/1?url=x", "DELETE /hooks/1", "GET /hooks/1/events", "POST /hooks/1/test/job_events", "POST /hooks/2/events/1/resend"} {
		method, path, _ := strings.Cut(request, " ")
		r := send(t, srv, method, "/projects/1"+path, "")
		require.Equal(t, 404, r.status, request)
		require.JSONEq(t, `{"message":"404 Not found"}`, r.body)
	}
	require.Equal(t, []int{2}, get(t, srv, "/projects/1/hooks").ids(t))
}

func TestHookIsRefused(t *testing.T) {
	srv := gitlabcitest.NewServer()
	key := `{"message":{"signing_token":["must be in the format whsec_<base64>, with a key of 32 bytes"]}}`
	headers := `[` + strings.TrimSuffix(strings.Repeat(`{"key":"A","value":"b"},`, 1), ",") + `,{"key":"a b","value":"c"}]`
	for body, want := range map[string]string{
		`{}`:                        `{"error":"url is missing"}`,
		`{"url":"bot"}`:             `{"error":"Invalid url given"}`,
		`{"url":"ftp://a.example"}`: `{"error":"Invalid url given"}`,
		`{"url":"https://a.example","job_events":"perhaps"}`:                                  `{"error":"job_events is invalid"}`,
		`{"url":"https://a.example","branch_filter_strategy":"glob"}`:                         `{"error":"branch_filter_strategy does not have a valid value"}`,
		`{"url":"https://a.example","signing_token":"secret"}`:                                key,
		`{"url":"https://a.example","signing_token":"whsec_AAEC"}`:                            key,
		`{"url":"https://a.example","signing_token":"whsec_` + strings.Repeat("A", 44) + `"}`: key,
		`{"url":"https://a.example","token":"a\nb"}`:                                          `{"message":{"token":["is invalid"]}}`,
		`{"url":"https://a.example","name":"` + strings.Repeat("a", 256) + `"}`:               `{"message":{"name":["is too long (maximum is 255 characters)"]}}`,
		`{"url":"https://a.example","custom_headers":` + headers + `}`:                        `{"error":"Custom headers validation failed"}`,
	} {
		r := sendJSON(t, srv, "POST", "/hooks", body)
		require.Contains(t, []int{400, 422}, r.status, body)
		require.JSONEq(t, want, r.body, body)
	}
	for range 100 {
		srv.AddHook("group/app", gitlabcitest.Hook{URL: "https://a.example/"})
	}
	r := sendJSON(t, srv, "POST", "/hooks", `{"url":"https://a.example"}`)
	require.Equal(t, 422, r.status)
	require.JSONEq(t, `{"message":{"base":["Maximum number of project hooks (100) exceeded"]}}`, r.body)
	require.Equal(t, 422, sendJSON(t, srv, "PUT", "/hooks/7", `{"url":"nowhere"}`).status)
	require.Equal(t, "https://a.example/", get(t, srv, "/projects/1/hooks/7").object(t)["url"], "nothing is changed")
	require.Equal(t, 200, sendJSON(t, srv, "PUT", "/hooks/7", `{"name":"seven"}`).status)
}

func TestRolesOfHooks(t *testing.T) {
	for request, status := range map[string]int{
		"GET /hooks": 200, "POST /hooks?url=https://a.example": 201, "GET /hooks/9": 404, "PUT /hooks/9": 404, "DELETE /hooks/9": 404, "GET /hooks/9/events": 404,
		"POST /hooks/9/test/job_events": 404, "POST /hooks/9/events/1/resend": 404,
	} {
		t.Run(request, func(t *testing.T) {
			requireRoles(t, roleCase{request, gitlabcitest.RoleMaintainer, status}, gitlabcitest.Settings{})
		})
	}
}

func TestHookEvents(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Events: onlyJobs, Token: hookSecret, SigningToken: signingToken}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		require.Equal(t, 200, sendJSON(t, srv, "PUT", "/hooks/1", `{"custom_headers":[{"key":"X-Key","value":"hidden"},{"key":"X-Gitlab-Event","value":"Other Hook"}]}`).status)
		for _, status := range []int{200, 404, 500, 302, 0} {
			got.status = status
			if status == 0 {
				got.slow = time.Hour
			}
			changeJob(srv)
			srv.Wait()
		}
		r := get(t, srv, "/projects/1/hooks/1/events")
		events := r.list(t)
		require.Len(t, events, 5)
		newest, oldest := events[0], events[4]
		requireKeys(t, "id url trigger request_headers request_data response_headers response_body execution_duration response_status created_at", oldest)
		require.Equal(t, []any{"200", "thanks", "job_hooks"}, []any{oldest["response_status"], oldest["response_body"], oldest["trigger"]})
		require.Equal(t, "build", oldest.in("request_data")["object_kind"])
		require.Equal(t, []any{"[REDACTED]", "[REDACTED]", "Job Hook"}, []any{
			oldest.in("request_headers")["X-Gitlab-Token"], oldest.in("request_headers")["X-Key"], oldest.in("request_headers")["X-Gitlab-Event"],
		})
		require.Equal(t, "hidden", got.all()[0].header.Get("X-Key"))
		require.Equal(t, "internal error", newest["response_status"])
		require.InDelta(t, 10, newest["execution_duration"], 0.1, "GitLab waits ten seconds")
		for _, secret := range []string{hookSecret, signingToken, "hidden"} {
			require.NotContains(t, r.body, secret)
		}
		for query, want := range map[string]int{
			"status=successful": 1, "status=client_failure": 1, "status=server_failure": 2, "status=404,302": 2, "per_page=2": 2,
		} {
			require.Len(t, get(t, srv, "/projects/1/hooks/1/events?"+query).list(t), want, query)
		}
		require.Equal(t, 400, get(t, srv, "/projects/1/hooks/1/events?per_page=21").status)
		time.Sleep(8 * 24 * time.Hour)
		require.Empty(t, get(t, srv, "/projects/1/hooks/1/events").list(t), "a week later")
	})
}

func TestResendHookEvent(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Events: onlyJobs, SigningToken: signingToken}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		changeJob(srv)
		srv.Wait()
		time.Sleep(time.Minute)
		r := send(t, srv, "POST", "/projects/1/hooks/1/events/1/resend", "")
		require.Equal(t, 201, r.status)
		require.JSONEq(t, `{"response_status":200}`, r.body)
		first, again := got.all()[0], got.all()[1]
		requireSigned(t, again)
		require.Equal(t, first.raw, again.raw)
		for _, name := range []string{"webhook-id", "Idempotency-Key", "X-Gitlab-Event-UUID"} {
			require.Equal(t, first.header.Get(name), again.header.Get(name), name)
		}
		for _, name := range []string{"webhook-timestamp", "X-Gitlab-Webhook-UUID"} {
			require.NotEqual(t, first.header.Get(name), again.header.Get(name), name)
		}
		got.status = 500
		require.JSONEq(t, `{"response_status":500}`, send(t, srv, "POST", "/projects/1/hooks/1/events/1/resend", "").body)
		got.slow = time.Hour
		require.Equal(t, 422, send(t, srv, "POST", "/projects/1/hooks/1/events/1/resend", "").status)
		sendJSON(t, srv, "PUT", "/hooks/1", `{"url":"https://elsewhere.example/"}`)
		require.JSONEq(t, `{"message":"The hook URL has changed, and this log entry cannot be retried"}`, send(t, srv, "POST", "/projects/1/hooks/1/events/1/resend", "").body)
	})
}

func TestTestHook(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Events: onlyJobs}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		test := func(event string) reply { return send(t, srv, "POST", "/projects/1/hooks/1/test/"+event, "") }
		for event, want := range map[string]string{
			"pipeline_events": "Ensure the project has CI pipelines.", "job_events": "Ensure the project has CI jobs.", "deployment_events": "Ensure the project has deployments.",
			"wiki_page_events": "Ensure the project has what the event is about.",
		} {
			require.Equal(t, 422, test(event).status)
			require.JSONEq(t, fmt.Sprintf(`{"message":%q}`, want), test(event).body)
		}
		require.JSONEq(t, `{"error":"trigger does not have a valid value"}`, test("events").body)
		j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusPending, Environment: "prod"})
		srv.SetJobStatus(j.ID, gitlabci.StatusRunning)
		srv.Wait()
		for event, want := range map[string]string{"pipeline_events": "pipeline running", "job_events": "job test running", "deployment_events": "deployment prod running"} {
			r := test(event)
			require.Equal(t, 201, r.status, r.body)
			require.JSONEq(t, `{"message":"201 Created"}`, r.body)
			require.Equal(t, want, got.statuses()[len(got.all())-1])
		}
		test("pipeline_events")
		require.Equal(t, "2000-01-01T00:00:00.000Z", got.all()[len(got.all())-1].body.in("object_attributes")["created_at"], "times as in JSON")
		got.status = 500
		require.Equal(t, 422, test("job_events").status)
		require.JSONEq(t, `{"message":"thanks"}`, test("job_events").body)
	})
}

func TestLimitsOfHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer(gitlabcitest.WithActionLimits())
		srv.AddHook("group/app", gitlabcitest.Hook{Handler: &receiver{}})
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for i := range 6 {
			require.Equal(t, map[bool]int{true: 201, false: 429}[i < 5], send(t, srv, "POST", "/projects/1/hooks/1/test/pipeline_events", "").status)
		}
	})
}

// A template replaces the payload, and only the signature still holds.
func TestHookTemplate(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Events: onlyJobs, SigningToken: signingToken}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		sendJSON(t, srv, "PUT", "/hooks/1", `{"custom_webhook_template":"{\"job\":{{build_id}},\"text\":\"{{build_name}} is {{build_status}}\",\"who\":{{user.id}},\"none\":{{a.b}}}"}`)
		changeJob(srv)
		srv.Wait()
		require.JSONEq(t, `{"job":1001,"text":"test is failed","who":1,"none":null}`, got.all()[0].raw)
		requireSigned(t, got.all()[0])
		sendJSON(t, srv, "PUT", "/hooks/1", `{"custom_webhook_template":"{{build_name}}"}`)
		changeJob(srv)
		srv.Wait()
		require.Len(t, got.all(), 1)
		require.Contains(t, get(t, srv, "/projects/1/hooks/1/events").list(t)[0]["response_body"], "custom webhook template")
	})
}

// As GitLab.com does: the fourth failure in a row disables a hook for a minute, each further
// one for twice as long, the fortieth for good. A success ends it.
func TestHookIsDisabled(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Events: onlyJobs}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		hook := func() object { return get(t, srv, "/projects/1/hooks/1").object(t) }
		fails := func() {
			before := len(got.all())
			changeJob(srv)
			srv.Wait()
			require.Len(t, got.all(), before+1)
		}
		got.status = 500
		for range 3 {
			fails()
			require.Equal(t, "executable", hook()["alert_status"])
		}
		wait := time.Minute
		for failures := 4; failures < 40; failures++ {
			fails()
			require.Equal(t, "temporarily_disabled", hook()["alert_status"])
			require.Equal(t, time.Now().Add(wait).UTC().Format("2006-01-02T15:04:05.000Z"), hook()["disabled_until"])
			changeJob(srv)
			srv.Wait()
			require.Len(t, got.all(), failures, "it is told nothing")
			time.Sleep(wait + time.Second)
			require.Equal(t, "executable", hook()["alert_status"])
			wait = min(2*wait, 24*time.Hour)
		}
		fails()
		require.Equal(t, "disabled", hook()["alert_status"])
		time.Sleep(100 * 24 * time.Hour)
		require.Equal(t, "disabled", hook()["alert_status"])
		changeJob(srv)
		srv.Wait()
		require.Len(t, got.all(), 40)

		got.status = 0
		require.Equal(t, 201, send(t, srv, "POST", "/projects/1/hooks/1/test/job_events", "").status)
		require.Equal(t, "executable", hook()["alert_status"])
		fails()
	})
}

func TestFaultsOfDeliveries(t *testing.T) {
	for name, test := range map[string]struct {
		fault gitlabcitest.Fault
		got   []int  // the jobs of the events, in order
		words string // the statuses of the responses, newest first
	}{
		"none":                   {gitlabcitest.Fault{Route: "GET /user", Status: 500}, []int{1, 2, 3}, "200 200 200"},
		"all requests":           {gitlabcitest.Fault{Status: 500, Times: 3}, []int{1, 2, 3}, "200 200 200"},
		"lost":                   {gitlabcitest.Fault{Break: gitlabcitest.BreakLose, Nth: 2, Times: 1}, []int{1, 3}, "200 200"},
		"repeated":               {gitlabcitest.Fault{Break: gitlabcitest.BreakRepeat, Nth: 2, Times: 1}, []int{1, 2, 2, 3}, "200 200 200 200"},
		"all repeated":           {gitlabcitest.Fault{Break: gitlabcitest.BreakRepeat}, []int{1, 1, 2, 2, 3, 3}, "200 200 200 200 200 200"},
		"repeated later":         {gitlabcitest.Fault{Break: gitlabcitest.BreakRepeat, Nth: 2, Times: 1, Delay: time.Minute}, []int{1, 2, 3, 2}, "200 200 200 200"},
		"late":                   {gitlabcitest.Fault{Break: gitlabcitest.BreakLate, Times: 1, Delay: time.Minute}, []int{2, 3, 1}, "200 200 200"},
		"a status":               {gitlabcitest.Fault{Status: 502, Times: 1}, []int{2, 3}, "200 200 502"},
		"a status, executed":     {gitlabcitest.Fault{Status: 504, Times: 1, Executed: true}, []int{1, 2, 3}, "200 200 504"},
		"no connection":          {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread, Times: 1}, []int{2, 3}, "200 200 internal error"},
		"no response":            {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Times: 1, Executed: true}, []int{1, 2, 3}, "200 200 internal error"},
		"no response, not read":  {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Times: 1}, []int{2, 3}, "200 200 internal error"},
		"a late response":        {gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Times: 1}, []int{1, 2, 3}, "200 200 internal error"},
		"a response soon enough": {gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Times: 1, Delay: 9 * time.Second}, []int{1, 2, 3}, "200 200 200"},
	} {
		t.Run(name, func(t *testing.T) {
			hooked(t, gitlabcitest.Hook{Events: onlyJobs}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
				if test.fault.Route == "" && name != "all requests" {
					test.fault.Route = gitlabcitest.HookRoute
				}
				withdraw := srv.Fault(test.fault)
				for range 3 {
					changeJob(srv)
				}
				srv.Wait()
				var jobs []int
				keys := map[int]string{}
				for _, r := range got.all() {
					id := int(r.body["build_id"].(float64)) - 1000
					if keys[id] != "" {
						require.Equal(t, keys[id], r.header.Get("webhook-id"))
					}
					jobs, keys[id] = append(jobs, id), r.header.Get("webhook-id")
				}
				require.Equal(t, test.got, jobs)
				withdraw()
				var words []string
				for _, o := range get(t, srv, "/projects/1/hooks/1/events").list(t) {
					words = append(words, o["response_status"].(string))
				}
				require.Equal(t, test.words, strings.Join(words, " "))
			})
		})
	}
}

func TestMisuseOfHooks(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddHook("group/app", gitlabcitest.Hook{ID: 3, URL: "https://a.example"})
	for sentence, mistake := range map[string]func(){
		`AddHook: there is no project "group/none"; add it with AddProject`: func() { srv.AddHook("group/none", gitlabcitest.Hook{URL: "https://a.example"}) },
		"AddHook: GitLab refuses it: Invalid url given":                     func() { srv.AddHook("group/app", gitlabcitest.Hook{}) },
		"AddHook: the ID 3 is negative or taken":                            func() { srv.AddHook("group/app", gitlabcitest.Hook{ID: 3, URL: "https://a.example"}) },
		`AddHook: "releases" is not a HookEvent`: func() {
			srv.AddHook("group/app", gitlabcitest.Hook{URL: "https://a.example", Events: []gitlabcitest.HookEvent{"releases"}})
		},
		"Fault: only a delivery to a hook can be a Lose": func() { srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakLose}) },
		"Fault: a Late has no Delay":                     func() { srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.HookRoute, Break: gitlabcitest.BreakLate}) },
		"Fault: a Repeat has neither Status nor Header": func() {
			srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.HookRoute, Break: gitlabcitest.BreakRepeat, Status: 500})
		},
		"Fault: a delivery has no body for a Truncate": func() {
			srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.HookRoute, Break: gitlabcitest.BreakTruncate})
		},
		"Fault: the response to a delivery has a Header only with a Status": func() {
			srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.HookRoute, Header: http.Header{"A": {"b"}}})
		},
	} {
		require.PanicsWithValue(t, "gitlabcitest: "+sentence, mistake)
	}
}

// A hook that is deleted, or without the event, receives nothing more.
func TestDeletedHook(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		got.slow = 5 * time.Second
		changeJob(srv)
		synctest.Wait()
		require.Equal(t, 204, send(t, srv, "DELETE", "/projects/1/hooks/1", "").status)
		srv.Wait()
		require.Equal(t, []string{"job test failed"}, got.statuses(), "the one that was being told")
		changeJob(srv)
		srv.Wait()
		require.Len(t, got.all(), 1)
	})
}

// Many hooks of many projects, each in the order of what happened.
func TestManyHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		receivers := map[string]*receiver{}
		for i := range 20 {
			path := fmt.Sprintf("group/many-%d", i)
			srv.AddProject(path)
			receivers[path] = &receiver{slow: time.Duration(i) * 100 * time.Millisecond}
			srv.AddHook(path, gitlabcitest.Hook{Handler: receivers[path], Events: onlyJobs})
			for range 5 {
				srv.AddPipeline(path, gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Queues: time.Minute, Runs: time.Duration(i+1) * time.Minute}})
			}
		}
		time.Sleep(time.Hour)
		srv.Wait()
		for path, r := range receivers {
			statuses := r.statuses()
			require.Len(t, statuses, 15, path)
			slices.Sort(statuses)
			require.Len(t, slices.Compact(statuses), 3, "pending, running and success")
		}
	})
}
