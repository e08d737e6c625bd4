package promises_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/testkit"
)

// A listParameter is a field of the options of a list.
type listParameter struct {
	field reflect.StructField
	name  string // in the query, without brackets
	lists []reflect.Value
}

// listParameters are the fields of all options that embed ListOptions, with the methods
// that take them, by the name of the struct and of the parameter. They are found by
// reflection, so that none is forgotten.
func listParameters(client *gitlabci.Client) map[string]listParameter {
	found := map[string]listParameter{}
	for service, v := range reflect.ValueOf(client).Elem().Fields() {
		for m := 0; service.IsExported() && m < v.NumMethod(); m++ {
			method := v.Method(m)
			last := method.Type().In(method.Type().NumIn() - 1)
			if last.Kind() != reflect.Pointer || last.Elem().Kind() != reflect.Struct {
				continue
			}
			options := last.Elem()
			if embedded, ok := options.FieldByName("ListOptions"); !ok || !embedded.Anonymous {
				continue
			}
			for field := range options.Fields() {
				tag, _, _ := strings.Cut(field.Tag.Get("url"), ",")
				if field.Anonymous {
					continue
				}
				p := found[options.Name()+"."+tag]
				found[options.Name()+"."+tag] = listParameter{field, tag, append(p.lists, method)}
			}
		}
	}
	return found
}

// notChecked are the parameters that no item can contradict, with the reason.
var notChecked = map[string]string{
	"order_by":        "only the order of the list",
	"sort":            "only the order of the list",
	"username":        "a pipeline in a list does not have its user",
	"yaml_errors":     "a pipeline in a list does not have its errors",
	"include_retried": "it lists more, and an item does not show that it was retried",
	"path":            "the endpoint was made with it",
	"recursive":       "the endpoint was made with it",
	"stage":           "a status does not have its stage",
	"all":             "it lists more, and an item does not show that it was superseded",

	"membership":        "a project does not show whether one is a member of a group above it",
	"min_access_level":  "a project does not show a role of a group above it",
	"search":            "the server decides what is alike",
	"simple":            "less of each item",
	"include_subgroups": "it lists more",
	"with_shared":       "a project does not show whether it is shared",
	"view":              "less of each item",
	"regex":             "the server decides what matches",
	"finished_after":    "a deployment does not show when it finished",
	"finished_before":   "a deployment does not show when it finished",
	"ref_name":          "a commit does not show on which branches it is",
	"author":            "the server decides what matches",
	"first_parent":      "it lists fewer, and an item does not show why",
}

// call calls a method of a list with one option set, and ranges over what it returns.
func (p listParameter) call(ctx context.Context, list reflect.Value, value any) error {
	options := reflect.New(list.Type().In(list.Type().NumIn() - 1).Elem())
	options.Elem().FieldByIndex(p.field.Index).Set(reflect.ValueOf(value).Convert(p.field.Type))
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < list.Type().NumIn()-1; i++ {
		argument := reflect.New(list.Type().In(i)).Elem()
		switch argument.Kind() {
		case reflect.String:
			argument.SetString("group/app")
		default:
			argument.SetInt(7)
		}
		in = append(in, argument)
	}
	out := list.Call(append(in, options))
	if len(out) == 1 {
		for _, err := range out[0].Seq2() {
			failure, _ := reflect.TypeAssert[error](err)
			return failure // of the first item
		}
		return nil
	}
	err, _ := reflect.TypeAssert[error](out[1])
	return err
}

// otherValues are values that the item of TestEveryFilterIsChecked does not have.
func otherValues(t *testing.T, p listParameter) any {
	t.Helper()
	switch {
	case p.field.Type.Kind() == reflect.String:
		return "wanted"
	case p.field.Type.Kind() == reflect.Int64:
		return 5
	case p.field.Type == reflect.TypeFor[*bool]():
		return new(false)
	case p.field.Type == reflect.TypeFor[[]int64]():
		return []int64{5}
	case p.field.Type == reflect.TypeFor[[]string]():
		return []string{"wanted"}
	case p.field.Type == reflect.TypeFor[[]gitlabci.Status]():
		return []gitlabci.Status{"wanted"}
	case p.field.Type == reflect.TypeFor[time.Time]() && (strings.HasSuffix(p.name, "_before") || p.name == "until"):
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	case p.field.Type == reflect.TypeFor[time.Time]():
		return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	require.Fail(t, "no value of this type", "%v", p.field.Type)
	return nil
}

// Every filter of every list is compared with the items. A server that ignores it lists
// this one.
func TestEveryFilterIsChecked(t *testing.T) {
	t.Parallel()
	item := `[{"id":"1","committed_date":"2026-03-01T00:00:00Z","name":"a","ref":"main","sha":"c0ffee","status":"failed","source":"push","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-01T00:00:00Z",
		"visibility":"private","iid":1,"state":"opened","environment":{"id":1,"name":"a"},"author":{"username":"a"},"labels":["a"],"topics":["a"],"archived":true,"last_activity_at":"2026-03-01T00:00:00Z"}]`
	client := testkit.NewScript(testkit.Respond(200, item)).Client(t)
	parameters := listParameters(client)
	require.Greater(t, len(parameters), 20)
	unused := maps.Clone(notChecked)
	for name, p := range parameters {
		delete(unused, p.name)
		if notChecked[p.name] != "" {
			continue
		}
		require.GreaterOrEqual(t, len(p.lists), 2, "%s: for one page, and for all", name)
		for _, list := range p.lists {
			err := p.call(t.Context(), list, otherValues(t, p))
			require.ErrorIs(t, err, errors.ErrUnsupported, name)
			require.ErrorContains(t, err, "the server ignores the parameter "+p.name, name)
		}
	}
	require.Empty(t, unused, "no list has these parameters")
}

// triedInReleases are the filters that are tried with every release: those of pipelines
// by what is deleted, and those of jobs. The list of all own pipelines has had its filters
// from its first release on, and so has that of a commit's statuses, as far as is known.
func triedInReleases() (names []string) {
	for name := range filterCases() {
		names = append(names, "ListPipelinesOptions."+name)
	}
	structs := map[string]string{"of a project": "ListJobsOptions", "of a pipeline": "ListPipelineJobsOptions", "of trigger jobs": "ListTriggerJobsOptions"}
	for name := range filteredLists {
		parameter, list, _ := strings.Cut(name, " ")
		names = append(names, structs[list]+"."+strings.TrimSuffix(parameter, "[]"))
	}
	names = append(names, "ListStatusesOptions.ref", "ListStatusesOptions.name", "ListStatusesOptions.pipeline_id", "ListWebhookEventsOptions.status",
		"ListSchedulesOptions.scope", "ListSchedulePipelinesOptions.scope", "ListSchedulePipelinesOptions.status",
		"ListSchedulePipelinesOptions.updated_after", "ListSchedulePipelinesOptions.updated_before",
		"ListSchedulePipelinesOptions.created_after", "ListSchedulePipelinesOptions.created_before")
	for _, name := range []string{"visibility", "topic", "archived"} { // as far as is known
		names = append(names, "ListProjectsOptions."+name, "ListGroupProjectsOptions."+name)
	}
	names = append(names, "ListProjectsOptions.last_activity_after", "ListProjectsOptions.id_after")
	names = append(names, "ListCommitsOptions.since", "ListCommitsOptions.until", "ListEnvironmentsOptions.name", "ListEnvironmentsOptions.states")
	for _, name := range []string{"environment", "status", "updated_after", "updated_before"} {
		names = append(names, "ListDeploymentsOptions."+name)
	}
	for _, name := range []string{
		"state", "source_branch", "target_branch", "author_username", "labels", "iids", "updated_after", "updated_before", "created_after", "created_before",
	} {
		names = append(names, "ListMergeRequestsOptions."+name)
	}
	return append(names, "ListMyPipelinesOptions.source", "ListMyPipelinesOptions.created_after", "ListMyPipelinesOptions.created_before")
}

// A new filter cannot be forgotten where they are tried with every release.
func TestEveryFilterIsTriedInEveryRelease(t *testing.T) {
	t.Parallel()
	var checked []string
	for name, p := range listParameters(testkit.NewScript(testkit.OK).Client(t)) {
		if notChecked[p.name] == "" {
			checked = append(checked, name)
		}
	}
	require.ElementsMatch(t, triedInReleases(), checked)
}

// A cursor may have every parameter of every list: one that is not known would be refused
// in a stored cursor, and dropped from a link.
func TestCursorsHaveEveryOption(t *testing.T) {
	t.Parallel()
	parameters := listParameters(testkit.NewScript(testkit.OK).Client(t))
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		p := parameters[name]
		query := "page=2&" + p.name + "=7"
		if strings.Contains(p.field.Tag.Get("url"), ",brackets") {
			query = "page=2&" + p.name + "%5B%5D=x&" + p.name + "%5B%5D=y"
		}
		values, err := pages.Query(query)
		require.NoError(t, err, name)
		require.Len(t, values, 2, name)
	}
	for field := range reflect.TypeFor[gitlabci.ListOptions]().Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("url"), ","); name != "-" {
			_, err := pages.Query(name + "=2")
			require.NoError(t, err, field.Name)
		}
	}
}
