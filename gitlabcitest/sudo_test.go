package gitlabcitest_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestSudo(t *testing.T) {
	srv, _ := withInes(gitlabcitest.RoleDeveloper, gitlabcitest.Settings{})
	for name, headers := range map[string][]string{
		"/projects/1/pipeline?ref=main":           {"Sudo: ines"},
		"/projects/1/pipeline?ref=main&x=1":       {"Sudo: 2"},
		"/projects/1/pipeline?ref=main&sudo=ines": {},
		"/projects/1/pipeline?ref=main&sudo=2":    {"Sudo: nobody"},
	} {
		r := send(t, srv, "POST", name, "", headers...)
		require.Equal(t, 201, r.status, r.body)
		require.Equal(t, "ines", r.object(t).in("user")["username"])
	}
	r := send(t, srv, "POST", "/projects/1/pipeline", `{"ref":"main","sudo":2}`, "Content-Type: application/json")
	require.Equal(t, "ines", r.object(t).in("user")["username"])
	require.Len(t, send(t, srv, "GET", "/pipelines", "", "Sudo: ines").list(t), 7, "hers, not the administrator's")
	r = send(t, srv, "DELETE", "/projects/1/pipelines/1", "", "Sudo: ines")
	require.Equal(t, 403, r.status, "her role counts, not the administrator's")
	require.JSONEq(t, forbidden, r.body)

	p, err := srv.Client(gitlabci.WithSudo("ines")).Pipelines.Create(t.Context(), "group/app", "main", nil)
	require.NoError(t, err)
	require.Equal(t, "ines", p.User.Username)
}

func TestSudoRefusals(t *testing.T) {
	srv, token := withInes(gitlabcitest.RoleOwner, gitlabcitest.Settings{Public: true})
	add := func(token gitlabcitest.Token) string { return "Private-Token: " + srv.AddToken(token) }
	const (
		scope    = `"error_description":"The request requires higher privileges than provided by the access token."}`
		granular = `{"error":"insufficient_granular_scope","error_description":"Access denied: ` +
			`This operation requires a fine-grained personal access token with the following `
	)
	for name, test := range map[string]struct {
		credentials, as string
		status          int
		body            string
	}{
		"anonymous":        {"anonymous", "ines", 401, `{"message":"401 Unauthorized"}`},
		"no administrator": {"Private-Token: " + token, "maya", 403, `{"message":"403 Forbidden - Must be admin to use sudo"}`},
		"a job's token": {
			"Job-Token: " + srv.JobToken(12), "ines", 403,
			`{"message":"403 Forbidden - Must be authenticated using an OAuth or personal access token to use sudo"}`,
		},
		"without the scope": {add(gitlabcitest.Token{}), "ines", 403,
			`{"error":"insufficient_scope","scope":"sudo",` + scope},
		"nobody":               {"x", "nobody", 404, `{"message":"404 User with ID or username 'nobody' Not Found"}`},
		"no ID":                {"x", "99", 404, `{"message":"404 User with ID or username '99' Not Found"}`},
		"the scope does alone": {add(gitlabcitest.Token{Scopes: []string{"sudo"}}), "ines", 200, ""},
		"but not as oneself": {add(gitlabcitest.Token{Scopes: []string{"sudo"}}), "maya", 403,
			`{"error":"insufficient_scope","scope":"api read_api",` + scope},
		"as oneself": {"x", "maya", 200, ""},
		"without the permission": {add(gitlabcitest.Token{Permissions: []string{"read_pipeline"}}), "ines", 403,
			granular + `instance permissions: [sudo]."}`},
		"without the other permission": {add(gitlabcitest.Token{Permissions: []string{"sudo"}}), "ines", 403,
			granular + `project permissions: [read_pipeline]."}`},
		"with both": {add(gitlabcitest.Token{Permissions: []string{"sudo", "read_pipeline"}}), "ines", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := send(t, srv, "GET", "/projects/1/pipelines/1", "", test.credentials, "Sudo: "+test.as)
			require.Equal(t, test.status, r.status, r.body)
			if test.body != "" {
				require.JSONEq(t, test.body, r.body)
			}
		})
	}
	srv.AddUser(gitlabcitest.User{Username: "root", Admin: true})
	root := srv.AddToken(gitlabcitest.Token{Username: "root", Scopes: []string{"api", "sudo"}, OAuth: true})
	require.Equal(t, 200, send(t, srv, "GET", "/projects/1/jobs", "", "Authorization: Bearer "+root, "Sudo: ines").status)
}

// Rack passes over brackets around a name, and so do those who try to get a
// name past a filter.
func TestSudoInBrackets(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddUser(gitlabcitest.User{Username: "noor"})
	for _, name := range []string{"sudo", "[sudo]", "[[sudo]]", "sudo]"} {
		require.Equal(t, "noor", get(t, srv, "/user?"+url.QueryEscape(name)+"=noor").object(t)["username"], name)
	}
}
