package services_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const (
	app   = gitlabci.ProjectID("group/app")
	group = gitlabci.GroupID("group")
)

// owners are all that can have variables, and the paths of those.
var owners = map[gitlabci.VariableOwner]string{
	app: "/api/v4/projects/group%2Fapp/variables", group: "/api/v4/groups/group/variables",
	gitlabci.GroupNumber(7): "/api/v4/groups/7/variables", gitlabci.Instance: "/api/v4/admin/ci/variables",
}

// scopeOf is a scope that an owner can have: the instance has none.
func scopeOf(owner gitlabci.VariableOwner, scope string) string {
	if owner == gitlabci.Instance {
		return ""
	}
	return scope
}

func TestVariables(t *testing.T) {
	t.Parallel()
	for _, owner := range []gitlabci.VariableOwner{app, gitlabci.ProjectNumber(1), group, gitlabci.GroupNumber(1), gitlabci.Instance} {
		srv := gitlabcitest.NewServer()
		variables := srv.Client().Variables
		scope := scopeOf(owner, "production")
		wanted := gitlabci.CIVariable{
			Key: "TOKEN", Value: "first-value", VariableType: gitlabci.VariableTypeFile, Protected: true, Masked: true, Raw: true,
			EnvironmentScope: scope, Description: "opens the door",
		}
		given := wanted
		made, err := variables.Set(t.Context(), owner, &given)
		require.NoError(t, err)
		require.Equal(t, wanted, given)
		require.Equal(t, wanted, *made)
		changed := gitlabci.CIVariable{Key: "TOKEN", Value: "", EnvironmentScope: scope} // which keeps nothing
		made, err = variables.Set(t.Context(), owner, &changed)
		require.NoError(t, err)
		changed.VariableType = gitlabci.VariableTypeEnvVar
		require.Equal(t, changed, *made)
		got, err := variables.Get(t.Context(), owner, "TOKEN", &gitlabci.VariableOptions{Scope: scope})
		require.NoError(t, err)
		require.Equal(t, made, got)
		page, err := variables.List(t.Context(), owner, nil)
		require.NoError(t, err)
		require.Equal(t, []*gitlabci.CIVariable{got}, page.Items)

		require.NoError(t, variables.Delete(t.Context(), owner, "TOKEN", &gitlabci.VariableOptions{Scope: scope}))
		require.Empty(t, srv.Variables(owner))
		_, err = variables.Get(t.Context(), owner, "TOKEN", nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		err = variables.Delete(t.Context(), owner, "TOKEN", nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		require.ErrorContains(t, err, "gitlabci: DELETE /")
		require.ErrorContains(t, err, "there is no variable of this key")
	}
}

func TestVariablesOfTheUnknown(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddGroupMember("group", "noor", gitlabcitest.RoleMaintainer)
	noor := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "noor"})))
	wanted := &gitlabci.CIVariable{Key: "A", Value: "1"}
	for owner, refusal := range map[gitlabci.VariableOwner]error{
		app: nil, group: gitlabci.ErrForbidden, gitlabci.Instance: gitlabci.ErrForbidden,
		gitlabci.ProjectID("group/none"): gitlabci.ErrNotFound, gitlabci.GroupID("none"): gitlabci.ErrNotFound,
	} {
		_, err := noor.Variables.Set(t.Context(), owner, wanted)
		require.ErrorIs(t, err, refusal, owner)
		require.ErrorIs(t, testkit.Drain(noor.Variables.All(t.Context(), owner, nil)), refusal, owner)
		require.ErrorIs(t, noor.Variables.Delete(t.Context(), owner, "A", nil), refusal, owner)
	}
}

// More variables than a page has.
func TestAllVariables(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	for i := range 130 {
		srv.AddVariable(group, gitlabci.CIVariable{Key: fmt.Sprint("KEY_", i%65), EnvironmentScope: []string{"*", "production"}[i/65]})
	}
	seen := map[string]bool{}
	for v, err := range srv.Client().Variables.All(t.Context(), group, &gitlabci.ListVariablesOptions{ListOptions: gitlabci.ListOptions{PerPage: 20}}) {
		require.NoError(t, err)
		seen[v.Key+v.EnvironmentScope] = true
		if len(seen) == 50 {
			srv.RemoveVariable(group, "KEY_64", "production") // which moves none of those before
		}
	}
	require.Len(t, seen, 129)
}

// What each field sends, when a variable is created and when it is changed.
func TestWireSetVariable(t *testing.T) {
	t.Parallel()
	const flags = `"variable_type":"env_var","protected":false,"masked":false,"raw":false`
	for owner, path := range owners {
		scoped, query := `,"environment_scope":"*"`, "?filter%5Benvironment_scope%5D=%2A"
		if owner == gitlabci.Instance {
			scoped, query = "", ""
		}
		for _, test := range []struct {
			v                gitlabci.CIVariable
			created, changed string
		}{
			{gitlabci.CIVariable{Value: "1"}, `"value":"1",` + flags + scoped, `"value":"1",` + flags},
			{gitlabci.CIVariable{}, `"value":"",` + flags + scoped, `"value":"",` + flags},
			{gitlabci.CIVariable{VariableType: "file", Protected: true, Raw: true, Description: "d"},
				`"value":"","variable_type":"file","protected":true,"masked":false,"raw":true,"description":"d"` + scoped,
				`"value":"","variable_type":"file","protected":true,"masked":false,"raw":true,"description":"d"`},
			{gitlabci.CIVariable{Value: "12345678", Masked: true}, `"value":"12345678","variable_type":"env_var","protected":false,"masked":true,"raw":false` + scoped,
				`"value":"12345678","variable_type":"env_var","protected":false,"masked":true,"raw":false`},
		} {
			test.v.Key = "A"
			echoed := testkit.JSON(t, test.v)
			s := testkit.NewScript(testkit.Respond(200, `[]`), testkit.Respond(201, echoed))
			_, err := s.Client(t).Variables.Set(t.Context(), owner, &test.v)
			require.NoError(t, err)
			require.JSONEq(t, `{"key":"A",`+test.created+`}`, s.Bodies[1])
			require.Equal(t, []string{"POST", path}, []string{s.Received()[1].Method, s.Received()[1].RequestURI})

			s = testkit.NewScript(testkit.Respond(200, `[{"key":"A"}]`), testkit.Respond(200, echoed))
			_, err = s.Client(t).Variables.Set(t.Context(), owner, &test.v)
			require.NoError(t, err)
			require.JSONEq(t, `{`+test.changed+`}`, s.Bodies[1])
			require.Equal(t, []string{"PUT", path + "/A" + query}, []string{s.Received()[1].Method, s.Received()[1].RequestURI})
		}
	}
	s := testkit.NewScript(testkit.Respond(200, `[{"key":"A","description":"old"}]`), testkit.Respond(200, `{"key":"A"}`))
	_, err := s.Client(t).Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A"})
	require.NoError(t, err)
	require.JSONEq(t, `{"value":"","description":"",`+flags+`}`, s.Bodies[1], "which is cleared")
}

func TestWireVariables(t *testing.T) {
	t.Parallel()
	for owner, path := range owners {
		for query, opts := range map[string]*gitlabci.ListVariablesOptions{
			"": nil, "?page=2&per_page=7": {ListOptions: gitlabci.ListOptions{Page: 2, PerPage: 7}}, "?id=group%2Fapp&page=3": {ListOptions: gitlabci.ListOptions{After: "page=3&id=group%2Fapp"}},
		} {
			s := testkit.NewScript(testkit.Respond(200, `[]`))
			_, err := s.Client(t).Variables.List(t.Context(), owner, opts)
			require.NoError(t, err)
			require.Equal(t, path+query, testkit.OneRequest(t, s).RequestURI)
		}
		if owner == gitlabci.Instance {
			continue
		}
		s := testkit.NewScript(testkit.Respond(200, `{"key":"A","environment_scope":"review/*"}`))
		_, err := s.Client(t).Variables.Get(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: "review/*"})
		require.NoError(t, err)
		require.Equal(t, path+"/A?filter%5Benvironment_scope%5D=review%2F%2A", testkit.OneRequest(t, s).RequestURI)
		s = testkit.NewScript(testkit.Respond(200, `[{"key":"A","environment_scope":"a&b"}]`), testkit.Respond(204, ``))
		require.NoError(t, s.Client(t).Variables.Delete(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: "a&b"}))
		require.Equal(t, path+"/A?filter%5Benvironment_scope%5D=a%26b", s.Received()[1].RequestURI)
	}
}

const mixedUp = "hidden value"

// badVariables are those that are not sent, by what their errors say.
var badVariables = map[string]*gitlabci.CIVariable{
	"the variable is nil":               nil,
	"the key of the variable is empty":  {Value: mixedUp},
	"other characters than letters":     {Key: "hidden value", Value: "KEY"}, // mixed up
	"has other characters":              {Key: "É"},
	"more than 255 characters":          {Key: strings.Repeat("A", 256)},
	"fewer than 8 characters, or white": {Key: "A", Value: "hidden", Masked: true},
	"A is to be masked":                 {Key: "A", Value: mixedUp, Masked: true},
	"and its value has fewer":           {Key: "A", Masked: true},
	"or white space":                    {Key: "A", Value: mixedUp, Hidden: true},
	"not valid UTF-8":                   {Key: "A", Value: "hidden\xff"},
}

// badVariableCalls are calls that are not sent, by what their errors say.
var badVariableCalls = map[string]func(context.Context, *gitlabci.VariablesService) error{
	"the owner of the variables is nil": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Drain(s.All(ctx, nil, nil))
	},
	"is nil; give a ProjectID": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.Set(ctx, nil, &gitlabci.CIVariable{Key: "A"}))
	},
	"group \"a//b\" has an empty part": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return s.Delete(ctx, gitlabci.GroupID("a//b"), "A", nil)
	},
	"the group is empty": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.List(ctx, gitlabci.GroupID(""), nil))
	},
	"group \"0\" is not a number": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.List(ctx, gitlabci.GroupNumber(0), nil))
	},
	"the group is a URL": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.List(ctx, gitlabci.GroupID("https://me:hidden@a.example/group"), nil))
	},
	"scope \"x\": variables of the": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return s.Delete(ctx, gitlabci.Instance, "A", &gitlabci.VariableOptions{Scope: "x"})
	},
	"of the instance have none": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.Set(ctx, gitlabci.Instance, &gitlabci.CIVariable{Key: "A", EnvironmentScope: "x"}))
	},
	"which variables of the instance": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.Set(ctx, gitlabci.Instance, &gitlabci.CIVariable{Key: "A", Value: "12345678", Hidden: true}))
	},
	"the key of the variable is empty": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return testkit.Done(s.Get(ctx, app, "", nil))
	},
	"letters, digits and \"_\"": func(ctx context.Context, s *gitlabci.VariablesService) error {
		return s.Delete(ctx, app, "a/../b", nil)
	},
	"the context is nil": func(_ context.Context, s *gitlabci.VariablesService) error {
		var none context.Context
		return s.Delete(none, app, "A", nil)
	},
}

func TestVariablesRefuseBadInput(t *testing.T) {
	t.Parallel()
	for name, v := range badVariables {
		s := testkit.NewScript(testkit.OK)
		_, err := s.Client(t).Variables.Set(t.Context(), app, v)
		testkit.RequireNotSent(t, s, err)
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "hidden")
	}
	for name, call := range badVariableCalls {
		s := testkit.NewScript(testkit.OK)
		err := call(t.Context(), s.Client(t).Variables)
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "hidden")
	}
}

// Values are in no error and no log, even if the server repeats them: the new one, and the
// one before.
func TestVariableValuesAreNotPrinted(t *testing.T) {
	t.Parallel()
	echo := `{"message":{"value":["new-geheim is no old-geheim, and no line-geheim"]}}`
	for name, steps := range map[string][]http.HandlerFunc{
		"create": {testkit.Respond(200, `[]`), testkit.Respond(400, echo)},
		"update": {testkit.Respond(200, `[{"key":"A","value":"old-geheim"}]`), testkit.Respond(400, echo)},
	} {
		var log bytes.Buffer
		s := testkit.NewScript(steps...)
		client := s.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		_, err := client.Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", Value: "new-geheim\nline-geheim\n"})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.Contains(t, s.Bodies[1], "new-geheim")
		printed := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
		require.NotContains(t, printed, "new-geheim", name)
		require.NotContains(t, printed, "line-geheim", name)
		require.Equal(t, name == "create", strings.Contains(printed, "old-geheim"), "which only an update knows")
	}
}

func TestVariablesArePrintedWithoutValues(t *testing.T) {
	t.Parallel()
	v := gitlabci.CIVariable{Key: "A", Value: "geheim", Masked: true, EnvironmentScope: "production", Description: "d"}
	page := gitlabci.Page[gitlabci.CIVariable]{Items: []*gitlabci.CIVariable{&v}}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("set", "variable", v, "pointer", &v)
	}
	for _, printed := range []string{
		fmt.Sprint(v), fmt.Sprint(&v), fmt.Sprintf("%+v %#v %q %s %x %d", v, v, v, v, v, v), fmt.Sprintf("%+v", []gitlabci.CIVariable{v}),
		fmt.Sprintf("%+v", map[string]any{"a": v}), fmt.Sprintf("%v %v", page.Items[0], struct{ V gitlabci.CIVariable }{v}), log.String(),
	} {
		require.NotContains(t, printed, "geheim")
		require.NotContains(t, printed, "67656865696d") // in hexadecimal
		require.Contains(t, printed, "[REDACTED]")
	}
	require.Equal(t, "{Key:A Value:[REDACTED] VariableType: Protected:false Masked:true Hidden:false Raw:false EnvironmentScope:production Description:d}", fmt.Sprintf("%+v", v))
	require.Equal(t, "<nil>", fmt.Sprint((*gitlabci.CIVariable)(nil)))
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.Contains(t, string(data), "geheim", "which is how a program keeps it")
}

func TestHiddenVariables(t *testing.T) {
	t.Parallel()
	for _, owner := range []gitlabci.VariableOwner{app, group} {
		srv := gitlabcitest.NewServer()
		set := func(v gitlabci.CIVariable) (*gitlabci.CIVariable, error) {
			v.Key = "A"
			return srv.Client().Variables.Set(t.Context(), owner, &v)
		}
		_, err := set(gitlabci.CIVariable{Hidden: true})
		require.ErrorContains(t, err, "A does not exist, and a hidden one is created with a Value")
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		made, err := set(gitlabci.CIVariable{Hidden: true, Value: "first-value"})
		require.NoError(t, err)
		require.Equal(t, []any{true, true, ""}, []any{made.Hidden, made.Masked, made.Value})
		made.Description = "kept"
		made, err = set(*made)
		require.NoError(t, err)
		require.Equal(t, "kept", made.Description)
		require.Equal(t, "first-value", srv.Variables(owner)[0].Value)
		made, err = set(gitlabci.CIVariable{Masked: true, Value: "second-value"})
		require.NoError(t, err)
		require.True(t, made.Hidden, "it stays")
		require.Equal(t, "second-value", srv.Variables(owner)[0].Value)
		_, err = set(gitlabci.CIVariable{Value: "third-value"})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorContains(t, err, "A is hidden, and cannot be shown again")

		srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "a"})
		_, err = set(gitlabci.CIVariable{Hidden: true, Value: "fourth-value"})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorContains(t, err, "A exists and cannot be hidden any more")
		require.Equal(t, "a", srv.Variables(owner)[0].Value)
	}
}

// A field that the server ignores is an error, and no success.
func TestVariableFieldsThatAreIgnored(t *testing.T) {
	t.Parallel()
	wanted := gitlabci.CIVariable{Key: "A", Value: "invented-value", Masked: true}
	for field, change := range map[string]func(*gitlabci.CIVariable){
		"masked_and_hidden": func(v *gitlabci.CIVariable) { v.Hidden = true },
		"masked":            func(v *gitlabci.CIVariable) { v.Masked = false },
		"protected":         func(v *gitlabci.CIVariable) { v.Protected = true },
		"raw":               func(v *gitlabci.CIVariable) { v.Raw = true },
		"variable_type":     func(v *gitlabci.CIVariable) { v.VariableType = gitlabci.VariableTypeFile },
		"environment_scope": func(v *gitlabci.CIVariable) { v.EnvironmentScope = "production" },
	} {
		sent := wanted
		change(&sent)
		s := testkit.NewScript(testkit.Respond(200, `[]`), testkit.Respond(201, testkit.JSON(t, wanted)))
		_, err := s.Client(t).Variables.Set(t.Context(), group, &sent)
		require.ErrorIs(t, err, errors.ErrUnsupported, field)
		require.ErrorContains(t, err, "the server ignores the parameter "+field+":")
		require.NotContains(t, err.Error(), "invented-value")
	}
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("15.6"))
	_, err := old.Client().Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", Value: "$B", Raw: true})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = old.Client().Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "B", Description: "ignored"})
	require.NoError(t, err)
}

// setNew sets a variable on a server that follows a script, and returns the verbs of the
// requests.
func setNew(t *testing.T, retries int, steps ...http.HandlerFunc) (verbs []string, err error) {
	s := testkit.NewScript(steps...)
	_, err = s.Client(t, gitlabci.WithRetries(retries)).Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", Value: "new"})
	for _, r := range s.Received() {
		verbs = append(verbs, r.Method)
	}
	return verbs, err
}

// A response that is lost is looked up.
func TestSetVariableAfterALostResponse(t *testing.T) {
	t.Parallel()
	const is = `{"key":"A","value":"new"}`
	none, old, done := testkit.Rows(), testkit.Rows(`{"key":"A","value":"old"}`), testkit.Rows(is)
	forbidden := testkit.Respond(403, `{"message":"403 Forbidden"}`)
	for _, lost := range []http.HandlerFunc{testkit.Reset, testkit.Respond(502, ``), testkit.BreakOff, testkit.Respond(201, `{}`)} {
		synctest.Test(t, func(t *testing.T) {
			for _, retries := range []int{0, 4} {
				verbs, err := setNew(t, retries, none, lost, done)
				require.NoError(t, err)
				require.Equal(t, []string{"GET", "POST", "GET"}, verbs, "created")
				verbs, err = setNew(t, retries, old, lost, done)
				require.NoError(t, err)
				require.Equal(t, []string{"GET", "PUT", "GET"}, verbs, "updated")
			}
			verbs, err := setNew(t, 0, none, lost, none)
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Equal(t, []string{"GET", "POST", "GET"}, verbs, "no retries")
			verbs, err = setNew(t, 1, none, lost, none, testkit.Respond(201, is))
			require.NoError(t, err)
			require.Equal(t, []string{"GET", "POST", "GET", "POST"}, verbs)
			verbs, err = setNew(t, 1, old, lost, old, lost, old)
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Equal(t, []string{"GET", "PUT", "GET", "PUT", "GET"}, verbs)
			_, err = setNew(t, 1, old, lost, forbidden)
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.ErrorIs(t, err, gitlabci.ErrForbidden)
			require.ErrorContains(t, err, "(then, reading the variable: GET")
			_, err = setNew(t, 1, old, lost, old, forbidden)
			require.ErrorIs(t, err, gitlabci.ErrForbidden)
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "the first one may come late")
		})
	}
	verbs, err := setNew(t, 4, old, testkit.Respond(503, ``, "Retry-After", "300"), done)
	require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "the wait does not fit")
	require.Equal(t, []string{"GET", "PUT"}, verbs)
}

// Nobody can see whether a hidden variable has the wanted value, so it is written again.
func TestHiddenVariableAfterALostResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/variables", Status: 502, Executed: true, Times: 1})
		_, err := srv.Client().Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", Value: "new-value", Hidden: true})
		require.NoError(t, err)
		last := srv.Requests()[len(srv.Requests())-1]
		require.Equal(t, "PUT /projects/:id/variables/:key", last.Route)
		require.True(t, last.Executed)
	})
}
