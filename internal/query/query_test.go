package query_test

import (
	"reflect"
	"testing"
	"time"

	standard "github.com/google/go-querystring/query"
	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/query"
)

// optionTypes are the structs of options of all methods that have a query. They are found by
// reflection, so that none is forgotten.
func optionTypes() map[string]reflect.Type {
	found := map[string]reflect.Type{}
	for field, service := range reflect.ValueOf(gitlabci.Client{}).Fields() {
		for _, method := range service.Methods() {
			if !field.IsExported() {
				continue
			}
			last := method.Type().In(method.Type().NumIn() - 1)
			if last.Kind() == reflect.Pointer && last.Elem().Kind() == reflect.Struct && hasParameters(last.Elem()) {
				found[last.Elem().Name()] = last.Elem()
			}
		}
	}
	return found
}

func hasParameters(t reflect.Type) bool {
	for f := range t.Fields() {
		if f.Tag.Get("url") != "" || f.Anonymous && f.Type.Kind() == reflect.Struct && hasParameters(f.Type) {
			return true
		}
	}
	return false
}

// values are what a field may have, of each type that one has: zero and not, empty and not.
func values(t reflect.Type) (found []reflect.Value) {
	add := func(values ...any) {
		for _, v := range values {
			found = append(found, reflect.ValueOf(v).Convert(t))
		}
	}
	east := time.FixedZone("", 2*3600)
	switch {
	case t == reflect.TypeFor[time.Time]():
		add(time.Time{}, time.Time{}.In(east), time.Unix(0, 0), time.Date(2026, 4, 9, 5, 30, 0, 120_000_000, time.UTC), time.Date(2026, 4, 9, 5, 30, 0, 1, east))
	case t.Kind() == reflect.String:
		add("", "a", " ", "a b+c&d=é%2F,e[]")
	case t.Kind() == reflect.Bool:
		add(false, true)
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		add(0, 1, -1, 100_000)
	case t.Kind() == reflect.Pointer:
		found = append(found, reflect.Zero(t))
		for _, v := range values(t.Elem()) {
			to := reflect.New(t.Elem())
			to.Elem().Set(v)
			found = append(found, to)
		}
	case t.Kind() == reflect.Slice:
		all := reflect.MakeSlice(t, 0, 0)
		found = append(found, reflect.Zero(t), all)
		for _, v := range values(t.Elem()) {
			all = reflect.Append(all, v)
			found = append(found, reflect.Append(reflect.MakeSlice(t, 0, 1), v), all)
		}
	}
	return found
}

// The query of options is that of go-querystring: of unset ones, of ones with each value of each
// field, and of ones with all fields set.
func TestValuesOfAllOptions(t *testing.T) {
	types := optionTypes()
	require.Greater(t, len(types), 15)
	kinds := map[reflect.Kind]int{}
	for name, options := range types {
		require.Empty(t, query.Values(reflect.Zero(reflect.PointerTo(options)).Interface()), name)
		all := reflect.New(options)
		check := func(v reflect.Value, field string) {
			want, err := standard.Values(v.Interface())
			require.NoError(t, err)
			require.Equal(t, want, query.Values(v.Interface()), "%s.%s", name, field)
			require.Equal(t, want, query.Values(v.Elem().Interface()), "%s.%s", name, field)
		}
		check(all, "")
		for _, field := range reflect.VisibleFields(options) {
			if field.Anonymous {
				continue
			}
			one, some := reflect.New(options), values(field.Type)
			require.NotEmpty(t, some, "%s.%s", name, field.Name)
			for _, v := range some {
				one.Elem().FieldByIndex(field.Index).Set(v)
				check(one, field.Name)
				all.Elem().FieldByIndex(field.Index).Set(v)
				check(all, field.Name)
			}
			kinds[field.Type.Kind()]++
		}
	}
	for _, kind := range []reflect.Kind{reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Pointer, reflect.Slice, reflect.Struct} {
		require.NotZero(t, kinds[kind], kind)
	}
}
