package rack_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

type tree = rack.Tree

func read(t *testing.T, method, query, kind, body string) (tree, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/?"+query, nil)
	r.Header.Set("Content-Type", kind)
	return rack.Read(r, []byte(body))
}

func TestReadQueries(t *testing.T) {
	for query, want := range map[string]tree{
		"":                        {},
		"a=1&b=x%20y":             {"a": "1", "b": "x y"},
		"a=1&a=2":                 {"a": "2"},
		"a":                       {"a": ""},
		"a[]=1&a[]=2":             {"a": []any{"1", "2"}},
		"a[b]=1&a[c][d]=2":        {"a": tree{"b": "1", "c": tree{"d": "2"}}},
		"a[][b]=1&a[][c]=2":       {"a": []any{tree{"b": "1", "c": "2"}}},
		"a[][b]=1&a[][b]=2":       {"a": []any{tree{"b": "1"}, tree{"b": "2"}}},
		"[sudo]=root":             {"sudo": "root"},
		"[[sudo]]=root&]a]=1":     {"sudo": "root", "a": "1"},
		"[]=1&=2":                 {},
		"a[0][k]=x&a[10][k]=y":    {"a": tree{"0": tree{"k": "x"}, "10": tree{"k": "y"}}},
		"private_token%5B%5D=abc": {"private_token": []any{"abc"}},
	} {
		given, err := read(t, http.MethodGet, query, "", "")
		require.NoError(t, err, query)
		require.Equal(t, want, given, query)
	}
	for _, query := range []string{"a=%zz", "%zz=1", "a[b]=1&a[]=2", "a[]=1&a[b]=2", strings.Repeat("[", 101) + "a=1"} {
		_, err := read(t, http.MethodGet, query, "", "")
		require.EqualError(t, err, "the parameters cannot be read", query)
	}
}

func TestReadBodies(t *testing.T) {
	const multipart = "--b\r\nContent-Disposition: form-data; name=\"a[b]\"\r\n\r\n2\r\n--b--\r\n"
	for _, test := range []struct {
		method, kind, body string
		want               tree
	}{
		{"POST", "application/json; charset=utf-8", `{"a":{"b":2.50,"c":null,"d":[true]}}`, nil},
		{"POST", "application/json", `[1]`, tree{"q": "1"}},
		{"POST", "application/x-www-form-urlencoded", "a[b]=2&q=3", tree{"q": "3", "a": tree{"b": "2"}}},
		{"POST", `multipart/form-data; boundary=b`, multipart, tree{"q": "1", "a": tree{"b": "2"}}},
		{"POST", "text/plain", "a=2", tree{"q": "1"}},
		{"GET", "application/x-www-form-urlencoded", "a=2", tree{"q": "1"}},
		{"HEAD", "application/json", `{"a":2}`, tree{"q": "1"}},
	} {
		given, err := read(t, test.method, "q=1", test.kind, test.body)
		require.NoError(t, err, test)
		if test.want != nil {
			require.Equal(t, test.want, given, test)
			continue
		}
		require.Equal(t, "a[b]=2.50&a[c]=<nil>&a[d][]=true&q=1", decoded(given), "numbers are as they came")
	}
	_, err := read(t, "POST", "", "application/json", `{"a":`)
	require.EqualError(t, err, "message body does not match declared format")
	_, err = read(t, "POST", "", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2")
	require.EqualError(t, err, "the parameters cannot be read", "it breaks off")
}

// decoded is a query without its escapes.
func decoded(given tree) string {
	return strings.NewReplacer("%5B", "[", "%5D", "]", "%3C", "<", "%3E", ">").Replace(rack.Encode(given))
}

func TestEncodeIsReadBack(t *testing.T) {
	given := tree{"a": []any{"1", "x y&"}, "b": tree{"c": "d"}, "e": ""}
	back, err := read(t, http.MethodGet, rack.Encode(given), "", "")
	require.NoError(t, err)
	require.Equal(t, given, back)
}

func TestValidate(t *testing.T) {
	old, _ := versions.Parse("15.0")
	params := rack.In(old, []rack.Param{
		{Name: "ref", Parse: rack.Text, Required: true},
		{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		{Name: "scope", ParseIn: func(v versions.Version) rack.Parser { return rack.ListOf(v.String(), "x") }},
		{Name: "new", Parse: rack.Text, Known: versions.Since(16, 0)},
	})
	require.Len(t, params, 3)
	given := tree{"ref": "main", "scope": "15.0", "new": "1", "other": "2"}
	values, complaint := rack.Validate(params, given)
	require.Empty(t, complaint)
	require.Equal(t, map[string]any{"ref": "main", "sort": "desc", "scope": []string{"15.0"}}, values)
	require.Equal(t, tree{"ref": "main", "sort": "desc", "scope": []any{"15.0"}, "new": "1", "other": "2"}, given, "as links repeat it")
	_, complaint = rack.Validate(params, tree{"sort": "up", "scope": []any{"x", "y"}})
	require.Equal(t, "ref is missing, sort does not have a valid value, scope does not have a valid value", complaint)
}

func TestParsers(t *testing.T) {
	const invalid, none, notAllowed = " is invalid", " does not have a valid value", " has a value not allowed"
	for _, test := range []struct {
		name      string
		parse     rack.Parser
		given     any
		want      any
		complaint string
	}{
		{"a number", rack.Integer, "-12", int64(-12), ""},
		{"a decimal", rack.Decimal, "12.5", 12.5, ""},
		{"no decimal", rack.Decimal, "12.5%", nil, invalid},
		{"not a number", rack.Decimal, "NaN", nil, invalid},
		{"a blank decimal", rack.Decimal, "", nil, ""},
		{"a huge number", rack.Integer, "99999999999999999999", int64(1<<63 - 1), ""},
		{"a huge negative number", rack.Integer, "-99999999999999999999", int64(-1 << 63), ""},
		{"no number", rack.Integer, "1x", nil, invalid},
		{"a blank", rack.Integer, "", nil, ""},
		{"a list", rack.Integer, []any{"1"}, nil, invalid},
		{"Python's true", rack.Boolean, "True", true, ""},
		{"off", rack.Boolean, "off", false, ""},
		{"neither", rack.Boolean, "maybe", nil, invalid},
		{"a date", rack.Moment, "2024-03-01", time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), ""},
		{"a plus that became a space", rack.Moment, "2024-03-01T00:00:00 02:00", nil, invalid},
		{"a number for a time", rack.Moment, true, nil, invalid},
		{"a page size of none", rack.PageSize, "0", nil, notAllowed},
		{"too large", rack.Within(1, 10), "11", nil, none},
		{"large enough", rack.Within(1, 10), "10", int64(10), ""},
		{"a hash of words", rack.AnyOf("a", "b"), tree{"1": "b", "0": "a"}, []string{"a", "b"}, ""},
		{"no hash", rack.Object, "a", nil, invalid},
		{"variables by index", rack.Variables, tree{"10": tree{"key": "B"}, "9": tree{"key": "A"}},
			[]gitlabci.Variable{{Key: "A", VariableType: "env_var"}, {Key: "B", VariableType: "env_var"}}, ""},
		{"variables by words", rack.Variables, tree{"x": tree{"key": "B"}}, nil, invalid},
		{"a word among variables", rack.Variables, []any{"x"}, nil, "[0] is not an object"},
		{"a word that is passed over", rack.LenientVariables, []any{"x", tree{"key": "A", "value": "1", "variable_type": "file"}},
			[]gitlabci.Variable{{Key: "A", Value: "1", VariableType: "file"}}, ""},
		{"another type", rack.Variables, []any{tree{"variable_type": "x"}}, nil, "[0][variable_type] does not have a valid value"},
		{"pairs without values", rack.PairsOf("v"), []any{tree{"key": "A"}, "x"}, []any{tree{"key": "A"}, "x"}, "[0][value] is missing, v[1] is invalid"},
	} {
		value, complaint := test.parse(test.given)
		require.Equal(t, test.complaint, complaint, test.name)
		if complaint == "" || test.want != nil {
			require.Equal(t, test.want, value, test.name)
		}
	}
}
