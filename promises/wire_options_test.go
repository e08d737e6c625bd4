package promises_test

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A wireOption is an options struct with one field set, and what it sends.
type wireOption[O any] struct {
	field string // and, after a space, which of its cases
	opts  O
	query url.Values
}

// wireTimes are the cases of a time: UTC, other zones, and parts of a second.
func wireTimes[O any](field, name string, set func(*O, time.Time)) (tests []wireOption[O]) {
	east, west := time.FixedZone("", 2*60*60), time.FixedZone("", -(3*60+30)*60)
	for text, moment := range map[string]time.Time{
		"2026-02-03T04:05:06Z":           time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		"2026-02-03T04:05:06+02:00":      time.Date(2026, 2, 3, 4, 5, 6, 0, east),
		"2026-02-03T04:05:06.12-03:30":   time.Date(2026, 2, 3, 4, 5, 6, 120_000_000, west),
		"2026-02-03T04:05:06.000000007Z": time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC),
	} {
		test := wireOption[O]{field: field + " " + text, query: url.Values{name: {text}}}
		set(&test.opts, moment)
		tests = append(tests, test)
	}
	return tests
}

// wireListFields are the cases of [gitlabci.ListOptions] in a struct of
// options that embeds it.
func wireListFields[O any](embed func(gitlabci.ListOptions) O) []wireOption[O] {
	return []wireOption[O]{
		{"Page", embed(gitlabci.ListOptions{Page: 3}), url.Values{"page": {"3"}}},
		{"PerPage", embed(gitlabci.ListOptions{PerPage: 7}), url.Values{"per_page": {"7"}}},
		{"PerPage largest", embed(gitlabci.ListOptions{PerPage: 100}), url.Values{"per_page": {"100"}}},
		{"After", embed(gitlabci.ListOptions{After: "page=2&ref=a%2Bb"}), url.Values{"page": {"2"}, "ref": {"a+b"}}},
		{"Prefetch", embed(gitlabci.ListOptions{Prefetch: 8}), url.Values{}}, // it is no affair of GitLab's
	}
}

func TestWireListPipelinesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListPipelinesOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Scope", options{Scope: gitlabci.PipelineScopeBranches}, url.Values{"scope": {"branches"}}},
		{"Status", options{Status: gitlabci.StatusFailed}, url.Values{"status": {"failed"}}},
		{"Status unknown", options{Status: "of tomorrow"}, url.Values{"status": {"of tomorrow"}}},
		{"Ref", options{Ref: "feature/a#b&c=d+é"}, url.Values{"ref": {"feature/a#b&c=d+é"}}},
		{"SHA", options{SHA: "c0ffee"}, url.Values{"sha": {"c0ffee"}}},
		{"Source", options{Source: gitlabci.SourceParentPipeline}, url.Values{"source": {"parent_pipeline"}}},
		{"Name", options{Name: "Nightly 100%"}, url.Values{"name": {"Nightly 100%"}}},
		{"Username", options{Username: "maya"}, url.Values{"username": {"maya"}}},
		{"YAMLErrors with", options{YAMLErrors: new(true)}, url.Values{"yaml_errors": {"true"}}},
		{"YAMLErrors without", options{YAMLErrors: new(false)}, url.Values{"yaml_errors": {"false"}}},
		{"OrderBy", options{OrderBy: gitlabci.PipelineOrderByUpdatedAt}, url.Values{"order_by": {"updated_at"}}},
		{"Sort", options{Sort: gitlabci.SortAsc}, url.Values{"sort": {"asc"}}},
	}...)
	tests = append(tests, wireTimes("UpdatedAfter", "updated_after", func(o *options, t time.Time) { o.UpdatedAfter = t })...)
	tests = append(tests, wireTimes("UpdatedBefore", "updated_before", func(o *options, t time.Time) { o.UpdatedBefore = t })...)
	tests = append(tests, wireTimes("CreatedAfter", "created_after", func(o *options, t time.Time) { o.CreatedAfter = t })...)
	tests = append(tests, wireTimes("CreatedBefore", "created_before", func(o *options, t time.Time) { o.CreatedBefore = t })...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Pipelines.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.PipelineInfo, error] {
		return c.Pipelines.All(ctx, "group/app", o)
	})
}

func TestWireListMyPipelinesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListMyPipelinesOptions
	// Page is refused here: see TestPagesRefusedOptions.
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} })[1:], []wireOption[options]{
		{"Source", options{Source: gitlabci.SourcePush}, url.Values{"source": {"push"}}},
		{"OrderBy", options{OrderBy: gitlabci.PipelineOrderByCreatedAt}, url.Values{"order_by": {"created_at"}}},
		{"Sort", options{Sort: gitlabci.SortDesc}, url.Values{"sort": {"desc"}}},
	}...)
	tests = append(tests, wireTimes("CreatedAfter", "created_after", func(o *options, t time.Time) { o.CreatedAfter = t })...)
	tests = append(tests, wireTimes("CreatedBefore", "created_before", func(o *options, t time.Time) { o.CreatedBefore = t })...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Pipelines.ListMine(ctx, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.UserPipeline, error] {
		return c.Pipelines.AllMine(ctx, o)
	}, "Page")
}

func TestWireListPipelineJobsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListPipelineJobsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Scope", options{Scope: []gitlabci.Status{gitlabci.StatusRunning}}, url.Values{"scope[]": {"running"}}},
		{"Scope of two", options{Scope: []gitlabci.Status{gitlabci.StatusRunning, gitlabci.StatusFailed}}, url.Values{"scope[]": {"running", "failed"}}},
		{"IncludeRetried", options{IncludeRetried: true}, url.Values{"include_retried": {"true"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Jobs.ListForPipeline(ctx, "group/app", 42, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Job, error] {
		return c.Jobs.AllForPipeline(ctx, "group/app", 42, o)
	})
}

func TestWireListTriggerJobsOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListTriggerJobsOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Scope", options{Scope: []gitlabci.Status{gitlabci.StatusManual}}, url.Values{"scope[]": {"manual"}}},
		{"Scope of two", options{Scope: []gitlabci.Status{gitlabci.StatusManual, "of tomorrow"}}, url.Values{"scope[]": {"manual", "of tomorrow"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Jobs.ListTriggerJobs(ctx, "group/app", 42, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.TriggerJob, error] {
		return c.Jobs.AllTriggerJobs(ctx, "group/app", 42, o)
	})
}

// wireOptions checks the query of each test for a list and, with 100 a page
// unless it or its cursor says otherwise, for its iterator; then that of no
// options at all. Every field of O must have a test, except for those left out.
func wireOptions[O, T any](
	t *testing.T, tests []wireOption[O],
	list func(context.Context, *gitlabci.Client, *O) (any, error),
	all func(context.Context, *gitlabci.Client, *O) iter.Seq2[*T, error],
	leftOut ...string,
) {
	t.Helper()
	wireOptionsBeside(t, url.Values{}, tests, list, all, leftOut...)
}

// wireOptionsBeside is wireOptions for a list that sends own parameters, unless the page has
// a number.
func wireOptionsBeside[O, T any](
	t *testing.T, own url.Values, tests []wireOption[O],
	list func(context.Context, *gitlabci.Client, *O) (any, error),
	all func(context.Context, *gitlabci.Client, *O) iter.Seq2[*T, error],
	leftOut ...string,
) {
	t.Helper()
	tests = append(tests, wireOption[O]{field: "", query: own})
	seen := append([]string{"ListOptions"}, leftOut...)
	for _, test := range tests {
		t.Run(test.field, func(t *testing.T) {
			field, _, _ := strings.Cut(test.field, " ")
			if field != "" {
				seen = append(seen, field)
				require.False(t, reflect.ValueOf(test.opts).FieldByName(field).IsZero(), "the test does not set %s", field)
			}
			before := testkit.JSON(t, test.opts)
			require.Equal(t, test.query, wireQuery(t, func(c *gitlabci.Client) error {
				_, err := list(t.Context(), c, &test.opts)
				return err
			}))
			ranged := maps.Clone(test.query)
			if !ranged.Has("per_page") && field != "After" {
				ranged.Set("per_page", "100")
			}
			require.Equal(t, ranged, wireQuery(t, func(c *gitlabci.Client) error {
				return testkit.Drain(all(t.Context(), c, &test.opts))
			}))
			require.Equal(t, before, testkit.JSON(t, test.opts), "the caller's options changed")
		})
	}
	wireFields[O](t, seen)
	require.Equal(t, own, wireQuery(t, func(c *gitlabci.Client) error {
		_, err := list(t.Context(), c, nil)
		return err
	}))
}

// wireFields checks that every exported field of O was seen.
func wireFields[O any](t *testing.T, seen []string) {
	t.Helper()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[O]()) {
		if field.IsExported() {
			require.Contains(t, seen, field.Name, "no test sets this option")
		}
	}
}

// wireQuery is the query of the one request that call sends, as GitLab reads
// it: a plus that is not escaped is a space.
func wireQuery(t *testing.T, call func(*gitlabci.Client) error) url.Values {
	t.Helper()
	s := testkit.NewScript(testkit.Respond(http.StatusOK, `[]`))
	require.NoError(t, call(s.Client(t)))
	query, err := url.ParseQuery(testkit.OneRequest(t, s).URL.RawQuery)
	require.NoError(t, err)
	return query
}

func TestWireCreatePipelineOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.CreatePipelineOptions
	tests := []struct {
		field string
		opts  options
		body  string
	}{
		{"", options{}, `{"ref":"main"}`},
		{"Variables", options{Variables: []*gitlabci.Variable{
			{Key: "A", Value: "1"},
			{Key: "EMPTY"},
			{Key: "CONFIG", Value: "a\n\"b\" <c>&é\u2028", VariableType: gitlabci.VariableTypeFile},
			{Key: "READ", Value: "$A", VariableType: gitlabci.VariableTypeEnvVar},
		}}, `{"ref":"main","variables":[
			{"key":"A","value":"1"},
			{"key":"EMPTY","value":""},
			{"key":"CONFIG","value":"a\n\"b\" <c>&é\u2028","variable_type":"file"},
			{"key":"READ","value":"$A","variable_type":"env_var"}]}`},
		{"Inputs", options{Inputs: map[string]any{
			"env": "prod", "count": 3, "ratio": 0.5, "dry": false, "hosts": []string{"a", "b"}, "none": []any{},
		}}, `{"ref":"main","inputs":{"env":"prod","count":3,"ratio":0.5,"dry":false,"hosts":["a","b"],"none":[]}}`},
	}
	seen := []string{"IdempotencyKey", "WaitForRef"} // by TestKeyedCreate and TestWaitForRef
	for _, test := range tests {
		t.Run(test.field, func(t *testing.T) {
			seen = append(seen, test.field)
			s := testkit.NewScript(testkit.Respond(http.StatusCreated, `{"id":42}`))
			before := testkit.JSON(t, test.opts)
			_, err := s.Client(t).Pipelines.Create(t.Context(), "group/app", "main", &test.opts)
			require.NoError(t, err)
			require.JSONEq(t, test.body, s.Bodies[0])
			require.Equal(t, "application/json", testkit.OneRequest(t, s).Header.Get("Content-Type"))
			require.Empty(t, testkit.OneRequest(t, s).URL.RawQuery)
			require.Equal(t, before, testkit.JSON(t, test.opts), "the caller's options changed")
		})
	}
	wireFields[options](t, seen)
}

func TestWireUpdateMetadataOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.UpdateMetadataOptions
	require.Equal(t, 1, reflect.TypeFor[options]().NumField(), "an option without a test")
	for _, name := range []string{"Nightly", " a/b#c?d=100%+é \"<&>\" "} {
		opts := options{Name: name}
		s := testkit.NewScript(testkit.Respond(http.StatusOK, `{"id":42}`))
		_, err := s.Client(t).Pipelines.UpdateMetadata(t.Context(), "group/app", 42, &opts)
		require.NoError(t, err)
		require.JSONEq(t, `{"name":`+testkit.JSON(t, name)+`}`, s.Bodies[0])
		require.Equal(t, "application/json", testkit.OneRequest(t, s).Header.Get("Content-Type"))
		require.Equal(t, options{Name: name}, opts)
	}
}
