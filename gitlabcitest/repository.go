package gitlabcitest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

func getBranch(c *call, p *project) *response {
	name := value[string](c, "branch")
	head := p.refs[name]
	if head == nil || head.kind != branchRef {
		return notFound("Branch Not Found")
	}
	return ok(c.renderer().branch(name, head, c.state.commit(p, head.sha), c.access))
}

func getTag(c *call, p *project) *response {
	name := value[string](c, "tag_name")
	head := p.refs[name]
	if head == nil || head.kind != tagRef {
		return notFound("Tag Not Found")
	}
	return ok(c.renderer().tag(name, head, c.state.commit(p, head.sha)))
}

func getCommit(c *call, p *project) *response {
	sha, found := p.revision(value[string](c, "sha"))
	if !found {
		return notFound("Commit Not Found")
	}
	one := c.state.commit(p, sha)
	if one.parents == nil {
		one.parents = c.state.mergeParents(p, sha)
	}
	return ok(c.renderer().commitWhole(one, c.access))
}

// A commit is what is known of one: what the first of its pipelines says.
type commit struct {
	project  *project
	sha, ref string
	author   *user
	created  time.Time

	// Of a commit that was added:
	parents, paths []string
	message        string
	number         int // among those that were added, from 1
}

// commit is that of a pipeline.
func (p *pipeline) commit() commit {
	if added := p.project.commits[p.sha]; added != nil {
		return *added
	}
	return commit{project: p.project, sha: p.sha, ref: p.ref, author: p.user, created: p.created}
}

// shortestSHA is how many digits of a SHA identify a commit, as in GitLab's pages.
const shortestSHA = 7

// revision is the SHA of the commit that a text names: a branch, a tag, or a
// SHA, which may be cut short.
func (p *project) revision(name string) (sha string, found bool) {
	if head := p.refs[name]; head != nil {
		return head.sha, true
	}
	for _, one := range slices.Backward(p.pipelines) {
		if matchesSHA(name, one.sha) {
			return one.sha, true
		}
	}
	for _, one := range p.commits {
		if matchesSHA(name, one.sha) {
			return one.sha, true
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(p.refs)) {
		if head := p.refs[ref]; matchesSHA(name, head.sha) {
			return head.sha, true
		}
	}
	return "", false
}

func matchesSHA(text, sha string) bool {
	return text == sha || len(text) >= shortestSHA && strings.HasPrefix(sha, text)
}

// commit is the commit with a SHA. A commit that was not added and has no pipelines is as
// old as the project, and belongs to its owner.
func (s *state) commit(p *project, sha string) commit {
	if added := p.commits[sha]; added != nil {
		return *added
	}
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
