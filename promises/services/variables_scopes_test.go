package services_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// valuesOf are the values of an owner's variables, by key and scope.
func valuesOf(srv *gitlabcitest.Server, owner gitlabci.VariableOwner) map[string]string {
	values := map[string]string{}
	for _, v := range srv.Variables(owner) {
		values[v.Key+" "+v.EnvironmentScope] = v.Value
	}
	return values
}

// withScopes is a server of a release with a key in three scopes, and another key.
func withScopes(release string, owner gitlabci.VariableOwner) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
	for _, scope := range []string{"*", "production", "review/*"} {
		srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "of " + scope, EnvironmentScope: scope})
	}
	srv.AddVariable(owner, gitlabci.CIVariable{Key: "B", Value: "b", EnvironmentScope: "production"})
	return srv
}

func TestVariableScopes(t *testing.T) {
	t.Parallel()
	for _, owner := range []gitlabci.VariableOwner{app, group} {
		srv := withScopes("19.5", owner)
		variables := srv.Client().Variables
		for _, scope := range []string{"", "*", "production", "review/*"} {
			got, err := variables.Get(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: scope})
			require.NoError(t, err)
			require.Equal(t, "of "+cmp.Or(scope, "*"), got.Value)
		}
		_, err := variables.Get(t.Context(), owner, "B", nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound, "it has another scope")
		for _, scope := range []string{"", "production", "staging"} {
			_, err = variables.Set(t.Context(), owner, &gitlabci.CIVariable{Key: "A", Value: "new " + scope, EnvironmentScope: scope})
			require.NoError(t, err)
		}
		require.NoError(t, variables.Delete(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: "review/*"}))
		err = variables.Delete(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: "review/1"})
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		require.ErrorContains(t, err, `the variable has the scopes "*", "production", "staging", and not "review/1"`)
		require.Equal(t, map[string]string{"A *": "new ", "A production": "new production", "A staging": "new staging", "B production": "b"}, valuesOf(srv, owner))
	}
}

// Before GitLab 16.9, servers ignore the scope that a request selects.
func TestOldServersCannotSelectScopes(t *testing.T) {
	t.Parallel()
	for _, owner := range []gitlabci.VariableOwner{app, group} {
		srv := withScopes("16.8", owner)
		variables, before := srv.Client().Variables, valuesOf(srv, owner)
		_, err := variables.Set(t.Context(), owner, &gitlabci.CIVariable{Key: "A", Value: "new", EnvironmentScope: "production"})
		for _, err := range []error{err, variables.Delete(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: "production"})} {
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.ErrorIs(t, err, gitlabci.ErrNotSent)
			require.ErrorContains(t, err, `the variable has the scopes "*", "production", "review/*", of which the server cannot select one`)
		}
		require.Equal(t, before, valuesOf(srv, owner))
		for _, scope := range []string{"*", "production", "review/*"} {
			got, err := variables.Get(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: scope})
			require.NoError(t, err)
			require.Equal(t, "of "+scope, got.Value)
		}
		_, err = variables.Get(t.Context(), owner, "A", &gitlabci.VariableOptions{Scope: "staging"})
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		_, err = variables.Get(t.Context(), owner, "B", nil)
		require.ErrorIs(t, err, gitlabci.ErrNotFound, "the server returns the one of production")
		require.ErrorIs(t, variables.Delete(t.Context(), owner, "B", nil), gitlabci.ErrNotFound)

		_, err = variables.Set(t.Context(), owner, &gitlabci.CIVariable{Key: "A", Value: "made", EnvironmentScope: "staging"})
		require.NoError(t, err, "a new one cannot be another one")
		_, err = variables.Set(t.Context(), owner, &gitlabci.CIVariable{Key: "B", Value: "changed", EnvironmentScope: "production"})
		require.NoError(t, err, "the only one of its key")
		before["A staging"], before["B production"] = "made", "changed"
		require.Equal(t, before, valuesOf(srv, owner))
	}
}

// A server that ignores the scope, and takes any variable of the key without a word, takes
// the wanted one only by chance.
func TestServersThatTakeAnyScope(t *testing.T) {
	t.Parallel()
	const wanted, other = `{"key":"A","environment_scope":"production"}`, `{"key":"A"}`
	for _, any := range []string{wanted, other} {
		s := testkit.NewScript(testkit.Rows(other, wanted), testkit.Respond(200, any))
		_, err := s.Client(t).Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", EnvironmentScope: "production"})
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		for _, r := range s.Received() {
			require.Equal(t, "GET", r.Method)
		}
	}
}

// beforeWrites calls meanwhile before each write reaches the server, so that what was read
// before is out of date.
func beforeWrites(meanwhile func(*http.Request)) gitlabci.Option {
	return gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet {
				meanwhile(r)
			}
			return next.RoundTrip(r)
		})
	})
}

func TestSetVariableThatOthersChange(t *testing.T) {
	t.Parallel()
	for _, owner := range []gitlabci.VariableOwner{app, group, gitlabci.Instance} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			wanted := gitlabci.CIVariable{Key: "A", Value: "wanted", EnvironmentScope: scopeOf(owner, "production")}
			turns := 0
			client := srv.Client(beforeWrites(func(*http.Request) {
				switch turns++; turns % 2 {
				case 1: // it is about to be created
					srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "of another program", EnvironmentScope: wanted.EnvironmentScope})
				default: // it is about to be changed
					srv.RemoveVariable(owner, "A", wanted.EnvironmentScope)
				}
			}))
			_, err := client.Variables.Set(t.Context(), owner, &wanted)
			require.ErrorIs(t, err, gitlabci.ErrConflict)
			require.NotErrorIs(t, err, gitlabci.ErrNotFound)
			require.ErrorContains(t, err, "other programs delete the variable again and again (PUT /")
			require.Equal(t, 4, turns)
			for _, free := range []int{2, 3} { // turns until nobody comes between
				srv.RemoveVariable(owner, "A", wanted.EnvironmentScope)
				left := free
				client = srv.Client(beforeWrites(func(*http.Request) {
					if left--; left == 1 {
						srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "of another program", EnvironmentScope: wanted.EnvironmentScope})
					}
				}))
				got, err := client.Variables.Set(t.Context(), owner, &wanted)
				require.NoError(t, err)
				require.Equal(t, "wanted", got.Value)
				require.Equal(t, "wanted", srv.Variables(owner)[0].Value)
			}
		})
	}
}

// If the variable of a group is deleted meanwhile, GitLab changes another one of its key. This
// must not go unnoticed.
func TestGroupVariableThatIsTakenForAnother(t *testing.T) {
	t.Parallel()
	srv := withScopes("19.5", group)
	client := srv.Client(beforeWrites(func(*http.Request) { srv.RemoveVariable(group, "A", "production") }))
	_, err := client.Variables.Set(t.Context(), group, &gitlabci.CIVariable{Key: "A", Value: "wanted-value", EnvironmentScope: "production"})
	require.ErrorIs(t, err, gitlabci.ErrConflict)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	require.EqualError(t, err, `gitlabci: PUT /groups/group/variables/A: conflict: the variable A with the scope "production" was deleted meanwhile, `+
		`and GitLab has changed the variable A with the scope "*" instead: restore that one`)

	srv = withScopes("19.5", app) // of a project, it does not
	client = srv.Client(beforeWrites(func(r *http.Request) {
		if r.Method == http.MethodPut {
			srv.RemoveVariable(app, "A", "production")
		}
	}))
	_, err = client.Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", Value: "wanted-value", EnvironmentScope: "production"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"A *": "of *", "A production": "wanted-value", "A review/*": "of review/*", "B production": "b"}, valuesOf(srv, app))
}

// around calls before and after each write, so that what is read before and after it
// differs. Both can be nil.
func around(before, after func()) gitlabci.Option {
	return gitlabci.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return testkit.RoundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet && before != nil {
				before()
			}
			resp, err := next.RoundTrip(r)
			if r.Method != http.MethodGet && after != nil {
				after()
			}
			return resp, err
		})
	})
}

// setLost sets a variable of production in a group or a project, where another program
// deletes it meanwhile, and the response to the update is lost.
func setLost(t *testing.T, owner gitlabci.VariableOwner, executed bool, change func(*gitlabcitest.Server)) (*gitlabcitest.Server, error) {
	srv := withScopes("19.5", owner)
	for _, route := range []string{"PUT /groups/:id/variables/:key", "PUT /projects/:id/variables/:key"} {
		srv.Fault(gitlabcitest.Fault{Route: route, Status: 502, Executed: executed, Times: 1})
	}
	client := srv.Client(around(func() { srv.RemoveVariable(owner, "A", "production") }, func() {
		if change != nil {
			change(srv)
		}
	}))
	_, err := client.Variables.Set(t.Context(), owner, &gitlabci.CIVariable{Key: "A", Value: "wanted-value", EnvironmentScope: "production"})
	return srv, err
}

// The same if the response is lost: the other variables of the key are compared.
func TestGroupVariableThatIsTakenForAnotherAndLost(t *testing.T) {
	t.Parallel()
	again := func(value string) func(*gitlabcitest.Server) {
		return func(srv *gitlabcitest.Server) {
			srv.AddVariable(group, gitlabci.CIVariable{Key: "A", Value: value, EnvironmentScope: "production"})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for _, change := range []func(*gitlabcitest.Server){nil, again("of another program"), again("wanted-value")} {
			srv, err := setLost(t, group, true, change)
			require.ErrorIs(t, err, gitlabci.ErrConflict)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.EqualError(t, err, `gitlabci: PUT /groups/group/variables/A: conflict: the variable A with the scope "production" was deleted meanwhile, `+
				`and GitLab has changed the variable A with the scope "*" instead: restore that one`)
			require.Equal(t, "wanted-value", valuesOf(srv, group)["A *"])
		}

		srv, err := setLost(t, group, false, nil) // which may be executed late
		require.ErrorIs(t, err, gitlabci.ErrConflict)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.ErrorContains(t, err, `the variable A with the scope "production" was deleted meanwhile, `+
			`and GitLab may have changed the one with another scope instead: check the scopes "*", "review/*" (after: `)
		require.Equal(t, map[string]string{"A *": "of *", "A review/*": "of review/*", "B production": "b"}, valuesOf(srv, group))

		for _, owner := range []gitlabci.VariableOwner{group, app} {
			srv, err = setLost(t, owner, false, func(srv *gitlabcitest.Server) {
				srv.RemoveVariable(owner, "A", "*")
				srv.RemoveVariable(owner, "A", "review/*")
			})
			require.NoError(t, err, "no other one is left")
			require.Equal(t, map[string]string{"A production": "wanted-value", "B production": "b"}, valuesOf(srv, owner))
		}
	})
}

// Changes by other programs do not end a call whose response is lost: that of a project,
// which takes no other variable, and values that other programs have set.
func TestSetVariableWhileOthersChangeOtherScopes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for value, owner := range map[string]gitlabci.VariableOwner{"of another program": group, "wanted-value": app} {
			srv, err := setLost(t, owner, true, func(srv *gitlabcitest.Server) {
				srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: value, EnvironmentScope: "*"})
				srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "wanted-value", EnvironmentScope: "production"})
			})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"A *": value, "A production": "wanted-value", "A review/*": "of review/*", "B production": "b"}, valuesOf(srv, owner))
		}
	})
}

// A delete whose response is lost is not repeated blindly: an old server would take a
// variable that was created meanwhile.
func TestDeleteVariableAfterALostResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, owner := range []gitlabci.VariableOwner{app, group} {
			for _, executed := range []bool{true, false} {
				srv := gitlabcitest.NewServer(gitlabcitest.WithVersion("16.8"))
				srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "a", EnvironmentScope: "production"})
				lose := func(times int) {
					for _, route := range []string{"DELETE /projects/:id/variables/:key", "DELETE /groups/:id/variables/:key"} {
						srv.Fault(gitlabcitest.Fault{Route: route, Status: 502, Executed: executed, Times: times})
					}
				}
				lose(1)
				place := &gitlabci.VariableOptions{Scope: "production"}
				err := srv.Client(around(nil, sync.OnceFunc(func() {
					srv.AddVariable(owner, gitlabci.CIVariable{Key: "A", Value: "of staging", EnvironmentScope: "staging"})
				}))).Variables.Delete(t.Context(), owner, "A", place)
				if executed {
					require.NoError(t, err)
					require.Equal(t, map[string]string{"A staging": "of staging"}, valuesOf(srv, owner))
					continue
				}
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.ErrorIs(t, err, errors.ErrUnsupported)
				require.Equal(t, map[string]string{"A production": "a", "A staging": "of staging"}, valuesOf(srv, owner))

				srv.RemoveVariable(owner, "A", "staging")
				lose(3)
				err = srv.Client(gitlabci.WithRetries(1)).Variables.Delete(t.Context(), owner, "A", place)
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "two are lost")
				require.NoError(t, srv.Client().Variables.Delete(t.Context(), owner, "A", place), "one is lost")
				require.Empty(t, valuesOf(srv, owner))
			}
		}
	})
}

// A scopeTrial is a program that sets and deletes variables, while requests fail, and other
// programs change variables between a read and a write.
type scopeTrial struct {
	draw    *rand.Rand
	srv     *gitlabcitest.Server
	owner   gitlabci.VariableOwner
	release string
	others  map[string]string // the values that others want, by key and scope
	target  string            // of the call
	met     bool              // whether others have changed the target during the call
	drifted int               // targets that others have changed during calls
}

func (s *scopeTrial) place() (key, scope string) {
	return []string{"A", "B"}[s.draw.IntN(2)], []string{"*", "production", "review/*"}[s.draw.IntN(3)]
}

// put is a change by another program: it takes no time, and nothing fails.
func (s *scopeTrial) put(key, scope, value string) {
	if value == "" {
		s.srv.RemoveVariable(s.owner, key, scope)
		delete(s.others, key+" "+scope)
		return
	}
	s.srv.AddVariable(s.owner, gitlabci.CIVariable{Key: key, Value: value, EnvironmentScope: scope})
	s.others[key+" "+scope] = value
}

// drift makes a change, but not one that GitLab itself gets wrong: of a group, it takes
// another variable for one that is deleted, and old servers take any.
func (s *scopeTrial) drift(*http.Request) {
	if s.draw.IntN(2) == 0 {
		return
	}
	key, scope := s.place()
	value := fmt.Sprint("drift ", s.draw.IntN(1000))
	if s.draw.IntN(3) == 0 {
		value = ""
	}
	isTarget, isOld := key+" "+scope == s.target, s.release == "16.8"
	if s.owner == group && value == "" && isTarget || isOld && key == s.target[:1] {
		return
	}
	s.put(key, scope, value)
	s.met = s.met || isTarget
	if isTarget {
		s.drifted++
	}
}

// lostSets counts the executed writes of Set whose responses were lost.
func lostSets(srv *gitlabcitest.Server) (n int) {
	for _, r := range srv.Requests() {
		if (r.Method == http.MethodPut || r.Method == http.MethodPost) && r.Executed && r.Fault {
			n++
		}
	}
	return n
}

// change makes one call, and checks what it did.
func (s *scopeTrial) change(t *testing.T, client *gitlabci.Client) {
	key, scope := s.place()
	s.target, s.met = key+" "+scope, false
	before, existed := s.others[s.target]
	wanted := ""
	var err error
	if s.draw.IntN(4) == 0 {
		err = client.Variables.Delete(t.Context(), s.owner, key, &gitlabci.VariableOptions{Scope: scope})
		if errors.Is(err, gitlabci.ErrNotFound) {
			err = nil
		}
	} else {
		wanted = fmt.Sprint("value ", s.draw.IntN(1000))
		_, err = client.Variables.Set(t.Context(), s.owner, &gitlabci.CIVariable{Key: key, Value: wanted, EnvironmentScope: scope})
	}
	values := valuesOf(s.srv, s.owner)
	now := values[s.target]
	delete(values, s.target)
	delete(s.others, s.target)
	require.Equal(t, s.others, values, "of other scopes, after %v", err)
	if now != "" {
		s.others[s.target] = now
	}
	if s.met {
		return
	}
	if err == nil {
		require.Equal(t, wanted, now, "as it was reported")
		return
	}
	require.Contains(t, []string{wanted, before}, now)
	if now != before && !errors.Is(err, gitlabci.ErrOutcomeUnknown) {
		require.Fail(t, "done, and not reported", "%v: %q, before %q %v", err, now, before, existed)
	}
}

// No variable of another scope is ever changed, whatever is lost and whatever program
// changes variables meanwhile.
func TestNoOtherScopeIsChanged(t *testing.T) {
	t.Parallel()
	lost, drifted := 0, 0
	for seed := range uint64(max(10, testkit.Fewer(20))) {
		synctest.Test(t, func(t *testing.T) {
			s := &scopeTrial{draw: rand.New(rand.NewPCG(seed, 9)), owner: group, release: "19.5", others: map[string]string{}}
			if seed%2 == 0 {
				s.owner = app
			}
			if seed%3 == 0 {
				s.release = "16.8"
			}
			s.srv = gitlabcitest.NewServer(gitlabcitest.WithVersion(s.release))
			for range 4 {
				key, scope := s.place()
				s.put(key, scope, fmt.Sprint("first ", s.draw.IntN(1000)))
			}
			for i, fault := range []gitlabcitest.Fault{
				{Status: 502, Executed: true}, {Status: 502}, {Break: gitlabcitest.BreakResetUnanswered, Executed: true}, {Break: gitlabcitest.BreakTruncate, After: 1},
				{Status: 429}, {Status: 409, Body: `{"message":"409 Conflict: Resource lock"}`}, {Status: 403},
			} {
				fault.Chance, fault.Seed = 0.05, seed*10+uint64(i)
				s.srv.Fault(fault)
			}
			client := s.srv.Client(beforeWrites(s.drift), gitlabci.WithRetries(int(seed%4)))
			for range 8 {
				s.change(t, client)
			}
			lost, drifted = lost+lostSets(s.srv), drifted+s.drifted
		})
	}
	require.Positive(t, lost, "or nothing of this was tried")
	require.Positive(t, drifted)
}

// A list that was read from a lagging replica does not show a variable that was created
// just now.
func TestSetVariableThatAReplicaLacks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const is = `{"key":"A","value":"new"}`
		taken := testkit.Respond(400, `{"message":{"key":["(A) has already been taken"]}}`)
		s := testkit.NewScript(testkit.Rows(), taken, testkit.Rows(), taken, testkit.Rows(is), testkit.Respond(200, is))
		_, err := s.Client(t).Variables.Set(t.Context(), app, &gitlabci.CIVariable{Key: "A", Value: "new"})
		require.NoError(t, err)
		require.Equal(t, "PUT", s.Received()[5].Method)
	})
}

// GitLab Free ignores the scope of a group's variable.
func TestSetVariableOfAGroupWithoutScopes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := testkit.Respond(400, `{"message":{"key":["(A) has already been taken"]}}`)
		s := testkit.NewScript(testkit.Rows(`{"key":"A"}`), taken, testkit.Rows(`{"key":"A"}`), taken, testkit.Rows(`{"key":"A"}`), taken, testkit.Rows(`{"key":"A"}`), taken)
		_, err := s.Client(t).Variables.Set(t.Context(), group, &gitlabci.CIVariable{Key: "A", EnvironmentScope: "production"})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorContains(t, err, `(no variable A with the scope "production" is listed; scopes of groups need GitLab Premium)`)
		require.Len(t, s.Received(), 8)
	})
}

// The end of the context ends the call, and the error says what was lost before.
func TestSetVariableUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := testkit.NewScript(testkit.Rows(), func(w http.ResponseWriter, r *http.Request) {
			context.AfterFunc(r.Context(), cancel)
			testkit.Reset(w, r)
		}, testkit.Silent)
		_, err := s.Client(t).Variables.Set(ctx, app, &gitlabci.CIVariable{Key: "A"})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	})
}
