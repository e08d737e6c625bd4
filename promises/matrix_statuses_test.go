package promises_test

import (
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
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

// A statusCase is what 16 goroutines do at the same time with the statuses of one commit.
type statusCase struct {
	name      string
	names     int // of statuses
	states    []gitlabci.Status
	pipelines int           // of the commit, before
	takes     time.Duration // to set a status
}

func statusCases() []statusCase {
	ends := []gitlabci.Status{gitlabci.StatusSuccess}
	steps := []gitlabci.Status{gitlabci.StatusPending, gitlabci.StatusRunning, gitlabci.StatusFailed}
	return []statusCase{
		{"one name", 1, ends, 1, 0},
		{"one name, without a pipeline", 1, ends, 0, 0},
		{"one name, and the lease is taken", 1, ends, 0, 700 * time.Millisecond},
		{"all steps of many names", 16, steps, 2, 0},
		{"all steps of many names, without a pipeline", 16, steps, 0, 0},
		{"all steps of many names, and the lease is taken", 16, steps, 1, 900 * time.Millisecond},
	}
}

// Statuses.Set from 16 goroutines at the same time, while requests fail in every way of the
// matrix: one status per name, in the state that was set last, and no pipeline beside those
// that there are. A run tries a tenth of the faults with each case.
func TestConcurrentStatuses(t *testing.T) {
	t.Parallel()
	every := 10
	if testkit.UnderRace() {
		every = 4 // which is 32, and there are as many faults
	}
	for i, one := range statusCases() {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			for j, fault := range matrixFaults() {
				if !testkit.Sampled(i+j, every) {
					continue
				}
				t.Run(fault.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { one.run(t, fault) })
				})
			}
		})
	}
}

func (c statusCase) run(t *testing.T, fault matrixFault) {
	srv := gitlabcitest.NewServer()
	srv.Configure("group/app", gitlabcitest.Settings{StatusesTake: c.takes})
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "main", SHA: testkit.SHA})
	for range c.pipelines {
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA})
	}
	broken := fault.fault
	broken.Route, broken.Times = "POST /projects/:id/statuses/:sha", 4 // of the five tries of a call
	srv.Fault(broken)
	var network memnet.Network
	network.Handle("localhost", srv)
	transport := network.Transport()
	defer transport.CloseIdleConnections()
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(gitlabcitest.URL), gitlabci.WithToken(srv.Token()), gitlabci.WithTransport(transport))
	require.NoError(t, err)

	var calls sync.WaitGroup
	for i := range 16 {
		calls.Go(func() {
			for _, state := range c.states {
				c.set(t, client, fmt.Sprint("bot/", i%c.names), state, fault)
			}
		})
	}
	calls.Wait()
	c.check(t, client)
}

// set sets a status until GitLab has taken it. Faults that are refusals end.
func (c statusCase) set(t *testing.T, client *gitlabci.Client, name string, state gitlabci.Status, fault matrixFault) {
	for range 8 {
		status, err := client.Statuses.Set(t.Context(), "group/app", testkit.SHA, state, &gitlabci.SetStatusOptions{Name: name})
		if err == nil {
			require.Equal(t, name, status.Name)
			require.Equal(t, state, status.Status)
			return
		}
		if !errors.Is(err, fault.once) {
			require.NoError(t, err)
		}
	}
	require.Fail(t, "GitLab never took it", "%s %s", name, state)
}

func (c statusCase) check(t *testing.T, client *gitlabci.Client) {
	last := c.states[len(c.states)-1]
	var names []string
	for status, err := range client.Statuses.All(t.Context(), "group/app", testkit.SHA, &gitlabci.ListStatusesOptions{All: true}) {
		require.NoError(t, err)
		require.Equal(t, last, status.Status, status.Name)
		names = append(names, status.Name)
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), c.names)
	require.Len(t, names, c.names, "one status per name")
	pipelines, err := client.Pipelines.List(t.Context(), "group/app", nil)
	require.NoError(t, err)
	require.Len(t, pipelines.Items, max(1, c.pipelines), "no second pipeline")
	require.Equal(t, last, pipelines.Items[0].Status)
	if c.pipelines == 0 {
		require.Equal(t, gitlabci.SourceExternal, pipelines.Items[0].Source)
	}
}

// Two programs that set the same status at the same time do not know of one another. A
// status that has not ended is still one status.
func TestStatusesOfTwoPrograms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		srv.Configure("group/app", gitlabcitest.Settings{StatusesTake: time.Second})
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: testkit.SHA})
		srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/statuses/:sha", Status: http.StatusBadGateway, Executed: true, Nth: 2, Times: 4})
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				status, err := srv.Client().Statuses.Set(t.Context(), "group/app", testkit.SHA, gitlabci.StatusRunning, nil)
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusRunning, status.Status)
			})
		}
		calls.Wait()
		page, err := srv.Client().Statuses.List(t.Context(), "group/app", testkit.SHA, &gitlabci.ListStatusesOptions{All: true})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	})
}
