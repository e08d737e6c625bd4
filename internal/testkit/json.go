package testkit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// SameJSON checks that encoding/json and back again makes the same of a
// response.
func SameJSON(t *testing.T, first any, decode func(body string) (any, error)) {
	t.Helper()
	data, err := json.Marshal(first)
	require.NoError(t, err)
	second, err := decode(string(data))
	require.NoError(t, err, "%s", data)
	equalJSON(t, "response", reflect.ValueOf(first), reflect.ValueOf(second))
}

// equalJSON is require.Equal but for times, which may be written in another
// zone.
func equalJSON(t *testing.T, where string, a, b reflect.Value) {
	t.Helper()
	require.Equal(t, a.Type(), b.Type(), where)
	if at, isTime := a.Interface().(time.Time); isTime {
		require.True(t, at.Equal(b.Interface().(time.Time)), "%s: %v and %v", where, a, b)
		return
	}
	switch a.Kind() {
	case reflect.Pointer:
		require.Equal(t, a.IsNil(), b.IsNil(), where)
		if !a.IsNil() {
			equalJSON(t, where, a.Elem(), b.Elem())
		}
	case reflect.Struct:
		for i := range a.NumField() {
			equalJSON(t, where+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	case reflect.Slice:
		require.Equal(t, a.Len(), b.Len(), where)
		for i := range a.Len() {
			equalJSON(t, fmt.Sprintf("%s[%d]", where, i), a.Index(i), b.Index(i))
		}
	case reflect.Map:
		require.Equal(t, a.Len(), b.Len(), where)
		for _, key := range a.MapKeys() {
			require.True(t, b.MapIndex(key).IsValid(), "%s[%v]", where, key)
			equalJSON(t, fmt.Sprintf("%s[%v]", where, key), a.MapIndex(key), b.MapIndex(key))
		}
	default:
		require.Equal(t, a.Interface(), b.Interface(), where)
	}
}

// ScalarPairs are values that have been seen where others belong.
var ScalarPairs = []string{
	`null`, `true`, `0`, `-0`, `1.5`, `"42"`, `""`, `"x"`, `{}`, `[]`, `1e400`, `9223372036854775808`, `"2026-02-03"`, `"2026-02-03T04:05:06.789+02:00"`,
	`"9999-12-31T23:59:59-23:59"`, `"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00Z"`, `"2016-08-11 11:28:34 UTC"`, `"NaN"`, `"\ud800"`, "\"\xff\"", `"30.00"`,
}

// GoldenFile returns a file of the module's testdata.
func GoldenFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(ModuleFile(t, "testdata/"+name))
	require.NoError(t, err)
	return data
}

// ModuleFile returns the path of a file of this module, by its name from the
// module's root.
func ModuleFile(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, filepath.FromSlash(name))
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the test")
		dir = parent
	}
}

// JSON is v in JSON, by another package than ours.
func JSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
