package services_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestEnvironments(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "review/a#b", State: gitlabci.EnvironmentStateStopped, ExternalURL: "https://a.example.com"})
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	job := p.AddJob(gitlabcitest.Job{Name: "deploy", Environment: "production"})
	p.AddJob(gitlabcitest.Job{Name: "again", Environment: "production", Status: gitlabci.StatusFailed})
	environments := srv.Client().Environments
	var names []string
	var production gitlabci.EnvironmentID
	for e, err := range environments.All(t.Context(), "group/app", nil) {
		require.NoError(t, err)
		require.Nil(t, e.LastDeployment)
		names, production = append(names, e.Name), e.ID
	}
	require.Equal(t, []string{"review/a#b", "production"}, names)
	e, err := environments.Get(t.Context(), "group/app", production)
	require.NoError(t, err)
	require.Equal(t, []string{"production", "production", "available"}, []string{e.Name, e.Tier, string(e.State)})
	require.Equal(t, job.ID, e.LastDeployment.Deployable.ID, "the last success")
	require.Nil(t, e.LastDeployment.Environment)
	_, err = environments.Get(t.Context(), "group/app", 99)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	guest := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: member(srv, gitlabcitest.RoleGuest)})))
	_, err = guest.Environments.List(t.Context(), "group/app", nil)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	_, err = guest.Deployments.Get(t.Context(), "group/app", 1)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
}

func TestListEnvironments(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "review/a#b", State: gitlabci.EnvironmentStateStopped})
	srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "production"})
	environments := srv.Client().Environments
	for want, opts := range map[string]*gitlabci.ListEnvironmentsOptions{
		"review/a#b": {States: gitlabci.EnvironmentStateStopped}, "production": {Name: "production", States: gitlabci.EnvironmentStateAvailable},
	} {
		page, err := environments.List(t.Context(), "group/app", opts)
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		require.Equal(t, want, page.Items[0].Name)
	}
	for _, opts := range []*gitlabci.ListEnvironmentsOptions{{Search: "pr"}, {Search: "prod", Name: "production"}} {
		_, err := environments.List(t.Context(), "group/app", opts)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
	}
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "staging", Status: gitlabci.DeploymentStatusFailed, CreatedAt: day(1), UpdatedAt: day(9)})
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "production", Ref: "b", CreatedAt: day(2), FinishedAt: day(5)})
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "production", Ref: "a", CreatedAt: day(3), FinishedAt: day(4)})
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Environment: "production", Status: gitlabci.StatusRunning})
	deployments := srv.Client().Deployments
	for name, test := range map[string]struct {
		opts *gitlabci.ListDeploymentsOptions
		want []gitlabci.DeploymentID
	}{
		"oldest first":   {nil, []gitlabci.DeploymentID{1, 2, 3, 4}},
		"newest first":   {&gitlabci.ListDeploymentsOptions{Sort: gitlabci.SortDesc}, []gitlabci.DeploymentID{4, 3, 2, 1}},
		"environment":    {&gitlabci.ListDeploymentsOptions{Environment: "production"}, []gitlabci.DeploymentID{2, 3, 4}},
		"status":         {&gitlabci.ListDeploymentsOptions{Status: gitlabci.DeploymentStatusRunning}, []gitlabci.DeploymentID{4}},
		"by ref":         {&gitlabci.ListDeploymentsOptions{OrderBy: gitlabci.DeploymentOrderByRef, Environment: "production", Status: gitlabci.DeploymentStatusSuccess}, []gitlabci.DeploymentID{3, 2}},
		"updated after":  {&gitlabci.ListDeploymentsOptions{UpdatedAfter: day(3)}, []gitlabci.DeploymentID{3, 1, 4}},
		"updated before": {&gitlabci.ListDeploymentsOptions{UpdatedBefore: day(3), Sort: gitlabci.SortDesc}, []gitlabci.DeploymentID{3, 2}},
		"finished after": {&gitlabci.ListDeploymentsOptions{FinishedAfter: day(4), Status: gitlabci.DeploymentStatusSuccess}, []gitlabci.DeploymentID{3, 2}},
	} {
		var ids []gitlabci.DeploymentID
		for d, err := range deployments.All(t.Context(), "group/app", test.opts) {
			require.NoError(t, err, name)
			ids = append(ids, d.ID)
		}
		require.Equal(t, test.want, ids, name)
	}
	d, err := deployments.Get(t.Context(), "group/app", 4)
	require.NoError(t, err)
	require.Equal(t, job.ID, d.Deployable.ID)
	require.Equal(t, "production", d.Environment.Name)
	_, err = deployments.Get(t.Context(), "group/app", 9)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}

// Requests that GitLab refuses, or in some releases does not execute as requested, are not
// sent.
func TestDeploymentsRefuse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for want, opts := range map[string]gitlabci.ListDeploymentsOptions{
		`need the OrderBy "updated_at", or none`:           {UpdatedAfter: at, OrderBy: gitlabci.DeploymentOrderByID},
		`need the OrderBy "finished_at", or none`:          {FinishedBefore: at, Status: gitlabci.DeploymentStatusSuccess, OrderBy: gitlabci.DeploymentOrderByUpdatedAt},
		`FinishedAfter and FinishedBefore need the Status`: {FinishedAfter: at},
		`OrderBy "finished_at" needs FinishedAfter`:        {OrderBy: gitlabci.DeploymentOrderByFinishedAt},
		`FinishedAfter or FinishedBefore is set as well`:   {UpdatedBefore: at, FinishedAfter: at, Status: gitlabci.DeploymentStatusSuccess},
	} {
		before := opts
		s := testkit.NewScript(testkit.Respond(200, `[]`))
		_, err := s.Client(t).Deployments.List(t.Context(), "group/app", &opts)
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, want)
		testkit.RequireNotSent(t, s, testkit.Drain(s.Client(t).Deployments.All(t.Context(), "group/app", &opts)))
		require.Equal(t, before, opts)
	}
	s := testkit.NewScript(testkit.Respond(200, `[]`))
	opts := &gitlabci.ListDeploymentsOptions{FinishedAfter: at, ListOptions: gitlabci.ListOptions{After: "page=2"}}
	_, err := s.Client(t).Deployments.List(t.Context(), "group/app", opts)
	require.NoError(t, err, "a cursor replaces all other options")
}

// deploying is a server whose jobs deploy, each to an environment of its own.
type deploying struct {
	srv  *gitlabcitest.Server
	jobs []gitlabci.JobID
	p    *gitlabcitest.Pipeline
}

func newDeploying(n int) *deploying {
	d := &deploying{srv: gitlabcitest.NewServer()}
	d.p = d.srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	for range n {
		d.add()
	}
	return d
}

func (d *deploying) add() {
	time.Sleep(time.Second)
	n := len(d.jobs)
	d.jobs = append(d.jobs, d.p.AddJob(gitlabcitest.Job{Name: fmt.Sprint(n), Environment: fmt.Sprintf("review/%d", n), Status: gitlabci.StatusRunning}).ID)
}

func TestAllDeploymentsWhileJobsDeploy(t *testing.T) {
	t.Parallel()
	for _, byUpdate := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDeploying(24)
			opts := &gitlabci.ListDeploymentsOptions{ListOptions: gitlabci.ListOptions{PerPage: 3}}
			if byUpdate {
				opts.UpdatedAfter = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
			}
			yielded, changed := map[gitlabci.JobID]int{}, map[gitlabci.JobID]bool{}
			n := 0
			for one, err := range d.srv.Client().Deployments.All(t.Context(), "group/app", opts) {
				require.NoError(t, err)
				yielded[one.Deployable.ID]++
				if n++; n%3 == 0 && n <= 24 {
					d.add()
					id := d.jobs[n*5%24]
					d.srv.SetJobStatus(id, gitlabci.StatusSuccess)
					changed[id] = byUpdate
				}
			}
			for _, id := range d.jobs[:24] {
				require.True(t, yielded[id] == 1 || yielded[id] > 1 && changed[id], "job %d: %d times", id, yielded[id])
			}
		})
	}
}

func TestAllEnvironmentsWhileJobsDeploy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDeploying(20)
		names := map[string]bool{}
		for e, err := range d.srv.Client().Environments.All(t.Context(), "group/app", &gitlabci.ListEnvironmentsOptions{ListOptions: gitlabci.ListOptions{PerPage: 5}}) {
			require.NoError(t, err)
			require.False(t, names[e.Name], "%s is yielded twice", e.Name)
			if names[e.Name] = true; len(names)%5 == 0 && len(names) < 20 {
				d.add()
			}
		}
		require.GreaterOrEqual(t, len(names), 20)
	})
}
