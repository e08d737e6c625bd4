package services_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

const (
	jobsRoute     = "GET /projects/:id/pipelines/:pipeline_id/jobs"
	triggersRoute = "GET /projects/:id/pipelines/:pipeline_id/bridges"
	testsRoute    = "GET /projects/:id/pipelines/:pipeline_id/test_report_summary"
)

// lasted is a job that ran for some seconds.
func lasted(id gitlabci.JobID, name string, seconds int, status gitlabci.Status) gitlabcitest.Job {
	began := time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)
	return gitlabcitest.Job{ID: id, Name: name, Status: status, CreatedAt: began, StartedAt: began, FinishedAt: began.Add(time.Duration(seconds) * time.Second)}
}

func oneTest(suite string, status gitlabci.TestStatus) *gitlabci.TestReport {
	return &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{{Name: suite, TestCases: []gitlabci.TestCase{{Name: "one", Status: status, ExecutionTime: 1.5}}}}}
}

// treeServer is a server on which the pipeline 1 of group/app has started the child
// 2, which started 3 in group/lib, and has started 4 there. 3 has started 1
// again, and could not start another.
func treeServer(opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	srv.AddProject("group/lib")
	root := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 1, Status: gitlabci.StatusFailed, Name: "Root", TestReport: oneTest("unit", gitlabci.TestStatusSuccess)})
	child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 2, Status: gitlabci.StatusFailed, Source: gitlabci.SourceParentPipeline, TestReport: oneTest("child", gitlabci.TestStatusFailed)})
	deep := srv.AddPipeline("group/lib", gitlabcitest.Pipeline{ID: 3, Status: gitlabci.StatusFailed, Source: gitlabci.SourcePipeline})
	wide := srv.AddPipeline("group/lib", gitlabcitest.Pipeline{ID: 4, Source: gitlabci.SourcePipeline, TestReport: oneTest("unit", gitlabci.TestStatusSkipped)})
	retried := lasted(10, "unit", 100, gitlabci.StatusFailed)
	retried.Retried = true
	root.AddJob(retried)
	root.AddJob(lasted(11, "unit", 30, gitlabci.StatusSuccess))
	lint := lasted(12, "lint", 60, gitlabci.StatusFailed)
	lint.AllowFailure = true
	root.AddJob(lint)
	root.AddTriggerJob(gitlabcitest.Job{ID: 13, Name: "to child", Status: gitlabci.StatusFailed, Downstream: child})
	root.AddTriggerJob(gitlabcitest.Job{ID: 14, Name: "to lib", Downstream: wide})
	root.AddTriggerJob(gitlabcitest.Job{ID: 15, Name: "later", Status: gitlabci.StatusManual})
	child.AddJob(lasted(21, "child", 90, gitlabci.StatusFailed))
	child.AddTriggerJob(gitlabcitest.Job{ID: 22, Name: "to lib", Downstream: deep})
	deep.AddJob(lasted(31, "deep", 10, gitlabci.StatusFailed))
	deep.AddJob(gitlabcitest.Job{ID: 32, Name: "skipped", Status: gitlabci.StatusSkipped})
	deep.AddTriggerJob(gitlabcitest.Job{ID: 33, Name: "back", Downstream: root})
	broken := gitlabcitest.Job{ID: 34, Name: "broken", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonDownstreamPipelineCreationFailed}
	deep.AddTriggerJob(broken)
	broken.ID, broken.AllowFailure = 35, true
	deep.AddTriggerJob(broken)
	wide.AddJob(lasted(41, "wide", 30, gitlabci.StatusSuccess))
	return srv
}

// outline is a tree in one line: pipelines with their jobs, and what is below.
func outline(tree *gitlabci.PipelineTree) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d%v", tree.Pipeline.ID, jobIDs(tree.Jobs))
	for _, below := range tree.Downstream {
		fmt.Fprintf(&b, " (%d: %s)", below.Trigger.ID, outline(below))
	}
	return b.String()
}

func jobIDs(jobs []*gitlabci.Job) []gitlabci.JobID {
	ids := []gitlabci.JobID{}
	for _, job := range jobs {
		ids = append(ids, job.ID)
	}
	return ids
}

func TestTree(t *testing.T) {
	tree, err := treeServer().Client().Pipelines.Tree(t.Context(), "group/app", 1)
	require.NoError(t, err)
	require.Equal(t, "1[11 12] (13: 2[21] (22: 3[31 32])) (14: 4[41])", outline(tree))
	require.Nil(t, tree.Trigger)
	require.Len(t, tree.TriggerJobs, 3)
	require.EqualValues(t, 13, tree.TriggerJobs[0].ID, "oldest first")
	require.Equal(t, "Root", tree.Pipeline.Name)
	for one := range tree.Pipelines() {
		require.NoError(t, one.Err)
		require.NoError(t, one.TestsErr)
		require.Equal(t, "maya", one.Pipeline.User.Username, "trigger jobs do not tell")
	}
	require.Equal(t, []gitlabci.JobID{11, 12, 21, 31, 32, 41}, jobIDs(slices.Collect(tree.All())))
	require.Equal(t, []gitlabci.JobID{21, 31}, jobIDs(tree.Failed()))
	require.Equal(t, []gitlabci.JobID{21, 12}, jobIDs(tree.Slowest(2)))
	require.Equal(t, []gitlabci.JobID{21, 12, 11, 41, 31}, jobIDs(tree.Slowest(100)), "those of one length in their order")
	require.Empty(t, tree.Slowest(0))
	require.Empty(t, tree.Slowest(-1))
	var triggers []gitlabci.JobID
	for _, trigger := range tree.FailedTriggerJobs() {
		triggers = append(triggers, trigger.ID)
	}
	require.Equal(t, []gitlabci.JobID{13, 34}, triggers)
	sum := tree.TestReportSummary()
	require.Equal(t, gitlabci.TestTotal{Time: 4.5, Count: 3, Success: 1, Failed: 1, Skipped: 1}, sum.Total)
	require.Len(t, sum.TestSuites, 3)
	for range tree.All() {
		break
	}
	for one := range tree.Pipelines() {
		if one.Pipeline.ID == 3 {
			break
		}
	}
}

func TestTreeBelowTheRoot(t *testing.T) {
	tree, err := treeServer().Client().Pipelines.Tree(t.Context(), gitlabci.ProjectNumber(2), 3)
	require.NoError(t, err)
	require.Equal(t, "3[31 32] (33: 1[11 12] (13: 2[21]) (14: 4[41]))", outline(tree), "3 is not below itself")
}

func TestTreeOfWhatMayNotBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		role gitlabcitest.Role // in group/lib
		want error
	}{
		"hidden":    {0, gitlabci.ErrNotFound},
		"forbidden": {gitlabcitest.RoleGuest, gitlabci.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			srv := treeServer()
			srv.Configure("group/lib", gitlabcitest.Settings{PrivateBuilds: true})
			srv.AddMember("group/app", "dev", gitlabcitest.RoleDeveloper)
			srv.AddMember("group/lib", "dev", test.role)
			client := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: "dev"})))
			tree, err := client.Pipelines.Tree(t.Context(), "group/app", 1)
			require.NoError(t, err)
			require.Equal(t, "1[11 12] (13: 2[21] (22: 3[])) (14: 4[])", outline(tree))
			for one := range tree.Pipelines() {
				if one.Pipeline.ID < 3 {
					require.NoError(t, one.Err)
					continue
				}
				require.ErrorIs(t, one.Err, test.want)
				require.ErrorIs(t, one.TestsErr, test.want)
				require.Nil(t, one.Tests)
				require.Equal(t, gitlabci.ProjectNumber(2), one.Pipeline.ProjectID, "as the trigger job tells")
				require.Equal(t, one.Trigger.DownstreamPipeline, &one.Pipeline.PipelineInfo)
			}
			require.Equal(t, 2, tree.TestReportSummary().Total.Count)

			_, err = client.Pipelines.Tree(t.Context(), gitlabci.ProjectNumber(2), 4)
			require.ErrorIs(t, err, test.want, "at the root it is fatal")
		})
	}
}

func TestTreeErrors(t *testing.T) {
	for name, fault := range map[string]gitlabcitest.Fault{
		"the root's jobs":         {Route: jobsRoute, Status: 403},
		"the root's trigger jobs": {Route: triggersRoute, Status: 403},
		"the root itself":         {Route: getRoute, Status: 403},
		"a child's jobs":          {Route: jobsRoute, Nth: 2, Status: 500},
		"a child's tests":         {Route: testsRoute, Nth: 2, Status: 502},
		"a revoked token":         {Route: triggersRoute, Nth: 2, Status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			srv := treeServer()
			srv.Fault(fault)
			tree, err := srv.Client(gitlabci.WithRetries(0)).Pipelines.Tree(t.Context(), "group/app", 1)
			require.Nil(t, tree)
			e := &gitlabci.APIError{}
			require.ErrorAs(t, err, &e)
			require.Equal(t, fault.Status, e.StatusCode, "and not that of those given up for it")
		})
	}
	srv := treeServer()
	_, err := srv.Client().Pipelines.Tree(t.Context(), "group/app", 99)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	_, err = srv.Client().Pipelines.Tree(t.Context(), "app", 1)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
}

// A failure does not wait for the other requests.
func TestTreeFailsImmediately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := treeServer()
		srv.Fault(gitlabcitest.Fault{Route: getRoute, Break: gitlabcitest.BreakStallHeader, Delay: time.Minute})
		srv.Fault(gitlabcitest.Fault{Route: triggersRoute, Status: 403})
		start := time.Now()
		_, err := srv.Client().Pipelines.Tree(t.Context(), "group/app", 1)
		require.ErrorIs(t, err, gitlabci.ErrForbidden)
		require.Zero(t, time.Since(start))
	})
}

// A part that may not be read leaves the others.
func TestTreeInPart(t *testing.T) {
	for route, part := range map[string]func(*gitlabci.PipelineTree) any{
		getRoute:      func(tree *gitlabci.PipelineTree) any { return tree.Pipeline.User },
		jobsRoute:     func(tree *gitlabci.PipelineTree) any { return tree.Jobs },
		triggersRoute: func(tree *gitlabci.PipelineTree) any { return tree.TriggerJobs },
		testsRoute:    func(tree *gitlabci.PipelineTree) any { return tree.Tests },
	} {
		srv := gitlabcitest.NewServer()
		child := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})
		child.AddJob(gitlabcitest.Job{})
		child.AddTriggerJob(gitlabcitest.Job{})
		root := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		root.AddTriggerJob(gitlabcitest.Job{Downstream: child})
		srv.Fault(gitlabcitest.Fault{Route: route, Nth: 2, Status: 403})
		tree, err := srv.Client().Pipelines.Tree(t.Context(), "group/app", root.ID)
		require.NoError(t, err)
		below := tree.Downstream[0]
		require.ErrorIs(t, below.Err, map[bool]error{false: gitlabci.ErrForbidden}[route == testsRoute], route)
		require.ErrorIs(t, below.TestsErr, map[bool]error{true: gitlabci.ErrForbidden}[route == testsRoute], route)
		require.Empty(t, part(below), route)
		require.Equal(t, child.ID, below.Pipeline.ID)
		missing := 0
		for _, there := range []bool{below.Pipeline.User != nil, len(below.Jobs) == 1, len(below.TriggerJobs) == 1, below.Tests != nil} {
			if !there {
				missing++
			}
		}
		require.Equal(t, 1, missing, route)
	}
}

// Job tokens read pipelines and jobs, and no tests.
func TestTreeByJobToken(t *testing.T) {
	srv := gitlabcitest.NewServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{TestReport: oneTest("unit", gitlabci.TestStatusFailed)})
	job := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	tree, err := srv.Client(gitlabci.WithJobToken(srv.JobToken(job.ID))).Pipelines.Tree(t.Context(), "group/app", p.ID)
	require.NoError(t, err)
	require.NoError(t, tree.Err)
	require.Error(t, tree.TestsErr)
	require.Nil(t, tree.Tests)
	require.Len(t, tree.Jobs, 1)
	require.Equal(t, &gitlabci.TestReportSummary{}, tree.TestReportSummary())
}

// Releases without project_id do not say where a pipeline is: children are found, others
// may not be. Those before 14.2 have no summaries.
func TestTreeOnOldServers(t *testing.T) {
	for _, release := range testkit.Releases {
		srv := treeServer(gitlabcitest.WithVersion(release))
		tree, err := srv.Client().Pipelines.Tree(t.Context(), "group/app", 1)
		require.NoError(t, err, release)
		child, wide := tree.Downstream[0], tree.Downstream[1]
		require.NoError(t, child.Err, release)
		require.Equal(t, []gitlabci.JobID{21}, jobIDs(child.Jobs), release)
		if wide.Trigger.DownstreamPipeline.ProjectID == "" {
			require.ErrorIs(t, wide.Err, gitlabci.ErrNotFound, release)
		} else {
			require.NoError(t, wide.Err, release)
		}
		if tree.TestsErr != nil {
			require.ErrorIs(t, tree.TestsErr, gitlabci.ErrNotFound, release)
		}
	}
}

// busyTree counts how many requests are in progress at the same time.
type busyTree struct {
	http.Handler
	now, most atomic.Int64
}

func (b *busyTree) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
	}
	select {
	case <-time.After(time.Second):
		b.Handler.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}

func TestTreeIsReadConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		root := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for range 10 {
			root.AddTriggerJob(gitlabcitest.Job{Downstream: srv.AddPipeline("group/app", gitlabcitest.Pipeline{Source: gitlabci.SourceParentPipeline})})
		}
		busy, network := &busyTree{Handler: srv}, memnet.Network{}
		network.Handle("localhost", busy)
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithToken(srv.Token()), gitlabci.WithTransport(network.Transport()))
		require.NoError(t, err)
		start := time.Now()
		tree, err := client.Pipelines.Tree(t.Context(), "group/app", root.ID)
		require.NoError(t, err)
		require.Len(t, tree.Downstream, 10)
		require.Equal(t, 6*time.Second, time.Since(start), "4 requests, then 40")
		require.EqualValues(t, 8, busy.most.Load())

		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start = time.Now()
		_, err = client.Pipelines.Tree(ctx, "group/app", root.ID)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2500*time.Millisecond, time.Since(start))
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = client.Pipelines.Tree(canceled, "group/app", root.ID)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestTreeThatIsTooLarge(t *testing.T) {
	var bridges []string
	for id := range 10_000 {
		bridges = append(bridges, fmt.Sprintf(`{"id":%d,"downstream_pipeline":{"id":%d,"project_id":1}}`, id+1, id+2))
	}
	requests := atomic.Int64{}
	srv := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch {
		case strings.HasSuffix(r.URL.Path, "/jobs"):
			testkit.Respond(200, `[]`)(w, r)
		case strings.HasSuffix(r.URL.Path, "/bridges"):
			testkit.Respond(200, "["+strings.Join(bridges, ",")+"]")(w, r)
		case strings.HasSuffix(r.URL.Path, "/test_report_summary"):
			testkit.Respond(200, `{"test_suites":[]}`)(w, r)
		default:
			testkit.Respond(200, `{"id":1}`)(w, r)
		}
	})
	_, err := srv.Client(t).Pipelines.Tree(t.Context(), "group/app", 1)
	require.EqualError(t, err, "gitlabci: pipeline 1 has more than 10000 pipelines below it")
	require.EqualValues(t, 4, requests.Load())
}

// A parent's summary can have the jobs of its children, too.
func TestTreeCountsTestsOnce(t *testing.T) {
	suite := func(name string, count int, jobs ...gitlabci.JobID) gitlabci.TestSuiteSummary {
		return gitlabci.TestSuiteSummary{Name: name, TotalCount: count, BuildIDs: jobs}
	}
	node := func(suites ...gitlabci.TestSuiteSummary) *gitlabci.PipelineTree {
		return &gitlabci.PipelineTree{Tests: &gitlabci.TestReportSummary{TestSuites: suites}}
	}
	root := node(suite("unit", 5, 1, 2), suite("of the same job", 1, 1))
	root.Downstream = []*gitlabci.PipelineTree{
		node(suite("unit", 2, 2), suite("ui", 10, 3), suite("no job is listed", 100), suite("no job is listed", 100)),
		{},
		node(suite("ui", 1000, 4), suite("in part", 10_000, 2, 5)),
	}
	sum := root.TestReportSummary()
	require.Equal(t, 5+1+10+200+1000+10_000, sum.Total.Count)
	require.Len(t, sum.TestSuites, 7)
}
