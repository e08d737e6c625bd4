package services_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	schedules := srv.Client().Schedules
	opts := &gitlabci.CreateScheduleOptions{
		Description: "nightly", Ref: "main", Cron: "0 1 * * *", CronTimezone: "Europe/Berlin", Active: new(false),
		Inputs: map[string]any{"env": "prod", "hosts": []string{"a", "b"}, "count": 3},
	}
	before := testkit.JSON(t, opts)
	made, err := schedules.Create(t.Context(), "group/app", opts)
	require.NoError(t, err)
	require.Equal(t, before, testkit.JSON(t, opts))
	require.Equal(t, []any{"refs/heads/main", "main", false, "Europe/Berlin", "maya"}, []any{made.Ref, made.RefName(), made.Active, made.CronTimezone, made.Owner.Username})
	require.Zero(t, made.NextRunAt)
	changed, err := schedules.Update(t.Context(), "group/app", made.ID, &gitlabci.UpdateScheduleOptions{
		Active: new(true), Cron: "30 2 * * *", Inputs: map[string]any{"count": 4}, RemoveInputs: []string{"hosts"},
	})
	require.NoError(t, err)
	require.Equal(t, []any{"30 2 * * *", true, "nightly"}, []any{changed.Cron, changed.Active, changed.Description})
	require.NotZero(t, changed.NextRunAt)
	got, err := schedules.Get(t.Context(), "group/app", made.ID)
	require.NoError(t, err)
	require.Equal(t, []gitlabci.ScheduleInput{{Name: "count", Value: 4.0}, {Name: "env", Value: "prod"}}, got.Inputs)
	require.Empty(t, got.Variables)
	off, err := schedules.Create(t.Context(), "group/app", &gitlabci.CreateScheduleOptions{Description: "off", Ref: "refs/heads/main", Cron: "0 1 * * *", Active: new(false)})
	require.NoError(t, err)
	for scope, want := range map[gitlabci.ScheduleScope][]gitlabci.ScheduleID{
		"": {made.ID, off.ID}, gitlabci.ScheduleScopeActive: {made.ID}, gitlabci.ScheduleScopeInactive: {off.ID},
	} {
		var found []gitlabci.ScheduleID
		for one, err := range schedules.All(t.Context(), "group/app", &gitlabci.ListSchedulesOptions{ListOptions: gitlabci.ListOptions{PerPage: 1}, Scope: scope}) {
			require.NoError(t, err)
			found = append(found, one.ID)
		}
		require.Equal(t, want, found, "oldest first")
	}
	require.NoError(t, schedules.Delete(t.Context(), "group/app", made.ID))
	require.ErrorIs(t, schedules.Delete(t.Context(), "group/app", made.ID), gitlabci.ErrNotFound)
	page, err := schedules.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	require.Equal(t, off.ID, page.Items[0].ID)
}

// A schedule whose owner has lost their rights is revived by another user.
func TestTakeOwnershipOfASchedule(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddMember("group/app", "noor", gitlabcitest.RoleMaintainer)
	noor := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "noor"}))).Schedules
	one := srv.AddSchedule("group/app", gitlabcitest.Schedule{Inactive: true})
	id := one.ID
	revive := &gitlabci.UpdateScheduleOptions{Active: new(true)}
	_, err := noor.Update(t.Context(), "group/app", id, revive)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	for range 2 { // 201, and 200 if the user owns it already
		taken, err := noor.TakeOwnership(t.Context(), "group/app", id)
		require.NoError(t, err)
		require.Equal(t, "noor", taken.Owner.Username)
	}
	now, err := noor.Update(t.Context(), "group/app", id, revive)
	require.NoError(t, err)
	require.True(t, now.Active)
}

// A refusal after a lost response counts only if the schedule is not as wanted.
func TestSchedulesAreReadBack(t *testing.T) {
	t.Parallel()
	refusal := testkit.Respond(403, `{"message":"403 Forbidden"}`)
	is := `{"id":7,"description":"d","ref":"refs/heads/main","cron":"0 1 * * *","cron_timezone":"UTC","active":true,"owner":{"id":5},
		"inputs":[{"name":"a","value":[1,"x"]},{"name":"b","value":2}],"variables":[{"key":"A","value":"1","variable_type":"env_var"}]}`
	opts := gitlabci.UpdateScheduleOptions{
		Description: " d ", Ref: "main", Cron: "0 1 * * *", CronTimezone: "UTC", Active: new(true),
		Inputs: map[string]any{"a": []any{1, "x"}, "b": json.Number("2")}, RemoveInputs: []string{"c"},
	}
	update := func(change func(*gitlabci.UpdateScheduleOptions)) func(context.Context, *gitlabci.SchedulesService) error {
		changed := opts
		change(&changed)
		return func(ctx context.Context, s *gitlabci.SchedulesService) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, &changed))
		}
	}
	for name, test := range map[string]struct {
		call func(context.Context, *gitlabci.SchedulesService) error
		user string
		done bool
	}{
		"all":         {update(func(*gitlabci.UpdateScheduleOptions) {}), ``, true},
		"description": {update(func(o *gitlabci.UpdateScheduleOptions) { o.Description = "e" }), ``, false},
		"ref":         {update(func(o *gitlabci.UpdateScheduleOptions) { o.Ref = "refs/tags/v1" }), ``, false},
		"cron":        {update(func(o *gitlabci.UpdateScheduleOptions) { o.Cron = "1 1 * * *" }), ``, false},
		"zone":        {update(func(o *gitlabci.UpdateScheduleOptions) { o.CronTimezone = "Asia/Tokyo" }), ``, false},
		"active":      {update(func(o *gitlabci.UpdateScheduleOptions) { o.Active = new(false) }), ``, false},
		"input":       {update(func(o *gitlabci.UpdateScheduleOptions) { o.Inputs = map[string]any{"a": []any{1, "y"}} }), ``, false},
		"removed":     {update(func(o *gitlabci.UpdateScheduleOptions) { o.Inputs, o.RemoveInputs = nil, []string{"b"} }), ``, false},
		"owner":       {takeOwnership, `{"id":5,"username":"maya"}`, true},
		"other owner": {takeOwnership, `{"id":6,"username":"noor"}`, false},
		"no owner":    {takeOwnership, `{}`, false},
		"variable":    {setVariable("1"), ``, true},
		"other value": {setVariable("2"), ``, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(502, ``), refusal, testkit.Respond(200, is), testkit.Respond(200, test.user))
			err := test.call(t.Context(), s.Client(t).Schedules)
			if test.done {
				require.NoError(t, err, name)
				return
			}
			require.ErrorIs(t, err, gitlabci.ErrForbidden, name)
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, name)
		})
	}
}

func takeOwnership(ctx context.Context, s *gitlabci.SchedulesService) error {
	return testkit.Done(s.TakeOwnership(ctx, "group/app", 7))
}

func setVariable(value string) func(context.Context, *gitlabci.SchedulesService) error {
	return func(ctx context.Context, s *gitlabci.SchedulesService) error {
		return testkit.Done(s.SetVariable(ctx, "group/app", 7, &gitlabci.Variable{Key: "A", Value: value}))
	}
}

// Variables are set whether or not they are there.
func TestSetScheduleVariable(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	schedules := srv.Client().Schedules
	id := srv.AddSchedule("group/app", gitlabcitest.Schedule{}).ID
	for _, v := range []gitlabci.Variable{{Key: "A", Value: "1"}, {Key: "A", Value: "2", VariableType: gitlabci.VariableTypeFile}, {Key: "A"}, {Key: "B", Value: "3"}} {
		before := v
		set, err := schedules.SetVariable(t.Context(), "group/app", id, &v)
		require.NoError(t, err)
		require.Equal(t, before, v)
		if v.VariableType == "" {
			v.VariableType = gitlabci.VariableTypeEnvVar
		}
		require.Equal(t, &v, set)
	}
	got, err := schedules.Get(t.Context(), "group/app", id)
	require.NoError(t, err)
	require.Equal(t, []*gitlabci.Variable{{Key: "A", VariableType: "env_var"}, {Key: "B", Value: "3", VariableType: "env_var"}}, got.Variables)
	require.NoError(t, schedules.DeleteVariable(t.Context(), "group/app", id, "A"), "202 with a body")
	require.ErrorIs(t, schedules.DeleteVariable(t.Context(), "group/app", id, "A"), gitlabci.ErrNotFound)
	_, err = schedules.SetVariable(t.Context(), "group/app", 99, &gitlabci.Variable{Key: "A"})
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	require.Zero(t, strings.Count(fmt.Sprint(srv.Requests()), "99/variables "), "no variable is created of a schedule that is not there")
}

// Someone else creates or deletes the variable meanwhile, and responses are lost.
func TestSetScheduleVariableInDoubt(t *testing.T) {
	t.Parallel()
	absent := testkit.Respond(404, `{"message":"404 Pipeline Schedule Variable Not Found"}`)
	taken := testkit.Respond(400, `{"message":{"key":["has already been taken"]}}`)
	set := testkit.Respond(200, `{"key":"A","value":"1","variable_type":"env_var"}`)
	lost := testkit.Respond(502, ``)
	for name, test := range map[string]struct {
		steps []http.HandlerFunc
		sent  string
		is    error
	}{
		"there":                        {[]http.HandlerFunc{set}, "PUT", nil},
		"not there":                    {[]http.HandlerFunc{absent, set}, "PUT POST", nil},
		"created by another":           {[]http.HandlerFunc{absent, taken, set}, "PUT POST PUT", nil},
		"created, deleted and created": {[]http.HandlerFunc{absent, taken, absent, set}, "PUT POST PUT POST", nil},
		"lost and there":               {[]http.HandlerFunc{absent, lost, set}, "PUT POST PUT", nil},
		"lost and not there":           {[]http.HandlerFunc{absent, lost, absent, set}, "PUT POST PUT POST", nil},
		"lost, then forbidden":         {[]http.HandlerFunc{absent, lost, testkit.Respond(403, `{"message":"403 Forbidden"}`)}, "PUT POST PUT GET", gitlabci.ErrOutcomeUnknown},
		"lost again and again":         {[]http.HandlerFunc{absent, lost, absent, lost, absent, lost}, "PUT POST PUT POST PUT POST", gitlabci.ErrOutcomeUnknown},
		"another variable":             {[]http.HandlerFunc{testkit.Respond(200, `{"key":"B"}`)}, "PUT", gitlabci.ErrOutcomeUnknown},
		"refused":                      {[]http.HandlerFunc{absent, testkit.Respond(403, `{"message":"403 Forbidden"}`)}, "PUT POST", gitlabci.ErrForbidden},
		"no schedule":                  {[]http.HandlerFunc{testkit.Respond(404, `{"message":"404 Pipeline Schedule Not Found"}`)}, "PUT", gitlabci.ErrNotFound},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(test.steps...)
			_, err := s.Client(t, gitlabci.WithRetries(2)).Schedules.SetVariable(t.Context(), "group/app", 7, &gitlabci.Variable{Key: "A", Value: "1"})
			var sent []string
			for _, r := range s.Received() {
				sent = append(sent, r.Method)
			}
			require.Equal(t, test.sent, strings.Join(sent, " "), name)
			if test.is == nil {
				require.NoError(t, err, name)
				return
			}
			require.ErrorIs(t, err, test.is, name)
		})
	}
}

// The value of a variable is in no error and no log, even if the server repeats it.
func TestScheduleVariablesAreNotPrinted(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := testkit.NewScript(testkit.Respond(404, `{"message":"404 Pipeline Schedule Variable Not Found hidden-value"}`), testkit.Respond(400, `{"message":{"value":["hidden-value is too short"]}}`))
	client := s.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	_, err := client.Schedules.SetVariable(t.Context(), "group/app", 7, &gitlabci.Variable{Key: "A", Value: "hidden-value"})
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.Contains(t, s.Bodies[0]+s.Bodies[1], "hidden-value")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err)+log.String(), "hidden")
}

func TestSchedulesRefuseBadInput(t *testing.T) {
	t.Parallel()
	type service = gitlabci.SchedulesService
	create := func(opts *gitlabci.CreateScheduleOptions) func(context.Context, *service) error {
		return func(ctx context.Context, s *service) error { return testkit.Done(s.Create(ctx, "group/app", opts)) }
	}
	update := func(opts *gitlabci.UpdateScheduleOptions) func(context.Context, *service) error {
		return func(ctx context.Context, s *service) error {
			return testkit.Done(s.Update(ctx, "group/app", 7, opts))
		}
	}
	set := func(v *gitlabci.Variable) func(context.Context, *service) error {
		return func(ctx context.Context, s *service) error {
			return testkit.Done(s.SetVariable(ctx, "group/app", 7, v))
		}
	}
	for name, call := range map[string]func(context.Context, *service) error{
		"CreateScheduleOptions.Description, Ref or Cron is empty": create(nil),
		"Ref or Cron is empty":                     create(&gitlabci.CreateScheduleOptions{Description: "d", Ref: "main", Cron: " "}),
		`CreateScheduleOptions.Inputs["a"] is of`:  create(&gitlabci.CreateScheduleOptions{Description: "d", Ref: "main", Cron: "* * * * *", Inputs: map[string]any{"a": nil}}),
		"UpdateScheduleOptions is nil":             update(nil),
		"UpdateScheduleOptions.RemoveInputs[1] is": update(&gitlabci.UpdateScheduleOptions{Inputs: map[string]any{"a": 1}, RemoveInputs: []string{"b", "a"}}),
		"RemoveInputs[0] is empty":                 update(&gitlabci.UpdateScheduleOptions{RemoveInputs: []string{""}}),
		"the key of the variable is empty":         set(nil),
		"has other characters than letters":        set(&gitlabci.Variable{Key: "A-B", Value: "hidden-value"}),
		"the variable R is Raw":                    set(&gitlabci.Variable{Key: "R", Value: "hidden-value", Raw: true}),
		"has more than 255 characters": func(ctx context.Context, s *service) error {
			return s.DeleteVariable(ctx, "group/app", 7, strings.Repeat("A", 256))
		},
		"schedule ID 0 is not above zero": func(ctx context.Context, s *service) error { return testkit.Done(s.Play(ctx, "group/app", 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			err := call(t.Context(), s.Client(t).Schedules)
			testkit.RequireNotSent(t, s, err)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "hidden")
		})
	}
}

// The pipelines of a schedule are oldest first, unless the options say otherwise.
func TestAllPipelinesOfASchedule(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	client := srv.Client()
	id := srv.AddSchedule("group/app", gitlabcitest.Schedule{}).ID
	var made []gitlabci.PipelineID
	play := func() {
		_, err := gitlabci.Send[struct{}](t.Context(), client, "POST", gitlabci.At("/projects/:id/pipeline_schedules/:sid/play", "group/app", int64(id)), nil, nil)
		require.NoError(t, err)
		now, err := client.Schedules.Get(t.Context(), "group/app", id)
		require.NoError(t, err)
		made = append(made, now.LastPipeline.ID)
	}
	for range 60 {
		play()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	}
	for _, prefetch := range []int{0, 1, 4} {
		for _, sort := range []gitlabci.Sort{"", gitlabci.SortAsc, gitlabci.SortDesc} {
			old, newest, n, last := len(made), made[len(made)-1], 0, gitlabci.PipelineID(0)
			opts := &gitlabci.ListSchedulePipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 7, Prefetch: prefetch}, Sort: sort}
			for p, err := range client.Schedules.AllPipelines(t.Context(), "group/app", id, opts) {
				require.NoError(t, err)
				require.True(t, last == 0 || (sort == gitlabci.SortDesc) == (p.ID < last), "%d after %d", p.ID, last)
				require.Equal(t, gitlabci.SourceSchedule, p.Source)
				if last = p.ID; p.ID > newest {
					continue
				}
				n++
				switch {
				case n%20 == 10:
					play()
				case n%20 == 15 && sort != gitlabci.SortDesc: // so that later ones move to earlier pages
					require.NoError(t, client.Pipelines.Delete(t.Context(), "group/app", p.ID))
					made = slices.DeleteFunc(made, func(id gitlabci.PipelineID) bool { return id == p.ID })
				}
			}
			require.Equal(t, old, n, "each once, of those that there were")
		}
	}
	page, err := client.Schedules.ListPipelines(t.Context(), "group/app", id, &gitlabci.ListSchedulePipelinesOptions{
		ListOptions: gitlabci.ListOptions{PerPage: 1}, Sort: gitlabci.SortDesc, Status: gitlabci.StatusPending,
	})
	require.NoError(t, err)
	require.Equal(t, made[len(made)-1], page.Items[0].ID)
}

// Older servers ignore the filters and the order.
func TestPipelinesOfAScheduleInReleases(t *testing.T) {
	t.Parallel()
	past, future := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	for parameter, opts := range map[string]gitlabci.ListSchedulePipelinesOptions{
		"":              {},
		"scope":         {Scope: gitlabci.PipelineScopeRunning},
		"status":        {Status: gitlabci.StatusFailed},
		"created_after": {CreatedAfter: future}, "created_before": {CreatedBefore: past},
		"updated_after": {UpdatedAfter: future}, "updated_before": {UpdatedBefore: past},
		"sort": {Sort: gitlabci.SortDesc},
	} {
		for _, release := range []string{"15.3", "15.4", "18.11", "19.0", "19.5"} {
			synctest.Test(t, func(t *testing.T) {
				ids, err := startedBySchedule(t, release, &opts)
				switch {
				case release == "15.3":
					require.ErrorIs(t, err, errors.ErrUnsupported)
				case parameter != "" && release < "19":
					require.ErrorIs(t, err, errors.ErrUnsupported, release+" "+parameter)
					require.ErrorContains(t, err, "the server ignores the parameter "+parameter)
				default:
					require.NoError(t, err)
					require.Equal(t, map[string][]gitlabci.PipelineID{"": {101, 102}, "sort": {102, 101}}[parameter], ids)
				}
			})
		}
	}
}

// startedBySchedule lists the pipelines of a schedule that was played twice.
func startedBySchedule(t *testing.T, release string, opts *gitlabci.ListSchedulePipelinesOptions) (ids []gitlabci.PipelineID, err error) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
	id := srv.AddSchedule("group/app", gitlabcitest.Schedule{}).ID
	schedules := srv.Client().Schedules
	for range 2 {
		_, err := schedules.Play(t.Context(), "group/app", id)
		require.NoError(t, err)
	}
	for p, err := range schedules.AllPipelines(t.Context(), "group/app", id, opts) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}
