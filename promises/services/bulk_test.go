package services_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// An eachCase is one of the methods, and its result for a failed pipeline with a job
// that runs.
type eachCase struct {
	do    testkit.EachMethod
	route string
	want  gitlabci.Status // "" is gone
}

func eachCases() map[string]eachCase {
	const p = "/projects/:id/pipelines/:pipeline_id"
	return map[string]eachCase{
		"cancel": {(*gitlabci.PipelinesService).CancelEach, "POST " + p + "/cancel", gitlabci.StatusCanceled},
		"delete": {(*gitlabci.PipelinesService).DeleteEach, "DELETE " + p, ""},
		"retry":  {(*gitlabci.PipelinesService).RetryEach, "POST " + p + "/retry", gitlabci.StatusPending},
	}
}

// serverOfPipelines is a server with the pipelines 1 to n, and nothing else.
func serverOfPipelines(n int, opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	for i := range n {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(i + 1), Status: gitlabci.StatusFailed})
		p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed})
	}
	return srv
}

// each ranges over everything and requires that the loop has no error.
func (c eachCase) each(t *testing.T, client *gitlabci.Client, given iter.Seq2[*gitlabci.PipelineInfo, error], opts *gitlabci.EachOptions) (ids []gitlabci.PipelineID, errs map[gitlabci.PipelineID]error) {
	t.Helper()
	errs = map[gitlabci.PipelineID]error{}
	for result, err := range c.do(client.Pipelines, t.Context(), "group/app", given, opts) {
		require.NoError(t, err)
		ids = append(ids, result.Pipeline.ID)
		if result.Err != nil {
			errs[result.Pipeline.ID] = result.Err
		}
	}
	return ids, errs
}

func countdown(n int) (ids []gitlabci.PipelineID) {
	for id := n; id > 0; id-- {
		ids = append(ids, gitlabci.PipelineID(id))
	}
	return ids
}

func TestEach(t *testing.T) {
	for name, test := range eachCases() {
		t.Run(name, func(t *testing.T) {
			srv := serverOfPipelines(30)
			client := srv.Client()
			if name == "cancel" {
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 31, Status: gitlabci.StatusRunning}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
			} else {
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 31}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusFailed})
			}
			ids, errs := test.each(t, client, client.Pipelines.All(t.Context(), "group/app", nil), nil)
			require.Empty(t, errs)
			require.ElementsMatch(t, countdown(31), ids)
			require.Equal(t, 31, countRequests(srv, test.route))
			pipeline, err := client.Pipelines.Get(t.Context(), "group/app", 31)
			if test.want == "" {
				require.ErrorIs(t, err, gitlabci.ErrNotFound)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, pipeline.Status)
		})
	}
}

// Nothing is left out of any list because other items have left it.
func TestDeleteEachLosesNone(t *testing.T) {
	for name, opts := range map[string]*gitlabci.ListPipelinesOptions{
		"all":         nil,
		"filtered":    {Status: gitlabci.StatusFailed},
		"ascending":   {Sort: gitlabci.SortAsc},
		"by change":   {OrderBy: gitlabci.PipelineOrderByUpdatedAt},
		"by status":   {OrderBy: gitlabci.PipelineOrderByStatus},
		"prefetched":  {ListOptions: gitlabci.ListOptions{Prefetch: 3, PerPage: 20}},
		"small pages": {ListOptions: gitlabci.ListOptions{PerPage: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serverOfPipelines(120)
			client := srv.Client()
			_, errs := eachCases()["delete"].each(t, client, client.Pipelines.All(t.Context(), "group/app", opts), nil)
			require.Empty(t, errs)
			page, err := client.Pipelines.List(t.Context(), "group/app", nil)
			require.NoError(t, err)
			require.Empty(t, page.Items)
		})
	}
}

func TestEachDryRun(t *testing.T) {
	for name, test := range eachCases() {
		t.Run(name, func(t *testing.T) {
			srv := serverOfPipelines(5)
			client := srv.Client()
			ids, errs := test.each(t, client, client.Pipelines.All(t.Context(), "group/app", nil), &gitlabci.EachOptions{DryRun: true})
			require.Empty(t, errs)
			require.Equal(t, countdown(5), ids)
			for _, r := range srv.Requests() {
				require.Equal(t, http.MethodGet, r.Method)
			}
			for result, err := range test.do(client.Pipelines, t.Context(), "group/app", testkit.PipelinesOf(1, 2), &gitlabci.EachOptions{DryRun: true}) {
				require.NoError(t, err)
				require.True(t, result.DryRun, "it is not like success")
				break
			}
			for result, err := range test.do(client.Pipelines, t.Context(), "group/app", testkit.PipelinesOf(1, 2), nil) {
				require.NoError(t, err)
				require.False(t, result.DryRun)
			}
		})
	}
}

func TestEachContinuesAfterAFailure(t *testing.T) {
	for name, test := range eachCases() {
		t.Run(name, func(t *testing.T) {
			srv := serverOfPipelines(4)
			srv.Fault(gitlabcitest.Fault{Route: test.route, Nth: 2, Times: 1, Status: 403})
			ids, errs := test.each(t, srv.Client(), testkit.PipelinesOf(4, 9, 3, 2, 3, 1, 4), &gitlabci.EachOptions{Concurrency: 1})
			require.Equal(t, []gitlabci.PipelineID{4, 9, 3, 2, 1}, ids, "each once, in the order given")
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[9], gitlabci.ErrForbidden)
			ids, errs = test.each(t, srv.Client(), testkit.PipelinesOf(9), nil)
			require.Len(t, ids, 1)
			require.ErrorIs(t, errs[9], gitlabci.ErrNotFound)
		})
	}
}

// A retry whose response is lost may have been executed; it is not repeated.
func TestRetryEachNeverTwice(t *testing.T) {
	test := eachCases()["retry"]
	srv := serverOfPipelines(3)
	srv.Fault(gitlabcitest.Fault{Route: test.route, Nth: 2, Times: 1, Status: 502, Executed: true})
	ids, errs := test.each(t, srv.Client(), testkit.PipelinesOf(1, 2, 3), &gitlabci.EachOptions{Concurrency: 1})
	require.Len(t, ids, 3)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[2], gitlabci.ErrOutcomeUnknown)
	require.Equal(t, 3, countRequests(srv, test.route))
}

// A list that fails changes nothing.
func TestEachOfABrokenList(t *testing.T) {
	for name, test := range eachCases() {
		t.Run(name, func(t *testing.T) {
			srv := serverOfPipelines(30)
			srv.Fault(gitlabcitest.Fault{Route: listRoute, Nth: 2, Status: 403})
			client, yields := srv.Client(), 0
			list := client.Pipelines.All(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{PerPage: 10}})
			for result, err := range test.do(client.Pipelines, t.Context(), "group/app", list, nil) {
				yields++
				require.Nil(t, result)
				require.ErrorIs(t, err, gitlabci.ErrForbidden)
			}
			require.Equal(t, 1, yields)
			require.Zero(t, countRequests(srv, test.route))
		})
	}
}

func TestEachRefuses(t *testing.T) {
	none := func(yield func(*gitlabci.PipelineInfo, error) bool) { yield(nil, nil) }
	for name, test := range eachCases() {
		for want, input := range map[string]struct {
			project gitlabci.ProjectID
			given   iter.Seq2[*gitlabci.PipelineInfo, error]
			opts    *gitlabci.EachOptions
		}{
			"-1 is not within 0 to 64":     {"group/app", testkit.PipelinesOf(1), &gitlabci.EachOptions{Concurrency: -1}},
			"65 is not within 0 to 64":     {"group/app", testkit.PipelinesOf(1), &gitlabci.EachOptions{Concurrency: 65, DryRun: true}},
			`project "app"`:                {"app", testkit.PipelinesOf(1), &gitlabci.EachOptions{DryRun: true}},
			"the iterator is nil":          {"group/app", nil, nil},
			"has a pipeline without an ID": {"group/app", testkit.PipelinesOf(1, 0), nil},
			"a pipeline without an ID":     {"group/app", none, nil},
		} {
			t.Run(name+" "+want, func(t *testing.T) {
				srv, yields := serverOfPipelines(1), 0
				for result, err := range test.do(srv.Client().Pipelines, t.Context(), input.project, input.given, input.opts) {
					yields++
					require.Nil(t, result)
					require.ErrorIs(t, err, gitlabci.ErrInvalid)
					require.ErrorContains(t, err, want)
				}
				require.Equal(t, 1, yields)
				require.Empty(t, srv.Requests())
			})
		}
	}
}

func TestEachIsLazy(t *testing.T) {
	srv := serverOfPipelines(3)
	each := srv.Client().Pipelines.RetryEach(t.Context(), "group/app", testkit.PipelinesOf(1, 2, 3), nil)
	require.Empty(t, srv.Requests())
	for want := range 2 {
		for _, err := range each {
			require.NoError(t, err)
		}
		require.Len(t, srv.Requests(), 3*(want+1), "it begins afresh")
	}
	for range srv.Client().Pipelines.RetryEach(t.Context(), "group/app", testkit.PipelinesOf(), nil) {
		t.Fatal("there are none")
	}
}

// Several goroutines may range over the same results at the same time, as over any iterator
// of this package. The race detector finds what they share.
func TestEachRangedConcurrently(t *testing.T) {
	srv := serverOfPipelines(1)
	each := srv.Client().Pipelines.RetryEach(t.Context(), "group/app", testkit.PipelinesOf(1), nil)
	var loops sync.WaitGroup
	for range 2 {
		loops.Go(func() {
			for _, err := range each {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	loops.Wait()
	require.Len(t, srv.Requests(), 2)
}

func TestEachConcurrency(t *testing.T) {
	for most, want := range map[int]time.Duration{0: 20 * time.Second, 1: 80 * time.Second, 8: 10 * time.Second, 64: 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			srv, test := serverOfPipelines(8), eachCases()["delete"]
			srv.Fault(gitlabcitest.Fault{Route: test.route, Break: gitlabcitest.BreakStallHeader, Delay: 10 * time.Second})
			start := time.Now()
			ids, errs := test.each(t, srv.Client(), testkit.PipelinesOf(countdown(8)...), &gitlabci.EachOptions{Concurrency: most})
			require.Equal(t, want, time.Since(start))
			require.Len(t, ids, 8)
			require.Empty(t, errs)
		})
	}
}

// A break from the loop begins nothing more, and waits for nothing.
func TestEachLeft(t *testing.T) {
	leave := map[string]func(func(func(*gitlabci.EachResult, error) bool)){
		"break": func(each func(func(*gitlabci.EachResult, error) bool)) {
			for range each {
				break
			}
		},
		"panic": func(each func(func(*gitlabci.EachResult, error) bool)) {
			defer func() { recover() }()
			for range each {
				panic("enough")
			}
		},
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, test := serverOfPipelines(20), eachCases()["delete"]
				srv.Fault(gitlabcitest.Fault{Route: test.route, Nth: 2, Break: gitlabcitest.BreakStallHeader, Delay: time.Minute})
				start := time.Now()
				leave(test.do(srv.Client().Pipelines, t.Context(), "group/app", testkit.PipelinesOf(countdown(20)...), nil))
				require.Zero(t, time.Since(start))
				synctest.Wait()
				require.LessOrEqual(t, countRequests(srv, test.route), 5)
			})
		})
	}
}

func TestEachOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, test := serverOfPipelines(20), eachCases()["cancel"]
		srv.Fault(gitlabcitest.Fault{Route: test.route, Break: gitlabcitest.BreakStallHeader, Delay: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		start, done, cut := time.Now(), 0, 0
		var last error
		for result, err := range test.do(srv.Client().Pipelines, ctx, "group/app", testkit.PipelinesOf(countdown(20)...), nil) {
			require.NoError(t, last, "it is the last")
			switch last = err; {
			case err != nil:
				require.Nil(t, result)
			case result.Err != nil:
				require.ErrorIs(t, result.Err, context.DeadlineExceeded)
				cut++
			default:
				done++
			}
		}
		require.Equal(t, 25*time.Second, time.Since(start))
		require.Equal(t, []int{8, 4}, []int{done, cut})
		require.ErrorIs(t, last, context.DeadlineExceeded)
		require.EqualError(t, last, "gitlabci: 8 of 20 pipelines were not begun: context deadline exceeded")
	})
}

// Calls that GitLab allows only so often a minute take some minutes.
func TestEachWithinLimits(t *testing.T) {
	for name, test := range eachCases() {
		t.Run(name, func(t *testing.T) {
			n := map[string]int{"cancel": 150, "delete": 410, "retry": 230}[name]
			synctest.Test(t, func(t *testing.T) {
				srv := serverOfPipelines(n, gitlabcitest.WithActionLimits())
				var waits []gitlabci.WaitReason
				client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
					if w.Duration >= 2*time.Second {
						waits = append(waits, w.Reason)
					}
				}}))
				start := time.Now()
				ids, errs := test.each(t, client, client.Pipelines.All(t.Context(), "group/app", nil), &gitlabci.EachOptions{Concurrency: 1})
				require.Empty(t, errs)
				require.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), n)
				require.Less(t, time.Since(start), 3*time.Minute)
				require.Equal(t, []gitlabci.WaitReason{gitlabci.WaitReasonRateLimit}, slices.Compact(waits))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		srv, test := serverOfPipelines(210, gitlabcitest.WithActionLimits()), eachCases()["retry"]
		start := time.Now()
		_, errs := test.each(t, srv.Client(gitlabci.WithMaxWait(time.Second)), testkit.PipelinesOf(countdown(210)...), nil)
		require.Less(t, time.Since(start), time.Minute, "no wait is longer than allowed")
		require.Len(t, errs, 10)
		for _, err := range errs {
			require.ErrorIs(t, err, gitlabci.ErrRateLimited)
		}
	})
}

// A context ends the minute's wait, too.
func TestEachCanceledWhileLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, test := serverOfPipelines(1), eachCases()["retry"]
		srv.Fault(gitlabcitest.Fault{Route: test.route, Status: 429, Body: gitlabcitest.BodyActionLimited})
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		time.AfterFunc(50*time.Second, cancel)
		for result, err := range test.do(srv.Client().Pipelines, ctx, "group/app", testkit.PipelinesOf(1), nil) {
			require.NoError(t, err)
			require.ErrorIs(t, result.Err, context.Canceled)
			require.ErrorIs(t, result.Err, gitlabci.ErrRateLimited)
		}
		require.Equal(t, 50*time.Second, time.Since(start))
	})
}

// Running calls are canceled when the context ends, and so is the loop.
func TestEachOfManyCanceledWhileLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, test := serverOfPipelines(200, gitlabcitest.WithActionLimits()), eachCases()["cancel"]
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel)
		failed, canceled := 0, false
		for result, err := range test.do(srv.Client().Pipelines, ctx, "group/app", testkit.PipelinesOf(countdown(200)...), nil) {
			switch canceled = errors.Is(err, context.Canceled); {
			case err != nil:
				require.EqualError(t, err, "gitlabci: 76 of 200 pipelines were not begun: context canceled")
			case result.Err != nil:
				failed++
				require.ErrorIs(t, result.Err, context.Canceled)
				require.ErrorIs(t, result.Err, gitlabci.ErrRateLimited)
			}
		}
		require.True(t, canceled)
		require.Equal(t, 4, failed)
	})
}
