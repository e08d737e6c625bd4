package gitlabcitest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rows"
)

// A pipelineQuery narrows and orders a list of pipelines. Fields that are zero
// do not narrow it.
type pipelineQuery struct {
	scope, status, ref, sha, source, name, username string

	userName   string // what GitLab shows for the username
	children   bool   // whether the source parent_pipeline finds any
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
func (p *project) find(q pipelineQuery) rows.List[*pipeline] {
	found := rows.List[*pipeline]{All: p.parents, Fits: every(q.conditions(p)), FromEnd: !q.ascending}
	if q.children && q.source == string(gitlabci.SourceParentPipeline) {
		found.All = p.pipelines
	}
	column := columns[q.orderBy]
	if column == nil {
		return found
	}
	return rows.List[*pipeline]{All: q.order(slices.Collect(found.From(0)), column)}
}

// every is all conditions in one, nil if there are none.
func every(conditions []condition) func(*pipeline) bool {
	if len(conditions) == 0 {
		return nil
	}
	return func(p *pipeline) bool {
		for _, fits := range conditions {
			if !fits(p) {
				return false
			}
		}
		return true
	}
}

// conditions are no more than the query needs: each is checked for every
// pipeline there is.
func (q pipelineQuery) conditions(owner *project) (conditions []condition) {
	if q.scope != "" {
		conditions = append(conditions, owner.scope(q.scope))
	}
	if q.created != (span{}) || q.updated != (span{}) {
		conditions = append(conditions, func(p *pipeline) bool {
			return q.created.includes(p.created) && q.updated.includes(p.updated)
		})
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
	equal(q.userName, func(p *pipeline) string { return capitalized(p.user.username) })
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

// columns are what lists can be ordered by, other than ID.
var columns = map[string]func(a, b *pipeline) int{
	"status":     func(a, b *pipeline) int { return strings.Compare(string(a.status), string(b.status)) },
	"ref":        func(a, b *pipeline) int { return strings.Compare(a.ref, b.ref) },
	"updated_at": func(a, b *pipeline) int { return a.updated.Compare(b.updated) },
	"user_id":    func(a, b *pipeline) int { return cmp.Compare(a.user.id, b.user.id) },
}

// order sorts pipelines by a column, and then by ID, newest first.
func (q pipelineQuery) order(found []*pipeline, column func(a, b *pipeline) int) []*pipeline {
	slices.SortFunc(found, func(a, b *pipeline) int {
		by := column(a, b)
		if !q.ascending {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(b.id, a.id))
	})
	return found
}

// findMine lists the pipelines that u started in any project, by their time of
// creation.
func (s *state) findMine(u *user, q pipelineQuery) rows.Keyset[*pipeline] {
	q.username = u.username
	var found []*pipeline
	for _, p := range s.projects {
		found = slices.AppendSeq(found, p.find(q).From(0))
	}
	slices.SortFunc(found, func(a, b *pipeline) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id))
	})
	return rows.Keyset[*pipeline]{List: rows.List[*pipeline]{All: found, FromEnd: true}, CursorOf: pipelineCursor}
}

// findJobs lists the jobs of a project's pipelines by ID, superseded ones too.
// No ref is any, and so are no statuses.
func (p *project) findJobs(ref string, statuses []string) rows.Keyset[*job] {
	found := rows.Keyset[*job]{List: rows.List[*job]{All: p.jobs, FromEnd: true}, CursorOf: jobCursor}
	if ref != "" || len(statuses) > 0 {
		found.Fits = func(j *job) bool {
			return (ref == "" || j.pipeline.ref == ref) && (len(statuses) == 0 || slices.Contains(statuses, string(j.status)))
		}
	}
	return found
}

// findJobs lists the jobs or the trigger jobs of a pipeline, newest first. No
// statuses are all of them.
func (p *pipeline) findJobs(trigger, superseded bool, statuses []string) []*job {
	var found []*job
	for _, j := range slices.Backward(p.jobs) {
		wanted := j.external == nil && j.trigger == trigger && (superseded || !j.superseded)
		if wanted && (len(statuses) == 0 || slices.Contains(statuses, string(j.status))) {
			found = append(found, j)
		}
	}
	return found
}
