package gitlabcitest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
)

// A pipelineQuery narrows and orders a list of pipelines. Fields that are zero
// do not narrow it.
type pipelineQuery struct {
	scope, status, ref, sha, source, name, username string

	yamlErrors *bool
	created    span
	updated    span

	orderBy   string // "" is by ID
	ascending bool
}

// A span is the time from one moment to another, both included. A zero moment
// leaves it open.
type span struct{ from, to time.Time }

func (s span) includes(t time.Time) bool {
	return (s.from.IsZero() || !t.Before(s.from)) && (s.to.IsZero() || !t.After(s.to))
}

type condition func(*pipeline) bool

// find lists the pipelines of a project.
func (p *project) find(q pipelineQuery) []*pipeline {
	conditions := append(q.conditions(), p.scope(q.scope))
	found := make([]*pipeline, 0, len(p.pipelines))
	for _, one := range slices.Backward(p.pipelines) {
		if !slices.ContainsFunc(conditions, func(fits condition) bool { return !fits(one) }) {
			found = append(found, one)
		}
	}
	q.order(found)
	return found
}

func (q pipelineQuery) conditions() []condition {
	conditions := []condition{
		func(p *pipeline) bool { return !p.child() || q.source == string(gitlabci.SourceParentPipeline) },
		func(p *pipeline) bool { return q.created.includes(p.created) && q.updated.includes(p.updated) },
	}
	equal := func(want string, of func(*pipeline) string) {
		if want != "" {
			conditions = append(conditions, func(p *pipeline) bool { return of(p) == want })
		}
	}
	equal(q.status, func(p *pipeline) string { return string(p.status) })
	equal(q.source, func(p *pipeline) string { return string(p.source) })
	equal(q.ref, func(p *pipeline) string { return p.ref })
	equal(q.sha, func(p *pipeline) string { return p.sha })
	equal(q.name, func(p *pipeline) string { return p.name })
	equal(q.username, func(p *pipeline) string { return p.user.username })
	if q.yamlErrors != nil {
		conditions = append(conditions, func(p *pipeline) bool { return (p.yamlErrors != "") == *q.yamlErrors })
	}
	return conditions
}

// scope is the condition of a scope of GitLab's.
func (p *project) scope(word string) condition {
	statuses := map[string][]gitlabci.Status{
		"running":  {gitlabci.StatusRunning},
		"pending":  {gitlabci.StatusPending},
		"finished": {gitlabci.StatusSuccess, gitlabci.StatusFailed, gitlabci.StatusCanceled},
	}
	switch word {
	case "":
		return func(*pipeline) bool { return true }
	case "branches":
		return p.newestOf(branchRef)
	case "tags":
		return p.newestOf(tagRef)
	}
	return func(one *pipeline) bool { return slices.Contains(statuses[word], one.status) }
}

// newestOf picks the newest pipeline of each branch or tag, before any other
// condition.
func (p *project) newestOf(kind refKind) condition {
	newest := map[string]*pipeline{}
	for _, one := range p.pipelines {
		if r := p.refs[one.ref]; r != nil && r.kind == kind && one.tag == (kind == tagRef) && !one.child() {
			newest[one.ref] = one
		}
	}
	return func(one *pipeline) bool { return newest[one.ref] == one }
}

// order sorts pipelines that come by ID, newest first.
func (q pipelineQuery) order(found []*pipeline) {
	columns := map[string]func(a, b *pipeline) int{
		"status":     func(a, b *pipeline) int { return strings.Compare(string(a.status), string(b.status)) },
		"ref":        func(a, b *pipeline) int { return strings.Compare(a.ref, b.ref) },
		"updated_at": func(a, b *pipeline) int { return a.updated.Compare(b.updated) },
		"user_id":    func(a, b *pipeline) int { return cmp.Compare(a.user.id, b.user.id) },
	}
	column := columns[q.orderBy]
	if column == nil {
		if q.ascending {
			slices.Reverse(found)
		}
		return
	}
	slices.SortFunc(found, func(a, b *pipeline) int {
		by := column(a, b)
		if !q.ascending {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(b.id, a.id))
	})
}

// findMine lists the pipelines that u started in any project, newest first.
func (s *state) findMine(u *user, q pipelineQuery) []*pipeline {
	q.username = u.username
	var found []*pipeline
	for _, p := range s.projects {
		found = append(found, p.find(q)...)
	}
	slices.SortFunc(found, newestFirst)
	return found
}

// newestFirst compares by time of creation, and then by ID.
func newestFirst(a, b *pipeline) int {
	return cmp.Or(b.created.Compare(a.created), cmp.Compare(b.id, a.id))
}

// findJobs lists the jobs of a project's pipelines, newest first, superseded
// ones too. No ref is any.
func (p *project) findJobs(ref string, statuses []string) (found []*job) {
	for _, one := range p.pipelines {
		if ref == "" || one.ref == ref {
			found = append(found, one.findJobs(false, true, statuses)...)
		}
	}
	slices.SortFunc(found, func(a, b *job) int { return cmp.Compare(b.id, a.id) })
	return found
}

// findJobs lists the jobs or the trigger jobs of a pipeline, newest first. No
// statuses are all of them.
func (p *pipeline) findJobs(trigger, superseded bool, statuses []string) []*job {
	var found []*job
	for _, j := range slices.Backward(p.jobs) {
		wanted := j.trigger == trigger && (superseded || !j.superseded)
		if wanted && (len(statuses) == 0 || slices.Contains(statuses, string(j.status))) {
			found = append(found, j)
		}
	}
	return found
}
