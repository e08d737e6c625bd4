package services_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// jobRow is a job in a list: ID, its own status, that of the pipeline 7, and
// the minute in which that was updated.
func jobRow(id int, status, pipeline string, minute int) string {
	return fmt.Sprintf(`{"id":%d,"name":"j","status":%q,"pipeline":{"id":7,"status":%q,"updated_at":"2030-01-01T00:%02d:00.000Z"}}`,
		id, status, pipeline, minute)
}

// next is a page that another one follows.
func next(page int, all ...string) http.HandlerFunc {
	link := fmt.Sprintf(`<https://other.example/?include_retried=true&page=%d&per_page=100>; rel="next"`, page)
	return testkit.Respond(http.StatusOK, "["+strings.Join(all, ",")+"]", "Link", link)
}

func TestWatchReads(t *testing.T) {
	pipeline := func(status string) http.HandlerFunc { return testkit.Respond(200, `{"id":7,"status":"`+status+`"}`) }
	for name, test := range map[string]struct {
		steps  []http.HandlerFunc
		events []string
	}{
		"a job that comes late": {
			[]http.HandlerFunc{testkit.Rows(jobRow(1, "running", "running", 0)), testkit.Rows(jobRow(2, "success", "success", 1), jobRow(1, "success", "success", 1))},
			[]string{"pipeline#7 >running", "j#1 >running", "j#1 running>success", "j#2 >success", "pipeline#7 running>success"},
		},
		"no jobs at first": {
			[]http.HandlerFunc{testkit.Rows(), pipeline("created"), testkit.Rows(jobRow(1, "pending", "pending", 1)), testkit.Rows(jobRow(1, "success", "success", 2))},
			[]string{"pipeline#7 >created", "pipeline#7 created>pending", "j#1 >pending", "j#1 pending>success", "pipeline#7 pending>success"},
		},
		"jobs that come and go while the pipeline is asked for": {
			[]http.HandlerFunc{testkit.Rows(), pipeline("success"), testkit.Rows(jobRow(1, "success", "success", 1))},
			[]string{"j#1 >success", "pipeline#7 >success"},
		},
		"never any jobs": {
			[]http.HandlerFunc{testkit.Rows(), pipeline("failed"), testkit.Rows()},
			[]string{"pipeline#7 >failed"},
		},
		"jobs without their pipeline": {
			[]http.HandlerFunc{testkit.Rows(`{"id":1,"name":"j","status":"running"}`), pipeline("running"), testkit.Rows(jobRow(1, "success", "success", 1))},
			[]string{"pipeline#7 >running", "j#1 >running", "j#1 running>success", "pipeline#7 running>success"},
		},
		"two pages, of which the second is newer": {
			[]http.HandlerFunc{
				next(2, jobRow(3, "pending", "running", 0), jobRow(2, "pending", "running", 0)),
				testkit.Rows(jobRow(2, "success", "success", 1), jobRow(1, "success", "success", 1)),
				testkit.Rows(jobRow(4, "skipped", "success", 1), jobRow(3, "success", "success", 1), jobRow(2, "success", "success", 1), jobRow(1, "success", "success", 1)),
			},
			[]string{
				"pipeline#7 >running", "j#1 >success", "j#2 >success", "j#3 >pending",
				"j#3 pending>success", "j#4 >skipped", "pipeline#7 running>success",
			},
		},
		"a finished pipeline with a job that has not": {
			[]http.HandlerFunc{testkit.Rows(jobRow(1, "running", "failed", 1)), testkit.Rows(jobRow(1, "failed", "failed", 1))},
			[]string{"j#1 >running", "pipeline#7 >failed", "j#1 running>failed"},
		},
		"one that runs again meanwhile": {
			[]http.HandlerFunc{testkit.Rows(jobRow(2, "pending", "failed", 1), jobRow(1, "failed", "failed", 1)), testkit.Rows(jobRow(2, "success", "success", 2), jobRow(1, "failed", "success", 2))},
			[]string{"j#1 >failed", "j#2 >pending", "pipeline#7 >failed", "j#2 pending>success", "pipeline#7 failed>success"},
		},
		"a manual job that nobody waits for": {
			[]http.HandlerFunc{testkit.Rows(jobRow(1, "manual", "success", 1))},
			[]string{"j#1 >manual", "pipeline#7 >success"},
		},
		"words not known here": {
			[]http.HandlerFunc{testkit.Rows(jobRow(1, "dreaming", "brooding", 1)), testkit.Rows(jobRow(1, "running", "running", 1)), testkit.Rows(jobRow(1, "dozing", "running", 1)), testkit.Rows(jobRow(1, "success", "success", 1))},
			[]string{
				"pipeline#7 >brooding", "j#1 >dreaming", "pipeline#7 brooding>running", "j#1 dreaming>running",
				"j#1 running>dozing", "j#1 dozing>success", "pipeline#7 running>success",
			},
		},
		"what GitLab brings back": {
			[]http.HandlerFunc{testkit.Rows(jobRow(1, "skipped", "running", 1)), testkit.Rows(jobRow(1, "created", "running", 1)), testkit.Rows(jobRow(1, "pending", "running", 1)), testkit.Rows(jobRow(1, "skipped", "success", 1))},
			[]string{"pipeline#7 >running", "j#1 >skipped", "j#1 skipped>created", "j#1 created>pending", "j#1 pending>skipped", "pipeline#7 running>success"},
		},
		"a replica that lags": {
			[]http.HandlerFunc{
				testkit.Rows(jobRow(1, "running", "running", 2)), testkit.Rows(jobRow(1, "pending", "pending", 1)), // by the time
				testkit.Rows(jobRow(1, "pending", "running", 2)), testkit.Rows(jobRow(1, "running", "running", 2)), // by the job
				testkit.Rows(jobRow(1, "success", "running", 2)), testkit.Rows(jobRow(1, "canceling", "running", 2)), testkit.Rows(jobRow(1, "success", "success", 3)),
			},
			[]string{"pipeline#7 >running", "j#1 >running", "j#1 running>success", "pipeline#7 running>success"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(test.steps...)
				require.Equal(t, test.events, eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil))
				require.Len(t, s.Received(), len(test.steps))
			})
		})
	}
}

// A state that lasts for longer than replicas lag is true.
func TestWatchOfAReplicaThatStaysBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Rows(jobRow(1, "running", "running", 2)), func(w http.ResponseWriter, r *http.Request) {
			testkit.Rows(jobRow(1, "failed", "failed", 1))(w, r)
		})
		start := time.Now()
		require.Equal(t, []string{"pipeline#7 >running", "j#1 >running", "j#1 running>failed", "pipeline#7 running>failed"},
			eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil))
		require.InDelta(t, 70, time.Since(start).Seconds(), 10)
	})
}

// A job that never ends is not waited for forever once its pipeline has ended.
func TestWatchOfAJobThatNeverEnds(t *testing.T) {
	for _, status := range []string{"running", "dreaming", "scheduled"} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Rows(jobRow(1, "created", "success", 1)), testkit.Rows(jobRow(1, status, "success", 1)))
			start := time.Now()
			require.Equal(t, []string{"j#1 >created", "pipeline#7 >success", "j#1 created>" + status},
				eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil))
			require.InDelta(t, 69, time.Since(start).Seconds(), 8)
		})
	}
}

// All jobs are seen, also if there are more than one page.
func TestWatchOfManyJobs(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for range 250 {
			p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: time.Second}})
		}
		events := eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil)
		require.Len(t, events, 2*251)
		require.Equal(t, "pipeline#101 running>success", events[501])
		for _, request := range srv.Requests() {
			require.Equal(t, "true", request.Query.Get("include_retried"))
		}
		require.Len(t, srv.Requests(), 6)
	})
}

// Pages that do not change are sent once, whatever their number is.
func TestWatchOfManyPagesThatDoNotChange(t *testing.T) {
	for jobs, lasts := range map[int]time.Duration{100: time.Minute, 101: time.Minute, 500: 10 * time.Minute} {
		if testkit.UnderRace() && jobs > 101 {
			continue
		}
		var seen requestTimes
		inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
			p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusManual})
			for range jobs {
				p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusManual})
			}
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			defer cancel()
			eventTexts(t, client.Pipelines.Watch(ctx, "group/app", p.ID, nil), context.DeadlineExceeded)
			all := len(seen.lines)
			whole := slices.DeleteFunc(seen.lines, func(line string) bool { return strings.HasPrefix(line, "304") })
			require.Len(t, whole, (jobs+99)/100)
			require.Greater(t, all, 3*len(whole))
		}, seen.option())
	}
}

// A change on one page of several is seen, even if the next page could not be read at
// first, and so is a job on a new page.
func TestWatchOfPagesThatChange(t *testing.T) {
	page := func(page int, version string, last bool, rows ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			tag := fmt.Sprintf(`W/"%d%s"`, page, version)
			w.Header().Set("ETag", tag)
			switch {
			case r.Header.Get("If-None-Match") == tag:
				w.WriteHeader(http.StatusNotModified)
			case last:
				testkit.Rows(rows...)(w, r)
			default:
				next(page+1, rows...)(w, r)
			}
		}
	}
	full := make([]string, 100)
	for i := range full {
		full[i] = jobRow(i+1, "success", "running", 0)
	}
	for name, test := range map[string]struct {
		steps  []http.HandlerFunc
		events []string
	}{
		"the second page": {
			[]http.HandlerFunc{
				page(1, "a", false, jobRow(2, "success", "running", 0)), page(2, "a", true, jobRow(1, "running", "running", 0)),
				page(1, "a", false), page(2, "b", true, jobRow(1, "success", "running", 0)),
				page(1, "b", false, jobRow(2, "success", "success", 1)), page(2, "b", true, jobRow(1, "success", "success", 1)),
			},
			[]string{"pipeline#7 >running", "j#1 >running", "j#2 >success", "j#1 running>success", "pipeline#7 running>success"},
		},
		"the first page, before one that fails": {
			[]http.HandlerFunc{
				page(1, "a", false, jobRow(2, "running", "running", 0)), page(2, "a", true, jobRow(1, "success", "running", 0)),
				page(1, "b", false, jobRow(2, "success", "success", 1)), testkit.Respond(http.StatusNotImplemented, ""),
				page(1, "b", false, jobRow(2, "success", "success", 1)), page(2, "b", true, jobRow(1, "success", "success", 1)),
			},
			[]string{"pipeline#7 >running", "j#1 >success", "j#2 >running", "j#2 running>success", "pipeline#7 running>success"},
		},
		"the first page, which links elsewhere now": {
			[]http.HandlerFunc{
				page(1, "a", false, jobRow(2, "running", "running", 0)), page(2, "a", true, jobRow(1, "running", "running", 0)),
				page(3, "a", false, jobRow(2, "success", "running", 0)), func(w http.ResponseWriter, r *http.Request) {
					require.Equal(t, "4", r.URL.Query().Get("page"))
					require.Empty(t, r.Header.Get("If-None-Match"))
					page(4, "a", true, jobRow(1, "success", "running", 0))(w, r)
				},
				page(1, "b", true, jobRow(2, "success", "success", 1), jobRow(1, "success", "success", 1)),
			},
			[]string{"j#1 running>success", "j#2 running>success", "pipeline#7 running>success"},
		},
		"a page that is full, of a server that lists the oldest first": {
			[]http.HandlerFunc{
				page(1, "a", true, full...),
				page(1, "a", false, full...), page(2, "a", true, jobRow(101, "success", "success", 1)),
				page(1, "b", false, jobRow(1, "success", "success", 1)), page(2, "a", true),
			},
			[]string{"j#101 >success", "pipeline#7 running>success"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(test.steps...)
				events := eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil)
				require.Equal(t, test.events, events[len(events)-len(test.events):])
				require.Len(t, s.Received(), len(test.steps))
			})
		})
	}
}

// A list of jobs that does not end is an error, even if every page has another link.
func TestWatchOfAListWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 1
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			pages++
			next(pages, jobRow(pages, "running", "running", 0))(w, r)
		})
		for _, err := range s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, &gitlabci.WatchOptions{GiveUpAfter: time.Nanosecond}) {
			require.ErrorContains(t, err, "the list of the jobs of pipeline 7 does not end: 1001 pages were read")
		}
		require.Less(t, len(s.Received()), 3000)
	})
}

// The caller may change an event: it shares nothing with the watch.
func TestWatchKeepsItsOwnState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Rows(jobRow(1, "running", "running", 1)), testkit.Rows(jobRow(1, "success", "success", 2)))
		var seen []string
		start := time.Now()
		for event, err := range s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil) {
			require.NoError(t, err)
			seen = append(seen, testkit.EventText(event))
			*event.Pipeline = gitlabci.PipelineInfo{UpdatedAt: time.Now().AddDate(100, 0, 0)}
			if event.Job != nil {
				event.Job.Pipeline.UpdatedAt = time.Now().AddDate(100, 0, 0)
			}
		}
		require.Equal(t, []string{"pipeline#7 >running", "j#1 >running", "j#1 running>success", "pipeline#7 running>success"}, seen)
		require.Less(t, time.Since(start), 10*time.Second)
	})
}

// The result of Wait for a pipeline that does not change.
func TestWait(t *testing.T) {
	blocked, waiting := gitlabci.ErrBlocked, context.DeadlineExceeded
	for _, test := range []struct {
		pipeline gitlabci.Status
		jobs     string
		want     error
	}{
		{gitlabci.StatusSuccess, "success", nil},
		{gitlabci.StatusFailed, "success failed skipped", nil},
		{gitlabci.StatusCanceled, "canceled", nil},
		{gitlabci.StatusSkipped, "", nil},
		{gitlabci.StatusSuccess, "manual", nil},
		{gitlabci.StatusFailed, "running", nil},

		{gitlabci.StatusManual, "manual", blocked},
		{gitlabci.StatusManual, "", blocked},
		{gitlabci.StatusManual, "success manual created", blocked},
		{gitlabci.StatusManual, "manual scheduled", blocked},

		{gitlabci.StatusManual, "manual pending", waiting},
		{gitlabci.StatusManual, "manual dreaming", waiting},
		{gitlabci.StatusCreated, "created", waiting},
		{gitlabci.StatusCreated, "", waiting},
		{gitlabci.StatusWaitingForResource, "", waiting},
		{gitlabci.StatusPreparing, "preparing", waiting},
		{gitlabci.StatusWaitingForCallback, "", waiting},
		{gitlabci.StatusPending, "pending", waiting},
		{gitlabci.StatusRunning, "running manual", waiting},
		{gitlabci.StatusRunning, "success", waiting},
		{gitlabci.StatusCanceling, "canceling", waiting},
		{gitlabci.StatusScheduled, "scheduled", waiting},
		{"brooding", "success", waiting},
		{"brooding", "", waiting},
		{"", "", waiting},
	} {
		t.Run(fmt.Sprint(test.pipeline, ": ", test.jobs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var list []string
				for i, status := range strings.Fields(test.jobs) {
					list = append(list, jobRow(i+1, status, string(test.pipeline), 0))
				}
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/jobs") {
						testkit.Rows(list...)(w, r)
						return
					}
					testkit.Respond(200, `{"id":7,"status":"`+string(test.pipeline)+`","sha":"abc"}`)(w, r)
				})
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				ended, err := s.Client(t).Pipelines.Wait(ctx, "group/app", 7, nil)
				if test.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, test.want)
				}
				if test.want == waiting {
					require.Nil(t, ended)
				} else {
					require.Equal(t, gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 7, Status: test.pipeline, SHA: "abc"}}, *ended)
				}
				if test.want != blocked {
					return
				}
				_, err = s.Client(t).Pipelines.Wait(ctx, "group/app", 7, &gitlabci.WatchOptions{WaitForManual: true})
				require.ErrorIs(t, err, waiting)
			})
		})
	}
}

// A pipeline is blocked if two polls in a row say so, and then the pipeline itself.
func TestWaitConfirmsABlock(t *testing.T) {
	manual, running := testkit.Rows(jobRow(1, "manual", "manual", 1)), testkit.Rows(jobRow(1, "running", "running", 1))
	success := testkit.Rows(jobRow(1, "success", "success", 2))
	pipeline := func(status string) http.HandlerFunc { return testkit.Respond(200, `{"id":7,"status":"`+status+`"}`) }
	late := testkit.Respond(200, `{"id":7,"status":"failed","updated_at":"2030-01-01T00:01:00.000Z"}`) // from before a retry
	broken := testkit.Respond(404, "<html>", "Content-Type", "text/html")                              // which the client does not try again by itself
	for name, test := range map[string]struct {
		steps []http.HandlerFunc
		want  error
	}{
		"twice":                      {[]http.HandlerFunc{manual, manual, pipeline("manual")}, gitlabci.ErrBlocked},
		"once":                       {[]http.HandlerFunc{manual, running, success, pipeline("success")}, nil},
		"not in a row":               {[]http.HandlerFunc{manual, running, manual, running, success, pipeline("success")}, nil},
		"with a failed poll between": {[]http.HandlerFunc{manual, broken, manual, pipeline("manual")}, gitlabci.ErrBlocked},
		"failed polls do not count":  {[]http.HandlerFunc{manual, broken, broken, running, success, pipeline("success")}, nil},
		"played just now":            {[]http.HandlerFunc{manual, manual, pipeline("running"), running, success, pipeline("success")}, nil},
		"retried just now":           {[]http.HandlerFunc{success, pipeline("running"), running, success, pipeline("success")}, nil},
		"canceled just now":          {[]http.HandlerFunc{manual, manual, pipeline("canceled"), testkit.Rows(jobRow(1, "canceled", "canceled", 2)), pipeline("canceled")}, nil},
		"a last response that lags":  {[]http.HandlerFunc{success, late, success, late, success, pipeline("success")}, nil},
		"a broken last response":     {[]http.HandlerFunc{success, broken, broken, pipeline("success")}, nil},
		"deleted at last":            {[]http.HandlerFunc{success, testkit.Respond(404, `{"message":"404 Not found"}`)}, gitlabci.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.NewScript(test.steps...)
				ended, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 7, nil)
				if name == "deleted at last" { // a replica may lag, so that the first response is not believed
					require.Greater(t, len(s.Received()), len(test.steps))
				} else {
					require.Len(t, s.Received(), len(test.steps))
				}
				switch test.want {
				case nil:
					require.NoError(t, err)
					require.Contains(t, []gitlabci.Status{"success", "canceled"}, ended.Status)
				case gitlabci.ErrBlocked:
					require.EqualError(t, err, "gitlabci: blocked by a manual job: pipeline 7 in project group/app: \"j\"")
					require.Equal(t, gitlabci.StatusManual, ended.Status)
				default:
					require.ErrorIs(t, err, test.want)
					require.Nil(t, ended)
				}
			})
		})
	}
}

// A verdict that stays older than the jobs for longer than replicas lag counts.
func TestWaitOnAReplicaThatStaysBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/jobs") {
				testkit.Rows(jobRow(1, "success", "success", 2))(w, r)
				return
			}
			testkit.Respond(200, `{"id":7,"status":"failed","updated_at":"2030-01-01T00:01:00.000Z"}`)(w, r)
		})
		start := time.Now()
		ended, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 7, nil)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusFailed, ended.Status)
		require.InDelta(t, 60, time.Since(start).Seconds(), 5)
	})
}

// Finished and manual downstream pipelines count with Downstream only.
func TestWaitDownstream(t *testing.T) {
	t.Parallel()
	play := gitlabcitest.Job{Name: "play", Status: gitlabci.StatusCreated, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: time.Minute}}
	busy := gitlabcitest.Job{Name: "busy", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: 5 * time.Minute}}
	for name, test := range map[string]struct {
		below   []gitlabcitest.Job
		beside  []gitlabcitest.Job
		depend  bool
		options *gitlabci.WatchOptions
		want    error
		status  gitlabci.Status
		after   time.Duration // at least; 4 minutes more at most
	}{
		"not below":                         {[]gitlabcitest.Job{busy}, nil, false, nil, nil, "success", 0},
		"below":                             {[]gitlabcitest.Job{busy}, nil, false, downstream, nil, "success", 5 * time.Minute},
		"it depends":                        {[]gitlabcitest.Job{busy}, nil, true, nil, nil, "success", 5 * time.Minute},
		"blocked below":                     {[]gitlabcitest.Job{play}, nil, false, downstream, gitlabci.ErrBlocked, "success", 0},
		"blocked below and it depends":      {[]gitlabcitest.Job{play}, nil, true, downstream, gitlabci.ErrBlocked, "running", 0},
		"blocked below, but busy":           {[]gitlabcitest.Job{play}, []gitlabcitest.Job{busy}, true, downstream, gitlabci.ErrBlocked, "running", 5 * time.Minute},
		"blocked below, but busy elsewhere": {[]gitlabcitest.Job{play}, []gitlabcitest.Job{busy}, false, downstream, gitlabci.ErrBlocked, "success", 5 * time.Minute},
		"waits for a person":                {[]gitlabcitest.Job{play}, nil, true, &gitlabci.WatchOptions{Downstream: true, WaitForManual: true}, context.DeadlineExceeded, "", 10 * time.Minute},
		"not asked to look":                 {[]gitlabcitest.Job{play}, nil, true, nil, context.DeadlineExceeded, "", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				p.AddJob(gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{Jobs: test.below, Depend: test.depend}})
				for _, job := range test.beside {
					p.AddJob(job)
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				ended, err := client.Pipelines.Wait(ctx, "group/app", p.ID, test.options)
				if test.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, test.want)
				}
				if test.want == gitlabci.ErrBlocked {
					require.ErrorContains(t, err, "pipeline 102 in project 1")
				}
				if test.status != "" {
					require.Equal(t, test.status, ended.Status)
				}
				require.GreaterOrEqual(t, time.Since(start), test.after)
				require.Less(t, time.Since(start), test.after+4*time.Minute)
			})
		})
	}
}

var watchPipelines = flag.Int("watch.pipelines", 200, "how many BenchmarkWatch watches")

func TestWatchCost(t *testing.T) {
	testkit.NotUnderRace(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { watchMany(t, 1, 10).require(t) })
}

// BenchmarkWatch prints what it costs to watch pipelines of 50 jobs for an hour. Only a
// test has a bubble in which an hour takes no time, so it runs one.
func BenchmarkWatch(b *testing.B) {
	var cost watchCost
	all := func(_, _ string) (bool, error) { return true, nil }
	for b.Loop() {
		passed := testing.RunTests(all, []testing.InternalTest{{Name: "watch", F: func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cost = watchMany(t, *watchPipelines, 50)
				cost.require(t)
			})
		}}})
		require.True(b, passed)
	}
	pipelines := float64(*watchPipelines)
	b.ReportMetric(cost.perPoll(), "requests/poll")
	b.ReportMetric(float64(cost.requests.Load())/pipelines, "requests/pipeline")
	b.ReportMetric(cost.watched.Seconds()*pipelines/float64(cost.polls.Load()), "s/poll")
	b.ReportMetric(float64(cost.events.Load())/pipelines, "events/pipeline")
	b.ReportMetric(0, "ns/op") // of a fake server
}

// A watchCost is what watching some pipelines took.
type watchCost struct {
	requests, polls, events *atomic.Int64
	watched                 time.Duration
}

func (c watchCost) perPoll() float64 { return float64(c.requests.Load()) / float64(c.polls.Load()) }

func (c watchCost) require(t *testing.T) {
	require.Less(t, c.perPoll(), 1.2)
	require.InDelta(t, time.Hour, c.watched, float64(5*time.Minute))
}

// watchMany watches n pipelines with so many jobs in 5 stages, which take an hour.
func watchMany(t *testing.T, n, jobs int) watchCost {
	srv := gitlabcitest.NewServer(gitlabcitest.WithRequestLog(0))
	cost := watchCost{requests: new(atomic.Int64), polls: new(atomic.Int64), events: new(atomic.Int64)}
	client := srv.Client(gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		cost.requests.Add(1)
		info, _ := gitlabci.RequestInfoFrom(req.Context())
		if info.Attempt == 1 && strings.HasSuffix(info.Endpoint, "/jobs") && !req.URL.Query().Has("page") {
			cost.polls.Add(1)
		}
		return srv.Transport().RoundTrip(req)
	})))
	start := time.Now()
	var all sync.WaitGroup
	for i := range n {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for j := range jobs {
			takes := 12*time.Minute - time.Duration((7*i+13*j)%50)*5*time.Second
			p.AddJob(gitlabcitest.Job{Name: fmt.Sprint(j), Stage: fmt.Sprint(5 * j / jobs), Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: takes}})
		}
		all.Go(func() {
			for _, err := range client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil) {
				if err != nil {
					t.Error(err)
				}
				cost.events.Add(1)
			}
		})
	}
	all.Wait()
	cost.watched = time.Since(start)
	return cost
}

// A cache that always says that nothing has changed is not believed forever.
func TestWaitWithACacheThatNeverChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("If-None-Match") != "":
				w.WriteHeader(http.StatusNotModified)
			case time.Since(began) < time.Minute:
				w.Header().Set("ETag", `"1"`)
				testkit.Rows(jobRow(1, "running", "running", 0))(w, r)
			case strings.HasSuffix(r.URL.Path, "/jobs"):
				testkit.Rows(jobRow(1, "success", "success", 1))(w, r)
			default:
				testkit.Respond(200, `{"id":7,"status":"success"}`)(w, r)
			}
		})
		pipeline, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 7, nil)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusSuccess, pipeline.Status)
		require.Less(t, time.Since(began), 17*time.Minute)
		unconditional := 0
		for _, r := range s.Received() {
			if r.Header.Get("If-None-Match") == "" {
				unconditional++
			} else {
				require.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
			}
		}
		require.Equal(t, 3, unconditional, "two lists and the pipeline")
	})
}
