package services_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

// statusServer is a server with a commit, in a pipeline if a status is in it already.
func statusServer(before gitlabci.Status) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "main", SHA: testkit.SHA})
	if before != "" {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA}).AddStatus(gitlabcitest.CommitStatus{Status: before})
	}
	return srv
}

// What others do with a status while a response is lost: a status that was begun is not
// begun again, and one that was not set is set.
func TestStatusOfOthersAfterALostResponse(t *testing.T) {
	t.Parallel()
	type states = []gitlabci.Status
	for name, test := range map[string]struct {
		before    gitlabci.Status
		state     gitlabci.Status
		executed  bool
		meanwhile gitlabci.Status
		want      states // of all statuses; the last one is the result
	}{
		"ended otherwise, and not by us":     {"pending", "success", false, "failed", states{"failed", "success"}},
		"left as it was":                     {"pending", "running", false, "", states{"running"}},
		"begun anew, and ended as before":    {"failed", "running", true, "failed", states{"failed", "failed"}},
		"continued, and ended":               {"pending", "running", true, "success", states{"success"}},
		"begun in a new pipeline, and ended": {"", "running", true, "success", states{"success"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := statusServer(test.before)
				srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 502, Executed: test.executed, Times: 1})
				if test.meanwhile != "" {
					time.AfterFunc(time.Second/2, func() { // before the search
						if _, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, test.meanwhile, nil); err != nil {
							t.Error(err)
						}
					})
				}
				status, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, test.state, nil)
				require.NoError(t, err)
				require.Equal(t, test.want[len(test.want)-1], status.Status)
				var all states
				for one, err := range srv.Client().Statuses.All(t.Context(), "group/app", testkit.SHA, &gitlabci.ListStatusesOptions{All: true}) {
					require.NoError(t, err)
					all = append(all, one.Status)
				}
				require.Equal(t, test.want, all)
			})
		})
	}
}

// The last try is searched for as well, and no further one follows.
func TestStatusLostAtLast(t *testing.T) {
	t.Parallel()
	for _, executed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			srv := statusServer("")
			withdraw := srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 504})
			time.AfterFunc(time.Second/2, func() { // after the first of two tries
				withdraw()
				srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 504, Executed: executed})
			})
			status, err := srv.Client(gitlabci.WithRetries(1)).Statuses.Set(ctx, "group/app", testkit.SHA, gitlabci.StatusRunning, nil)
			require.Equal(t, 2, sent(srv, setRoute))
			if executed {
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusRunning, status.Status)
				return
			}
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

// Whatever ends a call after a lost response, the error also says that it was lost: the
// status may have been set.
func TestStatusEndsAfterALostResponse(t *testing.T) {
	t.Parallel()
	const statusesRoute = "GET /projects/:id/repository/commits/:sha/statuses"
	for name, test := range map[string]struct {
		fault gitlabcitest.Fault // after the response was lost
		want  error
		text  string
		posts int
	}{
		"the search is refused":   {gitlabcitest.Fault{Route: statusesRoute, Status: 403}, gitlabci.ErrForbidden, "then, reading the status", 1},
		"the next try is refused": {gitlabcitest.Fault{Route: setRoute, Status: 403}, gitlabci.ErrForbidden, "after: ", 2},
		"the context ends":        {gitlabcitest.Fault{Route: setRoute, Break: gitlabcitest.BreakStallHeader}, context.DeadlineExceeded, "after: ", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				srv := statusServer("pending")
				srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 502, Times: 1})
				time.AfterFunc(time.Second/2, func() { srv.Fault(test.fault) })
				_, err := srv.Client().Statuses.Set(ctx, "group/app", testkit.SHA, gitlabci.StatusRunning, nil)
				require.ErrorIs(t, err, test.want)
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.ErrorContains(t, err, "502 Bad Gateway")
				require.ErrorContains(t, err, test.text)
				require.Equal(t, test.posts, sent(srv, setRoute))
			})
		})
	}
}

// Another program can set the same status between our search and our try, which GitLab then
// refuses: the status is as wanted.
func TestStatusSetByAnotherMeanwhile(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(
		testkit.Respond(200, `[]`),
		testkit.Respond(400, `{"message":"Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")"}`),
		testkit.Respond(200, `[{"id":9,"sha":"`+testkit.SHA+`","status":"running","name":"default","pipeline_id":7}]`))
	status, err := s.Client(t).Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusRunning, &gitlabci.SetStatusOptions{Pipeline: 7})
	require.NoError(t, err)
	require.EqualValues(t, 9, status.ID)
}
