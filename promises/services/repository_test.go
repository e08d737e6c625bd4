package services_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestBranches(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	branches := srv.Client().Branches
	for _, name := range []string{"feature/a#b", "100%", "a?b=c&d", "ünicode", "release+1", "fix/ / space"} {
		head := srv.AddRef("group/app", gitlabcitest.Ref{Name: name, Protected: true})
		got, err := branches.Get(t.Context(), "group/app", name)
		require.NoError(t, err, name)
		require.Equal(t, []string{name, head.SHA}, []string{got.Name, got.Commit.ID})
		require.True(t, got.Protected)
	}
	page, err := branches.List(t.Context(), "group/app", &gitlabci.ListBranchesOptions{Search: "^f"})
	require.NoError(t, err)
	require.Equal(t, []string{"feature/a#b", "fix/ / space"}, []string{page.Items[0].Name, page.Items[1].Name})
	page, err = branches.List(t.Context(), "group/app", &gitlabci.ListBranchesOptions{Regex: `^\d+%$`})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	srv.AddCommit("group/app", gitlabcitest.Commit{Branch: "release+1", CreatedAt: time.Now().Add(time.Hour)})
	page, err = branches.List(t.Context(), "group/app", &gitlabci.ListBranchesOptions{Sort: gitlabci.BranchOrderMostRecentFirst})
	require.NoError(t, err)
	require.Equal(t, "release+1", page.Items[0].Name)
	_, err = branches.Get(t.Context(), "group/app", "none")
	require.ErrorIs(t, err, gitlabci.ErrNotFound)

	guest := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: member(srv, gitlabcitest.RoleGuest)})))
	_, err = guest.Branches.Get(t.Context(), "group/app", "main")
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	_, err = guest.Commits.List(t.Context(), "group/app", nil)
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
}

func TestTags(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	for _, name := range []string{"v1.9", "v1.10", "app/v2#1"} {
		srv.AddRef("group/app", gitlabcitest.Ref{Name: name, Tag: true})
	}
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "v3", Tag: true, Message: "Third"})
	tags := srv.Client().Tags
	got, err := tags.Get(t.Context(), "group/app", "app/v2#1")
	require.NoError(t, err)
	require.Equal(t, got.Commit.ID, got.Target)
	got, err = tags.Get(t.Context(), "group/app", "v3")
	require.NoError(t, err)
	require.Equal(t, "Third", got.Message)
	require.NotEqual(t, got.Commit.ID, got.Target)
	names := func(opts *gitlabci.ListTagsOptions) (names []string) {
		for tag, err := range tags.All(t.Context(), "group/app", opts) {
			require.NoError(t, err)
			names = append(names, tag.Name)
		}
		return names
	}
	require.Equal(t, []string{"v1.9", "v1.10"}, names(&gitlabci.ListTagsOptions{OrderBy: gitlabci.TagOrderByVersion, Sort: gitlabci.SortAsc, Search: "^v1"}))
	require.Equal(t, []string{"v3", "v1.9", "v1.10", "app/v2#1"}, names(&gitlabci.ListTagsOptions{OrderBy: gitlabci.TagOrderByName}))
	_, err = tags.Get(t.Context(), "group/app", "main")
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
	old := gitlabcitest.NewServer(gitlabcitest.WithVersion("15.3"))
	_, err = old.Client().Tags.List(t.Context(), "group/app", &gitlabci.ListTagsOptions{OrderBy: gitlabci.TagOrderByVersion})
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
}

// historyServer has a commit on main, one on the branch topic and one that merges both.
func historyServer() (srv *gitlabcitest.Server, first, topic, merge *gitlabcitest.Commit) {
	srv = gitlabcitest.NewServer()
	at := time.Date(2040, 3, 1, 12, 0, 0, 0, time.UTC)
	add := func(c gitlabcitest.Commit) *gitlabcitest.Commit {
		c.CreatedAt, at = at, at.Add(time.Minute)
		return srv.AddCommit("group/app", c)
	}
	first = add(gitlabcitest.Commit{Message: "First\n\nbody", Paths: []string{"docs/a.md"}})
	topic = add(gitlabcitest.Commit{Branch: "topic", Username: "noor"})
	merge = add(gitlabcitest.Commit{Merges: "topic"})
	return srv, first, topic, merge
}

func TestCommits(t *testing.T) {
	t.Parallel()
	srv, first, topic, merge := historyServer()
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{SHA: merge.SHA, Status: gitlabci.StatusFailed})
	commits := srv.Client().Commits
	for _, name := range []string{merge.SHA, merge.SHA[:8], "main"} {
		got, err := commits.Get(t.Context(), "group/app", name)
		require.NoError(t, err)
		require.Equal(t, merge.SHA, got.ID)
		require.Equal(t, []string{first.SHA, topic.SHA}, got.ParentIDs)
		require.Equal(t, p.ID, got.LastPipeline.ID)
		require.Equal(t, gitlabci.StatusFailed, got.Status)
	}
	got, err := commits.Get(t.Context(), "group/app", first.SHA)
	require.NoError(t, err)
	require.Equal(t, "First", got.Title)
	require.Nil(t, got.LastPipeline)
	_, err = commits.Get(t.Context(), "group/app", "0000000")
	require.ErrorIs(t, err, gitlabci.ErrNotFound)
}

func TestListCommits(t *testing.T) {
	t.Parallel()
	srv, first, topic, merge := historyServer()
	commits := srv.Client().Commits
	got, err := commits.Get(t.Context(), "group/app", first.SHA)
	require.NoError(t, err)
	root := got.ParentIDs[0]
	newest := first.CreatedAt.Add(time.Second)
	for name, test := range map[string]struct {
		opts *gitlabci.ListCommitsOptions
		want []string
	}{
		"default branch": {nil, []string{merge.SHA, topic.SHA, first.SHA, root}},
		"first parent":   {&gitlabci.ListCommitsOptions{FirstParent: true}, []string{merge.SHA, first.SHA, root}},
		"a branch":       {&gitlabci.ListCommitsOptions{RefName: "topic"}, []string{topic.SHA}},
		"a SHA":          {&gitlabci.ListCommitsOptions{RefName: first.SHA}, []string{first.SHA, root}},
		"a file":         {&gitlabci.ListCommitsOptions{Path: "docs"}, []string{first.SHA}},
		"an author":      {&gitlabci.ListCommitsOptions{Author: "noor@"}, []string{topic.SHA}},
		"all":            {&gitlabci.ListCommitsOptions{All: true}, []string{merge.SHA, topic.SHA, first.SHA, root}},
		"since":          {&gitlabci.ListCommitsOptions{Since: newest}, []string{merge.SHA, topic.SHA}},
		"since half":     {&gitlabci.ListCommitsOptions{Since: merge.CreatedAt.Add(time.Second / 2)}, []string{merge.SHA}}, // by the second
		"until":          {&gitlabci.ListCommitsOptions{Until: newest}, []string{first.SHA, root}},
		"no branch":      {&gitlabci.ListCommitsOptions{RefName: "none"}, nil},
	} {
		var listed []string
		for c, err := range commits.All(t.Context(), "group/app", test.opts) {
			require.NoError(t, err, name)
			listed = append(listed, c.ID)
		}
		require.Equal(t, test.want, listed, name)
	}
}

// Each item is yielded once while the repository changes: names and SHAs identify the
// items.
func TestAllOfARepositoryThatChanges(t *testing.T) {
	t.Parallel()
	srv := gitlabcitest.NewServer()
	for i := range 20 {
		srv.AddRef("group/app", gitlabcitest.Ref{Name: fmt.Sprintf("b%02d", i)})
		srv.AddRef("group/app", gitlabcitest.Ref{Name: fmt.Sprintf("v%02d", i), Tag: true})
		srv.AddCommit("group/app", gitlabcitest.Commit{})
	}
	client := srv.Client()
	head, err := client.Commits.Get(t.Context(), "group/app", "main")
	require.NoError(t, err)
	opts := gitlabci.ListOptions{PerPage: 3, Prefetch: 1}
	n := 0
	change := func() { // in front of all
		n++
		srv.AddRef("group/app", gitlabcitest.Ref{Name: fmt.Sprintf("a%d", n)})
		srv.AddRef("group/app", gitlabcitest.Ref{Name: fmt.Sprintf("w%d", n), Tag: true})
		srv.AddCommit("group/app", gitlabcitest.Commit{})
	}
	branches := changing(t, client.Branches.All(t.Context(), "group/app", &gitlabci.ListBranchesOptions{ListOptions: opts}), change, func(b *gitlabci.Branch) string { return b.Name })
	require.Subset(t, branches, []string{"b00", "b10", "b19", "main"})
	tags := changing(t, client.Tags.All(t.Context(), "group/app", &gitlabci.ListTagsOptions{ListOptions: opts, OrderBy: gitlabci.TagOrderByName}), change, func(b *gitlabci.Tag) string { return b.Name })
	require.Subset(t, tags, []string{"v00", "v10", "v19"})
	sha := func(c *gitlabci.Commit) string { return c.ID }
	require.Len(t, changing(t, client.Commits.All(t.Context(), "group/app", &gitlabci.ListCommitsOptions{ListOptions: opts, RefName: head.ID}), change, sha), 21)
	require.GreaterOrEqual(t, len(changing(t, client.Commits.All(t.Context(), "group/app", &gitlabci.ListCommitsOptions{ListOptions: opts}), change, sha)), 21)
}

// changing ranges over a list that changes with every fourth item, and requires that none is
// yielded twice.
func changing[T any](t *testing.T, list func(func(*T, error) bool), change func(), key func(*T) string) (keys []string) {
	t.Helper()
	seen := map[string]bool{}
	for item, err := range list {
		require.NoError(t, err)
		require.False(t, seen[key(item)], "%s is yielded twice", key(item))
		seen[key(item)] = true
		keys = append(keys, key(item))
		if len(keys)%4 == 0 && len(keys) < 20 {
			change()
		}
	}
	return keys
}

func TestRepositoryRefuses(t *testing.T) {
	t.Parallel()
	for want, call := range map[string]func(context.Context, *gitlabci.Client) error{
		`"" is not the name of a branch`: func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Branches.Get(ctx, "group/app", ""))
		},
		`"a/../b" is not the name of a branch`: func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Branches.Get(ctx, "group/app", "a/../b"))
		},
		`"v1\n" is not the name of a tag`: func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Tags.Get(ctx, "group/app", "v1\n"))
		},
		`"" is not the SHA of a commit`: func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Commits.Get(ctx, "group/app", ""))
		},
	} {
		s := testkit.NewScript(testkit.OK)
		err := call(t.Context(), s.Client(t))
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, want)
	}
	another := testkit.NewScript(testkit.Respond(200, `{"id":"`+testkit.SHA+`","name":"other"}`)).Client(t)
	_, err := another.Branches.Get(t.Context(), "group/app", "main")
	require.ErrorContains(t, err, "it is branch other")
	_, err = another.Commits.Get(t.Context(), "group/app", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	require.ErrorContains(t, err, "it is commit "+testkit.SHA)
}
