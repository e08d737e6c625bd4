package services_test

import (
	"context"
	"errors"
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

const (
	listRoute = "GET /projects/:id/pipelines"
	getRoute  = "GET /projects/:id/pipelines/:pipeline_id"
)

// Commits of findableServer.
var commitA, commitB = strings.Repeat("a", 40), strings.Repeat("b", 64)

// findableServer has pipelines of all kinds, each newer than the one before.
func findableServer(opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	for i, p := range []gitlabcitest.Pipeline{
		{Ref: "refs/merge-requests/7/train"},
		{Ref: "refs/merge-requests/7/merge", SHA: commitB, Source: gitlabci.SourceMergeRequestEvent},
		{Ref: "refs/merge-requests/7/head", SHA: commitA, Source: gitlabci.SourceMergeRequestEvent},
		{Ref: "refs/merge-requests/7/merge", SHA: commitB, Source: gitlabci.SourceMergeRequestEvent},
		{Ref: "main", SHA: commitA, Source: gitlabci.SourceSchedule},
		{Ref: "main", SHA: commitA},
		{Ref: "main"},
		{Ref: "v1", Tag: true, SHA: commitA},
		{Ref: "v1"},
		{Ref: "main", SHA: commitA, Source: gitlabci.SourceParentPipeline},
		{Ref: "main", SHA: commitA, Source: gitlabci.SourceWebIDE},
		{Ref: "refs/merge-requests/8/head"},
		{Ref: "refs/merge-requests/8/train"},
		{Ref: "weekly", Source: gitlabci.SourcePipelineExecutionPolicySchedule},
	} {
		p.ID = gitlabci.PipelineID(i + 1)
		srv.AddPipeline("group/app", p)
	}
	return srv
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		opts gitlabci.FindPipelineOptions
		want gitlabci.PipelineID // 0 is none
	}{
		"branch":                       {gitlabci.FindPipelineOptions{Ref: "main"}, 7},
		"branch at a commit":           {gitlabci.FindPipelineOptions{Ref: "main", SHA: commitA}, 6},
		"branch of a source":           {gitlabci.FindPipelineOptions{Ref: "main", Source: gitlabci.SourceSchedule}, 5},
		"branch of no such source":     {gitlabci.FindPipelineOptions{Ref: "main", Source: gitlabci.SourceChat}, 0},
		"branch or tag":                {gitlabci.FindPipelineOptions{Ref: "v1"}, 9},
		"branch of a name":             {gitlabci.FindPipelineOptions{Ref: "refs/heads/v1"}, 9},
		"tag of the same name":         {gitlabci.FindPipelineOptions{Ref: "refs/tags/v1"}, 8},
		"no such tag":                  {gitlabci.FindPipelineOptions{Ref: "refs/tags/main"}, 0},
		"no such ref":                  {gitlabci.FindPipelineOptions{Ref: "gone"}, 0},
		"ref of a merge request":       {gitlabci.FindPipelineOptions{Ref: "refs/merge-requests/7/head"}, 3},
		"commit":                       {gitlabci.FindPipelineOptions{SHA: commitA}, 8},
		"commit in capitals":           {gitlabci.FindPipelineOptions{SHA: strings.ToUpper(commitA)}, 8},
		"commit of SHA-256":            {gitlabci.FindPipelineOptions{SHA: commitB}, 4},
		"no such commit":               {gitlabci.FindPipelineOptions{SHA: strings.Repeat("c", 40)}, 0},
		"merge request":                {gitlabci.FindPipelineOptions{MergeRequest: 7}, 4},
		"merge request with a train":   {gitlabci.FindPipelineOptions{MergeRequest: 8}, 13},
		"merge request at its head":    {gitlabci.FindPipelineOptions{MergeRequest: 7, SHA: commitA}, 4},
		"merge request at a commit":    {gitlabci.FindPipelineOptions{MergeRequest: 7, SHA: commitB}, 4},
		"merge request of a source":    {gitlabci.FindPipelineOptions{MergeRequest: 7, Source: gitlabci.SourceChat}, 0},
		"child":                        {gitlabci.FindPipelineOptions{Ref: "main", Source: gitlabci.SourceParentPipeline}, 10},
		"dangling":                     {gitlabci.FindPipelineOptions{SHA: commitA, Source: gitlabci.SourceWebIDE}, 11},
		"nothing but a dangling one":   {gitlabci.FindPipelineOptions{Ref: "weekly"}, 0},
		"a dangling one that is asked": {gitlabci.FindPipelineOptions{Ref: "weekly", Source: gitlabci.SourcePipelineExecutionPolicySchedule}, 14},
	} {
		t.Run(name, func(t *testing.T) {
			pipeline, err := findableServer().Client().Pipelines.Find(t.Context(), "group/app", &test.opts)
			if test.want == 0 {
				require.Nil(t, pipeline)
				requireNone(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, pipeline.ID)
			require.Equal(t, "maya", pipeline.User.Username, "lists do not tell")
		})
	}
}

// requireNone requires the error of a search that found nothing.
func requireNone(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	require.ErrorContains(t, err, "there is no pipeline of ")
	_, responded := errors.AsType[*gitlabci.APIError](err)
	require.False(t, responded)
}

func TestFindDistinguishesNoneFromForbidden(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/hidden")
	srv.AddMember("group/app", "gus", gitlabcitest.RoleGuest)
	srv.Configure("group/app", gitlabcitest.Settings{PrivateBuilds: true})
	guest := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "gus"})))
	opts := &gitlabci.FindPipelineOptions{Ref: "main"}

	_, err := srv.Client().Pipelines.Latest(t.Context(), "group/app", "main")
	require.ErrorIs(t, err, gitlabci.ErrForbidden, "it cannot tell")
	_, err = srv.Client().Pipelines.Find(t.Context(), "group/app", opts)
	requireNone(t, err)
	require.EqualError(t, err, `gitlabci: not found: there is no pipeline of ref "main" in project group/app`)
	for _, opts.Wait = range []bool{false, true} {
		_, err = guest.Pipelines.Find(t.Context(), "group/app", opts)
		require.ErrorIs(t, err, gitlabci.ErrForbidden)
		_, err = guest.Pipelines.Find(t.Context(), "group/hidden", opts)
		require.ErrorIs(t, err, gitlabci.ErrNotFound)
		_, responded := errors.AsType[*gitlabci.APIError](err)
		require.True(t, responded)
	}
}

func TestFindRefuses(t *testing.T) {
	for want, opts := range map[string]*gitlabci.FindPipelineOptions{
		"one of Ref, SHA and MergeRequest is required": nil,
		"one of Ref, SHA and MergeRequest":             {Source: gitlabci.SourcePush, Wait: true},
		"both Ref and MergeRequest are set":            {Ref: "main", MergeRequest: 7},
		"MergeRequest -1 is negative":                  {MergeRequest: -1},
		`SHA "abc123" is not 40 or 64`:                 {SHA: "abc123"},
		`SHA "main`:                                    {Ref: "main", SHA: "main" + commitA[4:]},
		`the Ref "refs/tags/" has no name`:             {Ref: "refs/tags/"},
	} {
		srv := gitlabcitest.NewServer()
		pipeline, err := srv.Client().Pipelines.Find(t.Context(), "group/app", opts)
		require.Nil(t, pipeline)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorContains(t, err, "gitlabci: FindPipelineOptions: "+want)
		require.Empty(t, srv.Requests())
	}
	for _, wait := range []bool{false, true} {
		_, err := gitlabcitest.NewServer().Client().Pipelines.Find(t.Context(), "app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: wait})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
	}
}

func TestFindWaits(t *testing.T) {
	for comes, late := range map[time.Duration]time.Duration{
		0:               0,
		time.Second:     time.Second, // it looks every 2 seconds at first
		5 * time.Minute: 15 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			add := func() { srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7, SHA: commitA}) }
			if comes == 0 {
				add()
			} else {
				time.AfterFunc(comes, add)
			}
			start := time.Now()
			pipeline, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{SHA: commitA, Wait: true})
			require.NoError(t, err)
			require.EqualValues(t, 7, pipeline.ID)
			require.LessOrEqual(t, time.Since(start), comes+late)
			require.Less(t, len(srv.Requests()), 35)
		})
	}
}

func TestFindWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 7, Source: "topic"})
		opts := &gitlabci.FindPipelineOptions{MergeRequest: 7, SHA: commitA, Source: gitlabci.SourceMergeRequestEvent, Wait: true}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		start := time.Now()
		_, err := srv.Client().Pipelines.Find(ctx, "group/app", opts)
		require.Equal(t, 20*time.Minute, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, gitlabci.ErrNotFound, "nobody knows")
		require.EqualError(t, err, `gitlabci: waiting for a pipeline of merge request !7, commit `+commitA+`, source "merge_request_event": context deadline exceeded`)

		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/merge_requests/:merge_request_iid", Status: 502})
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		_, err = srv.Client().Pipelines.Find(ctx, "group/app", opts)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "502 Bad Gateway", "what stood in the way")
	})
}

func TestFindWaitsThroughFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault gitlabcitest.Fault
		lasts time.Duration
		err   error         // nil: it is found finally
		after time.Duration // at least
	}{
		"a while of 502":         {gitlabcitest.Fault{Status: 502}, 9 * time.Minute, nil, 9 * time.Minute},
		"a while of resets":      {gitlabcitest.Fault{Break: gitlabcitest.BreakResetUnread}, 9 * time.Minute, nil, 9 * time.Minute},
		"502 without an end":     {gitlabcitest.Fault{Status: 502}, time.Hour, testkit.AnyError, 10 * time.Minute},
		"a limit, for long":      {gitlabcitest.Fault{Status: 429, Body: gitlabcitest.BodyEndpointLimited, Header: http.Header{"Retry-After": {"400"}}, Times: 1}, time.Hour, nil, 400 * time.Second},
		"a page that is none":    {gitlabcitest.Fault{Status: 200, Body: "<html><title>Down for a minute</title></html>"}, time.Minute, nil, time.Minute},
		"a limit, for a day":     {gitlabcitest.Fault{Status: 429, Body: gitlabcitest.BodyEndpointLimited, Header: http.Header{"Retry-After": {"86400"}}}, 48 * time.Hour, gitlabci.ErrRateLimited, 0},
		"a proxy without GitLab": {gitlabcitest.Fault{Status: 404, Body: "<html><title>Nothing here</title></html>"}, time.Minute, nil, time.Minute},
		"a lock":                 {gitlabcitest.Fault{Status: 409, Body: `{"message":"409 Conflict: Resource lock"}`}, time.Minute, nil, time.Minute},
		"the token was revoked":  {gitlabcitest.Fault{Status: 401}, time.Hour, gitlabci.ErrUnauthorized, 0},
		"access was withdrawn":   {gitlabcitest.Fault{Status: 403}, time.Hour, gitlabci.ErrForbidden, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				begin := 5 * time.Second
				test.fault.Route, test.fault.Nth = listRoute, 2
				withdraw := srv.Fault(test.fault)
				time.AfterFunc(test.lasts, withdraw)
				time.AfterFunc(begin, func() { srv.AddPipeline("group/app", gitlabcitest.Pipeline{}) })
				start := time.Now()
				_, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true})
				switch test.err {
				case nil:
					require.NoError(t, err)
				case testkit.AnyError:
					require.ErrorContains(t, err, `searching for a pipeline of ref "main" failed for 10m`)
					require.ErrorContains(t, err, "502")
				default:
					require.ErrorIs(t, err, test.err)
				}
				require.GreaterOrEqual(t, time.Since(start), test.after)
				require.Less(t, time.Since(start), test.after+2*time.Minute)
			})
		})
	}
}

// Only what fails without a break is given up.
func TestFindWaitsThroughManyFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		for _, from := range []time.Duration{time.Second, 8 * time.Minute} {
			time.AfterFunc(from, func() {
				time.AfterFunc(6*time.Minute, srv.Fault(gitlabcitest.Fault{Route: listRoute, Status: 502}))
			})
		}
		time.AfterFunc(15*time.Minute, func() { srv.AddPipeline("group/app", gitlabcitest.Pipeline{}) })
		_, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true})
		require.NoError(t, err)
	})
}

// Find does not wait if its options are wrong.
func TestFindGivesUpImmediately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		srv := testkit.NewScript(testkit.Respond(200, "<html><title>Sign in</title></html>", "Content-Type", "text/html"))
		_, err := srv.Client(t).Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true})
		require.ErrorContains(t, err, "Sign in")
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://nowhere.example.com"), gitlabci.WithTransport(srv.Network.Transport()))
		require.NoError(t, err)
		_, err = client.Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true})
		require.ErrorContains(t, err, "no such host")
		require.Less(t, time.Since(start), time.Second)
	})
}

// A pipeline can be deleted between the list and the reading of it.
func TestFindOfADeletedPipeline(t *testing.T) {
	gone := gitlabcitest.Fault{Route: getRoute, Status: 404, Body: `{"message":"404 Not found"}`}
	synctest.Test(t, func(t *testing.T) {
		for _, times := range []int{1, 2, 3} {
			srv := findableServer()
			gone.Times = times
			srv.Fault(gone)
			pipeline, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main"})
			if times == 3 {
				require.ErrorIs(t, err, gitlabci.ErrNotFound)
				require.ErrorContains(t, err, "/pipelines/7: 404")
				continue
			}
			require.NoError(t, err)
			require.EqualValues(t, 7, pipeline.ID, "and not an older one, which is there")
		}
		srv := findableServer()
		gone.Times = 8
		srv.Fault(gone)
		pipeline, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Wait: true})
		require.NoError(t, err)
		require.EqualValues(t, 7, pipeline.ID)
	})
}

// A branch and a tag of the same name are distinguished one by one.
func TestFindAmongMany(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1, Ref: "v1", Tag: true})
	for id := range 99 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(id + 2), Ref: "v1"})
	}
	opts := &gitlabci.FindPipelineOptions{Ref: "refs/tags/v1"}
	pipeline, err := srv.Client().Pipelines.Find(t.Context(), "group/app", opts)
	require.NoError(t, err)
	require.EqualValues(t, 1, pipeline.ID)
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1"})
	_, err = srv.Client().Pipelines.Find(t.Context(), "group/app", opts)
	requireNone(t, err)

	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		for range 40 {
			srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1"})
		}
		time.AfterFunc(time.Minute, func() { srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1", Tag: true}) })
		opts.Wait = true
		_, err := srv.Client().Pipelines.Find(t.Context(), "group/app", opts)
		require.NoError(t, err)
		read := 0
		for _, r := range srv.Requests() {
			if r.Route == getRoute {
				read++
			}
		}
		require.Equal(t, 41, read, "each is read once, however often it is listed")
	})
}

// Many dangling pipelines do not hide the one before them.
func TestFindBehindDanglingPipelines(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1})
	for id := range 150 {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: gitlabci.PipelineID(id + 2), Source: gitlabci.SourceSecurityOrchestrationPolicy})
	}
	pipeline, err := srv.Client().Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main"})
	require.NoError(t, err)
	require.EqualValues(t, 1, pipeline.ID)
}

// Releases before 14.3 know of no sources, and show whatever else the ref has.
func TestFindOnOldServers(t *testing.T) {
	for _, release := range testkit.Releases {
		client := findableServer(gitlabcitest.WithVersion(release)).Client()
		pipeline, err := client.Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{MergeRequest: 7})
		require.NoError(t, err, release)
		require.EqualValues(t, 4, pipeline.ID)
		listsSources := pipeline.Source != ""
		pipeline, err = client.Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main", Source: gitlabci.SourceSchedule})
		if listsSources {
			require.NoError(t, err, release)
			require.EqualValues(t, 5, pipeline.ID)
			continue
		}
		requireNone(t, err)
	}
}

// A job token is enough, other than for Latest.
func TestFindByJobToken(t *testing.T) {
	srv := findableServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	job := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	client := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID)))
	pipeline, err := client.Pipelines.Find(t.Context(), "group/app", &gitlabci.FindPipelineOptions{Ref: "main"})
	require.NoError(t, err)
	require.Equal(t, p.ID, pipeline.ID)
	_, err = client.Pipelines.Latest(t.Context(), "group/app", "main")
	require.Error(t, err)
}
