package gitlabci

import (
	"context"
	"iter"
	"net/url"
	"strings"
	"time"
)

// BranchesService reads the branches of a repository. It is [Client.Branches].
//
// See https://docs.gitlab.com/api/branches/.
type BranchesService struct{ client *Client }

// A Branch is a branch with the commit that it points to.
type Branch struct {
	Name               string  `json:"name"`
	Commit             *Commit `json:"commit,omitzero"`
	Merged             bool    `json:"merged"` // into the default branch
	Protected          bool    `json:"protected"`
	DevelopersCanPush  bool    `json:"developers_can_push"`
	DevelopersCanMerge bool    `json:"developers_can_merge"`
	CanPush            bool    `json:"can_push"` // whether the token's owner may push
	Default            bool    `json:"default"`
	WebURL             string  `json:"web_url"`
}

// Get returns one branch. Its name is short, such as "main" or "feature/a".
//
//	GET /projects/:id/repository/branches/:branch
//
// See https://docs.gitlab.com/api/branches/#get-single-repository-branch.
// The error matches [ErrNotFound] if the project or the branch does not exist, or the token
// may not see it, and [ErrForbidden] if the repository is hidden from the token.
func (s *BranchesService) Get(ctx context.Context, project ProjectID, branch string) (*Branch, error) {
	path := at("projects", project, "repository", "branches", gitName{"branch", branch})
	return getSame(ctx, s.client, path, func(b *Branch) bool { return b.Name == branch })
}

// ListBranchesOptions narrows a list of branches. Nil lists all of them by name.
type ListBranchesOptions struct {
	ListOptions

	Search string      `url:"search,omitempty"` // a part of the name; "^a" is its beginning, "a$" its end
	Regex  string      `url:"regex,omitempty"`  // in the syntax of RE2; not beside Search
	Sort   BranchOrder `url:"sort,omitempty"`   // "" is [BranchOrderByName]
}

// A BranchOrder is what a list of branches is sorted by. The set is open.
type BranchOrder string

// The orders of branches.
const (
	BranchOrderByName           BranchOrder = "name_asc"
	BranchOrderLeastRecentFirst BranchOrder = "updated_asc"  // by the time of the commit
	BranchOrderMostRecentFirst  BranchOrder = "updated_desc" // by the time of the commit
)

// List returns one page of the branches of a repository.
//
//	GET /projects/:id/repository/branches
//
// See https://docs.gitlab.com/api/branches/#list-repository-branches.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] if the repository is hidden from the token, and [ErrInvalid] for a
// value that GitLab does not know.
func (s *BranchesService) List(ctx context.Context, project ProjectID, opts *ListBranchesOptions) (*Page[Branch], error) {
	return list(ctx, pagesAt[*Branch](s.client, at("projects", project, "repository", "branches")), opts)
}

// All ranges over the branches of a repository, page by page as the loop runs.
//
//	GET /projects/:id/repository/branches
//
// See https://docs.gitlab.com/api/branches/#list-repository-branches.
// It requests the pages of [BranchesService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered. No branch is yielded twice, and none is missed because others are
// created during the loop. If a branch is deleted, another can be missed; in a list by time,
// also if a branch moves to the end of the list.
func (s *BranchesService) All(ctx context.Context, project ProjectID, opts *ListBranchesOptions) iter.Seq2[*Branch, error] {
	return all(ctx, s.client, pagesAt[*Branch](s.client, at("projects", project, "repository", "branches")), opts)
}

// TagsService reads the tags of a repository. It is [Client.Tags].
//
// See https://docs.gitlab.com/api/tags/.
type TagsService struct{ client *Client }

// A Tag is a tag with the commit that it points to.
type Tag struct {
	Name      string      `json:"name"`
	Message   string      `json:"message,omitzero"` // "" unless the tag is annotated
	Target    string      `json:"target"`           // the SHA of the annotated tag or, without a message, of the commit
	Commit    *Commit     `json:"commit,omitzero"`
	Release   *TagRelease `json:"release,omitzero"`
	Protected bool        `json:"protected"`
	CreatedAt time.Time   `json:"created_at,omitzero"` // of an annotated tag, from GitLab 16.11
}

// A TagRelease is the release that a tag belongs to.
type TagRelease struct {
	TagName     string `json:"tag_name"`
	Description string `json:"description"`
}

// Get returns one tag. Its name is short, such as "v1.2".
//
//	GET /projects/:id/repository/tags/:tag_name
//
// See https://docs.gitlab.com/api/tags/#get-a-single-repository-tag.
// The error matches [ErrNotFound] if the project or the tag does not exist, or the token
// may not see it, and [ErrForbidden] if the repository is hidden from the token.
func (s *TagsService) Get(ctx context.Context, project ProjectID, tag string) (*Tag, error) {
	path := at("projects", project, "repository", "tags", gitName{"tag", tag})
	return getSame(ctx, s.client, path, func(t *Tag) bool { return t.Name == tag })
}

// ListTagsOptions narrows a list of tags. Nil lists all of them, the most recently changed
// first.
type ListTagsOptions struct {
	ListOptions

	Search  string   `url:"search,omitempty"`   // a part of the name; "^v1" is its beginning, "rc$" its end
	OrderBy TagOrder `url:"order_by,omitempty"` // "" is [TagOrderByUpdated]
	Sort    Sort     `url:"sort,omitempty"`     // "" is [SortDesc]
}

// A TagOrder is what a list of tags is sorted by. The set is open.
type TagOrder string

// The orders of tags.
const (
	TagOrderByName    TagOrder = "name"
	TagOrderByUpdated TagOrder = "updated" // the time of the tag or, without a message, of the commit
	TagOrderByVersion TagOrder = "version" // the numbers in the name, from GitLab 15.4
)

// List returns one page of the tags of a repository.
//
//	GET /projects/:id/repository/tags
//
// See https://docs.gitlab.com/api/tags/#list-project-repository-tags.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] if the repository is hidden from the token, and [ErrInvalid] for a
// value that GitLab does not know.
func (s *TagsService) List(ctx context.Context, project ProjectID, opts *ListTagsOptions) (*Page[Tag], error) {
	return list(ctx, pagesAt[*Tag](s.client, at("projects", project, "repository", "tags")), opts)
}

// All ranges over the tags of a repository, page by page as the loop runs.
//
//	GET /projects/:id/repository/tags
//
// See https://docs.gitlab.com/api/tags/#list-project-repository-tags.
// It requests the pages of [TagsService.List] with the same options and errors, by default
// of 100 items. The first error ends the loop; if a page fails, it is a [PageError].
//
// Pages are numbered. No tag is yielded twice, and none is missed because others are created
// during the loop. If a tag is deleted or moved, another can be missed.
func (s *TagsService) All(ctx context.Context, project ProjectID, opts *ListTagsOptions) iter.Seq2[*Tag, error] {
	return all(ctx, s.client, pagesAt[*Tag](s.client, at("projects", project, "repository", "tags")), opts)
}

// CommitsService reads the commits of a repository. It is [Client.Commits].
//
// See https://docs.gitlab.com/api/commits/.
type CommitsService struct{ client *Client }

// A CommitDetails is a commit with the fields that lists do not have.
type CommitDetails struct {
	Commit

	Stats        *CommitStats  `json:"stats,omitzero"`
	Status       Status        `json:"status,omitzero"` // of its pipelines; "" without any, or if the token may not see them
	ProjectID    ProjectID     `json:"project_id"`
	LastPipeline *PipelineInfo `json:"last_pipeline,omitzero"` // without a Name
}

// CommitStats count the lines that a commit changes.
type CommitStats struct {
	Additions int `json:"additions"`
	Deletions int `json:"deletions"`
	Total     int `json:"total"`
}

// Get returns one commit by its SHA, or at least seven digits of it, or by the name of a
// branch or a tag.
//
//	GET /projects/:id/repository/commits/:sha
//
// See https://docs.gitlab.com/api/commits/#get-a-single-commit.
// The error matches [ErrNotFound] if the project or the commit does not exist, or the token
// may not see it, and [ErrForbidden] if the repository is hidden from the token.
func (s *CommitsService) Get(ctx context.Context, project ProjectID, sha string) (*CommitDetails, error) {
	path := at("projects", project, "repository", "commits", commitName(sha))
	whole := fullSHA.MatchString(strings.ToLower(sha))
	return getSame(ctx, s.client, path, func(c *CommitDetails) bool { return !whole || strings.EqualFold(c.ID, sha) })
}

// ListCommitsOptions narrows a list of commits; filters add up. Nil lists those of the
// default branch, newest first.
type ListCommitsOptions struct {
	ListOptions

	RefName     string    `url:"ref_name,omitempty"` // a branch, a tag, a SHA, or a range such as "v1..v2"
	Since       time.Time `url:"since,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	Until       time.Time `url:"until,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	Path        string    `url:"path,omitempty"`         // only those that change this file, or files in this folder
	Author      string    `url:"author,omitempty"`       // a part of the name or the email address
	All         bool      `url:"all,omitempty"`          // of all branches and tags; RefName does not count
	FirstParent bool      `url:"first_parent,omitempty"` // of a merge, only those of the branch that was merged into
}

// List returns one page of commits. GitLab does not count them.
//
//	GET /projects/:id/repository/commits
//
// See https://docs.gitlab.com/api/commits/#list-repository-commits.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] if the repository is hidden from the token, and
// [errors.ErrUnsupported] if the server ignores Since or Until.
// The list of a branch that does not exist is empty.
func (s *CommitsService) List(ctx context.Context, project ProjectID, opts *ListCommitsOptions) (*Page[Commit], error) {
	return list(ctx, pagesAt[*Commit](s.client, at("projects", project, "repository", "commits")), opts)
}

// All ranges over commits, page by page as the loop runs.
//
//	GET /projects/:id/repository/commits
//
// See https://docs.gitlab.com/api/commits/#list-repository-commits.
// It requests the pages of [CommitsService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered. If RefName is a SHA, each commit is yielded exactly once. Otherwise, no
// commit is yielded twice, and none is missed because of new commits. If a push removes
// commits during the loop, others can be missed.
func (s *CommitsService) All(ctx context.Context, project ProjectID, opts *ListCommitsOptions) iter.Seq2[*Commit, error] {
	return all(ctx, s.client, pagesAt[*Commit](s.client, at("projects", project, "repository", "commits")), opts)
}

func (b *Branch) label() string { return "branch " + b.Name }
func (t *Tag) label() string    { return "tag " + t.Name }
func (c *Commit) label() string { return "commit " + c.ID }

func (b *Branch) missing() string { return missingName(b.Name) }
func (t *Tag) missing() string    { return missingName(t.Name) }

func (c *Commit) missing() string {
	if c.ID == "" {
		return "usable ID"
	}
	return ""
}

func (b *Branch) placeKey() int64 { return placeOfName(b.Name) }
func (t *Tag) placeKey() int64    { return placeOfName(t.Name) }
func (c *Commit) placeKey() int64 { return placeOfName(c.ID) }

// contradicts compares times as git does, by the second.
func (c *Commit) contradicts(query url.Values) (parameter, has string) {
	later := since("since", c.CommittedDate.Add(time.Second))
	later.has = timeText(c.CommittedDate)
	return mismatch(query, []filter{later, until("until", c.CommittedDate)})
}
