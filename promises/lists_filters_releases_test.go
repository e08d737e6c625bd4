package promises_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

// filteredLists are lists of jobs, by the filter that they have. Every release
// has jobs of the pipelines "main" and "old", failed and successful ones.
var filteredLists = map[string]func(context.Context, *gitlabci.Client, gitlabci.PipelineID, gitlabci.ListOptions) iter.Seq2[*gitlabci.JobInfo, error]{
	"ref of a project": func(ctx context.Context, c *gitlabci.Client, _ gitlabci.PipelineID, o gitlabci.ListOptions) iter.Seq2[*gitlabci.JobInfo, error] {
		return jobInfos(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: o, Ref: "old"}))
	},
	"scope[] of a project": func(ctx context.Context, c *gitlabci.Client, _ gitlabci.PipelineID, o gitlabci.ListOptions) iter.Seq2[*gitlabci.JobInfo, error] {
		return jobInfos(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: o, Scope: failedJobs}))
	},
	"scope[] of a pipeline": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID, o gitlabci.ListOptions) iter.Seq2[*gitlabci.JobInfo, error] {
		return jobInfos(c.Jobs.AllForPipeline(ctx, "group/app", id, &gitlabci.ListPipelineJobsOptions{ListOptions: o, Scope: failedJobs}))
	},
	"scope[] of trigger jobs": func(ctx context.Context, c *gitlabci.Client, id gitlabci.PipelineID, o gitlabci.ListOptions) iter.Seq2[*gitlabci.JobInfo, error] {
		return func(yield func(*gitlabci.JobInfo, error) bool) {
			for job, err := range c.Jobs.AllTriggerJobs(ctx, "group/app", id, &gitlabci.ListTriggerJobsOptions{ListOptions: o, Scope: failedJobs}) {
				if err != nil {
					yield(nil, err)
					return
				}
				if !yield(&job.JobInfo, nil) {
					return
				}
			}
		}
	},
}

var failedJobs = []gitlabci.Status{gitlabci.StatusFailed, gitlabci.StatusCanceled}

func jobInfos(jobs iter.Seq2[*gitlabci.Job, error]) iter.Seq2[*gitlabci.JobInfo, error] {
	return func(yield func(*gitlabci.JobInfo, error) bool) {
		for job, err := range jobs {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&job.JobInfo, nil) {
				return
			}
		}
	}
}

// serverOfJobs has three pipelines of each of two refs, with a job and a trigger
// job of each of three statuses.
func serverOfJobs(release string) (*gitlabcitest.Server, gitlabci.PipelineID) {
	srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
	var last gitlabci.PipelineID
	for i := range 6 {
		pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: []string{"main", "old"}[i%2]})
		for _, status := range []gitlabci.Status{gitlabci.StatusFailed, gitlabci.StatusSuccess, gitlabci.StatusCanceled} {
			pipeline.AddJob(gitlabcitest.Job{Name: "job " + string(status), Status: status})
			pipeline.AddTriggerJob(gitlabcitest.Job{Name: "trigger " + string(status), Status: status})
		}
		last = pipeline.ID
	}
	return srv, last
}

// In every release a list of jobs has what its filter asks for and nothing else,
// or an error that names the filter.
func TestFiltersOfJobsInEveryRelease(t *testing.T) {
	t.Parallel()
	for i, release := range everyRelease() {
		for j, name := range slices.Sorted(maps.Keys(filteredLists)) {
			if !testkit.Sampled(i+j, 7) { // not a multiple of 3, or prefetch is the same in all
				continue
			}
			list, prefetch := filteredLists[name], prefetchOf(i, j)
			srv, pipeline := serverOfJobs(release)
			what := fmt.Sprintf("%s, %s, prefetch %d", release, name, prefetch)
			found, err := 0, error(nil)
			for job, failure := range list(t.Context(), srv.Client(), pipeline, gitlabci.ListOptions{PerPage: 2, Prefetch: prefetch}) {
				if err = failure; err != nil {
					break
				}
				found++
				if name == "ref of a project" {
					require.Equal(t, "old", job.Ref, what)
				} else {
					require.Contains(t, failedJobs, job.Status, what)
				}
			}
			if err == nil {
				require.Equal(t, map[string]int{"ref of a project": 9, "scope[] of a project": 12, "scope[] of a pipeline": 2, "scope[] of trigger jobs": 2}[name], found, what)
				continue
			}
			require.Equal(t, "ref of a project", name, what)
			require.ErrorIs(t, err, errors.ErrUnsupported, what)
			require.ErrorContains(t, err, "ref", what)
		}
	}
}

// The order of a list, and the cursor that it is continued by, change nothing.
func TestIgnoredFiltersInAnyOrder(t *testing.T) {
	t.Parallel()
	n := 0
	for filter, test := range filterCases() {
		for _, release := range []string{"12.0", "14.2", "16.2", "16.11", "19.5"} {
			for _, order := range []gitlabci.PipelineOrder{"", gitlabci.PipelineOrderByUpdatedAt, gitlabci.PipelineOrderByStatus} {
				for _, sort := range []gitlabci.Sort{gitlabci.SortAsc, gitlabci.SortDesc} {
					if n++; !testkit.Sampled(n, 7) { // not an even one, or sort is the same in all
						continue
					}
					srv := gitlabcitest.NewServer(gitlabcitest.WithVersion(release))
					fits := map[gitlabci.PipelineID]bool{}
					for range 4 {
						fits[srv.AddPipeline("group/app", test.fits).ID] = true
					}
					for range 4 {
						srv.AddPipeline("group/app", test.fitsNot)
					}
					opts := test.options
					opts.PerPage, opts.OrderBy, opts.Sort = 3, order, sort
					client := srv.Client()
					what := fmt.Sprintf("%s, %s, %s %s", filter, release, order, sort)
					deleted, err := deleteAll(t.Context(), client, &opts)
					require.NotContains(t, slices.Collect(mapped(deleted, fits)), false, what)
					if err != nil {
						require.Empty(t, deleted, what)
						require.ErrorIs(t, err, errors.ErrUnsupported, what)
						require.ErrorContains(t, err, filter, what)
						requireCursorFails(t, client, err, what)
					}
				}
			}
		}
	}
}

func mapped(ids []gitlabci.PipelineID, fits map[gitlabci.PipelineID]bool) iter.Seq[bool] {
	return func(yield func(bool) bool) {
		for _, id := range ids {
			if !yield(fits[id]) {
				return
			}
		}
	}
}

// requireCursorFails continues a list by the cursor of its error, which has the
// filter.
func requireCursorFails(t *testing.T, client *gitlabci.Client, err error, what string) {
	t.Helper()
	page, ok := errors.AsType[*gitlabci.PageError](err)
	require.True(t, ok, what)
	deleted, again := deleteAll(t.Context(), client, &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: page.After}})
	require.Empty(t, deleted, what)
	require.ErrorIs(t, again, errors.ErrUnsupported, what)
}

// A link to the next page that drops the filters does not lead to what was not
// asked for, neither in All nor from List on.
func TestFiltersThatALinkDrops(t *testing.T) {
	t.Parallel()
	server := func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Get("page") == "2" {
			testkit.Respond(200, fmt.Sprintf(`[{"id":1,"ref":%q}]`, cmp.Or(query.Get("ref"), "main")))(w, r)
			return
		}
		testkit.Respond(200, `[{"id":2,"ref":"old"}]`, "Link", testkit.Link(url.Values{"page": {"2"}, "per_page": {"100"}}, "next"))(w, r)
	}
	for _, prefetch := range []int{0, 1, 3} {
		s := testkit.NewListScript(t, server)
		opts := &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{Prefetch: prefetch}, Ref: "old", Username: "noor", YAMLErrors: new(false)}
		ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
		require.Empty(t, errs)
		require.Equal(t, []int{2, 1}, ids)
		page, err := s.Client(t).Pipelines.List(t.Context(), "group/app", opts)
		require.NoError(t, err)
		_, err = s.Client(t).Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: page.Next}})
		require.NoError(t, err)
		for _, r := range s.Received() {
			require.Equal(t, "old", r.URL.Query().Get("ref"))
			require.Equal(t, "noor", r.URL.Query().Get("username"))
			require.Equal(t, "false", r.URL.Query().Get("yaml_errors"))
		}
	}
}

// In whatever form a link has a filter, the rest of the list is requested with the filter
// that the list began with, once: GitLab refuses it in two ways together.
func TestFiltersThatALinkWritesOtherwise(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"scope", "scope[]", "scope[0]"} {
		next := url.Values{"page": {"2"}, scope: {"failed"}}
		s := testkit.NewListScript(t, testkit.Respond(200, `[{"id":1,"status":"failed"}]`, "Link", testkit.Link(next, "next")))
		page, err := s.Client(t).Jobs.List(t.Context(), "group/app", &gitlabci.ListJobsOptions{Scope: failedJobs})
		require.NoError(t, err)
		got, err := url.ParseQuery(string(page.Next))
		require.NoError(t, err)
		require.Equal(t, []string{"2"}, got["page"])
		require.Equal(t, []string{"failed", "canceled"}, got["scope[]"])
		require.False(t, got.Has("scope") || got.Has("scope[0]"))
	}
}

// A forgetful transport loses a parameter of each query on its way.
type forgetful struct {
	http.RoundTripper
	parameter string
}

func (f forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	query.Del(f.parameter)
	r = r.Clone(r.Context())
	r.URL.RawQuery = query.Encode()
	return f.RoundTripper.RoundTrip(r)
}

// Run looks for the trigger jobs that failed, and by itself, where the server
// lists others as well.
func TestRunWhereFiltersAreIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		child := func(name string, status gitlabci.Status) gitlabcitest.Job {
			return gitlabcitest.Job{Name: name, Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{Jobs: []gitlabcitest.Job{testkit.Job("leaf", status, "")}, Depend: true}}
		}
		r := testkit.NewRunning(child("good", "success"), child("bad", "failed"))
		network.Handle("localhost", r.Server)
		result, err := r.Server.Client(gitlabci.WithTransport(forgetful{network.Transport(), "scope[]"})).Pipelines.Run(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		require.Equal(t, []string{"1002 bad unknown_failure 0: "}, testkit.FailedJobs(result))
	})
}

// A log in place of which there is JSON is polled for again, and the error has
// its message.
func TestFollowLogOfJSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Respond(200, `{"id":7,"status":"success","started_at":"2026-01-01T00:00:00Z"}`), testkit.Respond(200, `{"message":"401 Unauthorized: `+testkit.Token+`"}`),
			testkit.Respond(200, `{"id":7,"status":"success","started_at":"2026-01-01T00:00:00Z"}`), testkit.Log("Job succeeded\n"))
		var out strings.Builder
		var polls []error
		_, err := s.Client(t).Jobs.FollowLog(t.Context(), "group/app", 7, &out, &gitlabci.FollowOptions{Poll: func(p gitlabci.FollowPoll) { polls = append(polls, p.Err) }})
		require.NoError(t, err)
		require.Equal(t, "Job succeeded\n", out.String())
		require.Len(t, polls, 2)
		require.ErrorContains(t, polls[0], `"application/json"`)
		require.ErrorContains(t, polls[0], "401 Unauthorized")
		require.NotContains(t, polls[0].Error(), testkit.Token)
	})
}
