package services_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

const setRoute = "POST /projects/:id/statuses/:sha"

// sent counts the requests of a route.
func sent(srv *gitlabcitest.Server, route string) (n int) {
	for _, request := range srv.Requests() {
		if request.Route == route {
			n++
		}
	}
	return n
}

// statuses lists all statuses of a commit as "name state pipeline".
func statuses(t *testing.T, srv *gitlabcitest.Server, project gitlabci.ProjectID, sha string) []string {
	t.Helper()
	found := []string{}
	for s, err := range srv.Client().Statuses.All(t.Context(), project, sha, &gitlabci.ListStatusesOptions{All: true, Stage: "external"}) {
		require.NoError(t, err)
		found = append(found, fmt.Sprintf("%s %s %d", s.Name, s.Status, s.PipelineID))
	}
	return found
}

func TestSetStatus(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA})
	opts := &gitlabci.SetStatusOptions{Name: "bot", TargetURL: "https://bot.example.com/1", Description: "at work", Coverage: new(0.0)}
	before := *opts
	s, err := srv.Client().Statuses.Set(t.Context(), "group/app", strings.ToUpper(testkit.SHA), gitlabci.StatusRunning, opts)
	require.NoError(t, err)
	require.Equal(t, before, *opts)
	require.Equal(t, []any{"bot", gitlabci.StatusRunning, "https://bot.example.com/1", "at work", 0.0, gitlabci.PipelineID(5), testkit.SHA},
		[]any{s.Name, s.Status, s.TargetURL, s.Description, *s.Coverage, s.PipelineID, s.SHA})
	require.Equal(t, "maya", s.Author.Username)

	s, err = srv.Client().Statuses.Set(t.Context(), gitlabci.ProjectNumber(1), testkit.SHA, gitlabci.StatusFailed, nil)
	require.NoError(t, err)
	require.Equal(t, "default", s.Name)
	require.Equal(t, []string{"bot running 5", "default failed 5"}, statuses(t, srv, "group/app", testkit.SHA))
}

// The response is decoded whole.
func TestSetStatusDecodes(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.Respond(200, `[]`), testkit.Respond(201, string(testkit.GoldenFile(t, "statuses_set.json"))))
	got, err := s.Client(t).Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Name: "ci/surveyor", Pipeline: 90377})
	require.NoError(t, err)
	require.Equal(t, &gitlabci.CommitStatus{
		ID: 550201, SHA: testkit.SHA, Ref: "feature/tariff", Status: gitlabci.StatusSuccess, Name: "ci/surveyor",
		TargetURL: "https://surveyor.example.com/runs/77", Description: "8 of 8 rooms measured",
		CreatedAt:  time.Date(2026, 3, 2, 8, 14, 1, 223e6, time.UTC),
		StartedAt:  time.Date(2026, 3, 2, 8, 14, 2, 871e6, time.UTC),
		FinishedAt: time.Date(2026, 3, 2, 8, 22, 40, 2e6, time.UTC), AllowFailure: true, Coverage: new(61.25), PipelineID: 90377,
		Author: &gitlabci.User{
			ID: 214, Username: "quill", PublicEmail: "quill@example.com", Name: "Quill Tan", State: "active", Locked: true,
			AvatarURL:        "https://gitlab.example.com/uploads/-/system/user/avatar/214/a.png",
			AvatarPath:       "/uploads/-/system/user/avatar/214/a.png",
			CustomAttributes: []gitlabci.CustomAttribute{{Key: "team", Value: "rooms"}}, WebURL: "https://gitlab.example.com/quill",
		},
	}, got)
}

// What is sent: first what is there, then the status, with all options and no others.
func TestWireSetStatus(t *testing.T) {
	t.Parallel()
	status := fmt.Sprintf(`{"id":9,"sha":%q,"status":"success","name":"a/b c","pipeline_id":7}`, testkit.SHA)
	s := testkit.NewScript(testkit.Respond(200, `[]`), testkit.Respond(201, status))
	_, err := s.Client(t).Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{
		Name: "a/b c", Pipeline: 7, Ref: "refs/heads/feature/x", TargetURL: "https://a.example/?b=c", Description: "é", Coverage: new(12.5),
	})
	require.NoError(t, err)
	var requests []string
	for _, r := range s.Received() {
		requests = append(requests, r.Method+" "+r.RequestURI)
	}
	query := url.Values{"name": {"a/b c"}, "stage": {"external"}, "pipeline_id": {"7"}, "sort": {"desc"}, "per_page": {"100"}}
	require.Equal(t, []string{
		"GET /api/v4/projects/group%2Fapp/repository/commits/" + testkit.SHA + "/statuses?" + query.Encode(),
		"POST /api/v4/projects/group%2Fapp/statuses/" + testkit.SHA,
	}, requests)
	require.JSONEq(t, `{"state":"success","name":"a/b c","pipeline_id":7,"ref":"feature/x","target_url":"https://a.example/?b=c","description":"é","coverage":12.5}`, s.Bodies[1])
}

// Every state after every other one: what is sent, and the final status.
func TestSetStatusTwice(t *testing.T) {
	t.Parallel()
	states := []gitlabci.Status{"pending", "running", "success", "failed", "canceled", "skipped"}
	for _, first := range states {
		for _, second := range states {
			t.Run(fmt.Sprint(first, " then ", second), func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA})
				one, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, first, nil)
				require.NoError(t, err)
				two, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, second, nil)
				impossible := first == gitlabci.StatusRunning && (second == gitlabci.StatusPending || second == gitlabci.StatusSkipped)
				switch {
				case impossible:
					require.ErrorIs(t, err, gitlabci.ErrInvalid)
					require.ErrorContains(t, err, "Cannot transition status")
					require.Equal(t, []string{"default running 5"}, statuses(t, srv, "group/app", testkit.SHA))
				case first == second:
					require.NoError(t, err)
					require.Equal(t, one, two)
					require.Equal(t, 1, sent(srv, setRoute), "it is there already")
				default:
					require.NoError(t, err)
					require.Equal(t, second, two.Status)
					require.Equal(t, first.Finished(), one.ID != two.ID, "what has ended begins anew")
				}
			})
		}
	}
}

// The pipeline that a status is meant for, of several with one commit.
func TestPipelineOfAStatus(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	add := func(id gitlabci.PipelineID, p gitlabcitest.Pipeline) {
		p.ID, p.SHA = id, testkit.SHA
		srv.AddPipeline("group/app", p)
	}
	add(11, gitlabcitest.Pipeline{Ref: "topic"})
	add(12, gitlabcitest.Pipeline{Ref: "main"})
	add(13, gitlabcitest.Pipeline{Ref: "main", Source: gitlabci.SourceWebIDE})
	add(14, gitlabcitest.Pipeline{Ref: "main", Archived: true})
	for _, test := range []struct {
		want gitlabci.PipelineID
		opts *gitlabci.SetStatusOptions
	}{{11, &gitlabci.SetStatusOptions{Ref: "topic"}}, {12, nil}, {101, &gitlabci.SetStatusOptions{Ref: "refs/heads/elsewhere"}}} {
		s, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, test.opts)
		require.NoError(t, err)
		require.Equal(t, test.want, s.PipelineID)
	}
	s, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Name: "by ID", Pipeline: 11})
	require.NoError(t, err)
	require.EqualValues(t, 11, s.PipelineID)
	for _, wrong := range []gitlabci.PipelineID{13, 14, 99} {
		_, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Pipeline: wrong})
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
	}
	page, err := srv.Client().Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{Source: gitlabci.SourceExternal})
	require.NoError(t, err)
	require.Len(t, page.Items, 1, "for the branch without a pipeline")
}

// A pipeline that is full is an error, and no reason for another one.
func TestStatusOfAFullPipeline(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.Configure("group/app", gitlabcitest.Settings{PipelineSize: 1})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA}).AddJob(gitlabcitest.Job{})
	_, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.ErrorContains(t, err, "The number of jobs has exceeded the limit")
	page, err := srv.Client().Pipelines.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

// The pipeline that a merge request shows, of whichever kind it is.
func TestStatusOfAMergeRequest(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]gitlabcitest.PipelineKind{
		"branch":         {gitlabcitest.PipelineKindBranch},
		"detached":       {gitlabcitest.PipelineKindDetached, gitlabcitest.PipelineKindBranch},
		"merged results": {gitlabcitest.PipelineKindMergedResults, gitlabcitest.PipelineKindBranch},
	} {
		for _, fork := range []string{"", "noor/app"} {
			t.Run(name+fork, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				if fork != "" {
					srv.AddProject(fork)
				}
				m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 3, Source: "topic", Fork: fork})
				first := m.AddPipeline(kinds[0], gitlabcitest.Pipeline{})
				for _, kind := range kinds[1:] {
					m.AddPipeline(kind, gitlabcitest.Pipeline{})
				}
				for _, state := range []gitlabci.Status{"running", "success", "success"} {
					s, err := srv.Client().Statuses.Set(t.Context(), "group/app", m.SHA, state, &gitlabci.SetStatusOptions{MergeRequest: 3})
					require.NoError(t, err)
					require.Equal(t, first.ID, s.PipelineID)
					require.Equal(t, state, s.Status)
				}
				require.Equal(t, 2, sent(srv, setRoute))
			})
		}
	}
}

func TestStatusOfAMergeRequestWithoutPipelines(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 3, Source: "topic", SHA: testkit.SHA})
	set := func(sha string, iid int64) (*gitlabci.CommitStatus, error) {
		return srv.Client().Statuses.Set(t.Context(), "group/app", sha, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{MergeRequest: iid})
	}
	_, err := set(strings.Repeat("ab", 20), 3)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	require.ErrorContains(t, err, "is not the head of merge request !3, and has no pipeline there")
	_, err = set(m.SHA, 4)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)

	made, err := set(m.SHA, 3)
	require.NoError(t, err)
	require.Equal(t, "topic", made.Ref)
	again, err := set(m.SHA, 3)
	require.NoError(t, err)
	require.Equal(t, made, again, "the pipeline that was made is that of the merge request")

	m.Push("") // the status of the old head stays with its pipeline
	late, err := set(m.SHA, 3)
	require.NoError(t, err)
	require.Equal(t, made, late)
}

// A response that was lost is looked up, and the status sent again if it is not there.
func TestStatusAfterALostResponse(t *testing.T) {
	t.Parallel()
	for _, state := range []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusRunning, gitlabci.StatusSuccess} {
		for name, test := range map[string]struct {
			fault gitlabcitest.Fault
			posts int
		}{
			"executed":     {gitlabcitest.Fault{Status: 502, Executed: true, Times: 1}, 1},
			"not executed": {gitlabcitest.Fault{Status: 502, Times: 1}, 2},
			"reset":        {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnanswered, Executed: true, Times: 1}, 1},
			"cut":          {gitlabcitest.Fault{Break: gitlabcitest.BreakTruncate, After: 9, Times: 1}, 1},
			"three lost":   {gitlabcitest.Fault{Status: 504, Times: 3}, 4},
		} {
			t.Run(fmt.Sprint(state, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := gitlabcitest.NewServer()
					srv.AddRef("group/app", gitlabcitest.Ref{Name: "main", SHA: testkit.SHA})
					test.fault.Route = setRoute
					srv.Fault(test.fault)
					s, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, state, nil)
					require.NoError(t, err)
					require.Equal(t, state, s.Status)
					require.Equal(t, test.posts, sent(srv, setRoute))
					require.Len(t, statuses(t, srv, "group/app", testkit.SHA), 1)
				})
			})
		}
	}
}

// A try that GitLab executes late, while the lease is taken, makes no second status.
func TestStatusExecutedLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.Configure("group/app", gitlabcitest.Settings{StatusesTake: 9 * time.Second})
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA})
		client := srv.Client(gitlabci.WithTimeouts(gitlabci.Timeouts{FirstByte: time.Second}))
		s, err := client.Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusSuccess, s.Status)
		require.Equal(t, []string{"default success 5"}, statuses(t, srv, "group/app", testkit.SHA))
	})
}

// After a lost response, a status that someone has ended meanwhile does not begin again.
func TestStatusOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA})
		srv.Fault(gitlabcitest.Fault{Route: setRoute, Break: gitlabcitest.BreakStallHeader, Times: 1})
		time.AfterFunc(time.Minute, func() { p.AddStatus(gitlabcitest.CommitStatus{Status: gitlabci.StatusFailed}) })
		s, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusRunning, nil)
		require.NoError(t, err)
		require.Equal(t, gitlabci.StatusFailed, s.Status)
		require.Equal(t, []string{"default failed 5"}, statuses(t, srv, "group/app", testkit.SHA))
	})
}

// While a response is lost, another pipeline becomes the newest one of the commit. A status
// that was set in the first one is found there. One that was not set moves on, and what
// others have set in the new pipeline does not count as it.
func TestStatusLostBeforeANewPipeline(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state    gitlabci.Status
		executed bool
		want     []string
	}{
		{gitlabci.StatusSuccess, true, []string{"default success 5"}},
		{gitlabci.StatusRunning, true, []string{"default running 5"}},
		{gitlabci.StatusSuccess, false, []string{"default failed 6", "default success 6"}},
		{gitlabci.StatusRunning, false, []string{"default failed 6", "default running 6"}},
	} {
		t.Run(fmt.Sprint(test.state, test.executed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA})
				srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 502, Executed: test.executed, Times: 1})
				time.AfterFunc(time.Millisecond, func() {
					p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 6, SHA: testkit.SHA})
					if !test.executed {
						p.AddStatus(gitlabcitest.CommitStatus{Status: gitlabci.StatusFailed})
					}
				})
				s, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, test.state, nil)
				require.NoError(t, err)
				require.Equal(t, test.state, s.Status)
				require.Equal(t, test.want, statuses(t, srv, "group/app", testkit.SHA))
			})
		})
	}
}

// What another user has set is there, too; what they have begun is ended by ours.
func TestStatusOfAnotherUser(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA})
	theirs := p.AddStatus(gitlabcitest.CommitStatus{Status: gitlabci.StatusRunning, Username: "noor"})
	s, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusRunning, nil)
	require.NoError(t, err)
	require.Equal(t, theirs, s.ID)
	s, err = srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
	require.NoError(t, err)
	require.NotEqual(t, theirs, s.ID)
	page, err := srv.Client().Statuses.List(t.Context(), "group/app", testkit.SHA, nil)
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

// A job of GitLab CI with the name of the status does not count as the status.
func TestStatusWithTheNameOfAJob(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 5, SHA: testkit.SHA}).AddJob(gitlabcitest.Job{Name: "unit"})
	_, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Name: "unit"})
	require.NoError(t, err)
	require.Equal(t, []string{"unit success 5"}, statuses(t, srv, "group/app", testkit.SHA))
}

// Updates of other programs are waited for, but not for ever, and each wait is announced.
func TestStatusWaitsForOtherUpdates(t *testing.T) {
	t.Parallel()
	const body = `{"message":"Another update to this commit status is in progress"}`
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA})
		srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 409, Body: body, Times: 6})
		var waits []string
		client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
			waits = append(waits, fmt.Sprint(w.Request.Endpoint, " ", w.Reason, " ", w.Duration))
		}}))
		_, err := client.Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
		require.NoError(t, err)
		require.Len(t, waits, 6)
		require.Equal(t, "/projects/:id/statuses/:sha resource lock 1s", waits[0])
		require.Equal(t, "/projects/:id/statuses/:sha resource lock 5s", waits[5])

		srv.Fault(gitlabcitest.Fault{Route: setRoute, Status: 409, Body: body})
		start := time.Now()
		_, err = client.Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusFailed, nil)
		require.ErrorIs(t, err, gitlabci.ErrConflict)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.InDelta(t, 2*time.Minute, time.Since(start), float64(10*time.Second))

		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err = client.Statuses.Set(ctx, "group/app", testkit.SHA, gitlabci.StatusFailed, nil)
		require.ErrorIs(t, err, gitlabci.ErrConflict, "a wait that cannot end in time is not begun")
	})
}

// Calls of one program wait for one another, unless their context ends.
func TestStatusTakesTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA})
		srv.Fault(gitlabcitest.Fault{Route: setRoute, Break: gitlabcitest.BreakStallHeader, Delay: time.Minute, Times: 1})
		client := srv.Client()
		first := make(chan error)
		go func() {
			_, err := client.Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("no patience"))
		defer cancel()
		_, err := client.Statuses.Set(ctx, "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.ErrorContains(t, err, "no patience")
		other, err := client.With()
		require.NoError(t, err)
		_, err = other.Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, nil)
		require.NoError(t, err)
		require.NoError(t, <-first)
		require.Equal(t, 1, sent(srv, setRoute))
	})
}

// A call whose context has ended does not blame another call, since there is none.
func TestStatusAfterTheEndOfItsContext(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA})
	client := srv.Client()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		_, err := client.Statuses.Set(ctx, "group/app", testkit.SHA, gitlabci.StatusRunning, nil)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.NotContains(t, err.Error(), "another call")
	}
}

// A server that ignores pipeline_id puts the status somewhere else.
func TestStatusInAnotherPipeline(t *testing.T) {
	t.Parallel()
	status := fmt.Sprintf(`{"id":9,"sha":%q,"status":"success","name":"default","pipeline_id":8}`, testkit.SHA)
	s := testkit.NewScript(testkit.Respond(200, `[]`), testkit.Respond(201, status))
	_, err := s.Client(t).Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Pipeline: 7})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "the status is in pipeline 8, not in 7")
}

func TestSetStatusRefusesBadInput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 256)
	for name, test := range map[string]struct {
		sha   string
		state gitlabci.Status
		opts  *gitlabci.SetStatusOptions
	}{
		"none of pending, running, success, failed, canceled and skipped": {testkit.SHA, gitlabci.StatusManual, nil},
		`the state ""`:                       {testkit.SHA, "", nil},
		"is not 40 or 64 hexadecimal digits": {"main", gitlabci.StatusSuccess, nil},
		`the SHA ""`:                         {"", gitlabci.StatusSuccess, nil},
		"the SHA \"3f1c9a5\"":                {testkit.SHA[:7], gitlabci.StatusSuccess, nil},
		"Name has more than 255":             {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Name: long}},
		"Ref has more than 255":              {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Ref: long}},
		"Description has more than 255":      {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Description: long}},
		"TargetURL has more than 255":        {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{TargetURL: "https://a.example/" + long}},
		"Name or Ref is blank":               {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Name: " "}},
		"Ref is blank":                       {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Ref: "refs/heads/"}},
		"is not an http:// or https:// URL":  {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{TargetURL: "javascript:alert(1)"}},
		"Pipeline -1":                        {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Pipeline: -1}},
		"MergeRequest -1 is negative":        {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{MergeRequest: -1}},
		"MergeRequest is set, and Pipeline":  {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{MergeRequest: 1, Pipeline: 1}},
		"or Ref as well":                     {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{MergeRequest: 1, Ref: "main"}},
		"Coverage NaN":                       {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Coverage: new(math.NaN())}},
		"Coverage 100.5":                     {testkit.SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Coverage: new(100.5)}},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			_, err := s.Client(t).Statuses.Set(t.Context(), "group/app", test.sha, test.state, test.opts)
			testkit.RequireNotSent(t, s, err)
			require.ErrorContains(t, err, name)
		})
	}
	for _, sha := range []string{"", ".", "..", "a/../b", "a\n"} {
		s := testkit.NewScript(testkit.OK)
		_, err := s.Client(t).Statuses.List(t.Context(), "group/app", sha, nil)
		testkit.RequireNotSent(t, s, err)
	}
}

func TestWireListStatusesOptions(t *testing.T) {
	t.Parallel()
	type options = gitlabci.ListStatusesOptions
	for query, opts := range map[string]options{
		"page=3&per_page=7":    {ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 7}},
		"page=2&ref=a%2Bb":     {ListOptions: gitlabci.ListOptions{After: "page=2&ref=a%2Bb"}},
		"ref=feature%2Fa%23b":  {Ref: "feature/a#b"},
		"stage=external":       {Stage: "external"},
		"name=ci%2Fbot+1%3F":   {Name: "ci/bot 1?"},
		"pipeline_id=42":       {Pipeline: 42},
		"all=true":             {All: true},
		"order_by=pipeline_id": {OrderBy: gitlabci.StatusOrderByPipelineID},
		"sort=desc":            {Sort: gitlabci.SortDesc},
	} {
		s := testkit.NewScript(testkit.Respond(http.StatusOK, `[]`))
		_, err := s.Client(t).Statuses.List(t.Context(), "group/app", testkit.SHA, &opts)
		require.NoError(t, err)
		require.Equal(t, query, testkit.OneRequest(t, s).URL.RawQuery)
	}
}

// The list is oldest first, and misses nothing while statuses are added.
func TestAllStatusesWhileTheyAreSet(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA})
	var want []gitlabci.JobID
	const there = 30
	for i := range there {
		want = append(want, p.AddStatus(gitlabcitest.CommitStatus{Name: fmt.Sprint(i)}))
	}
	opts := &gitlabci.ListStatusesOptions{ListOptions: gitlabci.ListOptions{PerPage: 4}}
	next, stop := iter.Pull2(srv.Client().Statuses.All(t.Context(), "group/app", testkit.SHA, opts))
	defer stop()
	var got []gitlabci.JobID
	for {
		s, err, ok := next()
		if !ok {
			break
		}
		require.NoError(t, err)
		got = append(got, s.ID)
		if len(got)%5 == 0 && len(got) <= there {
			want = append(want, p.AddStatus(gitlabcitest.CommitStatus{Name: fmt.Sprint("later ", len(got))}))
		}
	}
	require.Greater(t, len(got), there)
	require.Equal(t, want[:len(got)], got, "those that are set after the last page was read are missing")
}
