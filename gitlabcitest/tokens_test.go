package gitlabcitest_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestWaysToSendTokens(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "ines", gitlabcitest.RoleDeveloper)
	pat := srv.AddToken(gitlabcitest.Token{Username: "ines", Value: "glpat-invented"})
	require.Equal(t, "glpat-invented", pat)
	oauth := srv.AddToken(gitlabcitest.Token{Username: "ines", OAuth: true})
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "ines"}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	ofJob := srv.JobToken(job.ID)
	for name, test := range map[string]struct {
		header, query string
		want          int
	}{
		"private-token":                  {"Private-Token: " + pat, "", 200},
		"bearer":                         {"Authorization: Bearer " + pat, "", 200},
		"bearer in lower case":           {"Authorization: bearer " + pat, "", 200},
		"private_token":                  {"anonymous", "private_token=" + pat, 200},
		"basic password":                 {basic("anybody", pat), "", 200},
		"unknown basic password":         {basic("ines", "other"), "", 401},
		"basic username":                 {basic(pat, ""), "", 401},
		"access_token of another kind":   {"anonymous", "access_token=" + pat, 401},
		"unknown private_token":          {"anonymous", "private_token=other", 401},
		"unknown scheme":                 {"Authorization: Digest x", "", 401},
		"oauth by bearer":                {"Authorization: Bearer " + oauth, "", 200},
		"oauth by access_token":          {"anonymous", "access_token=" + oauth, 200},
		"unknown access_token":           {"anonymous", "access_token=other", 401},
		"oauth by private-token":         {"Private-Token: " + oauth, "", 401},
		"oauth by private_token":         {"anonymous", "private_token=" + oauth, 401},
		"oauth by basic password":        {basic("oauth2", oauth), "", 401},
		"job-token":                      {"Job-Token: " + ofJob, "", 200},
		"job_token":                      {"anonymous", "job_token=" + ofJob, 200},
		"unknown job_token":              {"anonymous", "job_token=other", 401},
		"job token by private-token":     {"Private-Token: " + ofJob, "", 401},
		"an unknown token beside a good": {"Private-Token: other", "job_token=" + ofJob, 401},
		"oauth beside an unknown":        {"Authorization: Bearer " + oauth, "private_token=other", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := send(t, srv, "GET", "/projects/1/jobs?"+test.query, "", test.header)
			require.Equal(t, test.want, r.status, r.body)
			if test.want == 401 {
				require.JSONEq(t, `{"message":"401 Unauthorized"}`, r.body)
				require.Empty(t, r.header.Get("Www-Authenticate"))
			}
		})
	}
	for kind, body := range map[string]string{
		"application/json":                  `{"ref":"main","private_token":"` + pat + `"}`,
		"application/x-www-form-urlencoded": "ref=main&access_token=" + oauth,
	} {
		r := send(t, srv, "POST", "/projects/1/pipeline", body, "anonymous", "Content-Type: "+kind)
		require.Equal(t, 201, r.status, "in the body")
		require.Equal(t, "ines", r.object(t).in("user")["username"])
	}
	r := send(t, srv, "PUT", "/projects/1/pipelines/101/metadata", "name=x&job_token="+ofJob, "anonymous", "Content-Type: application/x-www-form-urlencoded")
	require.Equal(t, 200, r.status)
	require.Equal(t, 401, send(t, srv, "GET", "/projects/1/jobs", "private_token="+pat, "anonymous", "Content-Type: application/x-www-form-urlencoded").status)
	link := send(t, srv, "GET", "/projects/1/pipelines?per_page=1&private_token="+pat, "", "anonymous").header.Get("Link")
	require.Contains(t, link, "private_token="+pat, "as GitLab repeats all that was sent")
}

func TestScopes(t *testing.T) {
	const refusal = `{
		"error": "insufficient_scope", "scope": "api read_api",
		"error_description": "The request requires higher privileges than provided by the access token."
	}`
	for name, test := range map[string]struct {
		token       gitlabcitest.Token
		read, write int
	}{
		"usual":           {gitlabcitest.Token{}, 200, 201},
		"api":             {gitlabcitest.Token{Scopes: []string{"api"}}, 200, 201},
		"read_api":        {gitlabcitest.Token{Scopes: []string{"read_api"}}, 200, 403},
		"oauth read_api":  {gitlabcitest.Token{Scopes: []string{"read_api"}, OAuth: true}, 200, 403},
		"both":            {gitlabcitest.Token{Scopes: []string{"read_api", "api"}}, 200, 201},
		"neither":         {gitlabcitest.Token{Scopes: []string{"read_repository", "sudo"}}, 403, 403},
		"none":            {gitlabcitest.Token{Scopes: []string{}}, 403, 403},
		"all permissions": {gitlabcitest.Token{Permissions: []string{"read_pipeline", "create_pipeline"}}, 200, 201},
	} {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			header := "Authorization: Bearer " + srv.AddToken(test.token)
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				require.Equal(t, test.read, send(t, srv, method, "/projects/1/pipelines", "", header).status)
			}
			r := send(t, srv, "POST", "/projects/1/pipeline?ref=main", "", header)
			require.Equal(t, test.write, r.status)
			if test.write == 403 {
				require.JSONEq(t, refusal, r.body)
				require.Equal(t, "application/json", r.header.Get("Content-Type"))
				require.Empty(t, get(t, srv, "/projects/1/pipelines").list(t))
				r = send(t, srv, "POST", "/projects/9/pipeline", "", header)
				require.JSONEq(t, refusal, r.body, "before parameters and the project")
			}
		})
	}
}

// permissions are what a fine-grained token needs for each route.
var permissions = map[string]string{
	"GET /pipelines":                                  "read_pipeline",
	"GET /projects/1/pipelines":                       "read_pipeline",
	"POST /projects/1/pipeline":                       "create_pipeline",
	"GET /projects/1/pipelines/latest":                "read_pipeline",
	"GET /projects/1/pipelines/1":                     "read_pipeline",
	"DELETE /projects/1/pipelines/1":                  "delete_pipeline",
	"GET /projects/1/pipelines/1/jobs":                "read_pipeline_job",
	"GET /projects/1/pipelines/1/bridges":             "read_pipeline_bridge",
	"GET /projects/1/pipelines/1/trigger_jobs":        "read_pipeline_bridge",
	"GET /projects/1/pipelines/1/variables":           "read_pipeline_variable",
	"GET /projects/1/pipelines/1/test_report":         "read_pipeline_test_report",
	"GET /projects/1/pipelines/1/test_report_summary": "read_pipeline_test_report_summary",
	"PUT /projects/1/pipelines/1/metadata":            "update_pipeline_metadata",
	"POST /projects/1/pipelines/1/retry":              "retry_pipeline",
	"POST /projects/1/pipelines/1/cancel":             "cancel_pipeline",
	"GET /projects/1/jobs":                            "read_job",
	"GET /projects/1/jobs/11":                         "read_job",
	"GET /projects/1/jobs/11/trace":                   "read_job",
	"POST /projects/1/jobs/11/cancel":                 "cancel_job",
	"POST /projects/1/jobs/11/retry":                  "retry_job",
	"POST /projects/1/jobs/11/erase":                  "erase_job",
	"POST /projects/1/jobs/11/play":                   "play_job",
	"GET /projects/1/jobs/artifacts/main/download":    "download_job_artifact",
	"GET /projects/1/jobs/artifacts/main/raw/a":       "download_job_artifact",
	"GET /projects/1/jobs/11/artifacts":               "download_job_artifact",
	"GET /projects/1/jobs/11/artifacts/tree":          "download_job_artifact",
	"GET /projects/1/jobs/11/artifacts/a":             "download_job_artifact",
	"POST /projects/1/jobs/11/artifacts/keep":         "preserve_job_artifact",
	"DELETE /projects/1/jobs/11/artifacts":            "delete_job_artifact",
	"DELETE /projects/1/artifacts":                    "delete_artifact",
}

func TestPermissions(t *testing.T) {
	for request, permission := range permissions {
		t.Run(request, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			var others []string
			for _, other := range permissions {
				if other != permission {
					others = append(others, other)
				}
			}
			method, path, _ := strings.Cut(request, " ")
			boundary := "project"
			if path == "/pipelines" {
				boundary = "user"
			}
			r := send(t, srv, method, path, "", "Private-Token: "+srv.AddToken(gitlabcitest.Token{Permissions: others}))
			require.Equal(t, 403, r.status)
			require.JSONEq(t, `{"error":"insufficient_granular_scope","error_description":"Access denied: `+
				`This operation requires a fine-grained personal access token with the following `+boundary+` permissions: [`+permission+`]."}`, r.body)
			token := srv.AddToken(gitlabcitest.Token{Permissions: []string{permission}})
			require.NotContains(t, send(t, srv, method, path, "", "Private-Token: "+token).body, "insufficient")
		})
	}
	srv := gitlabcitest.NewServer()
	token := srv.AddToken(gitlabcitest.Token{Permissions: []string{}})
	require.Equal(t, 403, send(t, srv, "GET", "/projects/1/jobs", "", "Private-Token: "+token).status)
	require.Equal(t, 404, send(t, srv, "GET", "/job", "", "Private-Token: "+token).status, "which needs none")
}

// requireDead is about a token that was good once.
func requireDead(t *testing.T, r reply, description string) {
	t.Helper()
	require.Equal(t, 401, r.status)
	require.JSONEq(t, `{"error":"invalid_token","error_description":"`+description+`"}`, r.body)
	require.Equal(t, `Bearer realm="The API", error="invalid_token", error_description="`+description+`"`, r.header.Get("Www-Authenticate"))
}

const (
	expired = "Token is expired. You can either do re-authorization or token refresh."
	revoked = "Token was revoked. You have to re-authorize from the user."
)

func TestTokenExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddUser(gitlabcitest.User{Username: "zoe", Blocked: true})
		token := srv.AddToken(gitlabcitest.Token{ExpiresAt: time.Now().Add(2 * time.Hour), OAuth: true})
		client := srv.Client(gitlabci.WithOAuthToken(token))
		time.Sleep(2*time.Hour - time.Second)
		_, err := client.Pipelines.List(t.Context(), "group/app", nil)
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = client.Pipelines.List(t.Context(), "group/app", nil)
		require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
		require.ErrorContains(t, err, expired)
		requireDead(t, send(t, srv, "GET", "/projects/1/pipelines", "", "Authorization: Bearer "+token), expired)
		requireDead(t, send(t, srv, "GET", "/projects/1/pipelines?access_token="+token, "", "anonymous"), expired)
		srv.RevokeToken(token)
		requireDead(t, send(t, srv, "GET", "/projects/1/pipelines", "", "Authorization: Bearer "+token), expired)
		blocked := srv.AddToken(gitlabcitest.Token{Username: "zoe", ExpiresAt: time.Now()})
		requireDead(t, send(t, srv, "GET", "/projects/1/pipelines", "", "Private-Token: "+blocked), expired)
	})
}

func TestRevoking(t *testing.T) {
	srv := gitlabcitest.NewServer()
	client := srv.Client()
	_, err := client.Pipelines.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	other := srv.AddToken(gitlabcitest.Token{})
	require.NotEqual(t, srv.Token(), other)
	srv.RevokeToken(srv.Token())
	_, err = client.Pipelines.List(t.Context(), "group/app", nil)
	require.ErrorContains(t, err, revoked)
	requireDead(t, send(t, srv, "DELETE", "/projects/9/artifacts", ""), revoked)
	require.Equal(t, 200, send(t, srv, "GET", "/projects/1/pipelines", "", "Private-Token: "+other).status)
	dead := srv.AddToken(gitlabcitest.Token{Revoked: true, Scopes: []string{}})
	requireDead(t, send(t, srv, "GET", "/projects/1/pipelines", "", "Private-Token: "+dead), revoked)
}

func TestBlockedUser(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddUser(gitlabcitest.User{Username: "zoe", Blocked: true, Admin: true})
	srv.AddMember("group/app", "zoe", gitlabcitest.RoleOwner)
	token := srv.AddToken(gitlabcitest.Token{Username: "zoe", Scopes: []string{}})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "zoe"}).AddJob(gitlabcitest.Job{ID: 1, Status: gitlabci.StatusRunning})
	for _, header := range []string{"Private-Token: " + token, "Job-Token: " + srv.JobToken(1)} {
		for _, path := range []string{"/projects/1/pipelines", "/projects/9/jobs", "/job"} {
			r := send(t, srv, "GET", path, "", header, "Sudo: maya")
			require.Equal(t, 403, r.status)
			require.JSONEq(t, `{"message":"403 Forbidden - Your account has been blocked."}`, r.body)
		}
	}
}

func TestMadeUpTokens(t *testing.T) {
	srv := gitlabcitest.NewServer()
	seen := map[string]bool{srv.Token(): true, srv.AddToken(gitlabcitest.Token{Value: "fake-token-3"}): true}
	for range 5 {
		token := srv.AddToken(gitlabcitest.Token{})
		require.False(t, seen[token])
		seen[token] = true
		require.Equal(t, 200, send(t, srv, "GET", "/projects/1/jobs", "", "Private-Token: "+token).status)
	}
}
