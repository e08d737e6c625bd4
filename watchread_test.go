package gitlabci_test

import (
	"fmt"
	"net/http"
	"strings"
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
				require.Equal(t, test.events, toldAll(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil))
				require.Len(t, s.Received(), len(test.steps))
			})
		})
	}
}

// What stays as it was for longer than replicas lag is true.
func TestWatchBelievesInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.NewScript(testkit.Rows(jobRow(1, "running", "running", 2)), func(w http.ResponseWriter, r *http.Request) {
			testkit.Rows(jobRow(1, "failed", "failed", 1))(w, r)
		})
		start := time.Now()
		require.Equal(t, []string{"pipeline#7 >running", "j#1 >running", "j#1 running>failed", "pipeline#7 running>failed"},
			toldAll(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil))
		require.InDelta(t, 70, time.Since(start).Seconds(), 10)
	})
}

// A job that never ends is not waited for forever once its pipeline has ended.
func TestWatchLeavesWhatNeverEnds(t *testing.T) {
	for _, status := range []string{"running", "dreaming", "scheduled"} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Rows(jobRow(1, "created", "success", 1)), testkit.Rows(jobRow(1, status, "success", 1)))
			start := time.Now()
			require.Equal(t, []string{"j#1 >created", "pipeline#7 >success", "j#1 created>" + status},
				toldAll(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, nil), nil))
			require.InDelta(t, 69, time.Since(start).Seconds(), 8)
		})
	}
}

// Of more jobs than a page holds, all are seen, and no ETag is sent.
func TestWatchOfManyJobs(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for range 250 {
			p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: time.Second}})
		}
		events := toldAll(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil)
		require.Len(t, events, 2*251)
		require.Equal(t, "pipeline#101 running>success", events[501])
		for _, request := range srv.Requests() {
			require.Empty(t, request.Header.Get("If-None-Match"))
			require.Equal(t, "true", request.Query.Get("include_retried"))
		}
		require.Len(t, srv.Requests(), 6)
	})
}

// An event belongs to the one who got it.
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
