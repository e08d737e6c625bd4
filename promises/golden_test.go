package promises_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

// A goldenCall is a method and what a test calls it with.
type goldenCall struct {
	method string
	id     int64
	name   string // of a job
	route  string // the end of a second request's path, after the first one was not found
}

func (c goldenCall) target() testkit.Target {
	return testkit.Target{Project: "group/app", ID: c.id, Name: c.name}
}

func (c goldenCall) do(ctx context.Context, client *gitlabci.Client) (any, error) {
	return testkit.Methods[c.method].Call(ctx, client, c.target())
}

// requests are those that the call should send. The last one gets the response.
func (c goldenCall) requests() []string {
	method := testkit.Methods[c.method]
	path := method.Verb() + " /api/v4" + method.Path(c.target())
	if c.route == "" {
		return []string{path}
	}
	return []string{path, path[:strings.LastIndex(path, "/")+1] + c.route}
}

// goldenCalls are named as the files with their responses.
var goldenCalls = map[string]goldenCall{
	"pipelines_list":                          {method: "Pipelines.List"},
	"pipelines_all":                           {method: "Pipelines.All"},
	"pipelines_list_mine":                     {method: "Pipelines.ListMine"},
	"pipelines_all_mine":                      {method: "Pipelines.AllMine"},
	"pipelines_get":                           {method: "Pipelines.Get", id: 90377},
	"pipelines_latest":                        {method: "Pipelines.Latest"},
	"pipelines_create":                        {method: "Pipelines.Create"},
	"pipelines_retry":                         {method: "Pipelines.Retry", id: 90377},
	"pipelines_cancel":                        {method: "Pipelines.Cancel", id: 90441},
	"pipelines_update_metadata":               {method: "Pipelines.UpdateMetadata", id: 90420},
	"pipelines_variables":                     {method: "Pipelines.Variables", id: 90377},
	"pipelines_test_report":                   {method: "Pipelines.TestReport", id: 90377},
	"pipelines_test_report_summary":           {method: "Pipelines.TestReportSummary", id: 90377},
	"jobs_list_for_pipeline":                  {method: "Jobs.ListForPipeline", id: 90377},
	"jobs_all_for_pipeline":                   {method: "Jobs.AllForPipeline", id: 90377},
	"jobs_list_trigger_jobs":                  {method: "Jobs.ListTriggerJobs", id: 90377},
	"jobs_list_trigger_jobs by the new route": {method: "Jobs.ListTriggerJobs", id: 90377, route: "trigger_jobs"},
	"jobs_all_trigger_jobs":                   {method: "Jobs.AllTriggerJobs", id: 90377},
	"jobs_list":                               {method: "Jobs.List"},
	"jobs_all":                                {method: "Jobs.All"},
	"jobs_get":                                {method: "Jobs.Get", id: 550123},
	"jobs_find_by_name":                       {method: "Jobs.FindByName", id: 91004, name: "rspec 2/3"},
	"jobs_cancel":                             {method: "Jobs.Cancel", id: 550130},
	"jobs_retry":                              {method: "Jobs.Retry", id: 550130},
	"jobs_play":                               {method: "Jobs.Play", id: 550140},
	"jobs_play_or_retry":                      {method: "Jobs.PlayOrRetry", id: 550140},
	"jobs_erase":                              {method: "Jobs.Erase", id: 550150},
	"jobs_current":                            {method: "Jobs.Current"},
	"jobs_allowed_agents":                     {method: "Jobs.AllowedAgents"},
	"artifacts_entries":                       {method: "Artifacts.ListEntries", id: 550170},
	"artifacts_all_entries":                   {method: "Artifacts.AllEntries", id: 550170},
	"artifacts_keep":                          {method: "Artifacts.Keep", id: 550170},
	"statuses_list":                           {method: "Statuses.List"},
	"statuses_all":                            {method: "Statuses.All"},
	"pipelines_trigger":                       {method: "Pipelines.Trigger"},
	"triggers_list":                           {method: "Triggers.List"},
	"triggers_all":                            {method: "Triggers.All"},
	"triggers_get":                            {method: "Triggers.Get", id: 3301},
	"triggers_create":                         {method: "Triggers.Create"},
	"triggers_update":                         {method: "Triggers.Update", id: 3301},
	"schedules_list":                          {method: "Schedules.List"},
	"schedules_all":                           {method: "Schedules.All"},
	"schedules_get":                           {method: "Schedules.Get", id: 4401},
	"schedules_create":                        {method: "Schedules.Create"},
	"schedules_update":                        {method: "Schedules.Update", id: 4401},
	"schedules_take_ownership":                {method: "Schedules.TakeOwnership", id: 4401},
	"schedules_list_pipelines":                {method: "Schedules.ListPipelines", id: 4401},
	"schedules_all_pipelines":                 {method: "Schedules.AllPipelines", id: 4401},
	"schedules_set_variable":                  {method: "Schedules.SetVariable", id: 4401},
	"webhooks_list":                           {method: "Webhooks.List"},
	"webhooks_all":                            {method: "Webhooks.All"},
	"webhooks_get":                            {method: "Webhooks.Get", id: 8801},
	"webhooks_create":                         {method: "Webhooks.Create"},
	"webhooks_update":                         {method: "Webhooks.Update", id: 8802},
	"webhooks_events":                         {method: "Webhooks.Events", id: 8801},
	"webhooks_all_events":                     {method: "Webhooks.AllEvents", id: 8801},
	"webhooks_resend":                         {method: "Webhooks.Resend", id: 8801},
	"variables_list":                          {method: "Variables.List"},
	"variables_all":                           {method: "Variables.All"},
	"variables_get":                           {method: "Variables.Get"},
	"lint_validate":                           {method: "Lint.Validate"},
	"lint_validate_project":                   {method: "Lint.ValidateProject"},
}

func init() { maps.Copy(goldenCalls, goldenLookupCalls) }

// goldenClient returns a client of a server that gives response to the last of
// the requests. When the test ends, exactly these must have come, in order.
func goldenClient(t *testing.T, requests []string, response []byte, opts ...gitlabci.Option) *gitlabci.Client {
	t.Helper()
	var sent []string
	t.Cleanup(func() { require.Equal(t, requests, sent) })
	var net memnet.Network
	net.Handle("gitlab.example.com", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Method+" "+r.URL.EscapedPath())
		w.Header().Set("Content-Type", "application/json")
		if len(sent) < len(requests) {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"error":"404 Not Found"}`)
			return
		}
		w.Write(response)
	}))
	client, err := gitlabci.NewClient(append(opts,
		gitlabci.WithBaseURL("https://gitlab.example.com"),
		gitlabci.WithToken("invented-token"),
		gitlabci.WithTransport(net.Transport()))...)
	require.NoError(t, err)
	return client
}

// goldenResult makes the call of that name and returns its result with response.
func goldenResult(t *testing.T, name string, response []byte, opts ...gitlabci.Option) any {
	t.Helper()
	call, ok := goldenCalls[name]
	require.True(t, ok, "no call is named %q", name)
	return call.ask(t, response, opts...)
}

// resultWithID is goldenResult for the object in response, whatever its ID is.
func resultWithID(t *testing.T, name string, response []byte) any {
	t.Helper()
	call := goldenCalls[name]
	var object map[string]json.RawMessage
	if json.Unmarshal(response, &object) == nil && call.id > 0 {
		id, _, _ := strings.Cut(strings.Trim(string(object["id"]), `"`), ".")
		if n, err := strconv.ParseInt(id, 10, 64); err == nil {
			call.id = n
		}
	}
	return call.ask(t, response)
}

func (c goldenCall) ask(t *testing.T, response []byte, opts ...gitlabci.Option) any {
	t.Helper()
	got, err := c.do(t.Context(), goldenClient(t, c.requests(), response, opts...))
	require.NoError(t, err)
	return got
}

// A goldenTest is a file made by hand: GitLab's fields for one endpoint, all
// of them, with invented values, and filled also where a real server would
// hardly fill them all together.
type goldenTest struct {
	call    string
	file    string
	want    any
	except  []string // fields of the Go type that GitLab does not send here
	leftOut []string // fields of GitLab's that the Go type does not have
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, test := range slices.Concat(goldenPipelines, goldenJobs, goldenActions, goldenWebhookTests, goldenLookups, goldenTriggers, goldenSchedules, goldenVariables) {
		t.Run(test.call, func(t *testing.T) {
			response := testkit.GoldenFile(t, test.file)
			require.Equal(t, test.want, goldenResult(t, test.call, response))
			requireNoUnknownField(t, without(t, response, test.leftOut), test.want)
			require.Equal(t, slices.Sorted(slices.Values(test.except)), goldenUnfilled(test.want),
				"fields that no element fills, against the exceptions")
		})
	}
}

// requireNoUnknownField decodes response with the other decoder that programs
// may use on our types, which can refuse what the type does not have.
func requireNoUnknownField(t *testing.T, response []byte, want any) {
	t.Helper()
	got := reflect.New(reflect.TypeOf(want))
	dec := json.NewDecoder(bytes.NewReader(response))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(got.Interface()))
	require.Equal(t, want, got.Elem().Interface(), "by encoding/json")
}

// without is a response without some fields of its objects, each of which must be there.
func without(t *testing.T, response []byte, fields []string) []byte {
	t.Helper()
	if len(fields) == 0 {
		return response
	}
	list := bytes.HasPrefix(bytes.TrimSpace(response), []byte("["))
	if !list {
		response = fmt.Appendf(nil, "[%s]", response)
	}
	var objects []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(response, &objects))
	for _, field := range fields {
		require.Contains(t, objects[0], field)
		for _, object := range objects {
			delete(object, field)
		}
	}
	if list {
		return []byte(testkit.JSON(t, objects))
	}
	return []byte(testkit.JSON(t, objects[0]))
}

// goldenUnfilled names the exported fields within v, such as User.Bio, that are
// zero in every place.
func goldenUnfilled(v any) []string {
	filled := map[string]bool{}
	goldenVisit(reflect.ValueOf(v), "", filled)
	var unfilled []string
	for name, ok := range filled {
		if !ok {
			unfilled = append(unfilled, name)
		}
	}
	return slices.Sorted(slices.Values(unfilled))
}

func goldenVisit(v reflect.Value, path string, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			goldenVisit(v.Elem(), path, filled)
		}
	case reflect.Slice:
		for _, element := range v.Seq2() {
			goldenVisit(element, path, filled)
		}
	case reflect.Map:
		for _, element := range v.Seq2() {
			goldenVisit(element, path, filled)
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			goldenVisitFields(v, path, filled)
		}
	}
}

func goldenVisitFields(v reflect.Value, path string, filled map[string]bool) {
	for field, value := range v.Fields() {
		if field.Anonymous {
			goldenVisit(value, path, filled)
			continue
		}
		if !field.IsExported() {
			continue
		}
		name := strings.TrimPrefix(path+"."+field.Name, ".")
		filled[name] = filled[name] || !goldenEmpty(value)
		goldenVisit(value, name, filled)
	}
}

func goldenEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Pointer:
		return v.IsNil() || v.Elem().Kind() != reflect.Struct && v.Elem().IsZero()
	}
	return v.IsZero()
}

// goldenBasic are the fields below path of a user whom GitLab names without a
// profile.
func goldenBasic(path string) []string {
	profile := []string{
		"CreatedAt", "Bio", "Location", "Skype", "LinkedIn", "Twitter", "Discord", "WebsiteURL", "GitHub", "Organization",
		"JobTitle", "Pronouns", "Bot", "WorkInformation", "Followers", "Following", "IsFollowed", "LocalTime",
	}
	for i := range profile {
		profile[i] = path + "." + profile[i]
	}
	return profile
}

// A responseTest is a response that is not as GitLab's documents say, and the result of
// the call of that name.
type responseTest struct {
	name     string
	call     string
	response string
	want     any
}

func runResponses(t *testing.T, tests []responseTest) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, resultWithID(t, test.call, []byte(test.response)))
		})
	}
}

// The fields that identify a response are not decoded as leniently as the rest.
func TestDecodeAnotherObject(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ call, response string }{
		"fraction for an ID":              {"pipelines_get", `{"id":47.5,"ref":"main"}`},
		"no number":                       {"pipelines_get", `{"id":"","ref":"main"}`},
		"ID too large":                    {"pipelines_get", `{"id":9223372036854775808,"ref":"main"}`},
		"ID, then a wrong type":           {"pipelines_get", `{"id":1,"ref":"a","id":"x"}`},
		"suites of a wrong type":          {"pipelines_test_report_summary", `{"total":5,"test_suites":{"name":"x"}}`},
		"a job's agents, of a wrong type": {"jobs_allowed_agents", `{"allowed_agents":[{"id":5}],"job":7}`},
		"a user's agents":                 {"jobs_allowed_agents", `{"allowed_agents":[{"id":5}],"user":{"id":4}}`},
	} {
		t.Run(name, func(t *testing.T) {
			call := goldenCalls[test.call]
			_, err := call.do(t.Context(), goldenClient(t, call.requests(), []byte(test.response)))
			require.ErrorContains(t, err, "200 OK with unexpected JSON: not the requested object")
		})
	}
}

// onlyPipeline, onlyJob and onlyCases are the results of responses with no more than a
// test is about.
func onlyPipeline(info gitlabci.PipelineInfo) *gitlabci.Pipeline {
	return &gitlabci.Pipeline{PipelineInfo: info}
}

func onlyJob(info gitlabci.JobInfo) []*gitlabci.Job { return []*gitlabci.Job{{JobInfo: info}} }

func onlyCases(cases ...gitlabci.TestCase) *gitlabci.TestReport {
	return &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{{TestCases: cases}}}
}

func TestDecodeNumbers(t *testing.T) {
	t.Parallel()
	const ref = `,"ref":"main"}` // whatever comes before it, the rest stays
	runResponses(t, []responseTest{
		{"integers as text", "pipelines_get", `{"id":"47","iid":"12","project_id":"1"` + ref,
			onlyPipeline(gitlabci.PipelineInfo{ID: 47, IID: 12, ProjectID: "1", Ref: "main"})},
		{"integer in a list of them as text", "pipelines_test_report_summary", `{"test_suites":[{"build_ids":["66",67]}]}`,
			&gitlabci.TestReportSummary{TestSuites: []gitlabci.TestSuiteSummary{{BuildIDs: []gitlabci.JobID{66, 67}}}}},
		{"seconds as text", "pipelines_get", `{"id":1,"duration":"123.65","queued_duration":"0.010"}`,
			&gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 1}, Duration: 123.65, QueuedDuration: 0.01}},
		{"whole numbers as floats", "pipelines_get", `{"id":47.0,"iid":1.2e1}`, onlyPipeline(gitlabci.PipelineInfo{ID: 47, IID: 12})},
		{"fraction for an integer", "pipelines_get", `{"id":1,"iid":47.5` + ref, onlyPipeline(gitlabci.PipelineInfo{ID: 1, Ref: "main"})},
		{"no number", "pipelines_get", `{"id":1,"iid":"x","duration":"soon","project_id":true,"user":{"id":""}` + ref,
			&gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 1, Ref: "main"}, User: &gitlabci.User{}}},
		{"largest integer", "pipelines_get", `{"id":9223372036854775807,"iid":"9223372036854775807"}`,
			onlyPipeline(gitlabci.PipelineInfo{ID: 9223372036854775807, IID: 9223372036854775807})},
		{"integers too large", "pipelines_get", `{"id":1,"iid":"99999999999999999999","project_id":1e30,"user":{"id":9223372036854775808}` + ref,
			&gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 1, Ref: "main"}, User: &gitlabci.User{}}},
		{"count too large", "pipelines_test_report", `{"total_count":1e30,"failed_count":-9223372036854775809,"error_count":2,"test_suites":[]}`,
			&gitlabci.TestReport{ErrorCount: 2, TestSuites: []gitlabci.TestSuite{}}},
		{"seconds too large", "pipelines_get", `{"id":1,"duration":1e400,"queued_duration":"1e400"` + ref,
			onlyPipeline(gitlabci.PipelineInfo{ID: 1, Ref: "main"})},
	})
}

func TestDecodeCoverage(t *testing.T) {
	t.Parallel()
	one := gitlabci.PipelineInfo{ID: 1}
	rest := onlyPipeline(one)
	runResponses(t, []responseTest{
		{"of a pipeline as a number", "pipelines_get", `{"id":1,"coverage":30.5}`, &gitlabci.Pipeline{PipelineInfo: one, Coverage: new(30.5)}},
		{"of a pipeline is zero", "pipelines_get", `{"id":1,"coverage":"0.00"}`, &gitlabci.Pipeline{PipelineInfo: one, Coverage: new(0.0)}},
		{"of a pipeline is the number zero", "pipelines_get", `{"id":1,"coverage":0}`, &gitlabci.Pipeline{PipelineInfo: one, Coverage: new(0.0)}},
		{"of a pipeline is empty", "pipelines_get", `{"id":1,"coverage":""}`, rest},
		{"of a pipeline is no number", "pipelines_get", `{"id":1,"coverage":"unknown"}`, rest},
		{"of a pipeline is not a number", "pipelines_get", `{"id":1,"coverage":"NaN"}`, rest},
		{"of a pipeline is too large", "pipelines_get", `{"id":1,"coverage":1e400}`, rest},
		{"of a pipeline is an object", "pipelines_get", `{"id":1,"coverage":{"total":30}}`, rest},
		{"of a job as text", "jobs_list_for_pipeline", `[{"id":1,"coverage":"91.5"}]`, onlyJob(gitlabci.JobInfo{ID: 1, Coverage: new(91.5)})},
		{"of a job is zero", "jobs_list_for_pipeline", `[{"id":1,"coverage":0}]`, onlyJob(gitlabci.JobInfo{ID: 1, Coverage: new(0.0)})},
		{"of a job is empty", "jobs_list_for_pipeline", `[{"id":1,"coverage":""}]`, onlyJob(gitlabci.JobInfo{ID: 1})},
	})
}

func TestDecodeTimes(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	runResponses(t, []responseTest{
		{"empty", "pipelines_get", `{"started_at":"","id":1}`, onlyPipeline(gitlabci.PipelineInfo{ID: 1})},
		{"null", "pipelines_get", `{"started_at":null,"id":1}`, onlyPipeline(gitlabci.PipelineInfo{ID: 1})},
		{"a date", "pipelines_get", `{"created_at":"2026-03-02","id":1}`, onlyPipeline(gitlabci.PipelineInfo{ID: 1, CreatedAt: day})},
		{"a date in a list", "jobs_list_for_pipeline", `[{"id":1,"user":{"created_at":"2026-03-02"},"artifacts_expire_at":""}]`,
			onlyJob(gitlabci.JobInfo{ID: 1, User: &gitlabci.User{CreatedAt: day}})},
		{"no time", "pipelines_get", `{"started_at":"soon","finished_at":5,"created_at":{"at":"2026-03-02"},"id":1}`,
			onlyPipeline(gitlabci.PipelineInfo{ID: 1})},
		{"no day of the calendar", "pipelines_get", `{"started_at":"2026-02-30","finished_at":"0000-00-00T00:00:00Z","id":1}`,
			onlyPipeline(gitlabci.PipelineInfo{ID: 1})},
	})
}

func TestDecodeWrongTypes(t *testing.T) {
	t.Parallel()
	rest := onlyPipeline(gitlabci.PipelineInfo{ID: 1})
	runResponses(t, []responseTest{
		{"text for an object", "pipelines_get", `{"user":"x","id":1}`, rest},
		{"number for an object", "pipelines_get", `{"user":5,"id":1}`, rest},
		{"boolean for an object", "pipelines_get", `{"user":true,"id":1}`, rest},
		{"array for an object", "pipelines_get", `{"user":[{"id":2}],"id":1}`, rest},
		{"objects for text", "pipelines_get", `{"ref":{"name":"main"},"sha":["x"],"id":1}`, rest},
		{"within an object", "pipelines_get", `{"id":1,"detailed_status":{"illustration":"x","action":7,"icon":"y"}}`,
			&gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 1}, DetailedStatus: &gitlabci.DetailedStatus{Icon: "y"}}},
		{"object that is not behind a pointer", "pipelines_test_report_summary", `{"total":5,"test_suites":[]}`,
			&gitlabci.TestReportSummary{TestSuites: []gitlabci.TestSuiteSummary{}}},
		{"all of a job", "jobs_list_for_pipeline", `[{"user":"x","commit":5,"pipeline":"x","project":"x","runner":[],"runner_manager":1,
			"artifacts_file":"x","artifacts":{"size":1},"tag_list":"docker","id":1}]`, onlyJob(gitlabci.JobInfo{ID: 1})},
		{"all of a commit", "jobs_list_for_pipeline", `[{"id":1,"commit":{"parent_ids":"x","trailers":[],"extended_trailers":"x","id":"y"}}]`,
			onlyJob(gitlabci.JobInfo{ID: 1, Commit: &gitlabci.Commit{ID: "y"}})},
		{"downstream pipeline", "jobs_list_trigger_jobs", `[{"downstream_pipeline":"x","id":1}]`,
			[]*gitlabci.TriggerJob{{JobInfo: gitlabci.JobInfo{ID: 1}}}},
		{"all of a user's pipeline", "pipelines_list_mine", `[{"project":57,"merge_request":"!31","detailed_status":[],"id":1}]`,
			[]*gitlabci.UserPipeline{{PipelineInfo: gitlabci.PipelineInfo{ID: 1}}}},
	})
}

func TestDecodeRepeatedKeys(t *testing.T) {
	t.Parallel()
	rest := onlyPipeline(gitlabci.PipelineInfo{ID: 1})
	user := &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 1}, User: &gitlabci.User{ID: 2}}
	none := []gitlabci.TestSuiteSummary{}
	runResponses(t, []responseTest{
		{"scalar", "pipelines_get", `{"id":1,"id":2}`, onlyPipeline(gitlabci.PipelineInfo{ID: 2})},
		{"scalar, then null", "pipelines_get", `{"id":1,"ref":"a","coverage":"1.0","started_at":"2026-03-02T00:00:00Z",
			"ref":null,"coverage":null,"started_at":null}`, rest},
		{"scalar, then a wrong type", "pipelines_get", `{"id":1,"iid":1,"ref":"a","coverage":1,"iid":"x","ref":{},"coverage":[]}`, rest},
		{"wrong type, then a scalar", "pipelines_get", `{"id":[],"id":2}`, onlyPipeline(gitlabci.PipelineInfo{ID: 2})},
		{"object", "pipelines_get", `{"id":1,"user":{"id":1,"bio":"x","custom_attributes":[{"key":"a"}]},"user":{"id":2}}`, user},
		{"object, then null", "pipelines_get", `{"id":1,"user":{"id":1},"user":null}`, rest},
		{"object, then a wrong type", "pipelines_get", `{"id":1,"user":{"id":1},"user":"x"}`, rest},
		{"wrong type, then an object", "pipelines_get", `{"id":1,"user":"x","user":{"id":2}}`, user},
		{"within an object", "pipelines_get", `{"id":1,"user":{"id":1,"id":2}}`, user},
		{"object that is not behind a pointer", "pipelines_test_report_summary", `{"total":{"count":9,"failed":3},"total":{"count":1},"test_suites":[]}`,
			&gitlabci.TestReportSummary{Total: gitlabci.TestTotal{Count: 1}, TestSuites: none}},
		{"object that is not behind a pointer, then null", "pipelines_test_report_summary", `{"total":{"count":9},"total":null,"test_suites":[]}`,
			&gitlabci.TestReportSummary{TestSuites: none}},
		{"one element of a list", "pipelines_list", `[{"id":1,"id":2,"id":3},{"id":4}]`, []*gitlabci.PipelineInfo{{ID: 3}, {ID: 4}}},
		{"unknown key", "pipelines_get", `{"novelty":1,"id":1,"novelty":{"novelty":2,"novelty":3}}`, onlyPipeline(gitlabci.PipelineInfo{ID: 1})},
	})
}

func TestDecodeRepeatedCollections(t *testing.T) {
	t.Parallel()
	one := gitlabci.JobInfo{ID: 1}
	runResponses(t, []responseTest{
		{"array", "jobs_list_for_pipeline", `[{"id":1,"tag_list":["a","b"],"artifacts":[{"size":1,"filename":"a"},{"size":2}],
			"tag_list":["c"],"artifacts":[{"size":3}]}]`,
			[]*gitlabci.Job{{JobInfo: one, Artifacts: []gitlabci.JobArtifact{{Size: 3}}, TagList: []string{"c"}}}},
		{"array, then a longer one", "jobs_list_for_pipeline", `[{"id":1,"artifacts":[{"filename":"a"}],"artifacts":[{"size":3},{"size":4}]}]`,
			[]*gitlabci.Job{{JobInfo: one, Artifacts: []gitlabci.JobArtifact{{Size: 3}, {Size: 4}}}}},
		{"array, then null or a wrong type", "jobs_list_for_pipeline", `[{"id":1,"tag_list":["a"],"artifacts":[{"size":1}],"tag_list":null,"artifacts":"x"}]`,
			onlyJob(one)},
		{"map", "jobs_list_for_pipeline", `[{"id":1,"commit":{"trailers":{"a":"1"},"trailers":{"b":"2","b":"3"}}}]`,
			onlyJob(gitlabci.JobInfo{ID: 1, Commit: &gitlabci.Commit{Trailers: map[string]string{"b": "3"}}})},
		{"map of arrays", "jobs_list_for_pipeline", `[{"id":1,"commit":{"extended_trailers":{"a":["1","2"],"a":["3"]}}}]`,
			onlyJob(gitlabci.JobInfo{ID: 1, Commit: &gitlabci.Commit{ExtendedTrailers: map[string][]string{"a": {"3"}}}})},
	})
}

func TestDecodeListElements(t *testing.T) {
	t.Parallel()
	two := []*gitlabci.PipelineInfo{{ID: 1}, {ID: 2}}
	runResponses(t, []responseTest{
		{"null", "pipelines_list", `[{"id":1},null,{"id":2}]`, two},
		{"number", "pipelines_list", `[5,{"id":1},{"id":2}]`, two},
		{"text", "pipelines_list", `[{"id":1},{"id":2},"x"]`, two},
		{"others", "pipelines_list", `[[{"id":9}],{"id":1},true,[],{"id":2},false]`, two},
		{"beside an element of wrong types", "pipelines_list", `[null,{"id":"1"},{"id":2}]`, two},
		{"while ranging", "pipelines_all", `[null,{"id":1},5,{"id":2},"x"]`, two},
		{"no element is an object", "pipelines_list", `[null,5,"x"]`, []*gitlabci.PipelineInfo{}},
		{"list that is not paged", "pipelines_variables", `[null,{"key":"A"},5]`, []*gitlabci.Variable{{Key: "A"}}},
	})
}

func TestDecodeLogsListElements(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	goldenResult(t, "pipelines_list", []byte(`[null,{"id":1},5,"secret"]`), logger)
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
	require.Contains(t, log.String(), `msg="gitlabci: elements of a list are not objects and are left out" endpoint=/projects/:id/pipelines count=3 first_index=0`)
	require.NotContains(t, log.String(), "secret")
}

func TestDecodeSystemOutput(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, output, want string }{
		{"text", `"it broke"`, "it broke"},
		{"object", `{"message":"it broke","line":[1,2]}`, `{"message":"it broke","line":[1,2]}`},
		{"array", `["it","broke",{"at":1}]`, `["it","broke",{"at":1}]`},
		{"number", `1.50`, "1.50"},
		{"boolean", `false`, "false"},
		{"null", `null`, ""},
		{"empty object", `{}`, "{}"},
		{"repeated, text last", `{"a":1},"system_output":"it broke"`, "it broke"},
		{"repeated, object last", `"it broke","system_output":{"a":1}`, `{"a":1}`},
		{"repeated, null last", `{"a":1},"system_output":null`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response := fmt.Sprintf(`{"test_suites":[{"test_cases":[{"system_output":%s,"name":"a"},{"name":"b"}]}]}`, test.output)
			want := onlyCases(gitlabci.TestCase{Name: "a", SystemOutput: test.want}, gitlabci.TestCase{Name: "b"})
			require.Equal(t, want, goldenResult(t, "pipelines_test_report", []byte(response)))
		})
	}
}

func TestDecodeWords(t *testing.T) {
	t.Parallel()
	runResponses(t, []responseTest{
		{"unknown keys", "pipelines_get", `{"novelty":{"a":[1]},"id":1,"user":{"novelty":null,"id":2},"ID":3}`,
			&gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 1}, User: &gitlabci.User{ID: 2}}},
		{"unknown words", "pipelines_get", `{"id":1,"status":"marinating","source":"carrier_pigeon"}`,
			onlyPipeline(gitlabci.PipelineInfo{ID: 1, Status: "marinating", Source: "carrier_pigeon"})},
		{"unknown words of a job", "jobs_list_for_pipeline", `[{"id":1,"failure_reason":"full_moon","artifacts":[{"file_type":"hologram","file_format":"tar"}],
			"runner":{"runner_type":"borrowed","status":"asleep","job_execution_status":"dreaming"}}]`,
			[]*gitlabci.Job{{
				JobInfo:   gitlabci.JobInfo{ID: 1, FailureReason: "full_moon"},
				Artifacts: []gitlabci.JobArtifact{{FileType: "hologram", FileFormat: "tar"}},
				Runner:    &gitlabci.Runner{RunnerType: "borrowed", Status: "asleep", JobExecutionStatus: "dreaming"},
			}}},
		{"unknown type of a variable", "pipelines_variables", `[{"key":"A","variable_type":"hologram"}]`, []*gitlabci.Variable{{Key: "A", VariableType: "hologram"}}},
		{"unknown result of a test", "pipelines_test_report", `{"test_suites":[{"test_cases":[{"status":"flaky"}]}]}`,
			onlyCases(gitlabci.TestCase{Status: "flaky"})},
	})
}

func TestDecodeInvalidUTF8(t *testing.T) {
	t.Parallel()
	main := onlyPipeline(gitlabci.PipelineInfo{ID: 1, Ref: "ma\uFFFDin"})
	runResponses(t, []responseTest{
		{"a byte", "pipelines_get", "{\"id\":1,\"ref\":\"ma\xffin\"}", main},
		{"half of a surrogate pair", "pipelines_get", `{"id":1,"ref":"ma\ud83din"}`, main},
		{"beside a lenient value", "pipelines_get", "{\"id\":\"1\",\"ref\":\"ma\xffin\"}", main},
		{"half of a surrogate pair beside a lenient value", "pipelines_get", `{"id":"1","ref":"ma\ud83din"}`, main},
		{"in a list", "pipelines_list", "[{\"id\":1,\"ref\":\"ma\xffin\"},{\"id\":2}]", []*gitlabci.PipelineInfo{{ID: 1, Ref: "ma\uFFFDin"}, {ID: 2}}},
		{"beside an element that is skipped", "pipelines_list", "[null,{\"id\":1,\"ref\":\"ma\xffin\"}]", []*gitlabci.PipelineInfo{{ID: 1, Ref: "ma\uFFFDin"}}},
		{"unknown keys that become the same", "pipelines_get", "{\"\xff\":1,\"id\":1,\"\xfe\":2,\"ref\":\"ma\xffin\"}", main},
		{"key of a map", "jobs_list_for_pipeline", "[{\"id\":1,\"commit\":{\"trailers\":{\"\xff\":\"\xfe\"}}}]",
			onlyJob(gitlabci.JobInfo{ID: 1, Commit: &gitlabci.Commit{Trailers: map[string]string{"\uFFFD": "\uFFFD"}}})},
		{"within a system output of the wrong type", "pipelines_test_report",
			"{\"test_suites\":[{\"test_cases\":[{\"system_output\":{\"a\":\"\xff\"}}]}]}",
			onlyCases(gitlabci.TestCase{SystemOutput: "{\"a\":\"\uFFFD\"}"})},
	})
}

// A value of another type than GitLab documents is left zero, and a line at debug level
// says so, once for each call. The value is not in it.
func TestDecodeLogsValuesLeftOut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ call, body, endpoint, fields string }{
		{"pipelines_list", `[{"id":1},{"id":2,"name":{"a":"secret"},"updated_at":"secret"}]`, "/projects/:id/pipelines", "[1].name: object where a string is expected|[1].updated_at: string where a time is expected"},
		{"jobs_get", `{"id":550123,"tag_list":"secret, x","user":{"id":"secret"}}`, "/projects/:id/jobs/:job_id", "tag_list: string where an array is expected|user.id: string where a whole number of 64 bits is expected"},
		{"pipelines_variables", `[{"key":"A","raw":"secret"}]`, "/projects/:id/pipelines/:pipeline_id/variables", "[0].raw: string where a boolean is expected"},
	} {
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
			var log bytes.Buffer
			goldenResult(t, test.call, []byte(test.body), gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))))
			require.NotContains(t, log.String(), "secret")
			if level == slog.LevelInfo {
				require.NotContains(t, log.String(), "expected")
				continue
			}
			require.Contains(t, log.String(), "msg=\"gitlabci: values of another type than expected are left out\" endpoint="+test.endpoint+" count=", test.call)
			require.Contains(t, log.String(), `fields="[`+strings.ReplaceAll(test.fields, "|", " ")+`]"`, test.call)
			require.Equal(t, 1, strings.Count(log.String(), "than expected"), test.call)
		}
	}
}
