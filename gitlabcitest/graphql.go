package gitlabcitest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/graphql"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// graphQLRoute is beside the API's version, so no other route has its path. Its schema has
// the fields that programs read about pipelines; any other field gets GitLab's error for a
// field that does not exist.
var graphQLRoute = define("POST /graphql", executeGraphQL,
	rack.Param{Name: "query", Parse: rack.Text},
	rack.Param{Name: "operationName", Parse: rack.Text},
)

const graphQLPath = "/api/graphql"

func findGraphQL(method string) match {
	if method != http.MethodPost {
		return match{allowed: []string{http.MethodPost}}
	}
	return match{route: graphQLRoute, path: rack.Tree{}}
}

func executeGraphQL(c *call) *response {
	variables, _ := c.given["variables"].(rack.Tree)
	return ok(graphql.Execute(value[string](c, "query"), value[string](c, "operationName"), variables, c.graphQLQuery()))
}

// graphQLRefusal is GraphQL's error for a user without access.
func graphQLRefusal(refused *response) *response {
	if refused.status == http.StatusUnauthorized {
		refused.body = map[string]any{"errors": []any{map[string]any{"message": "Invalid token"}}}
	}
	return refused
}

// pageArguments are those of every connection.
var pageArguments = []string{"first", "after"}

// mostNodes is GitLab's largest page, and its usual one.
const mostNodes = 100

// connection is a field that pages through a list, which select computes from the arguments.
func connection[T any](kind string, arguments []string, selected func(map[string]any) ([]T, error), node func(T) *graphql.Object) graphql.Field {
	return graphql.Field{Arguments: slices.Concat(pageArguments, arguments), Value: func(given map[string]any) (any, error) {
		all, err := selected(given)
		if err != nil {
			return nil, err
		}
		from, size, err := pageOfNodes(given)
		if err != nil {
			return nil, err
		}
		from = min(from, len(all))
		to := min(from+size, len(all))
		return &graphql.Object{Type: kind + "Connection", Fields: map[string]graphql.Field{
			"count": graphql.Fixed(len(all)),
			"nodes": graphql.Lazy(func() any { return shape.Each(all[from:to], node) }),
			"pageInfo": graphql.Fixed(&graphql.Object{Type: "PageInfo", Fields: map[string]graphql.Field{
				"hasNextPage":     graphql.Fixed(to < len(all)),
				"hasPreviousPage": graphql.Fixed(from > 0),
				"startCursor":     graphql.Fixed(nodeCursor(from)),
				"endCursor":       graphql.Fixed(nodeCursor(to)),
			}}),
		}}, nil
	}}
}

// nodeCursor is the place after so many nodes.
func nodeCursor(n int) string { return base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(n))) }

func pageOfNodes(given map[string]any) (from, size int, err error) {
	size = mostNodes
	if first, ok := numberOf(given["first"]); ok {
		if first < 0 {
			return 0, 0, errors.New("first must not be negative")
		}
		size = min(first, size)
	}
	after, _ := given["after"].(string)
	if after == "" {
		return 0, size, nil
	}
	text, err := base64.StdEncoding.DecodeString(after)
	if err == nil {
		from, err = strconv.Atoi(string(text))
	}
	if err != nil || from < 0 {
		return 0, 0, errors.New("the argument after is not a cursor of this list")
	}
	return from, size, nil
}

// numberOf is an integer of the query, or of its variables.
func numberOf(value any) (int, bool) {
	switch value := value.(type) {
	case float64:
		return int(value), true
	case json.Number:
		n, err := strconv.Atoi(value.String())
		return n, err == nil
	}
	return 0, false
}

// wordsOf is an argument that is one word or a list of them, in lower case.
func wordsOf(value any) (words []string) {
	list, isList := value.([]any)
	if !isList && value != nil {
		list = []any{value}
	}
	for _, one := range list {
		words = append(words, strings.ToLower(fmt.Sprint(one)))
	}
	return words
}

// among reports whether a status is one of the words, or there are none.
func among(words []string, status gitlabci.Status) bool {
	return len(words) == 0 || slices.Contains(words, string(status))
}

func globalID(kind string, id int64) string { return fmt.Sprintf("gid://gitlab/%s/%d", kind, id) }
