package lenient_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
)

// logged returns the lines that are logged about what was left out, and the paths in
// them.
func logged(t *testing.T, left lenient.LeftOut, level slog.Level) (lines string, fields []string) {
	t.Helper()
	var log bytes.Buffer
	left.Log(t.Context(), slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level})), "/jobs")
	for line := range strings.Lines(log.String()) {
		var attrs struct{ Fields []string }
		require.NoError(t, json.Unmarshal([]byte(line), &attrs))
		fields = append(fields, attrs.Fields...)
	}
	return log.String(), fields
}

// However many elements are left out, they are logged in one line.
func TestLeftOut(t *testing.T) {
	lines, _ := logged(t, lenient.LeftOut{}, slog.LevelDebug)
	require.Empty(t, lines)

	s := lenient.NewStream(strings.NewReader(`{"many":[{},7,null,{},[]]}`), 1000)
	_, err := readParts(s)
	require.NoError(t, err)
	lines, _ = logged(t, s.LeftOut(), slog.LevelInfo)
	require.Contains(t, lines, `"level":"WARN","msg":"gitlabci: elements of a list are not objects and are left out","endpoint":"/jobs","count":3,"first_index":1`)

	_, left, err := lenient.List[*inner](t.Context(), []byte(`[{},{},7,null]`))
	require.NoError(t, err)
	lines, _ = logged(t, left, slog.LevelInfo)
	require.Contains(t, lines, `"count":2,"first_index":2`)
	require.Equal(t, 1, strings.Count(lines, "\n"))
}

// What a value loses by its type is logged with the path of its field, and without the
// value.
func TestLostValues(t *testing.T) {
	for object, want := range map[string]string{
		`{"number":"secret"}`:            "number: string where a whole number of 64 bits is expected",
		`{"number":1.5}`:                 "number: number where a whole number of 64 bits is expected",
		`{"number":9223372036854775808}`: "number: number where a whole number of 64 bits is expected",
		`{"real":"secret"}`:              "real: string where a number is expected",
		`{"perhaps":{}}`:                 "perhaps: object where a number is expected",
		`{"is":"secret"}`:                "is: string where a boolean is expected",
		`{"at":1770076800}`:              "at: number where a time is expected",
		`{"at":"secret"}`:                "at: string where a time is expected",
		`{"text":{"a":1}}`:               "text: object where a string is expected",
		`{"word":[1]}`:                   "word: array where a string is expected",
		`{"one":true}`:                   "one: boolean where an object is expected",
		`{"one":{"name":[]}}`:            "one.name: array where a string is expected",
		`{"many":"secret"}`:              "many: string where an array is expected",
		`{"many":[{},7,{"name":{}}]}`:    "many[1]: number where an object is expected; many[2].name: object where a string is expected",
		`{"texts":["a",[]]}`:             "texts[1]: array where a string is expected",
		`{"map":[]}`:                     "map: array where an object is expected",
		`{"map":{"secret":{}}}`:          "map.*: object where a string is expected",
		`{"any":{"a":[1e400]}}`:          "any: number where a number of 64 bits is expected",
		`{"text":{},"number":[], "one" : {"name": {} } }`:    "text: object where a string is expected; number: array where a whole number of 64 bits is expected; one.name: object where a string is expected",
		`{"other":{"name":[]},"Text":{},"-":{}}`:             "", // fields that nothing asks for
		`{"text":7,"number":"7","is":"true"}`:                "", // converted
		`{"number":"","at":"","one":"","many":""}`:           "",
		`{"number":null,"at":null,"one":null,"many":[null]}`: "",
		`{"system_output":{"a":1}}`:                          "",
		wholeThing:                                           "",
	} {
		_, left, err := lenient.Object[*thing](t.Context(), []byte(object))
		require.NoError(t, err, object)
		lines, fields := logged(t, left, slog.LevelDebug)
		require.Equal(t, want, strings.Join(fields, "; "), object)
		require.NotContains(t, lines, "secret", object)
		lines, _ = logged(t, left, slog.LevelInfo)
		require.Empty(t, lines, object)

		_, left, err = lenient.List[*thing](t.Context(), []byte("[{}, "+object+"]"))
		require.NoError(t, err, object)
		_, fields = logged(t, left, slog.LevelDebug)
		if want != "" {
			require.Equal(t, "[1]."+strings.ReplaceAll(want, "; ", "; [1]."), strings.Join(fields, "; "), object)
		} else {
			require.Empty(t, fields, object)
		}
	}
}

// An object that is the same as the one before it has lost as much.
func TestLostValuesAreCounted(t *testing.T) {
	elements := strings.Repeat(`,{"one":{"name":[]}}`, 100)[1:]
	_, left, err := lenient.List[*thing](t.Context(), []byte("["+elements+"]"))
	require.NoError(t, err)
	lines, fields := logged(t, left, slog.LevelDebug)
	require.Len(t, fields, 5)
	require.Equal(t, "[4].one.name: array where a string is expected", fields[4])
	require.Contains(t, lines, `"level":"DEBUG","msg":"gitlabci: values of another type than expected are left out","endpoint":"/jobs","count":100,`)
	require.Equal(t, 1, strings.Count(lines, "\n"))
}

// An object that cannot be used, for example because of its ID, is still logged, and so is
// what comes before invalid JSON.
func TestLostValuesBeforeAnError(t *testing.T) {
	_, left, err := lenient.Object[*thing](t.Context(), []byte(`{"many":[{"name":{}},}`))
	require.Error(t, err)
	_, fields := logged(t, left, slog.LevelDebug)
	require.Equal(t, []string{"many[0].name: object where a string is expected"}, fields)

	_, left, err = lenient.List[*thing](t.Context(), []byte(`[{},{"one":{"name":{}},]`))
	require.Error(t, err)
	_, fields = logged(t, left, slog.LevelDebug)
	require.Equal(t, []string{"[1].one.name: object where a string is expected"}, fields)
}

func TestLostValuesOfStreams(t *testing.T) {
	s := lenient.NewStream(strings.NewReader(`{"text":{},"text":"","many":[{},{"name":"a"},{"name":{}},{"name":[]}],"many":7,"inside":[],"inside":null,"other":[{}]}`), 1000)
	got, err := readParts(s)
	require.NoError(t, err)
	require.Equal(t, []string{"", "a", "", ""}, got.objects)
	_, fields := logged(t, s.LeftOut(), slog.LevelDebug)
	require.Equal(t, []string{
		"text: object where a string is expected",
		"many[2].name: object where a string is expected",
		"many[3].name: array where a string is expected",
		"many: number where an array is expected",
		"inside: array where an object is expected",
	}, fields)

	many := strings.Repeat(`,{"name":{}}`, 1000)[1:]
	s = lenient.NewStream(strings.NewReader(fmt.Sprintf(`{"many":[%s],"many":[%s]}`, many, many)), 1000)
	_, err = readParts(s)
	require.NoError(t, err)
	lines, fields := logged(t, s.LeftOut(), slog.LevelDebug)
	require.Len(t, fields, 5)
	require.Contains(t, lines, `"count":2000`)
}
