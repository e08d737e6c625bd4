package promises_test

import (
	"context"
	"iter"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

func TestWireListSchedulesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListSchedulesOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Scope", options{Scope: gitlabci.ScheduleScopeActive}, url.Values{"scope": {"active"}}},
	}...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Schedules.List(ctx, "group/app", o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.Schedule, error] {
		return c.Schedules.All(ctx, "group/app", o)
	})
}

func TestWireListSchedulePipelinesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListSchedulePipelinesOptions
	tests := append(wireListFields(func(o gitlabci.ListOptions) options { return options{ListOptions: o} }), []wireOption[options]{
		{"Scope", options{Scope: gitlabci.PipelineScopeBranches}, url.Values{"scope": {"branches"}}},
		{"Status", options{Status: gitlabci.StatusFailed}, url.Values{"status": {"failed"}}},
		{"Sort", options{Sort: gitlabci.SortDesc}, url.Values{"sort": {"desc"}}},
	}...)
	tests = append(tests, wireTimes("UpdatedAfter", "updated_after", func(o *options, t time.Time) { o.UpdatedAfter = t })...)
	tests = append(tests, wireTimes("UpdatedBefore", "updated_before", func(o *options, t time.Time) { o.UpdatedBefore = t })...)
	tests = append(tests, wireTimes("CreatedAfter", "created_after", func(o *options, t time.Time) { o.CreatedAfter = t })...)
	tests = append(tests, wireTimes("CreatedBefore", "created_before", func(o *options, t time.Time) { o.CreatedBefore = t })...)
	wireOptions(t, tests, func(ctx context.Context, c *gitlabci.Client, o *options) (any, error) {
		return c.Schedules.ListPipelines(ctx, "group/app", 7, o)
	}, func(ctx context.Context, c *gitlabci.Client, o *options) iter.Seq2[*gitlabci.PipelineInfo, error] {
		return c.Schedules.AllPipelines(ctx, "group/app", 7, o)
	})
}

// What each option of a schedule sends, in a create and in an update.
func TestWireScheduleOptions(t *testing.T) {
	t.Parallel()
	type create = gitlabci.CreateScheduleOptions
	type update = gitlabci.UpdateScheduleOptions
	const rest = `"description":"d","ref":"feature/a","cron":"* * * * *"`
	for _, test := range []struct {
		create *create
		update *update
		json   string
	}{
		{&create{}, &update{}, ``},
		{&create{CronTimezone: "Asia/Tokyo"}, &update{CronTimezone: "Asia/Tokyo"}, `"cron_timezone":"Asia/Tokyo"`},
		{&create{Active: new(false)}, &update{Active: new(false)}, `"active":false`},
		{&create{Active: new(true)}, &update{Active: new(true)}, `"active":true`},
		{&create{Inputs: map[string]any{"b": false, "a": []int{1, 2}}}, &update{Inputs: map[string]any{"b": false, "a": []int{1, 2}}},
			`"inputs":[{"name":"a","value":[1,2]},{"name":"b","value":false}]`},
		{nil, &update{Inputs: map[string]any{"a": ""}, RemoveInputs: []string{"z", "b"}}, `"inputs":[{"name":"a","value":""},{"name":"z","destroy":true},{"name":"b","destroy":true}]`},
		{nil, &update{Description: "d", Ref: "feature/a", Cron: "* * * * *"}, rest},
	} {
		if test.create != nil {
			test.create.Description, test.create.Ref, test.create.Cron = "d", "feature/a", "* * * * *"
			s := testkit.NewScript(testkit.OK)
			_, err := s.Client(t).Schedules.Create(t.Context(), "group/app", test.create)
			require.NoError(t, err)
			want := rest
			if test.json != "" {
				want += "," + test.json
			}
			require.JSONEq(t, "{"+want+"}", s.Bodies[0])
		}
		s := testkit.NewScript(testkit.OK)
		_, err := s.Client(t).Schedules.Update(t.Context(), "group/app", 7, test.update)
		require.NoError(t, err)
		require.JSONEq(t, "{"+test.json+"}", s.Bodies[0])
	}
}
