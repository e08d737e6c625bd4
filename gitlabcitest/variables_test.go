package gitlabcitest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

const variableKeys = "variable_type key value hidden protected masked raw environment_scope description"

// variablePaths are where variables are, and what GitLab calls those.
var variablePaths = map[string]string{"/projects/1/variables": "", "/groups/group/variables": "Group", "/groups/1/variables": "Group", "/admin/ci/variables": "Instance"}

// wrongVariables are bodies that are refused with 400.
var wrongVariables = map[string]string{
	`{"key":"A"}`:                                                             `{"error":"value is missing"}`,
	`{"key":"","value":""}`:                                                   `{"message":{"key":["can't be blank"]}}`,
	`{"key":"A-B","value":""}`:                                                `{"message":{"key":["can contain only letters, digits and '_'."]}}`,
	`{"key":"A","value":"a b","masked":true}`:                                 `{"message":{"value":["is invalid"]}}`,
	`{"key":"A","value":"short","masked":true}`:                               `{"message":{"value":["is invalid"]}}`,
	`{"key":"A","value":"12345678$","masked":true}`:                           `{"message":{"value":["is invalid"]}}`,
	`{"key":"A","value":"","variable_type":"x"}`:                              `{"error":"variable_type does not have a valid value"}`,
	`{"key":"` + strings.Repeat("A", 256) + `","value":""}`:                   `{"message":{"key":["is too long (maximum is 255 characters)"]}}`,
	`{"key":"A","value":"","description":"` + strings.Repeat("d", 256) + `"}`: `{"message":{"description":["is too long (maximum is 255 characters)"]}}`,
}

func TestVariableAPI(t *testing.T) {
	t.Parallel()
	for path, kind := range variablePaths {
		srv := gitlabcitest.NewServer()
		post := func(body string) reply { return send(t, srv, "POST", path, body, "Content-Type: application/json") }
		keys := variableKeys
		if kind == "Instance" {
			keys = strings.Replace(keys, "environment_scope ", "", 1)
		}
		made := post(`{"key":"A","value":"v","variable_type":"file","protected":true,"raw":true,"description":"d"}`)
		require.Equal(t, 201, made.status, made.body)
		requireKeys(t, keys, made.object(t))
		require.Equal(t, made.body, get(t, srv, path+"/A").body)
		require.Equal(t, "["+made.body+"]", get(t, srv, path).body)
		changed := send(t, srv, "PUT", path+"/A?value=w&protected=false", "")
		require.Equal(t, 200, changed.status, changed.body)
		require.Equal(t, []any{"w", false, true, "file", "d"}, []any{
			changed.object(t)["value"], changed.object(t)["protected"], changed.object(t)["raw"], changed.object(t)["variable_type"], changed.object(t)["description"],
		})
		require.Equal(t, 204, send(t, srv, "DELETE", path+"/A", "").status)
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			gone := send(t, srv, method, path+"/A", "")
			require.Equal(t, 404, gone.status)
			require.JSONEq(t, fmt.Sprintf(`{"message":"404 %sVariable Not Found"}`, kind), gone.body)
		}
		for body, want := range wrongVariables {
			r := post(body)
			require.Equal(t, 400, r.status)
			require.JSONEq(t, want, r.body)
		}
		require.Equal(t, 201, post(`{"key":"A","value":"12345678$","masked":true,"raw":true}`).status)
		require.JSONEq(t, `{"message":{"key":["(A) has already been taken"]}}`, post(`{"key":"A","value":""}`).body)
	}
}

func TestVariableScopes(t *testing.T) {
	t.Parallel()
	const several = `{"message":"There are multiple variables with provided parameters. Please use 'filter[environment_scope]'"}`
	for owner, path := range map[gitlabci.VariableOwner]string{gitlabci.ProjectID("group/app"): "/projects/1/variables", gitlabci.GroupID("group"): "/groups/1/variables"} {
		isGroup := strings.HasPrefix(path, "/groups")
		for release, knows := range map[string]bool{"16.8": false, "16.9": true} {
			srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
			srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "1"})
			srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "2", EnvironmentScope: "production"})
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				r := send(t, srv, method, path+"/A", "")
				if isGroup && method == "PUT" {
					require.Equal(t, "1", r.object(t)["value"], "any of them, as GitLab does")
					continue
				}
				require.Equal(t, 409, r.status, method)
				require.JSONEq(t, several, r.body)
			}
			selected := get(t, srv, path+"/A?filter[environment_scope]=production")
			if !knows {
				require.Equal(t, 409, selected.status)
				continue
			}
			require.Equal(t, "2", selected.object(t)["value"])
			require.Equal(t, "3", send(t, srv, "PUT", path+"/A?filter[environment_scope]=production&value=3", "").object(t)["value"])
			other := send(t, srv, "PUT", path+"/A?filter[environment_scope]=none&value=4", "")
			require.Equal(t, map[bool]int{true: 200, false: 404}[isGroup], other.status)
			require.Equal(t, 404, send(t, srv, "DELETE", path+"/A?filter[environment_scope]=none", "").status)
			taken := send(t, srv, "PUT", path+"/A?filter[environment_scope]=production&environment_scope=*", "")
			require.JSONEq(t, `{"message":{"key":["(A) has already been taken"]}}`, taken.body, "which would move it")
			require.Equal(t, 204, send(t, srv, "DELETE", path+"/A?filter[environment_scope]=production", "").status)
			require.Equal(t, []string{"*"}, []string{srv.Variables(owner)[0].EnvironmentScope})
		}
	}
}

func TestHiddenVariables(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	made := send(t, srv, "POST", "/projects/1/variables?key=A&value=12345678&masked_and_hidden=true", "")
	require.Equal(t, []any{nil, true, true}, []any{made.object(t)["value"], made.object(t)["hidden"], made.object(t)["masked"]})
	shown := send(t, srv, "PUT", "/projects/1/variables/A?masked=false", "")
	require.JSONEq(t, `{"message":{"base":["Updating masked attribute is not allowed on updates for hidden variables."]}}`, shown.body)
	require.Equal(t, 200, send(t, srv, "PUT", "/projects/1/variables/A?description=d", "").status)
	require.Equal(t, "12345678", srv.Variables(gitlabci.ProjectID("group/app"))[0].Value)
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("15.6"))
	made = send(t, old, "POST", "/projects/1/variables?key=A&value=12345678&masked_and_hidden=true&raw=true&description=d", "")
	requireKeys(t, "variable_type key value protected masked environment_scope", made.object(t))
	require.Equal(t, []any{"12345678", false}, []any{made.object(t)["value"], made.object(t)["masked"]})
}

func TestRolesOfVariables(t *testing.T) {
	t.Parallel()
	for _, one := range roles {
		srv := gitlabcitest.NewServer()
		srv.AddProject("group/sub/other")
		srv.AddMember("group/app", "ines", one.role)
		srv.AddGroupMember("group/sub", "ines", one.role)
		token := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "ines"})
		for path, least := range map[string]gitlabcitest.Role{
			"/projects/1/variables": gitlabcitest.RoleMaintainer, "/projects/2/variables": gitlabcitest.RoleMaintainer, "/groups/2/variables": gitlabcitest.RoleOwner,
			"/groups/1/variables": gitlabcitest.RoleNoOne, "/admin/ci/variables": gitlabcitest.RoleNoOne,
		} {
			r := send(t, srv, "GET", path, "", token)
			require.Equal(t, map[bool]int{true: 200, false: 403}[one.role >= least], r.status, "%s as %s: %s", path, one.name, r.body)
			if r.status == 403 {
				require.JSONEq(t, forbidden, r.body)
			}
		}
	}
	srv := gitlabcitest.NewServer()
	srv.AddUser(gitlabcitest.User{Username: "noor"})
	token := "Private-Token: " + srv.AddToken(gitlabcitest.Token{Username: "noor"})
	for _, path := range []string{"/groups/group/variables", "/groups/9/variables", "/groups/none/variables"} {
		require.JSONEq(t, `{"message":"404 Group Not Found"}`, send(t, srv, "GET", path, "", token).body)
	}
	srv.Configure("group/app", gitlabcitest.Settings{Public: true})
	require.Equal(t, 403, send(t, srv, "GET", "/groups/group/variables", "", token).status, "they see the group")
	require.Equal(t, 403, send(t, srv, "GET", "/projects/1/variables", "", token).status)
	require.Equal(t, 401, send(t, srv, "GET", "/projects/1/variables", "", "anonymous: ").status)
	srv.AddGroupMember("group", "noor", gitlabcitest.RoleOwner)
	require.Equal(t, 200, send(t, srv, "GET", "/groups/group/variables", "", token).status)
	srv.AddGroupMember("group", "noor", 0)
	require.Equal(t, 403, send(t, srv, "GET", "/groups/group/variables", "", token).status)
}

func TestMisuseOfVariables(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	for want, misuse := range map[string]func(){
		`AddVariable: there is no project "none/none"`:      func() { srv.AddVariable(gitlabci.ProjectID("none/none"), gitlabci.CIVariable{Key: "A"}) },
		`Variables: there is no group "none"`:               func() { srv.Variables(gitlabci.GroupID("none")) },
		"Variables: <nil> is neither a ProjectID":           func() { srv.Variables(nil) },
		"AddVariable: GitLab refuses it: map[key:":          func() { srv.AddVariable(gitlabci.Instance, gitlabci.CIVariable{Key: "A B"}) },
		"AddVariable: a variable of the instance is":        func() { srv.AddVariable(gitlabci.Instance, gitlabci.CIVariable{Key: "A", EnvironmentScope: "x"}) },
		`AddGroupMember: there is no group "none"`:          func() { srv.AddGroupMember("none", "noor", gitlabcitest.RoleGuest) },
		"AddGroupMember: there is no role 3":                func() { srv.AddGroupMember("group", "noor", 3) },
		"AddGroupMember: the user has no name":              func() { srv.AddGroupMember("group", "", gitlabcitest.RoleGuest) },
		`AddGroupMember: "maya" owns every group`:           func() { srv.AddGroupMember("group", "maya", gitlabcitest.RoleGuest) },
		`SetConfig: there is no commit "none" in group/app`: func() { srv.SetConfig("group/app", "none", "") },
		`OnLint: there is no project "none/none"`:           func() { srv.OnLint("none/none", nil) },
	} {
		require.Contains(t, panicked(misuse), want)
	}
}

// panicked is the text that a function panics with.
func panicked(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

func TestLintAPI(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	const path = "/projects/1/ci/lint"
	valid := send(t, srv, "POST", path, `{"content":"test: {script: make}","include_jobs":true}`, "Content-Type: application/json")
	require.Equal(t, 200, valid.status)
	require.JSONEq(t, `{"valid":true,"errors":[],"warnings":[],"merged_yaml":"---\ntest: {script: make}","includes":[],"jobs":[]}`, valid.body)
	require.JSONEq(t, `{"valid":true,"errors":[],"warnings":[],"merged_yaml":"---\ntest:\n  script:\n    - echo all is well\n","includes":[]}`, get(t, srv, path).body)
	require.JSONEq(t, `{"error":"content is missing"}`, send(t, srv, "POST", path, "").body)
	require.JSONEq(t, `{"message":"404 Commit Not Found"}`, get(t, srv, path+"?content_ref=none").body)
	require.JSONEq(t, `{"error":"sha, content_ref are mutually exclusive"}`, get(t, srv, path+"?content_ref=main&sha=main").body)
	require.JSONEq(t, `{"error":"ref, dry_run_ref are mutually exclusive"}`, get(t, srv, path+"?dry_run_ref=main&ref=main").body)
	require.Equal(t, 200, get(t, srv, path+"?sha=main&ref=main&dry_run=true").status)
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("16.9"))
	require.Equal(t, 200, get(t, old, path+"?content_ref=none").status, "which it ignores")
}
