package promises_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

type viewer struct {
	CurrentUser struct {
		Username string `json:"username"`
	} `json:"currentUser"`
}

func TestGraphQL(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.Respond(200, `{"data":{"currentUser":{"username":"root"}}}`))
	got, err := gitlabci.GraphQL[viewer](t.Context(), s.Client(t), `query($a: Int) { currentUser { username } }`, map[string]any{"a": 1})
	require.NoError(t, err)
	require.Equal(t, "root", got.CurrentUser.Username)
	received := testkit.OneRequest(t, s)
	require.Equal(t, "POST /api/graphql", received.Method+" "+received.RequestURI)
	require.Equal(t, testkit.Token, received.Header.Get("Private-Token"))
	require.JSONEq(t, `{"query":"query($a: Int) { currentUser { username } }","variables":{"a":1}}`, s.Bodies[0])

	relative := testkit.NewScript(testkit.Respond(200, `{"data":{}}`))
	_, err = gitlabci.GraphQL[viewer](t.Context(), relative.Client(t, gitlabci.WithBaseURL("https://"+testkit.Host+"/gitlab")), `{a}`, nil)
	require.NoError(t, err)
	require.Equal(t, "/gitlab/api/graphql", testkit.OneRequest(t, relative).RequestURI)
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	const body = `{"data":{"project":null},"errors":[
		{"message":"Field 'x' doesn't exist: ` + testkit.Token + `","path":["project","pipelines","nodes",0],"extensions":{"code":"undefinedField"}},
		{"message":"Timeout\non validation"}]}`
	s := testkit.NewScript(testkit.Respond(200, body))
	got, err := gitlabci.GraphQL[viewer](t.Context(), s.Client(t), `{ project { x } }`, nil)
	require.Nil(t, got)
	failed, ok := errors.AsType[*gitlabci.GraphQLError](err)
	require.True(t, ok, err)
	require.Len(t, failed.Problems, 2)
	require.Equal(t, "project.pipelines.nodes[0]", failed.Problems[0].Path)
	require.Equal(t, map[string]any{"code": "undefinedField"}, failed.Problems[0].Extensions)
	require.EqualError(t, err, "gitlabci: POST /graphql: Field 'x' doesn't exist: [REDACTED] (at project.pipelines.nodes[0]); Timeout on validation")
	testkit.OneRequest(t, s)

	for _, odd := range []string{`{}`, `{"data":null}`, `[]`, `{"data":[1]}`, `{"data":{}`, `<html>`, `{"message":"401 Unauthorized"}`} {
		_, err := gitlabci.GraphQL[viewer](t.Context(), testkit.NewScript(testkit.Respond(200, odd)).Client(t, gitlabci.WithRetries(0)), `{a}`, nil)
		require.Error(t, err, odd)
		require.Regexp(t, "^gitlabci: POST /graphql: ", err.Error())
	}
	_, err = gitlabci.GraphQL[viewer](t.Context(), testkit.NewScript(testkit.Respond(401, `{"errors":[{"message":"Invalid token"}]}`)).Client(t), `{a}`, nil)
	require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
	require.ErrorContains(t, err, "Invalid token")
}

// Two slices that begin with the same element are two values.
func TestGraphQLSecretsOfOneArray(t *testing.T) {
	t.Parallel()
	list := []gitlabci.Secret{"the-first-one", "the-second-one"}
	for range 20 { // a map is read in any order
		client := testkit.NewScript(testkit.Respond(200, `{"errors":[{"message":"no: the-second-one"}]}`)).Client(t)
		_, err := gitlabci.GraphQL[viewer](t.Context(), client, `{a}`, map[string]any{"a": list[:1], "b": list})
		require.ErrorContains(t, err, "no: [REDACTED]")
	}
}

// If a server repeats the token or a secret variable, it is in no error, and not in the
// extensions, in any structure of the variables.
func TestGraphQLSecrets(t *testing.T) {
	t.Parallel()
	type input struct {
		Value gitlabci.Secret `json:"value"`
	}
	texts := []string{testkit.Token, "hidden-in-a-map", "hidden-in-a-list", "hidden-in-a-struct"}
	cycle := []any{gitlabci.Secret(texts[2])}
	variables := map[string]any{"a": gitlabci.Secret(texts[1]), "b": map[string]any{"c": cycle}, "d": &input{gitlabci.Secret(texts[3])}, "e": "group/app", "f": nil}
	list, err := json.Marshal(texts)
	require.NoError(t, err)
	body := fmt.Sprintf(`{"errors":[{"message":"group/app %[1]s","path":["a",%[2]q],"extensions":{"code":7,"problems":[{"%[3]s":%[4]s}]}}]}`,
		strings.Join(texts, " "), texts[1], texts[2], list)
	s := testkit.NewScript(testkit.Respond(200, body))
	_, err = gitlabci.GraphQL[viewer](t.Context(), s.Client(t), `{a}`, variables)
	failed, ok := errors.AsType[*gitlabci.GraphQLError](err)
	require.True(t, ok, err)
	printed := fmt.Sprintf("%v %+v %+v", err, failed.Problems, variables)
	for _, text := range texts {
		require.NotContains(t, printed, text)
	}
	require.Contains(t, err.Error(), "group/app [REDACTED] [REDACTED]")
	require.Equal(t, map[string]any{"code": 7.0, "problems": []any{map[string]any{"[REDACTED]": []any{"[REDACTED]", "[REDACTED]", "[REDACTED]", "[REDACTED]"}}}}, failed.Problems[0].Extensions)
	for _, text := range texts[1:] {
		require.Contains(t, s.Bodies[0], `"`+text+`"`)
	}

	s = testkit.NewScript(testkit.Respond(400, body))
	_, err = gitlabci.Send[struct{}](t.Context(), s.Client(t), "POST", gitlabci.At("/projects/:id/a", 7), variables, nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	for _, text := range texts {
		require.NotContains(t, err.Error(), text)
	}

	cycle[0] = variables
	s = testkit.NewScript()
	_, err = gitlabci.GraphQL[viewer](t.Context(), s.Client(t), `{a}`, variables)
	testkit.RequireNotSent(t, s, err)
}

// Queries are retried, and what may be a mutation is not.
func TestGraphQLOperations(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{a}`:       "query",
		`query {a}`: "query",
		"\ufeff# mutation {\n query mutation($mutation: X = {a: 1, b: [\"}\"]}) @mutation(a: 1) { mutation }": "query",
		`query A {a} fragment mutation on subscription {b}`:                                                   "query",
		`fragment F on X {b} query B { ...F, c(s: """ } mutation \""" " """) }`:                               "query",
		`mutation {a}`:                             "mutation",
		`query A {a} mutation B {b}`:               "mutation",
		"{a} # query\rmutation {a}":                "mutation", // a comment ends at the end of its line, which \r is, too
		`{a} mutation B($x: T = "{") {b}`:          "mutation",
		`query($a: String = "\"") {a} mutation{b}`: "mutation",
		`subscription {a}`:                         "refused",
		`fragment F on X {b}`:                      "refused",
		``:                                         "refused",
		`# {a}`:                                    "refused",
		`{a`:                                       "refused",
		`{a}}`:                                     "refused",
		`{a)`:                                      "refused",
		`query`:                                    "refused",
		`a {b}`:                                    "refused",
		`"a" {b}`:                                  "refused",
		`{a(b: "c)}`:                               "refused",
		"{a(b: \"c\nd\")}":                         "refused",
		`{a(b: """c)}`:                             "refused",
		`(a) {b}`:                                  "refused",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(200, `{"data":{}}`))
			_, err := gitlabci.GraphQL[viewer](t.Context(), s.Client(t), document, nil)
			switch want {
			case "query":
				require.NoError(t, err, document)
				require.Len(t, s.Received(), 2, document)
			case "mutation":
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, document)
				require.Len(t, s.Received(), 1, document)
			default:
				testkit.RequireNotSent(t, s, err)
			}
		})
	}
	_, err := gitlabci.GraphQL[viewer](t.Context(), nil, `{a}`, nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
}

// A query that GitLab may have executed has changed nothing: only the outcome of a mutation is
// unknown.
func TestGraphQLOutcome(t *testing.T) {
	for document, unknown := range map[string]bool{`{a}`: false, `query A {a} query B {b}`: false, `mutation {a}`: true, `query A {a} mutation B {b}`: true} {
		synctest.Test(t, func(t *testing.T) {
			lost := testkit.NewScript(testkit.Respond(502, ``))
			_, err := gitlabci.GraphQL[viewer](t.Context(), lost.Client(t), document, nil)
			require.Error(t, err)
			require.Equal(t, unknown, errors.Is(err, gitlabci.ErrOutcomeUnknown), "%s: %v", document, err)
		})
	}
}

// A document that is put together from definitions is sent once if a mutation is among
// them, and again if not; and any other text does no harm.
func FuzzGraphQLOperations(f *testing.F) {
	queries := []string{
		`{a}`, `query A {a}`, `query mutation {a}`, `query($a: T = {b: "} mutation {"}) @mutation(c: [1, {d: """ \""" } """}]) {d}`,
		"# mutation {a}\n{a}", `fragment mutation on X {a}`, `{ mutation { query } }`, "\ufeff,,{a}#",
	}
	mutations := []string{`mutation {a}`, `mutation query($a: T = {b: 1}) {a}`, "#\rmutation{a}"}
	f.Add([]byte{0, 1, 2}, "")
	f.Add([]byte{3, 10}, "")
	f.Add([]byte{7, 8}, "{")
	f.Fuzz(func(t *testing.T, picks []byte, junk string) {
		document, mutates, asks := "", false, false
		for _, pick := range picks[:min(len(picks), 20)] {
			i := int(pick) % (len(queries) + len(mutations))
			mutates, asks = mutates || i >= len(queries), asks || i != 5
			document += slices.Concat(queries, mutations)[i] + "\n"
		}
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(200, `{"data":{}}`))
			_, err := gitlabci.GraphQL[viewer](t.Context(), s.Client(t), document+junk, nil)
			switch {
			case junk != "":
			case mutates:
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, document)
			case asks:
				require.NoError(t, err, document)
			default:
				testkit.RequireNotSent(t, s, err)
			}
		})
	})
}

// Errors in another form than GraphQL's are errors, too, whatever the data is.
func TestGraphQLErrorsOfOtherForms(t *testing.T) {
	t.Parallel()
	for errs, want := range map[string]string{
		`"no access"`: "no access", `{"base":["no access"]}`: "no access", `{"a":"no"}`: "a: no", `7`: "7",
		`[{}]`: "an error without a message", `[null]`: "an error without a message", `{}`: "an error without a message", `[[]]`: "an error without a message",
		`"` + testkit.Token + `"`: "[REDACTED]",
	} {
		client := testkit.NewScript(testkit.Respond(200, `{"data":{"a":1},"errors":`+errs+`}`)).Client(t)
		for _, document := range []string{`{a}`, `mutation {a}`} {
			object, err := gitlabci.GraphQL[struct{ A int }](t.Context(), client, document, nil)
			require.EqualError(t, err, "gitlabci: POST /graphql: "+want, errs)
			require.Nil(t, object)
		}
	}
	for _, none := range []string{`null`, `[]`, ` [ ] `} {
		client := testkit.NewScript(testkit.Respond(200, `{"data":{"a":1},"errors":`+none+`}`)).Client(t)
		object, err := gitlabci.GraphQL[struct{ A int }](t.Context(), client, `{a}`, nil)
		require.NoError(t, err)
		require.Equal(t, 1, object.A)
	}
}
