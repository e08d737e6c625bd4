package gitlabcitest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

func getBranch(c *call, p *project) *answer {
	name := value[string](c, "branch")
	head := p.refs[name]
	if head == nil || head.kind != branchRef {
		return notFound("Branch Not Found")
	}
	return ok(c.renderer().branch(name, head, c.state.commit(p, head.sha), c.access))
}

func getTag(c *call, p *project) *answer {
	name := value[string](c, "tag_name")
	head := p.refs[name]
	if head == nil || head.kind != tagRef {
		return notFound("Tag Not Found")
	}
	return ok(c.renderer().tag(name, head, c.state.commit(p, head.sha)))
}

func getCommit(c *call, p *project) *answer {
	sha, found := p.revision(value[string](c, "sha"))
	if !found {
		return notFound("Commit Not Found")
	}
	return ok(c.renderer().commitWhole(c.state.commit(p, sha), c.access))
}

// A commit is what is known of one: what the first of its pipelines says.
type commit struct {
	project  *project
	sha, ref string
	author   *user
	created  time.Time
}

// commit is that of a pipeline.
func (p *pipeline) commit() commit {
	return commit{project: p.project, sha: p.sha, ref: p.ref, author: p.user, created: p.created}
}

// shortest is how many digits of a SHA tell a commit, as in GitLab's pages.
const shortest = 7

// revision is the SHA of the commit that a text names: a branch, a tag, or a
// SHA, which may be cut short.
func (p *project) revision(name string) (sha string, found bool) {
	if head := p.refs[name]; head != nil {
		return head.sha, true
	}
	for _, one := range slices.Backward(p.pipelines) {
		if names(name, one.sha) {
			return one.sha, true
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(p.refs)) {
		if head := p.refs[ref]; names(name, head.sha) {
			return head.sha, true
		}
	}
	return "", false
}

func names(text, sha string) bool {
	return text == sha || len(text) >= shortest && strings.HasPrefix(sha, text)
}

// commit is the commit with a SHA. One without pipelines is as old as the
// project, and its owner's.
func (s *state) commit(p *project, sha string) commit {
	for _, one := range p.pipelines {
		if one.sha == sha {
			return one.commit()
		}
	}
	found := commit{project: p, sha: sha, author: s.users[0], created: p.created}
	for _, name := range slices.Sorted(maps.Keys(p.refs)) {
		if p.refs[name].sha == sha {
			found.ref = name
			break
		}
	}
	return found
}

// newest is the newest pipeline of a commit that says something about it, or
// nil.
func (c commit) newest() *pipeline {
	for _, one := range slices.Backward(c.project.pipelines) {
		if one.sha == c.sha && !one.dangling() {
			return one
		}
	}
	return nil
}

func listMergeRequestParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "state", Parse: rack.OneOf("opened", "closed", "locked", "merged", "all"), Initial: "all"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "source_branch", Parse: rack.Text},
		rack.Param{Name: "target_branch", Parse: rack.Text},
	)
}

func listMergeRequests(c *call, p *project) *answer {
	fits := func(parameter, word string) bool {
		wanted := optional[string](c, parameter)
		return wanted == nil || *wanted == word
	}
	state := value[string](c, "state")
	var found []mergeRequest
	for _, one := range c.state.mergeRequests(p) {
		if (state == "all" || state == one.state()) && fits("source_branch", one.source) && fits("target_branch", p.branch) {
			found = append(found, one)
		}
	}
	if value[string](c, "sort") == "desc" {
		slices.Reverse(found)
	}
	part, header := numberedPage(c, found)
	return &answer{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().mergeRequest)}
}

// A mergeRequest is an open merge request into the default branch, as its refs
// imply it.
type mergeRequest struct {
	project          *project
	iid              int64
	sha, source      string
	author           *user
	created, updated time.Time
}

func (mergeRequest) state() string { return "opened" }

var mergeRequestRef = regexp.MustCompile(`^refs/merge-requests/(\d+)/(head|merge|train)$`)

// mergeRequestOf is the number of the merge request that a ref belongs to, or
// zero.
func mergeRequestOf(ref string) int64 {
	parts := mergeRequestRef.FindStringSubmatch(ref)
	if parts == nil {
		return 0
	}
	iid, _ := strconv.ParseInt(parts[1], 10, 64) // zero if it is too large for any
	return iid
}

// mergeRequests are those of which there is a ref, by number.
func (s *state) mergeRequests(p *project) []mergeRequest {
	known := map[int64]bool{}
	for name := range p.refs {
		if iid := mergeRequestOf(name); iid > 0 {
			known[iid] = true
		}
	}
	found := []mergeRequest{}
	for _, iid := range slices.Sorted(maps.Keys(known)) {
		found = append(found, s.mergeRequest(p, iid))
	}
	return found
}

func (s *state) mergeRequest(p *project, iid int64) mergeRequest {
	m := mergeRequest{project: p, iid: iid, author: s.users[0], created: p.created}
	for _, kind := range []string{"train", "merge", "head"} {
		if head := p.refs[fmt.Sprintf("refs/merge-requests/%d/%s", iid, kind)]; head != nil {
			m.sha = head.sha
		}
	}
	m.updated = m.created
	for _, one := range slices.Backward(p.pipelines) {
		if mergeRequestOf(one.ref) == iid {
			m.author, m.created = one.user, one.created
			m.updated = later(m.updated, one.updated)
		}
	}
	m.source = cmp.Or(p.branchAt(m.sha), fmt.Sprintf("merge-request-%d", iid))
	return m
}

// branchAt is a branch other than the default one whose head is a commit, or
// "".
func (p *project) branchAt(sha string) string {
	for _, name := range slices.Sorted(maps.Keys(p.refs)) {
		if r := p.refs[name]; r.kind == branchRef && r.sha == sha && name != p.branch {
			return name
		}
	}
	return ""
}
