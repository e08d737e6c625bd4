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

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

func listMergeRequestParams() []rack.Param {
	orders := []string{"created_at", "label_priority", "merged_at", "milestone_due", "popularity", "priority", "title", "updated_at"}
	return append(pageParams(),
		rack.Param{Name: "state", Parse: rack.OneOf("opened", "closed", "locked", "merged", "all"), Initial: "all"},
		rack.Param{Name: "order_by", Parse: rack.OneOf(orders...), Initial: "created_at"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
		rack.Param{Name: "source_branch", Parse: rack.Text},
		rack.Param{Name: "target_branch", Parse: rack.Text},
		rack.Param{Name: "author_username", Parse: rack.Text, Known: versions.Since(12, 10)}, // an estimate
		rack.Param{Name: "labels", Parse: rack.Text},
		rack.Param{Name: "iids", Parse: rack.Integers},
		rack.Param{Name: "search", Parse: rack.Text},
		rack.Param{Name: "created_after", Parse: rack.Moment},
		rack.Param{Name: "created_before", Parse: rack.Moment},
		rack.Param{Name: "updated_after", Parse: rack.Moment},
		rack.Param{Name: "updated_before", Parse: rack.Moment},
		rack.Param{Name: "view", Parse: rack.OneOf("simple")},
	)
}

func listMergeRequests(c *call, p *project) *response {
	found := slices.DeleteFunc(c.state.mergeRequests(p), func(m *mergeRequest) bool { return !c.wantsMergeRequest(m) })
	slices.SortStableFunc(found, func(a, b *mergeRequest) int {
		return cmp.Or(a.compare(b, value[string](c, "order_by")), cmp.Compare(a.iid, b.iid))
	})
	if value[string](c, "sort") == "desc" {
		slices.Reverse(found)
	}
	part, header := numberedPage(c, found)
	render := func(m *mergeRequest) any { return c.renderer().mergeRequest(m) }
	if c.has("view") {
		render = func(m *mergeRequest) any { return c.renderer().mergeRequestSimple(m) }
	}
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

// wantsMergeRequest is about the filters of a list.
func (c *call) wantsMergeRequest(m *mergeRequest) bool {
	for parameter, has := range map[string]string{"source_branch": m.source, "target_branch": m.target, "author_username": m.author.username} {
		if wanted := optional[string](c, parameter); wanted != nil && *wanted != has {
			return false
		}
	}
	state, iids := value[string](c, "state"), value[[]int64](c, "iids")
	switch {
	case state != "all" && state != m.state, len(iids) > 0 && !slices.Contains(iids, m.iid):
		return false
	case !strings.Contains(strings.ToLower(m.title), strings.ToLower(value[string](c, "search"))):
		return false
	}
	return m.isLabelled(value[string](c, "labels")) &&
		span{value[time.Time](c, "created_after"), value[time.Time](c, "created_before")}.includes(m.created) &&
		span{value[time.Time](c, "updated_after"), value[time.Time](c, "updated_before")}.includes(m.updated)
}

// isLabelled reports whether it has all labels, joined by commas.
func (m *mergeRequest) isLabelled(labels string) bool {
	if labels == "" {
		return true
	}
	for label := range strings.SplitSeq(labels, ",") {
		switch {
		case strings.EqualFold(label, "none") && len(m.labels) == 0, strings.EqualFold(label, "any") && len(m.labels) > 0:
		case !slices.Contains(m.labels, label):
			return false
		}
	}
	return true
}

// compare is about what lists are ordered by.
func (m *mergeRequest) compare(other *mergeRequest, by string) int {
	switch by {
	case "created_at":
		return m.created.Compare(other.created)
	case "updated_at":
		return m.updated.Compare(other.updated)
	case "title":
		return strings.Compare(m.title, other.title)
	}
	return 0
}

// onMergeRequest makes a handler of one that works on a merge request.
func onMergeRequest(handle func(*call, *mergeRequest) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		m := c.state.mergeRequest(owner, value[int64](c, "merge_request_iid"))
		if m == nil || !c.access.readCode() {
			return notFound("Not found")
		}
		return handle(c, m)
	})
}

func getMergeRequest(c *call, m *mergeRequest) *response {
	return ok(c.renderer().mergeRequestWhole(c, m))
}

func listMergeRequestPipelines(c *call, m *mergeRequest) *response {
	part, header := numberedPage(c, m.pipelines(c.user))
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().basic)}
}

// createMergeRequestPipelineParams has an estimate.
func createMergeRequestPipelineParams() []rack.Param {
	return []rack.Param{{Name: "async", Parse: rack.Boolean, Initial: "false", Known: versions.Since(16, 3)}}
}

func createMergeRequestPipeline(c *call, m *mergeRequest) *response {
	if m.state != opened || !m.from.accessOf(c.user).run() {
		return refuse(http.StatusMethodNotAllowed, "405 Method Not Allowed")
	}
	p := &pipeline{
		project: m.from, user: c.user, created: c.now, updated: c.now, of: m,
		ref: m.ref("head"), sha: m.sha, beforeSHA: noSHA, source: gitlabci.SourceMergeRequestEvent,
	}
	c.state.start(p)
	if value[bool](c, "async") {
		return &response{status: http.StatusAccepted}
	}
	return ok(c.renderer().whole(p))
}

// opened is the state of merge requests that can still be merged.
const opened = "opened"

// A mergeRequest is one that a test added, or that refs imply.
type mergeRequest struct {
	project          *project
	iid              int64
	from             *project // that has the source branch: a fork, or the project
	source, target   string   // branches
	sha              string   // of the head of the source branch
	heads            []string // that it has had so far, the last is sha
	state, title     string
	labels           []string
	draft            bool
	author           *user
	created, updated time.Time
}

// push moves the head.
func (m *mergeRequest) push(sha string, at time.Time) {
	if m.state != opened || m.sha == sha {
		return
	}
	m.sha, m.updated = sha, later(m.updated, at)
	m.heads = append(m.heads, sha)
	m.project.refs[m.ref("head")] = &ref{kind: otherRef, sha: sha}
}

// mergeParents are the parents of a commit that GitLab made by merging the head of a merge
// request into its target, or nil if it made none such.
func (s *state) mergeParents(p *project, sha string) []string {
	for _, m := range s.mergeRequests(p) {
		for _, head := range m.heads {
			if deriveSHA(m.ref("merge")+head, 0) == sha {
				return []string{p.headSHA(m.target), head}
			}
		}
		if p.headSHA(m.ref("merge")) == sha || p.headSHA(m.ref("train")) == sha {
			return []string{p.headSHA(m.target), m.sha}
		}
	}
	return nil
}

// ref is one of the refs of a merge request: its head, merge or train.
func (m *mergeRequest) ref(end string) string {
	return fmt.Sprintf("refs/merge-requests/%d/%s", m.iid, end)
}

// merged is the commit of the head merged into the target.
func (m *mergeRequest) merged() string { return deriveSHA(m.ref("merge")+m.sha, 0) }

// pipelines are those of the commits that it has had, as far as u may read them:
// first those that were started for it, then those of its branch, and the
// newest first of each kind.
func (m *mergeRequest) pipelines(u *user) []*pipeline {
	found := []*pipeline{}
	for _, owner := range slices.Compact([]*project{m.project, m.from}) {
		if !owner.accessOf(u).see() || !owner.accessOf(u).read() {
			continue
		}
		for _, p := range owner.parents {
			if m.has(p) {
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(a, b *pipeline) int {
		return cmp.Or(-compareBool(a.forMergeRequest(), b.forMergeRequest()), cmp.Compare(b.id, a.id))
	})
	return found
}

// compareBool puts false first.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// has reports whether a pipeline is one of the merge request's.
func (m *mergeRequest) has(p *pipeline) bool {
	switch {
	case p.of != nil:
		return p.of.project == m.project && p.of.iid == m.iid
	case p.project == m.project && mergeRequestOf(p.ref) == m.iid:
		return true
	}
	return p.project == m.from && p.ref == m.source && !p.tag && slices.Contains(m.heads, p.sha)
}

func (p *pipeline) forMergeRequest() bool { return p.source == gitlabci.SourceMergeRequestEvent }

// head is the pipeline of the head, nil if that has none yet.
func (m *mergeRequest) head(u *user) *pipeline {
	for _, p := range m.pipelines(u) {
		if p.sha == m.sha || p.of != nil && p.of.merged() == p.sha {
			return p
		}
	}
	return nil
}

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

// mergeRequests are those that were added, and those of which there is a ref,
// by number.
func (s *state) mergeRequests(p *project) []*mergeRequest {
	known := map[int64]bool{}
	for iid := range p.mergeRequests {
		known[iid] = true
	}
	for name := range p.refs {
		if iid := mergeRequestOf(name); iid > 0 {
			known[iid] = true
		}
	}
	found := []*mergeRequest{}
	for _, iid := range slices.Sorted(maps.Keys(known)) {
		found = append(found, s.mergeRequest(p, iid))
	}
	return found
}

// mergeRequest is the one of a number, or nil.
func (s *state) mergeRequest(p *project, iid int64) *mergeRequest {
	if m := p.mergeRequests[iid]; m != nil {
		return m
	}
	return s.impliedMergeRequest(p, iid)
}

// mergeRequestFor is the one that a pipeline was started for, or nil.
func (s *state) mergeRequestFor(p *pipeline) *mergeRequest {
	if p.of != nil || !p.forMergeRequest() {
		return p.of
	}
	return s.mergeRequest(p.project, mergeRequestOf(p.ref))
}

// impliedMergeRequest is an open merge request into the default branch, of which
// there is a ref, or nil.
func (s *state) impliedMergeRequest(p *project, iid int64) *mergeRequest {
	m := &mergeRequest{project: p, from: p, iid: iid, target: p.branch, state: opened, author: s.users[0], created: p.created}
	for _, end := range []string{"train", "merge", "head"} {
		if head := p.refs[m.ref(end)]; head != nil {
			m.sha = head.sha
		}
	}
	if m.sha == "" {
		return nil
	}
	m.updated = m.created
	for _, one := range slices.Backward(p.pipelines) {
		if mergeRequestOf(one.ref) == iid {
			m.author, m.created = one.user, one.created
			m.updated = later(m.updated, one.updated)
		}
	}
	m.source, m.heads = cmp.Or(p.branchAt(m.sha, p.branch), fmt.Sprintf("merge-request-%d", iid)), []string{m.sha}
	m.title = "Change " + m.source
	return m
}
