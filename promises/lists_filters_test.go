package promises_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// A filterCase is a filter of pipelines that can be checked by an item, with a
// pipeline that fits it and one that does not.
type filterCase struct {
	options       gitlabci.ListPipelinesOptions
	fits, fitsNot gitlabcitest.Pipeline
}

func filterCases() map[string]filterCase {
	cut := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	early, late := cut.AddDate(0, 0, -1), cut.AddDate(0, 0, 1)
	const one, other = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	return map[string]filterCase{
		"status":         {gitlabci.ListPipelinesOptions{Status: gitlabci.StatusFailed}, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed}, gitlabcitest.Pipeline{Status: gitlabci.StatusSuccess}},
		"scope":          {gitlabci.ListPipelinesOptions{Scope: gitlabci.PipelineScopeFinished}, gitlabcitest.Pipeline{Status: gitlabci.StatusFailed}, gitlabcitest.Pipeline{Status: gitlabci.StatusRunning}},
		"ref":            {gitlabci.ListPipelinesOptions{Ref: "old"}, gitlabcitest.Pipeline{Ref: "old"}, gitlabcitest.Pipeline{Ref: "main"}},
		"sha":            {gitlabci.ListPipelinesOptions{SHA: one}, gitlabcitest.Pipeline{SHA: one}, gitlabcitest.Pipeline{SHA: other}},
		"source":         {gitlabci.ListPipelinesOptions{Source: gitlabci.SourceSchedule}, gitlabcitest.Pipeline{Source: gitlabci.SourceSchedule}, gitlabcitest.Pipeline{Source: gitlabci.SourcePush}},
		"name":           {gitlabci.ListPipelinesOptions{Name: "nightly"}, gitlabcitest.Pipeline{Name: "nightly"}, gitlabcitest.Pipeline{Name: "release"}},
		"created_before": {gitlabci.ListPipelinesOptions{CreatedBefore: cut}, gitlabcitest.Pipeline{CreatedAt: early}, gitlabcitest.Pipeline{CreatedAt: late}},
		"created_after":  {gitlabci.ListPipelinesOptions{CreatedAfter: cut}, gitlabcitest.Pipeline{CreatedAt: late}, gitlabcitest.Pipeline{CreatedAt: early}},
		"updated_before": {gitlabci.ListPipelinesOptions{UpdatedBefore: cut}, gitlabcitest.Pipeline{UpdatedAt: early, CreatedAt: early}, gitlabcitest.Pipeline{UpdatedAt: late, CreatedAt: early}},
		"updated_after":  {gitlabci.ListPipelinesOptions{UpdatedAfter: cut}, gitlabcitest.Pipeline{UpdatedAt: late, CreatedAt: early}, gitlabcitest.Pipeline{UpdatedAt: early, CreatedAt: early}},
	}
}

// everyRelease lists all releases that the fake knows, oldest first.
func everyRelease() (all []string) {
	last := map[int]int{11: 11, 12: 10, 13: 12, 14: 10, 15: 11, 16: 11, 17: 11, 18: 11, 19: 5}
	for major := 11; major <= 19; major++ {
		for minor := range last[major] + 1 {
			all = append(all, fmt.Sprintf("%d.%d", major, minor))
		}
	}
	return all
}

// prefetchOf is how many pages are requested ahead from a release: the three take turns.
// A filter comes with a release and stays, so that each of them meets servers that know the
// filter and servers that do not.
func prefetchOf(release, filter int) int { return []int{0, 1, 4}[(release+filter)%3] }

// If a release does not know a filter, nothing is deleted, whether the filter
// excludes it or not.
func TestFiltersThatAServerIgnoresDeleteNothing(t *testing.T) {
	t.Parallel()
	cases := filterCases()
	filters := slices.Sorted(maps.Keys(cases))
	for i, release := range everyRelease() {
		for j, filter := range filters {
			if !testkit.Sampled(i+j, 7) { // not a multiple of 3, or prefetch is the same in all
				continue
			}
			test := cases[filter]
			srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
			fits := map[gitlabci.PipelineID]bool{}
			for range 3 {
				fits[srv.AddPipeline("group/app", test.fits).ID] = true
				srv.AddPipeline("group/app", test.fitsNot)
			}
			client := srv.Client()
			opts := test.options
			opts.PerPage, opts.Prefetch = 4, prefetchOf(i, j)
			deleted, err := deleteAll(t.Context(), client, &opts)
			for _, id := range deleted {
				require.True(t, fits[id], "%s, %s: pipeline %d", release, filter, id)
			}
			if err == nil {
				require.True(t, len(deleted) == 3 || filter == "name" && len(deleted) == 0, "%s, %s", release, filter) // in older releases, name was the user's name
				continue
			}
			require.Empty(t, deleted, "%s, %s", release, filter)
			if _, responded := errors.AsType[*gitlabci.APIError](err); responded { // the release cannot delete pipelines yet
				continue
			}
			require.ErrorIs(t, err, errors.ErrUnsupported, "%s, %s", release, filter)
			require.ErrorContains(t, err, filter)
			_, err = client.Pipelines.List(t.Context(), "group/app", &test.options)
			require.ErrorIs(t, err, errors.ErrUnsupported, "%s, %s: one page", release, filter)
		}
	}
}

// deleteAll deletes the pipelines of a list, and returns those deleted.
func deleteAll(ctx context.Context, client *gitlabci.Client, opts *gitlabci.ListPipelinesOptions) (deleted []gitlabci.PipelineID, err error) {
	for result, err := range client.Pipelines.DeleteEach(ctx, "group/app", client.Pipelines.All(ctx, "group/app", opts), nil) {
		if err != nil {
			return deleted, err
		}
		if result.Err != nil {
			return deleted, result.Err
		}
		deleted = append(deleted, result.Pipeline.ID)
	}
	return deleted, nil
}

// With the newest release no filter is refused, so the other test cannot pass by
// always getting an error.
func TestFiltersThatAServerKnows(t *testing.T) {
	t.Parallel()
	for filter, test := range filterCases() {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", test.fits)
		srv.AddPipeline("group/app", test.fitsNot)
		deleted, err := deleteAll(t.Context(), srv.Client(), &test.options)
		require.NoError(t, err, filter)
		require.Len(t, deleted, 1, filter)
	}
}

// A cursor holds the filters, and they are checked, too.
func TestFiltersInACursor(t *testing.T) {
	t.Parallel()
	list := testkit.NewScript(testkit.Respond(200, `[{"id":1,"ref":"main","status":"failed"}]`))
	client := list.Client(t)
	_, err := client.Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: "page=2&ref=old"}})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "ref")
	_, err = client.Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: "page=2&ref=main"}})
	require.NoError(t, err)
}

// GitLab compares times in full precision, but truncates those it sends to
// milliseconds. A bound may be inclusive.
func TestFiltersOfTimesAtTheirBounds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 0, 0, 999_400_000, time.UTC)
	list := testkit.NewScript(testkit.Respond(200, `[{"id":1,"created_at":"2026-03-01T00:00:00.999Z","updated_at":"2026-03-01T00:00:00.999Z"}]`))
	client := list.Client(t)
	for name, test := range map[string]struct {
		opts   gitlabci.ListPipelinesOptions
		passes bool
	}{
		"after, within what is cut off": {gitlabci.ListPipelinesOptions{CreatedAfter: at}, true},
		"after, a millisecond later":    {gitlabci.ListPipelinesOptions{CreatedAfter: at.Add(time.Millisecond)}, false},
		"before":                        {gitlabci.ListPipelinesOptions{UpdatedBefore: at}, true},
		"before, the very time":         {gitlabci.ListPipelinesOptions{UpdatedBefore: at.Truncate(time.Millisecond)}, true},
		"before, a millisecond earlier": {gitlabci.ListPipelinesOptions{UpdatedBefore: at.Add(-time.Millisecond)}, false},
	} {
		_, err := client.Pipelines.List(t.Context(), "group/app", &test.opts)
		require.Equal(t, test.passes, err == nil, "%s: %v", name, err)
	}
}

// The same holds for jobs and for the user's own pipelines.
func TestFiltersOfOtherLists(t *testing.T) {
	t.Parallel()
	list := testkit.NewScript(testkit.Respond(200, `[{"id":1,"ref":"main","status":"failed","source":"push","created_at":"2026-03-01T00:00:00Z"}]`))
	client := list.Client(t)
	success := []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusCanceled}
	for name, call := range map[string]func(context.Context) error{
		"scope[] project": func(ctx context.Context) error {
			_, err := client.Jobs.List(ctx, "group/app", &gitlabci.ListJobsOptions{Scope: success})
			return err
		},
		"scope[] pipeline": func(ctx context.Context) error {
			_, err := client.Jobs.ListForPipeline(ctx, "group/app", 7, &gitlabci.ListPipelineJobsOptions{Scope: success})
			return err
		},
		"scope[] trigger jobs": func(ctx context.Context) error {
			_, err := client.Jobs.ListTriggerJobs(ctx, "group/app", 7, &gitlabci.ListTriggerJobsOptions{Scope: success})
			return err
		},
		"ref project": func(ctx context.Context) error {
			_, err := client.Jobs.List(ctx, "group/app", &gitlabci.ListJobsOptions{Ref: "old"})
			return err
		},
		"source mine": func(ctx context.Context) error {
			_, err := client.Pipelines.ListMine(ctx, &gitlabci.ListMyPipelinesOptions{Source: gitlabci.SourceSchedule})
			return err
		},
		"created_after mine": func(ctx context.Context) error {
			_, err := client.Pipelines.ListMine(ctx, &gitlabci.ListMyPipelinesOptions{CreatedAfter: time.Now()})
			return err
		},
	} {
		err := call(t.Context())
		filter, _, _ := strings.Cut(name, " ")
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.ErrorContains(t, err, filter, name)
	}
	require.Len(t, list.Received(), 6, "an ignored filter does not mean that the route was renamed")
	_, err := client.Jobs.List(t.Context(), "group/app", &gitlabci.ListJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusSuccess, gitlabci.StatusFailed}, Ref: "main"})
	require.NoError(t, err)
}

// Find filters by itself what an older server does not filter.
func TestFindWhereFiltersAreIgnored(t *testing.T) {
	t.Parallel()
	const wanted, other = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	srv := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/pipelines") {
			testkit.Respond(200, `[{"id":9,"ref":"main","sha":"`+other+`"},{"id":8,"ref":"old","sha":"`+wanted+`"},{"id":7,"ref":"main","sha":"`+wanted+`"}]`)(w, r)
			return
		}
		testkit.OK(w, r)
	})
	pipeline, err := srv.Client(t).Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", SHA: wanted})
	require.NoError(t, err)
	require.EqualValues(t, 7, pipeline.ID)
	require.Len(t, srv.Received(), 2)
}
