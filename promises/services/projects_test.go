package services_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/sub/lib")
	srv.Configure("group/sub/lib", gitlabcitest.Settings{Public: true, Topics: []string{"go"}, Archived: true})
	projects := srv.Client().Projects
	p, err := projects.Get(t.Context(), "group/sub/lib")
	require.NoError(t, err)
	require.Equal(t, []string{"2", "group/sub/lib", "main", "group/sub"}, []string{string(p.ID), p.PathWithNamespace, p.DefaultBranch, p.Namespace.FullPath})
	require.True(t, p.Archived)
	require.Equal(t, gitlabci.VisibilityPublic, p.Visibility)
	require.Equal(t, gitlabci.AccessLevelOwner, p.Permissions.ProjectAccess.AccessLevel)
	again, err := projects.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, p, again)
	_, err = projects.Get(t.Context(), "group/none")
	require.ErrorIs(t, err, gitlabci.ErrNotFound)

	srv.MoveProject("group/sub/lib", "group/lib")
	moved, err := projects.Get(t.Context(), "group/sub/lib")
	require.NoError(t, err)
	require.Equal(t, "group/lib", moved.PathWithNamespace)

	stranger := srv.AddToken(gitlabcitest.Token{Username: member(srv, gitlabcitest.RoleReporter)})
	page, err := srv.Client(gitlabci.WithToken(stranger)).Projects.List(t.Context(), &gitlabci.ListProjectsOptions{Membership: true})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, "group/app", page.Items[0].PathWithNamespace)
	_, err = projects.ListInGroup(t.Context(), "none", nil)
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	_, err = projects.ListInGroup(t.Context(), "", nil)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	_, err = projects.ListInGroup(t.Context(), "a//b", nil)
	require.EqualError(t, err, `gitlabci: GET /groups/:id/projects: group "a//b" has an empty part, a "." or a ".."`)
}

// A number is the project's: a response about another is none.
func TestProjectOfAnotherNumber(t *testing.T) {
	t.Parallel()
	client := testkit.NewScript(testkit.Respond(200, `{"id":8,"path_with_namespace":"group/app"}`)).Client(t)
	_, err := client.Projects.Get(t.Context(), gitlabci.ProjectNumber(7))
	require.ErrorContains(t, err, "it has the ID 8")
	p, err := client.Projects.Get(t.Context(), "group/app")
	require.NoError(t, err)
	require.EqualValues(t, "8", p.ID)
}

// manyProjects has projects group/p1 and so on, one created each second.
func manyProjects(n int, opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	for i := 1; i < n; i++ {
		time.Sleep(time.Second)
		srv.AddProject(fmt.Sprintf("group/p%d", i))
	}
	return srv
}

// By cursor, projects that come and go do not shift the pages. Old servers have none.
func TestAllProjects(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"19.5", "12.6"} {
		for _, sort := range []gitlabci.Sort{"", gitlabci.SortAsc} {
			synctest.Test(t, func(t *testing.T) {
				srv := manyProjects(30, gitlabcitest.WithVersion(release))
				opts := &gitlabci.ListProjectsOptions{ListOptions: gitlabci.ListOptions{PerPage: 4}, Sort: sort}
				yielded := map[gitlabci.ProjectID]int{}
				for p, err := range srv.Client().Projects.All(t.Context(), opts) {
					require.NoError(t, err)
					yielded[p.ID]++
					if n := len(yielded); n%3 == 0 && n < 30 {
						srv.AddProject(fmt.Sprintf("group/new%d", n))
					}
				}
				for n := range int64(30) {
					require.Equal(t, 1, yielded[gitlabci.ProjectNumber(n+1)], "%s %s %d", release, sort, n+1)
				}
				if release == "19.5" && sort == "" {
					require.Len(t, yielded, 30, "by cursor, none is read that began after the loop")
				}
			})
		}
	}
}

// A list by cursor continues after a failure, with its filters.
func TestAllProjectsContinue(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	for i := range 5 {
		srv.AddProject(fmt.Sprintf("group/p%d", i))
	}
	srv.Configure("group/p4", gitlabcitest.Settings{Archived: true})
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects", Nth: 2, Status: 400, Times: 1})
	opts := &gitlabci.ListProjectsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2, Prefetch: 1}, Archived: new(false), IDAfter: 1}
	ids := func() (ids []string, err error) {
		for p, err := range srv.Client().Projects.All(t.Context(), opts) {
			if err != nil {
				return ids, err
			}
			ids = append(ids, string(p.ID))
		}
		return ids, nil
	}
	first, err := ids()
	failed, ok := errors.AsType[*gitlabci.PageError](err)
	require.True(t, ok, err)
	opts = &gitlabci.ListProjectsOptions{ListOptions: gitlabci.ListOptions{After: failed.After}}
	rest, err := ids()
	require.NoError(t, err)
	require.Equal(t, [][]string{{"5", "4"}, {"3", "2"}}, [][]string{first, rest})
}

// A list by its last activity moves while it is read. An unchanged item is yielded once,
// and a changed one again.
func TestAllProjectsInGroupByActivity(t *testing.T) {
	t.Parallel()
	for _, prefetch := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			srv := manyProjects(30)
			opts := &gitlabci.ListGroupProjectsOptions{ListOptions: gitlabci.ListOptions{PerPage: 4, Prefetch: prefetch}, OrderBy: gitlabci.ProjectOrderByLastActivityAt}
			yielded := map[gitlabci.ProjectID][]time.Time{}
			changed := map[gitlabci.ProjectID]bool{}
			n := 0
			for p, err := range srv.Client().Projects.AllInGroup(t.Context(), "group", opts) {
				require.NoError(t, err)
				require.NotContains(t, yielded[p.ID], p.LastActivityAt, "as it was before")
				yielded[p.ID] = append(yielded[p.ID], p.LastActivityAt)
				if n++; n%3 == 0 && n < 40 {
					time.Sleep(time.Second)
					id := gitlabci.ProjectNumber(int64(1 + n*7%30))
					changed[id] = true
					srv.AddPipeline(string(id), gitlabcitest.Pipeline{})
				}
			}
			for n := range int64(30) {
				id := gitlabci.ProjectNumber(n + 1)
				require.True(t, changed[id] || len(yielded[id]) == 1, "%s: %d times", id, len(yielded[id]))
			}
		})
	}
}

// Projects join a group's list anywhere, as one that was moved into it.
func TestAllProjectsInGroupMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := manyProjects(30)
		for i := range 10 {
			srv.AddProject(fmt.Sprintf("other/p%d", i))
		}
		opts := &gitlabci.ListGroupProjectsOptions{ListOptions: gitlabci.ListOptions{PerPage: 4}}
		yielded, gone := map[gitlabci.ProjectID]int{}, map[gitlabci.ProjectID]bool{}
		n := 0
		for p, err := range srv.Client().Projects.AllInGroup(t.Context(), "group", opts) {
			require.NoError(t, err)
			yielded[p.ID]++
			if n++; n%4 == 1 && n < 32 { // one goes out behind the loop, and one comes in before it
				gone[p.ID] = true
				srv.MoveProject(string(p.ID), fmt.Sprintf("else/p%d", n))
				srv.MoveProject(fmt.Sprintf("other/p%d", n/4), fmt.Sprintf("group/joined%d", n))
			}
		}
		for n := range int64(30) {
			require.Equal(t, 1, yielded[gitlabci.ProjectNumber(n+1)], "project %d, which went: %t", n+1, gone[gitlabci.ProjectNumber(n+1)])
		}
	})
}

func TestProjectFiltersThatAServerIgnores(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer(gitlabcitest.WithVersion("13.6"))
	_, err := srv.Client().Projects.List(t.Context(), &gitlabci.ListProjectsOptions{Topic: "go"})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	srv = gitlabcitest.NewServer()
	srv.Configure("group/app", gitlabcitest.Settings{Archived: true, Topics: []string{"Go", "ci"}})
	for _, opts := range []*gitlabci.ListGroupProjectsOptions{
		{Archived: new(true)}, {Archived: new(true), Simple: true}, {Topic: "go"}, {Topic: "go,CI", Simple: true}, {Visibility: gitlabci.VisibilityPrivate},
	} {
		page, err := srv.Client().Projects.ListInGroup(t.Context(), "group", opts)
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	}
}
