package graphql_test

import (
	"encoding/json"
	"testing"

	"example.com/gitlabci/gitlabcitest/internal/graphql"
)

// A tree is an object that contains itself.
func tree() *graphql.Object {
	return &graphql.Object{Type: "Tree", Fields: map[string]graphql.Field{
		"name": graphql.Fixed("oak"),
		"in":   graphql.Lazy(func() any { return tree() }),
		"list": graphql.Lazy(func() any { return []*graphql.Object{tree(), tree()} }),
		"same": {Arguments: []string{"a"}, Value: func(given map[string]any) (any, error) { return given["a"], nil }},
	}}
}

// responds requires that a query has a response, as compact JSON in the order of the query.
func responds(t *testing.T, query, operation string, variables map[string]any, want string) {
	t.Helper()
	got, err := json.Marshal(graphql.Execute(query, operation, variables, tree()))
	if err != nil || string(got) != want {
		t.Errorf("%s: got %s, want %s: %v", query, got, want, err)
	}
}

func TestValues(t *testing.T) {
	for query, want := range map[string]string{
		`{ same(a: -1.5e3) }`:                          `{"data":{"same":-1500}}`,
		`{ same(a: [1, null, true, RED, "x\u00e4"]) }`: `{"data":{"same":[1,null,true,"RED","xä"]}}`,
		`{ same(a: {b: {c: 1}}) }`:                     `{"data":{"same":{"b":{"c":1}}}}`,
		`{ same(a: """ a "b" \""" """) }`:              `{"data":{"same":"a \"b\" \"\"\""}}`,
		`query($v: [Int!]! = [1]) { same(a: $v) }`:     `{"data":{"same":[1]}}`,
		"# a\n{ name,b:name # }\n}":                    `{"data":{"name":"oak","b":"oak"}}`,
		`{ list { name } list { b: name } }`:           `{"data":{"list":[{"name":"oak","b":"oak"},{"name":"oak","b":"oak"}]}}`,
		`query A { name } query B { b: name }`:         `{"errors":[{"message":"No operation named \"\""}]}`,
	} {
		responds(t, query, "", nil, want)
	}
	responds(t, `query A { name } query B($v: Int) { b: same(a: $v) }`, "B", map[string]any{"v": 7}, `{"data":{"b":7}}`)
}

// Any document ends with data or an error, and in JSON.
func FuzzExecute(f *testing.F) {
	for _, seed := range []string{
		`{ name in { list { name } } }`, `query Q($a: Int! = 1) { ...F @skip(if: false) } fragment F on Tree { same(a: $a) }`,
		`{ a: same(a: "\"{") b: same(a: """x""") }`, `{ ...F } fragment F on Tree { in { ...F } }`, `{ same(a: [[[{b: $c}]]]) }`, "#\r{name}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		result := graphql.Execute(document, "", map[string]any{"a": 1}, tree())
		if result.Data == nil && len(result.Errors) == 0 {
			t.Error("neither data nor an error")
		}
		if _, err := json.Marshal(result); err != nil {
			t.Error(err)
		}
	})
}
