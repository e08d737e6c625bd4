package services_test

import (
	"context"
	"errors"
	"fmt"
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

const playRoute = "POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/play"

// The pipeline of a play is found, however long GitLab takes to start it, among others.
func TestPlaySchedule(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{0, 300 * time.Millisecond, 40 * time.Second, 290 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer(gitlabcitest.WithVersion("14.3"))
			srv.AddMember("group/app", "noor", gitlabcitest.RoleDeveloper)
			noor := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "noor"})))
			id := srv.AddSchedule("group/app", gitlabcitest.Schedule{PlayTakes: takes, Inactive: true}).ID
			other := srv.AddSchedule("group/app", gitlabcitest.Schedule{Cron: "* * * * *"}).ID
			for range 2 {
				start := time.Now()
				pipeline, err := noor.Schedules.Play(t.Context(), "group/app", id)
				require.NoError(t, err)
				require.Equal(t, []any{gitlabci.SourceSchedule, "main", "noor"}, []any{pipeline.Source, pipeline.Ref, pipeline.User.Username})
				require.Less(t, time.Since(start), takes+11*time.Second)
				got, err := noor.Schedules.Get(t.Context(), "group/app", id)
				require.NoError(t, err)
				require.Equal(t, pipeline.ID, got.LastPipeline.ID)
				_, err = noor.Schedules.Play(t.Context(), "group/app", other)
				require.NoError(t, err)
			}
			require.Equal(t, 4, sent(srv, playRoute))
		})
	}
}

// Plays of one program do not take one another's pipelines.
func TestPlayScheduleConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		id := srv.AddSchedule("group/app", gitlabcitest.Schedule{PlayTakes: 3 * time.Second}).ID
		client := srv.Client()
		second, err := client.With(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "maya"})))
		require.NoError(t, err)
		var mu sync.Mutex
		var ids []gitlabci.PipelineID
		var plays sync.WaitGroup
		for i := range 6 {
			plays.Go(func() {
				pipeline, err := []*gitlabci.Client{client, second}[i%2].Schedules.Play(t.Context(), "group/app", id)
				require.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				ids = append(ids, pipeline.ID)
			})
		}
		plays.Wait()
		slices.Sort(ids)
		require.Equal(t, []gitlabci.PipelineID{101, 102, 103, 104, 105, 106}, ids)

		_, err = gitlabci.Send[struct{}](t.Context(), client, "POST", gitlabci.At("/projects/:id/pipeline_schedules/:sid/play", "group/app", int64(id)), nil, nil)
		require.NoError(t, err)
		_, err = client.Schedules.Play(t.Context(), "group/app", id)
		require.ErrorContains(t, err, "500 Internal Server Error: Unable to schedule pipeline run immediately")
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "it is a refusal")
		require.Equal(t, 8, sent(srv, playRoute), "which is not retried")

		ctx, cancel := context.WithCancel(t.Context())
		go client.Schedules.Play(t.Context(), "group/app", id) // which waits
		synctest.Wait()
		cancel()
		_, err = client.Schedules.Play(ctx, "group/app", id)
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.ErrorIs(t, err, context.Canceled)
		time.Sleep(time.Minute)
	})
}

// The error of Play if it finds no pipeline, and its time.
func TestPlayScheduleFindsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		schedule gitlabcitest.Schedule
		fault    gitlabcitest.Fault
		within   time.Duration // of the context
		takes    time.Duration
		is       []error
		text     string
	}{
		"GitLab starts none": {
			gitlabcitest.Schedule{Ref: "gone"}, gitlabcitest.Fault{}, time.Hour, 5 * time.Minute, []error{gitlabci.ErrOutcomeUnknown},
			"gitlabci: outcome unknown: GitLab has accepted the play: schedule 1 has no new pipeline after 5m0s; GitLab starts none if the configuration is invalid, or the ref is gone",
		},
		"the context ends": {
			gitlabcitest.Schedule{PlayTakes: time.Hour}, gitlabcitest.Fault{}, time.Minute, time.Minute, []error{gitlabci.ErrOutcomeUnknown, context.DeadlineExceeded},
			"gitlabci: outcome unknown: GitLab has accepted the play: waiting for the pipeline of schedule 1: context deadline exceeded",
		},
		"the request is lost": {
			gitlabcitest.Schedule{}, gitlabcitest.Fault{Route: playRoute, Status: 502}, time.Hour, 2 * time.Minute, []error{gitlabci.ErrOutcomeUnknown},
			"/play: 502 Bad Gateway (outcome unknown: GitLab may have done it) (then, searching for the pipeline: schedule 1 has no new pipeline after 2m0s",
		},
		"polls fail": {
			gitlabcitest.Schedule{}, gitlabcitest.Fault{Route: "GET /projects/:id/pipeline_schedules/:pipeline_schedule_id", Status: 502, Nth: 2}, time.Hour, 5 * time.Minute,
			[]error{gitlabci.ErrOutcomeUnknown}, "GitLab has accepted the play: ",
		},
		"the pipeline cannot be read": {
			gitlabcitest.Schedule{}, gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id", Status: 403}, time.Hour, 0,
			[]error{gitlabci.ErrOutcomeUnknown, gitlabci.ErrForbidden}, "GitLab has started pipeline 101, which cannot be read: ",
		},
		"it is forbidden": {
			gitlabcitest.Schedule{}, gitlabcitest.Fault{Route: playRoute, Status: 403}, time.Hour, 0, []error{gitlabci.ErrForbidden}, "403 Forbidden",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			srv.AddSchedule("group/app", test.schedule)
			if test.fault.Route != "" {
				srv.Fault(test.fault)
			}
			ctx, cancel := context.WithTimeout(t.Context(), test.within)
			defer cancel()
			start := time.Now()
			_, err := srv.Client().Schedules.Play(ctx, "group/app", 1)
			for _, is := range test.is {
				require.ErrorIs(t, err, is, name)
			}
			require.Equal(t, slices.Contains(test.is, gitlabci.ErrOutcomeUnknown), errors.Is(err, gitlabci.ErrOutcomeUnknown), name)
			require.ErrorContains(t, err, test.text, name)
			require.LessOrEqual(t, time.Since(start), test.takes+time.Minute, name)
			require.GreaterOrEqual(t, time.Since(start), test.takes, name)
			require.Equal(t, 1, sent(srv, playRoute), name)
		})
	}
}

// A play whose response is lost is found, even if polls fail, and never repeated.
func TestPlayScheduleInDoubt(t *testing.T) {
	t.Parallel()
	for _, fault := range []gitlabcitest.Fault{
		{Status: 502, Executed: true}, {Status: 504, Executed: true}, {Break: gitlabcitest.BreakResetUnanswered, Executed: true},
		{Status: 200, Body: `{"message":"403 Forbidden"}`}, {Status: 200, Body: `<html></html>`},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			srv.AddSchedule("group/app", gitlabcitest.Schedule{PlayTakes: 90 * time.Second})
			fault.Route, fault.Times = playRoute, 1
			srv.Fault(fault)
			srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipeline_schedules/:pipeline_schedule_id", Status: 503, Nth: 3, Times: 7})
			pipeline, err := srv.Client().Schedules.Play(t.Context(), "group/app", 1)
			if fault.Status == 200 { // which was not executed
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				return
			}
			require.NoError(t, err)
			require.EqualValues(t, 101, pipeline.ID)
			require.Equal(t, 1, sent(srv, playRoute))
		})
	}
}

// A replica of GitLab's database may not have the pipeline yet that the schedule shows.
func TestPlayScheduleOnALaggingReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddSchedule("group/app", gitlabcitest.Schedule{})
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id", Status: http.StatusNotFound, Body: `{"message":"404 Not found"}`, Times: 3})
		pipeline, err := srv.Client().Schedules.Play(t.Context(), "group/app", 1)
		require.NoError(t, err)
		require.EqualValues(t, 101, pipeline.ID)
	})
}

// A replica that does not have the pipeline of the last play yet, when the next one begins,
// does not have it returned twice, nor to another client of the same server.
func TestPlayScheduleAfterAStaleRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		schedule := func(last int) http.HandlerFunc {
			return testkit.Respond(200, fmt.Sprintf(`{"id":7,"last_pipeline":{"id":%d,"status":"created"}}`, last))
		}
		pipeline := func(id int) http.HandlerFunc {
			return testkit.Respond(200, fmt.Sprintf(`{"id":%d,"status":"created"}`, id))
		}
		accepted := testkit.Respond(201, `{"message":"201 Created"}`)
		client := testkit.NewScript(
			schedule(100), accepted, schedule(101), pipeline(101),
			schedule(100), accepted, schedule(101), schedule(100), schedule(102), pipeline(102),
			schedule(103), testkit.Respond(403, `{"message":"403 Forbidden"}`), // 103 was due
			schedule(102), accepted, schedule(103), schedule(104), pipeline(104),
		).Client(t)
		second, err := client.With(gitlabci.WithToken("other"))
		require.NoError(t, err)
		var ids []gitlabci.PipelineID
		for i, c := range []*gitlabci.Client{client, second, second, client} {
			played, err := c.Schedules.Play(t.Context(), "group/app", 7)
			if i == 2 {
				require.ErrorIs(t, err, gitlabci.ErrForbidden)
				continue
			}
			require.NoError(t, err)
			ids = append(ids, played.ID)
			time.Sleep(10 * time.Second)
		}
		require.Equal(t, []gitlabci.PipelineID{101, 102, 104}, ids)
	})
}

// What is sent: the schedule is read before the play.
func TestWirePlaySchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		schedule := func(last string) http.HandlerFunc {
			return testkit.Respond(200, fmt.Sprintf(`{"id":7,"last_pipeline":%s}`, last))
		}
		s := testkit.NewScript(schedule(`{"id":41,"status":"success"}`), testkit.Respond(201, `{"message":"201 Created"}`), schedule(`{"id":41,"status":"success"}`),
			schedule(`{"id":42,"status":"created"}`), testkit.Respond(200, `{"id":42,"status":"created"}`))
		pipeline, err := s.Client(t).Schedules.Play(t.Context(), "group/app", 7)
		require.NoError(t, err)
		require.EqualValues(t, 42, pipeline.ID)
		var requests []string
		for _, r := range s.Received() {
			requests = append(requests, r.Method+" "+r.RequestURI)
		}
		const path = "/api/v4/projects/group%2Fapp/pipeline"
		require.Equal(t, []string{
			"GET " + path + "_schedules/7", "POST " + path + "_schedules/7/play", "GET " + path + "_schedules/7", "GET " + path + "_schedules/7", "GET " + path + "s/42",
		}, requests)
		require.Empty(t, s.Bodies[1])
	})
}
