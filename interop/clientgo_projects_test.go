package interop_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestClientGoVersion(t *testing.T) {
	client := newClientGo(t, gitlabcitest.NewServer())
	version, response, err := client.Version.GetVersion()
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, &gitlab.Version{Version: "19.5.0", Revision: "0f4ce000"}, version)
	metadata, response, err := client.Metadata.GetMetadata()
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "19.5.0", metadata.Version)
	require.False(t, metadata.Enterprise)
}

func TestClientGoCurrentUser(t *testing.T) {
	user, response, err := newClientGo(t, gitlabcitest.NewServer()).Users.CurrentUser()
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "maya", user.Username)
	require.Equal(t, int64(1), user.ID)
	require.True(t, user.IsAdmin)
	require.NotNil(t, user.LastActivityOn)
}

func TestClientGoProjects(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for i := range 45 {
		srv.AddProject(fmt.Sprintf("group/lib-%d", i))
	}
	client := newClientGo(t, srv)
	for _, id := range []any{project, 1} {
		found, response, err := client.Projects.GetProject(id, nil)
		requireStatus(t, http.StatusOK, response, err)
		require.Equal(t, project, found.PathWithNamespace)
		require.Equal(t, "main", found.DefaultBranch)
		require.Equal(t, gitlab.OwnerPermissions, found.Permissions.ProjectAccess.AccessLevel)
		require.Equal(t, "group", found.Namespace.FullPath)
	}
	all, err := gitlab.ScanAndCollect(func(p gitlab.PaginationOptionFunc) ([]*gitlab.Project, *gitlab.Response, error) {
		return client.Projects.ListProjects(&gitlab.ListProjectsOptions{Membership: new(true)}, p)
	})
	require.NoError(t, err)
	require.Len(t, all, 46)
	keyset := &gitlab.ListProjectsOptions{ListOptions: gitlab.ListOptions{Pagination: "keyset", PerPage: 9, OrderBy: "id", Sort: "asc"}}
	byKey, err := gitlab.ScanAndCollect(func(p gitlab.PaginationOptionFunc) ([]*gitlab.Project, *gitlab.Response, error) {
		return client.Projects.ListProjects(keyset, p)
	})
	require.NoError(t, err)
	require.Len(t, byKey, 46)
	grouped, response, err := client.Groups.ListGroupProjects("group", &gitlab.ListGroupProjectsOptions{ListOptions: gitlab.ListOptions{PerPage: 100}, IncludeSubGroups: new(true), WithShared: new(false), Archived: new(false)})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, 46, int(response.TotalItems))
	require.Equal(t, project, grouped[len(grouped)-1].PathWithNamespace)
	_, _, err = client.Groups.ListGroupProjects("absent", nil)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
	_, _, err = client.Projects.GetProject("group/absent", nil)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
}

func TestClientGoRepository(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline(project, gitlabcitest.Pipeline{Ref: "feature/x", Status: gitlabci.StatusFailed})
	srv.AddRef(project, gitlabcitest.Ref{Name: "v1", Tag: true})
	client := newClientGo(t, srv)

	branch, response, err := client.Branches.GetBranch(project, "feature/x")
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, added.SHA, branch.Commit.ID)
	tag, response, err := client.Tags.GetTag(project, "v1")
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, tag.Target, tag.Commit.ID)
	for _, name := range []string{added.SHA, "feature/x"} {
		commit, response, err := client.Commits.GetCommit(project, name, nil)
		requireStatus(t, http.StatusOK, response, err)
		require.Equal(t, added.SHA, commit.ID)
		require.Equal(t, new(gitlab.Failed), commit.Status)
		require.Equal(t, int64(added.ID), commit.LastPipeline.ID)
	}
	srv.AddRef(project, gitlabcitest.Ref{Name: "v2", Tag: true, Message: "Second"})
	made := srv.AddCommit(project, gitlabcitest.Commit{Merges: "feature/x", Paths: []string{"a.md"}})
	branches, response, err := client.Branches.ListBranches(project, &gitlab.ListBranchesOptions{Search: new("^feat")})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, "feature/x", branches[0].Name)
	tags, response, err := client.Tags.ListTags(project, &gitlab.ListTagsOptions{OrderBy: new("version"), Sort: new("desc")})
	requireStatus(t, http.StatusOK, response, err)
	require.Equal(t, []string{"v2", "Second", "v1", ""}, []string{tags[0].Name, tags[0].Message, tags[1].Name, tags[1].Message})
	commits, response, err := client.Commits.ListCommits(project, &gitlab.ListCommitsOptions{Path: new("a.md"), FirstParent: new(true)})
	requireStatus(t, http.StatusOK, response, err)
	require.Len(t, commits, 1)
	require.Equal(t, made.SHA, commits[0].ID)
	require.Contains(t, commits[0].ParentIDs, added.SHA)
	_, _, err = client.Commits.GetCommit(project, "0000000", nil)
	require.ErrorIs(t, err, gitlab.ErrNotFound)
	_, _, err = client.Branches.GetBranch(project, "absent")
	require.ErrorIs(t, err, gitlab.ErrNotFound)
}
